"""Boxes over a picture."""

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ._figures import one_picture
from ._look import house, ink, palette
from ._tensors import as_floats, as_picture, check_words

__all__ = ["show_boxes"]


def show_boxes(
    image: Tensor,
    boxes: Tensor,
    labels: Sequence[str] | None = None,
    scores: Tensor | None = None,
    title: str | None = None,
) -> Figure:
    """A picture with boxes.

    Args:
        image: (3, H, W), (1, H, W) or (H, W), in [0, 1].
        boxes: (n, 4), XYXY: left, upper, right and lower edge of each box, in pixels; the
            picture's own edges are 0, 0, W and H.
        labels: one word for each box.
        scores: (n,), written with two digits after the point, behind the label.
        title: what stands above.

    Returns:
        A figure with one axes, and in it one rectangle for each box.

    Raises:
        ValueError: a shape or a value range does not fit, labels or scores do not, or boxes are
            given in another way.

    Example:
        >>> figure = show_boxes(torch.rand(3, 8, 8), torch.tensor([[1.0, 2.0, 5.0, 6.0]]), ["a"])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['a']

    Source:
        matplotlib.patches.Rectangle

    Taught in: book/detection/boxes.md
    """
    picture = as_picture(image)
    _check_boxes(boxes, scores)
    check_words("label", labels, len(boxes), "boxes")
    texts = [""] * len(boxes) if labels is None else [str(label) for label in labels]
    if scores is not None:
        texts = [f"{t} {s:.2f}".strip() for t, s in zip(texts, scores.tolist(), strict=True)]
    with house():
        figure, ax = one_picture(picture, title)
        colors = palette(len(boxes))
        # Matplotlib counts from the centre of the first pixel, a box from its edge.
        edges = (as_floats(boxes) - 0.5).tolist()
        for (left, top, right, bottom), text, color in zip(edges, texts, colors, strict=True):
            size = right - left, bottom - top
            look = {"fill": False, "edgecolor": color, "linewidth": 2}
            ax.add_patch(Rectangle((left, top), *size, **look))
            if text:
                _write(ax, text, (left, top, right), color)
    return figure


def _check_boxes(boxes: Tensor, scores: Tensor | None) -> None:
    """Boxes (n, 4) whose edges are in order, and a score for each."""
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not torch.isfinite(boxes).all():
        raise ValueError(
            f"boxes has shape {tuple(boxes.shape)}, but (n, 4) with finite numbers is needed: "
            f"one box (4,) becomes (1, 4) by boxes[None]"
        )
    form = getattr(getattr(boxes, "format", None), "name", "XYXY")  # a tv_tensor knows its own
    if form != "XYXY" or (boxes[:, 2:] < boxes[:, :2]).any():
        wrong = f"format {form}" if form != "XYXY" else "a right or lower edge before its opposite"
        raise ValueError(
            f"boxes has {wrong}, but left, upper, right, lower edge is needed: "
            f"use torchvision.ops.box_convert"
        )
    if scores is not None and tuple(scores.shape) != (len(boxes),):
        raise ValueError(
            f"scores has shape {tuple(scores.shape)} for {len(boxes)} boxes, but ({len(boxes)},) "
            f"is needed: pick the scores of these boxes"
        )


def _write(ax: Axes, text: str, edges: tuple[float, float, float], color: Any) -> None:
    """A label on a ground of its box's colour; left, top and right are those of the box."""
    left, top, right = edges
    x_end, y_end = ax.get_xlim()[1], ax.get_ylim()[0]
    # Above its box, or inside where the picture ends; it grows towards the middle.
    at_left, inside = left + right < x_end, top < 0.1 * y_end
    ax.text(
        max(left, -0.5) if at_left else min(right, x_end),
        max(top, -0.5),
        text,
        color=ink(color),
        bbox={"facecolor": color, "edgecolor": "none", "pad": 1.5},
        ha="left" if at_left else "right",
        va="top" if inside else "bottom",
        clip_on=True,
    )
