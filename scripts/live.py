"""Preview the book while writing: saves a file, and the page in the browser is new.

usage: python scripts/live.py [--language ja] [--execute] [--once] [--port 8000] [CHAPTER]
       python scripts/live.py --serve

CHAPTER (such as images/pixels) is the page that is opened. Without --execute nothing is executed
and torch is not needed: figures are missing, and numbers that a cell would compute show as "…".
What `make book` would find wrong in its translation is shown as well.
--once writes the page and ends; the exit status says whether it is free of mistakes.
--serve shows the site that `make book` built.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path

from build import content, processes, render, tokens
from check_book import check_catalogue

from book import ROOT, Book, BookError, run, say


def rebuild(book: Book, language: str, page: str, execute: bool) -> bool:
    """Write what changed; mistakes are shown, and the last good page stays.

    Returns whether there was no mistake.
    """
    start = time.perf_counter()
    try:
        name = None
        if execute:
            from execute import execute_book

            name = execute_book(book, [page])
        with processes(1) as pool:
            result = pool.submit(render, book, language, name, only=[page]).result()
        written = book.sphinx_folder(language) / "html" / f"{page}.html"
        written.write_bytes(content(written, tokens(book)))
    except BookError as error:
        say(f"{error}\n(the page stays as it was)")
        return False
    complaints = list(result.warnings)
    if language in book.translations:
        complaints += check_catalogue(book, language, page)
    for complaint in complaints:
        say(f"  {complaint}")
    say(f"{page} in {language}: {time.perf_counter() - start:.1f} s")
    return not complaints


def serve(folder: Path, port: int, page: str, watch: list[str], action) -> None:
    """Serve `folder`; when a watched file changes, call `action` and reload the page."""
    from livereload import Server

    for name in ("livereload", "tornado.access"):  # a line for each request would hide ours
        logging.getLogger(name).setLevel(logging.WARNING)
    server = Server()
    for pattern in watch:
        server.watch(pattern, action, delay=0.2)
    say(f"http://127.0.0.1:{port}/{page}    (stop: Ctrl-C)")
    server.serve(root=str(folder), port=port, host="127.0.0.1", restart_delay=0)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chapter", nargs="?", default="index")
    parser.add_argument("--language", default="en")
    parser.add_argument("--execute", action="store_true")
    parser.add_argument("--once", action="store_true", help="write the page, and end")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the book")
    arguments = parser.parse_args()
    book = Book(arguments.root.resolve())
    if arguments.serve:
        if not (book.site / "index.html").exists():
            raise BookError("there is no site yet: type make book first")
        serve(book.site, arguments.port, "", [], None)
        return 0
    page = arguments.chapter.removeprefix("book/").removesuffix(".md")
    page = f"book/{page}"
    if page not in book.pages:
        raise BookError(f"{page} is not in _toc.yml; there are: {', '.join(book.pages)}")
    if arguments.language not in book.languages:
        known = ", ".join(book.languages)
        raise BookError(f"there is no language {arguments.language!r}; there are: {known}")
    # previews without execution have a folder of their own, so that they never spoil a build
    preview = Preview(book.root)
    good = rebuild(preview, arguments.language, page, arguments.execute)
    if arguments.once:
        return 0 if good else 1
    folder = preview.sphinx_folder(arguments.language) / "html"
    root = book.root / "book"
    watch = [str(root / f"{page.removeprefix('book/')}.md"), str(root / "glossary.yml")]
    watch += [
        str(book.catalogue(arguments.language, page)),
        str(book.catalogue(arguments.language, "sphinx")),
    ]
    watch += [str(root / name) for name in ("_static/", "_templates/", "_ext/")]

    def action():
        rebuild(preview, arguments.language, page, arguments.execute)

    serve(folder, arguments.port, f"{page}.html", watch, action)
    return 0


class Preview(Book):
    """The same book, rendered into a folder of its own."""

    def sphinx_folder(self, language: str) -> Path:
        return self.build / "live" / language


if __name__ == "__main__":
    run(main)
