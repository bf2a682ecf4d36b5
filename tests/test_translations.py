"""The checks of translations find each kind of error, planted here, and nothing else."""

import shutil

import polib
import pytest
from check_book import Terms, check_catalogues, check_message
from glossary import Term, load
from languages import keep_parser

from book import Book

TERMS = Terms(
    [
        Term("pooling", "プーリング", "ぷーりんぐ", "풀링", "cnn/components"),
        Term("max pooling", "最大プーリング", "さいだいぷーりんぐ", "최대 풀링", "cnn/components"),
        Term("kernel", "カーネル", "かーねる", "커널", "images/local_operations"),
        Term("blur", "ぼかし", "ぼかし", "블러", "images/local_operations", {"ja": ["ぼかす"]}),
    ]
)
ENGLISH = (
    "A {t}`kernel` of size $3 \\times 3$ has 9 weights, see [the layer](#layer) and "
    "{cite}`LeCun1998`; `nn.Conv2d` learns them, {glue:text}`page.md::error:.2f` is left."
)
JAPANESE = (
    "大きさ$3 \\times 3$の{t}`カーネル`には9個の重みがあります。[層](#layer)と{cite}`LeCun1998`を"
    "見てください。`nn.Conv2d`がそれを学習し、{glue:text}`page.md::error:.2f`が残ります。"
)


def problems(english, translated, language="ja"):
    return set(check_message(english, translated, language, TERMS))


def test_a_good_translation_passes():
    assert problems(ENGLISH, JAPANESE) == set()


@pytest.mark.parametrize(
    ("before", "after", "check"),
    [
        ("9個", "8個", "numbers"),
        ("9個", "九個", "numbers"),
        ("$3 \\times 3$", "$3 \\times 5$", "math"),
        ("$3 \\times 3$", "3掛ける3", "math"),
        ("[層](#layer)", "層", "links"),
        ("[層](#layer)", "[層](#other)", "links"),
        ("{cite}`LeCun1998`", "{cite}`LeCun1989`", "links"),
        ("{t}`カーネル`", "カーネル", "links"),
        ("{glue:text}`page.md::error:.2f`", "誤差", "links"),
        (":.2f`が", ":.1f`が", "links"),
        ("`nn.Conv2d`", "`nn.Conv1d`", "code"),
        ("`nn.Conv2d`", "畳み込み層", "code"),
        ("{t}`カーネル`", "{t}`核`", "terms"),
        ("が残ります", " is what then remains of it", "script"),
    ],
)
def test_each_kind_of_error_is_found(before, after, check):
    assert before in JAPANESE
    assert check in problems(ENGLISH, JAPANESE.replace(before, after))


@pytest.mark.parametrize(
    ("english", "translated", "language", "found"),
    [
        ("Right: it is {answer:.2f}.", "正解：{answer:.2f}です。", "ja", set()),
        ("Right: it is {answer:.2f}.", "正解：{answer:.1f}です。", "ja", {"placeholder"}),
        ("Right: it is {answer:.2f}.", "正解です。", "ja", {"placeholder"}),
        ("Right: it is {answer:.2f}.", "正解：{antwort:.2f}です。", "ja", {"placeholder"}),
        ("✗ Too large.", "✗ 大きすぎます。", "ja", set()),
        ("✗ Too large.", "大きすぎます。", "ja", {"placeholder"}),
        ("Use max pooling.", "最大プーリングを使います。", "ja", set()),
        ("Use max pooling.", "プーリングを使います。", "ja", {"terms"}),
        ("Kernels move.", "커널이 움직입니다.", "ko", set()),
        ("Kernels move.", "핵이 움직입니다.", "ko", {"terms"}),
        ("Kernels move.", "カーネルが動きます。", "ko", {"script", "terms"}),
        ("to blur", "ぼかす", "ja", set()),
        ("photograph", "photograph", "ja", {"script"}),
        ("$x$ and `y`", "$x$と`y`", "ja", set()),
        ("See https://example.org/a.", "https://example.org/a を見てください。", "ja", set()),
        ("See https://example.org/a.", "https://example.org/b を見てください。", "ja", {"links"}),
        (
            "A book by Ian Goodfellow, Yoshua Bengio.",
            "Ian Goodfellow、Yoshua Bengioの本。",
            "ja",
            set(),
        ),
    ],
)
def test_messages(english, translated, language, found):
    assert problems(english, translated, language) == found


