"""The head of a chapter, and mentions of chapters that may not be written yet."""

import subprocess

import pytest
from chapters import last_commit, library_of, minutes_to_read
from test_tiny_book import CHAPTER, article, build, edit

CELL = """\
```{{code-cell}} ipython3
---
mystnb:
  image:
    alt: not read as text
---
{code}
```
"""


def chapter(words=0, lines=0, after=0):
    """A chapter's source with so many words and lines of code, and words after its exercises."""
    code = CELL.format(code="\n".join(["x = 1"] * lines))
    return (
        f"---\nkernelspec:\n  name: python3\n---\n{'word ' * words}\n{code}\n"
        f":::{{exercise}}\n{'word ' * after}\n"
    )


class TestMinutesToRead:
    def test_words(self):
        # 600 words at 120 a minute; the next word begins another five minutes
        assert minutes_to_read(chapter(words=600)) == 5
        assert minutes_to_read(chapter(words=601)) == 10

    def test_code(self):
        assert minutes_to_read(chapter(lines=60)) == 5
        assert minutes_to_read(chapter(lines=61)) == 10

    def test_the_exercises_are_not_counted(self):
        assert minutes_to_read(chapter(words=100, after=5000)) == 5


def git(folder, *arguments):
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def commit_everything(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "-m", "x")


def head(book, language):
    (found,) = article(book, language).xpath("//dl[contains(@class, 'chapter-head')]")
    return found


def links_to_the_library(book, language="en"):
    return head(book, language).xpath(".//a[contains(@href, 'iip_lib/')]/@href")


@pytest.fixture
def with_library(changed):
    """The tiny book with a library of its own, not yet in a repository."""
    folder = changed.root / "iip_lib"
    folder.mkdir()
    text = '"""Kernels.\n\nTaught in: {}\n"""\n'
    (folder / "ops.py").write_text(text.format(f"{CHAPTER}.md"))
    (folder / "viz.py").write_text(text.format("book/part/other.md"))
    return changed


class TestLibrary:
    def test_only_files_that_name_the_chapter(self, with_library):
        assert list(library_of(with_library.root, CHAPTER)) == ["iip_lib/ops.py"]
        assert library_of(with_library.root, "book/part/chap") == {}

    def test_links_follow_the_commits(self, with_library):
        book = with_library
        assert build(book).code == 0
        (address,) = links_to_the_library(book)
        assert address.endswith("/blob/main/iip_lib/ops.py"), "in no repository: the branch"

        git(book.root, "init")
        commit_everything(book.root)
        first = last_commit(book.root, "iip_lib/ops.py")
        assert build(book).code == 0
        for language in book.languages:
            (address,) = links_to_the_library(book, language)
            assert address.endswith(f"/blob/{first}/iip_lib/ops.py")

        # a commit that does not touch the file leaves the page as it is
        edit(book.root / "iip_lib" / "viz.py", "Kernels", "Figures")
        commit_everything(book.root)
        assert last_commit(book.root, "iip_lib/ops.py") == first

        # another file names the chapter now
        edit(book.root / "iip_lib" / "viz.py", "part/other", "part/chapter")
        commit_everything(book.root)
        assert build(book).code == 0
        assert len(links_to_the_library(book)) == 2

    def test_no_git(self, with_library, monkeypatch):
        monkeypatch.setenv("PATH", "")
        assert last_commit(with_library.root, "iip_lib/ops.py") is None


@pytest.mark.parametrize(
    ("language", "parts"),
    [
        ("en", ["You should know", "the home page", "about 5 minutes", "less than 1 min", "CPU"]),
        ("ja", ["前提知識", "最初のページ", "約5分", "1分未満", "CPU"]),
        ("ko", ["미리 알아 둘 내용", "첫 쪽", "약 5분", "1분 이내", "CPU"]),
    ],
)
def test_head(tiny, language, parts):
    text = head(tiny[0], language).text_content()
    for part in parts:
        assert part in text


@pytest.mark.parametrize(
    ("language", "title", "later"),
    [
        ("en", "One of everything", "Something else (in preparation)"),
        ("ja", "何でも一つずつ", "ほかのこと（準備中）"),
        ("ko", "무엇이든 하나씩", "다른 것(준비 중)"),
    ],
)
def test_mentions_of_chapters(tiny, language, title, later):
    page = article(tiny[0], language, "book/index")
    assert title in [
        link.text_content() for link in page.xpath(".//p/a[contains(@href, 'chapter')]")
    ]
    (plain,) = page.xpath(".//span[@class='later']")
    assert plain.text_content() == later
    assert not plain.xpath(".//a")
