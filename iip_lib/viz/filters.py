"""Filters: the kernels of a convolution."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from ._tensors import as_table, greatest
from .images import show_images
from .maps import show_feature_maps

__all__ = ["show_filters"]


def show_filters(
    weight: Tensor,
    titles: Sequence[str] | None = None,
    ncols: int | None = None,
    color: bool = False,
) -> Figure:
    """The kernels of a convolution; all of a figure share one scale.

    Args:
        weight: (O, C, kh, kw), as a layer keeps it.
        titles: one for each picture.
        ncols: pictures in a row; C if not given, or eight where each kernel is one picture.
        color: False draws each table (kh, kw) signed: blue, white at zero, red; the C tables of
            a kernel stand in one row. True draws a kernel for red, green and blue as one picture
            in colour, in which zero is grey.

    Returns:
        A figure with one axes for each table, or for each kernel in colour.

    Raises:
        ValueError: a shape is no convolution's, a number is not finite, or the titles do not fit.

    Example:
        >>> import torch
        >>> figure = show_filters(torch.randn(4, 3, 5, 5))
        >>> len(figure.axes)
        12
        >>> len(show_filters(torch.randn(4, 3, 5, 5), color=True).axes)
        4

    Source:
        matplotlib.axes.Axes.imshow

    Taught in: book/looking_inside/filters_and_feature_maps.md
    """
    shape = tuple(weight.shape)
    if weight.ndim != 4 or 0 in shape or (color and shape[1] != 3):
        raise ValueError(
            f"weight has shape {shape}, but (O, {3 if color else 'C'}, kh, kw) without a zero is "
            f"needed: give the weight of a convolution, and color=True for three channels only"
        )
    if not color:
        ncols = ncols or (shape[1] if shape[1] > 1 else min(shape[0], 8))
        figure = show_feature_maps(weight.flatten(0, 1), titles, ncols)
        # A kernel has few numbers: no picture is larger than one of six in a row.
        figure.set_size_inches(figure.get_size_inches() * min(1, ncols / 6))
        return figure
    flat = as_table(weight.flatten(1))
    half = flat.reshape(shape) / (2 * greatest(flat))  # from -1/2 to 1/2
    return show_images((0.5 + half).clamp(0, 1), titles, ncols or min(shape[0], 8))
