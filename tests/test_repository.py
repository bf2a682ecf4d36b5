"""What a newcomer meets: the commands, the guides, and nothing that belongs to one machine."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, run_script

from book import tracked

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
READMES = {"en": "README.md", "ja": "README.ja.md", "ko": "README.ko.md"}
TARGETS = ["help", "book", "test", "serve", "live", "i18n", "lint", "bench", "lock", "clean"]


def test_targets_are_one_line_each():
    rules = re.findall(r"^([a-z0-9]+):.*\n((?:\t.*\n)*)", MAKEFILE, re.M)
    assert [name for name, _ in rules] == TARGETS
    assert all(recipe.count("\n") == 1 for _, recipe in rules)


def test_make_help_lists_every_target():
    output = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.findall(r"^make (\w+)\t\S", output.stdout, re.M) == TARGETS


def test_targets_run_scripts_that_exist_and_contributing_names_them():
    guide = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    scripts = set(re.findall(r"(?:scripts|benchmarks)/\w+\.py", MAKEFILE))
    for script in scripts:
        assert (ROOT / script).exists()
        assert script in guide


@pytest.mark.parametrize("script", ["build", "execute", "catalogues", "check_book", "live"])
def test_scripts_explain_themselves(script):
    output = run_script(f"{script}.py", "--help")
    assert output.code == 0
    assert "usage" in output.text


@pytest.mark.parametrize("language", READMES)
def test_readmes(language):
    text = (ROOT / READMES[language]).read_text("utf-8")
    assert all(other in text for code, other in READMES.items() if code != language)
    assert re.findall(r"^make (\w+)", text, re.M)[:2] == ["book", "test"]
    for target in re.findall(r"(?:\]\(|src=\")([^)\"#]+)", text):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


@pytest.mark.parametrize("name", [n for n in tracked(".md") if "/" not in n])
def test_commands_in_guides_exist(name):
    for target in re.findall(r"`make (\w+)", (ROOT / name).read_text("utf-8")):
        assert target in TARGETS


NOT_TEXT = (".webp", ".png", ".safetensors")
PRIVATE = re.compile(
    r"/(?:work|root|home|Users)/[a-z]|\.\./shared|pypi\.org|pythonhosted|npmjs|deb\.debian|resolved\"?: ?\"http"
)


def test_nothing_names_a_machine_or_a_registry():
    for name in tracked():
        if name == "tests/test_repository.py" or name.endswith(NOT_TEXT):
            continue
        found = PRIVATE.search((ROOT / name).read_text("utf-8"))
        assert not found, f"{name}: {found[0]}"


def test_the_address_of_the_repository_stands_in_one_line():
    url = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["repository"]["url"]
    assert [
        n for n in tracked() if not n.endswith(NOT_TEXT) and url in (ROOT / n).read_text("utf-8")
    ] == ["_config.yml"]


def test_requirements_are_pinned_and_the_library_is_loose():
    for folder in ("", "book/", "tests/", "benchmarks/"):
        name = f"{folder}requirements.txt"
        for line in (ROOT / name).read_text("utf-8").splitlines():
            assert line.startswith("-r book/") or re.match(r"[\w.-]+==[\w.+!]+( ;.*)?$", line), line
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert not [d for d in project["dependencies"] if "==" in d]
    assert (project["name"], project["version"]) == ("iip-lib", "0.1.0")
    assert project["requires-python"] == ">=3.11"


def test_formulas_use_the_style_sheet_of_their_own_version():
    import json

    from sphinxcontrib.katex import katex_version

    package = json.loads((ROOT / "book" / "package.json").read_text())
    assert package["dependencies"]["katex"] == katex_version


def test_a_missing_level_is_explained():
    script = ROOT / "scripts" / "environment.py"
    done = subprocess.run(
        [sys.executable, str(script), "moon"], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "LEVEL" in done.stderr


def test_the_plain_tool_builds_the_english_book(tmp_path):
    """`jupyter-book build .` executes by itself and needs nothing of ours but the settings."""
    import shutil

    from conftest import copy_tiny_book

    book = copy_tiny_book(tmp_path / "book")
    tool = Path(sys.executable).with_name("jupyter-book")
    done = subprocess.run(
        [str(tool), "build", ".", "-W", "-n", "--keep-going"],
        cwd=book.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    page = (book.root / "_build" / "html" / "book" / "part" / "chapter.html").read_text("utf-8")
    assert "0.67" in page
    assert "✗ Your number is 3" in page
    shutil.rmtree(book.root)
