"""Where a drawing lies: its embedding placed on a map of MNIST digits made beforehand.

The map is a file of `analysis.project`: embeddings, their UMAP coordinates, labels and digits.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 10
MARGIN = 0.04


@dataclass(frozen=True)
class Place:
    """Where one embedding lies."""

    point: NDArray[np.floating]  # (2,) on the map, x and y in [0, 1], y downwards
    neighbours: NDArray[np.integer]  # (k,) indices of the nearest digits, nearest first
    distances: NDArray[np.floating]  # (k,) their distances from the embedding
    closer: float  # the share of the map's own digits that lie closer to their nearest than this


@dataclass(frozen=True, eq=False)  # compared, and so cached, by identity
class Atlas:
    """A map of N digits as one network sees them."""

    points: NDArray[np.floating]  # (N, 2) on the map, x and y in [0, 1], y downwards
    embeddings: NDArray[np.floating]  # (N, D)
    labels: NDArray[np.integer]  # (N,)
    images: NDArray[np.uint8]  # (N, 28, 28), ink 255 on 0
    method: str  # what laid the map out, as in "umap"

    @classmethod
    def load(cls, path: Path) -> "Atlas":
        """Read a map.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is no map.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(
                    _unit_square(file["projection"]),
                    file["embeddings"].astype(np.float32),
                    file["labels"].astype(np.int64),
                    file["images"],
                    json.loads(str(file["made_by"]))["method"],
                )
        except FileNotFoundError:
            raise
        except Exception as error:  # numpy and zipfile raise many kinds on a damaged file
            raise ValueError(
                f"{path} is no map: make it with python -m analysis.project."
            ) from error

    def place(self, embedding: NDArray[np.floating], count: int = NEIGHBOURS) -> Place:
        """Place an embedding (D,) at the mean of its nearest digits' points.

        The weights are the inverse distances of the embeddings (Shepard 1968): a digit of the map
        comes to lie on its own point.
        """
        distances = np.linalg.norm(self.embeddings - embedding, axis=1)
        nearest = np.argsort(distances, kind="stable")[:count]
        weights = 1 / np.maximum(distances[nearest], 1e-9)
        point = weights @ self.points[nearest] / weights.sum()
        closer = float((self.spacing < distances[nearest].mean()).mean())
        return Place(point, nearest, distances[nearest], closer)

    @cached_property
    def spacing(self) -> NDArray[np.floating]:
        """(N,) mean distance of each digit of the map from its nearest other ones."""
        points = self.embeddings.astype(np.float64)
        squares = (points**2).sum(axis=1)
        distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0))
        np.fill_diagonal(distances, np.inf)
        count = min(NEIGHBOURS, len(points) - 1)
        return np.partition(distances, count - 1, axis=1)[:, :count].mean(axis=1)


def _unit_square(coordinates: NDArray[np.floating]) -> NDArray[np.floating]:
    """Coordinates (N, 2), y upwards, to the unit square, y downwards, one scale for both axes."""
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    scale = (1 - 2 * MARGIN) / (high - low).max()
    points = (coordinates - (low + high) / 2) * scale + 0.5
    points[:, 1] = 1 - points[:, 1]
    return points
