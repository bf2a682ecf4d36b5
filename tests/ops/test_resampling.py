"""Resizing and warping equal their twins in torch, and known maps do what they should."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from twins import TOLERANCE, assert_equal, bounded, by_column, dtypes, seeds, sizes, small, tensors

from iip_lib.ops import affine_grid, grid_sample, resize_bilinear

MODES = [(m, p) for m in ("bilinear", "nearest") for p in ("zeros", "border")]


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
    assert resize_bilinear(image[None][:0], 7).shape == (0, 3, 7, 7)
    assert torch.autograd.gradcheck(lambda x: resize_bilinear(x, (3, 7)), [image.requires_grad_()])


def test_resize_bilinear_is_a_look_up_by_the_map_that_changes_nothing():
    (image,) = tensors((2, 3, 4, 5))
    same = torch.eye(2, 3).double().expand(2, 2, 3)
    grid = affine_grid(same, (2, 3, 7, 3))
    assert_equal(grid_sample(image, grid, padding_mode="border"), resize_bilinear(image, (7, 3)))


@pytest.mark.parametrize(("mode", "padding_mode"), MODES)
@bounded
@given(data=st.data(), dtype=dtypes, seed=seeds)
def test_affine_warp_equals_its_twins(mode, padding_mode, data, dtype, seed):
    n, c, h, w = data.draw(small), data.draw(small), data.draw(sizes), data.draw(sizes)
    image, theta = tensors((n, c, h, w), (n, 2, 3), seed=seed, dtype=dtype)
    size = (n, c, data.draw(sizes), data.draw(sizes))
    grid = F.affine_grid(theta, size, align_corners=False)
    assert_equal(affine_grid(theta, size), grid)
    theirs = F.grid_sample(image, grid, mode, padding_mode, align_corners=False)
    # A place that is rounded differently moves the result by slope times rounding error.
    ours = grid_sample(image, grid, mode, padding_mode)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=20 * TOLERANCE[dtype])


@pytest.mark.parametrize(("mode", "padding_mode"), MODES)
def test_grid_sample_on_centres_edges_and_in_the_middle_between_pixels(mode, padding_mode):
    """Each half pixel from outside to outside; with 4 and 8 pixels all places are exact."""
    (image,) = tensors((1, 2, 4, 8))
    y, x = torch.arange(-2, 6, 0.5).double(), torch.arange(-2, 10, 0.5).double()  # in pixels
    rows, columns = torch.meshgrid((2 * y + 1) / 4 - 1, (2 * x + 1) / 8 - 1, indexing="ij")
    grid = torch.stack([columns, rows], dim=-1)[None]
    theirs = F.grid_sample(image, grid, mode, padding_mode, align_corners=False)
    assert_equal(grid_sample(image, grid, mode, padding_mode), theirs)


def test_grid_sample_nearest_goes_to_the_even_one_and_reads_no_other():
    image = torch.tensor([[[[0.0, torch.nan, 2.0, 3.0]]]])
    places = torch.tensor([0.0, 0.5, 1.5, 2.4, 2.5])  # in pixels
    grid = torch.stack([(2 * places + 1) / 4 - 1, torch.zeros(5)], dim=-1)[None, None]
    assert grid_sample(image, grid, "nearest").tolist() == [[[[0, 0, 2, 2, 2]]]]


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
        torch.testing.assert_close(grid_sample(image, grid, "nearest"), expected)
    edge = grid_sample(image, grid, padding_mode="border")  # the last map
    torch.testing.assert_close(edge, image[..., -1:].expand_as(image))


@pytest.mark.parametrize("padding_mode", ["zeros", "border"])
def test_affine_warp_has_the_right_gradient(padding_mode):
    image, theta = (t.requires_grad_() for t in tensors((1, 2, 3, 4), (1, 2, 3), seed=2))
    assert torch.autograd.gradcheck(
        lambda x, m: grid_sample(x, affine_grid(m, (1, 2, 2, 3)), padding_mode=padding_mode),
        [image, theta],
    )


def test_grid_sample_nearest_has_the_right_gradient():
    image, grid = (t.requires_grad_() for t in tensors((1, 2, 3, 4), (1, 2, 3, 2)))
    assert torch.autograd.gradcheck(lambda x: grid_sample(x, grid, "nearest"), [image])
    grid_sample(image, grid, "nearest").sum().backward()
    assert not grid.grad.any()


def test_no_picture_and_no_place():
    (image,) = tensors((2, 3, 4, 5))
    assert grid_sample(image[:0], torch.zeros(0, 2, 2, 2).double()).shape == (0, 3, 2, 2)
    assert grid_sample(image, torch.zeros(2, 0, 3, 2).double()).shape == (2, 3, 0, 3)


def test_inputs_are_left_as_they_were_and_may_lie_in_memory_as_they_like():
    given_tensors = image, theta, grid = tensors((2, 3, 5, 4), (2, 2, 3), (2, 3, 3, 2))
    copies = [tensor.clone() for tensor in given_tensors]
    resized, looked_up = resize_bilinear(image, 3), grid_sample(image, grid)
    places = affine_grid(theta, (2, 3, 4, 4))
    assert all(torch.equal(a, b) for a, b in zip(given_tensors, copies, strict=True))
    assert_equal(resize_bilinear(by_column(image), 3), resized)
    assert_equal(grid_sample(by_column(image), by_column(grid)), looked_up)
    assert_equal(affine_grid(by_column(theta), (2, 3, 4, 4)), places)


IMAGE, GRID, NAN = torch.zeros(1, 3, 5, 6), torch.zeros(1, 2, 2, 2), float("nan")
THETA = torch.eye(3)[None, :2]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: resize_bilinear(IMAGE, 0), ValueError, "size is 0"),
        (lambda: resize_bilinear(IMAGE[0, 0], 2), ValueError, "image has shape"),
        (lambda: resize_bilinear(IMAGE[:, :, :0], 2), ValueError, "at least one pixel"),
        (lambda: affine_grid(THETA[0], (1, 1, 2, 2)), ValueError, r"theta\[None\]"),
        (lambda: affine_grid(THETA, (2, 1, 2, 2)), ValueError, "the same N"),
        (lambda: affine_grid([[1.0]], (1, 1, 2, 2)), TypeError, "theta is of type list"),
        (lambda: affine_grid(THETA, 2), ValueError, "size is 2, but four whole numbers"),
        (lambda: affine_grid(THETA, (1, 2, 2)), ValueError, r"size is \(1, 2, 2\)"),
        (lambda: affine_grid(THETA, (1, 1, 2.5, 2)), ValueError, r"size is \(1, 1, 2.5, 2\)"),
        (lambda: affine_grid(THETA, (1, 1, 0, 2)), ValueError, "at least 1"),
        (lambda: grid_sample(IMAGE[0], GRID), ValueError, r"image\[None\]"),
        (lambda: grid_sample(IMAGE[:, :, :0], GRID), ValueError, "at least one pixel"),
        (lambda: grid_sample(IMAGE, GRID * NAN), ValueError, "NaN or infinity"),
        (lambda: grid_sample(IMAGE, GRID + 3e38), ValueError, "too great a number"),
        (lambda: grid_sample(IMAGE, GRID.double()), TypeError, "grid has dtype torch.float64"),
        (lambda: grid_sample(IMAGE, GRID, "bicubic"), ValueError, "mode is 'bicubic'"),
        (
            lambda: grid_sample(IMAGE, GRID, padding_mode="reflection"),
            ValueError,
            "padding_mode is 'reflection'",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
