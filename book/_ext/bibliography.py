"""The sources of a chapter, without a search for each list.

Pybtex looks through all installed packages whenever it needs a style, for each list of sources
several times. A style that is registered is found at once.
"""

from __future__ import annotations

from pybtex.plugin import find_plugin, register_plugin

STYLES = (  # what the lists of sources of a book ask for; another one would be looked for as before
    ("pybtex.backends", "docutils"),
    ("pybtex.backends", "plaintext"),
    ("pybtex.style.formatting", "plain"),
    ("pybtex.style.labels", "number"),
    ("pybtex.style.names", "last"),
    ("pybtex.style.names", "plain"),
    ("pybtex.style.sorting", "author_year_title"),
)


def setup(app):
    for group, name in STYLES:
        # without `force` a style that some package offers would not be registered
        register_plugin(group, name, find_plugin(group, name), force=True)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
