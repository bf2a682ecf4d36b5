"""Class activation maps."""

import torch
from torch import Tensor

from ._logits import class_indices

__all__ = ["cam"]


def cam(features: Tensor, weight: Tensor, target: Tensor | int) -> Tensor:
    """Class activation map: the last feature maps, summed with the weights of one class.

    map[n, i, j] = sum over c of weight[target[n], c] * features[n, c, i, j]

    It explains networks that end in global average pooling and one fully connected layer. There,
    the mean of the map, plus the bias of the class, is the logit.

    Args:
        features: (N, C, h, w), what the average pooling is given.
        weight: (K, C), the weight of the fully connected layer.
        target: the classes, (N,) whole numbers in 0 … K−1, or one for all pictures.

    Returns:
        (N, h, w): positive where the picture speaks for the class, negative where against.

    Raises:
        TypeError: the features or the weight are no tensor, or the classes no whole numbers.
        ValueError: the shapes do not fit one another, or there is no such class.

    Example:
        >>> from torch import nn
        >>> features, layer = torch.rand(2, 8, 7, 7), nn.Linear(8, 10)
        >>> maps = cam(features, layer.weight, torch.tensor([3, 5]))
        >>> maps.shape
        torch.Size([2, 7, 7])
        >>> logits = layer(features.mean(dim=(2, 3)))
        >>> torch.allclose(maps[0].mean() + layer.bias[3], logits[0, 3], atol=1e-6)
        True

    Source:
        Zhou, Khosla, Lapedriza, Oliva, Torralba: Learning deep features for discriminative
        localization, 2016, https://arxiv.org/abs/1512.04150, eq. 2. There it is the sum of the
        map that is the logit, for the pooling sums; here, as in torch, it is the mean.

    Taught in: book/looking_inside/cam.md
    """
    for name, value in (("features", features), ("weight", weight)):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"the {name} came as {type(value).__name__}, but a tensor is needed: give the "
                f"output of the last convolution, and layer.weight of the fully connected layer"
            )
    if features.ndim != 4:
        raise ValueError(
            f"the features have shape {tuple(features.shape)}, but (N, C, h, w) is needed: give "
            f"the feature maps before the pooling, for a single picture as features[None]"
        )
    if weight.ndim != 2 or weight.shape[1] != features.shape[1]:
        raise ValueError(
            f"the weight has shape {tuple(weight.shape)}, but (K, {features.shape[1]}) is needed "
            f"for {features.shape[1]} feature maps: give the weight of the fully connected layer "
            f"that follows the pooling of these maps"
        )
    target = class_indices(target, len(features), len(weight)).to(weight.device)
    return torch.einsum("nc,nchw->nhw", weight.detach()[target], features.detach())
