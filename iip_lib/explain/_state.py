"""What a question borrows, and gives back."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__: list[str] = []


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards each part is in the mode in which it came."""
    modes = [(part, part.training) for part in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for part, training in modes:
            part.training = training


def random_kept(images: Tensor):
    """Random numbers that the network draws inside are given back."""
    return torch.random.fork_rng([images.device] if images.is_cuda else [])


@contextmanager
def asking(model: nn.Module, images: Tensor) -> Iterator[None]:
    """Evaluation mode, no gradients, and random numbers given back."""
    with evaluating(model), random_kept(images), torch.no_grad():
        yield
