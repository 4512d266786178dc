"""Ink on paper: grey values of any polarity, paper and light -> ink 1 on background 0.

    even background (pads, screenshots, MNIST)   ink = distance from the background's own tone
    uneven background (photos, scans)            ink = what is darker than the paper around it

The first way is linear, so that a clean picture passes unchanged.
"""

import cv2
import numpy as np

from netlib.picture.paper import page_ink
from netlib.picture.rulings import LEVEL_RUN, without_lines

# Compression moves an even background by this much at most, of 1,
EVEN_LEVELS = 2.5 / 255
# or by this share of the contrast: it rings around the strokes.
EVEN_TOLERANCE = 0.04
# Within that tolerance are at least these shares of the border and of the picture,
EVEN_BORDER, EVEN_AREA = 0.3, 0.2
# and this share of all that is within three times the tolerance: noise and shades spread further.
EVEN_SHARE = 0.8
# Less contrast than this (of 1) is an empty page.
MIN_CONTRAST_EVEN = 8 / 255

# Of pictures with more pixels than this every fourth one is counted.
COUNTED = 40_000
# Ink of this tone from a corner along this share of one side, or of both, is the edge of a page.
EDGE_LEVEL, EDGE_SHARE, CORNER_SHARE = 0.1, 0.9, 0.15
# A sheet has cells without any other tone: this many each way of those that its longer side has.
# Only ink of at least SHEET_SIDE pixels is looked at.
SHEET_CELLS, SHEET_CORE, SHEET_SIDE = 16, (4, 10), 100
# A pale component of at least this share of the largest one's area is a stroke.
PALE_AREA = 0.2
# Ink that reaches over this share of the picture may be a frame, or lines.
FRAME_SHARE = 0.85

# Ink from here on is seen (99.97 % of MNIST's bounding boxes stay as they are).
INK_LEVEL = 0.1
# A component that nowhere reaches this is a shadow.
STRONG_LEVEL = 0.5
# A component with less than this share of the largest one's mass is a speck.
SPECK_SHARE_EVEN, SPECK_SHARE_UNEVEN = 0.01, 0.05
# A point between digits is no speck: it has this share of a square as wide as the strokes, is this
# near to the digits' foot and not larger, in heights of theirs. A digit's stroke is so many heights
# long. Only so many are looked at.
POINT_MASS, POINT_RISE, POINT_SIZE, STROKE_LENGTH = 0.4, 0.3, 0.3, 2.2
MOST_KEPT, MOST_POINTS = 20, 10
# Left, top, right, bottom in pixels; right and bottom are exclusive.
Box = tuple[int, int, int, int]


def ink_from_grey(grey: np.ndarray) -> np.ndarray:
    """Grey values (H, W) in [0, 1] -> ink (H, W), float32 in [0, 1], all zero for an empty page."""
    levels = grey if grey.dtype == np.uint8 else np.rint(grey * 255).astype(np.uint8)
    step = 1 if levels.size < COUNTED else 2
    counted = np.ascontiguousarray(levels[::step, ::step])
    counts = cv2.calcHist([counted], [0], None, [256], [0, 256]).ravel() * step * step
    low, high = (int(level) for level in cv2.minMaxLoc(levels)[:2])
    tone = _even_tone(levels, counts, high - low)
    ink = None if tone is None else _even_ink(levels, counts, tone, low, high)
    if ink is None or _is_sheet(ink) or _has_pale_strokes(ink):
        return drop_specks(page_ink(levels), SPECK_SHARE_UNEVEN)
    return drop_specks(ink, SPECK_SHARE_EVEN)


def _is_sheet(ink: np.ndarray) -> bool:
    """Whether it is too broad for strokes: a sheet of paper on an even desk."""
    box = ink_box(ink)
    if box is None:
        return False
    left, top, right, bottom = box
    inside = ink[top:bottom, left:right]
    scale = SHEET_CELLS / max(inside.shape)
    if max(inside.shape) < SHEET_SIDE:
        return False
    height, width = (max(1, round(side * scale)) for side in inside.shape)
    cells = cv2.resize(inside, (width, height), interpolation=cv2.INTER_AREA)
    return any(
        (cv2.erode(cells, np.ones(core, np.uint8), borderValue=0.0) >= STRONG_LEVEL).any()
        for core in (SHEET_CORE, SHEET_CORE[::-1])
    )


def _has_pale_strokes(ink: np.ndarray) -> bool:
    """Whether a component beside the dark ones is pale, but no speck: it has a tone of its own."""
    box = ink_box(ink)
    if box is None:
        return False
    left, top, right, bottom = box
    inside = ink[top:bottom, left:right]
    count, labels = cv2.connectedComponents((inside >= INK_LEVEL).view(np.uint8))
    if count < 3:  # the background is one
        return False
    area = np.bincount(labels.ravel(), minlength=count)
    strong = np.bincount(labels[inside >= STRONG_LEVEL], minlength=count) > 0
    pale = ~strong & (area >= PALE_AREA * area[1:].max())
    return bool(pale[1:].any())


