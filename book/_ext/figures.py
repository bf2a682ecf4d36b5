"""Figures of cells as inline SVG: words in the reader's language, colours that follow the theme.

Matplotlib writes text as text (``svg.fonttype: none``), so one execution serves all languages:
words found in the source (see ``localize_code.py``) are replaced in the drawing afterwards.
Inline SVG sees the page's fonts and its light and dark colours; a picture behind ``<img>`` sees
neither. Photographs inside a figure become WebP files, which are ten times smaller than the
lossless pictures that Matplotlib embeds.

What was drawn with ``set_url("part:images")`` is a link to the first chapter of this part that is
written, other than the page itself; it is pale where there is none.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import shutil
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from docutils import nodes
from localize_code import WORD, document_translations, translate_text
from lxml import etree
from PIL import Image
from sidebar import chapters_of_the_book
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
INK = re.compile(r"(?<=[:\s])(#000000|black)\b")
FONT_FAMILY = re.compile(r"font-family:[^;]*;?\s*")
FONT = re.compile(r"font:\s*(?P<style>(?:[a-z0-9]+\s+)*)(?P<size>[\d.]+px)\s[^;]*")
PIXELS_PER_POINT = 4 / 3
# Letters of a formula that stand side by side, and those that have space around them
LETTER = re.compile(r"[\w(),.|=≠<>≤≥≈∈→+−×·]")
OPERATOR = re.compile(r"[=≠<>≤≥≈∈→+−×·]")
NARROW = 0.25  # of the size of the letters; the narrowest, such as i, are wider
SMALL = 64  # pictures up to this many pixels a side are tables of values: kept lossless


def restyle(style: str) -> str:
    """Matplotlib's ink becomes the text colour of the page, its fonts those of the page."""
    style = FONT.sub(lambda m: f"font-size: {m['size']}", style)
    style = FONT_FAMILY.sub("", style)
    return INK.sub("currentColor", style).strip().rstrip(";")


def is_white_background(group: etree._Element) -> bool:
    path = group.find(f"{SVG}path")
    return path is not None and path.get("style", "").replace(" ", "") == "fill:#ffffff"


def drop_backgrounds(root: etree._Element) -> None:
    """The white paper behind a figure, its axes and legends; nothing that was drawn."""
    for group in list(root.iter(f"{SVG}g")):
        name = group.get("id", "")
        first = next((child for child in group if child.tag == f"{SVG}g"), None)
        if first is None or not first.get("id", "").startswith("patch_"):
            continue
        if name.startswith(("figure_", "axes_", "subfigure_")) and is_white_background(first):
            group.remove(first)
        elif name.startswith("legend_"):
            path = first.find(f"{SVG}path")
            path.set(
                "style", path.get("style", "").replace("#ffffff", "var(--pst-color-background)")
            )


def unique_ids(root: etree._Element, prefix: str) -> None:
    """Every figure of Matplotlib has a `figure_1`: ids must differ between figures of a page."""
    used = set()
    for element in root.iter():
        if isinstance(element.tag, str):
            for name, value in element.attrib.items():
                if name == HREF or name == "href":
                    if value.startswith("#"):
                        used.add(value[1:])
                        element.set(name, f"#{prefix}{value[1:]}")
                elif "url(#" in value:
                    used.update(re.findall(r"url\(#([^)]*)\)", value))
                    element.set(name, value.replace("url(#", f"url(#{prefix}"))
    for element in root.iter():
        if isinstance(element.tag, str) and (name := element.get("id")):
            if name in used:
                element.set("id", prefix + name)
            else:
                del element.attrib["id"]  # names nothing: only weight


