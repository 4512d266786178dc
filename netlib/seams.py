"""Cheap cuts through touching digits: seams from the top of the ink to its bottom.

A seam goes down row by row, straight or diagonally, and costs the ink that it goes through. The
cheapest one through each column of the middle row is the cheapest way up from there and the
cheapest way down, found for all columns at once by dynamic programming.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

HEIGHT = 48  # rows at which seams are searched
BEND = 0.05  # cost of a diagonal step, in pixels of ink
MOST_INK = 2.5  # a seam through more ink than this, in stroke widths, is no cut
CLOSEST = 0.08  # distance of two seams, as a share of the line's height

_STEPS = np.array([0, -1, 1])


@dataclass(frozen=True)
class Seam:
    """A cut from top to bottom.

    Attributes:
        columns: (H,) first column of each row that lies to the right of the cut.
        ink: stroke widths of ink that it goes through.
    """

    columns: np.ndarray
    ink: float


def find_seams(ink: np.ndarray, line_height: float, stroke: float) -> list[Seam]:
    """Seams of one component, from left to right.

    Args:
        ink: (H, W) float32 in [0, 1], the component alone.
        line_height: height of a digit beside it, in pixels.
        stroke: stroke width in pixels.
    """
    height, width = ink.shape
    scale = min(1.0, HEIGHT / height)
    size = max(2, round(width * scale)), max(2, round(height * scale))
    small = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BOX))
    middle = small.shape[0] // 2
    up_cost, up_steps = _cheapest_ways(small[middle::-1])
    down_cost, down_steps = _cheapest_ways(small[middle:])
    cost = (up_cost + down_cost - small[middle]) / (stroke * scale)
    seams = []
    for column in _minima(cost, max(1, round(CLOSEST * line_height * scale))):
        way = np.concatenate([_follow(up_steps, column)[:0:-1], _follow(down_steps, column)])
        rows = np.minimum((np.arange(height) * scale).astype(int), way.size - 1)
        columns = np.rint((way[rows] + 0.5) * width / small.shape[1]).astype(int)
        seams.append(Seam(columns, float(cost[column])))
    return seams


def _cheapest_ways(ink: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """From each column of the first row to the last row: cost (W,), and the step in each row."""
    cost = ink[-1].astype(np.float64)
    steps: list[np.ndarray] = []
    for row in ink[-2::-1]:
        padded = np.pad(cost, 1, constant_values=np.inf)
        options = np.stack([padded[1:-1], padded[:-2] + BEND, padded[2:] + BEND])
        best = options.argmin(axis=0)
        steps.append(_STEPS[best])
        cost = options[best, np.arange(cost.size)] + row
    return cost, steps[::-1]


def _follow(steps: list[np.ndarray], column: int) -> np.ndarray:
    way = [column]
    for step in steps:
        way.append(way[-1] + int(step[way[-1]]))
    return np.array(way)


def _minima(cost: np.ndarray, spacing: int) -> list[int]:
    """Columns where the cost is least within `spacing`; of a plateau, the most central one."""
    inner = [x for x in range(spacing, cost.size - spacing) if cost[x] <= MOST_INK]
    chosen: list[int] = []
    for x in sorted(inner, key=lambda x: (cost[x], abs(x - cost.size / 2))):
        nearby = cost[max(0, x - spacing) : x + spacing + 1]
        if cost[x] <= nearby.min() and all(abs(x - other) > spacing for other in chosen):
            chosen.append(x)
    return sorted(chosen)
