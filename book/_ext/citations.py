"""Sources as items of a list: docutils gives them the role ``doc-biblioentry``, which ARIA has given up."""

from __future__ import annotations

from docutils import nodes
from docutils.writers._html_base import HTMLTranslator


def visit_citation(self, node) -> None:
    HTMLTranslator.visit_citation(self, node)
    self.body[-1] = self.body[-1].replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app):
    app.add_node(
        nodes.citation, override=True, html=(visit_citation, HTMLTranslator.depart_citation)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
