"""How long a build takes: the whole book beside plain Jupyter Book, and a book that grows.

The files that git knows are copied to a temporary folder, once for each tool; your own `_build` is
neither used nor touched. `jupyter-book build .` makes the English pages alone; `scripts/build.py`
makes all languages, with all that belongs to the site. Both start from nothing, then again with what was
executed kept; ours also with nothing changed and with one sentence changed. What a language takes
when the book grows is measured with copies of a small chapter, without execution.

With --chapters 70 --sleep 20 only this is done: a book of 70 chapters that sleep 20 s each is built.
It says how many chapters are executed at a time: sleeping needs no processor.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import parser, print_machine, print_table, summary

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from book import copy_repository  # noqa: E402

PLAIN = "jupyter-book, English"
OURS = "scripts/build.py, all languages"
SMALL = ROOT / "tests" / "tiny" / "book" / "part" / "chapter.md"
SLEEPING = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
# Chapter {number}

```{{code-cell}} ipython3
import time

time.sleep({seconds})
```
"""
# Renders English as the build does, in a process of its own, and prints how long it took.
RENDER = """
import sys
from pathlib import Path

sys.path.insert(0, "scripts")
from build import render
from book import Book

rendered = render(Book(Path.cwd()), "en", None)
if rendered.warnings:
    sys.exit("\\n".join(rendered.warnings))
print(rendered.seconds)
"""


# ---- books to build ------------------------------------------------------------------------------


def write_pages(folder: Path, chapters: list[str]) -> None:
    """Put other chapters in the place of the book's, ten a part."""
    book = folder / "book"
    for path in book.rglob("*.md"):
        path.unlink()
    shutil.rmtree(book / "locale")
    shutil.rmtree(folder / "_build", ignore_errors=True)
    lines = ["format: jb-book", "root: book/index", "parts:"]
    for number, text in enumerate(chapters):
        if number % 10 == 0:
            lines += [f"- caption: Part {number // 10}", "  chapters:"]
        lines.append(f"  - file: book/chapter{number}")
        (book / f"chapter{number}.md").write_text(text, "utf-8")
    (book / "index.md").write_text("# A book that grows\n", "utf-8")
    (folder / "_toc.yml").write_text("\n".join(lines) + "\n", "utf-8")


def small_chapter(number: int) -> str:
    """A copy of the tests' chapter, which has one of everything, with labels of its own."""
    # "chapter" begins its labels and its file's name; in a book without translations prose may go too
    text = SMALL.read_text("utf-8").replace("chapter-head", "HEAD").replace("{chapter}", "ROLE")
    text = text.replace("chapter", f"chapter{number}").replace("eq-sum", f"eq-sum{number}")
    return (
        text.replace("HEAD", "chapter-head")
        .replace("ROLE", "{chapter}")
        .replace("../index", "index")
    )


def run(folder: Path, *command: str) -> tuple[float, str]:
    """Seconds that a command takes in a folder, and what it printed; a failure ends the benchmark."""
    environment = dict(os.environ, PYTHONPATH=str(folder))
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=environment,
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command[:3])} failed:\n{done.stdout}")
    return seconds, done.stdout


# ---- what is measured ----------------------------------------------------------------------------


def plain(folder: Path) -> dict[str, float]:
    """The plain tool: from nothing, and with its own cache of results kept."""
    command = ("-c", "from jupyter_book.cli.main import main; main()", "build", ".")
    build = folder / "_build"
    shutil.rmtree(build, ignore_errors=True)
    found = {"from nothing": run(folder, *command)[0]}
    shutil.rmtree(build / "html")
    found["executed before"] = run(folder, *command)[0]
    return found


