"""A notebook beside each page that has code, in the page's language: for Colab and for Jupyter.

It is made while the page is written, from the same resolved and translated document, so that
numbers, references, exercises and comments are the page's own. ``<chapter>.lecture.ipynb`` is the
same without hints and solutions. Outputs are left out: the reader computes them.

The tokens ``@COMMIT@`` and ``@DATE@`` are replaced when the site is put together
(``scripts/build.py``), so that a new commit writes no page anew.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import nbformat
from docutils import nodes
from languages import repository
from notebook_text import Markdown, escape
from sphinx.locale import _
from sphinx_exercise.nodes import is_exercise_node

COLAB = "https://colab.research.google.com/github"
BRANCH = "gh-pages"  # where the built site lies
COMMIT, DATE = "@COMMIT@", "@DATE@"
HELPS_LEARNING = "per_device"  # a chapter that asks for the device has more work for a GPU
FOLDED = {"exercise-check", "exercise-solution", "hide-cell", "hide-input"}

# Chapters name none of these names. pip is called twice because only `--force-reinstall` replaces
# another commit of the same version, and it would replace the dependencies too.
SET_UP = """\
# @title {title}
def set_up(repository, commit):
    import json
    import subprocess
    import sys
    import tempfile
    from importlib import invalidate_caches, metadata, util
    from pathlib import Path

    def found(name):
        return next(iter(metadata.distributions(name=name)), None)

    if util.find_spec("iip_lib"):
        if not found("iip-lib"):
            return  # {clone}
        origin = json.loads(found("iip-lib").read_text("direct_url.json") or "{{}}")
        if "dir_info" in origin or origin.get("vcs_info", {{}}).get("commit_id") == commit:
            return  # {same}
    there = [package for package in map(found, ("torch", "torchvision", "numpy")) if package]
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "pins.txt"  # {pins}
        pins.write_text("".join(f"{{p.name}}=={{p.version}}\\n" for p in there))
        for what in (["--no-deps", "--force-reinstall", f"git+{{repository}}@{{commit}}"], ["iip-lib"]):
            line = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", pins, *what]
            done = subprocess.run(line, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(done.stderr[-2000:])
    invalidate_caches()


set_up("{repository}", "{commit}")
"""


@dataclass
class Piece:
    """A stretch of text, or a cell of code with its tags and the title it shows when folded."""

    text: str
    tags: tuple[str, ...] | None = None  # None: text
    title: str = ""


def is_code(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def is_drop_down(node: nodes.Node) -> bool:
    return node.tagname == "dropdown_main"


def is_solution(node: nodes.Node) -> bool:
    return is_drop_down(node) and "solution" in node["classes"]


def is_hint(node: nodes.Node) -> bool:
    """A drop-down after the exercise that it helps with."""
    if not is_drop_down(node) or is_solution(node):
        return False
    siblings = node.parent.children
    return any(is_exercise_node(sibling) for sibling in siblings[: siblings.index(node)])


class Walk:
    """The pieces of a page in their order."""

    def __init__(self, markdown: Markdown, lecture: bool):
        self.markdown, self.lecture = markdown, lecture

    def pieces(self, children) -> Iterator[Piece]:
        for child in children:
            if self.lecture and (is_solution(child) or is_hint(child)):
                continue
            if isinstance(child, nodes.section):
                yield from self.section(child)
            elif is_code(child):
                yield from self.code(child)
            elif not next(iter(child.findall(is_code)), None):
                yield Piece(self.markdown.block(child))
            else:
                yield from self.around_cells(child)

    def section(self, section: nodes.section) -> Iterator[Piece]:
        title, *rest = section.children
        level = 1
        parent = section.parent
        while isinstance(parent, nodes.section):
            level, parent = level + 1, parent.parent
        if level > 1:  # the page's own title stands in the head cell
            yield Piece("#" * level + " " + self.markdown.inline(title.children).strip())
        yield from self.pieces(rest)

    def around_cells(self, node: nodes.Element) -> Iterator[Piece]:
        """A drop-down or box with cells in it: notebooks cannot fold text and code together, so its
        texts are folded, or framed, piece by piece, and its cells fold by themselves."""
        title = node.children[0] if is_drop_down(node) else None
        body = node.children[1:] if is_drop_down(node) else node.children
        if is_drop_down(node) and len(body) == 1:
            body = body[0].children
        stretch: list[nodes.Node] = []
        for child in [*body, None]:
            if child is not None and not next(iter(child.findall(is_code)), None):
                stretch.append(child)
                continue
            if stretch:
                yield Piece(self.framed(node, title, stretch))
                stretch = []
            if child is not None:
                yield from self.pieces([child])

    def framed(self, node: nodes.Element, title: nodes.Node | None, children: list) -> str:
        """These children as if they were all that the node holds."""
        copy = node.copy()
        for child in ([title] if title is not None else []) + children:
            copy += child.deepcopy()
        return self.markdown.block(copy)

    def code(self, cell: nodes.Element) -> Iterator[Piece]:
        tags = tuple(cell.get("cell_metadata", {}).get("tags", ()))
        for block in cell.findall(nodes.literal_block):
            if block.parent.get("nb_element") == "cell_code_source":
                yield Piece(block.astext().rstrip("\n"), tags, title_of(tags))
        for caption in cell.findall(nodes.caption):
            yield Piece(self.markdown.block(caption))


def title_of(tags: tuple[str, ...]) -> str:
    """What a folded cell of code shows instead of the code."""
    if "exercise-check" in tags:
        return _("Check of your answer")
    if "exercise-solution" in tags:
        return _("Solution")
    return _("Folded code") if FOLDED & set(tags) else ""


# ---- the notebook --------------------------------------------------------------------------------


def set_up_cell(config) -> nbformat.NotebookNode:
    source = SET_UP.format(
        title=_("Set-up: installs the library of the book"),
        clone=_("a copy beside the notebook"),
        same=_("this very version, or a reader's own"),
        pins=_("what is there stays as it is"),
        repository=repository(config),
        commit=COMMIT,
    )
    return code_cell("set-up", source.rstrip("\n"), ["set-up"], folded=True)


def code_cell(name: str, source: str, tags, folded: bool) -> nbformat.NotebookNode:
    data: dict = {"tags": list(tags)} if tags else {}
    if folded:  # the first is Colab's word for it, the second Jupyter's
        data |= {"cellView": "form", "jupyter": {"source_hidden": True}}
    return cell("code", name, source, metadata=data, outputs=[], execution_count=None)


def cell(kind: str, name: str, source: str, **others) -> nbformat.NotebookNode:
    """A cell that is looked at with its whole notebook; nbformat's own would look at each twice."""
    content = {"cell_type": kind, "id": name, "metadata": {}, "source": source} | others
    return nbformat.from_dict(content)


def head_cell(app, docname: str, title: str) -> nbformat.NotebookNode:
    config = app.config
    book = f"[{escape(config.project)}]({config.html_baseurl}{config.root_doc}.html)"
    page = f"[{escape(title)}]({config.html_baseurl}{docname}.html)"
    address = f"{repository(config)}/tree/{COMMIT}"
    lines = [
        f"# {escape(title)}",
        _("A notebook of the book {book}. The page with all results: {page}").format(
            book=book, page=page
        ),
        _("Commit {commit} of {date}").format(commit=f"[{COMMIT}]({address})", date=DATE),
    ]
    return cell("markdown", "head", "\n\n".join(lines))


def notebook(app, docname: str, document: nodes.document, lecture: bool) -> nbformat.NotebookNode:
    """The page as a notebook."""
    address = f"{app.config.html_baseurl}{docname}.html"
    markdown = Markdown(address, Path(app.srcdir), numbers_of(app, docname))
    title = app.env.titles[docname].astext()
    cells = [head_cell(app, docname, title), set_up_cell(app.config)]
    texts: list[str] = []
    count = {"text": 0, "code": 0}

    def finish_text() -> None:
        text = "\n\n".join(t for t in texts if t.strip())
        texts.clear()
        if text:
            count["text"] += 1
            cells.append(cell("markdown", f"text-{count['text']}", text))

    for piece in Walk(markdown, lecture).pieces(document.children):
        if piece.tags is None:
            if piece.text.startswith("#"):  # a heading folds all that follows it
                finish_text()
            texts.append(piece.text)
            continue
        finish_text()
        count["code"] += 1
        source = f"# @title {piece.title}\n{piece.text}" if piece.title else piece.text
        tags = [tag for tag in piece.tags if tag != "raises-exception"]  # Colab stops there
        cells.append(code_cell(f"code-{count['code']}", source, tags, bool(piece.title)))
    finish_text()
    data = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "colab": {"provenance": [], "toc_visible": True},
    }
    if any(uses_a_gpu(c.source) for c in cells if c.cell_type == "code"):
        data["accelerator"] = "GPU"
        data["colab"]["gpuType"] = "T4"
    made = nbformat.v4.new_notebook(cells=cells, metadata=data)
    nbformat.validate(made)
    return made


