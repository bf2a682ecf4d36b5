"""Operators written out to be read. For work, use torch and torchvision: they are faster.

Each function takes the arguments of its twin, in the twin's order, and gives equal numbers.
"""

import torch
from torch import Tensor

__all__ = [
    "affine_grid",
    "avg_pool2d",
    "batch_norm2d",
    "box_iou",
    "conv2d",
    "conv_transpose2d",
    "cross_entropy",
    "grid_sample",
    "max_pool2d",
    "nms",
    "resize_bilinear",
]


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
        H' = (H + 2 * padding - dilation * (kh - 1) - 1) // stride + 1.

    Raises:
        TypeError: something else than floating-point tensors came, or two data types.
        ValueError: a shape, a stride, a padding, a dilation or the groups do not fit.

    Example:
        >>> import torch
        >>> conv2d(torch.arange(4.0).reshape(1, 1, 4), torch.tensor([[[[-1.0, 1.0]]]]))
        tensor([[[1., 1., 1.]]])

    Source:
        The twin is torch.nn.functional.conv2d.

    Taught in: book/images/local_operations.md
    """
    down, right = _pair("stride", stride, least=1)
    step_y, step_x = _pair("dilation", dilation, least=1)
    paddings = _pair("padding", padding, least=0)
    _check_conv2d(image, kernel, bias, groups)

    padded = _pad(_as_batch(image), paddings, value=0.0)  # (N, C, H + 2 * padding, ...)
    outputs, channels, kh, kw = kernel.shape
    high, wide = step_y * (kh - 1) + 1, step_x * (kw - 1) + 1  # what a window spans
    rows, columns = _windows(padded, (high, wide), (down, right), "kernel")

    out = padded.new_zeros(len(padded), outputs, rows, columns)
    for o in range(outputs):
        first = o * groups // outputs * channels  # of the channels that kernel o reads
        read = padded[:, first : first + channels]  # (N, C / groups, ...)
        for i in range(rows):
            for j in range(columns):
                y, x = i * down, j * right
                window = read[:, :, y : y + high : step_y, x : x + wide : step_x]  # (..., kh, kw)
                out[:, o, i, j] = (window * kernel[o]).sum(dim=(1, 2, 3))  # (N,)
    if bias is not None:
        out = out + bias[:, None, None]
    return out if image.ndim == 4 else out[0]


def conv_transpose2d(
    image: Tensor,
    kernel: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
) -> Tensor:
    """Transposed convolution: each pixel lays down its multiple of the kernel; overlaps add up.

    canvas[o, i * stride + u, j * stride + v] += image[c, i, j] * kernel[c, o, u, v]
    for all c, i, j, u, v; the result is the canvas without its border, plus the bias

    It is the convolution of the same stride and padding, as a matrix, transposed: sizes go
    back, values do not.

    Args:
        image: (C, H, W) or (N, C, H, W).
        kernel: (C, O, kh, kw); a convolution's kernel has the input channels second, this one first.
        bias: (O,), a number added to each output channel.
        stride: rows and columns from one laid kernel to the next, at least 1.
        padding: rows and columns cut off on all sides of the canvas, at least 0.
        output_padding: rows added below and columns added at the right, less than the stride.

    Returns:
        (O, H', W') or (N, O, H', W') with H' = (H - 1) * stride + kh + output_padding - 2 * padding.

    Raises:
        TypeError: something else than floating-point tensors came, or two data types.
        ValueError: a shape, a stride or a padding does not fit.

    Example:
        >>> import torch
        >>> pixels, ones = torch.tensor([[[1.0, 5.0]]]), torch.ones(1, 1, 1, 3)
        >>> conv_transpose2d(pixels, ones, stride=2)  # the kernels overlap in one column
        tensor([[[1., 1., 6., 5., 5.]]])

    Source:
        Zeiler, Krishnan, Taylor, Fergus: Deconvolutional networks, 2010,
        https://doi.org/10.1109/CVPR.2010.5539957
        The twin is torch.nn.functional.conv_transpose2d (groups 1, dilation 1).

    Taught in: book/segmentation/upsampling.md
    """
    down, right = strides = _pair("stride", stride, least=1)
    above, left = _pair("padding", padding, least=0)
    extra = _pair("output_padding", output_padding, least=0)
    if extra[0] >= down or extra[1] >= right:
        raise ValueError(
            f"output_padding is {extra} with stride {strides}, but less than the stride is "
            f"needed: use a greater stride"
        )
    _check_conv_transpose2d(image, kernel, bias)

    batch = _as_batch(image)
    n, channels, h, w = batch.shape
    _, outputs, kh, kw = kernel.shape
    high, wide = (h - 1) * down + kh + extra[0], (w - 1) * right + kw + extra[1]
    if min(h, w) < 1 or high <= 2 * above or wide <= 2 * left:
        raise ValueError(
            f"the image is {h}×{w} and the canvas {high}×{wide} before a border of "
            f"{above} and {left} is cut off, but a pixel must be left: use less padding"
        )
    canvas = batch.new_zeros(n, outputs, high, wide)
    for c in range(channels):
        for i in range(h):
            for j in range(w):
                y, x = i * down, j * right
                pixel = batch[:, c, i, j, None, None, None]  # (N, 1, 1, 1)
                canvas[:, :, y : y + kh, x : x + kw] += pixel * kernel[c]  # (N, O, kh, kw)
    out = canvas[:, :, above : high - above, left : wide - left]
    if bias is not None:
        out = out + bias[:, None, None]
    return out if image.ndim == 4 else out[0]


def max_pool2d(
    image: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """Max pooling: the greatest number of each window, in each channel.

    out[c, i, j] = max of padded[c, i * stride + u, j * stride + v] over all u, v

    Args:
        image: (C, H, W) or (N, C, H, W).
        kernel_size: rows and columns of a window, at least 1.
        stride: rows and columns from one window to the next; the window's own if not given.
        padding: rows and columns of minus infinity put around the image, at most half a window.

    Returns:
        (C, H', W') or (N, C, H', W') with H' = (H + 2 * padding - kh) // stride + 1.

    Raises:
        TypeError: something else than a floating-point tensor came.
        ValueError: a shape, a size, a stride or a padding does not fit.

    Example:
        >>> import torch
        >>> max_pool2d(torch.tensor([[[1.0, 2.0, 5.0, 0.0], [3.0, 0.0, 0.0, 0.0]]]), 2)
        tensor([[[3., 5.]]])

    Source:
        The twin is torch.nn.functional.max_pool2d (dilation 1, ceil_mode False).

    Taught in: book/cnn/components.md
    """
    # A window of nothing but padding is ruled out, so no minus infinity is left.
    padded, (kh, kw), (down, right) = _pooling(image, kernel_size, stride, padding, -torch.inf)
    rows, columns = _windows(padded, (kh, kw), (down, right), "window")
    out = padded.new_zeros(*padded.shape[:2], rows, columns)
    for i in range(rows):
        for j in range(columns):
            y, x = i * down, j * right
            window = padded[:, :, y : y + kh, x : x + kw]  # (N, C, kh, kw)
            out[:, :, i, j] = window.flatten(2).max(dim=2).values  # (N, C)
    return out if image.ndim == 4 else out[0]


def avg_pool2d(
    image: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """Average pooling: the mean of each window, in each channel.

    out[c, i, j] = mean of padded[c, i * stride + u, j * stride + v] over all u, v

    Args:
        image: (C, H, W) or (N, C, H, W).
        kernel_size: rows and columns of a window, at least 1.
        stride: rows and columns from one window to the next; the window's own if not given.
        padding: rows and columns of zeros put around the image, at most half a window; they
            count in the mean.

    Returns:
        (C, H', W') or (N, C, H', W') with H' = (H + 2 * padding - kh) // stride + 1.

    Raises:
        TypeError: something else than a floating-point tensor came.
        ValueError: a shape, a size, a stride or a padding does not fit.

    Example:
        >>> import torch
        >>> avg_pool2d(torch.tensor([[[1.0, 2.0, 5.0, 0.0], [3.0, 0.0, 0.0, 0.0]]]), 2)
        tensor([[[1.5000, 1.2500]]])

    Source:
        The twin is torch.nn.functional.avg_pool2d (ceil_mode False, count_include_pad True).

    Taught in: book/cnn/components.md
    """
    padded, (kh, kw), (down, right) = _pooling(image, kernel_size, stride, padding, 0.0)
    rows, columns = _windows(padded, (kh, kw), (down, right), "window")
    out = padded.new_zeros(*padded.shape[:2], rows, columns)
    for i in range(rows):
        for j in range(columns):
            y, x = i * down, j * right
            window = padded[:, :, y : y + kh, x : x + kw]  # (N, C, kh, kw)
            out[:, :, i, j] = window.mean(dim=(2, 3))  # (N, C)
    return out if image.ndim == 4 else out[0]


def batch_norm2d(
    image: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Batch normalisation: each channel is shifted and scaled.

    out[:, c] = (image[:, c] - mean[c]) / sqrt(var[c] + eps) * weight[c] + bias[c]

    In training, mean and var are those of channel c over the batch, and the running ones move
    towards them: running = (1 - momentum) * running + momentum * batch. Otherwise mean and var
    are the running ones. The variance that divides is the one over n numbers, the variance that
    is kept is the one over n - 1.

    Args:
        image: (N, C, H, W).
        running_mean: (C,), changed in place in training; None keeps none.
        running_var: (C,), as running_mean.
        weight: (C,), ones if not given.
        bias: (C,), zeros if not given.
        training: True for the numbers of this batch, False for the running ones.
        momentum: how far the running numbers move, from 0 to 1.
        eps: what keeps the divisor from zero, more than 0.

    Returns:
        (N, C, H, W).

    Raises:
        TypeError: something else than floating-point tensors came, or two data types.
        ValueError: a shape or a range does not fit, the running numbers are needed and missing,
            or there is a single number a channel to take the variance of.

    Example:
        >>> import torch
        >>> batch = torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1)
        >>> mean, var = torch.zeros(1), torch.ones(1)
        >>> batch_norm2d(batch, mean, var, training=True).flatten()
        tensor([-1.0000,  1.0000])
        >>> mean, var  # 0.1 * 2, and 0.9 * 1 + 0.1 * 2
        (tensor([0.2000]), tensor([1.1000]))

    Source:
        Ioffe, Szegedy: Batch normalization, 2015, https://arxiv.org/abs/1502.03167
        The twin is torch.nn.functional.batch_norm. The paper keeps the mean of many batches'
        numbers; here, as in the twin, they move with each batch.

    Taught in: book/cnn/components.md
    """
    _check_batch_norm2d(image, running_mean, running_var, weight, bias, training, momentum, eps)
    _, channels, _, _ = image.shape
    out = torch.zeros_like(image)
    for c in range(channels):
        pixels = image[:, c]  # (N, H, W)
        if training:
            mean, var = pixels.mean(), pixels.var(correction=0)
            with torch.no_grad():
                if running_mean is not None:
                    running_mean[c] += momentum * (mean - running_mean[c])
                if running_var is not None:
                    running_var[c] += momentum * (pixels.var(correction=1) - running_var[c])
        else:
            mean, var = running_mean[c], running_var[c]
        normal = (pixels - mean) / (var + eps).sqrt()  # (N, H, W)
        scale = 1 if weight is None else weight[c]
        shift = 0 if bias is None else bias[c]
        out[:, c] = normal * scale + shift
    return out


