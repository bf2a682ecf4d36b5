"""What the loop refuses, and how it says it."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

__all__: list[str] = []


def check_numbers(least: int, **numbers: int | None) -> None:
    """Refuse a number of epochs, … that is no whole number of at least `least`."""
    for name, value in numbers.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(
                f"{name} is {value!r}, but a whole number of at least {least} is needed: "
                f"try {name}={max(least, 1)}"
            )


def check_optimizer(optimizer: Optimizer, model: nn.Module, loss_fn: Any) -> None:
    """Refuse an optimizer that moves nothing here, or a part that is no longer there."""
    if isinstance(optimizer, torch.optim.LBFGS):
        raise ValueError(
            "LBFGS asks for the loss several times in a step, but here a batch has one: "
            "try torch.optim.SGD or torch.optim.AdamW"
        )
    parts = [part for part in (model, loss_fn) if isinstance(part, nn.Module)]
    here = {id(p) for part in parts for p in part.parameters()}
    moved = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not any(id(p) in moved for p in model.parameters()):
        raise ValueError(
            "the optimizer holds no parameter of this model, but it has to change them: build "
            "it anew, over model.parameters(), after each time you build or replace the model"
        )
    left_out = [p for p in model.parameters() if p.requires_grad and id(p) not in moved]
    if moved - here and left_out:
        raise ValueError(
            "the optimizer holds parameters that are no longer those of this model, and not all of "
            "those that are: build it anew, over model.parameters(), after each time you build or "
            "replace the model or a part of it"
        )


def check_scheduler(scheduler: Any, optimizer: Optimizer, schedule_by: str) -> None:
    """Refuse a scheduler that moves nothing here, or that goes on after nothing."""
    if schedule_by not in ("epoch", "batch"):
        raise ValueError(
            f"schedule_by is {schedule_by!r}, but a scheduler goes on after each epoch or each "
            f'batch: try schedule_by="epoch"'
        )
    if scheduler is not None and scheduler.optimizer is not optimizer:
        raise ValueError(
            "the scheduler belongs to another optimizer, but it has to change the learning rate "
            "of this one: build it anew, over the optimizer, after each time you build that"
        )
    if schedule_by == "batch" and isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        raise ValueError(
            "ReduceLROnPlateau reads a number of the history, which has one line an epoch: "
            'use schedule_by="epoch"'
        )


def check_monitor(monitor: str, metrics: Mapping[str, Any] | None, val_loader: Any) -> bool:
    """Refuse to be led by what will not be in the history; say whether higher is better."""
    if not monitor.startswith(("train_", "val_")):
        raise ValueError(
            f"monitor is {monitor!r}, but a name that begins with train_ or val_ is needed: "
            f'try monitor="val_loss"'
        )
    if monitor.startswith("val_") and val_loader is None:
        raise ValueError(
            f"monitor is {monitor!r}, but nothing is validated: give a val_loader, or try "
            f'monitor="train_loss"'
        )
    metric = dict(metrics or {}).get(monitor[len("val_") :]) if monitor[0] == "v" else None
    if metric is None:  # a loss, or a part of one
        return False
    if metric.higher_is_better is None:
        raise ValueError(
            f"monitor is {monitor!r}, but {type(metric).__name__} does not say whether higher is "
            f"better: choose a metric whose higher_is_better is True or False"
        )
    return metric.higher_is_better


def check_monitored(monitor: str, epoch: Mapping[str, Any], names: set[str]) -> None:
    """Refuse to be led by what is no number of a loss or a metric (their names without prefix)."""
    numbers = [
        name
        for name, value in epoch.items()
        if isinstance(value, (int, float)) and name.partition("_")[2] in names
    ]
    if monitor not in numbers:
        raise ValueError(
            f"monitor is {monitor!r}, but a single number of the history is needed: "
            f"choose one of {', '.join(numbers)}"
        )


def check_losses(losses: Mapping[str, Any]) -> None:
    """Refuse what cannot be added up to a loss."""
    for name, loss in losses.items():
        if not isinstance(loss, Tensor):
            raise TypeError(
                f"{name!r} is of type {type(loss).__name__}, but a tensor with a gradient is "
                f"needed: let loss_fn return it without .item()"
            )
        if loss.ndim:
            raise ValueError(
                f"{name!r} has shape {tuple(loss.shape)}, but a single number is needed: "
                f"let loss_fn return its mean()"
            )
    if not losses or ("loss" in losses and len(losses) > 1):
        raise ValueError(
            f"the parts of the loss are {list(losses)}, but at least one is needed, and 'loss' is "
            f"the name of their sum: name each after what it measures"
        )


def check_same_names(names: list[str], before: list[str]) -> None:
    """Refuse a loss whose parts change from batch to batch."""
    if before and names != before:
        raise ValueError(
            f"the losses of a batch are {names}, but those of the one before were {before}: let "
            f"loss_fn return the same parts in the same order each time"
        )


def check_other_names(losses: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
    """Refuse a metric that would take the place of a loss in the history."""
    both = sorted(losses.keys() & metrics.keys())
    if both:
        raise ValueError(
            f"{both} are names of losses and of metrics, but in the history each must be one "
            f"thing: give the metrics other names"
        )


def check_gradient(loss: Tensor) -> None:
    """Refuse a loss from which nothing can be learned."""
    if not loss.requires_grad:
        raise ValueError(
            "the loss has no gradient, but one is needed to learn: look whether all parameters "
            "are frozen (requires_grad), or outputs were detached"
        )


def refuse_infinite(names: list[str], losses: Tensor, batch: int) -> None:
    """Stop where a loss (one number a name) is NaN or infinite."""
    if torch.isfinite(losses).all():
        return
    numbers = zip(names, losses.tolist(), strict=True)
    bad = {name: number for name, number in numbers if not math.isfinite(number)}
    parts = " and ".join(repr(name) for name in bad if name != "loss")
    raise FloatingPointError(
        f"{f'the part {parts} of the loss' if parts else 'the loss'} of batch {batch} is "
        f"{list(bad.values())[-1]}, but a finite number is needed: try a smaller learning rate, "
        f"and look for NaN or infinity in the inputs"
    )


def refuse_empty(batches: int) -> None:
    """Stop where a loader was empty."""
    if not batches:
        raise ValueError(
            "the loader gives no batch, but at least one is needed: look at its data set, at "
            "drop_last, and whether it is a generator that is used up"
        )


@contextmanager
def told(where: str) -> Iterator[None]:
    """An error in the numbers also says where it came."""
    try:
        yield
    except FloatingPointError as error:
        raise FloatingPointError(f"{where}: {error}") from error
