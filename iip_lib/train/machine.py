"""The machine: how much work it is given, and the device on which the work is done."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn
from torch.optim import Optimizer

# accelerate is imported where it is used: it takes long to load.
if TYPE_CHECKING:
    from accelerate import Accelerator

__all__ = ["per_device"]

T = TypeVar("T")


def per_device(*, cpu: T, gpu: T) -> T:
    """The number that fits this machine.

    A number that depends on the machine is written where it is used, with both values to be
    seen: ``epochs = per_device(cpu=4, gpu=40)``.

    Args:
        cpu: what a machine without an accelerator gets.
        gpu: what a machine with an accelerator gets.

    Returns:
        `cpu` or `gpu`. The environment variable ``IIP_DEVICE`` decides where it is set to
        "cpu" or "gpu"; otherwise torch is asked whether there is an accelerator.

    Raises:
        ValueError: ``IIP_DEVICE`` has another value.

    Example:
        >>> per_device(cpu=4, gpu=40) in (4, 40)
        True

    Source:
        torch.accelerator, https://docs.pytorch.org/docs/stable/accelerator.html

    Taught in: book/training/first_training.md
    """
    device = os.environ.get("IIP_DEVICE")
    if device is None:
        device = "gpu" if _has_accelerator() else "cpu"
    if device not in ("cpu", "gpu"):
        raise ValueError(
            f"the environment variable IIP_DEVICE is {device!r}, but cpu or gpu is needed: "
            f"set it to one of them, or unset it"
        )
    return {"cpu": cpu, "gpu": gpu}[device]


def _has_accelerator() -> bool:
    # Before version 2.6, torch knew accelerators by the name of cuda only.
    return getattr(torch, "accelerator", torch.cuda).is_available()


def device_of(model: nn.Module) -> torch.device:
    """Where the first parameter is."""
    return next(model.parameters(), torch.empty(0)).device


@contextmanager
def modes_kept(model: nn.Module) -> Iterator[None]:
    """Whatever happens inside, each part is afterwards in the mode in which it came."""
    modes = [(part, part.training) for part in model.modules()]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def on_accelerator(
    model: nn.Module, optimizer: Optimizer, precision: str | None
) -> Iterator[tuple["Accelerator", nn.Module, Optimizer]]:
    """accelerate, and what it makes of model and optimizer; afterwards they are as they came.

    They come back to the device from which they came. The weights stay changed.
    """
    with warnings.catch_warnings():  # accelerate brings bars that ask for widgets; ours are text
        warnings.filterwarnings("ignore", message="IProgress not found")
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState, is_initialized

    home, own_forward = device_of(model), vars(model).get("forward")
    first = not is_initialized()
    # Without `cpu`, accelerate would let several processes on CPUs train side by side, unconnected.
    accelerator = Accelerator(mixed_precision=precision, cpu=not _has_accelerator())
    placed = accelerator.prepare_model(model)
    optimizer.load_state_dict(optimizer.state_dict())  # goes where its parameters are
    # fp16 scales gradients. Else accelerate's optimizer only costs time: it looks for a package,
    # and into a signature, at each step.
    stepper = optimizer if accelerator.scaler is None else accelerator.prepare_optimizer(optimizer)
    try:
        yield accelerator, placed, stepper
    finally:
        accelerator.unwrap_model(placed, keep_fp32_wrapper=False)
        vars(model).pop("forward", None)  # what is left of mixed precision
        if own_forward is not None:
            model.forward = own_forward
        if device_of(model) != home:
            model.to(home)
            optimizer.load_state_dict(optimizer.state_dict())
        if first:  # accelerate allows a program one precision; the next call may want another
            AcceleratorState._reset_state()
