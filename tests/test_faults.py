"""What goes wrong on a machine, or in a file: one clear line says what to do, and nothing is lost."""

from __future__ import annotations

import filecmp
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
from complaints import collect
from conftest import ROOT, Output, copy_tiny_book, run_script
from execute import Store, code_cells, execute_book, key, read_notebook
from test_tiny_book import build, differences, edit, executed

from book import Book, BookError, copy_repository, refused

CHAPTER = "book/part/chapter"
HEAD = (
    "---\njupytext:\n  text_representation:\n    extension: .md\n    format_name: myst\n"
    "kernelspec:\n  display_name: Python 3\n  language: python\n  name: python3\n---\n# {}\n\n"
)
CELL = "```{{code-cell}} ipython3\n{}\n```\n\n"


def small_book(folder: Path, **chapters: str) -> Book:
    """A book of chapters of one cell each, which load nothing heavy."""
    book = copy_tiny_book(folder)
    shutil.rmtree(folder / "book" / "part")
    for name, code in chapters.items():
        text = HEAD.format(name.title()) + CELL.format(code)
        (folder / "book" / f"{name}.md").write_text(text, "utf-8")
    names = "".join(f"- file: book/{name}\n" for name in chapters)
    (folder / "_toc.yml").write_text(f"format: jb-book\nroot: book/index\nchapters:\n{names}")
    (folder / "book" / "index.md").write_text("# Home\n", "utf-8")
    return book


def problems(output: Output) -> list[str]:
    """What a build listed at its end."""
    _, found, text = output.text.partition("so this must not be published:\n")
    assert found, output.text
    return [line.strip() for line in text.splitlines()]


# ---- damaged sources -----------------------------------------------------------------------------


def test_each_fault_of_a_source_gets_one_line(changed):
    """A label used twice, a level skipped, and both kinds of a damaged catalogue, in one build."""
    source = changed.source(CHAPTER)
    edit(source, "## Exercises", "(chapter-formulas)=\n#### Exercises")
    japanese, korean = (changed.catalogue(code, CHAPTER) for code in ("ja", "ko"))
    edit(japanese, "一つ目は下がり", '一つ目は下がり"\n<<<<<<< HEAD\n"')
    content = korean.read_bytes()
    place = content.index("첫째는".encode())
    korean.write_bytes(content[:place] + b"\xff" + content[place:])
    output = build(changed)
    assert output.code == 1
    assert "Traceback" not in output.text
    assert executed(output) == 0, "nothing is lost"
    lines = source.read_text("utf-8").splitlines()
    label = lines.index("#### Exercises")
    marker = japanese.read_text("utf-8").splitlines().index("<<<<<<< HEAD") + 1
    byte = content.count(b"\n", 0, place) + 1
    folder = "book/locale/{}/LC_MESSAGES/book/part/chapter.po:{}: "
    assert problems(output) == [
        f"book/part/chapter.md:{label}: the label 'chapter-formulas' is used twice: "
        "give one another name",
        f"book/part/chapter.md:{label + 1}: a heading level is skipped: below ## comes ###, not ####",
        folder.format("ja", marker) + "here it is no PO file any more: "
        "mend the line, or take the file back from git",
        folder.format("ko", byte) + "the byte 0xff is no UTF-8: "
        "save the file as UTF-8, or take it back from git",
    ]


def test_complaints_are_said_once():
    both = "book/a.md:7: WARNING: duplicate label x, other instance in book/b.md"
    other = "book/b.md:9: WARNING: duplicate label x, other instance in book/a.md"
    lost = "book/a.md:3{}: WARNING: undefined label: 'y'"
    assert collect(
        {
            "en": [both, other, lost.format("")],
            "ja": [both, other, lost.format(":<translated>:1"), "WARNING: only here"],
        }
    ) == [
        "book/a.md:7: the label 'x' is used twice, also in book/b.md:9: give one another name",
        "book/a.md:3: undefined label: 'y'",
        "ja: WARNING: only here",
    ]


