"""Run notebooks of the built site from the first cell to the last, as a reader in Colab does.

usage: python scripts/check_notebooks.py [--root FOLDER] [--all] [--here] [NOTEBOOK ...]

Without NOTEBOOK: those of the chapters that changed against the merge base with `main` (on `main`,
against the commit before), and one of each part, each in one language, which rotates (in one of those
whose translation changed, if only translations did); with --all, every one.

Each runs in an environment of its own, which has what `tests/colab.txt` lists and what the set-up
cell installs, without a network: the library's wheel, built from this folder, stands in for GitHub.
With --here it runs in this Python as it is, set-up cell and network included: for Colab's image.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from packaging.requirements import Requirement

from book import ROOT, TRANSPORT, Book, BookError, run, say

LIBRARY = "iip-lib"
FROM_GITHUB = 'f"git+{repository}@{commit}"'  # in the set-up cell (book/_ext/notebooks.py)
LONGEST_TRACEBACK = 15


# ---- which notebooks -----------------------------------------------------------------------------


def git(root: Path, *arguments: str) -> str:
    """What git says; nothing where it knows nothing."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def base(root: Path) -> str:
    """The commit that the present state is compared with."""
    head = git(root, "rev-parse", "HEAD")
    for main in ("main", "origin/main"):
        common = git(root, "merge-base", "HEAD", main)
        if common:
            return git(root, "rev-parse", "HEAD~1") if common == head else common
    return git(root, "rev-parse", "HEAD~1")


def changed_files(book: Book) -> list[str]:
    start = base(book.root)
    return git(book.root, "diff", "--name-only", "--relative", start).splitlines() if start else []


def changed(book: Book) -> dict[str, set[str]]:
    """Changed pages, with the languages: all if text or code changed, else those of translations."""
    files = set(changed_files(book))
    found: dict[str, set[str]] = {}
    for page in book.pages:
        translated = {
            language
            for language in book.translations
            if book.catalogue(language, page).relative_to(book.root).as_posix() in files
        }
        if languages := set(book.languages) if f"{page}.md" in files else translated:
            found[page] = languages
    return found


def with_notebook(book: Book) -> list[str]:
    return [page for page in book.pages if (book.site / "en" / f"{page}.ipynb").exists()]


def one_a_part(pages: list[str], turn: int) -> list[str]:
    """A page of each part; with each `turn` other ones."""
    parts: dict[str, list[str]] = {}
    for page in pages:
        parts.setdefault(page.rpartition("/")[0], []).append(page)
    return [part[turn % len(part)] for part in parts.values()]


def turn(book: Book) -> int:
    """A number that grows with each commit."""
    return int(git(book.root, "rev-list", "--count", "HEAD") or 0)


