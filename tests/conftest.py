"""What several tests share: the built book, a tiny book, a browser."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from book import Book

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "tests" / "tiny"


@dataclass
class Output:
    """What a program printed, and its exit status."""

    code: int
    text: str


def run_script(name: str, *arguments, environment: dict | None = None, minutes: int = 30) -> Output:
    """Run a script of ours as a user does; a hanging one fails instead of hanging the tests."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=60 * minutes,
        check=False,
        env=dict(os.environ, **(environment or {})),
    )
    return Output(done.returncode, done.stdout)


@contextmanager
def once(name: str, tmp_path_factory):
    """One process at a time; yields a file that all processes of this run of the tests share."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with FileLock(folder / f"{name}.lock"):
        yield folder / f"{name}.json"


def copy_tiny_book(folder: Path) -> Book:
    """The tiny book with the real book's settings, extensions and theme words."""
    shutil.copytree(TINY, folder, dirs_exist_ok=True)
    shutil.copy(ROOT / "_config.yml", folder)
    for name in ("_ext", "_templates", "_static"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "book" / name, folder / "book" / name, ignore=ignore)
    for name in ("package.json", "package-lock.json", "references.bib"):
        shutil.copy(ROOT / "book" / name, folder / "book")
    for language in ("ja", "ko"):
        words = Path("book", "locale", language, "LC_MESSAGES", "sphinx.po")
        shutil.copy(ROOT / words, folder / words)
    return Book(folder)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> tuple[Book, Output]:
    """The tiny book, built, and what the build printed. Tests that change it copy it first."""
    book = copy_tiny_book(tmp_path_factory.mktemp("tiny"))
    output = run_script("build.py", "--root", book.root)
    return book, output


@pytest.fixture(scope="session")
def untouched(tiny, tmp_path_factory) -> Path:
    """A copy of the built tiny book, to put it back as it was."""
    folder = tmp_path_factory.mktemp("untouched") / "book"
    return Path(shutil.copytree(tiny[0].root, folder))


@pytest.fixture
def changed(tiny, untouched):
    """The built tiny book, to be changed and built again; afterwards it is put back.

    In place, because Sphinx reads everything again when a book has moved.
    """
    book = Book(tiny[0].root)
    yield book
    shutil.rmtree(book.root)
    shutil.copytree(untouched, book.root)


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> tuple[Book, Output]:
    """The real book, built in place (what was executed before is not executed again).

    The first process that needs it builds it, the others wait and read what the build printed.
    """
    with once("book", tmp_path_factory) as printed:
        if not printed.exists():
            printed.write_text(json.dumps(asdict(run_script("build.py"))), "utf-8")
        return Book(ROOT), Output(**json.loads(printed.read_text("utf-8")))


def pytest_collection_modifyitems(items):
    """One process builds the book first; what needs it comes last, so that no other one waits.

    Only for tests in several processes, which take them file by file.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    of_the_book = {item.path for item in items if "built" in item.fixturenames}

    def place(item) -> int:
        return 0 if item.path.name == "test_book.py" else 1 + (item.path in of_the_book)

    items.sort(key=place)


# ---- a browser -----------------------------------------------------------------------------------


def find_browser() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("CHROME") or next(filter(None, map(shutil.which, names)), None)


def install_browser() -> None:
    """On Debian or Ubuntu as root, from the distribution's own packages."""
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
        subprocess.run(["apt-get", "update"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "chromium", "fonts-noto-cjk"], **quiet)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with once("browser", tmp_path_factory):
        if not find_browser():
            install_browser()
    path = find_browser()
    if not path:
        message = "no Chromium found: install it (Debian: apt-get install chromium fonts-noto-cjk) or set CHROME to its path"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        # no sandbox: it cannot start as root; the rest keeps it from calling home
        flags = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
        ]
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def copyfile(self, source, outputfile):
        with suppress(BrokenPipeError, ConnectionResetError):  # a browser that leaves hangs up
            super().copyfile(source, outputfile)


@pytest.fixture(scope="session")
def served(built):
    """Address of the built book on a server that is up while the tests run."""
    book, _ = built
    handler = functools.partial(Quiet, directory=str(book.site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
