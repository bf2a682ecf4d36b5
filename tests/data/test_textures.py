"""Patches of photographs: cut where they say, from parts that share no pixel."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torchvision import tv_tensors

from iip_lib.data import TexturesDataset, photo

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def splits():
    return {split: TexturesDataset(split) for split in SPLITS}


def pixels_of(dataset, label):
    """(H, W): how many patches of a class hold each pixel of its photograph."""
    seen = torch.zeros(photo(dataset.classes[label]).shape[1:], dtype=torch.int64)
    for row, column in dataset.corners[dataset.labels == label].tolist():
        seen[row : row + 32, column : column + 32] += 1
    return seen


@pytest.mark.parametrize("label", range(5))
def test_no_pixel_is_in_two_splits(splits, label):
    seen = torch.stack([pixels_of(splits[split], label) > 0 for split in SPLITS])
    assert seen.sum(dim=0).max() == 1
    for used, share in zip(seen, (0.6, 0.2, 0.2), strict=True):  # and each split is used
        assert used.float().mean() > 0.3 * share


@pytest.mark.parametrize("split", SPLITS)
def test_a_patch_is_what_is_at_its_corner(splits, split):
    """Up to the one scale and shift of its photograph, wherever nothing was cut off."""
    dataset = splits[split]
    for label, name in enumerate(dataset.classes):
        picture = photo(name).mean(dim=0)
        here = (dataset.labels == label).nonzero()[:, 0].tolist()
        there = [picture[r : r + 32, c : c + 32] for r, c in dataset.corners[here].tolist()]
        patches, there = dataset.images[here, 0].flatten(), torch.stack(there).flatten()
        inside = (patches > 0) & (patches < 1)
        assert inside.float().mean() > 0.9
        fit = np.polyfit(there[inside].double(), patches[inside].double(), 1)
        assert fit[0] > 0
        assert np.abs(np.polyval(fit, there[inside]) - patches[inside].numpy()).max() < 1e-4


def test_form(splits):
    for split, count in (("train", 400), ("val", 100), ("test", 100)):
        dataset = splits[split]
        assert len(dataset) == 5 * count
        assert dataset.labels.bincount().tolist() == [count] * 5
        image, label = dataset[-1]
        assert isinstance(image, tv_tensors.Image)
        assert isinstance(label, int)
        assert label == 4
        assert image.shape == (1, 32, 32)
        assert image.dtype == torch.float32
        assert 0 <= dataset.images.min() < dataset.images.max() <= 1
    again = TexturesDataset("val")
    assert torch.equal(again.images, splits["val"].images)
    with pytest.raises(IndexError):
        again[500]


def test_brightness_and_contrast_do_not_tell_the_class(splits):
    def brightness_and_contrast(dataset):
        return torch.stack([dataset.images.mean((1, 2, 3)), dataset.images.std((1, 2, 3))], 1)

    train, test = splits["train"], splits["test"]
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(brightness_and_contrast(train), train.labels)
    assert model.score(brightness_and_contrast(test), test.labels) < 0.4


def test_there_is_no_other_split():
    with pytest.raises(ValueError, match=r"no split 'all': choose one of train, val, test"):
        TexturesDataset("all")
