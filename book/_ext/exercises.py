"""Exercises: numbered in the reader's language, solutions folded like hints.

``sphinx-exercise`` gives the directives, numbers and links. Its titles are put together from
parts in English order, and its folding needs a script; both are replaced here.
"""

from __future__ import annotations

import html
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from myst_nb.sphinx_ext import add_global_html_resources
from sphinx.locale import _
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_design.shared import create_component
from sphinx_exercise import copy_asset_files
from sphinx_exercise.nodes import (
    exercise_enumerable_node,
    exercise_node,
    solution_node,
)

CONTENT_IDS = {"exercise-content", "solution-content"}


def number_words(app, config) -> None:
    """Title of an exercise, and of references to it."""
    config.numfig_format = {**config.numfig_format, "exercise": _("Exercise %s")}


class FoldSolutions(SphinxPostTransform):
    """Make each solution a drop-down that opens with mouse and keyboard, without a script."""

    default_priority = 30  # after sphinx-exercise has set its titles (20)

    def run(self, **kwargs) -> None:
        for section in self.document.findall(nodes.section):
            section["ids"] = [i for i in section["ids"] if i not in CONTENT_IDS]
        for exercise in self.document.findall(
            lambda n: isinstance(n, (exercise_node, exercise_enumerable_node))
        ):
            unwrap_sections(exercise)
        for solution in list(self.document.findall(solution_node)):
            unwrap_sections(solution)
            dropdown = create_component(
                "dropdown",
                opened=False,
                type="dropdown",
                has_title=True,
                icon=None,
                chevron=None,
                container_classes=["sd-mb-3", "solution"],
                title_classes=[],
                body_classes=[],
            )
            title = nodes.rubric("", _("Solution"))
            body = [child for child in solution.children if not isinstance(child, nodes.title)]
            dropdown += [title, *body]
            solution.replace_self(dropdown)


def unwrap_sections(node: nodes.Element) -> None:
    """The body of an exercise is a section without heading: its content takes its place."""
    for section in [child for child in node.children if isinstance(child, nodes.section)]:
        section.replace_self(section.children)


def copy_style_sheets(app) -> None:
    """Two extensions copy theirs after the pages are written; then the pages of a first build lack
    the marks of version that those of a second have, and the two differ."""
    if app.builder.format == "html":
        (Path(app.outdir) / "_static").mkdir(parents=True, exist_ok=True)
        add_global_html_resources(app, None)
        copy_asset_files(app, None)


def visit_folded_cell(self, node) -> None:
    """A folded cell says what it holds in words that are read and heard alike."""
    show, hide = (html.escape(node[name]) for name in ("prompt_show", "prompt_hide"))
    self.body.append(
        f'<details class="admonition hide {" ".join(node["classes"])}">\n<summary>'
        f'<span class="collapsed admonition-title">{show}</span>'
        f'<span class="expanded admonition-title">{hide}</span></summary>\n'
    )


def depart_folded_cell(self, node) -> None:
    self.body.append("</details>\n")


def setup(app):
    app.setup_extension("sphinx_exercise")
    app.connect("builder-inited", copy_style_sheets)
    app.connect("config-inited", number_words, priority=900)  # after sphinx-exercise's own
    app.add_post_transform(FoldSolutions)
    app.add_node(HideCodeCellNode, override=True, html=(visit_folded_cell, depart_folded_cell))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
