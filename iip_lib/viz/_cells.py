"""Texts on the cells of a drawn table."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from ._look import ink

__all__: list[str] = []

GREATEST_CELL = 0.5  # of one number in a table, in inches


def text_size(texts: list[str], cell: float, greatest: float) -> float:
    """The size in points at which the longest text fits into a cell of so many inches."""
    longest = max(len(text) for text in texts)
    return min(greatest, 72 * cell * 0.9 / (0.6 * max(longest, 2)))


def write_cells(ax: Axes, drawn: AxesImage, texts: list[str], points: float) -> None:
    """One text on each cell of a drawn table, row by row."""
    colors = drawn.to_rgba(drawn.get_array())  # (H, W, 4)
    for (i, j), text in zip(np.ndindex(colors.shape[:2]), texts, strict=True):
        look = {"ha": "center", "va": "center", "color": ink(colors[i, j]), "fontsize": points}
        ax.text(j, i, text, **look)
