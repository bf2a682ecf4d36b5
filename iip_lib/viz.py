"""Figures: each function takes tensors and returns a `Figure`.

The figure is closed in pyplot, so that it is seen once, as the last expression of a cell.
No function writes a word of its own: words are arguments, for they are translated.
"""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

__all__ = ["plot_history", "show_feature_maps", "show_images", "show_numbers"]

_STYLE = "iip_lib.house"
_SIGNED = LinearSegmentedColormap.from_list("signed", ["#2166ac", "#ffffff", "#b2182b"])
# Text on a coloured cell follows the cell, not the page: neither pure black nor pure white.
_DARK_TEXT, _LIGHT_TEXT = "#111111", "#fafafa"
_GREATEST_HEIGHT = 3.2  # of one picture, in inches
_GREATEST_CELL = 0.5  # of one number in a table, in inches
_DASHES = ("-", "--", ":", "-.")  # curves are told apart without colour, too


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
        ValueError: a shape or a value range is no picture's, or titles or colors do not fit.

    Example:
        >>> figure = show_images([torch.rand(3, 8, 8), torch.rand(1, 8, 8)], titles=["a", "b"])
        >>> len(figure.axes)
        2

    Source:
        matplotlib.axes.Axes.imshow

    Taught in: book/images/local_operations.md
    """
    pictures = [_as_picture(image) for image in _as_list(images, one=(2, 3))]
    _check_titles(titles, pictures)
    colors = [None] * len(pictures) if colors is None else list(colors)
    if len(colors) != len(pictures):
        raise ValueError(
            f"colors has {len(colors)} entries for {len(pictures)} images, but one for each is "
            f"needed: give None where an image needs no colour"
        )
    with plt.style.context(_STYLE):
        figure, axes = _row_of_pictures(pictures, titles, ncols)
        for ax, picture, color in zip(axes, pictures, colors, strict=True):
            ax.imshow(picture.numpy(), vmin=0, vmax=1)
            if color is not None:
                ax.spines[:].set(color=color, linewidth=3)
                ax.title.set_color(color)
    return figure


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
        ValueError: a shape is no map's, a number is not finite, or the titles do not fit.

    Example:
        >>> figure = show_feature_maps(torch.randn(4, 8, 8), ncols=2)
        >>> len(figure.axes)
        4

    Source:
        matplotlib.axes.Axes.imshow

    Taught in: book/images/local_operations.md
    """
    tables = [_as_table(table) for table in _as_list(maps, one=(2,))]
    _check_titles(titles, tables)
    limit = limit or max(_greatest(table) for table in tables)
    with plt.style.context(_STYLE):
        figure, axes = _row_of_pictures(tables, titles, ncols)
        for ax, table in zip(axes, tables, strict=True):
            ax.imshow(table.numpy(), cmap=_SIGNED, vmin=-limit, vmax=limit)
    return figure


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
        ValueError: a shape is no table's, a number is not finite, or titles or `signed` do
            not fit.

    Example:
        >>> figure = show_numbers(torch.tensor([[-1.0, 0.0, 1.0]]), decimals=1)
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['−1.0', '0.0', '1.0']

    Source:
        matplotlib.axes.Axes.imshow

    Taught in: book/images/local_operations.md
    """
    given = [_as_table(table) for table in _as_list(tables, one=(2,))]
    _check_titles(titles, given)
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
    with plt.style.context(_STYLE):
        inches = plt.rcParams["figure.figsize"][0]
        cell = min(_GREATEST_CELL, inches / (sum(widths) + 0.6 * len(widths)))
        title = 0.3 if titles else 0.05
        size = (
            cell * (sum(widths) + 0.6 * len(widths)),
            cell * sum(heights) + (title + 0.15) * len(heights),
        )
        figure, axes = _grid(len(given), len(widths), size, titles, widths, heights)
        words = [[_number(v, decimals) for v in table.flatten().tolist()] for table in given]
        longest = max(len(word) for table in words for word in table)
        points = min(plt.rcParams["font.size"], 72 * cell * 0.9 / (0.6 * max(longest, 2)))
        for ax, table, texts, is_signed in zip(axes, given, words, kinds, strict=True):
            _draw_numbers(ax, table, texts, is_signed, points)
    return figure


def plot_history(
    history: Any,
    names: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> Figure:
    """Learning curves: what a training recorded, epoch by epoch.

    Args:
        history: what `iip_lib.train.fit` returns, or a list of dicts with an ``epoch`` each.
        names: the keys to be drawn; all that end with ``loss`` if not given.
        labels: one for each name, for the legend.
        xlabel: what stands along the axis of epochs.
        ylabel: what stands along the axis of values.

    Returns:
        A figure with one axes, and in it one line for each name.

    Raises:
        ValueError: nothing was recorded, a name was not, or the labels do not fit.

    Example:
        >>> epochs = [{"epoch": 1, "train_loss": 2.3}, {"epoch": 2, "train_loss": 0.9}]
        >>> figure = plot_history(epochs, labels=["training"], xlabel="epoch", ylabel="loss")
        >>> figure.axes[0].lines[0].get_ydata().tolist()
        [2.3, 0.9]

    Source:
        matplotlib.axes.Axes.plot

    Taught in: book/training/first_training.md
    """
    epochs = list(getattr(history, "epochs", history))
    if not epochs:
        raise ValueError("the history holds no epoch, but at least one is needed: train first")
    names = [name for name in epochs[0] if name.endswith("loss")] if names is None else list(names)
    for name in names:
        if not all(name in epoch for epoch in epochs):
            raise ValueError(
                f"the history has no {name!r} in each epoch, but it is to be drawn: "
                f"choose from {', '.join(epochs[0])}"
            )
    if labels is not None and (isinstance(labels, str) or len(labels) != len(names)):
        raise ValueError(
            f"labels is {labels!r} for {len(names)} names, but one label for each is needed: "
            f"give a list of {len(names)}"
        )
    with plt.style.context(_STYLE):
        figure, ax = plt.subplots()
        plt.close(figure)
        x = [epoch["epoch"] for epoch in epochs]
        for number, name in enumerate(names):
            # One epoch is a point, and no line.
            look = {"linestyle": _DASHES[number % len(_DASHES)], "marker": "o", "markersize": 3.5}
            label = None if labels is None else labels[number]
            ax.plot(x, [epoch[name] for epoch in epochs], label=label, **look)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set(xlabel=xlabel, ylabel=ylabel)
        if labels is not None:
            ax.legend()
    return figure


def _draw_numbers(ax: Axes, table: Tensor, texts: list[str], signed: bool, points: float) -> None:
    """Coloured cells with their texts."""
    limit = _greatest(table)
    scale = (
        {"cmap": _SIGNED, "vmin": -limit, "vmax": limit}
        if signed
        else {"cmap": "gray", "vmin": 0, "vmax": 1}
    )
    drawn = ax.imshow(table.numpy(), **scale)
    for place, text in enumerate(texts):
        i, j = divmod(place, table.shape[1])
        red, green, blue, _ = drawn.to_rgba(table[i, j].item())
        light = 0.3 * red + 0.6 * green + 0.1 * blue > 0.5
        ink = _DARK_TEXT if light else _LIGHT_TEXT
        ax.text(j, i, text, ha="center", va="center", color=ink, fontsize=points)


def _number(value: float, decimals: int) -> str:
    """With a true minus sign, and no minus before a zero."""
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "\N{MINUS SIGN}")


def _row_of_pictures(
    pictures: list[Tensor], titles: Sequence[str] | None, ncols: int | None
) -> tuple[Figure, list[Axes]]:
    """A figure of the house's width; its height follows the pictures."""
    ncols = ncols or min(len(pictures), 3)
    inches = plt.rcParams["figure.figsize"][0]
    ratios = [picture.shape[0] / picture.shape[1] for picture in pictures]
    heights = [
        min(_GREATEST_HEIGHT, inches / ncols * max(ratios[i : i + ncols]))
        for i in range(0, len(pictures), ncols)
    ]
    title = 0.3 if titles else 0.05
    size = (inches, sum(heights) + title * len(heights))
    return _grid(len(pictures), ncols, size, titles, [1] * ncols, heights)


