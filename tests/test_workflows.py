"""What can be known of the workflows without GitHub: that they are safe, and call what exists."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, copy_tiny_book, run_script
from test import SCHEMAS, check_github
from test_tiny_book import executed

from book import Book

FOLDER = ROOT / ".github"
FILES = sorted((FOLDER / "workflows").glob("*.yml"))
PREPARE = FOLDER / "actions" / "prepare" / "action.yml"
TEXTS = {path.stem: path.read_text("utf-8") for path in FILES}
# YAML reads the word `on` as true
WORKFLOWS = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
JOBS = {
    (name, job): what
    for name, workflow in WORKFLOWS.items()
    for job, what in workflow["jobs"].items()
}
STEPS = [
    *[(f"{name}/{job}", step) for (name, job), what in JOBS.items() for step in what["steps"]],
    *[("prepare", step) for step in yaml.safe_load(PREPARE.read_text("utf-8"))["runs"]["steps"]],
]
LINES = [
    (where, line) for where, step in STEPS for line in step.get("run", "").splitlines() if line
]
MAY_WRITE = {("book", "publish"): {"contents"}, ("weekly", "issue"): {"issues"}}


def steps(workflow, job, **wanted):
    """Steps of a job that have these values; `uses` is an action's name without its version."""
    return [
        step
        for step in JOBS[workflow, job]["steps"]
        if all(str(step.get(k, "")).split("@")[0] == v for k, v in wanted.items())
    ]


# ---- they call what exists -----------------------------------------------------------------------


def test_there_are_the_three_that_contributing_names():
    guide = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert set(WORKFLOWS) == {"ci", "book", "weekly"}
    assert all(f"`{name}.yml`" in guide for name in WORKFLOWS)
    assert "`GPU_RUNNER`" in guide


def test_every_make_target_exists():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z0-9]+):", makefile, re.M))
    called = [target for _, line in LINES for target in re.findall(r"^make (\S+)", line)]
    assert {"book", "live", "test"} <= set(called) <= targets
    for _, line in LINES:
        for name in re.findall(r"\b([A-Z]+)=", line if line.startswith("make ") else ""):
            assert f"$({name})" in makefile or f"$(if $({name})" in makefile, line


def test_every_script_exists_and_knows_its_options():
    called = set()
    for where, line in LINES:
        scripts = re.findall(r"\bscripts/\w+\.py", line)
        for name in scripts:
            text = (ROOT / name).read_text("utf-8")
            called.add(name)
        if scripts:  # the options that follow are those of the last
            for option in re.findall(r" (--[\w-]+)", line.split(scripts[-1])[1]):
                assert option in text, f"{where}: {scripts[-1]} does not know {option}"
    assert {f"scripts/{name}.py" for name in ("execute", "library", "live", "publish")} <= called


def test_a_level_of_the_environment_is_one_that_exists():
    from environment import LEVELS

    levels = [x for _, line in LINES for x in re.findall(r"scripts/environment\.py (\w+)", line)]
    assert levels
    assert set(levels) <= set(LEVELS)


def test_chapters_that_they_name_are_in_the_book():
    text = TEXTS["ci"]
    named = set(re.findall(r"CHAPTER=(\S+)|live\.py .* (\S+/\S+)$", text, re.M))
    chapters = {a or b for a, b in named}
    assert len(chapters) == 1
    assert {f"book/{chapter}" for chapter in chapters} <= set(Book(ROOT).pages)


def test_files_are_handed_on_under_one_name():
    """What is downloaded was uploaded in the same workflow, by a job that is waited for."""
    fetched = 0
    for (workflow, job), what in JOBS.items():
        needs = (
            {what["needs"]} if isinstance(what.get("needs"), str) else set(what.get("needs", ()))
        )
        sent = {
            step["with"]["name"]: other
            for (name, other) in JOBS
            if name == workflow
            for step in steps(name, other, uses="actions/upload-artifact")
        }
        for step in steps(workflow, job, uses="actions/download-artifact"):
            wanted = step["with"].get("name") or step["with"]["pattern"].removesuffix("*")
            makers = {maker for title, maker in sent.items() if title.startswith(wanted)}
            assert makers, f"{job} waits for {wanted}, which nobody makes"
            assert makers <= needs
            fetched += 1
    assert fetched >= 4


