"""Lines of ruled and squared paper, table cells and frames: found by their length, taken out.

A line is straight, goes (nearly) all along the picture, and is thinner than the strokes, or one of
several. What crosses it stays: only where the ink is no thicker than the line is it taken out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np

# Shares of the picture's width (or height): a line is at least this long, alone or one of several,
LONG, REPEATED_LONG = 0.85, 0.5
# and made of runs of this length, which slant by at most one pixel each way.
RUN = 0.06
# On a screen lines do not slant: runs may be longer than any stroke is thick.
LEVEL_RUN = 0.15
# A line alone is thinner than the strokes by this factor.
THINNER = 0.6
# What goes from line to line is this slim; only so many are looked at.
RUNG, MOST_RUNGS = 0.3, 60
# Lines slant by this much at most; the slope is looked for in such steps, in a picture of this
# side, with so many of its pixels, and must be this much sharper than none.
STEEPEST, SLOPE_STEP, PROFILE_SIDE, PROFILE_PIXELS, SHARPER = 0.25, 0.01, 500, 20_000, 1.1
# Lines that converge are taken out one slope after another.
PASSES = 3
# A line from border to border, this share of the side, may be as thick as this, in strokes, where
# the largest ink is not as long as this share of the side: a tight crop's digits are.
THROUGH, AS_THICK, WHOLE = 0.97, 1.2, 0.7
# Fewer than these are no ruling.
SEVERAL = 3
# Ink up to this much thicker than a line, plus one pixel, belongs to it.
SWELL = 1.6
# What is left must be this share of all, and this share of the side in size; on a page with so many
# lines all along it, which are no strokes, these shares.
LEFT_SHARE, LEFT_SIZE = 0.04, 0.08
RULED, RULED_SHARE, RULED_SIZE = 5, 0.004, 0.03
# A line that slants is looked for in so many bands of rows first.
BANDS = 16


@dataclass(frozen=True)
class _Lines:
    """Lines of one direction, perhaps."""

    thin: np.ndarray  # (H, W) mask of the (turned) picture, their ink where nothing runs into them
    short: np.ndarray  # and all other level runs as thin as they are
    thickness: float  # in pixels
    count: int  # how many there are
    longest: float  # as a share of the picture's side


def without_lines(ink: np.ndarray, level: float, run: float = RUN) -> np.ndarray:
    """The ink (H, W) without the page's lines; the very array where there are none.

    Args:
        ink: (H, W) float32, not negative.
        level: what is above it is ink.
        run: length of the runs that lines are made of, as a share of the picture's side.
    """
    for _ in range(PASSES):
        cleared = _without_level_lines(ink, level, run)
        if cleared is ink:
            break
        ink = cleared
    return ink


def _without_level_lines(ink: np.ndarray, level: float, run: float) -> np.ndarray:
    mask = (ink > level).astype(np.uint8)
    found = [_slanted(mask, run), _slanted(np.ascontiguousarray(mask.T), run)]
    if not any(lines.count for lines in found):
        return ink
    rest = mask.copy()
    rest[found[0].thin > 0] = 0
    rest.T[found[1].thin > 0] = 0
    ruled = any(lines.count >= RULED and lines.longest >= LONG for lines in found)
    if not _is_enough(rest, mask, ruled):
        return ink
    stroke = thickness([rest])
    taken = np.zeros_like(mask)
    framed = all(lines.count >= 2 and lines.longest >= LONG for lines in found)
    for lines, turned in ((found[0], taken), (found[1], taken.T)):
        others = rest if turned is taken else rest.T
        if framed or _are_lines(lines, stroke, others) or _goes_through(lines, stroke, others):
            turned |= lines.thin
            if lines.count >= SEVERAL and lines.thickness <= THINNER * stroke:
                turned |= lines.short
    if not taken.any():
        return ink
    taken |= _rungs(mask & ~taken, taken)
    faint = cv2.dilate(taken, np.ones((5, 5), np.uint8)) & (mask == 0)
    cleared = ink.copy()
    cleared[(taken | faint) > 0] = 0
    return cleared


def _rungs(rest: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """The mask of several strokes that go straight from line to line: the sides of cells."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    sides = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    long, thick = sides.max(axis=1), stats[:, cv2.CC_STAT_AREA] / sides.max(axis=1)
    slim = sides.min(axis=1) <= RUNG * long
    slim &= (thick <= RUNG * long) & (long >= LEFT_SIZE * min(rest.shape))
    slim[0] = False
    near = cv2.dilate(taken, np.ones((7, 7), np.uint8)) > 0
    tied = []
    for label in np.flatnonzero(slim)[:MOST_RUNGS]:
        left, top, width, height = stats[label, : cv2.CC_STAT_AREA].tolist()
        window = slice(top, top + height), slice(left, left + width)
        along = ((labels[window] == label) & near[window]).any(axis=int(height >= width))
        ends = max(1, len(along) // 10)
        if along[:ends].any() and along[-ends:].any():
            tied.append(label)
    if len(tied) < SEVERAL:
        return np.zeros_like(rest)
    alike = [label for label in tied if thick[label] <= SWELL * np.median(thick[tied])]
    return np.isin(labels, alike).view(np.uint8)


def _are_lines(lines: _Lines, stroke: float, rest: np.ndarray) -> bool:
    """Whether they are no strokes: thinner and along the picture, or several, longer than these."""
    thin, long = lines.thickness <= THINNER * stroke, lines.longest >= LONG
    several = lines.count >= SEVERAL
    if thin and (long or several):
        return True
    return long and several and _extent_of_largest(rest)[1] < WHOLE * rest.shape[1]


def _extent_of_largest(rest: np.ndarray) -> tuple[np.ndarray, int]:
    """The mask of the largest component, and how far it goes along level lines."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    if count < 2:
        return rest, 0
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return labels == largest, int(stats[largest, cv2.CC_STAT_WIDTH])


def _goes_through(lines: _Lines, stroke: float, rest: np.ndarray) -> bool:
    """Whether a line no thicker than strokes goes from border to border beside all large ink."""
    if lines.thickness > AS_THICK * stroke or lines.longest < THROUGH:
        return False
    largest, extent = _extent_of_largest(rest)
    if not 0 < extent < WHOLE * rest.shape[1]:  # a tight crop's 1 goes through, too
        return False
    near = cv2.dilate(lines.thin, np.ones((5, 5), np.uint8)) > 0
    return not (largest & near).any()


def _points(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows of what is not 0."""
    found = cv2.findNonZero(mask)  # a third of the time of NumPy's nonzero
    x, y = np.zeros((2, 0), int) if found is None else found.reshape(-1, 2).T
    return x, y


def _slope(mask: np.ndarray) -> float:
    """How far most of the ink's rows fall in a column's width: that of the sharpest profile."""
    x, y = _points(mask)
    if len(y) == 0:
        return 0.0
    fine = max(1.0, max(mask.shape) / PROFILE_SIDE)
    every = max(1, len(y) // PROFILE_PIXELS)
    y, x = y[::every] / fine, (x[::every] - mask.shape[1] / 2) / fine
    base = max(mask.shape) / fine * STEEPEST

    def sharpness(slope: float) -> float:
        profile = np.bincount((y - slope * x + base).astype(int)).astype(np.float64)
        return float(profile @ profile)

    slopes = np.arange(-round(STEEPEST / SLOPE_STEP), round(STEEPEST / SLOPE_STEP) + 1) * SLOPE_STEP
    found = [sharpness(slope) for slope in slopes]
    best = int(np.argmax(found))
    level = found[len(slopes) // 2]
    return float(slopes[best]) if found[best] > SHARPER * level else 0.0


def _slanted(mask: np.ndarray, share: float) -> _Lines:
    """As `_candidates`, of lines that all slant alike."""
    slope = _slope(mask)
    if slope == 0:
        return _candidates(mask, share)
    height, width = mask.shape
    columns = np.arange(width)
    falls = np.rint(slope * (columns - width / 2)).astype(int)
    room = int(np.abs(falls).max())
    sheared = np.zeros((height + 2 * room, width), np.uint8)
    x, y = _points(mask)
    sheared[y - falls[x] + room, x] = 1
    lines = _candidates(sheared, share)
    if not lines.count:
        return _candidates(mask, share)
    rows = np.arange(height)[:, None] - falls + room
    return replace(lines, thin=lines.thin[rows, columns], short=lines.short[rows, columns])


def _candidates(mask: np.ndarray, share: float) -> _Lines:
    """Long level lines in a mask (H, W) of 0 and 1."""
    height, width = mask.shape
    run = max(9, round(share * width))
    thick = cv2.dilate(mask, np.ones((3, 1), np.uint8))
    level = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, run), np.uint8))
    none = np.zeros_like(mask)
    nothing = _Lines(none, none, 0.0, 0, 0.0)
    if _longest(level) < REPEATED_LONG * width:
        return nothing
    level = cv2.morphologyEx(level, cv2.MORPH_CLOSE, np.ones((3, run), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(level, connectivity=8)
    lengths = stats[:, cv2.CC_STAT_WIDTH] / width
    flat = stats[:, cv2.CC_STAT_HEIGHT] <= 0.15 * stats[:, cv2.CC_STAT_WIDTH] + 3
    long = (lengths >= REPEATED_LONG) & flat
    long[0] = False
    if long.sum() < SEVERAL and not (long & (lengths >= LONG)).any():
        return nothing
    inside = long[labels].astype(np.uint8) & mask
    runs = _runs(mask)
    above = np.vstack([none[:1], inside[:-1]])
    thickness = float(np.median(runs[inside > above]))  # of each run
    if thickness > 0.1 * height + 2:
        return nothing
    thin = inside & (runs <= SWELL * thickness + 1)
    short = mask * (runs <= thickness + 1).view(np.uint8)
    thick = cv2.dilate(short, np.ones((3, 1), np.uint8))
    short &= cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, run), np.uint8))
    count, longest = int(long.sum()), float(lengths[long].max())
    return _Lines(thin, short, thickness, count, longest)


