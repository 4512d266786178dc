"""Ink on paper: grey values of any polarity, paper and light -> ink 1 on background 0.

    even background (pads, screenshots, MNIST)   ink = distance from the background's own tone
    uneven background (photos, scans)            ink = what is darker than the paper around it

The first way is linear, so that a clean picture passes unchanged.
"""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from netlib.picture.paper import (
    AS_DARK,
    THICK,
    are_cut,
    come_in,
    dark_ink,
    fine_ink,
    ink_on_a_band,
    narrower_ink,
    page_ink,
)
from netlib.picture.patch import INK_LEVEL, Ink, are_inside, as_boxes, box_of, gaps
from netlib.picture.rulings import LEVEL_RUN, thickness, without_lines

# Compression moves an even background by this much at most, of 1,
EVEN_LEVELS = 2.5 / 255
# or by this share of the contrast: it rings around the strokes.
EVEN_TOLERANCE = 0.04
# Within that tolerance are at least these shares of the border and of the picture,
EVEN_BORDER, EVEN_AREA = 0.3, 0.2
# and this share of all that is within three times the tolerance: noise and shades spread further.
EVEN_SHARE = 0.8
# and in a picture that may be a photograph this share is within EVEN_LEVELS.
EVEN_EXACT = 0.6
# At an edge levels differ by this share of the contrast from one pixel to those beside it.
EDGE_STEP = 0.2
# Less contrast than this (of 1) is an empty page.
MIN_CONTRAST_EVEN = 8 / 255

# A photograph may have been made square: bars of one tone are alike on both sides but for so many
# pixels. Where it begins, beside a pixel of both, this share has other tones; no tone has more than
# that share of it; and each of its sides is this share of the picture's, at least.
BARS_ALIKE, BARS_END, BARS_PHOTO, BARS_SIDE = 2, 0.8, 0.25, 0.4

# Of pictures with more pixels than this every fourth row is counted.
COUNTED = 40_000
# Ink of this tone from a corner along this share of one side, or of both, is the edge of a page.
EDGE_LEVEL, EDGE_SHARE, CORNER_SHARE = 0.1, 0.9, 0.15
# But a digit cut out tightly lies in a corner, too: the square of its outline is so many areas.
STROKE_OUTLINE = 12
# A sheet has cells without any other tone: this many each way of those that its longer side has.
# Only ink of at least SHEET_SIDE pixels is looked at.
SHEET_CELLS, SHEET_CORE, SHEET_SIDE = 16, (4, 10), 100
SHEET_FULL = 0.78  # or its box, at most twice as long as wide, is as full as this
SHEET_SIDES = 0.9  # of the area of four sides around it, what it covers with its holes
SAMPLES = 4  # looked at in each cell, each way
# A pale component of at least this share of the largest one's area is a stroke.
PALE_AREA = 0.2
# Photographs have at least this side; with more parts than these nothing is looked for.
GUESTS_SIDE, MOST_GUESTS = 80, 300
# What is beside a guest has this share of its height: bits of the page's lines have not.
LEAST_BESIDE = 0.1
# Ink that reaches over this share of the picture may be a frame, or lines.
FRAME_SHARE = 0.85

# Strokes are rough if closing gaps as wide as they are joins so many bits of ink to what is high,
# or more to each other; bits have less than this share of the size, what is high has it. With more
# parts than these nothing is looked for, nor in ink that is smaller, in pixels.
ROUGH_LEVEL, BITS, BITS_ALONE, BIT, MOST_BITS, ROUGH_SIDE = 0.25, 2, 4, 0.5, 1000, 40

# Filters leave the outline of bold strokes: what it goes around is slim, in heights of its own, has
# this share of its hull, for it is bent, and this share of the outline's height.
OUTLINED_WIDTH, OUTLINED_FULL, OUTLINED_HIGH = 0.14, 0.85, 0.65
# What lies in it has this share of ink at most, or is a digit in a box, which is this full itself.
OUTLINED_INK, OUTLINED_BOX = 0.6, 0.9

