"""The one path from a picture to a network's input: drawing, scan or photo -> (1, 28, 28).

    picture -> grey -> ink -> crop -> 20x20 box -> centre of mass in 28x28

as MNIST's digits were made (LeCun et al. 1998): fitted into a 20x20 box with the aspect ratio
kept, anti-aliased, centred by centre of mass. MNIST's own images pass unchanged. What MNIST did
not need is a pen of another kind: strokes thinner or thicker than MNIST's are brought to its range.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from netlib.picture.ink import Box, ink_box, ink_from_grey
from netlib.picture.load import Picture, as_picture, to_levels

SIDE = 28
BOX = 20

# Strokes are measured, thickened and thinned at this many pixels per pixel of the 28x28.
ZOOM = 4
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
    """The steps from a picture to a network's input.

    Attributes:
        grey: (H, W) float32 in [0, 1], the picture.
        ink: (H, W) float32 in [0, 1], ink 1 on background 0.
        box: where the ink is; None for an empty page, as are the two that follow.
        scaled: (h, w) float32, the ink fitted into the 20x20 box.
        digit: (1, 28, 28) float32, what the networks see.
    """

    grey: np.ndarray
    ink: np.ndarray
    box: Box | None = None
    scaled: np.ndarray | None = None
    digit: np.ndarray | None = None


def to_ink(image: Picture) -> np.ndarray:
    """Any picture (see `images.as_picture`) -> ink (H, W), float32 in [0, 1], 1 on background 0.

    Raises:
        ImageError: if the picture cannot be read.
    """
    return ink_from_grey(to_levels(as_picture(image)))


def to_digit(image: Picture) -> np.ndarray | None:
    """Any picture (see `images.as_picture`) -> a network's input, None for an empty page.

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


def trace(image: Picture) -> Sketch:
    """As `to_digit`, with the pictures in between."""
    levels = to_levels(as_picture(image))
    grey = levels * np.float32(1 / 255)
    ink = ink_from_grey(levels)
    box = ink_box(ink)
    if box is None:
        return Sketch(grey, ink)
    digit, scaled = digit_from_ink(ink, box)
    return Sketch(grey, ink, box, scaled, digit)


