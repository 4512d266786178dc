"""Result files in, words out: how numbers are read and written in the report."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

NETWORKS = ("standard", "mobilenet")


TITLES = {"standard": "the standard network", "mobilenet": "the MobileNet network"}


MINUS = "−"


Section = dict[str, Any]


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """A table; networks and classes are names even where they look like numbers."""
    types = {"network": str, "class": str, **options.pop("dtype", {})}
    header = pd.read_csv(path, nrows=0).columns
    return pd.read_csv(path, dtype={k: v for k, v in types.items() if k in header}, **options)


def read_json(path: Path) -> dict[str, Any]:
    """A file of results."""
    return json.loads(path.read_text(encoding="utf-8"))


def costs(results: Path) -> pd.DataFrame:
    """Parameters and MACs by network."""
    table = read_csv(results / "layer_costs.csv")
    return table.groupby("network")[["params", "macs"]].sum()


def latency(results: Path) -> pd.DataFrame:
    """Measured times of the pair, by network."""
    table = read_csv(results / "latency.csv").query("width == 1 and resolution == 28")
    return table.set_index("network").loc[list(NETWORKS)]


def percent(fraction: float | None) -> str:
    """0.98765 -> "98.77"."""
    return "n/a" if fraction is None else f"{100 * fraction:.2f}"


def points(fraction: float) -> str:
    """-0.00123 -> "−0.12", with its sign."""
    return f"{100 * fraction:+.2f}".replace("-", MINUS)


def interval(found: dict[str, Any], form: Callable[[float], str] = percent) -> str:
    """As in "98.61 to 98.93"."""
    if found["low"] is None:
        return "no interval from one seed"
    return f"{form(found['low'])} to {form(found['high'])}"


def p_value(p: float | None) -> str:
    """Two digits, or that it is tiny."""
    if p is None:
        return "n/a"
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def whole(value: float) -> str:
    """1234567 -> "1,234,567"."""
    return f"{int(value):,}"


def words(name: object) -> str:
    """cross_entropy -> cross entropy."""
    return str(name).replace("ldam_drw", "LDAM-DRW").replace("_", " ")


def block_words(name: str) -> str:
    """From "2+1" to "2 conv and 1 MobileNet blocks"."""
    conv, dw = name.split("+")
    return f"{conv} conv and {dw} MobileNet blocks"


def capital(sentence: str) -> str:
    """With a capital letter."""
    return sentence[:1].upper() + sentence[1:]
