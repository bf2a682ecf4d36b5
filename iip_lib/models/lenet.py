"""LeNet-5, the network that read digits on cheques."""

from torch import Tensor, nn

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
        ValueError: the input has another number of dimensions or channels, or another size; or
            an argument is no whole number of at least 1.

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
        for name, value in (("num_classes", num_classes), ("in_channels", in_channels)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(
                    f"{name} is {value!r}, but a whole number of at least 1 is needed: "
                    f"try LeNet(num_classes=10, in_channels=1)"
                )
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
        self._check(x)
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        """Feature maps (N, 16, 5, 5) → logits (N, num_classes)."""
        return self.classifier(features)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, 32, 32) → logits (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def _check(self, x: Tensor) -> None:
        """Refuse what is no batch of pictures for this network."""
        shape, needed = tuple(x.shape), f"(N, {self.in_channels}, {_SIZE}, {_SIZE})"
        if x.ndim != 4:
            raise ValueError(
                f"the input has shape {shape}, but {needed} is needed: "
                f"a single picture (C, H, W) becomes a batch of one by x[None]"
            )
        if x.shape[1] != self.in_channels:
            raise ValueError(
                f"the input has {x.shape[1]} channels, but {self.in_channels} are needed: "
                f"build LeNet(in_channels={x.shape[1]}), or give a picture of shape {needed}"
            )
        if x.shape[2:] != (_SIZE, _SIZE):
            raise ValueError(
                f"the input has {x.shape[2]}×{x.shape[3]} pixels, but {_SIZE}×{_SIZE} are "
                f"needed: use torch.nn.functional.interpolate(x, size=({_SIZE}, {_SIZE}), "
                f'mode="bilinear")'
            )
