"""Ink on paper: grey values of any polarity, paper and light -> ink 1 on background 0.

    even background (pads, screenshots, MNIST)   ink = distance from the background's own tone
    uneven background (photos, scans)            ink = what is darker than the paper around it

The first way is linear, so that a clean picture passes unchanged.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

# Compression moves an even background by this much at most, of 1,
EVEN_LEVELS = 2.5 / 255
# or by this share of the contrast: it rings around the strokes.
EVEN_TOLERANCE = 0.04
# Within that tolerance are at least these shares of the border and of the picture,
EVEN_BORDER, EVEN_AREA = 0.3, 0.2
# and this share of all that is within three times the tolerance: noise and shades spread further.
EVEN_SHARE = 0.8
# Less contrast than this (of 1) is an empty page.
MIN_CONTRAST_EVEN, MIN_CONTRAST_UNEVEN = 8 / 255, 0.08

# The paper's shade is estimated on a picture of this many pixels, its polarity on a smaller one.
SHADE_SIDE, POLARITY_SIDE = 96, 48
# Windows that strokes are looked for in, as shares of the longer side.
STROKE_SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
# A window removes the strokes if it removes this share of what the widest one does.
REMOVED_SHARE = 0.85
# Sensor noise is averaged over side / 400 pixels, well below any stroke that can be read.
NOISE_BLUR = 1 / 400
NOISE_MIN_SIDE = 100
# Ink on uneven paper counts from this share of its full tone.
UNEVEN_FLOOR = 0.35

# Ink from here on is seen (99.97 % of MNIST's bounding boxes stay as they are).
INK_LEVEL = 0.1
# A component that nowhere reaches this is a shadow.
STRONG_LEVEL = 0.5
# A component with less than this share of the largest one's mass is a speck.
SPECK_SHARE_EVEN, SPECK_SHARE_UNEVEN = 0.01, 0.05
# Left, top, right, bottom in pixels; right and bottom are exclusive.
Box = tuple[int, int, int, int]

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


def ink_from_grey(grey: np.ndarray) -> np.ndarray:
    """Grey values (H, W) in [0, 1] -> ink (H, W), float32 in [0, 1], all zero for an empty page."""
    tone = _even_tone(grey)
    if tone is None:
        return drop_specks(_uneven_ink(grey), SPECK_SHARE_UNEVEN)
    return drop_specks(_even_ink(grey, tone), SPECK_SHARE_EVEN)


def drop_specks(ink: np.ndarray, share: float) -> np.ndarray:
    """Blank the components that are faint, or have less than `share` of the largest one's ink."""
    box = ink_box(ink)
    if box is None:
        return ink
    left, top, right, bottom = box
    inside = ink[top:bottom, left:right]
    labels, count = ndimage.label(inside >= INK_LEVEL, structure=EIGHT_NEIGHBOURS)
    if count < 2:
        return ink
    mass = np.bincount(labels.ravel(), weights=inside.ravel())
    strong = np.bincount(labels[inside >= STRONG_LEVEL], minlength=count + 1) > 0
    speck = ~strong | (mass < share * mass[1:].max())
    speck[0] = False  # Ink fainter than INK_LEVEL around the strokes stays.
    if not speck.any():
        return ink
    kept = ink.copy()
    kept[top:bottom, left:right][speck[labels]] = 0
    return kept


def ink_box(ink: np.ndarray) -> Box | None:
    """Bounding box of the ink (H, W), None if there is none."""
    return box_of(ink >= INK_LEVEL)


def box_of(inside: np.ndarray) -> Box | None:
    """Bounding box of what is true in (H, W), None if nothing is."""
    rows = np.flatnonzero(inside.any(axis=1))
    if rows.size == 0:
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(inside[top:bottom].any(axis=0))
    return int(columns[0]), top, int(columns[-1]) + 1, bottom


def _even_tone(grey: np.ndarray) -> float | None:
    """The tone of an even background, None if there is none."""
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    tone = float(np.bincount(np.rint(border * 255).astype(np.intp)).argmax()) / 255
    tolerance = max(EVEN_LEVELS, EVEN_TOLERANCE * float(grey.max() - grey.min()))
    distance = np.abs(border - tone)
    even = (distance <= tolerance).mean()
    if even < max(EVEN_BORDER, EVEN_SHARE * (distance <= 3 * tolerance).mean()):
        return None
    difference = grey - tone
    inside = np.abs(difference, out=difference) <= tolerance
    return tone if np.count_nonzero(inside) / grey.size >= EVEN_AREA else None


def _even_ink(grey: np.ndarray, tone: float) -> np.ndarray:
    """Distance from the background's tone, on the side where most of the contrast is."""
    distance = grey - np.float32(tone)
    np.copyto(distance, 0, where=np.abs(distance) <= EVEN_LEVELS)
    darkest, lightest = distance.min(), distance.max()
    if _lighter_side(distance, darkest, lightest):
        ink, contrast = np.maximum(distance, 0, out=distance), lightest
    else:
        ink, contrast = np.maximum(np.negative(distance, out=distance), 0, out=distance), -darkest
    if contrast < MIN_CONTRAST_EVEN:
        return np.zeros_like(ink)
    ink /= contrast
    return ink


