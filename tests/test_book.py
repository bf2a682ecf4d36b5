"""The real book: its files fit together, its site is complete, its exercises work."""

import ast
import re
import subprocess
import sys

import check_notebooks
import lxml.html
import pytest
import yaml
from conftest import ROOT, run_script
from execute import code_cells, read_notebook
from glossary import load

from book import Book

BOOK = Book(ROOT)
CHAPTERS = [page for page in BOOK.pages if read_notebook(BOOK.source(page))]
EXERCISE_TAGS = ("exercise-check", "exercise-starter", "exercise-solution")


def cells(page):
    return code_cells(read_notebook(BOOK.source(page)))


def test_the_build_finds_no_problem(built):
    _, output = built
    assert output.code == 0, output.text


def test_nothing_is_executed_again(built):
    output = run_script("build.py")
    assert output.code == 0, output.text
    assert "executed 0 chapters" in output.text


def test_a_chapter_runs_with_the_numbers_of_a_gpu(tmp_path):
    # on a CPU, and in a copy, so that the book keeps its own results
    page = "book/images/local_operations"
    (tmp_path / "_config.yml").write_bytes((ROOT / "_config.yml").read_bytes())
    (tmp_path / "_toc.yml").write_text(f"format: jb-book\nroot: {page}\n")
    copy = Book(tmp_path).source(page)
    copy.parent.mkdir(parents=True)
    last = "\n```{code-cell} ipython3\nassert tries == 600\n```\n"
    copy.write_text(BOOK.source(page).read_text("utf-8") + last, "utf-8")
    output = run_script("execute.py", "--root", tmp_path, environment={"IIP_DEVICE": "gpu"})
    assert output.code == 0, output.text
    assert "executed 1 chapters" in output.text
    assert "on gpu" in output.text


# ---- files ---------------------------------------------------------------------------------------


def test_every_page_is_in_the_table_of_contents():
    files = {p.relative_to(ROOT).with_suffix("").as_posix() for p in (ROOT / "book").rglob("*.md")}
    assert files == set(BOOK.pages)


def test_every_page_has_a_catalogue_in_each_language_and_no_other_is_there():
    for language in BOOK.translations:
        folder = BOOK.locale / language / "LC_MESSAGES"
        found = {p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.po")}
        assert found == {*BOOK.pages, "sphinx"}


@pytest.mark.parametrize("page", BOOK.pages)
def test_every_page_has_a_description(page):
    assert re.search(r"^    description: \S", BOOK.source(page).read_text("utf-8"), re.M)


@pytest.mark.parametrize("page", CHAPTERS)
def test_every_chapter_has_an_explicit_label(page):
    name = page.rpartition("/")[2]
    assert f"\n({name})=\n# " in BOOK.source(page).read_text("utf-8")


def test_only_terms_that_a_page_uses_stand_in_the_glossary():
    text = "\n".join(BOOK.source(page).read_text("utf-8") for page in BOOK.pages)
    used = set()
    for content in re.findall(r"\{t\}`([^`]*)`", text):
        target = re.search(r"<([^>]*)>$", content)
        used.add((target[1] if target else content).lower())
    terms = load(ROOT / "book" / "glossary.yml")
    spellings = {s.lower(): term for term in terms for s in term.spellings("en")}
    assert [t.en for t in terms if not {s.lower() for s in t.spellings("en")} & used] == []
    assert [u for u in used if u not in spellings] == []


def test_every_term_names_a_chapter_that_marks_it():
    for term in load(ROOT / "book" / "glossary.yml"):
        text = BOOK.source(f"book/{term.chapter}").read_text("utf-8")
        marked = re.findall(r"\{t\}`(?:[^`<]*<)?([^`>]*)>?`", text)
        assert {s.lower() for s in term.spellings("en")} & {m.lower() for m in marked}, term.en


# ---- cells ---------------------------------------------------------------------------------------


def exported() -> dict[str, str]:
    """Public names of the library and the chapter that their docstrings say they are taught in."""
    found = {}
    for path in (ROOT / "iip_lib").rglob("[!_]*.py"):  # files that begin with _ are not public
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                taught = re.search(r"Taught in: (\S+)", ast.get_docstring(node) or "")
                found[node.name] = taught[1] if taught else ""
    return found


def defined(cell) -> set[str]:
    tree = ast.parse(cell.source)
    return {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))}


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_name_of_the_library_is_defined_again_only_where_it_is_taught_and_proved(page):
    taught_in = exported()
    chapter = f"{page}.md"
    sources = cells(page)
    for number, cell in enumerate(sources):
        for name in defined(cell) & set(taught_in):
            assert taught_in[name] == chapter, f"{name} is taught in {taught_in[name]}: import it"
            following = "\n".join(c.source for c in sources[number + 1 : number + 3])
            assert re.search(
                rf"\bops\.{name}\b|\b(?:models|train|explain|data)\.{name}\b", following
            )
            assert "assert" in following, (
                f"a cell after {name} must prove it equal to the library's"
            )


