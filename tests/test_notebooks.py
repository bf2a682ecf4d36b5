"""The notebooks beside the pages: whole, plain, equal to what the book executed, and they run."""

import ast
import importlib.metadata
import importlib.util
import json
import re
import subprocess
from pathlib import Path

import lxml.html
import nbformat
import psutil
import pytest
from check_book import plain_code
from check_notebooks import (
    changed,
    choose,
    describe,
    every,
    execute,
    execute_all,
    hidden_modules,
)
from conftest import ROOT, run_script
from docutils import nodes
from execute import Store, choose_device, code_cells, read_notebook
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from notebook_text import Markdown, escape
from notebooks import SET_UP
from sphinx import addnodes
from test_chapters import commit_everything, git
from test_tiny_book import CHAPTER, build, edit, page

from book import Book, mode

BOOK = Book(ROOT)
WITH_CODE = [name for name in BOOK.pages if read_notebook(BOOK.source(name))]
LANGUAGES = list(BOOK.languages)


def load(book, language, name, ending=".ipynb"):
    return nbformat.read(book.site / language / f"{name}{ending}", as_version=4)


def cells(notebook, kind):
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def text_of(notebook) -> str:
    return "\n\n".join(cell.source for cell in cells(notebook, "markdown"))


def all_notebooks(book):
    return sorted(book.site.glob("*/book/**/*.ipynb"))


# ---- the same program ----------------------------------------------------------------------------


def executed_cells(name) -> list:
    """The cells that the book executed, from its store of results."""
    store = Store(BOOK, mode(choose_device()))
    record = store.cache.match_cache_notebook(read_notebook(BOOK.source(name)))
    return code_cells(store.cache.get_cache_bundle(record.pk).nb)


@pytest.mark.parametrize("name", WITH_CODE)
def test_cells_are_those_that_the_book_executed(built, name):
    """But for the set-up, translated comments and messages, and cells that only keep numbers."""
    whole = [c for c in executed_cells(name) if "remove-cell" not in c.metadata.get("tags", [])]
    assert len(whole) > 0
    kept = [c for c in whole if "exercise-solution" not in c.metadata.get("tags", [])]
    for language in LANGUAGES:
        for ending, expected in ((".ipynb", whole), (".lecture.ipynb", kept)):
            set_up, *found = cells(load(built[0], language, name, ending), "code")
            assert "set-up" in set_up.metadata["tags"]
            assert [plain_code(c.source) for c in found] == [plain_code(c.source) for c in expected]


def test_comments_and_messages_are_those_of_the_language(tiny):
    code = {
        language: "\n".join(c.source for c in cells(load(tiny[0], language, CHAPTER), "code"))
        for language in LANGUAGES
    }
    assert "# 理由を述べる" in code["ja"]
    assert '"✗ 답은 수여야 합니다' in code["ko"] or "# 이유를 말하는" in code["ko"]
    for text in code.values():
        assert 'label="falling curve"' in text, "Colab has no font for other words in figures"


# ---- the same text -------------------------------------------------------------------------------


PARSER = MarkdownIt("commonmark", {"html": True}).enable("table").use(dollarmath_plugin)
PARSER.add_render_rule("math_inline", lambda *a: "")
PARSER.add_render_rule("math_block", lambda *a: "")


def letters(tree) -> str:
    """What is read, without spaces and marks: these differ between HTML and Markdown."""
    return "".join(re.findall(r"[^\W_]+", " ".join(tree.itertext())))


def letters_of_page(book, language, name) -> str:
    """The text of a page, without cells, their results, formulas, and titles of solutions."""
    (article,) = page(book, language, name).xpath("//article")
    for element in article.xpath(
        ".//div[contains(concat(' ', @class, ' '), ' cell_input ')] | .//*[local-name()='svg']"
        " | .//*[contains(@class, 'output')][not(.//figcaption)]"
        " | .//details[contains(@class, 'hide') or contains(@class, 'solution')]/summary"
        " | .//*[contains(@class, 'katex') or contains(@class, 'eqno')] | .//h1"
        " | .//*[contains(@class, 'headerlink') or contains(@class, 'backrefs')]"
        " | .//th/*[contains(@class, 'visually-hidden')]"
        " | .//*[contains(@class, 'colon')]"
    ):
        element.drop_tree()
    return letters(article)


