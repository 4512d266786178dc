"""Digits as Europeans write them: ones with flags, barred sevens, open fours, crossed zeros.

MNIST has few of them. A one has a flag on the left of its top, perhaps a foot, and leans to
either side; leaning to the right, its flag comes near to a seven's bar, and the angle between
flag and stem, sharp in a one, wide in a seven, tells them apart. y is up, the unit free.
"""

from itertools import pairwise

import numpy as np
from numpy.random import Generator

from netlib.data.strokes import PenDigit

CLOCKWISE, COUNTERCLOCKWISE = 20.0, 10.0  # degrees by which a digit leans at most


def european(rng: Generator) -> PenDigit:
    """One digit at random: half of them ones, a third sevens."""
    draw = (one, one, one, seven, seven, four, zero)[int(rng.integers(7))]
    return draw(rng)


def one(rng: Generator) -> PenDigit:
    """A stem with a flag at a sharp angle, in four of ten with a foot."""
    flag, angle = rng.uniform(0.2, 0.6), np.radians(rng.uniform(20, 50))
    start = np.array([-np.sin(angle), -np.cos(angle)]) * flag + (0, 1)
    bow = rng.normal(0, 0.03)
    strokes = [_path([start, (0, 1), (bow, 0.5), (0, 0)])]
    if rng.random() < 0.4:
        left, right = -rng.uniform(0.15, 0.4), rng.uniform(0.15, 0.4)
        strokes.append(_path([(left, rng.normal(0, 0.02)), (right, rng.normal(0, 0.02))]))
    return _written(rng, strokes, 1)


def seven(rng: Generator) -> PenDigit:
    """A bar, a leaning stem and, in seven of ten, a short bar across it."""
    width, foot = rng.uniform(0.5, 0.8), rng.uniform(0.0, 0.35)
    bend = (foot + (width - foot) * rng.uniform(0.4, 0.65), rng.uniform(0.45, 0.55))
    top = [(0, 1 + rng.normal(0, 0.04)), (width, 1 + rng.normal(0, 0.02))]
    if rng.random() < 0.2:  # a serif at the bar's left end
        top = [(0, rng.uniform(0.82, 0.92)), *top]
    strokes = [_path([*top, bend, (foot, 0)])]
    if rng.random() < 0.7:
        height, half = rng.uniform(0.4, 0.6), rng.uniform(0.15, 0.3)
        middle = foot + (width - foot) * height
        rise = rng.normal(0, 0.04)
        strokes.append(_path([(middle - half, height - rise), (middle + half, height + rise)]))
    return _written(rng, strokes, 7, clockwise=10)


def four(rng: Generator) -> PenDigit:
    """Open at the top: an L and a stem across its foot."""
    left, right, bar = rng.uniform(0, 0.2), rng.uniform(0.6, 0.85), rng.uniform(0.35, 0.5)
    stem, top = rng.uniform(0.4, 0.6), rng.uniform(0.7, 1.0)
    corner = _path([(left + rng.uniform(0, 0.2), 1), (left, bar), (right, bar)])
    return _written(rng, [corner, _path([(stem + rng.uniform(0, 0.1), top), (stem, 0)])], 4)


def zero(rng: Generator) -> PenDigit:
    """An ellipse with a stroke across it."""
    angles = np.linspace(0, 2 * np.pi, 60) + rng.uniform(0, 6)
    width = rng.uniform(0.28, 0.4)
    ring = np.stack([width * np.cos(angles), 0.5 * np.sin(angles)], 1)
    reach = rng.uniform(0.75, 1.25)
    slope = np.array([width, 0.5]) * rng.uniform(0.55, 0.8, 2) * reach
    return _written(rng, [ring, _path([-slope, slope])], 0)


def _path(corners: list) -> np.ndarray:
    """A stroke through corners in small steps."""
    points = np.asarray(corners, dtype=np.float64)
    parts = [np.linspace(a, b, 12) for a, b in pairwise(points)]
    return np.concatenate(parts)


def _written(
    rng: Generator, strokes: list[np.ndarray], label: int, clockwise: float = CLOCKWISE
) -> PenDigit:
    """The strokes as a hand that leans and is unsteady would write them."""
    angle = np.radians(rng.uniform(-clockwise, COUNTERCLOCKWISE))
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]]) * (rng.uniform(0.8, 1.1), 1)
    wave, phase = rng.uniform(2, 7, 2), rng.uniform(0, 6, 2)
    shaken = [s + rng.uniform(0, 0.02) * np.sin(s[:, ::-1] * wave + phase) for s in strokes]
    return PenDigit([(s @ turn).astype(np.float32) for s in shaken], label, None)
