"""Build the book: execute once, render three languages, put the site together, check it.

usage: python scripts/build.py [--root FOLDER] [--no-check]

The site is finished first, with what is not translated standing there in English and marked;
then the checks print what is wrong, and the exit status says whether anything is.
"""

from __future__ import annotations

import argparse
import filecmp
import io
import multiprocessing
import os
import re
import shutil
import subprocess
import time
import zipfile
import zlib
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import date
from importlib import metadata
from pathlib import Path

import psutil
from complaints import collect
from execute import execute_book
from index import write_index
from search import SPHINX_SEARCH

from book import ROOT, Book, BookError, digest, refused, run, say

LEFT_OUT = {".buildinfo", ".buildinfo.bak", "_sources", ".doctrees", "objects.inv"}
LEFT_OUT |= set(SPHINX_SEARCH)
HEAVY = (  # what Sphinx loads for each language, whether the book uses it or not
    "jupyter_book.config",
    "sphinx.application",
    "sphinx.builders.epub3",
    "sphinx.builders.linkcheck",
    "sphinx.domains.cpp",
    "myst_nb.sphinx_ext",
    "sphinx_book_theme",
    "sphinx_design",
    "sphinxcontrib.bibtex",
)
WITH_TOKENS = {".html", ".ipynb"}  # files in which @COMMIT@, @DATE@ and @YEAR@ are replaced
# what is compressed already, and would only cost time to compress again
COMPRESSED = {
    ".webp",
    ".png",
    ".jpg",
    ".woff2",
    ".pf_fragment",
    ".pf_index",
    ".pf_meta",
    ".pagefind",
}


@dataclass
class Rendered:
    language: str
    seconds: float
    warnings: list[str]
    gaps: list[str]


# ---- one language --------------------------------------------------------------------------------


def inputs(book: Book) -> str:
    """What Sphinx does not follow by itself: when one of these changes, every page is written."""
    files = [
        path
        for folder in ("_templates", "_static", "_ext")
        for path in sorted((book.root / "book" / folder).rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    ]
    files += [book.root / "_config.yml", book.root / "_toc.yml", ROOT / "book" / "requirements.txt"]
    shown = [
        f"{d.name} {d.version}"
        for name in ("torch", "torchvision")
        for d in metadata.distributions(name=name)
    ]
    return digest(
        os.environ.get("GITHUB_REPOSITORY", ""),
        *shown,
        *[part for path in files for part in (path.name, path)],
    )


def all_inputs(book: Book, mode: str | None) -> str:
    """All that the pages of all languages are made of: text, catalogues, results, commit, tools."""
    files = [book.root / "_config.yml", book.root / "_toc.yml"]
    for folder in ("book", "iip_lib", "_build/results"):
        for place, folders, names in os.walk(book.root / folder):
            folders[:] = [f for f in folders if f not in ("node_modules", "__pycache__")]
            # Sphinx writes .mo files beside the catalogues
            files += [Path(place, name) for name in names if not name.endswith((".mo", ".pyc"))]
    files += (ROOT / "scripts").glob("*.py")
    named = [(path.as_posix(), path) for path in sorted(files) if path.is_file()]
    words = [word.decode() for word in tokens(book).values()]
    return digest(inputs(book), mode or "", *words, *[part for pair in named for part in pair])


def is_rendered(book: Book, language: str, wanted: str) -> bool:
    """Whether the pages of a language stand there, without a complaint, made of just this."""
    made_of = book.sphinx_folder(language) / "made_of"
    pages = [book.sphinx_folder(language) / "html" / f"{page}.html" for page in book.pages]
    return (
        made_of.exists()
        and made_of.read_text("utf-8") == wanted
        and all(page.exists() for page in pages)
    )


def render(book: Book, language: str, mode: str | None, only: list[str] | None = None) -> Rendered:
    """Write the pages of one language below ``_build/sphinx/<language>/html``."""
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    start = time.perf_counter()
    folder = book.sphinx_folder(language)
    # A page that was being written when the build was killed looks finished to Sphinx, and a
    # warning shows only while its page is read: after either, everything is done again.
    begun = folder / "begun"
    known = folder / "inputs"
    wanted = inputs(book) + (mode or "")
    if begun.exists() or not known.exists() or known.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "made_of").unlink(missing_ok=True)
    begun.touch()
    known.write_text(wanted)
    warnings = io.StringIO()
    config = book.sphinx_config(language, mode=mode)
    files = [str(book.source(page)) for page in only or []]
    before = set(psutil.Process().children())
    # Babel prints what it cannot read in a catalogue
    with patch_docutils(), docutils_namespace(), redirect_stdout(warnings):
        try:
            app = Sphinx(
                srcdir=str(book.root),
                confdir=None,
                outdir=str(folder / "html"),
                doctreedir=str(folder / "doctrees"),
                buildername="html",
                confoverrides=config,
                status=None,
                warning=warnings,
                freshenv=False,
            )
            app.build(force_all=False, filenames=files)
        except SphinxError as error:
            raise BookError(f"{language}: {refused(error) or error}") from None
        finally:
            # a build that failed leaves the program that sets formulas running, and it holds our output
            for child in set(psutil.Process().children()) - before:
                child.kill()
    # colours of the terminal, and the same warning once for each time a page is resolved
    text = re.sub(r"\x1b\[[0-9;]*m", "", warnings.getvalue())
    lines = list(dict.fromkeys(line for line in text.splitlines() if line.strip()))
    lines = [line.replace(f"{book.root}{os.sep}", "") for line in lines]
    if not lines:
        begun.unlink()
    gaps = [
        f"{page}.md:{passage} is not in the catalogue: run make i18n, translate it"
        for page in book.pages
        for passage in app.env.metadata.get(page, {}).get("gaps", [])
    ]
    return Rendered(language, time.perf_counter() - start, lines, gaps)


