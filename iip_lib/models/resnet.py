"""ResNet, the network that became deep because its layers learn a difference."""

from collections.abc import Sequence

from torch import Tensor, nn

from ._checks import check_numbers, check_pictures

__all__ = [
    "BasicBlock",
    "Bottleneck",
    "ResNet",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet_small",
]


class BasicBlock(nn.Module):
    """Two convolutions 3×3 whose result is added to the input.

    y = relu(F(x) + x),   F = convolution, batch norm, ReLU, convolution, batch norm

    Where F changes the size or the channels, the x that is added passes through `downsample`:
    a convolution 1×1 and a batch norm.

    Args:
        in_channels: channels of the input.
        channels: channels of both convolutions, and of the output.
        stride: 2 halves rows and columns, in the first convolution.

    Returns:
        A module: (N, in_channels, H, W) → (N, channels, H / stride, W / stride), rounded up.

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Example:
        >>> import torch
        >>> BasicBlock(64, 128, stride=2)(torch.zeros(1, 64, 56, 56)).shape
        torch.Size([1, 128, 28, 28])

    Source:
        He, Zhang, Ren, Sun, Deep residual learning for image recognition, 2016, figure 5 left,
        https://arxiv.org/abs/1512.03385

    Taught in: book/cnn/resnet.md
    """

    expansion = 1  # channels of the output by `channels`

    def __init__(self, in_channels: int, channels: int, stride: int = 1):
        super().__init__()
        check_numbers(in_channels=in_channels, channels=channels, stride=stride)
        # A batch norm follows, and its shift makes a bias of the convolution useless.
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → (N, channels, H / stride, W / stride)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """Convolutions 1×1, 3×3, 1×1 whose result is added to the input; the middle one is narrow.

    y = relu(F(x) + x),   F = 1×1 to `channels`, 3×3, 1×1 to 4 * `channels`

    A batch norm follows each convolution, and a ReLU each but the last. The paper halves rows
    and columns in the first 1×1; torchvision and this block do it in the 3×3, which loses no
    pixel ("ResNet V1.5").

    Args:
        in_channels: channels of the input.
        channels: channels of the first two convolutions; the output has four times as many.
        stride: 2 halves rows and columns, in the convolution 3×3.

    Returns:
        A module: (N, in_channels, H, W) → (N, 4 * channels, H / stride, W / stride), rounded up.

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Example:
        >>> import torch
        >>> Bottleneck(256, 128, stride=2)(torch.zeros(1, 256, 56, 56)).shape
        torch.Size([1, 512, 28, 28])

    Source:
        He, Zhang, Ren, Sun, Deep residual learning for image recognition, 2016, figure 5 right,
        https://arxiv.org/abs/1512.03385; the stride as in https://arxiv.org/abs/1706.02677

    Taught in: book/cnn/resnet.md
    """

    expansion = 4  # channels of the output by `channels`

    def __init__(self, in_channels: int, channels: int, stride: int = 1):
        super().__init__()
        check_numbers(in_channels=in_channels, channels=channels, stride=stride)
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, channels * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels * self.expansion)
        self.relu = nn.ReLU()
        self.downsample = _shortcut(in_channels, channels * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → (N, 4 * channels, H / stride, W / stride)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    """What makes x fit to be added, or None where it fits as it is."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
        nn.BatchNorm2d(out_channels),
    )


class ResNet(nn.Module):
    """ResNet: a stem, stages of residual blocks, the mean over all pixels, one linear layer.

    ======== ===================================== ==================== =====================
    part     layer                                 output of 18 and 34  output of 50
    ======== ===================================== ==================== =====================
    conv1    convolution 7×7, stride 2             (N, 64, 112, 112)    (N, 64, 112, 112)
    maxpool  max pooling 3×3, stride 2             (N, 64, 56, 56)      (N, 64, 56, 56)
    layer1   layers[0] blocks of 64 channels       (N, 64, 56, 56)      (N, 256, 56, 56)
    layer2   layers[1] blocks of 128, stride 2     (N, 128, 28, 28)     (N, 512, 28, 28)
    layer3   layers[2] blocks of 256, stride 2     (N, 256, 14, 14)     (N, 1024, 14, 14)
    layer4   layers[3] blocks of 512, stride 2     (N, 512, 7, 7)       (N, 2048, 7, 7)
    avgpool  mean over rows and columns            (N, 512, 1, 1)       (N, 2048, 1, 1)
    fc       fully connected                       (N, num_classes)     (N, num_classes)
    ======== ===================================== ==================== =====================

    The sizes are those of a picture of 224×224 pixels. A stage's stride is in its first block.
    The names of the parts are torchvision's: its weights load with ``strict=True``.

    Args:
        block: BasicBlock or Bottleneck.
        layers: blocks of each stage; the channels double from stage to stage.
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.
        width: channels of the stem.
        small: True for small pictures: the stem is a single convolution 3×3 and keeps the size.

    Returns:
        A module. ``model(x)`` takes (N, in_channels, H, W), normalised as in training, and gives
        logits (N, num_classes); it is ``model.forward_head(model.forward_features(x))``.

    Raises:
        TypeError: at the call, the input is no floating-point tensor.
        ValueError: a number is no whole number of at least 1; at the call, the input is no batch,
            has other channels, or has fewer rows or columns than the network divides by: 32 with
            four stages, or 2 ** (stages - 1) with ``small=True``.

    Example:
        >>> import torch
        >>> model = ResNet(BasicBlock, [1, 1], num_classes=10, width=8, small=True)
        >>> model.forward_features(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 16, 16, 16])
        >>> model(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])

    Source:
        He, Zhang, Ren, Sun, Deep residual learning for image recognition, 2016, table 1,
        https://arxiv.org/abs/1512.03385; the twin is torchvision.models.ResNet

    Taught in: book/cnn/resnet.md
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        in_channels: int = 3,
        width: int = 64,
        small: bool = False,
    ):
        super().__init__()
        check_numbers(num_classes=num_classes, in_channels=in_channels, width=width)
        check_numbers(**{"len(layers)": len(layers)})
        check_numbers(**{f"layers[{i}]": blocks for i, blocks in enumerate(layers)})
        self.in_channels = in_channels
        self.least = (1 if small else 4) * 2 ** (len(layers) - 1)
        if small:
            self.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        else:
            self.conv1 = nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, stride=2, padding=1)

        self._stages = [f"layer{number}" for number in range(1, len(layers) + 1)]
        inputs, channels = width, width
        for name, blocks in zip(self._stages, layers, strict=True):
            stride = 1 if name == "layer1" else 2
            stage = [block(inputs, channels, stride)]
            inputs = channels * block.expansion
            stage += [block(inputs, channels) for _ in range(blocks - 1)]
            self.add_module(name, nn.Sequential(*stage))
            channels *= 2

        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(inputs, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → feature maps (N, C, h, w) of the last stage."""
        check_pictures(x, self.in_channels, self.least)
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for name in self._stages:
            x = getattr(self, name)(x)
        return x

    def forward_head(self, features: Tensor) -> Tensor:
        """Feature maps (N, C, h, w) → logits (N, num_classes)."""
        return self.fc(self.avgpool(features).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → logits (N, num_classes)."""
        return self.forward_head(self.forward_features(x))


def resnet18(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """ResNet-18: 2, 2, 2 and 2 basic blocks in four stages.

    Args:
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.

    Returns:
        A ResNet: (N, in_channels, H, W) with H and W of at least 32 → logits (N, num_classes).

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Example:
        >>> sum(p.numel() for p in resnet18().parameters())
        11689512

    Source:
        He, Zhang, Ren, Sun, Deep residual learning for image recognition, 2016, table 1,
        https://arxiv.org/abs/1512.03385; the twin is torchvision.models.resnet18

    Taught in: book/cnn/resnet.md
    """
    return ResNet(BasicBlock, [2, 2, 2, 2], num_classes, in_channels)


def resnet34(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """ResNet-34: 3, 4, 6 and 3 basic blocks in four stages.

    Args:
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.

    Returns:
        A ResNet: (N, in_channels, H, W) with H and W of at least 32 → logits (N, num_classes).

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Example:
        >>> sum(p.numel() for p in resnet34().parameters())
        21797672

    Source:
        He, Zhang, Ren, Sun, Deep residual learning for image recognition, 2016, table 1,
        https://arxiv.org/abs/1512.03385; the twin is torchvision.models.resnet34

    Taught in: book/cnn/resnet.md
    """
    return ResNet(BasicBlock, [3, 4, 6, 3], num_classes, in_channels)


def resnet50(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """ResNet-50: 3, 4, 6 and 3 bottlenecks in four stages.

    Args:
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.

    Returns:
        A ResNet: (N, in_channels, H, W) with H and W of at least 32 → logits (N, num_classes).

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Example:
        >>> sum(p.numel() for p in resnet50().parameters())
        25557032

    Source:
        He, Zhang, Ren, Sun, Deep residual learning for image recognition, 2016, table 1,
        https://arxiv.org/abs/1512.03385; the twin is torchvision.models.resnet50

    Taught in: book/cnn/resnet.md
    """
    return ResNet(Bottleneck, [3, 4, 6, 3], num_classes, in_channels)


def resnet_small(num_classes: int = 10, in_channels: int = 3) -> ResNet:
    """ResNet-20 for small pictures, such as 32×32: 3, 3 and 3 basic blocks in three stages.

    The stem keeps the size, and the stages have 16, 32 and 64 channels: a picture of 32×32 has
    64 feature maps of 8×8, whose means are read by the linear layer. The paper adds zeros for the
    missing channels where a stage begins; here it is a convolution 1×1, as in the large ones.

    Args:
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.

    Returns:
        A ResNet: (N, in_channels, H, W) with H and W of at least 4 → logits (N, num_classes).

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Example:
        >>> sum(p.numel() for p in resnet_small().parameters())
        272474

    Source:
        He, Zhang, Ren, Sun, Deep residual learning for image recognition, 2016, section 4.2,
        https://arxiv.org/abs/1512.03385

    Taught in: book/cnn/resnet.md
    """
    return ResNet(BasicBlock, [3, 3, 3], num_classes, in_channels, width=16, small=True)