def letters_of_notebook(notebook) -> str:
    sources = [cell.source for cell in cells(notebook, "markdown")[1:]]  # without the head
    rendered = "\n".join(PARSER.render(source) for source in sources)
    tree = lxml.html.fromstring(f"<div>{rendered}</div>")
    for summary in tree.xpath("//summary[.='Solution' or .='解答例' or .='풀이']"):
        summary.drop_tree()
    return letters(tree)


@pytest.mark.parametrize("name", WITH_CODE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_is_lost(built, language, name):
    """Read as Markdown, the notebook says what the page says, in the same order."""
    ours = letters_of_notebook(load(built[0], language, name))
    theirs = letters_of_page(built[0], language, name)
    assert len(theirs) > 1000
    assert ours == theirs


def formulas(notebook) -> int:
    count = 0
    for cell in cells(notebook, "markdown"):
        for token in PARSER.parse(cell.source):
            inner = [child.type for child in token.children or []]
            count += inner.count("math_inline") + (token.type == "math_block")
    return count


@pytest.mark.parametrize("name", WITH_CODE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_formula_is_lost(built, language, name):
    shown = page(built[0], language, name).xpath("//article//annotation")
    assert formulas(load(built[0], language, name)) == len(shown)


MYST = {
    "directive": r"^\s*(:{3,}|`{3,}\{)",
    "option": r"^\s*:[a-z-]+:\s",
    "role": r"\{[\w:+-]+\}`",
    "label": r"^\([\w-]+\)=\s*$",
    "comment": r"^% ",
    "substitution": r"\{\{.*\}\}",
    "front matter": r"^(jupytext|kernelspec|mystnb):",
}


def myst_left(text: str) -> list[str]:
    """What of MyST stands in a text outside code and formulas."""
    text = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.S | re.M)
    text = re.sub(
        r"(?<![}`])`[^`\n]+`(?!`)", "", re.sub(r"\$\$.*?\$\$|\$[^$]*\$", "", text, flags=re.S)
    )
    return [kind for kind, pattern in MYST.items() if re.search(pattern, text, re.M)]


def test_no_myst_is_left(built, tiny):
    for book in (built[0], tiny[0]):
        for path in all_notebooks(book):
            text = text_of(nbformat.read(path, as_version=4))
            assert myst_left(text) == [], path
            assert "untranslated" not in text
            links = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.S | re.M)  # not what code shows
            assert not re.search(r"\]\((?!https?://|mailto:|data:)", links), f"{path}: not absolute"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("directive", ":::{note}\nText\n:::"),
        ("directive", "```{figure} x.png\n```"),
        ("option", ":label: ex-one"),
        ("role", "See {ref}`there <x>`."),
        ("label", "(some-label)="),
        ("comment", "% a note"),
        ("substitution", "It is {{ name }}."),
        ("front matter", "kernelspec:\n  name: python3"),
    ],
)
def test_the_search_for_myst_finds_it(kind, text):
    assert kind in myst_left(f"Before.\n\n{text}\n\nAfter, with `{{ref}}` and $a$.")


# ---- what a notebook is made of ------------------------------------------------------------------


def test_notebooks_are_valid_and_hold_no_results(built):
    paths = all_notebooks(built[0])
    assert len(paths) == 2 * len(LANGUAGES) * len(WITH_CODE)
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        names = [cell.id for cell in notebook.cells]
        assert len(set(names)) == len(names)
        assert [cell.id for cell in notebook.cells[:2]] == ["head", "set-up"]
        assert sum("set-up" in c.metadata.get("tags", []) for c in notebook.cells) == 1
        assert notebook.metadata["kernelspec"]["name"] == "python3"
        for cell in cells(notebook, "code"):
            assert (cell.outputs, cell.execution_count) == ([], None)
            assert not re.search(r"^\s*[%!]", cell.source, re.M), "plain Python"


