"""Terms in three languages, from one file: ``book/glossary.yml``.

* the role ``{t}`feature map``` (or ``{t}`feature maps <feature map>```) marks a term in a chapter;
  in a translation it holds the term of that language: ``{t}`特徴マップ```. Its hover text shows the
  term in the other languages, its link leads to the glossary;
* the directive ``{glossary-table}`` is the page of all terms.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.nodes import make_refnode, split_explicit_title

logger = logging.getLogger(__name__)

PAGE = "book/appendix/glossary"


@dataclass(frozen=True)
class Term:
    """One row of ``glossary.yml``."""

    en: str
    ja: str
    ja_reading: str
    ko: str
    chapter: str  # the chapter that teaches it, e.g. images/local_operations
    variants: dict[str, list[str]] = field(default_factory=dict)  # also allowed, by language

    @property
    def anchor(self) -> str:
        return "term-" + re.sub(r"[^a-z0-9]+", "-", self.en.lower()).strip("-")

    def spellings(self, language: str) -> list[str]:
        """The term and what else may stand for it in `language`."""
        return [getattr(self, language), *self.variants.get(language, [])]

    @property
    def hover(self) -> str:
        return f"{self.en} · {self.ja}（{self.ja_reading}） · {self.ko}"


def load(path: Path) -> list[Term]:
    """The terms of a glossary file; a missing field or a term given twice is an error.

    Every term in a text asks for the glossary, and reading it takes longer than reading a page: it
    is read again only when it has changed.
    """
    return _load(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=1)
def _load(path: Path, changed: int) -> list[Term]:
    terms = []
    for number, row in enumerate(yaml.safe_load(path.read_text("utf-8")) or [], 1):
        try:
            terms.append(Term(**row))
        except TypeError as error:
            raise ValueError(
                f"{path.name}, entry {number} ({row}): needs en, ja, ja_reading, ko, chapter "
                f"and may have variants ({error})"
            ) from None
    seen = set()
    for term in terms:
        if term.en in seen:
            raise ValueError(f"{path.name}: the term {term.en!r} stands there twice")
        seen.add(term.en)
    return terms


def terms_of(env) -> list[Term]:
    return load(Path(env.srcdir) / "book" / "glossary.yml")


class TermRole(SphinxRole):
    """``{t}`term``` or ``{t}`words shown <term>```, in the language of the text it stands in."""

    def run(self):
        _explicit, shown, name = split_explicit_title(self.text)
        self.env.note_dependency(str(Path(self.env.srcdir) / "book" / "glossary.yml"))
        term = self.find(name)
        if term is None:
            logger.warning(
                "%r is no term of book/glossary.yml in %s",
                name,
                self.config.language,
                location=self.get_location(),
            )
            return [nodes.inline(self.rawtext, shown)], []
        node = addnodes.pending_xref(
            self.rawtext,
            refdomain="",
            reftype="glossary-term",
            reftarget=term.anchor,
            refdoc=self.env.docname,
            refexplicit=True,
            hover=term.hover,
        )
        node += nodes.inline(shown, shown, classes=["term"])
        return [node], []

    def find(self, name: str) -> Term | None:
        # a message that is not translated yet stands in the page in English
        for language in (self.config.language, "en"):
            for term in terms_of(self.env):
                if name in term.spellings(language):
                    return term
        return None


class GlossaryTable(SphinxDirective):
    """A table of all terms. It is data, so nothing of it goes to the catalogues."""

    def run(self):
        self.env.note_dependency(str(Path(self.env.srcdir) / "book" / "glossary.yml"))
        columns = ["English", "日本語", "한국어", _("Chapter")]
        table = nodes.table(classes=["glossary"])
        group = nodes.tgroup(cols=len(columns))
        table += group
        for _column in columns:
            group += nodes.colspec(colwidth=1)
        head, body = nodes.thead(), nodes.tbody()
        group += [head, body]
        row = nodes.row()
        for column in columns:
            row += nodes.entry("", nodes.paragraph("", column))
        head += row
        for term in sorted(terms_of(self.env), key=lambda t: t.en.lower()):
            row = nodes.row()
            first = nodes.paragraph("", "", nodes.strong("", term.en), ids=[term.anchor])
            japanese = nodes.paragraph("", "", nodes.inline("", term.ja, lang="ja"))
            japanese += nodes.inline("", f" {term.ja_reading}", classes=["reading"])
            korean = nodes.paragraph("", term.ko)
            for cell in (first, japanese, korean, self.chapter(term)):
                row += nodes.entry("", cell)
            body += row
            self.state.document.note_explicit_target(first)
        return [table]

    def chapter(self, term: Term) -> nodes.paragraph:
        paragraph = nodes.paragraph()
        docname = f"book/{term.chapter}"
        if docname not in self.env.found_docs:
            logger.warning(
                "book/glossary.yml: the chapter of %r is %r, which is not in _toc.yml: "
                "name the chapter that explains the term first",
                term.en,
                term.chapter,
                location=self.get_location(),
            )
            return paragraph
        paragraph += addnodes.pending_xref(
            "",
            nodes.inline("", ""),
            refdomain="std",
            reftype="doc",
            reftarget=f"/{docname}",
            refdoc=self.env.docname,
            refexplicit=False,
            refwarn=True,
        )
        return paragraph


def resolve(app, env, node, contnode):
    """A term links to its row; where a book has no glossary page, only the hover text is left."""
    if node.get("reftype") != "glossary-term":
        return None
    if PAGE not in env.found_docs:
        return nodes.abbreviation("", "", contnode, explanation=node["hover"])
    return make_refnode(
        app.builder, node["refdoc"], PAGE, node["reftarget"], contnode, node["hover"]
    )


def setup(app):
    app.add_role("t", TermRole())
    app.add_directive("glossary-table", GlossaryTable)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
