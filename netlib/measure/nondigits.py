"""Pictures that are no digits, made by code: what a drawing pad or an upload may hold instead.

    scribbles    one long, random, smooth stroke
    textures     noise, stripes, checks and hatching that fill the picture
    silhouettes  filled outlines of shirts, trousers, dresses, shoes, bags
    photos       square crops of the photos given, in grey
    leaves       shapes that lie over each other, as things do in photos

Each kind is a function (rng) -> uint8 (280, 280) as on the demo's pad, dark on white, but for the
textures, photos and leaves, which have no paper.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw
from scipy import interpolate, ndimage

from netlib.data.strokes import PAD_SIZE as PAD
from netlib.measure.doodles import around

PEN_WIDTHS, EXTENTS = (6, 26), (0.35, 0.9)  # px; of the pad's side
ZOOM = 2  # supersampling of everything that is drawn

Maker = Callable[[Generator], np.ndarray]


def scribble(rng: Generator) -> np.ndarray:
    """A stroke through 6 to 25 random points, smooth or with corners."""
    count = int(rng.integers(6, 26))
    points = rng.random((count, 2))
    if rng.random() < 0.7:
        spline = interpolate.make_interp_spline(np.arange(count), points, k=3)
        points = spline(np.linspace(0, count - 1, 20 * count))
    points -= points.min(0)
    side = PAD * ZOOM
    pen = rng.uniform(*PEN_WIDTHS) * ZOOM
    room = rng.uniform(*EXTENTS) * side - pen
    points *= room / points.max()
    points += pen / 2 + rng.random(2) * (side - pen - points.max(0))
    canvas = Image.new("L", (side, side), 255)
    draw = ImageDraw.Draw(canvas)
    draw.line(points.ravel().tolist(), fill=0, width=round(pen), joint="curve")
    for x, y in points.tolist():
        draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=0)
    return np.asarray(canvas.reduce(ZOOM))


def texture(rng: Generator) -> np.ndarray:
    """Noise of a random grain, stripes, checks or hatching, from edge to edge."""
    y, x = np.mgrid[:PAD, :PAD] / PAD
    kind = rng.integers(4)
    if kind == 0:
        grain = rng.uniform(1, 20)
        values = ndimage.gaussian_filter(rng.standard_normal((PAD, PAD)), grain)
    else:
        angle, waves = rng.uniform(0, np.pi), rng.uniform(4, 20)
        along = np.cos(angle) * x + np.sin(angle) * y
        across = -np.sin(angle) * x + np.cos(angle) * y
        values = np.sin(2 * np.pi * waves * along)
        if kind == 2:
            values = values * np.sin(2 * np.pi * waves * across)
        if kind == 3:
            values = np.maximum(values, np.sin(2 * np.pi * rng.uniform(4, 20) * across))
    if rng.random() < 0.5:
        values = np.sign(values)
    values = (values - values.min()) / (values.max() - values.min())
    return (255 * values).astype(np.uint8)


# Half outlines in the unit square, x from the axis of symmetry, y downward; mirrored when drawn.
_CLOTHES = (
    ((0.1, 0), (0.25, 0.02), (0.5, 0.2), (0.42, 0.35), (0.27, 0.25), (0.27, 1)),  # shirt
    ((0.1, 0), (0.25, 0.03), (0.5, 0.75), (0.38, 0.8), (0.25, 0.3), (0.28, 1)),  # pullover
    ((0.25, 0), (0.3, 0.5), (0.32, 1), (0.1, 1), (0.03, 0.3)),  # trousers
    ((0.08, 0), (0.18, 0.02), (0.13, 0.35), (0.4, 1)),  # dress
    ((0.12, 0), (0.16, 0.3), (0.5, 0.35), (0.46, 1)),  # bag
)
_SHOE = ((0, 0.35), (0.2, 0.3), (0.3, 0.4), (0.6, 0.65), (0.95, 0.75), (1, 0.95), (0, 0.95))
_BOOT = ((0.1, 0), (0.5, 0), (0.5, 0.55), (0.9, 0.7), (0.95, 1), (0.1, 1))


def silhouette(rng: Generator) -> np.ndarray:
    """A filled piece of clothing, stretched and with a wobbling outline."""
    index = int(rng.integers(len(_CLOTHES) + 2))
    if index < len(_CLOTHES):
        half = np.array(_CLOTHES[index])
        points = np.concatenate([half, half[::-1] * (-1, 1)])
    else:
        points = np.array((_SHOE, _BOOT)[index - len(_CLOTHES)]) * (rng.choice([-1, 1]), 1)
    points = (points - points.min(0)) * rng.uniform(0.7, 1.2, 2)
    points += rng.normal(0, 0.015, points.shape)
    points -= points.min(0)
    side = PAD * ZOOM
    points *= rng.uniform(*EXTENTS) * side / points.max()
    points += rng.random(2) * (side - points.max(0))
    canvas = Image.new("L", (side, side), 255)
    ImageDraw.Draw(canvas).polygon(points.ravel().tolist(), fill=int(rng.integers(0, 120)))
    return np.asarray(canvas.reduce(ZOOM))


def photo(rng: Generator, photos: Sequence[np.ndarray]) -> np.ndarray:
    """A square crop of a photo, 60 pixels to its shorter side, in grey."""
    picture = Image.fromarray(photos[int(rng.integers(len(photos)))]).convert("L")
    side = int(rng.integers(60, min(picture.size) + 1))
    left = int(rng.integers(picture.width - side + 1))
    top = int(rng.integers(picture.height - side + 1))
    crop = picture.crop((left, top, left + side, top + side))
    return np.asarray(crop.resize((PAD, PAD), Image.Resampling.BICUBIC))


def leaves(rng: Generator) -> np.ndarray:
    """Shapes of all sizes and greys that lie over each other, shaded, as in photos of things.

    The "dead leaves" of Lee, Mumford & Huang 2001, whose statistics are those of natural images.
    """
    picture = Image.new("L", (PAD, PAD), int(rng.integers(256)))
    draw = ImageDraw.Draw(picture)
    for radius in np.sort(PAD / rng.uniform(1.2, 16, int(rng.integers(3, 60))))[::-1]:
        x, y = rng.uniform(0, PAD, 2)
        grey, wide = int(rng.integers(256)), radius * rng.uniform(0.4, 1)
        if rng.random() < 0.5:
            draw.ellipse((x - radius, y - wide, x + radius, y + wide), fill=grey)
        else:
            angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 7))))
            corners = (x, y) + radius * around(angles)
            draw.polygon(corners.ravel().tolist(), fill=grey)
    above, below = rng.uniform(0.6, 1.0, 2)
    light = np.linspace(above, below, PAD)[:, None]
    shaded = ndimage.gaussian_filter(np.asarray(picture, np.float32), rng.uniform(0, 3)) * light
    return np.clip(shaded + rng.normal(0, rng.uniform(0, 8), (PAD, PAD)), 0, 255).astype(np.uint8)
