"""The built site in a real browser: what a reader would notice before any checker does."""

import os
import re
import shutil
import subprocess
import sys

import check_notebooks
import pytest
from conftest import ROOT

from book import Book

BOOK = Book(ROOT)
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
LOCALES = {"en": "en-GB", "ja": "ja-JP", "ko": "ko-KR"}
SMALLEST_LETTERS = 8  # pixels, on a phone


def views() -> list[tuple[str, str]]:
    """(page, language) of what changed, the home page and one a part; `-m slow` visits all."""
    first_of_parts = {page.rpartition("/")[0]: page for page in reversed(BOOK.pages)}
    wanted = check_notebooks.changed(BOOK)
    wanted |= {page: set(BOOK.languages) for page in first_of_parts.values()}
    return [
        (page, language)
        for page in BOOK.pages
        for language in BOOK.languages
        if language in wanted.get(page, ())
    ]


class Visit:
    """A page as one reader sees it, and everything that went wrong in it."""

    def __init__(self, browser, served, language, page, size, scheme, whole=True):
        width, height = SIZES[size]
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            is_mobile=size == "phone",
            color_scheme=scheme,
            locale=LOCALES[language],
        )
        self.page = self.context.new_page()
        self.errors, self.outside, self.missing = [], [], []
        self.requested = []
        self.page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("request", lambda r: self.note_request(r, served))
        self.page.on("response", lambda r: r.status >= 400 and self.missing.append(r.url))
        self.page.goto(f"{served}/{language}/{page}.html", wait_until="load")
        if whole:  # also what is not in sight, which a browser would skip
            self.page.evaluate("document.documentElement.classList.add('whole')")

    def note_request(self, request, served):
        self.requested.append(request.url)
        if not request.url.startswith((served, "data:", "blob:")):
            self.outside.append(request.url)

    def close(self):
        self.context.close()


@pytest.fixture
def visit(browser, served):
    open_visits = []

    def visit(*arguments, **options):
        open_visits.append(Visit(browser, served, *arguments, **options))
        return open_visits[-1]

    yield visit
    for one in open_visits:
        one.close()


