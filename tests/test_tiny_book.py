"""A tiny book with one of everything: three languages from one execution, and what goes wrong."""

import filecmp
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import lxml.html
import polib
import pytest
from build import all_inputs
from conftest import ROOT, copy_tiny_book, run_script

CHAPTER = "book/part/chapter"


def page(book, language, name=CHAPTER):
    return lxml.html.fromstring((book.site / language / f"{name}.html").read_bytes())


def article(book, language, name=CHAPTER):
    (found,) = page(book, language, name).xpath("//article")
    return found


def words_of_figures(book, language):
    texts = article(book, language).xpath("//*[local-name()='svg']//*[local-name()='text']")
    return ["".join(t.itertext()) for t in texts]


def build(book, *arguments, **options):
    return run_script("build.py", "--root", book.root, *arguments, **options)


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")


def executed(output) -> int:
    return int(re.search(r"executed (\d+) chapters in", output.text)[1])


# ---- what a reader sees --------------------------------------------------------------------------


def test_the_build_finds_no_problem(tiny):
    _, output = tiny
    assert output.code == 0, output.text
    assert executed(output) == 1, "one execution serves three languages"
    for language in ("en", "ja", "ko"):
        assert re.search(rf"rendered {language} +[\d.]+ s", output.text)


@pytest.mark.parametrize("language", ["ja", "ko"])
def test_no_english_word_is_left(tiny, language):
    """All text of the page but code, formulas and what has the same name everywhere."""
    tree = page(tiny[0], language)
    for element in tree.xpath(
        "//head/*[not(self::title) and not(self::meta)] | //script | //style | //noscript"
        " | //*[contains(@class, 'highlight')] | //*[contains(@class, 'katex')]"
        " | //*[contains(@class, 'language-switch')] | //kbd | //a[contains(@class, 'headerlink')]"
    ):
        element.drop_tree()
    texts = list(tree.itertext())
    for name in ("alt", "title", "aria-label", "placeholder"):
        texts += tree.xpath(f"//@{name}")
    texts += tree.xpath("//meta[@name='description' or @property='og:title']/@content")
    names = re.compile(r"Python|CPU|GPU|Colab|ZIP|torch(?:vision)? [\w.+]+")
    left = [t.strip() for t in texts if re.search(r"[A-Za-z]{3,}", names.sub("", t))]
    # the holder of the copyright; the branch, for this book has no commit; the word of the hover
    # text of a term is English on purpose
    allowed = re.compile(r"iip_lib|^main$|kernel · ")
    assert [t for t in left if not allowed.search(t)] == []


@pytest.mark.parametrize("language", ["en", "ja", "ko"])
def test_a_page_keeps_nothing_of_the_documents_that_its_messages_were(tiny, language):
    path = tiny[0].sphinx_folder(language) / "doctrees" / f"{CHAPTER}.doctree"
    doctree = pickle.loads(path.read_bytes())
    assert {id(node.document) for node in doctree.findall()} == {id(doctree)}


def test_words_in_figures(tiny):
    words = {language: words_of_figures(tiny[0], language) for language in ("en", "ja", "ko")}
    assert {"Two curves after 4 steps", "falling curve", "cat", "a cup of coffee"} <= set(
        words["en"]
    )
    assert {"4ステップ後の二つの曲線", "下がる曲線", "猫", "一杯のコーヒー"} <= set(words["ja"])
    assert {"4단계 뒤의 두 곡선", "내려가는 곡선", "고양이", "커피 한 잔"} <= set(words["ko"])


def test_code_is_the_same_but_for_comments_and_messages(tiny):
    code = {}
    for language in ("en", "ja", "ko"):
        blocks = article(tiny[0], language).xpath("//div[contains(@class, 'cell_input')]//pre")
        code[language] = "\n".join("".join(b.itertext()) for b in blocks)
    assert "# 理由を述べる" in code["ja"]
    assert "# 이유를 말하는" in code["ko"]
    assert '"✗ 答えは数でなければなりません。"' in code["ja"]
    assert 'label="falling curve"' in code["ja"], "words of figures stay in the code"
    assert "# (batch, C)" in code["ja"], "a comment may read as in English, beside others"


