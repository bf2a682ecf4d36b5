"""The issue after a weekly run, told to a program that stands in for `gh`."""

import json
import os
import sys

import pytest
from conftest import run_script
from report import reports

EXECUTION = """executing the chapters (once for all languages)
  executed [1/4] book/start/tensors  3.1 s, 410 MB

book/images/pixels.md:41: code cell 3 failed: ValueError: no picture
    Traceback (most recent call last)
"""
NOTEBOOKS = (
    "ko/book/images/pixels.ipynb: code cell 5 failed: ModuleNotFoundError: No module named 'x'\n"
)
LINKS = """book/training/first_training.md:9: broken: https://example.com/gone (404 Not Found)
book/images/pixels.md:2: https://example.com/a moved to https://example.com/b
12 links, 1 broken
"""
TESTS = "....F\nFAILED tests/test_viz.py::test_it - assert 1 == 2\n1 failed\n"
FAILURE = {"result": "failure"}


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    for job, text in {
        "locked": EXECUTION,
        "colab": NOTEBOOKS,
        "links": LINKS,
        "newest": TESTS,
    }.items():
        (folder / f"log-{job}.txt").write_text(text, "utf-8")
    return folder


def test_a_chapter_and_its_cells_are_named_whichever_job_found_them(logs):
    found = reports({"locked": FAILURE, "colab": FAILURE}, logs)
    assert list(found) == ["Weekly run: book/images/pixels, code cell 3, 5"]
    (lines,) = found.values()
    assert lines[0].startswith("colab: ko/book/images/pixels.ipynb: code cell 5")
    assert (
        lines[1] == "locked: book/images/pixels.md:41: code cell 3 failed: ValueError: no picture"
    )


def test_a_broken_link_names_its_chapter_and_one_that_moved_does_not(logs):
    assert list(reports({"links": FAILURE}, logs)) == ["Weekly run: book/training/first_training"]


def test_a_failed_test_is_told_by_its_job(logs):
    found = reports({"newest": FAILURE}, logs)
    assert found == {"Weekly run: newest": ["FAILED tests/test_viz.py::test_it - assert 1 == 2"]}


def test_a_job_that_left_no_log_is_told_too(logs):
    (logs / "log-newest.txt").unlink()
    assert reports({"newest": FAILURE}, logs) == {"Weekly run: newest": ["it left no log"]}


def test_what_went_well_is_not_told(logs):
    jobs = {"locked": {"result": "success"}, "colab": {"result": "skipped"}}
    assert reports(jobs, logs) == {}


GH = """#!{python}
import json, pathlib, sys
if sys.argv[1:3] == ["issue", "list"]:
    print(json.dumps([{{"number": 7, "title": "Weekly run: newest"}},
        {{"number": 8, "title": "Weekly run: book/images/pixels, code cell 1"}}]))
else:
    with open({calls!r}, "a") as file:
        file.write(json.dumps([sys.argv[1:], sys.stdin.read()]) + "\\n")
"""


@pytest.mark.skipif(os.name == "nt", reason="a script with #! is no program on Windows")
def test_gh_is_asked_for_an_issue_or_adds_to_the_open_one(logs, tmp_path):
    program, calls = tmp_path / "bin" / "gh", tmp_path / "calls"
    program.parent.mkdir()
    program.write_text(GH.format(python=sys.executable, calls=str(calls)))
    program.chmod(0o755)
    (logs / "log-newest.txt").write_text(TESTS.replace("assert", "``` $(touch here) assert"))
    environment = {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "JOBS": json.dumps({"locked": FAILURE, "links": FAILURE, "newest": FAILURE}),
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "owner/book",
        "GITHUB_RUN_ID": "12",
    }
    output = run_script("report.py", logs, environment=environment)
    assert output.code == 0, output.text
    training, pixels, newest = map(json.loads, calls.read_text().splitlines())
    assert pixels[0] == ["issue", "comment", "8", "--body-file", "-"]
    assert "code cell 3 failed: ValueError: no picture" in pixels[1]
    title = "Weekly run: book/training/first_training"
    assert training[0] == ["issue", "create", "--title", title, "--body-file", "-"]
    assert "https://github.example/owner/book/actions/runs/12" in training[1]
    assert newest[0] == ["issue", "comment", "7", "--body-file", "-"]
    assert newest[1].count("```") == 2, "a log cannot leave its block"
