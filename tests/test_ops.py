"""The operators written out by hand equal their twins in torch."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from iip_lib.ops import conv2d

# How far two ways to add the same numbers may lie apart.
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def tensors(*shapes, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("stride", "padding"), [*itertools.product((1, 2, 3), (0, 1, 2)), ((2, 1), (0, 3))]
)
def test_conv2d_equals_its_twin(stride, padding, dtype):
    image, kernel, bias = tensors((2, 3, 7, 9), (4, 3, 3, 2), (4,), dtype=dtype)
    ours = conv2d(image, kernel, bias, stride=stride, padding=padding)
    theirs = F.conv2d(image, kernel, bias, stride=stride, padding=padding)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE[dtype])


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
        ((IMAGE[:, :2], KERNEL), ValueError, "padded image is 2×6 and the kernel is 3×3"),
    ],
)
def test_conv2d_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        conv2d(*arguments)
