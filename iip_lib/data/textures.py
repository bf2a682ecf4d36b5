"""Small pieces of photographs, to be told apart by their texture."""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from .photos import photo

# torchvision is imported where it is used: it takes seconds.

__all__ = ["TexturesDataset"]

_SIZE = 32  # rows and columns of a patch
# Of each photograph: from where to where, as shares of its width, and how many patches.
_SPLITS = {"train": (0.0, 0.6, 400), "val": (0.6, 0.8, 100), "test": (0.8, 1.0, 100)}


class TexturesDataset(Dataset):
    """Patches of photographs; the class is the photograph from which a patch was cut.

    The patches for training are cut from the left three fifths of each photograph, those for
    validation from the fifth beside it, and those for testing from the right fifth: no pixel is in
    two of them. Within its part a patch lies anywhere, so patches of the same part overlap.

    The photographs are made grey, and brought to the same mean and standard deviation in their left
    three fifths: what is left to tell them apart is texture, not colour or brightness.

    Args:
        split: "train" (2,000 patches), "val" or "test" (500 each), of every class equally many.

    Returns:
        A dataset, the same each time. ``dataset[i]`` is an ``Image`` (1, 32, 32), float32 in
        [0, 1], and its label, an int from 0. ``classes`` holds the names of the photographs,
        ``labels`` (n,) the labels, and ``corners`` (n, 2) where each patch was cut: the row and
        the column, in its photograph, of its pixel at the top left.

    Raises:
        ValueError: there is no such split.

    Example:
        >>> dataset = TexturesDataset("train")
        >>> image, label = dataset[0]
        >>> len(dataset), image.shape, dataset.classes[label]
        (2000, torch.Size([1, 32, 32]), 'brick')

    Source:
        The photographs are those of `photo`.

    Taught in: book/start/datasets.md
    """

    classes = ("brick", "coins", "grass", "gravel", "hubble_deep_field")

    def __init__(self, split: str):
        if split not in _SPLITS:
            raise ValueError(f"there is no split {split!r}: choose one of {', '.join(_SPLITS)}")
        left, right, count = _SPLITS[split]
        rng = np.random.default_rng(list(_SPLITS).index(split))
        patches, corners = [], []
        for name in self.classes:
            picture = _levelled(photo(name).mean(dim=0))  # (H, W)
            height, width = picture.shape
            rows = rng.integers(0, height - _SIZE + 1, count)
            columns = rng.integers(int(left * width), int(right * width) - _SIZE + 1, count)
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
                patches.append(picture[row : row + _SIZE, column : column + _SIZE])
                corners.append((row, column))
        self.images = torch.stack(patches)[:, None]  # (n, 1, 32, 32)
        self.corners = torch.tensor(corners)
        self.labels = torch.arange(len(self.classes)).repeat_interleave(count)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from torchvision.tv_tensors import Image

        return Image(self.images[index]), int(self.labels[index])


def _levelled(picture: Tensor) -> Tensor:
    """(H, W) in [0, 1], of the same mean and standard deviation for each photograph."""
    _, right, _ = _SPLITS["train"]
    seen = picture[:, : int(right * picture.shape[1])]
    return ((picture - seen.mean()) / seen.std() * 0.18 + 0.5).clip(0, 1)
