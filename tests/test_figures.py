"""Figures: words replaced, colours and ids fit for the page, photographs moved out."""

import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figures import convert
from lxml import etree
from PIL import Image

SVG = "{http://www.w3.org/2000/svg}"


def draw(photo=None) -> bytes:
    settings = {"svg.fonttype": "none", "svg.hashsalt": "book", "image.composite_image": False}
    with plt.rc_context(settings):
        figure, ax = plt.subplots(figsize=(4, 3), layout="constrained")
        if photo is None:
            ax.plot([0, 1], [1, 0], label="falling curve")
            ax.axvspan(0.2, 0.3, color="#ffffff")
            ax.legend()
        else:
            ax.imshow(photo, interpolation="none")
        ax.set_title("Error after 3 steps")
        ax.set_xlabel("time")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        plt.close(figure)
    return buffer.getvalue()


@pytest.fixture
def put(tmp_path):
    def put(svg, **options):
        defaults = {
            "prefix": "f1-",
            "alt": "A curve falls.",
            "folder": tmp_path / "_images",
            "address": "../_images",
            "translations": {},
            "known": dict.fromkeys(["falling curve", "Error after {n} steps", "time"]),
        }
        return convert(svg, **{**defaults, **options})

    return put


def test_words_are_replaced(put):
    translations = {
        "falling curve": "下がる曲線",
        "Error after {n} steps": "{n}歩後の誤差",
        "time": "時間",
    }
    svg, lost = put(draw(), translations=translations)
    texts = [e.text for e in etree.fromstring(svg).iter(f"{SVG}text")]
    assert lost == []
    assert {"下がる曲線", "3歩後の誤差", "時間"} <= set(texts)
    assert not any(re.search("[A-Za-z]{2}", text) for text in texts)


@pytest.mark.parametrize("translated", ["人", "とても長い名前の人"])
@pytest.mark.parametrize("anchor", ["left", "center", "right"])
@pytest.mark.parametrize("style", ["square", "round"])
def test_the_ground_behind_a_word_is_as_wide_as_its_translation(put, translated, anchor, style):
    with plt.rc_context({"svg.fonttype": "none", "font.size": 10}):
        figure, ax = plt.subplots()
        ax.text(0.5, 0.5, "person", ha=anchor, bbox={"facecolor": "red", "boxstyle": style})
        ax.set_axis_off()
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg")
        plt.close(figure)
    svg, _ = put(buffer.getvalue(), translations={"person": translated})
    root = etree.fromstring(svg)
    (word,) = root.iter(f"{SVG}text")
    ground = word.getparent().find(f".//{SVG}path")
    scale, _, _, _, shift, _ = map(float, ground.get("transform")[7:-1].split())
    edges = [scale * float(x) + shift for x in re.findall(r"-?[\d.]+", ground.get("d"))[::2]]
    left, right, x = min(edges), max(edges), float(word.get("x"))
    wide = 10 * len(translated)  # Chinese characters and kana are as wide as high
    start = {"left": x, "center": x - wide / 2, "right": x - wide}[anchor]
    assert 1 < start - left < 6
    assert 1 < right - (start + wide) < 6


def test_a_word_that_no_literal_accounts_for_is_reported(put):
    _, lost = put(draw(), known={"time": None})
    assert sorted(lost) == ["Error after 3 steps", "falling curve"]


def test_numbers_are_no_words(put):
    _, lost = put(draw())
    assert lost == []


def test_ink_follows_the_theme_and_paper_goes(put):
    svg, _ = put(draw())
    assert "#000000" not in svg
    assert "currentColor" in svg
    assert "DejaVu" not in svg
    root = etree.fromstring(svg)
    white = [e for e in root.iter() if "fill: #ffffff" in e.get("style", "")]
    assert len(white) == 1, "the white bar that was drawn stays, the paper does not"
    assert "var(--pst-color-background)" in svg, "the legend covers curves with the page's colour"


def test_alternative_text_for_screen_readers(put):
    root = etree.fromstring(put(draw())[0])
    assert (root.get("role"), root.get("aria-label")) == ("img", "A curve falls.")


def test_ids_differ_between_figures_and_all_references_lead_somewhere(put):
    first, second = (put(draw(), prefix=p)[0] for p in ("f1-", "f2-"))
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0].isdisjoint(ids[1])
    for svg, known in zip((first, second), ids, strict=True):
        used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
        assert used
        assert used <= known


def test_the_same_figure_is_the_same_text(put):
    assert put(draw()) == put(draw())


def test_photographs_become_small_files(put, tmp_path):
    rows, columns = np.mgrid[:200, :300]
    photo = np.stack([rows / 200, columns / 300, 0.5 + 0 * rows], axis=-1)
    svg, _ = put(draw(photo))
    assert "data:image" not in svg
    (file,) = (tmp_path / "_images").glob("*.webp")
    assert f"../_images/{file.name}" in svg
    with Image.open(file) as picture:
        error = np.abs(np.asarray(picture.convert("RGB")) / 255 - photo).mean()
    assert error < 0.02
    assert file.stat().st_size < 20_000


