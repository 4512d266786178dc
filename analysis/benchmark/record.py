"""What was measured: rows with medians and quartiles, targets among them, as a table and files."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Row:
    quantity: str  # what was measured, such as "batch 256"
    arm: str  # what did it, such as "ours, 1 thread"
    network: str  # "standard", "mobilenet", or "" where neither or both are meant
    median: float  # of the rounds
    low: float  # their quartiles
    high: float
    unit: str  # of these three
    theory: float | None = None  # what arithmetic promises, in the same unit
    target: str = ""  # such as ">= 2.5"; "" where none was set
    reached: str = ""  # "yes" or "no" beside a target
    why: str = ""  # what a profile says where the target is missed


def row(
    quantity: str,
    arm: str,
    values: Sequence[float],
    unit: str,
    *,
    network: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
    theory: float | None = None,
    why: str | Callable[[], str] = "",
) -> Row:
    """Median and quartiles of `values`, held against a target where one is given.

    What `why` says is kept where the target is missed; a function is asked only then.
    """
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    target, reached = "", ""
    if at_least is not None:
        target, reached = f">= {at_least:.3g}", "yes" if median >= at_least else "no"
    elif at_most is not None:
        target, reached = f"<= {at_most:.3g}", "yes" if median <= at_most else "no"
    if reached != "no":
        why = ""
    elif not isinstance(why, str):
        why = why()
    return Row(quantity, arm, network, median, low, high, unit, theory, target, reached, why)


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Round by round: a machine that slows down slows both."""
    return [a / b for a, b in zip(numerators, denominators, strict=True)]


def table(rows: Sequence[Row]) -> str:
    """Rows as aligned text; a missed target stands out, and why stands below."""
    import pandas as pd

    if not rows:
        return "(none)"
    frame = pd.DataFrame([asdict(row) for row in rows]).drop(columns="why")
    frame["reached"] = frame["reached"].map({"yes": "reached", "no": "MISSED", "": ""})
    numbers = dict.fromkeys(("median", "low", "high", "theory"), "{:.4g}".format)
    frame["theory"] = frame["theory"].astype(float)
    text = frame.to_string(index=False, na_rep="", formatters=numbers, justify="left")
    return "\n".join([text, *(f"{row.quantity}: {row.why}" for row in rows if row.why)])


def save(output: Path, name: str, lines: Sequence[Row | dict[str, Any]]) -> Path:
    """NAME.csv, a line each; that of a row begins with the name."""
    import pandas as pd

    output.mkdir(parents=True, exist_ok=True)
    path = output / f"{name}.csv"
    rows = [{"area": name, **asdict(x)} if isinstance(x, Row) else x for x in lines]
    pd.DataFrame(rows).to_csv(path, index=False)
    return path
