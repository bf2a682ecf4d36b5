"""A training in a process of its own, to be killed or shared: child.py FOLDER [OPTION ...]

Writes FOLDER/result-<process>.json and .safetensors at the end.
"""

import argparse
import json
import os
import signal
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from iip_lib.train import fit


def network(with_norm: bool) -> nn.Module:
    torch.manual_seed(0)
    extra = [nn.BatchNorm2d(4), nn.Dropout(0.2)] if with_norm else []
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), *extra, nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 3)
    )


def pictures() -> TensorDataset:
    generator = torch.Generator().manual_seed(1)
    targets = torch.arange(23) % 3  # the last batch of 8 has 7: shares of 4 and 3
    images = torch.rand(23, 1, 8, 8, generator=generator) + 0.3 * targets[:, None, None, None]
    return TensorDataset(images, targets)


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


class KilledAt:
    """cross_entropy that kills the program at its n-th call."""

    def __init__(self, call):
        self.left = call

    def __call__(self, outputs, targets):
        self.left -= 1
        if self.left == 0:
            kill()
        return cross_entropy(outputs, targets)


def kill_in_save(epoch):
    """Kill the program when half of the optimizer's file of this epoch is written."""
    save, calls = torch.save, []

    def half(state, path):
        calls.append(path)
        if len(calls) < 2 * epoch - 1:  # optimizer and scheduler are saved in each epoch
            return save(state, path)
        save(state, path)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        return kill()

    torch.save = half


def kill_in_removal(epoch):
    """Kill the program when the new state has its name and the old one is still there."""
    rename, calls = Path.rename, []

    def then_killed(self, target):
        rename(self, target)
        calls.append(target)
        if len(calls) == epoch:
            kill()

    Path.rename = then_killed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--norm", action="store_true")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--no-checkpoint", action="store_true")
    parser.add_argument("--no-seed", action="store_true")
    parser.add_argument("--metrics", action="store_true", help="takes seconds to load")
    parser.add_argument("--kill-at-batch", type=int, default=0)
    parser.add_argument("--kill-in-save", type=int, default=0)
    parser.add_argument("--kill-in-removal", type=int, default=0)
    options = parser.parse_args()
    if options.kill_in_save:
        kill_in_save(options.kill_in_save)
    if options.kill_in_removal:
        kill_in_removal(options.kill_in_removal)

    metrics = None
    if options.metrics:
        from torchmetrics import Accuracy

        metrics = {"accuracy": Accuracy("multiclass", num_classes=3)}
    model, data = network(options.norm).eval(), pictures()  # fit puts it into training mode
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=12)
    history = fit(
        model,
        DataLoader(data, 8, shuffle=True),
        DataLoader(data, 5),
        optimizer=optimizer,
        epochs=options.epochs,
        loss_fn=KilledAt(options.kill_at_batch),
        metrics=metrics,
        scheduler=scheduler,
        schedule_by="batch",
        patience=options.epochs,
        seed=None if options.no_seed else 0,
        checkpoint=None if options.no_checkpoint else options.folder / "checkpoint",
    )
    result = options.folder / f"result-{os.environ.get('RANK', '0')}"
    lines = [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in history.epochs]
    result.with_suffix(".json").write_text(json.dumps([lines, history.best_epoch]))
    save_file(model.state_dict(), result.with_suffix(".safetensors"))


if __name__ == "__main__":
    main()