def test_outputs(tiny):
    texts = {language: article(tiny[0], language).text_content() for language in ("en", "ja", "ko")}
    assert "✗ Your number is 3, which is not the double of three." in texts["en"]
    assert "✗ あなたの数は3です。三の二倍ではありません。" in texts["ja"]
    assert "✗ 답한 수는 3입니다. 삼의 두 배가 아닙니다." in texts["ko"]
    for text in texts.values():
        assert "0.67" in text, "a number that a cell computed"
        assert "4 (1, 2)" in text, "the CPU's number"


def test_captions_and_alternative_texts(tiny):
    for language, caption, alt in [
        ("en", "The first falls", "A falling curve and a rising curve cross."),
        ("ja", "一つ目は下がり", "下がる曲線と上がる曲線が交わっています。"),
        ("ko", "첫째는 내려가고", "내려가는 곡선과 올라가는 곡선이 만납니다."),
    ]:
        tree = article(tiny[0], language)
        assert caption in tree.xpath("string(//figcaption)")
        assert alt in tree.xpath("//*[local-name()='svg']/@aria-label")


def test_exercises(tiny):
    for language, exercise, solution in [
        ("en", "Exercise 1", "Solution"),
        ("ja", "演習 1", "解答例"),
        ("ko", "연습 문제 1", "풀이"),
    ]:
        tree = article(tiny[0], language)
        assert exercise in tree.xpath("string(//*[contains(@class, 'exercise')])")
        assert solution in [s.text_content().strip() for s in tree.xpath("//details/summary")]


def test_formulas_are_set_and_need_no_script(tiny):
    tree = page(tiny[0], "ja")
    assert tree.xpath("//annotation[contains(., 'sum_{k=1}')]"), "MathML for screen readers"
    assert not tree.xpath("//script[contains(@src, 'math') or contains(@src, 'katex')]")


def test_terms(tiny):
    for language, shown in [("en", "kernel"), ("ja", "カーネル"), ("ko", "커널")]:
        (term,) = article(tiny[0], language).xpath("//abbr")
        assert term.text_content() == shown
        assert term.get("title") == "kernel · カーネル（かーねる） · 커널"


def test_addresses(tiny):
    site = tiny[0].site
    assert 'url=book/index.html"' in (site / "ja" / "index.html").read_text("utf-8")
    tree = page(tiny[0], "ja")
    assert tree.get("lang") == "ja"
    (canonical,) = tree.xpath("//link[@rel='canonical']/@href")
    assert canonical.endswith(".github.io/iip-lib/ja/book/part/chapter.html")
    languages = dict(
        zip(
            tree.xpath("//link[@rel='alternate']/@hreflang"),
            tree.xpath("//link[@rel='alternate']/@href"),
            strict=True,
        )
    )
    assert set(languages) == {"en", "ja", "ko", "x-default"}
    assert languages["ko"] == canonical.replace("/ja/", "/ko/")
    assert tree.xpath("//meta[@name='description']/@content") == [
        "あらゆるものを一つずつ含む章です。"
    ]
    assert tree.xpath("//meta[@property='og:description']/@content") == tree.xpath(
        "//meta[@name='description']/@content"
    )
    assert {
        a.get("hreflang") for a in tree.xpath("//nav[contains(@class, 'language-switch')]//a")
    } == {
        "en",
        "ko",
    }


def test_a_page_leads_to_the_place_where_it_is_corrected(tiny):
    for language in ("en", "ja", "ko"):
        link, *_ = page(tiny[0], language).xpath("//a[@class='improve']")
        address = urlsplit(link.get("href"))
        path = address.path.split("/blob/main/")[1]
        assert path == {"en": f"{CHAPTER}.md"}.get(
            language, f"book/locale/{language}/LC_MESSAGES/{CHAPTER}.po"
        )
        text = (tiny[0].root / path).read_text("utf-8").splitlines()
        lines = json.loads(link.get("data-lines"))
        sections = article(tiny[0], language).xpath(".//section")
        assert set(lines) == {section.get("id") for section in sections}
        for section in sections:
            line = text[lines[section.get("id")] - 1]
            heading = section.xpath("string(*[self::h1 or self::h2 or self::h3])").rstrip("#")
            if language == "en":
                assert line.startswith("#")
                assert heading in line
            else:
                assert line.startswith("msgid")
                assert heading in text[lines[section.get("id")]]