def test_a_gpu_is_asked_for_where_it_helps(built):
    for name in WITH_CODE:
        calls = "per_device(" in BOOK.source(name).read_text("utf-8")
        for language in LANGUAGES:
            data = load(built[0], language, name).metadata
            assert (data.get("accelerator") == "GPU") == calls, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_hints_and_solutions_are_folded_or_left_out(tiny, language):
    whole, lecture = (load(tiny[0], language, CHAPTER, e) for e in (".ipynb", ".lecture.ipynb"))
    hint, solution = {
        "en": ("Add the number to itself", "Twice three is six"),
        "ja": ("足し", "三の二倍は六"),
        "ko": ("그 수에 같은 수를", "삼의 두 배는 육"),
    }[language]
    folds = re.findall(r"<details>.*?</details>", text_of(whole), re.S)
    assert len(folds) == 2
    assert hint in folds[0]
    assert solution in folds[1]
    assert "<details>" not in text_of(lecture)
    assert not any("solution_double" in c.source for c in cells(lecture, "code"))
    folded = [c for c in cells(whole, "code") if c.metadata.get("cellView") == "form"]
    assert [c.source.startswith("# @title ") for c in folded] == [
        True
    ] * 3  # set-up, check, solution
    assert all(c.metadata["jupyter"] == {"source_hidden": True} for c in folded)


def test_what_stands_in_the_text(tiny):
    text = text_of(load(tiny[0], "en", CHAPTER))
    site = "https://iip-lib.github.io/iip-lib/en/book/"
    assert text.startswith("# One of everything\n")
    assert f"]({site}part/chapter.html)" in text, "the link back to the page"
    assert f"[the home page]({site}index.html)" in text
    assert f"[the formulas]({site}part/chapter.html#chapter-formulas)" in text
    assert "The area is 0.67, which is $1 - \\frac{1}{3}$." in text
    assert "\\sum_{k=1}^{n} k = \\frac{n (n + 1)}{2} \\tag{1}\n$$" in text
    assert "| Quantity | Symbol |\n|---|---|\n| height in pixels | $H$ |" in text
    assert "> **Commonly got wrong**\n>\n> A table is *not* a picture." in text
    assert "> **Exercise 1**\n>\n> **Double a number.** Give the double of three." in text
    assert re.search(r"\*\*Fig\. 1\*\* Two curves\. The first falls", text)


def shown_as(*children, block=nodes.paragraph) -> str:
    paragraph = block("", "", *children)
    return Markdown("https://x.org/en/a/b.html", Path(), lambda node: "").block(paragraph)


def test_a_box_may_have_its_title_in_its_text():
    added = nodes.paragraph("", "New in version 2")
    assert shown_as(added, block=addnodes.versionmodified) == "> New in version 2"


@pytest.mark.parametrize(
    "source",
    ["a*b*c", "snake_case_name", "5 < 6 & 7 > 2", "&amp;", "[a](b)", "$5 and $6", "a | b", "`x`",
     "# no title", "1. no list", "- no item", "> no quotation", "~~x~~", "\\alpha", "+ a", "=== b"],
)  # fmt: skip
def test_text_stays_text(source):
    html = PARSER.render(shown_as(nodes.Text(source)))
    assert lxml.html.fromstring(html).text_content().strip() == source
    assert html.startswith("<p>")


@pytest.mark.parametrize("kind", [nodes.strong, nodes.emphasis])
@pytest.mark.parametrize(
    ("before", "inside", "following"),
    [("", "확인하기.", "다음"), ("値は", "「大きい」", "です"), ("a ", "b", " c"), ("a", "b", "c"),
     ("", "x (y)", "z"), ("*", "b", "*")],
)  # fmt: skip
def test_bold_and_slanted_text_ends_where_it_should(kind, before, inside, following):
    parts = [nodes.Text(before), kind("", inside), nodes.Text(following)]
    html = PARSER.render(shown_as(*[part for part in parts if part.astext()]))
    name = {"strong": "strong", "emphasis": "em"}[kind.__name__]
    (found,) = lxml.html.fromstring(html).xpath(f"descendant-or-self::{name}")
    assert found.text_content() == inside
    assert lxml.html.fromstring(html).text_content().strip() == before + inside + following


def test_brackets_before_parentheses_are_no_link():
    link = nodes.reference("", "Name, 1998", refuri="https://y.org/")
    html = PARSER.render(shown_as(nodes.Text("["), link, nodes.Text("]"), nodes.Text("(CC BY)")))
    tree = lxml.html.fromstring(html)
    assert tree.text_content().strip() == "[Name, 1998](CC BY)"
    assert tree.xpath("//a/@href") == ["https://y.org/"]
    assert "](CC" not in shown_as(nodes.Text("[a]"), nodes.Text("(CC"))


