"""RISE: random masks."""

import math

import torch
from torch import Tensor, nn

from ._checks import check_counts, check_images
from ._logits import changes_at_a_time, logits_of_changes, of_class
from ._precision import at_least_single
from ._state import asking

__all__ = ["rise"]


def rise(
    model: nn.Module,
    images: Tensor,
    target: Tensor | int,
    *,
    samples: int = 1000,
    cells: int = 7,
    keep: float = 0.5,
    batch_size: int = 64,
    seed: int = 0,
) -> Tensor:
    """RISE: the mean of random masks, weighted by what the network makes of the masked picture.

    map = sum over the masks m of probability(m * image) * m / (samples * keep)

    A mask is a coarse random pattern of 0 and 1, smoothly enlarged and randomly shifted. The
    same masks serve all pictures.

    Args:
        model: the network; it gives logits (N, K), of which softmax makes probabilities.
        images: (N, C, H, W), prepared as for the network; where the mask is 0, they become 0.
        target: the classes, (N,) whole numbers in 0 … K−1, or one for all pictures.
        samples: how many masks; the noise of the map falls with their square root.
        cells: rows and columns of the pattern.
        keep: the probability that a cell stays, above 0 and at most 1.
        batch_size: how many masked pictures the network is shown at a time.
        seed: of the masks.

    Returns:
        (N, H, W), at least 0 and not normalized: about the mean probability of the class in the
        masked pictures that show the pixel.

    Raises:
        TypeError: the pictures are no tensor of floating point numbers, the classes are no whole
            numbers, or the network gives no tensor.
        ValueError: a shape or the device does not fit, there is no such class, or a number is not
            as described.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 10))
        >>> maps = rise(model, torch.rand(2, 3, 16, 16), target=4, samples=20)
        >>> maps.shape, bool((maps >= 0).all())
        (torch.Size([2, 16, 16]), True)

    Source:
        Petsiuk, Das, Saenko: RISE: randomized input sampling for explanation of black-box models,
        2018, https://arxiv.org/abs/1806.07421, eq. 6. There, a pattern of `cells` rows is
        enlarged by one cell more than the picture; here it has one row and column more, so that
        a cell is H / cells by W / cells pixels, rounded up.

    Taught in: book/looking_inside/occlusion_lime_rise.md
    """
    check_images(model, images)
    check_counts(samples=samples, cells=cells, batch_size=batch_size)
    if not 0 < keep <= 1:
        raise ValueError(
            f"keep is {keep}, but a probability above 0 and at most 1 is needed: try keep=0.5"
        )
    number, size = len(images), images.shape[2:]
    cell = [math.ceil(side / cells) for side in size]  # pixels
    generator = torch.Generator().manual_seed(seed)
    # One cell more than is seen, so that a shift by less than a cell leaves none empty.
    patterns = torch.rand(samples, cells + 1, cells + 1, generator=generator) < keep
    patterns = at_least_single(patterns.to(images))
    shifts = [torch.randint(side, (samples,), generator=generator) for side in cell]
    shifts = torch.stack(shifts, dim=1)  # (samples, 2), down and right
    at_a_time = changes_at_a_time(batch_size, images)
    maps = patterns.new_zeros(number, *size)
    with asking(model, images):
        for some, shift in zip(patterns.split(at_a_time), shifts.split(at_a_time), strict=True):
            masks = _masks(some, cell, shift, size)  # (b, H, W)
            changed = (masks[:, None, None] * images).to(images)  # (b, N, C, H, W)
            logits = logits_of_changes(model, changed, batch_size)  # (b, N, K)
            probability = of_class(logits.softmax(dim=2), target).to(masks)  # (b, N)
            maps += torch.einsum("bn,bhw->nhw", probability, masks)
    return maps / (samples * keep)


def _masks(patterns: Tensor, cell: list[int], shifts: Tensor, size: torch.Size) -> Tensor:
    """Patterns (b, s, s), enlarged by `cell` and cut from `shifts` (b, 2) on: (b, H, W)."""
    large = nn.functional.interpolate(
        patterns[:, None],
        size=[patterns.shape[1] * cell[0], patterns.shape[2] * cell[1]],
        mode="bilinear",
        align_corners=False,
    )[:, 0]
    return torch.stack(
        [
            mask[down : down + size[0], right : right + size[1]]
            for mask, (down, right) in zip(large, shifts.tolist(), strict=True)
        ]
    )
