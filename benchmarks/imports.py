"""How long `import` takes: torch, iip_lib, each of its rooms, and the libraries behind them.

Each import is made in a process of its own, which measures it; that Python itself starts is not
counted. A round that does not count comes first, so that all files have been read and compiled.
"""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib.util import find_spec

from measure import ABSENT, arguments, print_machine, print_table, race, summary

import iip_lib

LIBRARIES = (
    "matplotlib.pyplot",
    "sklearn.linear_model",
    "torchvision",
    "accelerate",
    "torchmetrics",
    "captum.attr",
    "torchcam.methods",
    "lightning",
)


def import_time(modules: str) -> tuple[float, None]:
    """Seconds that ``import modules`` takes in a new process."""
    code = (
        f"import time; start = time.perf_counter(); import {modules}; "
        f"print(time.perf_counter() - start)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True, check=True
    )
    return float(done.stdout.split()[-1]), None


def installed(module: str) -> bool:
    return find_spec(module.partition(".")[0]) is not None


def main() -> None:
    options = arguments(__doc__)
    print_machine("torchvision", "accelerate", "torchmetrics", "matplotlib", "captum", "lightning")
    rooms = [f"iip_lib.{room.name}" for room in pkgutil.iter_modules(iip_lib.__path__)]
    all_rooms = ", ".join(rooms)
    modules = ["torch", "iip_lib"]
    if not options.quick:
        modules += [*rooms, all_rooms, *LIBRARIES]
    seconds, _ = race({m: m for m in modules if installed(m)}, options.rounds, clock=import_time)
    rows = []
    for module in modules:
        name = "all rooms of iip_lib" if module == all_rooms else module
        if module in seconds:
            rows.append([name, *summary(seconds[module], seconds["torch"], scale=1000)])
        else:
            rows.append([f"{name}: {ABSENT}", "–", "–", "–"])
    print_table(["import", "ms", "quartiles", "× torch"], rows)


if __name__ == "__main__":
    main()
