"""Heat maps over a picture."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from ._figures import row_of_pictures
from ._look import SIGNED, house
from ._tensors import as_list, as_picture, as_table, check_alpha, check_ncols, check_words, greatest

__all__ = ["show_overlay"]


def show_overlay(
    image: Tensor,
    heatmap: Tensor | Sequence[Tensor],
    alpha: float = 0.5,
    titles: Sequence[str] | None = None,
    ncols: int | None = None,
) -> Figure:
    """A picture with a heat map over it, or several times with one heat map each.

    A map that has a negative number is signed: blue, white at zero, red. Any other goes from
    dark at 0 to bright at its greatest number. Each map has its own scale.

    Args:
        image: (3, H, W), (1, H, W) or (H, W), in [0, 1].
        heatmap: one (h, w), or a list or a batch (n, h, w) of them; a smaller one is stretched
            over the whole picture, smoothly.
        alpha: from 0, the picture alone, to 1, the map alone.
        titles: one for each map.
        ncols: pictures in a row; three at most if not given.

    Returns:
        A figure with one axes for each map.

    Raises:
        ValueError: a shape or a value range does not fit, a number is not finite, or titles,
            ncols or alpha do not fit.

    Example:
        >>> import torch
        >>> figure = show_overlay(torch.rand(3, 32, 32), torch.rand(4, 4))
        >>> [drawn.get_array().shape for drawn in figure.axes[0].images]
        [(32, 32, 3), (4, 4)]

    Source:
        matplotlib.axes.Axes.imshow

    Taught in: book/looking_inside/grad_cam.md
    """
    picture = as_picture(image)
    maps = [as_table(table) for table in as_list(heatmap, one=(2,))]
    check_words("title", titles, len(maps), "maps")
    check_ncols(ncols)
    check_alpha(alpha)
    with house():
        figure, axes = row_of_pictures([picture] * len(maps), titles, ncols)
        for ax, table in zip(axes, maps, strict=True):
            extent = ax.imshow(picture.numpy(), vmin=0, vmax=1).get_extent()
            limit, signed = greatest(table), bool(table.min() < 0)
            ax.imshow(
                table.numpy(),
                cmap=SIGNED if signed else "inferno",
                vmin=-limit if signed else 0,
                vmax=limit,
                alpha=alpha,
                extent=extent,
                interpolation="bilinear",
            )
    return figure
