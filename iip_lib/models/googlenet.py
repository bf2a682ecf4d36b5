"""GoogLeNet, the network whose layers look with several kernel sizes at once."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ._checks import check_numbers, check_pictures, check_probability

__all__ = ["GoogLeNet", "Inception", "InceptionAux"]

_LEAST = 15  # from it, every pooling still has a pixel


class _Outputs(NamedTuple):
    """What GoogLeNet with auxiliary classifiers gives in training, in torchvision's order."""

    logits: Tensor  # (N, num_classes)
    aux_logits2: Tensor  # (N, num_classes), from the output of inception4d
    aux_logits1: Tensor  # (N, num_classes), from the output of inception4a


class _Convolution(nn.Sequential):
    """Convolution, batch norm, ReLU."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
    ):
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, padding=padding, bias=False
        )
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)
        self.relu = nn.ReLU()


class Inception(nn.Module):
    """Four branches read the same feature maps; their outputs become one stack of channels.

    ======== ============================================== =======================
    branch   layers                                         channels
    ======== ============================================== =======================
    branch1  convolution 1×1                                ch1x1
    branch2  convolution 1×1, convolution 3×3               ch3x3red, then ch3x3
    branch3  convolution 1×1, convolution 3×3 (paper: 5×5)  ch5x5red, then ch5x5
    branch4  max pooling 3×3, convolution 1×1               pool_proj
    ======== ============================================== =======================

    The convolutions 1×1 make the input of the large ones narrow, and so cheap. A batch norm and a
    ReLU follow each convolution.

    The paper differs: branch3 has a convolution 5×5, where torchvision, and so its weights, has
    3×3 (known as a mistake: https://github.com/pytorch/vision/issues/906); and there is no batch
    norm.

    Args:
        in_channels: channels of the input.
        ch1x1: channels of branch1.
        ch3x3red: channels of the convolution 1×1 of branch2.
        ch3x3: channels of branch2.
        ch5x5red: channels of the convolution 1×1 of branch3.
        ch5x5: channels of branch3.
        pool_proj: channels of branch4.

    Returns:
        A module: (N, in_channels, H, W) → (N, ch1x1 + ch3x3 + ch5x5 + pool_proj, H, W).

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Example:
        >>> Inception(192, 64, 96, 128, 16, 32, 32)(torch.zeros(1, 192, 28, 28)).shape
        torch.Size([1, 256, 28, 28])

    Source:
        Szegedy et al., Going deeper with convolutions, 2015, figure 2b,
        https://arxiv.org/abs/1409.4842

    Taught in: book/cnn/googlenet.md
    """

    def __init__(
        self,
        in_channels: int,
        ch1x1: int,
        ch3x3red: int,
        ch3x3: int,
        ch5x5red: int,
        ch5x5: int,
        pool_proj: int,
    ):
        super().__init__()
        check_numbers(in_channels=in_channels, ch1x1=ch1x1, ch3x3red=ch3x3red, ch3x3=ch3x3)
        check_numbers(ch5x5red=ch5x5red, ch5x5=ch5x5, pool_proj=pool_proj)
        self.branch1 = _Convolution(in_channels, ch1x1, 1)
        self.branch2 = nn.Sequential(
            _Convolution(in_channels, ch3x3red, 1), _Convolution(ch3x3red, ch3x3, 3, padding=1)
        )
        self.branch3 = nn.Sequential(
            _Convolution(in_channels, ch5x5red, 1), _Convolution(ch5x5red, ch5x5, 3, padding=1)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), _Convolution(in_channels, pool_proj, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → (N, ch1x1 + ch3x3 + ch5x5 + pool_proj, H, W)."""
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], dim=1)


