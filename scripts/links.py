"""Ask every address that a chapter links to whether it is still there.

usage: python scripts/links.py [--root FOLDER]

The English pages are asked: `make book` checks that a translation has the same links. A page that
moved for good is named, too, but is no mistake. This is the one script that needs the network.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from build import processes

from book import ROOT, Book, BookError, run, say

SETTINGS = {
    "linkcheck_anchors": False,  # many sites make their anchors by script, in the browser
    "linkcheck_timeout": 30,
    "linkcheck_retries": 3,
    "linkcheck_workers": 8,
}


def ask(book: Book) -> list[dict]:
    """What Sphinx's own check of links found: page, line, address, and how it answered."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    folder = book.build / "links"
    with patch_docutils(), docutils_namespace():
        app = Sphinx(
            srcdir=str(book.root),
            confdir=None,
            outdir=str(folder / "found"),
            doctreedir=str(folder / "doctrees"),
            buildername="linkcheck",
            confoverrides=book.sphinx_config("en", mode=None) | SETTINGS,
            status=None,
            warning=None,
            freshenv=True,
        )
        app.build(force_all=True)
    lines = (folder / "found" / "output.json").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the book")
    book = Book(parser.parse_args().root.resolve())
    with processes(1) as pool:  # as for the pages: Sphinx keeps words in global variables
        answers = [answer for answer in pool.submit(ask, book).result() if answer["uri"]]
    asked = [a for a in answers if a["status"] in ("working", "redirected", "broken", "timeout")]
    for answer in asked:
        place = f"{answer['filename']}:{answer['lineno']}"
        if answer["status"] == "redirected":
            say(f"{place}: {answer['uri']} moved to {answer['info']}")
        elif answer["status"] != "working":
            say(f"{place}: broken: {answer['uri']} ({answer['info']})")
    if not asked:
        raise BookError("no link to another site was found: the book has some, so this is a fault")
    broken = sum(answer["status"] in ("broken", "timeout") for answer in asked)
    say(f"{len(asked)} links, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    run(main)