def test_the_check_of_second_definitions_can_fail():
    assert "conv2d" in exported()
    assert any("conv2d" in defined(c) for c in cells("book/images/local_operations"))


DOWNLOADS = re.compile(
    r"urlopen|urlretrieve|requests\.|download\s*=\s*True|https?://|load_state_dict_from_url"
    r"|hub\.load|\bwget\b|\bcurl\b|weights\s*=\s*[\"']|pip install"
)


@pytest.mark.parametrize("page", CHAPTERS)
def test_cells_download_nothing(page):
    for number, cell in enumerate(cells(page), 1):
        found = DOWNLOADS.search(cell.source)
        assert not found or "IIP_ONLINE" in cell.source, f"cell {number}: {found[0]}"


@pytest.mark.parametrize("page", CHAPTERS)
def test_cells_name_no_path_of_a_machine(page):
    for cell in cells(page):
        assert not re.search(r"[\"'](/(home|work|tmp|root|Users|content)\b|[A-Z]:\\)", cell.source)


# ---- exercises -----------------------------------------------------------------------------------


def exercises(page) -> dict[str, dict[str, object]]:
    """Cells of each exercise by what they are; an order other than check, starter, solution fails."""
    found: dict[str, dict] = {}
    for cell in cells(page):
        tags = cell.metadata.get("tags", [])
        kinds = [t for t in tags if t in EXERCISE_TAGS]
        if kinds:
            (label,) = [t for t in tags if t.startswith("ex-")]
            assert kinds == [EXERCISE_TAGS[len(found.setdefault(label, {}))]]
            found[label][kinds[0]] = cell
    return found


@pytest.mark.parametrize("page", CHAPTERS)
def test_exercises_are_whole(page):
    """Statement, folded check, starter, folded hint, folded solution: in this order."""
    text = BOOK.source(page).read_text("utf-8")
    for label, parts in exercises(page).items():
        assert set(parts) == set(EXERCISE_TAGS)
        name = label.removeprefix(f"ex-{page.rpartition('/')[2]}-")
        assert f"def check_{name}(answer) -> str:" in parts["exercise-check"].source
        assert "hide-cell" in parts["exercise-check"].metadata["tags"]
        last = parts["exercise-starter"].source.strip().splitlines()[-1]
        assert last == f"print(check_{name}(answer_{name}))"
        assert re.search(
            rf"^(solution_{name} = |def solution_{name}\()", parts["exercise-solution"].source, re.M
        )
        assert (
            f'assert check_{name}(solution_{name}).startswith("✓")'
            in parts["exercise-solution"].source
        )
        order = [
            text.index(f":label: {label}\n"),
            text.index(f"[exercise-check, {label}, hide-cell]"),
            text.index(f"[exercise-starter, {label}]"),
            text.index(":::{dropdown} Hint", text.index(f"[exercise-starter, {label}]")),
            text.index(f":::{{solution-start}} {label}\n:class: dropdown"),
            text.index(f"[exercise-solution, {label}]"),
        ]
        assert order == sorted(order)


PROGRAM = """
import contextlib, io, json, sys
import matplotlib; matplotlib.use("agg")
sources, questions = json.load(sys.stdin)
space = {}
for source in sources:
    with contextlib.redirect_stdout(io.StringIO()):
        exec(source, space)
print(json.dumps([eval(question, space) for question in questions]))
"""


