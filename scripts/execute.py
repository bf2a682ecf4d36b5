"""Execute the chapters, each once for all languages, and only those whose results could change.

usage: python scripts/execute.py [--root FOLDER] [PAGE ...]

The results are kept in a jupyter-cache. Its own key is the code alone; ours, kept beside each
result, holds all that can change it: the code cells, the files of iip_lib that its names come
from with what these import and load, files that it names, the pinned packages, the Python version
and the kernel's settings. Device and downloads have a cache each.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.cache.db import OrmBase
from jupyter_cache.cache.main import CacheBundleIn
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from sqlalchemy.exc import DatabaseError

from book import ROOT, TRANSPORT, Book, BookError, digest, mode, read_text, run, say

LIBRARY = "iip_lib"
LONGEST_TRACEBACK = 30
# Where the home folder cannot be written, IPython does without it, and the kernels too.
warnings.filterwarnings("ignore", "IPython parent .* is not a writable location")
DATA = "data.json"  # what is known of a result, beside it


# ---- what a chapter depends on -------------------------------------------------------------------


def read_notebook(path: Path) -> nbformat.NotebookNode | None:
    """A chapter as a notebook, or None if the page has no cells. It is not to be changed."""
    return _read(path, read_text(path))


# Kept, as is what follows: the same chapter is asked for before and after the pages are written.
@cache
def _read(path: Path, text: str) -> nbformat.NotebookNode | None:
    if not is_myst_markdown_notebook(text):
        return None
    return read_myst_markdown_notebook(text, add_source_map=True, path=str(path))


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@cache
def syntax(code: str) -> list[ast.AST]:
    """All that code says about files: its imports and its texts."""
    wanted = (ast.Import, ast.ImportFrom, ast.Constant)
    return [node for node in ast.walk(ast.parse(code)) if isinstance(node, wanted)]


class Library:
    """Which files of the library stand behind an imported name."""

    def __init__(self, folder: Path):
        self.folder = folder

    def files(self, *cells: str) -> set[Path]:
        """All files that code uses: modules, what they import, and files that they name."""
        found: set[Path] = set()
        for code in cells:
            # another language, or a mistake shown: it imports nothing of ours
            with suppress(SyntaxError):
                self._follow(syntax(code), "", found)
        return found

    def _module(self, name: str) -> Path | None:
        base = self.folder.parent.joinpath(*name.split("."))
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
        return None

    def _follow(self, nodes: list[ast.AST], module: str, found: set[Path]) -> None:
        for node in nodes:
            if isinstance(node, ast.ImportFrom):
                source = self._absolute(node, module)
                if source.split(".")[0] == LIBRARY:
                    for alias in node.names:
                        self._add_name(source, alias.name, found)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name == LIBRARY:  # any attribute may be used: all of it counts
                        files = (p for p in self.folder.rglob("*") if p.is_file())
                        found.update(p for p in files if p.suffix != ".pyc")
                    elif alias.name.split(".")[0] == LIBRARY:
                        self._add_module(alias.name, found)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(self._named(node.value))

    def _absolute(self, node: ast.ImportFrom, module: str) -> str:
        if not node.level:
            return node.module or ""
        package = module.split(".")[: -node.level]
        return ".".join(package + ([node.module] if node.module else []))

    def _named(self, text: str) -> set[Path]:
        """A data file in the package, by its name or as a style sheet (``iip_lib.house``)."""
        if not re.fullmatch(r"[\w.\-/]{3,80}", text):
            return set()
        candidates = [self.folder / text]
        if text.startswith(f"{LIBRARY}."):
            candidates += self.folder.glob(text.removeprefix(f"{LIBRARY}.") + ".*style")
        return {path for path in candidates if path.is_file()}

    def _add_module(self, name: str, found: set[Path]) -> None:
        path = self._module(name)
        if path is None or path in found:
            return
        found.add(path)
        # inside a package's __init__, `.x` is below the package itself
        inner = f"{name}.__init__" if path.name == "__init__.py" else name
        self._follow(syntax(path.read_text("utf-8")), inner, found)

    def _add_name(self, module: str, name: str, found: set[Path]) -> None:
        if self._module(f"{module}.{name}"):
            return self._add_module(f"{module}.{name}", found)
        path = self._module(module)
        if path is None:
            return None
        if path.name == "__init__.py" and name != "*":
            for node in syntax(path.read_text("utf-8")):
                if isinstance(node, ast.ImportFrom):
                    for alias in node.names:
                        if (alias.asname or alias.name) == name:  # a re-export: go to its source
                            source = self._absolute(node, f"{module}.__init__")
                            return self._add_name(source, alias.name, found)
        return self._add_module(module, found)


def runtime(root: Path) -> str:
    """The pinned packages that chapters run on; the site's own tools change no result."""
    path = root / "requirements.txt"
    if not path.exists():
        return ""
    lines = path.read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if line.strip() and not line.startswith(("#", "-")))


