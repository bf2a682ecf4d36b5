"""Test the library with the oldest or the newest releases that pyproject.toml allows.

usage: python scripts/library.py oldest|newest

In an environment of its own, `_build/library/oldest` or `newest`, made anew each time. Needs only
Python and a package index.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import venv

from environment import INSTALLER, ROOT, call

RESOLUTION = {"oldest": "lowest-direct", "newest": "highest"}
# the tests that need nothing of the book, but what runs a notebook
TOOLS = ["ipykernel", "nbclient"]
TESTS = [
    "iip_lib",
    *(f"tests/{name}" for name in ("data", "models", "ops", "train")),
    *(f"tests/test_{name}.py" for name in ("explain", "rooms", "viz")),
]


def packages_of_tests() -> list[str]:
    """What the tests need. The constraints in tests/requirements.in are the book's own pins."""
    lines = (ROOT / "tests" / "requirements.in").read_text("utf-8").splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    named = [line for line in lines if line.strip() and not line.startswith(("#", "-"))]
    # a test builds the wheel, and so needs what builds it
    return [*named, *project["build-system"]["requires"], *TOOLS]


def install(releases: str) -> str:
    """Make the environment; returns its Python."""
    folder = ROOT / "_build" / "library" / releases
    venv.create(folder, clear=True, with_pip=True)
    inside = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    python = str(folder.joinpath(*inside))
    call(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", INSTALLER)
    uv = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python]
    call(*uv, "--resolution", RESOLUTION[releases], "--editable", ".")
    # uv leaves what is there where a package is content with it, so the oldest stay the oldest
    call(*uv, *packages_of_tests())
    return python


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in RESOLUTION:
        sys.exit(__doc__)
    python = install(sys.argv[1])
    print(f"\nthe library with the {sys.argv[1]} releases:", flush=True)
    call(python, "-m", "uv", "pip", "list", "--python", python)
    command = [python, "-m", "pytest", "-q", "-m", "not slow", *TESTS]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
