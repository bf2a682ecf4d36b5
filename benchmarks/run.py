"""Run the benchmarks one after the other, each in a process of its own.

What each measures, its own --help says: python benchmarks/fit.py --help. The times are worth
something on a machine that does nothing else.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from measure import parser

BENCHMARKS = ("imports", "data", "explain", "fit")


def main() -> int:
    line = parser(__doc__)
    line.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all without a name"
    )
    chosen = line.parse_args()
    for name in chosen.names:
        if name not in BENCHMARKS:
            line.error(f"there is no benchmark {name!r}: choose of {', '.join(BENCHMARKS)}")
    failed = []
    for name in chosen.names or BENCHMARKS:
        print(f"\n## {name}\n", flush=True)
        command = [sys.executable, str(Path(__file__).with_name(f"{name}.py"))]
        command += ["--rounds", str(chosen.rounds), *["--quick"] * chosen.quick]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
