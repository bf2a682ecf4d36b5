"""The sources of a chapter, without a search for each list.

Pybtex looks through all installed packages whenever it needs a style, for each list of sources
several times. What was found once is found at once.
"""

from __future__ import annotations

from functools import cache

from pybtex import plugin


def setup(app):
    if not hasattr(plugin.entry_points, "cache_info"):
        plugin.entry_points = cache(plugin.entry_points)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
