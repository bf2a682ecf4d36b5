"""MobileNetV2, the network for telephones: most of its convolutions read one channel each."""

from torch import Tensor, nn

from ._checks import check_factor, check_numbers, check_pictures, check_probability

__all__ = ["InvertedResidual", "MobileNetV2"]

_LEAST = 32  # five strides of 2 halve it to one pixel

# Table 2 of the paper: expansion, channels, blocks, stride of the first block.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def _convolution(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, batch norm, ReLU6: a ReLU that ends at 6."""
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
        nn.ReLU6(),
    )


class InvertedResidual(nn.Module):
    """Wide inside, narrow outside: 1×1 up, 3×3 channel by channel, 1×1 down without a ReLU.

    y = F(x) + x  where stride is 1 and the channels stay,   y = F(x)  elsewhere

    The convolution 3×3 is depthwise: each channel has its own single kernel (``groups``), so that
    it costs 9 multiplications a number instead of 9 times the channels. A ReLU on few channels
    would lose what it sets to 0; hence none follows the last convolution.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: 2 halves rows and columns, in the convolution 3×3.
        expand_ratio: channels inside, by `in_channels`; with 1 there is no first convolution.

    Returns:
        A module: (N, in_channels, H, W) → (N, out_channels, H / stride, W / stride), rounded up.

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Example:
        >>> import torch
        >>> InvertedResidual(24, 32, stride=2, expand_ratio=6)(torch.zeros(1, 24, 56, 56)).shape
        torch.Size([1, 32, 28, 28])

    Source:
        Sandler, Howard, Zhu, Zhmoginov, Chen, MobileNetV2: inverted residuals and linear
        bottlenecks, 2018, table 1, https://arxiv.org/abs/1801.04381

    Taught in: book/cnn/lightweight.md
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, expand_ratio: int):
        super().__init__()
        check_numbers(in_channels=in_channels, out_channels=out_channels)
        check_numbers(stride=stride, expand_ratio=expand_ratio)
        inside = in_channels * expand_ratio
        layers = [] if expand_ratio == 1 else [_convolution(in_channels, inside, 1)]
        self.conv = nn.Sequential(
            *layers,
            _convolution(inside, inside, 3, stride, groups=inside),
            nn.Conv2d(inside, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.is_residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → (N, out_channels, H / stride, W / stride)."""
        return x + self.conv(x) if self.is_residual else self.conv(x)


class MobileNetV2(nn.Module):
    """MobileNetV2: a stem, seventeen inverted residuals, the mean over all pixels, a linear layer.

    =============== ============================================== ===================
    part            layer                                          output
    =============== ============================================== ===================
    features.0      convolution 3×3, stride 2                      (N, 32, 112, 112)
    features.1      inverted residual, expansion 1                 (N, 16, 112, 112)
    features.2–3    2 inverted residuals, stride 2                 (N, 24, 56, 56)
    features.4–6    3 inverted residuals, stride 2                 (N, 32, 28, 28)
    features.7–10   4 inverted residuals, stride 2                 (N, 64, 14, 14)
    features.11–13  3 inverted residuals                           (N, 96, 14, 14)
    features.14–16  3 inverted residuals, stride 2                 (N, 160, 7, 7)
    features.17     inverted residual                              (N, 320, 7, 7)
    features.18     convolution 1×1                                (N, 1280, 7, 7)
    –               mean over rows and columns                     (N, 1280)
    classifier      dropout, fully connected                       (N, num_classes)
    =============== ============================================== ===================

    The sizes are those of a picture of 224×224 pixels. The expansion is 6, and a stage's stride is
    in its first block. The names of the parts are torchvision's: its weights load with
    ``strict=True``. The paper ends with a convolution 1×1 on one pixel, which is a linear layer.

    Args:
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.
        width_mult: factor for all channels, above 0; each is rounded to a multiple of 8. The
            last 1280 channels become more, but not less.
        dropout: share of the numbers that dropout sets to 0 in training, in [0, 1).

    Returns:
        A module. ``model(x)`` takes (N, in_channels, H, W), normalised as in training, and gives
        logits (N, num_classes); in eval it is ``model.forward_head(model.forward_features(x))``.

    Raises:
        TypeError: at the call, the input is no floating-point tensor.
        ValueError: an argument is not in its range; at the call, the input is no batch, has
            other channels, or has fewer than 32 rows or columns.

    Example:
        >>> import torch
        >>> model = MobileNetV2(num_classes=10).eval()
        >>> model.forward_features(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 1280, 2, 2])
        >>> sum(p.numel() for p in MobileNetV2().parameters())
        3504872

    Source:
        Sandler, Howard, Zhu, Zhmoginov, Chen, MobileNetV2: inverted residuals and linear
        bottlenecks, 2018, table 2, https://arxiv.org/abs/1801.04381; the twin is
        torchvision.models.MobileNetV2

    Taught in: book/cnn/lightweight.md
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        width_mult: float = 1.0,
        dropout: float = 0.2,
    ):
        super().__init__()
        check_numbers(num_classes=num_classes, in_channels=in_channels)
        check_probability(dropout=dropout)
        check_factor(width_mult=width_mult)
        self.in_channels = in_channels
        channels = _multiple_of_8(32 * width_mult)
        last = _multiple_of_8(1280 * max(1.0, width_mult))
        layers: list[nn.Module] = [_convolution(in_channels, channels, 3, stride=2)]
        for expand_ratio, outputs, blocks, stride in _STAGES:
            outputs = _multiple_of_8(outputs * width_mult)
            for number in range(blocks):
                first = number == 0
                layers.append(
                    InvertedResidual(channels, outputs, stride if first else 1, expand_ratio)
                )
                channels = outputs
        layers.append(_convolution(channels, last, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → feature maps (N, 1280, h, w)."""
        check_pictures(x, self.in_channels, _LEAST)
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        """Feature maps (N, 1280, h, w) → logits (N, num_classes)."""
        return self.classifier(features.mean(dim=(2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → logits (N, num_classes)."""
        return self.forward_head(self.forward_features(x))


def _multiple_of_8(channels: float) -> int:
    """The nearest multiple of 8, at least 8, and not more than a tenth below `channels`."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
