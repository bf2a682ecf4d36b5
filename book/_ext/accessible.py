"""Elements that docutils writes in a way that screen readers cannot make sense of."""

from __future__ import annotations

from html import escape

from docutils import nodes
from docutils.writers._html_base import HTMLTranslator


def visit_citation(self, node) -> None:
    """A source in its list; the role ``doc-biblioentry`` is one that ARIA has given up."""
    HTMLTranslator.visit_citation(self, node)
    self.body[-1] = self.body[-1].replace('role="doc-biblioentry"', 'role="listitem"')


def visit_entry(self, node) -> None:
    """A cell in the head of a table; an empty one, such as that of the corner, heads nothing.

    One that is a formula alone is read as its source: the name of a head leaves formulas out.
    """
    HTMLTranslator.visit_entry(self, node)
    if not self.body[-1].startswith("<th"):
        return
    words = [text for text in node.findall(nodes.Text) if not isinstance(text.parent, nodes.math)]
    if not node.astext().strip():
        self.body[-1] = self.body[-1].replace("<th", "<td", 1)
        self.context[-1] = "</td>\n"
    elif not "".join(words).strip():
        source = escape(node.astext())
        self.body.append(f'<span class="visually-hidden">{source}</span><div aria-hidden="true">')
        self.context[-1] = "</div></th>\n"


def setup(app):
    write = HTMLTranslator
    app.add_node(nodes.citation, override=True, html=(visit_citation, write.depart_citation))
    app.add_node(nodes.entry, override=True, html=(visit_entry, write.depart_entry))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
