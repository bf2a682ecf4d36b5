"""What a page of the built site weighs: its own bytes and those of all that it loads by itself.

Bytes are counted as a server sends them: text packed by gzip, pictures and fonts as they are.
Nothing is measured in a browser, so it is the same on any machine. A font counts when the page has
an element that a style sheet sets in it; ``tests/test_browser.py`` shows that nothing is forgotten.
"""

from __future__ import annotations

import gzip
import posixpath
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import lxml.html
from lxml import etree

PACKED = {".html", ".css", ".js", ".svg", ".json", ".txt"}
NOT_LOADED = {"canonical", "alternate", "next", "prev", "author", "search", "index"}
REFERENCES = etree.XPath("//@href | //@data-href | //@src | //@srcset | //@data | //@poster")
CLASSES = etree.XPath("//@class", smart_strings=False)
COMMENT = re.compile(r"/\*.*?\*/", re.S)
RULE = re.compile(r"([^{};]+)\{([^{}]*)\}")
IMPORT = re.compile(r"@import\s+(?:url\()?[\"']?([^\"');]+)")
SOURCE = re.compile(r"url\([\"']?([^\"')]+)")
CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")


@dataclass(frozen=True)
class Weight:
    page: int  # bytes of the page itself
    loaded: int  # bytes of everything that it loads
    requests: int  # files, the page included

    @property
    def total(self) -> int:
        return self.page + self.loaded


def addresses(tree):
    """(address, whether it is loaded without a click) of everything the page refers to."""
    for address in REFERENCES(tree):
        if not address:
            continue
        element, attribute = address.getparent(), address.attrname
        tag = element.tag.rpartition("}")[2]
        loaded = (
            attribute != "href"
            or tag in ("image", "use")
            or (tag == "link" and element.get("rel") not in NOT_LOADED)
        )
        yield str(address), loaded


def packed(content: bytes) -> int:
    return len(gzip.compress(content, 6, mtime=0))


@cache
def size(path: Path, changed: int) -> int:
    """Bytes of a file over the wire; `changed` is its time, so that a new one is measured."""
    content = path.read_bytes()
    return packed(content) if path.suffix in PACKED else len(content)


@dataclass(frozen=True)
class Font:
    family: str
    style: str
    weight: str
    file: str


@dataclass(frozen=True)
class Sheet:
    """What matters of a style sheet: other sheets, fonts, and which classes are set in which."""

    imports: tuple[str, ...]
    fonts: tuple[Font, ...]
    uses: tuple[tuple[frozenset[str], str, str, str], ...]  # classes, family, style, weight


def declared(body: str) -> dict[str, str]:
    pairs = (part.partition(":") for part in body.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def plain(family: str) -> str:
    return family.replace("\\", "").strip("\"' ")


@cache
def read_sheet(path: Path, changed: int) -> Sheet:
    text = COMMENT.sub("", path.read_text("utf-8"))
    fonts, uses = [], []
    rules = [(selector, declared(body)) for selector, body in RULE.findall(text)]
    for selector, values in rules:
        if selector.strip() == "@font-face" and (found := SOURCE.search(values.get("src", ""))):
            style, weight = values.get("font-style", "normal"), values.get("font-weight", "400")
            fonts.append(Font(plain(values["font-family"]), style, weight, found[1]))
    for selector, values in rules:
        words = values.get("font-family", values.get("font", ""))
        for family in {font.family for font in fonts}:
            if selector.strip() != "@font-face" and family in plain(words):
                style, weight = values.get("font-style", "normal"), values.get("font-weight", "")
                for one in selector.split(","):
                    uses.append((frozenset(CLASS.findall(one)), family, style, weight))
    return Sheet(tuple(IMPORT.findall(text)), tuple(fonts), tuple(uses))


def fonts_in_use(sheet: Sheet, classes: set[str]) -> set[str]:
    """Files of the fonts that the page needs. A weight that is not set may be inherited: any."""
    return {
        font.file
        for needed, family, style, weight in sheet.uses
        if needed and needed <= classes
        for font in sheet.fonts
        if font.family == family and font.style == style and weight in ("", font.weight)
    }


def files_loaded(folder: Path, page: Path, tree) -> set[Path]:
    """Files below `folder` that a browser asks for when it shows `page`."""
    classes = set(" ".join(CLASSES(tree)).split())
    found: set[Path] = set()

    def add(base: Path, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or not parts.path:
            return  # inside the page, or another host, which the check of the site forbids
        place = posixpath.normpath(posixpath.join(base.parent.as_posix(), unquote(parts.path)))
        path = Path(place)
        if path in found or not path.is_relative_to(folder) or not path.is_file():
            return
        found.add(path)
        if path.suffix == ".css":
            sheet = read_sheet(path, path.stat().st_mtime_ns)
            for inner in (*sheet.imports, *fonts_in_use(sheet, classes)):
                add(path, inner)

    for address, loaded in addresses(tree):
        if loaded:
            add(page, address)
    return found


def weigh(folder: Path, page: Path, tree=None) -> Weight:
    """The weight of the page at `page`, which loads its files from below `folder`."""
    content = page.read_bytes()
    tree = lxml.html.fromstring(content) if tree is None else tree
    files = files_loaded(folder, page, tree)
    loaded = sum(size(path, path.stat().st_mtime_ns) for path in files)
    return Weight(packed(content), loaded, 1 + len(files))
