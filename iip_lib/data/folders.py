"""Pictures in a folder: one folder for each class, every picture looked at beforehand."""

import os
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset
from tqdm import tqdm

from ._files import decode, visible

# torchvision is imported where it is used: it takes seconds.

__all__ = ["FolderDataset"]

_NAMED = 5  # how many bad files or folders a message names


class FolderDataset(Dataset):
    """The pictures of a folder that holds one folder for each class::

        flowers/
            daisy/  1.jpg  2.png  …
            rose/   …

    Every picture is read once when the dataset is built, so that a damaged one is named then and
    not in the middle of a training. Whatever `read_image` reads may lie in a class folder, and
    nothing else: no file is passed over because of its suffix. Only what systems leave behind is:
    names that begin with a dot (``.DS_Store``, ``.ipynb_checkpoints``), ``Thumbs.db``,
    ``desktop.ini`` and ``__MACOSX``. Files beside the class folders are passed over as well.

    Args:
        folder: the folder.

    Returns:
        A dataset. ``dataset[i]`` is an ``Image`` (3, H, W), red, green and blue as `read_image`
        gives them, and its label, an int from 0. The Image is uint8; float32 in [0, 1] where the
        file has more than 8 bits a colour: ``v2.ToDtype(torch.float32, scale=True)`` makes them
        alike, best after they were resized, for bytes are resized faster. ``classes`` holds the
        names of the class folders in the order of the alphabet, ``files`` the paths, ``labels``
        the labels, and ``sizes`` the set of (height, width).

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it holds no class folder; a class folder is empty or holds a folder; or files
            cannot be read as pictures: the message names up to five.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("daisy", "rose"):
        ...         Path(folder, name).mkdir()
        ...         Image.new("RGB", (4, 2), "red").save(f"{folder}/{name}/1.png")
        ...     dataset = FolderDataset(folder)
        ...     image, label = dataset[1]
        >>> dataset.classes, label, image[:, 0, 0].tolist()
        (['daisy', 'rose'], 1, [255, 0, 0])

    Source:
        The form is that of torchvision's ImageFolder,
        https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html

    Taught in: book/start/datasets.md
    """

    def __init__(self, folder: str | Path):
        folders = [path for path in visible(Path(folder)) if path.is_dir()]
        if not folders:
            raise ValueError(
                f"{str(folder)!r} holds no folder, but one folder for each class is needed: put "
                f"the pictures of a class into a folder with the name of the class"
            )
        self.classes = [folder.name for folder in folders]
        self.files, self.labels = [], []
        for label, pictures in enumerate(map(_files, folders)):
            self.files += pictures
            self.labels += [label] * len(pictures)
        self.sizes = _check(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from torchvision.tv_tensors import Image

        with warnings.catch_warnings(action="ignore"):  # they would come again in each epoch
            return Image(decode(self.files[index])), self.labels[index]


def _files(folder: Path) -> list[Path]:
    """The files in a class folder."""
    paths = visible(folder)
    if not paths:
        raise ValueError(
            f"the class folder {str(folder)!r} is empty, but at least one picture is needed: put "
            f"pictures into it, or remove it"
        )
    inner = [path.name for path in paths if path.is_dir()]
    if inner:
        raise ValueError(
            f"the class folder {str(folder)!r} holds folders ({_some(inner)}), but its pictures "
            f"must lie directly in it: if those are the classes, name {str(folder)!r} as the "
            f"folder; parts of a data set are called train, val and test"
        )
    return paths


def _check(files: list[Path]) -> set[tuple[int, int]]:
    """The sizes of all pictures, each of them read to its end, several at a time."""

    def size(path: Path) -> tuple[int, int] | None:
        try:
            _, height, width = decode(path).shape
        except (OSError, ValueError):
            return None
        return height, width

    # As many pictures as processors are in memory at a time.
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(os.cpu_count()) as threads:
        sizes = list(tqdm(threads.map(size, files), total=len(files), leave=False))
    damaged = [path for path, known in zip(files, sizes, strict=True) if known is None]
    if damaged:
        raise ValueError(
            f"{len(damaged)} of {len(files)} files cannot be read as pictures ({_some(damaged)}), "
            f"but class folders must hold whole pictures and nothing else: remove them, or copy "
            f"or download them again; read_image(path) tells what is wrong with one"
        )
    return set(sizes)


def _some(things: Iterable[Any]) -> str:
    """The first few, and how many more there are."""
    names = [repr(str(thing)) for thing in things]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
