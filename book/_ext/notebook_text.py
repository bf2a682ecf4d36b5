"""Resolved docutils nodes as the Markdown that Colab and Jupyter show.

No role, directive or label is left over: references are links to the site, boxes are quotations,
drop-downs are ``<details>``. A node that is not known here is reported as a warning of the build.
"""

from __future__ import annotations

import base64
import html
import mimetypes
import re
import textwrap
import unicodedata
from pathlib import Path
from urllib.parse import quote, urljoin

from docutils import nodes
from sphinx.locale import admonitionlabels
from sphinx.util import logging

logger = logging.getLogger(__name__)

SPECIAL = re.compile(r"([\\`*_$~|])")
LINK = re.compile(r"\](?=[(\[:])")  # a bracket alone is no link
ENTITY = re.compile(r"&(?=#?\w+;)")
# what makes a line something else than a paragraph when it stands at its beginning
OPENING = re.compile(r"^(?:(#{1,6}|[-+=]+|:)(?=\s|$|:)|(\d+)([.)])(?=\s|$))")
# environments that MathJax refuses inside $$
ENVIRONMENT = re.compile(r"\\(begin|end)\{(align|gather|equation)\*?\}")
INNER = {"align": "aligned", "gather": "gathered", "equation": "aligned"}
STATE_MARKER = "sd-summary-state-marker"  # the arrow that sphinx-design draws on a drop-down


def escape(text: str) -> str:
    """Text in which no character is taken for Markdown."""
    text = SPECIAL.sub(r"\\\1", ENTITY.sub("&amp;", text))
    return LINK.sub("&#93;", text.replace("<", "&lt;").replace(">", "&gt;"))


def formula(latex: str, in_table: bool = False) -> str:
    """A formula without what a program might take for HTML or for a table's border."""
    latex = latex.strip().replace("<", r"\lt ").replace(">", r"\gt ")
    if in_table:
        latex = latex.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
    return latex.strip()  # a space before the second dollar would end no formula


def code_span(text: str, in_table: bool = False) -> str:
    fence = "`"
    while fence in text:
        fence += "`"
    if text.startswith("`") or text.endswith("`"):
        text = f" {text} "
    text = f"{fence}{text}{fence}"
    return text.replace("|", r"\|") if in_table else text


def is_word(character: str) -> bool:
    """Neither a space nor punctuation, as CommonMark tells them apart."""
    return bool(character) and unicodedata.category(character)[0] not in "ZPSC"


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def folded(title: str, body: str) -> str:
    """A part that opens with a click. Blank lines make what is between them Markdown again."""
    summary = html.escape(" ".join(title.split()), quote=False)
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


