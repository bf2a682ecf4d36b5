"""Grad-CAM: class activation maps by gradients."""

import torch
from torch import Tensor, nn

from ._checks import check_images
from ._logits import logits_of, of_class
from ._outputs import output_of
from ._state import differentiating
from .record import record

__all__ = ["grad_cam"]


def grad_cam(model: nn.Module, images: Tensor, layer: str, target: Tensor | int) -> Tensor:
    """Grad-CAM: where in a layer's feature maps the logit of a class comes from.

    map = relu(sum over c of alpha[c] * A[c]),
    alpha[c] = mean over i, j of d logit / d A[c, i, j]

    A are the feature maps of the layer. Where the network ends in global average pooling and one
    fully connected layer, the map of its last feature maps is relu(cam) / (h * w).

    Args:
        model: the network; it gives logits (N, K).
        images: (N, C, H, W), prepared as for the network.
        layer: a name from ``model.named_modules()``, mostly that of the last convolution. Of a
            layer that runs several times, the last output counts.
        target: the classes, (N,) whole numbers in 0 … K−1, or one for all pictures.

    Returns:
        (N, h, w), at the layer's resolution, at least 0 and not normalized.

    Raises:
        TypeError: the pictures are no tensor of floating point numbers, the layer is given as a
            module, the classes are no whole numbers, or the network gives no tensor.
        ValueError: a shape or the device does not fit, there is no such layer or class, or the
            logit does not depend on the layer.

    Example:
        >>> model = nn.Sequential(
        ...     nn.Conv2d(3, 8, kernel_size=3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 14 * 14, 10)
        ... )
        >>> maps = grad_cam(model, torch.rand(2, 3, 16, 16), "1", target=4)
        >>> maps.shape, bool((maps >= 0).all())
        (torch.Size([2, 14, 14]), True)

    Source:
        Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra: Grad-CAM, 2017,
        https://arxiv.org/abs/1610.02391, eq. 1 and 2

    Taught in: book/looking_inside/grad_cam.md
    """
    check_images(model, images)
    with differentiating(images), record(model, layer) as outputs:
        # A copy asks for a gradient, so that there is one where all parameters are frozen; the
        # copy of that lets a first layer work in place.
        images = images.detach().clone().requires_grad_()
        score = of_class(logits_of(model, images.clone()), target).sum()  # each map has its own
        maps = _maps(outputs, layer)  # (N, c, h, w)
        alpha = _gradient(score, maps, layer).mean(dim=(2, 3))  # (N, c)
    return torch.einsum("nc,nchw->nhw", alpha, maps.detach()).relu()


def _gradient(score: Tensor, maps: Tensor, layer: str) -> Tensor:
    """The gradient of the score with respect to the layer's maps."""
    gradient = None
    if score.requires_grad:
        (gradient,) = torch.autograd.grad(score, maps, allow_unused=True)
    if gradient is None:
        raise ValueError(
            f"the logit does not depend on the last output of layer {layer!r}, but a layer on its "
            f"way is needed: choose one between the pictures and the logits"
        )
    return gradient


def _maps(outputs: dict[str, Tensor], layer: str) -> Tensor:
    """The recorded output of a layer that has rows and columns, (N, c, h, w)."""
    maps = output_of(outputs, layer)
    if maps.ndim != 4:
        raise ValueError(
            f"the output of layer {layer!r} has shape {tuple(maps.shape)}, but feature maps "
            f"(N, c, h, w) are needed: choose a convolution, or a layer after one"
        )
    return maps
