"""Check the translations and the finished site; every complaint names file, line and message.

usage: python scripts/check_book.py [--root FOLDER]

Catalogues: nothing untranslated or fuzzy; placeholders, roles, links, formulas, inline code and
numbers preserved; terms as in ``book/glossary.yml``; kana, kanji or Hangul in each translation.
A reasoned exception is the entry's comment ``# allow <check>: <reason>``.

Site: every link and anchor inside it exists; nothing is loaded from another host; code, formulas
and the ids of headings are equal in all languages; every chapter was executed; no page passes a
limit of the budget in ``_config.yml``.
"""

from __future__ import annotations

import argparse
import ast
import os
import posixpath
import re
import string
import sys
from collections import Counter
from functools import cache, cached_property
from itertools import zip_longest
from pathlib import Path
from urllib.parse import unquote, urlsplit

import lxml.html
from catalogues import exceptions, read_catalogue

from book import ROOT, Book, BookError, mode, run, say

sys.path.insert(0, str(ROOT / "book" / "_ext"))
from budget import cost, passed_by_execution, passed_by_page
from glossary import Term, load
from localize_code import check_messages
from weight import addresses, weigh

ALLOWED = ("numbers", "links", "math", "code", "terms", "script", "placeholder")

MATH = re.compile(r"\$\$?[^$]+\$\$?")
ROLE = re.compile(r"\{([\w:+-]+)\}`([^`]*)`")
CODE = re.compile(r"(?<![}`])(`+)(?!`)(.+?)(?<!`)\1(?!`)")
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")
ADDRESS = re.compile(r"https?://[^\s<>()\]]*[A-Za-z0-9/]")
NUMBER = re.compile(r"(?<![A-Za-z0-9_.])\d+(?:[.,]\d+)*")  # \w would take kana for letters
SCRIPTS = {"ja": re.compile(r"[\u3040-\u30ff\u3400-\u9fff]"), "ko": re.compile(r"[\uac00-\ud7a3]")}
ENGLISH = re.compile(r"(?:\b[A-Za-z][a-z'’]+[ ,]+){4,}[A-Za-z]+")


# ---- one message ---------------------------------------------------------------------------------


def bare(text: str) -> str:
    """A message without what stays as it is: code, formulas, roles, addresses."""
    for pattern in (MATH, ROLE, CODE, ADDRESS):
        text = pattern.sub(" ", text)
    text = LINK.sub(r"\1", text)
    return re.sub(r"\{\w*(?:[!:][^}]*)?\}", " ", text)


def shown(text: str) -> str:
    """A message as it is read: roles and links replaced by the words they show."""
    text = MATH.sub(" ", CODE.sub(" ", ROLE.sub(lambda m: _shown_of_role(m), text)))
    return LINK.sub(r"\1", text)


def _shown_of_role(match: re.Match) -> str:
    name, content = match.groups()
    if name.startswith("glue") or name in ("cite", "cite:p", "cite:t", "eq", "numref"):
        return " "
    return re.sub(r"\s*<[^>]*>$", "", content)


def links(text: str) -> Counter:
    """Targets of roles and links. Of roles that hold words alone the name: the words are translated."""
    found: list[str] = []
    for name, content in ROLE.findall(text):
        target = re.search(r"<([^>]*)>$", content)
        free = name in ("t", "repository")
        found.append(f"{{{name}}}" if free else f"{{{name}}}{target[1] if target else content}")
    rest = CODE.sub(" ", ROLE.sub(" ", text))
    found += [target for _, target in LINK.findall(rest)]
    found += ADDRESS.findall(LINK.sub(" ", rest))
    return Counter(found)


def inline_code(text: str) -> Counter:
    return Counter(code for _, code in CODE.findall(ROLE.sub(" ", MATH.sub(" ", text))))


