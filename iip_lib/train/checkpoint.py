"""A training on disk: whole or not at all, and without a pickle that could run a program."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Checkpoint"]


class Checkpoint:
    """The state of a training after its last complete epoch, in a folder.

    ::

        folder/epoch-0007/model.safetensors    the weights of a module, by its name
                          optimizer.pt         the state of anything else, by its name
                          record.json          what else is to be known

    A new state is first written into a folder with a name of its own, and gets its right name
    when all of it is on the disk. Only then is the one before removed. So whenever the program is
    stopped, by an error, by the power or by ``kill -9``, the last complete state is there.

    States that are nothing but tensors, such as weights, are safetensors. Others are read with
    ``weights_only=True``, which refuses a file that would run a program.

    Args:
        folder: where the states lie; it is made when the first one is saved.
        parts: what is kept, by name: modules, and other things that have ``state_dict()`` and
            ``load_state_dict()``, such as optimizers and schedulers.

    Returns:
        An object. ``save(epoch, record)`` writes the states of the parts, and a dict that JSON
        can hold. ``load()`` puts the last states back into the parts and gives that dict, or
        None if there is no state yet.

    Raises:
        ValueError: ``save`` of an epoch that is not after the last one in the folder, or where
            something else has its name; ``load`` of a file that is damaged, or that does not fit its part. The message names the file.

    Example:
        >>> import tempfile
        >>> from torch import nn
        >>> model = nn.Linear(2, 3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     first = Checkpoint(folder, model=model).load()
        ...     Checkpoint(folder, model=model).save(1, {"note": "after one epoch"})
        ...     copy = nn.Linear(2, 3)
        ...     record = Checkpoint(folder, model=copy).load()
        >>> first, record, torch.equal(copy.weight, model.weight)
        (None, {'note': 'after one epoch'}, True)

    Source:
        safetensors, https://huggingface.co/docs/safetensors; rename(2) of POSIX, which replaces a
        name at once

    Taught in: book/start/saving.md
    """

    def __init__(self, folder: str | Path, **parts: Any):
        self.folder = Path(folder).absolute()
        self.parts = parts

    def save(self, epoch: int, record: dict[str, Any]) -> None:
        """Write the states of the parts, and the record, as those after this epoch."""
        complete = self._complete()
        if complete and epoch <= max(complete):
            raise ValueError(
                f"epoch {epoch} is to be saved in {str(self.folder)!r}, but epoch {max(complete)} "
                f"is there already: load it and go on from there, or use another folder"
            )
        whole = self.folder / f"epoch-{epoch:04d}"
        if whole.exists():
            raise ValueError(
                f"{str(whole)!r} is there already, but it is no state of a training, for it has no "
                f"record.json: move it away, or use another folder"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        half = self.folder / "half-written"
        shutil.rmtree(half, ignore_errors=True)  # left by a save that was stopped
        half.mkdir()
        for name, part in self.parts.items():
            _write(_file(half, name, part), part)
        (half / "record.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
        for path in (*half.iterdir(), half):
            _to_disk(path)
        half.rename(whole)
        _to_disk(self.folder)
        for path in complete.values():
            shutil.rmtree(path)

    def record(self) -> dict[str, Any] | None:
        """The last record, or None if there is none; the parts stay as they are."""
        complete = self._complete()
        if not complete:
            return None
        file = complete[max(complete)] / "record.json"
        with _named_if_damaged(file):
            return json.loads(file.read_text(encoding="utf-8"))

    def load(self) -> dict[str, Any] | None:
        """Put the last states back into the parts; give the record, or None if there is none."""
        record, complete = self.record(), self._complete()
        if not complete:
            return None
        place = complete[max(complete)]
        files = {name: _file(place, name, part) for name, part in self.parts.items()}
        states = {}
        for name, file in files.items():  # all are read before the first part is changed
            with _named_if_damaged(file):
                states[name] = _read(file)
        for name, part in self.parts.items():
            with _named_if_damaged(files[name]):
                part.load_state_dict(states[name])
        return record

    def _complete(self) -> dict[int, Path]:
        """The complete states by their epoch: one, or two if a removal was stopped."""
        found = {path: re.fullmatch(r"epoch-(\d{4,})", path.name) for path in self.folder.glob("*")}
        return {
            int(name[1]): path
            for path, name in found.items()
            if name and (path / "record.json").exists()
        }


@contextmanager
def _named_if_damaged(file: Path) -> Iterator[None]:
    """A damaged file is met with errors of many kinds; this one is clear."""
    try:
        yield
    except Exception as error:
        raise ValueError(
            f"{str(file)!r} cannot be read back ({type(error).__name__}: {error}), but a whole file "
            f"that fits what it was saved from is needed: build network, optimizer and scheduler "
            f"as they were, or use another folder to begin anew"
        ) from error


def _file(place: Path, name: str, part: Any) -> Path:
    """A state of nothing but tensors is safetensors; an optimizer's has numbers and lists too."""
    only_tensors = all(isinstance(value, Tensor) for value in part.state_dict().values())
    return place / (f"{name}.safetensors" if only_tensors else f"{name}.pt")


def _write(file: Path, part: Any) -> None:
    from accelerate.utils import recursively_apply
    from safetensors.torch import save_file

    state = part.state_dict()
    if file.suffix == ".pt":
        # A learning rate of NumPy's could be written, but would be refused when it is read.
        plain = recursively_apply(np.generic.item, state, test_type=_is_numpy_number)
        torch.save(plain, file)
        return
    # Shared weights are written twice, and those in another order of memory in the usual one.
    save_file(
        {k: weight.clone(memory_format=torch.contiguous_format) for k, weight in state.items()},
        file,
    )


def _is_numpy_number(thing: Any) -> bool:
    return isinstance(thing, np.generic)


def _read(file: Path) -> Any:
    from safetensors.torch import load_file

    if file.suffix == ".pt":
        return torch.load(file, map_location="cpu", weights_only=True)
    return load_file(file)


def _to_disk(path: Path) -> None:
    """Wait until the disk has what was written; Windows knows this for files only."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
