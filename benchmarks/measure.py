"""What the benchmarks share: contestants measured side by side, the machine, the table.

Each round runs every contestant once, in an order that changes, so that a machine that is slow for
a while is slow for all of them. ``torch.utils.benchmark`` measures one contestant after the other:
what the machine does meanwhile would go into the comparison.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib.metadata
import os
import platform
import random
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy
from tqdm import tqdm

# torch is imported where it is used: `--help` needs none, and run.py neither.
if TYPE_CHECKING:
    from torch import Tensor

# Whoever looks for an accelerator finds none: what is compared is Python around the same kernels.
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["ACCELERATE_USE_CPU"] = "true"

ABSENT = "not installed (`make bench` installs it)"


def parser(text: str) -> argparse.ArgumentParser:
    """The options that every benchmark has; `text` is what ``--help`` says first."""
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="a tiny run, to see that everything works"
    )
    parser.add_argument(
        "--rounds",
        type=_rounds,
        default=7,
        help="how often each contestant is measured (default: %(default)s; with --quick, 1)",
    )
    return parser


def _rounds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"it is {text!r}, but a whole number of at least 1 is needed: try --rounds 7"
        )
    return int(text)


def arguments(text: str) -> argparse.Namespace:
    """What was chosen on the command line."""
    chosen = parser(text).parse_args()
    if chosen.quick:
        chosen.rounds = 1
    return chosen


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """What is printed inside goes to nowhere; warnings are left out."""
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
        warnings.catch_warnings(action="ignore"),
    ):
        yield


def timed(task: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that a call took, and what it gave."""
    with silence():
        start = time.perf_counter()
        result = task()
        return time.perf_counter() - start, result


def race(
    contestants: Mapping[str, Any],
    rounds: int,
    clock: Callable[[Any], tuple[float, Any]] = timed,
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds of each contestant in each round, and what each gave at last.

    A round that does not count comes first: it loads what is loaded late.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    results = {}
    for number in tqdm(range(rounds + 1), desc="rounds", leave=False):
        for name in random.Random(number).sample(list(contestants), len(contestants)):
            gc.collect()
            duration, results[name] = clock(contestants[name])
            if number:
                seconds[name].append(duration)
    return seconds, results


def summary(
    values: Sequence[float], reference: Sequence[float], *, scale: float = 1.0, digits: int = 1
) -> list[str]:
    """Cells: median, quartiles, and the median over the rounds of the ratio to the reference."""
    low, middle, high = (
        f"{scale * value:,.{digits}f}" for value in numpy.quantile(values, [0.25, 0.5, 0.75])
    )
    ratio = numpy.median(numpy.divide(values, reference))
    return [middle, f"{low} – {high}", f"{ratio:.3f}"]


def difference(value: Tensor, reference: Tensor) -> str:
    """The largest difference, as a share of the largest value; in a word where there is none."""
    import torch

    if torch.equal(value, reference):
        return "equal"
    return f"{(value - reference).abs().max() / reference.abs().max():.0e}"


def print_machine(*packages: str) -> None:
    """On what the numbers were measured, and how busy it was."""
    import torch

    versions = [f"Python {platform.python_version()}"]
    for package in ("torch", *packages):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    print(
        f"{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads of torch, "
        f"load {load} before the start\n{', '.join(versions)}\n",
        flush=True,
    )


def _processor() -> str:
    """The processor's name: Linux keeps it in a file."""
    table = Path("/proc/cpuinfo")
    if table.exists():
        for line in table.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table in Markdown whose columns are also straight where it is read as it is."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = ["-" * width for width in widths]
    for row in (head, rule, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(f"| {' | '.join(cells)} |", flush=True)