def placeholders(text: str) -> Counter:
    """Fields of a template, and the mark that says whether an answer is right."""
    found = [text[0]] if text[:1] in "✓✗" else []
    plain = ROLE.sub(" ", MATH.sub(" ", text))
    try:
        for _, name, spec, _ in string.Formatter().parse(plain):
            if name is not None:
                found.append(f"{{{name}:{spec}}}")
    except ValueError:
        found.append("a brace without its partner")
    return Counter(found)


def difference(before: Counter, after: Counter) -> str:
    lost, added = before - after, after - before
    parts = []
    if lost:
        parts.append("lost " + ", ".join(map(repr, lost.elements())))
    if added:
        parts.append("new " + ", ".join(map(repr, added.elements())))
    return "; ".join(parts)


class Terms:
    """Whether a translation uses the glossary's words for the terms of the English message."""

    def __init__(self, terms: list[Term]):
        # the longest term first, so that `max pooling` is not taken for `pooling`
        self.terms = sorted(terms, key=lambda t: -len(t.en))

    @cached_property
    def patterns(self) -> list[tuple[Term, list[str], re.Pattern]]:
        return [
            (
                term,
                [word.removesuffix("y").lower() for word in term.spellings("en")],
                re.compile(
                    rf"\b(?:{'|'.join(self._inflected(w) for w in term.spellings('en'))})\b", re.I
                ),
            )
            for term in self.terms
        ]

    @staticmethod
    def _inflected(word: str) -> str:
        if word.endswith("y"):
            return re.escape(word[:-1]) + "(?:y|ies)"
        return re.escape(word) + "(?:s|es)?"

    def missing(self, english: str, translated: str, language: str) -> list[str]:
        text, there = shown(english), shown(translated).replace(" ", "")
        small = text.lower()
        complaints = []
        for term, stems, pattern in self.patterns:
            # most terms are in most messages nowhere, and to see this a pattern takes long
            if any(stem in small for stem in stems) and pattern.search(text):
                text = pattern.sub(" ", text)
                spellings = term.spellings(language)
                if not any(s.replace(" ", "") in there for s in spellings):
                    complaints.append(f"{term.en!r} is {' or '.join(spellings)}")
        return complaints


def check_message(english: str, translated: str, language: str, terms: Terms) -> dict[str, str]:
    """What is wrong with one translation: check → complaint."""
    found = {}
    pairs = {
        "math": (Counter(MATH.findall(english)), Counter(MATH.findall(translated))),
        "links": (links(english), links(translated)),
        "code": (inline_code(english), inline_code(translated)),
        "numbers": (
            Counter(NUMBER.findall(bare(english))),
            Counter(NUMBER.findall(bare(translated))),
        ),
        "placeholder": (placeholders(english), placeholders(translated)),
    }
    for name, (before, after) in pairs.items():
        if before != after:
            found[name] = difference(before, after)
    if complaints := terms.missing(english, translated, language):
        found["terms"] = "; ".join(complaints)
    rest = bare(translated)
    if re.search(r"[^\W\d_]{2,}", bare(english)) and not SCRIPTS[language].search(
        shown(translated)
    ):
        found["script"] = "no character of the language in it"
    elif left := ENGLISH.search(re.sub(r"\*[^*]*\*", " ", rest)):
        found["script"] = f"English left: {left[0]!r}"
    return found


