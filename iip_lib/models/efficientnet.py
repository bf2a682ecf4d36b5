"""EfficientNet, the network whose depth, width and picture size grow together."""

import math

from torch import Tensor, nn

from ._checks import check_factor, check_numbers, check_pictures, check_probability
from .mobilenet import _multiple_of_8

__all__ = ["EfficientNet", "MBConv", "SqueezeExcitation", "StochasticDepth", "efficientnet_b0"]

_LEAST = 32  # five strides of 2 halve it to one pixel

# Table 1 of the paper: expansion, kernel size, stride of the first block, channels, blocks.
_STEM = 32
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


def _convolution(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    stride: int = 1,
    groups: int = 1,
    activation: bool = True,
) -> nn.Sequential:
    """Convolution, batch norm, and mostly SiLU: x * sigmoid(x), a smooth relative of ReLU."""
    return nn.Sequential(
        nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding=kernel_size // 2,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm2d(out_channels),
        *([nn.SiLU()] if activation else []),
    )


class SqueezeExcitation(nn.Module):
    """Each channel times a factor that is computed from the means of all channels.

    y = x * s,   s = sigmoid(fc2(silu(fc1(mean of each channel of x))))

    So what the whole picture shows makes a channel weaker; a convolution of a few pixels cannot
    know it. `fc1` and `fc2` are fully connected layers, written as convolutions 1×1 on one pixel.

    The paper differs: it has a ReLU where EfficientNet has SiLU.

    Args:
        channels: channels of the input, and of the output.
        squeeze_channels: numbers between `fc1` and `fc2`; few make it cheap.

    Returns:
        A module: (N, channels, H, W) → (N, channels, H, W), with factors in (0, 1).

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Example:
        >>> import torch
        >>> SqueezeExcitation(96, 4)(torch.zeros(1, 96, 56, 56)).shape
        torch.Size([1, 96, 56, 56])

    Source:
        Hu, Shen, Sun, Squeeze-and-excitation networks, 2018, https://arxiv.org/abs/1709.01507;
        the twin is torchvision.ops.SqueezeExcitation

    Taught in: book/cnn/lightweight.md
    """

    def __init__(self, channels: int, squeeze_channels: int):
        super().__init__()
        check_numbers(channels=channels, squeeze_channels=squeeze_channels)
        self.fc1 = nn.Conv2d(channels, squeeze_channels, 1)
        self.activation = nn.SiLU()
        self.fc2 = nn.Conv2d(squeeze_channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) → (N, channels, H, W)."""
        means = x.mean(dim=(2, 3), keepdim=True)  # (N, channels, 1, 1)
        return x * self.fc2(self.activation(self.fc1(means))).sigmoid()


class StochasticDepth(nn.Module):
    """In training, all numbers of a sample become 0 with probability `p`.

    y = x * b / (1 - p),   b = 1 with probability 1 - p, else 0, drawn for each sample

    On F(x) in F(x) + x, it leaves out the block for some of the samples, which so train a
    shorter network. The division keeps the expectation: E[y] = x. In eval, y = x.

    The paper differs: it draws once for the whole batch, and multiplies by 1 - p in eval instead
    of dividing in training.

    Args:
        p: probability that a sample is dropped, in [0, 1).

    Returns:
        A module: (N, ...) → (N, ...).

    Raises:
        ValueError: `p` is not in its range.

    Example:
        >>> import torch
        >>> drop, x = StochasticDepth(0.5), torch.ones(8, 3, 2, 2)
        >>> sorted(drop(x).unique().tolist()) in ([0.0], [0.0, 2.0], [2.0])
        True
        >>> drop.eval()(x).equal(x)
        True

    Source:
        Huang, Sun, Liu, Sedra, Weinberger, Deep networks with stochastic depth, 2016,
        https://arxiv.org/abs/1603.09382; the twin is torchvision.ops.StochasticDepth with
        ``mode="row"``

    Taught in: book/cnn/lightweight.md
    """

    def __init__(self, p: float):
        super().__init__()
        check_probability(p=p)
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) → (N, ...)."""
        if not self.training or self.p == 0:
            return x
        kept = x.new_empty(len(x), *[1] * (x.ndim - 1)).bernoulli_(1 - self.p)  # (N, 1, ...)
        return x * (kept / (1 - self.p))

    def extra_repr(self) -> str:
        """What print(model) shows of it."""
        return f"p={self.p}"


