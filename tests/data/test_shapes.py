"""Drawn scenes: what is said of a picture is what is drawn in it."""

import math

import numpy as np
import pytest
import torch
from skimage.feature import match_template
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.transforms import v2

from iip_lib.data import ShapesDataset, photo, shapes

TASKS = ("classify", "segment", "detect", "pose")


def boxes_by_hand(masks):
    """(n, 4): from edge to edge, by looking at every pixel."""
    boxes = []
    for mask in masks:
        rows, columns = mask.nonzero(as_tuple=True)
        boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    return torch.tensor(boxes, dtype=torch.float32)


def drawn(label, radius=20.0, size=64, angle=0.0):
    outlines = shapes._place(shapes._OUTLINES[label](), np.full(2, size / 2), radius, angle)
    return shapes._cover(outlines, size)


@pytest.mark.parametrize(
    ("name", "area"),
    [
        ("circle", math.pi),
        ("square", 2),
        ("triangle", 3 * math.sqrt(3) / 4),
        ("ring", math.pi * (1 - 0.6**2)),
        ("half disc", math.pi / 2),
        ("cross", 2 * 0.6 * 2 * math.sqrt(0.91) - 0.36),
        ("star", 5 * 0.4 * math.sin(math.pi / 5)),
        ("arrow", 0.8 + 0.6 * 0.95),
    ],
)
def test_areas_by_formula(name, area):
    for angle in (0, 0.7, 2):
        cover = drawn(ShapesDataset.names.index(name), angle=angle)
        assert cover.sum() == pytest.approx(area * 20**2, rel=0.03)
        assert (cover > 0.5).sum() == pytest.approx(area * 20**2, rel=0.04)


def test_ten_classes_that_differ_at_any_angle():
    covers = [[drawn(c, angle=a) for a in np.linspace(0, 2 * math.pi, 24)] for c in range(10)]
    assert len(ShapesDataset.names) == len(shapes._OUTLINES) == 10
    for one in range(10):
        for other in range(one):
            overlaps = [
                np.minimum(covers[one][0], b).sum() / np.maximum(covers[one][0], b).sum()
                for b in covers[other]
            ]
            assert max(overlaps) < 0.85, (one, other)


def test_a_square_by_hand():
    """Edges at whole numbers: exactly these pixels."""
    square = np.array([[1, 2], [4, 2], [4, 6], [1, 6]], dtype=float)  # x, y
    expected = np.zeros((8, 8))
    expected[2:6, 1:4] = 1
    assert np.array_equal(shapes._cover([(square, True)], 8), expected)


def test_a_half_covered_pixel():
    square = np.array([[1, 1], [2 + 1 / 3, 1], [2 + 1 / 3, 2], [1, 2]])
    assert shapes._cover([(square, True)], 4)[1] == pytest.approx([0, 1, 1 / 3, 0])


@pytest.mark.parametrize("task", TASKS)
def test_form_of_picture_and_target(task):
    dataset = ShapesDataset(6, task=task, image_size=48)
    for image, target in dataset:
        assert isinstance(image, tv_tensors.Image)
        assert image.shape == (3, 48, 48)
        assert image.dtype == torch.float32
        assert image.is_contiguous()
        assert image.min() >= 0
        assert image.max() <= 1
        if task == "classify":
            assert isinstance(target, int)
            assert 0 <= target < 10 == len(dataset.classes)
        elif task == "segment":
            assert isinstance(target, tv_tensors.Mask)
            assert target.shape == (48, 48)
            assert target.dtype == torch.int64
            assert 0 in target
            assert 0 < target.max() <= 10 == len(dataset.classes) - 1
        else:
            n = len(target["labels"])
            assert 1 <= n <= 3
            assert target["boxes"].shape == (n, 4)
            assert target["masks"].shape == (n, 48, 48)
            assert target["masks"].dtype == torch.bool
            assert target["labels"].dtype == torch.int64
            assert target["labels"].min() >= 1
            assert target["labels"].max() < len(dataset.classes)


@pytest.mark.parametrize("task", ["detect", "pose"])
def test_box_of_the_visible_mask_is_the_box(task):
    for _, target in ShapesDataset(15, task=task, max_objects=4):
        assert torch.equal(
            target["boxes"].as_subclass(torch.Tensor), boxes_by_hand(target["masks"])
        )
        assert target["masks"].sum(dim=0).max() == 1  # visible parts do not overlap


def test_the_tasks_tell_of_the_same_scene():
    detect, segment = (ShapesDataset(10, task=task) for task in ("detect", "segment"))
    for (image, target), (other, semantic) in zip(detect, segment, strict=True):
        assert torch.equal(image, other)
        expected = torch.zeros(64, 64, dtype=torch.int64)
        for mask, label in zip(target["masks"], target["labels"], strict=True):
            expected[mask] = label
        assert torch.equal(semantic.as_subclass(torch.Tensor), expected)


