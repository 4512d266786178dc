"""Charts as SVG: pure functions from numbers to text."""

from collections.abc import Mapping
from html import escape

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 320, 150
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 8, 22


def minus(value: float, figures: int = 6) -> str:
    """A number with a minus of its own, as in "−37.5"."""
    return f"{value:.{figures}g}".replace("-", "−")


def confidence_chart(
    values: NDArray[np.floating],
    curves: Mapping[str, NDArray[np.floating]],
    marker: float,
    neutral: float,
    unit: str,
    label: str,
) -> str:
    """Confidence in [0, 1] over the values of a slider, one line a network.

    Args:
        values: (P,) ascending.
        curves: colour of the network -> (P,) confidences.
        marker: where the slider stands.
        neutral: the value that changes nothing, marked on the axis.
        unit: written after the values.
        label: read out by screen readers.
    """
    low, high = float(values[0]), float(values[-1])

    def x(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(share: float) -> float:
        return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)

    parts = []
    for share in (0.0, 0.5, 1.0):
        parts.append(
            f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(share)}" y2="{y(share)}"/>'
            f'<text x="{LEFT - 4}" y="{y(share) + 4}" text-anchor="end">'
            f"{100 * share:.0f}\u00a0%</text>"
        )
    middle = neutral if low < neutral < high else (low + high) / 2
    for value, anchor in ((low, "start"), (middle, "middle"), (high, "end")):
        parts.append(
            f'<text x="{x(value):.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">'
            f"{minus(value)}{escape(unit)}</text>"
        )
    parts.append(
        f'<line class="marker" x1="{x(marker):.1f}" x2="{x(marker):.1f}" '
        f'y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
    )
    for name, shares in curves.items():
        points = " ".join(
            f"{x(v):.1f},{y(float(s)):.1f}" for v, s in zip(values, shares, strict=True)
        )
        parts.append(f'<polyline class="{escape(name)}" points="{points}"/>')
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