def test_borders_in_the_cells_of_a_table():
    row = nodes.row()
    for part in (nodes.math("", r"|x| < \|y\|"), nodes.literal("", "a | b"), nodes.Text("c | d")):
        row += nodes.entry("", nodes.paragraph("", "", part))
    table = nodes.table("", nodes.tgroup("", nodes.tbody("", row)))
    text = Markdown("https://x.org/", Path(), lambda node: "").block(table)
    assert r"| $\vert x\vert  \lt  \Vert y\Vert$ |" in text
    tree = lxml.html.fromstring(PARSER.render(text))
    assert [td.text_content() for td in tree.xpath("//tbody//td")][1:] == ["a | b", "c | d"]


def test_pictures_are_in_the_notebook(tmp_path):
    (tmp_path / "dot.png").write_bytes(b"\x89PNG")
    text = Markdown("https://x.org/", tmp_path, None).block(nodes.image(uri="dot.png", alt="a dot"))
    assert text == "![a dot](data:image/png;base64,iVBORw==)"
    # the page is written first: then the node names the copy of the file that the page shows
    written = nodes.image(uri="../_images/dot.png", candidates={"*": "dot.png"}, alt="a dot")
    assert Markdown("https://x.org/", tmp_path, None).block(written) == text


def test_what_a_notebook_cannot_show_is_reported(changed):
    edit(changed.source(CHAPTER), "## Exercises", "```{centered} Text\n```\n\n## Exercises")
    output = build(changed)
    assert "the notebook does not know how to show a 'centered'" in output.text
    assert output.code == 1


# ---- buttons -------------------------------------------------------------------------------------


def links(book, path) -> list:
    tree = lxml.html.fromstring(path.read_bytes())
    return tree.xpath("//nav[contains(@class, 'notebook-links')]//a")


def pages_of(book):
    for language in LANGUAGES:
        for name in book.pages:
            yield language, name, book.site / language / f"{name}.html"


def test_every_button_leads_to_a_notebook_of_this_commit(built):
    book, _ = built
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    home = book.settings["repository"]["url"].removeprefix("https://github.com/")
    for language, name, path in pages_of(book):
        found = links(book, path)
        if name not in WITH_CODE:
            assert found == [], f"{path} has no code"
            continue
        colab, file, lecture = (a.get("href") for a in found)
        address = f"https://colab.research.google.com/github/{home}/blob/gh-pages/"
        assert colab.startswith(address)
        assert colab.removeprefix(address) == f"{language}/{name}.ipynb"
        for target in (
            book.site / colab.removeprefix(address),
            path.parent / file,
            path.parent / lecture,
        ):
            notebook = nbformat.read(target, as_version=4)
            head, set_up = notebook.cells[:2]
            assert f"{home}/tree/{commit}" in head.source
            assert f'set_up("https://github.com/{home}", "{commit}")' in set_up.source
            assert "@COMMIT@" not in target.read_text("utf-8")
        assert (path.parent / file).resolve() == (book.site / colab.removeprefix(address)).resolve()


def test_names_of_buttons_are_in_the_language_of_the_page(tiny):
    seen = set()
    for language in LANGUAGES:
        for link in links(tiny[0], tiny[0].site / language / f"{CHAPTER}.html"):
            name, shown = link.get("aria-label"), link.text_content().strip()
            assert shown.lower() in name.lower(), "who speaks the shown word finds the link"
            seen.add(name)
    assert len(seen) == 3 * len(LANGUAGES)
    assert links(tiny[0], tiny[0].site / "en" / "book" / "index.html") == []


# ---- commit, date, versions ----------------------------------------------------------------------


