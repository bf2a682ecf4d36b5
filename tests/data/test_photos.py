"""Photographs: offline, in one form, nobody's face."""

import socket

import numpy as np
import pytest
import skimage.data
import torch

from iip_lib import data
from iip_lib.data import photo

SHAPES = {
    "brick": (1, 512, 512),
    "chelsea": (3, 300, 451),
    "clock": (1, 300, 400),
    "coffee": (3, 400, 600),
    "coins": (1, 303, 384),
    "grass": (1, 512, 512),
    "gravel": (1, 512, 512),
    "hubble_deep_field": (3, 872, 1000),
    "rocket": (3, 427, 640),
}


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("name", SHAPES)
def test_photo(name, no_network):
    image = photo(name)
    assert image.shape == SHAPES[name]
    assert image.dtype == torch.float32
    assert image.is_contiguous()
    assert 0 <= image.min() < 0.5 < image.max() <= 1


@pytest.mark.parametrize("name", ["coins", "coffee"])
def test_photo_has_the_pixels_of_the_file(name):
    pixels = getattr(skimage.data, name)()  # (H, W) or (H, W, 3)
    image = (photo(name) * 255).round().byte().permute(1, 2, 0).numpy()
    assert np.array_equal(image.squeeze(), pixels)


def test_photo_gives_a_new_tensor_each_time():
    photo("coins").zero_()
    assert photo("coins").max() > 0


@pytest.mark.parametrize("name", ["astronaut", "camera", "lfw_subset", "_fetch", "", None])
def test_photo_refuses_other_names(name):
    with pytest.raises(ValueError, match=r"choose one of brick, chelsea, .*rocket"):
        photo(name)


def test_photo_documents_each_photograph():
    rows = data.photo.__doc__.splitlines()
    for name in SHAPES:
        assert any(row.strip().startswith(name + " ") for row in rows), name
