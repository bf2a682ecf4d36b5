"""What the pages load: one style sheet with what they use, and few scripts.

The theme and the extensions bring a dozen style sheets, of which the pages use a quarter, and a font
for ten icons. When the pages are written, ``_static/site.css`` is made of all these sheets, with what
the pages use of them (style_sheets.py) and with pictures in the place of that font (icons.py).
Scripts run when the page is read, and a page asks only for those that it has a use for.
"""

from __future__ import annotations

import hashlib
import pickle
import posixpath
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pydata_sphinx_theme
from icons import missing_icons, with_pictures
from sphinx.util import logging
from style_sheets import (
    Used,
    all_rules,
    drop_fonts_and_animations,
    drop_variables,
    keep,
    licences,
    read,
    used_in_page,
    used_in_script,
)

logger = logging.getLogger(__name__)

SHEET = "site.css"
KEPT = "sheets.pickle"  # the sheets as they were read
# The theme's own two, which come before all others: its templates link them, not Sphinx.
FIRST = ("styles/theme.css", "styles/pydata-sphinx-theme.css")
# Scripts with this word, in their name or else in their text, are for elements of these classes.
NEEDED_BY = {
    "clipboard": {"highlight"},
    "copybutton": {"highlight"},
    "toggle": {"toggle", "dropdown"},
    "design-tabs": {"sd-tab-set"},
}
# When a page is opened, the theme's script measures these, each block of code among them, and so the
# browser has to lay out the whole page. book.js measures what comes into sight.
THEME_SCRIPT = "scripts/pydata-sphinx-theme.js"
MEASURED = (
    '["pre",".nboutput > .output_area",".cell_output > .output",".jp-RenderedHTMLCommon",'
    '".pst-scrollable-table-container"]'
)
SCRIPTS = re.compile(r'\bsrc="(?:[^"]*/)?_static/([^"?]+\.js)')


def rules_of(folder: Path, names: list[str], kept: Path, others: Iterable[Path] = ()) -> list:
    """All rules of the sheets `names` in `folder`; to read them takes long, so `kept` keeps them.

    Other languages may have kept the same ones, in `others`.
    """
    made_of = digest(folder, names)
    for place in (kept, *others):
        with suppress(OSError, ValueError, EOFError, pickle.UnpicklingError, AttributeError):
            known, rules = pickle.loads(place.read_bytes())
            if known == made_of:
                return rules
    rules = [rule for name in names for rule in read(folder, name)]
    kept.write_bytes(pickle.dumps((made_of, rules)))
    return rules


def site_sheet(folder: Path, sheet: list, used: Used) -> list:
    """Those of the rules `sheet` that `used` needs, in their order."""
    sheet = list(keep(sheet, used))
    drop_variables(sheet, used.variables)
    for rule in all_rules(sheet):
        with_pictures(folder, rule)
    drop_variables(sheet, used.variables)
    return drop_fonts_and_animations(sheet)


def note_shared(app, builder) -> None:
    """The sheets that all pages share; what an extension adds to single pages stays theirs."""
    if builder.format == "html":
        shared = sorted(builder.css_files, key=lambda sheet: sheet.priority)
        builder.shared_sheets = [str(sheet.filename) for sheet in shared]


def needed(script, classes: frozenset[str]) -> bool:
    """Whether a page with these classes has a use for a script."""
    about = posixpath.basename(str(script.filename or "")) or script.attributes.get("body", "")
    return all(wanted & classes for word, wanted in NEEDED_BY.items() if word in about)


def deferred(script):
    """The script, run when the page is read; one without a file is run where it stands."""
    if not script.filename or "async" in script.attributes:
        return script
    attributes = {**script.attributes, "defer": "defer"}
    return type(script)(script.filename, priority=script.priority, **attributes)


