"""Curves: over levels, epochs, amounts of change, thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.look.style import (
    BLACK,
    COLOURS,
    GREY,
    SPANS,
    errors,
    label_ends,
    look_of,
    name_of,
    networks_of,
    plain,
    plain_numbers,
    probable,
    scale_values,
    show_accuracy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_TICKS = 8


def spread(table: pd.DataFrame, by: str, value: str) -> pd.DataFrame:
    """Columns by, mean, low and high (the extremes of the seeds); in ascending order of `by`."""
    return table.groupby(by)[value].agg(mean="mean", low="min", high="max").reset_index()


def band(ax: Axes, table: pd.DataFrame, x: str, y: str, network: str, **style: Any) -> tuple:
    """A network's mean over seeds with a band between their extremes; returns its right end."""
    line = spread(table[table["network"] == network], x, y)
    look = {"label": name_of(network), **look_of(network), **style}
    ax.fill_between(line[x], line["low"], line["high"], color=look["color"], alpha=0.18,
                    linewidth=0)  # fmt: skip
    ax.plot(line[x], line["mean"], **look)
    return line[x].iloc[-1], line["mean"].iloc[-1]


def draw_sweep(
    ax: Axes,
    table: pd.DataFrame,
    x: str,
    y: str,
    chosen: bool = False,
    log: bool = True,
    named: bool = True,
) -> Axes:
    """Mean over seeds against a positive number, with a band from the lowest seed to the highest.

    Args:
        ax: where to draw.
        table: columns network, `x` and `y`, one row a seed; for `chosen` validation_accuracy and
            validation_nll too.
        x: column of the levels.
        y: column of the values, in the unit of the axis.
        chosen: ring the level that each network's validation images choose.
        log: draw values that span much on a logarithmic axis.
        named: write the networks' names at the ends of the lines.
    """
    ends = {}
    for network in networks_of(table):
        ends[network] = band(ax, table, x, y, network)
        if chosen:
            rows = table[table["network"] == network]
            best = chosen_level(rows, x)
            ax.plot(best, rows[rows[x] == best][y].mean(), "o", color=COLOURS.get(network, BLACK),
                    markersize=9, fillstyle="none")  # fmt: skip
    levels = np.unique(table[x])
    if levels[-1] > SPANS * levels[0]:
        ax.set_xscale("log")
    if len(levels) <= MOST_TICKS:
        ax.set_xticks(levels, [f"{level:,g}" for level in levels])
        ax.xaxis.minorticks_off()
    else:
        scale_values(ax, "x", pd.Series(levels))
    if log:
        scale_values(ax, "y", table[y])
    plain(ax)
    if named:
        label_ends(ax, ends)
    return ax


def chosen_level(rows: pd.DataFrame, x: str) -> Any:
    """The level of the highest mean validation accuracy, ties to the lower loss."""
    columns = ["validation_accuracy", "validation_nll"]
    means = rows.groupby(x)[columns].mean().reset_index()
    return means.sort_values(columns, ascending=[False, True])[x].iloc[0]


def draw_history(
    ax: Axes, history: Sequence[Mapping[str, float]], quantity: str, colour: str = BLACK
) -> Axes:
    """`quantity` ("loss" or "accuracy") over epochs, training dashed and validation solid.

    history: one row an epoch, as `netlib.training.fit` returns it.
    """
    epochs = [row["epoch"] for row in history]
    factor = 100 if quantity == "accuracy" else 1
    for split, style in (("train", "--"), ("validation", "-")):
        values = [factor * row[f"{split}_{quantity}"] for row in history]
        ax.plot(epochs, values, style, color=colour, label=split, marker="o", markersize=3)
    ax.legend(frameon=False)
    return _over_epochs(ax, quantity)


def _over_epochs(ax: Axes, quantity: str) -> Axes:
    """Axes of a training: whole epochs, and loss or accuracy."""
    ax.set(xlabel="epoch", ylabel="accuracy (%)" if quantity == "accuracy" else "loss")
    cast(Any, ax.xaxis.get_major_locator()).set_params(integer=True)
    plain(ax)
    return ax


def draw_curves(ax: Axes, table: pd.DataFrame, split: str, quantity: str) -> Axes:
    """Loss or accuracy of both networks over epochs, with a band between the extreme seeds.

    Accuracy is spaced by the logarithm of the error: near 100 % it would be a flat line.
    table: columns network, seed, epoch, and {split}_{quantity} of "train" and "validation".
    """
    both = [f"{name}_{quantity}" for name in ("train", "validation")]
    values = table.assign(
        **{name: errors(table[name]) if quantity == "accuracy" else table[name] for name in both}
    )
    column = f"{split}_{quantity}"
    ends = {}
    ax.set_yscale("log")
    for network in networks_of(values):
        ends[network] = band(ax, values, "epoch", column, network)
    low, high = values[both].min().min(), values[both].max().max()
    if quantity == "accuracy":
        show_accuracy(ax, low, high)
    else:
        scale_values(ax, "y", pd.Series([low, max(high, 4.1 * low)]))
        ax.set_ylim(low / 1.15, 1.15 * high)
    _over_epochs(ax, quantity)
    label_ends(ax, ends)
    return ax