class MBConv(nn.Module):
    """MobileNetV2's inverted residual with squeeze-and-excitation, SiLU and stochastic depth.

    y = drop(F(x)) + x  where stride is 1 and the channels stay,   y = F(x)  elsewhere

    ======== ============================================== ============================
    part     layer                                          output
    ======== ============================================== ============================
    block    convolution 1×1, SiLU (not with expansion 1)   (N, inside, H, W)
             convolution k×k channel by channel, SiLU       (N, inside, H / s, W / s)
             squeeze-and-excitation                         (N, inside, H / s, W / s)
             convolution 1×1                                (N, out, H / s, W / s)
    ======== ============================================== ============================

    with inside = in_channels * expand_ratio; a batch norm follows each convolution.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: rows and columns of the depthwise kernels; odd, such as 3 or 5.
        stride: 2 halves rows and columns, in the depthwise convolution.
        expand_ratio: channels inside, by `in_channels`; with 1 there is no first convolution.
        stochastic_depth_prob: probability that F(x) is left out in training, in [0, 1).

    Returns:
        A module: (N, in_channels, H, W) → (N, out_channels, H / stride, W / stride), rounded up.

    Raises:
        ValueError: an argument is not in its range.

    Example:
        >>> import torch
        >>> MBConv(24, 40, kernel_size=5, stride=2, expand_ratio=6)(torch.zeros(1, 24, 56, 56)).shape
        torch.Size([1, 40, 28, 28])

    Source:
        Tan, Le, EfficientNet: rethinking model scaling for convolutional neural networks, 2019,
        section 4, https://arxiv.org/abs/1905.11946; the twin is
        torchvision.models.efficientnet.MBConv

    Taught in: book/cnn/lightweight.md
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int,
        expand_ratio: int,
        stochastic_depth_prob: float = 0.0,
    ):
        super().__init__()
        check_numbers(in_channels=in_channels, out_channels=out_channels, kernel_size=kernel_size)
        check_numbers(stride=stride, expand_ratio=expand_ratio)
        check_probability(stochastic_depth_prob=stochastic_depth_prob)
        if kernel_size % 2 == 0:
            raise ValueError(
                f"kernel_size is {kernel_size}, but an odd number is needed, whose window has a "
                f"middle: try kernel_size={kernel_size + 1}"
            )
        inside = in_channels * expand_ratio
        layers = [] if expand_ratio == 1 else [_convolution(in_channels, inside, 1)]
        self.block = nn.Sequential(
            *layers,
            _convolution(inside, inside, kernel_size, stride, groups=inside),
            # a quarter of the block's input, not of its wide inside
            SqueezeExcitation(inside, max(1, in_channels // 4)),
            _convolution(inside, out_channels, 1, activation=False),
        )
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob)
        self.is_residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → (N, out_channels, H / stride, W / stride)."""
        out = self.block(x)
        return self.stochastic_depth(out) + x if self.is_residual else out