def resize_bilinear(image: Tensor, size: int | tuple[int, int]) -> Tensor:
    """A picture of another size: each new pixel mixes the four old ones around its place.

    y = (i + 1/2) * H / H' - 1/2, and x likewise: the centre of pixel (i, j) in old pixels
    out[i, j] = (1 - b) * ((1 - a) * image[t, l] + a * image[t, l + 1])
    + b * ((1 - a) * image[t + 1, l] + a * image[t + 1, l + 1])
    with t = floor(y), l = floor(x), b = y - t and a = x - l; what lies outside is the edge

    A smaller picture skips pixels between the four, so fine patterns alias.

    Args:
        image: (C, H, W) or (N, C, H, W).
        size: the new rows and columns, at least 1.

    Returns:
        (C, H', W') or (N, C, H', W').

    Raises:
        TypeError: something else than a floating-point tensor came.
        ValueError: a shape or a size does not fit.

    Example:
        >>> import torch
        >>> resize_bilinear(torch.tensor([[[0.0, 4.0]]]), (1, 4))
        tensor([[[0., 1., 3., 4.]]])

    Source:
        The twin is torch.nn.functional.interpolate with mode "bilinear" (align_corners False,
        antialias False); it takes (N, C, H, W) only.

    Taught in: book/images/global_operations.md
    """
    rows, columns = _pair("size", size, least=1)
    _check_image(image)
    batch = _as_batch(image)
    n, channels, h, w = batch.shape
    if min(h, w) < 1:
        raise ValueError(
            f"the image is {h}×{w}, but at least one pixel is needed: give a picture with content"
        )
    out = batch.new_zeros(n, channels, rows, columns)
    for i in range(rows):
        top, bottom, b = _between(i, h, rows)
        for j in range(columns):
            left, right, a = _between(j, w, columns)
            above = (1 - a) * batch[:, :, top, left] + a * batch[:, :, top, right]  # (N, C)
            below = (1 - a) * batch[:, :, bottom, left] + a * batch[:, :, bottom, right]
            out[:, :, i, j] = (1 - b) * above + b * below
    return out if image.ndim == 4 else out[0]


