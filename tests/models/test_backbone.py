"""The trained network: its file, and whether it has learned anything."""

import hashlib
import re
import socket
import subprocess
import sys
import tarfile
import zipfile
from importlib import import_module

import pytest
import torch
from conftest import ROOT
from safetensors import safe_open
from torch.nn.functional import interpolate

from book import tracked
from iip_lib import explain
from iip_lib.data import photo
from iip_lib.models import CIFAR10_CLASSES, backbone

MODULE = sys.modules["iip_lib.models.backbone"]
FILE = ROOT / "iip_lib" / "models" / "backbone.safetensors"
CAT = CIFAR10_CLASSES.index("cat")


def small(picture, size=32):
    """A square picture as the network was trained with."""
    return interpolate(picture[None], (size, size), mode="bilinear", antialias=True)


def cat():
    return photo("chelsea")[:, :, 75:375]  # the middle of it, 300×300


# ---- the file ------------------------------------------------------------------------------------


def test_the_file_is_small_and_is_what_is_loaded():
    assert FILE.stat().st_size <= 10_000_000
    model = backbone()
    with safe_open(FILE, "pt") as file:
        assert set(file.keys()) == set(model.state_dict())
        for name, tensor in model.state_dict().items():
            assert torch.equal(tensor, file.get_tensor(name).to(tensor.dtype)), name
            assert tensor.dtype in (torch.float32, torch.int64), name


def test_the_card_is_the_card_of_this_file():
    card = (ROOT / "MODEL_CARD.md").read_text("utf-8")
    content = FILE.read_bytes()
    assert hashlib.sha256(content).hexdigest() in card
    assert f"{len(content):,} bytes" in card
    number = sum(p.numel() for p in backbone().parameters())
    assert f"{number:,} parameters" in card


def test_the_failures_in_the_card_are_those_of_this_file():
    card = (ROOT / "MODEL_CARD.md").read_text("utf-8")
    rows = import_module("model_card").answers()
    assert len(rows) == 8
    for name, image, label, probability in rows:
        assert image.shape == (3, 32, 32)
        said = re.search(rf"^\| {name} \| (\w+) \| (\d+)% \|$", card, re.M)
        assert said[1] == label
        assert abs(int(said[2]) - 100 * probability) < 1.5


@pytest.fixture
def changed(tmp_path, monkeypatch):
    """Load a file in place of the right one."""

    def load(content):
        path = tmp_path / "backbone.safetensors"
        if content is not None:
            path.write_bytes(content)
        monkeypatch.setattr(MODULE, "_WEIGHTS", path)
        return backbone()

    return load


def test_the_right_content_is_taken_from_anywhere(changed):
    assert changed(FILE.read_bytes()).fc.weight.shape == (10, 256)


def flip_a_bit(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage", [flip_a_bit, lambda content: content[:-1], lambda content: b"", lambda c: c + b"\0"]
)
def test_a_damaged_file_is_named_in_one_sentence(changed, damage):
    content = damage(FILE.read_bytes())
    with pytest.raises(ValueError, match="install iip_lib again") as caught:
        changed(content)
    message = str(caught.value)
    assert "backbone.safetensors" in message
    assert f"{len(content):,} bytes" in message
    assert re.fullmatch(r"[^\n]+", message)


def test_a_missing_file_is_named_in_one_sentence(changed):
    with pytest.raises(FileNotFoundError, match=r"no file .*backbone.*: install iip_lib again$"):
        changed(None)


def test_random_weights_need_no_file(changed, monkeypatch):
    monkeypatch.setattr(MODULE, "_WEIGHTS", None)
    assert backbone(pretrained=False).training


def test_no_network_is_needed(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("somebody asks the network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert backbone().fc.out_features == 10


def test_wheel_and_source_distribution_hold_the_weights_and_nothing_else_large(tmp_path):
    for name in tracked():
        if name.startswith("iip_lib/") or "/" not in name:
            copy = tmp_path / "source" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / name).read_bytes())
    program = "from setuptools import build_meta as b; b.build_sdist('..'); b.build_wheel('..')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path / "source",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,), (source,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as file:
        assert file.read("iip_lib/models/backbone.safetensors") == FILE.read_bytes()
        assert [i.filename for i in file.infolist() if i.file_size > 500_000] == [
            "iip_lib/models/backbone.safetensors"
        ]
    with tarfile.open(source) as file:
        large = [member for member in file if member.size > 500_000]
        assert [m.name.partition("/")[2] for m in large] == ["iip_lib/models/backbone.safetensors"]
        assert file.extractfile(large[0]).read() == FILE.read_bytes()


# ---- the network ---------------------------------------------------------------------------------


def test_it_comes_in_evaluation_mode_and_can_learn():
    model = backbone()
    assert not any(module.training for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"), [(32, 32, 4, 4), (96, 160, 12, 20)]
)
def test_larger_pictures_give_larger_maps(height, width, rows, columns):
    model, x = backbone(), torch.rand(2, 3, height, width)
    with torch.no_grad():
        assert model.forward_features(x).shape == (2, 256, rows, columns)
        assert model(x).shape == (2, 10)


@pytest.mark.parametrize("size", [32, 64])
def test_class_activation_maps_are_exact(size):
    model, x = backbone(), small(cat(), size)
    with torch.no_grad():
        maps = explain.cam(model.forward_features(x), model.fc.weight, CAT)
        logit = maps.mean(dim=(1, 2)) + model.fc.bias[CAT]
        torch.testing.assert_close(logit, model(x)[:, CAT], rtol=1e-5, atol=1e-5)


def test_another_number_of_classes_changes_the_last_layer_only():
    torch.manual_seed(0)
    one, other = backbone().state_dict(), backbone(3).state_dict()
    assert other["fc.weight"].shape == (3, 256)
    assert [name for name in one if not torch.equal(one[name], other[name])] == [
        "fc.weight",
        "fc.bias",
    ]
    with pytest.raises(ValueError, match="num_classes"):
        backbone(0)


def test_it_sees_the_cat():
    """Bundled, never seen in training. A network that guesses is right once in ten."""
    picture = cat()
    views = [
        picture,
        picture.flip(-1),
        picture * 0.7,
        picture[:, 20:280, 20:280],
        picture.mean(dim=0, keepdim=True).expand(3, -1, -1),
    ]
    with torch.no_grad():
        answers = backbone()(torch.cat([small(view) for view in views])).argmax(dim=1)
        guesses = backbone(pretrained=False).eval()(small(picture)).softmax(dim=1)
    assert answers.tolist() == [CAT] * len(views)
    assert guesses.max() < 0.9


def test_few_channels_are_dead():
    """Over pieces of photographs, nearly every channel of every stage is used somewhere."""
    pictures = [photo(name) for name in ("chelsea", "coffee", "rocket")]
    pieces = [p.unfold(1, 64, 64).unfold(2, 64, 64).flatten(1, 2).transpose(0, 1) for p in pictures]
    x = interpolate(torch.cat(pieces), (32, 32), mode="bilinear", antialias=True)
    model = backbone()
    layers = [name for name, _ in model.named_modules() if re.fullmatch(r"layer\d\.\d", name)]
    with torch.no_grad(), explain.record(model, *layers) as outputs:
        model(x)
    alive = torch.cat([outputs[name].amax(dim=(0, 2, 3)) > 0 for name in layers])
    assert len(alive) == 2 * (32 + 64 + 128 + 256)
    assert alive.float().mean() > 0.95
