"""The benchmarks run, and their tables are whole. How long anything takes is not tested."""

import ast
import importlib
import math
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import pytest
import torch
from conftest import ROOT

FOLDER = ROOT / "benchmarks"
LIGHTNING = (
    ["Lightning, barebones", "Lightning, all off", "Lightning, defaults"]
    if find_spec("lightning")
    else ["Lightning: not installed (`make bench` installs it)"]
)
# How many columns say what a row is about, and the last of these columns, row by row.
ROWS = {
    "data": (
        2,
        [
            *(["torchvision ImageFolder", "iip_lib.data.loaders"] * 5),
            *(f"ShapesDataset, {task}" for task in ("classify", "segment", "detect", "pose")),
        ],
    ),
    "explain": (
        2,
        [
            *(["iip_lib.explain.grad_cam", "captum LayerGradCam", "torchcam GradCAM"] * 2),
            "iip_lib.explain.occlusion, 16",
            "iip_lib.explain.occlusion, 1",
            "captum Occlusion, 16",
            "captum Occlusion, 1",
            "iip_lib.explain.occlusion, 16",
            "iip_lib.explain.occlusion, 4",
            "captum Occlusion, 16",
            "captum Occlusion, 4",
        ],
    ),
    "fit": (2, ["bare loop", "iip_lib.train.fit", *LIGHTNING] * 2),
    "imports": (1, ["torch", "iip_lib"]),
}


def run(name, *arguments, **environment):
    return subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py"), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=dict(os.environ, **environment),
    )


@pytest.fixture(scope="module")
def printed():
    """What each benchmark prints; they run side by side, for nobody looks at the times."""
    with ThreadPoolExecutor() as pool:
        runs = dict(zip(ROWS, pool.map(lambda name: run(name, "--quick"), ROWS), strict=True))
    for name, done in runs.items():
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    return {name: done.stdout for name, done in runs.items()}


def cells(text):
    """The table at the end: a list for each row, the head first."""
    lines = text.rpartition("\n\n")[2].splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert set("".join(table[1])) == {"-"}
    return [table[0], *table[2:]]


@pytest.mark.parametrize("name", ROWS)
def test_a_benchmark_says_on_what_it_ran(printed, name):
    assert re.match(r".+, \d+ cores, \d+ threads of torch, load \S+ before", printed[name])
    assert re.search(r"Python 3\.\d+\.\d+, torch \d", printed[name])


@pytest.mark.parametrize("name", ROWS)
def test_a_table_has_all_rows_and_its_numbers_are_numbers(printed, name):
    words, rows = ROWS[name]
    head, *table = cells(printed[name])
    assert [row[words - 1] for row in table] == rows
    for row in table:
        assert len(row) == len(head)
        if "not installed" in row[words - 1]:
            assert set(row[words:]) == {"–"}
            continue
        median, quartiles, ratio = row[words : words + 3]
        low, high = quartiles.split(" – ")
        low, median, high, ratio = (float(n.replace(",", "")) for n in (low, median, high, ratio))
        assert 0 < low <= median <= high < math.inf
        assert 0 <= ratio < math.inf


def test_the_first_of_a_comparison_is_its_own_measure(printed):
    for name, (words, _) in ROWS.items():
        _, *table = cells(printed[name])
        firsts = {row[0]: row for row in reversed(table)} if words == 2 else {"": table[0]}
        assert {row[words + 2] for row in firsts.values()} == {"1.000"}, name


def test_all_loops_do_the_same_work(printed):
    head, *table = cells(printed["fit"])
    assert head[-1] == "weights"
    assert {row[-1] for row in table if "not installed" not in row[1]} == {"equal"}


def test_all_loaders_give_the_same_pictures(printed):
    head, *table = cells(printed["data"])
    assert head[-1] == "pictures"
    assert [row[-1] for row in table] == ["–"] * 2 + ["equal"] * 8 + ["–"] * 4


def test_all_explanations_are_the_same(printed):
    head, *table = cells(printed["explain"])
    assert head[-1] == "maps"
    for row in table:
        assert row[-1] == "equal" or float(row[-1]) < 1e-4, row


