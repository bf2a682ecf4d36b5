"""Both poolings equal their twins in torch."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from twins import (
    assert_equal,
    bounded,
    by_column,
    dtypes,
    one_or_pair,
    seeds,
    sizes,
    small,
    tensors,
)

from iip_lib.ops import avg_pool2d, max_pool2d

POOLS = [(max_pool2d, F.max_pool2d), (avg_pool2d, F.avg_pool2d)]


@st.composite
def windows(draw, dilation=(1, 1)):
    """An image's rows and columns, and windows, strides and paddings that fit."""
    image = draw(st.tuples(sizes, sizes))
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = tuple(draw(st.integers(0, k // 2)) for k in size)
    for length, k, p, d in zip(image, size, padding, dilation, strict=True):
        assume(length + 2 * p >= d * (k - 1) + 1)
    return image, (size, draw(st.one_of(st.none(), one_or_pair(small))), padding)


@bounded
@given(
    data=st.data(), dilation=st.tuples(small, small), ceil=st.booleans(), dtype=dtypes, seed=seeds
)
def test_max_pool2d_equals_its_twin(data, dilation, ceil, dtype, seed):
    (h, w), setting = data.draw(windows(dilation))
    (image,) = tensors((2, data.draw(small), h, w), seed=seed, dtype=dtype)
    rest = (*setting, dilation, ceil)
    assert torch.equal(max_pool2d(image, *rest), F.max_pool2d(image, *rest))


@bounded
@given(data=st.data(), ceil=st.booleans(), include=st.booleans(), dtype=dtypes, seed=seeds)
def test_avg_pool2d_equals_its_twin(data, ceil, include, dtype, seed):
    (h, w), setting = data.draw(windows())
    (image,) = tensors((2, data.draw(small), h, w), seed=seed, dtype=dtype)
    rest = (*setting, ceil, include)
    assert_equal(avg_pool2d(image, *rest), F.avg_pool2d(image, *rest))


@pytest.mark.parametrize(("ours", "theirs"), POOLS)
def test_a_last_window_sticks_out_exactly_where_the_twins_does(ours, theirs):
    """All small settings along one axis, a window larger than the image included."""
    for length, size, stride in itertools.product(range(1, 7), range(1, 5), range(1, 5)):
        for padding in range(size // 2 + 1):
            if length + 2 * padding + stride <= size:
                continue  # not even one
            image = torch.arange(1.0, length + 1).reshape(1, 1, length)
            rest = ((1, size), (1, stride), (0, padding))
            result = ours(image, *rest, ceil_mode=True)
            assert_equal(result, theirs(image, *rest, ceil_mode=True))


@pytest.mark.parametrize(("ours", "theirs"), POOLS)
def test_one_image_an_empty_batch_and_columns_in_memory(ours, theirs):
    (image,) = tensors((3, 5, 6))
    assert_equal(ours(image, 2), theirs(image, 2))
    assert_equal(ours(by_column(image), 2), theirs(image, 2))
    assert ours(image[None][:0], 2).shape == (0, 3, 2, 3)


def test_the_mean_counts_the_padding_or_not():
    ones = torch.ones(1, 2, 2)
    assert torch.equal(avg_pool2d(ones, 2, padding=1), torch.full((1, 2, 2), 0.25))
    assert torch.equal(avg_pool2d(ones, 2, padding=1, count_include_pad=False), ones)


def test_the_greatest_of_nothing_but_padding_is_minus_infinity_as_in_the_twin():
    setting = {"kernel_size": (1, 2), "stride": 1, "padding": (0, 1), "dilation": (1, 3)}
    ours = max_pool2d(torch.ones(1, 1, 2), **setting)
    assert ours.tolist() == [[[-torch.inf]]]
    assert torch.equal(ours, F.max_pool2d(torch.ones(1, 1, 2), **setting))


def test_padding_is_less_than_any_number():
    image = torch.full((1, 2, 2), -5.0)
    assert torch.equal(max_pool2d(image, 2, padding=1), image)


@pytest.mark.parametrize(("ours", "theirs"), POOLS)
def test_the_right_gradient_in_ties_too(ours, theirs):
    (image,) = tensors((2, 5, 4))
    image.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ours(x, 3, 2, 1), [image])
    assert torch.autograd.gradcheck(lambda x: ours(x, 2, 3, ceil_mode=True), [image])
    gradients = []
    for pool in (ours, theirs):
        flat = torch.zeros(1, 4, 4, requires_grad=True)
        pool(flat, 2).sum().backward()
        gradients.append(flat.grad)
    assert torch.equal(*gradients)


def test_inputs_are_left_as_they_were():
    (image,) = tensors((2, 5, 4))
    copy = image.clone()
    for pool in (max_pool2d, avg_pool2d):
        pool(image, 2, padding=1)
    assert torch.equal(image, copy)


IMAGE = torch.zeros(3, 5, 6)


@pytest.mark.parametrize("pool", [max_pool2d, avg_pool2d])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((IMAGE.int(), 2), TypeError, "image has dtype torch.int32"),
        ((IMAGE[0], 2), ValueError, r"image has shape \(5, 6\)"),
        ((IMAGE, 0), ValueError, "kernel_size is 0"),
        ((IMAGE, 2, 0), ValueError, "stride is 0"),
        ((IMAGE, 3, 1, -1), ValueError, "padding is -1"),
        ((IMAGE, 3, 1, 2), ValueError, "padding is .*at most half a window"),
        ((IMAGE, (2, 3), 1, (0, 2)), ValueError, "padding is .*at most half a window"),
        ((IMAGE, (6, 2)), ValueError, "image is 5×6 and a window spans 6×2"),
        ((IMAGE[:, :0], 2, 2, 1), ValueError, "at least one pixel"),
    ],
)
def test_refuses(pool, arguments, error, message):
    with pytest.raises(error, match=message):
        pool(*arguments)


def test_refuses_a_dilation_that_does_not_fit():
    with pytest.raises(ValueError, match="dilation is 0"):
        max_pool2d(IMAGE, 2, dilation=0)
    with pytest.raises(ValueError, match="image is 5×6 and a window spans 6×6"):
        max_pool2d(IMAGE, 2, dilation=5)
