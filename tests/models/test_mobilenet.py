"""MobileNetV2: what is special to it."""

import pytest
import torch
import torchvision

from iip_lib.models import InvertedResidual, MobileNetV2


def pictures(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("width_mult", [0.1, 0.35, 0.5, 0.75, 1.4, 2])
def test_the_widths_of_the_twin(width_mult):
    with torch.device("meta"):
        twin = torchvision.models.mobilenet_v2(width_mult=width_mult).state_dict()
        own = MobileNetV2(width_mult=width_mult).state_dict()
    assert {k: v.shape for k, v in own.items()} == {k: v.shape for k, v in twin.items()}


def test_the_input_is_added_only_where_it_fits():
    for arguments, residual in (
        ((8, 8, 1, 6), True),
        ((8, 8, 2, 6), False),
        ((8, 16, 1, 6), False),
    ):
        block, x = InvertedResidual(*arguments).eval(), pictures(1, 8, 6, 6)
        torch.nn.init.zeros_(block.conv[-1].weight)  # F(x) = 0
        with torch.no_grad():
            assert torch.equal(block(x), x) == residual
            assert residual or not block(x).any()


def test_the_3x3_reads_one_channel_each():
    depthwise = InvertedResidual(8, 16, 2, 6).conv[1][0]
    assert depthwise.weight.shape == (48, 1, 3, 3)
    assert depthwise.stride == (2, 2)


def test_without_expansion_there_is_no_first_convolution():
    assert [len(InvertedResidual(8, 16, 1, ratio).conv) for ratio in (1, 6)] == [3, 4]


@pytest.mark.parametrize("width_mult", [0, -1, "1", None, True, float("nan"), float("inf")])
def test_refuses_a_width_that_is_no_positive_number(width_mult):
    with pytest.raises(
        ValueError, match=f"width_mult is {width_mult!r}, but a finite number above 0"
    ):
        MobileNetV2(width_mult=width_mult)


@pytest.mark.parametrize("dropout", [-0.1, 1, "0.5"])
def test_refuses_a_dropout_that_is_no_share(dropout):
    with pytest.raises(ValueError, match=f"dropout is {dropout!r}, but a number of at least 0"):
        MobileNetV2(dropout=dropout)


@pytest.mark.parametrize("position", range(4))
def test_a_block_refuses_what_is_no_number(position):
    arguments = [8, 8, 1, 6]
    arguments[position] = 0
    with pytest.raises(ValueError, match="is 0, but a whole number of at least 1"):
        InvertedResidual(*arguments)
