"""Korean particles stay with what they belong to."""

import lxml.html
import pytest
from line_breaks import WORD_JOINER

TEXT = """
``f()``\\ 는 (x)의 값과 :math:`x`\\ 를 50%로, “말”은 A/B는 abc는 한국어는.

:math:`x` 는 :math:`a + b + c + d + e + f + g + h`\\ 는 **g()**\\ 을
"""


@pytest.fixture(params=["ko", "ja"])
def page(request, tmp_path):
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    (tmp_path / "index.rst").write_text(TEXT, "utf-8")
    settings = {"extensions": ["line_breaks", "sphinx.ext.mathjax"], "language": request.param}
    with patch_docutils(), docutils_namespace():
        Sphinx(
            tmp_path, None, tmp_path / "o", tmp_path / "d", "html", settings, status=None
        ).build()
    return request.param, lxml.html.fromstring((tmp_path / "o" / "index.html").read_bytes())


def test_a_particle_is_joined_to_what_no_letter_ends(page):
    language, tree = page
    first, second = (p.text_content() for p in tree.findall(".//p")[:2])
    if language == "ko":
        assert first.split() == [
            f"f(){WORD_JOINER}는",
            f"(x){WORD_JOINER}의",
            "값과",
            "\\(x\\)를",
            f"50%{WORD_JOINER}로,",
            f"“말”{WORD_JOINER}은",
            "A/B는",
            "abc는",
            "한국어는.",
        ]
        assert second.split()[-1] == f"g(){WORD_JOINER}을"
    else:
        assert WORD_JOINER not in first + second


def test_a_short_formula_and_its_particle_are_one(page):
    language, tree = page
    unbroken = [e.text_content() for e in tree.find_class("unbroken")]
    assert unbroken == (["\\(x\\)를"] if language == "ko" else [])
