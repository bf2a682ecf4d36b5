"""What axe-core finds on the pages, in every language, light and dark: nothing."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from test_browser import BOOK, pages, visit  # noqa: F401 (a fixture)

AXE = Axe()
# Two rules that Lighthouse asks for, and axe by itself does not.
OPTIONS = {
    "resultTypes": ["violations"],
    "rules": {name: {"enabled": True} for name in ("target-size", "label-content-name-mismatch")},
}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
GENERATED = ("search", "status", "budget")  # pages without a source


def found(page, options=OPTIONS) -> list[str]:
    """A line for each rule that is broken: the rule, how often, and the first place."""
    return [
        f"{rule['id']}, {len(rule['nodes'])} times: {rule['nodes'][0]['html'][:200]}"
        for rule in AXE.run(page, options=options).response["violations"]
    ]


def look_at(visit, page, language, scheme):  # noqa: F811
    """A dark page differs from the light one in its colours alone."""
    options = OPTIONS if scheme == "light" else {**OPTIONS, "runOnly": COLOURS, "rules": {}}
    assert found(visit(language, page, "desktop", scheme).page, options) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", list(BOOK.languages))
@pytest.mark.parametrize("page", [*pages(), *GENERATED])
def test_page(visit, built, page, language, scheme):  # noqa: F811
    look_at(visit, page, language, scheme)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", list(BOOK.languages))
@pytest.mark.parametrize("page", BOOK.pages)
def test_every_page(visit, built, page, language, scheme):  # noqa: F811
    look_at(visit, page, language, scheme)


def test_what_is_wrong_is_found(browser):
    page = browser.new_page()
    pale = "<p style='color:#999'>pale</p>"
    page.set_content(
        f"<html lang=en><title>t</title><main><h1>h</h1><img src='data:,'>{pale}</main>"
    )
    rules = [line.split(",")[0] for line in found(page)]
    assert rules == ["color-contrast", "image-alt"]
    dark = {**OPTIONS, "runOnly": COLOURS, "rules": {}}
    assert [line.split(",")[0] for line in found(page, dark)] == ["color-contrast"]
    page.close()
