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
# What is not LONG is thin along this share of its length: the bars of digits in a row are not. Two
# such lines each way cross so often, and within this share of what they reach over both ways.
COVERED, CROSSINGS, GO_ON = 0.8, 4, 0.9
# Lines slant by this much at most; the slope is looked for in such steps, in a picture of this
# side, with so many of its pixels, and must be this much sharper than none.
STEEPEST, SLOPE_STEP, PROFILE_SIDE, PROFILE_PIXELS, SHARPER = 0.25, 0.01, 500, 20_000, 1.1
# Lines that converge are taken out one slope after another.
PASSES = 4
# A line from border to border, this share of the side, may be as thick as this, in strokes, where
# the largest ink is not as long as this share of the side: a tight crop's digits are.
THROUGH, AS_THICK, WHOLE, LOW = 0.97, 1.2, 0.7, 0.6
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
    whole: np.ndarray  # all their ink
    thickness: float  # in pixels
    count: int  # how many there are
    longest: float  # as a share of the picture's side

    @property
    def suffice(self) -> bool:
        """Whether they may be lines whatever goes the other way."""
        return self.count >= SEVERAL or self.longest >= LONG


def without_lines(ink: np.ndarray, level: float, run: float = RUN) -> np.ndarray:
    """The ink (H, W) without the page's lines; the very array where there are none.

    Args:
        ink: (H, W) float32, not negative.
        level: what is above it is ink.
        run: length of the runs that lines are made of, as a share of the picture's side.
    """
    ruled = 0.0, 0.0
    for _ in range(PASSES):
        cleared, ruled = _without_level_lines(ink, level, run, ruled)
        if cleared is ink and (run >= LEVEL_RUN or not any(ruled)):
            break
        run = LEVEL_RUN if cleared is ink else run
        ink = cleared
    return ink


def _without_level_lines(
    ink: np.ndarray, level: float, run: float, ruled: tuple[float, float]
) -> tuple[np.ndarray, tuple[float, float]]:
    """Once. And how thick a ruling's level and upright lines are, before as `ruled`; 0: none."""
    mask = (ink > level).astype(np.uint8)
    found = [_slanted(mask, run), _slanted(np.ascontiguousarray(mask.T), run)]
    cells = _cross(*found)
    found = [lines if cells or lines.suffice else _nothing(lines.thin) for lines in found]
    if not any(lines.count for lines in found):
        return ink, ruled
    rest = mask.copy()
    rest[found[0].thin > 0] = 0
    rest.T[found[1].thin > 0] = 0
    is_ruled = any(lines.count >= RULED and lines.longest >= LONG for lines in found)
    if not _is_enough(rest, mask, is_ruled):
        return ink, ruled
    stroke = thickness([rest])
    taken = np.zeros_like(mask)
    framed = cells or all(lines.count >= 2 and lines.longest >= LONG for lines in found)
    corner = all(lines.longest >= LONG for lines in found)
    now = list(ruled)
    for way, (lines, turned) in enumerate(((found[0], taken), (found[1], taken.T))):
        others = rest if turned is taken else rest.T
        known = lines.longest >= LONG and lines.thickness <= SWELL * ruled[way]
        if (
            framed
            or known
            or _are_lines(lines, stroke, others)
            or _goes_through(lines, stroke, others, corner)
        ):
            turned |= lines.thin
            if lines.count >= SEVERAL:
                now[way] = max(ruled[way], lines.thickness)
            if lines.count >= SEVERAL and lines.thickness <= THINNER * stroke:
                turned |= lines.short
    if not taken.any():
        return ink, ruled
    taken |= _rungs(mask & ~taken, taken)
    faint = cv2.dilate(taken, np.ones((5, 5), np.uint8)) & (mask == 0)
    cleared = ink.copy()
    cleared[(taken | faint) > 0] = 0
    return cleared, (now[0], now[1])


