"""One page, three languages: the switch between them, their addresses, and notices of gaps."""

from __future__ import annotations

import os
import zlib
from functools import cache
from pathlib import Path

from docutils import nodes
from localize_code import catalogue
from myst_parser.mdit_to_docutils import base
from myst_parser.parsers import sphinx_ as messages
from sidebar import part_names
from sphinx import addnodes
from sphinx.locale import _
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxRole
from status import note_messages


def repository(config) -> str:
    """Address of the repository: the one CI runs for, else the one line in ``_config.yml``."""
    if name := os.environ.get("GITHUB_REPOSITORY"):
        return f"https://github.com/{name}"
    return config.html_theme_options.get("repository_url", "").rstrip("/")


def site_address(config) -> str:
    """Where GitHub Pages serves the site: https://<owner>.github.io/<repository>/"""
    owner, name = repository(config).split("/")[-2:]
    return f"https://{owner.lower()}.github.io/{name}/"


class RepositoryRole(SphinxRole):
    """A link to the repository, whose address stands in one place only."""

    def run(self):
        return [nodes.reference("", self.text, refuri=repository(self.config))], []


def set_words(app, config) -> None:
    """Settings that are words, in the language of this build."""
    config.html_title = config.project = _("Image Processing by Deep Learning")
    config.nb_code_prompt_show = _("Show code")
    config.nb_code_prompt_hide = _("Hide code")
    config.copybutton_prompt_text = ""
    config.html_theme_options["repository_url"] = repository(config)
    config.html_theme_options["search_bar_text"] = _("Search this book")
    config.html_theme_options["toc_title"] = _("On this page")
    config.html_baseurl = site_address(config) + f"{config.language}/"
    config.html_css_files = ["book.css"]
    config.html_js_files = [("book.js", {"defer": "defer"})]


def page_context(app, pagename, templatename, context, doctree) -> None:
    """What the templates need to link the same page in the other languages."""
    config = app.config
    page = f"{pagename}.html"
    up = "../" * (pagename.count("/") + 1)
    exists_everywhere = doctree is not None or pagename in ("search", "status", "budget")
    context["site_languages"] = (
        [
            {
                "code": code,
                "name": name,
                "href": f"{up}{code}/{page}",
                "address": f"{site_address(config)}{code}/{page}",
                "current": code == config.language,
            }
            for code, name in config.languages.items()
        ]
        if exists_everywhere
        else []
    )
    context["site_address"] = site_address(config)
    descriptions = (
        [m["content"] for m in doctree.findall(nodes.meta) if m.get("name") == "description"]
        if doctree is not None
        else []
    )
    context["page_description"] = descriptions[0] if descriptions else ""


def passage(node: nodes.Element) -> str:
    """The beginning of a text that is not translated, and its line."""
    text = node.get("alt") or node.rawsource or node.astext()
    return f"{node.line or 1}: {' '.join(text.split())[:70]!r}"


def note_gap(env, text: str) -> None:
    """Remember a text at the head of a page, or in ``_toc.yml``, that is not translated."""
    if env.config.language != "en":
        env.metadata[env.docname].setdefault("gaps", []).append(f"1: {text[:70]!r}")


class NoticeOfGaps(SphinxTransform):
    """A page whose translation lags behind says so at its head; the gaps stand there in English."""

    default_priority = 26  # after the count of translated messages (25)

    def apply(self, **kwargs) -> None:
        progress = self.document.get("translation_progress")
        if self.config.language == "en" or not progress:
            return
        gaps = [n for n in self.document.findall(nodes.Element) if n.get("translated") is False]
        # kept with the pages, so that a later build that reads nothing still knows of them
        self.env.metadata[self.env.docname]["gaps"] = [passage(node) for node in gaps]
        missing = progress["total"] - progress["translated"]
        title = next(self.document.findall(nodes.title), None)
        if not missing or title is None:
            return
        notice = nodes.admonition(classes=["translation-gap", "warning"])
        notice += nodes.title("", _("Translation under way"))
        text = _("{missing} of {total} passages of this page stand here in English, marked.")
        notice += nodes.paragraph("", text.format(missing=missing, total=progress["total"]))
        title.parent.insert(title.parent.index(title) + 1, notice)


class TranslatePartNames(SphinxTransform):
    """Names of parts stand in ``_toc.yml``: they enter the document after Sphinx has translated it."""

    default_priority = 110  # after sphinx-external-toc (100), before the collectors

    def apply(self, **kwargs) -> None:
        known = catalogue(self.env)
        for toctree in self.document.findall(addnodes.toctree):
            toctree.preserve_original_messages()
            messages = list(toctree.extract_original_messages())
            note_messages(self.env, messages)
            for message in messages:
                if translated := known.get(message):
                    toctree.apply_translated_message(message, translated)
                else:
                    note_gap(self.env, message)


class TranslateDescription(SphinxTransform):
    """The page's description for search engines, which MyST puts in after Sphinx has translated."""

    default_priority = 800  # after docutils' filter of pending nodes (780)

    def apply(self, **kwargs) -> None:
        known = catalogue(self.env)
        for meta in self.document.findall(nodes.meta):
            note_messages(self.env, [meta["content"]])
            if translated := known.get(meta["content"]):
                meta["content"] = translated
            elif meta.get("name") == "description":
                note_gap(self.env, meta["content"])


def forget_messages(app, doctree) -> None:
    """Each translated message was a document of its own, which still knows the whole book.

    What its nodes keep of it would be written and read with every page: ten times as much.
    """
    for node in doctree.findall():
        node.document = doctree


def write_everything_if_titles_changed(app, env) -> list[str]:
    """Sidebars and links show titles: when one changed, every page is written again."""
    titles = {name: title.astext() for name, title in env.titles.items()}
    titles["parts"] = part_names(env)
    before = getattr(env, "book_titles", titles)
    env.book_titles = titles
    return sorted(env.found_docs) if before != titles else []


def keep_parser(make):
    """Keep the parser that `make` makes as long as it is asked for with the same settings."""
    kept = (None, None, None)  # settings, renderer, parser

    def parser_for(config, renderer):
        nonlocal kept
        if kept[0] is not config or kept[1] is not renderer:
            kept = (config, renderer, make(config, renderer))
        return kept[2]

    parser_for.keeps = True
    return parser_for


def setup(app):
    # Each translated message is read as a document of its own. MyST is given that document, and yet
    # makes another one each time, with all settings of docutils, which takes longer than the reading.
    if not hasattr(base.make_document, "cache_info"):
        base.make_document = cache(base.make_document)
    # And it makes a parser for each, with all its rules.
    if not hasattr(messages.create_md_parser, "keeps"):
        messages.create_md_parser = keep_parser(messages.create_md_parser)
    here = Path(__file__).parent
    app.add_role("repository", RepositoryRole())
    app.add_config_value("languages", {"en": "English"}, "html")
    app.connect("config-inited", set_words, priority=400)  # before the theme reads its options
    app.connect("html-page-context", page_context)
    app.connect("doctree-read", forget_messages, priority=900)
    app.connect("env-updated", write_everything_if_titles_changed)
    app.add_transform(NoticeOfGaps)
    app.add_transform(TranslatePartNames)
    app.add_transform(TranslateDescription)
    # pages are read again when the code that reads them has changed
    version = sum(zlib.crc32(path.read_bytes()) for path in sorted(here.glob("*.py")))
    return {"env_version": version, "parallel_read_safe": True, "parallel_write_safe": True}
