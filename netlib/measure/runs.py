"""Kept runs: what `analysis.sweep --keep` leaves of each training, found and read again.

FOLDER/NETWORK-SEED/ holds network.safetensors, history.csv and predictions.npz. Runs of the same
seed are pairs: they share their split and the order of their images.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from netlib.data.dataset import DigitDataset
from netlib.nets.saved import read_metadata

NETWORKS = ("standard", "mobilenet")


@dataclass(frozen=True)
class KeptRun:
    """One training's files."""

    network: str  # "standard" or "mobilenet"
    seed: int  # of the split, the weights and the order
    folder: Path

    @property
    def checkpoint(self) -> Path:
        """The trained network, for `netlib.nets.checkpoint.load_network`."""
        return self.folder / "network.safetensors"

    @property
    def history(self) -> Path:
        """CSV, one row an epoch, with the columns of `netlib.training.fit`."""
        return self.folder / "history.csv"

    @property
    def settings(self) -> dict[str, Any]:
        """How it was trained: the fields of the sweep's run.

        Raises:
            ValueError: the checkpoint was not kept by a sweep.
        """
        settings = read_metadata(self.checkpoint).get("run")
        if not isinstance(settings, dict):
            raise ValueError(f"{self.checkpoint} names no run: keep it with analysis.sweep --keep.")
        return settings

    def arrays(self, *names: str) -> tuple[np.ndarray, ...]:
        """Some arrays of predictions.npz.

        They are labels (N,), names (N,), logits (N, C) and embeddings (N, D) of the test images,
        validation_labels (M,) and validation_logits (M, C).

        Raises:
            ValueError: an array is missing.
        """
        path = self.folder / "predictions.npz"
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in names if name not in file.files]
            if missing:
                raise ValueError(
                    f"{path} lacks {', '.join(missing)}: write it with analysis.sweep."
                )
            return tuple(file[name] for name in names)


@dataclass(frozen=True)
class Pairs:
    """The runs of both networks, for every seed that both have."""

    seeds: tuple[int, ...]  # ascending, at least one
    runs: dict[tuple[str, int], KeptRun]  # by network and seed
    ignored: tuple[str, ...]  # names of runs whose seed the other network lacks

    def of(self, network: str) -> list[KeptRun]:
        """The runs of one network, by seed."""
        return [self.runs[network, seed] for seed in self.seeds]

    def at(self, seed: int) -> dict[str, KeptRun]:
        """The two runs of a seed, by network.

        Raises:
            ValueError: there are none.
        """
        if seed not in self.seeds:
            folder = next(iter(self)).folder.parent
            known = ", ".join(map(str, self.seeds))
            raise ValueError(f"{folder} has no pair of seed {seed}; it has {known}.")
        return {network: self.runs[network, seed] for network in NETWORKS}

    @property
    def typical(self) -> int:
        """The seed whose difference in accuracy is nearest to the median, the lower one of two."""

        def right(run: KeptRun) -> int:
            labels, logits = run.arrays("labels", "logits")
            return int((logits.argmax(1) == labels).sum())

        first, second = (np.array([*map(right, self.of(network))]) for network in NETWORKS)
        gaps = second - first
        return self.seeds[int(np.abs(gaps - np.median(gaps)).argmin())]

    def __iter__(self) -> Iterator[KeptRun]:
        """Every run, network by network."""
        return (run for network in NETWORKS for run in self.of(network))


def find_pairs(folder: Path) -> Pairs:
    """The pairs of runs in a folder of kept runs.

    Raises:
        ValueError: there is no such folder, or no seed that both networks have.
    """
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}: keep runs with analysis.sweep --keep.")
    found: dict[tuple[str, int], KeptRun] = {}
    for path in sorted(folder.iterdir()):
        name = re.fullmatch(rf"({'|'.join(NETWORKS)})-(\d+)", path.name)
        if name and (path / "predictions.npz").exists():
            key = name[1], int(name[2])
            found[key] = KeptRun(*key, path)
    seeds = [{seed for network, seed in found if network == wanted} for wanted in NETWORKS]
    common = sorted(set.intersection(*seeds))
    if not common:
        raise ValueError(
            f"{folder} has no seed that both networks have; expected folders such as standard-0 "
            "and mobilenet-0: keep runs of both with analysis.sweep --keep."
        )
    runs = {key: run for key, run in found.items() if key[1] in common}
    ignored = tuple(run.folder.name for key, run in found.items() if key not in runs)
    return Pairs(tuple(common), runs, ignored)


def typical_seed(folder: Path | None) -> int:
    """Of the pair with the median difference; 0 where there are no kept runs."""
    return find_pairs(folder).typical if folder else 0


def check_test_set(run: KeptRun, dataset: DigitDataset, path: Path) -> None:
    """Make sure that a run was tested on these images, in their order.

    Raises:
        ValueError: it was not.
    """
    labels, names = run.arrays("labels", "names")
    if names.tolist() != dataset.names or not np.array_equal(labels, dataset.labels.numpy()):
        raise ValueError(
            f"{run.folder} was tested on other images than {path} holds: name the data set that "
            "the runs were trained on."
        )
