"""Code with an element only for what has a colour of its own.

Pygments marks every name, bracket and space. Most of them look like plain text in the two styles of
``_config.yml``; without their elements a page has a third less to lay out.
"""

from __future__ import annotations

from functools import cache

from pygments.formatters import HtmlFormatter
from pygments.styles import get_style_by_name
from pygments.token import Text
from sphinx.highlighting import PygmentsBridge

STYLES = ("pygments_light_style", "pygments_dark_style")  # options of the theme


class SparingFormatter(HtmlFormatter):
    """Writes tokens that look like text as text."""

    styles: tuple[str, ...] = ()

    def format_unencoded(self, tokensource, outfile) -> None:
        tokens = ((Text if plain(kind, self.styles) else kind, text) for kind, text in tokensource)
        super().format_unencoded(tokens, outfile)


@cache
def plain(kind, styles: tuple[str, ...]) -> bool:
    """Whether a kind of token looks like text in all styles."""
    found = [get_style_by_name(name) for name in styles]
    return all(style.style_for_token(kind) == style.style_for_token(Text) for style in found)


def use(app, config) -> None:
    options = config.html_theme_options
    SparingFormatter.styles = tuple(options[name] for name in STYLES if name in options)
    if len(SparingFormatter.styles) == len(STYLES):
        PygmentsBridge.html_formatter = SparingFormatter


def setup(app):
    app.connect("config-inited", use)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
