"""Cross-entropy equals its twin in torch, for rows and for pixels."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from twins import TOLERANCE, assert_equal, bounded, by_column, dtypes, seeds, small, tensors

from iip_lib.ops import cross_entropy


@bounded
@given(
    n=small,
    k=st.integers(1, 5),
    rest=st.lists(small, max_size=3),
    factor=st.sampled_from([1, 30]),
    reduction=st.sampled_from(["mean", "sum", "none"]),
    smoothing=st.sampled_from([0.0, 0.1, 1.0]),
    ignored=st.sampled_from([-100, -1, 0]),
    dtype=dtypes,
    seed=seeds,
)
def test_equals_its_twin(n, k, rest, factor, reduction, smoothing, ignored, dtype, seed):
    logits = factor * tensors((n, k, *rest), seed=seed, dtype=dtype)[0]
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(k, (n, *rest), generator=generator)
    target[torch.rand(target.shape, generator=generator) < 0.3] = ignored
    setting = {"reduction": reduction, "label_smoothing": smoothing, "ignore_index": ignored}
    torch.testing.assert_close(
        cross_entropy(logits, target, **setting),
        F.cross_entropy(logits, target, **setting),
        rtol=TOLERANCE[dtype],
        atol=TOLERANCE[dtype],
        equal_nan=True,  # the mean where all are ignored
    )


def test_by_hand():
    logits = torch.tensor([[0.0, math.log(3)]])  # the softmax is 1/4, 3/4
    for target, expected in ((0, math.log(4)), (1, math.log(4 / 3))):
        assert cross_entropy(logits, torch.tensor([target])).item() == pytest.approx(expected)
    smoothed = cross_entropy(logits, torch.tensor([1]), label_smoothing=0.2)
    assert smoothed.item() == pytest.approx(0.9 * math.log(4 / 3) + 0.1 * math.log(4))


def test_the_mean_is_over_all_pixels_that_are_not_ignored():
    (logits,) = tensors((2, 3, 2, 2))
    target = torch.tensor([[[0, 1], [2, 255]], [[255, 255], [255, 2]]])
    each = cross_entropy(logits, target, reduction="none", ignore_index=255)
    assert each.shape == target.shape
    assert not each[target == 255].any()
    assert_equal(cross_entropy(logits, target, ignore_index=255), each.sum() / 4)


def test_does_not_overflow():
    right = torch.tensor([0, 1])
    assert cross_entropy(torch.tensor([[1e4, 0.0], [-1e4, 0.0]]), right) == 0
    assert cross_entropy(torch.tensor([[1e4, 0.0], [0.0, 0.0]]), right[[1, 0]]) > 5000


def test_a_class_that_is_ruled_out_costs_nothing_and_all_if_it_is_right():
    logits = torch.tensor([[0.0, 0.0, -torch.inf]])
    for target in (0, 2):
        target = torch.tensor([target])
        assert torch.equal(cross_entropy(logits, target), F.cross_entropy(logits, target))


def test_has_the_right_gradient():
    (logits,) = tensors((2, 3, 2))
    logits.requires_grad_()
    target = torch.tensor([[0, 1], [-100, 2]])
    for setting in ({}, {"label_smoothing": 0.3}, {"reduction": "none"}):
        assert torch.autograd.gradcheck(
            lambda x, s=setting: cross_entropy(x, target, **s), [logits]
        )


def test_where_all_are_ignored_the_gradient_of_the_sum_is_0():
    logits = torch.ones(2, 3, requires_grad=True)
    cross_entropy(logits, torch.full((2,), -100), reduction="sum").backward()
    assert torch.equal(logits.grad, torch.zeros(2, 3))


def test_inputs_are_left_as_they_were_and_may_lie_in_memory_as_they_like():
    (logits,), target = tensors((4, 3)), torch.tensor([0, 2, 1, 0])
    copies = logits.clone(), target.clone()
    loss = cross_entropy(logits, target)
    assert torch.equal(logits, copies[0])
    assert torch.equal(target, copies[1])
    assert_equal(cross_entropy(by_column(logits), target), loss)


LOGITS = torch.zeros(2, 3)


@pytest.mark.parametrize(
    ("arguments", "setting", "error", "message"),
    [
        ((LOGITS, [0, 1]), {}, TypeError, "target is of type list"),
        ((LOGITS, torch.zeros(2)), {}, TypeError, "target is of type torch.float32.*long"),
        ((LOGITS.long(), torch.tensor([0, 1])), {}, TypeError, "logits has dtype torch.int64"),
        ((LOGITS, torch.tensor([0, 3])), {}, ValueError, "classes from 0 to 3, but 0 to 2"),
        ((LOGITS, torch.tensor([0, -1])), {}, ValueError, "classes from -1 to 0"),
        ((LOGITS, torch.tensor([-100, -1])), {}, ValueError, "classes from -1 to -1"),
        ((LOGITS, torch.tensor([0, -100])), {"ignore_index": 9}, ValueError, "from -100 to 0"),
        ((LOGITS[:0], torch.zeros(0).long()), {}, ValueError, r"logits have shape \(0, 3\)"),
        ((LOGITS[0], torch.tensor(0)), {}, ValueError, r"logits have shape \(3,\)"),
        ((LOGITS[:, :, None], torch.tensor([0, 1])), {}, ValueError, r"target has \(2,\)"),
        ((LOGITS, torch.tensor([0, 1])), {"reduction": "max"}, ValueError, "reduction is 'max'"),
        (
            (LOGITS, torch.tensor([0, 1])),
            {"label_smoothing": 1.5},
            ValueError,
            "label_smoothing is 1.5",
        ),
    ],
)
def test_refuses(arguments, setting, error, message):
    with pytest.raises(error, match=message):
        cross_entropy(*arguments, **setting)
