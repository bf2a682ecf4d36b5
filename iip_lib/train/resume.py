"""What `fit` keeps of a training, so that it can go on where it was stopped."""

import copy
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.optim import Optimizer

from .checkpoint import Checkpoint
from .history import History

if TYPE_CHECKING:
    from accelerate import Accelerator

__all__: list[str] = []


class Weights:
    """A copy of the weights of a network."""

    def __init__(self, model: nn.Module):
        self.take(model)

    def take(self, model: nn.Module) -> None:
        self.kept = {name: copy.deepcopy(x) for name, x in model.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        return self.kept

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.kept = state


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
        self.settings = settings
        self.accelerator = accelerator

    def load(self, epochs: int) -> History:
        """What was trained before, at most `epochs` epochs; the states are put back."""
        record = None if self.checkpoint is None else self.checkpoint.record()
        self.accelerator.wait_for_everyone()  # all have read, before the first one writes
        if record is None:
            self.save(History())  # to this a training goes back that is stopped in its first epoch
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
    optimizer: Optimizer,
    scheduler: Any,
    *,
    schedule_by: str,
    seed: int | None,
    monitor: str | None,
    precision: str,
) -> dict[str, Any]:
    """What distinguishes one training from another, as far as it can be seen from here."""
    # The groups of the optimizer change with the schedule; these settings stay as they were.
    plain = {k: v for k, v in optimizer.defaults.items() if isinstance(v, (int, float, str))}
    return {
        "seed": seed,
        "optimizer": type(optimizer).__name__,
        **{f"optimizer's {name}": value for name, value in plain.items()},
        "scheduler": None if scheduler is None else f"{type(scheduler).__name__} by {schedule_by}",
        "best epoch by": monitor,
        "precision": precision,
    }
