"""Activation maximization: a picture that a channel answers to."""

import torch
from torch import Tensor, nn

from ._checks import check_counts
from ._outputs import output_of
from ._state import differentiating
from .record import record

__all__ = ["activation_maximization"]


def activation_maximization(
    model: nn.Module,
    layer: str,
    channel: int,
    *,
    size: tuple[int, int, int],
    steps: int = 100,
    learning_rate: float = 0.05,
    l2: float = 0.0,
    total_variation: float = 0.0,
    limits: tuple[float, float] = (0.0, 1.0),
    seed: int = 0,
) -> Tensor:
    """A picture that a channel of a layer answers strongly to, found by climbing the gradient.

    maximize activation(x) - l2 * sum((x - grey)^2) - total_variation * sum(|differences|)

    The activation is the mean of the channel's feature map, or, in a layer without rows and
    columns, its one number: a class's logit, for instance. The differences are those of
    neighbouring pixels, to the right and below. Grey is the middle of `limits`. The climb starts
    from grey with a little noise; its steps are those of Adam.

    Args:
        model: the network.
        layer: a name from ``model.named_modules()``; ``""`` is the network itself, whose channels
            are the classes.
        channel: which channel of the layer's output, from 0.
        size: (C, H, W) of the picture.
        steps: how many steps, at least 1.
        learning_rate: how far a step goes, about, in each pixel.
        l2: how strongly pixels are drawn towards grey, at least 0.
        total_variation: how strongly neighbouring pixels are drawn together, at least 0.
        limits: the lowest and the highest value of a pixel, as the network is given it.
        seed: of the noise.

    Returns:
        (C, H, W) within `limits`, in single precision.

    Raises:
        TypeError: the layer is given as a module, or its output is no tensor.
        ValueError: there is no such layer or channel, the layer does not depend on the picture,
            or a number is not as described.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, kernel_size=3), nn.ReLU())
        >>> image = activation_maximization(model, "0", 5, size=(3, 16, 16), steps=20)
        >>> image.shape, float(image.min()) >= 0, float(image.max()) <= 1
        (torch.Size([3, 16, 16]), True, True)

    Source:
        Erhan, Bengio, Courville, Vincent: Visualizing higher-layer features of a deep network,
        2009, technical report 1341 of the Université de Montréal. The price on distant pixels is
        that of Simonyan, Vedaldi, Zisserman, 2013, https://arxiv.org/abs/1312.6034, section 2;
        that on differences follows Olah, Mordvintsev, Schubert, 2017,
        https://distill.pub/2017/feature-visualization

    Taught in: book/looking_inside/activation_maximization.md
    """
    check_counts(steps=steps)
    if len(size) != 3 or not all(isinstance(side, int) and side > 0 for side in size):
        raise ValueError(
            f"size is {size}, but three whole numbers of at least 1 are needed, (C, H, W): "
            f"try size=(3, 64, 64)"
        )
    low, high = limits
    if not (low < high and learning_rate > 0 and l2 >= 0 and total_variation >= 0):
        raise ValueError(
            f"limits are {limits}, learning_rate {learning_rate}, l2 {l2} and total_variation "
            f"{total_variation}, but limits that rise, a learning rate above 0 and two numbers of "
            f"at least 0 are needed: begin with limits=(0, 1), learning_rate=0.05, 0 and 0"
        )
    grey = (low + high) / 2
    noise = torch.randn(1, *size, generator=torch.Generator().manual_seed(seed))
    like = next(model.parameters(), noise)
    # In single precision also where the network has half: there, Adam would divide by 0.
    start = (grey + 0.01 * (high - low) * noise).clamp(low, high).to(like.device)
    with differentiating(start), record(model, layer) as outputs:
        image = start.clone().requires_grad_()
        adam = torch.optim.Adam([image], lr=learning_rate, maximize=True)
        for _ in range(steps):
            model(image.to(like.dtype, copy=True))  # a copy: the first layer may work in place
            goal = _activation(outputs, layer, channel) - l2 * ((image - grey) ** 2).sum()
            if total_variation:
                goal = goal - total_variation * sum(image.diff(dim=d).abs().sum() for d in (2, 3))
            (image.grad,) = torch.autograd.grad(goal, image)
            adam.step()
            with torch.no_grad():
                image.clamp_(low, high)
    return image.detach()[0]


def _activation(outputs: dict[str, Tensor], layer: str, channel: int) -> Tensor:
    """The mean of one channel of a recorded layer, a number that depends on the picture."""
    output = output_of(outputs, layer)
    if output.ndim < 2 or channel not in range(output.shape[1]):
        raise ValueError(
            f"channel {channel} of layer {layer!r} is wanted, whose output has shape "
            f"{tuple(output.shape)}, but a channel of (N, C, …) is needed, from 0 to C−1: choose "
            f"another channel or another layer"
        )
    if not output.requires_grad:
        raise ValueError(
            f"the output of layer {layer!r} has no gradient, but a way back to the picture is "
            f"needed: choose a layer on it, and look for detach() or no_grad() before the layer"
        )
    return output.select(1, channel).mean()