def test_a_scene_follows_from_seed_and_index_alone():
    dataset = ShapesDataset(8, seed=3)
    backwards = [dataset[i] for i in reversed(range(8))][::-1]
    torch.rand(1), np.random.rand(1)
    before = torch.get_rng_state()
    for (image, target), (other, again) in zip(ShapesDataset(20, seed=3), backwards, strict=False):
        assert torch.equal(image, other)
        assert torch.equal(target["masks"], again["masks"])
    assert torch.equal(torch.get_rng_state(), before)
    images = [ShapesDataset(2, seed=s)[i][0] for s in (3, 4) for i in (0, 1)]
    assert not any(torch.equal(images[0], other) for other in images[1:])
    assert torch.equal(dataset[-1][0], dataset[7][0])


def test_every_class_comes_about_as_often():
    counts = np.bincount([y for _, y in ShapesDataset(300, task="classify", image_size=16)])
    assert len(counts) == 10
    assert counts.min() > 12


def test_an_object_differs_from_what_is_around_it():
    differences = []
    for image, target in ShapesDataset(30, max_objects=1):
        mask = target["masks"][0]
        differences.append((image[:, mask].mean(1) - image[:, ~mask].mean(1)).abs().sum())
    assert torch.stack(differences).min() > 0.25


def test_no_occlusion_and_much():
    def share_hidden(occlusion):
        hidden = []
        dataset = ShapesDataset(30, max_objects=4, occlusion=occlusion, scale=(0.5, 0.5))
        for i in range(30):
            _, things = dataset._draw(np.random.default_rng([0, i]))
            hidden += [1 - thing.mask.sum() / thing.whole for thing in things]
        return max(hidden)

    assert share_hidden(0.0) == 0
    assert 0.2 < share_hidden(0.5) <= 0.5
    assert 0.5 < share_hidden(0.9) <= 0.9


def test_scale_and_noise():
    for _, target in ShapesDataset(20, scale=(0.5, 0.5), max_objects=1, noise=0):
        box = target["boxes"][0]
        assert max(box[2] - box[0], box[3] - box[1]) <= 0.5 * 64 + 1
    still, noisy = (ShapesDataset(1, noise=noise)[0][0] for noise in (0, 0.1))
    inside = (still > 0.3) & (still < 0.7)  # where nothing is cut off
    assert (noisy - still)[inside].std() == pytest.approx(0.1, rel=0.1)


FLIPS = {"horizontal": v2.RandomHorizontalFlip(1), "vertical": v2.RandomVerticalFlip(1)}


@pytest.mark.parametrize("task", ["segment", "detect", "pose"])
@pytest.mark.parametrize("flip", FLIPS)
def test_a_flip_moves_everything_together(task, flip):
    axis = -1 if flip == "horizontal" else -2
    plain = ShapesDataset(5, task=task)
    for (image, target), (image_2, target_2) in zip(
        plain, ShapesDataset(5, task=task, transforms=FLIPS[flip]), strict=True
    ):
        assert torch.equal(image_2, image.flip(axis))
        if task == "segment":
            assert torch.equal(target_2, target.flip(axis))
            continue
        assert torch.equal(target_2["masks"], target["masks"].flip(axis))
        boxes = target_2["boxes"].as_subclass(torch.Tensor)
        assert torch.equal(boxes, boxes_by_hand(target_2["masks"]))
        if task == "pose":
            i = 0 if axis == -1 else 1
            moved = target_2["keypoints"][..., i]
            torch.testing.assert_close(moved, 63 - target["keypoints"][..., i])


def test_keypoints_lie_on_their_figure():
    for _, target in ShapesDataset(15, task="pose", image_size=96):
        assert target["keypoints"].shape == (len(target["labels"]), 11, 2)
        for mask, points, visible in zip(
            target["masks"], target["keypoints"], target["visible"], strict=True
        ):
            x, y = points.round().long().T
            assert x.min() >= 0
            assert x.max() < 96
            near = [
                mask[max(j - 1, 0) : j + 2, max(i - 1, 0) : i + 2].any()
                for i, j in zip(x.tolist(), y.tolist(), strict=True)
            ]
            assert torch.stack(near)[visible].all()


def test_a_keypoint_by_hand(monkeypatch):
    """The keypoint of a head without a body is the mean of its pixels."""
    monkeypatch.setattr(ShapesDataset, "limbs", ())
    y, x = np.mgrid[:96, :96]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        head = shapes._person(rng, np.array([40.2, 51.7]), 40, 96, sides=False)
        cover = head.cover()
        centre = [(cover * x).sum() / cover.sum(), (cover * y).sum() / cover.sum()]
        assert head.points[0] == pytest.approx(centre, abs=0.05)
        assert np.linalg.norm(shapes._joints(rng), axis=1).max() <= 1


@pytest.mark.parametrize("task", ["detect", "pose"])
def test_the_smallest_objects_are_to_be_seen(task):
    for _, target in ShapesDataset(60, task=task, image_size=16, scale=(0.25, 0.25)):
        assert target["masks"].flatten(1).any(dim=1).all()


