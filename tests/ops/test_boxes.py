"""Intersection over union and non-maximum suppression equal their twins in torchvision."""

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from twins import assert_equal, bounded, by_column, dtypes, seeds, tensors

from iip_lib.ops import box_iou, nms


@st.composite
def boxes(draw, dtype):
    """Boxes at whole pixels: touching, nested, equal and without area are frequent."""
    number = st.integers(0, 6)
    rows = draw(st.lists(st.tuples(number, number, number, number), max_size=7))
    tensor = torch.tensor(rows, dtype=dtype).reshape(-1, 4)
    tensor = torch.cat([tensor[:, :2], tensor[:, :2] + tensor[:, 2:]], dim=1)
    return draw(st.sampled_from([tensor, by_column(tensor)]))


def any_boxes(number, seed, dtype):
    """Boxes anywhere between pixels."""
    corners, sides = tensors((number, 2), (number, 2), seed=seed, dtype=dtype)
    return torch.cat([corners, corners + sides.abs()], dim=1)


@bounded
@given(data=st.data(), dtype=dtypes)
def test_box_iou_equals_its_twin(data, dtype):
    one, other = data.draw(boxes(dtype)), data.draw(boxes(dtype))
    assert_equal(box_iou(one, other), torchvision.ops.box_iou(one, other))


@bounded
@given(n=st.integers(0, 6), m=st.integers(0, 6), dtype=dtypes, seed=seeds)
def test_box_iou_equals_its_twin_between_pixels(n, m, dtype, seed):
    one, other = any_boxes(n, seed, dtype), any_boxes(m, seed + 1, dtype)
    assert_equal(box_iou(one, other), torchvision.ops.box_iou(one, other))


def test_box_iou_by_hand():
    box = torch.tensor([[0.0, 0.0, 4.0, 2.0]])
    others = torch.tensor(
        [[0, 0, 4, 2], [2, 0, 6, 2], [4, 0, 8, 2], [9, 9, 9.5, 9.5], [1, 0, 3, 2], [1, 1, 1, 1]]
    )
    expected = torch.tensor([[1, 1 / 3, 0, 0, 1 / 2, 0]])
    torch.testing.assert_close(box_iou(box, others), expected)
    assert box_iou(box, others[:0]).shape == (1, 0)
    assert box_iou(others[:0], others[:0]).shape == (0, 0)


def test_box_iou_has_the_right_gradient():
    one = torch.tensor([[0.0, 0.0, 4.0, 3.0], [1.0, 1.0, 7.0, 6.0]]).double().requires_grad_()
    other = torch.tensor([[2.0, 0.5, 6.0, 5.0]]).double().requires_grad_()
    assert torch.autograd.gradcheck(box_iou, [one, other])


@bounded
@given(data=st.data(), dtype=dtypes)
def test_nms_equals_its_twin_in_ties_too(data, dtype):
    given_boxes = data.draw(boxes(dtype))
    n = len(given_boxes)
    scores = data.draw(st.lists(st.sampled_from([0.1, 0.5, 0.9]), min_size=n, max_size=n))
    scores = torch.tensor(scores, dtype=dtype)
    threshold = data.draw(st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0]))
    ours = nms(given_boxes, scores, threshold)
    assert torch.equal(ours, torchvision.ops.nms(given_boxes, scores, threshold))


@bounded
@given(n=st.integers(0, 12), threshold=st.floats(0, 1), dtype=dtypes, seed=seeds)
def test_nms_equals_its_twin_between_pixels(n, threshold, dtype, seed):
    given_boxes = any_boxes(n, seed, dtype)
    (scores,) = tensors((n,), seed=seed + 1, dtype=dtype)
    ours = nms(given_boxes, scores, threshold)
    assert torch.equal(ours, torchvision.ops.nms(given_boxes, scores, threshold))


def test_nms_at_the_threshold_and_without_boxes():
    pair = torch.tensor([[0.0, 0.0, 4.0, 2.0], [0.0, 0.0, 2.0, 2.0]])  # their IoU is 1/2
    scores = torch.tensor([0.5, 0.5])
    assert nms(pair, scores, 0.5).tolist() == [0, 1]
    assert nms(pair, scores, 0.49).tolist() == [0]
    empty = nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    assert empty.tolist() == []
    assert empty.dtype == torch.int64


def test_nms_keeps_the_order_of_many_equal_scores():
    apart = torch.arange(100.0)[:, None] * 2 + torch.tensor([0.0, 0.0, 1.0, 1.0])
    assert nms(apart, torch.ones(100), 0.5).tolist() == list(range(100))
    thirds = torch.arange(100.0) % 3
    expected = [i for third in (2, 1, 0) for i in range(third, 100, 3)]
    assert nms(apart, thirds, 0.5).tolist() == expected


def test_a_suppressed_box_suppresses_none():
    row = torch.tensor([[0.0, 0, 10, 1], [4, 0, 14, 1], [8, 0, 18, 1]])
    assert nms(row, torch.tensor([0.9, 0.8, 0.7]), 0.3).tolist() == [0, 2]


BOXES, NAN = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), float("nan")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: box_iou(BOXES[0], BOXES), ValueError, r"boxes1 has shape \(4,\).*boxes1\[None\]"),
        (lambda: box_iou(BOXES, BOXES.flip(1)), ValueError, "boxes2 holds a box.*box_convert"),
        (lambda: box_iou(BOXES, BOXES * NAN), ValueError, "boxes2 holds a box"),
        (lambda: box_iou(BOXES.long(), BOXES), TypeError, "boxes1 has dtype torch.int64"),
        (lambda: nms(BOXES[0], torch.zeros(1), 0.5), ValueError, r"boxes has shape \(4,\)"),
        (lambda: nms(BOXES, torch.zeros(2), 0.5), ValueError, r"scores has shape \(2,\).*\(1,\)"),
        (lambda: nms(BOXES, torch.zeros(1).double(), 0.5), TypeError, "scores has dtype"),
        (lambda: nms(BOXES, torch.zeros(1), 50), ValueError, "iou_threshold is 50"),
        (lambda: nms(BOXES, torch.zeros(1) * NAN, 0.5), ValueError, "scores holds NaN"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_inputs_are_left_as_they_were():
    given_boxes, scores = any_boxes(5, 0, torch.float32), torch.arange(5.0)
    copies = given_boxes.clone(), scores.clone()
    box_iou(given_boxes, given_boxes)
    nms(given_boxes, scores, 0.5)
    assert torch.equal(given_boxes, copies[0])
    assert torch.equal(scores, copies[1])
