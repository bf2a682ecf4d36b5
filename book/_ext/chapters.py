"""The head of a chapter, and mentions of chapters that may not be written yet.

* the directive ``{chapter-head}`` holds what a reader should know; it adds how long the chapter
  takes to read and to run, and the files of ``iip_lib`` that say ``Taught in:`` this chapter;
* the role ``{chapter}`Grad-CAM <looking_inside/grad_cam>``` is a link with the chapter's own title
  where ``_toc.yml`` names it, and else the words given here, with the note "in preparation".
"""

from __future__ import annotations

import json
import math
import re
import subprocess
from functools import cache
from pathlib import Path

from docutils import nodes
from languages import repository
from results import stamp
from sphinx import addnodes
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.nodes import split_explicit_title

logger = logging.getLogger(__name__)

# A text with new ideas is read more slowly than a novel, and a line of code more slowly than a
# line of text. Both numbers are assumptions; minutes are rounded up to a multiple of five.
WORDS_A_MINUTE = 120
LINES_OF_CODE_A_MINUTE = 12

FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)
CELL = re.compile(r"^```\{code-cell\}.*?\n(.*?)^```$", re.S | re.M)
TAUGHT_IN = re.compile(r"^ *Taught in: (\S+)$", re.M)
OPTIONS = re.compile(r"\A(?:---\n.*?\n---\n|(?::\w+:.*\n)+)", re.S)


def minutes_to_read(source: str) -> int:
    """Minutes for the text and the code of a chapter up to its exercises."""
    lesson = FRONT_MATTER.sub("", source).split(":::{exercise}")[0]
    code = [OPTIONS.sub("", cell) for cell in CELL.findall(lesson) if "remove-cell" not in cell]
    lines = sum(1 for cell in code for line in cell.splitlines() if line.strip())
    words = len(re.findall(r"\w[\w'’-]*", CELL.sub("", lesson)))
    return 5 * math.ceil((words / WORDS_A_MINUTE + lines / LINES_OF_CODE_A_MINUTE) / 5)


def last_commit(root: Path, file: str) -> str | None:
    """The commit that a file's content comes from; None outside a repository."""
    command = ["git", "-C", str(root), "log", "-1", "--format=%H", "--", file]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None


@cache
def taught_in(path: Path, changed: int) -> set[str]:
    """The chapters that a file says it is taught in; `changed` is its time."""
    return set(TAUGHT_IN.findall(path.read_text("utf-8")))


def library_of(root: Path, docname: str) -> dict[str, str | None]:
    """The files of the library that are taught in a chapter, with their commits."""
    files = [
        path.relative_to(root).as_posix()
        for path in sorted((root / "iip_lib").rglob("*.py"))
        if f"{docname}.md" in taught_in(path, path.stat().st_mtime_ns)
    ]
    return {file: last_commit(root, file) for file in files}


class ChapterHead(SphinxDirective):
    """How long, what one should know, which files: a short list below the title."""

    has_content = True

    def run(self):
        root = Path(self.env.srcdir)
        library = library_of(root, self.env.docname)
        self.env.metadata[self.env.docname]["library"] = library
        know = nodes.field_body()
        self.state.nested_parse(self.content, self.content_offset, know)
        rows = [(_("You should know"), know), (_("Time"), self.time(root))]
        if library:
            rows.append((_("Library"), self.links(library)))
        head = nodes.field_list(classes=["chapter-head"])
        for name, body in rows:
            head += nodes.field("", nodes.field_name("", name, translatable=False), body)
        return [head]

    def time(self, root: Path) -> nodes.field_body:
        source = (root / f"{self.env.docname}.md").read_text("utf-8")
        text = _("about {minutes} minutes to read, without the exercises")
        text = text.format(minutes=minutes_to_read(source))
        results = stamp(root / "_build", self.env.docname)
        if results.exists():
            run = time_to_run(json.loads(results.read_text()))
            text = _("{reading}; {running}").format(reading=text, running=run)
        return nodes.field_body("", nodes.paragraph("", text))

    def links(self, library: dict[str, str | None]) -> nodes.field_body:
        branch = self.config.html_theme_options.get("repository_branch") or "main"
        paragraph = nodes.paragraph()
        for number, (file, commit) in enumerate(library.items()):
            address = f"{repository(self.config)}/blob/{commit or branch}/{file}"
            paragraph += nodes.Text(", " if number else "")
            paragraph += nodes.reference("", "", nodes.literal("", file), refuri=address)
        return nodes.field_body("", paragraph)


def time_to_run(results: dict) -> str:
    """How long the execution took that the page shows."""
    minutes = math.ceil(results["execution_seconds"] / 60)
    if results.get("device") == "gpu":
        text = _("less than {minutes} min to run on a GPU")
    else:
        text = _("less than {minutes} min to run on a CPU")
    return text.format(minutes=minutes)


class ChapterRole(SphinxRole):
    """A chapter by its path, written or not."""

    def run(self):
        explicit, shown, path = split_explicit_title(self.text)
        docname = f"book/{path}"
        if not explicit:
            logger.warning(
                "{chapter}`%s` has no words for a chapter that is not written: "
                "write {chapter}`Words <%s>`",
                self.text,
                self.text,
                location=self.get_location(),
            )
        if docname in self.env.found_docs:
            reference = addnodes.pending_xref(
                self.rawtext,
                nodes.inline("", ""),
                refdomain="std",
                reftype="doc",
                reftarget=f"/{docname}",
                refdoc=self.env.docname,
                refexplicit=False,
                refwarn=True,
            )
            return [reference], []
        later = _("{title} (in preparation)").format(title=shown)
        return [nodes.inline("", later, classes=["later"])], []


def outdated(app, env, added, changed, removed) -> list[str]:
    """Chapters whose library files were changed, or changed their mind about their chapter."""
    return [
        docname
        for docname in env.found_docs - added - changed - removed
        if (known := env.metadata.get(docname, {}).get("library")) is not None
        and known != library_of(Path(env.srcdir), docname)
    ]


def setup(app):
    app.add_directive("chapter-head", ChapterHead)
    app.add_role("chapter", ChapterRole())
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
