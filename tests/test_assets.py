"""The one style sheet of the site: what of the others it keeps, its icons, and how pages look by it."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pydata_sphinx_theme
import pytest
from assets import KEPT, MEASURED, SHEET, THEME_SCRIPT, site_sheet, write_theme_script
from conftest import run_script
from icons import missing_icons, picture
from sphinx.errors import ExtensionError
from style_sheets import read, used_in_page, used_in_script
from test_browser import BOOK, SIZES, visit  # noqa: F401 (a fixture)

PAGES = ("book/index", "book/images/local_operations", "book/start/autograd", "search", "budget")
VENDOR = next(Path(pydata_sphinx_theme.__file__).parent.rglob("vendor"))


def made(folder, css, html="", script="", **others) -> str:
    """The site's sheet of a page with one sheet."""
    (folder / "a.css").write_text(css, "utf-8")
    for name, content in others.items():
        (folder / f"{name}.css").write_text(content, "utf-8")
    sheet = site_sheet(folder, read(folder, "a.css"), used_in_page(html) | used_in_script(script))
    return "".join(map(str, sheet))


HTML = '<p class="x y" id="i"><b>b</b></p>'


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        (".x{a:b}", ".x{a:b}"),
        (".z{a:b}", ""),
        ("#i{a:b} #j{a:b}", "#i{a:b}"),
        ("b{a:b} i{a:b}", "b{a:b}"),
        (".x.z, .x > B:hover, .y i{a:b}", ".x > B:hover{a:b}"),
        ('.x::before{content:".z"}', '.x::before{content:".z"}'),
        ("@media (width > 1px){.x{a:b}.z{a:b}}", "@media (width > 1px){.x{a:b}}"),
        ("@media print{.z{a:b}}", ""),
        ("@supports (a:b){@media print{.x{a:b}}}", "@supports (a:b){@media print{.x{a:b}}}"),
        (":is(.z, .x) b{a:b}", ":is(.z, .x) b{a:b}"),
        (":is(.z, #j) b{a:b} .x:has(.z){a:b} :where(.z){a:b}", ""),
        (".x:not(.z){a:b} :not(i) b{a:b}", ".x:not(.z){a:b}:not(i) b{a:b}"),
        ('[data-a="z"]{a:b} p[id]{a:b}', '[data-a="z"]{a:b}p[id]{a:b}'),
        (":root{--a: 1px} .x{b:var(--a)}", ":root{--a:1px}.x{b:var(--a)}"),
        (
            ":root{--a:var(--b);--b:1;--c:var(--d);--d:2} .x{b:var(--a)}",
            ":root{--a:var(--b);--b:1}.x{b:var(--a)}",
        ),
        (
            "@keyframes k{to{a:b}} @keyframes l{to{a:b}} .x{animation:k 1s}",
            "@keyframes k{to{a:b}}.x{animation:k 1s}",
        ),
        ("@keyframes k{to{a:b}} .z{animation:k 1s}", ""),
        (
            '@font-face{font-family:"F G";src:url("f")}.x{font-family:F G}',
            '@font-face{font-family:"F G";src:url("f")}.x{font-family:F G}',
        ),
        ("@font-face{font-family:F;src:url(f)} .z{font-family:F}", ""),
        (".x{a:b;;*a:c;color:red!important}", ".x{a:b;color:red!important}"),
        ("/* c */ .x /* c */ {a: b  c}", ".x{a:b c}"),
        ("@charset 'utf-8'; @page{margin:0}", "@page{margin:0}"),
    ],
)
def test_what_a_page_uses_is_kept(tmp_path, css, kept):
    assert made(tmp_path, css, f"<html>{HTML}") == kept


def test_a_word_of_a_script_is_used(tmp_path):
    script = "e.classList.add('z');document.createElement(\"i\").style.setProperty('--a', 1)"
    css = ".z i{a:b} .w{a:b} .z{--a:1;--b:2}"
    assert made(tmp_path, css, HTML, script) == ".z i{a:b}.z{--a:1}"


def test_imported_sheets_and_addresses(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "b.css").write_text("@import '../c.css';.x{b:url(../i/p.png) url(\"q.png\")}")
    css = "@import url(s/b.css);.x{a:url(r.png) url(data:image/png;base64,A) url('#f')}"
    assert made(tmp_path, css, HTML, c=".y{a:url(t.png)}") == (
        '.y{a:url("t.png")}.x{b:url("i/p.png") url("s/q.png")}'
        '.x{a:url("r.png") url("data:image/png;base64,A") url("#f")}'
    )


# ---- icons ---------------------------------------------------------------------------------------