def drop_specks(ink: np.ndarray, share: float) -> np.ndarray:
    """Blank the components that are faint, or have less than `share` of the largest one's ink."""
    box = ink_box(ink)
    if box is None:
        return ink
    left, top, right, bottom = box
    inside = ink[top:bottom, left:right]
    count, labels = cv2.connectedComponents((inside >= INK_LEVEL).view(np.uint8))
    if count < 3:  # the background is one
        return ink
    mass = np.bincount(labels.ravel(), weights=inside.ravel())
    strong = np.bincount(labels[inside >= STRONG_LEVEL], minlength=count) > 0
    speck = ~strong | (mass < share * mass[1:].max())
    speck[0] = False  # Ink fainter than INK_LEVEL around the strokes stays.
    _spare_points(speck, strong, labels, mass)
    if not speck.any():
        return ink
    kept = ink.copy()
    kept[top:bottom, left:right][speck[labels]] = 0
    return kept


def _spare_points(
    speck: np.ndarray, strong: np.ndarray, labels: np.ndarray, mass: np.ndarray
) -> None:
    """Take from the specks what is as thick as a stroke, and between two strokes at their foot."""
    kept = np.flatnonzero(~speck)[1:]
    kept = kept[mass[kept] >= PALE_AREA * mass[1:].max()]
    if len(kept) < 2:
        return
    boxes = np.array([box_of(labels == label) for label in kept[:MOST_KEPT]])
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    stroke = float(np.median(mass[kept])) / (STROKE_LENGTH * height)
    likely = np.flatnonzero(speck & strong & (mass >= POINT_MASS * stroke**2))
    foot, first, last = np.median(boxes[:, 3]), boxes[:, 2].min(), boxes[:, 0].max()
    for label in likely[np.argsort(-mass[likely])][:MOST_POINTS]:
        left, top, right, bottom = box_of(labels == label) or (0, 0, 0, 0)
        low = -POINT_RISE <= ((top + bottom) / 2 - foot) / height <= POINT_RISE
        if low and first - stroke <= (left + right) / 2 <= last + stroke:
            speck[label] = bool(max(bottom - top, right - left) > POINT_SIZE * height)


def ink_box(ink: np.ndarray) -> Box | None:
    """Bounding box of the ink (H, W), None if there is none."""
    return box_of(ink >= INK_LEVEL)


def box_of(inside: np.ndarray) -> Box | None:
    """Bounding box of what is true in (H, W), None if nothing is."""
    left, top, width, height = cv2.boundingRect(inside.view(np.uint8))
    return (left, top, left + width, top + height) if width else None


def _even_tone(levels: np.ndarray, counts: np.ndarray, contrast: int) -> int | None:
    """The level of an even background, None if there is none."""
    border = np.concatenate([levels[0], levels[-1], levels[1:-1, 0], levels[1:-1, -1]])
    shares = np.bincount(border, minlength=256)
    tone = int(shares.argmax())
    tolerance = max(255 * EVEN_LEVELS, EVEN_TOLERANCE * contrast)
    even = _within(shares, tone, tolerance) / border.size
    if even < max(EVEN_BORDER, EVEN_SHARE * _within(shares, tone, 3 * tolerance) / border.size):
        return None
    area = _within(counts, tone, tolerance)
    if area < EVEN_AREA * levels.size:
        return None
    # A larger flat region of another tone is the page, and the border its surroundings.
    windows = np.convolve(counts, np.ones(2 * int(tolerance) + 1), mode="same")
    windows[max(0, tone - 2 * int(tolerance)) : tone + 2 * int(tolerance) + 1] = 0  # the same tone
    return tone if area >= windows.max() else None


def _within(counts: np.ndarray, tone: int, tolerance: float) -> float:
    low, high = max(0, int(np.ceil(tone - tolerance))), int(tone + tolerance)
    return float(counts[low : high + 1].sum())


def _even_ink(
    levels: np.ndarray, counts: np.ndarray, tone: int, low: int, high: int
) -> np.ndarray | None:
    """Distance from the background's tone, on the side where most of the contrast is.

    None if it shows the edge of a page: then the background is no page.
    """
    distance = np.arange(256, dtype=np.float32) - tone
    distance[np.abs(distance) <= 255 * EVEN_LEVELS] = 0
    # Squares: a pad in a screenshot is a large area of little contrast, its ink is the opposite.
    energy = counts * np.square(distance)
    light = energy[tone:].sum() > energy[:tone].sum()
    contrast = high - tone if light else tone - low
    if not light:
        distance = -distance
    if contrast < 255 * MIN_CONTRAST_EVEN:
        return np.zeros(levels.shape, np.float32)
    ink = cv2.LUT(levels, (np.maximum(distance, 0) / contrast).astype(np.float32))
    box = ink_box(ink)
    assert box is not None
    left, top, right, bottom = box
    height, width = levels.shape
    touching = left == 0 or top == 0 or right == width or bottom == height
    if touching and _shows_an_edge(ink):
        return None
    if right - left >= FRAME_SHARE * width or bottom - top >= FRAME_SHARE * height:
        return without_lines(ink, 0.25, LEVEL_RUN)
    return ink


def _shows_an_edge(ink: np.ndarray) -> bool:
    """Whether ink goes along the border as the edge of a page, a desk or a shadow does."""
    for turned in (ink, ink[::-1, ::-1], ink[::-1], ink[:, ::-1]):
        along, down = _run(turned[0]), _run(turned[:, 0])
        if max(along, down) >= EDGE_SHARE or min(along, down) >= CORNER_SHARE:
            return True
    return False


def _run(side: np.ndarray) -> float:
    """How far ink reaches from the beginning of one side, as a share of it."""
    blank = side <= EDGE_LEVEL
    return float(blank.argmax()) / side.size if blank.any() else 1.0