def test_labels_of_equations_and_exercises_that_stand_twice():
    """Sphinx and sphinx-exercise have words of their own for it, and tell of what follows."""
    lines = [
        "book/a.md:5: WARNING: duplicate label of equation eq-x, other instance in book/a",
        'book/a.md:: CRITICAL: Duplicate ID: "equation-eq-x".',
        "book/a.rst: WARNING: duplicate label: ex-a-b; other instance in book/a.md",
    ]
    assert collect({"en": lines}) == [
        "book/a.md:5: the label 'eq-x' is used twice: give one another name",
        "book/a.md: the label 'ex-a-b' is used twice: give one another name",
    ]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "book/fast.md",
            None,
            r"_toc.yml names book/fast, but there is no file book/fast.md: write",
        ),
        (
            "book/fast.md",
            b"# Fast\n\n\xff\n",
            r"fast.md:3: the byte 0xff is no UTF-8: save the file",
        ),
        ("_toc.yml", b"root: book/index\n\xfe", r"_toc.yml:2: the byte 0xfe is no UTF-8"),
        ("_toc.yml", b"root: [book\n", r"_toc.yml:2: this is no YAML \(.*\): mend the line"),
        ("_toc.yml", b"format: jb-book\n", r"_toc.yml cannot be read .*: it needs `root: PAGE`"),
        (
            "_toc.yml",
            b"root: book/index\nchapters: [file: book/fast, file: book/fast]\n",
            r"_toc.yml names book/fast twice: take one of them out",
        ),
    ],
)
def test_a_missing_or_damaged_file_is_named_with_its_line(tmp_path, file, content, message):
    book = small_book(tmp_path, fast="print(1)")
    path = book.root / file
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(BookError, match=message) as error:
        execute_book(book)
    assert len(str(error.value).splitlines()) == 1


# ---- garbage in the cache ------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path):
    """A book with the results of one chapter, without a kernel: (book, page, notebook, key)."""
    book = small_book(tmp_path, fast="print(1)")
    page = "book/fast"
    notebook = read_notebook(book.source(page))
    wanted = key(book, page, notebook)
    store = Store(book, "cpu-offline")
    result = nbformat.from_dict(notebook)
    for cell in code_cells(result):
        cell.execution_count = 1
        cell.outputs = [nbformat.v4.new_output("stream", text="1\n")]
    data = {"key": wanted, "device": "cpu", "execution_seconds": 1.0, "megabytes": 50}
    store.keep(page, notebook, code_cells(result), data)
    store.cache.db.dispose()
    return book, page, notebook, wanted


def damage(path: Path) -> None:
    path.write_bytes(b"garbage\xff\x00" * 100)


def one(folder: Path, name: str) -> Path:
    (found,) = folder.rglob(name)
    return found


def test_results_outlive_their_damaged_database(kept, capsys):
    book, page, notebook, wanted = kept
    folder = book.cache("cpu-offline")
    damage(folder / "global.db")
    store = Store(book, "cpu-offline")
    (line,) = capsys.readouterr().out.splitlines()
    assert f"{folder} is damaged: it was put aside as cpu-offline.damaged-1" in line
    assert "1 results taken over; remove it when nothing is missing" in line
    assert store.find(page, notebook, wanted)["megabytes"] == 50
    record = store.cache.match_cache_notebook(notebook)
    (cell,) = code_cells(store.cache.get_cache_bundle(record.pk).nb)
    assert cell.outputs[0].text == "1\n"
    Store(book, "cpu-offline")
    assert not capsys.readouterr().out, "it is whole again"


@pytest.mark.parametrize("everything", [True, False])
def test_what_is_damaged_is_executed_again_and_kept(kept, everything, capsys):
    book, page, notebook, wanted = kept
    for path in book.cache("cpu-offline").rglob("*"):
        if path.is_file() and (everything or path.name == "base.ipynb"):
            damage(path)
    assert Store(book, "cpu-offline").find(page, notebook, wanted) is None
    capsys.readouterr()
    assert execute_book(book) == "cpu-offline"
    assert "executed 1 chapters" in capsys.readouterr().out
    execute_book(book)
    assert "executed 0 chapters" in capsys.readouterr().out


