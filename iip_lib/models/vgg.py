"""VGG, the network that is made of convolutions 3×3 alone."""

from torch import Tensor, nn

from ._checks import check_numbers, check_pictures, check_probability

__all__ = ["VGG", "vgg11", "vgg16", "vgg19"]

# Convolutions of each block: table 1 of the paper, columns A, B, D, E.
_BLOCKS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_CHANNELS = (64, 128, 256, 512, 512)
_LEAST = 32  # five poolings halve it to one pixel


class VGG(nn.Module):
    """VGG: five blocks of convolutions 3×3, each with a max pooling after it; three linear layers.

    =========== ============================================= ====================
    part        layer                                         output
    =========== ============================================= ====================
    features    convolutions of 64 channels, max pooling      (N, 64, 112, 112)
                convolutions of 128 channels, max pooling     (N, 128, 56, 56)
                convolutions of 256 channels, max pooling     (N, 256, 28, 28)
                convolutions of 512 channels, max pooling     (N, 512, 14, 14)
                convolutions of 512 channels, max pooling     (N, 512, 7, 7)
    avgpool     mean over parts of the picture: any size to   (N, 512, 7, 7)
    classifier  flattened                                     (N, 25088)
                fully connected, ReLU, dropout                (N, 4096)
                fully connected, ReLU, dropout                (N, 4096)
                fully connected                               (N, num_classes)
    =========== ============================================= ====================

    The sizes are those of a picture of 224×224 pixels. A ReLU follows each convolution. The depth
    counts the layers with weights: 1, 1, 2, 2, 2 convolutions for 11; 2, 2, 2, 2, 2 for 13;
    2, 2, 3, 3, 3 for 16; 2, 2, 4, 4, 4 for 19; and the three linear layers. The names of the
    parts are torchvision's: its weights load with ``strict=True``.

    The paper differs: it has no `avgpool` (pictures are 224×224, or the linear layers become
    convolutions); it draws the first weights with a variance of 0.01 and begins deep networks with
    layers of the trained VGG-11, here He's rule is used for the convolutions, as torchvision does.

    Args:
        depth: 11, 13, 16 or 19.
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.
        dropout: share of the numbers that dropout sets to 0 in training, in [0, 1).

    Returns:
        A module. ``model(x)`` takes (N, in_channels, H, W), normalised as in training, and gives
        logits (N, num_classes); in eval it is ``model.forward_head(model.forward_features(x))``.

    Raises:
        TypeError: at the call, the input is no floating-point tensor.
        ValueError: there is no such depth, or another argument does not fit; at the call, the
            input is no batch, has other channels, or has fewer than 32 rows or columns.

    Example:
        >>> import torch
        >>> with torch.device("meta"):  # shapes without numbers: no memory, no time
        ...     model = VGG(16)
        ...     model.forward_features(torch.zeros(1, 3, 224, 224)).shape
        torch.Size([1, 512, 7, 7])

    Source:
        Simonyan, Zisserman, Very deep convolutional networks for large-scale image recognition,
        2015, table 1, https://arxiv.org/abs/1409.1556; the twin is torchvision.models.VGG

    Taught in: book/cnn/vgg.md
    """

    def __init__(
        self, depth: int, num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5
    ):
        super().__init__()
        if depth not in _BLOCKS:
            raise ValueError(
                f"depth is {depth!r}, but one of {', '.join(map(str, _BLOCKS))} is needed: "
                f"try VGG(11)"
            )
        check_numbers(num_classes=num_classes, in_channels=in_channels)
        check_probability(dropout=dropout)
        self.in_channels = in_channels
        self.features = _features(_BLOCKS[depth], in_channels)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → feature maps (N, 512, H // 32, W // 32)."""
        check_pictures(x, self.in_channels, _LEAST)
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        """Feature maps (N, 512, h, w) → logits (N, num_classes)."""
        return self.classifier(self.avgpool(features).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → logits (N, num_classes)."""
        return self.forward_head(self.forward_features(x))


def _features(blocks: tuple[int, ...], in_channels: int) -> nn.Sequential:
    """The convolutions, numbered from 0 to the last pooling."""
    layers: list[nn.Module] = []
    for convolutions, channels in zip(blocks, _CHANNELS, strict=True):
        for _ in range(convolutions):
            layers += [nn.Conv2d(in_channels, channels, 3, padding=1), nn.ReLU()]
            in_channels = channels
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def vgg11(num_classes: int = 1000, in_channels: int = 3) -> VGG:
    """VGG-11: eight convolutions and three linear layers.

    Args:
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.

    Returns:
        A VGG: (N, in_channels, H, W) with H and W of at least 32 → logits (N, num_classes).

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Example:
        >>> import torch
        >>> with torch.device("meta"):  # 531 MB of weights would take their time
        ...     model = vgg11()
        >>> sum(p.numel() for p in model.parameters())
        132863336

    Source:
        Simonyan, Zisserman, Very deep convolutional networks for large-scale image recognition,
        2015, table 1, column A, https://arxiv.org/abs/1409.1556;
        the twin is torchvision.models.vgg11

    Taught in: book/cnn/vgg.md
    """
    return VGG(11, num_classes, in_channels)


def vgg16(num_classes: int = 1000, in_channels: int = 3) -> VGG:
    """VGG-16: thirteen convolutions and three linear layers.

    Args:
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.

    Returns:
        A VGG: (N, in_channels, H, W) with H and W of at least 32 → logits (N, num_classes).

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Example:
        >>> import torch
        >>> with torch.device("meta"):  # 553 MB of weights would take their time
        ...     model = vgg16()
        >>> sum(p.numel() for p in model.parameters())
        138357544

    Source:
        Simonyan, Zisserman, Very deep convolutional networks for large-scale image recognition,
        2015, table 1, column D, https://arxiv.org/abs/1409.1556;
        the twin is torchvision.models.vgg16

    Taught in: book/cnn/vgg.md
    """
    return VGG(16, num_classes, in_channels)


def vgg19(num_classes: int = 1000, in_channels: int = 3) -> VGG:
    """VGG-19: sixteen convolutions and three linear layers.

    Args:
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.

    Returns:
        A VGG: (N, in_channels, H, W) with H and W of at least 32 → logits (N, num_classes).

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Example:
        >>> import torch
        >>> with torch.device("meta"):  # 575 MB of weights would take their time
        ...     model = vgg19()
        >>> sum(p.numel() for p in model.parameters())
        143667240

    Source:
        Simonyan, Zisserman, Very deep convolutional networks for large-scale image recognition,
        2015, table 1, column E, https://arxiv.org/abs/1409.1556;
        the twin is torchvision.models.vgg19

    Taught in: book/cnn/vgg.md
    """
    return VGG(19, num_classes, in_channels)
