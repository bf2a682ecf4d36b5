"""The book as the other scripts see it: its folders, its chapters, its settings."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


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
        found = [toc["root"]]
        for part in toc.get("parts", [toc]):
            found += [chapter["file"] for chapter in part.get("chapters", [])]
        for page in found:
            if not self.source(page).exists():
                raise BookError(
                    f"_toc.yml names {page}, but there is no file {page}.md: "
                    "write it, or take it out of _toc.yml"
                )
        return found

    def _yaml(self, name: str) -> dict:
        path = self.root / name
        try:
            return yaml.safe_load(path.read_text("utf-8"))
        except FileNotFoundError:
            raise BookError(f"{path} is missing: a book has _config.yml and _toc.yml") from None
        except yaml.YAMLError as error:
            raise BookError(f"{path} cannot be read: {error}") from None

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


def digest(*parts: str | bytes | Path) -> str:
    """One hash of texts and of files' contents."""
    total = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part
        content = content.encode() if isinstance(content, str) else content
        total.update(len(content).to_bytes(8, "big") + content)
    return total.hexdigest()


def say(text: str = "") -> None:
    print(text, flush=True)


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
