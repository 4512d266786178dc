"""Boxes around digits: how large they are, how they lie to one another, and which are one line.

A box is (left, top, right, bottom) in pixels of a picture.
"""

from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np

from netlib.picture.patch import Box

# What is so much narrower than high is a bar, or a 1.
BAR = 0.4
# What stands in a line of digits is so high, level with them by so much, and so near, in heights.
AS_HIGH, LEVEL, BESIDE_ONE = (0.7, 1.4), 0.6, 0.6
# What is around digits is so much larger.
WITHIN = 0.6


def area(box: Box) -> int:
    """In pixels."""
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def median_height(boxes: Sequence[Box]) -> float:
    """The height of most boxes."""
    return median(bottom - top for _, top, _, bottom in boxes)


def is_bar(box: Box) -> bool:
    """Whether a box is as narrow as a bar, or a 1."""
    left, top, right, bottom = box
    return right - left <= BAR * (bottom - top)


def holds(box: Box, other: Box) -> bool:
    """Whether the middle of another box is in one."""
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def is_in(boxes: Iterable[Box], other: Box) -> bool:
    """Whether the middle of another box is in one of these."""
    return any(holds(box, other) for box in boxes)


def iou(box: Box, other: Box) -> float:
    """The area that both boxes cover as a share of what either covers (intersection over union)."""
    first, last = np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])
    both = float(np.prod(np.maximum(last - first, 0)))
    return both / (area(box) + area(other) - both)


def is_far_within(boxes: Sequence[Box], other: Box) -> bool:
    """Whether boxes lie in another, and are together far smaller."""
    sides = np.array(boxes)
    first, last = sides[:, :2].min(axis=0), sides[:, 2:].max(axis=0)
    inside = (first >= np.subtract(other[:2], 2)).all() and (last <= np.add(other[2:], 2)).all()
    return bool(inside) and max(last - first) <= WITHIN * max(np.subtract(other[2:], other[:2]))


def is_as_high(box: Box, known: Sequence[Box]) -> bool:
    """Whether a box is about as high as those of a line of digits."""
    return AS_HIGH[0] <= (box[3] - box[1]) / median_height(known) <= AS_HIGH[1]


def is_one_more(box: Box, known: Sequence[Box], near: float = BESIDE_ONE) -> bool:
    """Whether a box is as high as those of a line of digits, level with one and so near to it."""
    left, top, right, bottom = box
    high = median_height(known)
    return is_as_high(box, known) and any(
        min(bottom, lower) - max(top, upper) >= LEVEL * high
        and max(left - end, start - right) <= near * high
        for start, upper, end, lower in known
    )


def starts_a_line(before: Box, box: Box) -> bool:
    """Whether a box lies before the one read before it, or below."""
    is_below = box[1] + box[3] > 2 * before[3]
    return box[2] <= before[0] or (is_below and box[0] < before[2])
