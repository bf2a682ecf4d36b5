"""Train the network of `iip_lib.models.backbone`, or the same network on your own photographs.

In the folder of the book, environment.py makes what the script needs and runs it:
  python scripts/environment.py book scripts/train_backbone.py --data FOLDER

FOLDER holds one folder for each class, or folders `train` and `test` that do. The pictures are
brought to 32×32 pixels. Of those in `train` (with no such folder: of all), a tenth is held out: the
training is measured on them after each epoch, and everything should be chosen by them. The pictures
for testing are measured with --test only: use it once, when everything is chosen.

Who is online can name `cifar10` instead of a folder: torchvision then downloads it.

A training that was stopped goes on after its last whole epoch when the same command is given again.
Two processes share the work with `python -m accelerate.commands.launch --multi_gpu
--num_processes 2` in front of the script's name, on GPUs or without any.
"""

from __future__ import annotations

import argparse
import hashlib
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import PartialState
from PIL import Image
from safetensors.torch import load_file, save_file
from scipy.stats import binomtest
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchmetrics import Accuracy, CalibrationError, ConfusionMatrix
from torchvision.transforms.v2.functional import gaussian_blur

from book import run, say
from iip_lib.data import Loaders, loaders
from iip_lib.explain import record
from iip_lib.models import backbone
from iip_lib.train import History, evaluate, fast_precision, fit

SIZE = 32  # rows and columns of a picture
BATCH_SIZE = 128
LEARNING_RATE = 0.1  # the highest one
Change = Callable[[Tensor], Tensor]  # (N, 3, H, W) in [0, 1] → the same


# ---- what may happen to a picture on its way to a reader -----------------------------------------


def recompressed(images: Tensor, quality: int) -> Tensor:
    """After JPEG; the quality is from 1 to 100."""
    pictures = []
    for image in (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1):
        file = io.BytesIO()
        Image.fromarray(image.numpy()).save(file, "JPEG", quality=quality)
        pictures.append(torch.from_numpy(np.array(Image.open(file))))
    return torch.stack(pictures).permute(0, 3, 1, 2) / 255


def blurred(images: Tensor, sigma: float) -> Tensor:
    return gaussian_blur(images, [5, 5], [sigma])


def noisy(images: Tensor, deviation: float | Tensor) -> Tensor:
    return (images + deviation * torch.randn_like(images)).clamp(0, 1)


def recoloured(
    images: Tensor,
    light: float | Tensor = 1.0,
    contrast: float | Tensor = 1.0,
    saturation: float | Tensor = 1.0,
) -> Tensor:
    """Each number, or (N, 1, 1, 1) of them, is 1 for no change."""
    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * saturation
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return ((mean + (images - mean) * contrast) * light).clamp(0, 1)


# Those with a star are worse than what is seen in training.
CORRUPTIONS: dict[str, Change] = {
    "none": lambda images: images,
    "JPEG, quality 50": partial(recompressed, quality=50),
    "JPEG, quality 25": partial(recompressed, quality=25),
    "JPEG, quality 10 *": partial(recompressed, quality=10),
    "blur, 0.7 pixels": partial(blurred, sigma=0.7),
    "blur, 1 pixel": partial(blurred, sigma=1.0),
    "blur, 1.5 pixels *": partial(blurred, sigma=1.5),
    "noise, 0.04": partial(noisy, deviation=0.04),
    "noise, 0.08": partial(noisy, deviation=0.08),
    "noise, 0.12 *": partial(noisy, deviation=0.12),
    "light × 0.6": partial(recoloured, light=0.6),
    "contrast × 0.6": partial(recoloured, contrast=0.6),
    "contrast × 0.4 *": partial(recoloured, contrast=0.4),
    "grey *": partial(recoloured, saturation=0.0),
}


