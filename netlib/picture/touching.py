"""Touching digits that no seam parts well: straight cuts from corner to corner of their outline.

Where strokes meet, the outline of the ink turns inwards sharply. A cut between two such corners
parts digits that touch at one place, two cuts part those that touch at two.
"""

import itertools
from collections.abc import Sequence

import cv2
import numpy as np

from netlib.picture.digit import stroke_width
from netlib.picture.parts import COMPONENT_LEVEL
from netlib.picture.patch import as_boxes

# Outlines are looked at where strokes are so many pixels wide, or the ink so high.
STROKE, HIGHEST = 8.0, 128
ARM = 0.45  # a corner is seen between points so many stroke widths before it and behind
TURN = 30.0  # degrees by which the outline turns inwards there
LONGEST = 6.0  # stroke widths of a cut
INSIDE = 0.85  # share of a cut that goes through ink
MOST_CUTS = 28  # the shortest
TALL = 0.7  # both parts have this share of the ink's height
BIT = 1.5  # what else is cut off has at most the area of so many squares of the stroke's width
GRID = 6  # pixels between those that tell whether two ways are the same

Cut = tuple[float, tuple[int, int], tuple[int, int]]  # its length in pixels, and its ends


def partings(ink: np.ndarray) -> list[np.ndarray]:
    """The ways to part connected ink (H, W): masks (H, W) of the left of two parts."""
    stroke, (height, width) = max(stroke_width(ink), 1.0), ink.shape
    scale = min(STROKE / stroke, HIGHEST / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA
    mask = (cv2.resize(ink, size, interpolation=how) > COMPONENT_LEVEL).view(np.uint8)
    stroke *= scale
    cuts = _cuts(mask, stroke)
    found = {cut: _left_part(mask, [cut], stroke) for cut in cuts}
    ways = [left for left in found.values() if left is not None]
    rest = [cut for cut, left in found.items() if left is None]
    for pair in itertools.combinations(rest, 2):
        left = _left_part(mask, pair, stroke)
        if left is not None:
            ways.append(left)
    different = {left[::GRID, ::GRID].tobytes(): left for left in reversed(ways)}
    masks = (left.view(np.uint8) for left in different.values())
    nearest = cv2.INTER_NEAREST
    return [cv2.resize(left, (width, height), interpolation=nearest) > 0 for left in masks]


def _corners(mask: np.ndarray, stroke: float) -> np.ndarray:
    """(N, 2) x and y of the pixels where outlines turn inwards the most."""
    outlines, _ = cv2.findContours(np.pad(mask, 1), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    arm = max(2, round(ARM * stroke))
    found = []
    for outline in outlines:
        points = outline[:, 0].astype(float) - 1
        to, fro = points - np.roll(points, arm, 0), np.roll(points, -arm, 0) - points
        cross = to[:, 0] * fro[:, 1] - to[:, 1] * fro[:, 0]
        turns = np.degrees(np.arctan2(cross, (to * fro).sum(axis=1)))
        around = np.arange(-2 * arm, 2 * arm + 1)
        while turns.max() >= TURN:
            sharpest = int(turns.argmax())
            found.append(points[sharpest])
            turns[(sharpest + around) % len(points)] = 0
    return np.array(found, int).reshape(-1, 2)


def _cuts(mask: np.ndarray, stroke: float) -> list[Cut]:
    corners = _corners(mask, stroke)
    lengths = np.hypot(*(corners[:, None] - corners).T)
    near = np.argwhere(np.triu(lengths <= LONGEST * stroke, 1))
    cuts: list[Cut] = []
    for start, end in corners[near[np.argsort(lengths[tuple(near.T)], kind="stable")]]:
        length = float(np.hypot(*(end - start)))
        steps = np.linspace(0, 1, 2 + 2 * int(length))[:, None]
        x, y = np.rint(start + steps * (end - start)).astype(int).T
        if mask[y, x].mean() >= INSIDE:
            cuts.append((length, tuple(start.tolist()), tuple(end.tolist())))
        if len(cuts) == MOST_CUTS:
            break
    return cuts


def _left_part(mask: np.ndarray, cuts: Sequence[Cut], stroke: float) -> np.ndarray | None:
    """What is nearer to the left of the two tall parts, None unless the cuts leave two."""
    apart = mask.copy()
    for _, start, end in cuts:
        cv2.line(apart, start, end, 0, 1, cv2.LINE_4)
    _, labels, stats, centres = cv2.connectedComponentsWithStats(apart, connectivity=4)
    is_tall = stats[1:, cv2.CC_STAT_HEIGHT] >= TALL * len(mask)
    rest = stats[1:, cv2.CC_STAT_AREA][~is_tall]
    if np.count_nonzero(is_tall) != 2 or (rest > BIT * stroke**2).any():
        return None
    left, right = sorted(1 + np.flatnonzero(is_tall), key=lambda n: centres[n, 0])
    boxes = as_boxes(stats[[left, right]])
    if (boxes[0, ::2] > boxes[1, ::2]).any():
        return None
    near, far = (
        cv2.distanceTransform((labels != n).view(np.uint8), cv2.DIST_L2, 3) for n in (left, right)
    )
    return near <= far
