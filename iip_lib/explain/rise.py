"""RISE: random masks."""

import math

import torch
from torch import Tensor, nn

from ._checks import check_counts, check_images
from ._logits import scores, share
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
        (N, H, W), at least 0: about the mean probability of the pictures in which the pixel is
        to be seen.

    Raises:
        TypeError: the pictures are no tensor of floating point numbers, or the classes are no
            whole numbers.
        ValueError: a shape does not fit, there is no such class, or a number is not as described.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 10))
        >>> maps = rise(model, torch.rand(2, 3, 16, 16), target=4, samples=20)
        >>> maps.shape, bool((maps >= 0).all())
        (torch.Size([2, 16, 16]), True)

    Source:
        Petsiuk, Das, Saenko: RISE: randomized input sampling for explanation of black-box models,
        2018, https://arxiv.org/abs/1806.07421, eq. 6

    Taught in: book/looking_inside/occlusion_lime_rise.md
    """
    check_images(images)
    check_counts(samples=samples, cells=cells, batch_size=batch_size)
    if not 0 < keep <= 1:
        raise ValueError(
            f"keep is {keep}, but a probability above 0 and at most 1 is needed: try keep=0.5"
        )
    number, size = len(images), images.shape[2:]
    cell = [math.ceil(side / cells) for side in size]  # pixels
    generator = torch.Generator().manual_seed(seed)
    # One cell more than is seen, so that a shift by less than a cell leaves none empty.
    patterns = (torch.rand(samples, 1, cells + 1, cells + 1, generator=generator) < keep).to(images)
    shifts = [torch.randint(side, (samples,), generator=generator).tolist() for side in cell]
    maps = images.new_zeros(number, *size)
    with asking(model, images):
        for some in torch.arange(samples).split(share(batch_size, images)):
            masks = _enlarged(patterns[some.to(images.device)], cell)
            masks = torch.stack(
                [
                    mask[0, shifts[0][i] :, shifts[1][i] :][: size[0], : size[1]]
                    for i, mask in zip(some.tolist(), masks, strict=True)
                ]
            )  # (b, H, W)
            changed = masks[:, None, None] * images  # (b, N, C, H, W)
            score = scores(model, changed, target, batch_size, softmax=True)  # (b, N)
            maps += torch.einsum("bn,bhw->nhw", score, masks)
    return maps / (samples * keep)


def _enlarged(patterns: Tensor, cell: list[int]) -> Tensor:
    """(b, 1, s, s) → (b, 1, s * cell, s * cell), smoothly."""
    size = [patterns.shape[2] * cell[0], patterns.shape[3] * cell[1]]
    return nn.functional.interpolate(patterns, size=size, mode="bilinear", align_corners=False)
