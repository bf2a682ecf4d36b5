"""Pictures side by side."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from ._figures import row_of_pictures
from ._look import house
from ._tensors import as_list, as_picture, check_ncols, check_words

__all__ = ["show_images"]


def show_images(
    images: Tensor | Sequence[Tensor],
    titles: Sequence[str] | None = None,
    ncols: int | None = None,
    colors: Sequence[str | None] | None = None,
) -> Figure:
    """Pictures side by side, all of the same width.

    Args:
        images: one image, a batch (N, C, H, W), or a list of images; an image is (3, H, W),
            (1, H, W) or (H, W), in [0, 1].
        titles: one for each image.
        ncols: pictures in a row; three at most if not given.
        colors: one for each image, for its frame and its title; None leaves both as they are.
            A colour alone is not seen by everyone: let the title say the same by a sign.

    Returns:
        A figure with one axes for each image.

    Raises:
        ValueError: a shape or a value range is no picture's, or titles, colors or ncols do not fit.

    Example:
        >>> import torch
        >>> figure = show_images([torch.rand(3, 8, 8), torch.rand(1, 8, 8)], titles=["a", "b"])
        >>> len(figure.axes)
        2

    Source:
        matplotlib.axes.Axes.imshow

    Taught in: book/images/local_operations.md
    """
    pictures = [as_picture(image) for image in as_list(images, one=(2, 3))]
    check_words("title", titles, len(pictures), "images")
    check_ncols(ncols)
    colors = [None] * len(pictures) if colors is None else list(colors)
    if len(colors) != len(pictures):
        raise ValueError(
            f"colors has {len(colors)} entries for {len(pictures)} images, but one for each is "
            f"needed: give None where an image needs no colour"
        )
    with house():
        figure, axes = row_of_pictures(pictures, titles, ncols)
        for ax, picture, color in zip(axes, pictures, colors, strict=True):
            ax.imshow(picture.numpy(), vmin=0, vmax=1)
            if color is not None:
                ax.spines[:].set(color=color, linewidth=3)
                ax.title.set_color(color)
    return figure