def test_a_page_says_how_to_cite_it(tiny):
    entry = page(tiny[0], "ja").xpath("string(//*[@class='page-tools']//pre)")
    fields = dict(re.findall(r"(\w+) += \{(.*)\}", entry))
    assert entry.startswith("@misc{iip-part-chapter,")
    assert fields["title"] == "何でも一つずつ"
    assert fields["author"] == r"{The iip\_lib authors}"
    assert fields["url"].endswith("/ja/book/part/chapter.html")
    assert fields["year"] == str(date.today().year), "outside a repository the day of the build"
    assert fields["note"].startswith("Commit main, ")
    whole = page(tiny[0], "en", "book/index").xpath("string(//*[@class='page-tools']//pre)")
    assert "title  = {Image Processing by Deep Learning}" in whole
    assert "howpublished" not in whole


def test_a_language_as_a_zip_file(tiny, tmp_path):
    for language in ("ja", "ko"):
        (link,) = page(tiny[0], language).xpath("//a[@download and contains(@href, '.zip')]")
        path = tiny[0].site / language / Path(link.get("href")).name
        with zipfile.ZipFile(path) as packed:
            packed.extractall(tmp_path)
        comparison = filecmp.dircmp(tiny[0].site / language, tmp_path / language)
        assert differences(comparison) == [path.name], "all but the file itself"


def test_owner_of_the_repository_comes_from_the_environment(tmp_path):
    book = copy_tiny_book(tmp_path)
    # nothing to execute: only addresses are looked at
    book.source(CHAPTER).write_text("# A page\n", "utf-8")
    build(book, "--no-check", environment={"GITHUB_REPOSITORY": "Someone/copy-of-it"})
    (canonical,) = page(book, "en").xpath("//link[@rel='canonical']/@href")
    assert canonical == "https://someone.github.io/copy-of-it/en/book/part/chapter.html"


# ---- what changes, and what does not ---------------------------------------------------------------


def test_nothing_changed(changed):
    before = {p: p.stat().st_mtime_ns for p in changed.site.rglob("*") if p.is_file()}
    output = build(changed)
    assert (output.code, executed(output)) == (0, 0)
    touched = [p for p, t in before.items() if p.stat().st_mtime_ns != t]
    assert {p.name for p in touched} <= {".nojekyll"}
    for language in ("en", "ja", "ko"):
        assert f"nothing changed in {language}\n" in output.text
        assert f"rendered {language}" not in output.text


def test_whatever_a_page_is_made_of_counts_as_a_change(tmp_path):
    book = copy_tiny_book(tmp_path)
    results = book.build / "results" / f"{CHAPTER}.json"
    library = book.root / "iip_lib" / "data.npz"
    for path in (results, library):
        path.parent.mkdir(parents=True)
        path.write_text("1")
    before = all_inputs(book, "cpu-offline")
    assert all_inputs(book, "cpu-offline") == before
    assert all_inputs(book, "cpu-online") != before
    files = [
        *("_config.yml", "_toc.yml", f"{CHAPTER}.md", "book/glossary.yml", "book/references.bib"),
        *("book/_static/book.css", "book/_ext/figures.py", "book/_templates/search.html"),
        *("book/locale/ko/LC_MESSAGES/sphinx.po", f"book/locale/ja/LC_MESSAGES/{CHAPTER}.po"),
        *(path.relative_to(book.root).as_posix() for path in (results, library)),
    ]
    for name in files:
        kept = (book.root / name).read_bytes()
        (book.root / name).write_bytes(kept + b"\n")
        assert all_inputs(book, "cpu-offline") != before, name
        (book.root / name).write_bytes(kept)
    (book.root / "book" / "one_more.md").write_text("")
    assert all_inputs(book, "cpu-offline") != before
    (book.root / "book" / "one_more.md").unlink()
    catalogue = book.catalogue("ko", CHAPTER)
    catalogue.with_suffix(".mo").write_bytes(b"made by Sphinx")
    assert all_inputs(book, "cpu-offline") == before


def test_a_page_that_is_gone_is_written_again(changed):
    lost = changed.sphinx_folder("ko") / "html" / f"{CHAPTER}.html"
    page = lost.read_bytes()
    lost.unlink()
    output = build(changed)
    assert (output.code, lost.read_bytes()) == (0, page)
    assert re.search(r"rendered ko .*", output.text)
    assert "nothing changed in en\n" in output.text


