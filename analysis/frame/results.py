"""The folder of result files, as `figures/data/full`: how its numbers are read and written."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from netlib.files import read_arrays

TEXT = dict.fromkeys(("level", "network", "class", "dataset", "corruption", "table"), str)
SPEED = "benchmark/inference.csv"
LAYERS = "benchmark/layer_times.csv"


class Results:
    """The folder with the numbers behind the figures and the text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.used: dict[str, None] = {}  # files that were read, in their order

    def has(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def table(self, name: str) -> pd.DataFrame:
        """A CSV; names and levels are text even where they look like numbers."""
        return self._read(name)

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        return self._read(name)

    def record(self, name: str) -> Any:
        return self._read(name)

    def _read(self, name: str) -> Any:
        self.used[name] = None
        path = self.folder / name
        if path.suffix == ".csv":
            return pd.read_csv(path, dtype=TEXT)
        return read_arrays(path) if path.suffix == ".npz" else json.loads(path.read_text("utf-8"))

    def sweep(self, name: str) -> pd.DataFrame:
        """A sweep's table with error rates in percent beside its fractions."""
        table = self.table(f"{name}.csv")
        return table.assign(error=100 * (1 - table["accuracy"]))

    def costs(self) -> pd.DataFrame:
        """Parameters and MACs of the pair, by network."""
        return self.table("layer_costs.csv").groupby("network")[["params", "macs"]].sum()

    def speed(self) -> pd.DataFrame:
        """How many times faster MobileNet answers on one thread, by images a call; us of each.

        Index "one" and "batch"; columns ratio, standard, mobilenet and images. The benchmark's,
        where it ran.
        """
        if not self.has(SPEED):
            return self._times_alone()
        table = self.table(SPEED).query("arm == 'ours, 1 thread'")
        rows = {}
        for name, quantity in (("one", "one image"), ("batch", "batch 256")):
            times = table[table["quantity"] == quantity].set_index("network")["median"]
            ratio = table[table["quantity"] == f"{quantity}, MobileNet over standard"].iloc[0]
            images = 1 if name == "one" else 256
            rows[name] = {"ratio": ratio["median"], **times, "images": images}
        return pd.DataFrame(rows).T

    def sessions(self) -> list[pd.DataFrame]:
        """The same by each session that timed both networks."""
        found = [self.speed()]
        if self.has(SPEED):
            found.append(self._times_alone())
        if self.has(LAYERS):
            whole = "kind == 'network' and threads == 1 and engine == 'ours'"
            table = self.table(LAYERS).query(whole)
            times = table.pivot(index="batch", columns="network", values="us")
            if len(times):  # quick benchmarks have none
                times = times.loc[[1, times.index.max()]].rename_axis("images").reset_index()
                times.index = pd.Index(["one", "batch"])
                found.append(times.assign(ratio=times["standard"] / times["mobilenet"]))
        return found

    def _times_alone(self) -> pd.DataFrame:
        times = 1e6 * self.times()[["seconds_one", "seconds_batch"]].loc[["standard", "mobilenet"]]
        table = times.T.set_axis(["one", "batch"])
        ratio = table["standard"] / table["mobilenet"]
        return table.assign(ratio=ratio, images=[1, 16])

    def times(self) -> pd.DataFrame:
        """Measured times at full width and size, by network."""
        table = self.table("latency.csv").query("width == 1 and resolution == 28")
        return table.set_index("network")


def write_table(path: Path, rows: Any, digits: int = 8) -> Path:
    """A CSV of rows (dicts) or of a table; returns `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False, float_format=f"%.{digits}g")
    return path


def write_arrays(path: Path, arrays: Mapping[str, Any], made_by: Mapping[str, Any]) -> Path:
    """An npz, with what made it as JSON inside; returns `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays, made_by=np.array(json.dumps(made_by)))
    return path
