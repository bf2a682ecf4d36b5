"""What a chapter depends on: its key changes exactly when its results can."""

import copy

import nbformat
import pytest
from execute import Library, Store, execute_book, key, runtime

from book import ROOT, Book

SHOW_IMAGES = "from iip_lib.viz import show_images"


@pytest.fixture
def library(tmp_path):
    """A small library with re-exports, relative imports and a data file."""
    folder = tmp_path / "iip_lib"
    files = {
        "__init__.py": '"""Rooms."""',
        "viz/__init__.py": "from .images import show as show\nfrom .maps import plot as plot\n",
        "viz/images.py": "from ._look import house\n",
        "viz/maps.py": "def plot(): ...\n",
        "viz/_look.py": 'STYLE = "iip_lib.house"\n',
        "house.mplstyle": "font.size: 11",
        "house_dark.mplstyle": "text.color: white",
        "train.py": "def fit():\n    from .data import photo\n",
        "data.py": 'WEIGHTS = "digits.npz"\n',
        "digits.npz": "0",
        "models/__init__.py": "from .lenet import LeNet\nfrom .resnet import ResNet as Net\n",
        "models/lenet.py": "class LeNet: ...\n",
        "models/resnet.py": "from .blocks import Block\n",
        "models/blocks.py": "class Block: ...\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Library(folder)


WHOLE_ROOM = [
    "house.mplstyle",
    *(f"viz/{name}.py" for name in ("__init__", "_look", "images", "maps")),
]


@pytest.mark.parametrize(
    ("code", "files"),
    [
        ("import torch", []),
        ("from iip_lib.viz import show", ["house.mplstyle", "viz/_look.py", "viz/images.py"]),
        ("from iip_lib.viz import plot", ["viz/maps.py"]),
        ("from iip_lib import viz", WHOLE_ROOM),
        ("import iip_lib.viz as v", WHOLE_ROOM),
        ("from iip_lib.models import LeNet", ["models/lenet.py"]),
        ("from iip_lib.models import Net", ["models/blocks.py", "models/resnet.py"]),
        ("from iip_lib.train import fit", ["data.py", "digits.npz", "train.py"]),
        ("plt.style.use('iip_lib.house')", ["house.mplstyle"]),
        ("def f():\n    from iip_lib.models.lenet import LeNet", ["models/lenet.py"]),
    ],
)
def test_files_behind_a_name(library, code, files):
    found = sorted(p.relative_to(library.folder).as_posix() for p in library.files(code))
    assert found == files


def test_a_figure_of_the_library_depends_on_its_own_file_and_on_the_look():
    library = Library(ROOT / "iip_lib")
    found = {p.relative_to(library.folder).as_posix() for p in library.files(SHOW_IMAGES)}
    looks = {"house.mplstyle", "house_dark.mplstyle", "viz/_look.py"}
    assert found == looks | {f"viz/{name}.py" for name in ("_figures", "_tensors", "images")}


@pytest.mark.parametrize("name", ["cam", "grad_cam", "lime"])
def test_a_function_of_its_files_name_has_the_files_that_it_needs(name):
    """In ``iip_lib.explain``, ``cam`` is a file, and the function in it."""
    folder = ROOT / "iip_lib"
    found = {path.name for path in Library(folder).files(f"from iip_lib.explain import {name}")}
    assert {name for name in found if not name.startswith("_")} == {
        f"{name}.py",
        *(["record.py"] if name == "grad_cam" else []),
    }
    assert "_logits.py" in found


def notebook(*sources, tags=()):
    cells = [nbformat.v4.new_code_cell(s, metadata={"tags": list(tags)}) for s in sources]
    return nbformat.v4.new_notebook(cells=cells)


class TestKey:
    @pytest.fixture
    def book(self, tmp_path):
        (tmp_path / "book").mkdir()
        return Book(tmp_path)

    def of(self, book, *sources, **options):
        return key(book, "book/page", notebook(*sources, **options))

    def test_code_changes_it(self, book):
        assert self.of(book, "x = 1") != self.of(book, "x = 2")
        assert self.of(book, "x = 1", "y = 1") != self.of(book, "y = 1", "x = 1")

    def test_a_comment_does_not(self, book):
        assert self.of(book, "x = 1  # one") == self.of(book, "# first\nx = 1")

    def test_a_comment_does_where_the_source_may_be_shown(self, book):
        tags = ["raises-exception"]
        assert self.of(book, "1 / 0  # a", tags=tags) != self.of(book, "1 / 0  # b", tags=tags)
        assert self.of(book, "inspect.getsource(f) # a") != self.of(book, "inspect.getsource(f)")

    def test_a_cell_that_is_no_python_is_taken_as_it_is(self, book):
        assert self.of(book, "%%bash\nls") != self.of(book, "%%bash\npwd")

    def test_a_file_it_names_does(self, book):
        source = "open('numbers.csv')"
        file = book.root / "book" / "numbers.csv"
        file.write_text("1")
        before = self.of(book, source)
        file.write_text("2")
        assert self.of(book, source) != before

    def test_the_library_does_where_it_is_used(self, book, monkeypatch, library):
        monkeypatch.setattr("execute.ROOT", library.folder.parent)
        for name in ("requirements.txt", "book/kernel_config.py"):
            (library.folder.parent / name).parent.mkdir(exist_ok=True)
            (library.folder.parent / name).write_text("")
        uses, other = "from iip_lib.models import LeNet", "import torch"
        before = self.of(book, uses), self.of(book, other)
        (library.folder / "models" / "lenet.py").write_text("class LeNet: x = 1\n")
        after = self.of(book, uses), self.of(book, other)
        assert after[0] != before[0]
        assert after[1] == before[1]

    def test_runtime_pins_count_and_the_tools_of_the_site_do_not(self, tmp_path):
        pins = tmp_path / "requirements.txt"
        pins.write_text("-r book/requirements.txt\n# why\ntorch==1\n")
        assert runtime(tmp_path) == "torch==1"


def test_what_is_printed_in_pieces_is_kept_in_one(tmp_path):
    """The kernel sends what there is whenever it is asked; a figure stays where it was shown."""

    def printed(text, name="stdout"):
        return nbformat.v4.new_output("stream", name=name, text=text)

    figure = nbformat.v4.new_output("display_data", data={"text/plain": "a figure"})
    pieces = [
        printed("half a "),
        printed("progress", "stderr"),
        printed("line\n"),
        printed("2\n"),
        figure,
        printed("after "),
        printed("it\n"),
    ]
    (tmp_path / "book").mkdir()
    cells = notebook("print()")
    executed = copy.deepcopy(cells.cells)
    executed[0].outputs = pieces
    store = Store(Book(tmp_path), "cpu-offline")
    store.keep("book/page", cells, executed, {"key": "any"})
    record = store.cache.match_cache_notebook(cells)
    assert store.cache.get_cache_bundle(record.pk).nb.cells[0].outputs == [
        printed("half a line\n2\n"),
        printed("progress", "stderr"),
        figure,
        printed("after it\n"),
    ]


def test_damaged_results_are_executed_again_not_fatal(tmp_path):
    (tmp_path / "book").mkdir()
    book = Book(tmp_path)
    store = Store(book, "cpu-offline")
    executed = notebook("x = 1")
    executed.cells[0].execution_count = 1
    store.keep("book/page", executed, executed.cells, {"key": "k"})
    assert store.find("book/page", notebook("x = 1"), "k") is not None
    for file in book.cache("cpu-offline").rglob("*.ipynb"):
        file.write_text("garbage")
    assert store.find("book/page", notebook("x = 1"), "k") is None


def test_an_unknown_device_is_refused_in_one_sentence(monkeypatch, tiny):
    from book import BookError

    monkeypatch.setenv("IIP_DEVICE", "abacus")
    with pytest.raises(BookError, match="abacus"):
        execute_book(tiny[0])
