"""Bring the translation catalogues up to date, and list what is left to translate.

usage: python scripts/catalogues.py [--root FOLDER]

This is the only program that writes catalogues. Messages come from the sources, without executing
anything; an English sentence that changed is marked fuzzy in each language, nothing else moves.
"""

from __future__ import annotations

import argparse
import gettext
import io
import re
import shutil
import sys
from pathlib import Path

import polib
from babel.messages import extract
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from book import ROOT, Book, BookError, read_text, run, say

WIDTH = 100
HEADER = {"Language": "", "MIME-Version": "1.0", "Content-Type": "text/plain; charset=UTF-8"}


# ---- messages of the sources ---------------------------------------------------------------------


KINDS = {
    "comment": "comment in code",
    "word": "word in a figure",
    "check": "message of a check",
    "alt": "alternative text of a figure",
    "caption": "caption of a figure",
}


def kinds(path: Path) -> dict[str, str]:
    """For a translator: what the texts of a page's cells are."""
    from execute import code_cells, read_notebook
    from localize_code import cell_messages

    found: dict[str, str] = {}
    notebook = read_notebook(path)
    for cell in code_cells(notebook) if notebook else []:
        for message in cell_messages(cell.source, dict(cell.metadata))[0]:
            found.setdefault(message.text, KINDS[message.kind])
    return found


def page_messages(book: Book) -> dict[str, Catalog]:
    """What every page has to translate, by the page's name (Sphinx's gettext builder)."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    folder = book.build / "gettext"
    shutil.rmtree(folder, ignore_errors=True)
    with patch_docutils(), docutils_namespace():
        app = Sphinx(
            srcdir=str(book.root),
            confdir=None,
            outdir=str(folder),
            doctreedir=str(folder / ".doctrees"),
            buildername="gettext",
            confoverrides=book.sphinx_config("en", mode=None),
            status=None,
            warning=io.StringIO(),  # the build itself shows them
        )
        app.build()
    found = {}
    for page in book.pages:
        source = folder / f"{page}.pot"
        catalogue = Catalog()
        if source.exists():
            kind = kinds(book.source(page))
            with source.open("rb") as file:
                for message in read_po(file):
                    if message.id:
                        # without file and line: a line moved must not touch a catalogue
                        comment = kind.get(message.id)
                        catalogue.add(message.id, auto_comments=[comment] if comment else [])
        found[page] = catalogue
    return found


def template_words(path: Path, method: str = "jinja2.ext:babel_extract") -> list[str]:
    with path.open("rb") as file:
        return [text for _, text, _, _ in extract.extract(method, file, keywords={"_": None})]


def theme_messages(book: Book, language: str) -> Catalog:
    """Words of our templates and extensions, and those that the theme lacks in `language`."""
    import pydata_sphinx_theme
    import sphinx

    words = Catalog()
    own = [(path, {}) for path in sorted((book.root / "book" / "_templates").rglob("*.html"))]
    own += [
        (path, {"method": "python"}) for path in sorted((book.root / "book" / "_ext").glob("*.py"))
    ]
    for path, options in own:
        for text in template_words(path, **options):
            words.add(text, locations=[(path.relative_to(book.root).as_posix(), None)])
    package = Path(pydata_sphinx_theme.__file__).parent
    known: set[str] = set()
    for folder in (package / "locale", Path(sphinx.__file__).parent / "locale"):
        shipped = gettext.translation("sphinx", folder, [language], fallback=True)
        known.update(getattr(shipped, "_catalog", {}))
    for path in sorted((package / "theme").rglob("*.html")):
        for text in template_words(path):
            if text not in known:
                words.add(text, locations=[("pydata-sphinx-theme", None)])
    return words


# ---- catalogues ----------------------------------------------------------------------------------


def update(path: Path, template: Catalog, language: str) -> None:
    """Merge `template` into the catalogue: changed messages become fuzzy, dropped ones go."""
    if path.exists():
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language)
        catalogue.update(template)
    else:
        catalogue = Catalog(locale=language)
        for message in template:
            if message.id:
                catalogue.add(
                    message.id, locations=message.locations, auto_comments=message.auto_comments
                )
    for message in catalogue:
        message.flags.difference_update({"python-format", "python-brace-format"})  # mere guesses
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=WIDTH, omit_header=True, ignore_obsolete=True)
    header = [f'"{k}: {v or language}\\n"' for k, v in HEADER.items()]
    text = "\n".join(['msgid ""', 'msgstr ""', *header, "", buffer.getvalue().decode().strip(), ""])
    if not path.exists() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(text, "utf-8")
        part.replace(path)


def read_catalogue(path: Path) -> polib.POFile:
    """A catalogue, or a clear error if it is damaged."""
    text = read_text(path)
    try:
        return polib.pofile(text)
    except (OSError, ValueError) as error:
        line = re.search(r"\(line (\d+)\)", str(error))
        raise BookError(
            f"{path}:{line[1] if line else 1}: here it is no PO file any more: "
            "mend the line, or take the file back from git"
        ) from None


def exceptions(entry: polib.POEntry) -> dict[str, str]:
    """Reasoned exceptions of a message: its comments ``# allow <check>: <reason>``."""
    found = {}
    for line in entry.tcomment.splitlines():
        if line.startswith("allow "):
            check, _, reason = line.removeprefix("allow ").partition(":")
            found[check.strip()] = reason.strip()
    return found


def report(book: Book) -> int:
    """Print file and line of each message that is untranslated, fuzzy or excepted."""
    missing = 0
    for language in book.translations:
        counts = {"translated": 0, "untranslated": 0, "fuzzy": 0, "excepted": 0}
        for domain in [*book.pages, "sphinx"]:
            path = book.catalogue(language, domain)
            if not path.exists():
                continue
            for entry in read_catalogue(path):
                if entry.obsolete:
                    continue
                state = "fuzzy" if entry.fuzzy else "translated" if entry.msgstr else "untranslated"
                counts[state] += 1
                place = f"{path.relative_to(book.root)}:{entry.linenum}"
                if state != "translated":
                    missing += 1
                    say(f"{place}: {state}: {entry.msgid[:80]}")
                for check, reason in exceptions(entry).items():
                    counts["excepted"] += 1
                    say(f"{place}: exception from {check}: {reason}")
        say(f"{language}: " + ", ".join(f"{n} {state}" for state, n in counts.items()))
    return missing


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the book")
    book = Book(parser.parse_args().root.resolve())
    templates = page_messages(book)
    for language in book.translations:
        for page, template in templates.items():
            update(book.catalogue(language, page), template, language)
        update(book.catalogue(language, "sphinx"), theme_messages(book, language), language)
        wanted = {book.catalogue(language, domain) for domain in [*templates, "sphinx"]}
        for path in sorted((book.locale / language).rglob("*.po")):
            if path not in wanted:
                say(f"{path.relative_to(book.root)}: removed, its page is not in _toc.yml")
                path.unlink()
    report(book)
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    run(main)