def choose(book: Book, turn: int) -> list[Path]:
    """Notebooks of changed chapters, and one a part; with each `turn` other ones.

    Each in one language: the code of all languages is the same but for comments and messages.
    """
    pages = with_notebook(book)
    wanted = {page: languages for page, languages in changed(book).items() if page in pages}
    for page in one_a_part(pages, turn // len(book.languages)):
        wanted.setdefault(page, set(book.languages))
    found = []
    for number, (page, changed_in) in enumerate(wanted.items()):
        languages = [name for name in book.languages if name in changed_in]
        language = languages[(turn + number) % len(languages)]
        found.append(book.site / language / f"{page}.ipynb")
    return found


def every(book: Book) -> list[Path]:
    return [
        book.site / language / f"{page}{ending}"
        for page in with_notebook(book)
        for language in book.languages
        for ending in (".ipynb", ".lecture.ipynb")
    ]


# ---- an environment that has what Colab has ------------------------------------------------------


def listed() -> list[str]:
    lines = (ROOT / "tests" / "colab.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def with_dependencies(names: list[str]) -> set[str]:
    """Installed packages and all that they need in turn."""
    found, waiting = set(), [plain(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            needed = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for line in needed:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(plain(requirement.name))
    return found


def hidden_modules() -> list[str]:
    """Modules that are here, but neither in Colab nor installed by the set-up cell."""
    allowed = with_dependencies([*listed(), LIBRARY])
    owners = importlib.metadata.packages_distributions()
    return sorted(m for m, names in owners.items() if not allowed & {plain(n) for n in names})


def build_wheel(folder: Path) -> Path:
    """The library's wheel, from a copy, so that nothing is left behind in the repository."""
    source = folder / "source"
    source.mkdir()
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "iip_lib", source / "iip_lib", ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BookError(f"the library's wheel cannot be built:\n{done.stderr.strip()}")
    return next(folder.glob("*.whl"))


def make_environment(folder: Path) -> Path:
    """An environment in which nothing is installed, but this one's packages, some hidden, are seen."""
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    variables = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=variables))
    shutil.copy(ROOT / "scripts" / "colab_guard.py", packages)
    (packages / "hidden.json").write_text(json.dumps(hidden_modules()))
    ours = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (packages / "colab.pth").write_text("\n".join([*ours, "import colab_guard", ""]))
    return Path(sysconfig.get_path("scripts", "venv", vars=variables)) / Path(sys.executable).name


# ---- running -------------------------------------------------------------------------------------


def describe(path: Path, notebook, error: Exception, printed: str = "") -> str:
    """Notebook, cell and the end of the traceback; scripts/report.py reads the first line.

    Where there is no traceback, the end of what the kernel itself `printed`.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    begun = [cell for cell in code if "execution" in cell.metadata]
    cell = begun[-1] if begun else code[0]
    found = [output for output in cell.get("outputs", []) if output.output_type == "error"]
    if found:
        what = f"{found[-1].ename}: {found[-1].evalue}"
        trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(found[-1].traceback)).splitlines()
    else:
        what, trace = f"{type(error).__name__}: {error}", printed.splitlines()
    lines = [f"    {line}" for line in trace[-LONGEST_TRACEBACK:]]
    number = code.index(cell) + 1
    return "\n".join([f"{path}: code cell {number} failed ({cell.id}): {what}", *lines])


def execute(path: Path, timeout: int, wheel: Path | None, folder: Path) -> str:
    """Run all cells; returns what went wrong, or nothing. `wheel` is None: in this Python."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = nbformat.read(path, as_version=4)
    python = Path(sys.executable)
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    if wheel is not None:
        python = make_environment(folder / "environment")
        first = next(cell for cell in notebook.cells if cell.cell_type == "code")
        if first.source.count(FROM_GITHUB) != 1:
            raise BookError(f"{path}: its first code cell does not install the library")
        first.source = first.source.replace(FROM_GITHUB, repr(str(wheel)))
        environment |= {
            "IIP_DEVICE": "cpu",
            "PIP_NO_INDEX": "1",
            "VIRTUAL_ENV": str(python.parents[1]),
        }
        environment.pop("PYTHONPATH", None)
    kernel = folder / "kernels" / "reader"
    kernel.mkdir(parents=True)
    arguments = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    description = {"argv": arguments, "display_name": "reader", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(description))
    place = folder / "content"  # empty: nothing beside the notebook
    place.mkdir()
    specs = KernelSpecManager(kernel_dirs=[str(kernel.parent)])
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(
            kernel_name="reader",
            kernel_spec_manager=specs,
            transport=TRANSPORT,
            connection_file=str(folder / "kernel.json"),
        ),
        timeout=timeout,
        resources={"metadata": {"path": str(place)}},
    )
    with tempfile.TemporaryFile() as complaints:  # what the kernel itself prints, not the cells
        try:
            # the manager of its kernel is ours, so it would leave the kernel to us
            client.execute(env=environment, stderr=complaints, cleanup_kc=True)
        except (CellExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
            complaints.seek(0)
            return describe(path, notebook, error, complaints.read().decode(errors="replace"))
    return ""


def execute_all(paths: list[Path], timeout: int, here: bool) -> list[str]:
    """Complaints about notebooks; two at a time, each with one thread."""
    with tempfile.TemporaryDirectory() as temporary:
        wheel = None if here else build_wheel(Path(temporary))

        def one(number: int) -> str:
            start, path = time.perf_counter(), paths[number]
            folder = Path(temporary) / str(number)
            folder.mkdir()
            complaint = execute(path, timeout, wheel, folder)
            shutil.rmtree(folder, ignore_errors=True)
            state = "failed" if complaint else "passed"
            say(f"  {state}  {path}  {time.perf_counter() - start:.1f} s")
            return complaint

        with ThreadPoolExecutor(1 if here else min(2, os.cpu_count() or 1)) as pool:
            return [text for text in pool.map(one, range(len(paths))) if text]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the book")
    parser.add_argument("--all", action="store_true", help="every notebook of the site")
    parser.add_argument("--here", action="store_true", help="in this Python, as it is")
    arguments = parser.parse_args()
    book = Book(arguments.root.resolve())
    if arguments.notebooks:
        paths = arguments.notebooks
    elif not with_notebook(book):
        raise BookError(f"there is no notebook in {book.site}: type make book first")
    elif arguments.all:
        paths = every(book)
    else:
        paths = choose(book, turn(book))
    timeout = book.settings.get("execute", {}).get("timeout", 600)
    complaints = execute_all(paths, timeout, arguments.here)
    for complaint in complaints:
        say(f"\n{complaint}")
    say(f"{len(paths)} notebooks run, {len(complaints)} failed")
    return 1 if complaints else 0


if __name__ == "__main__":
    run(main)
