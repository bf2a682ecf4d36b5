"""Empty figures, and rows of axes for pictures in them."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

__all__: list[str] = []

GREATEST_HEIGHT = 3.2  # of one picture, in inches


def new_figure(size: tuple[float, float] | None = None) -> Figure:
    """An empty figure, closed in pyplot; of the house's size if none is given."""
    # A figure without pyplot would be a line of text in a notebook: pyplot sets up its display.
    with plt.rc_context({"interactive": False}):  # no window opens for it
        figure = plt.figure(figsize=size)
    plt.close(figure)
    return figure


def row_of_pictures(
    pictures: list[Tensor], titles: Sequence[str] | None, ncols: int | None
) -> tuple[Figure, list[Axes]]:
    """A figure of the house's width; its height follows the pictures."""
    ncols = ncols or min(len(pictures), 3)
    inches = plt.rcParams["figure.figsize"][0]
    ratios = [picture.shape[0] / picture.shape[1] for picture in pictures]
    heights = [
        min(GREATEST_HEIGHT, inches / ncols * max(ratios[i : i + ncols]))
        for i in range(0, len(pictures), ncols)
    ]
    title = 0.3 if titles else 0.05
    size = (inches, sum(heights) + title * len(heights))
    return grid(len(pictures), size, titles, [1] * ncols, heights)


def one_picture(picture: Tensor, title: str | None) -> tuple[Figure, Axes]:
    """A figure with one picture, already drawn."""
    figure, (ax,) = row_of_pictures([picture], None if title is None else [title], 1)
    ax.imshow(picture.numpy(), vmin=0, vmax=1)
    ax.autoscale(False)  # what lies outside does not shrink the picture
    return figure, ax


def grid(
    number: int,
    size: tuple[float, float],
    titles: Sequence[str] | None,
    widths: Sequence[float],
    heights: Sequence[float],
) -> tuple[Figure, list[Axes]]:
    """A figure with `number` axes that have a thin frame and no ticks."""
    figure = new_figure(size)
    cells = figure.add_gridspec(
        len(heights), len(widths), width_ratios=widths, height_ratios=heights
    )
    axes = [figure.add_subplot(cells[i // len(widths), i % len(widths)]) for i in range(number)]
    for i, ax in enumerate(axes):
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(True)
        if titles:
            ax.set_title(titles[i])
    return figure, axes
