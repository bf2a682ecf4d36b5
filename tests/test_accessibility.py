"""What axe-core finds on the pages, in every language, light and dark: nothing."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from test_browser import BOOK, views, visit  # noqa: F401 (a fixture)

AXE = Axe()
COLOURS = ["color-contrast", "link-in-text-block"]
# Two rules that Lighthouse asks for, and axe by itself does not.
MORE = {name: {"enabled": True} for name in ("target-size", "label-content-name-mismatch")}
FORM = {"rules": MORE | {name: {"enabled": False} for name in COLOURS}}
COLOUR = {"runOnly": {"type": "rule", "values": COLOURS}}
GENERATED = ("search", "status", "budget")  # pages without a source

# Most of a page is code, whose many words of one colour axe would measure one by one. An element is
# hidden, in its place, when it and all within it has been before: what it is, in what it lies, its colours.
HIDE_ALIKE = """() => {
  const numbers = new Map(), seen = new Set();
  const look = (element, around) => {
    const s = getComputedStyle(element);
    const letters = element.textContent.trim().length > 1;
    const kind = [around, element.tagName, element.getAttribute("class"), s.color, s.fill, s.backgroundColor,
      s.fontSize, s.fontWeight, s.textDecorationLine, letters].join("|");
    if (!numbers.has(kind)) numbers.set(kind, numbers.size);
    let alike = seen.has(kind);
    seen.add(kind);
    for (const child of element.children) alike = look(child, numbers.get(kind)) && alike;
    if (alike) element.style.visibility = "hidden";
    return alike;
  };
  look(document.body, "");
}"""


def found(page, options) -> list[str]:
    """A line for each rule that is broken: the rule, how often, and the first place."""
    answer = AXE.run(page, options={"resultTypes": ["violations"], **options})
    return [
        f"{rule['id']}, {len(rule['nodes'])} times: {rule['nodes'][0]['html'][:200]}"
        for rule in answer.response["violations"]
    ]


def found_in_colours(page) -> list[str]:
    page.evaluate(HIDE_ALIKE)
    return found(page, COLOUR)


def look_at(visit, page, language, scheme):  # noqa: F811
    """A dark page differs from the light one in its colours alone."""
    seen = visit(language, page, "desktop", scheme).page
    if scheme == "light":
        assert found(seen, FORM) == []
    assert found_in_colours(seen) == []


VIEWS = [*views(), *((page, language) for page in GENERATED for language in BOOK.languages)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("page", "language"), VIEWS)
def test_page(visit, built, page, language, scheme):  # noqa: F811
    look_at(visit, page, language, scheme)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", list(BOOK.languages))
@pytest.mark.parametrize("page", BOOK.pages)
def test_every_page(visit, built, page, language, scheme):  # noqa: F811
    look_at(visit, page, language, scheme)


@pytest.fixture
def wrong(browser):
    """A page that is wrong in its form, and pale in places that are alike and in others."""
    page = browser.new_page()
    pale = "<p style='color:#999'>pale</p>"
    body = f"<h1>h</h1><img src='data:,'>{pale}{pale}<p>dark <i style='color:#aaa'>and pale</i></p>"
    page.set_content(f"<html lang=en><title>t</title><main>{body}</main>")
    yield page
    page.close()


def test_what_is_wrong_is_found(wrong):
    assert [line.split(":")[0] for line in found(wrong, FORM)] == ["image-alt, 1 times"]
    assert [line.split(":")[0] for line in found(wrong, COLOUR)] == ["color-contrast, 3 times"]
    # of two places that are alike, one
    assert [line.split(":")[0] for line in found_in_colours(wrong)] == ["color-contrast, 2 times"]


def test_each_colour_of_a_page_is_among_those_that_are_measured(visit, built):  # noqa: F811
    """With all its colours made pale, what is left of a page has the kinds of wrong of the whole."""
    seen = visit("en", "book/start/autograd", "desktop", "light").page
    seen.add_style_tag(content="article *, nav * { color: #aaa !important }")
    kinds = """(all) => [...new Set(all.map((target) => document.querySelector(target[0]))
      .map((e) => e.tagName + "." + e.className))].sort()"""

    def wrong_kinds():
        answer = AXE.run(seen, options=COLOUR).response["violations"]
        return seen.evaluate(kinds, [node["target"] for rule in answer for node in rule["nodes"]])

    whole = wrong_kinds()
    assert len(whole) > 20
    seen.evaluate(HIDE_ALIKE)
    assert wrong_kinds() == whole
