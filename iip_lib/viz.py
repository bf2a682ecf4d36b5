"""Figures: each function takes tensors and returns a `Figure`.

The figure is closed in pyplot, so that it is seen once, as the last expression of a cell.
No function writes a word of its own: words are arguments, for they are translated.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor, nn

__all__ = [
    "plot_decision_boundary",
    "plot_history",
    "show_boxes",
    "show_confusion_matrix",
    "show_feature_maps",
    "show_filters",
    "show_images",
    "show_keypoints",
    "show_masks",
    "show_numbers",
    "show_overlay",
]

_STYLE = "iip_lib.house"
_SIGNED = LinearSegmentedColormap.from_list("signed", ["#2166ac", "#ffffff", "#b2182b"])
# Text on a coloured cell follows the cell, not the page: neither pure black nor pure white.
_DARK_TEXT, _LIGHT_TEXT = "#111111", "#fafafa"
_GREATEST_HEIGHT = 3.2  # of one picture, in inches
_GREATEST_CELL = 0.5  # of one number in a table, in inches
_DASHES = ("-", "--", ":", "-.")  # curves are told apart without colour, too
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # and so are the points of classes


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
        return show_feature_maps(weight.flatten(0, 1), titles, ncols)
    flat = _as_table(weight.flatten(1))
    half = flat.reshape(shape) / (2 * _greatest(flat))  # from -1/2 to 1/2
    return show_images((0.5 + half).clamp(0, 1), titles, ncols or min(shape[0], 8))


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
        ValueError: a shape or a value range does not fit, a number is not finite, or the titles
            do not fit.

    Example:
        >>> figure = show_overlay(torch.rand(3, 32, 32), torch.rand(4, 4))
        >>> [drawn.get_array().shape for drawn in figure.axes[0].images]
        [(32, 32, 3), (4, 4)]

    Source:
        matplotlib.axes.Axes.imshow

    Taught in: book/looking_inside/grad_cam.md
    """
    picture = _as_picture(image)
    maps = [_as_table(table) for table in _as_list(heatmap, one=(2,))]
    _check_titles(titles, maps)
    _check_alpha(alpha)
    with plt.style.context(_STYLE):
        figure, axes = _row_of_pictures([picture] * len(maps), titles, ncols)
        for ax, table in zip(axes, maps, strict=True):
            drawn = ax.imshow(picture.numpy(), vmin=0, vmax=1)
            limit = _greatest(table)
            scale = {"cmap": _SIGNED, "vmin": -limit} if table.min() < 0 else {"vmin": 0}
            ax.imshow(
                table.numpy(),
                **({"cmap": "inferno"} | scale),
                vmax=limit,
                alpha=alpha,
                extent=drawn.get_extent(),
                interpolation="bilinear",
            )
    return figure


