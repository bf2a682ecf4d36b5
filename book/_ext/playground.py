"""The directive ``{convolution-playground}``: a picture, a kernel and the result, in the page.

What it does is in ``book/_static/playground/playground.js``, which only the pages with the directive
load. Its words are handed over in an attribute, so that they come from the catalogue like all others.
A browser without JavaScript, and the notebook of the page, show a sentence in its place.
"""

from __future__ import annotations

import json
from html import escape

from docutils import nodes
from sphinx.locale import _
from sphinx.util.docutils import SphinxDirective

SCRIPT = "playground/playground.js"
PICTURES = ("coins", "cat", "bricks")  # the files beside the script


class playground(nodes.General, nodes.Element):
    """Holds the sentence that is shown in its place."""


def words() -> dict[str, str]:
    """Every word of the playground, by the name that the script knows it by."""
    return {
        "label": _("Playground: kernels"),
        "picture": _("Picture"),
        "coins": _("Coins"),
        "cat": _("Cat"),
        "bricks": _("Bricks"),
        "own": _("Own picture"),
        "camera": _("Camera"),
        "stop": _("Stop the camera"),
        "file": _("Choose a file …"),
        "size": _("Size"),
        "kernel": _("Kernel"),
        "custom": _("own numbers"),
        "identity": _("identity"),
        "sobel_x": _("Sobel x"),
        "sobel_y": _("Sobel y"),
        "laplacian": _("Laplacian"),
        "sharpen": _("sharpen"),
        "box": _("box blur"),
        "gaussian": _("Gaussian blur"),
        "signed": _("with signs: blue, white, red"),
        "result": _("Result"),
        "weight": _("weight in row {row}, column {column}"),
        "window": _("Window"),
        "products": _("Products"),
        "sum": _("Sum of the products in row {row}, column {column}: {sum}"),
        "move": _("Result. Point at a pixel, or move with the arrow keys."),
        "no_number": _("“{text}” is no number. A number such as 0.5, -1 or 1/9 is needed."),
        "no_picture": _("This file cannot be read as a picture. Choose a JPEG, PNG or WebP file."),
        "no_camera": _("The camera cannot be used. Allow it in the browser, or choose a file."),
    }


class ConvolutionPlayground(SphinxDirective):
    def run(self):
        name = f"playground-{self.env.new_serialno('playground')}"
        sentence = _("The playground for kernels runs in the page of the book, with JavaScript.")
        link = nodes.reference("", sentence, refid=name, internal=True)
        node = playground("", nodes.paragraph("", "", link, translatable=False), ids=[name])
        return [node]


def visit(self, node: playground) -> None:
    page = self.builder.current_docname
    folder = "../" * page.count("/") + "_static/playground/"
    pictures = {name: f"{folder}{name}.webp" for name in PICTURES}
    attributes = {"id": node["ids"][0], "words": words(), "pictures": pictures}
    # the picture that is loaded without a click, named where the budget counts it
    attributes["poster"] = pictures[PICTURES[0]]
    text = " ".join(
        f'{name}="{escape(value if isinstance(value, str) else json.dumps(value))}"'
        for name, value in attributes.items()
    )
    self.body.append(f"<convolution-playground {text}>\n")


def depart(self, node: playground) -> None:
    self.body.append("</convolution-playground>\n")


def load_script(app, pagename, templatename, context, doctree) -> None:
    if doctree is not None and any(doctree.findall(playground)):
        app.add_js_file(SCRIPT, type="module")


def setup(app):
    app.add_node(playground, html=(visit, depart))
    app.add_directive("convolution-playground", ConvolutionPlayground)
    app.connect("html-page-context", load_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