def ours(folder: Path) -> dict[str, float]:
    """Our build in the same states, then with nothing and with one sentence changed."""
    command = ("scripts/build.py", "--no-check")
    build = folder / "_build"
    shutil.rmtree(build, ignore_errors=True)
    found = {"from nothing": run(folder, *command)[0]}
    for name in ("sphinx", "site"):
        shutil.rmtree(build / name)
    found["executed before"] = run(folder, *command)[0]
    found["nothing changed"] = run(folder, *command)[0]
    page = next(path for path in (folder / "book").rglob("*.md") if path.name != "index.md")
    source = page.read_bytes()
    page.write_bytes(source + b"\n\nOne more sentence.\n")
    seconds, text = run(folder, *command)
    page.write_bytes(source)
    languages = len(re.findall(r"^  rendered ", text, re.M))
    found["one sentence changed, a language"] = seconds / languages
    return found


def side_by_side(folders: dict[str, Path], rounds: int) -> list[list[str]]:
    """Rows of the comparison: both tools in each round, in an order that changes."""
    measured: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds):
        for name in random.Random(number).sample(list(folders), len(folders)):
            for state, seconds in (plain if name == PLAIN else ours)(folders[name]).items():
                measured.setdefault((state, name), []).append(seconds)
    rows = []
    for state in dict.fromkeys(state for state, name in measured if name == OURS):
        for name in (PLAIN, OURS):
            if (state, name) in measured:
                # what the plain tool has no such state for is compared with its start from nothing
                reference = measured.get((state, PLAIN), measured["from nothing", PLAIN])
                rows.append([state, name, *summary(measured[state, name], reference)])
    return rows


def growth(folder: Path, sizes: tuple[int, ...], rounds: int) -> list[list[str]]:
    """Rows: seconds a language of books of several sizes, and how many times the smallest book's."""
    measured: dict[int, list[float]] = {size: [] for size in sizes}
    for number in range(rounds):
        for size in random.Random(number).sample(sizes, len(sizes)):
            write = [small_chapter(n) for n in range(size)]
            fresh = copy_repository(folder / f"{size}-{number}")
            write_pages(fresh, write)
            measured[size].append(float(run(fresh, "-c", RENDER)[1].split()[-1]))
            shutil.rmtree(fresh)
    return [
        [
            f"{size} chapters, not executed",
            "scripts/build.py, English",
            *summary(seconds, measured[sizes[0]]),
        ]
        for size, seconds in measured.items()
    ]


def sleep_trial(folder: Path, chapters: int, seconds: float) -> list[list[str]]:
    """Rows: how long a book of sleeping chapters takes to execute, and to build from there."""
    write_pages(folder, [SLEEPING.format(number=n, seconds=seconds) for n in range(chapters)])
    execution, _ = run(folder, "scripts/execute.py")
    rest, _ = run(folder, "scripts/build.py", "--no-check")
    at_a_time = chapters * seconds / execution
    return [
        ["executed", f"{execution:.1f}", f"{at_a_time:.2f}"],
        ["rendered", f"{rest:.1f}", "–"],
    ]


def main() -> None:
    line = parser(__doc__)
    line.set_defaults(rounds=1)  # a round takes many minutes
    line.add_argument("--chapters", type=int, help="build so many chapters that sleep")
    line.add_argument("--sleep", type=float, default=20.0, help="seconds each (default: 20)")
    options = line.parse_args()
    print_machine("jupyter-book", "Sphinx", "myst-nb")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if options.chapters:
            copy_repository(folder)
            rows = sleep_trial(folder, options.chapters, options.sleep)
            print_table(["sleeping chapters", "s", "chapters at a time"], rows)
            return
        folders = {name: folder / str(i) for i, name in enumerate((PLAIN, OURS))}
        for copy in folders.values():
            copy_repository(copy)
            if options.quick:
                write_pages(copy, [SLEEPING.format(number=0, seconds=0)])
        rows = side_by_side(folders, 1 if options.quick else options.rounds)
        rows += growth(folder, (1, 2) if options.quick else (10, 50, 200), options.rounds)
    print_table(["state", "build", "s", "quartiles", "ratio"], rows)


if __name__ == "__main__":
    main()
