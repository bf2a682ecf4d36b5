"""Masks over a picture."""

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor

from ._figures import one_picture
from ._look import house, palette
from ._tensors import as_picture, check_alpha

__all__ = ["show_masks"]


def show_masks(
    image: Tensor, masks: Tensor, alpha: float = 0.5, title: str | None = None
) -> Figure:
    """A picture with coloured areas and their outlines, one colour a mask; a later mask is on top.

    Args:
        image: (3, H, W), (1, H, W) or (H, W), in [0, 1].
        masks: (n, H, W) bool, one for each object; or (H, W) int64, the class of each pixel,
            where 0 is the background and stays as it is.
        alpha: from 0, the outlines alone, to 1, areas that hide the picture.
        title: what stands above.

    Returns:
        A figure with one axes; in it the picture, then one image for each mask, or for each class
        that is there, by its number; and an outline for each that is not empty. A class has the
        same colour in every figure.

    Raises:
        ValueError: a shape, a data type or a value range does not fit.

    Example:
        >>> masks = torch.zeros(2, 8, 8, dtype=torch.bool)
        >>> masks[0, :4], masks[1, 6:] = True, True
        >>> len(show_masks(torch.rand(3, 8, 8), masks).axes[0].images)
        3

    Source:
        matplotlib.axes.Axes.imshow

    Taught in: book/segmentation/instance.md
    """
    picture = as_picture(image)
    areas = _areas(masks, size=tuple(picture.shape[:2]))
    check_alpha(alpha)
    with house():
        figure, ax = one_picture(picture, title)
        colors = palette(max(areas, default=-1) + 1)
        for number, area in areas.items():
            # Masked pixels are not painted at all.
            painted = np.ma.masked_where(~area, area)
            ax.imshow(painted, cmap=ListedColormap([colors[number]]), alpha=alpha)
            _outline(ax, area, colors[number])
    return figure


def _outline(ax: Axes, area: np.ndarray, color: Any) -> None:
    """A line around an area, also where it meets the edge of the picture."""
    if area.any():
        height, width = area.shape
        x, y = range(-1, width + 1), range(-1, height + 1)
        ax.contour(x, y, np.pad(area, 1), levels=[0.5], colors=[color], linewidths=1.5)


def _areas(masks: Tensor, size: tuple[int, int]) -> dict[int, np.ndarray]:
    """(H, W) bool for each object, or for each class from 1, by the number of its colour."""
    objects = masks.ndim == 3 and masks.dtype == torch.bool
    classes = masks.ndim == 2 and masks.dtype == torch.int64
    if not (objects or classes) or tuple(masks.shape[-2:]) != size:
        raise ValueError(
            f"masks has shape {tuple(masks.shape)} and dtype {masks.dtype}, but (n, {size[0]}, "
            f"{size[1]}) bool or ({size[0]}, {size[1]}) int64 is needed: use masks > 0.5 for "
            f"shares, .long() for classes"
        )
    given = masks.detach().cpu().numpy()
    if objects:
        return dict(enumerate(given))
    return {k - 1: given == k for k in np.unique(given).tolist() if k > 0}
