"""A training that was stopped, however it was stopped, and that goes on."""

import ast
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, Dataset, IterableDataset

import iip_lib
from iip_lib.train import Checkpoint, fit

CHILD = Path(__file__).with_name("child.py")


def run_child(folder, *options):
    """Its exit status; negative is the signal that ended it."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, CHILD, folder, *options], capture_output=True, timeout=300, check=False
    )
    return done.returncode


def result(folder, process=0):
    """The history, without seconds, and the weights."""
    path = folder / f"result-{process}"
    return json.loads(path.with_suffix(".json").read_text()), load_file(f"{path}.safetensors")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_killed_three_times_and_resumed_a_training_is_the_same(tmp_path):
    assert run_child(tmp_path / "whole", "--norm", "--no-checkpoint") == 0
    expected, weights = result(tmp_path / "whole")
    assert len(expected[0]) == 4

    killed = tmp_path / "killed"
    checkpoint = killed / "checkpoint"
    # An epoch has 3 batches to train on and 5 to measure on: the 10th call is in the second epoch.
    assert run_child(killed, "--norm", "--kill-at-batch=10") == -9
    assert names(checkpoint) == ["epoch-0001"]
    assert run_child(killed, "--norm", "--kill-in-save=1") == -9  # of its own first epoch
    assert names(checkpoint) == ["epoch-0001", "half-written"]
    assert run_child(killed, "--norm", "--kill-in-removal=2") == -9
    assert names(checkpoint) == ["epoch-0002", "epoch-0003"]
    assert not list(killed.glob("result*"))
    assert run_child(killed, "--norm") == 0
    assert names(checkpoint) == ["epoch-0004"]

    found, resumed = result(killed)
    assert found == expected
    assert all(torch.equal(resumed[name], weights[name]) for name in weights)


class Noisy(Dataset):
    """Pictures that are drawn anew each time, with the random numbers of three libraries."""

    def __len__(self):
        return 11

    def __getitem__(self, i):
        noise = torch.rand(3) + np.random.rand() + random.random()
        return noise + i % 2, i % 2


def toy(**options):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return model, DataLoader(Noisy(), 4, shuffle=True, **options), optimizer


def without_seconds(history):
    return [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in history.epochs]


def train(epochs, folder=None, make_scheduler=None, loader=None, **arguments):
    """A new program would build everything anew; so does this."""
    model, own_loader, optimizer = toy()
    scheduler = make_scheduler and make_scheduler(optimizer)
    history = fit(
        model,
        own_loader if loader is None else loader,
        [(torch.eye(3), torch.tensor([0, 1, 0]))],
        optimizer=optimizer,
        epochs=epochs,
        scheduler=scheduler,
        checkpoint=folder,
        **{"seed": 0} | arguments,
    )
    return history, model.state_dict()


def assert_same(one, other):
    assert without_seconds(one[0]) == without_seconds(other[0])
    assert one[0].best_epoch == other[0].best_epoch
    assert all(torch.equal(one[1][name], other[1][name]) for name in other[1])


SCHEDULERS = {
    "none": None,
    "step": lambda o: lr_scheduler.StepLR(o, 2, 0.5),
    "steps": lambda o: lr_scheduler.MultiStepLR(o, [1, 3], 0.5),
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, 0.8),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 5),
    "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2),
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=10),
    "plateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0, factor=0.5),
    "warm-up, then cosine": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1, 1, 2), lr_scheduler.CosineAnnealingLR(o, 3)], [2]
    ),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_schedule_goes_on_where_it_was(tmp_path, name):
    make = SCHEDULERS[name]
    expected = train(5, None, make)
    train(2, tmp_path, make)
    assert_same(train(5, tmp_path, make), expected)
    if make is not None and name != "plateau":
        assert len(set(expected[0]["lr"])) > 1


class Interrupted:
    """cross_entropy that at its n-th call is what a key press is."""

    def __init__(self, call):
        self.left = call

    def __call__(self, outputs, targets):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return nn.functional.cross_entropy(outputs, targets)


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("call", [2, 11])
def test_a_cell_that_was_interrupted_is_run_again_with_what_is_there(tmp_path, name, call):
    """An epoch has 3 batches to train on and 1 to measure on: call 2 is in the first epoch."""
    make = SCHEDULERS[name]
    model, loader, optimizer = toy()
    arguments = {
        "optimizer": optimizer,
        "scheduler": make and make(optimizer),
        "epochs": 5,
        "patience": 5,
        "seed": 0,
        "checkpoint": tmp_path,
    }
    val = [(torch.eye(3), torch.tensor([0, 1, 0]))]
    with pytest.raises(KeyboardInterrupt):
        fit(model, loader, val, loss_fn=Interrupted(call), **arguments)
    history = fit(model, loader, val, **arguments)
    assert_same((history, model.state_dict()), train(5, None, make, patience=5))


def test_a_loss_with_weights_of_its_own_goes_on(tmp_path):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, outputs, targets):
            return nn.functional.cross_entropy(self.scale * outputs, targets)

    runs = []
    for folder, epochs in ((None, 3), (tmp_path, 1), (tmp_path, 3)):
        model, loader, _ = toy()
        loss_fn = Scaled()
        optimizer = torch.optim.SGD([*model.parameters(), loss_fn.scale], lr=0.1)
        history = fit(
            model,
            loader,
            optimizer=optimizer,
            epochs=epochs,
            loss_fn=loss_fn,
            seed=0,
            checkpoint=folder,
        )
        runs.append((history, model.state_dict() | loss_fn.state_dict()))
    assert_same(runs[2], runs[0])
    assert runs[0][1]["scale"] != 1


def test_what_on_epoch_adds_is_kept(tmp_path):
    def add(epoch):
        epoch["note"] = epoch["epoch"] * 10

    train(1, tmp_path, on_epoch=add)
    history, _ = train(2, tmp_path, on_epoch=add)
    assert history["note"] == [10, 20]


def test_best_weights_are_kept_over_a_stop(tmp_path):
    losses = iter([3.0, 1.0, 2.0, 2.0, 2.0, 2.0] * 3)
    # The validation loss of an epoch is the next of these; the training loss is what it is.
    measured = {"loss_fn": lambda outputs, targets: _loss(outputs, targets, losses)}
    expected = train(6, None, patience=3, **measured)
    assert expected[0].best_epoch == 2
    assert len(expected[0].epochs) == 5  # 2 + patience
    losses = iter([3.0, 1.0, 2.0, 2.0, 2.0, 2.0])
    train(3, tmp_path, patience=3, **measured)
    assert (tmp_path / "epoch-0003" / "best.safetensors").exists()
    assert_same(train(6, tmp_path, patience=3, **measured), expected)
    # It is over; to run the program once more changes nothing.
    assert_same(train(6, tmp_path, patience=3, **measured), expected)


def _loss(outputs, targets, losses):
    loss = nn.functional.cross_entropy(outputs, targets)
    return loss if outputs.requires_grad else loss * 0 + next(losses)


@pytest.mark.parametrize("persistent", [True, False])
def test_random_pictures_of_workers_are_drawn_anew(tmp_path, persistent):
    def loader():
        return DataLoader(Noisy(), 4, shuffle=True, num_workers=2, persistent_workers=persistent)

    expected = train(3, None, loader=loader())
    train(1, tmp_path, loader=loader())
    assert_same(train(3, tmp_path, loader=loader()), expected)


def test_a_generator_of_the_loader_is_seeded_too(tmp_path):
    def loader():
        generator = torch.Generator()
        generator.seed()  # another one in each program
        generators.append((generator, generator.get_state()))
        return DataLoader(Noisy(), 4, shuffle=True, generator=generator)

    generators = []

    expected = train(3, None, loader=loader())
    train(1, tmp_path, loader=loader())
    assert_same(train(3, tmp_path, loader=loader()), expected)
    assert all(torch.equal(generator.get_state(), state) for generator, state in generators)


# ---- seeds ---------------------------------------------------------------------------------------


def test_seed_decides_and_leaves_random_numbers_as_they_were():
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    expected = [random.random(), np.random.rand(), torch.rand(1).item()]
    _, loader, _ = toy()
    runs = []
    for seed in (0, 0, 1):
        model, _, optimizer = toy()
        random.seed(5), np.random.seed(5), torch.manual_seed(5)
        runs.append(without_seconds(fit(model, loader, optimizer=optimizer, epochs=2, seed=seed)))
        assert [random.random(), np.random.rand(), torch.rand(1).item()] == expected
    assert runs[0] == runs[1] != runs[2]
    assert runs[0][0]["train_loss"] != runs[0][1]["train_loss"]


def test_each_epoch_has_other_random_numbers():
    draws = []

    def loss_fn(outputs, targets):
        draws.append((torch.rand(1).item(), np.random.rand(), random.random()))
        return nn.functional.cross_entropy(outputs, targets)

    batches = [(torch.rand(4, 3), torch.tensor([0, 1, 0, 1]))]
    for _ in range(2):
        model, _, optimizer = toy()
        fit(model, batches, optimizer=optimizer, epochs=2, loss_fn=loss_fn, seed=0)
    assert draws[:2] == draws[2:]
    assert all(one != other for one, other in zip(draws[0], draws[1], strict=True))


def test_each_epoch_has_another_order_and_every_picture():
    seen = []

    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 2)

        def forward(self, x):
            seen.extend(x[:, 0].tolist())
            return self.layer(x)

    data = [(torch.tensor([float(i)]), i % 2) for i in range(10)]
    model = Watched()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    fit(model, DataLoader(data, 4, shuffle=True), optimizer=optimizer, epochs=2, seed=3)
    first, second = seen[:10], seen[10:]
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    seen.clear()
    fit(model, DataLoader(data, 4), optimizer=optimizer, epochs=1, seed=3)
    assert seen == list(range(10))  # without shuffle the order is that of the data set


class Stream(IterableDataset):
    def __iter__(self):
        return iter([(torch.rand(3), i % 2) for i in range(8)])


@pytest.mark.parametrize(
    "loader",
    [
        DataLoader(Stream(), 4),
        DataLoader([(torch.rand(4, 3), torch.tensor([0, 1, 0, 1]))], batch_size=None),
        [(torch.rand(4, 3), torch.tensor([0, 1, 0, 1]))],
    ],
)
def test_other_loaders_are_read_as_they_are(tmp_path, loader):
    expected = train(3, None, loader=loader)
    train(1, tmp_path, loader=loader)
    assert_same(train(3, tmp_path, loader=loader), expected)


# ---- refusals ------------------------------------------------------------------------------------


def test_refuses_to_go_on_with_another_training(tmp_path):
    def step(optimizer):
        return lr_scheduler.StepLR(optimizer, 2)

    train(2, tmp_path, step)
    for arguments, message in (
        ({"seed": 1}, "has seed 0, but this one has 1: build everything as it was"),
        ({"make_scheduler": None}, "has scheduler 'StepLR by epoch', but this one has None"),
        ({"schedule_by": "batch"}, "has scheduler 'StepLR by epoch', .* has 'StepLR by batch'"),
        ({"precision": "bf16"}, "has precision 'no', but this one has 'bf16'"),
        ({"patience": 2}, "has best epoch by None, but this one has 'val_loss'"),
    ):
        with pytest.raises(ValueError, match=message):
            train(3, tmp_path, **{"make_scheduler": step} | arguments)
    with pytest.raises(ValueError, match=r"has 2 epochs, but 1 are wanted: ask for as many"):
        train(1, tmp_path, step)
    model, loader, _ = toy()
    for optimizer, message in (
        (torch.optim.SGD(model.parameters(), lr=0.01), "has optimizer 'Adam', but .* 'SGD'"),
        (
            torch.optim.Adam(model.parameters(), lr=0.02),
            r"has optimizer's lr 0.01, but this one has 0.02",
        ),
    ):
        before = model[0].weight.clone()
        with pytest.raises(ValueError, match=message):
            fit(
                model,
                loader,
                optimizer=optimizer,
                scheduler=step(optimizer),
                epochs=3,
                seed=0,
                checkpoint=tmp_path,
            )
        assert torch.equal(model[0].weight, before)


def test_refuses_a_checkpoint_without_a_seed(tmp_path):
    with pytest.raises(ValueError, match="seed is None, but a whole number of at least 0"):
        train(1, tmp_path, seed=None)


@pytest.mark.parametrize("seed", [-1, 0.5, "0", True])
def test_refuses_what_is_no_seed(seed):
    with pytest.raises(ValueError, match=r"seed is .*, but a whole number of at least 0 is needed"):
        train(1, None, seed=seed)


# ---- the folder ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        (file, damage)
        for file in ("model.safetensors", "optimizer.pt", "record.json")
        for damage in ("cut", "empty", "changed", "missing")
        if (file, damage) != ("record.json", "missing")  # such a folder is no state
    ],
)
def test_a_damaged_file_is_named(tmp_path, file, damage):
    model, _, optimizer = toy()
    Checkpoint(tmp_path, model=model, optimizer=optimizer).save(1, {"note": "x" * 40})
    path = tmp_path / "epoch-0001" / file
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        new = {"cut": content[: len(content) // 2], "empty": b"", "changed": b"\0" + content[1:]}
        path.write_bytes(new[damage])
    with pytest.raises(ValueError, match=rf"(?s){file}' cannot be read back .*, but a whole file"):
        Checkpoint(tmp_path, model=model, optimizer=optimizer).load()


def test_weights_of_another_network_are_refused(tmp_path):
    Checkpoint(tmp_path, model=nn.Linear(2, 3)).save(1, {})
    with pytest.raises(ValueError, match=r"model.safetensors' cannot be read back \(RuntimeError"):
        Checkpoint(tmp_path, model=nn.Linear(2, 4)).load()


def test_a_pickle_that_runs_a_program_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "it ran"),)

    model, _, optimizer = toy()
    Checkpoint(tmp_path, model=model, optimizer=optimizer).save(1, {})
    torch.save(Evil(), tmp_path / "epoch-0001" / "optimizer.pt")
    with pytest.raises(ValueError, match=r"optimizer.pt' cannot be read back"):
        Checkpoint(tmp_path, model=model, optimizer=optimizer).load()
    assert names(tmp_path) == ["epoch-0001"]


def test_nothing_is_unpickled_without_weights_only():
    for path in Path(iip_lib.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                assert ast.unparse(node).endswith("weights_only=True)"), path
            assert not (isinstance(node, ast.Import) and "pickle" in ast.unparse(node)), path


def full_disk(state, path):
    path.write_bytes(b"half")
    raise OSError("No space left on device")


def test_an_error_while_writing_leaves_the_last_state(tmp_path, monkeypatch):
    model, _, optimizer = toy()
    checkpoint = Checkpoint(tmp_path, model=model, optimizer=optimizer)
    checkpoint.save(1, {"note": 1})
    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full_disk)
        with pytest.raises(OSError, match="No space left"):
            checkpoint.save(2, {"note": 2})
    assert checkpoint.load() == {"note": 1}
    checkpoint.save(2, {"note": 2})
    assert checkpoint.load() == {"note": 2}
    assert names(tmp_path) == ["epoch-0002"]


def test_a_state_with_more_than_tensors_is_kept_too(tmp_path):
    class Counts(nn.Linear):
        calls = 0

        def get_extra_state(self):
            return {"calls": self.calls}

        def set_extra_state(self, state):
            self.calls = state["calls"]

    model, copy = Counts(2, 2), Counts(2, 2)
    model.calls = 5
    Checkpoint(tmp_path, model=model).save(1, {})
    Checkpoint(tmp_path, model=copy).load()
    assert copy.calls == 5
    assert torch.equal(copy.weight, model.weight)


def test_of_two_complete_states_the_last_one_counts(tmp_path):
    model = nn.Linear(2, 2)
    checkpoint = Checkpoint(tmp_path, model=model)
    checkpoint.save(9, {"note": "before"})
    (tmp_path / "epoch-0009").rename(tmp_path / "kept")
    nn.init.constant_(model.weight, 7.0)
    checkpoint.save(10, {"note": "after"})
    (tmp_path / "kept").rename(tmp_path / "epoch-0009")  # as if its removal had been stopped
    nn.init.zeros_(model.weight)
    assert checkpoint.record() == checkpoint.load() == {"note": "after"}
    assert (model.weight == 7).all()
    checkpoint.save(11, {})
    assert names(tmp_path) == ["epoch-0011"]


def test_a_learning_rate_of_numpys_goes_on(tmp_path):
    runs = []
    for folder, epochs in ((None, 3), (tmp_path, 1), (tmp_path, 3)):
        model, loader, _ = toy()
        optimizer = torch.optim.SGD(model.parameters(), lr=np.logspace(-3, -1, 3)[1])
        scheduler = lr_scheduler.MultiStepLR(optimizer, [1, 2])
        history = fit(
            model,
            loader,
            optimizer=optimizer,
            scheduler=scheduler,
            epochs=epochs,
            seed=0,
            checkpoint=folder,
        )
        runs.append((history, model.state_dict()))
    assert_same(runs[2], runs[0])


def test_nothing_is_changed_by_a_state_that_is_damaged_in_part(tmp_path):
    model, _, optimizer = toy()
    Checkpoint(tmp_path, model=model, optimizer=optimizer).save(1, {})
    (tmp_path / "epoch-0001" / "optimizer.pt").write_bytes(b"")
    nn.init.zeros_(model[0].weight)
    with pytest.raises(ValueError, match=r"optimizer.pt' cannot be read back"):
        Checkpoint(tmp_path, model=model, optimizer=optimizer).load()
    assert (model[0].weight == 0).all()


def test_an_epoch_is_saved_once(tmp_path):
    checkpoint = Checkpoint(tmp_path, model=nn.Linear(2, 2))
    checkpoint.save(3, {})
    for epoch in (2, 3):
        with pytest.raises(ValueError, match=f"epoch {epoch} is to be saved .* epoch 3 is there"):
            checkpoint.save(epoch, {})


def test_other_things_in_the_folder_stay(tmp_path):
    (tmp_path / "epoch-of-mine").mkdir()
    (tmp_path / "epoch-2024").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    checkpoint = Checkpoint(tmp_path, model=nn.Linear(2, 2))
    assert checkpoint.load() is None
    with pytest.raises(ValueError, match=r"epoch-2024' is there already, but it is no state of a"):
        checkpoint.save(2024, {})
    checkpoint.save(1, {})
    checkpoint.save(2, {})
    assert names(tmp_path) == ["epoch-0002", "epoch-2024", "epoch-of-mine", "notes.txt"]


def test_shared_and_strided_weights_come_back(tmp_path):
    def tied():
        first = nn.Conv2d(3, 4, 3)
        second = nn.Conv2d(3, 4, 3)
        second.weight = first.weight
        return nn.ModuleList([first, second]).to(memory_format=torch.channels_last)

    model, copy = tied(), tied()
    Checkpoint(tmp_path, model=model).save(1, {})
    Checkpoint(tmp_path, model=copy).load()
    assert torch.equal(copy[1].weight, model[0].weight)
    assert copy[0].weight is copy[1].weight
    assert copy[0].weight.is_contiguous(memory_format=torch.channels_last)