# ---- they are safe -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WORKFLOWS)
def test_permissions_are_least(name):
    assert WORKFLOWS[name]["permissions"] == {}
    for (workflow, job), what in JOBS.items():
        if workflow == name:
            writes = {k for k, v in what["permissions"].items() if v != "read"}
            assert writes == MAY_WRITE.get((workflow, job), set())
            assert set(what["permissions"]) <= writes | {"contents"}


def test_actions_are_pinned_by_commit_and_say_their_version():
    for path in [*FILES, PREPARE]:
        for line in path.read_text("utf-8").splitlines():
            if re.match(r"\s*(- )?uses:", line):
                pinned = r"uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$"
                local = r"uses: \$/\.github/actions/prepare$"
                assert re.search(f"{pinned}|{local}", line), line


def test_one_action_has_one_version():
    text = "".join([*TEXTS.values(), PREPARE.read_text("utf-8")])
    versions = {}
    for action, commit in re.findall(r"uses: ([\w-]+/[\w-]+)\S*@(\w+)", text):
        versions.setdefault(action, set()).add(commit)
    assert len(versions) >= 5
    assert all(len(commits) == 1 for commits in versions.values()), versions


def test_no_expression_reaches_a_shell():
    assert [line for _, line in LINES if "${{" in line] == []


def test_checkouts_keep_no_password():
    found = [s for _, s in STEPS if str(s.get("uses", "")).startswith("actions/checkout@")]
    assert len(found) == len(JOBS)
    assert all(step["with"]["persist-credentials"] is False for step in found)


def test_only_the_token_of_the_run_is_used_and_only_where_something_is_written():
    secrets = re.findall(
        r"\$\{\{[^}]*(?:secrets\.\w+|github\.token)[^}]*\}\}", "".join(TEXTS.values())
    )
    assert set(secrets) == {"${{ github.token }}"}
    having = {where for where, step in STEPS if "GH_TOKEN" in step.get("env", {})}
    assert having == {"/".join(place) for place in MAY_WRITE}


def test_nothing_runs_with_the_rights_of_main_for_a_strangers_change():
    for name, workflow in WORKFLOWS.items():
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(workflow[True]), (
            name
        )


def planted(tmp_path, *faults):
    """The checks' verdict on a copy with faults in it."""
    shutil.copytree(FOLDER, tmp_path / ".github")
    for file, old, new in faults:
        path = tmp_path / ".github" / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")
    return check_github(tmp_path)


def test_the_checks_find_nothing():
    assert check_github(ROOT) == []


WRONG_FORM = [
    ("workflows/ci.yml", "runs-on:", "run-on:"),
    ("workflows/book.yml", "    timeout-minutes: 60\n", ""),
    ("actions/prepare/action.yml", "  using: composite", "  using: python"),
    ("ISSUE_TEMPLATE/page.yml", "body:", "bodies:"),
    ("ISSUE_TEMPLATE/config.yml", "enabled: true", "enabled: 3"),
    ("dependabot.yml", "monthly", "sometimes"),
]


def test_the_checks_find_every_wrong_form(tmp_path):
    assert set(planted(tmp_path, *WRONG_FORM)) >= set(SCHEMAS)


UNSAFE = {
    "a stranger's words in a shell": (
        "workflows/ci.yml",
        "      - run: make test",
        "      - run: echo ${{ github.event.pull_request.title }}",
    ),
    "an action by its tag": (
        "workflows/book.yml",
        "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
        "actions/checkout@v7",
    ),
    "all permissions": ("workflows/weekly.yml", "permissions: {}", "permissions: write-all"),
}


@pytest.mark.parametrize("fault", UNSAFE)
def test_the_checks_find(fault, tmp_path):
    assert planted(tmp_path, UNSAFE[fault]) == ["zizmor"]


def test_lint_asks_them(monkeypatch):
    import test as script

    monkeypatch.setattr(script, "check_github", lambda root: ["zizmor"])
    assert "zizmor" in script.lint()


# ---- each change ---------------------------------------------------------------------------------


def test_the_preview_is_tried_on_three_systems():
    job = JOBS["ci", "live"]
    systems = job["strategy"]["matrix"]["system"]
    assert {name.split("-")[0] for name in systems} == {"ubuntu", "macos", "windows"}
    assert job["runs-on"] == "${{ matrix.system }}"
    assert job["strategy"]["fail-fast"] is False
    # make on two, the same program without make on the third
    conditions = [step["if"] for step in job["steps"] if "run" in step]
    assert conditions == ["${{ runner.os != 'Windows' }}", "${{ runner.os == 'Windows' }}"]


