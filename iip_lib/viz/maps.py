"""Feature maps: signed numbers as colours."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from ._figures import row_of_pictures
from ._look import SIGNED, house
from ._tensors import as_list, as_table, check_ncols, check_words, greatest

__all__ = ["show_feature_maps"]


def show_feature_maps(
    maps: Tensor | Sequence[Tensor],
    titles: Sequence[str] | None = None,
    ncols: int | None = None,
    limit: float | None = None,
) -> Figure:
    """Signed maps: blue is negative, white is zero, red is positive.

    All maps of a figure share one scale, so that their strengths may be compared.

    Args:
        maps: (C, H, W), or a list of (H, W) or (1, H, W) maps.
        titles: one for each map.
        ncols: maps in a row; three at most if not given.
        limit: the size of a number that gets the full colour; the greatest one if not given.

    Returns:
        A figure with one axes for each map.

    Raises:
        ValueError: a shape is no map's, a number is not finite, or titles, ncols or the limit do
            not fit.

    Example:
        >>> import torch
        >>> figure = show_feature_maps(torch.randn(4, 8, 8), ncols=2)
        >>> len(figure.axes)
        4

    Source:
        matplotlib.axes.Axes.imshow

    Taught in: book/images/local_operations.md
    """
    tables = [as_table(table) for table in as_list(maps, one=(2,))]
    check_words("title", titles, len(tables), "maps")
    check_ncols(ncols)
    if limit is None:
        limit = max(greatest(table) for table in tables)
    if not limit > 0:
        raise ValueError(f"limit is {limit!r}, but more than 0 is needed: leave it out, or try 1")
    with house():
        figure, axes = row_of_pictures(tables, titles, ncols)
        for ax, table in zip(axes, tables, strict=True):
            ax.imshow(table.numpy(), cmap=SIGNED, vmin=-limit, vmax=limit)
    return figure