def page_context(app, pagename, templatename, context, doctree) -> None:
    """A page links the site's sheet (in the template), and waits for no script."""
    shared = app.builder.shared_sheets
    context["css_files"] = [s for s in context["css_files"] if str(s.filename) not in shared]
    classes = used_in_page(context.get("body", "")).classes
    scripts = [script for script in context["script_files"] if needed(script, classes)]
    context["script_files"] = [deferred(script) for script in scripts]


def used_in_site(app) -> Used:
    """Words of all pages, of the templates of those yet to be written, and of the pages' scripts."""
    out, static = Path(app.outdir), Path(app.outdir) / "_static"
    # the theme adds folders of its own to ours
    own = [name for name in app.config.templates_path if not Path(name).is_absolute()]
    folders = [out, *(Path(app.srcdir) / name for name in own)]
    used, scripts = Used(), set()
    for path in sorted(path for folder in folders for path in folder.rglob("*.html")):
        if static not in path.parents:
            html = path.read_text("utf-8")
            used |= used_in_page(html)
            scripts |= set(SCRIPTS.findall(html))
    for path in sorted(static / name for name in scripts):
        if path.is_file():  # one that the theme has no more may stand in a page that is no more
            used |= used_in_script(path.read_text("utf-8"))
    return used


def write_sheet(app, exception) -> None:
    """When the pages and the sheets of all extensions lie in their places."""
    shared = getattr(app.builder, "shared_sheets", None)
    if exception or shared is None:  # when no page was written, there are no new words either
        return
    folder = Path(app.outdir) / "_static"
    names = [*FIRST, *(posixpath.relpath(name, "_static") for name in shared)]
    names = [name for name in names if (folder / name).is_file()]
    used = used_in_site(app)
    # kept beside the documents, for the sheet is a reader's: the same rules are the same file
    target, note = folder / SHEET, Path(app.doctreedir) / SHEET
    words = (used.classes, used.ids, used.tags, used.variables)
    made_of = digest(folder, names, *words)
    if target.exists() and note.exists() and note.read_text("utf-8") == made_of:
        return
    doctrees = Path(app.doctreedir)
    others = doctrees.parent.parent.glob(f"*/{doctrees.name}/{KEPT}")
    rules = rules_of(folder, names, doctrees / KEPT, others)
    sheet = site_sheet(folder, rules, used)
    for name in missing_icons(sheet, used.classes):
        logger.warning("the icon %s has no picture: the theme has no icon of this name", name)
    head = f"/*! {' '.join(names)} */\n{licences(folder, names)}"
    content = head + "\n".join(map(str, sheet)) + "\n"
    if not target.exists() or target.read_text("utf-8") != content:
        target.write_text(content, "utf-8")
    note.write_text(made_of, "utf-8")


def write_theme_script(app, exception) -> None:
    """The theme's script, which measures nothing."""
    if exception or app.builder.format != "html":
        return
    theme = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme"
    text = (theme / "static" / THEME_SCRIPT).read_text("utf-8")
    if MEASURED not in text:
        logger.warning("%s of the theme has changed: it measures other elements", THEME_SCRIPT)
    target = Path(app.outdir) / "_static" / THEME_SCRIPT
    target.write_text(text.replace(MEASURED, '["none"]'), "utf-8")


def digest(folder: Path, names: list[str], *used: frozenset[str]) -> str:
    """Stands for sheets, for the words of the pages, and for what makes a sheet of both."""
    total = hashlib.sha256()
    for name in ("assets", "icons", "style_sheets"):
        total.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    for name in names:
        total.update((folder / name).read_bytes())
    for words in used:
        total.update(" ".join(sorted(words)).encode())
    return total.hexdigest()[:16]


def setup(app):
    app.connect("write-started", note_shared)
    app.connect("html-page-context", page_context, priority=900)
    # after the theme has written pygments.css in the same event, before the budget weighs the pages
    app.connect("build-finished", write_sheet, priority=900)
    app.connect("build-finished", write_theme_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
