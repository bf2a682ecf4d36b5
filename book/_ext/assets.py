"""What the pages load: one style sheet with what they use, few scripts, icons as pictures.

The theme and the extensions bring a dozen style sheets, of which the pages use a quarter, and a font
for ten icons. When the pages are written, ``_static/site.css`` is made of all these sheets: a rule
stays when its classes, ids and elements stand in a page, in a template or, as words, in a script.
What a script adds to a page is therefore kept as long as the script names it.

An icon is a letter of a font in the theme's sheets. Here each becomes a picture of its own, drawn
from that font and filled with the colour of the text. A page that loads nothing twice and no font
for icons is shown sooner; it still needs no script to look right.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from pathlib import Path
from urllib.parse import quote

import tinycss2
from fontTools.misc.transform import Scale
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont
from sphinx.errors import ExtensionError
from sphinx.util import logging

logger = logging.getLogger(__name__)

SHEET = "site.css"
# The theme's own two, which come before all others: its templates link them, not Sphinx.
FIRST = ("styles/theme.css", "styles/pydata-sphinx-theme.css")
# Scripts with this word, in their name or else in their text, are for elements of these classes.
NEEDED_BY = {
    "clipboard": {"highlight"},
    "copybutton": {"highlight"},
    "toggle": {"toggle", "dropdown"},
    "design-tabs": {"sd-tab-set"},
}
CLASSES = re.compile(r'\bclass="([^"]*)"')
IDS = re.compile(r'\bid="([^"]*)"')
TAGS = re.compile(r"<([A-Za-z][\w-]*)")
SCRIPTS = re.compile(r'\bsrc="(?:[^"]*/)?_static/([^"?]+\.js)')
WORDS = re.compile(r"[A-Za-z_][\w-]*")
VARIABLES = re.compile(r"--[\w-]+")
CHOICES = {"is", "where", "has", "matches", "-webkit-any", "-moz-any"}  # one alternative is enough
LICENCE = re.compile(r"/\*!.*?\*/", re.S)
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


# ---- reading style sheets ------------------------------------------------------------------------


@dataclass
class Rule:
    selector: str
    tokens: list  # of the selector
    declarations: list[tuple[str, str]]

    def __str__(self) -> str:
        return f"{self.selector}{{{';'.join(f'{n}:{v}' for n, v in self.declarations)}}}"


@dataclass
class Group:
    """Rules under a condition such as ``@media``."""

    head: str
    rules: list = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.head}{{{''.join(map(str, self.rules))}}}"


@dataclass
class Animation:
    """``@keyframes``; without a name any other rule that is kept as it is."""

    name: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass
class Font:
    declarations: list[tuple[str, str]]

    @property
    def family(self) -> str:
        return plain(dict(self.declarations).get("font-family", ""))

    def __str__(self) -> str:
        return str(Rule("@font-face", [], self.declarations))


def plain(family: str) -> str:
    return family.replace("\\", "").strip("\"' ")


def text(tokens: Iterable) -> str:
    """Tokens as text, without comments and with single spaces."""
    parts = [
        " " if t.type == "whitespace" else t.serialize() for t in tokens if t.type != "comment"
    ]
    return "".join(parts).strip()


def declarations(content: list) -> list[tuple[str, str]]:
    """What a browser understands of the body of a rule."""
    found = tinycss2.parse_declaration_list(content, skip_comments=True, skip_whitespace=True)
    return [
        (d.name, text(d.value) + ("!important" if d.important else ""))
        for d in found
        if d.type == "declaration"
    ]


def rebase(tokens: Iterable, move: Callable[[str], str]) -> None:
    """Change the addresses in tokens and in their inner blocks."""
    for token in tokens:
        inner = [getattr(token, name, None) or [] for name in ("prelude", "arguments", "content")]
        if token.type == "url":
            change(token, move(token.value), 'url("{}")')
        if (token.type, getattr(token, "lower_name", "")) == ("function", "url") or (
            getattr(token, "lower_at_keyword", "") == "import"
        ):
            for part in chain(*inner):
                if part.type == "string":
                    change(part, move(part.value), '"{}"')
        for tokens_inside in inner:
            rebase(tokens_inside, move)


def change(token, address: str, form: str) -> None:
    token.value, token.representation = address, form.format(address)


def read(folder: Path, name: str) -> list:
    """The rules of the sheet `name` in `folder`, imported sheets in their place.

    Addresses are made relative to `folder`.
    """
    here = posixpath.dirname(name)

    def move(address: str) -> str:
        if re.match(r"[a-z]+:|[/#]", address):
            return address
        return posixpath.normpath(posixpath.join(here, address))

    tokens = tinycss2.parse_stylesheet(
        (folder / name).read_text("utf-8"), skip_comments=True, skip_whitespace=True
    )
    rebase(tokens, move)
    return list(rules(folder, tokens))


def rules(folder: Path, tokens: Iterable) -> Iterator:
    for token in tokens:
        if token.type == "qualified-rule":
            yield Rule(text(token.prelude), token.prelude, declarations(token.content))
        elif token.type == "at-rule":
            yield from at_rule(folder, token)


def at_rule(folder: Path, rule) -> Iterator:
    name, head = rule.lower_at_keyword, f"@{rule.at_keyword} {text(rule.prelude)}".strip()
    if name == "import":
        (address,) = [t for t in rule.prelude if t.type in ("string", "url")]
        yield from read(folder, address.value)
    elif name == "font-face":
        yield Font(declarations(rule.content))
    elif name.endswith("keyframes"):
        yield Animation(text(rule.prelude), f"{head}{{{text(rule.content)}}}")
    elif name in ("media", "supports", "container", "layer") and rule.content is not None:
        inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
        yield Group(head, list(rules(folder, inner)))
    elif name != "charset":
        body = f"{{{text(rule.content)}}}" if rule.content is not None else ";"
        yield Animation("", head + body)


# ---- what the pages use --------------------------------------------------------------------------


@dataclass(frozen=True)
class Used:
    """The words by which style sheets know the parts of the pages."""

    classes: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()

    def __or__(self, other: Used) -> Used:
        return Used(
            self.classes | other.classes,
            self.ids | other.ids,
            self.tags | other.tags,
            self.variables | other.variables,
        )


def used_in_page(html: str) -> Used:
    return Used(
        frozenset(" ".join(CLASSES.findall(html)).split()),
        frozenset(IDS.findall(html)),
        frozenset(map(str.lower, TAGS.findall(html))),
        frozenset(VARIABLES.findall(html)),
    )


def used_in_script(script: str) -> Used:
    """Any word of a script may be a class, an id or an element that it makes."""
    words = frozenset(WORDS.findall(script))
    return Used(words, words, words, frozenset(VARIABLES.findall(script)))


def selectors(tokens: list) -> Iterator[list]:
    """The alternatives of a list of selectors."""
    start = 0
    for end, token in enumerate([*tokens, None]):
        if token is None or token == ",":
            yield tokens[start:end]
            start = end + 1


def may_match(tokens: list, used: Used) -> bool:
    """Whether a selector can match something. What stands in ``[...]`` or ``:not(...)`` is not asked."""
    before = None
    for token in tokens:
        if token.type == "hash" and token.value not in used.ids:
            return False
        if token.type == "ident" and before == ".":
            if token.value not in used.classes:
                return False
        elif token.type == "ident" and before != ":" and token.lower_value not in used.tags:
            return False
        if token.type == "function" and token.lower_name in CHOICES:
            alternatives = selectors(token.arguments)
            if not any(may_match(alternative, used) for alternative in alternatives):
                return False
        before = token
    return True


def keep(sheet: Iterable, used: Used) -> Iterator:
    """The rules that may match something, each with those of its selectors that may."""
    for rule in sheet:
        if isinstance(rule, Rule):
            left = [text(tokens) for tokens in selectors(rule.tokens) if may_match(tokens, used)]
            if left and rule.declarations:
                yield replace(rule, selector=",".join(left))
        elif isinstance(rule, Group):
            if inner := list(keep(rule.rules, used)):
                yield Group(rule.head, inner)
        else:
            yield rule


def all_rules(sheet: Iterable) -> Iterator[Rule]:
    for rule in sheet:
        if isinstance(rule, Rule):
            yield rule
        elif isinstance(rule, Group):
            yield from all_rules(rule.rules)


def drop_variables(sheet: list, used: frozenset[str]) -> None:
    """Custom properties that nothing asks for, until each that is left is asked for."""
    count = -1
    while count:
        count = 0
        asked = used.union(
            *[VARIABLES.findall(v) for rule in all_rules(sheet) for _, v in rule.declarations]
        )
        for rule in all_rules(sheet):
            left = [d for d in rule.declarations if not d[0].startswith("--") or d[0] in asked]
            count += len(rule.declarations) - len(left)
            rule.declarations = left


def drop_fonts_and_animations(sheet: list) -> list:
    values = " ".join(v for rule in all_rules(sheet) for _, v in rule.declarations)
    families, words = plain(values), set(WORDS.findall(values))
    return [
        rule
        for rule in sheet
        if not (isinstance(rule, Font) and rule.family not in families)
        and not (isinstance(rule, Animation) and rule.name and rule.name not in words)
    ]


# ---- icons ---------------------------------------------------------------------------------------


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


SAFE = " '=:/,.-()"


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


# ---- the sheet of the site -----------------------------------------------------------------------


def site_sheet(folder: Path, names: Iterable[str], used: Used) -> list:
    """The rules of the sheets `names` in `folder` that `used` needs, in their order."""
    sheet = [rule for name in names for rule in read(folder, name)]
    sheet = list(keep(sheet, used))
    drop_variables(sheet, used.variables)
    for rule in all_rules(sheet):
        with_pictures(folder, rule)
    drop_variables(sheet, used.variables)
    return drop_fonts_and_animations(sheet)


def missing_icons(sheet: list, classes: frozenset[str]) -> list[str]:
    """Classes of icons that stand in a page, while no rule says which picture they are."""
    known = {name for rule in all_rules(sheet) for name in ICON_CLASS.findall(rule.selector)}
    return sorted(name for name in classes if ICON_CLASS.fullmatch(name) and name not in known)


def note_shared(app, builder) -> None:
    """The sheets that all pages share; what an extension adds to single pages stays theirs."""
    if builder.format == "html":
        shared = sorted(builder.css_files, key=lambda sheet: sheet.priority)
        builder.shared_sheets = [str(sheet.filename) for sheet in shared]


def needed(script, classes: frozenset[str]) -> bool:
    """Whether a page with these classes has a use for a script."""
    about = posixpath.basename(str(script.filename or "")) or script.attributes.get("body", "")
    return all(wanted & classes for word, wanted in NEEDED_BY.items() if word in about)


def deferred(script):
    """The script, run when the page is read; one without a file is run where it stands."""
    if not script.filename or "async" in script.attributes:
        return script
    attributes = {**script.attributes, "defer": "defer"}
    return type(script)(script.filename, priority=script.priority, **attributes)


def page_context(app, pagename, templatename, context, doctree) -> None:
    """A page links the site's sheet (in the template), and waits for no script."""
    shared = app.builder.shared_sheets
    context["css_files"] = [s for s in context["css_files"] if str(s.filename) not in shared]
    classes = used_in_page(context.get("body", "")).classes
    scripts = [script for script in context["script_files"] if needed(script, classes)]
    context["script_files"] = [deferred(script) for script in scripts]


