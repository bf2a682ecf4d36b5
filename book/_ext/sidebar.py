"""The contents beside each page: the chapters of its own part, and a link to each other part.

So a page costs the same however many parts the book has. What all pages share, the names of the
parts and the titles of the chapters, is set once a build.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sphinx import addnodes


@dataclass
class Part:
    """A part of ``_toc.yml``; a book without parts is one part without a name."""

    name: str | None
    titles: dict[str, str] = field(default_factory=dict)  # page: title, as HTML


def part_names(env) -> list[str | None]:
    """In the language of this build (see TranslatePartNames in languages.py)."""
    toctrees = env.tocs[env.config.root_doc].findall(addnodes.toctree)
    return [toctree.get("caption") for toctree in toctrees]


def chapters_of_the_book(env) -> list[str]:
    toctrees = env.tocs[env.config.root_doc].findall(addnodes.toctree)
    return [page for toctree in toctrees for _, page in toctree["entries"]]


def parts_of_the_book(app) -> list[Part]:
    env, found = app.env, []
    for toctree in env.tocs[env.config.root_doc].findall(addnodes.toctree):
        part = Part(toctree.get("caption"))
        for _, page in toctree["entries"]:
            if page in env.titles:
                title = app.builder.render_partial(env.titles[page])["title"]
                part.titles[page] = title
        if part.titles:
            found.append(part)
    return found


def page_context(app, pagename, templatename, context, doctree) -> None:
    if not hasattr(app.builder, "book_parts"):
        app.builder.book_parts = parts_of_the_book(app)
    context["book_parts"] = app.builder.book_parts


def setup(app):
    app.connect("html-page-context", page_context)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
