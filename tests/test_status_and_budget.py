"""The sidebar, the status of the translations and the budget: what they show, and that they can fail."""

import re

import lxml.html
import polib
import pytest
from budget import Cost, passed_by_execution, passed_by_page
from conftest import ROOT, run_script
from status import Count, count
from weight import Weight, files_loaded, weigh

from book import Book

CHAPTER = "book/part/chapter"
LANGUAGES = ("en", "ja", "ko")


def build(book, *arguments, **options):
    return run_script("build.py", "--root", book.root, *arguments, **options)


def page(book, language, name):
    return lxml.html.fromstring((book.site / language / f"{name}.html").read_bytes())


def edit(path, before, after):
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")


def status(book, language, translation, name):
    """The numbers of a row: messages, per cent, missing, outdated, obsolete."""
    tree = page(book, language, "status")
    (row,) = tree.xpath(f"//tr[@id='{translation}-{name.replace('/', '-')}']")
    return [int(re.sub(r"\D", "", cell.text_content())) for cell in row.xpath("./td")]


# ---- the sidebar ---------------------------------------------------------------------------------


def add_part(book, title="A second part", chapters=("one", "two")):
    toc = book.root / "_toc.yml"
    text = toc.read_text("utf-8") + f"  - caption: {title}\n    chapters:\n"
    for name in chapters:
        text += f"      - file: book/other/{name}\n"
        source = book.source(f"book/other/{name}")
        source.parent.mkdir(exist_ok=True)
        source.write_text(f"# Chapter *{name}*\n", "utf-8")
    toc.write_text(text, "utf-8")


def sidebar(book, name):
    (found,) = page(book, "en", name).xpath("//nav[contains(@class, 'bd-docs-nav')]")
    return found


def test_the_sidebar_shows_the_current_part_and_a_link_to_each_other(changed):
    add_part(changed)
    build(changed, "--no-check")
    beside = sidebar(changed, "book/other/two")
    assert beside.xpath("string(.//p[@role='heading'])") == "A second part"
    links = [(a.text_content().strip(), a.get("href")) for a in beside.xpath(".//a")]
    assert links[1:] == [
        ("First part", "../part/chapter.html"),
        ("Chapter one", "one.html"),
        ("Chapter two", "#"),
    ]
    (current,) = beside.xpath(".//a[@aria-current='page']")
    assert current.text_content() == "Chapter two"
    home = sidebar(changed, "book/index")
    assert not home.xpath(".//p[@role='heading']")
    assert [a.text_content().strip() for a in home.xpath(".//a")][1:] == [
        "First part",
        "A second part",
    ]
    (foot,) = page(changed, "en", "book/other/one").xpath("//a[@class='left-prev']/@href")
    assert foot == "../part/chapter.html"


def test_a_page_does_not_grow_with_the_other_parts(changed):
    before = len(lxml.html.tostring(sidebar(changed, CHAPTER)))
    add_part(changed, chapters=[f"chapter{n}" for n in range(12)])
    build(changed, "--no-check")
    after = len(lxml.html.tostring(sidebar(changed, CHAPTER)))
    assert 0 < after - before < 300, "one link to the new part"


def test_a_book_without_parts_shows_all_its_chapters(changed):
    text = "format: jb-book\nroot: book/index\nchapters:\n- file: book/part/chapter\n"
    (changed.root / "_toc.yml").write_text(text, "utf-8")
    build(changed, "--no-check")
    beside = sidebar(changed, "book/index")
    assert beside.xpath(".//a/@href")[-1] == "part/chapter.html"
    assert len(beside.xpath(".//a")) == 2


def test_a_translated_part_name_that_changed_is_new_on_every_page(changed):
    edit(changed.catalogue("ja", "book/index"), "第一部", "はじめの部")
    build(changed, "--no-check")
    tree = page(changed, "ja", CHAPTER)
    assert "はじめの部" in tree.xpath("string(//nav[contains(@class, 'bd-docs-nav')])")


# ---- the status of the translations --------------------------------------------------------------


def catalogue(path, *entries):
    file = polib.POFile()
    for message, translated, flags, obsolete in entries:
        file.append(polib.POEntry(msgid=message, msgstr=translated, flags=flags, obsolete=obsolete))
    file.save(str(path))
    return path


