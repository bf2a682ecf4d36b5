"""Loaders: right pictures in right parts, in an order that can be repeated."""

import hashlib
import pickle
import random
import socket
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import SequentialSampler
from torchvision import datasets

from iip_lib.data import Loaders, ShapesDataset, TexturesDataset, collate, loaders
from iip_lib.train import fit

SPLITS = ("train", "val", "test")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("no network in tests")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def folder(tmp_path):
    """Two classes with ten pictures each, every picture of another colour, 12×8."""
    for label, name in enumerate(("day", "night")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(10):
            image = Image.new("RGB", (12, 8), (25 * i, 120 * label, 7))
            image.save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path / "photos"


def everything(loader):
    """All pictures and labels of one epoch."""
    pairs = list(loader)
    return torch.cat([images for images, _ in pairs]), torch.cat([labels for _, labels in pairs])


def fingerprints(loader):
    """The pictures of one epoch as bytes, in their order."""
    return [image.numpy().tobytes() for image in everything(loader)[0]]


# ---- the embedded sets ---------------------------------------------------------------------------


def test_digits_are_those_of_sklearn():
    found = loaders("digits", 50)
    assert found.classes == list("0123456789")
    digits = load_digits()
    known = {}
    for image, target in zip(digits.images, digits.target, strict=True):
        known[(image / 16).astype(np.float32).tobytes()] = target
    seen = []
    for split in SPLITS:
        images, labels = everything(getattr(found, split))
        assert images.shape[1:] == (1, 8, 8)
        assert images.dtype == torch.float32
        assert labels.dtype == torch.int64
        keys = [image.numpy().tobytes() for image in images]
        assert [known[key] for key in keys] == labels.tolist()
        seen += keys
    assert sorted(seen) == sorted(known)  # each in one part, once
    assert len(seen) == 1797


def test_shares_of_each_class():
    found = loaders("digits", 50, val_fraction=0.25, test_fraction=0.2)
    labels = [everything(loader)[1] for loader in found[:3]]
    assert [len(part) for part in labels] == [1078, 360, 359]
    shares = torch.stack([part.bincount() / len(part) for part in labels])
    assert (shares.max(dim=0).values - shares.min(dim=0).values).max() < 0.004


def test_the_seed_decides_validation_and_order_but_not_the_test_pictures():
    one, same, other = (loaders("digits", 50, seed=seed) for seed in (3, 3, 2**40))
    for split in SPLITS:
        assert fingerprints(getattr(one, split)) == fingerprints(getattr(same, split))
    assert fingerprints(one.train) == fingerprints(same.train)  # the second epoch, too
    assert fingerprints(one.test) == fingerprints(other.test)
    assert set(fingerprints(one.val)) != set(fingerprints(other.val))


def test_only_the_training_pictures_change_their_order():
    found = loaders("digits", 50)
    first, second = fingerprints(found.train), fingerprints(found.train)
    assert first != second
    assert sorted(first) == sorted(second)
    assert fingerprints(found.val) == fingerprints(found.val)
    assert isinstance(found.val.sampler, SequentialSampler)
    assert isinstance(found.test.sampler, SequentialSampler)


def test_textures_keep_their_parts():
    found = loaders("textures", 100)
    assert found.classes == list(TexturesDataset.classes)
    for split in SPLITS:
        images, labels = everything(getattr(found, split))
        dataset = TexturesDataset(split)
        order = labels.argsort(stable=True) if split != "train" else ...
        assert len(images) == len(dataset)
        if split != "train":
            assert torch.equal(images[order], dataset.images)
        else:
            assert sorted(image.numpy().tobytes() for image in images) == sorted(
                image.numpy().tobytes() for image in dataset.images
            )


@pytest.mark.parametrize("task", ["classify", "segment", "detect", "pose"])
def test_shapes(task):
    found = loaders("shapes", 4, task=task, image_size=32)
    assert [len(loader.dataset) for loader in found[:3]] == [1620, 180, 200]
    images, targets = next(iter(found.test))
    dataset = ShapesDataset(2000, task=task, image_size=32)
    assert found.classes == dataset.classes
    indices = found.test.dataset.dataset.indices[:4]
    assert len(images) == len(targets) == 4
    for index, image, target in zip(indices, images, targets, strict=True):
        expected, truth = dataset[int(index)]
        assert type(image) is torch.Tensor
        assert torch.equal(image, expected.as_subclass(torch.Tensor))
        if task in ("classify", "segment"):
            assert torch.equal(target, torch.as_tensor(truth))
            assert target.dtype == torch.int64
        else:
            assert target.keys() == truth.keys()
            assert all(type(target[k]) is torch.Tensor for k in target)
            assert all(torch.equal(target[k], torch.as_tensor(truth[k])) for k in target)


def test_scenes_are_in_one_part():
    found = loaders("shapes", 4)
    parts = [set(loader.dataset.dataset.indices.tolist()) for loader in found[:3]]
    assert set.union(*parts) == set(range(2000))
    assert sum(map(len, parts)) == 2000


def test_collate():
    batch = [(torch.zeros(3, 4, 4), {"boxes": torch.zeros(n, 4)}) for n in (0, 2, 1)]
    images, targets = collate(batch)
    assert [image.shape for image in images] == [(3, 4, 4)] * 3
    assert [len(target["boxes"]) for target in targets] == [0, 2, 1]


# ---- changes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["digits", "textures"])
def test_image_size(name):
    for loader in loaders(name, 16, image_size=20)[:3]:
        images, _ = next(iter(loader))
        assert images.shape == (16, 1, 20, 20)
        assert 0 <= images.min() < images.max() <= 1


def test_a_picture_is_resized_by_its_shorter_side_and_cut_in_the_middle(folder):
    """12×8 → 6×4 → 4×4: two columns at each side are cut off, and here they are white."""
    for name in ("day", "night"):
        for path in (folder / name).iterdir():
            pixels = np.zeros((8, 12), dtype=np.uint8)
            pixels[:, [0, 1, -2, -1]] = 255
            Image.fromarray(pixels).save(path)
    images, _ = next(iter(loaders(folder, 2, image_size=4).val))
    assert images.shape == (2, 3, 4, 4)
    assert images.max() < 0.2
    torch.testing.assert_close(images, images.flip(-1))


SETS = ("digits", "textures", "shapes", "folder")


@pytest.mark.parametrize("name", SETS)
def test_only_the_training_pictures_are_augmented(name, folder):
    source = folder if name == "folder" else name
    plain, changed = (loaders(source, 8, image_size=16, augment=a) for a in (False, True))
    for split in ("val", "test"):
        one, other = (next(iter(getattr(found, split)))[0] for found in (plain, changed))
        assert torch.equal(one, other)
        assert torch.equal(next(iter(getattr(changed, split)))[0], other)
    one, other = (next(iter(found.train))[0] for found in (plain, changed))
    assert one.shape == other.shape
    if name != "folder":  # its pictures have one colour
        assert not torch.equal(one, other)
    assert other.min() >= 0
    assert other.max() <= 1


@pytest.mark.parametrize("name", SETS)
def test_augmentation_follows_from_the_two_seeds(name, folder):
    train = loaders(folder if name == "folder" else name, 8, image_size=16, augment=True).train
    numbers, state = np.random.get_state()[1].copy(), random.getstate()

    def batch(seed, order=5):
        """As `fit` seeds an epoch."""
        train.generator.manual_seed(order)
        torch.manual_seed(seed)
        return next(iter(train))[0]

    assert torch.equal(batch(1), batch(1))
    if name != "folder":
        assert not torch.equal(batch(1), batch(2))
    assert not torch.equal(batch(1), batch(1, order=6))
    assert np.array_equal(np.random.get_state()[1], numbers)
    assert random.getstate() == state


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_with_workers(num_workers):
    train = loaders("textures", 8, augment=True, num_workers=num_workers).train
    batches = []
    for _ in range(2):
        train.generator.manual_seed(5)
        torch.manual_seed(1)
        images, labels = next(iter(train))
        assert type(images) is torch.Tensor
        batches.append((images, labels))
    assert torch.equal(batches[0][0], batches[1][0])
    assert torch.equal(batches[0][1], batches[1][1])
    plain = loaders("textures", 8).train
    plain.generator.manual_seed(5)
    assert torch.equal(next(iter(plain))[1], batches[0][1])  # workers do not change the order


def test_iterating_leaves_the_global_random_numbers():
    found = loaders("digits", 50)
    before = torch.get_rng_state()
    for loader in found[:3]:
        next(iter(loader))
    assert torch.equal(torch.get_rng_state(), before)


def changes_of(name, image, **options):
    """A picture, augmented often."""
    train = loaders(name, 8, augment=True, **options).train
    return torch.stack([train.dataset.transforms(image, 0)[0] for _ in range(60)])


def test_digits_are_never_flipped():
    """A bar in the upper left stays there."""
    image = torch.zeros(1, 16, 16)
    image[:, 2:6, 2:6] = 1
    changed = changes_of("digits", image, image_size=16)
    y, x = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    mass = changed.sum(dim=(1, 2, 3))
    for axis in (x, y):
        centres = (changed[:, 0] * axis).sum(dim=(1, 2)) / mass
        assert centres.max() < 7
        assert centres.std() > 0.3  # but moved


def test_photographs_of_a_folder_are_mirrored_and_cropped(folder):
    """Dark left, light right, and never upside down: rows stay equal."""
    image = torch.linspace(0, 1, 12).expand(3, 8, 12)
    changed = changes_of(folder, image)
    assert changed.shape == (60, 3, 8, 12)
    left, right = changed[..., 0].mean(dim=(1, 2)), changed[..., -1].mean(dim=(1, 2))
    assert 10 < (left > right).sum() < 50
    assert len((right - left).abs().unique()) > 5  # cut out at several scales
    torch.testing.assert_close(changed[:, :, :1].expand_as(changed), changed)


def test_figures_are_not_flipped_and_other_shapes_are():
    """Light comes from above and from the left; only its strength may change."""
    image = torch.linspace(0.2, 0.6, 64).expand(3, 64, 64).contiguous()
    image = (image + image.mT) / 2
    for task, flipped in (("pose", False), ("classify", True)):
        changed = changes_of("shapes", image, task=task)
        across = changed[..., -1].mean(dim=(1, 2)) < changed[..., 0].mean(dim=(1, 2))
        down = changed[..., -1, :].mean(dim=(1, 2)) < changed[..., 0, :].mean(dim=(1, 2))
        for turned in (across, down):
            assert (10 < turned.sum() < 50) if flipped else not turned.any()
        assert len(changed.mean(dim=(1, 2, 3)).unique()) > 20


def test_they_train_a_network():
    torch.manual_seed(0)
    found = loaders("digits", 64, augment=True)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    history = fit(model, found.train, found.val, optimizer=optimizer, epochs=3)
    assert history["val_loss"][-1] < 0.9 < history["train_loss"][0]


# ---- folders -------------------------------------------------------------------------------------


def test_a_folder_of_classes(folder):
    found = loaders(str(folder), 4)
    assert isinstance(found, Loaders)
    assert found.classes == ["day", "night"]
    seen = []
    for split, count in (("train", 16), ("val", 2), ("test", 2)):
        images, labels = everything(getattr(found, split))
        assert images.shape == (count, 3, 8, 12)
        assert labels.bincount().tolist() == [count / 2] * 2
        torch.testing.assert_close(images[:, 1, 0, 0], labels * 120 / 255)
        seen += [(round(255 * r.item()), y.item()) for r, y in zip(images[:, 0, 0, 0], labels)]  # noqa: B905
    assert sorted(seen) == sorted((25 * i, y) for i in range(10) for y in (0, 1))


@pytest.mark.parametrize("own", [("train",), ("train", "val"), ("train", "test"), SPLITS])
def test_a_folder_with_parts(tmp_path, folder, own):
    """What a folder has stays together; what it has not is taken from what is to train with."""
    for split in own:
        for name in ("day", "night"):
            (tmp_path / "all" / split / name).mkdir(parents=True)
    for path in folder.rglob("*.png"):
        i = int(path.stem)
        split = own[min(max(i - 7, 0), len(own) - 1)]
        path.rename(tmp_path / "all" / split / path.parent.name / path.name)
    (tmp_path / "all" / "README.txt").touch()
    found = loaders(tmp_path / "all", 4)
    seen = []
    for split in SPLITS:
        images, _ = everything(getattr(found, split))
        files = {round(255 * value.item()) // 25 for value in images[:, 0, 0, 0]}
        seen += [round(255 * v.item()) for v in images[:, 0, 0, 0]]
        if split in own[1:]:
            assert files == ({8} if own.index(split) == 1 else {9}) | (
                {9} if len(own) == 2 else set()
            )
    assert sorted(seen) == sorted([25 * i for i in range(10)] * 2)


def test_a_class_may_be_called_train(tmp_path):
    for name in ("bus", "train"):
        (tmp_path / name).mkdir()
        for i in range(5):
            Image.new("L", (4, 4), i).save(tmp_path / name / f"{i}.png")
    assert loaders(tmp_path, 2).classes == ["bus", "train"]


def test_a_path_is_a_folder_even_with_the_name_of_a_set(folder, monkeypatch):
    folder.rename(folder.parent / "digits")
    monkeypatch.chdir(folder.parent)
    assert loaders(Path("digits"), 4).classes == ["day", "night"]
    assert len(loaders("digits", 4).classes) == 10


def test_pictures_of_several_sizes_need_image_size(folder):
    Image.new("RGB", (30, 20)).save(folder / "day" / "0.png")
    with pytest.raises(ValueError, match=r"2 sizes, from 12×8 to 30×20 .*try image_size=224"):
        loaders(folder, 4)
    assert everything(loaders(folder, 4, image_size=5).train)[0].shape[2:] == (5, 5)


def test_wrong_folders(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no set and no folder 'cats': choose one of dig"):
        loaders("cats", 4)
    with pytest.raises(FileNotFoundError, match=r"no folder 'cats', but one with pictures"):
        loaders(Path("cats"), 4)
    (folder / "day" / "3.png").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"1 of 20 files .*day.3\.png"):
        loaders(folder, 4)
    for split, name in (("train", "a"), ("train", "b"), ("val", "a")):
        (tmp_path / "all" / split / name).mkdir(parents=True)
        Image.new("L", (4, 4)).save(tmp_path / "all" / split / name / "0.png")
    with pytest.raises(ValueError, match=r"val' and .*train' differ in the class folders \['b'\]"):
        loaders(tmp_path / "all", 4)
    (tmp_path / "all" / "valid").mkdir()
    with pytest.raises(ValueError, match=r"holds 'valid' beside 'train', but parts are called"):
        loaders(tmp_path / "all", 4)


def test_too_few_pictures(folder):
    for path in list((folder / "night").iterdir())[:9]:
        path.unlink()
    with pytest.raises(ValueError, match=r"2 of 11 pictures cannot be set aside.*add pictures"):
        loaders(folder, 4)


# ---- torchvision's sets --------------------------------------------------------------------------


def write_cifar10(root, monkeypatch):
    """Ten pictures in the files of CIFAR-10; torchvision is told their checksums."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)

    def write(name, content):
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        return hashlib.md5(data).hexdigest()

    rng = np.random.default_rng(0)
    names = [f"data_batch_{i}" for i in range(1, 6)]
    pixels = {n: rng.integers(0, 256, (4, 3072), dtype=np.uint8) for n in [*names, "test_batch"]}
    sums = {n: write(n, {"data": pixels[n], "labels": [0, 1, 0, 1]}) for n in pixels}
    meta = {"label_names": ["airplane", "automobile"]}
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [[n, sums[n]] for n in names])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setitem(datasets.CIFAR10.meta, "md5", write("batches.meta", meta))
    return pixels["test_batch"].reshape(4, 3, 32, 32)


def write_fashion_mnist(root, monkeypatch):
    folder = root / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, count in (("train", 20), ("t10k", 4)):
        pixels = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        header = struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        labels = bytes(i % 2 for i in range(count))
        header = struct.pack(">4BI", 0, 0, 8, 1, count)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(header + labels)
    monkeypatch.setattr(datasets.FashionMNIST, "classes", ["Trouser", "Bag"])
    return pixels[:, None]


@pytest.mark.parametrize(
    ("name", "write", "classes"),
    [
        ("cifar10", write_cifar10, ["airplane", "automobile"]),
        ("fashion_mnist", write_fashion_mnist, ["Trouser", "Bag"]),
    ],
)
def test_sets_of_torchvision(tmp_path, monkeypatch, name, write, classes):
    pixels = write(tmp_path, monkeypatch)
    found = loaders(name, 4, root=tmp_path, val_fraction=0.2)
    assert found.classes == classes
    assert [len(loader.dataset) for loader in found[:3]] == [16, 4, 4]
    images, labels = everything(found.test)
    torch.testing.assert_close(images, torch.from_numpy(pixels) / 255)
    assert labels.tolist() == [0, 1, 0, 1]
    assert labels.dtype == torch.int64
    changed = loaders(name, 4, root=tmp_path, val_fraction=0.2, augment=True, image_size=20)
    assert everything(changed.train)[0].shape[-2:] == (20, 20)


@pytest.mark.parametrize("name", ["cifar10", "fashion_mnist"])
def test_a_set_that_cannot_be_downloaded(tmp_path, name):
    with pytest.raises(OSError, match=rf"{name} is not in '.*' and could not .*digits, shapes"):
        loaders(name, 4, root=tmp_path)


def test_a_damaged_set_is_downloaded_again(tmp_path, monkeypatch):
    write_cifar10(tmp_path, monkeypatch)
    (tmp_path / "cifar-10-batches-py" / "data_batch_2").write_bytes(b"damaged")
    with pytest.raises(OSError, match=r"cifar10 is not in .*no network in tests"):
        loaders("cifar10", 4, root=tmp_path)


# ---- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, r"batch_size is 0, but a whole number of at least 1 is needed"),
        ({"batch_size": 2.0}, r"batch_size is 2\.0"),
        ({"image_size": 0}, r"image_size is 0, but .* try image_size=1"),
        ({"image_size": (8, 8)}, r"image_size is \(8, 8\), but a whole number"),
        ({"seed": -1}, r"seed is -1, but a whole number of at least 0"),
        ({"num_workers": True}, r"num_workers is True"),
        ({"val_fraction": 0}, r"val_fraction is 0, but a share above 0 and below 1"),
        ({"test_fraction": 1.0}, r"test_fraction is 1\.0"),
        ({"val_fraction": float("nan")}, r"val_fraction is nan"),
        ({"task": "detect"}, r"task is 'detect' and the set 'digits', but only shapes"),
        ({"name": "shapes", "task": "count"}, r"there is no task 'count'"),
        ({"val_fraction": 0.9999}, r"cannot be set aside"),
    ],
)
def test_refuses_what_is_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        loaders(**{"name": "digits", "batch_size": 4, **options})


def test_a_name_of_another_kind():
    with pytest.raises(TypeError):
        loaders(3, 4)
