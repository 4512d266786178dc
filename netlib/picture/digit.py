"""The one path from a picture to a network's input: drawing, scan or photo -> (1, 28, 28).

    picture -> grey -> ink -> crop -> 20x20 box -> centre of mass in 28x28

as MNIST's digits were made (LeCun et al. 1998): fitted into a 20x20 box with the aspect ratio
kept, anti-aliased, centred by centre of mass. MNIST's own images pass unchanged. What MNIST did
not need is a pen of another kind: strokes thinner or thicker than MNIST's are brought to its range.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from netlib.picture.ink import find_ink
from netlib.picture.load import Picture, as_picture, to_levels
from netlib.picture.patch import Box, Ink, ink_box

SIDE = 28
BOX = 20
ROOM = 4  # on each side of it, where faint ink is kept

# Strokes are measured, thickened and thinned at this many pixels per pixel of the 28x28.
ZOOM = 4
NOTHING = 1e-6  # what differences of sums leave where there is no ink
# Stroke widths that stay as they are, in pixels of the 28x28: the middle half of MNIST's.
THINNEST, THICKEST = 2.2, 2.9
# Edges wider than this are blurred, and brought to that width (99.9 % of MNIST's are narrower).
SOFTEST, SHARPENED = 1.45, 1.15
# Before that the corners of enlarged pixels are smoothed, by this share of the edge's width.
SMOOTHED = 0.12
# How far from an edge its stroke's full tone is looked for, and the faintest one looked at.
REACH, FAINTEST = 2.0, 0.3


@dataclass(frozen=True)
class Sketch:
    """The steps from a picture to a network's input."""

    levels: np.ndarray  # (H, W) uint8, the picture in grey
    found: Ink  # its ink
    cut: "Cut | None" = None  # the digit made of it; None for an empty page
    picture: Image.Image | None = None  # in its colours, if it has any

    @property
    def grey(self) -> np.ndarray:
        """(H, W) float32 in [0, 1], the picture."""
        return self.levels * np.float32(1 / 255)

    @property
    def ink(self) -> np.ndarray:
        """(H, W) float32 in [0, 1], ink 1 on background 0."""
        return self.found.whole()

    @property
    def box(self) -> Box | None:
        """Where the ink is; None for an empty page, as is the digit."""
        return self.found.placed(self.found.box) if self.found.box else None

    @property
    def digit(self) -> np.ndarray | None:
        """(1, 28, 28) float32, what the networks see."""
        return self.cut.digit if self.cut else None


@dataclass(frozen=True)
class Cut:
    """A digit that was cut out."""

    digit: np.ndarray  # (1, 28, 28) float32, what the networks see
    scaled: np.ndarray  # (h, w) float32, the ink fitted into the 20x20 box
    # (H, W) float32, the same at ZOOM times the size with its strokes as they were; None where it
    # was not needed
    fine: np.ndarray | None
    outline: float  # the length of its outline, see `outline_length`


def to_digit(image: Picture) -> np.ndarray | None:
    """Any picture (see `as_picture`) -> a network's input, None for an empty page.

    Returns:
        (1, 28, 28) float32 in [0, 1], ink 1 on background 0.

    Raises:
        ImageError: if the picture cannot be read.
    """
    return trace(image).digit


def to_digits(images: Sequence[Picture]) -> tuple[np.ndarray, list[int]]:
    """Many pictures at once.

    Returns:
        (N, 1, 28, 28) float32, an empty page being all zero, and the indices of empty pages.
    """
    digits = [to_digit(image) for image in images]
    stacked = np.zeros((len(digits), 1, SIDE, SIDE), np.float32)
    for index, digit in enumerate(digits):
        if digit is not None:
            stacked[index] = digit
    return stacked, [index for index, digit in enumerate(digits) if digit is None]


def trace(image: Picture, drawn: bool = False) -> Sketch:
    """As `to_digit`, with the pictures in between; `drawn` as for `find_ink`."""
    picture = as_picture(image)
    levels = to_levels(picture)
    found = find_ink(levels, drawn)
    coloured = picture if picture.mode == "RGB" else None
    return Sketch(levels, found, cut_out(found) if found.box else None, coloured)


def cut_out(ink: Ink) -> Cut:
    """The digit made of all the ink, which must not be empty."""
    fit = _Fit(ink)
    canvas = fit.canvas(1)
    if fit.longer != BOX:  # MNIST's own digits stay as they are
        outline = outline_length(canvas)
        blurred = edge_width(canvas, outline) > SOFTEST
        if blurred or not THINNEST <= stroke_width(canvas, outline) <= THICKEST:
            normalised = _normalised_strokes(fit, blurred)
            if ink_box(normalised) is not None:  # a dense pattern may be worn away
                canvas = normalised
    box = ink_box(canvas)
    assert box is not None
    left, top, right, bottom = box
    digit, scaled = _centred(canvas, box)[None], canvas[top:bottom, left:right]
    return Cut(digit, scaled, fit.fine, fit.outline)