def test_messages_are_counted_by_their_state(tmp_path):
    path = catalogue(
        tmp_path / "page.po",
        ("a", "あ", [], False),
        ("b", "い", ["fuzzy"], False),
        ("c", "", [], False),
        ("gone", "え", [], False),
        ("long gone", "お", [], True),
    )
    found = count(["a", "b", "c", "new"], path)
    assert found == Count(messages=4, missing=2, outdated=1, obsolete=2)
    assert found.percent == 25
    assert count(["a"], tmp_path / "none.po") == Count(messages=1, missing=1)
    path.write_text("no catalogue", "utf-8")
    assert count(["a"], path) == Count(messages=1, missing=1)


def test_nearly_all_is_not_all():
    assert Count(messages=1000, missing=1).percent == 99
    assert Count().percent == 100


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_is_translated_and_the_status_says_so(tiny, language):
    book, _ = tiny
    for translation in ("ja", "ko"):
        for name in book.pages:
            entries = polib.pofile(str(book.catalogue(translation, name)))
            assert status(book, language, translation, name) == [len(entries), 100, 0, 0, 0]
    assert not page(book, language, "status").xpath("//tr[@class='behind']")


def test_the_status_knows_a_changed_sentence_before_and_after_the_catalogues_do(changed):
    """And the notice on the page leads to the page's row of the status."""
    messages = status(changed, "en", "ja", CHAPTER)[0]
    edit(changed.source(CHAPTER), "A table is *not* a picture.", "A table is *never* a picture.")
    output = build(changed)
    assert output.code == 1, "English on a translated page is not published"
    (notice,) = page(changed, "ja", CHAPTER).xpath("//*[contains(@class, 'translation-gap')]//a")
    assert notice.get("href") == "../../status.html#ja-book-part-chapter"
    assert notice.text_content() == "翻訳の状況"
    assert page(changed, "ja", "status").xpath("//tr[@id='ja-book-part-chapter'][@class='behind']")
    for language in LANGUAGES:
        assert status(changed, language, "ja", CHAPTER)[0] == messages
        assert status(changed, language, "ja", CHAPTER)[2:] == [1, 0, 1]
    run_script("catalogues.py", "--root", changed.root)
    build(changed, "--no-check")
    for language in LANGUAGES:
        assert status(changed, language, "ja", CHAPTER)[2:] == [0, 1, 0]
        assert status(changed, language, "ja", CHAPTER)[1] < 100


def test_a_translation_changes_the_status_also_in_the_other_languages(changed):
    path = changed.catalogue("ja", CHAPTER)
    entries = polib.pofile(str(path))
    entries[0].msgstr = ""
    entries.save(str(path))
    build(changed, "--no-check")
    for language in LANGUAGES:
        assert status(changed, language, "ja", CHAPTER)[2] == 1
        assert status(changed, language, "ko", CHAPTER)[2] == 0


# ---- the weight of a page ------------------------------------------------------------------------


def site(folder, html, **files):
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    path = folder / "page.html"
    path.write_text(html, "utf-8")
    return path


def test_a_page_weighs_what_it_loads(tmp_path):
    html = (
        "<html><link rel='stylesheet' href='a.css?v=1'><link rel='next' href='b.png'>"
        "<img src='a.png'><img src='a.png'><a href='b.png'>b</a>"
        "<img src='data:image/png;base64,AAAA'><p class='x y'></p></html>"
    )
    sheet = (
        b"@import 'b.css'; /* @import 'no.css'; */"
        b"@font-face{font-family:F;src:url(a.woff2) format('woff2'),url(a.ttf)}"
        b"@font-face{font-family:G;src:url(b.woff2)}.x.y>span{font-family:F}.z{font-family:G}"
    )
    files = {"a_css": sheet, "b_css": b"p{}", "a_png": bytes(5000), "b_png": bytes(9000)}
    files |= {"a_woff2": bytes(700), "b_woff2": bytes(800), "a_ttf": bytes(900), "no_css": b"q{}"}
    path = site(tmp_path, html, **files)
    tree = lxml.html.fromstring(html)
    assert {f.name for f in files_loaded(tmp_path, path, tree)} == {
        "a.css",
        "b.css",
        "a.png",
        "a.woff2",
    }
    found = weigh(tmp_path, path)
    assert found.requests == 5
    assert 5700 < found.loaded < 5700 + len(sheet) + 100
    assert found.page < len(html) + 30


