"""Convolution and its transpose equal their twins in torch, and each other's matrix transposed."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from twins import assert_equal, bounded, by_column, dtypes, one_or_pair, seeds, small, tensors

from iip_lib.ops import conv2d, conv_transpose2d


@bounded
@given(data=st.data(), dtype=dtypes, seed=seeds)
def test_conv2d_equals_its_twin(data, dtype, seed):
    groups, per_group, outputs, kh, kw = (data.draw(small) for _ in range(5))
    dilation = data.draw(st.tuples(small, small))
    padding = data.draw(one_or_pair(st.integers(0, 2)))
    h = data.draw(st.integers(dilation[0] * (kh - 1) + 1, 9))
    w = data.draw(st.integers(dilation[1] * (kw - 1) + 1, 9))
    image, kernel, bias = tensors(
        (data.draw(st.integers(0, 2)), groups * per_group, h, w),
        (groups * outputs, per_group, kh, kw),
        (groups * outputs,),
        seed=seed,
        dtype=dtype,
    )
    setting = {"padding": padding, "dilation": dilation, "groups": groups}
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
    assert_equal(conv2d(image, kernel), F.conv2d(image, kernel))
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
        ((IMAGE[..., :0], KERNEL, None, 1, 2), ValueError, "at least one pixel"),
        ((IMAGE, KERNEL, None, 0), ValueError, "stride is 0"),
        ((IMAGE, KERNEL, None, 1.5), ValueError, "stride is 1.5"),
        ((IMAGE, KERNEL, None, True), ValueError, "stride is True"),
        ((IMAGE, KERNEL, None, (1, 2, 3)), ValueError, r"stride is \(1, 2, 3\)"),
        ((IMAGE, KERNEL, None, 1, -1), ValueError, "padding is -1"),
        ((IMAGE, KERNEL, None, 1, "same"), ValueError, "padding is 'same'"),
        ((IMAGE, KERNEL, None, 1, 0, 0), ValueError, "dilation is 0"),
        ((IMAGE, KERNEL, None, 1, 0, 1, 0), ValueError, "groups is 0"),
        ((IMAGE, KERNEL, None, 1, 0, 1, True), ValueError, "groups is True"),
        ((IMAGE, KERNEL, None, 1, 0, 1, 2), ValueError, "groups is 2 for 3 channels and 2 kernels"),
        ((IMAGE[:2], KERNEL, None, 1, 0, 1, 2), ValueError, r"2 in 2 group.*\(O, 1, kh, kw\)"),
        ((IMAGE, KERNEL, None, 1, 0, 3), ValueError, "image is 5×6 and a window spans 7×7"),
        ((IMAGE[:, :2], KERNEL), ValueError, "padded image is 2×6 and a window spans 3×3"),
    ],
)
def test_conv2d_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        conv2d(*arguments)


@bounded
@given(data=st.data(), dtype=dtypes, seed=seeds)
def test_conv_transpose2d_equals_its_twin(data, dtype, seed):
    groups, per_group, outputs, h, w, kh, kw = (data.draw(small) for _ in range(7))
    stride, dilation = (data.draw(st.tuples(small, small)) for _ in range(2))
    padding = data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    # Less than the stride or less than the dilation: the greater of the two decides.
    extra = tuple(
        data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
    )
    for i, (length, kernel_length) in enumerate([(h, kh), (w, kw)]):
        canvas = (length - 1) * stride[i] + dilation[i] * (kernel_length - 1) + 1 + extra[i]
        assume(canvas > 2 * padding[i])
    image, kernel, bias = tensors(
        (data.draw(st.integers(0, 2)), groups * per_group, h, w),
        (groups * per_group, outputs, kh, kw),
        (groups * outputs,),
        seed=seed,
        dtype=dtype,
    )
    bias = data.draw(st.sampled_from([None, bias]))
    rest = (bias, stride, padding, extra, groups, dilation)
    ours = conv_transpose2d(image, kernel, *rest)
    assert_equal(ours, F.conv_transpose2d(image, kernel, *rest))


@pytest.mark.parametrize(
    "setting",
    [
        {"stride": 2, "padding": 1},
        {"padding": (2, 0), "dilation": (1, 2)},
        {"stride": (1, 3), "groups": 2},
    ],
)
def test_conv_transpose2d_is_the_transposed_matrix_of_the_convolution(setting):
    """<conv(x), y> = <x, conv_transpose(y)> for all x and y, with the same kernel."""
    x, kernel = tensors((4, 7, 9), (6, 4 // setting.get("groups", 1), 3, 3))
    forward = conv2d(x, kernel, **setting)
    (y,) = tensors(forward.shape, seed=1)
    back = conv_transpose2d(y, kernel, **setting)
    assert back.shape == x.shape
    torch.testing.assert_close((forward * y).sum(), (x * back).sum())


@pytest.mark.parametrize("rows", [7, 8])
def test_conv_transpose2d_goes_back_to_either_size_by_output_padding(rows):
    image, kernel = tensors((1, rows, 7), (1, 1, 3, 3))
    small_image = conv2d(image, kernel, stride=2)
    assert small_image.shape == (1, 3, 3)
    back = conv_transpose2d(small_image, kernel, stride=2, output_padding=(rows - 7, 0))
    assert back.shape == image.shape


def test_conv_transpose2d_of_one_image_and_of_an_empty_batch():
    image, kernel = tensors((2, 3, 2), (2, 3, 3, 3))
    assert_equal(conv_transpose2d(image, kernel), F.conv_transpose2d(image, kernel))
    assert conv_transpose2d(image[None][:0], kernel).shape == (0, 3, 5, 4)


def test_conv_transpose2d_has_the_right_gradient():
    inputs = [t.requires_grad_() for t in tensors((2, 3, 2), (2, 2, 3, 2), (2,))]
    assert torch.autograd.gradcheck(lambda *t: conv_transpose2d(*t, stride=2, padding=1), inputs)
    grouped = [*inputs[:2], torch.zeros(4).double().requires_grad_()]
    assert torch.autograd.gradcheck(lambda *t: conv_transpose2d(*t, groups=2, dilation=2), grouped)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((IMAGE, KERNEL), ValueError, r"2 input.*has 3.*\(3, O / groups, kh, kw\)"),
        ((IMAGE, None), TypeError, "kernel is of type NoneType"),
        ((IMAGE[:2], KERNEL[0]), ValueError, r"kernel has shape \(3, 3, 3\)"),
        ((IMAGE[:2], KERNEL, torch.zeros(2)), ValueError, r"bias has shape \(2,\).*\(3,\)"),
        (
            (IMAGE[:2], KERNEL, None, 2, 0, (0, 2)),
            ValueError,
            r"output_padding is \(0, 2\) with stride \(2, 2\) and dilation \(1, 1\)",
        ),
        ((IMAGE[:2], KERNEL, None, 1, 0, (2, 0), 1, 2), ValueError, "output_padding is"),
        ((IMAGE[:2, :1], KERNEL, None, 1, 2), ValueError, "canvas 3×8.*pixel must be left"),
        ((IMAGE[:2, :0], KERNEL), ValueError, "at least one pixel"),
        ((IMAGE[:2], KERNEL, None, 1, 0, 0, 0), ValueError, "groups is 0"),
        ((IMAGE, KERNEL[[0, 0, 0]], None, 1, 0, 0, 2), ValueError, "groups is 2 for 3 channels"),
        (
            (IMAGE[:2], KERNEL, torch.zeros(3), 1, 0, 0, 2),
            ValueError,
            r"bias has shape \(3,\).*\(6,\)",
        ),
        ((IMAGE[:2], KERNEL, None, 1, 0, 0, 1, 0), ValueError, "dilation is 0"),
    ],
)
def test_conv_transpose2d_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        conv_transpose2d(*arguments)


@pytest.mark.parametrize("ours", [conv2d, conv_transpose2d])
def test_inputs_are_left_as_they_were_and_may_lie_in_memory_as_they_like(ours):
    given_tensors = tensors((2, 5, 4), (2, 2, 3, 2), (2,))
    copies = [tensor.clone() for tensor in given_tensors]
    out = ours(*given_tensors, padding=1)
    assert all(torch.equal(a, b) for a, b in zip(given_tensors, copies, strict=True))
    columns = [by_column(tensor) for tensor in given_tensors]
    assert not columns[0].is_contiguous()
    assert_equal(ours(*columns, padding=1), out)
