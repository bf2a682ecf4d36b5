"""Comments, figure words, alternative texts and check messages of code cells, in each language.

Sphinx translates prose. What a reader reads *in* a code cell and in its outputs it leaves alone.
This extension hands those texts to the catalogues and puts their translations back:

=====================  =========================================  ===============================
text                   found in the source by                     put back into
=====================  =========================================  ===============================
comment                ``tokenize``                               the displayed code
check message          ``ast``: sentences of ``check_*`` cells    displayed code, printed output
figure word            ``ast``: literals of ``title=``, ...       the figure (see ``figures.py``)
alternative text       the cell's option ``mystnb: image: alt``   the picture (by Sphinx itself)
caption                the cell's option ``mystnb: figure``       the caption (by Sphinx itself)
=====================  =========================================  ===============================

Everything is read from the source, nothing from outputs, so ``make i18n`` needs no execution.
"""

from __future__ import annotations

import ast
import io
import re
import string
import tokenize
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.locale import init as init_locale
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.i18n import docname_to_domain

logger = logging.getLogger(__name__)

# Calls whose positional arguments are words of a figure ...
WORD_CALLS = frozenset(
    {
        "title",
        "set_title",
        "suptitle",
        "supxlabel",
        "supylabel",
        "xlabel",
        "ylabel",
        "set_xlabel",
        "set_ylabel",
        "set_label",
        "legend",
        "text",
        "set_text",
        "annotate",
        "figtext",
        "xticks",
        "yticks",
        "set_xticks",
        "set_yticks",
        "set_xticklabels",
        "set_yticklabels",
    }
)
# ... and names of keyword arguments, and of variables, that hold such words.
WORD_NAMES = frozenset(
    {
        "title",
        "titles",
        "suptitle",
        "label",
        "labels",
        "xlabel",
        "ylabel",
        "xlabels",
        "ylabels",
        "tick_label",
        "tick_labels",
        "row_titles",
        "column_titles",
        "names",
        "class_names",
        "legend",
    }
)
WORD = re.compile(r"[^\W\d_]{2,}")
SENTENCE_WIDTH = 79


@dataclass(frozen=True)
class Message:
    """One text of a cell: what kind it is, what it says, and at which line of the cell it stands."""

    kind: str  # comment | word | check | alt | caption
    text: str
    line: int


# ---- reading a cell --------------------------------------------------------------------------


@dataclass(frozen=True)
class Comment:
    first: int  # line numbers start at 1
    last: int
    column: int
    text: str
    own_line: bool


def comments(source: str) -> list[Comment]:
    """The comments that hold words; lines of one comment block are joined to one text."""
    lines = source.splitlines()
    found: list[Comment] = []
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source + "\n").readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    for token in tokens:
        if token.type != tokenize.COMMENT:
            continue
        row, column = token.start
        text = token.string.lstrip("#").strip()
        own_line = not lines[row - 1][:column].strip()
        previous = found[-1] if found else None
        if (
            own_line
            and previous
            and previous.own_line
            and (previous.last, previous.column) == (row - 1, column)
            and text
            and previous.text
        ):
            found[-1] = Comment(previous.first, row, column, f"{previous.text} {text}", True)
        else:
            found.append(Comment(row, row, column, text, own_line))
    return [c for c in found if has_words(c.text)]


def has_words(comment: str) -> bool:
    """Shapes such as ``(N, C, H, W)`` and marks for other programs are no words."""
    if re.match(r"(noqa|type:|fmt:|ruff:|!|%)", comment):
        return False
    return re.search(r"(?<![\w`.])[a-z]{2,}(?![\w`(])", comment) is not None