def meaning(cell) -> str:
    """What a cell does. A comment changes nothing, unless the output may show the source."""
    if "raises-exception" in cell.metadata.get("tags", []):
        return f"may raise: {cell.source}"
    if "inspect" in cell.source:
        return cell.source
    return _dump(cell.source)


@cache
def _dump(code: str) -> str:
    try:
        return ast.dump(ast.parse(code))
    except SyntaxError:
        return code


def key(book: Book, page: str, notebook) -> str:
    """What stands for everything that can change the results of a chapter."""
    cells = code_cells(notebook)
    code = "\n\n".join(cell.source for cell in cells)
    files = Library(ROOT / LIBRARY).files(*[cell.source for cell in cells])
    for text in re.findall(r"[\"']([\w.\-/]{3,120})[\"']", code):
        for folder in (book.source(page).parent, book.root):
            if (folder / text).is_file():
                files.add((folder / text).resolve())
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return digest(
        json.dumps([meaning(cell) for cell in cells]),
        version,
        runtime(ROOT),
        ROOT / "book" / "kernel_config.py",
        *[part for path in sorted(files) for part in (path.name, path)],
    )


# ---- executing -----------------------------------------------------------------------------------


@dataclass
class Result:
    page: str
    notebook: nbformat.NotebookNode
    seconds: float
    megabytes: int
    downloads: int  # connections to other hosts


def peak_megabytes(pid: int) -> int:
    """Largest memory a process has held so far (where only the present is known, that)."""
    import psutil

    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) // 1024
    except OSError:
        pass
    memory = psutil.Process(pid).memory_info()
    return getattr(memory, "peak_wset", memory.rss) // 2**20


