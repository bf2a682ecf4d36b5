"""What `fit` keeps of a training, so that it can go on where it was stopped."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer

from .checkpoint import Checkpoint
from .history import History

if TYPE_CHECKING:
    from accelerate import Accelerator

__all__: list[str] = []


class Resume:
    """The checkpoint of a training, written by its first process; none if there is no folder.

    Args:
        folder: of the checkpoint, or None.
        settings: what must be the same when the training goes on, as JSON can hold it.
        accelerator: of this training.
        states: by name, what has a state; None where the training has no such thing.
    """

    def __init__(
        self,
        folder: str | Path | None,
        settings: dict[str, Any],
        accelerator: "Accelerator",
        **states: Any,
    ):
        there = {name: state for name, state in states.items() if state is not None}
        self.checkpoint = None if folder is None else Checkpoint(folder, **there)
        self.settings = json.loads(json.dumps(settings))
        self.accelerator = accelerator

    def load(self, epochs: int) -> History:
        """What was trained before, at most `epochs` epochs; the states are put back."""
        record = None if self.checkpoint is None else self.checkpoint.record()
        if record is None:
            return History()
        folder, before = str(self.checkpoint.folder), record["settings"]
        for name, value in self.settings.items():
            if before.get(name) != value:
                raise ValueError(
                    f"the training in {folder!r} has {name} {before.get(name)!r}, but this one has "
                    f"{value!r}: build everything as it was to go on, or use another folder"
                )
        history = History(**record["history"])
        if len(history.epochs) > epochs:
            raise ValueError(
                f"the training in {folder!r} has {len(history.epochs)} epochs, but {epochs} are "
                f"wanted: ask for as many at least, or use another folder"
            )
        self.checkpoint.load()
        return history

    def save(self, history: History) -> None:
        """After each epoch; every process waits until it is done."""
        if self.checkpoint is not None and self.accelerator.is_main_process:
            record = {"settings": self.settings, "history": asdict(history)}
            self.checkpoint.save(len(history.epochs), record)
        self.accelerator.wait_for_everyone()


def settings_of(
    optimizer: Optimizer, scheduler: Any, *, seed: int | None, monitor: str | None
) -> dict[str, Any]:
    """What distinguishes one training from another, as far as it can be seen from here."""
    rates = [float(group.get("initial_lr", group["lr"])) for group in optimizer.param_groups]
    return {
        "seed": seed,
        "optimizer": type(optimizer).__name__,
        "learning rates": rates,
        "scheduler": None if scheduler is None else type(scheduler).__name__,
        "best epoch by": monitor,
    }
