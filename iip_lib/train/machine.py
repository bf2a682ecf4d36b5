"""How much work this machine is given."""

import os
from typing import TypeVar

import torch

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
