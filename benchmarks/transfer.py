"""What the trained network of `iip_lib.models.backbone` is worth where pictures are few.

A linear probe (logistic regression on its feature maps, nothing else is trained) beside the same
network trained from scratch, on the same pictures, drawn anew in each round.

  textures        of five kinds, grey, 32×32; 10, 50 or 200 a class, tested on 500
  Fashion-MNIST   clothes, grey, brought to 32×32; 10, 50 or 200 a class, tested on 10,000
  ants and bees   photographs, brought to 32×32; 10, 50 or 120 a class, tested on those in `val`

The textures are cut from the bundled photographs. The other two are measured where they are named:
Fashion-MNIST by a folder to which torchvision downloads it, ants and bees by a folder with `train`
and `val`, each with one folder for each class.

What the probe reads was chosen with --choose, among the pictures for training alone: probes on a
few of them were measured on others. How strongly a probe is regularised, it chooses by
cross-validation among the pictures it is given. From scratch, pictures are moved and flipped; rate
and length of that training were set beforehand and not tuned.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from measure import parser, print_machine, print_table, silence
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import Accuracy
from torchvision.transforms import v2
from tqdm import tqdm

from iip_lib.data import FolderDataset, TexturesDataset, loaders
from iip_lib.explain import record
from iip_lib.models import backbone
from iip_lib.train import evaluate, fast_precision, fit

SIZE = 32  # rows and columns of each picture, as the network was trained with
BATCH_SIZE = 32
LEAST_STEPS, LEAST_EPOCHS = 400, 20  # from scratch
LEARNING_RATE = 0.05
ALL = ("layer1", "layer2", "layer3", "layer4")
Maps = dict[str, Tensor]  # by the name of the stage: (n, C, h, w)
# What a probe may read of the maps of a network.
FEATURES: dict[str, Callable[[Maps], list[Tensor]]] = {
    "means of the last stage": lambda maps: [means(maps["layer4"])],
    "means of all stages": lambda maps: [means(maps[stage]) for stage in ALL],
    "last stage, 4×4": lambda maps: [coarse(maps["layer4"])],
    "third stage, 4×4": lambda maps: [coarse(maps["layer3"])],
    "second stage, 4×4": lambda maps: [coarse(maps["layer2"])],
    "third stage, 4×4, means of all": lambda maps: [
        coarse(maps["layer3"]),
        *(means(maps[stage]) for stage in ALL),
    ],
}
CHOSEN = "third stage, 4×4, means of all"
SET_ASIDE = 1000  # pictures for training, at most, that a choice is measured on


class Set(NamedTuple):
    """Pictures (n, 3, 32, 32) in [0, 1] with labels (n,), to draw from and to test with."""

    images: Tensor
    labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    numbers: tuple[int, ...]  # pictures a class


# ---- sets ----------------------------------------------------------------------------------------


def textures() -> Set:
    parts = [TexturesDataset(split) for split in ("train", "test")]
    return _set([(part.images, part.labels) for part in parts], (10, 50, 200))


def fashion_mnist(root: Path) -> Set:
    found = loaders("fashion_mnist", 1000, root=root)
    parts = [map(torch.cat, zip(*loader, strict=True)) for loader in (found.train, found.test)]
    return _set(parts, (10, 50, 200))


def ants_and_bees(folder: Path) -> Set:
    square = v2.Compose([v2.Resize(SIZE), v2.CenterCrop(SIZE), v2.ToDtype(torch.float32, True)])
    parts = []
    for split in ("train", "val"):
        found = FolderDataset(folder / split)
        images = [square(image).as_subclass(Tensor) for image, _ in tqdm(found, leave=False)]
        parts.append((torch.stack(images), torch.tensor(found.labels)))
    return _set(parts, (10, 50, 120))


def _set(parts: Iterable[Iterable[Tensor]], numbers: tuple[int, ...]) -> Set:
    resize = v2.Resize((SIZE, SIZE))
    tensors = [t for images, y in parts for t in (resize(images).expand(-1, 3, -1, -1), y)]
    return Set(*tensors, numbers)


def drawn(labels: Tensor, number: int, seed: int) -> Tensor:
    """The indices of so many pictures of each class."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    return torch.cat([order[labels[order] == label][:number] for label in labels.unique()])


# ---- two ways ------------------------------------------------------------------------------------


def means(maps: Tensor) -> Tensor:
    return maps.mean(dim=(2, 3))


def coarse(maps: Tensor) -> Tensor:
    return adaptive_avg_pool2d(maps, 4).flatten(1)