def test_letters_of_the_icon_font_become_pictures(tmp_path):
    shutil.copytree(VENDOR, tmp_path / "vendor")
    css = (
        ':root{--pst-icon-a:"\\f0f3";--pst-icon-b:"\\f0f3";--fa-font-solid:normal 900 1em/1 \'Font Awesome\'}'
        ".fa-bars:before{content:'\\f0c9'}.fa-solid{font-family:Font Awesome\\ 6 Free;margin:0}"
        "@font-face{font-family:Font Awesome\\ 6 Free;src:url(f)}"
        ".x:after{color:red;content:var(--pst-icon-a);font:var(--fa-font-solid);height:2em}"
    )
    html = f'<html>{HTML}<i class="fa-solid fa-bars fa-lg fa-nothing"></i>'
    sheet = made(tmp_path, css, html)
    assert "Awesome" not in sheet
    assert "--fa" not in sheet
    assert re.search("[\ue000-\uf8ff]", sheet) is None
    assert sheet.count("data:image/svg+xml") == 2, "of the menu and of the one variable in use"
    assert sheet.index("mask:") < sheet.index("height:2em"), "the theme's own height comes last"
    rules = list(site_sheet(tmp_path, read(tmp_path, "a.css"), used_in_page(html)))
    assert missing_icons(rules, used_in_page(html).classes) == ["fa-lg", "fa-nothing"]


def test_the_picture_of_an_icon_is_drawn():
    """As large as the letter in the font, and in the middle of its box."""
    address, width = picture(VENDOR, "\uf0c9", "menu")
    svg = unquote(re.fullmatch('url\\("data:image/svg\\+xml,(.+)"\\)', address)[1])
    left, top, across, down = map(int, re.search("viewBox='([^']+)'", svg)[1].split())
    assert (left, top, across, down) == (0, -448, 448, 512)
    assert width == across / down
    numbers = re.findall("[-0-9]+", re.search(" d='([^']+)'", svg)[1])
    assert len(numbers) > 30
    assert "M" in svg


def test_an_icon_that_the_font_lacks_is_named():
    with pytest.raises(
        ExtensionError, match=r"^\.fa-new::before: .* no letter U\+EFFF: use another"
    ):
        picture(VENDOR, "\uefff", ".fa-new::before")