def _literals(node: ast.AST):
    """String constants below `node`: templates count once, subscripts and nested keywords do not."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            yield from _literals(node.func.value)
        else:
            for argument in node.args:
                yield from _literals(argument)
    elif isinstance(node, ast.JoinedStr):
        if any(isinstance(v, ast.Constant) and WORD.search(v.value) for v in node.values):
            yield node
    elif not isinstance(node, ast.Subscript):
        for child in ast.iter_child_nodes(node):
            yield from _literals(child)


def figure_words(tree: ast.AST) -> list[ast.expr]:
    """Nodes of the literals that become words in figures (an f-string among them is a mistake)."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in WORD_CALLS:
                for argument in node.args:
                    found.extend(_literals(argument))
            for keyword in node.keywords:
                if keyword.arg in WORD_NAMES or (keyword.arg == "s" and name in WORD_CALLS):
                    found.extend(_literals(keyword.value))
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if node.value and any(getattr(t, "id", "") in WORD_NAMES for t in targets):
                found.extend(_literals(node.value))
    return found


def check_messages(tree: ast.AST) -> list[ast.expr]:
    """Nodes of the sentences in a cell that defines ``check_*`` (an f-string is a mistake there).

    Functions that the check calls may give messages too, so the whole cell counts.
    """
    names = [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    if not any(name.startswith("check_") for name in names):
        return []
    found, inside = [], set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside.update(id(value) for value in node.values)
            texts = [v.value for v in node.values if isinstance(v, ast.Constant)]
            if any(WORD.search(text) for text in texts):
                found.append(node)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in inside
            and " " in node.value.strip()
            and WORD.search(node.value)
        ):
            found.append(node)
    return found


def cell_messages(source: str, metadata: dict | None = None) -> tuple[list[Message], list[str]]:
    """All texts of a cell, and complaints about texts that cannot be translated."""
    metadata = metadata or {}
    found = [Message("comment", c.text, c.first) for c in comments(source)]
    complaints = []
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a cell that shows a syntax error, or another language
        tree = ast.Module([], [])
    for kind, literals in (("word", figure_words(tree)), ("check", check_messages(tree))):
        for node in literals:
            if isinstance(node, ast.JoinedStr):
                complaints.append(
                    f"line {node.lineno} of the cell: an f-string cannot be translated; "
                    'write "... {name} ...".format(name=...)'
                )
            elif WORD.search(node.value):
                found.append(Message(kind, node.value, node.lineno))
    options = metadata.get("mystnb", {})
    if alt := options.get("image", {}).get("alt"):
        found.append(Message("alt", " ".join(alt.split()), 0))
    for paragraph in re.split(r"\n\s*\n", options.get("figure", {}).get("caption", "")):
        if paragraph.strip():
            found.append(Message("caption", " ".join(paragraph.split()), 0))
    unique = {(m.kind, m.text): m for m in reversed(found)}
    return [m for m in found if unique[m.kind, m.text] is m], complaints


# ---- putting translations back ------------------------------------------------------------------


def width(text: str) -> int:
    """Columns that `text` takes in a fixed-width font: kana, kanji and Hangul take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def wrap(text: str, columns: int) -> list[str]:
    """Break `text` into lines: at spaces, and in Japanese between characters."""
    pieces = re.findall(
        r"[\u3040-\u30ff\u4e00-\u9fff][、。，．）」』】ー…！？]*|\S+?(?=[\u3040-\u30ff\u4e00-\u9fff])|\S+|\s+",
        text,
    )
    lines, line = [], ""
    for piece in pieces:
        if line.strip() and width(line) + width(piece.rstrip()) > columns:
            lines.append(line.rstrip())
            line = ""
        line += piece if line else piece.lstrip()
    if line.strip():
        lines.append(line.rstrip())
    return lines


def localize_source(source: str, translations: dict[str, str]) -> str:
    """`source` with its comments and check messages translated; nothing else is touched."""
    lines = source.splitlines(keepends=True)
    edits: list[tuple[tuple[int, int], tuple[int, int], str]] = []
    for comment in comments(source):
        if translated := translations.get(comment.text):
            first, last = comment.first - 1, comment.last - 1
            end = (last, len(lines[last].rstrip("\n")))
            if comment.own_line:
                indent = " " * comment.column
                new = wrap(translated, SENTENCE_WIDTH - comment.column - 2)
                text = f"\n{indent}".join(f"# {line}" for line in new)
            else:
                text = f"# {translated}"
            edits.append(((first, comment.column), end, text))
    try:
        tree = ast.parse(source)
    except SyntaxError:
        tree = ast.Module([], [])
    for node in check_messages(tree):
        if isinstance(node, ast.Constant) and (translated := translations.get(node.value)):
            start = (node.lineno - 1, _column(lines[node.lineno - 1], node.col_offset))
            end = (node.end_lineno - 1, _column(lines[node.end_lineno - 1], node.end_col_offset))
            if node.lineno == node.end_lineno:
                text = _quote(translated)
            else:
                parts = wrap(translated, SENTENCE_WIDTH - start[1] - 3)
                # a space that `wrap` dropped at a line's end belongs to the sentence
                parts = _restore_spaces(parts, translated)
                text = ("\n" + " " * start[1]).join(_quote(part) for part in parts)
            edits.append((start, end, text))
    for (row, column), (end_row, end_column), text in sorted(edits, reverse=True):
        lines[row : end_row + 1] = [lines[row][:column] + text + lines[end_row][end_column:]]
    return "".join(lines)


def _column(line: str, offset: int) -> int:
    return len(line.encode()[:offset].decode())  # ast counts bytes


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _restore_spaces(parts: list[str], text: str) -> list[str]:
    restored, position = [], 0
    for part in parts:
        start = text.index(part, position)
        if restored:
            restored[-1] += text[position:start]
        restored.append(part)
        position = start + len(part)
    return restored


def template_pattern(template: str) -> re.Pattern | None:
    """A pattern that matches what ``template.format(...)`` gives, or None if nothing is filled in."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        return None
    if all(name is None for _, name, _, _ in parts):
        return None
    pattern, seen = "", {}
    for literal, name, _, _ in parts:
        pattern += re.escape(literal)
        if name is not None:
            group = f"g{len(seen)}"
            pattern += f"(?P={seen[name]})" if name in seen else f"(?P<{group}>.*?)"
            seen.setdefault(name, group)
    return re.compile(pattern, re.DOTALL)


def translate_text(text: str, translations: dict[str, str]) -> str | None:
    """The translation of a text as it was drawn or printed, or None. Filled templates are matched."""
    if text in translations:
        return translations[text]
    for template, translated in translations.items():
        pattern = template_pattern(template) if "{" in template else None
        match = pattern.fullmatch(text) if pattern else None
        if match:
            names = [n for _, n, _, _ in string.Formatter().parse(template) if n is not None]
            values = dict(zip(dict.fromkeys(names), match.groups(), strict=True))
            # the values are texts already, so the translation's own format specs are dropped
            return "".join(
                literal + (values.get(name, "") if name is not None else "")
                for literal, name, _, _ in string.Formatter().parse(translated)
            )
    return None


# ---- Sphinx -------------------------------------------------------------------------------------


def is_wordless(node: nodes.TextElement) -> bool:
    """Text of nothing but formulas, code and numbers is the same in all languages."""
    if not isinstance(node, (nodes.paragraph, nodes.term, nodes.caption)) or not node.rawsource:
        return False
    return WORD.search(re.sub(r"\$[^$]*\$|(?<!\})`[^`]*`", "", node.rawsource)) is None


class Code(nodes.literal_block, addnodes.translatable):
    """Source of a Python cell whose texts go to the catalogues. Written like any literal block."""

    def preserve_original_messages(self) -> None:
        pass  # kept in self["messages"] from the start

    def extract_original_messages(self):
        return [message.text for message in self["messages"]]

    def apply_translated_message(self, original_message: str, translated_message: str) -> None:
        pass  # MarkTranslated does it: Sphinx leaves out all of them where one reads as in English