def affine_grid(theta: Tensor, size: tuple[int, int, int, int]) -> Tensor:
    """Where each output pixel of an affine map looks in the input.

    grid[n, i, j] = theta[n] @ (x, y, 1) with x = (2 * j + 1) / W - 1 and y = (2 * i + 1) / H - 1

    Positions go from -1, the left or upper edge of the picture, to 1, the right or lower edge;
    pixel centres lie half a pixel inside. The map leads from the output to the input: a theta
    that doubles x and y shows the picture at half its size.

    Args:
        theta: (N, 2, 3), a matrix for each picture.
        size: (N, C, H, W) of the output.

    Returns:
        (N, H, W, 2), x before y, for `grid_sample`.

    Raises:
        TypeError: theta is no floating-point tensor.
        ValueError: a shape does not fit.

    Example:
        >>> import torch
        >>> mirror = torch.tensor([[[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        >>> affine_grid(mirror, (1, 1, 1, 2))
        tensor([[[[ 0.5000,  0.0000],
                  [-0.5000,  0.0000]]]])

    Source:
        Jaderberg, Simonyan, Zisserman, Kavukcuoglu: Spatial transformer networks, 2015,
        https://arxiv.org/abs/1506.02025
        The twin is torch.nn.functional.affine_grid (align_corners False).

    Taught in: book/images/global_operations.md
    """
    _check_floating(theta=theta)
    if len(size) != 4 or min(size) < 1 or theta.shape != (size[0], 2, 3):
        raise ValueError(
            f"theta has shape {tuple(theta.shape)} and size is {tuple(size)}, but (N, 2, 3) and "
            f"(N, C, H, W) with the same N are needed: one matrix (2, 3) becomes (1, 2, 3) by "
            f"theta[None]"
        )
    n, _, h, w = size
    grid = theta.new_zeros(n, h, w, 2)
    for i in range(h):
        for j in range(w):
            place = theta.new_tensor([(2 * j + 1) / w - 1, (2 * i + 1) / h - 1, 1])  # x, y, 1
            grid[:, i, j] = theta @ place  # (N, 2)
    return grid


