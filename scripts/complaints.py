"""What Sphinx complains about, said once for all languages, and with what to do where we know it."""

from __future__ import annotations

import re

WARNING = re.compile(r"(\S+?)(?::<translated>:\d+)?:+ (?:WARNING|ERROR|CRITICAL): (.*)")
TWICE = (
    re.compile(r'Duplicate explicit target name: "(.+)"'),
    re.compile(r"duplicate label of equation (\S+), other instance in "),
    re.compile(r"duplicate label:? (\S+)[,;] other instance in "),
)
LEVEL = re.compile(r"Non-consecutive header level increase; H(\d) to H(\d)")
# What the check of the catalogues says better: with file and line, and what to do.
OF_A_CATALOGUE = re.compile("WARNING: (reading error: |Unknown or misformatted|Problem on line)")


def collect(warnings: dict[str, list[str]]) -> list[str]:
    """The complaints of all languages; what each of them says is said once, without its name."""
    labels: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for language, lines in warnings.items():
        for line in lines:
            place, text = parts(line)
            label = next((m[1] for pattern in TWICE if (m := pattern.match(text))), None)
            if label:
                places = labels.setdefault(label, [])
                if place not in places:
                    places.append(place)
            elif not OF_A_CATALOGUE.match(line):
                said = others.setdefault(plain(place, text), [])
                if language not in said:
                    said.append(language)
    found = []
    for label, (place, *more) in labels.items():
        also = f", also in {', '.join(more)}" if more else ""
        found.append(f"{place}: the label {label!r} is used twice{also}: give one another name")
    for line, said in others.items():
        if not any(follows(label, line) for label in labels):
            found.append(line if len(said) == len(warnings) else f"{', '.join(said)}: {line}")
    return found


def parts(line: str) -> tuple[str, str]:
    """Where a warning comes from, and what it says."""
    match = WARNING.match(line)
    if not match:
        return "", line
    # sphinx-exercise takes every page for reStructuredText
    return re.sub(r"\.rst$", ".md", match[1]), match[2]


def plain(place: str, text: str) -> str:
    """A complaint; one of Sphinx's that says little is put into words that help."""
    if level := LEVEL.match(text):
        above, here = map(int, level.groups())
        text = (
            f"a heading level is skipped: below {'#' * above} comes {'#' * (above + 1)}, "
            f"not {'#' * here}"
        )
    return f"{place}: {text}" if place else text


def follows(label: str, line: str) -> bool:
    """Whether a complaint goes away when a label no longer stands twice."""
    name = re.escape(label)
    return bool(re.search(rf"undefined label: '{name}'|Duplicate ID: \"\S*{name}\"", line))
