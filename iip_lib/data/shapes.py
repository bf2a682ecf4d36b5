"""A drawn world: scenes whose label, boxes, masks and keypoints are known exactly."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from operator import index as as_index
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from .photos import photo

# torchvision and skimage are imported where they are used: it takes seconds.

__all__ = ["ShapesDataset"]

_TASKS = ("classify", "segment", "detect", "pose")
_TEXTURES = ("brick", "chelsea", "coffee", "coins", "grass", "gravel")
_SUBPIXELS = 3  # a pixel is covered by this many rows and columns of points
_TRIES = 20  # places tried for an object before it is left out

Outline = tuple[np.ndarray, bool]  # corners (n, 2) in xy, and whether they add or cut away


class ShapesDataset(Dataset):
    """Drawn scenes with everything that can be asked of a picture.

    The ten classes are circle, square, triangle, star, cross, ring, crescent, heart, arrow and
    half disc, at any angle; the figures of ``task="pose"`` are people. Backgrounds and fills are
    cut from the photographs of `photo` and coloured. Later objects hide a part of earlier ones;
    then mask and box are those of the visible part.

    ============ ====================================================================
    task         target
    ============ ====================================================================
    ``classify`` the class of the one object, an int from 0
    ``segment``  a ``Mask`` (S, S), int64: 0 for the background, then the classes from 1
    ``detect``   a dict: ``boxes`` (n, 4), XYXY in pixels from edge to edge; ``labels`` (n,), int64
                 from 1; ``masks`` (n, S, S), bool
    ``pose``     the same, and ``keypoints`` (n, 11, 2), xy of pixel centres, with ``visible``
                 (n, 11), bool: nobody else stands before this point
    ============ ====================================================================

    ``classes[label]`` is the name of a label in each task: where labels begin at 1, the first name
    is "background". ``keypoints`` holds the names of the keypoints, ``limbs`` the pairs of them
    that are joined.

    Boxes, masks and keypoints are tv_tensors: torchvision.transforms.v2 moves them with the
    picture. It does not exchange left and right. A figure with ``sides=False`` always faces us, so
    that its left arm is at the right; after a flip, the keypoints of left and right must be
    exchanged. With ``sides=True`` its left limbs are light and its right ones are dark, half of
    the figures turn their back to us, and a flip keeps the names right.

    Args:
        length: how many scenes there are.
        task: what is asked: see the table.
        image_size: rows and columns S of a picture, at least 16.
        max_objects: the most objects in a scene; with ``classify`` there is always one.
        seed: scene `i` follows from this number and `i` alone.
        scale: least and greatest diameter of the circle around an object, as a share of S.
        occlusion: the greatest share of an object that others may hide, from 0 to below 1.
        noise: standard deviation of the noise on each pixel.
        sides: whether the left and right limbs of a figure differ.
        transforms: called with picture and target, gives both.

    Returns:
        A dataset. ``dataset[i]`` is an ``Image`` (3, S, S), float32 in [0, 1], and a target.

    Raises:
        IndexError: ``dataset[i]`` for a scene that is not there.
        ValueError: an argument is out of its range.

    Example:
        >>> image, target = ShapesDataset(100, task="detect")[0]
        >>> image.shape, target["boxes"].shape[1], target["masks"].shape[1:]
        (torch.Size([3, 64, 64]), 4, torch.Size([64, 64]))
        >>> image, label = ShapesDataset(100, task="classify")[7]
        >>> ShapesDataset(100, task="classify").classes[label] in ShapesDataset.names
        True

    Source:
        The targets have the form of torchvision's detection references,
        https://docs.pytorch.org/vision/stable/models.html#object-detection

    Taught in: book/start/what_is_computer_vision.md
    """

    names = (
        "circle",
        "square",
        "triangle",
        "star",
        "cross",
        "ring",
        "crescent",
        "heart",
        "arrow",
        "half disc",
    )
    keypoints = (
        "head",
        "neck",
        "pelvis",
        "left elbow",
        "left hand",
        "right elbow",
        "right hand",
        "left knee",
        "left foot",
        "right knee",
        "right foot",
    )
    limbs = ((0, 1), (1, 2), (1, 3), (3, 4), (1, 5), (5, 6), (2, 7), (7, 8), (2, 9), (9, 10))

    def __init__(
        self,
        length: int,
        *,
        task: str = "detect",
        image_size: int = 64,
        max_objects: int = 3,
        seed: int = 0,
        scale: tuple[float, float] = (0.25, 0.6),
        occlusion: float = 0.5,
        noise: float = 0.03,
        sides: bool = False,
        transforms: Callable[[Any, Any], tuple[Any, Any]] | None = None,
    ):
        if task not in _TASKS:
            raise ValueError(f"there is no task {task!r}: choose one of {', '.join(_TASKS)}")
        for name, value, least in (
            ("length", length, 0),
            ("image_size", image_size, 16),
            ("max_objects", max_objects, 1),
            ("seed", seed, 0),
        ):
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(
                    f"{name} is {value!r}, but a whole number of at least {least} is needed: "
                    f"try {name}={max(least, 1)}"
                )
        if not 0 < scale[0] <= scale[1] <= 1:
            raise ValueError(
                f"scale is {scale!r}, but two growing shares of the picture, above 0 and at most "
                f"1, are needed: try scale=(0.25, 0.6)"
            )
        if scale[0] * image_size < 4:
            raise ValueError(
                f"scale is {scale!r} and image_size is {image_size}, but objects of at least 4 "
                f"pixels are needed: try scale=({4 / image_size:.2g}, {max(0.6, scale[1]):g})"
            )
        if not 0 <= occlusion < 1:
            raise ValueError(
                f"occlusion is {occlusion!r}, but a share from 0 to below 1 is needed: "
                f"try occlusion=0.5"
            )
        if not noise >= 0:
            raise ValueError(f"noise is {noise!r}, but at least 0 is needed: try noise=0.03")
        self.length, self.task, self.image_size = length, task, image_size
        self.max_objects, self.seed, self.scale = max_objects, seed, scale
        self.occlusion, self.noise, self.sides = occlusion, noise, sides
        self.transforms = transforms
        things = ("person",) if task == "pose" else self.names
        self.classes = list(things if task == "classify" else ("background", *things))

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        index = as_index(index)
        if not -self.length <= index < self.length:
            raise IndexError(
                f"scene {index} is asked for, but there are {self.length}: "
                f"choose from 0 to {self.length - 1}"
            )
        rng = np.random.default_rng([self.seed, index % self.length])
        canvas, things = self._draw(rng)
        canvas = canvas + rng.normal(0, self.noise, canvas.shape)
        sample = self._image(canvas), self._target(things)
        return sample if self.transforms is None else self.transforms(*sample)

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, list["_Thing"]]:
        """A picture (S, S, 3), and what is to be seen in it, from the farthest to the nearest."""
        size = self.image_size
        canvas = _texture(rng, size, _colour(rng))
        count = 1 if self.task == "classify" else int(rng.integers(1, self.max_objects + 1))
        things: list[_Thing] = []
        for _ in range(count):
            for _ in range(_TRIES):
                thing = self._thing(rng)
                if all(other.share_left(thing) >= 1 - self.occlusion for other in things):
                    break
            else:
                continue
            canvas = self._paint(rng, canvas, thing)
            for other in things:
                other.hide_behind(thing)
            things.append(thing)
        return canvas, things

    def _thing(self, rng: np.random.Generator) -> "_Thing":
        """An object of any class at any place, whole inside the picture."""
        size = self.image_size
        radius = rng.uniform(*self.scale) * size / 2
        centre = rng.uniform(radius, size - radius, 2)
        if self.task == "pose":
            return _person(rng, centre, radius, size, self.sides)
        label = int(rng.integers(len(self.names)))
        outlines = _place(_OUTLINES[label](), centre, radius, rng.uniform(0, 2 * math.pi))
        return _Thing(label, [_cover(outlines, size)])

    def _paint(self, rng: np.random.Generator, canvas: np.ndarray, thing: "_Thing") -> np.ndarray:
        """The picture with the object on it, in a colour that can be told from what is there."""
        mask = thing.cover() > 0.5
        behind = canvas[mask].mean(axis=0) if mask.any() else canvas.mean(axis=(0, 1))
        candidates = [_colour(rng) for _ in range(4)]
        colour = max(candidates, key=lambda c: float(np.abs(c - behind).sum()))
        fill = _texture(rng, self.image_size, colour)
        for part, brightness in zip(thing.parts, thing.brightness, strict=True):
            part = part[..., None]  # (S, S, 1)
            canvas = canvas * (1 - part) + (fill + brightness) * part
        return canvas

    def _image(self, canvas: np.ndarray) -> Tensor:
        """(S, S, 3) → Image (3, S, S) in [0, 1]."""
        from torchvision.tv_tensors import Image

        pixels = canvas.clip(0, 1).astype(np.float32).transpose(2, 0, 1)
        return Image(torch.from_numpy(np.ascontiguousarray(pixels)))

    def _target(self, things: list["_Thing"]) -> Any:
        """What the task asks for."""
        from torchvision.ops import masks_to_boxes
        from torchvision.tv_tensors import BoundingBoxes, Mask

        if self.task == "classify":
            return things[0].label
        size = (self.image_size, self.image_size)
        masks = torch.from_numpy(np.stack([thing.mask for thing in things]))  # (n, S, S)
        labels = torch.tensor([thing.label + 1 for thing in things])
        if self.task == "segment":
            semantic = (masks * labels[:, None, None]).amax(dim=0)  # visible parts do not overlap
            return Mask(semantic)
        # From the left edge of the first pixel to the right edge of the last one.
        boxes = masks_to_boxes(masks) + torch.tensor([0.0, 0, 1, 1])
        target = {
            "boxes": BoundingBoxes(boxes, format="XYXY", canvas_size=size),
            "labels": labels,
            "masks": Mask(masks),
        }
        if self.task == "pose":
            from torchvision.tv_tensors import KeyPoints  # younger than the others

            points = torch.from_numpy(np.stack([thing.points for thing in things])).float()
            target["keypoints"] = KeyPoints(points, canvas_size=size)
            target["visible"] = torch.from_numpy(np.stack([thing.visible for thing in things]))
        return target


# ---- objects -------------------------------------------------------------------------------------


@dataclass
class _Thing:
    """An object of a scene: its parts, each with its cover (S, S) in [0, 1], painted in order."""

    label: int
    parts: list[np.ndarray]
    brightness: tuple[float, ...] = (0.0,)
    points: np.ndarray | None = None  # (K, 2), xy of pixel centres

    def __post_init__(self):
        self.mask = self.cover() > 0.5  # (S, S), what is to be seen of it
        self.whole = int(self.mask.sum())
        if self.points is not None:
            self.visible = np.ones(len(self.points), dtype=bool)

    def cover(self) -> np.ndarray:
        return np.max(self.parts, axis=0)

    def share_left(self, nearer: "_Thing") -> float:
        """How much of the whole object is to be seen with another one before it."""
        left = int((self.mask & ~nearer.mask).sum())
        return left / self.whole if left else -1.0

    def hide_behind(self, nearer: "_Thing") -> None:
        self.mask &= ~nearer.mask
        if self.points is not None:
            x, y = self.points.round().astype(int).clip(0, len(self.mask) - 1).T
            self.visible &= ~nearer.mask[y, x]


def _cover(outlines: list[Outline], size: int) -> np.ndarray:
    """(size, size): the share of each pixel that lies inside the outlines."""
    from skimage.draw import polygon

    fine = np.zeros((size * _SUBPIXELS,) * 2)
    for corners, adds in outlines:
        columns, rows = corners.T * _SUBPIXELS - 0.5  # from edges to centres of the fine pixels
        fine[polygon(rows, columns, fine.shape)] = adds
    return fine.reshape(size, _SUBPIXELS, size, _SUBPIXELS).mean(axis=(1, 3))


def _place(
    outlines: list[Outline], centre: np.ndarray, radius: float, angle: float
) -> list[Outline]:
    """Outlines of the unit circle, turned, grown and moved."""
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    return [(corners @ turn * radius + centre, adds) for corners, adds in outlines]


def _arc(start: float = 0, stop: float = 360, radius: float = 1, x: float = 0) -> np.ndarray:
    """(64, 2): points of a circle around (x, 0), angles in degrees."""
    angles = np.radians(np.linspace(start, stop, 64))
    return np.stack([radius * np.cos(angles) + x, radius * np.sin(angles)], axis=1)


def _regular(corners: int, inner: float | None = None) -> np.ndarray:
    """A regular polygon, or a star whose inner corners have the radius `inner`."""
    count = corners if inner is None else 2 * corners
    angles = np.arange(count) * 2 * math.pi / count
    radii = np.ones(count) if inner is None else np.tile([1, inner], corners)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)


def _cross() -> np.ndarray:
    a, b = 0.3, math.sqrt(1 - 0.3**2)
    corner = np.array([[b, -a], [b, a], [a, a]])
    turns = [np.array([[0, 1], [-1, 0]]), -np.eye(2), np.array([[0, -1], [1, 0]])]
    return np.concatenate([corner, *(corner @ turn for turn in turns)])


def _heart() -> np.ndarray:
    t = np.radians(np.linspace(0, 360, 64))
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t) + 2.5
    return np.stack([x, y], axis=1) / 17


_ARROW = np.array([[1, 0], [0, 0.8], [0, 0.3], [-0.95, 0.3], [-0.95, -0.3], [0, -0.3], [0, -0.8]])

# In the order of ShapesDataset.names, each inside the circle of radius 1.
_OUTLINES: tuple[Callable[[], list[Outline]], ...] = (
    lambda: [(_arc(), True)],
    lambda: [(_regular(4), True)],
    lambda: [(_regular(3), True)],
    lambda: [(_regular(5, inner=0.4), True)],
    lambda: [(_cross(), True)],
    lambda: [(_arc(), True), (_arc(radius=0.6), False)],
    lambda: [(_arc(), True), (_arc(radius=0.85, x=0.5), False)],
    lambda: [(_heart(), True)],
    lambda: [(_ARROW, True)],
    lambda: [(_arc(0, 180), True)],
)


def _person(
    rng: np.random.Generator, centre: np.ndarray, radius: float, size: int, sides: bool
) -> _Thing:
    """A figure of a head, a trunk and four limbs, in any posture."""
    back = sides and rng.random() < 0.5
    lean = rng.uniform(-0.3, 0.3)
    joints = _joints(rng)  # (11, 2), inside the unit circle; left is at the right
    if back:
        joints[:, 0] *= -1
    [(points, _)] = _place([(joints, True)], centre, radius, lean)
    width = max(0.13 * radius, 1.5)  # at least a pixel is covered
    strokes = [_stroke(points[a], points[b], width) for a, b in ShapesDataset.limbs]
    head = _place([(_arc(), True)], points[0], 0.2 * radius, 0)
    groups = ([*strokes[:2], *head], [*strokes[2:4], *strokes[6:8]], [*strokes[4:6], *strokes[8:]])
    parts = [_cover(group, size) for group in groups]
    brightness = (0.0, 0.35, -0.35) if sides else (0.0, 0.0, 0.0)
    return _Thing(0, parts, brightness, points - 0.5)  # from edges to pixel centres


def _joints(rng: np.random.Generator) -> np.ndarray:
    """(11, 2): the keypoints of a person who faces us, y downwards."""
    neck, pelvis = np.array([0, -0.48]), np.array([0, 0.1])
    pairs = {}
    for side in (1, -1):  # the person's left is at our right
        for start, length, angles, bend in (
            (neck, 0.27, (-60, 70), (-40, 40)),  # arm
            (pelvis, 0.38, (40, 80), (-40, 10)),  # leg
        ):
            first = rng.uniform(*angles)
            points = [start]
            for angle in np.radians([first, first + rng.uniform(*bend)]):
                step = np.array([side * math.cos(angle), math.sin(angle)])
                points.append(points[-1] + length * step)
            pairs[side, length] = points[1:]
    arms, legs = [*pairs[1, 0.27], *pairs[-1, 0.27]], [*pairs[1, 0.38], *pairs[-1, 0.38]]
    return np.array([[0, -0.75], neck, pelvis, *arms, *legs])


def _stroke(start: np.ndarray, end: np.ndarray, width: float) -> Outline:
    """A line with round ends."""
    x, y = end - start
    angle = math.atan2(y, x)
    far = _arc(-90, 90, width / 2) + np.array([math.hypot(x, y), 0])
    corners = np.concatenate([far, _arc(90, 270, width / 2)])
    return _place([(corners, True)], start, 1, angle)[0]


# ---- colours and textures ------------------------------------------------------------------------


def _colour(rng: np.random.Generator) -> np.ndarray:
    """(3,): any colour that is not very dark."""
    return rng.uniform(0.1, 0.9, 3)


def _texture(rng: np.random.Generator, size: int, colour: np.ndarray) -> np.ndarray:
    """(size, size, 3): a piece of a photograph, its mean moved to a colour."""
    pictures = _pictures()
    picture = pictures[int(rng.integers(len(pictures)))]  # (H, W)
    step = int(rng.integers(1, 1 + max(1, min(3, min(picture.shape) // size))))
    reach = size * step
    if min(picture.shape) < reach:
        picture = np.pad(picture, [(0, max(0, reach - side)) for side in picture.shape], "reflect")
    top = int(rng.integers(picture.shape[0] - reach + 1))
    left = int(rng.integers(picture.shape[1] - reach + 1))
    piece = picture[top : top + reach, left : left + reach]
    piece = piece.reshape(size, step, size, step).mean(axis=(1, 3))  # (size, size)
    piece = (piece - piece.mean()) * rng.uniform(0.3, 0.7)
    return colour + piece[..., None]


@cache
def _pictures() -> list[np.ndarray]:
    """The photographs in grey, (H, W) each, read once."""
    return [photo(name).mean(dim=0).numpy() for name in _TEXTURES]