class FindMessages(SphinxTransform):
    """Turn each Python block into a translatable node, before Sphinx looks for messages."""

    default_priority = 5

    def apply(self, **kwargs) -> None:
        for node in self.document.findall(nodes.TextElement):
            # titles of a class of their own are set by their extension (`Exercise 1`)
            own_title = isinstance(node, nodes.title) and type(node) is not nodes.title
            if isinstance(node, nodes.math_block) or own_title or is_wordless(node):
                node["translatable"] = False
        for fields in self.document.findall(nodes.field_list):
            if fields.parent is self.document:  # settings at the head of the file
                for node in fields.findall(nodes.TextElement):
                    node["translatable"] = False
        for block in list(self.document.findall(nodes.literal_block)):
            cell = block.parent if isinstance(block.parent, nodes.container) else None
            is_cell = cell is not None and cell.get("nb_element") == "cell_code_source"
            if not is_cell and block.get("language") not in ("python", "ipython3"):
                continue
            metadata = dict(cell.parent.get("cell_metadata", {})) if is_cell else {}
            messages, complaints = cell_messages(block.astext(), metadata)
            for complaint in complaints:
                logger.warning(complaint, location=block)
            code = Code(block.rawsource, block.astext(), **block.attributes)
            code.source, code.line = block.source, block.line
            if code.line is None and is_cell:
                code.line = cell.parent.line
            code["messages"] = messages
            code["translations"] = {}
            block.replace_self(code)


class MarkTranslated(SphinxTransform):
    """Give each code block its translations, and say whether it is translated wholly.

    Sphinx knows only the last message.
    """

    default_priority = 22  # after Locale (20), before the count (25)

    def apply(self, **kwargs) -> None:
        if self.config.language == "en":
            return
        known = catalogue(self.env)
        for code in self.document.findall(Code):
            code.attributes.pop("translated", None)
            if code["messages"]:
                texts = [message.text for message in code["messages"]]
                code["translations"] = {text: known[text] for text in texts if known.get(text)}
                code["translated"] = len(code["translations"]) == len(set(texts))
        done = set(known.values())
        for image in self.document.findall(nodes.image):  # Sphinx leaves them marked as not done
            if image.attributes.pop("translated", None) is not None and image.get("alt"):
                image["translated"] = image["alt"] in done


def catalogue(env) -> dict[str, str]:
    """The translations of the page that is being read (none in English)."""
    domain = docname_to_domain(env.docname, env.config.gettext_compact)
    folders = [str(Path(env.srcdir) / d) for d in env.config.locale_dirs]
    translator, _ = init_locale(folders, env.config.language, domain)
    return getattr(translator, "_catalog", {})


def document_translations(document: nodes.document, kinds: set[str]) -> tuple[dict[str, str], dict]:
    """(translations, all known texts) of the given kinds, over all cells of a page."""
    known, translations = {}, {}
    for code in document.findall(Code):
        for message in code["messages"]:
            if message.kind in kinds:
                known[message.text] = message
                if message.text in code["translations"]:
                    translations[message.text] = code["translations"][message.text]
    return translations, known


class LocalizeCode(SphinxPostTransform):
    """Write translated comments and messages into displayed code, and messages into outputs."""

    default_priority = 300
    formats = ("html",)

    def run(self, **kwargs) -> None:
        messages, _ = document_translations(self.document, {"check"})
        for block in list(self.document.findall(nodes.literal_block)):
            if isinstance(block, Code):
                texts = {
                    m.text: block["translations"][m.text]
                    for m in block["messages"]
                    if m.kind in ("comment", "check") and m.text in block["translations"]
                }
                source = localize_source(block.astext(), texts)
                attributes = {
                    k: v
                    for k, v in block.attributes.items()
                    if k not in ("messages", "translations")
                }
                plain = nodes.literal_block(source, source, **attributes)
                plain.source, plain.line = block.source, block.line
                block.replace_self(plain)
            elif "stream" in block["classes"] and messages:
                lines = block.astext().splitlines()
                new = [translate_text(line, messages) or line for line in lines]
                if new != lines:
                    text = "\n".join(new) + "\n"
                    block.rawsource = text
                    block.children = []
                    block += nodes.Text(text)


def setup(app):
    app.add_node(Code)
    app.add_transform(FindMessages)
    app.add_transform(MarkTranslated)
    app.add_post_transform(LocalizeCode)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