def augmented(images: Tensor) -> Tensor:
    """Moved and flipped; of ten pictures, four are also made worse, each in one way."""
    number, _, height, width = images.shape
    flip = torch.rand(number, 1, 1, 1) < 0.5
    images = F.pad(torch.where(flip, images.flip(-1), images), (4, 4, 4, 4), mode="reflect")
    rows = torch.randint(9, (number, 1, 1)) + torch.arange(height)[:, None]  # (N, H, 1)
    columns = torch.randint(9, (number, 1, 1)) + torch.arange(width)  # (N, 1, W)
    which = torch.arange(number)[:, None, None]
    images = images.permute(0, 2, 3, 1)[which, rows, columns].permute(0, 3, 1, 2)

    way = torch.randint(10, (number,))
    for i, change in enumerate(
        (
            lambda x: recompressed(x, int(torch.randint(25, 90, ()))),
            lambda x: blurred(x, float(_between(0.3, 1.0, 1))),
            lambda x: noisy(x, _between(0, 0.08, len(x))),
            lambda x: recoloured(x, *(_between(0.6, 1.4, len(x)) for _ in range(3))),
        )
    ):
        if (way == i).any():
            images[way == i] = change(images[way == i])
    return images


def _between(low: float, high: float, number: int) -> Tensor:
    return torch.empty(number, 1, 1, 1).uniform_(low, high)


# ---- pictures ------------------------------------------------------------------------------------


class Pictures(Dataset):
    """Pictures in memory as bytes; a whole batch is prepared at once, which is much quicker.

    Args:
        loader: is read to its end.
        change: of a batch (N, 3, H, W) in [0, 1].
    """

    def __init__(self, loader: DataLoader, change: Change):
        images, labels = zip(*loader, strict=True)
        self.images = torch.cat([(batch * 255).round().to(torch.uint8) for batch in images])
        self.labels = torch.cat(labels)
        self.change = change

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        images = self.change(self.images[indices].float() / 255)
        return images.contiguous(memory_format=torch.channels_last), self.labels[indices]


def batches(pictures: Pictures, *, shuffle: bool = False) -> DataLoader:
    """In training, an incomplete batch at the end is left out if there are complete ones."""
    return DataLoader(
        pictures,
        BATCH_SIZE,
        shuffle=shuffle,
        drop_last=shuffle and len(pictures) >= BATCH_SIZE,
        collate_fn=lambda batch: batch,  # it is one already
    )


# ---- training and measuring ----------------------------------------------------------------------


def train(
    found: Loaders, epochs: int, seed: int, folder: Path, pretrained: bool = False
) -> tuple[nn.Module, History]:
    """The network and its history; the training is saved in `folder` after each epoch."""
    torch.manual_seed(seed)
    model = backbone(len(found.classes), pretrained=pretrained)
    model = model.to(memory_format=torch.channels_last)
    # Other numbers begin anew.
    name = f"checkpoint-{epochs}-epochs-seed-{seed}" + ("-pretrained" if pretrained else "")
    train_loader = batches(Pictures(found.train, augmented), shuffle=True)
    optimizer = torch.optim.SGD(
        model.parameters(), LEARNING_RATE, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=epochs * len(train_loader), pct_start=0.2
    )
    history = fit(
        model,
        train_loader,
        batches(Pictures(found.val, CORRUPTIONS["none"])),
        optimizer=optimizer,
        epochs=epochs,
        loss_fn=nn.CrossEntropyLoss(label_smoothing=0.1),
        metrics={"accuracy": Accuracy("multiclass", num_classes=len(found.classes))},
        scheduler=scheduler,
        schedule_by="batch",
        seed=seed,
        checkpoint=folder / name,
        precision=fast_precision(),
        on_epoch=lambda epoch: say(
            f"epoch {epoch['epoch']} of {epochs}: loss {epoch['train_loss']:.3f}, held out "
            f"{epoch['val_loss']:.3f}, accuracy {epoch['val_accuracy']:.2%}, "
            f"{epoch['seconds']:.0f} s"
        ),
    )
    return model, history


def save(model: nn.Module, path: Path) -> None:
    """Weights of two and more dimensions as float16, which halves the file."""
    state = model.state_dict()
    weights = {name: w.half() if w.ndim > 1 else w for name, w in state.items()}
    save_file({name: w.contiguous() for name, w in weights.items()}, path)