def _cross(level: _Lines, upright: _Lines) -> bool:
    """Whether lines, two or more each way and as thick as each other, cross and go on beyond.

    The sides of a box do not go on, nor do digits between two lines.
    """
    thin, thick = sorted([level.thickness, upright.thickness])
    if min(level.count, upright.count) < 2 or thick > SWELL * thin:
        return False
    both, either = level.whole & upright.whole.T, level.whole | upright.whole.T
    inner, outer = cv2.boundingRect(both)[2:], cv2.boundingRect(either)[2:]
    crossings = cv2.connectedComponents(both)[0] - 1
    return crossings >= CROSSINGS and bool(max(np.divide(inner, outer)) <= GO_ON)


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
    return long and several and _largest(rest)[1] < WHOLE


def _largest(rest: np.ndarray) -> tuple[np.ndarray, float, float]:
    """The mask of the largest component, and its width and height as shares of the picture's."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    if count < 2:
        return rest, 0.0, 0.0
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    sides = stats[largest, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]] / rest.shape[::-1]
    return labels == largest, *sides.tolist()


def _goes_through(lines: _Lines, stroke: float, rest: np.ndarray, corner: bool) -> bool:
    """Whether a line no thicker than strokes goes from border to border beside all large ink.

    It may touch ink that is far from as high as the picture. Two lines that make a corner need not
    go so far.
    """
    if lines.thickness > AS_THICK * stroke or lines.longest < (LONG if corner else THROUGH):
        return False
    largest, width, height = _largest(rest)
    if not 0 < width < (1 if corner else WHOLE):  # a tight crop's 1 goes, too
        return False
    if height < LOW and lines.longest >= THROUGH:
        return True
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
    masks = {name: getattr(lines, name)[rows, columns] for name in ("thin", "short", "whole")}
    return replace(lines, **masks)


def _candidates(mask: np.ndarray, share: float) -> _Lines:
    """Long level lines in a mask (H, W) of 0 and 1."""
    height, width = mask.shape
    run = max(9, round(share * width))
    thick = cv2.dilate(mask, np.ones((3, 1), np.uint8))
    level = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, run), np.uint8))
    if _longest(level) < REPEATED_LONG * width:
        return _nothing(mask)
    level = cv2.morphologyEx(level, cv2.MORPH_CLOSE, np.ones((3, run), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(level, connectivity=8)
    lengths = stats[:, cv2.CC_STAT_WIDTH] / width
    flat = stats[:, cv2.CC_STAT_HEIGHT] <= 0.15 * stats[:, cv2.CC_STAT_WIDTH] + 3
    long = (lengths >= REPEATED_LONG) & flat
    long[0] = False
    runs = _runs(mask)
    for n in np.flatnonzero(long & (lengths < LONG)):
        left, top, along, across = stats[n, : cv2.CC_STAT_AREA]
        window = slice(top, top + across), slice(left, left + along)
        own = (labels[window] == n) & (mask[window] > 0)
        thin = own & (runs[window] <= SWELL * _thickness(own, runs[window]) + 1)
        long[n] = thin.any(axis=0).mean() >= COVERED
    if long.sum() < 2 and not (long & (lengths >= LONG)).any():
        return _nothing(mask)
    inside = long[labels].astype(np.uint8) & mask
    thickness = _thickness(inside > 0, runs)
    if thickness > 0.1 * height + 2:
        return _nothing(mask)
    thin = inside & (runs <= SWELL * thickness + 1)
    short = mask * (runs <= thickness + 1).view(np.uint8)
    thick = cv2.dilate(short, np.ones((3, 1), np.uint8))
    short &= cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, run), np.uint8))
    count, longest = int(long.sum()), float(lengths[long].max())
    return _Lines(thin, short, inside, thickness, count, longest)


def _nothing(mask: np.ndarray) -> _Lines:
    none = np.zeros_like(mask)
    return _Lines(none, none, none, 0.0, 0, 0.0)


def _thickness(inside: np.ndarray, runs: np.ndarray) -> float:
    """How thick lines are, by their ink and the length of its runs: at each run's beginning."""
    above = np.vstack([np.zeros_like(inside[:1]), inside[:-1]])
    return float(np.median(runs[inside & ~above]))


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
    """Usual width of the strokes in masks of 0 and 1: their area over what a pixel less takes."""
    area = outline = 0
    for mask in masks:
        eroded = cv2.erode(mask, np.ones((2, 2), np.uint8), borderValue=0)
        area += int(mask.sum())
        outline += int(mask.sum()) - int(eroded.sum())
    return area / max(outline, 1)