def test_every_page_shows_commit_date_and_versions(built):
    book, _ = built
    log = subprocess.run(
        ["git", "log", "-1", "--format=%H %cs"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    commit, day = log.stdout.split()
    for _language, _name, path in pages_of(book):
        tree = lxml.html.fromstring(path.read_bytes())
        (line,) = tree.xpath("//*[@class='built-from']")
        text = line.text_content()
        assert commit in text
        assert day in text
        for package in ("torch", "torchvision"):
            assert f"{package} {importlib.metadata.version(package)}" in text
        assert "@COMMIT@" not in path.read_text("utf-8")


def test_a_new_commit_writes_no_page_anew(changed):
    git(changed.root, "init")
    (changed.root / ".gitignore").write_text("_build\n")
    commit_everything(changed.root)
    assert build(changed).code == 0
    written = [
        p for e in ("html", "ipynb") for p in changed.build.glob(f"sphinx/*/html/book/**/*.{e}")
    ]
    before = {path: path.stat().st_mtime_ns for path in written}
    assert len(before) >= 12
    first = (changed.site / "ja" / f"{CHAPTER}.ipynb").read_text("utf-8")

    git(changed.root, "commit", "--allow-empty", "-m", "y")
    assert build(changed).code == 0
    assert {path: path.stat().st_mtime_ns for path in written} == before
    second = (changed.site / "ja" / f"{CHAPTER}.ipynb").read_text("utf-8")
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=changed.root, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert commit not in first
    assert commit in second
    assert commit in (changed.site / "ja" / f"{CHAPTER}.html").read_text("utf-8")


# ---- the set-up cell -----------------------------------------------------------------------------


class Distribution:
    def __init__(self, name, version="1", origin=None):
        self.name, self.version, self.origin = name, version, origin

    def read_text(self, file):
        assert file == "direct_url.json"
        return json.dumps(self.origin) if self.origin else None


@pytest.fixture
def set_up(monkeypatch):
    """Run the cell where these packages are; returns the lines it gave to pip, and their pins."""
    source = SET_UP.format(
        title="t", clone="c", same="s", pins="p", repository="https://github.com/o/r", commit="abc"
    )

    def go(packages=(), importable=False, code=0):
        calls = []

        def pip(line, **options):
            pins = line[line.index("--constraint") + 1].read_text()
            calls.append(([str(part) for part in line[4:]], pins))
            return subprocess.CompletedProcess(line, code, "", "no network")

        def there(name):
            return [p for p in packages if p.name == name]

        monkeypatch.setattr(subprocess, "run", pip)
        monkeypatch.setattr(importlib.metadata, "distributions", there)
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: importable or None)
        exec(source, {})
        return calls

    return go


COLAB = [Distribution("torch", "2.11.0+cpu"), Distribution("torchvision", "0.26"),
         Distribution("numpy", "2.1.3")]  # fmt: skip


def test_set_up_installs_this_commit_and_pins_what_is_there(set_up):
    (library, pins), (dependencies, same_pins) = set_up(COLAB)
    assert library[-3:] == ["--no-deps", "--force-reinstall", "git+https://github.com/o/r@abc"]
    assert dependencies[-1] == "iip-lib"
    assert "--upgrade" not in dependencies
    assert pins == same_pins == "torch==2.11.0+cpu\ntorchvision==0.26\nnumpy==2.1.3\n"
    assert library[0] == dependencies[0] == "--quiet"


@pytest.mark.parametrize(
    "origin",
    [{"dir_info": {"editable": True}, "url": "file:///x"}, {"vcs_info": {"commit_id": "abc"}}],
)
def test_set_up_does_nothing_where_the_library_is(set_up, origin):
    assert set_up([*COLAB, Distribution("iip-lib", origin=origin)], importable=True) == []


def test_set_up_does_nothing_beside_a_clone(set_up):
    assert set_up(COLAB, importable=True) == []


def test_set_up_replaces_another_commit(set_up):
    other = Distribution("iip-lib", origin={"vcs_info": {"commit_id": "def"}})
    assert len(set_up([*COLAB, other], importable=True)) == 2
    assert len(set_up([*COLAB, Distribution("iip-lib")], importable=True)) == 2


def test_set_up_says_why_it_failed(set_up):
    with pytest.raises(RuntimeError, match="no network"):
        set_up(COLAB, code=1)


def test_no_chapter_uses_the_name_of_the_set_up():
    for name in WITH_CODE:
        for cell in code_cells(read_notebook(BOOK.source(name))):
            names = {n.id for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Name)}
            assert "set_up" not in names


# ---- they run ------------------------------------------------------------------------------------


def test_notebooks_run_as_in_colab(built):
    """Those of changed chapters, and one of each part."""
    output = run_script("check_notebooks.py")
    assert output.code == 0, output.text
    parts = {name.rpartition("/")[0] for name in WITH_CODE}
    assert output.text.count("passed") >= len(parts)
    for part in parts:
        assert re.search(rf"passed  \S+/{part}/\w+\.ipynb", output.text)


@pytest.mark.slow
def test_all_notebooks_run(built):
    output = run_script("check_notebooks.py", "--all", minutes=120)
    assert output.code == 0, output.text


