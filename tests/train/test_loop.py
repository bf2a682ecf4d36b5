"""The number for this machine, and the loop: its numbers are those of a plain loop."""

import copy
import subprocess
import sys

import nbclient
import nbformat
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import Accuracy

from iip_lib.models import LeNet
from iip_lib.train import History, evaluate, fit, per_device, train_one_epoch


@pytest.fixture(autouse=True)
def no_choice(monkeypatch):
    monkeypatch.delenv("IIP_DEVICE", raising=False)


@pytest.mark.parametrize(("there", "number"), [(True, 40), (False, 4)])
def test_per_device_asks_for_an_accelerator(monkeypatch, there, number):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: there)
    assert per_device(cpu=4, gpu=40) == number


@pytest.mark.parametrize(("there", "number"), [(True, 40), (False, 4)])
def test_per_device_asks_for_cuda_in_an_older_torch(monkeypatch, there, number):
    monkeypatch.delattr(torch, "accelerator")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
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
    with pytest.raises(FloatingPointError, match=r"loss of batch 3 is nan, but a finite number"):
        fit(model, batches, optimizer=optimizer, epochs=2, on_epoch=seen.append)
    assert seen == []
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_refuses_an_optimizer_of_another_model():
    model, _, train, _ = toy()
    _, foreign, _, _ = toy()
    with pytest.raises(ValueError, match=r"holds no parameter of this model.*build it anew"):
        fit(model, train, optimizer=foreign, epochs=1)


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
    code = "import sys, iip_lib.train; print({'torchmetrics', 'torchvision'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")
