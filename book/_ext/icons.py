"""Icons as pictures: in the theme's sheets an icon is a letter of a font.

Here each becomes a picture of its own, drawn from that font and filled with the colour of the text.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import quote

from fontTools.misc.transform import Scale
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont
from sphinx.errors import ExtensionError
from style_sheets import Rule, all_rules, plain

ICON_FONTS = ("fa-solid-900.ttf", "fa-brands-400.ttf")
ICON_CLASS = re.compile(r"fa-[\w-]+")
PRIVATE = re.compile("^[\"']([\ue000-\uf8ff])[\"']$")  # a letter that only an icon font has
# How an icon is shown where the theme has set a letter in the font.
SHOWN = {
    "display": "inline-block",
    "width": "1em",
    "height": "1em",
    "background-color": "currentColor",
    "-webkit-mask": "var(--icon) center/contain no-repeat",
    "mask": "var(--icon) center/contain no-repeat",
}
SAFE = " '=:/,.-()"  # need no quoting in an address of a picture


@cache
def icon_fonts(folder: Path) -> list[TTFont]:
    return [TTFont(path) for name in ICON_FONTS for path in sorted(folder.rglob(name))]


def picture(folder: Path, letter: str, place: str) -> tuple[str, float]:
    """The address (``data:``) of an icon's picture, and its width in its height.

    `place` is the selector or variable that asks for it: a message names it.
    """
    for font in icon_fonts(folder):
        if name := font.getBestCmap().get(ord(letter)):
            break
    else:
        raise ExtensionError(
            f"{place}: the theme's icon fonts have no letter U+{ord(letter):04X}: "
            "use another icon, or give it a picture in book.css"
        )
    glyphs, height = font.getGlyphSet(), font["head"].unitsPerEm
    # icons stand in the middle of their line, and are as high as the letters are large
    top = (font["hhea"].ascent + font["hhea"].descent + height) // 2
    width = glyphs[name].width
    pen = SVGPathPen(glyphs, ntos=lambda value: f"{value:.0f}")
    glyphs[name].draw(TransformPen(pen, Scale(1, -1)))
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 {-top} {width} {height}'>"
        f"<path d='{pen.getCommands()}'/></svg>"
    )
    return f'url("data:image/svg+xml,{quote(svg, safe=SAFE)}")', width / height


def with_pictures(folder: Path, rule: Rule) -> None:
    """Letters of an icon font become pictures, and what is set in that font shows these."""
    found: list[tuple[str, str]] = []
    for name, value in rule.declarations:
        variable = name.startswith("--")
        if letter := PRIVATE.match(value):
            address, width = picture(folder, letter[1], name if variable else rule.selector)
            if variable:
                found.append((name, address))
            else:
                found += {**SHOWN, "width": f"{width:.4g}em", name: '""', "--icon": address}.items()
        elif name == "content" and "--pst-icon-" in value:
            found += [(name, '""'), ("--icon", value)]
        elif name == "font" and "--fa-font-" in value:
            found += SHOWN.items()
        elif "Font Awesome" not in plain(value):
            found.append((name, value))
    rule.declarations = found


def missing_icons(sheet: list, classes: frozenset[str]) -> list[str]:
    """Classes of icons that stand in a page, while no rule says which picture they are."""
    known = {name for rule in all_rules(sheet) for name in ICON_CLASS.findall(rule.selector)}
    return sorted(name for name in classes if ICON_CLASS.fullmatch(name) and name not in known)
