"""Boxes: how much two of them have in common, and which of many stay."""

import torch
from torch import Tensor

from ._checks import check_floating

__all__ = ["box_iou", "nms"]


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Intersection over union of each box of one list with each of the other.

    iou[i, j] = area of the intersection / (area i + area j - area of the intersection)

    Args:
        boxes1: (n, 4): left, upper, right and lower edge of each box, in pixels.
        boxes2: (m, 4), likewise.

    Returns:
        (n, m), from 0 (no area in common) to 1 (the same box); NaN for two boxes without area.

    Raises:
        TypeError: something else than floating-point tensors came, or two data types.
        ValueError: a shape does not fit, or an edge is on the wrong side.

    Example:
        >>> import torch
        >>> box_iou(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 3.0, 2.0]]))
        tensor([[0.3333]])

    Source:
        The twin is torchvision.ops.box_iou; it also takes integers and other kinds of boxes.

    Taught in: book/detection/boxes.md
    """
    check_floating(boxes1=boxes1, boxes2=boxes2)
    _check_boxes("boxes1", boxes1)
    _check_boxes("boxes2", boxes2)
    out = boxes1.new_zeros(len(boxes1), len(boxes2))
    for i, one in enumerate(boxes1):
        for j, other in enumerate(boxes2):
            out[i, j] = _iou(one, other)
    return out


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Non-maximum suppression: of boxes that overlap much, the best one stays.

    From the greatest score to the smallest, a box stays if its IoU with each box that already
    stays is at most the threshold. Of equal scores, the first in the list comes first. Classes are
    not known here: call it once for the boxes of each.

    Args:
        boxes: (n, 4): left, upper, right and lower edge of each box, in pixels.
        scores: (n,), greater is better.
        iou_threshold: from 0 to 1; 1 keeps all boxes.

    Returns:
        (k,) int64, the indices of the boxes that stay, the best first.

    Raises:
        TypeError: something else than floating-point tensors came, or two data types.
        ValueError: a shape or the threshold does not fit, an edge is on the wrong side, or a
            score is NaN.

    Example:
        >>> import torch
        >>> boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
        >>> nms(boxes, torch.tensor([0.8, 0.9, 0.3]), iou_threshold=0.5)
        tensor([1, 2])

    Source:
        The twin is torchvision.ops.nms.

    Taught in: book/detection/boxes.md
    """
    check_floating(boxes=boxes, scores=scores)
    _check_boxes("boxes", boxes)
    if scores.shape != boxes.shape[:1]:
        raise ValueError(
            f"scores has shape {tuple(scores.shape)} for {len(boxes)} boxes, but one score a box "
            f"is needed: give it the shape ({len(boxes)},)"
        )
    if not 0 <= iou_threshold <= 1:
        raise ValueError(
            f"iou_threshold is {iou_threshold!r}, but a number from 0 to 1 is needed: try 0.5"
        )
    if scores.isnan().any():
        raise ValueError(
            "scores holds NaN, but numbers that can be put in order are needed: look for a "
            "division by zero where they were computed"
        )
    numbers = scores.tolist()
    # Python's sort leaves equal numbers in their order.
    ranking = sorted(range(len(numbers)), key=lambda i: numbers[i], reverse=True)
    kept = []
    for i in ranking:
        # "not any greater" keeps a box without area, whose IoU may be NaN, as the twin does.
        if not any(_iou(boxes[i], boxes[k]).item() > iou_threshold for k in kept):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64, device=boxes.device)


def _iou(one: Tensor, other: Tensor) -> Tensor:
    """The IoU of two boxes (4,)."""
    left, upper = torch.maximum(one[:2], other[:2])
    right, lower = torch.minimum(one[2:], other[2:])
    # A negative side means that the boxes lie apart.
    common = (right - left).clamp(min=0) * (lower - upper).clamp(min=0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return common / (areas[0] + areas[1] - common)


def _check_boxes(name: str, boxes: Tensor) -> None:
    """Refuse what are no boxes."""
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(
            f"{name} has shape {tuple(boxes.shape)}, but (n, 4) is needed: one box (4,) becomes "
            f"(1, 4) by {name}[None], no box is torch.zeros(0, 4)"
        )
    if not (boxes[:, :2] <= boxes[:, 2:]).all():
        raise ValueError(
            f"{name} holds a box whose left or upper edge lies behind the other, but left, upper, "
            f"right, lower is needed: a box as x, y, width, height is converted by "
            f'torchvision.ops.box_convert({name}, "xywh", "xyxy")'
        )
