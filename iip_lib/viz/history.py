"""Learning curves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ._figures import new_figure
from ._look import house
from ._tensors import check_words

__all__ = ["plot_history"]

_DASHES = ("-", "--", ":", "-.")  # curves are told apart without colour, too


def plot_history(
    history: Any,
    names: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> Figure:
    """Learning curves: what a training recorded, epoch by epoch.

    Of several trainings, as from several seeds, the line is the mean, and a band goes from the
    least to the greatest number of each epoch. The line ends where the first training ends, for a
    mean of the others would jump there; the band goes on. A training without the name does not
    count, an epoch without it is passed over, and NaN leaves a gap.

    Args:
        history: what `iip_lib.train.fit` returns, or a list of dicts with an ``epoch`` each; or
            a list of such histories, which may differ in length.
        names: the keys to be drawn, one number an epoch each; all that end with ``loss`` if not
            given.
        labels: one for each name, for the legend.
        xlabel: what stands along the axis of epochs.
        ylabel: what stands along the axis of values.

    Returns:
        A figure with one axes; in it one line for each name, and one band where several trainings
        recorded it.

    Raises:
        ValueError: nothing was recorded, a name was not or holds no numbers, or the labels do
            not fit.

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
    names = _as_names(names, runs)
    check_words("label", labels, len(names), "names")
    curves = [_curve(name, runs) for name in names]
    with house():
        figure = new_figure()
        ax = figure.add_subplot()
        for number, (epochs, values) in enumerate(curves):
            # One epoch is a point, and no line; many points would hide their line.
            size = min(3.5, 140 / len(epochs))
            look = {"linestyle": _DASHES[number % len(_DASHES)], "marker": "o", "markersize": size}
            label = None if labels is None else labels[number]
            (line,) = ax.plot(epochs, values.mean(axis=0), label=label, **look)
            if len(values) > 1:
                there = np.ma.masked_invalid(values)
                # Its edges are seen where a single training is left.
                band = {"color": line.get_color(), "alpha": 0.25, "linewidth": 0.8}
                ax.fill_between(epochs, there.min(axis=0), there.max(axis=0), **band)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set(xlabel=xlabel, ylabel=ylabel)
        if labels is not None:
            ax.legend()
    return figure


def _as_runs(history: Any) -> list[list[Mapping[str, Any]]]:
    """One list of epochs for each training."""
    things = list(getattr(history, "epochs", history))
    single = not things or isinstance(things[0], Mapping)
    runs = [things] if single else [list(getattr(run, "epochs", run)) for run in things]
    if not all(runs):
        raise ValueError("the history holds no epoch, but at least one is needed: train first")
    if not all("epoch" in epoch for run in runs for epoch in run):
        raise ValueError(
            "the history has a dict without 'epoch', but its number is needed in each: "
            "count epochs from 1"
        )
    return runs


def _as_names(names: Sequence[str] | None, runs: list[list[Mapping[str, Any]]]) -> list[str]:
    """The given names, or those of the losses; each was recorded."""
    recorded = list(dict.fromkeys(name for run in runs for epoch in run for name in epoch))
    recorded.remove("epoch")
    if names is None:
        names = [name for name in recorded if name.endswith("loss")]
    missing = [name for name in names if name not in recorded]
    if isinstance(names, str) or not names or missing:
        raise ValueError(
            f"names is {names!r}, but a list of recorded names is needed: "
            f"choose from {', '.join(recorded)}"
        )
    return list(names)


def _curve(name: str, runs: list[list[Mapping[str, Any]]]) -> tuple[list[int], np.ndarray]:
    """The epochs in which a name was recorded, and its numbers (runs, epochs), NaN for none."""
    curves = [
        {epoch["epoch"]: _as_number(name, epoch[name]) for epoch in run if name in epoch}
        for run in runs
    ]
    curves = [curve for curve in curves if curve]
    epochs = sorted(set().union(*curves))
    return epochs, np.array([[curve.get(epoch, np.nan) for epoch in epochs] for curve in curves])


def _as_number(name: str, value: Any) -> float:
    """One number; a measure may also have given several."""
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(
            f"the history has {value!r} for {name!r}, but one number an epoch is needed: "
            f"record each part under a name of its own"
        ) from None