# Dark ink is so many pixels high, at least.
DARK_HEIGHT = 16
# A component that nowhere reaches this is a shadow.
STRONG_LEVEL = 0.5
# So is, far from the others and off their line, one that is nearly straight, as its box and its
# length say, so many times as long as wide, and so fine beside the largest one's strokes; in its
# heights, and shares of its own height.
HAIR_STRAIGHT, HAIR_LONG, HAIR_FINE, HAIR_FAR, HAIR_OFF = 4.0, 6.0, 0.6, 0.4, 0.5
# A component with less than this share of the largest one's mass is a speck.
SPECK_SHARE_EVEN, SPECK_SHARE_UNEVEN = 0.01, 0.05
# or, where a filter that follows the light left so many all over the page, than this.
SALT, SPECK_SHARE_SALT = 1000, 0.1
# but for a frame: its box has this share of ink at most, and in it others, this share as high.
HOLLOW, AROUND, MOST_FRAMES = 0.25, 0.12, 2
# A point between digits is no speck: it has this share of a square as wide as the strokes, is this
# near to the digits' foot and not larger, in heights of theirs. A digit's stroke is so many heights
# long. Only so many are looked at.
POINT_MASS, POINT_RISE, POINT_SIZE, STROKE_LENGTH = 0.4, 0.3, 0.3, 2.2
MOST_KEPT, MOST_POINTS = 20, 10


def find_ink(levels: np.ndarray, drawn: bool = False) -> Ink:
    """Grey values (H, W) uint8 -> their ink; nowhere above 0 for an empty page.

    What was drawn on a pad is black on white, however much of it is black.
    """
    if drawn:
        black = _without_frame(_ink_on(255, 0, levels))
        return _without_specks(black, _Parts.of(black), SPECK_SHARE_EVEN)
    levels = _without_bars(levels)
    ink = _even_ink(levels)
    if ink is not None:
        parts = _Parts.of(ink)
        if parts and len(parts.area) > SALT:
            ink = _without_specks(ink, parts, SPECK_SHARE_SALT)
            parts = _Parts.of(ink)
        if not _is_sheet(ink) and not (parts and parts.has_pale_strokes):
            bare = _even_strokes(_with_outlines_filled(_without_guests(ink)))
            parts = parts if bare is ink else _Parts.of(bare)
            return _without_specks(bare, parts, SPECK_SHARE_EVEN)
    height, width = levels.shape
    ink = _with_outlines_filled(_without_guests(Ink.of(page_ink(levels), (height, width))))
    ink = _even_strokes(ink)
    return _without_specks(ink, _Parts.of(ink), SPECK_SHARE_UNEVEN)


def _without_bars(levels: np.ndarray) -> np.ndarray:
    """A photograph with bars of one tone beside it goes on there as it ends."""
    other = np.abs(levels - np.float32(levels[0, 0])) > 255 * EVEN_LEVELS
    left, top, right, bottom = box_of(other) or (0, 0, 0, 0)
    height, width = levels.shape
    bars = left, top, width - right, height - bottom
    if not any(bars) or max(abs(bars[0] - bars[2]), abs(bars[1] - bars[3])) > BARS_ALIKE:
        return levels
    left, top, right, bottom = (bar + (bar > 0) for bar in bars)
    inside = slice(top, height - bottom), slice(left, width - right)
    photo, rest = levels[inside], other[inside]
    if min(np.divide(photo.shape, levels.shape)) < BARS_SIDE:
        return levels
    ends = zip(bars, (rest[:, 0], rest[0], rest[:, -1], rest[-1]), strict=True)
    counts = np.bincount(photo.ravel(), minlength=256)
    usual = _within(counts, int(counts.argmax()), 255 * EVEN_LEVELS)
    if min(end.mean() for bar, end in ends if bar) < BARS_END or usual > BARS_PHOTO * photo.size:
        return levels
    return cv2.copyMakeBorder(photo, top, bottom, left, right, cv2.BORDER_REPLICATE)


def _even_strokes(ink: Ink) -> Ink:
    """With the gaps of rough strokes closed, as chalk, crayons and dry pens leave them."""
    mask = (ink.patch >= ROUGH_LEVEL).view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if max(mask.shape) < ROUGH_SIDE or not BITS < count <= MOST_BITS:
        return ink
    stroke = thickness([mask])
    joined = _tall(_closed(mask, stroke / 2))
    high = BIT * cv2.boundingRect(joined.view(np.uint8))[3]
    sizes = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    bits = (sizes >= stroke) & (sizes < high) & (np.bincount(labels[joined], minlength=count) > 0)
    found = np.count_nonzero(bits)
    if found < (BITS if found < count - 1 else BITS_ALONE):
        return ink
    closed = _closed(ink.patch, stroke)
    tall = _tall((closed >= ROUGH_LEVEL).view(np.uint8))
    return replace(ink, patch=np.where(tall, closed, ink.patch))