def show_masks(
    image: Tensor, masks: Tensor, alpha: float = 0.5, title: str | None = None
) -> Figure:
    """A picture with coloured areas, one colour a mask; a later mask lies on top.

    Args:
        image: (3, H, W), (1, H, W) or (H, W), in [0, 1].
        masks: (n, H, W) bool, one for each object; or (H, W) int64, the class of each pixel,
            where 0 is the background and stays as it is.
        alpha: from 0, the picture alone, to 1, the areas alone.
        title: what stands above.

    Returns:
        A figure with one axes; in it the picture, then one image for each mask, or for each class
        from 1 to the greatest.

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
    picture = _as_picture(image)
    areas = _as_masks(masks, size=tuple(picture.shape[:2]))
    _check_alpha(alpha)
    with plt.style.context(_STYLE):
        figure, ax = _one_picture(picture, title)
        for color, area in zip(_colors(len(areas)), areas, strict=True):
            # Masked pixels are not painted at all.
            painted = np.ma.masked_where(~area, area)
            ax.imshow(painted, cmap=ListedColormap([color]), alpha=alpha)
    return figure


def show_boxes(
    image: Tensor,
    boxes: Tensor,
    labels: Sequence[str] | None = None,
    scores: Tensor | None = None,
    title: str | None = None,
) -> Figure:
    """A picture with boxes.

    Args:
        image: (3, H, W), (1, H, W) or (H, W), in [0, 1].
        boxes: (n, 4): left, upper, right and lower edge of each box, in pixels; the picture's own
            edges are 0, 0, W and H.
        labels: one word for each box.
        scores: (n,), written with two digits after the point, behind the label.
        title: what stands above.

    Returns:
        A figure with one axes, and in it one rectangle for each box.

    Raises:
        ValueError: a shape or a value range does not fit, or labels or scores do not.

    Example:
        >>> figure = show_boxes(torch.rand(3, 8, 8), torch.tensor([[1.0, 2.0, 5.0, 6.0]]), ["a"])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['a']

    Source:
        matplotlib.patches.Rectangle

    Taught in: book/detection/boxes.md
    """
    picture = _as_picture(image)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not torch.isfinite(boxes).all():
        raise ValueError(
            f"boxes has shape {tuple(boxes.shape)}, but (n, 4) with finite numbers is needed: "
            f"one box (4,) becomes (1, 4) by boxes[None]"
        )
    for name, given in (("labels", labels), ("scores", scores)):
        if given is not None and (isinstance(given, str) or len(given) != len(boxes)):
            raise ValueError(
                f"{name} is {given!r} for {len(boxes)} boxes, but one for each is needed: "
                f"give a list of {len(boxes)}"
            )
    texts = [""] * len(boxes) if labels is None else list(labels)
    if scores is not None:
        texts = [f"{t} {s:.2f}".strip() for t, s in zip(texts, scores.tolist(), strict=True)]
    with plt.style.context(_STYLE):
        figure, ax = _one_picture(picture, title)
        colors = _colors(len(boxes))
        for (x1, y1, x2, y2), text, color in zip(boxes.tolist(), texts, colors, strict=True):
            # Matplotlib counts from the centre of the first pixel, a box from its edge.
            corner = (x1 - 0.5, y1 - 0.5)
            ax.add_patch(
                Rectangle(corner, x2 - x1, y2 - y1, fill=False, edgecolor=color, linewidth=2)
            )
            if text:
                back = {"facecolor": color, "edgecolor": "none", "pad": 1.5}
                ink = _ink(color)
                # Above its box, or inside where the picture ends.
                side = "bottom" if y1 > 0.1 * len(picture) else "top"
                ax.text(*corner, text, color=ink, bbox=back, va=side, clip_on=True)
    return figure


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
    picture = _as_picture(image)
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
    people = keypoints.detach().cpu()
    with plt.style.context(_STYLE):
        figure, ax = _one_picture(picture, title)
        ax.autoscale(False)  # a joint outside does not shrink the picture
        for person, there, color in zip(people, seen, _colors(len(people)), strict=True):
            for limb in limbs:
                if there[list(limb)].all():
                    ax.plot(*person[list(limb)].T.numpy(), color=color, linestyle="-")
            x, y = person[there].T.numpy()
            ax.plot(x, y, color=color, linestyle="", marker="o", markeredgecolor=_LIGHT_TEXT)
    return figure


def show_confusion_matrix(
    matrix: Tensor,
    labels: Sequence[str] | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> Figure:
    """How often each class was taken for each: counts on cells.

    A cell is the darker, the greater its share of its row.

    Args:
        matrix: (K, K), whole numbers of at least 0; rows are the right classes, columns the
            predicted ones.
        labels: one for each class.
        xlabel: what stands below the columns.
        ylabel: what stands beside the rows.

    Returns:
        A figure with one axes; its image holds the shares, its texts the counts.

    Raises:
        ValueError: a shape or a number is no confusion matrix's, or the labels do not fit.

    Example:
        >>> figure = show_confusion_matrix(torch.tensor([[9, 1], [0, 4]]), ["cat", "dog"])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['9', '1', '0', '4']

    Source:
        matplotlib.axes.Axes.imshow

    Taught in: book/training/evaluation.md
    """
    counts = matrix.detach().cpu()
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1] > 0
    if not square or (counts < 0).any() or (counts != counts.round()).any():
        raise ValueError(
            f"matrix has shape {tuple(counts.shape)}, but (K, K) with whole numbers of at least 0 "
            f"is needed: give the counts, not their shares"
        )
    size = len(counts)
    if labels is not None and (isinstance(labels, str) or len(labels) != size):
        raise ValueError(
            f"labels is {labels!r} for {size} classes, but one label for each is needed: "
            f"give a list of {size}"
        )
    shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)  # (K, K), rows of sum 1
    with plt.style.context(_STYLE):
        inches = min(plt.rcParams["figure.figsize"][0], 1.5 + _GREATEST_CELL * size)
        figure, ax = plt.subplots(figsize=(inches, inches))
        plt.close(figure)
        drawn = ax.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
        texts = [f"{count:.0f}" for count in counts.flatten().tolist()]
        _write_cells(ax, shares, texts, drawn, points=min(9, 150 / size))
        ax.set(xlabel=xlabel, ylabel=ylabel, xticks=range(size), yticks=range(size))
        ax.set_xticklabels(labels or [""] * size, rotation=90)
        ax.set_yticklabels(labels or [""] * size)
    return figure


def plot_history(
    history: Any,
    names: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> Figure:
    """Learning curves: what a training recorded, epoch by epoch.

    Of several trainings, as from several seeds, the line is the mean, and a band goes from the
    least to the greatest number of each epoch.

    Args:
        history: what `iip_lib.train.fit` returns, or a list of dicts with an ``epoch`` each; or
            a list of such histories with the same epochs.
        names: the keys to be drawn; all that end with ``loss`` if not given.
        labels: one for each name, for the legend.
        xlabel: what stands along the axis of epochs.
        ylabel: what stands along the axis of values.

    Returns:
        A figure with one axes; in it one line for each name, and one band where the history is
        of several trainings.

    Raises:
        ValueError: nothing was recorded, a name was not, the epochs of the histories differ, or
            the labels do not fit.

    Example:
        >>> epochs = [{"epoch": 1, "train_loss": 2.3}, {"epoch": 2, "train_loss": 0.9}]
        >>> figure = plot_history(epochs, labels=["training"], xlabel="epoch", ylabel="loss")
        >>> figure.axes[0].lines[0].get_ydata().tolist()
        [2.3, 0.9]

    Source:
        matplotlib.axes.Axes.plot

    Taught in: book/training/first_training.md
    """
    runs = _as_runs(history)
    first = runs[0][0]
    names = [name for name in first if name.endswith("loss")] if names is None else list(names)
    for name in names:
        if not all(name in epoch for run in runs for epoch in run):
            raise ValueError(
                f"the history has no {name!r} in each epoch, but it is to be drawn: "
                f"choose from {', '.join(first)}"
            )
    if labels is not None and (isinstance(labels, str) or len(labels) != len(names)):
        raise ValueError(
            f"labels is {labels!r} for {len(names)} names, but one label for each is needed: "
            f"give a list of {len(names)}"
        )
    with plt.style.context(_STYLE):
        figure, ax = plt.subplots()
        plt.close(figure)
        x = [epoch["epoch"] for epoch in runs[0]]
        for number, name in enumerate(names):
            # One epoch is a point, and no line.
            look = {"linestyle": _DASHES[number % len(_DASHES)], "marker": "o", "markersize": 3.5}
            label = None if labels is None else labels[number]
            values = np.array([[epoch[name] for epoch in run] for run in runs])  # (runs, epochs)
            (line,) = ax.plot(x, values.mean(axis=0), label=label, **look)
            if len(runs) > 1:
                band = {"color": line.get_color(), "alpha": 0.25, "linewidth": 0}
                ax.fill_between(x, values.min(axis=0), values.max(axis=0), **band)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set(xlabel=xlabel, ylabel=ylabel)
        if labels is not None:
            ax.legend()
    return figure


def plot_decision_boundary(
    predict: Callable[[Tensor], Tensor],
    points: Tensor,
    target: Tensor,
    steps: int = 200,
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> Figure:
    """Which class a classifier gives to each place of the plane, and the points it learns from.

    A network is asked in eval mode, and gets its training flags back.

    Args:
        predict: a network or a function: places (m, 2) in, logits (m, K) out.
        points: (n, 2) float, x before y.
        target: (n,) int64, the class of each point.
        steps: places along each side of the drawn rectangle, at least 2.
        xlabel: what stands along the first number.
        ylabel: what stands along the second number.

    Returns:
        A figure with one axes; its image (steps, steps) holds the predicted classes, and each
        class that has points has one line of them, with its own marker.

    Raises:
        ValueError: a shape does not fit, or a number is not finite.

    Example:
        >>> points, target = torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.tensor([0, 1])
        >>> left_or_right = lambda xy: torch.stack([0.5 - xy[:, 0], xy[:, 0] - 0.5], dim=1)
        >>> figure = plot_decision_boundary(left_or_right, points, target, steps=4)
        >>> figure.axes[0].images[0].get_array()[0].tolist()
        [0, 0, 1, 1]

    Source:
        matplotlib.axes.Axes.imshow

    Taught in: book/start/modules.md
    """
    given = tuple(points.shape), tuple(target.shape)
    if points.ndim != 2 or 0 in given[0] or given[0][1] != 2 or given[1] != given[0][:1]:
        raise ValueError(
            f"points has shape {given[0]} and target {given[1]}, but (n, 2) and (n,) are needed: "
            f"pick two numbers of each point"
        )
    if target.min() < 0:
        raise ValueError(
            f"target has the class {target.min().item()}, but at least 0 is needed: count from 0"
        )
    if steps < 2 or not torch.isfinite(points).all():
        raise ValueError(
            f"steps is {steps} for points up to {points.max().item():.3g}, but at least 2 and "
            f"finite points are needed: try steps=200, and look for a division by zero"
        )
    low, high = points.detach().amin(dim=0), points.detach().amax(dim=0)  # (2,)
    margin = (0.1 * (high - low)).clamp(min=1e-3)
    (left, lower), (right, upper) = (low - margin).tolist(), (high + margin).tolist()
    x = torch.linspace(left, right, steps, dtype=points.dtype, device=points.device)
    y = torch.linspace(lower, upper, steps, dtype=points.dtype, device=points.device)
    places = torch.cartesian_prod(y, x).flip(1)  # (steps * steps, 2), x runs fastest
    with _asked(predict), torch.no_grad():
        logits = predict(places)
    if logits.ndim != 2 or len(logits) != len(places):
        raise ValueError(
            f"predict gave shape {tuple(logits.shape)} for {len(places)} places, but "
            f"({len(places)}, K) is needed: return one row of logits a place"
        )
    classes = logits.argmax(dim=1).reshape(steps, steps).cpu()
    number = max(logits.shape[1], int(target.max()) + 1)
    with plt.style.context(_STYLE):
        figure, ax = plt.subplots()
        plt.close(figure)
        colors = _colors(number)
        # The outermost places are the centres of the outermost pixels.
        dx, dy = (x[1] - x[0]).item() / 2, (y[1] - y[0]).item() / 2
        extent = (left - dx, right + dx, lower - dy, upper + dy)
        look = {"cmap": ListedColormap(colors), "vmin": -0.5, "vmax": number - 0.5, "alpha": 0.35}
        ax.imshow(classes.numpy(), origin="lower", extent=extent, aspect="auto", **look)
        for k in target.unique().tolist():
            px, py = points[target == k].detach().cpu().T.numpy()
            dots = {"linestyle": "", "marker": _MARKERS[k % len(_MARKERS)], "markersize": 5}
            ax.plot(px, py, color=colors[k], markeredgecolor=_DARK_TEXT, **dots)
        ax.set(xlabel=xlabel, ylabel=ylabel)
    return figure


@contextmanager
def _asked(predict: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """A network in eval mode; afterwards each of its modules has its own flag again."""
    modules = list(predict.modules()) if isinstance(predict, nn.Module) else []
    flags = [module.training for module in modules]
    try:
        for module in modules:
            module.training = False
        yield
    finally:
        for module, flag in zip(modules, flags, strict=True):
            module.training = flag


def _as_runs(history: Any) -> list[list[dict[str, float]]]:
    """One list of epochs for each training."""
    things = list(getattr(history, "epochs", history))
    single = not things or isinstance(things[0], dict)
    runs = [things] if single else [list(getattr(run, "epochs", run)) for run in things]
    if not all(runs):
        raise ValueError("the history holds no epoch, but at least one is needed: train first")
    lengths = [[epoch["epoch"] for epoch in run] for run in runs]
    if any(length != lengths[0] for length in lengths):
        raise ValueError(
            f"the histories have {', '.join(str(len(length)) for length in lengths)} epochs, but "
            f"the same epochs are needed in all: cut them to the shortest, or train without "
            f"early stopping"
        )
    return runs


def _as_masks(masks: Tensor, size: tuple[int, int]) -> list[np.ndarray]:
    """(H, W) bool for each object, or for each class from 1."""
    objects = masks.ndim == 3 and masks.dtype == torch.bool
    classes = masks.ndim == 2 and masks.dtype == torch.int64
    if not (objects or classes) or tuple(masks.shape[-2:]) != size:
        raise ValueError(
            f"masks has shape {tuple(masks.shape)} and dtype {masks.dtype}, but (n, {size[0]}, "
            f"{size[1]}) bool or ({size[0]}, {size[1]}) int64 is needed: use masks > 0.5 for "
            f"shares, .long() for classes"
        )
    masks = masks.detach().cpu()
    if classes:
        masks = [masks == k for k in range(1, int(masks.max()) + 1)]
    return [mask.numpy() for mask in masks]


def _check_alpha(alpha: float) -> None:
    """A share."""
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha!r}, but a number from 0 to 1 is needed: try 0.5")


def _colors(number: int) -> list[str]:
    """The house's colours, again from the first one after the last."""
    house = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    return [house[i % len(house)] for i in range(number)]


