"""Pages that lie in a picture: even, convex areas of another tone or hue than what is around."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import cv2
import numpy as np

from netlib.picture.patch import Box

# Pages are looked for on a picture of this side, closed over this share of it: over strokes.
SIDE, CLOSED = 240, 0.06
# A page has these shares of the picture, fills this share of its hull, and that of a rectangle; so
# much of it is of its own tone, or it is a row of strokes that were closed.
AREA, CONVEX, RECTANGULAR, OWN_TONE = (0.005, 0.93), 0.88, 0.72, 0.6
# Two that share so much are one; so many are looked at; so much of their size goes at the edges;
# and each has so many pixels at least.
ALIKE, MOST, EDGE, SMALLEST = 0.8, 4, 0.02, 28
# So many pixels in and out of its outline, of which this share is in view, the tone differs by this
# share at least (of tones that are so much above black), along this share of what is in view.
ACROSS, IN_VIEW, STEP, BLACK, EDGED = 3.0, 0.2, 0.1, 5.0, 0.7
# Hues are the ratios of colours (these much above black), as tones: light and shadow leave them as
# they are; one that is e times another's is this far from it.
COLOUR_BLACK, HUES = 20.0, 128.0
# Ink is this many levels from the page's own; beyond the page its light is that of so much of it.
PLAIN, LIGHT = 40, 1 / 6
# Digits that are so near to a page's edge, in heights of theirs, may go on beyond it.
ROOM = 0.02
# Of a digit's box, this share is on the page on which it lies.
HELD = 0.75
# A screen shows a page, such as a plot or a canvas, upright: of its box it fills this share. Two
# even tones, so far apart, have this share of the picture together, and each has this one.
UPRIGHT, TONES_APART, TWO_TONES, ONE_TONE = 0.93, 64, 0.7, 0.1
CANVAS = 128  # no shadow is so much darker: a page so far apart clips what is drawn there


@dataclass(frozen=True)
class Page:
    """A page in a picture, without its edges."""

    levels: np.ndarray  # (h, w) uint8, its grey values; its own light where it does not reach
    left: int  # where that begins in the picture, in pixels
    top: int
    mask: np.ndarray  # (h, w) bool, where the page is

    @property
    def is_upright(self) -> bool:
        """Whether its sides are those of the picture."""
        return float(self.mask.mean()) >= UPRIGHT

    def count(self, boxes: Sequence[Box]) -> int:
        """How many of these, in pixels of the whole picture, lie on it, not only around it."""
        height, width = self.levels.shape
        sides = np.reshape(boxes, (-1, 4)) - (2 * (self.left, self.top))
        inside = np.clip(sides, 0, 2 * (width, height))
        own, on_it = ((box[:, 2:] - box[:, :2]).prod(axis=1) for box in (sides, inside))
        return int((on_it >= HELD * own).sum())

    def holds(self, boxes: Sequence[Box]) -> bool:
        """Whether what is in these boxes, in pixels of the page, is clear of its edges."""
        room = round(ROOM * max(bottom - top for _, top, _, bottom in boxes)) + 1
        height, width = self.mask.shape
        for left, top, right, bottom in boxes:
            x, y, u, v = left - room, top - room, right + room, bottom + room
            if min(x, y) < 0 or u > width or v > height or not self.mask[y:v, x:u].all():
                return False
        return True


def may_be_a_screen(levels: np.ndarray, tones_apart: int = TONES_APART) -> bool:
    """Whether grey values (H, W) uint8 are mostly of two even tones, so far apart."""
    shares = cv2.calcHist([levels], [0], None, [256], [0, 256]).ravel() / levels.size
    near = np.convolve(shares, np.ones(5), mode="same")
    first = int(near.argmax())
    apart = np.abs(np.arange(256) - first) >= tones_apart
    second = float(near[apart].max())
    return second >= ONE_TONE and near[first] + second >= TWO_TONES


def find_pages(levels: np.ndarray, colours: np.ndarray | None = None) -> Iterator[Page]:
    """Grey values (H, W) uint8 -> the pages that may lie in them, the largest first.

    `colours` are those of the picture, RGB (H, W, 3).
    """
    scale = min(1.0, SIDE / max(levels.shape))
    size = tuple(max(1, round(side * scale)) for side in levels.shape[::-1])
    small = cv2.medianBlur(cv2.resize(levels, size, interpolation=cv2.INTER_AREA), 3)
    planes = [small]
    if colours is not None:
        planes.append(_hues(cv2.resize(colours, size, interpolation=cv2.INTER_AREA)))
    found: list[tuple[float, np.ndarray, np.ndarray]] = []
    for area, hull in chain.from_iterable(map(_hulls, planes)):
        filled = cv2.fillConvexPoly(np.zeros_like(small), hull, 1)
        if all(_shared(filled, other) < ALIKE for _, _, other in found):
            found.append((area, hull, filled))
    found.sort(key=lambda each: -each[0])
    for _, hull, _ in found[:MOST]:
        page = _cropped(levels, hull / scale)
        if min(page.levels.shape) >= SMALLEST:
            yield page


def _hues(colours: np.ndarray) -> np.ndarray:
    """RGB (h, w, 3) -> (h, w) uint8, their hues along the direction in which these differ most."""
    red, green, blue = cv2.split(np.log(colours + np.float32(COLOUR_BLACK)))
    ratios = np.stack([red - green, blue - green], axis=-1).reshape(-1, 2)
    apart = ratios - ratios.mean(axis=0)
    along = (apart @ np.linalg.eigh(apart.T @ apart)[1][:, -1]).reshape(green.shape)
    return cv2.medianBlur(np.clip(128 + HUES * along, 0, 255).astype(np.uint8), 3)


def _hulls(small: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """Area and hull of what is convex, nearly a rectangle, and has an edge."""
    for tone, mask in _areas(small):
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for outline in outlines:
            area = cv2.contourArea(outline)
            if not AREA[0] * small.size <= area <= AREA[1] * small.size:
                continue
            hull = cv2.convexHull(outline)
            around, sides = cv2.contourArea(hull), cv2.minAreaRect(hull)[1]
            convex = area >= CONVEX * around and around >= RECTANGULAR * sides[0] * sides[1]
            inside = cv2.fillConvexPoly(np.zeros_like(small), hull, 1) > 0
            even = tone[inside].mean() >= OWN_TONE
            if convex and even and _has_an_edge(small, hull):
                yield area, hull


def _areas(small: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What is lighter or darker than the rest, at three levels, and that closed over strokes."""
    middle = _otsu(small)
    halves = (small[small <= middle], small[small > middle])
    side = max(3, round(CLOSED * max(small.shape)) | 1)
    kernel, half = (np.ones((reach, reach), np.uint8) for reach in (side, side // 2 | 1))
    for level in (middle, *(_otsu(half) for half in halves if len(half) > 100)):
        for mask in (small > level, small <= level):
            room = cv2.copyMakeBorder(
                mask.view(np.uint8), side, side, side, side, cv2.BORDER_CONSTANT
            )
            closed = cv2.morphologyEx(room, cv2.MORPH_CLOSE, kernel)
            opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, half)
            yield mask, np.ascontiguousarray(opened[side:-side, side:-side])


def _otsu(values: np.ndarray) -> float:
    kind = cv2.THRESH_BINARY + cv2.THRESH_OTSU
    return cv2.threshold(values.reshape(-1, 1), 0, 255, kind)[0]


def _shared(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def _has_an_edge(small: np.ndarray, hull: np.ndarray) -> bool:
    """Whether the tone changes at once along most of the outline: light does so slowly."""
    corners = hull[:, 0].astype(np.float32)
    points, normals = [], []
    for one, other in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        along = other - one
        length = max(float(np.hypot(*along)), 1e-6)
        steps = np.linspace(0, 1, max(2, int(length / 2)), endpoint=False)[:, None]
        normal = np.array([along[1], -along[0]]) / length
        outward = normal if normal @ (one - corners.mean(0)) >= 0 else -normal
        points.append(one + along * steps)
        normals.append(np.tile(outward, (len(steps), 1)))
    across = ACROSS * np.concatenate(normals)
    inner, outer = (np.rint(np.concatenate(points) + way).astype(int) for way in (-across, across))
    height, width = small.shape
    seen = (outer >= 0).all(1) & (outer[:, 0] < width) & (outer[:, 1] < height)
    if seen.mean() < IN_VIEW:
        return False
    inside, outside = (
        small[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)].astype(np.float32) + BLACK
        for x, y in (inner[seen].T, outer[seen].T)
    )
    steep = np.abs(inside - outside) >= STEP * np.maximum(inside, outside)
    return bool(steep.mean() >= EDGED)


def _cropped(levels: np.ndarray, hull: np.ndarray) -> Page:
    """The page of a hull without its edge; beyond it is its own light."""
    mask = cv2.fillConvexPoly(np.zeros_like(levels), np.rint(hull).astype(np.int32), 1)
    _, _, width, height = cv2.boundingRect(mask)
    reach = 2 * max(2, round(EDGE * min(width, height))) + 1
    mask = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    mask = cv2.erode(mask, np.ones((reach, reach), np.uint8), borderValue=0)[1:-1, 1:-1]
    left, top, width, height = cv2.boundingRect(mask)
    inside = slice(top, top + height), slice(left, left + width)
    page, part = levels[inside].copy(), mask[inside] > 0
    if part.any():
        page[~part] = _light(page, part)[~part]
    return Page(page, left, top, part)


def _light(page: np.ndarray, part: np.ndarray) -> np.ndarray:
    """The page's own light, continued: means of what is near on it, without its strokes."""
    reach = 2 * (max(3, int(LIGHT * min(page.shape))) | 1) + 1
    tone = float(np.median(page[part]))
    plain = (part & (np.abs(page.astype(np.float32) - tone) < PLAIN)).astype(np.float32)
    plain = cv2.erode(plain, np.ones((3, 3), np.uint8))
    sums, shares = cv2.blur(plain * page, (reach, reach)), cv2.blur(plain, (reach, reach))
    return np.where(shares > 1e-3, sums / np.maximum(shares, 1e-3), tone).astype(np.uint8)
