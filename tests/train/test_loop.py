"""The number for this machine, and the loop: its numbers are those of a plain loop."""

import copy
import itertools
import subprocess
import sys

import nbclient
import nbformat
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import Accuracy, HammingDistance, MeanMetric, MetricCollection

from iip_lib.models import LeNet
from iip_lib.train import (
    History,
    evaluate,
    fast_precision,
    fit,
    per_device,
    train_one_epoch,
)
from iip_lib.train.loop import _sums


@pytest.fixture(autouse=True)
def no_choice(monkeypatch):
    monkeypatch.delenv("IIP_DEVICE", raising=False)


@pytest.mark.parametrize(("there", "number"), [(True, 40), (False, 4)])
def test_per_device_asks_for_an_accelerator(monkeypatch, there, number):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: there)
    assert per_device(cpu=4, gpu=40) == number


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(("device", "number"), [("gpu", 40), ("cpu", 4)])
def test_per_device_obeys_the_environment(monkeypatch, there, device, number):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: there)
    monkeypatch.setenv("IIP_DEVICE", device)
    assert per_device(cpu=4, gpu=40) == number


@pytest.mark.parametrize("device", ["tpu", "GPU", ""])
def test_per_device_refuses_another_device(monkeypatch, device):
    monkeypatch.setenv("IIP_DEVICE", device)
    with pytest.raises(ValueError, match=f"IIP_DEVICE is '{device}', but cpu or gpu is needed"):
        per_device(cpu=4, gpu=40)


