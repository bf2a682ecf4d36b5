"""Operators written out to be read. For work, use torch and torchvision: they are faster.

Each function has the signature of its twin and gives equal numbers.
"""

from torch import Tensor

__all__ = ["conv2d"]


def conv2d(
    image: Tensor,
    kernel: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """Convolution as networks use it, by plain loops.

    out[o, i, j] = bias[o] + sum of kernel[o, c, u, v] * padded[c, i * stride + u, j * stride + v]
    over all c, u, v

    The kernel is not mirrored: in the words of signal processing, this is a cross-correlation.

    Args:
        image: (C, H, W) or (N, C, H, W).
        kernel: (O, C, kh, kw), O kernels of kh rows and kw columns.
        bias: (O,), a number added to each output channel.
        stride: rows and columns from one window to the next, at least 1.
        padding: rows and columns of zeros put around the image, at least 0.

    Returns:
        (O, H', W') or (N, O, H', W') with H' = (H + 2 * padding - kh) // stride + 1.

    Raises:
        TypeError: something else than floating-point tensors came, or two data types.
        ValueError: a shape, a stride or a padding does not fit.

    Example:
        >>> import torch
        >>> conv2d(torch.arange(4.0).reshape(1, 1, 4), torch.tensor([[[[-1.0, 1.0]]]]))
        tensor([[[1., 1., 1.]]])

    Source:
        The twin is torch.nn.functional.conv2d (dilation 1, groups 1).

    Taught in: book/images/local_operations.md
    """
    strides = _pair("stride", stride, least=1)
    paddings = _pair("padding", padding, least=0)
    _check(image, kernel, bias, paddings)

    batch = image if image.ndim == 4 else image[None]  # (N, C, H, W)
    n, c, h, w = batch.shape
    outputs, _, kh, kw = kernel.shape
    (down, right), (above, left) = strides, paddings

    padded = batch.new_zeros(n, c, h + 2 * above, w + 2 * left)
    padded[:, :, above : above + h, left : left + w] = batch

    rows = (h + 2 * above - kh) // down + 1
    columns = (w + 2 * left - kw) // right + 1
    out = batch.new_zeros(n, outputs, rows, columns)
    for o in range(outputs):
        for i in range(rows):
            for j in range(columns):
                y, x = i * down, j * right
                window = padded[:, :, y : y + kh, x : x + kw]  # (N, C, kh, kw)
                out[:, o, i, j] = (window * kernel[o]).sum(dim=(1, 2, 3))  # (N,)
    if bias is not None:
        out = out + bias[:, None, None]
    return out if image.ndim == 4 else out[0]


def _pair(name: str, value: int | tuple[int, int], least: int) -> tuple[int, int]:
    """`value` for rows and columns."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    whole = all(isinstance(v, int) and not isinstance(v, bool) for v in pair)
    if len(pair) != 2 or not whole or min(pair) < least:
        raise ValueError(
            f"{name} is {value!r}, but a whole number of at least {least}, or a pair of them, "
            f"is needed: try {name}={least}"
        )
    return pair


def _check(image: Tensor, kernel: Tensor, bias: Tensor | None, paddings: tuple[int, int]) -> None:
    """Refuse what cannot be convolved."""
    tensors = {"image": image, "kernel": kernel} | ({} if bias is None else {"bias": bias})
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"{name} is of type {type(tensor).__name__}, but a tensor is needed: "
                f"use torch.tensor(...)"
            )
        if not tensor.is_floating_point() or tensor.dtype != image.dtype:
            raise TypeError(
                f"{name} has dtype {tensor.dtype}, but one floating-point dtype is needed for "
                f"all: use .float()"
            )
    if image.ndim not in (3, 4):
        raise ValueError(
            f"image has shape {tuple(image.shape)}, but (C, H, W) or (N, C, H, W) is needed: "
            f"a grey (H, W) picture becomes (1, H, W) by image[None]"
        )
    if kernel.ndim != 4 or 0 in kernel.shape:
        raise ValueError(
            f"kernel has shape {tuple(kernel.shape)}, but (O, C, kh, kw) without a zero is needed: "
            f"one (kh, kw) table becomes (1, 1, kh, kw) by kernel[None, None]"
        )
    if kernel.shape[1] != image.shape[-3]:
        raise ValueError(
            f"kernel has {kernel.shape[1]} input channels and the image has {image.shape[-3]}, "
            f"but they must be equal: give the kernel the shape (O, {image.shape[-3]}, kh, kw)"
        )
    if bias is not None and bias.shape != kernel.shape[:1]:
        raise ValueError(
            f"bias has shape {tuple(bias.shape)}, but one number per kernel is needed: "
            f"give it the shape ({kernel.shape[0]},)"
        )
    size = tuple(length + 2 * p for length, p in zip(image.shape[-2:], paddings, strict=True))
    if size[0] < kernel.shape[2] or size[1] < kernel.shape[3]:
        raise ValueError(
            f"the padded image is {size[0]}×{size[1]} and the kernel is "
            f"{kernel.shape[2]}×{kernel.shape[3]}, but the kernel must fit into the image: "
            f"use more padding or a smaller kernel"
        )