class _Fit:
    """Ink to be fitted into the 20x20 box, on canvases with room around it.

    The middle of the ink's box is in the middle of each.

    Attributes:
        longer: side of the ink's box, in pixels.
        fine: the canvas at ZOOM, if it was needed,
        outline: and the length of its outline.
    """

    def __init__(self, ink: Ink) -> None:
        assert ink.box is not None
        left, top, right, bottom = ink.box
        sides = right - left, bottom - top
        self.ink = ink
        self.longer = max(sides)
        self.middle = (left + right) / 2, (top + bottom) / 2
        # MNIST's own digits keep all of their picture.
        inner = [self.longer if self.longer == BOX else side for side in sides]
        self.half = [math.ceil(BOX / 2 * side / self.longer) + ROOM for side in inner]
        self.fine: np.ndarray | None = None
        self.outline = 0.0

    def canvas(self, zoom: int, free: float = 0.0) -> np.ndarray:
        """A canvas of `zoom` (1 or ZOOM) times the size, anti-aliased, its ink reaching 1.

        `free` pixels of the 20x20 box stay free.
        """
        if free == 0 and zoom == ZOOM and self.fine is not None:
            return self.fine
        if zoom == 1 and self.longer > BOX * ZOOM:  # the mean of what is needed anyway
            canvas = _pooled(self.canvas(ZOOM))
        else:
            canvas = self._resampled(zoom, (BOX - free) / self.longer * zoom)
        canvas *= np.float32(1 / max(cv2.minMaxLoc(canvas)[1], 1e-6))
        if free == 0 and zoom == ZOOM:
            self.fine, self.outline = canvas, outline_length(canvas)
        return canvas

    def _resampled(self, zoom: int, scale: float) -> np.ndarray:
        """A canvas with `scale` pixels for each of the ink's."""
        width, height = (2 * half * zoom for half in self.half)
        x, y = self.middle[0] - width / scale / 2, self.middle[1] - height / scale / 2
        if scale < 1:  # means over cells of any size
            sums = cv2.integral(self.ink.patch)  # of what lies above and left of each corner
            rows = _at_edges(sums, y, height, 1 / scale)
            both = _at_edges(rows.T, x, width, 1 / scale).T
            means = scale**2 * np.diff(np.diff(both, axis=0), axis=1)
            return np.where(means < NOTHING, 0, means).astype(np.float32)
        x0, y0 = math.floor(x), math.floor(y)
        if scale == 1:  # Whole pixels: nothing to interpolate.
            return _window_of(self.ink.patch, x0, y0, width, height)
        across, down = width / scale, height / scale
        window = _window_of(self.ink.patch, x0, y0, math.ceil(across) + 2, math.ceil(down) + 2)
        x, y = x - x0, y - y0
        resampled = Image.fromarray(window).resize(
            (width, height), Image.Resampling.BICUBIC, box=(x, y, x + across, y + down)
        )
        return np.clip(np.asarray(resampled), 0, 1)  # Bicubic overshoots.


def _at_edges(sums: np.ndarray, start: float, cells: int, length: float) -> np.ndarray:
    """(cells + 1, ...): rows of sums (size + 1, ...) at the edges of cells `length` rows long."""
    edges = np.clip(start + length * np.arange(cells + 1), 0, len(sums) - 1)
    above = np.minimum(edges.astype(int), len(sums) - 2)
    part = (edges - above)[:, None]
    return sums[above] * (1 - part) + sums[above + 1] * part


