"""Normalisation: numbers are shifted and scaled to mean 0 and variance 1."""

import torch
from torch import Tensor

from ._checks import check_floating, given

__all__ = ["batch_norm2d"]


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
        running_mean: (C,), changed in place in training; None keeps no running numbers.
        running_var: (C,), as running_mean; None if that is None.
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
        The twin is torch.nn.functional.batch_norm. At the end of training, the paper takes the
        mean of many batches' numbers; here, as in the twin, the running ones move with each batch.

    Taught in: book/cnn/components.md
    """
    _check_batch_norm2d(image, running_mean, running_var, weight, bias, training, momentum, eps)
    _, channels, _, _ = image.shape
    out = torch.zeros_like(image)
    for c in range(channels):
        pixels = image[:, c]  # (N, H, W)
        if training:
            mean, var = pixels.mean(), pixels.var(correction=0)
            if running_mean is not None:
                with torch.no_grad():
                    running_mean[c] += momentum * (mean - running_mean[c])
                    running_var[c] += momentum * (pixels.var(correction=1) - running_var[c])
        else:
            mean, var = running_mean[c], running_var[c]
        normal = (pixels - mean) / (var + eps).sqrt()  # (N, H, W)
        scale = 1 if weight is None else weight[c]
        shift = 0 if bias is None else bias[c]
        out[:, c] = normal * scale + shift
    return out


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
    vectors = given(running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    check_floating(image=image, **vectors)
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
    if (running_mean is None) != (running_var is None):
        raise ValueError(
            "one of the running mean and the running variance is None, but both or none are "
            "needed: give the other too"
        )
    if not training and running_mean is None:
        raise ValueError(
            "training is False and the running mean and variance are None, but both are needed: "
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
