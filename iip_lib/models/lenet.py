"""LeNet-5, the network that read digits on cheques."""

from torch import Tensor, nn

from ._checks import check_numbers, check_pictures

__all__ = ["LeNet"]

_SIZE = 32  # rows and columns of the input


class LeNet(nn.Module):
    """LeNet-5 in its modern form: pictures of 32×32 pixels in, one logit a class out.

    ============ ============================ =============
    part         layer                        output
    ============ ============================ =============
    features     convolution 5×5, 6 kernels   (N, 6, 28, 28)
                 max pooling 2×2              (N, 6, 14, 14)
                 convolution 5×5, 16 kernels  (N, 16, 10, 10)
                 max pooling 2×2              (N, 16, 5, 5)
    classifier   flattened                    (N, 400)
                 fully connected              (N, 120)
                 fully connected              (N, 84)
                 fully connected              (N, num_classes)
    ============ ============================ =============

    A ReLU follows each convolution and each fully connected layer but the last.

    The paper differs: its activation is a scaled tanh; its pooling is a mean with a weight and a
    bias to be learned; a table says which of the 6 maps each of the 16 kernels reads; its
    last layer measures distances to drawn templates of the digits.

    Args:
        num_classes: how many classes there are, at least 1.
        in_channels: channels of a picture: 1 for grey, 3 for colour.

    Returns:
        A module. ``model(x)`` takes (N, in_channels, 32, 32) and gives logits (N, num_classes);
        it is ``model.forward_head(model.forward_features(x))``.

    Raises:
        TypeError: at the call, the input is no floating-point tensor.
        ValueError: an argument is no whole number of at least 1; at the call, the input is no
            batch, has other channels, or has another size than 32×32.

    Example:
        >>> import torch
        >>> model = LeNet()
        >>> model(torch.rand(2, 1, 32, 32)).shape
        torch.Size([2, 10])
        >>> sum(p.numel() for p in model.parameters())
        61706

    Source:
        LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition,
        1998, https://doi.org/10.1109/5.726791

    Taught in: book/training/first_training.md
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1):
        super().__init__()
        check_numbers(num_classes=num_classes, in_channels=in_channels)
        self.in_channels = in_channels
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, kernel_size=5),  # (N, 6, 28, 28)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 6, 14, 14)
            nn.Conv2d(6, 16, kernel_size=5),  # (N, 16, 10, 10)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 16, 5, 5)
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),  # (N, 400)
            nn.Linear(16 * 5 * 5, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, num_classes),
        )

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, in_channels, 32, 32) → feature maps (N, 16, 5, 5)."""
        check_pictures(x, self.in_channels, size=_SIZE)
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        """Feature maps (N, 16, 5, 5) → logits (N, num_classes)."""
        return self.classifier(features)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, 32, 32) → logits (N, num_classes)."""
        return self.forward_head(self.forward_features(x))
