"""Confusion matrices."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ._cells import GREATEST_CELL, text_size, write_cells
from ._figures import new_figure
from ._look import house
from ._tensors import as_floats, check_words

__all__ = ["show_confusion_matrix"]


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
    counts = as_floats(matrix)
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1] > 0
    whole = torch.isfinite(counts) & (counts >= 0) & (counts == counts.round())
    if not square or not whole.all():
        raise ValueError(
            f"matrix has shape {tuple(counts.shape)}, but (K, K) with whole numbers of at least 0 "
            f"is needed: give the counts, not their shares"
        )
    size = len(counts)
    check_words("label", labels, size, "classes")
    shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)  # (K, K), rows of sum 1
    with house():
        inches = min(plt.rcParams["figure.figsize"][0], 1.5 + GREATEST_CELL * size)
        figure = new_figure((inches, inches))
        ax = figure.add_subplot()
        drawn = ax.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
        texts = [f"{count:.0f}" for count in counts.flatten().tolist()]
        cell = (inches - 1.5) / size
        write_cells(ax, drawn, texts, text_size(texts, cell, greatest=9))
        words = [""] * size if labels is None else list(labels)
        turned = text_size(words, cell, plt.rcParams["font.size"]) < plt.rcParams["font.size"]
        ax.set(xlabel=xlabel, ylabel=ylabel, xticks=range(size), yticks=range(size))
        ax.set_xticklabels(words, rotation=90 if turned else 0)
        ax.set_yticklabels(words)
        ax.spines[:].set_visible(True)
    return figure