def test_a_changed_sentence_is_shown_in_english_marked_never_stale(changed):
    source = changed.source(CHAPTER)
    edit(source, "A table is *not* a picture.", "A table is *never* a picture.")
    output = build(changed)
    assert executed(output) == 0
    assert output.code == 1
    assert run_script("catalogues.py", "--root", changed.root).code == 0
    output = build(changed)
    for language in ("ja", "ko"):
        place = f"book/locale/{language}/LC_MESSAGES/{CHAPTER}.po"
        (line,) = [t for t in output.text.splitlines() if place in t and "locale" in t]
        assert "fuzzy" in line
        assert "A table is *never* a picture." in line
        tree = article(changed, language)
        (marked,) = tree.xpath("//*[contains(@class, 'untranslated')]")
        assert marked.text_content() == "A table is never a picture."
        (notice,) = tree.xpath("//*[contains(@class, 'translation-gap')]")
        assert re.search(r"(?<!\d)1(?!\d)", notice.text_content())
    assert "never" in article(changed, "en").text_content()


def test_a_text_that_the_catalogue_does_not_know_yet_fails(changed):
    """Whatever it is: title of a box, comment, description, alternative text, name of a part."""
    edits = [
        ("book/part/chapter.md", "Hint\n", "A hint\n", "A hint"),
        # of a comment, the cell is named
        ("book/part/chapter.md", "# more on a GPU", "# more where a GPU is", "import matplotlib"),
        (
            "book/part/chapter.md",
            "A chapter with one of everything.",
            "A chapter with everything.",
            "A chapter with everything.",
        ),
        ("book/part/chapter.md", "alt: Three bars", "alt: These three bars", "These three bars"),
        ("_toc.yml", "First part", "The first part", "The first part"),
    ]
    for file, before, after, _ in edits:
        edit(changed.root / file, before, after)
    output = build(changed)
    assert output.code == 1
    for language in ("ja", "ko"):
        for *_, words in edits:
            complaint = rf"{language}: book/\S+\.md:\d+: '{words}.*is not in the catalogue"
            assert re.search(complaint, output.text), words


def test_only_the_changed_sentence_becomes_fuzzy(changed):
    catalogues = [changed.catalogue(c, CHAPTER) for c in ("ja", "ko")]
    before = [path.read_text("utf-8") for path in catalogues]
    run_script("catalogues.py", "--root", changed.root)
    assert [path.read_text("utf-8") for path in catalogues] == before, "nothing to do, nothing done"
    edit(changed.source(CHAPTER), "Twice three is six.", "Two times three is six.")
    output = run_script("catalogues.py", "--root", changed.root)
    for path, text in zip(catalogues, before, strict=True):
        old, new = polib.pofile(text), polib.pofile(str(path))
        fuzzy = [e.msgid for e in new if e.fuzzy]
        assert fuzzy == ["Two times three is six."]
        same = {e.msgid: e.msgstr for e in new if not e.fuzzy}
        assert same == {e.msgid: e.msgstr for e in old if e.msgid != "Twice three is six."}
        assert f"{path.relative_to(changed.root)}:" in output.text


def test_a_changed_comment_or_caption_executes_nothing(changed):
    source = changed.source(CHAPTER)
    edit(source, "# more on a GPU", "# many more on a GPU")
    edit(source, "The first falls", "The first one falls")
    output = build(changed)
    assert executed(output) == 0
    text = article(changed, "en").text_content()
    assert "# many more on a GPU" in text
    assert "The first one falls" in text


def test_changed_code_executes_the_chapter_again(changed):
    edit(changed.source(CHAPTER), "area = 2 / 3", "area = 1 / 4")
    assert executed(build(changed)) == 1
    for language in ("en", "ja", "ko"):
        assert "0.25" in article(changed, language).text_content()


def test_the_numbers_of_a_gpu_can_be_forced(changed):
    output = build(changed, environment={"IIP_DEVICE": "gpu"})
    assert (output.code, executed(output)) == (0, 1)
    assert "40ステップ後の二つの曲線" in words_of_figures(changed, "ja")
    assert executed(build(changed)) == 0, "the CPU's results were kept"
    assert "4ステップ後の二つの曲線" in words_of_figures(changed, "ja")