def tried() -> set[str]:
    """Chapters that changed, and one a part in turn: all would take as long as the book itself."""
    turn = check_notebooks.turn(BOOK)
    changed = {p for p, languages in check_notebooks.changed(BOOK).items() if "en" in languages}
    found = changed | set(check_notebooks.one_a_part(CHAPTERS, turn))
    files = check_notebooks.changed_files(BOOK)
    return found | {page for page in CHAPTERS if wrong_answers(page) in files}


def wrong_answers(page):
    return f"tests/exercises/{page.removeprefix('book/')}.yml"


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[] if page in tried() else [pytest.mark.slow]) for page in CHAPTERS],
)
def test_exercises_answer(page):
    """Unsolved starters and typical wrong answers get messages of their own, solutions pass."""
    import json

    found = exercises(page)
    path = ROOT / wrong_answers(page)
    wrong = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}
    assert set(wrong) == set(found), "each exercise needs its typical wrong answers"
    sources = [c.source for c in cells(page) if "glue" not in c.metadata.get("tags", [])]
    questions, kinds = [], []
    for label in found:
        name = label.removeprefix(f"ex-{page.rpartition('/')[2]}-")
        assert len(wrong[label]) >= 2
        answers = [f"answer_{name}", *map(str, wrong[label]), "None", "'text'", "[1, 2]"]
        questions += [f"check_{name}({answer})" for answer in answers]
        questions.append(f"check_{name}(solution_{name})")
        kinds += [(label, "starter"), *[(label, "wrong")] * len(wrong[label])]
        kinds += [(label, "junk")] * 3 + [(label, "solution")]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([sources, questions]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    messages = json.loads(done.stdout)
    for label in found:
        own = [(k, m) for (name, k), m in zip(kinds, messages, strict=True) if name == label]
        assert all(isinstance(m, str) for _, m in own)
        for kind, message in own:
            assert message.startswith("✓" if kind == "solution" else "✗"), (
                f"{label}: {kind}: {message}"
            )
        replies = [m for k, m in own if k == "wrong"]
        assert len(set(replies)) == len(replies), f"{label}: two wrong answers get the same message"


# ---- the site ------------------------------------------------------------------------------------


def test_root_page_leads_to_each_language_without_a_script(built):
    book, _ = built
    tree = lxml.html.fromstring((book.site / "index.html").read_bytes())
    assert tree.xpath("//main/a/@href") == [f"{c}/book/index.html" for c in book.languages]
    assert tree.xpath("//main/a/@lang") == list(book.languages)


def test_no_page_loads_anything_from_another_host(built):
    """The check of the site says so; here it is shown that it can fail."""
    from check_book import Page, check_links

    book, _ = built
    page = Page(book.site, book.site / "en" / "book" / "index.html")
    for text in (
        '<script src="https://example.org/a.js"></script>',
        '<img src="//example.org/a.png">',
        '<link rel="stylesheet" href="https://example.org/a.css">',
    ):
        page.tree.append(lxml.html.fragment_fromstring(text))
    problems = check_links(book, {page.name: page})
    assert sum("from another host" in p for p in problems) == 3


@pytest.mark.parametrize("change", ["code", "formula", "heading", "link", "anchor"])
def test_differences_between_languages_are_found(built, change):
    from check_book import Page, check_equality, check_links

    book, _ = built
    pages = {}
    for language in book.languages:
        for docname in book.pages:
            path = book.site / language / f"{docname}.html"
            pages[f"{language}/{docname}.html"] = Page(book.site, path)
    page = pages["ja/book/images/local_operations.html"]
    if change == "code":
        page.code[2] = page.code[2].replace("image = ", "picture = ")
        assert "code cell 3" in check_equality(book, pages)[0]
    elif change == "formula":
        next(page.tree.iter("annotation")).text += "+1"
        assert "formulas differ" in check_equality(book, pages)[0]
    elif change == "heading":
        page.tree.xpath("//article//section")[1].set("id", "other")
        assert "ids of its sections" in check_equality(book, pages)[0]
    else:
        (link,) = page.tree.xpath("//nav[@class='language-switch']//a[@lang='ko']")
        link.set("href", "nowhere.html" if change == "link" else link.get("href") + "#nowhere")
        problems = check_links(book, pages)
        assert len(problems) == 1
        assert "nowhere" in problems[0]