def _grid(
    number: int,
    ncols: int,
    size: tuple[float, float],
    titles: Sequence[str] | None,
    widths: Sequence[float],
    heights: Sequence[float],
) -> tuple[Figure, list[Axes]]:
    """A closed figure with `number` axes that have a thin frame and no ticks."""
    figure = plt.figure(figsize=size)
    plt.close(figure)
    grid = figure.add_gridspec(len(heights), ncols, width_ratios=widths, height_ratios=heights)
    axes = [figure.add_subplot(grid[i // ncols, i % ncols]) for i in range(number)]
    for i, ax in enumerate(axes):
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(True)
        if titles:
            ax.set_title(titles[i])
    return figure, axes


def _as_list(given: Tensor | Sequence[Tensor], one: tuple[int, ...]) -> list[Tensor]:
    """A list of tensors; a tensor with one of the dimensions `one` is a single thing."""
    things = [given] if isinstance(given, Tensor) and given.ndim in one else list(given)
    if not things:
        raise ValueError("nothing came, but at least one tensor is needed: pass a list of them")
    return things


def _as_picture(image: Tensor) -> Tensor:
    """(H, W) or (H, W, 3) on the CPU, as matplotlib wants it."""
    shape = tuple(image.shape)
    if image.ndim == 2:
        image = image[None]
    if image.ndim != 3 or image.shape[0] not in (1, 3) or 0 in shape:
        raise ValueError(
            f"an image has shape {shape}, but (3, H, W), (1, H, W) or (H, W) is needed: "
            f"pick the channels to be shown"
        )
    image = image.detach().cpu()
    low, high = image.min().item(), image.max().item()
    if not (low >= -1e-5 and high <= 1 + 1e-5):
        raise ValueError(
            f"an image has values from {low:.3g} to {high:.3g}, but 0 to 1 is needed: "
            f"use .clamp(0, 1), or show_feature_maps for signed numbers"
        )
    return image[0] if image.shape[0] == 1 else image.permute(1, 2, 0)


def _as_table(table: Tensor) -> Tensor:
    """(H, W) on the CPU."""
    shape = tuple(table.shape)
    if table.ndim == 3 and shape[0] == 1:
        table = table[0]
    if table.ndim != 2 or 0 in shape:
        raise ValueError(
            f"a table has shape {shape}, but (H, W) or (1, H, W) is needed: pick one channel"
        )
    table = table.detach().cpu()
    if not torch.isfinite(table).all():
        raise ValueError(
            "a table holds NaN or infinity, but finite numbers are needed: look for a division "
            "by zero, or use torch.nan_to_num"
        )
    return table


def _greatest(table: Tensor) -> float:
    """The greatest size of a number, 1 in a table of zeros."""
    return table.abs().max().item() or 1.0


def _check_titles(titles: Sequence[str] | None, things: list[Tensor]) -> None:
    """One title for each thing, or none at all."""
    if titles is not None and (isinstance(titles, str) or len(titles) != len(things)):
        raise ValueError(
            f"titles is {titles!r} for {len(things)} tensors, but one title for each is needed: "
            f"give a list of {len(things)}"
        )