def uses_a_gpu(source: str) -> bool:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return False
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(getattr(f, "id", getattr(f, "attr", "")) == HELPS_LEARNING for f in calls)


def numbers_of(app, docname: str):
    """A function that gives “Fig. 2” or “Exercise 1” for a numbered node, as on the page."""
    domain = app.env.get_domain("std")
    known = app.env.toc_fignumbers.get(docname, {})

    def number(node: nodes.Element) -> str:
        kind = domain.get_enumerable_node_type(node)
        for name in node["ids"]:
            if numbers := known.get(kind, {}).get(name):
                return app.config.numfig_format[kind] % ".".join(map(str, numbers))
        return ""

    return number


# ---- Sphinx --------------------------------------------------------------------------------------


def write(path: Path, text: str) -> None:
    if path.exists() and path.read_text("utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8")
    part.replace(path)


def add_notebooks(app, pagename, templatename, context, doctree) -> None:
    """Write the notebooks of a page that has code; its templates learn where they lie."""
    context["versions"] = versions()
    context["repository_address"] = repository(app.config)
    context["notebook"] = None
    if app.builder.format != "html" or pagename not in app.env.found_docs or doctree is None:
        return
    here = Path(app.outdir) / pagename
    names = {False: f"{here.name}.ipynb", True: f"{here.name}.lecture.ipynb"}
    if not next(iter(doctree.findall(is_code)), None):
        for name in names.values():
            (here.parent / name).unlink(missing_ok=True)
        return
    for lecture, name in names.items():
        made = notebook(app, pagename, doctree, lecture)
        write(here.parent / name, nbformat.v4.writes(made) + "\n")
    owner_and_name = "/".join(repository(app.config).split("/")[-2:])
    context["notebook"] = {
        "colab": f"{COLAB}/{owner_and_name}/blob/{BRANCH}/{app.config.language}/{pagename}.ipynb",
        "file": names[False],
        "lecture": names[True],
    }


def versions() -> dict[str, str]:
    """The packages whose versions a page shows, where they are installed (a preview needs none)."""
    found = {}
    for name in ("torch", "torchvision"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def setup(app):
    app.connect("html-page-context", add_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