def test_left_is_light_and_right_is_dark():
    """Seen from the front or the back, and where the colour is not cut off."""
    left = [ShapesDataset.keypoints.index(f"left {part}") for part in ("elbow", "knee")]
    right = [ShapesDataset.keypoints.index(f"right {part}") for part in ("elbow", "knee")]
    options = {"image_size": 96, "max_objects": 1, "scale": (0.9, 0.9), "noise": 0.0}
    facing = []
    for image, target in ShapesDataset(20, task="pose", sides=True, **options):
        points = target["keypoints"][0]
        x, y = points.round().long().T
        brightness = image.mean(dim=0)[y, x]
        assert brightness[left].mean() > brightness[right].mean() + 0.15
        facing.append(bool(points[left, 0].mean() > points[right, 0].mean()))
    assert 4 <= sum(facing) <= 16
    for _, target in ShapesDataset(8, task="pose", **options):
        points = target["keypoints"][0]
        assert points[left, 0].mean() > points[right, 0].mean()  # all face us


def test_names_and_limbs():
    dataset = ShapesDataset(1, task="pose")
    assert dataset.classes == ["background", "person"]
    assert len(dataset.keypoints) == 11
    assert {i for limb in dataset.limbs for i in limb} == set(range(11))
    assert len(dataset.limbs) == 10  # a tree
    for a, b in dataset.limbs:
        sides = {dataset.keypoints[i].split()[0] for i in (a, b)} & {"left", "right"}
        assert len(sides) <= 1


@pytest.mark.parametrize("size", [16, 33, 200, 600])
def test_sizes(size):
    image, _ = ShapesDataset(1, image_size=size)[0]
    assert image.shape == (3, size, size)


@pytest.mark.parametrize("seed", range(4))
def test_a_texture_is_a_piece_of_a_photograph(seed):
    """Up to brightness and contrast; so large that nothing is made smaller."""
    colour = np.array([0.2, 0.5, 0.7])
    texture = shapes._texture(np.random.default_rng(seed), 280, colour)
    assert texture.mean(axis=(0, 1)) == pytest.approx(colour)
    likeness = [match_template(picture, texture[..., 0]).max() for picture in shapes._pictures()]
    assert sorted(likeness)[-1] > 0.999
    assert sorted(likeness)[-2] < 0.9


def test_objects_and_what_is_behind_them_have_a_texture():
    for image, target in ShapesDataset(10, noise=0, max_objects=1, scale=(0.6, 0.6)):
        mask = target["masks"][0]
        inner = mask & mask.roll(2, 0) & mask.roll(-2, 0) & mask.roll(2, 1) & mask.roll(-2, 1)
        for region in (inner, ~mask):
            assert image[:, region].std(dim=1).max() > 0.003


def test_a_fresh_process_draws_the_same_scenes():
    """Started anew, so the dataset travels there, and nothing else does."""
    dataset = ShapesDataset(4, task="segment", transforms=v2.RandomHorizontalFlip(1))
    loader = DataLoader(dataset, batch_size=4, num_workers=1, multiprocessing_context="spawn")
    [(images, masks)] = loader
    for i in range(4):
        image, mask = dataset[i]
        assert torch.equal(images[i], image.as_subclass(torch.Tensor))
        assert torch.equal(masks[i], mask.as_subclass(torch.Tensor))


def test_textures_come_from_the_photographs():
    assert len(shapes._pictures()) == len(shapes._TEXTURES)
    for name, picture in zip(shapes._TEXTURES, shapes._pictures(), strict=True):
        assert picture.shape == photo(name).shape[1:]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "count"}, r"no task 'count': choose one of classify, segment, detect, pose"),
        ({"image_size": 8}, r"image_size is 8, but a whole number of at least 16 is needed"),
        ({"image_size": 64.0}, "image_size is 64.0"),
        ({"max_objects": 0}, "max_objects is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"length": True}, "length is True"),
        ({"scale": (0.6, 0.2)}, r"scale is \(0.6, 0.2\), but two growing shares"),
        ({"scale": (0.6, 2)}, r"scale is"),
        ({"scale": (0.05, 0.5)}, r"objects of at least 4 pixels are needed"),
        ({"occlusion": 1.0}, "occlusion is 1.0, but a share from 0 to below 1"),
        ({"noise": -0.1}, "noise is -0.1, but at least 0"),
        ({"noise": math.nan}, "noise is nan"),
    ],
)
def test_refuses_what_is_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        ShapesDataset(**{"length": 3, **options})


@pytest.mark.parametrize("index", [3, -4, 100])
def test_a_scene_that_is_not_there(index):
    with pytest.raises(IndexError, match=f"scene {index} is asked for, but there are 3"):
        ShapesDataset(3)[index]


def test_an_empty_dataset():
    assert list(ShapesDataset(0)) == []