def prepare_processes() -> multiprocessing.context.BaseContext:
    """How processes are started: where the system can, by a server that has loaded what they need.

    The server is started here, so that it loads while something else is done.
    """
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if context.get_start_method() == "forkserver":
        from multiprocessing import forkserver

        context.set_forkserver_preload(list(HEAVY))
        forkserver.ensure_running()
    return context


def processes(workers: int) -> ProcessPoolExecutor:
    """Each task in a process of its own: Sphinx and gettext keep words in global variables."""
    return ProcessPoolExecutor(workers, prepare_processes(), max_tasks_per_child=1)


def render_all(book: Book, mode: str | None) -> list[Rendered]:
    """Render the languages in which anything changed, side by side.

    Three on two cores too: one after the other, the last would leave a core idle.
    """
    wanted = all_inputs(book, mode)
    waiting = [language for language in book.languages if not is_rendered(book, language, wanted)]
    results = [Rendered(language, 0.0, [], []) for language in book.languages]
    with processes(min(len(book.languages), 2 * (os.cpu_count() or 1))) as pool:
        futures = {code: pool.submit(render, book, code, mode) for code in waiting}
        for number, language in enumerate(book.languages):
            if language not in futures:
                say(f"  nothing changed in {language}")
                continue
            result = results[number] = futures[language].result()
            if not result.warnings and not result.gaps:
                (book.sphinx_folder(language) / "made_of").write_text(wanted, "utf-8")
            say(f"  rendered {result.language}  {result.seconds:.1f} s")
    return results


# ---- the site ------------------------------------------------------------------------------------


