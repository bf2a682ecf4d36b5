"""Make the environment that a command needs, then run the command in it.

usage: python scripts/environment.py LEVEL SCRIPT [ARGUMENT ...]

LEVEL says how much is installed into ``.venv``:
  site   the tools of the site alone: enough to preview a page without executing it
  book   also what the chapters run on
  test   also what the tests need
  bench  also what the benchmarks compare with

Needs Python 3.11 or newer, nothing else. What is there already is not installed again. SCRIPT is a
Python file, or the name of a module or program in the environment.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
INSTALLER = "uv==0.13.8"  # downloads in parallel: 16 s for the book, where pip took 89 s
LEVELS = {
    "site": ["book/requirements.txt"],
    "book": ["requirements.txt"],
    "test": ["requirements.txt", "tests/requirements.txt"],
    "bench": ["requirements.txt", "tests/requirements.txt", "benchmarks/requirements.txt"],
}


def fingerprint(level: str) -> str:
    """Changes when the requirements of a level, the library's settings or the Python change."""
    total = hashlib.sha256(f"{sys.version_info[:3]} {ROOT}".encode())
    files = {"book/requirements.txt", "book/package-lock.json", *LEVELS[level]}
    if level != "site":
        files.add("pyproject.toml")
    for name in sorted(files):
        total.update((ROOT / name).read_bytes())
    return total.hexdigest()


def installed(level: str) -> bool:
    """Whether this level, or one that holds it, is there in its present state."""
    if not PYTHON.exists():
        return False
    higher = list(LEVELS)[list(LEVELS).index(level) :]
    return any(
        (VENV / f".{name}").exists() and (VENV / f".{name}").read_text() == fingerprint(name)
        for name in higher
    )


def call(*command: str | Path, environment: dict | None = None) -> None:
    code = subprocess.run(
        [str(c) for c in command], cwd=ROOT, env=environment, check=False
    ).returncode
    if code:
        line = " ".join(str(c) for c in command)
        sys.exit(f"\nsetting up failed at: {line}\nis the package index within reach? try again")


def install(level: str) -> None:
    start = time.perf_counter()
    print(
        f"setting up .venv for {level!r} (only the first time; this downloads packages)", flush=True
    )
    if not PYTHON.exists():
        call(sys.executable, "-m", "venv", VENV)
    call(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", INSTALLER)
    environment = dict(os.environ, VIRTUAL_ENV=str(VENV))
    uv = [PYTHON, "-m", "uv", "pip", "install", "--quiet", "--python", PYTHON]
    if os.environ.get("PYTHONDONTWRITEBYTECODE"):
        # else each program would compile all that it imports again, which takes longer than its work
        uv.append("--compile-bytecode")
    call(*uv, *[part for name in LEVELS[level] for part in ("-r", name)], environment=environment)
    if level != "site":
        call(*uv, "--no-deps", "--no-build-isolation", "--editable", ".", environment=environment)
    call(PYTHON, "book/_ext/formulas.py")  # style sheet and fonts: later builds need no network
    (VENV / f".{level}").write_text(fingerprint(level))
    print(f"set up in {time.perf_counter() - start:.0f} s", flush=True)


def main() -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 (said here in one sentence, not by a traceback)
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            f"this is Python {found}; Python 3.11 or newer is needed (make PYTHON=python3.12 ...)"
        )
    if len(sys.argv) < 2 or sys.argv[1] not in LEVELS:
        sys.exit(__doc__)
    level, command = sys.argv[1], sys.argv[2:]
    if not installed(level):
        install(level)
    if not command:
        return 0
    module = [] if command[0].endswith(".py") else ["-m"]
    line = [str(PYTHON), *module, *command]
    environment = dict(os.environ, VIRTUAL_ENV=str(VENV))
    environment["PATH"] = f"{BIN}{os.pathsep}{environment.get('PATH', '')}"
    try:
        return subprocess.run(line, cwd=ROOT, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