def _pooled(canvas: np.ndarray) -> np.ndarray:
    """A canvas at ZOOM to one at 1."""
    height, width = canvas.shape
    return cv2.resize(canvas, (width // ZOOM, height // ZOOM), interpolation=cv2.INTER_AREA)


def _normalised_strokes(fit: _Fit, blurred: bool) -> np.ndarray:
    """The canvas with blurred edges sharpened and strokes brought into MNIST's range."""
    canvas = fit.canvas(ZOOM)
    softness = edge_width(canvas, fit.outline) / ZOOM if blurred else 0.0
    if softness > SOFTEST:  # Thin strokes look blurred only at 28x28.
        sharp = _sharpened(cv2.GaussianBlur(canvas, (0, 0), SMOOTHED * softness * ZOOM))
        fit = _Fit(Ink.of(sharp))
        canvas = fit.canvas(ZOOM)
    width = stroke_width(canvas, fit.outline) / ZOOM
    change = max(THINNEST - width, 0.0) + min(THICKEST - width, 0.0)
    if change:
        # The outline grows or shrinks with its strokes; the scale makes up for it.
        canvas = fit.canvas(ZOOM, change)
        radius = abs(change) / 2 * ZOOM
        canvas = _grown(canvas, radius) if change > 0 else 1 - _grown(1 - canvas, radius)
    return _pooled(canvas)


def _sharpened(canvas: np.ndarray) -> np.ndarray:
    """Edges made as steep as MNIST's, around half of the tone that the stroke nearby has."""
    gain = max(edge_width(canvas) / ZOOM / SHARPENED, 1.0)
    reach = round(REACH * ZOOM)
    highest = cv2.dilate(canvas, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    nearby = cv2.blur(highest, (reach, reach), borderType=cv2.BORDER_REFLECT)
    share = canvas / np.maximum(nearby, FAINTEST)
    return np.clip((share - 0.5) * np.float32(gain) + 0.5, 0, 1)


def _window_of(ink: np.ndarray, x0: int, y0: int, width: int, height: int) -> np.ndarray:
    """Part of the ink from (x0, y0), zero outside of the picture."""
    window = np.zeros((height, width), dtype=np.float32)
    left, right = max(x0, 0), min(x0 + width, ink.shape[1])
    top, bottom = max(y0, 0), min(y0 + height, ink.shape[0])
    window[top - y0 : bottom - y0, left - x0 : right - x0] = ink[top:bottom, left:right]
    return window


def stroke_width(ink: np.ndarray, outline: float | None = None) -> float:
    """Mean stroke width in pixels: twice the area over the outline's length.

    A stroke of length l and width w has area l w and an outline of about 2 l; the total variation
    is the outline's length for soft edges, too. `outline` is that length, where it is known.
    """
    return 2 * float(ink.sum()) / (outline or outline_length(ink))


def edge_width(ink: np.ndarray, outline: float | None = None) -> float:
    """Mean width of the ramp from background to ink, in pixels (MNIST: 0.9 to 1.4).

    Over a ramp of width e the integral of t (1 - t) is e / 6. `outline` as in `stroke_width`.
    """
    return 6 * float((ink * (1 - ink)).sum()) / (outline or outline_length(ink))


def outline_length(ink: np.ndarray) -> float:
    """Total variation; differences along both diagonals (Roberts) see all directions alike."""
    padded = cv2.copyMakeBorder(ink, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    falling = padded[1:, 1:] - padded[:-1, :-1]
    rising = padded[1:, :-1] - padded[:-1, 1:]
    # Not cv2.magnitude: its last bit depends on where in memory the picture lies.
    squares = np.square(falling, out=falling)
    squares += np.square(rising, out=rising)
    squares *= 0.5
    return max(float(np.sqrt(squares, out=squares).sum()), 1e-6)


def _grown(ink: np.ndarray, radius: float) -> np.ndarray:
    """Grey dilation by a disc; a fractional radius blends the two whole ones around it."""
    whole = int(radius)
    inner = cv2.dilate(ink, _disc(whole))
    if radius == whole:
        return inner
    share = radius - whole
    return cv2.addWeighted(inner, 1 - share, cv2.dilate(ink, _disc(whole + 1)), share, 0)


@functools.cache
def _disc(radius: int) -> np.ndarray:
    """Offsets of at most `radius` and a quarter of a pixel, as a mask."""
    offsets = np.arange(-radius, radius + 1)
    return (np.hypot(offsets, offsets[:, None]) <= radius + 0.25).astype(np.uint8)


def _centred(canvas: np.ndarray, box: Box) -> np.ndarray:
    """(28, 28): shifted by whole pixels, as MNIST's are, so that the centre of mass is its middle.

    MNIST's centres of mass lie between 13.5 and 14.5, counted in pixel indices: at pixel 14. No
    shift moves ink, which is in `box`, out of the picture.
    """
    shift_x = _shift(canvas.sum(axis=0), box[0], box[2])
    shift_y = _shift(canvas.sum(axis=1), box[1], box[3])
    return _window_of(canvas, -shift_x, -shift_y, SIDE, SIDE)


def _shift(profile: np.ndarray, first: int, end: int) -> int:
    centre = float(profile @ np.arange(profile.size)) / float(profile.sum())
    return min(max(SIDE // 2 - int(centre + 0.5), -first), SIDE - end)