def test_the_probe_of_the_backbone_is_beside_the_network_from_scratch():
    done = run("transfer", "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    head, row = cells(done.stdout)
    assert head == ["set", "a class", "probe", "from scratch", "probe is better"]
    assert row[:2] == ["textures", "10"]
    probe, scratch = map(float, row[2:4])
    assert row[4] == f"{int(probe > scratch)} of 1"
    assert 60 < probe <= 100  # five classes: guessing gives 20
    assert 0 <= scratch <= 100


@pytest.mark.slow
def test_what_the_probe_reads_is_chosen_without_pictures_for_testing():
    done = run("transfer", "--quick", "--choose")
    assert done.returncode == 0, done.stdout + done.stderr
    head, *rows = cells(done.stdout)
    assert head == ["set", "a class", "read by the probe", "set aside"]
    assert len({row[2] for row in rows}) == len(rows) == 6
    assert all(20 < float(row[3]) <= 100 for row in rows)


@pytest.fixture(scope="module")
def build_table():
    done = run("build", "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    return cells(done.stdout)


@pytest.mark.slow
def test_the_build_is_beside_the_plain_tool_in_each_state_and_grows(build_table):
    head, *table = build_table
    assert head == ["state", "build", "s", "quartiles", "ratio"]
    plain, ours = "jupyter-book, English", "scripts/build.py, all languages"
    grown = "scripts/build.py, English"
    assert [tuple(row[:2]) for row in table] == [
        ("from nothing", plain),
        ("from nothing", ours),
        ("executed before", plain),
        ("executed before", ours),
        ("nothing changed", ours),
        ("one sentence changed, a language", ours),
        ("1 chapters, not executed", grown),
        ("2 chapters, not executed", grown),
    ]
    for row in table:
        low, high = map(float, row[3].split(" – "))
        assert 0 < low <= float(row[2]) <= high
    assert [row[4] for row in table if row[1] == plain] == ["1.000"] * 2
    assert table[6][4] == "1.000"


@pytest.mark.slow
def test_chapters_that_sleep_are_executed_side_by_side():
    done = run("build", "--chapters", "2", "--sleep", "0.1")
    assert done.returncode == 0, done.stdout + done.stderr
    head, executed, rendered = cells(done.stdout)
    assert head == ["sleeping chapters", "s", "chapters at a time"]
    assert (executed[0], rendered[0]) == ("executed", "rendered")
    assert float(executed[1]) > 0.1
    assert 0 < float(executed[2]) <= (os.cpu_count() or 1)


@pytest.mark.slow
def test_our_pages_are_beside_those_of_the_plain_tool(built):
    done = run("pages", "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    head, plain, ours = cells(done.stdout)
    assert head[:3] == ["page", "build", "performance"]
    assert [row[:2] for row in (plain, ours)] == [
        ["book/index", "jupyter-book"],
        ["book/index", "ours, en"],
    ]
    scores = slice(3, 6)
    assert ours[scores] == ["100"] * 3, "accessibility, best practices, SEO"
    assert float(ours[head.index("KiB")]) < 0.25 * float(plain[head.index("KiB")])


def test_frames_of_the_playground_are_measured(built, browser):
    done = run("playground", "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    head, *rows = cells(done.stdout)
    assert head == ["kernel", "what", "ms", "quartiles", "ratio"]
    kinds = ["torch, convolution alone", "playground, a frame", "playground, from frame to frame"]
    assert [row[:2] for row in rows] == [[size, kind] for size in ("3×3", "5×5") for kind in kinds]
    assert [row[4] for row in rows if row[1] == kinds[1]] == ["1.000"] * 2
    assert all(float(row[2]) > 0 for row in rows)


def test_a_missing_browser_is_named(tmp_path):
    done = run("pages", PATH=str(tmp_path), CHROME="")
    assert done.returncode == 1
    assert "apt-get install chromium" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def measure(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("CUDA_VISIBLE_DEVICES", "ACCELERATE_USE_CPU"):  # the module sets them
        monkeypatch.setenv(name, os.environ.get(name, ""))
    yield importlib.import_module("measure")
    sys.modules.pop("measure")


def test_a_race_runs_everybody_in_each_round(measure):
    calls = []

    def clock(name):
        calls.append(name)
        return len(calls), f"{name} {len(calls)}"

    seconds, results = measure.race({"a": "a", "b": "b", "c": "c"}, 4, clock)
    rounds = [calls[i : i + 3] for i in range(0, 15, 3)]
    assert all(sorted(names) == ["a", "b", "c"] for names in rounds)
    assert len(set(map(tuple, rounds))) > 1
    for name in "abc":
        assert seconds[name] == [i + 1 for i in range(3, 15) if calls[i] == name]  # 3: warm-up
        assert results[name] == f"{name} {seconds[name][-1]}"


def test_time_is_that_of_the_call(measure):
    seconds, result = measure.timed(lambda: time.sleep(0.05) or 7)
    assert 0.05 <= seconds < 5
    assert result == 7


def test_a_summary_by_hand(measure):
    """Rounds 2 and 3 are slow for both: the ratio does not see it."""
    cells = measure.summary([2, 40, 60, 4, 3], [1, 20, 30, 1, 1], scale=1000, digits=0)
    assert cells == ["4,000", "3,000 – 40,000", "2.000"]
    assert measure.summary([3.0], [4.0]) == ["3.0", "3.0 – 3.0", "0.750"]


def test_a_difference_by_hand(measure):
    value = torch.tensor([1.0, -4.0])
    assert measure.difference(value, value.clone()) == "equal"
    assert measure.difference(value, torch.tensor([1.0, -8.0])) == "5e-01"  # 4 / 8


def test_all_run_one_after_the_other_and_a_failure_is_seen(tmp_path):
    """Here each fails, and at once, for there is a torch that cannot be imported."""
    (tmp_path / "torch.py").write_text("raise ImportError")
    done = run("run", "--quick", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    names = ["imports", "data", "explain", "fit"]
    assert re.findall("^## (.+)$", done.stdout, re.M) == names
    assert done.stdout.endswith(f"\nfailed: {', '.join(names)}\n")
    assert set(names) == set(ROWS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rounds", "0"], "'0', but a whole number of at least 1 is needed"),
        (["fit", "moon"], "no benchmark 'moon': choose of imports, data, explain, fit"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    done = run("run", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_help_says_what_is_run():
    done = run("run", "--help")
    assert done.returncode == 0
    for word in ("usage", "--quick", "--rounds", "imports, data, explain, fit"):
        assert word in done.stdout


def test_nothing_else_knows_of_the_benchmarks():
    """They may use the library; the library and the book may not use them, nor Lightning."""
    files = [*(ROOT / "iip_lib").rglob("*.py"), *(ROOT / "book").rglob("*.py")]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                assert not re.search("benchmarks|measure|lightning", ast.unparse(node)), path
    for path in (ROOT / "book").rglob("*.md"):
        text = path.read_text("utf-8")
        assert not re.search(r"^\s*(?:import|from) (?:benchmarks|measure|lightning)", text, re.M)
