"""Probabilities: how well they rank, what they are worth, and what to refuse by them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from analysis.plots.results import name_of, networks_of
from analysis.plots.style import BLACK, COLOURS, GREY, LIGHT, plain
from analysis.plots.sweeps import label_ends, look_of, scale_values

LEAST = 1e-4  # false positive rate where the logarithmic axis begins


def draw_roc(
    ax: Axes, curves: pd.DataFrame, areas: pd.DataFrame, network: str, log: bool = False
) -> Axes:
    """One network's ROC curves: digits thin and grey, micro and macro average named with areas.

    Args:
        ax: where to draw.
        curves: columns class ("0" to "9", "micro", "macro"), fpr, tpr; fractions, in order.
        areas: columns class, auc.
        network: for the colour.
        log: logarithmic false positive rate, from 1e-4.
    """
    auc = areas.set_index("class")["auc"]
    digits = [name for name in auc.index if name.isdecimal()]
    worst = min(digits, key=lambda name: auc[name])
    looks = {
        **{name: dict(color="#b0b0b0", linewidth=0.7) for name in digits},
        worst: dict(color=GREY, linewidth=1, linestyle=":"),
        "micro": dict(color=COLOURS[network], linewidth=1.6),
        "macro": dict(color=BLACK, linewidth=1.2, linestyle="--"),
    }
    names = {worst: f"{worst} (lowest)", "micro": "micro", "macro": "macro"}
    for name, style in looks.items():
        rows = curves[curves["class"] == name]
        fpr = rows["fpr"].clip(lower=LEAST / 2) if log else rows["fpr"]
        label = f"{names[name]}, area {auc[name]:.5f}" if name in names else f"_{name}"
        ax.plot(100 * fpr, 100 * rows["tpr"], label=label, **style)
    if log:
        ax.set_xscale("log")
        ax.set_xlim(100 * LEAST, 100)
        lost = max(1 - curves[curves["fpr"] >= LEAST]["tpr"].min(), 1e-4)
        ax.set_ylim(100 - 108 * lost, 100 + 5 * lost)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        ax.plot([0, 100], [0, 100], color=LIGHT, linewidth=0.8, zorder=0)
        ax.set_aspect("equal")
    ax.legend(loc="lower right", frameon=False, handlelength=2.2)
    plain(ax, "both" if log else "")
    return ax


def draw_reliability(ax: Axes, table: pd.DataFrame) -> Axes:
    """Errors found against errors expected, bin by bin; right on the line, overconfident above.

    Both axes are logarithmic, for most predictions are all but certain. Bins without an error lie
    on the lower edge, or beyond the left one where they are surer than all that have one.

    Args:
        ax: where to draw.
        table: columns network, bin, confidence, accuracy, count; fractions.
    """
    expected, found = 100 * (1 - table["confidence"]), 100 * (1 - table["accuracy"])
    least = 10 ** np.floor(np.log10(max(found[found > 0].min(), 1e-3)))
    edges = (expected[found > 0].min() / 3, 100)
    ax.plot([1e-6, 100], [1e-6, 100], color=GREY, linewidth=0.8, zorder=0)
    for network in networks_of(table):
        rows = table["network"] == network
        x = expected[rows].clip(lower=1e-9)
        y = found[rows].clip(lower=least / 1.5)
        ax.plot(x, y, label=name_of(network), **look_of(network))
    for axis, low in (("x", edges[0]), ("y", least / 1.5)):
        getattr(ax, f"set_{axis}scale")("log")
        getattr(ax, f"set_{axis}lim")(low, 100)
        which = getattr(ax, f"{axis}axis")
        which.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        which.set_minor_formatter(NullFormatter())
    ax.set_xlabel("expected errors, 1 − confidence (%)")
    ax.set_ylabel("errors found (%)")
    plain(ax, "both")
    return ax


def draw_before_after(ax: Axes, before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]
                      ) -> Axes:  # fmt: skip
    """What temperature scaling does to a score: a thin line a seed, a thick one for the mean.

    Args:
        ax: where to draw.
        before: network -> one value a seed.
        after: likewise, seeds in the same order.
    """
    for place, network in enumerate(before):
        style = look_of(network)
        for pair in zip(before[network], after[network], strict=True):
            ax.plot([place - 0.25, place + 0.25], pair, color=style["color"], alpha=0.4,
                    linewidth=0.7)  # fmt: skip
        means = [np.mean(before[network]), np.mean(after[network])]
        ax.plot([place - 0.25, place + 0.25], means, label=name_of(network),
                **{**style, "linewidth": 1.8})  # fmt: skip
    places = [place + side for place in range(len(before)) for side in (-0.25, 0.25)]
    ax.set_xticks(places, ["before", "after"] * len(before))
    ax.set_xlim(-0.55, len(before) - 0.45)
    ax.set_ylim(0, 1.1 * max(np.max([*before[n], *after[n]]) for n in before))
    plain(ax)
    return ax


def draw_risk(ax: Axes, table: pd.DataFrame) -> Axes:
    """Error of what is kept when the least confident predictions are refused.

    Args:
        ax: where to draw.
        table: columns network, coverage, risk, and risk_low and risk_high, which may be empty;
            fractions.
    """
    positive = table[table["risk"] > 1e-5]  # less is no error in 100,000 images
    ends = {}
    for network in networks_of(positive):
        rows = positive[positive["network"] == network].sort_values("coverage")
        style = {**look_of(network), "marker": None}
        least = 100 * positive["risk"].min()
        if rows["risk_low"].notna().any():
            low = (100 * rows["risk_low"]).clip(lower=least)
            ax.fill_between(100 * rows["coverage"], low, 100 * rows["risk_high"],
                            color=style["color"], alpha=0.18, linewidth=0)  # fmt: skip
        ax.plot(100 * rows["coverage"], 100 * rows["risk"], **style)
        ends[network] = (100, 100 * rows["risk"].iloc[-1])
    scale_values(ax, "y", 100 * positive["risk"])
    ax.set_xlabel("kept predictions, most confident first (%)")
    ax.set_ylabel("error rate of those kept (%)")
    plain(ax)
    label_ends(ax, ends)
    return ax