def close_up(root: etree._Element) -> None:
    """Let the letters of a formula follow one another, in whichever font they are shown.

    Matplotlib puts each in its place, which is right for its own fonts only. What does not stand
    side by side, as in a fraction or below a hat, stays in its place.
    """
    for text in root.iter(f"{SVG}text"):
        letters = text.findall(f"{SVG}tspan")
        if not all(LETTER.fullmatch(x.text or "") and " " not in x.get("x") for x in letters):
            continue
        letters.sort(key=lambda letter: float(letter.get("x")))  # they come by their style
        sizes = [float(re.search(r"([\d.]+)px", letter.get("style"))[1]) for letter in letters]
        steps = [float(b.get("x")) - float(a.get("x")) for a, b in pairwise(letters)]
        if any(step < NARROW * size for step, size in zip(steps, sizes, strict=False)):
            continue
        text[:] = letters
        spaced = False
        for (before, letter), (size_before, size) in zip(
            pairwise(letters), pairwise(sizes), strict=True
        ):
            # the sign of an exponent stands close to its number
            operator = size >= size_before and OPERATOR.fullmatch(letter.text) is not None
            del letter.attrib["x"]
            if operator or (spaced and before.get("y") == letter.get("y")):
                letter.set("dx", "0.2em")
            spaced = operator


def move_out_pictures(root: etree._Element, folder: Path, address: str, later: bool) -> None:
    """Write embedded pictures as WebP files below `folder`; the figure links to them.

    In SVG there is no `loading="lazy"`: a browser loads all of them at once. Those for `later` are
    only named, and `book.js` loads them when the page stands.
    """
    link = "data-href" if later else "href"
    for image in root.iter(f"{SVG}image"):
        data = image.get(HREF) or image.get("href") or ""
        if not data.startswith("data:image/png;base64,"):
            continue
        content = base64.b64decode(data.partition(",")[2])
        if max(Image.open(io.BytesIO(content)).size) <= SMALL:
            options = {"lossless": True, "quality": 100}
        else:
            options = {"quality": 84}
            image.attrib.pop("style", None)  # a photograph is scaled smoothly, a table is not
        image.attrib.pop(HREF, None)
        image.attrib.pop("href", None)
        image.set(link, f"{address}/{write_picture(content, folder, options)}")


def write_picture(content: bytes, folder: Path, options: dict) -> str:
    """Write a picture as WebP where it does not lie there yet; returns the file's name.

    To pack it takes long. A file that another language has packed already is copied.
    """
    name = hashlib.sha256(content + repr(options).encode()).hexdigest()[:20] + ".webp"
    target = folder / name
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(f".{os.getpid()}.part")
        for other in folder.parents[2].glob(f"*/{'/'.join(folder.parts[-2:])}/{name}"):
            with suppress(OSError):
                shutil.copyfile(other, part)
                break
        else:
            Image.open(io.BytesIO(content)).save(part, "WEBP", **options)
        part.replace(target)
    return name


def width(text: str, size: float) -> float:
    """About how wide a text is drawn in letters of this size."""
    return size * sum(1 if unicodedata.east_asian_width(c) in "WF" else 0.6 for c in text)


def fit_ground(element: etree._Element, before: str) -> None:
    """Make the coloured ground behind a word (`bbox=` of Matplotlib) as wide as its translation."""
    ground = element.getparent().find(f"{SVG}g/{SVG}path")
    if ground is None or element.get("x") is None:  # none, or the word stands on its side
        return
    edges = [float(x) for x in re.findall(r"-?[\d.]+", ground.get("d"))[::2]]
    left, right = min(edges), max(edges)
    style, place = element.get("style", ""), float(element.get("x"))
    size = float(re.search(r"([\d.]+)px", style)[1])
    padding = max((right - left - width(before, size)) / 2, 1.5)
    wide = width(element.text, size)
    start = {"middle": place - wide / 2, "end": place - wide}
    anchor = re.search(r"text-anchor: *(\w+)", style)
    new_left = start.get(anchor[1] if anchor else "start", place) - padding
    scale = (wide + 2 * padding) / (right - left)
    ground.set("transform", f"matrix({scale:.4f} 0 0 1 {new_left - scale * left:.3f} 0)")


def translate_words(root: etree._Element, translations: dict, known: dict) -> list[str]:
    """Replace words; returns those that no literal of the source accounts for."""
    lost = []
    for element in root.iter(f"{SVG}text"):
        text = "".join(element.itertext())
        if not WORD.search(text):
            continue
        translated = translate_text(text, translations)
        if translated is not None:
            for child in list(element):
                element.remove(child)
            element.text = translated
            if translated != text:
                fit_ground(element, text)
        elif translate_text(text, dict.fromkeys(known, "")) is None:
            lost.append(text)
    return lost


