"""What the networks refuse, and how they say it."""

import math

from torch import Tensor

__all__: list[str] = []


def check_numbers(**numbers: int) -> None:
    """Refuse a number of classes, channels, … that is no whole number of at least 1."""
    for name, value in numbers.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(
                f"{name} is {value!r}, but a whole number of at least 1 is needed: try {name}=3"
            )


def check_probability(**probabilities: float) -> None:
    """Refuse a share to be dropped that is not in [0, 1)."""
    for name, value in probabilities.items():
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < 1:
            raise ValueError(
                f"{name} is {value!r}, but a number of at least 0 and below 1 is needed: "
                f"try {name}=0.2"
            )


def check_factor(**factors: float) -> None:
    """Refuse a factor for channels, blocks, … that is no finite number above 0."""
    for name, value in factors.items():
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not 0 < value < math.inf:
            raise ValueError(
                f"{name} is {value!r}, but a finite number above 0 is needed: try {name}=0.5"
            )


def check_pictures(
    x: Tensor, in_channels: int, least: int = 1, divisor: int = 1, size: int | None = None
) -> None:
    """Refuse what is no batch of pictures for a network.

    Args:
        x: the input, which should be (N, in_channels, H, W) and floating-point.
        in_channels: the channels that the network was built for.
        least: H and W must be at least this.
        divisor: H and W must be multiples of this.
        size: H and W must be this, for a network that takes pictures of one size only.
    """
    needed = f"(N, {in_channels}, {size or 'H'}, {size or 'W'})"
    if not isinstance(x, Tensor):
        raise TypeError(
            f"the input is of type {type(x).__name__}, but a tensor {needed} is needed: "
            f"use torch.stack(pictures)"
        )
    if not x.is_floating_point():
        raise TypeError(
            f"the input has dtype {x.dtype}, but floating-point numbers are needed: "
            f"use x.float() / 255 for a picture of bytes"
        )
    if x.ndim != 4:
        raise ValueError(
            f"the input has shape {tuple(x.shape)}, but {needed} is needed: "
            f"a single picture (C, H, W) becomes a batch of one by x[None]"
        )
    if x.shape[1] != in_channels:
        raise ValueError(
            f"the input has {x.shape[1]} channels, but {in_channels} are needed: build the "
            f"network with in_channels={x.shape[1]}, or give pictures of shape {needed}"
        )
    height, width = x.shape[2:]
    fitting = (size, size) if size else (max(height, least), max(width, least))
    if (height, width) != fitting:
        pixels = f"{size}×{size}" if size else f"at least {least}×{least}"
        raise ValueError(
            f"the input has {height}×{width} pixels, but {pixels} are needed: "
            f'use torch.nn.functional.interpolate(x, size={fitting}, mode="bilinear")'
        )
    if height % divisor or width % divisor:
        down, right = -height % divisor, -width % divisor
        raise ValueError(
            f"the input has {height}×{width} pixels, but multiples of {divisor} are needed: use "
            f"torch.nn.functional.pad(x, (0, {right}, 0, {down})) for "
            f"{height + down}×{width + right}"
        )
