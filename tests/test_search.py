"""Search: the chapter that teaches a term is found, however a reader writes the term."""

import functools
import http.server
import json
import re
import shutil
import threading
from pathlib import Path

import lxml.html
import pytest
from conftest import ROOT, Quiet
from glossary import load
from index import LEFT_OUT, document, key, parts, run_pagefind, spellings, write_index

from book import Book, BookError

BOOK = Book(ROOT)
TERMS = [t for t in load(ROOT / "book" / "glossary.yml") if f"book/{t.chapter}" in BOOK.pages]
FIRST = 5  # the chapter is among so many
LANGUAGES = list(BOOK.languages)


# ---- how readers write a term --------------------------------------------------------------------


def plain(word: str) -> str:
    """`bias (of a layer)` is sought as `bias`."""
    return re.sub(r" \(.*\)", "", word)


def plural(word: str) -> str:
    if word.endswith("is"):
        return f"{word[:-2]}es"
    if re.search("[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return f"{word}es" if re.search("(s|x|z|ch|sh)$", word) else f"{word}s"


def with_particles(word: str) -> list[str]:
    consonant = (ord(word[-1]) - ord("가")) % 28 > 0
    return [word + p for p in ("은 이 을" if consonant else "는 가 를").split()] + [f"{word}에서"]


def compounds(term, texts: dict[str, str]) -> list[str]:
    """The term inside a longer word: two that are made up, and those of the Japanese book."""
    letters = "[一-龯々ァ-ヶー]"
    found = [f"高速{term.ja}法", f"二次元{term.ja}処理"] if len(term.ja) > 1 else []
    for text in texts.values():
        found += re.findall(f"{letters}+{term.ja}|{term.ja}{letters}+", text)
    longer = [s for other in TERMS for s in other.spellings("ja") if other != term]
    longer = [s for s in longer if term.ja in s and s != term.ja]
    return [word for word in dict.fromkeys(found) if not any(s in word for s in longer)]


def questions(
    language: str, texts: dict[str, str], most: int | None = None
) -> list[tuple[str, str]]:
    """(what a reader types, the page that teaches it), at most so many for each term."""
    found = []
    for term in TERMS:
        words = {
            "en": lambda t: [plain(t.en), plural(plain(t.en)), plain(t.en).upper()],
            "ja": lambda t: [t.ja, t.ja_reading, *compounds(t, texts)],
            "ko": lambda t: [t.ko, *with_particles(t.ko), t.ko.replace(" ", "") + "에서"],
        }[language](term)
        found += [(word, f"book/{term.chapter}") for word in words[:most]]
    return list(dict.fromkeys(found))


def taught(word: str, language: str) -> set[str]:
    """Pages that teach a term of this spelling: a stride is one of a kernel or of a tensor."""
    return {f"book/{t.chapter}" for t in TERMS if word in map(plain, t.spellings(language))}


# ---- asking --------------------------------------------------------------------------------------

ASK = """async (words) => {
  const { find } = await import(new URL("_static/search.js", document.baseURI).href);
  const answers = [];
  for (const word of words) {
    const { found } = await find(word);
    const first = await Promise.all(found.slice(0, FIRST).map((page) => page.result.data()));
    answers.push(first.map((data) => data.url));
  }
  return answers;
}""".replace("FIRST", str(FIRST))


def ask(page, words: list[str]) -> list[list[str]]:
    """The first pages that the search page's own program finds in the index."""
    return page.evaluate(ASK, words)


def missed(page, language: str, asked: list[tuple[str, str]], folder: str = "") -> list[str]:
    answers = ask(page, [word for word, _ in asked])
    return [
        f"{word}: {wanted} is not among {urls}"
        for (word, wanted), urls in zip(asked, answers, strict=True)
        if f"{folder}/{language}/{wanted}.html" not in urls
    ]


@pytest.fixture
def page(browser):
    context = browser.new_context()
    page = context.new_page()
    page.wrong = []
    page.on("pageerror", lambda e: page.wrong.append(str(e)))
    page.on("response", lambda r: r.status >= 400 and page.wrong.append(r.url))
    yield page
    context.close()


@pytest.fixture(scope="module")
def texts(built) -> dict[str, str]:
    """The text of each Japanese page, without its code."""
    found = {}
    for name in BOOK.pages:
        tree = lxml.html.fromstring((built[0].site / "ja" / f"{name}.html").read_bytes())
        (article,) = tree.xpath("//article")
        for cell in article.find_class("cell"):
            cell.drop_tree()
        found[name] = article.text_content()
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_term_is_found_in_its_chapter(page, served, texts, language):
    page.goto(f"{served}/{language}/search.html")
    asked = questions(language, texts)
    assert len(asked) > 2 * len(TERMS)
    assert missed(page, language, asked) == []
    assert page.wrong == []


def test_compounds_of_the_book_itself_are_asked(texts):
    own = {
        t.en: [c for c in compounds(t, texts) if not c.startswith(("高速", "二次元"))]
        for t in TERMS
    }
    assert sum(bool(found) for found in own.values()) > 10
    assert "ソーベルカーネル" in own["kernel"]


def serve(folder: Path):
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_term_is_found_among_seventy_chapters(page, built, texts, language, tmp_path):
    """Beside each chapter stand copies of it that use its terms as often and teach none."""
    book, _ = built
    folder = tmp_path / "book-of-books" / language
    names, number = parts(book, language), 0
    for name in BOOK.pages:
        source = (book.site / language / f"{name}.html").read_bytes()
        keys = [key(t) for t in TERMS if f"book/{t.chapter}" == name]
        copies = 70 // len({t.chapter for t in TERMS}) if keys else 0
        for copy in range(copies + 1):
            text = document(source, language, names.get(name, ""), [] if copy else keys)
            path = (
                tmp_path / "documents" / (f"copies/{name}-{copy}.html" if copy else f"{name}.html")
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            number += 1
    assert number >= 70
    run_pagefind(tmp_path / "documents", folder / "pagefind")
    table = {key(t): spellings(t, language) for t in TERMS}
    (folder / "pagefind" / "terms.json").write_text(json.dumps(table), "utf-8")
    (folder / "_static").mkdir()
    shutil.copy(ROOT / "book" / "_static" / "search.js", folder / "_static")
    (folder / "search.html").write_text(f'<!doctype html><html lang="{language}"></html>')
    server = serve(tmp_path)
    page.goto(f"http://127.0.0.1:{server.server_port}/book-of-books/{language}/search.html")
    # how a word may be written was asked above; the particles of Korean are here, too
    asked = questions(language, texts, most=2)
    assert len(asked) > len(TERMS)
    assert missed(page, language, asked, "/book-of-books") == []
    server.shutdown()


# ---- the search page -----------------------------------------------------------------------------

SAMPLE = [
    ("en", "convolutions", "images/local_operations"),
    ("en", "learning rates", "training/first_training"),
    ("ja", "たたみこみ", "images/local_operations"),
    ("ja", "画素値の分布", "images/pixels"),
    ("ja", "じく", "start/tensors"),
    ("ko", "커널을", "images/local_operations"),
    ("ko", "색공간에서", "images/pixels"),
    ("ko", "텐서가", "start/tensors"),
]


@pytest.mark.parametrize(("language", "word", "chapter"), SAMPLE)
def test_the_search_field_of_a_page_leads_to_the_chapter(page, served, language, word, chapter):
    page.goto(f"{served}/{language}/book/index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type(word)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.startswith(f"{served}/{language}/search.html?q=")
    page.wait_for_selector("#search-page a.found")
    links = page.locator("#search-page a.found")
    found = [links.nth(i).get_attribute("href") for i in range(links.count())]
    assert f"/{language}/book/{chapter}.html" in found[:FIRST]
    assert all(link.startswith(f"/{language}/") for link in found), "pages of this language only"
    assert page.locator("#search-page mark").count() > 0
    name = parts(BOOK, language)[f"book/{chapter}"]
    assert name in page.locator("#search-page .part").all_inner_texts()
    assert page.wrong == []


def opened(page, served, language="en", query=""):
    page.goto(f"{served}/{language}/search.html" + (f"?q={query}" if query else ""))
    if query:
        page.wait_for_function("document.querySelector('#search-page [role=status]').textContent")
    return page.locator("#search-page [role=status]")


def test_searching_while_typing_keeps_the_address_and_the_language_switch(page, served):
    status = opened(page, served)
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("gradient")
    page.wait_for_selector("#search-page a.found")
    assert re.fullmatch("Pages found for “gradient”: [1-9]", status.text_content())
    assert status.get_attribute("aria-live") == "polite"
    assert page.url == f"{served}/en/search.html?q=gradient"
    page.click(".language-switch a[lang=ja]")
    page.wait_for_url("**/ja/search.html?q=gradient")
    page.wait_for_selector("#search-page a.found")


def test_arrow_keys_go_through_the_results_and_back(page, served):
    opened(page, served, query="kernel")
    page.wait_for_selector("#search-page a.found")
    focus = "document.activeElement.getAttribute('href') ?? document.activeElement.name"
    first, second = [
        page.locator("#search-page a.found").nth(i).get_attribute("href") for i in (0, 1)
    ]
    for pressed, wanted in [
        ("ArrowDown", first),
        ("ArrowDown", second),
        ("ArrowUp", first),
        ("ArrowUp", "q"),
        ("Tab", None),
    ]:
        page.keyboard.press(pressed)
        assert wanted is None or page.evaluate(focus) == wanted
    page.keyboard.press("ArrowDown")
    page.locator("#search-page a.found").first.focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url == f"{served}{first}"


def test_links_lead_to_the_section(page, served):
    opened(page, served, query="histogram")
    link = page.locator("#search-page li ul a").first
    address, title = link.get_attribute("href"), link.inner_text()
    assert "#" in address
    link.click()
    page.wait_for_url(f"**{address}")
    section = page.locator(f"[id='{address.partition('#')[2]}']")
    assert title in section.locator("h2, h3, h4").first.inner_text()


@pytest.mark.parametrize(
    ("language", "query", "said"),
    [("en", "жжжж", "No page was found for “жжжж”."), ("ja", "潜水艦", "「潜水艦」に一致する")],
)
def test_nothing_is_found(page, served, language, query, said):
    assert said in opened(page, served, language, query).text_content()
    assert page.locator("#search-page ol > li").count() == 0


def test_a_query_is_never_run_as_html(page, served):
    status = opened(page, served, query="%3Cimg src=x onerror=alert(1)%3E kernel")
    assert "<img src=x" in status.text_content()
    assert page.locator("#search-page img").count() == 0


def test_an_index_that_cannot_be_loaded_is_explained(page, served):
    page.route("**/pagefind/**", lambda route: route.abort())
    status = opened(page, served, "ko", "커널")
    page.wait_for_function(
        "document.querySelector('#search-page [role=status]').textContent.includes('색인')"
    )
    assert "검색 색인을 불러오지 못했습니다" in status.text_content()


def test_a_page_opened_as_a_file_says_what_is_needed(page, built):
    page.goto((built[0].site / "ja" / "search.html").as_uri())
    note = page.locator("#search-of-files")
    assert note.is_visible()
    assert "make serve" in note.inner_text()


def test_the_site_may_lie_in_a_folder(page, built, tmp_path):
    (tmp_path / "some-book").symlink_to(built[0].site, target_is_directory=True)
    server = serve(tmp_path)
    address = f"http://127.0.0.1:{server.server_port}/some-book"
    opened(page, address, "ja", "テンソル")
    page.locator("#search-page a.found").first.click()
    page.wait_for_url(f"{address}/ja/book/start/tensors.html")
    assert page.wrong == []
    server.shutdown()


def test_pages_load_nothing_of_any_search(page, served):
    asked = []
    page.on("request", lambda r: asked.append(r.url))
    page.goto(f"{served}/ja/book/images/pixels.html", wait_until="networkidle")
    assert not [url for url in asked if re.search("search|pagefind|doctools|language_data", url)]


def test_the_search_of_sphinx_is_not_in_the_site(built):
    site = built[0].site
    names = {path.name for path in site.rglob("*.js")}
    assert "search.js" in names
    assert not names & {"searchindex.js", "searchtools.js", "language_data.js", "doctools.js"}
    for path in site.rglob("*.html"):
        assert "searchindex" not in path.read_text("utf-8"), path


# ---- the index -----------------------------------------------------------------------------------

PAGE = """<html><body><nav>sidebar</nav><article><section id="top"><h1>Title<a class="headerlink">#</a>
</h1><p>Prose with <span class="katex"><span class="katex-mathml">TeX</span>x</span>.</p>
<div class="cell"><div class="cell_input"><pre>torch.stack(rows)</pre></div>
<div class="cell_output">result 42</div></div>
<details class="sd-dropdown solution dropdown"><p>the answer</p></details></section></article></body></html>"""


def test_what_of_a_page_can_be_found():
    tree = lxml.html.fromstring(document(PAGE.encode(), "en", "A part", ["kernel0"]))
    text = " ".join(tree.text_content().split())
    assert text == "Title Prose with x."
    assert tree.xpath("//h1/@id") == ["top"]
    about = dict(m.split(":", 1) for m in tree.xpath("//@data-pagefind-meta"))
    assert about == {"part": "A part", "terms": "kernel0", "code": "torch.stack rows"}


def test_the_classes_that_are_left_out_are_those_of_the_pages(built):
    pages = "".join(p.read_text("utf-8") for p in (built[0].site / "en").glob("book/**/*.html"))
    for name in LEFT_OUT:
        if name != "translation-gap":  # there is none in a book that is translated
            assert re.search(rf'class="[^"]*\b{name}\b', pages), name


def test_a_key_begins_no_other_key():
    keys = [key(term) for term in TERMS]
    assert len(set(keys)) == len(keys)
    assert not [(a, b) for a in keys for b in keys if a != b and b.startswith(a)]


def test_the_index_is_made_anew_only_when_a_page_changes(tmp_path):
    (tmp_path / "_toc.yml").write_text("root: book/index\n")
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "index.md").touch()
    (tmp_path / "book" / "glossary.yml").touch()
    book = Book(tmp_path)
    folder = book.sphinx_folder("en")
    written = folder / "html" / "book" / "index.html"
    written.parent.mkdir(parents=True)
    written.write_text(PAGE, "utf-8")

    def index():
        write_index(book, "en")
        found = folder / "html" / "pagefind"
        assert (found / "terms.json").exists()
        # its parts have names of their own content
        return {p: p.stat().st_mtime_ns for p in found.rglob("*") if p.is_file()}

    first = index()
    assert index() == first
    # a build that was killed while it made the index: it had taken the mark away
    (folder / "indexed").unlink()
    shutil.rmtree(folder / "html" / "pagefind" / "fragment")
    (folder / "index" / "pagefind").mkdir(parents=True)
    assert set(index()) == set(first)
    written.write_text(PAGE.replace("Prose", "Other words"), "utf-8")
    assert set(index()) != set(first)


def test_a_failure_of_pagefind_is_told(tmp_path):
    with pytest.raises(BookError, match=r"index of .*nowhere was not written"):
        run_pagefind(tmp_path / "nowhere", tmp_path / "index")
