"""Stress: one digit, distorted step by step, until a network no longer reads it.

Distortions act on the 28x28 picture itself, after centring: nothing repairs them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 28
POINTS = 25
NOISE_SEED = 0
ZOOM = 4  # thickness is changed at four times the resolution, so that edges stay soft


@dataclass(frozen=True)
class Factor:
    """One kind of distortion."""

    name: str  # argument of `distort`
    title: str  # name on the page
    unit: str  # of the values, as written after them
    low: float  # smallest value
    high: float  # largest value
    neutral: float  # the value that changes nothing
    step: float  # of the slider

    def values(self) -> NDArray[np.floating]:
        """`POINTS` values over the range, the neutral one among them."""
        values = np.linspace(self.low, self.high, POINTS)
        values[np.abs(values - self.neutral).argmin()] = self.neutral
        return values

    def within(self, value: Any) -> float:
        """The value of the range that is nearest; the neutral one for what is no number."""
        if not isinstance(value, int | float):
            return self.neutral
        return min(max(value, self.low), self.high)


FACTORS = (
    Factor("rotation", "Rotation", "°", -90, 90, 0, 1),
    Factor("scale", "Scale", "×", 0.3, 1.9, 1, 0.05),
    Factor("shift", "Shift to the right", " px", -12, 12, 0, 0.5),
    Factor("thickness", "Thickness", " px", -2, 4, 0, 0.25),
    Factor("blur", "Blur", " px", 0, 4, 0, 0.1),
    Factor("noise", "Noise", "", 0, 1, 0, 0.02),
)
NEUTRAL = {factor.name: factor.neutral for factor in FACTORS}


def distort(
    digit: NDArray[np.floating],
    rotation: float = 0,
    scale: float = 1,
    shift: float = 0,
    thickness: float = 0,
    blur: float = 0,
    noise: float = 0,
) -> NDArray[np.float32]:
    """A distorted copy of `digit`; neutral arguments change nothing.

    Args:
        digit: (28, 28) in [0, 1].
        rotation: degrees, counter-clockwise, around the middle.
        scale: factor, around the middle.
        shift: pixels to the right.
        thickness: pixels added to the width of a stroke, taken away if negative.
        blur: standard deviation of a Gaussian, in pixels.
        noise: standard deviation of added Gaussian noise, always the same noise.

    Returns:
        (28, 28) in [0, 1].
    """
    picture: NDArray[np.floating] = np.asarray(digit, dtype=np.float32)
    if thickness:
        picture = _thicken(picture, thickness / 2)
    if rotation or shift or scale != 1:
        picture = _move(picture, rotation, scale, shift)
    if blur:
        picture = _blurred(picture, blur)
    if noise:
        generator = np.random.default_rng(NOISE_SEED)
        picture = picture + noise * generator.standard_normal(picture.shape)
    return np.clip(picture, 0, 1).astype(np.float32)


def sweep(
    digit: NDArray[np.floating], factor: Factor, setting: Mapping[str, float]
) -> NDArray[np.float32]:
    """(POINTS, 28, 28): `factor` over its range, the other distortions as in `setting`."""
    return np.stack([distort(digit, **{**setting, factor.name: v}) for v in factor.values()])


def holds(labels: NDArray[np.integer], label: int, start: int) -> tuple[int, int]:
    """First and last index around `start` up to which the answer stays `label` unbroken.

    Returns:
        (first, last), or (start, start - 1) if the answer at `start` is already another.
    """
    if labels[start] != label:
        return start, start - 1
    first = last = start
    while first > 0 and labels[first - 1] == label:
        first -= 1
    while last < len(labels) - 1 and labels[last + 1] == label:
        last += 1
    return first, last


def _thicken(picture: NDArray[np.floating], margin: float) -> NDArray[np.floating]:
    """Move the outline outwards by `margin` pixels, inwards if negative."""
    padded = cv2.resize(np.pad(picture, 1), None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_LINEAR)
    inside = padded[ZOOM:-ZOOM, ZOOM:-ZOOM] >= 0.5
    if not inside.any():
        return picture
    # Distances run between pixel centres; the outline lies half a pixel before the nearest one.
    outwards = np.where(inside, 0.5 - _distances(inside), _distances(~inside) - 0.5)
    covered = np.clip(0.5 + margin * ZOOM - outwards, 0, 1)
    return covered.reshape(SIDE, ZOOM, SIDE, ZOOM).mean(axis=(1, 3)).astype(np.float32)


def _distances(inside: NDArray[np.bool_]) -> NDArray[Any]:
    """Of each pixel that is inside, to the nearest that is not; 0 outside."""
    return cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _blurred(picture: NDArray[Any], sigma: float) -> NDArray[Any]:
    return cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def _move(picture: NDArray[Any], rotation: float, scale: float, shift: float) -> NDArray[Any]:
    angle = np.deg2rad(rotation)
    # Rows run downwards: this turns counter-clockwise on the screen. Output -> input coordinates.
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
    middle = np.full(2, (SIDE - 1) / 2)
    offset = middle - matrix @ (middle + np.array([shift, 0]))
    source = _blurred(picture, 0.4 / scale) if scale < 0.8 else picture
    return cv2.warpAffine(
        source,
        np.column_stack([matrix, offset]),
        (SIDE, SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )
