"""Fifteen ways to spoil a digit: the kinds of MNIST-C, and small affine changes.

After Mu & Gilmer 2019, "MNIST-C: A Robustness Benchmark for Computer Vision" (arXiv:1906.02337).
These are re-implementations in numpy and scipy with the severities stated at each kind (those of
the authors' generator, as far as it has any), not the authors' files: accuracies on them can be
compared with one another, not digit by digit with published ones.

Images are (N, H, W) floats in [0, 1], ink 1 on background 0, made for 28x28. What is random is
drawn anew for each image, from the generator that is passed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike
from scipy import ndimage

PHOTONS = 3  # of a white pixel
IMPULSES = 0.17  # share of pixels
GLASS_SIGMA, GLASS_ROUNDS = 0.7, 2
MOTION_LENGTH, MOTION_SIGMA, MOTION_DEGREES = 10, 3.0, 45.0
SHEAR = 0.4  # radians
SCALE = 0.7
ROTATION = 0.4  # radians, 23 degrees
BRIGHTNESS = 0.5
TRANSLATION = 3  # pixels
FOG, FOG_DECAY, FOG_STEPS = 3.0, 1.4, (32, 16, 8, 4, 2)
MUD, MUD_MEAN, MUD_SD, MUD_LIMIT = 63 / 255, 0.65, 0.3, 0.65
LINE_WIDTH = 1.5  # pixels from its middle to where it has faded
ZIGZAG_HEIGHT, ZIGZAG_PERIOD = 2, 8  # pixels
CANNY_SIGMA, CANNY_LOW, CANNY_HIGH = 1.0, 0.1, 0.2


def corrupt(images: ArrayLike, kind: str, seed: int) -> np.ndarray:
    """Spoil images (N, H, W) of floats in [0, 1]; they come back as float32.

    The same seed spoils the same images in the same way.

    Raises:
        ValueError: the kind is unknown, or the images are of another shape or range.
    """
    if kind not in CORRUPTIONS:
        known = ", ".join(CORRUPTIONS)
        raise ValueError(f"The corruption is {kind!r}; expected one of {known}.")
    x = np.asarray(images, dtype=np.float64)
    if x.ndim != 3 or (x.size and not (x.min() >= 0 and x.max() <= 1)):
        raise ValueError(
            f"Images have shape {x.shape}; expected (N, H, W) of floats in [0, 1]: divide 8-bit "
            "images by 255."
        )
    rng = np.random.default_rng([seed, list(CORRUPTIONS).index(kind)])
    return np.clip(CORRUPTIONS[kind].apply(x, rng), 0, 1).astype(np.float32)


# --- Geometry -----------------------------------------------------------------------------------


def affine(
    images: np.ndarray,
    *,
    radians: ArrayLike = 0.0,
    shear: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    down: ArrayLike = 0.0,
    right: ArrayLike = 0.0,
) -> np.ndarray:
    """Turn, slant, size and move images (N, H, W) about their middle, with linear interpolation.

    Every argument is one number, or one for each image.

    Args:
        images: floats; what comes in from outside is 0.
        radians: counter-clockwise.
        shear: pixels to the right for each pixel upwards.
        scale: of the ink: 0.5 makes it half as large.
        down: pixels.
        right: pixels.
    """
    n, height, width = images.shape

    def each(value: ArrayLike) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype=np.float64), (n,))[:, None, None]

    # Where does the ink at each place of the result come from? Undo the moves, last one first.
    y = np.arange(height)[:, None] - (height - 1) / 2 - each(down)
    x = np.arange(width) - (width - 1) / 2 - each(right)
    y, x = y / each(scale), x / each(scale)
    sine, cosine = np.sin(each(radians)), np.cos(each(radians))
    y, x = y * cosine + x * sine, x * cosine - y * sine
    x = x + y * each(shear)  # rows count downwards, so what lies above moves right
    return _sample(images, y + (height - 1) / 2, x + (width - 1) / 2)


def translate(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Move to one of the four corners."""
    down, right = (TRANSLATION * _signs(images, rng) for _ in range(2))
    return affine(images, down=down, right=right)


def _signs(images: np.ndarray, rng: Generator) -> np.ndarray:
    return rng.choice([-1.0, 1.0], len(images))


