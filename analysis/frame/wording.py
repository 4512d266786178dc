"""Numbers in words: how many seeds and images, percents, points, names."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from analysis.look.style import name_of, networks_of
from netlib.errors import many
from netlib.measure.seeds import mean_interval, paired_t

TITLES = {"standard": "the standard network", "mobilenet": "the MobileNet network"}
MINUS = "−"
Name = TypeVar("Name", bound=Hashable)
PERCENT = 100 * (1 + 1e-12)  # ties are rounded away from 0, however a float holds them


def count_text(counts: Iterable[int], noun: str) -> str:
    """In words: 3 seeds, 1 seed, 1 or 3 seeds, or 1 to 3 seeds where they differ more."""
    low, *others = sorted(set(counts))
    if not others:
        return many(low, noun)
    return f"{low:,} {'or' if len(others) == 1 else 'to'} {others[-1]:,} {noun}s"


def seeds_text(table: pd.DataFrame, by: Iterable[str] = ("network", "level")) -> str:
    """How many seeds each point is the mean of."""
    return count_text(table.groupby(list(by))["seed"].nunique(), "seed")


def setting_text(table: pd.DataFrame, one_set: bool = True) -> str:
    """Training images, where they are of one set, epochs and test images."""
    images = count_text(table["train_images"], "training image") + ", " if one_set else ""
    epochs = count_text(table["training_epochs"], "epoch")
    tested = count_text(table["test_images"], "test image")
    return f"{images}{epochs}, {tested}{precision_text(table)}"


def updates(table: pd.DataFrame) -> pd.Series:
    """Steps of the optimiser in each run."""
    return np.ceil(table["train_images"] / table["batch_size"]) * table["training_epochs"]


def precision_text(table: pd.DataFrame) -> str:
    """Which networks were trained in half precision, if not all were trained alike."""
    half = networks_of(table[table["precision"] != "float32"])
    if not half:
        return ""
    everyone = len(half) == table["network"].nunique()
    who = "" if everyone else f"{' and '.join(map(name_of, half))} "
    return f"; {who}trained in bfloat16"


def listed(parts: Iterable[str]) -> str:
    """As "a, b and c", or "none"."""
    *others, last = list(parts) or ["none"]
    return " and ".join([", ".join(others), last] if others else [last])


def percent(fraction: float | None) -> str:
    """0.98765 -> "98.77"."""
    return "n/a" if fraction is None else f"{PERCENT * fraction:.2f}"


def points(fraction: float) -> str:
    """-0.00123 -> "−0.12", with its sign."""
    return f"{PERCENT * fraction:+.2f}".replace("-", MINUS)


def bounded(found: dict[str, Any], form: Callable[[float], str] = percent) -> str:
    """As "98.61 to 98.93" of an accuracy, or by `points` a difference, cut where neither can be."""
    if found["low"] is None:
        return "no interval from one seed"
    least, ends = (-1, "±100") if form is points else (0, "0 or 100")
    low, high = np.clip((found["low"], found["high"]), least, 1)
    cut = "" if (low, high) == (found["low"], found["high"]) else f", cut at {ends}"
    return f"{form(low)} to {form(high)}{cut}"


def p_value(p: float | None) -> str:
    """Three decimals, or that it is beyond them."""
    if p is None or np.isnan(p):
        return "n/a"
    return "< 0.001" if p < 0.001 else "> 0.999" if p > 0.999 else f"{p:.3f}"


def p_equals(p: float | None) -> str:
    """As "p = 0.120" or "p < 0.001"."""
    text = p_value(p)
    return f"p {text}" if text[0] in "<>" else f"p = {text}"


def whole(value: float) -> str:
    """1234567 -> "1,234,567"."""
    return f"{int(value):,}"


def words(name: object) -> str:
    """cross_entropy -> cross entropy."""
    return LEVELS.get(str(name), str(name).replace("_", " "))


def block_words(name: str) -> str:
    """From "2+1" to "2 conv and 1 MobileNet blocks"."""
    conv, dw = name.split("+")
    return f"{conv} conv and {dw} MobileNet blocks"


FEWEST = 3  # pairs, below which no difference is called a finding


def by_network(runs: pd.DataFrame, value: str = "accuracy", index: str = "seed") -> pd.DataFrame:
    """A column a network, a row a pair of runs; NaN where a run has no partner."""
    return runs.pivot_table(index=index, columns="network", values=value)


def gaps_of(pairs: pd.DataFrame) -> list[float]:
    """MobileNet − standard, pair by pair."""
    return (pairs["mobilenet"] - pairs["standard"]).tolist()


def side(gaps: Sequence[float]) -> int:
    """-1 or 1 where the 95 % t-interval of the mean leaves 0 out, 0 where it is open.

    Fewer than `FEWEST` are open, whatever their signs.
    """
    found = mean_interval(gaps)
    if len(gaps) < FEWEST or found.low is None or found.high is None:
        return 0
    return int(found.low > 0) - int(found.high < 0)


def gap_text(gaps: Sequence[float], noun: str = "pair") -> str:
    """As "−0.28 points (95 % interval −0.42 to −0.14, 5 pairs)"."""
    found = mean_interval(gaps)
    pairs = count_text([len(gaps)], noun)
    if found.low is None:
        return f"{points(found.mean)} points ({pairs}, no interval)"
    reach = bounded(asdict(found), points)
    return f"{points(found.mean)} points (95 % interval {reach}, {pairs})"


def judged_text(gaps: Sequence[float], noun: str = "pair") -> str:
    """The same, and why the difference is open where it is."""
    return gap_text(gaps, noun) + ("" if side(gaps) else f", {open_text(gaps)}")


def open_text(gaps: Sequence[float]) -> str:
    """Why a difference is open."""
    return "too few to tell" if len(gaps) < FEWEST else "open"


def holm(p: Mapping[Name, float]) -> dict[Name, float]:
    """Names -> p adjusted for their number (Holm 1979), at most 1."""
    rising = pd.Series(p, dtype=float).sort_values(kind="stable")
    return (rising * np.arange(len(p), 0, -1)).cummax().clip(upper=1).to_dict()


def holm_p(pairs: Mapping[Name, pd.DataFrame]) -> dict[Name, float]:
    """Names -> p of the paired difference of both networks, adjusted for the number of names."""
    p = {name: paired_t(both["mobilenet"], both["standard"]) for name, both in pairs.items()}
    return holm({name: value for name, value in p.items() if value is not None})


def compared(
    table: pd.DataFrame, by: str | list[str], value: str = "accuracy", index: str = "seed"
) -> pd.DataFrame:
    """A row a group: both networks' means, the gaps of its pairs, p adjusted for the groups."""
    pairs = {key: by_network(rows, value, index) for key, rows in table.groupby(by, sort=False)}
    p = holm_p(pairs)
    rows = [
        {**both.mean(), "gaps": gaps_of(both), "p": p.get(key, np.nan)}
        for key, both in pairs.items()
    ]
    return pd.DataFrame(rows, index=pd.Index(list(pairs)))


def small_change(values: Sequence[float], scale: float = 1, digits: int = 4) -> str:
    """A mean change with its interval, of what is no percentage."""
    found = mean_interval([scale * value for value in values])
    text = f"{found.mean:+.{digits}f}"
    if found.low is not None and found.high is not None:
        held = ", which holds 0" if found.low <= 0 <= found.high else ""
        text += f" (95 % interval {found.low:+.{digits}f} to {found.high:+.{digits}f}{held})"
    return text.replace("-", MINUS)


LEVELS = {
    "cross_entropy": "cross entropy",
    "label_smoothing": "label smoothing",
    "class_balanced": "class-balanced",
    "logit_adjusted": "logit-adjusted",
    "ldam_drw": "LDAM-DRW",
    "mse": "squared error",
}
