"""What was measured: rows with medians and quartiles, targets among them, as a table and files."""

import csv
import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """One measured quantity.

    Attributes:
        area: of the benchmark, such as "inference".
        quantity: what was measured, such as "batch 256".
        arm: what did it, such as "ours, 1 thread".
        network: "standard", "mobilenet", or "" where neither or both are meant.
        median, low, high: of the rounds; low and high are the quartiles.
        unit: of these three.
        rounds: number of measurements.
        theory: what arithmetic promises, in the same unit.
        target: such as ">= 2.5"; "" where none was set.
        reached: "yes" or "no" beside a target.
        note: what explains the figure.
    """

    area: str
    quantity: str
    arm: str
    network: str
    median: float
    low: float
    high: float
    unit: str
    rounds: int
    theory: float | None = None
    target: str = ""
    reached: str = ""
    note: str = ""


def row(
    area: str,
    quantity: str,
    arm: str,
    values: Sequence[float],
    unit: str,
    *,
    network: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
    theory: float | None = None,
    note: str = "",
) -> Row:
    """Median and quartiles of `values`, held against a target where one is given."""
    low, median, high = quartiles(values)
    target, reached = "", ""
    if at_least is not None:
        target, reached = f">= {at_least:.3g}", "yes" if median >= at_least else "no"
    elif at_most is not None:
        target, reached = f"<= {at_most:.3g}", "yes" if median <= at_most else "no"
    return Row(
        area, quantity, arm, network, median, low, high, unit, len(values), theory, target, reached,
        note,
    )  # fmt: skip


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile; all three are the value where there is one only.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("There is no measurement to summarise; expected at least one.")
    if len(values) == 1 or any(math.isinf(value) for value in values):
        return min(values), statistics.median(values), max(values)
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Round by round: a machine that slows down slows both."""
    return [a / b for a, b in zip(numerators, denominators, strict=True)]


def number(value: float) -> str:
    """Three significant digits, four for what is 1,000 or more."""
    if not math.isfinite(value):
        return str(value)
    if value == 0 or 0.001 <= abs(value) < 1000:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1e}"


def table(rows: Sequence[Row]) -> str:
    """Rows as aligned text."""
    header = ("quantity", "arm", "network", "median", "quartiles", "unit", "theory", "target", "")
    lines = [header]
    for r in rows:
        spread = f"{number(r.low)} to {number(r.high)}" if r.rounds > 1 else ""
        theory = "" if r.theory is None else number(r.theory)
        lines.append(
            (r.quantity, r.arm, r.network, number(r.median), spread, r.unit, theory, r.target,
             {"yes": "reached", "no": "MISSED", "": ""}[r.reached])
        )  # fmt: skip
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    texts = []
    for line, r in zip(lines, [None, *rows], strict=True):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        texts.append("  ".join(cells).rstrip())
        if r is not None and r.note:
            texts.append(f"    {r.note}")
    return "\n".join(texts)


def targets(rows: Sequence[Row]) -> list[Row]:
    """The rows that have a target."""
    return [r for r in rows if r.target]


def save(output: Path, area: str, rows: Sequence[Row], made_by: dict[str, Any]) -> list[Path]:
    """AREA.csv with the rows and AREA.json with them and with what made them."""
    json_path = output / f"{area}.json"
    csv_path = save_table(output, area, [asdict(r) for r in rows], [f.name for f in fields(Row)])
    content = {"made_by": made_by, "rows": [asdict(r) for r in rows]}
    json_path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return [csv_path, json_path]


def save_table(
    output: Path, name: str, lines: Sequence[dict[str, Any]], columns: Sequence[str] = ()
) -> Path:
    """NAME.csv, with the columns of the first line where none are named."""
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"{name}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns or list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    return path
