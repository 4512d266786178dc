"""Ink on paper: grey values of any polarity, paper and light -> ink 1 on background 0.

    even background (pads, screenshots, MNIST)   ink = distance from the background's own tone
    uneven background (photos, scans)            ink = what is darker than the paper around it

The first way is linear, so that a clean picture passes unchanged.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

from netlib.paper import paper_ink

# Compression moves an even background by this much at most, of 1,
EVEN_LEVELS = 2.5 / 255
# or by this share of the contrast: it rings around the strokes.
EVEN_TOLERANCE = 0.04
# Within that tolerance are at least these shares of the border and of the picture,
EVEN_BORDER, EVEN_AREA = 0.3, 0.2
# and this share of what is within three times the tolerance: noise and shades spread further.
EVEN_SHARE = 0.8
# A longer part of the border, in one piece, is no stroke that touches it but a shadow.
MAX_BORDER_RUN = 0.35
# Less contrast than this, of 1, or this many times the noise, is an empty page.
MIN_CONTRAST, MIN_CONTRAST_TO_NOISE = 8 / 255, 6

# Ink from here on is seen (99.97 % of MNIST's bounding boxes stay as they are).
INK_LEVEL = 0.1
# Strokes reach this somewhere. Fainter ink is theirs up to this distance from them, a share of
# their extent; farther away it is a shadow, or a line that the paper is ruled with.
STRONG_LEVEL = 0.35
FAINT_REACH = 0.05
# A component with less than this share of the largest one's mass is a speck.
SPECK_SHARE_EVEN, SPECK_SHARE_UNEVEN = 0.01, 0.05

# A sheet of paper fills its rectangle, at the best of these angles, by this share,
SHEET_FILL, SHEET_ANGLES = 0.9, range(0, 90, 5)
# the picture by this one, and has something in it of at least this size.
SHEET_AREA, SHEET_INK = 0.1, 0.002
SHEET_EDGE = 0.04  # The sheet's outline is taken off, a share of the picture's longer side.
SHEET_SIDE = 64  # Sheets are looked for in a picture of this many pixels.

# Left, top, right, bottom in pixels; right and bottom are exclusive.
Box = tuple[int, int, int, int]

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


def ink_from_grey(grey: np.ndarray) -> np.ndarray:
    """Grey values (H, W) in [0, 1] -> ink (H, W), float32 in [0, 1], all zero for an empty page."""
    ink = _ink_on(grey)
    sheet = _find_sheet(ink)
    if sheet is None:
        return ink
    tone = np.median(grey[sheet])
    return _ink_on(np.where(sheet, grey, tone).astype(np.float32))


def _ink_on(grey: np.ndarray) -> np.ndarray:
    background = _even_background(grey)
    if background is None:
        return _strokes(paper_ink(grey), SPECK_SHARE_UNEVEN)
    return _strokes(_even_ink(grey, *background), SPECK_SHARE_EVEN)


def _find_sheet(ink: np.ndarray) -> np.ndarray | None:
    """Where a sheet of paper lies that was taken for ink: (H, W) bool, without its outline."""
    box = ink_box(ink)
    if box is None:
        return None
    left, top, right, bottom = box
    area = (right - left) * (bottom - top)
    if area < SHEET_AREA * ink.size or ink[top:bottom, left:right].mean() < 0.5:
        return None  # Nearly all digits end here.
    scale = min(1.0, SHEET_SIDE / max(ink.shape))
    size = max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale))
    small = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BOX)) >= 0.5
    filled = ndimage.binary_fill_holes(small)
    inner = ndimage.binary_erosion(filled, iterations=max(1, round(SHEET_EDGE * max(size))))
    holes = np.count_nonzero(inner & ~small)
    if holes < SHEET_INK * filled.size or not _is_rectangle(filled):
        return None
    return np.asarray(Image.fromarray(inner).resize(ink.shape[::-1], Image.Resampling.NEAREST))


def _is_rectangle(mask: np.ndarray) -> bool:
    """Whether a shape fills the smallest rectangle around it, turned by any angle."""
    y, x = np.nonzero(mask)
    angles = np.deg2rad(list(SHEET_ANGLES))[:, None]
    across = x * np.cos(angles) + y * np.sin(angles)
    along = y * np.cos(angles) - x * np.sin(angles)
    return bool(x.size >= SHEET_FILL * ((np.ptp(across, 1) + 1) * (np.ptp(along, 1) + 1)).min())


def _strokes(ink: np.ndarray, speck_share: float) -> np.ndarray:
    """The ink without faint lines away from strokes, and without specks.

    Args:
        ink: (H, W) in [0, 1].
        speck_share: components with less than this share of the largest one's ink are blanked.
    """
    strong = ink_box(ink, STRONG_LEVEL)
    if strong is None:
        return np.zeros_like(ink)
    reach = max(2, round(FAINT_REACH * max(strong[2] - strong[0], strong[3] - strong[1])))
    inside = _expanded(strong, reach)
    kept = np.zeros_like(ink)
    kept[inside] = ink[inside]
    seen = ink_box(ink)
    if seen is not None and any(abs(a - b) > reach for a, b in zip(seen, strong, strict=True)):
        near = ndimage.maximum_filter(kept[inside] >= STRONG_LEVEL, size=2 * reach + 1)
        kept[inside] *= near
    return _without_specks(kept, inside, speck_share)


def _without_specks(ink: np.ndarray, inside: tuple[slice, slice], speck_share: float) -> np.ndarray:
    part = ink[inside]
    labels, count = ndimage.label(part >= INK_LEVEL, structure=EIGHT_NEIGHBOURS)
    if count < 2:
        return ink
    mass = np.bincount(labels.ravel(), weights=part.ravel())
    mass[0] = np.inf  # Ink fainter than INK_LEVEL around the strokes stays.
    speck = mass < speck_share * mass[1:].max()
    if speck.any():
        part[speck[labels]] = 0
    return ink


def _expanded(box: Box, margin: int) -> tuple[slice, slice]:
    left, top, right, bottom = box
    rows = slice(max(top - margin, 0), bottom + margin)
    return rows, slice(max(left - margin, 0), right + margin)


def ink_box(ink: np.ndarray, level: float = INK_LEVEL) -> Box | None:
    """Bounding box of the ink (H, W) from `level` on, None if there is none."""
    inked = ink >= level
    columns, rows = np.flatnonzero(inked.any(axis=0)), np.flatnonzero(inked.any(axis=1))
    if columns.size == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _even_background(grey: np.ndarray) -> tuple[float, float] | None:
    """Tone and noise (standard deviation) of an even background, None if there is none."""
    border = np.concatenate([grey[0], grey[1:, -1], grey[-1, -2::-1], grey[-2:0:-1, 0]])  # around
    tone = float(np.bincount(np.rint(border * 255).astype(np.intp)).argmax()) / 255
    tolerance = max(EVEN_LEVELS, EVEN_TOLERANCE * float(grey.max() - grey.min()))
    for pixels, least in ((border, EVEN_BORDER), (grey, EVEN_AREA)):
        distance = np.abs(pixels - np.float32(tone))
        around = np.count_nonzero(distance <= 3 * tolerance)
        even = np.count_nonzero(distance <= tolerance)
        if even < max(least * distance.size, EVEN_SHARE * around):
            return None
    if _longest_run(np.abs(border - tone) > 3 * tolerance) > MAX_BORDER_RUN * border.size:
        return None
    close = border[np.abs(border - tone) <= 3 * tolerance]
    return tone, float(np.sqrt(np.mean(np.square(close - tone))))


def _longest_run(flags: np.ndarray) -> int:
    """Length of the longest run of true values in a closed ring."""
    if flags.all():
        return flags.size
    ring = np.roll(flags, -int(np.argmin(flags)))  # Begins with a false value.
    edges = np.flatnonzero(np.diff(np.concatenate([ring, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _even_ink(grey: np.ndarray, tone: float, noise: float) -> np.ndarray:
    """Distance from the background's tone, on the side where most of the contrast is."""
    distance = grey - np.float32(tone)
    distance[np.abs(distance) <= EVEN_LEVELS] = 0
    darker, lighter = np.minimum(distance, 0), np.maximum(distance, 0)
    # Squares: a pad in a screenshot is a large area of little contrast, its ink is the opposite.
    ink = lighter if np.square(lighter).sum() > np.square(darker).sum() else -darker
    contrast = ink.max()
    if contrast < max(MIN_CONTRAST, MIN_CONTRAST_TO_NOISE * noise):
        return np.zeros_like(ink)
    return ink / contrast
