"""The operators written out by hand equal their twins in torch and torchvision."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st

from iip_lib.ops import (
    affine_grid,
    avg_pool2d,
    batch_norm2d,
    box_iou,
    conv2d,
    conv_transpose2d,
    cross_entropy,
    grid_sample,
    max_pool2d,
    nms,
    resize_bilinear,
)

# How far two ways to add the same numbers may lie apart.
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}

# The same examples at each run, and no limit of time: machines differ.
bounded = settings(max_examples=60, derandomize=True, deadline=None, database=None)

small = st.integers(1, 3)
sizes = st.integers(1, 8)
seeds = st.integers(0, 2**31)
dtypes = st.sampled_from(list(TOLERANCE))


def one_or_pair(numbers):
    return st.one_of(numbers, st.tuples(numbers, numbers))


def tensors(*shapes, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]


def assert_equal(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE[theirs.dtype], equal_nan=True)


@bounded
@given(data=st.data(), dtype=dtypes, seed=seeds)
def test_conv2d_equals_its_twin(data, dtype, seed):
    groups, per_group, outputs, kh, kw = (data.draw(small) for _ in range(5))
    step = data.draw(small)
    padding = data.draw(one_or_pair(st.integers(0, 2)))
    h = data.draw(st.integers(step * (kh - 1) + 1, 9))
    w = data.draw(st.integers(step * (kw - 1) + 1, 9))
    image, kernel, bias = tensors(
        (data.draw(st.integers(0, 2)), groups * per_group, h, w),
        (groups * outputs, per_group, kh, kw),
        (groups * outputs,),
        seed=seed,
        dtype=dtype,
    )
    setting = {"padding": padding, "dilation": step, "groups": groups}
    setting["stride"] = data.draw(one_or_pair(small))
    bias = data.draw(st.sampled_from([None, bias]))
    assert_equal(conv2d(image, kernel, bias, **setting), F.conv2d(image, kernel, bias, **setting))


def test_conv2d_takes_what_its_twin_takes_in_the_same_order():
    image, kernel, bias = tensors((2, 2, 9, 8), (4, 1, 3, 2), (4,))
    rest = (bias, (2, 1), (0, 3), (1, 2), 2)
    assert_equal(conv2d(image, kernel, *rest), F.conv2d(image, kernel, *rest))


def test_conv2d_depthwise_reads_each_channel_by_itself():
    image, kernel = tensors((3, 5, 5), (3, 1, 3, 3))
    apart = [conv2d(image[c : c + 1], kernel[c : c + 1]) for c in range(3)]
    assert torch.equal(conv2d(image, kernel, groups=3), torch.cat(apart))


def test_conv2d_of_one_image_and_of_an_empty_batch():
    image, kernel = tensors((3, 6, 5), (2, 3, 3, 3))
    torch.testing.assert_close(conv2d(image, kernel), F.conv2d(image, kernel))
    assert conv2d(image[None][:0], kernel).shape == (0, 2, 4, 3)


def test_conv2d_does_not_mirror_the_kernel():
    image = torch.zeros(1, 5, 5)
    image[0, 2, 2] = 1
    kernel = torch.arange(9.0).reshape(1, 1, 3, 3)
    assert torch.equal(conv2d(image, kernel)[0], kernel[0, 0].flip(0, 1))


def test_conv2d_kernel_as_large_as_the_image():
    image, kernel = tensors((2, 4, 5), (1, 2, 4, 5))
    torch.testing.assert_close(conv2d(image, kernel), (image * kernel).sum().reshape(1, 1, 1))


def test_conv2d_has_the_right_gradient():
    image, kernel, bias = tensors((2, 5, 4), (2, 2, 3, 2), (2,))
    inputs = [tensor.requires_grad_() for tensor in (image, kernel, bias)]
    assert torch.autograd.gradcheck(lambda *t: conv2d(*t, stride=2, padding=1), inputs)
    depthwise = [inputs[0], inputs[1][:, :1], inputs[2]]
    assert torch.autograd.gradcheck(lambda *t: conv2d(*t, dilation=2, groups=2), depthwise)


def test_conv2d_leaves_its_inputs_as_they_were():
    given = tensors((2, 5, 4), (2, 2, 3, 2), (2,))
    copies = [tensor.clone() for tensor in given]
    conv2d(*given, padding=1)
    assert all(torch.equal(a, b) for a, b in zip(given, copies, strict=True))


IMAGE, KERNEL = torch.zeros(3, 5, 6), torch.zeros(2, 3, 3, 3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1.0]], KERNEL), TypeError, "image is of type list"),
        ((IMAGE, None), TypeError, "kernel is of type NoneType"),
        ((IMAGE.int(), KERNEL.int()), TypeError, "image has dtype torch.int32"),
        ((IMAGE, KERNEL.double()), TypeError, "kernel has dtype torch.float64"),
        ((IMAGE[0], KERNEL), ValueError, r"image has shape \(5, 6\).*image\[None\]"),
        ((IMAGE, KERNEL[0, 0]), ValueError, r"kernel has shape \(3, 3\).*kernel\[None, None\]"),
        ((IMAGE, KERNEL[..., :0]), ValueError, "without a zero"),
        ((IMAGE[:1], KERNEL), ValueError, "3 input channels and the image has 1"),
        ((IMAGE, KERNEL, torch.zeros(3)), ValueError, r"bias has shape \(3,\).*\(2,\)"),
        ((IMAGE, KERNEL, None, 0), ValueError, "stride is 0"),
        ((IMAGE, KERNEL, None, 1.5), ValueError, "stride is 1.5"),
        ((IMAGE, KERNEL, None, (1, 2, 3)), ValueError, r"stride is \(1, 2, 3\)"),
        ((IMAGE, KERNEL, None, 1, -1), ValueError, "padding is -1"),
        ((IMAGE, KERNEL, None, 1, "same"), ValueError, "padding is 'same'"),
        ((IMAGE, KERNEL, None, 1, 0, 0), ValueError, "dilation is 0"),
        ((IMAGE, KERNEL, None, 1, 0, 1, 0), ValueError, "groups is 0"),
        ((IMAGE, KERNEL, None, 1, 0, 1, 2), ValueError, "groups is 2 for 3 channels and 2 kernels"),
        ((IMAGE[:2], KERNEL, None, 1, 0, 1, 2), ValueError, r"2 in 2 group.*\(O, 1, kh, kw\)"),
        ((IMAGE, KERNEL, None, 1, 0, 3), ValueError, "image is 5×6 and the kernel spans 7×7"),
        ((IMAGE[:, :2], KERNEL), ValueError, "padded image is 2×6 and the kernel spans 3×3"),
    ],
)
def test_conv2d_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        conv2d(*arguments)


@bounded
@given(data=st.data(), dtype=dtypes, seed=seeds)
def test_conv_transpose2d_equals_its_twin(data, dtype, seed):
    n, channels, outputs = data.draw(st.integers(0, 2)), data.draw(small), data.draw(small)
    h, w = data.draw(st.integers(2, 5)), data.draw(st.integers(2, 5))
    kh, kw = data.draw(st.integers(2, 4)), data.draw(st.integers(2, 4))
    stride = data.draw(st.tuples(small, small))
    image, kernel, bias = tensors(
        (n, channels, h, w), (channels, outputs, kh, kw), (outputs,), seed=seed, dtype=dtype
    )
    rest = (
        data.draw(st.sampled_from([None, bias])),
        stride,
        data.draw(one_or_pair(st.integers(0, 1))),
        tuple(data.draw(st.integers(0, s - 1)) for s in stride),
    )
    ours = conv_transpose2d(image, kernel, *rest)
    assert_equal(ours, F.conv_transpose2d(image, kernel, *rest))


def test_conv_transpose2d_is_the_transposed_matrix_of_the_convolution():
    """<conv(x), y> = <x, conv_transpose(y)> for all x and y, with the same kernel."""
    x, kernel = tensors((2, 7, 5), (3, 2, 3, 3))
    forward = conv2d(x, kernel, stride=2, padding=1)
    (y,) = tensors(forward.shape, seed=1)
    back = conv_transpose2d(y, kernel, stride=2, padding=1)
    assert back.shape == x.shape
    torch.testing.assert_close((forward * y).sum(), (x * back).sum())


def test_conv_transpose2d_has_the_right_gradient():
    inputs = [t.requires_grad_() for t in tensors((2, 3, 2), (2, 2, 3, 2), (2,))]
    assert torch.autograd.gradcheck(lambda *t: conv_transpose2d(*t, stride=2, padding=1), inputs)


POOLS = [(max_pool2d, F.max_pool2d), (avg_pool2d, F.avg_pool2d)]


@pytest.mark.parametrize(("ours", "theirs"), POOLS)
@bounded
@given(data=st.data(), dtype=dtypes, seed=seeds)
def test_pooling_equals_its_twin(ours, theirs, data, dtype, seed):
    size = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in size)
    h, w = (data.draw(st.integers(k, 9)) for k in size)
    (image,) = tensors((2, data.draw(small), h, w), seed=seed, dtype=dtype)
    stride = data.draw(st.one_of(st.none(), one_or_pair(small)))
    assert_equal(ours(image, size, stride, padding), theirs(image, size, stride, padding))


@pytest.mark.parametrize(("ours", "theirs"), POOLS)
def test_pooling_of_one_image_and_of_an_empty_batch(ours, theirs):
    (image,) = tensors((3, 5, 6))
    assert_equal(ours(image, 2), theirs(image, 2))
    assert ours(image[None][:0], 2).shape == (0, 3, 2, 3)


@pytest.mark.parametrize(("ours", "theirs"), POOLS)
def test_pooling_has_the_right_gradient_in_ties_too(ours, theirs):
    (image,) = tensors((2, 5, 4))
    assert torch.autograd.gradcheck(lambda x: ours(x, 3, 2, 1), [image.requires_grad_()])
    for pool in (ours, theirs):
        flat = torch.zeros(1, 4, 4, requires_grad=True)
        pool(flat, 2).sum().backward()
        if pool is ours:
            expected = flat.grad
        else:
            assert torch.equal(flat.grad, expected)


@pytest.mark.parametrize("training", [False, True])
@bounded
@given(data=st.data(), dtype=dtypes, seed=seeds)
def test_batch_norm2d_equals_its_twin(training, data, dtype, seed):
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


def test_batch_norm2d_gives_mean_0_and_variance_1_and_keeps_nothing_if_nothing_is_given():
    (image,) = tensors((4, 3, 6, 5))
    out = batch_norm2d(5 * image + 7, None, None, training=True, eps=1e-12)
    torch.testing.assert_close(out.mean((0, 2, 3)), torch.zeros(3).double(), rtol=0, atol=1e-9)
    torch.testing.assert_close(out.var((0, 2, 3), correction=0), torch.ones(3).double())


@pytest.mark.parametrize("training", [False, True])
def test_batch_norm2d_has_the_right_gradient_and_evaluation_changes_nothing(training):
    image, weight, bias = (t.requires_grad_() for t in tensors((3, 2, 2, 2), (2,), (2,)))
    mean, var = torch.tensor([0.5, -1.0]).double(), torch.tensor([2.0, 0.5]).double()
    assert torch.autograd.gradcheck(
        lambda x, *wb: batch_norm2d(x, mean, var, *wb, training=training), [image, weight, bias]
    )
    assert torch.equal(mean, torch.tensor([0.5, -1.0]).double()) != training
    assert not mean.requires_grad


@bounded
@given(data=st.data(), dtype=dtypes, seed=seeds)
def test_resize_bilinear_equals_its_twin(data, dtype, seed):
    n, c, h, w = data.draw(small), data.draw(small), data.draw(sizes), data.draw(sizes)
    (image,) = tensors((n, c, h, w), seed=seed, dtype=dtype)
    size = data.draw(st.tuples(sizes, sizes))
    assert_equal(resize_bilinear(image, size), F.interpolate(image, size, mode="bilinear"))


def test_resize_bilinear_of_one_image_to_its_own_size():
    (image,) = tensors((3, 4, 5))
    assert torch.equal(resize_bilinear(image, (4, 5)), image)
    assert resize_bilinear(image, 7).shape == (3, 7, 7)
    assert torch.autograd.gradcheck(lambda x: resize_bilinear(x, (3, 7)), [image.requires_grad_()])


@bounded
@given(data=st.data(), dtype=dtypes, seed=seeds)
def test_affine_warp_equals_its_twins(data, dtype, seed):
    n, c, h, w = data.draw(small), data.draw(small), data.draw(sizes), data.draw(sizes)
    image, theta = tensors((n, c, h, w), (n, 2, 3), seed=seed, dtype=dtype)
    size = (n, c, data.draw(sizes), data.draw(sizes))
    grid = F.affine_grid(theta, size, align_corners=False)
    assert_equal(affine_grid(theta, size), grid)
    theirs = F.grid_sample(image, grid, align_corners=False)
    # A place that is rounded differently moves the result by slope times rounding error.
    torch.testing.assert_close(grid_sample(image, grid), theirs, rtol=0, atol=20 * TOLERANCE[dtype])


def test_affine_warp_by_known_maps():
    (image,) = tensors((1, 2, 4, 6))
    for matrix, expected in (
        ([[1, 0, 0], [0, 1, 0]], image),
        ([[-1, 0, 0], [0, 1, 0]], image.flip(3)),
        ([[1, 0, 2 / 6], [0, 1, 0]], F.pad(image[..., 1:], (0, 1))),  # one pixel to the left
        ([[1, 0, 9], [0, 1, 0]], torch.zeros_like(image)),  # all from outside
    ):
        grid = affine_grid(torch.tensor([matrix]).double(), image.shape)
        torch.testing.assert_close(grid_sample(image, grid), expected)


def test_affine_warp_has_the_right_gradient():
    image, theta = (t.requires_grad_() for t in tensors((1, 2, 3, 4), (1, 2, 3), seed=3))
    assert torch.autograd.gradcheck(
        lambda x, m: grid_sample(x, affine_grid(m, (1, 2, 2, 3))), [image, theta]
    )


@bounded
@given(n=sizes, k=sizes, factor=st.sampled_from([1, 30]), dtype=dtypes, seed=seeds)
def test_cross_entropy_equals_its_twin(n, k, factor, dtype, seed):
    logits = factor * tensors((n, k), seed=seed, dtype=dtype)[0]
    target = torch.randint(k, (n,), generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        cross_entropy(logits, target),
        F.cross_entropy(logits, target),
        rtol=TOLERANCE[dtype],
        atol=TOLERANCE[dtype],
    )


def test_cross_entropy_does_not_overflow_and_has_the_right_gradient():
    right = torch.tensor([0, 1])
    assert cross_entropy(torch.tensor([[1e4, 0.0], [-1e4, 0.0]]), right) == 0
    assert cross_entropy(torch.tensor([[1e4, 0.0], [0.0, 0.0]]), right[[1, 0]]) > 5000
    (logits,) = tensors((2, 3))
    assert torch.autograd.gradcheck(lambda x: cross_entropy(x, right), [logits.requires_grad_()])


@st.composite
def boxes(draw, dtype, least=0):
    """Boxes at whole pixels: touching, nested, equal and without area are frequent."""
    corner, side = st.integers(0, 6), st.integers(least, 5)
    rows = draw(st.lists(st.tuples(corner, corner, side, side), max_size=7))
    tensor = torch.tensor(rows, dtype=dtype).reshape(-1, 4)
    return torch.cat([tensor[:, :2], tensor[:, :2] + tensor[:, 2:]], dim=1)


@bounded
@given(data=st.data(), dtype=dtypes)
def test_box_iou_equals_its_twin(data, dtype):
    one, other = data.draw(boxes(dtype)), data.draw(boxes(dtype))
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


def test_a_suppressed_box_suppresses_none():
    row = torch.tensor([[0.0, 0, 10, 1], [4, 0, 14, 1], [8, 0, 18, 1]])
    assert nms(row, torch.tensor([0.9, 0.8, 0.7]), 0.3).tolist() == [0, 2]


BOXES, NAN = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), float("nan")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: conv_transpose2d(IMAGE, KERNEL), ValueError, r"2 input.*has 3.*\(3, O, kh, kw\)"),
        (lambda: conv_transpose2d(IMAGE, None), TypeError, "kernel is of type NoneType"),
        (
            lambda: conv_transpose2d(IMAGE[:2], KERNEL, torch.zeros(2)),
            ValueError,
            r"bias has shape \(2,\).*\(3,\)",
        ),
        (
            lambda: conv_transpose2d(IMAGE[:2], KERNEL, None, 2, 0, (0, 2)),
            ValueError,
            r"output_padding is \(0, 2\) with stride \(2, 2\)",
        ),
        (
            lambda: conv_transpose2d(IMAGE[:2, :1], KERNEL, None, 1, 2),
            ValueError,
            "canvas 3×8.*pixel must be left",
        ),
        (lambda: max_pool2d(IMAGE.int(), 2), TypeError, "image has dtype torch.int32"),
        (lambda: max_pool2d(IMAGE[0], 2), ValueError, r"image has shape \(5, 6\)"),
        (lambda: max_pool2d(IMAGE, 0), ValueError, "kernel_size is 0"),
        (lambda: max_pool2d(IMAGE, 2, 0), ValueError, "stride is 0"),
        (lambda: avg_pool2d(IMAGE, 3, 1, 2), ValueError, "padding is .*at most half a window"),
        (lambda: avg_pool2d(IMAGE, (6, 2)), ValueError, "image is 5×6 and the window spans 6×2"),
        (
            lambda: batch_norm2d(IMAGE, None, None, training=True),
            ValueError,
            r"shape \(3, 5, 6\).*image\[None\]",
        ),
        (
            lambda: batch_norm2d(IMAGE[None], torch.zeros(2), torch.ones(3)),
            ValueError,
            r"running_mean has shape \(2,\).*\(3,\)",
        ),
        (
            lambda: batch_norm2d(IMAGE[None], None, torch.ones(3)),
            ValueError,
            "running mean or variance is None",
        ),
        (
            lambda: batch_norm2d(IMAGE[None, :, :1, :1], None, None, training=True),
            ValueError,
            "at least two numbers per channel",
        ),
        (
            lambda: batch_norm2d(IMAGE[None], None, None, training=True, eps=0),
            ValueError,
            "eps is 0",
        ),
        (
            lambda: batch_norm2d(IMAGE[None], None, None, training=True, momentum=2),
            ValueError,
            "momentum is 2",
        ),
        (lambda: resize_bilinear(IMAGE, 0), ValueError, "size is 0"),
        (lambda: resize_bilinear(IMAGE[0], 2), ValueError, "image has shape"),
        (lambda: resize_bilinear(IMAGE[:, :0], 2), ValueError, "0×6.*at least one pixel"),
        (lambda: affine_grid(torch.eye(3)[:2], (1, 1, 2, 2)), ValueError, r"theta\[None\]"),
        (lambda: affine_grid(torch.eye(3)[None, :2], (2, 1, 2, 2)), ValueError, "the same N"),
        (lambda: affine_grid([[1.0]], (1, 1, 2, 2)), TypeError, "theta is of type list"),
        (lambda: grid_sample(IMAGE, torch.zeros(1, 2, 2, 2)), ValueError, r"image\[None\]"),
        (
            lambda: grid_sample(IMAGE[None], torch.full((1, 2, 2, 2), NAN)),
            ValueError,
            "NaN or infinity",
        ),
        (
            lambda: grid_sample(IMAGE[None], torch.zeros(1, 2, 2, 2).double()),
            TypeError,
            "grid has dtype torch.float64",
        ),
        (lambda: cross_entropy(torch.zeros(2, 3), [0, 1]), TypeError, "target is of type list"),
        (
            lambda: cross_entropy(torch.zeros(2, 3), torch.zeros(2)),
            TypeError,
            "target is of type torch.float32.*long",
        ),
        (
            lambda: cross_entropy(torch.zeros(2, 3), torch.tensor([0, 3])),
            ValueError,
            "classes from 0 to 3, but 0 to 2",
        ),
        (
            lambda: cross_entropy(torch.zeros(2, 3), torch.tensor([0, -1])),
            ValueError,
            "classes from -1 to 0",
        ),
        (
            lambda: cross_entropy(torch.zeros(0, 3), torch.zeros(0).long()),
            ValueError,
            r"logits have shape \(0, 3\)",
        ),
        (lambda: box_iou(BOXES[0], BOXES), ValueError, r"boxes1 has shape \(4,\).*boxes1\[None\]"),
        (lambda: box_iou(BOXES, BOXES.flip(1)), ValueError, "boxes2 holds a box.*box_convert"),
        (lambda: box_iou(BOXES, BOXES * NAN), ValueError, "boxes2 holds a box"),
        (lambda: box_iou(BOXES.long(), BOXES), TypeError, "boxes1 has dtype torch.int64"),
        (lambda: nms(BOXES, torch.zeros(2), 0.5), ValueError, r"scores has shape \(2,\).*\(1,\)"),
        (lambda: nms(BOXES, torch.zeros(1), 50), ValueError, "iou_threshold is 50"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_inputs_are_left_as_they_were():
    image, theta, grid = tensors((2, 3, 5, 4), (2, 2, 3), (2, 3, 3, 2))
    target = torch.tensor([0, 2, 1, 0])
    given = [image, theta, grid, BOXES, target]
    copies = [tensor.clone() for tensor in given]
    conv_transpose2d(image, image[0][None].transpose(0, 1), padding=1)
    for pool in (max_pool2d, avg_pool2d):
        pool(image, 2)
    batch_norm2d(image, None, None, training=True)
    resize_bilinear(image, 3)
    grid_sample(image, grid)
    affine_grid(theta, (2, 3, 4, 4))
    cross_entropy(image[0, 0, :4], target)
    box_iou(BOXES, BOXES)
    nms(BOXES, torch.ones(1), 0.5)
    assert all(torch.equal(a, b) for a, b in zip(given, copies, strict=True))
