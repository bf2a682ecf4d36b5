"""Occlusion: a window wanders over the picture."""

import torch
from torch import Tensor, nn

from ._checks import check_counts, check_images
from ._logits import changes_at_a_time, in_batches, logits_of_changes, of_class
from ._state import asking

__all__ = ["occlusion"]


def occlusion(
    model: nn.Module,
    images: Tensor,
    target: Tensor | int,
    *,
    window: int | tuple[int, int],
    stride: int | tuple[int, int],
    baseline: float = 0.0,
    batch_size: int = 64,
) -> Tensor:
    """Occlusion: how much of a class's logit goes when a window of the picture is covered.

    map[i, j] = mean of (logit - logit with this window covered)
    over all windows that cover pixel (i, j)

    The windows start in the upper left corner, `stride` pixels apart; those that reach over the
    right or lower edge are cut there.

    Args:
        model: the network; it gives logits (N, K).
        images: (N, C, H, W), prepared as for the network.
        target: the classes, (N,) whole numbers in 0 … K−1, or one for all pictures.
        window: its height and width in pixels, or one number for both; at most those of the
            picture.
        stride: from window to window, down and right, or one number for both; at most `window`,
            so that no pixel is left out.
        baseline: the value that covers; 0 is the mean colour where pictures are normalized.
        batch_size: how many covered pictures the network is shown at a time.

    Returns:
        (N, H, W): positive where the picture speaks for the class.

    Raises:
        TypeError: the pictures are no tensor of floating point numbers, the classes are no whole
            numbers, or the network gives no tensor.
        ValueError: a shape or the device does not fit, there is no such class, or `window`,
            `stride` or `batch_size` is no number as described.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 10))
        >>> occlusion(model, torch.rand(2, 3, 16, 16), target=4, window=4, stride=2).shape
        torch.Size([2, 16, 16])

    Source:
        Zeiler, Fergus: Visualizing and understanding convolutional networks, 2014, section 4.2,
        https://arxiv.org/abs/1311.2901. There, a window's place has the class's probability;
        here, as in captum, a pixel has the mean drop of the logit.

    Taught in: book/looking_inside/occlusion_lime_rise.md
    """
    check_images(model, images)
    check_counts(batch_size=batch_size)
    rows, columns = (
        _windows(size, *pair, images.device)  # (windows, size)
        for size, *pair in zip(images.shape[2:], _pair(window), _pair(stride), strict=True)
    )
    places = torch.cartesian_prod(torch.arange(len(rows)), torch.arange(len(columns)))
    drops = []
    with asking(model, images):
        score = of_class(in_batches(model, images, batch_size), target)  # (N,)
        for place in places.split(changes_at_a_time(batch_size, images)):
            covered = rows[place[:, 0], :, None] & columns[place[:, 1], None, :]  # (b, H, W)
            changed = torch.where(covered[:, None, None], baseline, images)  # (b, N, C, H, W)
            logits = logits_of_changes(model, changed, batch_size)  # (b, N, K)
            drops.append(score - of_class(logits, target))  # (b, N)
    drop = torch.cat(drops).view(len(rows), len(columns), len(images))
    rows, columns = rows.to(drop), columns.to(drop)
    count = rows.sum(dim=0)[:, None] * columns.sum(dim=0)  # (H, W), how many cover a pixel
    return torch.einsum("yxn,yh,xw->nhw", drop, rows, columns) / count


def _windows(size: int, window: int, stride: int, device: torch.device) -> Tensor:
    """Which of `size` rows (or columns) each window covers, (windows, size) bool."""
    if not 1 <= stride <= window <= size:
        raise ValueError(
            f"window {window} and stride {stride} came for {size} pixels, but "
            f"1 ≤ stride ≤ window ≤ {size} is needed: try window={max(1, size // 4)}, "
            f"stride={max(1, size // 8)}"
        )
    start = torch.arange(0, size - window + stride, stride, device=device)[:, None]
    pixel = torch.arange(size, device=device)
    return (start <= pixel) & (pixel < start + window)


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """One number for both directions, or one for each."""
    pair = (value, value) if isinstance(value, int) else value
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(
            f"window or stride is {value!r}, but a whole number or two are needed: "
            f"try 8, or (8, 4) for rows and columns"
        )
    check_counts(window_or_stride=pair[0])
    check_counts(window_or_stride=pair[1])
    return tuple(pair)
