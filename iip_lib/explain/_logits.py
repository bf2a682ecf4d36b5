"""The logits of classes, in batches."""

import torch
from torch import Tensor, nn

__all__: list[str] = []


def logits_of(logits: Tensor, target: Tensor | int) -> Tensor:
    """(N, K) → the logit of its class for each picture, (N,)."""
    check_logits(logits)
    target = classes(target, *logits.shape).to(logits.device)
    return logits.gather(1, target[:, None])[:, 0]


def classes(target: Tensor | int, number: int, classes: int) -> Tensor:
    """One class for each of `number` pictures, (N,) int64."""
    target = torch.as_tensor(target)
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise TypeError(
            f"the target is {target.dtype}, but whole numbers are needed: "
            f"give class indices, such as logits.argmax(dim=1)"
        )
    if target.ndim == 0:
        target = target.expand(number)
    if target.shape != (number,):
        raise ValueError(
            f"the target has shape {tuple(target.shape)}, but ({number},) is needed for "
            f"{number} pictures: give one class for each, or one number for all"
        )
    if number and (target.min() < 0 or target.max() >= classes):
        raise ValueError(
            f"the target has classes from {target.min()} to {target.max()}, but 0 to "
            f"{classes - 1} are needed: look at the order of the {classes} logits"
        )
    return target.long()


def in_batches(model: nn.Module, images: Tensor, batch_size: int) -> Tensor:
    """What the network gives for (N, C, H, W), `batch_size` pictures at a time."""
    return torch.cat([model(part) for part in images.split(batch_size)])


def scores(
    model: nn.Module,
    changed: Tensor,
    target: Tensor | int,
    batch_size: int,
    softmax: bool = False,
) -> Tensor:
    """The logits (or probabilities) of the N pictures' classes, from b changes of each picture.

    (b, N, C, H, W) → (b, N)
    """
    logits = in_batches(model, changed.flatten(0, 1), batch_size)  # (b * N, K)
    check_logits(logits)
    scores = logits.softmax(dim=1) if softmax else logits
    target = classes(target, changed.shape[1], scores.shape[1]).repeat(len(changed))
    return logits_of(scores, target).view(changed.shape[:2])


def share(batch_size: int, images: Tensor) -> int:
    """How many changes of all pictures go into one batch."""
    return max(1, batch_size // max(1, len(images)))


def check_logits(logits: Tensor) -> None:
    """Refuse what is no row of logits for each picture."""
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        came = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(
            f"the network gives {came}, but logits (N, K) are needed: "
            f"wrap it in a module that gives one row of logits a picture"
        )
