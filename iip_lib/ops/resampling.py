"""Resampling: a picture is looked up between its pixels, at another size or at any place."""

import torch
from torch import Tensor

from ._checks import check_floating, check_image, pair

__all__ = ["affine_grid", "grid_sample", "resize_bilinear"]

MODES = ("bilinear", "nearest")
PADDING_MODES = ("zeros", "border")


def resize_bilinear(image: Tensor, size: int | tuple[int, int]) -> Tensor:
    """A picture of another size: each new pixel mixes the four old ones around its place.

    y = (i + 1/2) * H / H' - 1/2, and x likewise with W: the centre of the new pixel (i, j), where
    the centres of the old ones have whole numbers
    out[i, j] = (1 - b) * ((1 - a) * image[t, l] + a * image[t, l + 1])
    + b * ((1 - a) * image[t + 1, l] + a * image[t + 1, l + 1])
    with t = floor(y), l = floor(x), b = y - t and a = x - l; outside, the pixel at the edge counts

    A much smaller picture skips old pixels, for each new one reads four only: fine patterns alias.

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
    rows, columns = pair("size", size, least=1)
    check_image(image)
    h, w = image.shape[-2:]
    out = image.new_zeros(*image.shape[:-2], rows, columns)
    for i in range(rows):
        top, bottom, b = _between(i, h, rows)
        for j in range(columns):
            left, right, a = _between(j, w, columns)
            above = (1 - a) * image[..., top, left] + a * image[..., top, right]  # (..., C)
            below = (1 - a) * image[..., bottom, left] + a * image[..., bottom, right]
            out[..., i, j] = (1 - b) * above + b * below
    return out


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
    _check_affine_grid(theta, size)
    n, _, h, w = size
    grid = theta.new_zeros(n, h, w, 2)
    for i in range(h):
        for j in range(w):
            place = theta.new_tensor([(2 * j + 1) / w - 1, (2 * i + 1) / h - 1, 1])  # x, y, 1
            grid[:, i, j] = theta @ place  # (N, 2)
    return grid


def grid_sample(
    image: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros"
) -> Tensor:
    """A picture looked up at given places, between its pixels too.

    x = ((grid[n, i, j, 0] + 1) * W - 1) / 2, and y likewise with H, are places in pixels: pixel
    (v, u) has its centre at y = v, x = u

    "bilinear": out[n, c, i, j] = sum of (1 - |y - v|) * (1 - |x - u|) * image[n, c, v, u]
    over the four pixels (v, u) around (y, x)

    "nearest": out[n, c, i, j] = image[n, c, round(y), round(x)]; a place in the middle between
    two pixels goes to the one with the even number. No gradient reaches the grid.

    Args:
        image: (N, C, H, W).
        grid: (N, H', W', 2), x before y; -1 and 1 are the edges of the picture.
        mode: "bilinear" or "nearest".
        padding_mode: what lies outside of the picture: "zeros", or the pixel at its "border".

    Returns:
        (N, C, H', W').

    Raises:
        TypeError: something else than floating-point tensors came, or two data types.
        ValueError: a shape or a mode does not fit, or a place is not finite.

    Example:
        >>> import torch
        >>> image = torch.tensor([[[[1.0, 2.0]]]])
        >>> mirror = torch.tensor([[[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        >>> grid_sample(image, affine_grid(mirror, (1, 1, 1, 2)))
        tensor([[[[2., 1.]]]])
        >>> edges = torch.tensor([[[[-1.0, 0.0], [1.0, 0.0]]]])  # half a pixel from each centre
        >>> grid_sample(image, edges), grid_sample(image, edges, padding_mode="border")
        (tensor([[[[0.5000, 1.0000]]]]), tensor([[[[1., 2.]]]]))

    Source:
        Jaderberg, Simonyan, Zisserman, Kavukcuoglu: Spatial transformer networks, 2015,
        https://arxiv.org/abs/1506.02025, equations 4 and 5
        The twin is torch.nn.functional.grid_sample (align_corners False); it also knows the
        mode "bicubic" and the padding mode "reflection".

    Taught in: book/images/global_operations.md
    """
    _check_grid(image, grid, mode, padding_mode)
    n, channels, h, w = image.shape
    _, rows, columns, _ = grid.shape
    reach = 1 if mode == "nearest" else 2  # how many pixels a place reads, along each axis
    out = image.new_zeros(n, channels, rows, columns)
    for k in range(n):
        for i in range(rows):
            for j in range(columns):
                x, y = _place(grid[k, i, j, 0], w), _place(grid[k, i, j, 1], h)
                if padding_mode == "border":
                    x, y = x.clamp(0, w - 1), y.clamp(0, h - 1)
                if mode == "nearest":
                    x, y = x.round(), y.round()  # of halves, to the even number
                left, top = int(x.floor().item()), int(y.floor().item())
                for v in range(top, top + reach):
                    for u in range(left, left + reach):
                        if 0 <= v < h and 0 <= u < w:
                            share = (1 - (y - v).abs()) * (1 - (x - u).abs())
                            out[k, :, i, j] += share * image[k, :, v, u]  # (C,)
    return out


def _place(position: Tensor, length: int) -> Tensor:
    """From -1 … 1, edge to edge, to pixels, where 0 is the centre of the first."""
    return ((position + 1) * length - 1) / 2


def _between(place: int, old: int, new: int) -> tuple[int, int, float]:
    """The two old pixels around the centre of a new one, and how far it is towards the second."""
    centre = max((place + 0.5) * old / new - 0.5, 0.0)
    first = int(centre)  # at most old - 1, for the centre is less than old - 1/2
    return first, min(first + 1, old - 1), centre - first


def _check_affine_grid(theta: Tensor, size: tuple[int, int, int, int]) -> None:
    """Refuse what are no affine maps for pictures of this size."""
    check_floating(theta=theta)
    sizes = isinstance(size, (tuple, list)) and len(size) == 4
    if not sizes or not all(isinstance(length, int) and length > 0 for length in size):
        raise ValueError(
            f"size is {size!r}, but four whole numbers (N, C, H, W) of at least 1 are needed: "
            f"use the shape of a batch, as image.shape"
        )
    if theta.shape != (size[0], 2, 3):
        raise ValueError(
            f"theta has shape {tuple(theta.shape)} and size is {tuple(size)}, but (N, 2, 3) and "
            f"(N, C, H, W) with the same N are needed: one matrix (2, 3) becomes (1, 2, 3) by "
            f"theta[None]"
        )


def _check_grid(image: Tensor, grid: Tensor, mode: str, padding_mode: str) -> None:
    """Refuse places at which no picture can be looked up."""
    check_image(image, grid=grid)
    if mode not in MODES or padding_mode not in PADDING_MODES:
        raise ValueError(
            f"mode is {mode!r} and padding_mode is {padding_mode!r}, but one of {MODES} and one "
            f"of {PADDING_MODES} are needed: for others use torch.nn.functional.grid_sample"
        )
    shapes = tuple(image.shape), tuple(grid.shape)
    if image.ndim != 4 or grid.ndim != 4 or grid.shape[3] != 2 or len(image) != len(grid):
        raise ValueError(
            f"image has shape {shapes[0]} and grid {shapes[1]}, but (N, C, H, W) and "
            f"(N, H', W', 2) with the same N are needed: a single picture becomes a batch of one "
            f"by image[None]"
        )
    if not torch.isfinite((grid + 1) * max(image.shape[2:])).all():
        raise ValueError(
            "grid holds NaN or infinity, or too great a number, but finite places are needed: "
            "look for a division by zero in the matrix"
        )
