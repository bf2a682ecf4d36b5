"""The book's own network, trained on photographs; its weights lie beside this file."""

import hashlib
from pathlib import Path

from torch import Tensor

from .resnet import BasicBlock, ResNet

# safetensors is imported where it is used: a network with random weights reads no file.

__all__ = ["CIFAR10_CLASSES", "backbone"]

CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_WEIGHTS = Path(__file__).with_name("backbone.safetensors")
_SHA256 = "990efbfdfa9217ba47f9be1586ff792d6ea57baad429cdd113a32b7e61f77780"


def backbone(num_classes: int = 10, *, pretrained: bool = True) -> ResNet:
    """A ResNet-18 of half the width for photographs of 32×32 pixels, already trained.

    ======== ================================= =======================
    part     layer                             output for 32×32 pixels
    ======== ================================= =======================
    conv1    convolution 3×3                   (N, 32, 32, 32)
    layer1   2 blocks of 32 channels           (N, 32, 32, 32)
    layer2   2 blocks of 64, stride 2          (N, 64, 16, 16)
    layer3   2 blocks of 128, stride 2         (N, 128, 8, 8)
    layer4   2 blocks of 256, stride 2         (N, 256, 4, 4)
    avgpool  mean over rows and columns        (N, 256, 1, 1)
    fc       fully connected                   (N, num_classes)
    ======== ================================= =======================

    It was trained on the ten classes of CIFAR-10, whose names are `CIFAR10_CLASSES`. Recipe,
    accuracy and known failures stand in MODEL_CARD.md. The weights are part of the package: no
    network is needed.

    Args:
        num_classes: how many classes there are, at least 1. With another number than 10, the last
            layer begins with random weights; all others are trained.
        pretrained: False for random weights everywhere.

    Returns:
        A ResNet: (N, 3, H, W), red, green and blue in [0, 1], H and W of at least 8 → logits
        (N, num_classes). With `pretrained` it is in evaluation mode, as a trained network is used.

    Raises:
        FileNotFoundError: the file of weights is not there.
        ValueError: the file of weights is damaged; `num_classes` is no whole number of at least 1.

    Example:
        >>> import torch
        >>> model = backbone()
        >>> model.forward_features(torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 256, 4, 4])

    Source:
        He, Zhang, Ren, Sun, Deep residual learning for image recognition, 2016,
        https://arxiv.org/abs/1512.03385; the photographs: Krizhevsky, Learning multiple layers of
        features from tiny images, 2009, https://www.cs.toronto.edu/~kriz/cifar.html

    Taught in: book/transfer/pretrained.md
    """
    model = ResNet(BasicBlock, [2, 2, 2, 2], num_classes, width=32, small=True)
    if not pretrained:
        return model
    weights = _read(_WEIGHTS, _SHA256)
    if num_classes != len(CIFAR10_CLASSES):
        weights |= {f"fc.{name}": tensor for name, tensor in model.fc.state_dict().items()}
    model.load_state_dict(weights)
    return model.eval()


def _read(path: Path, sha256: str) -> dict[str, Tensor]:
    """The tensors of a file of weights, looked at before they are believed."""
    from safetensors.torch import load

    if not path.is_file():
        raise FileNotFoundError(
            f"there is no file {str(path)!r}, but the weights of the backbone are needed: install "
            f"iip_lib again"
        )
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(
            f"{str(path)!r} has {len(content):,} bytes and the SHA-256 {found[:12]}…, but "
            f"{sha256[:12]}… is needed: the file is damaged, so install iip_lib again"
        )
    return load(content)