def _sample(images: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Image n at (rows[n], columns[n]), linear between pixels and 0 outside."""
    n, height, width = images.shape
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1))).reshape(n, -1)
    y, x = np.clip(rows + 1, 0, height + 0.999), np.clip(columns + 1, 0, width + 0.999)
    top, left = y.astype(np.intp), x.astype(np.intp)
    place = (top * (width + 2) + left).reshape(n, -1)
    dy, dx = (y - top).reshape(n, -1), (x - left).reshape(n, -1)

    def pixel(offset: int) -> np.ndarray:
        return np.take_along_axis(padded, place + offset, axis=1)

    above = pixel(0) * (1 - dx) + pixel(1) * dx
    below = pixel(width + 2) * (1 - dx) + pixel(width + 3) * dx
    return (above * (1 - dy) + below * dy).reshape(rows.shape)


# --- Noise and blur -----------------------------------------------------------------------------


def shot_noise(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Count few photons: Poisson noise."""
    return rng.poisson(images * PHOTONS) / PHOTONS


def impulse_noise(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Salt and pepper, equally much of both."""
    hit = rng.random(images.shape) < IMPULSES
    return np.where(hit, rng.integers(0, 2, images.shape), images)


def glass_blur(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Blur, let every second pixel change places with one beside or above it, and blur again."""
    blurred = _blur(images, GLASS_SIGMA)
    n, height, width = images.shape
    every = np.arange(n)
    for _ in range(GLASS_ROUNDS):
        for row in range(height - 1, 0, -1):
            for column in range(width - 1, 0, -1):
                moves = rng.integers(0, 2, (3, n))
                y, x = row - moves[0] * moves[1], column - moves[0] * moves[2]
                here = blurred[:, row, column].copy()
                blurred[:, row, column] = blurred[every, y, x]
                blurred[every, y, x] = here
    return _blur(blurred, GLASS_SIGMA)


def motion_blur(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Draw each pixel out into a fading tail, in one direction for the whole image."""
    angle = np.radians(rng.uniform(-MOTION_DEGREES, MOTION_DEGREES, len(images)))
    steps = np.arange(MOTION_LENGTH + 1)
    weights = np.exp(-0.5 * (steps / MOTION_SIGMA) ** 2)
    total = np.zeros(images.shape)
    for step, weight in zip(steps, weights / weights.sum(), strict=True):
        down, right = step * np.sin(angle), step * np.cos(angle)
        total += weight * affine(images, down=down, right=right)
    return total


def _blur(images: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(images, (0, sigma, sigma))


# --- Light and dirt -----------------------------------------------------------------------------


def stripe(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Invert the left and the right quarter."""
    width = images.shape[2]
    columns = np.arange(width)
    at_a_side = np.minimum(columns, width - 1 - columns) < width // 4
    return np.where(at_a_side, 1 - images, images)


def fog(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Add clouds three times as bright as the ink, then darken all to the old brightness."""
    brightest = images.max(axis=(1, 2), keepdims=True)
    return (images + FOG * _clouds(images, rng)) * brightest / np.maximum(brightest + FOG, 1e-9)


def _clouds(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Random heights at ever finer steps, ever lower, smooth between them; from 0 to 1."""
    n, *sides = images.shape
    total = np.zeros(images.shape)
    for octave, step in enumerate(FOG_STEPS):
        heights = rng.random((n, *(side // step + 2 for side in sides)))
        down, across = (_between(side, step) for side in sides)
        total += FOG_DECAY**-octave * (down @ heights @ across.T)
    low, high = (limit(total, axis=(1, 2), keepdims=True) for limit in (np.min, np.max))
    return (total - low) / np.maximum(high - low, 1e-9)


def _between(side: int, step: int) -> np.ndarray:
    """(side, points): the weights of points `step` pixels apart at each pixel."""
    distance = np.abs(np.arange(side)[:, None] / step - np.arange(side // step + 2))
    return np.maximum(1 - distance, 0)


def spatter(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Splash dark drops over it."""
    drops = _blur(rng.normal(MUD_MEAN, MUD_SD, images.shape), 1.0) > MUD_LIMIT
    cover = _blur(drops.astype(np.float64), 1.5)
    cover[cover < 0.8] = 0
    return images * (1 - cover) + MUD * cover


# --- Lines --------------------------------------------------------------------------------------


def dotted_line(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Draw dots of two pixels in a straight line from edge to edge."""
    n, height, width = images.shape
    columns = np.arange(width)
    start, end = rng.integers(0, height - 1, (2, n, 1))
    line = _stroke(images, start + (end - start) * columns / (width - 1))
    return images + line * (columns // 2 % 2)


def zigzag(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Draw a zigzag from left to right, rising or falling by up to five pixels."""
    n, height, width = images.shape
    columns = np.arange(width)
    start, rise = rng.integers(0, height - 1, (n, 1)), rng.integers(-5, 5, (n, 1))
    phase = (columns - 2) / ZIGZAG_PERIOD % 1
    wave = ZIGZAG_HEIGHT * (4 * np.abs(phase - 0.5) - 1)
    line = _stroke(images, start + rise * (columns - 2) / (width - 5) + wave)
    return images + line * ((columns >= 2) & (columns < width - 2))


def _stroke(images: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """A line whose middle is at row middle[n, column], fading upwards and downwards."""
    distance = np.abs(np.arange(images.shape[1])[:, None] - middle[:, None, :])
    return np.maximum(1 - distance / LINE_WIDTH, 0)


def canny_edges(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Leave nothing but the edges, one pixel wide (Canny 1986)."""
    smooth = _blur(images, CANNY_SIGMA)
    dy, dx = _sobel(smooth, 1, 2), _sobel(smooth, 2, 1)
    strength = np.hypot(dy, dx)
    edges = _crests(strength, dy, dx) & (strength > CANNY_LOW)
    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[1] = True
    parts, _ = ndimage.label(edges, in_plane)
    strong = np.unique(parts[edges & (strength > CANNY_HIGH)])
    return np.isin(parts, strong[strong > 0]).astype(np.float64)


def _sobel(images: np.ndarray, along: int, across: int) -> np.ndarray:
    """Sobel's gradient along an axis; scipy's own would also smooth over the images."""
    slope = ndimage.correlate1d(images, [-1, 0, 1], along)
    return ndimage.correlate1d(slope, [1, 2, 1], across)


def _crests(strength: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> np.ndarray:
    """Where a gradient is as strong as its neighbours on both sides, along its own direction."""
    direction = np.round(np.arctan2(dy, dx) / (np.pi / 4)).astype(int) % 4
    padded = np.pad(strength, ((0, 0), (1, 1), (1, 1)))
    height, width = strength.shape[1:]

    def neighbour(down: int, right: int) -> np.ndarray:
        return padded[:, 1 + down : 1 + down + height, 1 + right : 1 + right + width]

    crest = np.zeros(strength.shape, bool)
    for number, (down, right) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        # One side may be equal, or a crest two pixels wide would vanish or stay two wide.
        here = (strength > neighbour(-down, -right)) & (strength >= neighbour(down, right))
        crest |= here & (direction == number)
    return crest


@dataclass(frozen=True)
class Corruption:
    """A kind of damage."""

    # Float images (N, H, W) in [0, 1] -> the same shape, not yet clipped
    apply: Callable[[np.ndarray, Generator], np.ndarray]
    severity: str  # how much of it, in words


CORRUPTIONS = {
    "shot_noise": Corruption(shot_noise, f"Poisson noise, {PHOTONS} photons for a white pixel"),
    "impulse_noise": Corruption(impulse_noise, f"{100 * IMPULSES:g} % of pixels black or white"),
    "glass_blur": Corruption(
        glass_blur,
        f"Gaussian blur (σ {GLASS_SIGMA} px) before and after {GLASS_ROUNDS} rounds of swaps with "
        "adjacent pixels, each with probability 1/2",
    ),
    "motion_blur": Corruption(
        motion_blur,
        f"one-sided Gaussian tail (σ {MOTION_SIGMA:g} px, {MOTION_LENGTH} px long), direction "
        f"within ±{MOTION_DEGREES:g} degrees of the horizontal",
    ),
    "shear": Corruption(
        lambda x, rng: affine(x, shear=np.tan(SHEAR) * _signs(x, rng)),
        f"{SHEAR} radians to either side",
    ),
    "scale": Corruption(lambda x, rng: affine(x, scale=SCALE), f"shrunk to {SCALE:g} of its size"),
    "rotate": Corruption(
        lambda x, rng: affine(x, radians=ROTATION * _signs(x, rng)),
        f"{ROTATION} radians (23 degrees) to either side",
    ),
    "brightness": Corruption(
        lambda x, rng: x + BRIGHTNESS, f"{BRIGHTNESS} added, clipped at white"
    ),
    "translate": Corruption(translate, f"{TRANSLATION} px along both axes"),
    "stripe": Corruption(stripe, "the left and the right quarter inverted"),
    "fog": Corruption(
        fog,
        f"fractal clouds of up to {FOG:g} times the ink, steps of {FOG_STEPS[0]} to "
        f"{FOG_STEPS[-1]} px, each lower by {FOG_DECAY}; rescaled",
    ),
    "spatter": Corruption(
        spatter, f"grey drops ({MUD:.2f}) where smoothed noise is above {MUD_LIMIT}"
    ),
    "dotted_line": Corruption(dotted_line, "dots 2 px long, from edge to edge at random heights"),
    "zigzag": Corruption(
        zigzag, f"±{ZIGZAG_HEIGHT} px high, {ZIGZAG_PERIOD} px a turn, at a random height"
    ),
    "canny_edges": Corruption(
        canny_edges,
        f"edges of Canny's method, σ {CANNY_SIGMA:g} px, thresholds {CANNY_LOW} and {CANNY_HIGH}",
    ),
}