def grid_sample(image: Tensor, grid: Tensor) -> Tensor:
    """A picture looked up at given places, mixed from the four pixels around each.

    x = ((grid[n, i, j, 0] + 1) * W - 1) / 2, and y likewise, are places in pixels
    out[n, c, i, j] = sum of (1 - |y - v|) * (1 - |x - u|) * image[n, c, v, u]
    over the four pixels (v, u) around (y, x); a pixel outside of the picture counts as zero

    Args:
        image: (N, C, H, W).
        grid: (N, H', W', 2), x before y; -1 and 1 are the edges of the picture.

    Returns:
        (N, C, H', W').

    Raises:
        TypeError: something else than floating-point tensors came, or two data types.
        ValueError: a shape does not fit, or a place is not finite.

    Example:
        >>> import torch
        >>> image = torch.tensor([[[[1.0, 2.0]]]])
        >>> mirror = torch.tensor([[[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        >>> grid_sample(image, affine_grid(mirror, (1, 1, 1, 2)))
        tensor([[[[2., 1.]]]])

    Source:
        Jaderberg, Simonyan, Zisserman, Kavukcuoglu: Spatial transformer networks, 2015,
        https://arxiv.org/abs/1506.02025, eq. 5
        The twin is torch.nn.functional.grid_sample (mode "bilinear", padding_mode "zeros",
        align_corners False).

    Taught in: book/images/global_operations.md
    """
    _check_grid(image, grid)
    n, channels, h, w = image.shape
    _, rows, columns, _ = grid.shape
    out = image.new_zeros(n, channels, rows, columns)
    for k in range(n):
        for i in range(rows):
            for j in range(columns):
                x = ((grid[k, i, j, 0] + 1) * w - 1) / 2
                y = ((grid[k, i, j, 1] + 1) * h - 1) / 2
                left, top = int(x.floor().item()), int(y.floor().item())
                for v in (top, top + 1):
                    for u in (left, left + 1):
                        if 0 <= v < h and 0 <= u < w:
                            share = (1 - (y - v).abs()) * (1 - (x - u).abs())
                            out[k, :, i, j] += share * image[k, :, v, u]  # (C,)
    return out


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """How badly logits predict the right classes: the mean over the batch.

    loss = mean over n of log(sum over k of exp(logits[n, k])) - logits[n, target[n]]

    That is -log of the softmax at the right class. The greatest logit is taken out of the sum
    first: no exp is greater than 1 then, and none overflows.

    Args:
        logits: (N, K), any numbers, not probabilities.
        target: (N,) int64, the right classes, from 0 to K - 1.

    Returns:
        One number, (), at least 0.

    Raises:
        TypeError: logits are no floating-point tensor, or target is no tensor of int64.
        ValueError: a shape does not fit, the batch is empty, or a class is not there.

    Example:
        >>> import torch
        >>> cross_entropy(torch.zeros(1, 4), torch.tensor([2]))  # log 4
        tensor(1.3863)

    Source:
        The twin is torch.nn.functional.cross_entropy (no weight, reduction "mean"); it also
        takes probabilities as target.

    Taught in: book/training/first_training.md
    """
    _check_cross_entropy(logits, target)
    losses = []
    for row, right in zip(logits, target.tolist(), strict=True):  # (K,)
        greatest = row.max()
        log_sum = greatest + (row - greatest).exp().sum().log()
        losses.append(log_sum - row[right])
    return torch.stack(losses).mean()


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Intersection over union of each box of one list with each of the other.

    iou[i, j] = area of the intersection / (area i + area j - area of the intersection)

    Args:
        boxes1: (n, 4): left, upper, right and lower edge of each box, in pixels.
        boxes2: (m, 4), likewise.

    Returns:
        (n, m), from 0 (no pixel in common) to 1 (the same box); NaN for two boxes without area.

    Raises:
        TypeError: something else than floating-point tensors came, or two data types.
        ValueError: a shape does not fit, or an edge is on the wrong side.

    Example:
        >>> import torch
        >>> box_iou(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 3.0, 2.0]]))
        tensor([[0.3333]])

    Source:
        The twin is torchvision.ops.box_iou; it also takes integers.

    Taught in: book/detection/boxes.md
    """
    _check_floating(boxes1=boxes1, boxes2=boxes2)
    _check_boxes("boxes1", boxes1)
    _check_boxes("boxes2", boxes2)
    out = boxes1.new_zeros(len(boxes1), len(boxes2))
    for i, one in enumerate(boxes1):
        for j, other in enumerate(boxes2):
            out[i, j] = _iou(one, other)
    return out


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Non-maximum suppression: of boxes that overlap much, the best one stays.

    From the greatest score to the smallest, a box stays if its IoU with each box that already
    stays is at most the threshold. Of equal scores, the first in the list comes first.

    Args:
        boxes: (n, 4): left, upper, right and lower edge of each box, in pixels.
        scores: (n,), greater is better.
        iou_threshold: from 0 to 1; 1 keeps all boxes.

    Returns:
        (k,) int64, the indices of the boxes that stay, the best first.

    Raises:
        TypeError: something else than floating-point tensors came, or two data types.
        ValueError: a shape or the threshold does not fit, or an edge is on the wrong side.

    Example:
        >>> import torch
        >>> boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
        >>> nms(boxes, torch.tensor([0.8, 0.9, 0.3]), iou_threshold=0.5)
        tensor([1, 2])

    Source:
        The twin is torchvision.ops.nms.

    Taught in: book/detection/boxes.md
    """
    _check_floating(boxes=boxes, scores=scores)
    _check_boxes("boxes", boxes)
    if scores.shape != boxes.shape[:1]:
        raise ValueError(
            f"scores has shape {tuple(scores.shape)} for {len(boxes)} boxes, but one score a box "
            f"is needed: give it the shape ({len(boxes)},)"
        )
    if not 0 <= iou_threshold <= 1:
        raise ValueError(
            f"iou_threshold is {iou_threshold!r}, but a number from 0 to 1 is needed: try 0.5"
        )
    kept = []
    for i in scores.argsort(descending=True, stable=True).tolist():
        # "not any greater" keeps a box without area, whose IoU may be NaN, as the twin does.
        if not any(_iou(boxes[i], boxes[k]).item() > iou_threshold for k in kept):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64, device=boxes.device)


