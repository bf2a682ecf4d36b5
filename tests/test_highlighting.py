"""Code with few elements, and what docutils writes for screen readers."""

import lxml.html
import pytest
from highlighting import SparingFormatter, plain
from pygments import highlight, token
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

SOURCE = "from torch import nn as net\n\n\nclass A(net.Module):\n    x = f'{1 + y}'  # why\n"
STYLES = ("a11y-high-contrast-light", "a11y-high-contrast-dark")


@pytest.fixture
def formatter(monkeypatch):
    monkeypatch.setattr(SparingFormatter, "styles", STYLES)
    return SparingFormatter()


def test_the_code_stays_and_what_has_a_colour_keeps_it(formatter):
    ours, theirs = (
        lxml.html.fromstring(highlight(SOURCE, PythonLexer(), one))
        for one in (formatter, HtmlFormatter())
    )
    assert ours.text_content() == theirs.text_content() == SOURCE
    coloured = [(e.get("class"), e.text) for e in ours.iter("span") if e.text]
    assert coloured == [
        (e.get("class"), e.text)
        for e in theirs.iter("span")
        if e.text and e.get("class") not in ("n", "nn", "p", "w")
    ]
    assert 2 * len(coloured) <= len(theirs.findall(".//span"))


def test_a_token_is_plain_only_if_it_is_in_both_styles():
    assert plain(token.Name, STYLES)
    assert not plain(token.Comment, STYLES)
    assert plain(token.Operator, ("bw", "bw"))
    assert not plain(token.Operator, ("bw", STYLES[0]))


def test_the_head_of_a_table_and_the_sources(tmp_path):
    """An empty head is a cell, a formula in it is read, a source is an item of a list."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    text = "====  ====  =========\n..    Two   :math:`x`\n====  ====  =========\nOne   2     3\n====  ====  =========\n\n[A]_\n\n.. [A] First\n.. [B] Second\n"
    (tmp_path / "index.rst").write_text(text, "utf-8")
    with patch_docutils(), docutils_namespace():
        settings = {"extensions": ["accessible"]}
        Sphinx(
            tmp_path, None, tmp_path / "o", tmp_path / "d", "html", settings, status=None
        ).build()
    page = lxml.html.fromstring((tmp_path / "o" / "index.html").read_bytes())
    two, formula = page.iter("th")
    assert two.text_content() == "Two"
    name, formula = formula
    assert (name.get("class"), name.text) == ("visually-hidden", "x")
    assert formula.get("aria-hidden") == "true"
    assert len(page.xpath("//thead//td")) == 1
    (sources,) = page.find_class("citation-list")
    assert sources.get("role") == "list"
    assert [child.get("role") for child in sources] == ["listitem"] * 2