def digit_from_ink(ink: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Ink (H, W) in [0, 1] and its box -> digit (1, 28, 28) and its 20x20 picture (h, w)."""
    left, top, right, bottom = box
    window = _Window(ink, box)
    canvas = window.fitted(1)
    if max(right - left, bottom - top) != BOX:  # MNIST's own digits stay as they are
        outline = outline_length(canvas)
        blurred = edge_width(canvas, outline) > SOFTEST
        if blurred or not THINNEST <= stroke_width(canvas, outline) <= THICKEST:
            normalised = _normalised_strokes(window, blurred)
            if ink_box(normalised) is not None:  # a dense pattern may be worn away
                canvas = normalised
    digit = _centred(canvas)
    scaled_box = ink_box(canvas)
    assert scaled_box is not None
    left, top, right, bottom = scaled_box
    return digit[None], canvas[top:bottom, left:right]


class _Window:
    """The surroundings of a box of ink, ready to be fitted into the 20x20 box less `room` pixels.

    The middle of the box is in the middle of a square of SIDE pixels.
    """

    def __init__(self, ink: np.ndarray, box: Box, room: float = 0.0) -> None:
        left, top, right, bottom = box
        self.ink, self.box = ink, box
        self.scale = (BOX - room) / max(right - left, bottom - top)
        self.reach = SIDE / self.scale / 2
        self.start_x = (left + right) / 2 - self.reach
        self.start_y = (top + bottom) / 2 - self.reach
        self.canvases: dict[int, np.ndarray] = {}

    def fitted(self, zoom: int) -> np.ndarray:
        """A square canvas of SIDE * zoom pixels, anti-aliased, its ink reaching 1."""
        if zoom == 1 and self.scale * ZOOM < 1:  # the mean of what is needed anyway
            side = (SIDE, SIDE)
            canvas = cv2.resize(self._resampled(ZOOM), side, interpolation=cv2.INTER_AREA)
        else:
            canvas = self._resampled(zoom)
        return canvas / max(float(canvas.max()), 1e-6)

    def _resampled(self, zoom: int) -> np.ndarray:
        if zoom not in self.canvases:
            self.canvases[zoom] = self._resample(zoom)
        return self.canvases[zoom]

    def _resample(self, zoom: int) -> np.ndarray:
        if self.scale * zoom == 1:  # Whole pixels: nothing to interpolate.
            return _window_of(self.ink, int(self.start_x), int(self.start_y), SIDE * zoom)
        x0, y0 = math.floor(self.start_x), math.floor(self.start_y)
        side = math.ceil(2 * self.reach) + 2
        window = _window_of(self.ink, x0, y0, side)
        x, y = self.start_x - x0, self.start_y - y0
        if self.scale * zoom < 1:
            edges = np.arange(SIDE * zoom + 1) / (self.scale * zoom)
            return _area_means(window, x + edges, y + edges)
        resampled = Image.fromarray(window).resize(
            (SIDE * zoom, SIDE * zoom),
            Image.Resampling.BICUBIC,
            box=(x, y, x + 2 * self.reach, y + 2 * self.reach),
        )
        return np.clip(np.asarray(resampled), 0, 1)  # Bicubic overshoots.


def _area_means(window: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Means of the cells between xs and ys, in pixels and parts of pixels of the window.

    The sums over whole pixels from the corner on, interpolated, are those over parts of them.
    """
    sums = cv2.integral(window, sdepth=cv2.CV_64F)
    last = window.shape[0]
    columns = np.minimum(xs.astype(int), last - 1)
    share = xs - columns
    sums = sums[:, columns] * (1 - share) + sums[:, columns + 1] * share
    sums = np.diff(sums, axis=1)
    rows = np.minimum(ys.astype(int), last - 1)
    share = (ys - rows)[:, None]
    sums = sums[rows] * (1 - share) + sums[rows + 1] * share
    area = (xs[1] - xs[0]) * (ys[1] - ys[0])
    return np.clip(np.diff(sums, axis=0) / area, 0, 1).astype(np.float32)


def _normalised_strokes(window: _Window, blurred: bool) -> np.ndarray:
    """The 28x28 canvas with blurred edges sharpened and strokes brought into MNIST's range."""
    canvas = window.fitted(ZOOM)
    outline: float | None = outline_length(canvas)
    softness = edge_width(canvas, outline) / ZOOM if blurred else 0.0
    if softness > SOFTEST:  # Thin strokes look blurred only at 28x28.
        ink = _sharpened(cv2.GaussianBlur(canvas, (0, 0), SMOOTHED * softness * ZOOM))
        sharp_box = ink_box(ink)
        assert sharp_box is not None
        window, outline = _Window(ink, sharp_box), None
        canvas = window.fitted(ZOOM)
    width = stroke_width(canvas, outline) / ZOOM
    change = max(THINNEST - width, 0.0) + min(THICKEST - width, 0.0)
    if change:
        # The outline grows or shrinks with its strokes; the scale makes up for it.
        canvas = _Window(window.ink, window.box, room=change).fitted(ZOOM)
        radius = abs(change) / 2 * ZOOM
        canvas = _grown(canvas, radius) if change > 0 else 1 - _grown(1 - canvas, radius)
    rows = canvas.reshape(SIDE, ZOOM, SIDE * ZOOM).sum(axis=1)
    return rows.reshape(SIDE, SIDE, ZOOM).sum(axis=2) / np.float32(ZOOM**2)


def _sharpened(canvas: np.ndarray) -> np.ndarray:
    """Edges made as steep as MNIST's, around half of the tone that the stroke nearby has."""
    gain = max(edge_width(canvas) / ZOOM / SHARPENED, 1.0)
    reach = round(REACH * ZOOM)
    highest = cv2.dilate(canvas, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    nearby = cv2.blur(highest, (reach, reach), borderType=cv2.BORDER_REFLECT)
    share = canvas / np.maximum(nearby, FAINTEST)
    return np.clip((share - 0.5) * np.float32(gain) + 0.5, 0, 1)


def _window_of(ink: np.ndarray, x0: int, y0: int, side: int) -> np.ndarray:
    """Square part of the ink from (x0, y0), zero outside of the picture."""
    window = np.zeros((side, side), dtype=np.float32)
    height, width = ink.shape
    left, right = max(x0, 0), min(x0 + side, width)
    top, bottom = max(y0, 0), min(y0 + side, height)
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
    padded = np.zeros((ink.shape[0] + 2, ink.shape[1] + 2), ink.dtype)
    padded[1:-1, 1:-1] = ink
    falling = padded[1:, 1:] - padded[:-1, :-1]
    rising = padded[1:, :-1] - padded[:-1, 1:]
    squares = np.square(falling, out=falling)
    squares += np.square(rising, out=rising)
    squares *= 0.5
    return max(float(np.sqrt(squares, out=squares).sum()), 1e-6)


def _grown(ink: np.ndarray, radius: float) -> np.ndarray:
    """Grey dilation by a disc; a fractional radius blends the two whole ones around it."""
    whole = int(radius)
    inner = _dilated(ink, whole)
    if radius == whole:
        return inner
    return inner + (_dilated(ink, whole + 1) - inner) * np.float32(radius - whole)


def _dilated(ink: np.ndarray, radius: int) -> np.ndarray:
    """The highest ink (0 outside of the picture) within `radius`: the disc, row by row."""
    height, width = ink.shape
    reach = [math.isqrt(int((radius + 0.25) ** 2) - dy * dy) for dy in range(radius + 1)]
    rows = np.zeros((height + 2 * radius, width), ink.dtype)  # the widest row so far, padded
    inside = rows[radius : radius + height]
    inside[:] = ink
    grown = np.zeros_like(ink)
    for dx in range(radius + 1):
        if dx:
            np.maximum(inside[:, dx:], ink[:, :-dx], out=inside[:, dx:])
            np.maximum(inside[:, :-dx], ink[:, dx:], out=inside[:, :-dx])
        for dy in range(-radius, radius + 1):
            if reach[abs(dy)] == dx:
                np.maximum(grown, rows[radius + dy :][:height], out=grown)
    return grown


def _centred(canvas: np.ndarray) -> np.ndarray:
    """Shift (28, 28) by whole pixels, as MNIST does, until its centre of mass is in the middle.

    MNIST's centres of mass lie between 13.5 and 14.5, counted in pixel indices: at pixel 14. No
    shift moves ink out of the picture.
    """
    box = ink_box(canvas)
    assert box is not None
    shift_x = _shift(canvas.sum(axis=0), box[0], box[2])
    shift_y = _shift(canvas.sum(axis=1), box[1], box[3])
    return _window_of(canvas, -shift_x, -shift_y, SIDE)


def _shift(profile: np.ndarray, first: int, end: int) -> int:
    centre = float(profile @ np.arange(SIDE)) / float(profile.sum())
    return min(max(SIDE // 2 - int(np.floor(centre + 0.5)), -first), SIDE - end)
