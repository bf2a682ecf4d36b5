"""Keypoints over a picture."""

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ._figures import one_picture
from ._look import LIGHT_INK, house, palette
from ._tensors import as_floats, as_picture

__all__ = ["show_keypoints"]


def show_keypoints(
    image: Tensor,
    keypoints: Tensor,
    limbs: Sequence[tuple[int, int]] = (),
    visible: Tensor | None = None,
    title: str | None = None,
) -> Figure:
    """A picture with the joints of people, one colour a person.

    Args:
        image: (3, H, W), (1, H, W) or (H, W), in [0, 1].
        keypoints: (n, K, 2), x before y; (0, 0) is the centre of the first pixel.
        limbs: pairs of joints that a line connects.
        visible: (n, K) bool; a joint that is not, and its limbs, are left out. All if not given.
        title: what stands above.

    Returns:
        A figure with one axes; in it, for each person, a line for each limb that is to be seen,
        then a line of points without strokes.

    Raises:
        ValueError: a shape or a value range does not fit, or a limb names no joint.

    Example:
        >>> joints = torch.tensor([[[1.0, 2.0], [5.0, 6.0]]])
        >>> figure = show_keypoints(torch.rand(3, 8, 8), joints, limbs=[(0, 1)])
        >>> len(figure.axes[0].lines)
        2

    Source:
        matplotlib.axes.Axes.plot

    Taught in: book/pose/heatmaps.md
    """
    picture = as_picture(image)
    if keypoints.ndim != 3 or keypoints.shape[2] != 2:
        raise ValueError(
            f"keypoints has shape {tuple(keypoints.shape)}, but (n, K, 2) is needed: "
            f"one person (K, 2) becomes (1, K, 2) by keypoints[None]"
        )
    shape, number = tuple(keypoints.shape[:2]), keypoints.shape[1]
    if visible is not None and (tuple(visible.shape) != shape or visible.dtype != torch.bool):
        raise ValueError(
            f"visible has shape {tuple(visible.shape)} and dtype {visible.dtype}, but {shape} and "
            f"torch.bool are needed: use visible > 0"
        )
    if not all(0 <= joint < number for limb in limbs for joint in limb):
        raise ValueError(
            f"limbs is {list(limbs)}, but joints from 0 to {number - 1} are needed: count from 0"
        )
    seen = torch.ones(shape, dtype=torch.bool) if visible is None else visible.cpu()
    people = as_floats(keypoints)
    with house():
        figure, ax = one_picture(picture, title)
        for person, there, color in zip(people, seen, palette(len(people)), strict=True):
            for limb in limbs:
                if there[list(limb)].all():
                    ax.plot(*person[list(limb)].T.numpy(), color=color, linestyle="-")
            x, y = person[there].T.numpy()
            ax.plot(x, y, color=color, linestyle="", marker="o", markeredgecolor=LIGHT_INK)
    return figure