def used_in_site(app) -> Used:
    """Words of all pages, of the templates of those yet to be written, and of the pages' scripts."""
    out, static = Path(app.outdir), Path(app.outdir) / "_static"
    # the theme adds folders of its own to ours
    own = [name for name in app.config.templates_path if not Path(name).is_absolute()]
    folders = [out, *(Path(app.srcdir) / name for name in own)]
    used, scripts = Used(), set()
    for path in sorted(path for folder in folders for path in folder.rglob("*.html")):
        if static not in path.parents:
            html = path.read_text("utf-8")
            used |= used_in_page(html)
            scripts |= set(SCRIPTS.findall(html))
    for path in sorted(static / name for name in scripts):
        if path.is_file():  # one that the theme has no more may stand in a page that is no more
            used |= used_in_script(path.read_text("utf-8"))
    return used


def write_sheet(app, exception) -> None:
    """When the pages and the sheets of all extensions lie in their places."""
    shared = getattr(app.builder, "shared_sheets", None)
    if exception or shared is None:  # when no page was written, there are no new words either
        return
    folder = Path(app.outdir) / "_static"
    names = [*FIRST, *(posixpath.relpath(name, "_static") for name in shared)]
    names = [name for name in names if (folder / name).is_file()]
    used = used_in_site(app)
    head = f"/*! {' '.join(names)} {digest(folder, names, used)} */\n{licences(folder, names)}"
    target = folder / SHEET
    if target.exists() and target.read_text("utf-8").startswith(head):
        return
    sheet = site_sheet(folder, names, used)
    for name in missing_icons(sheet, used.classes):
        logger.warning("the icon %s has no picture: the theme has no icon of this name", name)
    target.write_text(head + "\n".join(map(str, sheet)) + "\n", "utf-8")


def licences(folder: Path, names: Iterable[str]) -> str:
    """What the makers of the sheets want to be kept with them, each once."""
    found = [LICENCE.findall((folder / name).read_text("utf-8")) for name in names]
    return "".join(f"{words}\n" for words in dict.fromkeys(chain(*found)))


def digest(folder: Path, names: list[str], used: Used) -> str:
    """Stands for all that the sheet is made of."""
    total = hashlib.sha256(Path(__file__).read_bytes())
    for name in names:
        total.update((folder / name).read_bytes())
    for words in (used.classes, used.ids, used.tags, used.variables):
        total.update(" ".join(sorted(words)).encode())
    return total.hexdigest()[:16]


def setup(app):
    app.connect("write-started", note_shared)
    app.connect("html-page-context", page_context, priority=900)
    # after the theme has written pygments.css in the same event, before the budget weighs the pages
    app.connect("build-finished", write_sheet, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
