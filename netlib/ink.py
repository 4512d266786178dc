"""Ink on paper: grey values of any polarity, paper and light -> ink 1 on background 0.

    even background (pads, screenshots, MNIST)   ink = distance from the background's own tone
    uneven background (photos, scans)            ink = what is darker than the paper around it

The first way is linear, so that a clean picture passes unchanged.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

# Grey levels (of 1) that compression moves an even background by.
EVEN_TOLERANCE = 2.5 / 255
# An even background fills this share of the border and of the picture, within that tolerance.
EVEN_BORDER, EVEN_AREA = 0.5, 0.3
# Less contrast than this (of 1) is an empty page.
MIN_CONTRAST_EVEN, MIN_CONTRAST_UNEVEN = 8 / 255, 0.08

# The paper's shade is estimated on a picture of this many pixels, a stroke at most this wide.
SHADE_SIDE = 64
STROKE_SHARE = 0.4
SHADE_BLUR = 0.1
# Sensor noise is averaged over side / 400 pixels, well below any stroke that can be read.
NOISE_BLUR = 1 / 400
NOISE_MIN_SIDE = 100
# Ink on uneven paper counts from this share of its full tone.
UNEVEN_FLOOR = 0.35

# A component with less than this share of the largest one's mass is a speck.
SPECK_SHARE_EVEN, SPECK_SHARE_UNEVEN = 0.01, 0.05
# Ink from here on belongs to a component.
COMPONENT_LEVEL = 0.25
EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


def ink_from_grey(grey: np.ndarray) -> np.ndarray:
    """Grey values (H, W) in [0, 1] -> ink (H, W), float32 in [0, 1], all zero for an empty page."""
    tone = _even_tone(grey)
    if tone is None:
        return drop_specks(_uneven_ink(grey), SPECK_SHARE_UNEVEN)
    return drop_specks(_even_ink(grey, tone), SPECK_SHARE_EVEN)


def drop_specks(ink: np.ndarray, share: float) -> np.ndarray:
    """Blank the connected components with less than `share` of the largest one's ink."""
    labels, count = ndimage.label(ink > COMPONENT_LEVEL, structure=EIGHT_NEIGHBOURS)
    if count < 2:
        return ink
    mass = np.bincount(labels.ravel(), weights=ink.ravel())
    mass[0] = np.inf  # Faint ink around the strokes stays.
    speck = mass < share * mass[1:].max()
    if not speck.any():
        return ink
    return np.where(speck[labels], np.float32(0), ink)


def _even_tone(grey: np.ndarray) -> float | None:
    """The tone of an even background, None if there is none."""
    levels = np.rint(grey * 255).astype(np.uint8)
    border = np.concatenate([levels[0], levels[-1], levels[1:-1, 0], levels[1:-1, -1]])
    tone = float(np.bincount(border).argmax()) / 255
    in_border = np.abs(border / 255 - tone) <= EVEN_TOLERANCE
    if in_border.mean() < EVEN_BORDER:
        return None
    return tone if (np.abs(grey - tone) <= EVEN_TOLERANCE).mean() >= EVEN_AREA else None


def _even_ink(grey: np.ndarray, tone: float) -> np.ndarray:
    """Distance from the background's tone, on the side where most of the contrast is."""
    distance = grey - np.float32(tone)
    distance[np.abs(distance) <= EVEN_TOLERANCE] = 0
    darker, lighter = np.minimum(distance, 0), np.maximum(distance, 0)
    # Squares: a pad in a screenshot is a large area of little contrast, its ink is the opposite.
    ink = lighter if np.square(lighter).sum() > np.square(darker).sum() else -darker
    contrast = ink.max()
    return ink / contrast if contrast >= MIN_CONTRAST_EVEN else np.zeros_like(ink)


def _uneven_ink(grey: np.ndarray) -> np.ndarray:
    """Share of the paper's light that is missing, from noise level to full tone."""
    small = _resized(grey, min(1.0, SHADE_SIDE / max(grey.shape)))
    if _ink_is_light(small):
        grey, small = 1 - grey, 1 - small
    paper = np.asarray(
        Image.fromarray(_paper(small)).resize(grey.shape[::-1], Image.Resampling.BICUBIC)
    )
    missing = 1 - grey / np.maximum(paper, 1 / 255)
    if max(grey.shape) >= NOISE_MIN_SIDE:
        missing = ndimage.gaussian_filter(missing, max(grey.shape) * NOISE_BLUR)
    noise = 1.4826 * float(np.median(np.abs(missing - np.median(missing))))
    candidates = missing[missing > max(MIN_CONTRAST_UNEVEN, 4 * noise)]
    if candidates.size == 0:
        return np.zeros_like(grey)
    full = 0.9 * float(np.percentile(candidates, 90))
    floor = UNEVEN_FLOOR * full
    return np.clip((missing - floor) / (full - floor), 0, 1).astype(np.float32)


def _resized(values: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1:
        return values
    height, width = (max(1, round(side * scale)) for side in values.shape)
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BOX))


def _window(shape: tuple[int, ...]) -> int:
    return max(3, 2 * round(STROKE_SHARE * min(shape) / 2) + 1)


def _ink_is_light(small: np.ndarray) -> bool:
    """Whether the strokes are lighter than the page.

    Closing fills dark strokes, opening flattens light ones; shades wider than a stroke pass both.
    Of the two, the ink is the one with more contrast; on the border there is mostly page.
    """
    window = _window(small.shape)
    dark = ndimage.grey_closing(small, size=window) - small
    light = small - ndimage.grey_opening(small, size=window)
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    middle = (float(small.min()) + float(small.max())) / 2
    on_border = float((border > middle).mean()) - 0.5
    dark_sum, light_sum = float(np.square(dark).sum()), float(np.square(light).sum())
    by_strokes = (light_sum - dark_sum) / max(light_sum + dark_sum, 1e-9)
    return by_strokes - on_border > 0


def _paper(small: np.ndarray) -> np.ndarray:
    """The page's own shade under dark strokes, float32 of the same shape."""
    closed = ndimage.grey_closing(small, size=_window(small.shape))
    sigma = SHADE_BLUR * max(small.shape)
    paper = closed
    for _ in range(2):
        missing = 1 - small / np.maximum(paper, 1 / 255)
        blank = missing < max(0.3 * float(missing.max()), 0.02)
        weight = ndimage.gaussian_filter(blank.astype(np.float32), sigma)
        total = ndimage.gaussian_filter(np.where(blank, small, 0).astype(np.float32), sigma)
        paper = np.where(weight > 1e-3, total / np.maximum(weight, 1e-3), closed)
    return paper.astype(np.float32)