def _longest(level: np.ndarray) -> int:
    """At most so many columns have a line in the same rows, more or less."""
    height, width = level.shape
    bands = cv2.resize(level * 255, (width, min(height, BANDS)), interpolation=cv2.INTER_AREA) > 0
    either = bands[1:] | bands[:-1] if len(bands) > 1 else bands
    return int(either.sum(axis=1).max())


def _runs(mask: np.ndarray) -> np.ndarray:
    """(H, W) the length of each pixel's run in its column, 0 outside."""
    height = mask.shape[0]
    rows = np.arange(height, dtype=np.int32)[:, None]
    before = np.maximum.accumulate(np.where(mask, -1, rows), axis=0)
    after = np.minimum.accumulate(np.where(mask, height, rows)[::-1], axis=0)[::-1]
    return np.where(mask, after - before - 1, 0)


def _is_enough(rest: np.ndarray, mask: np.ndarray, ruled: bool) -> bool:
    """Whether what is left may be digits."""
    if rest.sum() < (RULED_SHARE if ruled else LEFT_SHARE) * mask.sum():
        return False
    _, _, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    sizes = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    least = (RULED_SIZE if ruled else LEFT_SIZE) * min(mask.shape)
    return bool(sizes.size and sizes.max() >= least)


def thickness(masks: Iterable[np.ndarray]) -> float:
    """Usual width of the strokes in masks of 0 and 1: twice their area over their outline."""
    area = outline = 0
    for mask in masks:
        eroded = cv2.erode(mask, np.ones((3, 3), np.uint8), borderValue=0)
        area += int(mask.sum())
        outline += int(mask.sum()) - int(eroded.sum())
    return 2 * area / max(outline, 1)