def test_text_is_packed_and_pictures_are_not(tmp_path):
    html = "<html><img src='a.png'>" + "word " * 2000 + "</html>"
    found = weigh(tmp_path, site(tmp_path, html, a_png=bytes(4000)))
    assert found.page < 500
    assert found.loaded == 4000


# ---- the budget ----------------------------------------------------------------------------------


LIMITS = Book(ROOT).settings["sphinx"]["config"]["budget"]
LIGHT = Weight(1000, 1000, 2)


def passed(cost, limits):
    return passed_by_execution(cost, limits) + passed_by_page(cost, limits)


def test_a_chapter_within_its_limits_passes():
    assert passed(Cost(LIGHT, 10_000, 3072, 0), LIMITS) == [], "seconds fail nothing"
    assert passed(Cost(LIGHT), LIMITS) == [], "a page without code"
    assert passed(Cost(LIGHT, 1, 1, 5, online=True), LIMITS) == []


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (Cost(LIGHT, 1, 3073, 0), "takes 3073 MiB of memory, the limit is 3072"),
        (Cost(LIGHT, 1, 100, 1), "takes 1 connections to other hosts, the limit is 0"),
        (Cost(Weight(1, 600_000, 2)), "takes 601 kB with all that it loads, the limit is 600"),
        (Cost(Weight(1, 1, 101)), "takes 101 files to load, the limit is 100"),
    ],
)
def test_a_passed_limit_is_named_with_what_to_do(cost, words):
    (line,) = passed(cost, LIMITS)
    assert line.startswith(words)
    assert "_config.yml" in line


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_budget_shows_what_was_measured(tiny, language):
    book, _ = tiny
    tree = page(book, language, "budget")
    (row,) = tree.xpath("//tbody/tr[contains(.//a/@href, 'chapter')]")
    seconds, memory, downloads, kilobytes, files = (
        float(re.sub(r"[^\d.]", "", cell.text_content())) for cell in row.xpath("./td")
    )
    assert seconds > 0
    assert 50 < memory < 3072
    assert downloads == 0
    found = weigh(book.site, book.site / language / f"{CHAPTER}.html")
    assert abs(kilobytes - found.total / 1000) <= 1
    assert files == found.requests
    assert not tree.xpath("//td[@class='over']")


def test_the_site_fails_over_its_limits_in_one_line_each(changed):
    """Memory, bytes, and connections: one that fails counts too, so no network is needed."""
    cell = (
        "import socket\n"
        "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:\n"
        "    one.connect(('127.0.0.1', 9))\n"
        "    try:\n"
        "        one.connect(('192.0.2.1', 9))\n"
        "    except OSError:\n"
        "        pass\n"
    )
    edit(changed.source(CHAPTER), "area = 2 / 3", f"{cell}area = 2 / 3")
    edit(changed.root / "_config.yml", "memory_mebibytes: 3072", "memory_mebibytes: 60")
    edit(changed.root / "_config.yml", "page_kilobytes: 600", "page_kilobytes: 20")
    output = build(changed)
    assert output.code == 1
    memory = rf"{CHAPTER}\.md: takes \d+ MiB of memory, the limit is 60 "
    assert len(re.findall(memory, output.text)) == 1
    for language in LANGUAGES:
        page_line = rf"{language}/{CHAPTER}\.html: takes \d+ kB .*, the limit is 20 "
        assert len(re.findall(page_line, output.text)) == 1
    assert f"{CHAPTER}.md: takes 1 connections to other hosts, the limit is 0" in output.text
    assert page(changed, "en", "budget").xpath("//td[@class='over']")


# ---- both pages ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["status", "budget"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_both_pages_stand_in_every_language_and_are_reached_from_every_page(tiny, language, name):
    book, _ = tiny
    link = page(book, language, CHAPTER).xpath(f"//footer//a[@href='../../{name}.html']")
    assert len(link) == 1
    tree = page(book, language, name)
    assert tree.xpath("string(//h1)") == link[0].text_content()
    assert tree.get("lang") == language
    others = tree.xpath("//nav[contains(@class, 'language-switch')]//a/@href")
    assert others == [f"../{other}/{name}.html" for other in LANGUAGES if other != language]
    if language != "en":
        text = " ".join(tree.xpath("//article")[0].itertext()).replace("MiB", "")
        assert re.findall(r"[A-Za-z]{3,}", text) == []
