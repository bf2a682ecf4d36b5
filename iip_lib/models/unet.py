"""U-Net, the network that names each pixel: down to see far, up again to see sharply."""

import torch
from torch import Tensor, nn

from ._checks import check_numbers, check_pictures

__all__ = ["UNet"]


class UNet(nn.Module):
    """U-Net: a contracting path, an expanding path, and the maps of the one given to the other.

    ========== ================================================ =======================
    part       layer                                            output for depth 4
    ========== ================================================ =======================
    down       depth pairs of convolutions 3×3, each with a     (N, 64, H, W), then
               max pooling 2×2 after it; channels double        128, 256, 512 channels
    bottom     a pair of convolutions 3×3                       (N, 1024, H/16, W/16)
    up         transposed convolutions 2×2, stride 2, halve     (N, 512, H/8, W/8),
               the channels; the maps of the same size from     then 256, 128
               `down` are put beside them (skip connection);    and 64 channels
    merge      a pair of convolutions 3×3 reads both
    head       convolution 1×1                                  (N, num_classes, H, W)
    ========== ================================================ =======================

    The paper differs: its convolutions have no padding, so that the answer is smaller than the
    picture and the maps of `down` are cut to fit; it has no batch norm, which follows each
    convolution 3×3 here; it has dropout at the end of the contracting path.

    Args:
        num_classes: classes of a pixel, the background included, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.
        width: channels of the first convolution.
        depth: how often rows and columns are halved.

    Returns:
        A module: (N, in_channels, H, W), with H and W multiples of 2 ** depth → logits
        (N, num_classes, H, W).

    Raises:
        TypeError: at the call, the input is no floating-point tensor.
        ValueError: an argument is no whole number of at least 1; at the call, the input is no
            batch, has other channels, or H or W is no multiple of 2 ** depth.

    Example:
        >>> model = UNet(num_classes=3, in_channels=1, width=8, depth=2)
        >>> model(torch.zeros(1, 1, 32, 48)).shape
        torch.Size([1, 3, 32, 48])

    Source:
        Ronneberger, Fischer, Brox, U-Net: convolutional networks for biomedical image
        segmentation, 2015, figure 1, https://arxiv.org/abs/1505.04597

    Taught in: book/segmentation/unet.md
    """

    def __init__(self, num_classes: int, in_channels: int = 3, width: int = 64, depth: int = 4):
        super().__init__()
        check_numbers(num_classes=num_classes, in_channels=in_channels, width=width, depth=depth)
        self.in_channels = in_channels
        self.divisor = 2**depth
        widths = [width * 2**level for level in range(depth + 1)]  # 64, 128, …, 1024
        inputs = [in_channels, *widths]
        self.down = nn.ModuleList(_pair(inputs[level], widths[level]) for level in range(depth))
        self.pool = nn.MaxPool2d(2)
        self.bottom = _pair(inputs[depth], widths[depth])
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in widths[-2::-1])
        self.merge = nn.ModuleList(_pair(2 * w, w) for w in widths[-2::-1])
        self.head = nn.Conv2d(width, num_classes, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # the paper's rule: variance 2 / inputs
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → logits (N, num_classes, H, W)."""
        check_pictures(x, self.in_channels, least=self.divisor, divisor=self.divisor)
        skips = []
        for pair in self.down:
            x = pair(x)
            skips.append(x)  # kept for the way up
            x = self.pool(x)
        x = self.bottom(x)
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([skips.pop(), up(x)], dim=1))
        return self.head(x)


def _pair(in_channels: int, out_channels: int) -> nn.Sequential:
    """Two times: convolution 3×3 that keeps the size, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )
