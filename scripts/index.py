"""The search index of each language: what of a page can be found, and which page teaches a term.

Pagefind reads plain copies of the articles, made here: without results of cells, solutions and
buttons, with the part's name and the terms of ``book/glossary.yml`` that the page teaches. Beside
the index lies ``terms.json``, by which the search page (``book/_static/search.js``) knows a term
in each of its spellings.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import lxml.html
from catalogues import read_catalogue
from lxml.html import builder as E

from book import ROOT, Book, BookError, digest

sys.path.insert(0, str(ROOT / "book" / "_ext"))
from glossary import Term, load

NAME = "pagefind"  # the folder of the index in the site; Pagefind expects this name
# What the search page needs of all that Pagefind writes; the rest are search pages of its own.
NEEDED = ("pagefind.js", "pagefind-worker.js", "pagefind-entry.json", "*.pf_*", "wasm.*")
FOLDERS = ("fragment", "index")
# Never found: cells (but see `names_in_code`), solutions, anchors of headings, large formulas and
# the second form of small ones, notices of gaps.
LEFT_OUT = (
    "cell",
    "solution",
    "headerlink",
    "katex-display",
    "katex-mathml",
    "translation-gap",
)


def parts(book: Book, language: str) -> dict[str, str]:
    """The name of each page's part, as the sidebar shows it."""
    toc = book.toc
    path = book.catalogue(language, toc["root"])
    words = {}
    if language != "en" and path.exists():
        words = {e.msgid: e.msgstr for e in read_catalogue(path) if e.msgstr and not e.fuzzy}
    return {
        chapter["file"]: words.get(part["caption"], part["caption"])
        for part in toc.get("parts", [])
        for chapter in part.get("chapters", [])
        if "caption" in part
    }


def key(term: Term) -> str:
    """A word that stands for a term in the index, and begins no other word: it ends in a digit."""
    return re.sub("[^a-z0-9]", "", term.anchor) + "0"


def spellings(term: Term, language: str) -> list[str]:
    """How a reader may write a term, the book's own word first. English is known everywhere."""
    found = [*term.spellings(language), *term.spellings("en")]
    if language == "ja":
        found.append(term.ja_reading)
    # `bias (of a layer)` is sought as `bias`
    found = [re.sub(r"\s*\(.*?\)", "", text) for text in found]
    return list(dict.fromkeys(found))


def names_in_code(article) -> str:
    """What the cells call and define: it can be found, but no excerpt is made of it."""
    code = "\n".join(block.text_content() for block in article.find_class("cell_input"))
    return " ".join(dict.fromkeys(re.findall(r"[A-Za-z_][A-Za-z0-9_.]{2,}", code)))


def document(page: bytes, language: str, part: str, terms: list[str]) -> str:
    """What Pagefind reads of a page."""
    (article,) = lxml.html.fromstring(page).xpath("//article")
    about = {"part": part, "terms": " ".join(terms), "code": names_in_code(article)}
    for name in LEFT_OUT:
        for element in article.find_class(name):
            element.drop_tree()
    for section in article.xpath(".//section[@id]"):  # Pagefind links to headings that have an id
        heading = section.xpath("./h1 | ./h2 | ./h3 | ./h4 | ./h5 | ./h6")
        if heading:
            heading[0].set("id", section.attrib.pop("id"))
    article.set("data-pagefind-body", "")
    spans = [E.SPAN({"data-pagefind-meta": f"{k}:{v}"}) for k, v in about.items() if v]
    tree = E.HTML({"lang": language}, E.BODY(article, *spans))
    return lxml.html.tostring(tree, encoding="unicode", doctype="<!doctype html>")


def write_index(book: Book, language: str) -> None:
    """Bring the index of a language, in its folder of pages, up to date with them."""
    folder = book.sphinx_folder(language)
    pages = folder / "html"
    glossary = book.root / "book" / "glossary.yml"
    try:
        terms = [t for t in load(glossary) if f"book/{t.chapter}" in book.pages]
    except (OSError, ValueError) as error:
        raise BookError(f"the search needs the glossary: {error}") from None
    names = parts(book, language)
    wanted = digest(
        version("pagefind"),
        Path(__file__),
        glossary,
        json.dumps(names),
        *[part for page in book.pages for part in (page, pages / f"{page}.html")],
    )
    known, target = folder / "indexed", pages / NAME
    if target.exists() and known.exists() and known.read_text() == wanted:
        return
    known.unlink(missing_ok=True)  # a build that is killed from here on makes the index again
    work = folder / "index"
    shutil.rmtree(work, ignore_errors=True)
    for page in book.pages:
        taught = [key(term) for term in terms if f"book/{term.chapter}" == page]
        text = document(
            (pages / f"{page}.html").read_bytes(), language, names.get(page, ""), taught
        )
        path = work / "documents" / f"{page}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    run_pagefind(work / "documents", work / NAME)
    table = {key(term): spellings(term, language) for term in terms}
    (work / NAME / "terms.json").write_text(json.dumps(table, ensure_ascii=False), "utf-8")
    shutil.rmtree(target, ignore_errors=True)
    (work / NAME).replace(target)
    known.write_text(wanted)
    shutil.rmtree(work)


def run_pagefind(documents: Path, target: Path) -> None:
    command = [sys.executable, "-m", "pagefind", "--silent", "--keep-index-url"]
    command += ["--site", str(documents), "--output-path", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not (target / "pagefind-entry.json").exists():
        raise BookError(
            f"the search index of {documents} was not written; Pagefind says:\n"
            f"{(done.stdout + done.stderr).strip() or 'nothing'}"
        )
    for entry in target.iterdir():
        if entry.is_dir() and entry.name not in FOLDERS:
            shutil.rmtree(entry)
        elif entry.is_file() and not any(entry.match(pattern) for pattern in NEEDED):
            entry.unlink()
