"""VGG: what is special to it."""

import pytest
import torch
from torch import nn

from iip_lib.models import VGG


def on_meta(*arguments, **keywords):
    with torch.device("meta"):
        return VGG(*arguments, **keywords)


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_the_depth_counts_the_layers_with_weights(depth):
    model = on_meta(depth)
    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert len(layers) == depth
    assert {m.kernel_size for m in layers if isinstance(m, nn.Conv2d)} == {(3, 3)}


@pytest.mark.parametrize("depth", [11, 19])
def test_the_size_is_halved_five_times(depth):
    features = on_meta(depth).forward_features(torch.zeros(1, 3, 224, 95, device="meta"))
    assert features.shape == (1, 512, 7, 2)


def test_the_first_weights():
    """He's rule for convolutions, as far as chance allows; zeros for each bias."""
    torch.manual_seed(0)
    for convolution in [m for m in VGG(11).features if isinstance(m, nn.Conv2d)]:
        expected = (2 / (9 * convolution.out_channels)) ** 0.5
        assert convolution.weight.std().item() == pytest.approx(expected, rel=0.05)
        assert not convolution.bias.any()


def test_the_dropout_asked_for():
    model = on_meta(11, dropout=0.3)
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.3, 0.3]


@pytest.mark.parametrize("depth", [10, "16", None, 16.5])
def test_refuses_a_depth_that_the_paper_has_not(depth):
    with pytest.raises(
        ValueError, match=rf"depth is {depth!r}, but one of 11, 13, 16, 19 is .*try"
    ):
        VGG(depth)


@pytest.mark.parametrize("dropout", [-0.1, 1, "0.5", None, True])
def test_refuses_a_dropout_that_is_no_share(dropout):
    with pytest.raises(ValueError, match=f"dropout is {dropout!r}, but a number of at least 0"):
        VGG(11, dropout=dropout)
