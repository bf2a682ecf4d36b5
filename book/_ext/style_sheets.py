"""Style sheets without what no page uses.

A rule stays when its classes, ids and elements stand in a page or, as words, in a script: what a
script adds to a page is kept as long as the script names it. Custom properties, animations and fonts
stay when something that stays asks for them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import tinycss2

CLASSES = re.compile(r'\bclass="([^"]*)"')
IDS = re.compile(r'\bid="([^"]*)"')
TAGS = re.compile(r"<([A-Za-z][\w-]*)")
WORDS = re.compile(r"[A-Za-z_][\w-]*")
VARIABLES = re.compile(r"--[\w-]+")
LICENCE = re.compile(r"/\*!.*?\*/", re.S)
CHOICES = {"is", "where", "has", "matches", "-webkit-any", "-moz-any"}  # one alternative is enough


# ---- reading style sheets ------------------------------------------------------------------------


@dataclass
class Rule:
    selector: str
    tokens: list  # of the selector
    declarations: list[tuple[str, str]]

    def __str__(self) -> str:
        return f"{self.selector}{{{';'.join(f'{n}:{v}' for n, v in self.declarations)}}}"


@dataclass
class Group:
    """Rules under a condition such as ``@media``."""

    head: str
    rules: list = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.head}{{{''.join(map(str, self.rules))}}}"


@dataclass
class Animation:
    """``@keyframes``; without a name any other rule that is kept as it is."""

    name: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass
class Font:
    declarations: list[tuple[str, str]]

    @property
    def family(self) -> str:
        return plain(dict(self.declarations).get("font-family", ""))

    def __str__(self) -> str:
        return str(Rule("@font-face", [], self.declarations))


def plain(family: str) -> str:
    return family.replace("\\", "").strip("\"' ")


def text(tokens: Iterable) -> str:
    """Tokens as text, without comments and with single spaces."""
    parts = [
        " " if t.type == "whitespace" else t.serialize() for t in tokens if t.type != "comment"
    ]
    return "".join(parts).strip()


def declarations(content: list) -> list[tuple[str, str]]:
    """What a browser understands of the body of a rule."""
    found = tinycss2.parse_declaration_list(content, skip_comments=True, skip_whitespace=True)
    return [
        (d.name, text(d.value) + ("!important" if d.important else ""))
        for d in found
        if d.type == "declaration"
    ]


def rebase(tokens: Iterable, move: Callable[[str], str]) -> None:
    """Change the addresses in tokens and in their inner blocks."""
    for token in tokens:
        inner = [getattr(token, name, None) or [] for name in ("prelude", "arguments", "content")]
        if token.type == "url":
            change(token, move(token.value), 'url("{}")')
        if (token.type, getattr(token, "lower_name", "")) == ("function", "url") or (
            getattr(token, "lower_at_keyword", "") == "import"
        ):
            for part in chain(*inner):
                if part.type == "string":
                    change(part, move(part.value), '"{}"')
        for tokens_inside in inner:
            rebase(tokens_inside, move)


def change(token, address: str, form: str) -> None:
    token.value, token.representation = address, form.format(address)


def read(folder: Path, name: str) -> list:
    """The rules of the sheet `name` in `folder`, imported sheets in their place.

    Addresses are made relative to `folder`.
    """
    here = posixpath.dirname(name)

    def move(address: str) -> str:
        if re.match(r"[a-z]+:|[/#]", address):
            return address
        return posixpath.normpath(posixpath.join(here, address))

    tokens = tinycss2.parse_stylesheet(
        (folder / name).read_text("utf-8"), skip_comments=True, skip_whitespace=True
    )
    rebase(tokens, move)
    return list(rules(folder, tokens))


def rules(folder: Path, tokens: Iterable) -> Iterator:
    for token in tokens:
        if token.type == "qualified-rule":
            yield Rule(text(token.prelude), token.prelude, declarations(token.content))
        elif token.type == "at-rule":
            yield from at_rule(folder, token)


def at_rule(folder: Path, rule) -> Iterator:
    name, head = rule.lower_at_keyword, f"@{rule.at_keyword} {text(rule.prelude)}".strip()
    if name == "import":
        (address,) = [t for t in rule.prelude if t.type in ("string", "url")]
        yield from read(folder, address.value)
    elif name == "font-face":
        yield Font(declarations(rule.content))
    elif name.endswith("keyframes"):
        yield Animation(text(rule.prelude), f"{head}{{{text(rule.content)}}}")
    elif name in ("media", "supports", "container", "layer") and rule.content is not None:
        inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
        yield Group(head, list(rules(folder, inner)))
    elif name != "charset":
        body = f"{{{text(rule.content)}}}" if rule.content is not None else ";"
        yield Animation("", head + body)


def licences(folder: Path, names: Iterable[str]) -> str:
    """What the makers of the sheets want to be kept with them, each once."""
    found = [LICENCE.findall((folder / name).read_text("utf-8")) for name in names]
    return "".join(f"{words}\n" for words in dict.fromkeys(chain(*found)))


# ---- what the pages use --------------------------------------------------------------------------


@dataclass(frozen=True)
class Used:
    """The words by which style sheets know the parts of the pages."""

    classes: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()

    def __or__(self, other: Used) -> Used:
        return Used(
            self.classes | other.classes,
            self.ids | other.ids,
            self.tags | other.tags,
            self.variables | other.variables,
        )


def used_in_page(html: str) -> Used:
    return Used(
        frozenset(" ".join(CLASSES.findall(html)).split()),
        frozenset(IDS.findall(html)),
        frozenset(map(str.lower, TAGS.findall(html))),
        frozenset(VARIABLES.findall(html)),
    )


def used_in_script(script: str) -> Used:
    """Any word of a script may be a class, an id or an element that it makes."""
    words = frozenset(WORDS.findall(script))
    return Used(words, words, words, frozenset(VARIABLES.findall(script)))


def selectors(tokens: list) -> Iterator[list]:
    """The alternatives of a list of selectors."""
    start = 0
    for end, token in enumerate([*tokens, None]):
        if token is None or token == ",":
            yield tokens[start:end]
            start = end + 1


def may_match(tokens: list, used: Used) -> bool:
    """Whether a selector can match something. What stands in ``[...]`` or ``:not(...)`` is not asked."""
    before = None
    for token in tokens:
        if token.type == "hash" and token.value not in used.ids:
            return False
        if token.type == "ident" and before == ".":
            if token.value not in used.classes:
                return False
        elif token.type == "ident" and before != ":" and token.lower_value not in used.tags:
            return False
        if token.type == "function" and token.lower_name in CHOICES:
            alternatives = selectors(token.arguments)
            if not any(may_match(alternative, used) for alternative in alternatives):
                return False
        before = token
    return True


def keep(sheet: Iterable, used: Used) -> Iterator:
    """The rules that may match something, each with those of its selectors that may."""
    for rule in sheet:
        if isinstance(rule, Rule):
            left = [text(tokens) for tokens in selectors(rule.tokens) if may_match(tokens, used)]
            if left and rule.declarations:
                yield replace(rule, selector=",".join(left))
        elif isinstance(rule, Group):
            if inner := list(keep(rule.rules, used)):
                yield Group(rule.head, inner)
        else:
            yield rule


def all_rules(sheet: Iterable) -> Iterator[Rule]:
    for rule in sheet:
        if isinstance(rule, Rule):
            yield rule
        elif isinstance(rule, Group):
            yield from all_rules(rule.rules)


def drop_variables(sheet: list, used: frozenset[str]) -> None:
    """Custom properties that nothing asks for, until each that is left is asked for."""
    count = -1
    while count:
        count = 0
        asked = used.union(
            *[VARIABLES.findall(v) for rule in all_rules(sheet) for _, v in rule.declarations]
        )
        for rule in all_rules(sheet):
            left = [d for d in rule.declarations if not d[0].startswith("--") or d[0] in asked]
            count += len(rule.declarations) - len(left)
            rule.declarations = left


def drop_fonts_and_animations(sheet: list) -> list:
    values = " ".join(v for rule in all_rules(sheet) for _, v in rule.declarations)
    families, words = plain(values), set(WORDS.findall(values))
    return [
        rule
        for rule in sheet
        if not (isinstance(rule, Font) and rule.family not in families)
        and not (isinstance(rule, Animation) and rule.name and rule.name not in words)
    ]
