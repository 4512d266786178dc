"""Cheap cuts through touching digits: seams from the top of the ink to its bottom.

A seam goes down row by row, straight or diagonally, and costs the ink that it goes through. The
cheapest one through each column of the middle row is the cheapest way up from there and the
cheapest way down, found for all columns at once by dynamic programming.
"""

from dataclasses import dataclass

import cv2
import numpy as np

HEIGHT = 48  # rows at which seams are searched
BEND = 0.05  # cost of a diagonal step, in pixels of ink
MOST_INK = 2.5  # a seam through more ink than this, in stroke widths, is no cut
CLOSEST = 0.08  # distance of two seams, as a share of the line's height


@dataclass(frozen=True)
class Seam:
    """A cut from top to bottom."""

    columns: np.ndarray  # (H,) first column of each row that lies to the right of the cut
    ink: float  # stroke widths of ink that it goes through


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
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
    middle = small.shape[0] // 2
    up, down = _costs(small[middle::-1]), _costs(small[middle:])
    cost = (up[0, 1:-1] + down[0, 1:-1] - small[middle]) / (stroke * scale)
    seams = []
    for column in _minima(cost, max(1, round(CLOSEST * line_height * scale))):
        way = np.concatenate([_cheapest_way(up, column)[:0:-1], _cheapest_way(down, column)])
        rows = np.minimum((np.arange(height) * scale).astype(int), way.size - 1)
        columns = np.rint((way[rows] + 0.5) * width / small.shape[1]).astype(int)
        seams.append(Seam(columns, float(cost[column])))
    return seams


def _costs(ink: np.ndarray) -> np.ndarray:
    """Cost of the cheapest way from each pixel (H, W) to the last row: (H, W + 2), edges inf."""
    height, width = ink.shape
    costs = np.full((height, width + 2), np.inf)
    costs[-1, 1:-1] = ink[-1]
    for row in range(height - 2, -1, -1):
        below, here = costs[row + 1], costs[row, 1:-1]
        np.minimum(below[:-2], below[2:], out=here)
        here += BEND
        np.minimum(here, below[1:-1], out=here)
        here += ink[row]
    return costs


def _cheapest_way(costs: np.ndarray, column: int) -> np.ndarray:
    """The column in each row of the cheapest way that begins in `column` of the first row."""
    way = [column]
    for below in costs[1:]:
        straight, left, right = below[column + 1], below[column] + BEND, below[column + 2] + BEND
        if min(left, right) < straight:
            column += -1 if left <= right else 1
        way.append(column)
    return np.array(way)


def _minima(cost: np.ndarray, spacing: int) -> list[int]:
    """Columns where the cost is least within `spacing`; of a plateau, the most central one."""
    values = cost.tolist()
    count = len(values)
    inner = [x for x in range(spacing, count - spacing) if values[x] <= MOST_INK]
    chosen: list[int] = []
    for x in sorted(inner, key=lambda x: (values[x], abs(x - count / 2))):
        nearby = values[max(0, x - spacing) : x + spacing + 1]
        if values[x] <= min(nearby) and all(abs(x - other) > spacing for other in chosen):
            chosen.append(x)
    return sorted(chosen)
