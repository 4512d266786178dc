"""What lies beside a line of digits in a photograph: print, holes, pens, fingers, lines, frames."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from netlib.picture.patch import INK_LEVEL, Ink, gaps

# With more components than these nothing is looked for.
MOST = 400
# A line is so many times as long as wide, and so long, a share of the picture's side; something
# solid fills this share of its box, and is less long. What is lower than this, in heights of the
# digits, is small.
LONG, FAR, FULL, STOUT, SMALL = 7.0, 0.25, 0.7, 3.0, 0.6
# Digits of a line have such heights, in heights of the largest, overlap by this share of the lower
# one, and are so near, in heights; parts of them are nearer.
ALIKE, OVERLAP, NEAR, PART = (0.5, 1.9), 0.3, 1.3, 0.2
# A row of holes: so many of one size, but for this share, at even steps, but for this share of one,
# which share so much of their area, laid upon each other.
HOLES, SAME, EVEN, ONE_SHAPE = 4, 0.3, 0.3, 0.6
# An empty frame has at most this share of ink in its box, is so wide, in pixels, and fills this
# share of a rectangle around it, which is not longer than so many times its width.
HOLLOW, FRAME_SIDE, SQUARE, LONGEST = 0.2, 24, 0.85, 5.0


@dataclass(frozen=True)
class _Things:
    """The components of ink, in pixels of its patch."""

    left: np.ndarray
    top: np.ndarray
    right: np.ndarray
    bottom: np.ndarray
    area: np.ndarray

    @property
    def height(self) -> np.ndarray:
        return self.bottom - self.top

    @property
    def width(self) -> np.ndarray:
        return self.right - self.left

    @property
    def middle(self) -> np.ndarray:
        return (self.left + self.right) / 2

    def bounds(self, chosen: np.ndarray) -> tuple[int, int, int, int]:
        """The box around some of them."""
        sides = self.left[chosen].min(), self.top[chosen].min()
        return *sides, self.right[chosen].max(), self.bottom[chosen].max()


def without_bystanders(ink: Ink) -> Ink | None:
    """The ink of the main line alone; None if that is all, or something beside it may be digits."""
    mask = (ink.patch >= INK_LEVEL).view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if not 2 < count <= MOST:
        return None
    left, top, width, height, area = stats[1:].T
    things = _Things(left, top, left + width, top + height, area)
    frames = _frames(things, labels)
    cut = _cut(things, ink)
    shaped = _no_digits(things, labels, ink, cut) | frames
    other = shaped | cut
    if other.all():
        return None
    main, alike = _main_line(things, other)
    if (alike & cut & ~shaped).any():  # a digit that the border cuts, and no pen
        return None
    bounds = left, top, right, bottom = things.bounds(main)
    usual = float(height[main].max())
    usual = float(np.median(height[main & (height >= SMALL * usual)]))
    around = (things.left < left) & (things.right > right)
    around &= (things.top < top) & (things.bottom > bottom)
    kept = main | (around & frames) | _within(things, bounds)  # what is in it is not beside it
    if kept.all() or not (other | (height <= SMALL * usual))[~kept].all():
        return None
    if _is_broken_digit(things, ~kept & ~other, bounds, SMALL * usual):
        return None
    gone = np.isin(labels, 1 + np.flatnonzero(~kept)).view(np.uint8)
    faint = (cv2.dilate(gone, np.ones((5, 5), np.uint8)) > 0) & (labels == 0)
    patch = np.where((gone > 0) | faint, np.float32(0), ink.patch)
    bare = replace(ink, patch=patch).trimmed()
    return bare if bare.box else None


def _within(things: _Things, bounds: tuple[int, int, int, int]) -> np.ndarray:
    left, top, right, bottom = bounds
    level = (things.top >= top) & (things.bottom <= bottom)
    return level & (things.left >= left) & (things.right <= right)


def _is_broken_digit(
    things: _Things, small: np.ndarray, bounds: tuple[int, int, int, int], high: float
) -> bool:
    """Whether small ones over one another, level with the line, are as high as a digit."""
    _, top, _, bottom = bounds
    level = np.flatnonzero(small & (things.bottom > top) & (things.top < bottom))
    return any(
        np.ptp([*things.top[over], *things.bottom[over]]) > high
        for n in level
        if len(over := level[np.abs(things.middle[level] - things.middle[n]) <= high / 2]) > 1
    )


def _cut(things: _Things, ink: Ink) -> np.ndarray:
    """Which the picture's border cuts."""
    height, width = ink.shape
    cut = (things.left + ink.left <= 2) | (things.top + ink.top <= 2)
    return cut | (things.right + ink.left >= width - 2) | (things.bottom + ink.top >= height - 2)


