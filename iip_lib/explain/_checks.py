"""What the questions refuse, and how they say it."""

from torch import Tensor, nn

__all__: list[str] = []


def check_images(model: nn.Module, images: Tensor) -> None:
    """Refuse what is no batch of pictures, or lies on another device than the network."""
    if not isinstance(images, Tensor) or not images.is_floating_point():
        came = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(
            f"the pictures are {came}, but a tensor of floating point numbers is needed: "
            f"prepare them as for the network, uint8 first by images.float() / 255"
        )
    if images.ndim != 4:
        raise ValueError(
            f"the pictures have shape {tuple(images.shape)}, but (N, C, H, W) is needed: "
            f"a single picture (C, H, W) becomes a batch of one by images[None]"
        )
    device = next(model.parameters(), images).device
    if images.device != device:
        raise ValueError(
            f"the pictures are on {images.device}, the network is on {device}, but one device is "
            f'needed for both: use images.to("{device}")'
        )


def check_counts(**counts: int) -> None:
    """Refuse what is no whole number of at least 1."""
    for name, value in counts.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(
                f"{name} is {value!r}, but a whole number of at least 1 is needed: try {name}=64"
            )
