"""Ink on uneven paper: photos and scans with shades, shadows and sensor noise.

The paper's own shade is what stays when the picture's dark strokes are closed; ink is the share of
its light that is missing. Light strokes on a dark board are inverted first.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

# The paper's shade is estimated on a picture of this many pixels, its polarity on a smaller one.
SHADE_SIDE, POLARITY_SIDE = 96, 48
# Windows that strokes are looked for in, as shares of the longer side.
STROKE_SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
# A window removes the strokes if it removes this share of what the widest one does.
REMOVED_SHARE = 0.85
# Sensor noise is averaged over side / 400 pixels, well below any stroke that can be read,
NOISE_BLUR = 1 / 400
BLUR_SIDE = 100  # in pictures of at least this side.
# In smaller pictures than this there is more stroke than paper to see noise on.
NOISE_SIDE = 24
# Less contrast than this share of the paper's tone, or this many times the noise, is no ink.
MIN_CONTRAST, MIN_CONTRAST_TO_NOISE = 0.08, 6
# Ink counts from this share of its full tone.
FLOOR = 0.35


def paper_ink(grey: np.ndarray) -> np.ndarray:
    """Grey values (H, W) in [0, 1] -> share of the paper's light that is missing.

    Returns:
        (H, W) float32 in [0, 1], from the level of noise and shades to the ink's full tone; all
        zero if nothing stands out.
    """
    small = _reduced(grey, SHADE_SIDE)
    if _ink_is_light(_reduced(grey, POLARITY_SIDE)):
        grey, small = 1 - grey, 1 - small
    paper = Image.fromarray(_paper(small)).resize(grey.shape[::-1], Image.Resampling.BILINEAR)
    shade = np.maximum(np.asarray(paper), 1 / 255)
    side = max(grey.shape)
    blur = side * NOISE_BLUR if side >= BLUR_SIDE else 0.0
    contrast = ndimage.gaussian_filter(shade - grey, blur) if blur else shade - grey
    noise = _noise(contrast, blur) if side >= NOISE_SIDE else 0.0
    missing = contrast / shade
    is_ink = (missing > MIN_CONTRAST) & (contrast > MIN_CONTRAST_TO_NOISE * noise)
    candidates = missing[is_ink]
    if candidates.size == 0:
        return np.zeros_like(grey)
    full = 0.9 * float(np.percentile(candidates, 90))
    floor = FLOOR * full
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

    Smooth shading is taken off first; then closing by the smallest window that removes the strokes
    keeps the edges of shadows.
    """
    shading = _border_surface(small, 2)
    level = small - shading
    closings = [ndimage.grey_closing(level, size=window) for window in _windows(small.shape)]
    removed = [float(np.square(closed - level).sum()) for closed in closings]
    closed = next(
        closed
        for closed, energy in zip(closings, removed, strict=True)
        if energy >= REMOVED_SHARE * removed[-1]
    )
    paper = shading + closed
    # A closing follows the highest noise; the page's tone is in the middle of it.
    return (paper * (1 - np.median(1 - small / np.maximum(paper, 1 / 255)))).astype(np.float32)