@pytest.mark.parametrize(
    ("there", "known", "precision"),
    [
        (True, {}, "bf16"),
        (False, {"avx2": True, "avx512_bf16": True}, "bf16"),
        (False, {"neon": True, "bf16": True}, "bf16"),
        (False, {"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, "no"),
    ],
)
def test_fast_precision_asks_the_machine(monkeypatch, there, known, precision):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: there)
    # an older torch has no such function
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    assert fast_precision() == precision


def test_fast_precision_in_a_torch_that_cannot_tell(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert fast_precision() == "no"


def test_per_device_wants_both_numbers_by_name():
    with pytest.raises(TypeError, match="positional"):
        per_device(4, 40)


# ---- the loop ------------------------------------------------------------------------------------


def toy(seed=0, classes=3, number=30, batch_size=8):
    """A model, an optimizer and loaders; three noisy clouds of points to be told apart."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(number) % classes
    points = 3 * torch.eye(classes)[targets] + torch.randn(number, classes, generator=generator)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(classes, 8), nn.ReLU(), nn.Linear(8, classes))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    data = TensorDataset(points, targets)
    train = DataLoader(data, batch_size, shuffle=True, generator=generator)
    return model, optimizer, train, DataLoader(data, 7)


ACCURACY = {"accuracy": Accuracy("multiclass", num_classes=3)}


def without_seconds(history):
    return [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in history.epochs]


def plain_loop(model, optimizer, train, val, epochs):
    """What fit does, in the fewest words."""
    lines = []
    for _ in range(epochs):
        total = 0.0
        for x, y in train:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        with torch.no_grad():
            x, y = val.dataset.tensors
            val_loss, right = F.cross_entropy(model(x), y).item(), (model(x).argmax(1) == y)
        lines.append((total / len(train.dataset), val_loss, right.float().mean().item()))
    return lines


def test_fit_equals_a_plain_loop():
    model, optimizer, train, val = toy()
    history = fit(model, train, val, optimizer=optimizer, epochs=4, metrics=ACCURACY)
    twin, *rest = toy()
    expected = torch.tensor(plain_loop(twin, *rest, epochs=4))
    keys = ("train_loss", "val_loss", "val_accuracy")
    found = torch.tensor([[epoch[key] for key in keys] for epoch in history.epochs])
    torch.testing.assert_close(found, expected)
    for one, other in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one.data.cpu(), other.data)


def test_fit_learns():
    model, optimizer, train, val = toy()
    history = fit(model, train, val, optimizer=optimizer, epochs=30, metrics=ACCURACY)
    assert history["train_loss"][-1] < 0.3 * history["train_loss"][0]
    assert history["val_accuracy"][-1] > 0.9


def test_fit_learns_one_batch_by_heart():
    torch.manual_seed(0)
    batch = (torch.rand(8, 1, 32, 32), torch.arange(8) % 4)
    model = LeNet(num_classes=4)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    history = fit(model, [batch], [batch], optimizer=optimizer, epochs=150)
    assert history["val_loss"][-1] < 0.05


def test_same_seed_same_history():
    runs = []
    for seed in (0, 0, 1):
        model, optimizer, train, val = toy(seed)
        runs.append(without_seconds(fit(model, train, val, optimizer=optimizer, epochs=3)))
    assert runs[0] == runs[1] != runs[2]


def test_a_training_can_be_continued():
    model, optimizer, train, val = toy()
    parts = [fit(model, train, val, optimizer=optimizer, epochs=n) for n in (1, 2)]
    whole, optimizer, train, val = toy()
    expected = fit(whole, train, val, optimizer=optimizer, epochs=3)
    found = parts[0]["val_loss"] + parts[1]["val_loss"]
    assert found == pytest.approx(expected["val_loss"])


def test_history_is_a_list_of_dicts_of_plain_numbers():
    model, optimizer, train, val = toy()
    history = fit(model, train, val, optimizer=optimizer, epochs=2, metrics=ACCURACY)
    assert isinstance(history, History)
    for number, epoch in enumerate(history.epochs, 1):
        assert list(epoch) == ["epoch", "train_loss", "val_loss", "val_accuracy", "seconds"]
        assert epoch["epoch"] == number
        assert all(type(value) in (int, float) for value in epoch.values())
        assert epoch["seconds"] > 0
    model, optimizer, train, _ = toy()
    assert list(fit(model, train, optimizer=optimizer, epochs=1).epochs[0]) == [
        "epoch",
        "train_loss",
        "seconds",
    ]
    assert History().epochs == []
    with pytest.raises(KeyError):
        history["test_loss"]


def test_on_epoch_is_given_each_epoch():
    seen = []
    model, optimizer, train, val = toy()
    history = fit(model, train, val, optimizer=optimizer, epochs=3, on_epoch=seen.append)
    assert seen == history.epochs


@pytest.mark.parametrize("classify", [True, False])
def test_loss_and_accuracy_are_means_over_pictures_not_over_batches(classify):
    model, _, _, val = toy()
    x, y = val.dataset.tensors
    assert len(x) % val.batch_size  # the last batch is smaller
    outputs = model(x)
    if classify:
        measured = evaluate(model, val, metrics=ACCURACY)
        assert measured["loss"] == pytest.approx(F.cross_entropy(outputs, y).item(), rel=1e-5)
        right = (outputs.argmax(1) == y).float().mean().item()
        assert measured["accuracy"] == pytest.approx(right)
    else:
        assert evaluate(model, val, loss_fn=None) == {}
        assert list(evaluate(model, val, loss_fn=None, metrics=ACCURACY)) == ["accuracy"]


def test_another_loss_and_lists_of_pictures():
    class Detectorlike(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, images):
            return torch.stack([self.scale * image.mean() for image in images])

    batches = [([torch.ones(1, 4, 4), torch.ones(1, 5, 3)], torch.zeros(2))]
    model = Detectorlike()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    history = fit(model, batches, batches, optimizer=optimizer, epochs=2, loss_fn=F.mse_loss)
    assert history["train_loss"] == pytest.approx([1.0, 0.64])  # the slope of s² is 2 s


def test_dicts_of_inputs_and_the_size_of_their_batches():
    class Two(nn.Linear):
        def forward(self, inputs):
            return super().forward(inputs["image"] * inputs["mask"])

    x, y = torch.rand(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    model, mask = Two(3, 3), torch.ones(6, 3)
    batches = [({"image": x[i], "mask": mask[i]}, y[i]) for i in (slice(0, 5), slice(5, 6))]
    loss = F.cross_entropy(model({"image": x, "mask": mask}), y).item()
    assert evaluate(model, batches)["loss"] == pytest.approx(loss)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-9)
    assert train_one_epoch(model, batches, optimizer)["loss"] == pytest.approx(loss)


def test_a_collection_of_metrics():
    model, optimizer, train, val = toy()
    metrics = MetricCollection(ACCURACY)
    history = fit(
        model,
        train,
        val,
        optimizer=optimizer,
        epochs=3,
        metrics=metrics,
        patience=3,
        monitor="val_accuracy",
    )
    accuracies = history["val_accuracy"]
    assert history.best_epoch == 1 + accuracies.index(max(accuracies))


def modes(model):
    return [part.training for part in model.modules()]


def frozen_norm():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    model[1].eval()
    return model


@pytest.mark.parametrize("prepare", [nn.Module.train, nn.Module.eval])
def test_modes_are_given_back(prepare):
    _, _, train, val = toy()
    seen = []
    for model in (prepare(frozen_norm()), frozen_norm()):
        before = modes(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model.register_forward_hook(lambda part, *_: seen.append(part.training))
        evaluate(model, val)
        assert modes(model) == before
        assert not any(seen)
        fit(model, train, val, optimizer=optimizer, epochs=1)
        assert modes(model) == before
        assert any(seen)
        seen.clear()
        with pytest.raises(ZeroDivisionError):
            evaluate(model, val, loss_fn=lambda *_: 1 / 0)
        assert modes(model) == before


def test_a_part_that_alone_is_in_evaluation_mode_stays_so():
    _, _, train, _ = toy()
    model = frozen_norm()
    mean = model[1].running_mean.clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train_one_epoch(model, train, optimizer)
    assert torch.equal(model[1].running_mean, mean)
    model.eval()
    train_one_epoch(model, train, optimizer)
    assert model[1].training
    assert not torch.equal(model[1].running_mean, mean)


def test_evaluate_changes_nothing():
    model, _, _, val = toy()
    before = copy.deepcopy(model.state_dict())
    metrics = {"accuracy": Accuracy("multiclass", num_classes=3)}
    first = evaluate(model, val, metrics=metrics)
    assert evaluate(model, val, metrics=metrics) == first
    assert not metrics["accuracy"].update_called
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert torch.is_grad_enabled()


def test_what_a_metric_has_seen_before_does_not_count():
    model, _, _, val = toy()
    fresh = evaluate(model, val, metrics=ACCURACY)
    used = Accuracy("multiclass", num_classes=3)
    used.update(torch.eye(3), torch.tensor([1, 2, 0]))
    assert evaluate(model, val, metrics={"accuracy": used}) == fresh
    assert used.compute() == 0


def test_many_pictures_of_few_bits_are_counted_right():
    """In bfloat16, 256 and 1 are 256."""
    outputs = torch.zeros(100, 2, dtype=torch.bfloat16)
    batches = [(outputs, torch.zeros(100, dtype=torch.int64))] * 5
    assert evaluate(nn.Identity(), batches)["loss"] == pytest.approx(0.6931, abs=2e-3)
    assert evaluate(nn.Identity(), [*batches, (outputs[:1] + 8, torch.zeros(1).long())])["loss"] < 1


def test_a_forward_of_ones_own_stays():
    model, optimizer, train, _ = toy()
    own = model.forward = model.forward
    for precision in (None, "bf16"):
        fit(model, train, optimizer=optimizer, epochs=1, precision=precision)
        assert model.forward is own


def test_model_and_optimizer_come_home():
    model, optimizer, train, val = toy()
    fit(model, train, val, optimizer=optimizer, epochs=1)
    tensors = [*model.parameters(), *(s["momentum_buffer"] for s in optimizer.state.values())]
    assert {tensor.device.type for tensor in tensors} == {"cpu"}
    assert "forward" not in vars(model)
    assert type(optimizer) is torch.optim.SGD
    train_one_epoch(model, train, optimizer)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_at_once(bad):
    model, optimizer, train, _ = toy()
    batches = list(train)
    batches[2][0][0, 0] = bad
    seen = []
    message = r"epoch 1, training: the loss of batch 3 is nan, but a finite number is needed"
    with pytest.raises(FloatingPointError, match=message):
        fit(model, batches, optimizer=optimizer, epochs=2, on_epoch=seen.append)
    assert seen == []
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_a_validation_loss_that_is_not_finite_stops_too():
    model, optimizer, train, val = toy()
    batches = list(val)
    batches[1][0][0, 0] = float("nan")
    message = r"epoch 1, validation: the loss of batch 2 is nan, but a finite number is needed"
    with pytest.raises(FloatingPointError, match=message):
        fit(model, train, batches, optimizer=optimizer, epochs=2)


# ---- a loss of several parts ---------------------------------------------------------------------


def in_parts(outputs, targets):
    loss = F.cross_entropy(outputs, targets)
    return {"class": 0.75 * loss, "box": 0.25 * loss}


def test_parts_of_a_loss_are_added_and_remembered():
    model, optimizer, train, val = toy()
    expected = fit(model, train, val, optimizer=optimizer, epochs=2)
    model, optimizer, train, val = toy()
    history = fit(model, train, val, optimizer=optimizer, epochs=2, loss_fn=in_parts)
    for name in ("train_loss", "val_loss"):
        assert history[name] == pytest.approx(expected[name])
    for prefix in ("train", "val"):
        whole = torch.tensor(history[f"{prefix}_loss"])
        torch.testing.assert_close(torch.tensor(history[f"{prefix}_class"]), 0.75 * whole)
        torch.testing.assert_close(torch.tensor(history[f"{prefix}_box"]), 0.25 * whole)


def test_the_part_that_is_not_finite_is_named():
    model, optimizer, train, val = toy()
    calls = []

    def loss_fn(outputs, targets):
        calls.append(outputs)
        worse = float("inf") if len(calls) == 6 else 1.0  # an epoch has 4 batches and 5
        return in_parts(outputs, targets) | {"mask": outputs.mean() * 0 + worse}

    message = r"epoch 1, validation: the part 'mask' of the loss of batch 2 is inf, but a finite"
    with pytest.raises(FloatingPointError, match=message):
        fit(model, train, val, optimizer=optimizer, epochs=2, loss_fn=loss_fn)


@pytest.mark.parametrize(
    ("loss_fn", "error", "message"),
    [
        (lambda *_: 1.5, TypeError, "'loss' is of type float, but a tensor with a gradient"),
        (lambda o, t: F.cross_entropy(o, t, reduction="none"), ValueError, r"shape \(8,\), but a"),
        (lambda o, t: {"class": o}, ValueError, r"'class' has shape \(8, 3\), but a single number"),
        (lambda o, t: {}, ValueError, r"parts of the loss are \[\], but at least one is needed"),
        (lambda o, t: {"loss": o.mean(), "box": o.mean()}, ValueError, "is the name of their sum"),
    ],
)
def test_refuses_what_is_no_loss(loss_fn, error, message):
    model, optimizer, train, _ = toy()
    with pytest.raises(error, match=message):
        fit(model, train, optimizer=optimizer, epochs=1, loss_fn=loss_fn)


# ---- schedules -----------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule_by", ["epoch", "batch"])
def test_a_schedule_goes_as_in_a_plain_loop(schedule_by):
    model, optimizer, train, _ = toy()
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    history = fit(
        model,
        train,
        optimizer=optimizer,
        epochs=3,
        scheduler=scheduler,
        schedule_by=schedule_by,
    )
    twin, optimizer, train, _ = toy()
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    rates = []
    for _ in range(3):
        rates.append(optimizer.param_groups[0]["lr"])
        for x, y in train:
            optimizer.zero_grad()
            F.cross_entropy(twin(x), y).backward()
            optimizer.step()
            if schedule_by == "batch":
                scheduler.step()
        if schedule_by == "epoch":
            scheduler.step()
    assert history["lr"] == pytest.approx(rates)
    assert rates[2] == pytest.approx(0.1 * 0.9 ** (2 if schedule_by == "epoch" else 8))
    for one, other in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one.data.cpu(), other.data)


def test_a_plateau_is_seen_in_the_number_that_is_monitored():
    model, optimizer, train, val = toy()
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
    numbers = iter([3.0, 3.0, 2.0, 2.0])

    def loss_fn(outputs, targets):
        loss = F.cross_entropy(outputs, targets)
        return loss if outputs.requires_grad else loss * 0 + next(numbers)

    batches = [next(iter(val))]
    history = fit(
        model,
        train,
        batches,
        optimizer=optimizer,
        epochs=4,
        loss_fn=loss_fn,
        scheduler=scheduler,
    )
    assert history["val_loss"] == [3, 3, 2, 2]
    assert history["lr"] == [0.1, 0.1, 0.05, 0.05]


def test_refuses_a_schedule_that_would_move_nothing():
    model, optimizer, train, val = toy()
    other = torch.optim.SGD(model.parameters(), lr=0.1)
    step = torch.optim.lr_scheduler.StepLR(other, 1)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    for arguments, message in (
        ({"scheduler": step}, "scheduler belongs to another optimizer, .* build it anew"),
        ({"scheduler": plateau, "schedule_by": "batch"}, "ReduceLROnPlateau reads a number of the"),
        ({"schedule_by": "step"}, "schedule_by is 'step', but a scheduler goes on after each"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(model, train, val, optimizer=optimizer, epochs=1, **arguments)
    with pytest.raises(ValueError, match="monitor is 'val_loss', but nothing is validated: give a"):
        fit(model, train, optimizer=optimizer, epochs=1, scheduler=plateau)


# ---- early stopping ------------------------------------------------------------------------------


def stopped(losses, patience, epochs=10, **arguments):
    """A training whose validation losses are given; the weights after each epoch too."""
    model, optimizer, train, val = toy()
    losses = iter(losses)

    def loss_fn(outputs, targets):
        loss = F.cross_entropy(outputs, targets)
        return loss if outputs.requires_grad else loss * 0 + next(losses)

    weights = []
    history = fit(
        model,
        train,
        [next(iter(val))],
        optimizer=optimizer,
        epochs=epochs,
        loss_fn=loss_fn,
        patience=patience,
        on_epoch=lambda _: weights.append(copy.deepcopy(model.state_dict())),
        **arguments,
    )
    return history, weights, model.state_dict()


def same(one, other):
    return all(torch.equal(one[name].cpu(), other[name].cpu()) for name in other)


@pytest.mark.parametrize(
    ("losses", "patience", "epochs", "best"),
    [
        ([5, 4, 3, 4, 4, 1], 2, 5, 3),  # the last one is never seen
        ([5, 4, 3, 4, 2, 3, 3], 2, 7, 5),
        ([5, 5, 5], 2, 3, 1),  # as good is not better
        ([5, 6], 1, 2, 1),
        ([9, 8, 7, 6, 5, 4, 3, 2, 1, 0], 1, 10, 10),
    ],
)
def test_early_stopping_gives_back_the_best_weights(losses, patience, epochs, best):
    history, weights, final = stopped(losses, patience)
    assert (len(history.epochs), history.best_epoch) == (epochs, best)
    assert same(weights[best - 1], final)
    assert not same(weights[best - 2], final)


def test_without_patience_the_last_weights_stay():
    history, weights, final = stopped([5, 4, 6], None, epochs=3)
    assert history.best_epoch is None
    assert same(weights[2], final)


def test_a_metric_says_itself_which_way_is_better():
    model, optimizer, train, val = toy()
    history = fit(
        model,
        train,
        val,
        optimizer=optimizer,
        epochs=6,
        metrics=ACCURACY,
        patience=6,
        monitor="val_accuracy",
    )
    accuracies = history["val_accuracy"]
    assert len(set(accuracies)) > 1
    assert history.best_epoch == 1 + accuracies.index(max(accuracies))


def test_a_metric_of_which_less_is_better():
    model, optimizer, train, val = toy()
    history = fit(
        model,
        train,
        val,
        optimizer=optimizer,
        epochs=4,
        metrics={"errors": HammingDistance("multiclass", num_classes=3)},
        patience=4,
        monitor="val_errors",
    )
    errors = history["val_errors"]
    assert errors[0] == max(errors) > min(errors)
    assert history.best_epoch == 1 + errors.index(min(errors))


def test_best_weights_of_a_network_that_holds_on_to_its_features():
    """Such a network cannot be copied whole."""

    class Keeps(nn.Linear):
        def forward(self, x):
            self.features = super().forward(x)
            return self.features

    _, _, train, val = toy()
    model = Keeps(3, 3)
    model(torch.rand(2, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    history = fit(model, train, val, optimizer=optimizer, epochs=2, patience=2)
    assert evaluate(model, val)["loss"] == pytest.approx(min(history["val_loss"]))


def test_best_is_the_first_of_equals_and_never_nan():
    history = History([{"epoch": i, "x": x} for i, x in enumerate([float("nan"), 3, 1, 1], 1)])
    assert history.best("x") == 3
    assert history.best("x", higher_is_better=True) == 2


def test_refuses_what_cannot_be_monitored():
    several = {"accuracy": Accuracy("multiclass", num_classes=3, average=None)}
    model, optimizer, train, val = toy()
    for arguments, message in (
        ({"monitor": "val_f1"}, "monitor is 'val_f1', but a single number .* choose one of train"),
        (
            {"monitor": "val_accuracy", "metrics": several},
            "monitor is 'val_accuracy', but a single",
        ),
        ({"monitor": "val_mean", "metrics": {"mean": MeanMetric()}}, "MeanMetric does not say"),
        ({"monitor": "epoch"}, "monitor is 'epoch', but a name that begins with train_ or val_"),
        ({"patience": 0}, "patience is 0, but a whole number of at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(model, train, val, optimizer=optimizer, epochs=1, **{"patience": 1} | arguments)
    with pytest.raises(ValueError, match=r"nothing is validated: give a val_loader, or try"):
        fit(model, train, optimizer=optimizer, epochs=1, patience=1)
    history = fit(model, train, optimizer=optimizer, epochs=1, patience=1, monitor="train_loss")
    assert history.best_epoch == 1


# ---- precision -----------------------------------------------------------------------------------


def test_mixed_precision_is_that_of_autocast_and_leaves_nothing_behind():
    model, optimizer, train, _ = toy()
    batches = list(train)
    history = fit(model, batches, optimizer=optimizer, epochs=1, precision="bf16")
    twin, optimizer, _, _ = toy()
    total = 0.0
    for x, y in batches:
        with torch.autocast("cpu", torch.bfloat16):
            outputs = twin(x)
        assert outputs.dtype == torch.bfloat16
        loss = F.cross_entropy(outputs.float(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x) / 30
    if not torch.accelerator.is_available():
        assert history["train_loss"] == pytest.approx([total])
        assert same(model.state_dict(), twin.state_dict())
    assert not {"forward", "_original_forward"} & set(vars(model))
    assert model(x.to(next(model.parameters()).device)).dtype == torch.float32
    # The next training of the same program may have another precision.
    plain, optimizer, _, _ = toy()
    other = fit(plain, batches, optimizer=optimizer, epochs=1)
    assert other["train_loss"] != history["train_loss"]
    copy.deepcopy(model)


def test_refuses_half_precision_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    model, optimizer, train, _ = toy()
    with pytest.raises(
        ValueError, match=r'precision is "fp16", but a GPU is needed for it: try precision="bf16"'
    ):
        fit(model, train, optimizer=optimizer, epochs=1, precision="fp16")


def test_refuses_a_precision_that_does_not_exist():
    model, optimizer, train, _ = toy()
    with pytest.raises(ValueError, match=r"half"):
        fit(model, train, optimizer=optimizer, epochs=1, precision="half")
    fit(model, train, optimizer=optimizer, epochs=1)


def test_refuses_an_optimizer_of_another_model():
    model, _, train, _ = toy()
    _, foreign, _, _ = toy()
    with pytest.raises(ValueError, match=r"holds no parameter of this model.*build it anew"):
        fit(model, train, optimizer=foreign, epochs=1)


def test_refuses_an_optimizer_of_a_part_that_was_replaced():
    model, optimizer, train, _ = toy()
    model[2] = nn.Linear(8, 3)
    with pytest.raises(ValueError, match=r"no longer those of this model, and not all of those"):
        fit(model, train, optimizer=optimizer, epochs=1)
    for parameter in model[2].parameters():  # on purpose, then
        parameter.requires_grad_(False)
    fit(model, train, optimizer=optimizer, epochs=1)


def test_refuses_what_cannot_learn():
    model, optimizer, train, _ = toy()
    closure = torch.optim.LBFGS(model.parameters())
    with pytest.raises(ValueError, match=r"LBFGS asks for the loss several times .* try torch"):
        fit(model, train, optimizer=closure, epochs=1)
    model.requires_grad_(False)
    with pytest.raises(ValueError, match=r"the loss has no gradient, .* all parameters are frozen"):
        fit(model, train, optimizer=optimizer, epochs=1)


def test_refuses_names_that_are_not_clear():
    model, optimizer, train, val = toy()
    with pytest.raises(ValueError, match=r"\['loss'\] are names of losses and of metrics, but"):
        evaluate(model, val, metrics={"loss": Accuracy("multiclass", num_classes=3)})
    orders = itertools.cycle([1, -1])

    def loss_fn(outputs, targets):
        parts = in_parts(outputs, targets)
        return dict(list(parts.items())[:: next(orders)])

    message = r"losses of a batch are \['loss', 'box', 'class'\], but those of the one before were"
    with pytest.raises(ValueError, match=message):
        fit(model, train, optimizer=optimizer, epochs=1, loss_fn=loss_fn)


def test_a_mean_loss_holds_no_graph():
    """Else each epoch would keep all that its batches went through."""
    losses = _sums({"loss": torch.ones((), requires_grad=True) * 2}, 3)
    assert losses.tolist() == [3, 6]
    assert not losses.requires_grad


@pytest.mark.parametrize("epochs", [0, -1, 1.5, "3", None, True])
def test_refuses_epochs_that_are_no_number_of_epochs(epochs):
    model, optimizer, train, _ = toy()
    with pytest.raises(ValueError, match=r"epochs is .*, but a whole number of at least 1"):
        fit(model, train, optimizer=optimizer, epochs=epochs)


def test_refuses_loaders_without_a_batch():
    model, optimizer, train, _ = toy()
    for call in (
        lambda: fit(model, [], optimizer=optimizer, epochs=1),
        lambda: fit(model, train, [], optimizer=optimizer, epochs=1),
        lambda: fit(model, iter(train), optimizer=optimizer, epochs=2),
        lambda: evaluate(model, []),
        lambda: train_one_epoch(model, [], optimizer),
    ):
        with pytest.raises(ValueError, match="gives no batch"):
            call()


# ---- what is seen --------------------------------------------------------------------------------


def test_the_bar_goes_away_and_nothing_is_printed(capsys):
    model, optimizer, train, val = toy()
    fit(model, train, val, optimizer=optimizer, epochs=2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "%|" in err  # it was there
    assert err.rpartition("\r")[2].strip() == ""
    assert err.split("\r")[-2].strip() == ""


def test_in_a_notebook_only_stderr_is_written():
    """The book leaves out stderr; a widget would stay in the page as an empty frame."""
    source = "\n".join(
        [
            "import torch",
            "from iip_lib.train import fit",
            "model = torch.nn.Linear(2, 2)",
            "batches = [(torch.eye(2), torch.tensor([0, 1]))] * 20",
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)",
            "history = fit(model, batches, batches, optimizer=optimizer, epochs=2)",
        ]
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    assert {output.get("name") for output in outputs} == {"stderr"}
    text = "".join(output["text"] for output in outputs)
    assert "%|" in text
    assert "Warning" not in text


def test_the_import_is_quick_and_silent():
    """Packages that take seconds to load are loaded when a training begins."""
    heavy = {"accelerate", "safetensors", "torchmetrics", "torchvision"}
    code = f"import sys, iip_lib.train; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")
