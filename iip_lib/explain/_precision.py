"""The precision in which the questions calculate."""

import torch
from torch import Tensor

__all__: list[str] = []


def at_least_single(values: Tensor) -> Tensor:
    """Half precision becomes single: there, a sum of many numbers would stop growing."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
