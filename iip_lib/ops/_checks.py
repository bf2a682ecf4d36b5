"""What the operators refuse, and how they say it."""

from torch import Tensor

__all__: list[str] = []


def pair(name: str, value: int | tuple[int, int], least: int) -> tuple[int, int]:
    """`value` for rows and columns."""
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    whole = all(isinstance(v, int) and not isinstance(v, bool) for v in both)
    if len(both) != 2 or not whole or min(both) < least:
        raise ValueError(
            f"{name} is {value!r}, but a whole number of at least {least}, or a pair of them, "
            f"is needed: try {name}={least}"
        )
    return both


def given(**tensors: Tensor | None) -> dict[str, Tensor]:
    """Those of the optional arguments that came."""
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


def check_floating(**tensors: Tensor) -> None:
    """Refuse what is no tensor, and more than one dtype."""
    first = next(iter(tensors.values()))
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"{name} is of type {type(tensor).__name__}, but a tensor is needed: "
                f"use torch.tensor(...)"
            )
        if not tensor.is_floating_point() or tensor.dtype != first.dtype:
            raise TypeError(
                f"{name} has dtype {tensor.dtype}, but one floating-point dtype is needed for "
                f"all: use .float()"
            )


def check_image(image: Tensor, **others: Tensor) -> None:
    """Refuse what is no picture, no batch or without a pixel; the others need its dtype."""
    check_floating(image=image, **others)
    if image.ndim not in (3, 4):
        raise ValueError(
            f"image has shape {tuple(image.shape)}, but (C, H, W) or (N, C, H, W) is needed: "
            f"a grey (H, W) picture becomes (1, H, W) by image[None]"
        )
    if 0 in image.shape[-2:]:
        raise ValueError(
            f"image has shape {tuple(image.shape)}, but at least one pixel is needed: give a "
            f"picture with content"
        )