def link_parts(root: etree._Element, first_chapter: Callable[[str], str | None]) -> bool:
    """Links to parts of the book get their addresses, or become pale; whether one is left."""
    found = False
    for link in root.iter(f"{SVG}a"):
        address = link.attrib.pop(HREF, None) or link.get("href", "")
        link.attrib.pop("target", None)
        if address.startswith("part:"):
            address = first_chapter(address.removeprefix("part:"))
        if address is None:
            link.tag = f"{SVG}g"
            link.set("class", "later")
            continue
        found = True
        link.set("href", address)
        if link.find(f".//{SVG}text") is None:  # the same link stands beside it, in words
            link.set("tabindex", "-1")
            link.set("aria-hidden", "true")
    return found


def convert(
    svg: bytes,
    *,
    prefix: str,
    alt: str,
    folder: Path,
    address: str,
    translations: dict,
    known: dict,
    first_chapter: Callable[[str], str | None] = lambda part: None,
    later: bool = False,
) -> tuple[str, list[str]]:
    """(SVG element for the page, words that cannot be translated)."""
    parser = etree.XMLParser(remove_comments=True, remove_blank_text=True, huge_tree=True)
    root = etree.fromstring(svg, parser)
    for element in root.findall(f"{SVG}metadata"):
        root.remove(element)
    for style in list(root.iter(f"{SVG}style")):
        style.getparent().remove(style)  # one rule, which the book's style sheet has
    drop_backgrounds(root)
    lost = translate_words(root, translations, known)
    move_out_pictures(root, folder, address, later)
    has_links = link_parts(root, first_chapter)
    for element in root.iter():
        if isinstance(element.tag, str) and (style := element.get("style")):
            element.set("style", restyle(style))
    close_up(root)
    unique_ids(root, prefix)
    _, _, width, height = (float(v) for v in root.get("viewBox").split())
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("class", "figure-svg")
    root.set("role", "group" if has_links else "img")  # nobody could reach a link in an image
    root.set("aria-label", alt)
    root.set("width", f"{width * PIXELS_PER_POINT:.0f}")
    root.set("height", f"{height * PIXELS_PER_POINT:.0f}")
    etree.cleanup_namespaces(root)
    return etree.tostring(root, encoding="unicode"), lost


class InlineFigures(SphinxPostTransform):
    """Replace the SVG pictures of a page's cells by inline SVG."""

    default_priority = 6  # right after myst-nb has chosen among the formats of an output
    formats = ("html",)

    def run(self, **kwargs) -> None:
        translations, known = document_translations(self.document, {"word"})
        page = Path(self.app.outdir) / self.env.docname
        folder = Path(self.app.outdir) / "_images"
        address = os.path.relpath(folder, page.parent).replace(os.sep, "/")
        chapters = chapters_of_the_book(self.env)

        def first_chapter(part: str) -> str | None:
            for name in chapters:
                if name.startswith(f"book/{part}/") and name != self.env.docname:
                    return self.app.builder.get_relative_uri(self.env.docname, name)
            return None

        number = 0
        for image in list(self.document.findall(nodes.image)):
            source = Path(self.env.srcdir) / image["uri"].lstrip("/")
            if source.suffix != ".svg" or "jupyter_execute" not in source.parts:
                continue
            number += 1
            alt = image.get("alt", "")
            if not alt:
                logger.warning(
                    "a figure has no alternative text: add `mystnb: image: alt:` to its cell",
                    location=image,
                )
            if b"<text" not in source.read_bytes() and b"DejaVuSans-" in source.read_bytes():
                logger.warning("the words of a figure were drawn as curves", location=image)
            svg, lost = convert(
                source.read_bytes(),
                prefix=f"f{number}-",
                alt=alt,
                folder=folder,
                address=address,
                translations=translations,
                known=known,
                first_chapter=first_chapter,
                later=number > 1,
            )
            for word in lost:
                logger.warning(
                    "the word %r in a figure is no literal of title=, label=, ...: "
                    "it cannot be translated",
                    word,
                    location=image,
                )
            image.replace_self(nodes.raw("", svg, format="html"))


def setup(app):
    app.add_post_transform(InlineFigures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
