"""Tensors and words that came to be drawn: what fits, as matplotlib wants it, and what is refused."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__: list[str] = []


def as_list(given: Tensor | Sequence[Tensor], one: tuple[int, ...]) -> list[Tensor]:
    """A list of tensors; a tensor with one of the dimensions `one` is a single thing."""
    things = [given] if isinstance(given, Tensor) and given.ndim in one else list(given)
    if not things:
        raise ValueError("nothing came, but at least one tensor is needed: pass a list of them")
    return things


def as_floats(tensor: Tensor) -> Tensor:
    """A plain tensor on the CPU, float32 or float64, without gradient."""
    tensor = tensor.detach().cpu().as_subclass(Tensor)
    # NumPy has no bfloat16, and matplotlib takes whole numbers in a picture for 0 to 255.
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.double()


def as_picture(image: Tensor) -> Tensor:
    """(H, W) or (H, W, 3), in [0, 1]."""
    shape = tuple(image.shape)
    if image.ndim == 2:
        image = image[None]
    if image.ndim != 3 or image.shape[0] not in (1, 3) or 0 in shape:
        raise ValueError(
            f"an image has shape {shape}, but (3, H, W), (1, H, W) or (H, W) is needed: "
            f"pick the channels to be shown"
        )
    image = as_floats(image)
    low, high = image.min().item(), image.max().item()
    if not (low >= -1e-5 and high <= 1 + 1e-5):
        raise ValueError(
            f"an image has values from {low:.3g} to {high:.3g}, but 0 to 1 is needed: "
            f"divide bytes by 255, use .clamp(0, 1), or show_feature_maps for signed numbers"
        )
    image = image.clamp(0, 1)
    return image[0] if image.shape[0] == 1 else image.permute(1, 2, 0)


def as_table(table: Tensor) -> Tensor:
    """(H, W), finite."""
    shape = tuple(table.shape)
    if table.ndim == 3 and shape[0] == 1:
        table = table[0]
    if table.ndim != 2 or 0 in shape:
        raise ValueError(
            f"a table has shape {shape}, but (H, W) or (1, H, W) is needed: pick one channel"
        )
    table = as_floats(table)
    if not torch.isfinite(table).all():
        raise ValueError(
            "a table holds NaN or infinity, but finite numbers are needed: look for a division "
            "by zero, or use torch.nan_to_num"
        )
    return table


def greatest(table: Tensor) -> float:
    """The greatest size of a number, 1 in a table of zeros."""
    return table.abs().max().item() or 1.0


def check_words(name: str, words: Any, number: int, things: str) -> None:
    """One word for each thing, or None."""
    if words is not None and (isinstance(words, (str, Tensor)) or len(words) != number):
        raise ValueError(
            f"{name}s is {words!r} for {number} {things}, but one {name} for each is needed: "
            f"give a list of {number}"
        )


def check_alpha(alpha: float) -> None:
    """A share."""
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha!r}, but a number from 0 to 1 is needed: try 0.5")


def check_ncols(ncols: int | None) -> None:
    """A number of columns, or None."""
    if ncols is not None and ncols < 1:
        raise ValueError(f"ncols is {ncols!r}, but at least 1 is needed: try 3, or leave it out")