@pytest.mark.parametrize("left", ["empty database", "no results", "a file", "foreign things"])
def test_what_a_killed_process_left_does_no_harm(kept, left, capsys):
    book, page, notebook, wanted = kept
    folder = book.cache("cpu-offline")
    results = one(folder, "base.ipynb").parent
    if left == "empty database":
        (folder / "global.db").write_bytes(b"")
    elif left == "no results":
        shutil.rmtree(results)
        results.mkdir()
    elif left == "a file":
        shutil.rmtree(results)
        results.write_text("")
    else:
        (folder / "executed" / "other").mkdir()
        (folder / "notes.txt").write_text("mine")
        (book.build / "results" / "book").mkdir(parents=True)
        damage(book.build / "results" / "book" / "fast.json")
    execute_book(book)
    again = "0" if left == "foreign things" else "1"
    assert f"executed {again} chapters" in capsys.readouterr().out
    assert Store(book, "cpu-offline").find(page, notebook, wanted)


def test_a_build_survives_garbage_in_all_that_it_keeps(changed):
    """Databases and pickles: what was executed is still there, the pages are written anew."""
    damage(one(changed.build / "executed", "global.db"))
    for path in changed.sphinx_folder("ja").rglob("*"):
        if path.suffix in (".pickle", ".doctree"):
            damage(path)
    before = changed.root / "before"
    changed.site.rename(before)
    output = build(changed)
    assert output.code == 0, output.text
    assert executed(output) == 0
    assert output.text.count("is damaged") == 1
    assert differences(filecmp.dircmp(before, changed.site)) == []


# ---- a machine that refuses ----------------------------------------------------------------------


LOOPBACK = (
    "import fcntl, socket, struct; "
    "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh', b'lo', 0x49))"  # up, as it always is
)


def namespace(*options: str) -> list[str]:
    """A command that gives a process namespaces of its own, in which it is root."""
    command = ["unshare", "--user", "--map-root-user", *options]
    if not shutil.which("unshare") or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip(f"this machine does not allow `{shlex.join([*command, 'true'])}`")
    return command


def inside(command: list[str], *lines: str, timeout: int = 1800) -> Output:
    """Run lines of a shell in namespaces."""
    done = subprocess.run(
        [*command, "sh", "-ec", "\n".join(lines)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=timeout,
        check=False,
        cwd=ROOT,
    )
    return Output(done.returncode, done.stdout)


def python(*words) -> str:
    return shlex.join([sys.executable, *map(str, words)])


def test_a_full_disk_costs_nothing_that_was_finished(tmp_path):
    """Three times on a small disk: full before the results, full before the pages, and larger."""
    command = namespace("--mount")
    book = small_book(tmp_path / "book", fast="print(1)")
    disk = tmp_path / "disk"
    disk.mkdir()
    line = python(ROOT / "scripts" / "build.py", "--root", disk, "--no-check")
    output = inside(
        command,
        f"mount -t tmpfs -o size=100m tmpfs {disk}",
        f"cp -r {book.root}/. {disk}",
        f"used=$(df -k --output=used {disk} | tail -1)",
        *(
            f"mount -o remount,size={size} {disk}; {line} && echo fine || echo failed; echo ====="
            for size in ("$((used + 8))k", "$((used + 300))k", "100m")
        ),
    )
    first, second, third, _ = output.text.split("=====\n")
    for text in (first, second):
        assert text.endswith("failed\n"), text
        *_, last = text.splitlines()[:-1]
        assert last.endswith(
            "the disk is full: make room, then run it again; what is finished is kept"
        ), text
        assert "Traceback" not in text
    assert "executed [1/1]" not in first
    assert "executed 1 chapters" in second
    assert "executed 0 chapters" in third, "what was executed before the disk was full is kept"
    assert third.endswith("fine\n"), third


def test_a_home_that_cannot_be_written_does_not_matter(tmp_path):
    command = namespace("--mount")
    book = small_book(tmp_path / "book", fast="import matplotlib.pyplot")
    home = tmp_path / "home"
    home.mkdir()
    output = inside(
        command,
        f"mount --bind {home} {home}",
        f"mount -o remount,bind,ro {home}",
        f"export HOME={home}",
        f"touch {home}/file 2> {tmp_path}/refused && exit 3",
        python(ROOT / "scripts" / "build.py", "--root", book.root, "--no-check"),
    )
    assert "Read-only" in (tmp_path / "refused").read_text()
    assert output.code == 0, output.text
    assert "executed 1 chapters" in output.text
    assert not re.search("warn|error", output.text, re.I), output.text


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device"), "the disk is full: make room"),
        (RuntimeError("(sqlite3.OperationalError) database or disk is full"), "the disk is full"),
        (PermissionError(13, "Permission denied", "/a/b"), "/a/b cannot be written or read"),
        (OSError(30, "Read-only file system", "/a/b"), "/a/b cannot be written or read"),
        (RuntimeError("[Errno 30] Read-only file system: '/a/b'"), "/a/b cannot be written"),
        (
            NotADirectoryError(20, "Not a directory", "/a/b"),
            "/a/b cannot be made, a file or folder",
        ),
        (RuntimeError("attempt to write a readonly database"), "the results in _build/executed"),
    ],
)
def test_what_the_machine_refuses_is_one_line(error, line):
    wrapped = ValueError("something else")
    wrapped.__cause__ = error
    for refusal in (error, wrapped):
        assert refused(refusal).startswith(line)
        assert "\n" not in refused(refusal)
    assert refused(FileNotFoundError(2, "No such file or directory", "/a/b")) is None
    assert refused(ValueError("a mistake of ours")) is None


