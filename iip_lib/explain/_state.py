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
        _set_modes([(part, False) for part, _ in modes])
        yield
    finally:
        _set_modes(modes)


def _set_modes(modes: list[tuple[nn.Module, bool]]) -> None:
    """Set the flags alone: a network's own ``train()`` may do more than can be taken back."""
    for part, training in modes:
        if part.training != training:
            part.training = training


@contextmanager
def asking(model: nn.Module, images: Tensor) -> Iterator[None]:
    """Evaluation mode, no gradients, and random numbers given back."""
    with evaluating(model), _random_kept(images), torch.no_grad():
        yield


@contextmanager
def differentiating(images: Tensor) -> Iterator[None]:
    """Gradients, whatever the caller has switched off, and random numbers given back."""
    with _random_kept(images), torch.inference_mode(False), torch.enable_grad():
        yield


def _random_kept(images: Tensor):
    """Random numbers that the network draws inside are given back."""
    return torch.random.fork_rng([images.device] if images.is_cuda else [])