def test_a_theme_that_measures_something_else_is_told(tmp_path, monkeypatch):
    theme = tmp_path / "theme" / "pydata_sphinx_theme" / "static" / THEME_SCRIPT
    target = tmp_path / "html" / "_static" / THEME_SCRIPT
    for path in (theme, target):
        path.parent.mkdir(parents=True)
    told = []
    monkeypatch.setattr("assets.pydata_sphinx_theme.__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr("assets.logger.warning", lambda text, *names: told.append(text % names))
    builder = SimpleNamespace(format="html")
    app = SimpleNamespace(builder=builder, outdir=str(tmp_path / "html"))
    for script, number in ((f"measure({MEASURED})", 0), ('measure(["p"])', 1)):
        theme.write_text(script, "utf-8")
        write_theme_script(app, None)
        assert len(told) == number
        assert target.read_text("utf-8") == ('measure(["none"])' if number == 0 else script)
    assert told == [f"{THEME_SCRIPT} of the theme has changed: it measures other elements"]


# ---- in a build ----------------------------------------------------------------------------------


def test_the_sheet_is_made_anew_only_for_new_words(changed):
    """A sentence or section more changes no sheet; the first box of a colour does."""
    sheet = changed.site / "en" / "_static" / SHEET
    target = changed.sphinx_folder("en") / "html" / "_static" / SHEET
    before, kept = target.stat().st_mtime_ns, sheet.read_bytes()
    source = changed.source("book/part/chapter")
    source.write_text(source.read_text("utf-8") + "\nA sentence.\n\n## A section\n", "utf-8")
    run_script("build.py", "--root", changed.root, "--no-check")
    assert target.stat().st_mtime_ns == before
    assert sheet.read_bytes() == kept
    for language in changed.languages:  # as by a full disk: the sheets are read again
        rules = changed.sphinx_folder(language) / "doctrees" / KEPT
        assert rules.exists()
        rules.write_bytes(b"cut off")
    more = "\n```{topic} Title\n:class: sd-bg-primary\nText.\n```\n"
    source.write_text(source.read_text("utf-8") + more, "utf-8")
    run_script("build.py", "--root", changed.root, "--no-check")
    assert b".sd-bg-primary" in sheet.read_bytes()
    assert b".sd-bg-primary" not in kept


def test_the_script_of_the_theme_measures_no_block_of_code(built):
    for language in BOOK.languages:
        script = (built[0].site / language / "_static" / THEME_SCRIPT).read_text("utf-8")
        assert '["none"]' in script
        assert MEASURED not in script


# ---- in a browser --------------------------------------------------------------------------------


def own(urls):
    return {url.rpartition("/")[2].partition("?")[0] for url in urls}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_for_one_sheet_and_no_font_of_icons(visit, built, page):  # noqa: F811
    seen = visit("ja", page, "phone", "light")
    names = own(seen.requested)
    assert {name for name in names if name.endswith(".css")} == {"site.css"}
    fonts = {name for name in names if re.search("woff|ttf", name)}
    assert {name for name in fonts if not name.startswith("KaTeX_")} == set()
    assert seen.errors == []
    assert {"copybutton.js", "clipboard.min.js"} & names == (
        {"copybutton.js", "clipboard.min.js"} if page.startswith("book/") else set()
    )
    assert seen.page.evaluate(WAITS) == []


# Scripts of the site that hold up the page.
WAITS = """() => [...document.querySelectorAll("script[src]")]
  .filter((s) => !s.defer && !s.async && s.type !== "module").map((s) => s.src)"""

# Each icon that has a place on the page: its picture, its size, its colour beside that of the text.
ICONS = """() => {
  const places = [["[class*='fa-']", "::before"], [".admonition:not(details) > .admonition-title", "::after"]];
  return places.flatMap(([selector, part]) => [...document.querySelectorAll(selector)]
    .filter((e) => e.checkVisibility()).map((e) => {
      const s = getComputedStyle(e, part);
      return {name: e.className, mask: s.maskImage, width: parseFloat(s.width), height: parseFloat(s.height),
        filled: s.content !== "none" && s.backgroundColor === s.color};
    }));
}"""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_every_icon_is_seen(visit, built, page, size, scheme):  # noqa: F811
    icons = visit("ko", page, size, scheme).page.evaluate(ICONS)
    assert len(icons) >= 3, "search, colours, menu"
    for icon in icons:
        assert icon["mask"].startswith('url("data:image/svg+xml,'), icon["name"]
        assert min(icon["width"], icon["height"]) > 8, icon["name"]
        assert icon["filled"], icon["name"]


# What an element looks like, whole pixels of each length, and where it stands in its line. Of those that
# rules cannot tell apart but by their number, the first four: most of a page is words of code.
LOOKS = """(names) => {
  const whole = (value) => value.replace(/-?[\\d.]+px/g, (length) => Math.round(parseFloat(length)) + "px");
  const alike = {};
  const path = (e) => e ? path(e.parentElement) + ">" + e.tagName + "." + e.className : "";
  return [...document.querySelectorAll("body, body *:not(svg *, [class*='fa-'])")].filter((e) => {
    const kind = path(e);
    alike[kind] = (alike[kind] || 0) + 1;
    return alike[kind] <= 4;
  }).map((e) => {
    const r = e.getBoundingClientRect(), s = getComputedStyle(e);
    return {what: e.tagName + "." + e.className, box: [r.left, r.width],
      style: names.map((name) => name + ":" + whole(s.getPropertyValue(name)))};
  });
}"""
STYLE = """
    align-items align-self background-color background-image border-block border-inline border-radius box-shadow color
    cursor display flex float font-family font-size font-style font-weight grid-template-columns justify-content
    letter-spacing line-height list-style margin-block margin-inline max-width opacity order overflow-x overflow-y
    padding-block padding-inline position text-align text-decoration text-transform transform visibility white-space
    word-break z-index
"""


def looks(browser, address, size, scheme, whole=None):
    """What each element of a page looks like; with `whole` in the place of the site's sheet."""
    width, height = SIZES[size]
    viewport = {"width": width, "height": height}
    context = browser.new_context(viewport=viewport, color_scheme=scheme)
    tab = context.new_page()
    if whole:
        tab.route(f"**/{SHEET}", lambda r: r.fulfill(body=whole, content_type="text/css"))
    tab.goto(address, wait_until="networkidle")
    found = tab.evaluate(LOOKS, STYLE.split())
    context.close()
    return found


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_looks_as_by_all_sheets(browser, served, page, size, scheme):
    """The same page twice: as it is, and with whole sheets in the place of what is left of them."""
    sheet = (BOOK.site / "en" / "_static" / SHEET).read_text("utf-8")
    names = sheet.split("*/")[0].split()[1:]
    assert len(names) > 8
    whole = "".join(f'@import "{name}";' for name in names)
    address = f"{served}/en/{page}.html"
    ours = looks(browser, address, size, scheme)
    all_sheets = looks(browser, address, size, scheme, whole)
    assert len(ours) == len(all_sheets) > 80
    different = [
        (one["what"], sorted(set(one["style"]) ^ set(other["style"])), one["box"], other["box"])
        for one, other in zip(ours, all_sheets, strict=True)
        if one["style"] != other["style"]
        or max(abs(a - b) for a, b in zip(one["box"], other["box"], strict=True)) > 1
    ]
    assert different == []
