"""Which rows of which result files stand behind each number of the report, found by trying.

A row is changed, the questions are asked again, and the values that come out different depend on
it: nothing has to be declared, and nothing can be declared wrongly.
"""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.frame.results import Results
from analysis.questions import questions

PARTS = ("say", "conclude", "disappoint")
# Columns that tell rows apart: what is changed is what was measured.
KEYS = frozenset(
    "seed epoch bin block width resolution ratio rotation class true predicted amount level "
    "learning_rate threads batch coverage perplexity neighbours temperature_scaled seeds".split()
)
HANDFUL = 8  # rows that are tried together
Behind = dict[str, dict[str, list[str]]]  # value -> file -> places in it


class Altered(Results):
    """Results read once, in which one thing can be changed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.change: tuple[str, Any] | None = None
        self._kept = cache(super()._read)

    def _read(self, name: str) -> Any:
        if self.change and self.change[0] == name:
            return copy.copy(self.change[1])
        return copy.copy(self._kept(name))


def leaves(value: Any, path: str = "") -> dict[str, str]:
    """Every text in nested sections, by its path with dots."""
    if isinstance(value, str):
        return {path: value}
    if not isinstance(value, dict | list):
        return {}
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    found: dict[str, str] = {}
    for key, part in parts:
        found |= leaves(part, f"{path}.{key}" if path else str(key))
    return found


def ask(question: Any, data: Results, sections: dict[str, Any]) -> dict[str, str]:
    """All that a question says: its sections, and its conclusions by its name."""
    said = dict(question.say(data)) if hasattr(question, "say") else {}
    every = {**sections, **said}
    for part in PARTS[1:]:
        if hasattr(question, part):
            said[f"{part}.{question.__name__}"] = list(getattr(question, part)(data, every))
    return leaves(said)


def trace(folder: Path, sections: dict[str, Any]) -> Behind:
    """The rows behind every value that the questions give."""
    behind: Behind = {}
    for question in questions():
        data = Altered(folder)
        before = ask(question, data, sections)
        for name in [*data.used]:
            search = SEARCH[Path(name).suffix]
            for place, values in search(Trial(question, data, sections, before, name)):
                for value in values:
                    behind.setdefault(value, {}).setdefault(name, []).append(place)
    return {value: {f: only_rows(p) for f, p in files.items()} for value, files in behind.items()}


def only_rows(places: list[str]) -> list[str]:
    """Without columns where rows are known."""
    return [place for place in places if not place.startswith("column ")] or places


@dataclass(frozen=True)
class Trial:
    """One file of one question, to be changed."""

    question: Any
    data: Altered
    sections: dict[str, Any]
    before: dict[str, str]
    name: str

    def __call__(self, changed: Any) -> list[str] | None:
        """Values that are others now; None where what was changed makes no sense with the rest."""
        self.data.change = (self.name, changed)
        try:
            with np.errstate(all="ignore"):
                after = ask(self.question, self.data, self.sections)
        except (ValueError, KeyError, IndexError, ZeroDivisionError, TypeError):
            return None
        finally:
            self.data.change = None
        return [value for value, text in self.before.items() if after.get(value) != text]


Hits = Iterator[tuple[str, list[str]]]  # a place, and the values that change with it


def search_rows(trial: Trial) -> Hits:
    """Row by row, where a handful of rows together changes anything; by its line in the file."""
    table = trial.data.table(trial.name)
    for start in range(0, len(table), HANDFUL):
        handful = range(start, min(start + HANDFUL, len(table)))
        if try_rows(trial, table, handful) != []:
            for place in handful:
                yield str(place + 2), try_rows(trial, table, range(place, place + 1)) or []
    for column in table:  # how many there are, and what they are called
        if table[column].dtype.kind == "f" and column not in KEYS:
            continue  # measured: rows, above
        rest = table[table[column] != table[column].iloc[-1]]
        if len(rest) and table[column].nunique() < len(table):
            yield f"column {column}", trial(rest) or []
        if column in KEYS and table[column].dtype.kind in "fi":
            yield f"column {column}", trial(table.assign(**{column: 2 * table[column] + 1})) or []


def try_rows(trial: Trial, table: pd.DataFrame, rows: range) -> list[str] | None:
    """With other measurements in these rows; where they must be whole, with the others alone."""
    for kinds in ("number", "float"):
        columns = [c for c in table.select_dtypes(kinds) if c not in KEYS]
        found = table.copy()
        for place in rows:
            for column in columns:
                at = found.columns.get_loc(column)
                found.iat[place, at] = altered(found.iat[place, at].item(), place)
        values = trial(found)
        if values is not None:
            return values
    return None


def search_record(trial: Trial) -> Hits:
    """Number by number, where all numbers of a branch together change anything."""
    record = trial.data.record(trial.name)

    def down(path: tuple[Any, ...], here: Any) -> Hits:
        values = trial(replaced(record, path, altered(here)))
        if values == [] or "made_by" in path:
            return
        if isinstance(here, dict | list):
            for key, part in here.items() if isinstance(here, dict) else enumerate(here):
                yield from down((*path, key), part)
        else:
            yield ".".join(map(str, path)), values or []

    yield from down((), record)


def altered(value: Any, place: int = 0) -> Any:
    """Every number in it, another; no two places alike."""
    if isinstance(value, dict):
        return {key: altered(part) for key, part in value.items()}
    if isinstance(value, list):
        return [altered(part) for part in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return 2 * value + 1 if isinstance(value, int) else (0.3 + 0.618 * place % 0.5) * value + 0.001


def replaced(record: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The record with another value at a path; shares the rest."""
    if not path:
        return value
    found = copy.copy(record)
    found[path[0]] = replaced(record[path[0]], path[1:], value)
    return found


def search_arrays(trial: Trial) -> Hits:
    """Array by array, turned round, and with other numbers."""
    arrays = trial.data.arrays(trial.name)
    for name, array in arrays.items():
        if array.ndim and array.dtype.kind in "fiu":
            other = array[::-1]
            if array.dtype.kind == "f":
                other = other * np.linspace(-0.5, 1, other.size).reshape(other.shape)
            yield name, trial({**arrays, name: other}) or []


SEARCH = {".csv": search_rows, ".json": search_record, ".npz": search_arrays}


def places_text(places: list[str]) -> str:
    """As "2–4, 7"."""
    if not all(place.isdecimal() for place in places):
        return ", ".join(dict.fromkeys(re.sub(r"(\.\d+)+$", "", place) for place in places))
    rows = np.array(sorted(map(int, places)))
    runs = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
