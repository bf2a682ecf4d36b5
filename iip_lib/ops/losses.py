"""Losses: how badly a network's answer fits the right one, in one number."""

import torch
from torch import Tensor

from ._checks import check_floating

__all__ = ["cross_entropy"]

REDUCTIONS = ("mean", "sum", "none")


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """How badly logits predict the right classes: the mean over all that are asked.

    loss[n] = log(sum over k of exp(logits[n, k])) - logits[n, target[n]]

    That is -log of the softmax at the right class. The greatest logit is taken out of the sum
    first: no exp is greater than 1 then, and none overflows.

    Label smoothing s asks for less than certainty: of the probability 1, s is dealt out evenly
    over all K classes, and the rest goes to the right one.
    loss[n] = (1 - s) * surprise[n, target[n]] + s * mean over k of surprise[n, k]
    with surprise[n, k] = -log of the softmax at class k

    Args:
        logits: (N, K) or (N, K, d1, ...), as (N, K, H, W) for K classes of each pixel; any
            numbers, not probabilities.
        target: (N,) or (N, d1, ...) int64, the right classes, from 0 to K - 1, or ignore_index.
        ignore_index: where target is this, the loss is 0 and does not count in the mean.
        reduction: "mean" or "sum" of all losses, or "none" to have them all.
        label_smoothing: s, from 0 to 1; 0 smooths nothing.

    Returns:
        One number, (), at least 0, and NaN for a mean where all are ignored; with reduction
        "none" the shape of target.

    Raises:
        TypeError: logits are no floating-point tensor, or target is no tensor of int64.
        ValueError: a shape or a setting does not fit, the batch is empty, or a class is not there.

    Example:
        >>> import torch
        >>> cross_entropy(torch.zeros(1, 4), torch.tensor([2]))  # log 4
        tensor(1.3863)

    Source:
        Label smoothing: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking the Inception
        architecture for computer vision, 2015, section 7, https://arxiv.org/abs/1512.00567
        The twin is torch.nn.functional.cross_entropy; it also takes a weight for each class, and
        probabilities as target.

    Taught in: book/training/first_training.md
    """
    _check_cross_entropy(logits, target, ignore_index, reduction, label_smoothing)
    rows = logits.movedim(1, -1).flatten(0, -2)  # (M, K), a row for each number of target
    losses = []
    for row, right in zip(rows, target.flatten().tolist(), strict=True):  # (K,)
        if right == ignore_index:
            losses.append(row[:0].sum())  # the sum of nothing: 0, and its gradient is 0
            continue
        greatest = row.max()
        surprise = greatest + (row - greatest).exp().sum().log() - row  # (K,)
        loss = surprise[right]
        if label_smoothing > 0:
            loss = (1 - label_smoothing) * loss + label_smoothing * surprise.mean()
        losses.append(loss)
    losses = torch.stack(losses).reshape(target.shape)
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.sum() / (target != ignore_index).sum()


def _check_cross_entropy(
    logits: Tensor, target: Tensor, ignore_index: int, reduction: str, label_smoothing: float
) -> None:
    """Refuse what are no logits with their classes."""
    check_floating(logits=logits)
    if not isinstance(target, Tensor) or target.dtype != torch.int64:
        kind = getattr(target, "dtype", type(target).__name__)
        raise TypeError(
            f"target is of type {kind}, but a tensor of torch.int64 is needed: "
            f"use torch.tensor(...) with whole numbers, or .long()"
        )
    shapes = tuple(logits.shape), tuple(target.shape)
    if len(shapes[0]) < 2 or 0 in shapes[0] or shapes[1] != shapes[0][:1] + shapes[0][2:]:
        raise ValueError(
            f"logits have shape {shapes[0]} and target has {shapes[1]}, but (N, K) and (N,), or "
            f"(N, K, d1, ...) and (N, d1, ...), without a zero are needed: give one class for "
            f"each K logits"
        )
    if reduction not in REDUCTIONS or not 0 <= label_smoothing <= 1:
        raise ValueError(
            f"reduction is {reduction!r} and label_smoothing is {label_smoothing!r}, but one of "
            f'{REDUCTIONS} and a number from 0 to 1 are needed: try "mean" and 0'
        )
    classes = target[target != ignore_index]
    if len(classes) and not 0 <= classes.min() <= classes.max() < logits.shape[1]:
        raise ValueError(
            f"target has classes from {classes.min()} to {classes.max()}, but 0 to "
            f"{logits.shape[1] - 1} is needed for {logits.shape[1]} logits: count classes from 0"
        )