def test_without_a_network_a_book_is_built(tmp_path):
    command = namespace("--net")
    code = "import torch, socket\ntry:\n    socket.create_connection(('192.0.2.1', 80), 5)\n"
    code += "except OSError as error:\n    print(error.errno)"
    book = small_book(tmp_path, fast=code)
    line = python(ROOT / "scripts" / "build.py", "--root", book.root, "--no-check")
    output = inside(command, python("-c", LOOPBACK), line)
    assert output.code == 0, output.text
    assert "executed 1 chapters" in output.text
    page = (book.site / "ja" / "book" / "fast.html").read_text("utf-8")
    assert re.search(r"<pre>(<span></span>)?101\n", page), "the network was unreachable"


@pytest.mark.slow
def test_without_a_network_the_whole_book_is_built_and_the_library_is_right(tmp_path):
    command = namespace("--net")
    folder = copy_repository(tmp_path)
    output = inside(
        command,
        f"cd {folder}",
        "git init --quiet",  # a test asks git which files belong to the repository
        f"export PYTHONPATH={folder}",
        python("-c", LOOPBACK),
        python("scripts/build.py"),
        python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", "iip_lib")
        + " tests/data tests/models tests/ops tests/train tests/test_explain.py tests/test_viz.py",
        timeout=7200,
    )
    assert output.code == 0, output.text
    assert re.search(r"\d+ passed", output.text)


# ---- kill -9 -------------------------------------------------------------------------------------


KILLS = 20
# Seconds and memory are others each time: the head of a chapter and the page of the budget show them.
HEAD_OF_CHAPTER = re.compile(rb'<dl class="[^"]*chapter-head.*?</dl>', re.S)
ARTICLE = re.compile(rb"<article.*</article>", re.S)


def files(site: Path) -> dict[str, bytes]:
    """All files of a site, also those in its zip files, without the times that chapters took."""
    found = {}
    for path in site.rglob("*"):
        name = path.relative_to(site).as_posix()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as packed:
                found |= {f"{name}: {inner}": packed.read(inner) for inner in packed.namelist()}
        elif path.is_file():
            found[name] = path.read_bytes()
    return {
        name: (ARTICLE if name.endswith("budget.html") else HEAD_OF_CHAPTER).sub(b"", data)
        for name, data in found.items()
    }


def start(book: Book, log: Path) -> subprocess.Popen:
    command = [sys.executable, str(ROOT / "scripts" / "build.py"), "--root", str(book.root)]
    with log.open("w") as file:
        return subprocess.Popen(
            [*command, "--no-check"], stdout=file, stderr=file, start_new_session=True
        )


def finished(log: Path) -> set[str]:
    """Chapters whose results a build said it had kept."""
    return set(re.findall(r"executed \[\d+/\d+\] (\S+)", log.read_text()))


