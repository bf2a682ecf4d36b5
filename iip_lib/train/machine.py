"""How much work this machine is given, and in which numbers it computes."""

import os
from typing import TypeVar

import torch

__all__ = ["fast_precision", "per_device"]

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
        device = "gpu" if torch.accelerator.is_available() else "cpu"
    if device not in ("cpu", "gpu"):
        raise ValueError(
            f"the environment variable IIP_DEVICE is {device!r}, but cpu or gpu is needed: "
            f"set it to one of them, or unset it"
        )
    return {"cpu": cpu, "gpu": gpu}[device]


def fast_precision() -> str:
    """The precision in which this machine trains fastest: what `precision` of `fit` is to be.

    A processor with instructions for bfloat16 is quicker with it: a ResNet-20 saw 722 pictures a
    second instead of 463 on one with AVX512-BF16. One without them imitates each: with AVX2 alone,
    a small ResNet took more than ten times as long as in float32.

    Returns:
        "bf16" with an accelerator, or where the processor has AVX512-BF16, AMX or the bfloat16
        of Arm; "no", which is float32, elsewhere, and where torch is too old to tell.

    Example:
        >>> fast_precision() in ("bf16", "no")
        True

    Source:
        torch.cpu.get_capabilities,
        https://docs.pytorch.org/docs/stable/generated/torch.cpu.get_capabilities.html

    Taught in: book/training/hyperparameters.md
    """
    if torch.accelerator.is_available():
        return "bf16"
    known = getattr(torch.cpu, "get_capabilities", dict)()
    return "bf16" if any(known.get(name) for name in _BF16) else "no"


_BF16 = ("avx512_bf16", "amx_bf16", "bf16")  # the last one is Arm's
