"""The recipe of the trained network, on a few small pictures."""

import importlib
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from conftest import ROOT, run_script
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from iip_lib.data import loaders
from iip_lib.models import backbone

SCRIPT = ROOT / "scripts" / "train_backbone.py"
script = importlib.import_module("train_backbone")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Three colours with noise, 60 pictures each to learn from, 10 to test with."""
    folder = tmp_path_factory.mktemp("photographs")
    generator = torch.Generator().manual_seed(0)
    for split, number in (("train", 60), ("test", 10)):
        for channel, name in enumerate(("blue", "green", "red")):
            (folder / split / name).mkdir(parents=True)
            for i in range(number):
                picture = torch.randint(200, (40, 50, 3), generator=generator, dtype=torch.uint8)
                picture[..., 2 - channel] += 50
                Image.fromarray(picture.numpy()).save(folder / split / name / f"{i}.jpg")
    return folder


# ---- what happens to pictures --------------------------------------------------------------------


def pictures(number=8):
    return torch.rand(number, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", script.CORRUPTIONS)
def test_a_corruption_keeps_shape_and_range_and_changes_something(name):
    x = pictures()
    changed = script.CORRUPTIONS[name](x.clone())
    assert changed.shape == x.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert torch.equal(changed, x) == (name == "none")


def test_corruptions_by_hand():
    x = pictures()
    torch.testing.assert_close(script.recoloured(x, light=0.5), x / 2)
    grey = script.recoloured(x, saturation=0.0)
    torch.testing.assert_close(grey, x.mean(dim=1, keepdim=True).expand_as(x))
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    torch.testing.assert_close(script.recoloured(x, contrast=0.5), (x + mean) / 2)
    noise = script.noisy(torch.full((4, 3, 64, 64), 0.5), 0.08) - 0.5
    assert noise.std() == pytest.approx(0.08, rel=0.03)
    dot = torch.zeros(1, 3, 9, 9)
    dot[..., 4, 4] = 1
    blurred = script.blurred(dot, 1.0)[0, 0]
    assert blurred[4, 5] / blurred[4, 4] == pytest.approx(torch.tensor(-0.5).exp().item(), rel=1e-4)
    errors = [(script.recompressed(x, quality) - x).abs().mean() for quality in (90, 50, 10)]
    assert 0 < errors[0] < errors[1] < errors[2]


def test_augmentation_moves_flips_and_spoils():
    """Each picture is a ramp: where it was moved to can be read from its values."""
    row = torch.arange(32.0).expand(32, 32) / 64
    x = torch.stack([row, row.T, row]).expand(400, -1, -1, -1)
    torch.manual_seed(0)
    changed = script.augmented(x.clone())
    assert changed.shape == x.shape
    assert 0 <= changed.min() <= changed.max() <= 1
    middle = changed[:, 0, 16, 12:20]  # a ramp, up or down
    steps = (middle.diff() * 64).round()
    plain = (steps == steps[:, :1]).all(dim=1) & (steps[:, 0].abs() == 1)
    flipped = (steps[:, 0] == -1)[plain].float().mean()
    assert 0.4 < flipped < 0.6
    exact = torch.isclose(middle * 64, (middle * 64).round(), atol=1e-4).all(dim=1)
    assert 0.5 < exact.float().mean() < 0.75  # six of ten are not made worse
    offsets = (changed[:, 1, 16, 16] * 64)[exact].round() - 16
    assert sorted(set(offsets.tolist())) == list(range(-4, 5))
    assert len({tuple(p) for p in middle.tolist()}) > 18


def test_pictures_stay_what_they_are():
    x = (pictures(10) * 255).round() / 255
    held = script.Pictures(DataLoader(TensorDataset(x, torch.arange(10)), 4), lambda images: images)
    images, labels = held.__getitems__([7, 2])
    torch.testing.assert_close(images, x[[7, 2]], rtol=0, atol=0)
    assert labels.tolist() == [7, 2]
    assert images.is_contiguous(memory_format=torch.channels_last)


# ---- the training --------------------------------------------------------------------------------


def first_losses(photographs, folder, monkeypatch, seed, number):
    """The losses of the first batches, of 4 pictures each."""
    losses = []

    class Enough(Exception):
        pass

    class Recorded(torch.nn.CrossEntropyLoss):
        def forward(self, outputs, targets):
            loss = super().forward(outputs, targets)
            if outputs.requires_grad:
                losses.append(loss.item())
            if len(losses) == number:
                raise Enough
            return loss

    found = loaders(photographs, 100, image_size=script.SIZE)
    with monkeypatch.context() as changed:
        changed.setattr(script, "BATCH_SIZE", 4)
        changed.setattr(script.nn, "CrossEntropyLoss", Recorded)
        with pytest.raises(Enough):
            script.train(found, epochs=30, seed=seed, folder=folder)
    return losses


def test_the_first_200_losses_follow_from_the_seed(photographs, tmp_path, monkeypatch):
    one, same, other = (
        first_losses(photographs, tmp_path / name, monkeypatch, seed, number)
        for name, seed, number in (("one", 3, 200), ("same", 3, 200), ("other", 4, 20))
    )
    assert len(one) == 200
    assert one == same
    assert len(set(one)) > 190
    assert not set(one) & set(other)


@pytest.mark.parametrize("pretrained", [False, True])
def test_it_begins_with_the_weights_of_the_book_where_it_is_asked_to(
    photographs, tmp_path, monkeypatch, pretrained
):
    asked = {}
    monkeypatch.setattr(script, "fit", lambda model, *_, **options: asked.update(options))
    found = loaders(photographs, 100, image_size=script.SIZE)
    model, _ = script.train(found, 30, 0, tmp_path, pretrained)
    ours, book = model.state_dict(), backbone().state_dict()
    layers = [name for name in book if name.endswith("weight") and not name.startswith("fc")]
    assert all(torch.equal(ours[n], book[n]) for n in layers) == pretrained
    assert ours["fc.weight"].shape == (3, 256)  # the classes are others
    assert ("pretrained" in asked["checkpoint"].name) == pretrained


def command(photographs, out, *arguments):
    return ["--data", str(photographs), "--out", str(out), "--epochs", "4", *arguments]


def epochs(text):
    """What was printed of each epoch, without its seconds."""
    lines = [line for line in text.splitlines() if line.startswith("epoch ")]
    return [line.rpartition(",")[0] for line in lines]


def killed_after(line, process):
    """Kill a program and its children in the epoch that follows a line of its output."""
    for printed in process.stdout:
        if printed.startswith(line):
            break
    else:
        pytest.fail(f"it ended before {line!r}: {process.wait()}")
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def started(command):
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def run_and_compare(prefix, photographs, tmp_path):
    """A run, and one that is killed in its third epoch and started again: all they wrote."""
    whole = subprocess.run(
        [*prefix, *command(photographs, tmp_path / "whole")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert whole.returncode == 0, whole.stdout + whole.stderr
    again = [*prefix, *command(photographs, tmp_path / "killed")]
    killed_after("epoch 2 of 4", started(again))
    resumed = subprocess.run(again, capture_output=True, text=True, check=False)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert len(epochs(whole.stdout)) == 4
    rest = epochs(resumed.stdout)
    assert 1 <= len(rest) <= 3
    assert rest == epochs(whole.stdout)[-len(rest) :]
    weights = [(tmp_path / n / "backbone.safetensors").read_bytes() for n in ("whole", "killed")]
    assert weights[0] == weights[1]
    return whole.stdout


def test_a_killed_training_goes_on_to_the_identical_end(photographs, tmp_path):
    text = run_and_compare([sys.executable, str(SCRIPT)], photographs, tmp_path)
    assert "pictures for testing" not in text
    assert text.count("18 pictures) |") == len(script.CORRUPTIONS)
    tested = run_script("train_backbone.py", *command(photographs, tmp_path / "whole", "--test"))
    assert tested.code == 0, tested.text
    assert epochs(tested.text) == []  # nothing is trained again
    of_test = tested.text.partition("pictures for testing")[2]
    assert "| none |" in of_test
    assert of_test.count("30 pictures)") == 1  # without any corruption: these are for one number


@pytest.mark.slow
def test_two_processes_train_and_go_on(photographs, tmp_path):
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    prefix = [*launch, "--num_processes", "2", str(SCRIPT)]
    text = run_and_compare(prefix, photographs, tmp_path)
    assert text.count("epoch 1 of 4") == 1  # one of them speaks
