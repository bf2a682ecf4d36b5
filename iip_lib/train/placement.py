"""A network on the device where it learns, and afterwards as it came."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim import Optimizer

# accelerate is imported where it is used: it takes long to load.
if TYPE_CHECKING:
    from accelerate import Accelerator

__all__: list[str] = []


def device_of(model: nn.Module) -> torch.device:
    """Where the first parameter is; without one, the first buffer, such as weights of classes."""
    return next(chain(model.parameters(), model.buffers()), torch.empty(0)).device


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
    model: nn.Module, optimizer: Optimizer, loss_fn: Any, precision: str | None
) -> Iterator[tuple["Accelerator", nn.Module, Optimizer]]:
    """accelerate, and what it makes of model and optimizer; afterwards they are as they came.

    They come back to the device from which they came. The weights stay changed.
    """
    with warnings.catch_warnings():  # accelerate brings bars that ask for widgets; ours are text
        warnings.filterwarnings("ignore", message="IProgress not found")
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState, is_initialized

    if (
        precision == "fp16" and not torch.accelerator.is_available()
    ):  # accelerate would do nothing, and not say so
        raise ValueError(
            'precision is "fp16", but a GPU is needed for it: try precision="bf16", or None'
        )
    home, own_forward = device_of(model), vars(model).get("forward")
    first = not is_initialized()
    # Without `cpu`, accelerate would let several processes on CPUs train side by side, unconnected.
    accelerator = Accelerator(mixed_precision=precision, cpu=not torch.accelerator.is_available())
    placed = accelerator.prepare_model(model)
    placed.training = model.training  # a wrapper for several processes begins in training mode
    if device_of(model) != home:
        optimizer.load_state_dict(optimizer.state_dict())  # goes where its parameters are
    loss_home = device_of(loss_fn) if isinstance(loss_fn, nn.Module) else None
    if loss_home is not None:
        loss_fn.to(accelerator.device)
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
        if loss_home is not None:
            loss_fn.to(loss_home)
        if first:  # accelerate allows a program one precision; the next call may want another
            AcceleratorState._reset_state()