def test_a_changed_title_reaches_the_other_pages(changed):
    edit(changed.source(CHAPTER), "# One of everything", "# Everything once")
    build(changed, "--no-check")
    assert "Everything once" in page(changed, "en", "book/index").text_content()


def test_an_incremental_build_equals_a_clean_one(changed):
    source = changed.source(CHAPTER)
    edit(source, "Give the double of three.", "Give the double of four.")
    edit(changed.root / "book" / "index.md", "# A tiny book", "# A very tiny book")
    edit(source, "area = 2 / 3", "area = 3 / 4")
    build(changed, "--no-check")
    kept = changed.root / "kept"
    shutil.copytree(changed.site, kept)
    for name in ("sphinx", "site"):
        shutil.rmtree(changed.build / name)
    again = build(changed, "--no-check")
    assert changed.site.exists(), again.text
    assert differences(filecmp.dircmp(kept, changed.site)) == []


def differences(comparison) -> list[str]:
    """Names of files that differ."""
    found = [*comparison.left_only, *comparison.right_only]
    _, mismatch, errors = filecmp.cmpfiles(
        comparison.left, comparison.right, comparison.common_files, shallow=False
    )
    found += mismatch + errors
    for part in comparison.subdirs.values():
        found += differences(part)
    return found


def test_a_build_that_was_killed_while_writing_is_made_good(changed):
    edit(changed.source(CHAPTER), "A table is", "Any table is")
    (changed.sphinx_folder("ja") / "begun").touch()
    target = changed.sphinx_folder("ja") / "html" / f"{CHAPTER}.html"
    target.write_text(
        target.read_text("utf-8")[:1000], "utf-8"
    )  # cut off, and newer than its source
    build(changed, "--no-check")
    assert "Any table is" in article(changed, "ja").text_content()