def test_make_live_is_the_program_that_windows_runs():
    with_make, without = [step["run"] for step in JOBS["ci", "live"]["steps"] if "run" in step]
    shown = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "PYTHON=python", *with_make.split()[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert sorted(shown.split()) == sorted(without.split())


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_preview_ends_when_it_is_asked_for_once(encoding, tmp_path):
    """Also where the terminal cannot show the language of the page, as on Windows."""
    book = copy_tiny_book(tmp_path / "book")
    arguments = ["--root", book.root, "--once", "--language", "ja", "part/chapter"]
    output = run_script("live.py", *arguments, environment={"PYTHONIOENCODING": encoding})
    assert output.code == 0, output.text
    page = book.build / "live" / "ja" / "html" / "book" / "part" / "chapter.html"
    assert 'lang="ja"' in page.read_text("utf-8")
    source = book.source("book/part/chapter")
    source.write_text(source.read_text("utf-8") + "\n{ref}`nowhere`\n", "utf-8")
    output = run_script("live.py", *arguments, environment={"PYTHONIOENCODING": encoding})
    assert output.code == 1
    assert "nowhere" in output.text


def test_a_preview_says_what_is_wrong_in_a_translation(tmp_path):
    book = copy_tiny_book(tmp_path / "book")
    catalogue = book.catalogue("ja", "book/part/chapter")
    text = catalogue.read_text("utf-8")
    catalogue.write_text(text.replace("{t}`カーネル`", "カーネル"), "utf-8")
    assert catalogue.read_text("utf-8") != text
    arguments = ["--root", book.root, "--once", "part/chapter", "--language"]
    output = run_script("live.py", *arguments, "ja")
    assert output.code == 1
    assert "chapter.po:" in output.text
    assert "links: lost" in output.text
    assert run_script("live.py", *arguments, "ko").code == 0, "another language's fault"


def test_the_library_is_tested_with_the_oldest_and_the_newest_releases():
    from library import RESOLUTION, TESTS, packages_of_tests

    job = JOBS["ci", "library"]
    assert set(job["strategy"]["matrix"]["releases"]) == set(RESOLUTION)
    assert all((ROOT / name).exists() for name in TESTS)
    named = set(
        re.findall(r"^[a-z][\w-]*", (ROOT / "tests/requirements.in").read_text("utf-8"), re.M)
    )
    assert named < set(packages_of_tests())
    assert not [name for name in packages_of_tests() if name.startswith(("-", "#"))]
    # every folder of tests of the library is among them
    folders = {f"tests/{p.parent.name}" for p in (ROOT / "tests").glob("*/test_*.py")}
    assert folders <= set(TESTS)


def test_the_python_of_the_workflows_is_the_oldest_that_the_library_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    inputs = yaml.safe_load(PREPARE.read_text("utf-8"))["inputs"]
    assert project["requires-python"] == f">={inputs['python-version']['default']}"
    assert "python-version" not in "".join(TEXTS.values())


# ---- the book ------------------------------------------------------------------------------------

MAIN_WITH_GPU = "github.ref == 'refs/heads/main' && vars.GPU_RUNNER"


def test_a_gpu_is_used_on_main_only_and_without_one_the_cpu():
    job = JOBS["book", "execute"]
    assert job["runs-on"] == f"${{{{ {MAIN_WITH_GPU} || 'ubuntu-latest' }}}}"
    environment = WORKFLOWS["book"]["env"]
    assert environment["IIP_DEVICE"] == f"${{{{ {MAIN_WITH_GPU} && 'gpu' || 'cpu' }}}}"
    others = {what["runs-on"] for place, what in JOBS.items() if place != ("book", "execute")}
    assert others == {"ubuntu-latest", "${{ matrix.system }}"}


def test_one_run_of_main_at_a_time():
    group = WORKFLOWS["book"]["concurrency"]
    assert group["group"] == "book-${{ github.ref }}"
    assert group["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"


def test_results_are_kept_when_a_chapter_fails():
    for action in ("actions/cache/save", "actions/upload-artifact"):
        (step,) = steps("book", "execute", uses=action)
        assert step["if"] == "${{ always() }}"
        assert Path(step["with"]["path"]) == Book(ROOT).cache("any").parent.relative_to(ROOT)


def test_what_was_kept_is_found_again():
    (save,) = steps("book", "execute", uses="actions/cache/save")
    restore = next(s for where, s in STEPS if where == "prepare" and "cache/restore" in s["uses"])
    assert save["with"]["path"] == restore["with"]["path"]
    prefix = restore["with"]["restore-keys"]
    # the device: what book.yml sets for all its jobs, `cpu` in workflows that set none
    assert save["with"]["key"].startswith(prefix.replace(" || 'cpu'", ""))
    assert restore["with"]["key"].startswith(prefix)


def test_the_week_starts_from_nothing():
    for (name, job), what in JOBS.items():
        if name == "weekly":
            for step in what["steps"]:
                if step.get("uses", "").endswith("/prepare"):
                    assert step["with"]["results"] == "false", job


def test_newest_means_also_what_requirements_hold_at_one_release(monkeypatch, tmp_path):
    import lock

    (tmp_path / "requirements.in").write_text("# torch==0\naccelerate\ntorch==1\nx>=2\ny==3\n")
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    assert lock.held().split() == ["torch", "y"]
    assert "lock.py --newest" in TEXTS["weekly"]


def test_publishing_waits_for_a_good_build_of_main():
    assert JOBS["book", "publish"]["needs"] == "render"
    assert JOBS["book", "render"]["needs"] == "execute"
    assert JOBS["book", "publish"]["if"] == "${{ github.ref == 'refs/heads/main' }}"
    # a mistake that a check finds ends the job as failed, though its site is kept to look at
    (upload,) = steps("book", "render", uses="actions/upload-artifact")
    assert upload["if"] == "${{ !cancelled() }}"
    assert not any(step.get("continue-on-error") for _, step in STEPS)


def test_the_site_travels_with_its_hidden_file():
    for place in (("book", "render"), ("weekly", "locked")):
        (step,) = [
            s for s in steps(*place, uses="actions/upload-artifact") if s["with"]["name"] == "site"
        ]
        assert step["with"]["include-hidden-files"] is True


def test_the_road_of_a_gpu_runner_without_one(tmp_path):
    """book.yml's own command with a GPU's numbers; then its results, carried elsewhere, rendered."""
    (command,) = [step["run"] for step in JOBS["book", "execute"]["steps"] if "run" in step]
    assert re.fullmatch(r"python scripts/environment\.py book scripts/execute\.py", command)
    environment = {"IIP_DEVICE": "gpu"}
    here = copy_tiny_book(tmp_path / "runner")
    output = run_script(command.split("/")[-1], "--root", here.root, environment=environment)
    assert output.code == 0, output.text
    assert "executed 1 chapters" in output.text
    assert "on gpu" in output.text
    (upload,) = steps("book", "execute", uses="actions/upload-artifact")
    kept = upload["with"]["path"]
    there = copy_tiny_book(tmp_path / "other")
    shutil.copytree(here.root / kept, there.root / kept)
    output = run_script("build.py", "--root", there.root, environment=environment)
    assert output.code == 0, output.text
    assert executed(output) == 0
    article = (there.site / "en" / "book" / "part" / "chapter.html").read_text("utf-8")
    assert "40 steps" in article


# ---- each week -----------------------------------------------------------------------------------


def test_every_job_of_the_week_leaves_a_log_for_the_issue():
    others = {job for name, job in JOBS if name == "weekly" and job != "issue"}
    assert set(JOBS["weekly", "issue"]["needs"]) == others
    for job in others:
        (step,) = [
            s
            for s in steps("weekly", job, uses="actions/upload-artifact")
            if s["with"]["name"] == f"log-{job}"
        ]
        assert step["if"] == "${{ always() }}"
        lines = [line for where, line in LINES if where == f"weekly/{job}"]
        assert any(f"tee -a {step['with']['path']}" in line for line in lines)
        assert Path(step["with"]["path"]).name == f"log-{job}.txt"


def test_a_pipe_fails_with_its_first_program():
    """GitHub adds `-o pipefail` where bash is named, and only there."""
    for workflow in WORKFLOWS.values():
        assert workflow["defaults"] == {"run": {"shell": "bash"}}
