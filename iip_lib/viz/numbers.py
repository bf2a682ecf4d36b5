"""Tables of numbers."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from ._cells import GREATEST_CELL, text_size, write_cells
from ._figures import grid
from ._look import SIGNED, house
from ._tensors import as_list, as_table, check_ncols, check_words, greatest

__all__ = ["show_numbers"]


def show_numbers(
    tables: Tensor | Sequence[Tensor],
    titles: Sequence[str] | None = None,
    ncols: int | None = None,
    decimals: int = 0,
    signed: bool | Sequence[bool] = True,
) -> Figure:
    """Tables of numbers, each number on a coloured cell.

    Args:
        tables: one (H, W) table, or a list of them; cells have one size in all tables.
        titles: one for each table.
        ncols: tables in a row; all of them if not given.
        decimals: digits after the point.
        signed: True for blue, white at zero, and red, scaled to the greatest number of the
            table; False for grey, 0 black and 1 white. One for all or one for each table.

    Returns:
        A figure with one axes for each table.

    Raises:
        ValueError: a shape is no table's, a number is not finite, or titles, ncols or `signed`
            do not fit.

    Example:
        >>> import torch
        >>> figure = show_numbers(torch.tensor([[-1.0, 0.0, 1.0]]), decimals=1)
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['−1.0', '0.0', '1.0']

    Source:
        matplotlib.axes.Axes.imshow

    Taught in: book/images/local_operations.md
    """
    given = [as_table(table) for table in as_list(tables, one=(2,))]
    check_words("title", titles, len(given), "tables")
    check_ncols(ncols)
    kinds = [signed] * len(given) if isinstance(signed, bool) else list(signed)
    if len(kinds) != len(given):
        raise ValueError(
            f"signed has {len(kinds)} entries for {len(given)} tables, but one for each is "
            f"needed: give one for each, or one bool for all"
        )
    ncols = ncols or len(given)
    rows = [given[i : i + ncols] for i in range(0, len(given), ncols)]
    widths = [max(row[i].shape[1] for row in rows if i < len(row)) for i in range(len(rows[0]))]
    heights = [max(table.shape[0] for table in row) for row in rows]
    texts = [[_number(v, decimals) for v in table.flatten().tolist()] for table in given]
    with house():
        inches = plt.rcParams["figure.figsize"][0]
        cell = min(GREATEST_CELL, inches / (sum(widths) + 0.6 * len(widths)))
        title = 0.3 if titles else 0.05
        size = (
            cell * (sum(widths) + 0.6 * len(widths)),
            cell * sum(heights) + (title + 0.15) * len(heights),
        )
        figure, axes = grid(len(given), size, titles, widths, heights)
        every = [word for words in texts for word in words]
        points = text_size(every, cell, plt.rcParams["font.size"])
        for ax, table, words, is_signed in zip(axes, given, texts, kinds, strict=True):
            drawn = ax.imshow(table.numpy(), **_scale(table, is_signed))
            write_cells(ax, drawn, words, points)
    return figure


def _scale(table: Tensor, signed: bool) -> dict[str, Any]:
    """Which number has which colour."""
    if signed:
        limit = greatest(table)
        return {"cmap": SIGNED, "vmin": -limit, "vmax": limit}
    return {"cmap": "gray", "vmin": 0, "vmax": 1}


def _number(value: float, decimals: int) -> str:
    """With a true minus sign, and no minus before a zero."""
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "\N{MINUS SIGN}")
