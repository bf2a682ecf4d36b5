"""LIME: a linear model of segments."""

import torch
from torch import Tensor, nn

from ._checks import check_counts, check_images
from ._logits import class_indices, logits_of
from ._precision import at_least_single
from ._state import asking

__all__ = ["lime"]


def lime(
    model: nn.Module,
    image: Tensor,
    target: int,
    segments: Tensor,
    *,
    samples: int = 500,
    baseline: float | None = None,
    kernel_width: float = 0.25,
    alpha: float = 1.0,
    batch_size: int = 64,
    seed: int = 0,
) -> Tensor:
    """LIME: a linear model, near one picture, of how its segments make the logit of a class.

    Segments are switched off at random, each with probability 1/2. Weighted ridge regression
    then finds the weight of each segment from z in {0, 1}^S (1: the segment is there):

    minimize sum over z of p(z) * (logit(z) - w · z - b)^2 + alpha * |w|^2,
    p(z) = exp(-d(z)^2 / (2 * kernel_width^2)), d(z) = 1 - sqrt(share of segments that are there)

    d is the cosine distance from z to the whole picture, (1, …, 1).

    Args:
        model: the network; it gives logits (N, K).
        image: (C, H, W), prepared as for the network.
        target: the class, in 0 … K−1.
        segments: (H, W) whole numbers from 0, such as ``skimage.segmentation.slic`` gives.
        samples: how many pictures with switched-off segments are shown, at least 1. The whole
            picture is shown besides.
        baseline: what a segment that is off is filled with; None for its own mean colour.
        kernel_width: from which distance on a sample counts little.
        alpha: how strongly the weights are drawn towards 0.
        batch_size: how many pictures the network is shown at a time.
        seed: of the random numbers.

    Returns:
        (S,) weights, S = segments.max() + 1; positive where a segment speaks for the class.
        ``weights[segments]`` is the map (H, W). A number that no segment has gets 0.

    Raises:
        TypeError: the picture is no tensor of floating point numbers, the class or the segments
            are no whole numbers, or the network gives no tensor.
        ValueError: a shape or the device does not fit, there is no such class, a segment's number
            is negative, or a number is not as described.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 10))
        >>> segments = torch.arange(4).repeat_interleave(4).view(4, 4)  # four rows
        >>> weights = lime(model, torch.rand(3, 4, 4), 7, segments)
        >>> weights.shape, weights[segments].shape
        (torch.Size([4]), torch.Size([4, 4]))

    Source:
        Ribeiro, Singh, Guestrin: "Why should I trust you?" Explaining the predictions of any
        classifier, 2016, https://arxiv.org/abs/1602.04938. The distance, the 2 in the exponent
        and the mean colour are those of the authors' code. They choose the few best segments
        first and explain probabilities; here all segments and the logit are taken.

    Taught in: book/looking_inside/occlusion_lime_rise.md
    """
    from sklearn.linear_model import Ridge

    if isinstance(image, Tensor) and image.ndim != 3:
        raise ValueError(
            f"the picture has shape {tuple(image.shape)}, but (C, H, W) is needed: "
            f"ask for one picture at a time, images[0]"
        )
    check_images(model, image[None] if isinstance(image, Tensor) else image)
    check_counts(samples=samples, batch_size=batch_size)
    if not (kernel_width > 0 and alpha >= 0):
        raise ValueError(
            f"kernel_width is {kernel_width} and alpha is {alpha}, but a number above 0 and one "
            f"of at least 0 are needed: try kernel_width=0.25, alpha=1.0"
        )
    segments = _segments(segments, image)
    labels, index = segments.unique(return_inverse=True)  # (s,), (H, W) in 0 … s−1
    generator = torch.Generator().manual_seed(seed)
    there = torch.rand(samples, len(labels), generator=generator) < 0.5
    there = torch.cat([torch.ones(1, len(labels), dtype=torch.bool), there]).to(image.device)
    hidden = _segment_means(image, index) if baseline is None else torch.full_like(image, baseline)
    scores = []
    with asking(model, image):
        for z in there.split(batch_size):
            changed = torch.where(z[:, None, index], image, hidden)  # (b, C, H, W)
            logits = logits_of(model, changed)  # (b, K)
            scores.append(logits[:, class_indices(target, 1, logits.shape[1])[0]])
    there = there.cpu().double()
    distance = 1 - there.mean(dim=1).sqrt()
    near = torch.exp(-(distance**2) / (2 * kernel_width**2))  # (samples + 1,)
    scores = torch.cat(scores).cpu().double()
    ridge = Ridge(alpha=alpha)
    ridge.fit(there.numpy(), scores.numpy(), sample_weight=near.numpy())
    weights = image.new_zeros(int(labels[-1]) + 1)
    weights[labels] = torch.from_numpy(ridge.coef_).to(weights)
    return weights


def _segments(segments: Tensor, image: Tensor) -> Tensor:
    """Segments as int64 (H, W), on the picture's device."""
    segments = torch.as_tensor(segments, device=image.device)
    if segments.is_floating_point() or segments.is_complex() or segments.dtype == torch.bool:
        raise TypeError(
            f"the segments are {segments.dtype}, but whole numbers are needed: "
            f"give the number of its segment for each pixel, such as segments.long()"
        )
    if segments.shape != image.shape[1:] or not segments.numel():
        raise ValueError(
            f"the segments have shape {tuple(segments.shape)}, but {tuple(image.shape[1:])} is "
            f"needed: segment this very picture, as (H, W)"
        )
    if segments.min() < 0:
        raise ValueError(
            f"a segment has the number {segments.min()}, but 0 or more is needed: "
            f"count the segments from 0"
        )
    return segments.long()


def _segment_means(image: Tensor, index: Tensor) -> Tensor:
    """The picture with each segment in its mean colour, (C, H, W)."""
    number = index.flatten().bincount()  # pixels of each segment
    values = at_least_single(image.flatten(1))  # (C, H * W)
    total = values.new_zeros(len(image), len(number)).index_add(1, index.flatten(), values)
    return (total / number)[:, index].to(image)
