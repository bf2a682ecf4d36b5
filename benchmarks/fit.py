"""What a training loop costs beside its network: `fit`, the bare loop of a dozen lines, Lightning.

All train the same network from the same weights on the same batches, with a new optimizer, and
keep the mean loss of each epoch. "weights" is the largest difference of the trained weights to
those of the bare loop, as a share of the largest weight. The pictures are random numbers: the time
does not depend on what is learned. It is that of the whole call. Bars are drawn as ever, but to
nowhere.

Lightning is measured with its defaults (a log, a checkpoint each epoch, a bar, a summary), with
these four off, and with `barebones=True`, its mode for such comparisons, in which it keeps no mean
loss either.
"""

from __future__ import annotations

import copy
import logging
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import torch
from measure import ABSENT, arguments, difference, print_machine, print_table, race, summary
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Optimizer
from torch.utils.data import DataLoader, TensorDataset

from iip_lib.models import LeNet, resnet_small
from iip_lib.train import fit

Loop = Callable[[nn.Module, DataLoader, Optimizer], object]
EPOCHS = 2
ALL_OFF = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


def bare(model: nn.Module, loader: DataLoader, optimizer: Optimizer) -> list[float]:
    """What one writes by hand."""
    losses = []
    for _ in range(EPOCHS):
        model.train()
        total, seen = 0.0, 0
        for images, labels in loader:
            loss = cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(images)
            seen += len(images)
        losses.append(total / seen)
    return losses


def ours(model: nn.Module, loader: DataLoader, optimizer: Optimizer) -> object:
    return fit(model, loader, optimizer=optimizer, epochs=EPOCHS)


def lightning(
    model: nn.Module, loader: DataLoader, optimizer: Optimizer, **settings: bool
) -> object:
    """The same in Lightning's form."""
    from lightning import LightningModule, Trainer

    class Learner(LightningModule):
        def __init__(self):
            super().__init__()
            self.model = model

        def training_step(self, batch: list[Tensor], number: int) -> Tensor:
            images, labels = batch
            loss = cross_entropy(self.model(images), labels)
            self.log("loss", loss, on_step=False, on_epoch=True, batch_size=len(images))
            return loss

        def configure_optimizers(self) -> Optimizer:
            return optimizer

    with tempfile.TemporaryDirectory() as folder:  # for logs and checkpoints
        trainer = Trainer(
            max_epochs=EPOCHS, accelerator="cpu", devices=1, default_root_dir=folder, **settings
        )
        trainer.fit(Learner(), loader)
    return trainer.callback_metrics


def weights_after(loop: Loop, model: nn.Module, loader: DataLoader) -> Tensor:
    """All weights in one row, after a training that begins from `model`, which stays as it is."""
    model = copy.deepcopy(model)
    optimizer = SGD(model.parameters(), lr=0.01, momentum=0.9)
    loop(model, loader, optimizer)
    return torch.cat([p.detach().flatten() for p in model.state_dict().values()])


def batches(channels: int, batch_size: int, number: int) -> DataLoader:
    """Random pictures of 32×32 pixels, in the same order each time."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(number * batch_size, channels, 32, 32, generator=generator)
    labels = torch.randint(10, (number * batch_size,), generator=generator)
    return DataLoader(TensorDataset(images, labels), batch_size=batch_size)


def main() -> None:
    options = arguments(__doc__)
    print_machine("accelerate", "torchmetrics", "lightning")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.manual_seed(0)
    small, large = (2, 2) if options.quick else (100, 4)  # steps an epoch
    trainings = {  # network, batches; a loop weighs most where the steps are small
        "LeNet, 64 pictures a step": (LeNet(), batches(1, 64, small)),
        "ResNet-20, 32 pictures a step": (resnet_small(), batches(3, 32, large)),
    }
    loops = {"bare loop": bare, "iip_lib.train.fit": ours}
    if find_spec("lightning"):
        loops |= {
            "Lightning, barebones": partial(lightning, barebones=True),
            "Lightning, all off": partial(lightning, **ALL_OFF),
            "Lightning, defaults": lightning,
        }
    rows = []
    for title, (model, loader) in trainings.items():
        contestants = {
            name: partial(weights_after, loop, model, loader) for name, loop in loops.items()
        }
        seconds, weights = race(contestants, options.rounds)
        scale = 1000 / (EPOCHS * len(loader))
        for name in loops:
            numbers = summary(seconds[name], seconds["bare loop"], scale=scale, digits=2)
            rows.append([title, name, *numbers, difference(weights[name], weights["bare loop"])])
        if not find_spec("lightning"):
            rows.append([title, f"Lightning: {ABSENT}", "–", "–", "–", "–"])
    print_table(["training", "loop", "ms a step", "quartiles", "× bare loop", "weights"], rows)


if __name__ == "__main__":
    main()