def test_a_notebook_that_would_fail_in_colab_fails(tiny, tmp_path):
    """What Colab lacks is refused although it is here; an error names notebook and cell."""
    whole = load(tiny[0], "en", CHAPTER)
    whole.cells = whole.cells[:3]
    for name, line in (("lacks", "import captum"), ("raises", "assert 1 > 2")):
        whole.cells[-1] = nbformat.v4.new_code_cell(line, id="code-9")
        nbformat.write(whole, tmp_path / f"{name}.ipynb")
    assert importlib.util.find_spec("captum"), "it is here"
    complaints = execute_all([tmp_path / "lacks.ipynb", tmp_path / "raises.ipynb"], 600, here=False)
    assert len(complaints) == 2
    assert "lacks.ipynb: code cell 2 failed (code-9): ModuleNotFoundError" in complaints[0]
    assert "raises.ipynb: code cell 2 failed (code-9): AssertionError" in complaints[1]


def test_no_kernel_outlives_its_notebook(tmp_path):
    """A kernel with torch holds half a gigabyte, and a book has hundreds of notebooks."""
    cell = nbformat.v4.new_code_cell("open('process', 'w').write(str(__import__('os').getpid()))")
    path = tmp_path / "one.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    assert execute(path, 60, None, tmp_path) == ""
    process = int((tmp_path / "content" / "process").read_text())
    assert not psutil.pid_exists(process)


def test_only_what_colab_has_or_the_set_up_installs_is_visible():
    hidden = set(hidden_modules())
    assert {"captum", "myst_nb", "jupyter_book", "pytest", "torchcam", "ruff"} <= hidden
    assert not {"torch", "numpy", "skimage", "torchmetrics", "iip_lib", "IPython"} & hidden


def test_the_turn_changes_part_and_language(built, monkeypatch):
    book, _ = built
    monkeypatch.setattr("check_notebooks.changed", lambda book: {})
    seen = {path for turn in range(3 * len(WITH_CODE)) for path in choose(book, turn)}
    assert seen == {p for p in every(book) if not p.name.endswith(".lecture.ipynb")}


def test_a_changed_chapter_runs_once_in_a_changed_language(built, monkeypatch):
    book, name = built[0], WITH_CODE[-1]
    monkeypatch.setattr("check_notebooks.changed", lambda book: {name: {"ja", "ko"}})
    found = [
        [path for path in choose(book, turn) if path.as_posix().endswith(f"/{name}.ipynb")]
        for turn in range(3 * len(WITH_CODE))
    ]
    assert all(len(paths) == 1 for paths in found)
    assert {path for paths in found for path in paths} == {
        book.site / language / f"{name}.ipynb" for language in ("ja", "ko")
    }


def test_changed_chapters_are_found(changed_repository):
    book = changed_repository
    assert changed(book) == {}
    edit(book.source(CHAPTER), "Twice three", "Two times three")
    everywhere = set(book.languages)
    assert changed(book) == {CHAPTER: everywhere}
    edit(book.catalogue("ko", "book/index"), "계획", "일정")
    edit(book.catalogue("ko", CHAPTER), "무엇이든 하나씩", "하나씩 모두")
    assert changed(book) == {"book/index": {"ko"}, CHAPTER: everywhere}
    commit_everything(book.root)
    assert set(changed(book)) == {"book/index", CHAPTER}, "on main: against the commit before"
    git(book.root, "switch", "-c", "other")
    edit(book.source(CHAPTER), "Two times three", "Three and three")
    commit_everything(book.root)
    assert changed(book) == {CHAPTER: everywhere}, "on a branch: against where it left main"


@pytest.fixture
def changed_repository(tmp_path):
    from conftest import copy_tiny_book

    book = copy_tiny_book(tmp_path)
    git(book.root, "init", "--initial-branch=main")
    commit_everything(book.root)
    (book.root / "other").write_text("x")
    commit_everything(book.root)
    return book


def test_a_failure_names_notebook_and_cell():
    cell = nbformat.v4.new_code_cell("1 / 0", id="code-4", metadata={"execution": {}})
    notebook = nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_code_cell("2", id="code-5")])
    text = describe(Path("ja/a.ipynb"), notebook, TimeoutError("60 s"))
    assert text == "ja/a.ipynb: code cell 1 failed (code-4): TimeoutError: 60 s"
    told = describe(Path("ja/a.ipynb"), notebook, RuntimeError("Kernel died"), "no room\nleft")
    assert told.splitlines()[1:] == ["    no room", "    left"], "the kernel's own last words"


def test_escape_leaves_nothing_to_markdown():
    assert escape("a_b <c> $d") == "a\\_b &lt;c&gt; \\$d"
