"""Pooling: a window becomes one number, its greatest or its mean."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ._checks import check_image, pair
from ._windows import Pair, count_windows

__all__ = ["avg_pool2d", "max_pool2d"]


def max_pool2d(
    image: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Max pooling: the greatest number of each window, in each channel.

    out[c, i, j] = max of padded[c, y, x] over all u, v
    with y = i * stride + u * dilation and x = j * stride + v * dilation

    Args:
        image: (C, H, W) or (N, C, H, W).
        kernel_size: rows and columns of a window, at least 1.
        stride: rows and columns from one window to the next; the window's own if not given.
        padding: rows and columns of minus infinity put around the image, at most half a window.
        dilation: rows and columns from one pixel of a window to the next, at least 1.
        ceil_mode: True keeps a last window that sticks out, if it begins before the padding at
            the end; of it, only what lies inside is read.

    Returns:
        (C, H', W') or (N, C, H', W') with
        H' = (H + 2 * padding - dilation * (kh - 1) - 1) // stride + 1, and W' likewise; in
        ceil_mode one more where a window sticks out. Minus infinity is left where dilation makes
        a window read padding only.

    Raises:
        TypeError: something else than a floating-point tensor came.
        ValueError: a shape, a size, a stride, a padding or a dilation does not fit.

    Example:
        >>> import torch
        >>> image = torch.tensor([[[1.0, 2.0, 5.0, 0.0, 7.0], [3.0, 0.0, 0.0, 0.0, 0.0]]])
        >>> max_pool2d(image, 2)
        tensor([[[3., 5.]]])
        >>> max_pool2d(image, 2, ceil_mode=True)
        tensor([[[3., 5., 7.]]])

    Source:
        The twin is torch.nn.functional.max_pool2d; it can also tell where the greatest was.

    Taught in: book/cnn/components.md
    """
    (kh, kw), strides, paddings = _pairs(image, kernel_size, stride, padding)
    step_y, step_x = pair("dilation", dilation, least=1)
    high, wide = step_y * (kh - 1) + 1, step_x * (kw - 1) + 1  # what a window spans
    rows, columns = count_windows(image.shape[-2:], (high, wide), strides, paddings, ceil_mode)
    padded = _pad(image, paddings, value=-torch.inf)
    out = image.new_zeros(*image.shape[:-2], rows, columns)
    for i in range(rows):
        for j in range(columns):
            y, x = i * strides[0], j * strides[1]
            window = padded[..., y : y + high : step_y, x : x + wide : step_x]  # (..., C, kh, kw)
            out[..., i, j] = window.flatten(-2).max(dim=-1).values  # (..., C)
    return out


def avg_pool2d(
    image: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Average pooling: the mean of each window, in each channel.

    out[c, i, j] = mean of padded[c, i * stride + u, j * stride + v] over all u, v

    Args:
        image: (C, H, W) or (N, C, H, W).
        kernel_size: rows and columns of a window, at least 1.
        stride: rows and columns from one window to the next; the window's own if not given.
        padding: rows and columns of zeros put around the image, at most half a window.
        ceil_mode: True keeps a last window that sticks out, if it begins before the padding at
            the end; what lies outside does not count.
        count_include_pad: True counts the zeros of the padding in the mean; False takes the mean
            of the image's own pixels.

    Returns:
        (C, H', W') or (N, C, H', W') with H' = (H + 2 * padding - kh) // stride + 1, and W'
        likewise; in ceil_mode one more where a window sticks out.

    Raises:
        TypeError: something else than a floating-point tensor came.
        ValueError: a shape, a size, a stride or a padding does not fit.

    Example:
        >>> import torch
        >>> avg_pool2d(torch.tensor([[[1.0, 2.0, 5.0, 0.0], [3.0, 0.0, 0.0, 0.0]]]), 2)
        tensor([[[1.5000, 1.2500]]])

    Source:
        The twin is torch.nn.functional.avg_pool2d; it can also divide by a given number.

    Taught in: book/cnn/components.md
    """
    (kh, kw), strides, paddings = _pairs(image, kernel_size, stride, padding)
    rows, columns = count_windows(image.shape[-2:], (kh, kw), strides, paddings, ceil_mode)
    padded = _pad(image, paddings, value=0.0)
    ones = image.new_ones(image.shape[-2:])
    counts = _pad(ones, paddings, value=1.0 if count_include_pad else 0.0)  # (H, W), padded
    out = image.new_zeros(*image.shape[:-2], rows, columns)
    for i in range(rows):
        for j in range(columns):
            y, x = i * strides[0], j * strides[1]
            window = padded[..., y : y + kh, x : x + kw]  # (..., C, kh, kw)
            count = counts[y : y + kh, x : x + kw].sum()
            out[..., i, j] = window.sum(dim=(-2, -1)) / count  # (..., C)
    return out


def _pad(image: Tensor, paddings: Pair, value: float) -> Tensor:
    """Rows and columns of one value on each side of the last two axes."""
    above, left = paddings
    return F.pad(image, (left, left, above, above), value=value)  # the last axis first


def _pairs(
    image: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None,
    padding: int | tuple[int, int],
) -> tuple[Pair, Pair, Pair]:
    """Size of a window, strides and paddings; refuse what cannot be pooled."""
    size = pair("kernel_size", kernel_size, least=1)
    strides = size if stride is None else pair("stride", stride, least=1)
    paddings = pair("padding", padding, least=0)
    if 2 * paddings[0] > size[0] or 2 * paddings[1] > size[1]:
        raise ValueError(
            f"padding is {paddings} for windows of {size[0]}×{size[1]}, but at most half a "
            f"window is needed: use less padding or larger windows"
        )
    check_image(image)
    return size, strides, paddings
