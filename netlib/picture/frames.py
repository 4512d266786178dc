"""What is drawn around digits, or under them: circles, boxes, cells, edges of a note, underlines.

A frame's ink lies along the sides of its own box, and other ink inside. It may be a digit, too: a
zero around a dot, so what reads the picture without its frames has to ask whether that is a number.
"""

from dataclasses import replace

import cv2
import numpy as np

from netlib.picture.ink import AROUND
from netlib.picture.patch import Ink, are_inside, as_boxes
from netlib.picture.pieces import Components

# Nothing smaller, in pixels, is a frame; and of more components than these none is looked at.
LEAST, MOST = 24, 150
# All but this share of a frame's ink is within this share of its sides, if it is turned by one of
# these angles (degrees), which is tried on a picture of this side in pixels.
INNER, BAND, TURNS, TRIED = 0.08, 0.17, (0, 3, -3, 6, -6, 9, -9), 96
# Only so many of its rows and columns cross more than its two sides: digits that it runs into do.
TANGLED = 0.12
# A straight side has ink in this share of its rows or columns.
SIDE = 0.85
# Narrower rings are zeros, whatever is in them.
ROUND = 0.75
# A box has holes of this share of its hull, which has this share of a rectangle's area. Its ink is
# up to this much thicker than usual, plus one pixel; what divides it is as high as it, up to this,
# and as thick as the sides of two boxes.
HOLLOW, RECTANGULAR, SWELL, HIGH, TWICE = 0.6, 0.88, 1.4, 0.88, 2.6
# An underline is at most this high, in its own width, but for its slope, which is at most so much,
# and goes along this share of what is over it. A foot that broke off a digit is not wider than
# this, and nearer than this share of its height.
FLAT, STEEPEST, ALONG, WIDER, NEAR = 0.15, 0.35, 0.8, 1.2, 0.06


