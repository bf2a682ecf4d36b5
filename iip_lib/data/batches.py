"""Batches for training, validation and testing, of any set by one call."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from ._files import visible
from .folders import FolderDataset
from .shapes import ShapesDataset
from .textures import TexturesDataset

# torchvision and sklearn are imported where they are used: it takes seconds.

__all__ = ["Loaders", "collate", "loaders"]

_SPLITS = ("train", "val", "test")


class Loaders(NamedTuple):
    """Three loaders of one set, and what its labels mean.

    Args:
        train: batches to learn from, in another order in each epoch.
        val: batches to choose settings by, always in the same order.
        test: batches to measure on at the end, always in the same order.
        classes: ``classes[label]`` is the name of a label.

    Returns:
        A tuple with names: ``train, val, test, classes = loaders("digits", 32)``.

    Raises:
        TypeError: one of the four is missing.

    Example:
        >>> loaders("digits", batch_size=32).classes[7]
        '7'

    Source:
        https://docs.pytorch.org/docs/stable/data.html

    Taught in: book/start/datasets.md
    """

    train: DataLoader
    val: DataLoader
    test: DataLoader
    classes: list[str]


class _Set(NamedTuple):
    """A set as it comes: pictures to train with, and more parts where it has its own."""

    parts: dict[str, Dataset]
    classes: list[str]
    labels: Tensor | None = None  # (n,) of the pictures to train with, where they are known


def loaders(
    name: str | Path,
    batch_size: int,
    *,
    task: str = "classify",
    image_size: int | None = None,
    augment: bool = False,
    val_fraction: float = 0.1,
    test_fraction: float = 0.1,
    seed: int = 0,
    root: str | Path = "data",
    num_workers: int = 0,
) -> Loaders:
    """Loaders for training, validation and testing, and the names of the classes.

    ===================== ================ ======================================================
    name                  picture          what
    ===================== ================ ======================================================
    ``"digits"``          (1, 8, 8)        1,797 written digits of scikit-learn
    ``"shapes"``          (3, 64, 64)      2,000 scenes of `ShapesDataset`
    ``"textures"``        (1, 32, 32)      3,000 patches of five photographs: `TexturesDataset`
    ``"cifar10"``         (3, 32, 32)      60,000 photographs of ten things, downloaded (170 MB)
    ``"fashion_mnist"``   (1, 28, 28)      70,000 pictures of clothes, downloaded (31 MB)
    any other             (3, H, W)        a folder with one folder for each class, as
                                           `FolderDataset` reads it; or with the folders ``train``,
                                           ``val`` and ``test``, each with one for each class
    ===================== ================ ======================================================

    Where a set has no pictures of its own for testing or validation, they are taken out of those
    for training, of each class the same share where the classes are known. The pictures for testing
    do not depend on `seed`: who changes it never tests on what was learned from.

    Only pictures for training are augmented, and how depends on the set. Digits are turned by up to
    10 degrees, moved and scaled by up to a tenth, and never flipped: they would be other signs.
    Clothes and the photographs of CIFAR-10 are moved by up to an eighth and flipped from left to
    right. Shapes and textures change in brightness and contrast, and are flipped both ways; figures
    of ``task="pose"`` are not, for left would become right. Pictures of a folder are cropped, to
    half of their area or more, and flipped from left to right: do without where that changes their
    meaning, as with letters.

    The order of the training pictures comes from a generator that belongs to the loader, and all
    augmentation from torch's global random numbers: from the same two seeds come the same batches.
    With workers, their number counts too.

    Args:
        name: a name from the table, or the path of a folder. A ``Path`` is always a folder.
        batch_size: pictures in a batch; the last one may have fewer.
        task: what is asked of ``"shapes"``: see `ShapesDataset`. Other sets are only classified.
        image_size: pictures are resized until their shorter side has this length, and the square
            in the middle is cut out; shapes are drawn in this size. None leaves them as they are.
        augment: whether pictures for training are changed at random each time they are shown.
        val_fraction: the share of the pictures for training that is set aside for validation.
        test_fraction: the share that is set aside for testing, before that.
        seed: decides which pictures are for validation, and the order of those for training.
        root: where downloads are kept.
        num_workers: processes that prepare batches beside the main one.

    Returns:
        ``(train, val, test, classes)``. A batch is a pair: pictures (N, C, H, W), float32 in
        [0, 1], and labels (N,), int64; for ``task="segment"`` masks (N, S, S), int64. For
        ``task="detect"`` and ``task="pose"`` it is what `collate` makes.

    Raises:
        OSError: a set of torchvision cannot be downloaded.
        FileNotFoundError: there is no set and no folder of this name.
        ValueError: an argument is out of its range; a folder holds anything but pictures in
            class folders (see `FolderDataset`), or pictures of several sizes while `image_size`
            is None; or there are too few pictures to set some of each class aside.

    Example:
        >>> train, val, test, classes = loaders("digits", batch_size=32, image_size=16)
        >>> images, labels = next(iter(train))
        >>> images.shape, labels.shape, len(classes)
        (torch.Size([32, 1, 16, 16]), torch.Size([32]), 10)

    Source:
        digits: https://scikit-learn.org/stable/datasets/toy_dataset.html; Krizhevsky 2009,
        https://www.cs.toronto.edu/~kriz/cifar.html; Xiao, Rasul and Vollgraf 2017,
        https://arxiv.org/abs/1708.07747

    Taught in: book/start/datasets.md
    """
    from torchvision.transforms import v2

    _refuse_wrong_numbers(batch_size, image_size, seed, num_workers, val_fraction, test_fraction)
    found = _find(name, task, image_size, root)
    size = [] if image_size is None else [v2.Resize(image_size), v2.CenterCrop(image_size)]
    finish = [v2.ToDtype(torch.float32, scale=True), v2.ToPureTensor()]
    batches = {}
    for split, part in _divide(found, val_fraction, test_fraction, seed).items():
        changes = _augmentation(name, task, size, part) if augment and split == "train" else size
        batches[split] = DataLoader(
            _Transformed(part, v2.Compose([*changes, *finish])),
            batch_size,
            shuffle=split == "train",
            # Without a generator of its own, a loader draws a global random number in each epoch.
            generator=torch.Generator().manual_seed(seed),
            # Workers are started anew in each epoch: those that stay would not be seeded again.
            num_workers=num_workers,
            collate_fn=collate if task in ("detect", "pose") else None,
        )
    return Loaders(**batches, classes=found.classes)


def collate(batch: list[tuple[Any, Any]]) -> tuple[list[Any], list[Any]]:
    """Samples as a batch of two lists: for targets that cannot be stacked.

    Pictures with different numbers of objects have boxes of different shapes. torchvision's
    detectors take such lists: ``model(images, targets)``.

    Args:
        batch: pairs (picture, target), as a dataset gives them.

    Returns:
        The list of pictures and the list of targets.

    Raises:
        ValueError: there is no sample.

    Example:
        >>> dataset = ShapesDataset(4, task="detect")
        >>> images, targets = next(iter(DataLoader(dataset, batch_size=4, collate_fn=collate)))
        >>> len(images), sorted(targets[0])
        (4, ['boxes', 'labels', 'masks'])

    Source:
        https://docs.pytorch.org/docs/stable/data.html#working-with-collate-fn

    Taught in: book/start/datasets.md
    """
    images, targets = zip(*batch, strict=True)
    return list(images), list(targets)


class _Transformed(Dataset):
    """A dataset whose pictures and targets are changed together when they are asked for."""

    def __init__(self, dataset: Dataset, transforms: Callable[..., tuple[Any, Any]]):
        self.dataset, self.transforms = dataset, transforms

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.transforms(*self.dataset[index])


def _refuse_wrong_numbers(
    batch_size: int,
    image_size: int | None,
    seed: int,
    num_workers: int,
    val_fraction: float,
    test_fraction: float,
) -> None:
    for name, value, least in (
        ("batch_size", batch_size, 1),
        ("image_size", 1 if image_size is None else image_size, 1),
        ("seed", seed, 0),
        ("num_workers", num_workers, 0),
    ):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(
                f"{name} is {value!r}, but a whole number of at least {least} is needed: "
                f"try {name}={max(least, 1)}"
            )
    for name, value in (("val_fraction", val_fraction), ("test_fraction", test_fraction)):
        if not 0 < value < 1:
            raise ValueError(
                f"{name} is {value!r}, but a share above 0 and below 1 is needed: try {name}=0.1"
            )


# ---- sets ----------------------------------------------------------------------------------------


def _find(name: str | Path, task: str, image_size: int | None, root: str | Path) -> _Set:
    """The set of a name."""
    if name == "shapes":
        dataset = ShapesDataset(2000, task=task, image_size=image_size or 64)
        return _Set({"train": dataset}, dataset.classes)
    if task != "classify":
        raise ValueError(
            f"task is {task!r} and the set {str(name)!r}, but only shapes are made for other "
            f"tasks than to classify: choose task='classify' or the set 'shapes'"
        )
    if name == "digits":
        return _digits()
    if name == "textures":
        parts = {split: TexturesDataset(split) for split in _SPLITS}
        return _Set(parts, list(TexturesDataset.classes))
    if name in ("cifar10", "fashion_mnist"):
        return _online(name, root)
    if isinstance(name, str) and not Path(name).exists():
        raise FileNotFoundError(
            f"there is no set and no folder {name!r}: choose one of digits, shapes, textures, "
            f"cifar10, fashion_mnist, or name a folder of pictures"
        )
    return _folder(Path(name), image_size)


def _digits() -> _Set:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.from_numpy(digits.images).float()[:, None] / 16  # (n, 1, 8, 8)
    labels = torch.from_numpy(digits.target)
    return _Set({"train": TensorDataset(images, labels)}, list("0123456789"), labels)


def _online(name: str, root: str | Path) -> _Set:
    """A set of torchvision, in memory as bytes."""
    from torchvision import datasets

    kind = {"cifar10": datasets.CIFAR10, "fashion_mnist": datasets.FashionMNIST}[name]
    try:
        train, test = (kind(root, train=train, download=True) for train in (True, False))
    except (OSError, RuntimeError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())  # some have several lines
        raise OSError(
            f"{name} is not in {str(root)!r} and could not be downloaded to there "
            f"({reason}): connect to the internet, name the folder that "
            f"holds it as root, or take a set that needs no download: digits, shapes, textures"
        ) from error
    parts = {}
    for split, part in (("train", train), ("test", test)):
        images = torch.as_tensor(part.data)  # (n, H, W), or (n, H, W, 3)
        images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
        parts[split] = TensorDataset(images, torch.as_tensor(part.targets))
    return _Set(parts, list(train.classes), torch.as_tensor(train.targets))


def _folder(path: Path, image_size: int | None) -> _Set:
    """Pictures in folders; a folder `train` that holds folders is no class but a part."""
    parts = {"train": path}
    if (path / "train").is_dir() and any(p.is_dir() for p in visible(path / "train")):
        parts = {folder.name: folder for folder in visible(path) if folder.is_dir()}
    others = sorted(set(parts) - set(_SPLITS))
    if others:
        raise ValueError(
            f"{str(path)!r} holds {', '.join(map(repr, others))} beside 'train', but parts are "
            f"called train, val and test: rename it, or move it away"
        )
    datasets = {split: FolderDataset(folder) for split, folder in parts.items()}
    classes = datasets["train"].classes
    for split, dataset in datasets.items():
        if dataset.classes != classes:
            different = sorted(set(classes) ^ set(dataset.classes))
            raise ValueError(
                f"{str(parts[split])!r} and {str(parts['train'])!r} differ in the class folders "
                f"{different}, but need the same ones: add or remove them"
            )
    sizes = sorted(set().union(*(dataset.sizes for dataset in datasets.values())))
    if image_size is None and len(sizes) > 1:
        (height, width), (last_height, last_width) = sizes[0], sizes[-1]
        raise ValueError(
            f"the pictures have {len(sizes)} sizes, from {width}×{height} to "
            f"{last_width}×{last_height} pixels, but in a batch all need the same one: "
            f"try image_size=224"
        )
    return _Set(datasets, classes, torch.tensor(datasets["train"].labels))


# ---- parts ---------------------------------------------------------------------------------------


def _divide(
    found: _Set, val_fraction: float, test_fraction: float, seed: int
) -> dict[str, Dataset]:
    """Three parts of a set: its own ones, else taken out of what is there to train with."""
    train = found.parts["train"]
    left, parts = np.arange(len(train)), dict(found.parts)
    for split, fraction, number in (("test", test_fraction, 0), ("val", val_fraction, seed)):
        if split not in parts:
            left, taken = _set_aside(left, found, fraction, number)
            parts[split] = Subset(train, taken)
    return parts | {"train": Subset(train, left)}


def _set_aside(
    indices: np.ndarray, found: _Set, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Indices that stay, and those set aside: of each class the same share, where known."""
    from sklearn.model_selection import train_test_split

    labels = None if found.labels is None else found.labels[indices]
    least = 1 if labels is None else len(found.classes)
    count = max(round(fraction * len(indices)), least)
    try:
        return train_test_split(
            indices, test_size=count, stratify=labels, random_state=seed % 2**32
        )
    except ValueError as error:
        raise ValueError(
            f"{count} of {len(indices)} pictures cannot be set aside, of each of the "
            f"{len(found.classes)} classes the same share ({error}): add pictures, or choose "
            f"other fractions"
        ) from error


def _augmentation(name: str | Path, task: str, size: list[Any], part: Dataset) -> list[Any]:
    """What the docstring of `loaders` says about each set; `size` are the transforms that resize.

    On torch's global random numbers alone, which is why nothing else may be added here.
    """
    from torchvision.transforms import v2

    if name == "digits":
        smooth = v2.InterpolationMode.BILINEAR
        move = v2.RandomAffine(10, translate=(0.1, 0.1), scale=(0.9, 1.1), interpolation=smooth)
        return [*size, move]
    mirror, upside_down = v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()
    if name in ("cifar10", "fashion_mnist"):
        return [*size, v2.RandomAffine(0, translate=(1 / 8, 1 / 8)), mirror]
    light = v2.ColorJitter(brightness=0.3, contrast=0.3)
    if name in ("shapes", "textures"):
        return [*size, light] if task == "pose" else [*size, light, mirror, upside_down]
    # A random part takes the place of the square in the middle.
    shape = size[-1].size if size else part[0][0].shape[-2:]
    return [v2.RandomResizedCrop(shape, scale=(0.5, 1)), mirror]