# All words of a figure with their boxes, in pixels of the page.
WORDS = """() => [...document.querySelectorAll("svg.figure-svg")].map((svg, number) => {
  const article = document.querySelector("article").getBoundingClientRect();
  const words = [...svg.querySelectorAll("text")].map((t) => {
    const r = t.getBoundingClientRect(), s = getComputedStyle(t);
    const upright = Math.abs(t.getScreenCTM().b) < 1e-3;
    const scale = Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b);
    return {text: t.textContent, left: r.left, top: r.top, right: r.right, bottom: r.bottom,
            size: parseFloat(s.fontSize) * scale, fill: s.fill, upright};
  });
  return {number, left: article.left, right: article.right, words};
})"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("page", "language"), views())
def test_page(visit, built, page, language, size, scheme):
    look_at(visit, page, language, size, scheme)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", list(BOOK.languages))
@pytest.mark.parametrize("page", BOOK.pages)
def test_every_page(visit, built, page, language, size, scheme):
    look_at(visit, page, language, size, scheme)


# How far what the reader sees has moved by itself until now (1 is the whole screen), and what moved.
SHIFT = """() => new Promise((resolve) => {
  let shift = 0;
  const moved = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      shift += entry.value;
      for (const { node, previousRect, currentRect } of entry.sources) {
        const name = node ? `${node.nodeName} ${node.className} ${node.textContent.slice(0, 40)}` : "gone";
        moved.push(`${name}: ${JSON.stringify(previousRect)} to ${JSON.stringify(currentRect)}`);
      }
    }
  }).observe({type: "layout-shift", buffered: true});
  setTimeout(() => resolve([shift, moved]), 100);
})"""


def look_at(visit, page, language, size, scheme):
    seen = visit(language, page, size, scheme)
    assert seen.errors == []
    assert seen.outside == []
    assert seen.missing == []
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert seen.page.evaluate(width) <= 0, "the page scrolls sideways"
    assert seen.page.evaluate("document.documentElement.lang") == language
    assert seen.page.evaluate("document.documentElement.dataset.theme") == scheme
    shift, moved = seen.page.evaluate(SHIFT)
    assert shift < 0.01, moved
    for figure in seen.page.evaluate(WORDS):
        check_words(figure, size)


def check_words(figure, size):
    words = [w for w in figure["words"] if w["text"].strip()]
    for word in words:
        place = f"figure {figure['number'] + 1}: {word['text']!r}"
        assert word["left"] >= figure["left"] - 1, f"{place} is cut off on the left"
        assert word["right"] <= figure["right"] + 1, f"{place} is cut off on the right"
        assert word["size"] >= SMALLEST_LETTERS, f"{place} has letters of {word['size']:.1f} pixels"
    for number, one in enumerate(words):
        for other in words[number + 1 :]:
            across = min(one["right"], other["right"]) - max(one["left"], other["left"])
            down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
            # a box is higher than its letters: a few pixels of it may touch
            lower = min(one["bottom"] - one["top"], other["bottom"] - other["top"])
            overlap = across > 1.5 and down > 0.3 * lower
            assert not overlap, (
                f"figure {figure['number'] + 1}: {one['text']!r} on {other['text']!r}"
            )


def test_overlapping_and_cut_off_words_are_found():
    word = {"text": "a", "left": 10, "right": 30, "top": 0, "bottom": 10, "size": 12}
    figure = {
        "number": 0,
        "left": 0,
        "right": 100,
        "words": [word, {**word, "left": 32, "right": 50}],
    }
    check_words(figure, "phone")
    for change in ({"left": 25}, {"right": 105}, {"left": -9, "right": 5}, {"size": 6}):
        spoilt = {**figure, "words": [word, {**figure["words"][1], **change}]}
        with pytest.raises(AssertionError):
            check_words(spoilt, "phone")


CONTRAST = """() => {
  const luminance = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = luminance(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll("svg.figure-svg text")]
    .filter((t) => !t.style.fill || t.style.fill.toLowerCase() === "currentcolor")
    .map((t) => {
      const ink = luminance(getComputedStyle(t).fill);
      return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_of_figures_stand_out_from_the_page(visit, built, scheme):
    seen = visit("ja", "book/images/local_operations", "desktop", scheme)
    contrasts = seen.page.evaluate(CONTRAST)
    assert len(contrasts) > 20
    assert min(contrasts) > 4.5


@pytest.mark.parametrize(("start", "target"), [("en", "ja"), ("ja", "ko"), ("ko", "en")])
def test_the_switch_keeps_page_and_section(visit, built, start, target):
    seen = visit(start, "book/images/local_operations", "desktop", "light")
    section = "local-operations-blur"
    top = f"document.getElementById('{section}').getBoundingClientRect().top"
    seen.page.evaluate(
        f"document.getElementById('{section}').scrollIntoView({{behavior: 'instant'}})"
    )
    # with the mouse, as a reader does: Playwright's own click would scroll first
    box = seen.page.locator(f".language-switch a[lang={target}]").bounding_box()
    with seen.page.expect_navigation():
        seen.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert f"/{target}/book/images/local_operations.html#" in seen.page.url
    seen.page.wait_for_timeout(1000)  # a browser may scroll smoothly
    assert abs(seen.page.evaluate(top)) < 200
    assert seen.page.evaluate("localStorage.getItem('language')") == target
    assert seen.errors == []


TOP = "(id) => document.getElementById(id).getBoundingClientRect().top"
SHOWN = "(id) => document.getElementById(id).lastElementChild.checkVisibility({contentVisibilityAuto: true})"


def test_a_long_page_is_laid_out_as_it_is_read_and_each_place_is_reached(visit, built):
    seen = visit("en", "book/images/local_operations", "desktop", "light", whole=False)
    links = seen.page.locator(".bd-sidebar-secondary a[href^='#']")
    ids = [href[1:] for href in links.evaluate_all("all => all.map((a) => a.getAttribute('href'))")]
    last = ids[-1]
    assert len(ids) > 10
    assert seen.page.evaluate(SHOWN, ids[0])
    assert not seen.page.evaluate(SHOWN, last)
    links.last.click()
    seen.page.wait_for_timeout(1500)  # a browser may scroll smoothly
    assert abs(seen.page.evaluate(TOP, last)) < 200
    seen.page.reload()
    seen.page.wait_for_timeout(500)
    assert abs(seen.page.evaluate(TOP, last)) < 200
    seen.page.goto(seen.page.url.partition("#")[0])
    seen.page.mouse.wheel(0, 9000)
    seen.page.wait_for_timeout(1500)
    before = seen.page.evaluate("scrollY")
    assert before > 5000
    seen.page.reload()
    seen.page.wait_for_timeout(500)
    assert abs(seen.page.evaluate("scrollY") - before) < 200
    assert seen.errors == []


def test_pictures_of_later_figures_wait_for_the_page(visit, built):
    page = "book/images/local_operations"
    text = (BOOK.site / "en" / f"{page}.html").read_text("utf-8")
    first, *others = re.findall('<svg[^>]*class="figure-svg".*?</svg>', text, re.S)
    later = set(re.findall(r'<image[^>]* data-href="[^"]*/([^"]+)"', "".join(others)))
    assert ' data-href="' not in first
    assert len(later) > 20
    # who switched JavaScript off is told
    glossary = (BOOK.site / "en" / "book" / "appendix" / "glossary.html").read_text("utf-8")
    assert "<noscript><p>" in text
    assert "<noscript><p>" not in glossary
    seen = visit("en", page, "phone", "light", whole=False)
    seen.page.wait_for_function("!document.querySelector('image[data-href]')")
    seen.page.wait_for_load_state("networkidle")
    assert seen.page.locator("image:not([href])").count() == 0
    asked = seen.page.evaluate(
        """() => {
            const end = performance.getEntriesByType("navigation")[0].loadEventStart;
            const files = performance.getEntriesByType("resource");
            return files.map((file) => [file.name.split("/").pop(), file.startTime >= end]);
        }"""
    )
    assert {name for name, after in asked if after} >= later
    assert not {name for name, after in asked if not after} & later


# Particles that begin a line: the letters before and after each joiner, and each formula with its particle.
TORN = """() => {
  const torn = [], texts = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT);
  const place = (node, at) => {
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    return range.getBoundingClientRect();
  };
  const compare = (before, after, words) => {
    if (after.top > before.top + before.height / 2) torn.push(words);
  };
  let looked = 0;
  for (let node; (node = texts.nextNode()); ) {
    for (let at = node.data.indexOf("\u2060"); at >= 0; at = node.data.indexOf("\u2060", at + 1), looked++) {
      const front = node.previousSibling;
      const before = at ? place(node, at - 1) : [...front.getClientRects()].at(-1);
      compare(before, place(node, at + 1), node.data.slice(Math.max(0, at - 8), at + 4));
    }
  }
  for (const whole of document.querySelectorAll("article .unbroken")) {
    const [formula, particle] = whole.childNodes;
    compare(formula.getBoundingClientRect(), place(particle, 0), whole.textContent);
    looked++;
  }
  return { torn, looked };
}"""


@pytest.mark.parametrize("page", ["autograd", "modules"])  # formulas; code in headings
def test_no_particle_is_torn_off_in_korean(visit, built, page):
    seen = visit("ko", f"book/start/{page}", "phone", "light")
    answer = seen.page.evaluate(TORN)
    assert answer["torn"] == []
    assert answer["looked"] > 50
    seen.page.add_style_tag(content=".unbroken { white-space: normal !important; }")
    assert seen.page.evaluate(TORN)["torn"]  # so it can be seen


def test_the_end_of_a_long_page_and_a_section_of_another_are_reached(visit, built):
    seen = visit("ko", "book/images/local_operations", "desktop", "light", whole=False)
    seen.page.keyboard.press("End")
    seen.page.wait_for_timeout(1500)
    left = "document.documentElement.scrollHeight - scrollY - innerHeight"
    assert seen.page.evaluate("scrollY") > 5000
    assert seen.page.evaluate(left) < 200
    # a link of another page to a section far down
    section = seen.page.locator("article section[id]").last.get_attribute("id")
    address = seen.page.url
    seen.page.goto(address.replace("images/local_operations", "images/pixels"))
    seen.page.evaluate(
        """(address) => {
          const link = document.createElement("a");
          link.href = address;
          document.querySelector("article").prepend(link);
          link.click();
        }""",
        f"{address}#{section}",
    )
    seen.page.wait_for_url(f"{address}#{section}")
    seen.page.wait_for_timeout(1500)
    assert abs(seen.page.evaluate(TOP, section)) < 200
    assert seen.errors == []


def test_code_wider_than_a_phone_is_scrolled_by_keyboard(visit, built):
    seen = visit("en", "book/start/saving", "phone", "light", whole=False)
    wide = """() => [...document.querySelectorAll("article pre")].filter(
        (pre) => pre.checkVisibility({contentVisibilityAuto: true})
    ).map((pre) => [pre.scrollWidth > pre.clientWidth, pre.tabIndex === 0])"""
    for _ in range(2):
        seen.page.wait_for_timeout(500)
        found = seen.page.evaluate(wide)
        assert all(scrolls == reached for scrolls, reached in found)
        assert {True, False} <= {scrolls for scrolls, _reached in found}
        seen.page.mouse.wheel(0, 9000)


def test_a_dark_page_is_printed_in_light_colours_without_what_is_only_for_a_screen(visit, built):
    seen = visit("en", "book/images/pixels", "desktop", "dark")
    theme = "document.documentElement.dataset.theme"
    for _ in range(2):
        assert seen.page.evaluate(theme) == "dark"
        seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert seen.page.evaluate(theme) == "light"
        seen.page.evaluate("dispatchEvent(new Event('afterprint'))")
    seen.page.emulate_media(media="print")
    assert seen.page.locator("article h1").is_visible()
    for name in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".language-switch", ".page-tools"):
        assert seen.page.locator(name).count() > 0
        assert not seen.page.locator(name).first.is_visible(), name


@pytest.mark.parametrize("language", list(BOOK.languages))
def test_the_link_to_improve_a_page_knows_the_section(visit, built, language):
    seen = visit(language, "book/images/local_operations", "desktop", "light")
    section = "local-operations-blur"
    seen.page.evaluate(
        f"document.getElementById('{section}').scrollIntoView({{behavior: 'instant'}})"
    )
    link = seen.page.locator(".bd-sidebar-secondary a.improve")
    link.dispatch_event("pointerdown")
    path, line = link.get_attribute("href").split("/blob/main/")[1].split("?plain=1#L")
    text = (ROOT / path).read_text("utf-8").splitlines()
    heading = seen.page.locator(f"#{section}").evaluate(
        "e => e.closest('section').querySelector('h2, h3').firstChild.textContent"
    )
    assert any(heading in found for found in text[int(line) - 1 : int(line) + 1])


@pytest.mark.parametrize(
    ("locale", "target"), [("ja-JP", "ja"), ("ko-KR", "ko"), ("en-US", "en"), ("fr-FR", "en")]
)
def test_root_page_chooses_by_the_browser_and_remembers_the_reader(browser, served, locale, target):
    context = browser.new_context(locale=locale)
    page = context.new_page()
    page.goto(f"{served}/index.html")
    page.wait_for_url(f"**/{target}/book/index.html")
    other = "ko" if target == "ja" else "ja"
    page.click(f".language-switch a[lang={other}]")
    page.wait_for_load_state("load")
    page.goto(f"{served}/index.html")
    page.wait_for_url(f"**/{other}/book/index.html")
    context.close()


def test_address_that_does_not_exist_leads_back(browser, served):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{served}/404.html")
    page.click("a[data-language=ko]")
    page.wait_for_load_state("load")
    assert page.url == f"{served}/ko/book/index.html"
    context.close()


def test_folded_parts_open_by_keyboard(visit, built):
    seen = visit("ja", "book/images/local_operations", "desktop", "light")
    summaries = seen.page.locator("article details > summary")
    assert summaries.count() >= 12, "check, hint and solution of four exercises"
    for number in range(3):
        summary = summaries.nth(number)
        summary.focus()
        seen.page.keyboard.press("Enter")
        assert summary.evaluate("e => e.parentElement.open")
    assert summaries.first.inner_text().strip() == "コードを隠す"
    summaries.first.click()
    assert summaries.first.inner_text().strip() == "コードを表示"


def test_terms_show_the_other_languages(visit, built):
    seen = visit("en", "book/images/local_operations", "desktop", "light")
    term = seen.page.locator("a:has(> .term)").first
    assert term.get_attribute("title") == "pixel · 画素（がそ） · 픽셀"
    term.click()
    seen.page.wait_for_load_state("load")
    assert seen.page.url.endswith("/en/book/appendix/glossary.html#term-pixel")


@pytest.mark.parametrize("page", ["book/images/local_operations", "book/training/first_training"])
def test_a_browser_loads_nothing_that_the_budget_does_not_count(visit, built, served, page):
    """And of what is counted all but fonts whose letters are not needed."""
    from lxml.html import fromstring
    from weight import files_loaded

    seen = visit("ja", page, "desktop", "light")
    for _ in range(100):  # pictures further down are loaded when they come into sight
        seen.page.mouse.wheel(0, 800)
        seen.page.wait_for_timeout(20)
    seen.page.wait_for_load_state("networkidle")
    # a stable name for each: the version behind a "?" is not part of the file
    urls = [url.split("?")[0] for url in seen.requested if url.startswith(served)]
    loaded = {url.removeprefix(f"{served}/") for url in urls}
    site = BOOK.site
    path = site / "ja" / f"{page}.html"
    counted = files_loaded(site, path, fromstring(path.read_bytes())) | {path}
    names = {file.relative_to(site).as_posix() for file in counted}
    assert loaded - names == set()
    assert {
        name for name in names - loaded if not name.endswith((".woff2", "favicon.svg"))
    } == set()


@pytest.mark.parametrize("size", SIZES)
def test_the_sidebar_by_keyboard(visit, built, size):
    seen = visit("ja", "book/images/pixels", size, "light")
    if size == "phone":
        seen.page.locator("button.primary-toggle").first.press("Enter")
    current = seen.page.locator(".bd-docs-nav a[aria-current=page]")
    current.wait_for(state="visible")
    assert current.inner_text() == "画素"
    current.focus()
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.textContent") == "大域演算"
    with seen.page.expect_navigation():
        seen.page.keyboard.press("Enter")
    assert seen.page.url.endswith("/ja/book/images/global_operations.html")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", list(BOOK.languages))
@pytest.mark.parametrize("page", ["status", "budget"])
def test_pages_that_the_build_computes(visit, built, page, language, size, scheme):
    look_at(visit, page, language, size, scheme)


@pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("true", "1 error")])
def test_a_missing_browser(ci, outcome, tmp_path):
    """It is explained in one sentence; under CI it is a failure."""
    (tmp_path / "git").symlink_to(shutil.which("git"))  # on this PATH there is nothing else
    command = [sys.executable, "-m", "pytest", "-rsE", "-p", "no:cacheprovider"]
    command += ["tests/test_browser.py::test_address_that_does_not_exist_leads_back"]
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "CHROME")}
    environment |= {"PATH": str(tmp_path), **({"CI": ci} if ci else {})}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert outcome in done.stdout
    assert "apt-get install chromium" in done.stdout