def _with_outlines_filled(ink: Ink) -> Ink:
    """With what the outlines of strokes go around, but for what lies in it."""
    mask = (ink.patch >= ROUGH_LEVEL).view(np.uint8)
    outlines, tree = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_NONE)
    if max(mask.shape) < ROUGH_SIDE or not 1 < len(outlines) <= MOST_BITS:
        return ink
    around: list[int] = tree[0][:, 3].tolist()
    strokes = np.zeros_like(mask)
    are_holes: list[bool] = []
    for n, hole in enumerate(outlines):
        are_holes.append(around[n] >= 0 and not are_holes[around[n]])
        high = cv2.boundingRect(hole)[3]
        if not are_holes[n] or high < ROUGH_SIDE:
            continue
        inner = [outlines[k] for k, other in enumerate(around) if other == n]
        area = cv2.contourArea(hole) - sum(map(cv2.contourArea, inner))
        length = sum(cv2.arcLength(each, True) for each in (hole, *inner))
        slim = 2 * area <= OUTLINED_WIDTH * length * high
        bent = area <= OUTLINED_FULL * cv2.contourArea(cv2.convexHull(hole))
        outer = outlines[around[n]]
        is_high = high >= OUTLINED_HIGH * cv2.boundingRect(outer)[3]
        if slim and bent and is_high and not _is_around_ink(mask, outer, inner):
            cv2.fillPoly(strokes, [hole, *inner], 1)
    if not strokes.any():
        return ink
    return replace(ink, patch=np.maximum(ink.patch, strokes, dtype=np.float32))


def _is_around_ink(mask: np.ndarray, outer: np.ndarray, inner: list[np.ndarray]) -> bool:
    """Whether an outline is a rectangle, or what lies in it is no outline."""
    _, (width, height), _ = cv2.minAreaRect(outer)
    inside = cv2.fillPoly(np.zeros_like(mask), inner, 1)
    full = cv2.countNonZero(mask & inside) > OUTLINED_INK * cv2.countNonZero(inside)
    return bool(full) or cv2.contourArea(outer) >= OUTLINED_BOX * width * height


def _tall(mask: np.ndarray) -> np.ndarray:
    """The components of a mask (H, W) that are high beside the highest, as lines of print are not.

    A frame around others of them is none.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    heights = stats[:, cv2.CC_STAT_HEIGHT] * (np.arange(len(stats)) > 0)
    tall = heights >= BIT * heights.max()
    boxes = as_boxes(stats)
    for n in np.flatnonzero(tall):
        tall[n] = not (tall & are_inside(boxes, boxes[n])).any()
    return tall[labels]


def _closed(ink: np.ndarray, radius: float) -> np.ndarray:
    """Ink (H, W) closed by a disc; there is none beyond it."""
    reach = max(1, round(radius))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    padded = cv2.copyMakeBorder(ink, reach, reach, reach, reach, cv2.BORDER_CONSTANT)
    return cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc)[reach:-reach, reach:-reach]


def find_dark_ink(levels: np.ndarray) -> Ink | None:
    """The ink that is dark beside what is pale all over the picture; None if nothing is.

    Nor where the dark ink is too low to tell digits: found as coarsely as what is pale and broad.
    """
    found = _found(dark_ink(levels), levels)
    is_high = found is not None and found.box is not None and len(found.boxed) >= DARK_HEIGHT
    return found if is_high else None


def find_finer_ink(levels: np.ndarray, found: Ink) -> Ink | None:
    """All ink as fine as what was found; None if nothing else was looked for."""
    if found.full is None or found.box is None:
        return None
    strokes = thickness([(found.patch >= STRONG_LEVEL).view(np.uint8)])
    return _found(fine_ink(levels, strokes * found.full[0] / found.shape[0]), levels)


def find_narrower_ink(levels: np.ndarray, times: float, turned: bool) -> Ink | None:
    """The ink by windows so many times narrower, of the other polarity if that is turned."""
    return _found(narrower_ink(levels, times, turned), levels)


def find_ink_on_a_band(levels: np.ndarray) -> Ink | None:
    """The ink of strokes on something broad, as a highlighter's; None if there are none."""
    return _found(ink_on_a_band(levels), levels)