def check_catalogue(book: Book, language: str, domain: str) -> list[str]:
    """Complaints about the catalogue of a page, or about that of the words of all pages."""
    path = book.catalogue(language, domain)
    name = path.relative_to(book.root)
    if not path.exists():
        return [f"{name}: missing; run make i18n"]
    try:
        terms, entries = Terms(load(book.root / "book" / "glossary.yml")), read_catalogue(path)
    except (OSError, ValueError) as error:  # of the glossary
        return [str(error)]
    except BookError as error:
        return [str(error).replace(f"{book.root}{os.sep}", "")]
    found = []
    for entry in entries:
        if entry.obsolete:
            continue
        place, quote = f"{name}:{entry.linenum}", f"{entry.msgid[:70]!r}"
        if entry.fuzzy:
            found.append(f"{place}: fuzzy, its English changed: {quote}")
            continue
        if not entry.msgstr:
            found.append(f"{place}: untranslated: {quote}")
            continue
        allowed = exceptions(entry)
        for check, reason in allowed.items():
            if check not in ALLOWED or not reason:
                found.append(
                    f"{place}: `# allow {check}: {reason}` must name one of "
                    f"{', '.join(ALLOWED)} and give a reason"
                )
        problems = check_message(entry.msgid, entry.msgstr, language, terms)
        for check, complaint in problems.items():
            if check not in allowed:
                found.append(f"{place}: {check}: {complaint}: {quote}")
    return found


def check_catalogues(book: Book) -> list[str]:
    """Complaints about all catalogues."""
    found = []
    for language in book.translations:
        for domain in [*book.pages, "sphinx"]:
            found += check_catalogue(book, language, domain)
    return list(dict.fromkeys(found))  # a broken glossary is one complaint, not one a catalogue


# ---- the site ------------------------------------------------------------------------------------


class Page:
    """A page of the finished site."""

    def __init__(self, site: Path, path: Path):
        self.path = path
        self.name = path.relative_to(site).as_posix()
        self.tree = lxml.html.fromstring(path.read_bytes())

    @cached_property
    def ids(self) -> list[str]:
        return self.tree.xpath("//@id") + self.tree.xpath("//a/@name")

    @cached_property
    def headings(self) -> list[str]:
        return self.tree.xpath("//article//section/@id")

    @cached_property
    def formulas(self) -> Counter:
        # word order differs between languages, so a page's formulas are compared as a collection
        return Counter(a.text for a in self.tree.iter("{*}annotation", "annotation"))

    @cached_property
    def code(self) -> list[str]:
        return [
            "".join(block.itertext())
            for block in self.tree.xpath(
                "//div[contains(concat(' ', @class, ' '), ' cell_input ')]//pre"
            )
        ]

    def addresses(self):
        """(address, whether it is loaded without a click) of everything the page refers to."""
        return addresses(self.tree)


