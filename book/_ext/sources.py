"""Each page says how to cite it, and leads to the place where it is corrected.

A page is corrected in its source, a translation in its catalogue. The link knows the line of each
section; ``book.js`` sets the one of the section that is being read.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import polib
from docutils import nodes
from languages import repository, site_address

HEADING = re.compile(r"#+ +(.+?) *$")
SPECIAL = re.compile(r"([&%$#_{}])")


def source_file(app, pagename: str) -> Path:
    """What to correct on a page: its source, or the catalogue of this language."""
    if app.config.language == "en":
        return Path(app.env.doc2path(pagename))
    folder = Path(app.srcdir, app.config.locale_dirs[0], app.config.language)
    return folder / "LC_MESSAGES" / f"{pagename}.po"


def headings(path: Path) -> dict[str, int]:
    """English heading → its line in a source, or that of its entry in a catalogue."""
    if path.suffix == ".po":
        try:
            return {entry.msgid: entry.linenum for entry in polib.pofile(str(path))}
        except (OSError, UnicodeDecodeError, ValueError):  # the check of the catalogues names it
            return {}
    text = path.read_text("utf-8").splitlines()
    return {m[1]: number for number, line in enumerate(text, 1) if (m := HEADING.match(line))}


def lines(app, pagename: str, doctree) -> dict[str, int]:
    """Section → the line of its heading in the file that `source_file` names."""
    known = headings(source_file(app, pagename))
    found = {}
    for section in doctree.findall(nodes.section):
        title = section.next_node(nodes.title)
        if title is not None and title.rawsource in known:
            found[section["ids"][0]] = known[title.rawsource]
    return found


def bibtex(app, pagename: str, title: str) -> str:
    """The page as an entry for BibTeX; commit and day are set when the site is put together."""
    config = app.config
    names = pagename.removeprefix("book/").replace("/", "-").replace("_", "-")
    whole = pagename == config.root_doc
    fields = {
        "author": "{" + SPECIAL.sub(r"\\\1", config.author) + "}",
        "title": SPECIAL.sub(r"\\\1", config.project if whole else title),
        "year": "@YEAR@",
        "url": f"{site_address(config)}{config.language}/{pagename}.html",
        "note": "Commit @COMMIT@, @DATE@",
    }
    if not whole:
        fields["howpublished"] = SPECIAL.sub(r"\\\1", config.project)
    width = max(map(len, fields))
    body = ",\n".join(f"  {name:{width}} = {{{text}}}" for name, text in fields.items())
    return f"@misc{{iip-{'book' if whole else names},\n{body}\n}}"


def page_context(app, pagename, templatename, context, doctree) -> None:
    if doctree is None:
        return
    branch = app.config.html_theme_options.get("repository_branch") or "main"
    path = source_file(app, pagename).relative_to(app.srcdir).as_posix()
    title = next(doctree.findall(nodes.title), None)
    context["improve"] = {
        "address": f"{repository(app.config)}/blob/{branch}/{path}?plain=1",
        "lines": json.dumps(lines(app, pagename, doctree), separators=(",", ":")),
    }
    context["bibtex"] = bibtex(app, pagename, title.astext() if title is not None else "")


def setup(app):
    app.connect("html-page-context", page_context)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
