"""The site on the branch gh-pages, tried with a repository on this disk."""

import subprocess
import sys

import pytest
from conftest import run_script


def git(folder, *arguments):
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def remote(tmp_path):
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    return tmp_path / "remote.git"


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    files = ("index.html", "404.html", ".nojekyll", "en/_static/book.css", "ja/book/一.html")
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, "utf-8")
    (folder / ".gitignore").write_text("*.css\n")  # a file like any other: it hides nothing
    return folder


def publish(remote, site):
    return run_script("publish.py", "--remote", remote, site)


def published(remote):
    names = git(remote, "-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", "gh-pages")
    return set(names.splitlines())


def test_the_branch_holds_the_site_and_nothing_else(remote, site):
    output = publish(remote, site)
    assert output.code == 0, output.text
    files = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert published(remote) == files
    assert git(remote, "show", "gh-pages:en/_static/book.css") == "en/_static/book.css"


def test_what_is_gone_from_the_site_is_gone_from_the_branch_and_no_history_grows(remote, site):
    publish(remote, site)
    (site / "en" / "_static" / "book.css").unlink()
    (site / "index.html").write_text("new")
    assert publish(remote, site).code == 0
    assert "en/_static/book.css" not in published(remote)
    assert git(remote, "show", "gh-pages:index.html") == "new"
    assert git(remote, "rev-list", "--count", "gh-pages") == "1"


def test_it_tells_from_which_commit_the_site_is_and_leaves_the_checkout_alone(remote, site):
    from conftest import ROOT

    before = git(ROOT, "status", "--porcelain"), git(ROOT, "rev-parse", "HEAD")
    publish(remote, site)
    assert before[1] in git(remote, "log", "-1", "--format=%s", "gh-pages")
    assert (git(ROOT, "status", "--porcelain"), git(ROOT, "rev-parse", "HEAD")) == before


def test_half_a_site_is_not_published(remote, site):
    (site / ".nojekyll").unlink()
    output = publish(remote, site)
    assert output.code == 1
    assert "lacks .nojekyll" in output.text
    assert git(remote, "branch", "--list") == ""


def test_a_refused_push_is_told(tmp_path, site):
    output = publish(tmp_path / "nowhere", site)
    assert output.code == 1
    assert "nothing was published" in output.text


def test_it_needs_nothing_but_python(remote, site):
    """It runs where the right to write is: nothing from a package index runs beside it."""
    from conftest import ROOT

    for name in ("publish.py", "report.py"):
        script = ROOT / "scripts" / name
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(script), "--nonsense"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "usage" in done.stderr + done.stdout
        assert "ModuleNotFoundError" not in done.stderr
