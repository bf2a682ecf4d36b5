"""The book as the other scripts see it: its folders, its chapters, its settings."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
# How to talk to kernels: a port could be taken by another program before a kernel opens it.
TRANSPORT = "tcp" if os.name == "nt" else "ipc"


class BookError(Exception):
    """Something a person has to mend; the message says what and where."""


@dataclass(frozen=True)
class Book:
    """A folder with ``_config.yml``, ``_toc.yml`` and ``book/``."""

    root: Path = ROOT

    @property
    def build(self) -> Path:
        """Everything that is made, and may be thrown away."""
        return self.root / "_build"

    @property
    def site(self) -> Path:
        """The finished site: ``en/``, ``ja/``, ``ko/`` and a root page."""
        return self.build / "site"

    @property
    def locale(self) -> Path:
        return self.root / "book" / "locale"

    @cached_property
    def settings(self) -> dict:
        return self._yaml("_config.yml")

    @cached_property
    def languages(self) -> dict[str, str]:
        """Code and own name of each language, English (the source) first."""
        return self.settings["sphinx"]["config"]["languages"]

    @property
    def translations(self) -> list[str]:
        return [code for code in self.languages if code != "en"]

    @cached_property
    def toc(self) -> dict:
        return self._yaml("_toc.yml")

    @cached_property
    def pages(self) -> list[str]:
        """Names of all pages in the order of ``_toc.yml``, e.g. ``book/images/pixels``."""
        toc = self.toc
        try:
            found = [toc["root"]]
            for part in toc.get("parts", [toc]):
                found += [chapter["file"] for chapter in part.get("chapters", [])]
        except (KeyError, TypeError, AttributeError) as error:
            raise BookError(
                f"_toc.yml cannot be read ({error!r}): it needs `root: PAGE`, "
                "and `parts:` with `chapters:` of `file: PAGE`"
            ) from None
        for page in found:
            if found.count(page) > 1:
                raise BookError(f"_toc.yml names {page} twice: take one of them out")
            if not self.source(page).exists():
                raise BookError(
                    f"_toc.yml names {page}, but there is no file {page}.md: "
                    "write it, or take it out of _toc.yml"
                )
        return found

    def _yaml(self, name: str) -> dict:
        path = self.root / name
        try:
            return yaml.safe_load(read_text(path))
        except FileNotFoundError:
            raise BookError(f"{path} is missing: a book has _config.yml and _toc.yml") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f"{path}:{mark.line + 1}" if mark else path
            problem = getattr(error, "problem", None) or error
            raise BookError(f"{place}: this is no YAML ({problem}): mend the line") from None

    def source(self, page: str) -> Path:
        return self.root / f"{page}.md"

    def catalogue(self, language: str, domain: str) -> Path:
        """The PO file of a page (its name) or of the theme's words (``sphinx``)."""
        return self.locale / language / "LC_MESSAGES" / f"{domain}.po"

    def sphinx_folder(self, language: str) -> Path:
        return self.build / "sphinx" / language

    def cache(self, mode: str) -> Path:
        """Results of execution; one cache a mode (device, online), so changing it costs nothing."""
        return self.build / "executed" / mode

    def sphinx_config(self, language: str, *, mode: str | None) -> dict:
        """Settings for Sphinx, from Jupyter Book's own reading of ``_config.yml``.

        `mode`: whose results the pages show; None shows none.
        """
        from jupyter_book.config import get_final_config

        config, _ = get_final_config(
            user_yaml=self.root / "_config.yml",
            cli_config={"latex_individualpages": False},
            validate=True,
            raise_on_invalid=True,
        )
        # never sent to a reader: live code and comments by other hosts, other projects' indexes
        unused = {"sphinx_thebe", "sphinx_comments", "sphinx.ext.intersphinx"}
        config["extensions"] = [e for e in config["extensions"] if e not in unused]
        for name in ("comments_config", "thebe_config"):
            config.pop(name, None)
        config["external_toc_path"] = str(self.root / "_toc.yml")
        config["language"] = language
        config["nb_execution_mode"] = "cache" if mode else "off"
        if mode:
            config["nb_execution_cache_path"] = str(self.cache(mode))
        return config


def mode(device: str) -> str:
    """The name of a way to execute: the device, and whether downloads are allowed."""
    return f"{device}-{'online' if os.environ.get('IIP_ONLINE') == '1' else 'offline'}"


def read_text(path: Path) -> str:
    """The text of a file; one that is not UTF-8 is named with its line."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        content = path.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BookError(
            f"{path}:{line}: the byte {content[error.start]:#04x} is no UTF-8: "
            "save the file as UTF-8, or take it back from git"
        ) from None


def digest(*parts: str | bytes | Path) -> str:
    """One hash of texts and of files' contents."""
    total = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part
        content = content.encode() if isinstance(content, str) else content
        total.update(len(content).to_bytes(8, "big") + content)
    return total.hexdigest()


def tracked(*endings: str) -> list[str]:
    """Files of the repository with one of these endings, those not yet committed included."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [n for n in names.splitlines() if n.endswith(endings or "") and (ROOT / n).is_file()]


def copy_repository(folder: Path) -> Path:
    """A copy of the files of the repository, those not yet committed included."""
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def say(text: str = "") -> None:
    print(text, flush=True)


FULL = re.compile("No space left on device|disk is full|Disk quota exceeded")
REFUSED = re.compile("readonly database|unable to open database file")


def refused(error: BaseException) -> str | None:
    """One line for what the machine refused: space, or permission. None: it is something else.

    Libraries wrap such an error in their own, and a process that failed sends its text alone.
    """
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        following = following.__cause__ or following.__context__
    text = "\n".join(map(str, chain))
    numbers = {
        int(n): name for n, name in re.findall(r"\[Errno (\d+)\] [^:\n]*: '([^'\n]*)'", text)
    }
    numbers |= {e.errno: e.filename for e in reversed(chain) if isinstance(e, OSError)}
    if FULL.search(text) or numbers.keys() & {errno.ENOSPC, getattr(errno, "EDQUOT", -1)}:
        return "the disk is full: make room, then run it again; what is finished is kept"
    for number in (errno.EACCES, errno.EPERM, errno.EROFS):
        if numbers.get(number):
            return (
                f"{numbers[number]} cannot be written or read ({os.strerror(number)}): "
                "give yourself the permission, then run it again; what is finished is kept"
            )
    for number in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        if numbers.get(number):
            return (
                f"{numbers[number]} cannot be made, a file or folder is in the way: "
                "move it elsewhere, then run it again"
            )
    if REFUSED.search(text):
        return (
            "the results in _build/executed cannot be written: "
            "give yourself the permission, then run it again; what is finished is kept"
        )
    return None


def run(main) -> None:
    """Run a script's `main`; a `BookError` becomes one clear text and exit status 1."""
    try:
        sys.exit(main())
    except BookError as error:
        say(f"\n{error}")
        sys.exit(1)
    except KeyboardInterrupt:
        say("\nstopped; what is finished is kept")
        sys.exit(130)
    except Exception as error:
        if not (line := refused(error)):
            raise
        say(f"\n{line}")
        sys.exit(1)