@pytest.mark.parametrize("later", [False, True])
def test_pictures_for_later_are_only_named(put, later):
    svg, _ = put(draw(np.zeros((4, 4, 3))), later=later)
    images = list(etree.fromstring(svg).iter(f"{SVG}image"))
    assert images
    for image in images:
        assert ("href" in image.attrib) == (not later)
        assert image.get("data-href" if later else "href").startswith("../_images/")


def formula(source: str) -> bytes:
    settings = {"svg.fonttype": "none", "svg.hashsalt": "book", "mathtext.fontset": "dejavusans"}
    with plt.rc_context(settings):
        figure = plt.figure(figsize=(2, 1))
        figure.text(0.1, 0.5, source)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        plt.close(figure)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("source", "spaces"),
    [
        ("$t = 0$", {"=": "0.2em", "0": "0.2em"}),
        ("$10^{-8}$", {}),  # the sign of an exponent stands close to it
        ("$a_1 + b$", {"+": "0.2em", "b": "0.2em"}),
        (r"$\alpha (x, y)$", {}),
    ],
)
def test_letters_of_a_formula_follow_one_another(put, source, spaces):
    """They were put in places that are right for Matplotlib's fonts only."""
    svg, _ = put(formula(source))
    first, *others = etree.fromstring(svg).iter(f"{SVG}tspan")
    assert first.get("x") == "0"
    assert others
    assert not any("x" in letter.attrib for letter in others)
    letters = "".join(letter.text for letter in (first, *others))
    assert letters == re.sub(r"[ $_^{}]", "", source.replace(r"\alpha", "α").replace("-", "−"))
    found = {letter.text: letter.get("dx") for letter in others if "dx" in letter.attrib}
    assert found == spaces


@pytest.mark.parametrize("source", [r"$\frac{a}{b}$", r"$\hat{y}$", "$x_i^2$", r"$\sqrt{2}$"])
def test_letters_that_do_not_stand_side_by_side_keep_their_places(put, source):
    svg, _ = put(formula(source))
    letters = list(etree.fromstring(svg).iter(f"{SVG}tspan"))
    assert len(letters) > 1
    assert all("x" in letter.attrib for letter in letters)


def test_a_picture_is_packed_once_for_all_languages(put, tmp_path, monkeypatch):
    folders = [tmp_path / language / "html" / "_images" for language in ("en", "ja")]
    svg = draw(np.random.default_rng(0).random((100, 100, 3)))
    first = put(svg, folder=folders[0])
    monkeypatch.setattr(Image.Image, "save", lambda *args, **options: pytest.fail("packed again"))
    assert put(svg, folder=folders[1]) == first
    assert put(svg, folder=folders[1]) == first  # now it lies there already
    (one,), (other,) = (list(folder.iterdir()) for folder in folders)
    assert one.name == other.name
    assert one.read_bytes() == other.read_bytes()


def test_tables_of_values_stay_exact(put, tmp_path):
    table = np.random.default_rng(0).random((8, 8, 3))
    put(draw(table))
    (file,) = (tmp_path / "_images").glob("*.webp")
    with Image.open(file) as picture:
        values = np.asarray(picture.convert("RGB")).astype(int)
    assert np.abs(values - table * 255).max() < 1


def test_parts_of_the_book_are_links_or_pale(put):
    """A map of the book: a picture and its title lead to the first chapter of a part."""
    with plt.rc_context({"svg.fonttype": "none"}):
        figure, axes = plt.subplots(1, 2)
        for ax, part in zip(axes, ["images", "language"], strict=True):
            ax.imshow(np.zeros((4, 4))).set_url(f"part:{part}")
            ax.set_title("time").set_url(f"part:{part}")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg")
        plt.close(figure)

    address = {"images": "../images/pixels.html"}.get
    root = etree.fromstring(put(buffer.getvalue(), first_chapter=address)[0])
    links = list(root.iter(f"{SVG}a"))
    assert [dict(link.attrib) for link in links] == [
        {"href": "../images/pixels.html", "tabindex": "-1", "aria-hidden": "true"},
        {"href": "../images/pixels.html"},
    ], "the picture is no second stop for a keyboard"
    assert links[1].find(f".//{SVG}text").text == "time"
    assert root.get("role") == "group", "an image has no links"
    pale = root.findall(f".//{SVG}g[@class='later']")
    assert len(pale) == 2
    assert "part:" not in etree.tostring(root, encoding="unicode")

    root = etree.fromstring(put(draw())[0])
    assert root.get("role") == "img"