def without_frames(ink: Ink, found: Components) -> Ink | None:
    """The ink without its frames; None if there are none, or nothing else.

    `found` are the components of its patch, see `find_components`.
    """
    if len(found.boxes) > MOST:
        return None
    boxes = np.array(found.boxes)
    taken = np.zeros(ink.patch.shape, bool)
    frames = []
    for n, box in enumerate(boxes):
        if min(box[2:]) < LEAST:
            continue
        left, top, width, height = box
        inside = slice(top, top + height), slice(left, left + width)
        mask = found.labels[inside] == n + 1
        if _goes_around(mask, _inside(boxes, n)):
            frames.append(n)
            taken[inside] |= mask
        elif (rim := _rim(mask)) is not None:
            taken[inside] |= rim
    for n in _underlines(found, boxes, frames):
        taken |= found.labels == n + 1
    if not taken.any():
        return None
    faint = cv2.dilate(taken.view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    cleared = np.where(taken | (faint & (found.labels == 0)), np.float32(0), ink.patch)
    bare = replace(ink, patch=cleared).trimmed()
    return bare if bare.box else None


def _inside(boxes: np.ndarray, n: int) -> np.ndarray:
    """The boxes inside one of them."""
    sides = as_boxes(boxes)
    return boxes[are_inside(sides, sides[n])]


def _goes_around(mask: np.ndarray, inside: np.ndarray) -> bool:
    """Whether a component goes around the boxes inside of its own."""
    height, width = mask.shape
    if not len(inside) or np.ptp([inside[:, 1], inside[:, 1] + inside[:, 3]]) < AROUND * height:
        return False
    scale = min(1.0, TRIED / max(mask.shape))
    size = tuple(max(1, round(side * scale)) for side in mask.shape[::-1])
    small = cv2.resize(mask.view(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
    return any(_is_outline(_turned(small, angle), width < ROUND * height) for angle in TURNS)


def _turned(tones: np.ndarray, angle: float) -> np.ndarray:
    """Ink turned by some degrees, in its own box."""
    if angle:
        side = round(1.5 * max(tones.shape))
        turn = cv2.getRotationMatrix2D((tones.shape[1] / 2, tones.shape[0] / 2), angle, 1)
        turn[:, 2] += side / 2 - np.array(tones.shape[::-1]) / 2
        tones = cv2.warpAffine(tones, turn, (side, side))
    left, top, width, height = cv2.boundingRect((tones > 64).view(np.uint8))
    return tones[top : top + height, left : left + width] / np.float32(255)


def _is_outline(tones: np.ndarray, is_narrow: bool) -> bool:
    """Whether ink lies along its own box only, and if that is narrow, along straight sides."""
    height, width = tones.shape
    edge_y, edge_x = max(1, round(BAND * height)), max(1, round(BAND * width))
    middle = tones[edge_y : height - edge_y, edge_x : width - edge_x]
    if middle.sum() > INNER * tones.sum() or _tangle(tones) > TANGLED:
        return False
    level, upright = (tones[:edge_y], tones[-edge_y:]), (tones[:, :edge_x], tones[:, -edge_x:])
    bands = [band.max(0) for band in level] + [band.max(1) for band in upright]
    return not is_narrow or sum((band > 0.25).mean() >= SIDE for band in bands) >= 2


def _tangle(tones: np.ndarray) -> float:
    """The share of rows, or of columns, that cross more than two strokes."""
    ink = np.pad(tones > 0.25, 1).astype(np.int8)
    return max(float(((np.diff(ink, axis=axis) > 0).sum(axis) > 2).mean()) for axis in (0, 1))


def _rim(mask: np.ndarray) -> np.ndarray | None:
    """The part of a component that is a box and what divides it; None if it is no box.

    Digits may run into it: what is near to the outside goes, as far as the box is thick.
    """
    contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    hull = cv2.convexHull(np.concatenate(contours))
    area = cv2.contourArea(hull)
    sides = cv2.minAreaRect(hull)[1]
    if area < RECTANGULAR * sides[0] * sides[1]:
        return None
    around = cv2.copyMakeBorder(mask.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    cv2.floodFill(around, None, (0, 0), 2)
    holes = around == 0
    if holes.sum() < HOLLOW * area:
        return None
    from_outside = cv2.distanceTransform((around != 2).view(np.uint8), cv2.DIST_L2, 3)
    from_holes = cv2.distanceTransform((~holes).view(np.uint8), cv2.DIST_L2, 3)
    ink = around == 1
    thickness = float(np.median(from_holes[ink & (from_outside <= 1)]))
    rim = ink & (from_outside <= SWELL * thickness + 1)
    count, labels, stats, _ = cv2.connectedComponentsWithStats((ink & ~rim).view(np.uint8))
    high = min(sides) if mask.shape[1] > mask.shape[0] else max(sides)
    inner = high - 2 * (SWELL * thickness + 1)
    for n in range(1, count):
        if stats[n, cv2.CC_STAT_HEIGHT] < HIGH * inner:
            continue
        side = labels == n
        points = np.argwhere(side).astype(np.float32)
        if min(cv2.minAreaRect(points)[1]) <= TWICE * thickness:
            rim |= side
    return rim[1:-1, 1:-1]


def _underlines(found: Components, boxes: np.ndarray, frames: list[int]) -> list[int]:
    """Which components are flat, below all high ones and together as wide as these.

    What is below is told along the widest flat one; that alone is wider than any digit.
    """
    courses = [_course(found.labels, n + 1, box) for n, box in enumerate(boxes)]
    slopes, thick = np.array(courses).T
    flat = (thick <= FLAT * boxes[:, 2]) & (np.abs(slopes) <= STEEPEST)
    others = ~flat & (boxes[:, 3] >= AROUND * boxes[:, 3].max())
    others[frames] = False
    if not others.any():
        return []
    left, top, right, bottom = as_boxes(boxes).T
    fall = slopes[np.where(flat, boxes[:, 2], 0).argmax()] * (left + right) / 2
    width = right[others].max() - left[others].min()
    foot = (bottom - fall)[others].max()
    near = NEAR * (foot - (top - fall)[others].min())
    for over, along in ((0, WIDER), (near, ALONG)):
        under = np.flatnonzero(flat & ((top + bottom) / 2 - fall >= foot + over))
        widest = min(WIDER * boxes[others, 2].max(), along * width)
        if boxes[under, 2].max(initial=0) < widest:
            continue
        if right[under].max() - left[under].min() >= along * width:
            return under.tolist()
    return []


def _course(labels: np.ndarray, label: int, box: np.ndarray) -> tuple[float, float]:
    """The slope of what lies, and how thick it is; 0 and its height for all else."""
    left, top, width, height = box
    if height > width / 2:
        return 0.0, float(height)
    y, x = np.nonzero(labels[top : top + height, left : left + width] == label)
    slope = np.polyfit(x, y, 1)[0]
    return float(slope), float(np.ptp(y - slope * x)) + 1
