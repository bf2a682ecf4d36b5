"""Where a line of Korean may not break: between a word and the particle that is written to it.

The page's style keeps letters together. From other signs, such as a bracket, and from a formula a
browser would still tear the particle behind them, which then begins the next line.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.writers.html5 import HTML5Translator

WORD_JOINER = "\u2060"  # has no width, and no line breaks beside it
# a sign behind which Korean goes on; behind some others, as in "A/B", a line may break
TORN = re.compile(r"(?<=[^\s\w([{‘“「『《〈/·~–-]|_)(?=[가-힣])")
# A formula is a box, and beside a box a word joiner is of no use. A long one has to break, though.
LONGEST = 20  # characters of its source


def visit_text(self, node: nodes.Text) -> None:
    start = len(self.body)
    HTML5Translator.visit_Text(self, node)
    if self.config.language != "ko" or self.protect_literal_text:
        return
    text = TORN.sub(WORD_JOINER, "".join(self.body[start:]))
    siblings = node.parent.children if node.parent is not None else [node]
    place = next(i for i, sibling in enumerate(siblings) if sibling is node)
    before = siblings[place - 1] if place else nodes.Text("")
    if not isinstance(before, nodes.math):
        if TORN.search(before.astext()[-1:] + text[:1]):
            text = WORD_JOINER + text
    elif len(before.astext()) <= LONGEST and (particle := re.match("[가-힣]+", text)):
        begin = max(i for i, tag in enumerate(self.body) if tag.startswith('<span class="math'))
        self.body.insert(begin, '<span class="unbroken">')
        text = f"{particle[0]}</span>{text[particle.end() :]}"
        start += 1
    self.body[start:] = [text]


def setup(app):
    app.add_node(nodes.Text, override=True, html=(visit_text, HTML5Translator.depart_Text))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
