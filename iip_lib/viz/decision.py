"""Decision boundaries."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor, nn

from ._figures import new_figure
from ._look import house, palette
from ._tensors import as_floats

__all__ = ["plot_decision_boundary"]

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # classes are told apart without colour, too


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
        predict: a network or a function: places (m, 2) in, logits (m, K) out. Places have the
            data type of the points and are on their device.
        points: (n, 2) float, x before y.
        target: (n,) int64, the class of each point.
        steps: places along each side of the drawn rectangle, at least 2.
        xlabel: what stands along the first number.
        ylabel: what stands along the second number.

    Returns:
        A figure with one axes; its image (steps, steps) holds the predicted classes, and each
        class that has points has one line of them, with its own marker.

    Raises:
        ValueError: a shape or a data type does not fit, or a number is not finite.

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
    _check_points(points, target, steps)
    xy, target = as_floats(points), target.cpu()
    low, high = xy.amin(dim=0), xy.amax(dim=0)  # (2,)
    margin = (0.1 * (high - low)).clamp(min=1e-3)
    (left, lower), (right, upper) = (low - margin).tolist(), (high + margin).tolist()
    x = torch.linspace(left, right, steps)
    y = torch.linspace(lower, upper, steps)
    places = torch.cartesian_prod(y, x).flip(1)  # (steps * steps, 2), x runs fastest
    logits = _logits(predict, places.to(points), least=int(target.max()) + 1)
    classes = logits.argmax(dim=1).reshape(steps, steps).cpu()
    with house():
        figure = new_figure()
        ax = figure.add_subplot()
        number = logits.shape[1]
        colors = palette(number)
        # The outermost places are the centres of the outermost pixels.
        dx, dy = (right - left) / (steps - 1) / 2, (upper - lower) / (steps - 1) / 2
        extent = (left - dx, right + dx, lower - dy, upper + dy)
        look = {"cmap": ListedColormap(colors), "vmin": -0.5, "vmax": number - 0.5, "alpha": 0.35}
        ax.imshow(classes.numpy(), origin="lower", extent=extent, aspect="auto", **look)
        edge = plt.rcParams["text.color"]  # the areas are so pale that the page shines through
        for k in target.unique().tolist():
            dots = {"linestyle": "", "marker": _MARKERS[k % len(_MARKERS)], "markersize": 5}
            ax.plot(*xy[target == k].T.numpy(), color=colors[k], markeredgecolor=edge, **dots)
        ax.set(xlabel=xlabel, ylabel=ylabel)
    return figure


def _check_points(points: Tensor, target: Tensor, steps: int) -> None:
    """Points in a plane with a class each."""
    shapes = tuple(points.shape), tuple(target.shape)
    if points.ndim != 2 or 0 in shapes[0] or shapes[0][1] != 2 or shapes[1] != shapes[0][:1]:
        raise ValueError(
            f"points has shape {shapes[0]} and target {shapes[1]}, but (n, 2) and (n,) are needed: "
            f"pick two numbers of each point"
        )
    if not points.is_floating_point() or target.dtype != torch.int64:
        raise ValueError(
            f"points is {points.dtype} and target {target.dtype}, but float and int64 are needed: "
            f"use points.float() and target.long()"
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


def _logits(predict: Callable[[Tensor], Tensor], places: Tensor, least: int) -> Tensor:
    """The answers (m, K) at all places, with at least so many classes."""
    with _asked(predict), torch.no_grad():
        logits = predict(places)
    shape = tuple(logits.shape)
    if logits.ndim != 2 or len(logits) != len(places) or shape[1] < least:
        raise ValueError(
            f"predict gave shape {shape} for {len(places)} places and {least} classes, but "
            f"({len(places)}, K) with a column for each class is needed: return logits, "
            f"one row a place"
        )
    if logits.isnan().any():
        raise ValueError(
            "predict gave NaN, but numbers are needed: look for a training that went wrong"
        )
    return logits


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
