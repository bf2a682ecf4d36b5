"""What a page shows of its chapter's execution, which ``scripts/execute.py`` did beforehand.

A page is read again when the results of its chapter changed. Without results (a preview while
somebody writes) a number that a cell would compute shows as "…".
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from myst_nb.ext.glue.crossref import PendingGlueReference
from sphinx.transforms.post_transforms import SphinxPostTransform


def stamp(build: Path, docname: str) -> Path:
    """The file that changes when the results of a chapter change."""
    return build / "results" / f"{docname}.json"


def note_results(app, docname, source) -> None:
    path = stamp(Path(app.srcdir) / "_build", docname)
    if path.exists():
        app.env.note_dependency(str(path))


class ShowMissingNumbers(SphinxPostTransform):
    """Without execution no number is known: show an ellipsis instead of failing."""

    default_priority = 4  # before myst-nb resolves them (5)

    def run(self, **kwargs) -> None:
        if self.config.nb_execution_mode != "off":
            return
        for node in list(self.document.findall(PendingGlueReference)):
            node.replace_self(nodes.inline("", "…", classes=["pasted-text"]))


def setup(app):
    app.connect("source-read", note_results)
    app.add_post_transform(ShowMissingNumbers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