def draw_shift(ax: Axes, table: pd.DataFrame, span: tuple[float, float]) -> Axes:
    """Accuracy, spaced by its error, against how far the images are moved, turned or scaled.

    table: columns network, seed, amount and accuracy (a fraction); span: smallest and largest
    error of the axis, in percent.
    """
    found = table.assign(value=errors(table["accuracy"]))
    for network in networks_of(table):
        band(ax, found, "amount", "value", network, markersize=3)
    plain(ax)
    show_accuracy(ax, *span)
    return ax


def draw_reliability(ax: Axes, table: pd.DataFrame) -> Axes:
    """Errors found against errors expected, bin by bin; right on the line, overconfident above.

    Both axes are logarithmic, for most predictions are all but certain. Bins without an error lie
    on the lower edge, or beyond the left one where they are surer than all that have one.
    table: columns network, confidence and accuracy (fractions), a row a bin.
    """
    expected, found = 100 * (1 - table["confidence"]), 100 * (1 - table["accuracy"])
    least = 10 ** np.floor(np.log10(max(found[found > 0].min(), 1e-3)))
    ax.plot([1e-6, 100], [1e-6, 100], color=GREY, linewidth=0.8, zorder=0)
    for network in networks_of(table):
        rows = table["network"] == network
        x = expected[rows].clip(lower=1e-9)
        y = found[rows].clip(lower=least / 1.5)
        ax.plot(x, y, label=name_of(network), **look_of(network))
    most = 1.5 * max(expected.max(), found.max())
    return _errors_of_both(ax, expected[found > 0].min() / 3, least / 1.5, most)


def draw_calibration(
    ax: Axes,
    labels: ArrayLike,
    probabilities: ArrayLike,
    label: str = "",
    bins: int = 15,
    **style: Any,
) -> Axes:
    """Errors found against errors expected, in equally filled bins; call it once a network.

    On the line probabilities (N, C) are right, above it they are too sure. Bins without an error
    lie on the lower edge; there are fewer bins where there are fewer images. `style` is of the
    line, as Matplotlib's `plot` takes it.
    """
    y, p = probable(labels, probabilities)
    doubt, wrong = 1 - p.max(1), p.argmax(1) != y
    parts = np.array_split(np.argsort(-doubt, kind="stable"), min(bins, len(y)))
    least = 50 / max(map(len, parts))  # half an error, in percent
    expected = [max(100 * doubt[part].mean(), least / 30) for part in parts]
    found = [max(100 * wrong[part].mean(), least / 1.3) for part in parts]
    if not ax.lines:
        ax.plot([1e-6, 100], [1e-6, 100], color=GREY, linewidth=0.8, zorder=0)
    ax.plot(expected, found, label=label, **{"marker": "o", **style})
    return _errors_of_both(ax, least / 30, least / 1.3, 100)


def _errors_of_both(ax: Axes, left: float, bottom: float, most: float) -> Axes:
    """Logarithmic axes of errors expected and found, in percent."""
    ax.set(xscale="log", yscale="log", xlim=(left, most), ylim=(bottom, most))
    for axis in (ax.xaxis, ax.yaxis):
        plain_numbers(axis)
    ax.set(xlabel="expected errors, 1 − confidence (%)", ylabel="errors found (%)")
    plain(ax, "both")
    return ax


def draw_risk_coverage(
    ax: Axes, labels: ArrayLike, probabilities: ArrayLike, label: str = "", **style: Any
) -> Axes:
    """Error of what is kept when the least confident answers are refused; call it once a network.

    labels: (N,); probabilities: (N, C); style: of the line, as Matplotlib's `plot` takes it.
    """
    y, p = probable(labels, probabilities)
    order = np.argsort(-p.max(1), kind="stable")
    kept = np.arange(1, len(y) + 1)
    risk = np.cumsum(p.argmax(1)[order] != y[order]) / kept
    ax.plot(100 * kept / len(y), 100 * risk, label=label, **style)
    ax.set_xlim(0, 100)
    ax.set_ylim(0)
    ax.set(xlabel="kept answers, most confident first (%)", ylabel="error of those kept (%)")
    plain(ax)
    return ax


def draw_risk(ax: Axes, table: pd.DataFrame) -> Axes:
    """Error of what is kept when the least confident predictions are refused.

    table: columns network, coverage, risk, risk_low and risk_high (which may be empty), fractions.
    """
    positive = table[table["risk"] > 1e-5]  # less is no error in 100,000 images
    ends = {}
    for network in networks_of(positive):
        rows = positive[positive["network"] == network].sort_values("coverage")
        style = {**look_of(network), "marker": None}
        least = 100 * positive["risk"].min()
        if rows["risk_low"].notna().any():
            low = (100 * rows["risk_low"]).clip(lower=least)
            high = (100 * rows["risk_high"]).clip(upper=100)
            ax.fill_between(100 * rows["coverage"], low, high,
                            color=style["color"], alpha=0.18, linewidth=0)  # fmt: skip
        ax.plot(100 * rows["coverage"], 100 * rows["risk"], **style)
        ends[network] = (100, 100 * rows["risk"].iloc[-1])
    scale_values(ax, "y", 100 * positive["risk"])
    ax.set_xlabel("kept predictions, most confident first (%)")
    ax.set_ylabel("error of those kept (%)")
    plain(ax)
    label_ends(ax, ends)
    return ax
