"""The book's own search in place of Sphinx's, which knows no Korean and does not split Japanese.

The page is ``book/_templates/search.html``; ``scripts/index.py`` makes the index that it asks.
"""

from __future__ import annotations

from pathlib import Path

# Scripts that serve Sphinx's search only. They are neither loaded nor published.
SPHINX_SEARCH = (
    "searchtools.js",
    "language_data.js",
    "doctools.js",
    "sphinx_highlight.js",
    "translations.js",
)


def without_index(app) -> None:
    app.builder.search = False


def without_scripts(app, pagename, templatename, context, doctree) -> None:
    context["script_files"] = [
        script
        for script in context["script_files"]
        if Path(getattr(script, "filename", None) or "").name not in SPHINX_SEARCH
    ]


def setup(app):
    app.connect("builder-inited", without_index)
    app.connect("html-page-context", without_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
