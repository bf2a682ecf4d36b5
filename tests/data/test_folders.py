"""Pictures in folders: every file is looked at, and named where it is no picture."""

import os
import pickle
import warnings

import pytest
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.datasets import ImageFolder

from iip_lib.data import FolderDataset, read_image


def write(path, colour=(255, 0, 0), size=(12, 8), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)


@pytest.fixture
def flowers(tmp_path):
    """Two classes with three pictures each, each of another colour."""
    for c, name in enumerate(("daisy", "rose")):
        for i in range(3):
            write(tmp_path / "flowers" / name / f"{i}.png", (100 * c, 80 * i, 50))
    return tmp_path / "flowers"


def test_equals_torchvision(flowers):
    ours, twin = FolderDataset(flowers), ImageFolder(flowers)
    assert ours.classes == twin.classes == ["daisy", "rose"]
    assert [(str(f), y) for f, y in zip(ours.files, ours.labels, strict=True)] == twin.samples
    assert len(ours) == len(twin) == 6
    for (image, label), (other, same) in zip(ours, twin, strict=True):
        assert isinstance(image, tv_tensors.Image)
        assert label == same
        assert image.shape == (3, 8, 12)
        assert image.dtype == torch.uint8
        assert tuple(image[:, 0, 0].tolist()) == other.getpixel((0, 0))
    assert torch.equal(ours[-1][0], ours[5][0])


def test_a_picture_is_read_as_read_image_reads_it(flowers):
    exif = Image.Exif()
    exif[274] = 6  # turned by a quarter
    write(flowers / "daisy" / "turned.jpg", exif=exif.tobytes())
    Image.new("RGBA", (12, 8), (0, 0, 0, 0)).save(flowers / "daisy" / "clear.png")
    Image.new("I;16", (12, 8), 300).save(flowers / "daisy" / "deep.png")
    Image.new("L", (12, 8), 9).save(flowers / "daisy" / "grey.gif")
    dataset = FolderDataset(flowers)
    assert dataset.sizes == {(8, 12), (12, 8)}
    for (image, _), path in zip(dataset, dataset.files, strict=True):
        scaled = image if image.is_floating_point() else image / 255
        assert image.is_floating_point() == (path.name == "deep.png")
        assert torch.equal(scaled.as_subclass(torch.Tensor), read_image(path))


def test_a_suffix_says_nothing(flowers):
    (flowers / "rose" / "0.png").rename(flowers / "rose" / "0.HEIC")
    (flowers / "rose" / "1.png").rename(flowers / "rose" / "no suffix")
    assert len(FolderDataset(flowers)) == 6


def test_what_systems_leave_behind_is_passed_over(flowers):
    for name in (".DS_Store", "._0.png", "Thumbs.db", "desktop.ini"):
        (flowers / "rose" / name).write_bytes(b"no picture")
        (flowers / name).write_bytes(b"no picture")
    for name in (".ipynb_checkpoints", "__MACOSX"):
        (flowers / name).mkdir()
        (flowers / "rose" / name).mkdir()
    (flowers / "README.txt").write_text("beside the class folders")
    dataset = FolderDataset(flowers)
    assert dataset.classes == ["daisy", "rose"]
    assert len(dataset) == 6


def damage(path):
    path.write_bytes(path.read_bytes()[:-20])


def test_a_damaged_picture_is_named_when_the_dataset_is_built(flowers):
    damage(flowers / "rose" / "1.png")
    with pytest.raises(ValueError, match=r"1 of 6 files cannot .*rose.1\.png'\), but .*again"):
        FolderDataset(flowers)


def test_all_that_are_no_pictures_are_counted_and_five_are_named(flowers):
    for i in range(3):
        damage(flowers / "rose" / f"{i}.png")
        (flowers / "daisy" / f"{i}.txt").write_text("a text")
    (flowers / "daisy" / "z.png").touch()
    with pytest.raises(ValueError, match=r"7 of 10 files .* and 2 more\), but") as caught:
        FolderDataset(flowers)
    message = str(caught.value)
    assert [message.count(name) for name in ("0.txt", "2.txt", "z.png", "0.png", "2.png")] == [
        1,
        1,
        1,
        1,
        0,
    ]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_a_link_to_nowhere_is_named(flowers):
    (flowers / "rose" / "away.png").symlink_to(flowers / "nowhere.png")
    with pytest.raises(ValueError, match=r"1 of 7 files .*away\.png"):
        FolderDataset(flowers)


def test_a_picture_damaged_later_is_named_too(flowers):
    dataset = FolderDataset(flowers)
    damage(dataset.files[4])
    with pytest.raises(ValueError, match=r"1\.png' cannot be read as a picture"):
        dataset[4]


def test_wrong_folders(flowers, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*leaves'.*look into '"):
        FolderDataset(tmp_path / "leaves")
    with pytest.raises(ValueError, match=r"0\.png' is a file, but a folder .*unpack"):
        FolderDataset(flowers / "rose" / "0.png")
    with pytest.raises(ValueError, match=r"rose' holds no folder, but one folder for each class"):
        FolderDataset(flowers / "rose")
    with pytest.raises(ValueError, match=r"flowers' holds folders \('daisy', 'rose'\), but its"):
        FolderDataset(tmp_path)
    (flowers / "tulip").mkdir()
    (flowers / "tulip" / ".DS_Store").touch()
    with pytest.raises(ValueError, match=r"class folder .*tulip' is empty, but .*remove it"):
        FolderDataset(flowers)


def test_the_filters_of_warnings_are_left_as_found(flowers):
    before = list(warnings.filters)
    FolderDataset(flowers)[0]
    assert warnings.filters == before


def test_it_travels_to_workers(flowers):
    dataset = FolderDataset(flowers)
    copy = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(copy[3][0], dataset[3][0])
    assert copy.classes == dataset.classes
