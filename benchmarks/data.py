"""How many pictures a second: `data.loaders` beside torchvision's `ImageFolder`, and drawn scenes.

A folder of JPEGs is cut from the bundled photographs for this run. Both make the same batches of
it: the same transforms and order, workers that are started for each epoch; "pictures" is the
largest difference. To set up, `ImageFolder` lists the files; `loaders` reads each picture once, so
that a damaged one is named at once. `ShapesDataset` has no twin: its rows compare its tasks.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from measure import arguments, difference, print_machine, print_table, race, silence, summary
from torch.utils.data import DataLoader, Dataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from iip_lib.data import FolderDataset, ShapesDataset, loaders, photo

PHOTOS = ("brick", "chelsea", "coffee", "coins", "grass", "gravel")  # each a class
FILE_SIZE = 256  # rows and columns
SIZE = 128
BATCH_SIZE = 32
TASKS = ("classify", "segment", "detect", "pose")


def write_photographs(folder: Path, each: int) -> None:
    """Pieces of photographs as JPEGs, `each` for a class to train with, one in the other parts."""
    generator = torch.Generator().manual_seed(0)
    for name in PHOTOS:
        picture = photo(name)
        for part, number in (("train", each), ("val", 1), ("test", 1)):
            (folder / part / name).mkdir(parents=True)
            for i in range(number):
                top, left = (
                    int(torch.randint(side - FILE_SIZE + 1, (), generator=generator))
                    for side in picture.shape[1:]
                )
                piece = picture[:, top : top + FILE_SIZE, left : left + FILE_SIZE]
                v2.functional.to_pil_image(piece).save(folder / part / name / f"{i:03}.jpg")


def twin(folder: Path, augment: bool, num_workers: int) -> DataLoader:
    """What `loaders` gives to train with, made by torchvision."""
    resize = [v2.Resize(SIZE), v2.CenterCrop(SIZE)]
    change = [v2.RandomResizedCrop(SIZE, scale=(0.5, 1)), v2.RandomHorizontalFlip()]
    finish = [v2.ToDtype(torch.float32, scale=True), v2.ToPureTensor()]
    transform = v2.Compose([v2.ToImage(), *(change if augment else resize), *finish])
    return DataLoader(
        ImageFolder(folder / "train", transform),
        BATCH_SIZE,
        shuffle=True,
        generator=torch.Generator(),
        num_workers=num_workers,
    )


def epoch(loader: DataLoader) -> list[torch.Tensor]:
    """All batches of pictures, from the same random numbers each time."""
    torch.manual_seed(0)
    loader.generator.manual_seed(0)
    return [images for images, _ in loader]


def drawn(scenes: Dataset) -> None:
    for i in range(len(scenes)):
        scenes[i]


def compare(title: str, contestants: dict[str, Callable], number: int, rounds: int) -> list:
    """Rows of pictures a second; each contestant gives `number` pictures."""
    seconds, batches = race(contestants, rounds)
    rates = {name: [number / value for value in values] for name, values in seconds.items()}
    first = next(iter(contestants))
    rows = []
    for name in contestants:
        made = [batches[n] for n in (name, first)]
        same = difference(*map(torch.cat, made)) if isinstance(made[0], list) else "–"
        rows.append([title, name, *summary(rates[name], rates[first]), same])
    return rows


def main() -> None:
    options = arguments(__doc__)
    print_machine("torchvision", "pillow")
    each, scenes = (2, 4) if options.quick else (60, 100)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_photographs(folder, each)
        number = each * len(PHOTOS)
        contestants = {
            "torchvision ImageFolder": partial(ImageFolder, folder / "train"),
            "iip_lib.data.loaders": partial(FolderDataset, folder / "train"),
        }
        rows += compare("JPEGs, to set up", contestants, number, options.rounds)
        for augment in (False, True):
            for workers in (0, 2):
                with silence():  # a bar
                    mine = loaders(
                        folder, BATCH_SIZE, image_size=SIZE, augment=augment, num_workers=workers
                    )
                contestants = {
                    "torchvision ImageFolder": partial(epoch, twin(folder, augment, workers)),
                    "iip_lib.data.loaders": partial(epoch, mine.train),
                }
                title = f"JPEGs{', augmented' * augment}, {workers} workers"
                rows += compare(title, contestants, number, options.rounds)
    contestants = {
        f"ShapesDataset, {task}": partial(drawn, ShapesDataset(scenes, task=task)) for task in TASKS
    }
    rows += compare("drawn scenes", contestants, scenes, options.rounds)
    print_table(["what", "by", "a second", "quartiles", "× first", "pictures"], rows)


if __name__ == "__main__":
    main()
