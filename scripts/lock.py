"""Pin all requirements anew from the ``requirements.in`` files, for all systems.

usage: python scripts/lock.py

``book/requirements.txt``: the tools of the site. ``requirements.txt``: what chapters run on, with
the former included; a change here executes every chapter again. ``tests/requirements.txt``: the
tests. ``benchmarks/requirements.txt``: the libraries that only the benchmarks compare with.
"""

from __future__ import annotations

import subprocess
import sys

from book import ROOT, run, say

COMMAND = [
    *[sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--upgrade"],
    *["--python-version", "3.11", "--no-header", "--no-annotate"],
]
FILES = ("book/requirements", "requirements", "tests/requirements", "benchmarks/requirements")
INCLUDE = {"requirements.txt": "-r book/requirements.txt\n"}


def main() -> int:
    for name in FILES:
        line = [*COMMAND, f"{name}.in"]
        pins = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
        if pins.returncode:
            say(pins.stderr)
            return 1
        (ROOT / f"{name}.txt").write_text(INCLUDE.get(f"{name}.txt", "") + pins.stdout)
        say(f"{name}.txt: {len(pins.stdout.splitlines())} packages")
    return 0


if __name__ == "__main__":
    run(main)
