"""What is said of networks that answered the same images: tests, tables, sentences."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.comparison.answers import Answers
from analysis.frame.wording import p_equals, percent, points, whole
from netlib import measure

ALPHA = 0.05


def summary(found: Sequence[Answers]) -> list[dict[str, Any]]:
    """One row a network: its scores, with the interval of its accuracy."""
    names = ("balanced_accuracy", "macro_f1", "nll", "brier", "ece")
    return [
        {
            "network": one.name,
            "n": one.scores.n,
            "accuracy": one.scores.accuracy,
            **dict(zip(("low", "high"), one.scores.accuracy_interval, strict=True)),
            **{name: getattr(one.scores, name) for name in names},
            "temperature": one.temperature,
        }
        for one in found
    ]


def pair(found: Sequence[Answers]) -> dict[str, Any]:
    """Who is right where the other is wrong, the difference, McNemar's p."""
    a, b = found
    arguments = a.labels, a.predictions, b.predictions
    both, only_a, only_b, none = measure.agreement(*arguments)
    low, high = measure.paired_interval(only_a, only_b, len(a.labels))
    return {
        "first": a.name,
        "second": b.name,
        "both_right": both,
        "only_first": only_a,
        "only_second": only_b,
        "none_right": none,
        "difference": (only_a - only_b) / len(a.labels),
        "low": low,
        "high": high,
        "p": measure.mcnemar(*arguments),
    }


def classes(found: Sequence[Answers]) -> list[dict[str, Any]]:
    """One row a class that has images: recall and F1 of each network, and who alone is right."""
    labels = found[0].labels
    rows = []
    for label in np.unique(labels):
        own = labels == label
        row: dict[str, Any] = {"class": found[0].class_names[label], "images": int(own.sum())}
        for i, one in enumerate(found):
            row[f"recall_{i}"] = one.scores.per_class_recall[label]
            row[f"f1_{i}"] = one.scores.per_class_f1[label]
            row[f"alone_{i}"] = int((own & one.right & ~found[1 - i].right).sum())
        rows.append(row)
    return rows


def verdict(row: dict[str, Any], n: int) -> str:
    """What the paired test says of two networks."""
    a, b, p = row["first"], row["second"], row["p"]
    reach = f"{points(row['low'])} to {points(row['high'])} points, 95 % interval of the pairs"
    alone = (
        f"{a} alone is right on {whole(row['only_first'])} of {whole(n)} images, {b} alone on "
        f"{whole(row['only_second'])}"
    )
    test, gap = f"exact McNemar test, {p_equals(p)}", row["difference"]
    if p >= ALPHA:
        chance = f"({reach}) that cannot be told from chance ({test})"
        near = row["low"] > 0 or row["high"] < 0
        edge = "; the interval, which leaves 0 out, is of that pair alone and no exact one"
        return f"{alone}: a difference of {points(gap)} points {chance}{edge if near else ''}."
    better = f"{a if gap > 0 else b} is the better one by {100 * abs(gap):.2f} points"
    return f"{alone}: {better} ({reach}; {test})."


def seen(counts: dict[str, int | None]) -> str:
    """Which networks were trained on some of the images; "" where none was."""
    known = [
        f"{name} was trained on {whole(count)} of these images, which say nothing of new ones."
        for name, count in counts.items()
        if count
    ]
    unknown = [name for name, count in counts.items() if count is None]
    if unknown:
        known.append(f"Whether {' or '.join(unknown)} was trained on some of them is not recorded.")
    return " ".join(known)


def spread_of_time(seconds: Sequence[float]) -> str:
    """Median of the rounds with their range, microseconds."""
    low, middle, high = (1e6 * x for x in np.quantile(seconds, (0, 0.5, 1)))
    return f"{middle:,.0f} ({low:,.0f} to {high:,.0f})"


def share(value: float | None) -> str:
    """Percent, or a dash."""
    return "–" if value is None else percent(value)