def _no_digits(things: _Things, labels: np.ndarray, ink: Ink, cut: np.ndarray) -> np.ndarray:
    """Which are lines, solid, or in a row of holes."""
    sizes = np.maximum(things.width, things.height)
    long = sizes / np.minimum(things.width, things.height)
    lines = (long >= LONG) & (sizes > FAR * max(ink.shape))
    solid = (things.area >= FULL * things.width * things.height) & (long < STOUT)
    return lines | solid | _in_rows(things, labels, cut)


def _main_line(things: _Things, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest that may be a digit, those beside it that are like it, and their parts.

    And all that are like it by their place and height alone.
    """
    height = things.height
    largest = int(np.where(other, 0, height * np.sqrt(things.area)).argmax())
    usual = float(height[largest])
    boxes = np.stack([things.left, things.top, things.right, things.bottom], axis=1)
    main = np.arange(len(height)) == largest
    while True:
        left, top, right, bottom = things.bounds(main)
        gap = np.maximum(np.maximum(things.left - right, left - things.right), 0)
        shared = np.minimum(things.bottom, bottom) - np.maximum(things.top, top)
        like = (height >= ALIKE[0] * usual) & (height <= ALIKE[1] * usual) & (gap <= NEAR * usual)
        like &= shared >= OVERLAP * np.minimum(height, bottom - top)
        part = (gaps(boxes, boxes[main]) <= PART * usual).any(1) & (height < ALIKE[1] * usual)
        grown = main | ((like | part) & ~other)
        if (grown == main).all():
            return main, like
        main = grown


def _frames(things: _Things, labels: np.ndarray) -> np.ndarray:
    """Which are the outlines of rectangles."""
    hollow = things.area <= HOLLOW * things.width * things.height
    hollow &= np.minimum(things.width, things.height) > FRAME_SIDE
    for n in np.flatnonzero(hollow):
        window = slice(things.top[n], things.bottom[n]), slice(things.left[n], things.right[n])
        points = np.argwhere(labels[window] == n + 1)[:, ::-1].astype(np.float32)
        hull = cv2.convexHull(points)
        short, long = sorted(cv2.minAreaRect(hull)[1])
        hollow[n] = cv2.contourArea(hull) >= SQUARE * short * long and long < LONGEST * short
    return hollow


def _in_rows(things: _Things, labels: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Which are one of several of one shape at even steps in a straight row, or there and cut."""
    found = np.zeros(len(cut), bool)
    size = np.maximum(things.width, things.height)
    x, y = things.left + things.width / 2, things.top + things.height / 2
    for n in range(len(cut)):
        alike = np.abs(size - size[n]) <= SAME * size[n]
        alike &= np.abs(things.area - things.area[n]) <= SAME * things.area[n]
        for along, across, wide in ((x, y, things.width), (y, x, things.height)):
            near = np.abs(across - across[n]) <= 0.15 * np.ptp(along) + size[n]
            row = np.flatnonzero(alike & near)
            if len(row) < HOLES:
                continue
            slope, start = np.polyfit(along[row], across[row], 1) if np.ptp(along[row]) else (0, 0)
            aside = np.abs(across - slope * along - start) <= 0.5 * size[n]
            row = row[aside[row]]
            if n not in row:
                continue
            row = row[[_overlap(things, labels, n, other) >= ONE_SHAPE for other in row]]
            if len(row) < HOLES:
                continue
            steps = np.diff(np.sort(along[row]))
            usual = max(float(np.median(steps)), 1e-6)
            even = np.abs(steps / usual - np.rint(steps / usual)) <= EVEN
            if usual > 1.2 * wide[n] and even.mean() >= 0.75:
                found[row] = True
                found |= aside & cut & (size <= (1 + SAME) * size[n])
    return found


def _overlap(things: _Things, labels: np.ndarray, one: int, other: int) -> float:
    """What two components share of the area of both, one laid upon the other."""
    side = (
        max(things.width[one], things.width[other]),
        max(things.height[one], things.height[other]),
    )
    laid = np.zeros((2, side[1], side[0]), bool)
    for canvas, n in zip(laid, (one, other), strict=True):
        left, top = (side[0] - things.width[n]) // 2, (side[1] - things.height[n]) // 2
        window = slice(things.top[n], things.bottom[n]), slice(things.left[n], things.right[n])
        canvas[top : top + things.height[n], left : left + things.width[n]] = (
            labels[window] == n + 1
        )
    return float((laid[0] & laid[1]).sum() / (laid[0] | laid[1]).sum())
