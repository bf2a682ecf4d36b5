"""Batch normalisation equals its twin in torch, its running numbers included."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from twins import assert_equal, bounded, by_column, dtypes, seeds, sizes, small, tensors

from iip_lib.ops import batch_norm2d


@pytest.mark.parametrize("training", [False, True])
@bounded
@given(data=st.data(), dtype=dtypes, seed=seeds)
def test_equals_its_twin(training, data, dtype, seed):
    n, c, h, w = data.draw(st.integers(2, 3)), data.draw(small), data.draw(sizes), data.draw(sizes)
    image, mean, var, weight, bias = tensors((n, c, h, w), *[(c,)] * 4, seed=seed, dtype=dtype)
    optional = [data.draw(st.sampled_from([None, t])) for t in (weight, bias)]
    # A greater eps, for two numbers that are nearly equal blow rounding errors up.
    rest = (*optional, training, data.draw(st.sampled_from([0.0, 0.1, 0.7, 1.0])), 1e-2)
    running = [(mean.clone(), var.square() + 0.1) for _ in range(2)]
    ours = batch_norm2d(image, *running[0], *rest)
    assert_equal(ours, F.batch_norm(image, *running[1], *rest))
    for mine, theirs in zip(*running, strict=True):
        assert_equal(mine, theirs)


def test_follows_a_layer_through_training_and_evaluation():
    layer = nn.BatchNorm2d(3).double()
    mean, var = torch.zeros(3).double(), torch.ones(3).double()
    for seed in range(4):
        (batch,) = tensors((5, 3, 2, 4), seed=seed)
        batch = 3 * batch + 2
        assert_equal(batch_norm2d(batch, mean, var, training=True), layer(batch))
    assert_equal(mean, layer.running_mean)
    assert_equal(var, layer.running_var)
    layer.eval()
    assert_equal(batch_norm2d(batch, mean, var), layer(batch))


def test_gives_mean_0_and_variance_1_and_keeps_nothing_if_nothing_is_given():
    (image,) = tensors((4, 3, 6, 5))
    out = batch_norm2d(5 * image + 7, None, None, training=True, eps=1e-12)
    torch.testing.assert_close(out.mean((0, 2, 3)), torch.zeros(3).double(), rtol=0, atol=1e-9)
    torch.testing.assert_close(out.var((0, 2, 3), correction=0), torch.ones(3).double())


def test_one_number_is_enough_in_evaluation_and_no_picture_too():
    (image,) = tensors((1, 2, 1, 1))
    mean, var = torch.tensor([0.5, -1.0]).double(), torch.tensor([2.0, 0.5]).double()
    assert_equal(batch_norm2d(image, mean, var), F.batch_norm(image, mean, var))
    assert batch_norm2d(image[:0], mean, var).shape == (0, 2, 1, 1)


@pytest.mark.parametrize("training", [False, True])
def test_has_the_right_gradient_and_evaluation_changes_nothing(training):
    image, weight, bias = (t.requires_grad_() for t in tensors((3, 2, 2, 2), (2,), (2,)))
    mean, var = torch.tensor([0.5, -1.0]).double(), torch.tensor([2.0, 0.5]).double()
    assert torch.autograd.gradcheck(
        lambda x, *wb: batch_norm2d(x, mean, var, *wb, training=training), [image, weight, bias]
    )
    assert torch.equal(mean, torch.tensor([0.5, -1.0]).double()) != training
    assert not mean.requires_grad


def test_the_image_is_left_as_it_was_and_may_lie_in_memory_as_it_likes():
    (image,) = tensors((2, 3, 5, 4))
    copy = image.clone()
    out = batch_norm2d(image, None, None, training=True)
    assert torch.equal(image, copy)
    assert_equal(batch_norm2d(by_column(image), None, None, training=True), out)


IMAGE = torch.zeros(3, 5, 6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: batch_norm2d(IMAGE, None, None, training=True),
            r"shape \(3, 5, 6\).*image\[None\]",
        ),
        (
            lambda: batch_norm2d(IMAGE[None], torch.zeros(2), torch.ones(3)),
            r"running_mean has shape \(2,\).*\(3,\)",
        ),
        (lambda: batch_norm2d(IMAGE[None], None, torch.ones(3)), "both or none"),
        (lambda: batch_norm2d(IMAGE[None], torch.ones(3), None, training=True), "both or none"),
        (lambda: batch_norm2d(IMAGE[None], None, None), "training is False.*both are needed"),
        (
            lambda: batch_norm2d(IMAGE[None, :, :1, :1], None, None, training=True),
            "at least two numbers per channel",
        ),
        (lambda: batch_norm2d(IMAGE[None], None, None, training=True, eps=0), "eps is 0"),
        (lambda: batch_norm2d(IMAGE[None], None, None, training=True, momentum=2), "momentum is 2"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_refuses_another_dtype():
    with pytest.raises(TypeError, match=r"weight has dtype torch\.float64"):
        batch_norm2d(IMAGE[None], None, None, torch.ones(3).double(), training=True)