def _iou(one: Tensor, other: Tensor) -> Tensor:
    """The IoU of two boxes (4,)."""
    left, upper = torch.maximum(one[:2], other[:2])
    right, lower = torch.minimum(one[2:], other[2:])
    # A negative side means that the boxes lie apart.
    common = (right - left).clamp(min=0) * (lower - upper).clamp(min=0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return common / (areas[0] + areas[1] - common)


def _between(place: int, old: int, new: int) -> tuple[int, int, float]:
    """The two old pixels around the centre of a new one, and how far it is towards the second."""
    centre = max((place + 0.5) * old / new - 0.5, 0.0)
    first = min(int(centre), old - 1)
    return first, min(first + 1, old - 1), centre - first


def _pooling(
    image: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None,
    padding: int | tuple[int, int],
    value: float,
) -> tuple[Tensor, tuple[int, int], tuple[int, int]]:
    """What both poolings begin with: the padded batch, the window's size, the strides."""
    size = _pair("kernel_size", kernel_size, least=1)
    strides = size if stride is None else _pair("stride", stride, least=1)
    paddings = _pair("padding", padding, least=0)
    if 2 * paddings[0] > size[0] or 2 * paddings[1] > size[1]:
        raise ValueError(
            f"padding is {paddings} for windows of {size[0]}×{size[1]}, but at most half a "
            f"window is needed: use less padding or larger windows"
        )
    _check_image(image)
    return _pad(_as_batch(image), paddings, value), size, strides


def _as_batch(image: Tensor) -> Tensor:
    """(N, C, H, W)."""
    return image if image.ndim == 4 else image[None]


def _pad(batch: Tensor, paddings: tuple[int, int], value: float) -> Tensor:
    """Rows and columns of one value around each picture."""
    n, c, h, w = batch.shape
    above, left = paddings
    padded = batch.new_full((n, c, h + 2 * above, w + 2 * left), value)
    padded[:, :, above : above + h, left : left + w] = batch
    return padded


def _windows(
    padded: Tensor, size: tuple[int, int], strides: tuple[int, int], what: str
) -> tuple[int, int]:
    """How many windows fit below and beside one another."""
    h, w = padded.shape[-2:]
    if h < size[0] or w < size[1]:
        raise ValueError(
            f"the padded image is {h}×{w} and the {what} spans {size[0]}×{size[1]}, but "
            f"it must fit into the image: use more padding or a smaller {what}"
        )
    return (h - size[0]) // strides[0] + 1, (w - size[1]) // strides[1] + 1


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


def _given(**tensors: Tensor | None) -> dict[str, Tensor]:
    """Those of the optional arguments that came."""
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


def _check_floating(**tensors: Tensor) -> None:
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


def _check_image(image: Tensor, **others: Tensor) -> None:
    """Refuse what is no picture and no batch; the others need its dtype."""
    _check_floating(image=image, **others)
    if image.ndim not in (3, 4):
        raise ValueError(
            f"image has shape {tuple(image.shape)}, but (C, H, W) or (N, C, H, W) is needed: "
            f"a grey (H, W) picture becomes (1, H, W) by image[None]"
        )


def _check_kernel(kernel: Tensor, bias: Tensor | None, outputs: int, shape: str) -> None:
    """Refuse what is no kernel, where `outputs` is the axis of the kernel that the bias fits."""
    if kernel.ndim != 4 or 0 in kernel.shape:
        raise ValueError(
            f"kernel has shape {tuple(kernel.shape)}, but {shape} without a zero is needed: "
            f"one (kh, kw) table becomes (1, 1, kh, kw) by kernel[None, None]"
        )
    if bias is not None and bias.shape != (kernel.shape[outputs],):
        raise ValueError(
            f"bias has shape {tuple(bias.shape)}, but one number per output channel is needed: "
            f"give it the shape ({kernel.shape[outputs]},)"
        )


def _check_conv2d(image: Tensor, kernel: Tensor, bias: Tensor | None, groups: int) -> None:
    """Refuse what cannot be convolved."""
    _check_image(image, kernel=kernel, **_given(bias=bias))
    _check_kernel(kernel, bias, outputs=0, shape="(O, C, kh, kw)")
    channels = image.shape[-3]
    if not isinstance(groups, int) or isinstance(groups, bool) or groups < 1:
        raise ValueError(
            f"groups is {groups!r}, but a whole number of at least 1 is needed: try groups=1"
        )
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


def _check_conv_transpose2d(image: Tensor, kernel: Tensor, bias: Tensor | None) -> None:
    """Refuse what cannot be convolved back."""
    _check_image(image, kernel=kernel, **_given(bias=bias))
    _check_kernel(kernel, bias, outputs=1, shape="(C, O, kh, kw)")
    if kernel.shape[0] != image.shape[-3]:
        raise ValueError(
            f"kernel has {kernel.shape[0]} input channels and the image has {image.shape[-3]}, "
            f"but they must be equal: give the kernel the shape ({image.shape[-3]}, O, kh, kw)"
        )


def _check_batch_norm2d(
    image: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> None:
    """Refuse what cannot be normalised."""
    vectors = _given(running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    _check_floating(image=image, **vectors)
    if image.ndim != 4:
        raise ValueError(
            f"image has shape {tuple(image.shape)}, but (N, C, H, W) is needed: "
            f"a single picture (C, H, W) becomes a batch of one by image[None]"
        )
    channels = image.shape[1]
    for name, vector in vectors.items():
        if vector.shape != (channels,):
            raise ValueError(
                f"{name} has shape {tuple(vector.shape)}, but one number per channel is needed: "
                f"give it the shape ({channels},)"
            )
    if not training and (running_mean is None or running_var is None):
        raise ValueError(
            "training is False and the running mean or variance is None, but both are needed: "
            "give them, or use training=True"
        )
    if training and channels and image.numel() // channels < 2:
        raise ValueError(
            f"image has shape {tuple(image.shape)}, but at least two numbers per channel are "
            f"needed for a variance: use a larger batch, or training=False"
        )
    if not (0 <= momentum <= 1 and eps > 0):
        raise ValueError(
            f"momentum is {momentum!r} and eps is {eps!r}, but momentum from 0 to 1 and eps above "
            f"0 are needed: try momentum=0.1, eps=1e-5"
        )


def _check_grid(image: Tensor, grid: Tensor) -> None:
    """Refuse places at which no picture can be looked up."""
    _check_floating(image=image, grid=grid)
    shapes = tuple(image.shape), tuple(grid.shape)
    if image.ndim != 4 or grid.ndim != 4 or grid.shape[3] != 2 or len(image) != len(grid):
        raise ValueError(
            f"image has shape {shapes[0]} and grid {shapes[1]}, but (N, C, H, W) and "
            f"(N, H', W', 2) with the same N are needed: a single picture becomes a batch of one "
            f"by image[None]"
        )
    if not torch.isfinite(grid).all():
        raise ValueError(
            "grid holds NaN or infinity, but finite places are needed: look for a division by "
            "zero in the matrix"
        )


def _check_cross_entropy(logits: Tensor, target: Tensor) -> None:
    """Refuse what is no batch of logits with its classes."""
    _check_floating(logits=logits)
    if not isinstance(target, Tensor) or target.dtype != torch.int64:
        kind = getattr(target, "dtype", type(target).__name__)
        raise TypeError(
            f"target is of type {kind}, but a tensor of torch.int64 is needed: "
            f"use torch.tensor(...) with whole numbers, or .long()"
        )
    if logits.ndim != 2 or 0 in logits.shape or target.shape != logits.shape[:1]:
        raise ValueError(
            f"logits have shape {tuple(logits.shape)} and target has {tuple(target.shape)}, but "
            f"(N, K) and (N,) without a zero are needed: give one class for each row of logits"
        )
    low, high = target.min().item(), target.max().item()
    if low < 0 or high >= logits.shape[1]:
        raise ValueError(
            f"target has classes from {low} to {high}, but 0 to {logits.shape[1] - 1} is needed "
            f"for {logits.shape[1]} logits: count classes from 0"
        )


def _check_boxes(name: str, boxes: Tensor) -> None:
    """Refuse what are no boxes."""
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(
            f"{name} has shape {tuple(boxes.shape)}, but (n, 4) is needed: one box (4,) becomes "
            f"(1, 4) by {name}[None], no box is torch.zeros(0, 4)"
        )
    if not (boxes[:, :2] <= boxes[:, 2:]).all():
        raise ValueError(
            f"{name} holds a box whose left or upper edge lies behind the other, but left, upper, "
            f"right, lower is needed: a box as x, y, width, height is converted by "
            f'torchvision.ops.box_convert({name}, "xywh", "xyxy")'
        )
