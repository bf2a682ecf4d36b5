"""The page "Translation status": which messages of which page are translated, counted at build.

A message is what a translator translates at a time: a sentence or paragraph, a title, a comment.
What a page has to translate is read from its source; what is translated, from its catalogue. So
the counts are right also when nobody has brought the catalogues up to date.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import polib
from docutils import nodes
from sphinx.locale import _
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import extract_messages


@dataclass(frozen=True)
class Count:
    """How many messages a page has, and how many of them lag behind."""

    messages: int = 0
    missing: int = 0  # stands in English
    outdated: int = 0  # its English changed; stands in English too ("fuzzy" in the catalogue)
    obsolete: int = 0  # in the catalogue, but no longer on the page

    @property
    def percent(self) -> int:
        """Of the messages that are translated; 100 only if none lags behind."""
        done = self.messages - self.missing - self.outdated
        return 100 * done // self.messages if self.messages else 100

    def __add__(self, other: Count) -> Count:
        return Count(
            self.messages + other.messages,
            self.missing + other.missing,
            self.outdated + other.outdated,
            self.obsolete + other.obsolete,
        )


def count(messages: list[str], catalogue: Path) -> Count:
    """Compare a page's messages with its catalogue; one that cannot be read translates nothing."""
    try:
        entries = polib.pofile(str(catalogue)) if catalogue.exists() else []
    except (OSError, UnicodeDecodeError, ValueError):
        entries = []
    known = {entry.msgid: entry for entry in entries if not entry.obsolete}
    outdated = {m for m in messages if m in known and known[m].fuzzy}
    missing = {m for m in messages if m not in known or not known[m].msgstr} - outdated
    left_over = sum(1 for entry in entries if entry.obsolete or entry.msgid not in set(messages))
    return Count(len(set(messages)), len(missing), len(outdated), left_over)


def note_messages(env, messages) -> None:
    """Remember what the page that is being read has to translate."""
    known = env.metadata[env.docname].setdefault("messages", [])
    known.extend(m for m in dict.fromkeys(messages) if m not in known)


class FindPageMessages(SphinxTransform):
    """The messages of the text and of the cells; those of the head are added in languages.py."""

    default_priority = 19  # just before Sphinx translates them (20)

    def apply(self, **kwargs) -> None:
        note_messages(self.env, [message for _, message in extract_messages(self.document)])


class LinkNotice(SphinxPostTransform):
    """The notice that a page has gaps leads to the page's row in the status of its language."""

    default_priority = 700
    formats = ("html",)

    def run(self, **kwargs) -> None:
        for notice in self.document.findall(nodes.admonition):
            if "translation-gap" in notice["classes"]:
                docname = self.env.docname
                address = self.app.builder.get_relative_uri(docname, "status")
                row = f"{self.config.language}-{docname.replace('/', '-')}"
                link = nodes.reference(
                    "", _("Translation status"), refuri=f"{address}#{row}", internal=True
                )
                notice += nodes.paragraph("", "", link)


def count_all(app, env) -> list[str]:
    """Count what changed; then the page is written again, also when no chapter is."""
    before = getattr(env, "translation_status", {})
    now = {}
    folder = Path(app.srcdir) / app.config.locale_dirs[0]
    for language in app.config.languages:
        for page in sorted(env.found_docs) if language != "en" else []:
            catalogue = folder / language / "LC_MESSAGES" / f"{page}.po"
            messages = env.metadata.get(page, {}).get("messages", [])
            state = hashlib.sha256("\0".join(messages).encode())
            state.update(catalogue.read_bytes() if catalogue.exists() else b"")
            kept = before.get((language, page))
            if kept and kept[0] == state.digest():
                now[language, page] = kept
            else:
                now[language, page] = (state.digest(), count(messages, catalogue))
    env.translation_status = now
    counts = {key: kept[1] for key, kept in now.items()}
    return [] if counts == {key: kept[1] for key, kept in before.items()} else [env.config.root_doc]


def pages(app):
    """Sphinx asks for pages that no document stands behind, after it has written the others."""
    counts = {key: kept[1] for key, kept in app.env.translation_status.items()}
    languages = {code: name for code, name in app.config.languages.items() if code != "en"}
    totals = {
        code: sum((c for (language, _), c in counts.items() if language == code), Count())
        for code in languages
    }
    context = {"title": _("Translation status"), "translations": languages}
    yield "status", context | {"counts": counts, "totals": totals}, "status.html"


def setup(app):
    app.add_transform(FindPageMessages)
    app.add_post_transform(LinkNotice)
    app.connect("env-updated", count_all)
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
