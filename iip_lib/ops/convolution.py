"""Convolution and its transpose: windows become numbers, and numbers become windows."""

import torch.nn.functional as F
from torch import Tensor

from ._checks import check_image, given, pair
from ._windows import count_windows

__all__ = ["conv2d", "conv_transpose2d"]


def conv2d(
    image: Tensor,
    kernel: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution as networks use it, by plain loops.

    out[o, i, j] = bias[o] + sum of kernel[o, c, u, v] * padded[c, y, x] over all c, u, v
    with y = i * stride + u * dilation and x = j * stride + v * dilation

    The kernel is not mirrored: in the words of signal processing, this is a cross-correlation.
    With groups, the channels and the kernels are dealt out evenly, in order, and a kernel reads
    the channels of its own group only.

    Args:
        image: (C, H, W) or (N, C, H, W).
        kernel: (O, C / groups, kh, kw), O kernels of kh rows and kw columns.
        bias: (O,), a number added to each output channel.
        stride: rows and columns from one window to the next, at least 1.
        padding: rows and columns of zeros put around the image, at least 0.
        dilation: rows and columns from one pixel of a window to the next, at least 1.
        groups: a divisor of C and of O, at least 1; with C groups it is a depthwise convolution.

    Returns:
        (O, H', W') or (N, O, H', W') with
        H' = (H + 2 * padding - dilation * (kh - 1) - 1) // stride + 1, and W' likewise.

    Raises:
        TypeError: something else than floating-point tensors came, or two data types.
        ValueError: a shape, a stride, a padding, a dilation or the groups do not fit.

    Example:
        >>> import torch
        >>> conv2d(torch.arange(4.0).reshape(1, 1, 4), torch.tensor([[[[-1.0, 1.0]]]]))
        tensor([[[1., 1., 1.]]])

    Source:
        Dumoulin, Visin: A guide to convolution arithmetic for deep learning, 2016, chapters 2
        and 5, https://arxiv.org/abs/1603.07285
        The twin is torch.nn.functional.conv2d; its padding may also be "same" or "valid".

    Taught in: book/images/local_operations.md
    """
    down, right = pair("stride", stride, least=1)
    above, left = pair("padding", padding, least=0)
    step_y, step_x = pair("dilation", dilation, least=1)
    _check_conv2d(image, kernel, bias, groups)

    outputs, channels, kh, kw = kernel.shape
    high, wide = step_y * (kh - 1) + 1, step_x * (kw - 1) + 1  # what a window spans
    rows, columns = count_windows(image.shape[-2:], (high, wide), (down, right), (above, left))
    padded = F.pad(image, (left, left, above, above))  # the last axis first

    out = image.new_zeros(*image.shape[:-3], outputs, rows, columns)
    for o in range(outputs):
        first = o * groups // outputs * channels  # of the channels that kernel o reads
        read = padded[..., first : first + channels, :, :]  # (..., C / groups, H, W), padded
        for i in range(rows):
            for j in range(columns):
                y, x = i * down, j * right
                window = read[..., y : y + high : step_y, x : x + wide : step_x]  # (..., kh, kw)
                out[..., o, i, j] = (window * kernel[o]).sum(dim=(-3, -2, -1))
    return out if bias is None else out + bias[:, None, None]


def conv_transpose2d(
    image: Tensor,
    kernel: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
    groups: int = 1,
    dilation: int | tuple[int, int] = 1,
) -> Tensor:
    """Transposed convolution: each pixel lays down its multiple of the kernel; overlaps add up.

    canvas[o, y, x] += image[c, i, j] * kernel[c, o, u, v] for all c, o, i, j, u, v
    with y = i * stride + u * dilation and x = j * stride + v * dilation;
    the result is the canvas without its border, plus the bias

    It is the convolution of the same stride, padding, dilation and groups, as a matrix,
    transposed: sizes go back, values do not. With groups, the input and the output channels are
    dealt out evenly, in order, and a channel lays its kernels on those of its own group only.

    Args:
        image: (C, H, W) or (N, C, H, W).
        kernel: (C, O / groups, kh, kw); a convolution's kernel has the input channels second,
            this one first.
        bias: (O,), a number added to each output channel.
        stride: rows and columns from one laid kernel to the next, at least 1.
        padding: rows and columns cut off on all sides of the canvas, at least 0.
        output_padding: rows added below and columns added at the right of the canvas, less than
            the stride or less than the dilation. A convolution with a stride makes several sizes
            the same; this says which of them to go back to.
        groups: a divisor of C, at least 1.
        dilation: rows and columns from one number of a laid kernel to the next, at least 1.

    Returns:
        (O, H', W') or (N, O, H', W') with H' = (H - 1) * stride + dilation * (kh - 1) + 1
        + output_padding - 2 * padding, and W' likewise.

    Raises:
        TypeError: something else than floating-point tensors came, or two data types.
        ValueError: a shape, a stride, a padding, a dilation or the groups do not fit.

    Example:
        >>> import torch
        >>> pixels, ones = torch.tensor([[[1.0, 5.0]]]), torch.ones(1, 1, 1, 3)
        >>> conv_transpose2d(pixels, ones, stride=2)  # the kernels overlap in one column
        tensor([[[1., 1., 6., 5., 5.]]])

    Source:
        Dumoulin, Visin: A guide to convolution arithmetic for deep learning, 2016, chapter 4,
        https://arxiv.org/abs/1603.07285
        The twin is torch.nn.functional.conv_transpose2d.

    Taught in: book/segmentation/upsampling.md
    """
    down, right = strides = pair("stride", stride, least=1)
    above, left = pair("padding", padding, least=0)
    extra = pair("output_padding", output_padding, least=0)
    step_y, step_x = steps = pair("dilation", dilation, least=1)
    if extra[0] >= max(down, step_y) or extra[1] >= max(right, step_x):
        raise ValueError(
            f"output_padding is {extra} with stride {strides} and dilation {steps}, but less than "
            f"one of them is needed: use less, or a greater stride"
        )
    _check_conv_transpose2d(image, kernel, bias, groups)

    channels, h, w = image.shape[-3:]
    _, outputs, kh, kw = kernel.shape
    high, wide = step_y * (kh - 1) + 1, step_x * (kw - 1) + 1  # what a laid kernel spans
    bottom, end = (h - 1) * down + high + extra[0], (w - 1) * right + wide + extra[1]
    if bottom <= 2 * above or end <= 2 * left:
        raise ValueError(
            f"the image is {h}×{w} and the canvas {bottom}×{end} before a border of "
            f"{above} and {left} is cut off, but a pixel must be left: use less padding"
        )

    canvas = image.new_zeros(*image.shape[:-3], groups * outputs, bottom, end)
    for c in range(channels):
        first = c * groups // channels * outputs  # of the channels that channel c writes
        written = canvas[..., first : first + outputs, :, :]  # (..., O / groups, bottom, end)
        for i in range(h):
            for j in range(w):
                y, x = i * down, j * right
                laid = image[..., c, i, j, None, None, None] * kernel[c]  # (..., kh, kw)
                written[..., y : y + high : step_y, x : x + wide : step_x] += laid
    out = canvas[..., above : bottom - above, left : end - left]
    return out if bias is None else out + bias[:, None, None]


def _check_kernel(image: Tensor, kernel: Tensor, bias: Tensor | None, groups: int) -> None:
    """Refuse what fits no convolution at all."""
    check_image(image, kernel=kernel, **given(bias=bias))
    if kernel.ndim != 4 or 0 in kernel.shape:
        raise ValueError(
            f"kernel has shape {tuple(kernel.shape)}, but four axes without a zero are needed: "
            f"one (kh, kw) table becomes (1, 1, kh, kw) by kernel[None, None]"
        )
    if not isinstance(groups, int) or isinstance(groups, bool) or groups < 1:
        raise ValueError(
            f"groups is {groups!r}, but a whole number of at least 1 is needed: try groups=1"
        )


def _check_bias(bias: Tensor | None, outputs: int) -> None:
    """Refuse a bias for another number of output channels."""
    if bias is not None and bias.shape != (outputs,):
        raise ValueError(
            f"bias has shape {tuple(bias.shape)}, but one number per output channel is needed: "
            f"give it the shape ({outputs},)"
        )


def _check_conv2d(image: Tensor, kernel: Tensor, bias: Tensor | None, groups: int) -> None:
    """Refuse what cannot be convolved."""
    _check_kernel(image, kernel, bias, groups)
    _check_bias(bias, kernel.shape[0])
    channels = image.shape[-3]
    if channels % groups or kernel.shape[0] % groups:
        raise ValueError(
            f"groups is {groups} for {channels} channels and {kernel.shape[0]} kernels, but a "
            f"divisor of both is needed: use groups=1"
        )
    if kernel.shape[1] != channels // groups:
        raise ValueError(
            f"kernel has {kernel.shape[1]} input channels and the image has {channels} in "
            f"{groups} group(s), but they must be equal in each group: give the kernel the shape "
            f"(O, {channels // groups}, kh, kw)"
        )


def _check_conv_transpose2d(
    image: Tensor, kernel: Tensor, bias: Tensor | None, groups: int
) -> None:
    """Refuse what cannot be convolved back."""
    _check_kernel(image, kernel, bias, groups)
    _check_bias(bias, groups * kernel.shape[1])
    channels = image.shape[-3]
    if kernel.shape[0] != channels:
        raise ValueError(
            f"kernel has {kernel.shape[0]} input channels and the image has {channels}, but they "
            f"must be equal: give the kernel the shape ({channels}, O / groups, kh, kw)"
        )
    if channels % groups:
        raise ValueError(
            f"groups is {groups} for {channels} channels, but a divisor is needed: use groups=1"
        )
