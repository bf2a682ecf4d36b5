"""Pin all requirements anew from the ``requirements.in`` files, for all systems.

usage: python scripts/lock.py [--newest]

--newest moves also what requirements.in holds at one release: what will the next ones break?
``book/requirements.txt``: the tools of the site. ``requirements.txt``: what chapters run on, with
the former included; a change here executes every chapter again. ``tests/requirements.txt``: the
tests. ``benchmarks/requirements.txt``: the libraries that only the benchmarks compare with.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from book import ROOT, run, say

COMMAND = [
    *[sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--upgrade"],
    *["--python-version", "3.11", "--no-header", "--no-annotate"],
]
FILES = ("book/requirements", "requirements", "tests/requirements", "benchmarks/requirements")
INCLUDE = {"requirements.txt": "-r book/requirements.txt\n"}


def held() -> str:
    """The packages that requirements.in holds at one release, by their names alone."""
    text = (ROOT / "requirements.in").read_text("utf-8")
    return "\n".join(re.findall(r"^([\w.-]+)==", text, re.M))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--newest", action="store_true")
    newest = parser.parse_args().newest
    with tempfile.TemporaryDirectory() as folder:
        overrides = Path(folder, "overrides.txt")
        overrides.write_text(held() if newest else "")
        return lock(["--override", str(overrides)])


def lock(options: list[str]) -> int:
    for name in FILES:
        line = [*COMMAND, *options, f"{name}.in"]
        pins = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
        if pins.returncode:
            say(pins.stderr)
            return 1
        (ROOT / f"{name}.txt").write_text(INCLUDE.get(f"{name}.txt", "") + pins.stdout)
        say(f"{name}.txt: {len(pins.stdout.splitlines())} packages")
    return 0


if __name__ == "__main__":
    run(main)