def _found(tones: np.ndarray | None, levels: np.ndarray) -> Ink | None:
    if tones is None or not tones.any():
        return None
    ink = Ink.of(tones, levels.shape)
    return _without_specks(ink, _Parts.of(ink), SPECK_SHARE_UNEVEN)


def _without_guests(ink: Ink) -> Ink:
    """Without what comes in from the border of a photograph beside the digits: pens, fingers."""
    if ink.box is None or max(ink.shape) < GUESTS_SIDE:
        return ink
    left, top, right, bottom = ink.placed(ink.box)
    if left > 1 and top > 1 and right < ink.shape[1] - 1 and bottom < ink.shape[0] - 1:
        return ink
    mask = (ink.patch >= INK_LEVEL).view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if not 2 < count <= MOST_GUESTS:
        return ink
    large = 1 + np.flatnonzero(
        stats[1:, cv2.CC_STAT_AREA] >= SPECK_SHARE_EVEN * stats[1:, cv2.CC_STAT_AREA].max()
    )
    boxes = stats[large] + (ink.left, ink.top, 0, 0, 0)
    cut, outlines = are_cut(boxes, ink.shape), _outlines(mask, labels)[large]
    areas = stats[large, cv2.CC_STAT_AREA]
    stroke = areas[~cut].sum() / max(1, outlines[~cut].sum())
    heights = stats[large, cv2.CC_STAT_HEIGHT]
    beside = heights[~cut].max(initial=0) >= LEAST_BESIDE * heights
    thick = cut & (areas >= THICK * stroke * outlines) & beside
    out = large[come_in(boxes, ink.shape) | thick]
    out = [label for label in out if _is_as_dark_at_the_border(ink, labels == label)]
    if not out:
        return ink
    patch = np.where(np.isin(labels, out), np.float32(0), ink.patch)
    return replace(ink, patch=patch)


def _is_as_dark_at_the_border(ink: Ink, own: np.ndarray) -> bool:
    """Whether a part of the ink is: the lines of a page that join a digit to the border are not."""
    border = np.ones(ink.shape, bool)
    border[2:-2, 2:-2] = False
    height, width = own.shape
    there = border[ink.top : ink.top + height, ink.left : ink.left + width] & own
    return bool(ink.patch[there].max(initial=0) >= AS_DARK * ink.patch[own].max())


