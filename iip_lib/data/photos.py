"""Photographs that come inside scikit-image's wheel: nothing is downloaded."""

import numpy as np
import torch
from torch import Tensor

__all__ = ["photo"]

# Pictures of people are left out, and so are files whose licence scikit-image does not state.
_PHOTOS = (
    "brick",
    "chelsea",
    "clock",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "rocket",
)


def photo(name: str) -> Tensor:
    """A photograph, offline.

    ================= ============= ======================= =====================================
    name              shape         what                    licence, source
    ================= ============= ======================= =====================================
    brick             (1, 512, 512) a brick wall            CC0, CC0Textures (Bricks25)
    chelsea           (3, 300, 451) a cat                   CC0, Stefan van der Walt
    clock             (1, 300, 400) a clock, camera moving  public domain, Stefan van der Walt
    coffee            (3, 400, 600) a cup of coffee         CC0, Rachel Michetti
    coins             (1, 303, 384) Greek coins             no known copyright restrictions,
                                                            Brooklyn Museum
    grass             (1, 512, 512) grass                   CC0, linolafett on DeviantArt
    gravel            (1, 512, 512) gravel                  CC0, CC0Textures (Gravel04)
    hubble_deep_field (3, 872,      galaxies                public domain, NASA
                      1000)
    rocket            (3, 427, 640) the start of a rocket   public domain, SpaceX
    ================= ============= ======================= =====================================

    Args:
        name: a name from the first column.

    Returns:
        float32 in [0, 1]: (3, H, W) red, green, blue, or (1, H, W) for a grey photograph.
        A new tensor at each call.

    Raises:
        ValueError: there is no such photograph.

    Example:
        >>> photo("coffee").shape
        torch.Size([3, 400, 600])
        >>> photo("coins").shape
        torch.Size([1, 303, 384])

    Source:
        scikit-image, https://scikit-image.org/docs/stable/api/skimage.data.html

    Taught in: book/images/pixels.md
    """
    from skimage import data as skimage_data

    if name not in _PHOTOS:
        raise ValueError(f"no photograph is called {name!r}: choose one of {', '.join(_PHOTOS)}")
    pixels = np.array(getattr(skimage_data, name)())  # (H, W) or (H, W, 3), uint8
    image = torch.from_numpy(pixels).float() / 255
    return image[None] if image.ndim == 2 else image.permute(2, 0, 1).contiguous()
