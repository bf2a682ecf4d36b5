"""What is in files and folders of pictures."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

# Pillow is imported where it is used: many programs read no file.
if TYPE_CHECKING:
    from PIL.Image import Image

# What Pillow may try. Others are left out because they start a program (EPS), have no signature
# (TGA), or are no pictures.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF")
_MOST_PIXELS = 2**26  # as float RGB, 0.8 GB
_LEFT_BY_SYSTEMS = ("Thumbs.db", "desktop.ini", "__MACOSX")  # besides hidden files


def visible(folder: Path) -> list[Path]:
    """What is in a folder, in the order of the alphabet, without what systems leave behind."""
    if not folder.exists():
        raise FileNotFoundError(
            f"there is no folder {str(folder)!r}, but one with pictures is needed: "
            f"look into {str(folder.absolute().parent)!r}"
        )
    if not folder.is_dir():
        raise ValueError(
            f"{str(folder)!r} is a file, but a folder with one folder for each class is needed: "
            f"if it is an archive, unpack it"
        )
    names = sorted(os.listdir(folder))
    return [folder / n for n in names if not n.startswith(".") and n not in _LEFT_BY_SYSTEMS]


def decode(path: Path) -> Tensor:
    """The picture in a file (3, H, W), as `read_image` describes it and with its errors.

    uint8 where the file has 8 bits a colour or less, for bytes are resized faster than floats; else
    float32 in [0, 1]. Pillow's warnings are left to the caller: to silence them is not safe in
    threads, and this is called in threads.
    """
    if not path.exists():
        raise FileNotFoundError(
            f"there is no file {str(path)!r}, but a picture is needed: "
            f"look into {str(path.absolute().parent)!r}"
        )
    if not path.is_file():
        raise ValueError(
            f"{str(path)!r} is a folder or a device, but a file is needed: name a file inside"
        )
    if not path.stat().st_size:
        raise ValueError(
            f"{str(path)!r} is empty, but a picture is needed: copy or download it again"
        )
    try:
        return _decode(path)
    except _Refused as refused:
        raise ValueError(f"{str(path)!r} {refused}") from None
    except Exception as error:  # decoders meet bad bytes with errors of a dozen kinds
        raise ValueError(
            f"{str(path)!r} cannot be read as a picture ({type(error).__name__}: "
            f"{str(error) or 'no reason given'}), but a whole file of JPEG, PNG, WebP, GIF, BMP, "
            f"TIFF or PPM is needed: copy or download it again, or save it as PNG in another "
            f"program"
        ) from error


class _Refused(Exception):
    """The end of a sentence that begins with the name of the file."""


def _decode(path: Path) -> Tensor:
    """(3, H, W), or an exception of any kind."""
    from PIL import Image

    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    with Image.open(path, formats=formats) as image:
        _refuse_gigantic(*image.size)
        if image.format != "PNG":
            return _numbers(image)
        image.verify()  # only PNG has checksums; afterwards it must be opened anew
    with Image.open(path, formats=formats) as image:
        return _numbers(image)


def _numbers(image: "Image") -> Tensor:
    """(3, H, W), the right way up."""
    from PIL import ImageOps

    white = _white(image)
    image.load()
    image = ImageOps.exif_transpose(image)
    if white is None:
        return torch.from_numpy(np.array(_to_rgb(image))).permute(2, 0, 1)
    values = torch.from_numpy(np.array(image, dtype=np.float32))  # (H, W)
    if not (values.min() >= 0 and values.max() <= white):  # also if there is a NaN
        raise _Refused(
            f"has values from {values.min():.3g} to {values.max():.3g}, but 0 to {white:g} is "
            f"needed: scale them in the program that wrote them"
        )
    return (values / white).expand(3, -1, -1)


def _refuse_gigantic(width: int, height: int) -> None:
    """Before anything is decoded: a small file may hold a picture that fills the memory."""
    if width * height > _MOST_PIXELS:
        raise _Refused(
            f"has {width}×{height} pixels, but at most {_MOST_PIXELS:,} are read: "
            f"make it smaller in another program"
        )


def _white(image: "Image") -> float | None:
    """The number of white where it is more than a byte; None for bytes."""
    if image.mode.startswith("I;16"):
        bits = image.tag_v2.get(258, (16,))[0] if image.format == "TIFF" else 16  # BitsPerSample
        return 2**bits - 1
    if image.mode == "I" and image.format in ("PNG", "PPM"):
        return 65535
    if image.mode == "I":
        raise _Refused(
            "has whole numbers of 32 bits or with a sign, but nobody knows which one is white: "
            "save it with 8 or 16 bits"
        )
    return 1.0 if image.mode == "F" else None


def _to_rgb(image: "Image") -> "Image":
    """Mode RGB; what is transparent is laid on white."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