class InceptionAux(nn.Module):
    """A small classifier on feature maps in the middle, which trains the layers before it.

    ======== ============================= ==================
    part     layer                         output
    ======== ============================= ==================
    –        mean over parts of the maps   (N, C, 4, 4)
    conv     convolution 1×1               (N, 128, 4, 4)
    fc1      fully connected, ReLU         (N, 1024)
    dropout  dropout                       (N, 1024)
    fc2      fully connected               (N, num_classes)
    ======== ============================= ==================

    Args:
        in_channels: channels of the feature maps.
        num_classes: how many classes there are, at least 1.
        dropout: share of the numbers that dropout sets to 0 in training, in [0, 1).

    Returns:
        A module: (N, in_channels, H, W) → logits (N, num_classes).

    Raises:
        ValueError: an argument is not in its range.

    Example:
        >>> InceptionAux(512, num_classes=10)(torch.zeros(1, 512, 14, 14)).shape
        torch.Size([1, 10])

    Source:
        Szegedy et al., Going deeper with convolutions, 2015, section 5,
        https://arxiv.org/abs/1409.4842

    Taught in: book/cnn/googlenet.md
    """

    def __init__(self, in_channels: int, num_classes: int, dropout: float = 0.7):
        super().__init__()
        check_numbers(in_channels=in_channels, num_classes=num_classes)
        check_probability(dropout=dropout)
        self.avgpool = nn.AdaptiveAvgPool2d(4)
        self.conv = _Convolution(in_channels, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → logits (N, num_classes)."""
        x = self.conv(self.avgpool(x)).flatten(1)  # (N, 2048)
        return self.fc2(self.dropout(self.relu(self.fc1(x))))


class GoogLeNet(nn.Module):
    """GoogLeNet: a stem, nine Inception blocks, the mean over all pixels, one linear layer.

    =============== =========================================== ====================
    part            layer                                       output
    =============== =========================================== ====================
    conv1           convolution 7×7, stride 2                   (N, 64, 112, 112)
    maxpool1        max pooling 3×3, stride 2                   (N, 64, 56, 56)
    conv2           convolution 1×1                             (N, 64, 56, 56)
    conv3           convolution 3×3                             (N, 192, 56, 56)
    maxpool2        max pooling 3×3, stride 2                   (N, 192, 28, 28)
    inception3a, b  two blocks                                  (N, 480, 28, 28)
    maxpool3        max pooling 3×3, stride 2                   (N, 480, 14, 14)
    inception4a–e   five blocks                                 (N, 832, 14, 14)
    maxpool4        max pooling 2×2, stride 2                   (N, 832, 7, 7)
    inception5a, b  two blocks                                  (N, 1024, 7, 7)
    avgpool         mean over rows and columns                  (N, 1024, 1, 1)
    dropout, fc     fully connected                             (N, num_classes)
    =============== =========================================== ====================

    The sizes are those of a picture of 224×224 pixels. The names of the parts are torchvision's:
    its weights load with ``strict=True``, and with ``aux_logits=True`` where they hold the auxiliary
    classifiers, as the file of its ImageNet weights does.

    The paper differs: it has no batch norm, but a local response normalisation in the stem; the
    third branch of its blocks has a convolution 5×5 instead of 3×3; maxpool4 is 3×3; its dropout
    is 0.4. Here everything is as torchvision has it.

    torchvision's ImageNet weights were trained on pictures in [-1, 1], ``(x - 0.5) / 0.5``:
    ``torchvision.models.googlenet(weights="DEFAULT")`` converts pictures from ImageNet's mean and
    standard deviation inside; this network does not convert.

    Args:
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.
        aux_logits: True to have two auxiliary classifiers, aux1 and aux2, for training.
        dropout: share of the numbers that dropout sets to 0 in training, in [0, 1).

    Returns:
        A module. ``model(x)`` takes (N, in_channels, H, W) and gives logits (N, num_classes); in
        eval it is ``model.forward_head(model.forward_features(x))``. In training with
        ``aux_logits=True`` it gives a named tuple (logits, aux_logits2, aux_logits1) instead;
        the paper's loss counts the last two 0.3 times.

    Raises:
        TypeError: at the call, the input is no floating-point tensor.
        ValueError: an argument is not in its range; at the call, the input is no batch, has
            other channels, or has fewer than 15 rows or columns.

    Example:
        >>> with torch.device("meta"):  # shapes without numbers: no memory, no time
        ...     model = GoogLeNet()
        ...     model.forward_features(torch.zeros(1, 3, 224, 224)).shape
        torch.Size([1, 1024, 7, 7])
        >>> sum(p.numel() for p in model.parameters())
        6624904

    Source:
        Szegedy et al., Going deeper with convolutions, 2015, table 1,
        https://arxiv.org/abs/1409.4842; the twin is torchvision.models.GoogLeNet

    Taught in: book/cnn/googlenet.md
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        aux_logits: bool = False,
        dropout: float = 0.2,
    ):
        super().__init__()
        check_numbers(num_classes=num_classes, in_channels=in_channels)
        check_probability(dropout=dropout)
        self.in_channels = in_channels
        self.conv1 = _Convolution(in_channels, 64, 7, stride=2, padding=3)
        # ceil_mode: an odd number of rows is rounded up when it is halved
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = _Convolution(64, 64, 1)
        self.conv3 = _Convolution(64, 192, 3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.aux1 = InceptionAux(512, num_classes) if aux_logits else None
        self.aux2 = InceptionAux(528, num_classes) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.01)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → feature maps (N, 1024, h, w) of the last block."""
        return self._maps(x)[-1]

    def forward_head(self, features: Tensor) -> Tensor:
        """Feature maps (N, 1024, h, w) → logits (N, num_classes)."""
        return self.fc(self.dropout(self.avgpool(features).flatten(1)))

    def forward(self, x: Tensor) -> Tensor | _Outputs:
        """(N, in_channels, H, W) → logits (N, num_classes), in training with those of aux."""
        maps_4a, maps_4d, features = self._maps(x)
        logits = self.forward_head(features)
        if self.training and self.aux1 is not None:
            return _Outputs(logits, self.aux2(maps_4d), self.aux1(maps_4a))
        return logits

    def _maps(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Outputs of inception4a, inception4d and inception5b."""
        check_pictures(x, self.in_channels, _LEAST)
        x = self.maxpool1(self.conv1(x))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        maps_4a = self.inception4a(x)
        maps_4d = self.inception4d(self.inception4c(self.inception4b(maps_4a)))
        x = self.maxpool4(self.inception4e(maps_4d))
        return maps_4a, maps_4d, self.inception5b(self.inception5a(x))
