"""What happened in a training, one line an epoch."""

import math
from dataclasses import dataclass, field
from typing import Any

__all__ = ["History"]


@dataclass
class History:
    """What happened in each epoch of a training.

    Args:
        epochs: a dict for each epoch: ``epoch`` (from 1), ``train_loss`` and, where the loss has
            named parts, ``train_`` with the name of each; with a validation loader ``val_loss``
            and ``val_`` with the name of each part and each metric; with a scheduler ``lr``, the
            learning rate (of the first group) with which the epoch began; ``seconds``.
        best_epoch: the epoch whose weights the network has now, where `fit` was told to look for
            the best; else None.

    Returns:
        A record. ``pandas.DataFrame(history.epochs)`` is its table, and
        ``history["train_loss"]`` a list with one number an epoch.

    Raises:
        KeyError: ``history[name]`` for a name that is not there.

    Example:
        >>> history = History([{"epoch": 1, "train_loss": 2.3}, {"epoch": 2, "train_loss": 0.9}])
        >>> history["train_loss"]
        [2.3, 0.9]

    Source:
        The form is that of records: https://pandas.pydata.org/docs/user_guide/dsintro.html

    Taught in: book/training/first_training.md
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int | None = None

    def __getitem__(self, name: str) -> list[Any]:
        return [epoch[name] for epoch in self.epochs]

    def best(self, name: str, *, higher_is_better: bool = False) -> int:
        """The epoch with the best number of this name: the first of equals; NaN is the worst."""
        sign = -1 if higher_is_better else 1
        costs = [math.inf if math.isnan(x) else sign * x for x in self[name]]
        return self["epoch"][costs.index(min(costs))]
