"""What goes wrong on a machine, or in a file: one clear line says what to do, and nothing is lost."""

from __future__ import annotations

import filecmp
import shutil
from pathlib import Path

import nbformat
import pytest
from complaints import collect
from conftest import Output, copy_tiny_book
from execute import Store, code_cells, execute_book, key, read_notebook
from test_tiny_book import build, differences, edit, executed

from book import Book, BookError

CHAPTER = "book/part/chapter"
HEAD = (
    "---\njupytext:\n  text_representation:\n    extension: .md\n    format_name: myst\n"
    "kernelspec:\n  name: python3\n---\n# {}\n\n"
)
CELL = "```{{code-cell}} ipython3\n{}\n```\n\n"


def small_book(folder: Path, **chapters: str) -> Book:
    """A book of chapters of one cell each, which load nothing heavy."""
    book = copy_tiny_book(folder)
    shutil.rmtree(folder / "book" / "part")
    for name, code in chapters.items():
        text = HEAD.format(name.title()) + CELL.format(code)
        (folder / "book" / f"{name}.md").write_text(text, "utf-8")
    names = "".join(f"- file: book/{name}\n" for name in chapters)
    (folder / "_toc.yml").write_text(f"format: jb-book\nroot: book/index\nchapters:\n{names}")
    (folder / "book" / "index.md").write_text("# Home\n", "utf-8")
    return book


def problems(output: Output) -> list[str]:
    """What a build listed at its end."""
    _, found, text = output.text.partition("so this must not be published:\n")
    assert found, output.text
    return [line.strip() for line in text.splitlines()]


# ---- damaged sources -----------------------------------------------------------------------------


def test_each_fault_of_a_source_gets_one_line(changed):
    """A label used twice, a level skipped, and both kinds of a damaged catalogue, in one build."""
    source = changed.source(CHAPTER)
    edit(source, "## Exercises", "(chapter-formulas)=\n#### Exercises")
    japanese, korean = (changed.catalogue(code, CHAPTER) for code in ("ja", "ko"))
    edit(japanese, "一つ目は下がり", '一つ目は下がり"\n<<<<<<< HEAD\n"')
    content = korean.read_bytes()
    place = content.index("첫째는".encode())
    korean.write_bytes(content[:place] + b"\xff" + content[place:])
    output = build(changed)
    assert output.code == 1
    assert "Traceback" not in output.text
    assert executed(output) == 0, "nothing is lost"
    lines = source.read_text("utf-8").splitlines()
    label = lines.index("#### Exercises")
    marker = japanese.read_text("utf-8").splitlines().index("<<<<<<< HEAD") + 1
    byte = content.count(b"\n", 0, place) + 1
    folder = "book/locale/{}/LC_MESSAGES/book/part/chapter.po:{}: "
    assert problems(output) == [
        f"book/part/chapter.md:{label}: the label 'chapter-formulas' is used twice: "
        "give one another name",
        f"book/part/chapter.md:{label + 1}: a heading level is skipped: below ## comes ###, not ####",
        folder.format("ja", marker) + "here it is no PO file any more: "
        "mend the line, or take the file back from git",
        folder.format("ko", byte) + "the byte 0xff is no UTF-8: "
        "save the file as UTF-8, or take it back from git",
    ]


def test_complaints_are_said_once():
    both = "book/a.md:7: WARNING: duplicate label x, other instance in book/b.md"
    other = "book/b.md:9: WARNING: duplicate label x, other instance in book/a.md"
    lost = "book/a.md:3{}: WARNING: undefined label: 'y'"
    assert collect(
        {
            "en": [both, other, lost.format("")],
            "ja": [both, other, lost.format(":<translated>:1"), "WARNING: only here"],
        }
    ) == [
        "book/a.md:7: the label 'x' is used twice, also in book/b.md:9: give one another name",
        "book/a.md:3: undefined label: 'y'",
        "ja: WARNING: only here",
    ]


def test_labels_of_equations_and_exercises_that_stand_twice():
    """Sphinx and sphinx-exercise have words of their own for it, and tell of what follows."""
    lines = [
        "book/a.md:5: WARNING: duplicate label of equation eq-x, other instance in book/a",
        'book/a.md:: CRITICAL: Duplicate ID: "equation-eq-x".',
        "book/a.rst: WARNING: duplicate label: ex-a-b; other instance in book/a.md",
    ]
    assert collect({"en": lines}) == [
        "book/a.md:5: the label 'eq-x' is used twice: give one another name",
        "book/a.md: the label 'ex-a-b' is used twice: give one another name",
    ]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "book/fast.md",
            None,
            r"_toc.yml names book/fast, but there is no file book/fast.md: write",
        ),
        (
            "book/fast.md",
            b"# Fast\n\n\xff\n",
            r"fast.md:3: the byte 0xff is no UTF-8: save the file",
        ),
        ("_toc.yml", b"root: book/index\n\xfe", r"_toc.yml:2: the byte 0xfe is no UTF-8"),
        ("_toc.yml", b"root: [book\n", r"_toc.yml:2: this is no YAML \(.*\): mend the line"),
        ("_toc.yml", b"format: jb-book\n", r"_toc.yml cannot be read .*: it needs `root: PAGE`"),
        (
            "_toc.yml",
            b"root: book/index\nchapters: [file: book/fast, file: book/fast]\n",
            r"_toc.yml names book/fast twice: take one of them out",
        ),
    ],
)
def test_a_missing_or_damaged_file_is_named_with_its_line(tmp_path, file, content, message):
    book = small_book(tmp_path, fast="print(1)")
    path = book.root / file
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(BookError, match=message) as error:
        execute_book(book)
    assert len(str(error.value).splitlines()) == 1