def tokens(book: Book) -> dict[bytes, bytes]:
    """The commit that the site is built from and its day; outside a repository branch and today."""
    command = ["git", "-C", str(book.root), "log", "-1", "--format=%H %cs"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        commit, day = done.stdout.split()
    except (OSError, ValueError):
        commit = book.settings.get("repository", {}).get("branch", "main")
        day = date.today().isoformat()
    return {b"@COMMIT@": commit.encode(), b"@DATE@": day.encode(), b"@YEAR@": day[:4].encode()}


def content(path: Path, words: dict[bytes, bytes]) -> bytes:
    """A page or notebook with its tokens replaced."""
    data = path.read_bytes()
    for token, word in words.items():
        data = data.replace(token, word)
    return data


def write(path: Path, text: str) -> None:
    """Nothing where the file holds this text already: somebody may be reading it."""
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def synchronise(
    source: Path, target: Path, words: dict[bytes, bytes], keep: Collection[str] = ()
) -> None:
    """Make `target` equal to `source`, tokens replaced; what is equal already is not touched.

    `keep` names entries of `target` that come from elsewhere.
    """
    target.mkdir(parents=True, exist_ok=True)
    names = {entry.name for entry in source.iterdir()} - LEFT_OUT - set(keep)
    for entry in target.iterdir():
        if entry.name not in names and entry.name not in keep:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for name in names:
        here, there = source / name, target / name
        if here.is_dir():
            if there.is_file():
                there.unlink()
            synchronise(here, there, words)
            continue
        if there.is_dir():
            shutil.rmtree(there)
        part = there.with_name(there.name + ".part")
        if here.suffix in WITH_TOKENS:
            data = content(here, words)
            if not there.exists() or there.read_bytes() != data:
                part.write_bytes(data)
                part.replace(there)
        elif not there.exists() or not filecmp.cmp(here, there, shallow=False):
            shutil.copy2(here, part)
            part.replace(there)


def pack(folder: Path, target: Path) -> None:
    """All pages of a language as a zip file, which is written anew only if one of them changed.

    The names begin with the language, so that the files of two languages can be unpacked side by
    side and their pages find one another.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != target)
    names = {path: f"{folder.name}/{path.relative_to(folder).as_posix()}" for path in files}
    checks = {names[path]: zlib.crc32(path.read_bytes()) for path in files}
    try:
        with zipfile.ZipFile(target) as there:
            if {info.filename: info.CRC for info in there.infolist()} == checks:
                return
    except (OSError, zipfile.BadZipFile):
        pass  # none yet, or one that was cut off
    part = target.with_name(target.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as made:
        for path in files:
            # always the same day, so that the same pages give the same file
            info = zipfile.ZipInfo(names[path])
            info.external_attr = 0o644 << 16
            if path.suffix not in COMPRESSED:
                info.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(info, path.read_bytes())
    part.replace(target)


def drop_unused_pictures(folder: Path) -> None:
    """Pictures of figures that no page shows any more."""
    pages = "".join(path.read_text("utf-8") for path in folder.glob("book/**/*.html"))
    for picture in (folder / "_images").glob("*.webp"):
        if picture.name not in pages:
            picture.unlink()


def assemble(book: Book) -> None:
    """Put the languages side by side, with a root page and a page for addresses that do not exist."""
    from jinja2 import Environment, FileSystemLoader

    templates = Environment(
        loader=FileSystemLoader(book.root / "book" / "_templates" / "root"),
        autoescape=True,
        keep_trailing_newline=True,
    )
    words = tokens(book)

    def put_in_place(language: str) -> None:
        folder = book.sphinx_folder(language) / "html"
        drop_unused_pictures(folder)
        write_index(book, language)
        packed = f"book-{language}.zip"
        synchronise(folder, book.site / language, words, keep=("index.html", packed))
        page = templates.get_template("language.html").render(language=language)
        write(book.site / language / "index.html", page)
        pack(book.site / language, book.site / language / packed)

    # threads do: the index is made by another program, and zlib lets others work beside it
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(put_in_place, book.languages):
            pass
    for name in ("index.html", "404.html"):
        page = templates.get_template(name).render(languages=book.languages)
        write(book.site / name, page)
    (book.site / ".nojekyll").touch()  # GitHub Pages would leave out folders that begin with _
    for entry in book.site.iterdir():
        if entry.is_dir() and entry.name not in book.languages:
            shutil.rmtree(entry)


def build(book: Book) -> tuple[str, list[Rendered]]:
    """Everything but the checks; returns the mode of execution and what each language gave."""
    prepare_processes()
    say("executing the chapters (once for all languages)")
    mode = execute_book(book)
    say("rendering the languages")
    rendered = render_all(book, mode)
    assemble(book)
    return mode, rendered


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the book")
    parser.add_argument("--no-check", action="store_true", help="build, but check nothing")
    arguments = parser.parse_args()
    book = Book(arguments.root.resolve())
    start = time.perf_counter()
    mode, rendered = build(book)
    problems = collect({r.language: r.warnings for r in rendered})
    if not arguments.no_check:
        from check_book import check_all

        say("checking")
        found = check_all(book, mode)
        # a message that the catalogue does not know yet; the catalogue's own gaps come with it
        said = re.compile("untranslated:|fuzzy|no PO file|no UTF-8")
        known = [problem for problem in found if said.search(problem)]
        if not known:
            problems += [f"{r.language}: {gap}" for r in rendered for gap in r.gaps]
        problems += found
    say(
        f"finished in {time.perf_counter() - start:.1f} s: {len(book.pages)} pages in each language"
    )
    say(f"open {(book.site / 'index.html').as_uri()} or type: make serve")
    if problems:
        say(f"\n{len(problems)} problems, so this must not be published:")
        for problem in problems:
            say(f"  {problem}")
        return 1
    return 0


if __name__ == "__main__":
    run(main)