def _outlines(mask: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The pixels at the edge of each component, by its label."""
    eroded = cv2.erode(mask, np.ones((3, 3), np.uint8), borderValue=0)
    return np.bincount(labels[mask > eroded], minlength=int(labels.max()) + 1)


def _is_sheet(ink: Ink) -> bool:
    """Whether it is too broad for strokes: a sheet of paper on an even desk."""
    if ink.box is None:
        return False
    longer = max(ink.boxed.shape)
    if longer < SHEET_SIDE:
        return False
    return _is_broad(ink, longer) and _has_four_sides(ink)


def _has_four_sides(ink: Ink) -> bool:
    """Whether the outline of the largest component is that of a sheet, not of a bold digit."""
    mask = (ink.boxed >= STRONG_LEVEL).view(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest = max(outlines, key=cv2.contourArea)
    if len(largest) < 4:
        return False
    around = cv2.approxPolyN(largest, 4)
    return cv2.contourArea(largest) >= SHEET_SIDES * cv2.contourArea(around)


def _is_broad(ink: Ink, longer: int) -> bool:
    """Whether it is broader anywhere than strokes are."""
    if min(ink.boxed.shape) >= longer / 2 and cv2.mean(ink.boxed)[0] >= SHEET_FULL:
        return True
    step = longer // (SAMPLES * SHEET_CELLS)
    samples = np.ascontiguousarray(ink.boxed[::step, ::step])
    height, width = (max(1, round(side / longer * step * SHEET_CELLS)) for side in samples.shape)
    cells = cv2.resize(samples, (width, height), interpolation=cv2.INTER_AREA)
    full = (cells >= STRONG_LEVEL).view(np.uint8)
    return any(
        cv2.erode(full, np.ones(core, np.uint8), borderValue=0).any()
        for core in (SHEET_CORE, SHEET_CORE[::-1])
    )


@dataclass(frozen=True)
class _Parts:
    """Two or more connected parts of ink, and what is known of each; 0 is the background."""

    labels: np.ndarray  # (h, w) int32 in the ink's box
    boxes: np.ndarray  # (n, 4) left, top, right and bottom
    area: np.ndarray  # in pixels
    mass: np.ndarray  # the sum of the ink
    strong: np.ndarray  # whether it reaches STRONG_LEVEL

    @classmethod
    def of(cls, ink: Ink) -> "_Parts | None":
        """None if all ink is one."""
        if ink.box is None:
            return None
        inside = ink.boxed
        mask = inside >= INK_LEVEL
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
        if count < 3:  # the background is one
            return None
        own, tones = labels[mask], inside[mask]
        return cls(
            labels,
            as_boxes(stats),
            stats[:, cv2.CC_STAT_AREA] * (np.arange(count) > 0),
            np.bincount(own, weights=tones, minlength=count),
            np.bincount(own[tones >= STRONG_LEVEL], minlength=count) > 0,
        )

    @property
    def has_pale_strokes(self) -> bool:
        """One is pale beside the dark ones, but no speck: it has a tone of its own."""
        return bool((~self.strong & (self.area >= PALE_AREA * self.area.max()))[1:].any())

    def specks(self, share: float) -> np.ndarray:
        """Which are faint, or have less than `share` of the largest one's ink; points have not."""
        speck = ~self.strong | (self.mass < share * self.mass.max())
        speck[0] = False  # Ink fainter than INK_LEVEL around the strokes stays.
        if not speck.any():
            return speck
        within = self._within_frames()
        most = np.where(within, self.mass[within].max(initial=0), self.mass.max())
        speck &= ~self.strong | (self.mass < share * most)
        kept = np.flatnonzero(~speck)[1:]
        kept = kept[self.mass[kept] >= PALE_AREA * most[kept]]
        if len(kept) >= 2:
            self._spare_points(speck, kept)
        return speck

    def hairs(self, speck: np.ndarray) -> np.ndarray:
        """Which are bits of rules, grain or creases: slim, straight, fine, beside no other."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        hair = ~speck & (np.square(sides).sum(1) >= HAIR_LONG * self.area)
        hair[0] = False
        for label in np.flatnonzero(hair).tolist():
            width = cv2.minAreaRect(np.argwhere(self._mask(label)).astype(np.float32))[1]
            hair[label] = max(width) >= HAIR_STRAIGHT * (min(width) + 1)
        others = np.flatnonzero(~speck & ~hair)[1:]
        if not len(others) or not hair.any():
            return np.zeros_like(hair)
        largest = int(others[self.mass[others].argmax()])
        height, stroke = sides[largest, 1], thickness([self._mask(largest)])
        for label in np.flatnonzero(hair).tolist():
            box = self.boxes[label]
            shared = np.minimum(self.boxes[others, 3], box[3])
            shared -= np.maximum(self.boxes[others, 1], box[1])
            off = shared.max() < HAIR_OFF * sides[label, 1]
            off &= gaps(self.boxes[others], box[None]).min() > HAIR_FAR * height
            hair[label] = off and thickness([self._mask(label)]) <= HAIR_FINE * stroke
        return hair

    def _mask(self, label: int) -> np.ndarray:
        left, top, right, bottom = self.boxes[label]
        return (self.labels[top:bottom, left:right] == label).astype(np.uint8)

    def _within_frames(self) -> np.ndarray:
        """Which are in the largest one, or the next in that, if it goes around high ones."""
        inside = np.zeros(len(self.area), bool)
        for label in np.argsort(-self.mass, kind="stable")[:MOST_FRAMES]:
            left, top, right, bottom = box = self.boxes[label]
            within = are_inside(self.boxes, box)
            high = self.boxes[:, 3] - self.boxes[:, 1] >= AROUND * (bottom - top)
            is_hollow = self.area[label] <= HOLLOW * (right - left) * (bottom - top)
            if not is_hollow or not (within & high & self.strong).any():
                break
            inside = within
        return inside

    def _spare_points(self, speck: np.ndarray, kept: np.ndarray) -> None:
        """Take from the specks what is as thick as a stroke, and between two at their foot."""
        boxes = self.boxes[kept[:MOST_KEPT]]
        height = float(np.median(boxes[:, 3] - boxes[:, 1]))
        stroke = float(np.median(self.mass[kept])) / (STROKE_LENGTH * height)
        likely = np.flatnonzero(speck & self.strong & (self.mass >= POINT_MASS * stroke**2))
        foot, first, last = np.median(boxes[:, 3]), boxes[:, 2].min(), boxes[:, 0].max()
        for label in likely[np.argsort(-self.mass[likely])][:MOST_POINTS]:
            left, top, right, bottom = self.boxes[label]
            low = -POINT_RISE <= ((top + bottom) / 2 - foot) / height <= POINT_RISE
            if low and first - stroke <= (left + right) / 2 <= last + stroke:
                speck[label] = bool(max(bottom - top, right - left) > POINT_SIZE * height)


def _without_specks(ink: Ink, parts: _Parts | None, share: float) -> Ink:
    if parts is None:
        return ink
    speck = parts.specks(share)
    if share == SPECK_SHARE_UNEVEN:
        speck |= parts.hairs(speck)
    if not speck.any():
        return ink
    kept = replace(ink, patch=ink.patch.copy())
    kept.boxed[speck[parts.labels]] = 0
    return kept.trimmed()


def _even_tone(levels: np.ndarray, counts: np.ndarray, contrast: int) -> int | None:
    """The level of an even background, None if there is none."""
    border = np.concatenate([levels[0], levels[-1], levels[1:-1, 0], levels[1:-1, -1]])
    shares = np.bincount(border, minlength=256)
    tone = int(shares.argmax())
    tolerance = max(255 * EVEN_LEVELS, EVEN_TOLERANCE * contrast)
    even = _within(shares, tone, tolerance) / border.size
    if even < max(EVEN_BORDER, EVEN_SHARE * _within(shares, tone, 3 * tolerance) / border.size):
        return None
    if levels.size >= COUNTED:  # the light of a room is never so even
        near = _within(counts, tone, 3 * tolerance)
        if _within(counts, tone, 255 * EVEN_LEVELS) < EVEN_EXACT * near:
            return None
    area = _within(counts, tone, tolerance)
    if area < EVEN_AREA * levels.size:
        return None
    # A larger flat region of another tone is the page, and the border its surroundings.
    windows = np.convolve(counts, np.ones(2 * int(tolerance) + 1), mode="same")
    windows[max(0, tone - 2 * int(tolerance)) : tone + 2 * int(tolerance) + 1] = 0  # the same tone
    return tone if area >= windows.max() else None


def _within(counts: np.ndarray, tone: int, tolerance: float) -> float:
    low, high = max(0, math.ceil(tone - tolerance)), int(tone + tolerance)
    return float(counts[low : high + 1].sum())


def _even_ink(levels: np.ndarray) -> Ink | None:
    """Distance from an even background's tone, on the side where most of the contrast is.

    None if there is no such background, or if it shows the edge of a page: then it is no page.
    """
    low, high = (int(level) for level in cv2.minMaxLoc(levels)[:2])
    rows = levels if levels.size < COUNTED else np.ascontiguousarray(levels[::4])
    counts = cv2.calcHist([rows], [0], None, [256], [0, 256]).ravel() * (levels.size / rows.size)
    tone = _even_tone(levels, counts, high - low)
    if tone is None:
        return None
    # Squares: a pad in a screenshot is a large area of little contrast, its ink is the opposite. At
    # edges: so is a lamp's reflection, which has none.
    energy = _at_edges(levels, counts) * np.square(_distances(tone))
    light = energy[tone:].sum() > energy[:tone].sum()
    end = high if light else low
    if abs(end - tone) < 255 * MIN_CONTRAST_EVEN:
        return Ink.of(np.zeros(levels.shape, np.float32))
    ink = _ink_on(tone, end, levels)
    assert ink.box is not None
    left, top, right, bottom = ink.placed(ink.box)
    height, width = levels.shape
    touching = left == 0 or top == 0 or right == width or bottom == height
    if touching and _shows_an_edge(levels, _ways(tone, end), ink):
        return None
    return _without_frame(ink)


def _at_edges(levels: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """How many pixels of each level lie at edges; those of all, if there are none."""
    every = 2 if levels.size >= COUNTED else 1
    some = np.ascontiguousarray(levels[::every, ::every])
    steps = cv2.morphologyEx(some, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    low, high = np.flatnonzero(counts)[[0, -1]]
    edges = (steps >= max(EDGE_STEP * (high - low), 1)).view(np.uint8)
    found = cv2.calcHist([some], [0], edges, [256], [0, 256]).ravel()
    return found if found.any() else counts


def _ink_on(tone: int, end: int, levels: np.ndarray) -> Ink:
    """The ink on an even background of `tone`, full where it has the level `end`."""
    most = int(255 * EVEN_LEVELS)
    inked = levels > tone + most if end > tone else levels < tone - most
    left, top, right, bottom = box_of(inked) or (0, 0, 0, 0)
    left, top = max(left - 1, 0), max(top - 1, 0)
    patch = cv2.LUT(levels[top : bottom + 1, left : right + 1], _ways(tone, end))
    height, width = levels.shape
    return Ink(patch, left, top, (height, width))


def _ways(tone: int, end: int) -> np.ndarray:
    """How far each of 256 levels is on the way from the background's tone to the ink's."""
    return np.maximum(_distances(tone) / (end - tone), 0).astype(np.float32)


def _distances(tone: int) -> np.ndarray:
    """How far each of 256 levels is from the background's tone; 0 within what compression does."""
    distances = np.arange(256, dtype=np.float32) - tone
    distances[np.abs(distances) <= 255 * EVEN_LEVELS] = 0
    return distances


def _without_frame(ink: Ink) -> Ink:
    """Without lines, pale ones too, if it reaches nearly over the whole picture."""
    left, top, right, bottom = ink.placed(ink.box or (0, 0, 0, 0))
    height, width = ink.shape
    if right - left < FRAME_SHARE * width and bottom - top < FRAME_SHARE * height:
        return ink
    cleared = without_lines(ink.whole(), 0.25, LEVEL_RUN)
    bare = without_lines(cleared, EDGE_LEVEL, LEVEL_RUN)
    return Ink.of(np.where(cleared >= STRONG_LEVEL, cleared, bare))


def _shows_an_edge(levels: np.ndarray, tones: np.ndarray, ink: Ink) -> bool:
    """Whether ink goes along the border as the edge of a page, a desk or a shadow does."""
    inked = tones > EDGE_LEVEL
    first, last, above, below = (
        inked[side] for side in (levels[:, 0], levels[:, -1], levels[0], levels[-1])
    )
    corners = ((above, first), (below[::-1], last[::-1]), (below, first[::-1]), (above[::-1], last))
    runs = [(_run(along), _run(down)) for along, down in corners]
    if max(map(max, runs)) >= EDGE_SHARE:
        return True
    return max(map(min, runs)) >= CORNER_SHARE and not _is_one_digit(ink)


def _is_one_digit(ink: Ink) -> bool:
    """Whether it is a single stroke from the top of the picture to its foot: a tight crop."""
    mask = (ink.whole() >= INK_LEVEL).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    areas = stats[1:, cv2.CC_STAT_AREA]
    largest = 1 + int(areas.argmax())
    alone = (areas >= SPECK_SHARE_UNEVEN * areas.max()).sum() == 1
    if not alone or stats[largest, cv2.CC_STAT_HEIGHT] < FRAME_SHARE * mask.shape[0]:
        return False
    part = (labels == largest).view(np.uint8)
    area = int(part.sum())
    inside = cv2.erode(part, np.ones((3, 3), np.uint8))  # beyond the border it goes on
    return (area - int(inside.sum())) ** 2 >= STROKE_OUTLINE * area


def _run(side: np.ndarray) -> float:
    """How far ink reaches from the beginning of one side, as a share of it."""
    return 1.0 if side.all() else float(side.argmin()) / side.size