@pytest.mark.slow
def test_a_build_killed_at_any_moment_is_made_good_by_the_next(tmp_path):
    """Killed from nothing and, by turns, while it brings a finished book up to date."""
    book = copy_tiny_book(tmp_path / "book")
    log, again = tmp_path / "log", tmp_path / "again"
    for name in ("first", "second"):
        text = HEAD.format(name.title()) + CELL.format(f"print({len(name)})")
        (book.root / "book" / f"{name}.md").write_text(text, "utf-8")
    toc = book.root / "_toc.yml"
    added = "- file: book/first\n      - file: book/second\n      - file: book/part/chapter"
    toc.write_text(toc.read_text().replace("- file: book/part/chapter", added))
    chapters = {"book/first", "book/second", CHAPTER}

    def seconds() -> float:
        begin = time.monotonic()
        assert start(book, log).wait() == 0, log.read_text()
        return time.monotonic() - begin

    seconds()
    before = tmp_path / "before"
    shutil.copytree(book.build, before)
    edit(book.source(CHAPTER), "area = 2 / 3", "area = 3 / 4")
    edit(book.source(CHAPTER), "Twice three is six.", "Two times three is six.")
    update = seconds()
    assert finished(log) == {CHAPTER}
    shutil.rmtree(book.build)
    whole = seconds()
    assert finished(log) == chapters
    clean = files(book.site)

    chance = random.Random(0)
    for number in range(KILLS):
        shutil.rmtree(book.build)
        if number % 2:
            shutil.copytree(before, book.build)
        moment = chance.uniform(0, update if number % 2 else whole)
        process = start(book, log)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        place = f"kill {number}, after {moment:.1f} s"
        kept = finished(log)
        assert start(book, again).wait() == 0, f"{place}: {again.read_text()}"
        assert not kept & finished(again), f"{place}: executed twice"
        if number % 2:
            assert kept | finished(again) <= {CHAPTER}, f"{place}: executed though nothing changed"
        found = files(book.site)
        assert found.keys() == clean.keys(), place
        assert [name for name in clean if found[name] != clean[name]] == [], place


# ---- two executions ------------------------------------------------------------------------------


def outputs(book: Book) -> dict[str, list]:
    """Outputs of all cells but those tagged `volatile`, which show how long something took."""
    store, found = Store(book, "cpu-offline"), {}
    for page in book.pages:
        notebook = read_notebook(book.source(page))
        if notebook is None or not code_cells(notebook):
            continue
        record = store.cache.match_cache_notebook(notebook)
        executed_cells = code_cells(store.cache.get_cache_bundle(record.pk).nb)
        for number, (cell, result) in enumerate(
            zip(code_cells(notebook), executed_cells, strict=True), 1
        ):
            if "volatile" not in cell.metadata.get("tags", []):
                shown = [o for o in result.outputs if o.get("name") != "stderr"]
                found[f"{page}.md, cell {number}"] = shown
    return found


def assert_equal_outputs(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    assert [place for place in one if one[place] != other[place]] == []


def test_two_executions_give_the_same(tiny, tmp_path):
    book = copy_tiny_book(tmp_path)
    timing = "```{code-cell} ipython3\n:tags: [volatile]\nimport time\nprint(time.time())\n```\n"
    assert run_script("execute.py", "--root", book.root).code == 0
    first, second = outputs(tiny[0]), outputs(book)
    assert sum(map(len, first.values())) >= 5
    assert_equal_outputs(first, second)
    # that a difference is seen, and that the tag exempts from it
    small, other = (
        small_book(tmp_path / name, fast="import time\nprint(time.time())", slow="print(1)")
        for name in ("small", "other")
    )
    for one_book in (small, other):
        slow = one_book.source("book/slow")
        slow.write_text(slow.read_text("utf-8") + timing, "utf-8")
        execute_book(one_book)
    with pytest.raises(AssertionError, match=r"book/fast\.md, cell 1"):
        assert_equal_outputs(outputs(small), outputs(other))
    first, second = outputs(small), outputs(other)
    assert [place for place in first if first[place] != second[place]] == ["book/fast.md, cell 1"]


@pytest.mark.slow
def test_two_executions_of_the_real_book_give_the_same(tmp_path):
    books = [Book(copy_repository(tmp_path / name)) for name in ("one", "other")]
    for book in books:
        output = run_script("execute.py", "--root", book.root)
        assert output.code == 0, output.text
    assert_equal_outputs(*map(outputs, books))