class EfficientNet(nn.Module):
    """EfficientNet: a stem, seven stages of MBConv, the mean over all pixels, a linear layer.

    ============ ========================================= ===================
    part         layer                                     output of B0
    ============ ========================================= ===================
    features.0   convolution 3×3, stride 2                 (N, 32, 112, 112)
    features.1   MBConv 3×3, expansion 1                   (N, 16, 112, 112)
    features.2   2 MBConv 3×3, stride 2                    (N, 24, 56, 56)
    features.3   2 MBConv 5×5, stride 2                    (N, 40, 28, 28)
    features.4   3 MBConv 3×3, stride 2                    (N, 80, 14, 14)
    features.5   3 MBConv 5×5                              (N, 112, 14, 14)
    features.6   4 MBConv 5×5, stride 2                    (N, 192, 7, 7)
    features.7   MBConv 3×3                                (N, 320, 7, 7)
    features.8   convolution 1×1                           (N, 1280, 7, 7)
    –            mean over rows and columns                (N, 1280)
    classifier   dropout, fully connected                  (N, num_classes)
    ============ ========================================= ===================

    The sizes are those of a picture of 224×224 pixels. The expansion is 6 from `features.2` on,
    and a stage's stride is in its first block. The names of the parts are torchvision's: its
    weights load with ``strict=True``.

    B0 was found by a search. The paper makes it larger in three ways at once ("compound
    scaling"): more blocks, more channels, larger pictures. B2, for instance, has ``depth_mult=1.2,
    width_mult=1.1, dropout=0.3`` and pictures of 260×260 pixels.

    The authors' own code differs: where the stride is 2, it pads more below and at the right; the
    batch norms have ``eps=0.001, momentum=0.01``. Here everything is as torchvision has it for B0.

    Args:
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.
        width_mult: factor for all channels, above 0; each is rounded to a multiple of 8.
        depth_mult: factor for the blocks of each stage, above 0, rounded up.
        dropout: share of the numbers that dropout sets to 0 in training, in [0, 1).
        stochastic_depth_prob: with what probability blocks are left out in training, in [0, 1):
            ``stochastic_depth_prob * l / L`` is that of block l of L, counted from 0.

    Returns:
        A module. ``model(x)`` takes (N, in_channels, H, W), normalised as in training, and gives
        logits (N, num_classes); in eval it is ``model.forward_head(model.forward_features(x))``.

    Raises:
        TypeError: at the call, the input is no floating-point tensor.
        ValueError: an argument is not in its range; at the call, the input is no batch, has
            other channels, or has fewer than 32 rows or columns.

    Example:
        >>> import torch
        >>> model = EfficientNet(num_classes=10).eval()
        >>> model.forward_features(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 1280, 2, 2])

    Source:
        Tan, Le, EfficientNet: rethinking model scaling for convolutional neural networks, 2019,
        table 1, https://arxiv.org/abs/1905.11946; the twin is torchvision.models.EfficientNet

    Taught in: book/cnn/lightweight.md
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        width_mult: float = 1.0,
        depth_mult: float = 1.0,
        dropout: float = 0.2,
        stochastic_depth_prob: float = 0.2,
    ):
        super().__init__()
        check_numbers(num_classes=num_classes, in_channels=in_channels)
        check_factor(width_mult=width_mult, depth_mult=depth_mult)
        check_probability(dropout=dropout, stochastic_depth_prob=stochastic_depth_prob)
        self.in_channels = in_channels
        depths = [math.ceil(blocks * depth_mult) for *_, blocks in _STAGES]
        total = sum(depths)
        drops = iter([stochastic_depth_prob * block / total for block in range(total)])

        channels = _multiple_of_8(_STEM * width_mult)
        layers: list[nn.Module] = [_convolution(in_channels, channels, 3, stride=2)]
        for (expand_ratio, kernel_size, first, outputs, _), depth in zip(
            _STAGES, depths, strict=True
        ):
            outputs = _multiple_of_8(outputs * width_mult)
            stage = []
            for stride in [first] + [1] * (depth - 1):
                stage.append(
                    MBConv(channels, outputs, kernel_size, stride, expand_ratio, next(drops))
                )
                channels = outputs
            layers.append(nn.Sequential(*stage))
        layers.append(_convolution(channels, 4 * channels, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(4 * channels, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                bound = num_classes**-0.5
                nn.init.uniform_(module.weight, -bound, bound)
                nn.init.zeros_(module.bias)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → feature maps (N, C, h, w), 1280 of them in B0."""
        check_pictures(x, self.in_channels, _LEAST)
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        """Feature maps (N, C, h, w) → logits (N, num_classes)."""
        return self.classifier(features.mean(dim=(2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → logits (N, num_classes)."""
        return self.forward_head(self.forward_features(x))


def efficientnet_b0(num_classes: int = 1000, in_channels: int = 3) -> EfficientNet:
    """EfficientNet-B0: sixteen MBConv in seven stages, the smallest of the family.

    Args:
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.

    Returns:
        An EfficientNet: (N, in_channels, H, W) with H and W of at least 32 → logits
        (N, num_classes).

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Example:
        >>> sum(p.numel() for p in efficientnet_b0().parameters())
        5288548

    Source:
        Tan, Le, EfficientNet: rethinking model scaling for convolutional neural networks, 2019,
        table 1, https://arxiv.org/abs/1905.11946; the twin is torchvision.models.efficientnet_b0

    Taught in: book/cnn/lightweight.md
    """
    return EfficientNet(num_classes, in_channels)
