"""AlexNet, the network that made convolutions the usual way to read photographs."""

from torch import Tensor, nn

from ._checks import check_numbers, check_pictures, check_probability

__all__ = ["AlexNet"]

_LEAST = 63  # from it, the last pooling makes one pixel


class AlexNet(nn.Module):
    """AlexNet in its variant of 2014: five convolutions, three linear layers.

    =========== ======================================= ==================
    part        layer                                   output
    =========== ======================================= ==================
    features    convolution 11×11, stride 4, padding 2  (N, 64, 55, 55)
                max pooling 3×3, stride 2               (N, 64, 27, 27)
                convolution 5×5, padding 2              (N, 192, 27, 27)
                max pooling 3×3, stride 2               (N, 192, 13, 13)
                convolution 3×3, padding 1              (N, 384, 13, 13)
                convolution 3×3, padding 1              (N, 256, 13, 13)
                convolution 3×3, padding 1              (N, 256, 13, 13)
                max pooling 3×3, stride 2               (N, 256, 6, 6)
    avgpool     mean over parts of the picture          (N, 256, 6, 6)
    classifier  flattened, dropout                      (N, 9216)
                fully connected, ReLU, dropout          (N, 4096)
                fully connected, ReLU                   (N, 4096)
                fully connected                         (N, num_classes)
    =========== ======================================= ==================

    The sizes are those of a picture of 224×224 pixels. A ReLU follows each convolution. The names
    of the parts are torchvision's: its weights load with ``strict=True``.

    The paper of 2012 differs: its convolutions have 96, 256, 384, 384 and 256 kernels; the second,
    fourth and fifth are cut into two groups, for two GPUs; a local response normalisation
    follows the first two; it has no `avgpool`; its dropout follows the first two linear layers. It
    begins with weights of a standard deviation of 0.01 and some biases of 1; here PyTorch's own
    rule is used, as torchvision does.

    Args:
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.
        dropout: share of the numbers that dropout sets to 0 in training, in [0, 1).

    Returns:
        A module. ``model(x)`` takes (N, in_channels, H, W), normalised as in training, and gives
        logits (N, num_classes); in eval it is ``model.forward_head(model.forward_features(x))``.

    Raises:
        TypeError: at the call, the input is no floating-point tensor.
        ValueError: an argument does not fit; at the call, the input is no batch, has other
            channels, or has fewer than 63 rows or columns.

    Example:
        >>> import torch
        >>> with torch.device("meta"):  # shapes without numbers: no memory, no time
        ...     model = AlexNet()
        ...     model.forward_features(torch.zeros(1, 3, 224, 224)).shape
        torch.Size([1, 256, 6, 6])
        >>> sum(p.numel() for p in model.parameters())
        61100840

    Source:
        Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014,
        https://arxiv.org/abs/1404.5997; the network of 2012 is that of Krizhevsky, Sutskever,
        Hinton, ImageNet classification with deep convolutional neural networks,
        https://doi.org/10.1145/3065386; the twin is torchvision.models.AlexNet

    Taught in: book/cnn/alexnet.md
    """

    def __init__(self, num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5):
        super().__init__()
        check_numbers(num_classes=num_classes, in_channels=in_channels)
        check_probability(dropout=dropout)
        self.in_channels = in_channels
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 64, kernel_size=11, stride=4, padding=2),  # (N, 64, 55, 55)
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # (N, 64, 27, 27)
            nn.Conv2d(64, 192, kernel_size=5, padding=2),  # (N, 192, 27, 27)
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # (N, 192, 13, 13)
            nn.Conv2d(192, 384, kernel_size=3, padding=1),  # (N, 384, 13, 13)
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),  # (N, 256, 13, 13)
            nn.ReLU(),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),  # (N, 256, 13, 13)
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # (N, 256, 6, 6)
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, num_classes),
        )

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → feature maps (N, 256, h, w)."""
        check_pictures(x, self.in_channels, _LEAST)
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        """Feature maps (N, 256, h, w) → logits (N, num_classes)."""
        return self.classifier(self.avgpool(features).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → logits (N, num_classes)."""
        return self.forward_head(self.forward_features(x))