def _lighter_side(distance: np.ndarray, darkest: float, lightest: float) -> bool:
    """Whether most of the contrast is lighter than the background.

    Squares: a pad in a screenshot is a large area of little contrast, its ink is the opposite.
    """
    if darkest == 0 or lightest == 0:
        return lightest > 0
    darker, lighter = np.minimum(distance, 0), np.maximum(distance, 0)
    return bool(np.square(lighter).sum() > np.square(darker).sum())


def _uneven_ink(grey: np.ndarray) -> np.ndarray:
    """Share of the paper's light that is missing, from noise level to full tone."""
    small = _reduced(grey, SHADE_SIDE)
    if _ink_is_light(_reduced(grey, POLARITY_SIDE)):
        grey, small = 1 - grey, 1 - small
    paper = Image.fromarray(_paper(small)).resize(grey.shape[::-1], Image.Resampling.BILINEAR)
    missing = 1 - grey / np.maximum(np.asarray(paper), 1 / 255)
    blur = max(grey.shape) * NOISE_BLUR
    if max(grey.shape) >= NOISE_MIN_SIDE:
        missing = ndimage.gaussian_filter(missing, blur)
    candidates = missing[missing > max(MIN_CONTRAST_UNEVEN, 5 * _noise(missing, blur))]
    if candidates.size == 0:
        return np.zeros_like(grey)
    full = 0.9 * float(np.percentile(candidates, 90))
    floor = UNEVEN_FLOOR * full
    return np.clip((missing - floor) / (full - floor), 0, 1).astype(np.float32)


def _noise(values: np.ndarray, blur: float) -> float:
    """Standard deviation of the noise, from pixels too far apart to share any of it."""
    lag = 1 + round(3 * blur)
    if values.shape[1] <= lag:
        return 0.0
    difference = np.abs(values[:, lag:] - values[:, :-lag])
    return 1.4826 / np.sqrt(2) * float(np.median(difference))


def _reduced(values: np.ndarray, side: int) -> np.ndarray:
    """The picture with its longer side at most `side`."""
    scale = side / max(values.shape)
    if scale >= 1:
        return values
    height, width = (max(1, round(length * scale)) for length in values.shape)
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BOX))


def _windows(shape: tuple[int, ...]) -> list[int]:
    return [max(3, 2 * round(share * max(shape) / 2) + 1) for share in STROKE_SHARES]


def _ink_is_light(small: np.ndarray) -> bool:
    """Whether the strokes are lighter than the page, by three votes.

    Strokes are thinner than the page between them: closing removes dark ones, opening light ones.
    The border is mostly page: ink departs from the plane, and from the quadratic surface, that
    fit the border best.
    """
    return _thinness_vote(small) + _border_vote(small, 1) + _border_vote(small, 2) > 0


def _vote(light: np.ndarray, dark: np.ndarray) -> float:
    light_sum, dark_sum = float(np.square(light).sum()), float(np.square(dark).sum())
    return (light_sum - dark_sum) / (light_sum + dark_sum + 1e-6)


def _thinness_vote(small: np.ndarray) -> float:
    votes = [
        _vote(
            small - ndimage.grey_opening(small, size=window),
            ndimage.grey_closing(small, size=window) - small,
        )
        for window in _windows(small.shape)
    ]
    return sum(votes) / len(votes)


def _border_vote(small: np.ndarray, degree: int) -> float:
    rest = small - _border_surface(small, degree)
    return _vote(np.maximum(rest, 0), np.minimum(rest, 0))


def _border_surface(small: np.ndarray, degree: int) -> np.ndarray:
    """The polynomial in x and y that fits the picture's border best, all over the picture."""
    height, width = small.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    terms = [x**i * y**j for i in range(degree + 1) for j in range(degree + 1 - i)]
    surface = np.stack(terms, axis=-1)
    border = np.ones(small.shape, dtype=bool)
    border[1:-1, 1:-1] = False
    basis, values = surface[border], small[border]
    weights = np.ones(values.size)
    for _ in range(8):  # Least absolute deviations: strokes that touch the border do not count.
        fit = np.linalg.lstsq(basis * weights[:, None], values * weights, rcond=None)[0]
        weights = 1 / np.sqrt(np.maximum(np.abs(values - basis @ fit), 0.02))
    return surface @ fit


def _paper(small: np.ndarray) -> np.ndarray:
    """The page's own shade under dark strokes, float32 of the same shape.

    Closing by the smallest window that removes the strokes keeps the edges of shadows.
    """
    slope = _border_surface(small, 2)
    level = small - slope
    closings = [ndimage.grey_closing(level, size=window) for window in _windows(small.shape)]
    removed = [float(np.square(closed - level).sum()) for closed in closings]
    paper = slope + next(
        closed
        for closed, energy in zip(closings, removed, strict=True)
        if energy >= REMOVED_SHARE * removed[-1]
    )
    # A closing follows the highest noise; the page's tone is in the middle of it.
    return (paper * (1 - np.median(1 - small / np.maximum(paper, 1 / 255)))).astype(np.float32)