def features_of(model: nn.Module, images: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
    """What probes read of pictures (n, 3, 32, 32), by its name in `FEATURES`: (n, C) each."""
    found: dict[str, list[Tensor]] = {name: [] for name in names}
    for batch in images.split(100):
        with torch.no_grad(), record(model, *ALL) as maps:
            model(batch)
        for name, features in found.items():
            features.append(torch.cat(FEATURES[name](maps), dim=1))
    return {name: torch.cat(features) for name, features in found.items()}


def probe(features: Tensor, labels: Tensor, test_features: Tensor, test_labels: Tensor) -> float:
    """The accuracy of a linear classifier on features (n, C)."""
    classifier = make_pipeline(
        StandardScaler(), LogisticRegressionCV(Cs=np.logspace(-4, 0, 5), cv=5, max_iter=1000)
    )
    with warnings.catch_warnings(action="ignore"):  # releases differ in what they warn of
        classifier.fit(features.numpy(), labels.numpy())
    return classifier.score(test_features.numpy(), test_labels.numpy())


class Augmented(TensorDataset):
    """Moved by up to an eighth, and flipped from left to right."""

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, label = super().__getitem__(index)
        size = image.shape[-1]
        move = v2.RandomCrop(size, padding=size // 8, padding_mode="reflect")
        return v2.RandomHorizontalFlip()(move(image)), label


def from_scratch(found: Set, chosen: Tensor, seed: int, quick: bool) -> float:
    """The accuracy of the network that has seen the chosen pictures and no others."""
    torch.manual_seed(seed)
    pictures = Augmented(found.images[chosen], found.labels[chosen])
    loader = DataLoader(pictures, min(BATCH_SIZE, len(chosen)), shuffle=True, drop_last=True)
    epochs = 1 if quick else max(LEAST_EPOCHS, -(-LEAST_STEPS // len(loader)))
    classes = int(found.labels.max()) + 1
    model = backbone(classes, pretrained=False)
    optimizer = torch.optim.SGD(
        model.parameters(), LEARNING_RATE, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=epochs * len(loader)
    )
    test_loader = DataLoader(TensorDataset(found.test_images, found.test_labels), 100)
    with silence():
        fit(
            model,
            loader,
            optimizer=optimizer,
            epochs=epochs,
            scheduler=scheduler,
            schedule_by="batch",
            seed=seed,
            precision=fast_precision(),
        )
        accuracy = {"accuracy": Accuracy("multiclass", num_classes=classes)}
        return evaluate(model, test_loader, loss_fn=None, metrics=accuracy)["accuracy"]


def choice_of(name: str, found: Set, rounds: int, quick: bool) -> list[list[str]]:
    """Rows of accuracies on pictures set aside: no picture for testing is looked at."""
    model = backbone()
    rows = []
    for number in found.numbers[:1] if quick else found.numbers[:2]:
        accuracies: dict[str, list[float]] = {kind: [] for kind in FEATURES}
        for seed in tqdm(range(rounds), desc=f"{name}, {number} a class", leave=False):
            chosen = drawn(found.labels, number, seed + 1000)  # other draws than the table's
            rest = torch.ones(len(found.labels), dtype=torch.bool)
            rest[chosen] = False
            aside = rest.nonzero().flatten()
            order = torch.randperm(len(aside), generator=torch.Generator().manual_seed(seed))
            aside = aside[order[:SET_ASIDE]]
            given = features_of(model, found.images[chosen], FEATURES)
            others = features_of(model, found.images[aside], FEATURES)
            for kind, all_accuracies in accuracies.items():
                one = (given[kind], found.labels[chosen], others[kind], found.labels[aside])
                all_accuracies.append(probe(*one))
        rows += [[name, str(number), kind, _cell(a)] for kind, a in accuracies.items()]
    return rows


def rows_of(name: str, found: Set, rounds: int, quick: bool) -> list[list[str]]:
    """A row of the table for each number of pictures."""
    model = backbone()
    test_features = features_of(model, found.test_images, [CHOSEN])[CHOSEN]
    rows = []
    for number in found.numbers[:1] if quick else found.numbers:
        probes, scratches = [], []
        for seed in tqdm(range(rounds), desc=f"{name}, {number} a class", leave=False):
            chosen = drawn(found.labels, number, seed)
            features = features_of(model, found.images[chosen], [CHOSEN])[CHOSEN]
            probes.append(probe(features, found.labels[chosen], test_features, found.test_labels))
            scratches.append(from_scratch(found, chosen, seed, quick))
        better = sum(a > b for a, b in zip(probes, scratches, strict=True))
        rows.append([name, str(number), _cell(probes), _cell(scratches), f"{better} of {rounds}"])
    return rows


def _cell(accuracies: list[float]) -> str:
    spread = f" ± {100 * np.std(accuracies, ddof=1):.1f}" if len(accuracies) > 1 else ""
    return f"{100 * np.mean(accuracies):.1f}{spread}"


def main() -> None:
    line = parser(__doc__)
    line.set_defaults(rounds=5)
    line.add_argument(
        "--fashion-mnist", type=Path, metavar="FOLDER", help="where it is, or will be"
    )
    line.add_argument("--ants-bees", type=Path, metavar="FOLDER", help="holds train and val")
    line.add_argument(
        "--choose", action="store_true", help="compare what a probe may read, instead of the table"
    )
    options = line.parse_args()
    if options.quick:
        options.rounds = 1
    print_machine("torchvision", "scikit-learn")
    sets = {"textures": textures}
    if options.fashion_mnist:
        sets["Fashion-MNIST"] = partial(fashion_mnist, options.fashion_mnist)
    if options.ants_bees:
        sets["ants and bees"] = partial(ants_and_bees, options.ants_bees)
    measure = choice_of if options.choose else rows_of
    rows = []
    for name, read in sets.items():
        rows += measure(name, read(), options.rounds, options.quick)
    print("Accuracy in percent: mean over the rounds, and their standard deviation.\n")
    if options.choose:
        print_table(["set", "a class", "read by the probe", "set aside"], rows)
    else:
        print_table(["set", "a class", "probe", "from scratch", "probe is better"], rows)


if __name__ == "__main__":
    main()