def test_finished_chapters_survive_a_kill(tmp_path):
    """Two chapters, one slow; kill -9 after the fast one: only the slow one is executed again."""
    book = copy_tiny_book(tmp_path)
    head, cell = (
        "---\njupytext:\n  text_representation:\n    extension: .md\n    format_name: myst\n"
        "kernelspec:\n  name: python3\n---\n# {}\n\n",
        "```{{code-cell}} ipython3\n{}\n```\n",
    )
    (book.root / "book" / "fast.md").write_text(
        head.format("Fast") + cell.format("print(1)"), "utf-8"
    )
    slow = book.root / "book" / "slow.md"
    slow.write_text(head.format("Slow") + cell.format("import time\ntime.sleep(20)"), "utf-8")
    (book.root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n- file: book/fast\n- file: book/slow\n"
    )
    (book.root / "book" / "index.md").write_text("# Home\n", "utf-8")
    command = [sys.executable, str(ROOT / "scripts" / "execute.py"), "--root", str(book.root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    for line in process.stdout:
        if "book/fast" in line:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    edit(slow, "time.sleep(20)", "time.sleep(0)")
    output = run_script("execute.py", "--root", book.root)
    assert "book/slow" in output.text
    assert "executed 1 chapters" in output.text
    assert "1 unchanged" in output.text


# ---- what a person does wrong ------------------------------------------------------------------------


def test_a_cell_that_raises_is_shown_with_chapter_line_cell_and_traceback(changed):
    edit(changed.source(CHAPTER), "area = 2 / 3", "area = 2 / 0")
    output = build(changed)
    assert output.code == 1
    source = changed.source(CHAPTER).read_text("utf-8").splitlines()
    (place,) = re.findall(
        r"book/part/chapter\.md:(\d+): code cell 5 failed: ZeroDivisionError", output.text
    )
    assert source[int(place) - 1].startswith("```{code-cell}")
    assert "area = 2 / 0" in output.text
    assert len(output.text.splitlines()) < 50, "one screen"


def test_a_cell_that_hangs_is_stopped(changed):
    # long enough for the cells before it, also on a busy machine
    edit(changed.root / "_config.yml", "timeout: 600", "timeout: 20")
    edit(changed.source(CHAPTER), "area = 2 / 3", "import time; time.sleep(600)\narea = 2 / 3")
    output = build(changed)
    assert output.code == 1
    assert "code cell 5 failed: CellTimeoutError (the limit is 20 s a cell)" in output.text


def test_a_cell_that_was_not_run_fails_the_check(changed):
    (kept,) = (changed.build / "executed").rglob("base.ipynb")
    text = kept.read_text("utf-8")
    kept.write_text(re.sub(r'"execution_count": 3,', '"execution_count": null,', text), "utf-8")
    output = build(changed)
    assert output.code == 1
    assert "book/part/chapter.md: code cell 3 was not run" in output.text


def test_each_fault_of_a_page_is_named(changed):
    """All in one build, for a build of each alone takes minutes."""
    source = changed.source(CHAPTER)
    edit(source, 'ax.set_xlabel("time")', 'word = "hours"; ax.set_xlabel(word)')
    edit(source, 'ax.set_ylabel("count")', 'ax.set_ylabel(f"count {steps}")')
    edit(source, "    alt: Three bars of different height, one for each animal.", "    width: 100%")
    edit(source, "chapter-formulas>`.", "chapter-formula>`.")
    edit(source, "print(steps, shape)", 'print("the number of steps is", steps)')
    words = "```{code-cell} ipython3\n:tags: [prints-error]\nprint('the words of some library are English')"
    edit(source, "(chapter-formulas)=", f"{words}\n```\n\n(chapter-formulas)=")
    edit(changed.catalogue("ja", "book/index"), "[その章](part/chapter.md)", "その章")
    edit(changed.root / "book" / "glossary.yml", "part/chapter", "part/none")
    home = changed.source("book/index")
    home.write_text(home.read_text("utf-8") + "\n```{glossary-table}\n```\n", "utf-8")
    output = build(changed)
    assert output.code == 1
    for complaint in (
        "the word 'hours' in a figure is no literal",
        "an f-string cannot be translated",
        "a figure has no alternative text",
        "undefined label: 'chapter-formula'",
        "ja/book/part/chapter.html: a cell prints English: 'the number of steps is'",
        "links: lost 'part/chapter.md'",
        "the chapter of 'kernel' is 'part/none', which is not in _toc.yml",
    ):
        assert complaint in output.text
    assert "the words of some library" not in output.text
    assert "the word 'hours'" in build(changed).text, "and still fails when nothing changed"


def test_a_page_that_does_not_exist_is_named(changed):
    (changed.root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n- file: book/part/chaptre\n"
    )
    output = build(changed)
    assert output.code == 1
    assert "no file book/part/chaptre.md" in output.text
    assert "Traceback" not in output.text


def test_a_preview_without_execution_shows_ellipses(tiny, tmp_path):
    """What `make live` renders: no torch, no execution, nothing of the real build touched."""
    program = (
        "from pathlib import Path\n"
        "from live import Preview, rebuild\n"
        "if __name__ == '__main__':\n"
        f"    book = Preview(Path({str(tmp_path / 'book')!r}))\n"
        "    rebuild(book, 'ja', 'book/part/chapter', False)\n"
        "    path = book.catalogue('ja', 'book/part/chapter')\n"
        "    text = path.read_text('utf-8')\n"
        "    path.write_text(text.replace('何でも一つずつ', '全部を一つずつ'), 'utf-8')\n"
        "    rebuild(book, 'ja', 'book/part/chapter', False)\n"
    )
    (tmp_path / "torch.py").write_text("raise ImportError('a preview needs no torch')\n")
    (tmp_path / "program.py").write_text(program, "utf-8")
    shutil.copytree(tiny[0].root, tmp_path / "book", ignore=shutil.ignore_patterns("_build"))
    folders = os.pathsep.join([str(tmp_path), str(ROOT / "scripts")])
    environment = dict(os.environ, PYTHONPATH=folders)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "program.py")],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert "WARNING" not in done.stdout
    assert not (tmp_path / "book" / "_build" / "live" / "ja" / "begun").exists(), "not done anew"
    html = tmp_path / "book" / "_build" / "live" / "ja" / "html" / f"{CHAPTER}.html"
    assert b"@COMMIT@" not in html.read_bytes()
    text = lxml.html.fromstring(html.read_bytes()).xpath("string(//article)")
    assert "面積は…" in text
    assert "全部を一つずつ" in text, "a translation changed while the preview runs is seen"
    assert not (tmp_path / "book" / "_build" / "site").exists()


def test_seconds_and_memory_are_recorded(tiny):
    data = json.loads((tiny[0].build / "results" / f"{CHAPTER}.json").read_text())
    assert data["execution_seconds"] > 0
    assert data["megabytes"] > 50