# ---- whole catalogues ----------------------------------------------------------------------------


@pytest.fixture
def book(tiny, tmp_path):
    """The tiny book's catalogues, to be spoilt."""
    folder = tmp_path / "book"
    ignore = shutil.ignore_patterns("_build")
    shutil.copytree(tiny[0].root, folder, ignore=ignore)
    return Book(folder)


def spoil(book, msgid, language="ja", **changes):
    path = book.catalogue(language, "book/part/chapter")
    catalogue = polib.pofile(str(path))
    entry = catalogue.find(msgid)
    assert entry is not None
    for name, value in changes.items():
        setattr(entry, name, value)
    catalogue.save()
    line = polib.pofile(str(path)).find(msgid).linenum
    return f"{path.relative_to(book.root)}:{line}: "


MESSAGE = "✗ Your number is {answer}, which is not the double of three."


def test_complete_catalogues_pass(book):
    assert check_catalogues(book) == []


def test_untranslated(book):
    place = spoil(book, MESSAGE, msgstr="")
    (problem,) = check_catalogues(book)
    assert problem.startswith(place + "untranslated")
    assert "Your number" in problem


def test_fuzzy(book):
    place = spoil(book, MESSAGE, "ko", flags=["fuzzy"])
    (problem,) = check_catalogues(book)
    assert problem.startswith(place + "fuzzy")


def test_a_lost_placeholder(book):
    place = spoil(book, MESSAGE, msgstr="✗ 三の二倍ではありません。")
    (problem,) = check_catalogues(book)
    assert problem.startswith(place + "placeholder")
    assert "{answer:}" in problem


def test_a_reasoned_exception_is_allowed(book):
    spoil(book, "cat", msgstr="CAT", tcomment="allow script: the name of a class in the data set")
    assert check_catalogues(book) == []


@pytest.mark.parametrize("comment", ["allow script:", "allow everything: because"])
def test_an_exception_needs_a_known_check_and_a_reason(book, comment):
    spoil(book, "cat", msgstr="CAT", tcomment=comment)
    assert any("must name one of" in problem for problem in check_catalogues(book))


def test_a_missing_catalogue(book):
    book.catalogue("ko", "book/part/chapter").unlink()
    (problem,) = check_catalogues(book)
    assert "make i18n" in problem


# ---- the glossary --------------------------------------------------------------------------------


def test_a_term_given_twice_is_refused(tmp_path):
    row = "- {en: kernel, ja: カーネル, ja_reading: かーねる, ko: 커널, chapter: a/b}\n"
    (tmp_path / "glossary.yml").write_text(row * 2, "utf-8")
    with pytest.raises(ValueError, match="'kernel' stands there twice"):
        load(tmp_path / "glossary.yml")


def test_a_term_without_korean_is_refused(tmp_path):
    row = "- {en: kernel, ja: カーネル, ja_reading: かーねる, chapter: a/b}\n"
    (tmp_path / "glossary.yml").write_text(row, "utf-8")
    with pytest.raises(ValueError, match="entry 1"):
        load(tmp_path / "glossary.yml")


def test_messages_share_a_parser_as_long_as_their_settings_are_the_same():
    parser_for = keep_parser(lambda *_: object())
    book, other, renderer = object(), object(), object()
    first = parser_for(book, renderer)
    assert parser_for(book, renderer) is first
    assert parser_for(book, object()) is not first
    second = parser_for(other, renderer)
    assert second is not first
    assert parser_for(other, renderer) is second