@cache
def plain_code(source: str) -> str:
    """The meaning of a cell: its syntax tree with the texts of checks blanked."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    for node in check_messages(tree):
        if isinstance(node, ast.Constant):
            node.value = ""
    return ast.dump(tree)


def same_code(one: str, other: str) -> bool:
    """Whether two cells do the same, in the words of two languages."""
    return plain_code(one) == plain_code(other)


def check_links(book: Book, pages: dict[str, Page]) -> list[str]:
    """Every address inside the site leads somewhere; nothing comes from another host unasked."""
    found = []
    known = {name: set(page.ids) for name, page in pages.items()}
    for name, page in pages.items():
        for address, loaded in page.addresses():
            parts = urlsplit(address)
            if parts.scheme in ("data", "mailto", "javascript"):
                continue
            if parts.scheme or parts.netloc:
                if loaded:
                    found.append(f"{name}: loads {address} from another host")
                continue
            target = name
            if parts.path:
                target = posixpath.normpath(
                    posixpath.join(posixpath.dirname(name), unquote(parts.path))
                )
                if target.startswith("..") or not (book.site / target).is_file():
                    found.append(f"{name}: leads to {address}, which does not exist")
                    continue
            fragment = unquote(parts.fragment)
            if fragment and target in known and fragment not in known[target]:
                found.append(f"{name}: leads to {address}, where there is no such anchor")
    return found


def check_equality(book: Book, pages: dict[str, Page]) -> list[str]:
    """Code, formulas and ids of headings are the same in all languages."""
    found = []
    for docname in book.pages:
        english = pages.get(f"en/{docname}.html")
        for language in book.translations:
            page = pages.get(f"{language}/{docname}.html")
            if page is None or english is None:
                found.append(f"{language}/{docname}.html: missing")
                continue
            pairs = enumerate(zip_longest(page.code, english.code), 1)
            other = (i for i, (a, b) in pairs if a != b and (None in (a, b) or not same_code(a, b)))
            if number := next(other, None):
                found.append(f"{page.name}: code cell {number} is not that of the English page")
            if page.formulas != english.formulas:
                what = difference(english.formulas, page.formulas)
                found.append(f"{page.name}: its formulas differ from the English page: {what}")
            if page.headings != english.headings:
                found.append(f"{page.name}: ids of its sections differ from the English page")
    return found


def check_pages(pages: dict[str, Page]) -> list[str]:
    """Each page by itself: ids stand once, figures have alternative texts."""
    found = []
    for name, page in pages.items():
        twice = [i for i, n in Counter(page.tree.xpath("//@id")).items() if n > 1]
        if twice:
            found.append(f"{name}: ids that stand twice: {', '.join(twice[:5])}")
        if not name.startswith("en/"):
            # what a library says, its errors or docstrings, in a cell tagged `prints-error`, is English
            for block in page.tree.xpath(
                "//div[contains(@class, 'stream')]//pre"
                "[not(ancestor::div[contains(@class, 'tag_prints-error')])]"
            ):
                if left := ENGLISH.search(block.text_content()):
                    found.append(f"{name}: a cell prints English: {left[0]!r}; say it in the text")
        for svg in page.tree.xpath("//*[local-name()='svg'][contains(@class, 'figure-svg')]"):
            if not svg.get("aria-label"):
                found.append(f"{name}: a figure without alternative text")
    return found


def check_execution(book: Book, name: str) -> list[str]:
    """Every chapter with code has results, and every cell of it was run."""
    from execute import Store, code_cells, key, read_notebook

    store, found = Store(book, name), []
    for page in book.pages:
        notebook = read_notebook(book.source(page))
        cells = code_cells(notebook) if notebook else []
        if not cells:
            continue
        if store.find(page, notebook, key(book, page, notebook)) is None:
            found.append(f"{page}.md: was not executed in its present state")
            continue
        kept = store.cache.get_cache_bundle(store.cache.match_cache_notebook(notebook).pk).nb
        for number, cell in enumerate(code_cells(kept), 1):
            if cell.source.strip() and cell.execution_count is None:
                found.append(f"{page}.md: code cell {number} was not run")
    return found


def check_budget(book: Book, pages: dict[str, Page]) -> list[str]:
    """No chapter and no page passes a limit of the budget in ``_config.yml``."""
    limits, found = book.settings["sphinx"]["config"]["budget"], []
    for docname in book.pages:
        for language in book.languages:
            name = f"{language}/{docname}.html"
            if name not in pages:
                continue  # check_equality has said so
            page = pages[name]
            costs = cost(book.build, docname, weigh(book.site, page.path, page.tree))
            if language == "en":  # executed once for all languages
                found += [f"{docname}.md: {text}" for text in passed_by_execution(costs, limits)]
            found += [f"{name}: {text}" for text in passed_by_page(costs, limits)]
    return found


def check_site(book: Book) -> list[str]:
    pages = {}
    for path in sorted(book.site.rglob("*.html")):
        if "_static" not in path.relative_to(book.site).parts:
            page = Page(book.site, path)
            pages[page.name] = page
    return [
        *check_pages(pages),
        *check_links(book, pages),
        *check_equality(book, pages),
        *check_budget(book, pages),
    ]


def check_all(book: Book, name: str) -> list[str]:
    """All complaints; `name` is the mode in which the book was executed."""
    return [*check_catalogues(book), *check_execution(book, name), *check_site(book)]


def main() -> int:
    from execute import choose_device

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the book")
    book = Book(parser.parse_args().root.resolve())
    problems = check_all(book, mode(choose_device()))
    for problem in problems:
        say(problem)
    say(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    run(main)
