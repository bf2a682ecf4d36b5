"""A reader's own picture, whatever file it comes in."""

import warnings
from pathlib import Path

import torch
from torch import Tensor

from ._files import decode

__all__ = ["read_image"]


def read_image(path: str | Path) -> Tensor:
    """The picture in a file, as red, green and blue.

    The file is opened as what its bytes say, not its suffix: JPEG, PNG, WebP, GIF, BMP, TIFF, PPM,
    JPEG 2000, or AVIF where Pillow has it.

    - It is turned as its EXIF orientation says: as the photographer saw it.
    - Palettes become colours; grey becomes three equal channels.
    - What is transparent is laid on white.
    - Grey of 16 bits keeps its steps. Colours of 16 bits come with 8.
    - CMYK becomes RGB by (1 - C)(1 - K) and so on, without a colour profile.
    - Of an animation, the first picture.

    A damaged file is refused. Most formats have no checksum, however: a changed byte that still
    gives a picture cannot be seen. In PNG it is seen.

    Args:
        path: the file.

    Returns:
        float32 (3, H, W) in [0, 1].

    Raises:
        TypeError: `path` is no path.
        FileNotFoundError: there is no such file.
        ValueError: the file is no picture, is damaged, has more than 2**26 pixels (67 million), or
            has numbers of which nobody knows which one is white. The message names the file.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (4, 2), color=51).save(f"{folder}/grey.png")
        ...     image = read_image(f"{folder}/grey.png")
        >>> image.shape, round(image.max().item(), 3)
        (torch.Size([3, 2, 4]), 0.2)

    Source:
        Pillow, https://pillow.readthedocs.io; EXIF, tag 274 (Orientation)

    Taught in: book/looking_inside/cam.md
    """
    with warnings.catch_warnings(action="ignore"):  # about metadata and size: both are settled
        image = decode(Path(path))
    return (image / 255 if image.dtype == torch.uint8 else image).contiguous()
