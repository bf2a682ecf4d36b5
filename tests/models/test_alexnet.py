"""AlexNet: what is special to it."""

import pytest
import torch
from torch import nn

from iip_lib.models import AlexNet


def on_meta(**keywords):
    with torch.device("meta"):
        return AlexNet(**keywords)


def test_sizes_of_the_table():
    model, x = on_meta(), torch.zeros(1, 3, 224, 224, device="meta")
    sizes = []
    for layer in model.features:
        x = layer(x)
        if not isinstance(layer, nn.ReLU):
            sizes.append((x.shape[1], x.shape[2]))
    assert sizes == [
        (64, 55),
        (64, 27),
        (192, 27),
        (192, 13),
        (384, 13),
        (256, 13),
        (256, 13),
        (256, 6),
    ]


def test_the_smallest_picture_leaves_one_pixel():
    model = on_meta()
    assert model.forward_features(torch.zeros(1, 3, 63, 63, device="meta")).shape == (1, 256, 1, 1)
    with pytest.raises(RuntimeError, match="too small"):  # what the check forestalls
        model.features(torch.zeros(1, 3, 62, 62, device="meta"))


def test_the_dropout_asked_for():
    shares = [m.p for m in on_meta(dropout=0.3).modules() if isinstance(m, nn.Dropout)]
    assert shares == [0.3, 0.3]


@pytest.mark.parametrize("dropout", [-0.1, 1, "0.5"])
def test_refuses_a_dropout_that_is_no_share(dropout):
    with pytest.raises(ValueError, match=f"dropout is {dropout!r}, but a number of at least 0"):
        AlexNet(dropout=dropout)