def execute(book: Book, page: str, notebook, device: str, timeout: int) -> Result:
    """Run all cells of a chapter in a fresh kernel. Raises `BookError` that shows where it failed."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    peak = 0

    def note_memory(**_cell):
        nonlocal peak
        peak = max(peak, peak_megabytes(client.km.provisioner.pid))

    notebook = nbformat.from_dict(json.loads(json.dumps(notebook)))
    folder = Path(tempfile.mkdtemp())
    connections = folder / "connections"  # written by the kernel, see book/kernel_config.py
    connections.touch()
    manager = {"transport": TRANSPORT, "connection_file": str(folder / "kernel.json")}
    client = NotebookClient(
        notebook,
        config=Config({"KernelManager": manager}),
        timeout=timeout,
        kernel_name="python3",
        extra_arguments=[f"--config={ROOT / 'book' / 'kernel_config.py'}"],
        resources={"metadata": {"path": str(book.source(page).parent)}},
        on_cell_executed=note_memory,
    )
    environment = dict(
        os.environ,
        IIP_DEVICE=device,
        IIP_CONNECTIONS=str(connections),
        OMP_NUM_THREADS="1",  # two chapters at a time are faster than one with two threads
        PYTHONHASHSEED="0",
        MPLBACKEND="module://matplotlib_inline.backend_inline",
    )
    start = time.perf_counter()
    with tempfile.TemporaryFile() as complaints:  # what the kernel itself prints, not the cells
        try:
            client.execute(env=environment, stderr=complaints)
        except (CellExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
            complaints.seek(0)
            last = complaints.read().decode(errors="replace").splitlines()[-5:]
            raise BookError(describe_failure(book, page, notebook, error, timeout, last)) from None
        finally:
            downloads = len(connections.read_text("utf-8").splitlines())
            shutil.rmtree(folder, ignore_errors=True)
    seconds = time.perf_counter() - start
    for number, cell in enumerate(code_cells(notebook), 1):
        if cell.source.strip() and cell.execution_count is None:
            raise BookError(f"{page}.md: code cell {number} was not run")
    return Result(page, notebook, seconds, peak, downloads)


def describe_failure(book: Book, page: str, notebook, error, timeout: int, last: list[str]) -> str:
    """Chapter, line, cell and the end of the traceback, on one screen."""
    lines = notebook.metadata.get("source_map", [])
    code = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    begun = [i for i in code if "execution" in notebook.cells[i].metadata]
    failed = begun[-1] if begun else code[0]
    number = sum(c.cell_type == "code" for c in notebook.cells[: failed + 1])
    line = lines[failed] if failed < len(lines) else 1
    errors = [o for o in notebook.cells[failed].outputs if o.output_type == "error"]
    if errors and "Timeout" not in type(error).__name__:
        what = f"{errors[-1].ename}: {errors[-1].evalue}"
        trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(errors[-1].traceback)).splitlines()
    else:
        name = type(error).__name__
        what = (
            f"{name} (the limit is {timeout} s a cell)" if "Timeout" in name else f"{name}: {error}"
        )
        trace = last
    if len(trace) > LONGEST_TRACEBACK:
        trace = ["...", *trace[-LONGEST_TRACEBACK:]]
    head = f"{page}.md:{line}: code cell {number} failed: {what}"
    return "\n".join([head, *[f"    {t}" for t in trace]])


# ---- keeping results -----------------------------------------------------------------------------


def joined(outputs: list) -> list:
    """Outputs with what was printed in one piece: the kernel sends as much as there is at a time.

    What stands between two figures stays there. (nbclient and MyST-NB join pieces too, but they
    move what was printed after a figure in front of it.)
    """
    together, streams = [], {}
    for output in map(copy.deepcopy, outputs):
        if output.output_type != "stream":
            streams = {}
        elif output.name in streams:
            streams[output.name].text += output.text
            continue
        else:
            streams[output.name] = output
        together.append(output)
    return together


def open_cache(folder: Path):
    """The jupyter-cache in a folder. A damaged one is put aside, and what can be read is taken over."""
    cache = get_cache(str(folder))
    try:
        # a process that was killed while it made the database left it without tables
        OrmBase.metadata.create_all(cache.db)
        cache.list_cache_records()
        return cache
    except (DatabaseError, RuntimeError, ValueError) as error:
        text = f"{error} {error.__cause__}"
        damage = re.search(r"not a database|malformed|no such (column|table)", text)
        if not damage and not isinstance(error, ValueError):
            raise
    number = 1
    while (aside := folder.with_name(f"{folder.name}.damaged-{number}")).exists():
        number += 1
    cache.db.dispose()
    folder.rename(aside)
    cache, kept = get_cache(str(folder)), 0
    for path in sorted(aside.glob(f"executed/*/{DATA}")):
        with suppress(OSError, ValueError):
            notebook = nbformat.read(path.with_name("base.ipynb"), nbformat.NO_CONVERT)
            write(cache, notebook, str(path), json.loads(path.read_text("utf-8")))
            kept += 1
    say(
        f"  the cache of results {folder} is damaged: it was put aside as {aside.name}, "
        f"with {kept} results taken over; remove it when nothing is missing"
    )
    return cache


def write(cache, notebook, uri: str, data: dict) -> None:
    """Put results into a cache, with our data also in a file beside them: two ways to find them."""
    _, name = cache.create_hashed_notebook(notebook)
    folder = cache.path / "executed" / name
    # what a process that was killed, or a full disk, left of these results
    shutil.rmtree(folder) if folder.is_dir() else folder.unlink(missing_ok=True)
    bundle = CacheBundleIn(nb=notebook, uri=uri, data=data)
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    (folder / DATA).write_text(json.dumps(data), "utf-8")


class Store:
    """Results on disk: a jupyter-cache, with our key beside each result."""

    def __init__(self, book: Book, name: str):
        self.book = book
        self.cache = open_cache(book.cache(name))

    def find(self, page: str, notebook, key: str) -> dict | None:
        """What is kept of a chapter, if it still holds."""
        with suppress(KeyError):  # none of these cells
            record = self.cache.match_cache_notebook(notebook)
            if record.data.get("key") == key and self._cells(record):
                return record.data
        return self._take_over(page, notebook, key)

    def _take_over(self, page: str, notebook, key: str) -> dict | None:
        """Results whose cells changed only in what no result depends on: comments, captions."""
        for record in self.cache.list_cache_records():
            if record.data.get("key") == key and (kept := self._cells(record)):
                return self.keep(page, notebook, kept, record.data)
        return None

    def _cells(self, record) -> list | None:
        """The executed cells, if their file is there and can be read."""
        try:
            return code_cells(self.cache.get_cache_bundle(record.pk).nb)
        except RuntimeError:  # the database cannot be written: executing again would not help
            raise
        except Exception:  # whatever a damaged file makes of the reader
            return None

    def keep(self, page: str, notebook, executed: list, data: dict) -> dict:
        """Keep the outputs of the executed cells as those of `notebook`."""
        notebook = copy.deepcopy(notebook)
        for cell, result in zip(code_cells(notebook), executed, strict=True):
            cell.outputs, cell.execution_count = joined(result.outputs), result.execution_count
        write(self.cache, notebook, str(self.book.source(page)), data)
        return data

    def stamp(self, page: str, data: dict) -> None:
        """A file that changes with the results: the page depends on it (book/_ext/results.py)."""
        path = self.book.build / "results" / f"{page}.json"
        text = json.dumps(data, indent=1, sort_keys=True)
        if not path.exists() or path.read_bytes() != text.encode():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(text.encode())
            part.replace(path)


def choose_device() -> str:
    """What `per_device` will choose; asked in a process of its own, for torch is heavy to load."""
    devices = (
        "/dev/nvidia0",
        "/dev/kfd",
        "/dev/dri",
    )  # without one of them Linux has no accelerator
    if sys.platform == "linux" and not any(map(os.path.exists, devices)):
        if os.environ.get("IIP_DEVICE", "cpu") in ("cpu", "gpu"):
            return os.environ.get("IIP_DEVICE", "cpu")
    question = "from iip_lib.train import per_device; print(per_device(cpu='cpu', gpu='gpu'))"
    answer = subprocess.run(
        [sys.executable, "-c", question], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if answer.returncode:
        raise BookError(f"iip_lib cannot be used:\n{answer.stderr.strip()}")
    return answer.stdout.strip()


def execute_book(book: Book, pages: list[str] | None = None) -> str:
    """Bring the results of all chapters up to date; returns the mode they were executed in."""
    device = choose_device()
    name = mode(device)
    store = Store(book, name)
    timeout = book.settings.get("execute", {}).get("timeout", 600)
    waiting: list[tuple[str, nbformat.NotebookNode, str]] = []
    kept = 0
    for page in pages or book.pages:
        notebook = read_notebook(book.source(page))
        if notebook is None or not code_cells(notebook):
            continue
        wanted = key(book, page, notebook)
        data = store.find(page, notebook, wanted)
        if data is not None:
            store.stamp(page, data)
            kept += 1
        else:
            waiting.append((page, notebook, wanted))
    start, total = time.perf_counter(), len(waiting)
    # a GPU holds one chapter at a time; on a CPU two kernels of one thread use two cores
    workers = 1 if device == "gpu" else max(1, min(os.cpu_count() or 1, total))
    done, failures = 0, []
    with ThreadPoolExecutor(workers) as pool:
        running = {}
        while waiting or running:
            while waiting and len(running) < workers and not failures:
                page, notebook, wanted = waiting.pop(0)
                future = pool.submit(execute, book, page, notebook, device, timeout)
                running[future] = (page, notebook, wanted)
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                page, notebook, wanted = running.pop(future)
                try:
                    result = future.result()
                except BookError as error:
                    failures.append(str(error))
                    continue
                done += 1
                data = {
                    "key": wanted,
                    "device": device,
                    "execution_seconds": round(result.seconds, 2),
                    "megabytes": result.megabytes,
                    "downloads": result.downloads,
                    "online": name.endswith("-online"),
                }
                executed = code_cells(result.notebook)
                store.stamp(page, store.keep(page, notebook, executed, data))
                say(
                    f"  executed [{done}/{total}] {page}"
                    f"  {result.seconds:.1f} s, {result.megabytes} MB"
                )
    if failures:
        left = f"; {len(waiting)} not begun" if waiting else ""
        raise BookError("\n\n".join(failures) + f"\n\n{done} of {total} executed and kept{left}")
    seconds = time.perf_counter() - start
    say(f"executed {done} chapters in {seconds:.1f} s on {device}, {kept} unchanged")
    return name


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="e.g. book/images/pixels")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the book")
    arguments = parser.parse_args()
    execute_book(Book(arguments.root.resolve()), arguments.pages or None)
    return 0


if __name__ == "__main__":
    run(main)
