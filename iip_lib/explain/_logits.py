"""The logits that a network gives, and those of the classes that are asked for."""

import torch
from torch import Tensor, nn

from ._precision import at_least_single

__all__: list[str] = []


def logits_of(model: nn.Module, images: Tensor) -> Tensor:
    """What the network gives for (N, C, H, W): (N, K), in single precision at least."""
    logits = model(images)
    if not isinstance(logits, Tensor):
        raise TypeError(
            f"the network gives a {type(logits).__name__}, but a tensor of logits (N, K) is "
            f"needed: wrap it in a module that gives only these"
        )
    if logits.ndim != 2 or len(logits) != len(images):
        raise ValueError(
            f"the network gives shape {tuple(logits.shape)} for {len(images)} pictures, but "
            f"logits (N, K) are needed: wrap it in a module that gives one row a picture"
        )
    return at_least_single(logits)


def in_batches(model: nn.Module, images: Tensor, batch_size: int) -> Tensor:
    """The logits (N, K) of (N, C, H, W), `batch_size` pictures at a time."""
    return torch.cat([logits_of(model, part) for part in images.split(batch_size)])


def of_class(scores: Tensor, target: Tensor | int) -> Tensor:
    """The number of its class for each picture: (…, N, K) → (…, N)."""
    target = class_indices(target, *scores.shape[-2:]).to(scores.device)
    return scores.gather(-1, target.expand(scores.shape[:-1])[..., None])[..., 0]


def class_indices(target: Tensor | int, number: int, classes: int) -> Tensor:
    """One class for each of `number` pictures, (N,) int64."""
    try:
        target = torch.as_tensor(target)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(
            f"the target is a {type(target).__name__}, but whole numbers are needed: "
            f"give one class index, or a tensor of them"
        ) from None
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise TypeError(
            f"the target is {target.dtype}, but whole numbers are needed: "
            f"give class indices, such as logits.argmax(dim=1)"
        )
    if target.ndim == 0:
        target = target.expand(number)
    if target.shape != (number,):
        raise ValueError(
            f"the target has shape {tuple(target.shape)}, but ({number},) is needed, a class for "
            f"each picture: give one for each, or one number for all"
        )
    if number and (target.min() < 0 or target.max() >= classes):
        raise ValueError(
            f"the target has classes from {target.min()} to {target.max()}, but 0 to "
            f"{classes - 1} are needed: look at the order of the {classes} logits"
        )
    return target.long()


def changes_at_a_time(batch_size: int, images: Tensor) -> int:
    """How many changes of all pictures go into one batch."""
    return max(1, batch_size // max(1, len(images)))


def logits_of_changes(model: nn.Module, changed: Tensor, batch_size: int) -> Tensor:
    """The logits of b changes of N pictures: (b, N, C, H, W) → (b, N, K)."""
    return in_batches(model, changed.flatten(0, 1), batch_size).unflatten(0, changed.shape[:2])
