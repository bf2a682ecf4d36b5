"""The rooms of the library: who may import whom, and what is public."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import iip_lib

LIBRARY = Path(iip_lib.__file__).parent

# What a room may import, besides Python's own library.
THIRD_PARTIES = {
    "__init__": set(),
    "data": {"numpy", "skimage", "torch"},
    "ops": {"torch"},
    "train": {"torch"},
    "viz": {"matplotlib", "torch"},
}
PYTHON = {"collections", "os", "typing"}

PUBLIC = {
    "data": ["photo"],
    "ops": ["conv2d"],
    "train": ["per_device"],
    "viz": ["show_feature_maps", "show_images", "show_numbers"],
}
NAMES = [(room, name) for room, names in PUBLIC.items() for name in names]


def imported(path):
    """The packages that a file imports, relative imports as iip_lib."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "iip_lib" if node.level else node.module.split(".")[0]


def test_every_file_is_a_known_room():
    rooms = {path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.py")}
    assert rooms == {f"{room}.py" for room in THIRD_PARTIES}


@pytest.mark.parametrize("room", THIRD_PARTIES)
def test_a_room_imports_only_what_it_may(room):
    assert set(imported(LIBRARY / f"{room}.py")) <= THIRD_PARTIES[room] | PYTHON


@pytest.mark.parametrize("room", PUBLIC)
def test_public_names(room):
    module = importlib.import_module(f"iip_lib.{room}")
    assert module.__all__ == PUBLIC[room]
    own = {
        name
        for name, thing in vars(module).items()
        if getattr(thing, "__module__", None) == module.__name__ and not name.startswith("_")
    }
    assert own - {"T"} == set(PUBLIC[room])


def test_the_map_names_every_room():
    for room in PUBLIC:
        assert f"``{room}``" in iip_lib.__doc__


@pytest.mark.parametrize(("room", "name"), NAMES)
def test_docstrings(room, name):
    function = getattr(importlib.import_module(f"iip_lib.{room}"), name)
    text = inspect.getdoc(function)
    for part in ("Args:", "Returns:", "Raises:", "Example:", ">>> ", "Source:"):
        assert part in text, part
    last = text.splitlines()[-1]
    assert re.fullmatch(r"Taught in: book/\w+/\w+\.md", last)
    for argument in inspect.signature(function).parameters:
        assert f"    {argument}: " in text, argument