# ---- garbage in the cache ------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path):
    """A book with the results of one chapter, without a kernel: (book, page, notebook, key)."""
    book = small_book(tmp_path, fast="print(1)")
    page = "book/fast"
    notebook = read_notebook(book.source(page))
    wanted = key(book, page, notebook)
    store = Store(book, "cpu-offline")
    result = nbformat.from_dict(notebook)
    for cell in code_cells(result):
        cell.execution_count = 1
        cell.outputs = [nbformat.v4.new_output("stream", text="1\n")]
    data = {"key": wanted, "device": "cpu", "execution_seconds": 1.0, "megabytes": 50}
    store.keep(page, notebook, code_cells(result), data)
    store.cache.db.dispose()
    return book, page, notebook, wanted


def damage(path: Path) -> None:
    path.write_bytes(b"garbage\xff\x00" * 100)


def one(folder: Path, name: str) -> Path:
    (found,) = folder.rglob(name)
    return found


def test_results_outlive_their_damaged_database(kept, capsys):
    book, page, notebook, wanted = kept
    folder = book.cache("cpu-offline")
    damage(folder / "global.db")
    store = Store(book, "cpu-offline")
    (line,) = capsys.readouterr().out.splitlines()
    assert f"{folder} is damaged: it was put aside as cpu-offline.damaged-1" in line
    assert "1 results taken over; remove it when nothing is missing" in line
    assert store.find(page, notebook, wanted)["megabytes"] == 50
    record = store.cache.match_cache_notebook(notebook)
    (cell,) = code_cells(store.cache.get_cache_bundle(record.pk).nb)
    assert cell.outputs[0].text == "1\n"
    Store(book, "cpu-offline")
    assert not capsys.readouterr().out, "it is whole again"


@pytest.mark.parametrize("everything", [True, False])
def test_what_is_damaged_is_executed_again_and_kept(kept, everything, capsys):
    book, page, notebook, wanted = kept
    for path in book.cache("cpu-offline").rglob("*"):
        if path.is_file() and (everything or path.name == "base.ipynb"):
            damage(path)
    assert Store(book, "cpu-offline").find(page, notebook, wanted) is None
    capsys.readouterr()
    assert execute_book(book) == "cpu-offline"
    assert "executed 1 chapters" in capsys.readouterr().out
    execute_book(book)
    assert "executed 0 chapters" in capsys.readouterr().out


@pytest.mark.parametrize("left", ["empty database", "no results", "a file", "foreign things"])
def test_what_a_killed_process_left_does_no_harm(kept, left, capsys):
    book, page, notebook, wanted = kept
    folder = book.cache("cpu-offline")
    results = one(folder, "base.ipynb").parent
    if left == "empty database":
        (folder / "global.db").write_bytes(b"")
    elif left == "no results":
        shutil.rmtree(results)
        results.mkdir()
    elif left == "a file":
        shutil.rmtree(results)
        results.write_text("")
    else:
        (folder / "executed" / "other").mkdir()
        (folder / "notes.txt").write_text("mine")
        (book.build / "results" / "book").mkdir(parents=True)
        damage(book.build / "results" / "book" / "fast.json")
    execute_book(book)
    again = "0" if left == "foreign things" else "1"
    assert f"executed {again} chapters" in capsys.readouterr().out
    assert Store(book, "cpu-offline").find(page, notebook, wanted)


def test_a_build_survives_garbage_in_all_that_it_keeps(changed):
    """Databases and pickles: what was executed is still there, the pages are written anew."""
    damage(one(changed.build / "executed", "global.db"))
    for path in changed.sphinx_folder("ja").rglob("*"):
        if path.suffix in (".pickle", ".doctree"):
            damage(path)
    before = changed.root / "before"
    changed.site.rename(before)
    output = build(changed)
    assert output.code == 0, output.text
    assert executed(output) == 0
    assert output.text.count("is damaged") == 1
    assert differences(filecmp.dircmp(before, changed.site)) == []
