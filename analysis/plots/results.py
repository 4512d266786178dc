"""Result files as tables, and what captions say of them: how many seeds, how many images."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.plots.style import NAMES, NETWORKS

TEXT = dict.fromkeys(("level", "network", "class", "dataset", "corruption"), str)


class Results:
    """The folder with the numbers behind the figures, as `figures/data/full`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def table(self, name: str) -> pd.DataFrame:
        """A CSV; names and levels are text even where they look like numbers."""
        return pd.read_csv(self.folder / name, dtype=TEXT, keep_default_na=True)

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """An npz, all in memory."""
        with np.load(self.folder / name, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}

    def record(self, name: str) -> Any:
        """A JSON file."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def sweep(self, name: str) -> pd.DataFrame:
        """A sweep's table with error rates in percent beside its fractions."""
        table = self.table(f"{name}.csv")
        return table.assign(
            error=100 * (1 - table["accuracy"]),
            balanced_error=100 * (1 - table["balanced_accuracy"]),
        )


def networks_of(table: pd.DataFrame) -> list[str]:
    """The networks of a table: ours in their order, then any others as they come."""
    found = list(dict.fromkeys(table["network"]))
    return [n for n in NETWORKS if n in found] + [n for n in found if n not in NETWORKS]


def spread(table: pd.DataFrame, by: str, value: str) -> pd.DataFrame:
    """Columns by, mean, low and high (the extremes of the seeds), n; in ascending order of `by`."""
    found = table.groupby(by)[value].agg(["mean", "min", "max", "count"]).reset_index()
    return found.rename(columns={"min": "low", "max": "high", "count": "n"})


def t_interval(values: Iterable[float], confidence: float = 0.95) -> tuple[float, float]:
    """Student's interval of the mean; NaNs where there is only one value."""
    found = np.asarray(list(values), float)
    if len(found) < 2:
        return float("nan"), float("nan")
    half = stats.t.ppf((1 + confidence) / 2, len(found) - 1) * found.std(ddof=1) / len(found) ** 0.5
    return found.mean() - half, found.mean() + half


def count_text(counts: Iterable[int], noun: str) -> str:
    """In words: 3 seeds, 1 seed, or 1 to 3 seeds where they differ."""
    low, high = min(counts), max(counts)
    if low == high:
        return f"{low:,} {noun}" + ("" if low == 1 else "s")
    return f"{low:,} to {high:,} {noun}s"


def seeds_text(table: pd.DataFrame, by: Iterable[str] = ("network", "level")) -> str:
    """How many seeds each point is the mean of."""
    return count_text(table.groupby(list(by))["seed"].nunique(), "seed")


def setting_text(table: pd.DataFrame, varied: str = "") -> str:
    """Training images, epochs and test images, without what is varied."""
    parts = []
    if varied not in ("train_images", "dataset"):
        parts.append(f"{count_text(table['train_images'], 'training image')}")
    if varied == "train_images":
        batches = np.ceil(table["train_images"] / table["batch_size"])
        parts.append(count_text((batches * table["training_epochs"]).astype(int), "step"))
    elif varied != "training_epochs":
        parts.append(count_text(table["training_epochs"], "epoch"))
    parts.append(f"{count_text(table['test_images'], 'test image')}")
    return ", ".join(parts) + ("" if varied == "precision" else precision_text(table))


def precision_text(table: pd.DataFrame) -> str:
    """Which networks were trained in half precision, if not all were trained alike."""
    half = networks_of(table[table["precision"] != "float32"])
    if not half:
        return ""
    everyone = len(half) == table["network"].nunique()
    return (
        "; trained in bfloat16"
        if everyone
        else (f"; {' and '.join(map(name_of, half))} trained in bfloat16")
    )


def name_of(network: str) -> str:
    """As readers see it."""
    return NAMES.get(network, network)