def share(right: int, number: int) -> str:
    """An accuracy with its interval of 95 %, which says what so few pictures leave open."""
    low, high = binomtest(right, number).proportion_ci(method="wilson")
    return f"{right / number:.2%} ({low:.1%} to {high:.1%}, {number:,} pictures)"


def report(
    model: nn.Module, loader: DataLoader, classes: list[str], corruptions: dict[str, Change]
) -> None:
    """Print the accuracy under each corruption, what is confused, and what is never used."""
    pictures = Pictures(loader, CORRUPTIONS["none"])
    for name, change in corruptions.items():
        torch.manual_seed(0)  # the same noise each time
        pictures.change = change
        # Only the first process measures here: nothing is to be put together with others.
        alone = {"task": "multiclass", "num_classes": len(classes), "sync_on_compute": False}
        metrics = {
            "confusion": ConfusionMatrix(**alone),
            "calibration": CalibrationError(**alone),
        }
        measured = evaluate(model, batches(pictures), loss_fn=None, metrics=metrics)
        matrix = torch.tensor(measured["confusion"])
        if name == "none":
            first, calibration = matrix, measured["calibration"]
        say(f"| {name} | {share(int(matrix.trace()), len(pictures))} |")
    say("rows: what it is; columns: what the network says")
    for name, row in zip(classes, first.tolist(), strict=True):
        say(f"| {name} | {' | '.join(map(str, row))} |")
    say(f"probabilities are off by {calibration:.1%} (expected calibration error, 15 bins)")
    pictures.change = CORRUPTIONS["none"]
    dead, channels = dead_channels(model, batches(pictures))
    say(f"channels that are zero for all of these pictures: {dead} of {channels}")


def dead_channels(model: nn.Module, loader: DataLoader) -> tuple[int, int]:
    """Channels after a ReLU that are zero everywhere in all pictures, and how many there are."""
    layers = [name for name, module in model.named_modules() if name.endswith("bn1")]
    layers += [name.removesuffix(".bn1") for name in layers if "." in name]  # blocks
    highest: dict[str, Tensor] = {}
    for images, _ in loader:
        with torch.no_grad(), record(model, *layers) as outputs:
            model(images)
        for name in layers:
            now = outputs[name].amax(dim=(0, 2, 3))
            highest[name] = torch.maximum(highest.get(name, now), now)
    values = torch.cat(list(highest.values()))
    return int((values <= 0).sum()), len(values)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s --data FOLDER [--epochs N] [--seed N] [--pretrained] [--out FOLDER] [--test]",
    )
    parser.add_argument(
        "--data", required=True, metavar="FOLDER", help="the folder, or cifar10 for a download"
    )
    parser.add_argument("--epochs", type=int, metavar="N", default=30, help="default: %(default)s")
    parser.add_argument("--seed", type=int, metavar="N", default=0, help="default: %(default)s")
    parser.add_argument(
        "--pretrained", action="store_true", help="begin with the weights of the book"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        default=Path("_training"),
        help="for all results: %(default)s",
    )
    parser.add_argument("--test", action="store_true", help="measure the pictures for testing")
    options = parser.parse_args()

    if options.epochs < 1:
        parser.error(f"--epochs is {options.epochs}, but at least 1 is needed: try --epochs 30")
    try:
        found = loaders(options.data, 500, image_size=SIZE)
        model, history = train(found, options.epochs, options.seed, options.out, options.pretrained)
    except (OSError, ValueError) as error:  # each of them says what is needed
        parser.error(str(error))
    if not PartialState().is_main_process:
        return 0
    path = options.out / "backbone.safetensors"
    save(model, path)
    say(f"{path}: {path.stat().st_size:,} bytes")
    say(f"SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}")
    say(f"{sum(history['seconds']) / 60:.0f} minutes for {len(history.epochs)} epochs")
    model.load_state_dict(load_file(path))  # what is measured is what is in the file
    say("held-out pictures")
    report(model, found.val, found.classes, CORRUPTIONS)
    if options.test:
        say("pictures for testing")
        report(model, found.test, found.classes, {"none": CORRUPTIONS["none"]})
    return 0


if __name__ == "__main__":
    run(main)