def _one_picture(picture: Tensor, title: str | None) -> tuple[Figure, Axes]:
    """A figure with one picture, already drawn."""
    figure, (ax,) = _row_of_pictures([picture], None if title is None else [title], 1)
    ax.imshow(picture.numpy(), vmin=0, vmax=1)
    return figure, ax


def _draw_numbers(ax: Axes, table: Tensor, texts: list[str], signed: bool, points: float) -> None:
    """Coloured cells with their texts."""
    limit = _greatest(table)
    scale = (
        {"cmap": _SIGNED, "vmin": -limit, "vmax": limit}
        if signed
        else {"cmap": "gray", "vmin": 0, "vmax": 1}
    )
    drawn = ax.imshow(table.numpy(), **scale)
    _write_cells(ax, table, texts, drawn, points)


def _write_cells(
    ax: Axes, table: Tensor, texts: list[str], drawn: AxesImage, points: float
) -> None:
    """One text on each cell of a drawn table."""
    for place, text in enumerate(texts):
        i, j = divmod(place, table.shape[1])
        ink = _ink(drawn.to_rgba(table[i, j].item()))
        ax.text(j, i, text, ha="center", va="center", color=ink, fontsize=points)


def _ink(color: Any) -> str:
    """The colour in which text is legible on another colour."""
    red, green, blue = to_rgb(color)
    return _DARK_TEXT if 0.3 * red + 0.6 * green + 0.1 * blue > 0.5 else _LIGHT_TEXT


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