class Markdown:
    """The nodes of one page, whose absolute address is `address`.

    `number` gives what stands before a caption or the title of an exercise, such as “Fig. 2”.
    """

    def __init__(self, address: str, source: Path, number):
        self.address, self.source, self.number = address, source, number
        self.in_table = False

    def link(self, node: nodes.Element) -> str:
        target = node.get("refuri") or f"#{node['refid']}"
        return quote(urljoin(self.address, target), safe="%/:=&?~#+!$,;'@*")

    # ---- blocks ------------------------------------------------------------------------------

    def blocks(self, children) -> str:
        texts = [self.block(child) for child in children]
        return "\n\n".join(text for text in texts if text.strip())

    def block(self, node: nodes.Node) -> str:
        for kind in type(node).__mro__:
            if method := getattr(self, f"block_{kind.__name__}", None):
                return method(node)
        if isinstance(node, (nodes.Inline, nodes.Text)):
            return self.paragraph([node])
        self.complain(node)
        return self.blocks(node.children)

    def complain(self, node: nodes.Node) -> None:
        logger.warning(
            "the notebook does not know how to show a %r: teach book/_ext/notebook_text.py",
            node.tagname,
            location=node,
        )

    def paragraph(self, children) -> str:
        text = self.inline(children).strip()
        return OPENING.sub(lambda m: f"\\{m[1]}" if m[1] else f"{m[2]}\\{m[3]}", text)

    def block_paragraph(self, node) -> str:
        return self.paragraph(node.children)

    block_PassthroughTextElement = block_paragraph

    def block_rubric(self, node) -> str:
        return self.emphasized("strong", node.children)

    def block_title(self, node) -> str:
        return self.emphasized("strong", node.children)

    def block_container(self, node) -> str:
        if node.get("design_component") == "card-title":
            return self.emphasized("strong", node.children)
        return self.blocks(node.children)

    block_compound = block_section = block_document = block_playground = block_container

    def nothing(self, node) -> str:
        return ""

    block_target = block_comment = block_meta = block_substitution_definition = nothing
    block_toctree = block_index = block_pending = nothing

    def block_transition(self, node) -> str:
        return "---"

    def block_bullet_list(self, node) -> str:
        return self.items(node, lambda number: "- ")

    def block_enumerated_list(self, node) -> str:
        first = node.get("start", 1)
        return self.items(node, lambda number: f"{first + number}. ")

    def items(self, node, marker) -> str:
        texts = []
        for number, item in enumerate(node.children):
            mark = marker(number)
            body = self.blocks(item.children)
            texts.append(mark + textwrap.indent(body, " " * len(mark)).lstrip())
        return "\n".join(texts)

    def block_field_list(self, node) -> str:
        texts = []
        for field in node.findall(nodes.field):
            name, body = field.children
            text = textwrap.indent(self.blocks(body.children), "  ").lstrip()
            texts.append(f"- {self.emphasized('strong', name.children)}: {text}")
        return "\n".join(texts)

    def block_definition_list(self, node) -> str:
        texts = []
        for item in node.findall(nodes.definition_list_item):
            terms = [self.emphasized("strong", t.children) for t in item.findall(nodes.term)]
            bodies = [self.blocks(d.children) for d in item.findall(nodes.definition)]
            texts.append("- " + textwrap.indent("\n\n".join([*terms, *bodies]), "  ").lstrip())
        return "\n".join(texts)

    def block_line_block(self, node) -> str:
        return "<br>\n".join(self.inline(line.children) for line in node.findall(nodes.line))

    def block_block_quote(self, node) -> str:
        return quoted(self.blocks(node.children))

    def block_attribution(self, node) -> str:
        return "— " + self.inline(node.children)

    def block_Admonition(self, node) -> str:
        """A box: its title, in bold, and its text as a quotation."""
        children = list(node.children)
        if children and isinstance(children[0], nodes.title):
            title = self.block(children.pop(0))
        else:
            title = f"**{admonitionlabels[node.tagname]}**"
        return quoted("\n\n".join([title, self.blocks(children)]))

    block_seealso = block_topic = block_sidebar = block_Admonition

    def block_versionmodified(self, node) -> str:
        """Since when, or until when: its title is the beginning of its text."""
        return quoted(self.blocks(node.children))

    def exercise(self, node) -> str:
        children = [child for child in node.children if not isinstance(child, nodes.title)]
        own = next(iter(node.findall(nodes.title)), nodes.title()).astext().strip()
        title = f"**{' '.join(filter(None, [self.number(node), escape(own)]))}**"
        return quoted("\n\n".join([title, self.blocks(children)]))

    block_exercise_node = block_exercise_enumerable_node = exercise

    def block_dropdown_main(self, node) -> str:
        title, *body = node.children
        return folded(self.summary(title), self.blocks(body))

    def summary(self, title) -> str:
        """The words of a drop-down's title, without its arrow."""
        return "".join(
            part.astext() for part in title.children if STATE_MARKER not in part["classes"]
        )

    def block_details(self, node) -> str:
        (title,) = node.findall(lambda n: n.tagname == "summary")
        body = [child for child in node.children if child is not title]
        return folded(title.astext(), self.blocks(body))

    def block_literal_block(self, node) -> str:
        fence = "```"
        while fence in node.astext():
            fence += "`"
        language = node.get("language", "")
        language = "" if language in ("none", "default", "myst-ansi") else language
        return f"{fence}{language}\n{node.astext().rstrip()}\n{fence}"

    block_doctest_block = block_literal_block

    def block_math_block(self, node) -> str:
        latex = formula(node.astext())
        latex = ENVIRONMENT.sub(lambda m: f"\\{m[1]}{{{INNER[m[2]]}}}", latex)
        number = rf" \tag{{{node['number']}}}" if node.get("label") else ""
        return f"$$\n{latex}{number}\n$$"

    def block_figure(self, node) -> str:
        return self.blocks(node.children)

    def block_caption(self, node) -> str:
        """Under a picture: its number, if it has one, and its words."""
        number = self.number(node.parent)
        text = self.inline(node.children).strip()
        return f"**{number}** {text}" if number else text

    block_legend = block_container

    def block_image(self, node) -> str:
        return self.picture(node)

    def block_citation(self, node) -> str:
        label, *body = node.children
        return f"[{self.inline(label.children)}] {self.blocks(body)}"

    block_footnote = block_citation

    def block_raw(self, node) -> str:
        return node.astext() if "html" in node.get("format", "") else ""

    def block_table(self, node) -> str:
        title = next(iter(node.findall(nodes.title)), None)
        rows = list(node.findall(nodes.row))
        head = [row for row in rows if isinstance(row.parent, nodes.thead)]
        self.in_table = True
        cells = [[self.cell(entry) for entry in row.findall(nodes.entry)] for row in rows]
        self.in_table = False
        width = max(map(len, cells))
        if not head:
            cells.insert(0, [""] * width)
        lines = [f"| {' | '.join(row)} |" for row in cells]
        lines.insert(1, "|" + "---|" * width)
        caption = self.block(title) + "\n\n" if title is not None else ""
        return caption + "\n".join(lines)

    def cell(self, entry) -> str:
        if entry.get("morecols") or entry.get("morerows"):
            self.complain(entry)
        return "<br>".join(self.blocks(entry.children).split("\n\n")).replace("\n", " ")

    # ---- within a line -----------------------------------------------------------------------

    def inline(self, children) -> str:
        text = ""
        for child in children:
            text += self.span(child, text)
        return text

    def span(self, node: nodes.Node, before: str) -> str:
        """One node in a line of text; `before` is what the line says before it."""
        for kind in ("strong", "emphasis"):
            if isinstance(node, getattr(nodes, kind)):
                return self.emphasized(kind, node.children, before, after(node))
        if isinstance(node, nodes.Text):
            return self.text(node, before)
        for kind in type(node).__mro__:
            if method := getattr(self, f"span_{kind.__name__}", None):
                return method(node)
        self.complain(node)
        return self.inline(node.children)

    def emphasized(self, kind: str, children, before: str = "", following: str = "") -> str:
        """Stars where they work; Korean and Japanese put letters after a full stop in bold, where
        CommonMark sees no end of the bold text. There the name of the element is written."""
        text = self.inline(children)
        plain = text.strip()
        if not plain:
            return text
        lead, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        opens = is_word(plain[0]) or lead or not is_word(before[-1:])
        closes = is_word(plain[-1]) or tail or not is_word(following[:1])
        stars = {"strong": "**", "emphasis": "*"}[kind]
        if opens and closes and "*" not in plain and not before.endswith("*"):
            return f"{lead}{stars}{plain}{stars}{tail}"
        name = {"strong": "strong", "emphasis": "em"}[kind]
        return f"{lead}<{name}>{plain}</{name}>{tail}"

    def text(self, node, before: str) -> str:
        text = escape(node.astext().replace("\n", " "))
        if before.endswith("]") and text[:1] in ("(", "[", ":"):
            text = f"&#{ord(text[0])};{text[1:]}"
        return text

    def span_inline(self, node) -> str:
        return self.inline(node.children)

    span_abbreviation = span_generated = span_PassthroughTextElement = span_inline

    def span_title_reference(self, node) -> str:
        return self.emphasized("emphasis", node.children)

    def span_target(self, node) -> str:
        return self.inline(node.children)

    def span_literal(self, node) -> str:
        return code_span(node.astext(), self.in_table)

    def span_math(self, node) -> str:
        return f"${formula(node.astext(), self.in_table)}$"

    def span_reference(self, node) -> str:
        text = self.inline(node.children).strip()
        title = node.get("reftitle", "").replace('"', "&quot;")
        if title:
            title = f' "{escape(title)}"'
        return f"[{text}]({self.link(node)}{title})"

    def span_number_reference(self, node) -> str:
        return self.span_reference(node)

    def span_footnote_reference(self, node) -> str:
        return f"[{self.inline(node.children)}]"

    span_citation_reference = span_footnote_reference

    def span_subscript(self, node) -> str:
        return f"<sub>{self.inline(node.children)}</sub>"

    def span_superscript(self, node) -> str:
        return f"<sup>{self.inline(node.children)}</sup>"

    def span_raw(self, node) -> str:
        return self.block_raw(node)

    def span_image(self, node) -> str:
        return self.picture(node)

    def picture(self, node) -> str:
        """The picture itself: Colab has no folder in which its file would lie."""
        # once the page is written, `uri` is the address of a copy; the file is the candidate
        uri = node.get("candidates", {}).get("*", node["uri"])
        path = self.source / uri.lstrip("/")
        kind = mimetypes.guess_type(path.name)[0] or "image/png"
        data = base64.b64encode(path.read_bytes()).decode()
        return f"![{escape(node.get('alt', ''))}](data:{kind};base64,{data})"


def after(node: nodes.Node) -> str:
    """What follows a node in its line."""
    siblings = node.parent.children
    following = siblings[siblings.index(node) + 1 :]
    if not following:
        return ""
    return following[0].astext() if isinstance(following[0], nodes.Text) else "["
