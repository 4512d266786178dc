"""A row, or a column, for each network, level, class or layer: dots and bars."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.look.lines import spread
from analysis.look.style import (
    BLACK,
    COLOURS,
    GREEN,
    GREY,
    HATCHES,
    LIGHT,
    NETWORKS,
    bare,
    look_of,
    name_of,
    name_rows,
    networks_of,
    plain,
    scale_values,
)
from netlib.measure.seeds import mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES_OF_WEIGHTS = {"gaussian": "Gaussian"}
WEIGHTS = {"trained": "o", "untrained": "^", "gaussian": "x"}


def t_interval(values: Iterable[float]) -> tuple[float, float]:
    """Student's 95 % interval of the mean; NaNs where there is only one value."""
    found = mean_interval(list(values))
    if found.low is None or found.high is None:
        return float("nan"), float("nan")
    return found.low, found.high


def draw_levels(
    ax: Axes,
    table: pd.DataFrame,
    x: str,
    rows: Sequence[str],
    names: Mapping[str, str],
    log: bool = True,
    ring: Mapping[str, str] | None = None,
) -> Axes:
    """A dot a seed, a larger one for their mean and a bar between their extremes, level by level.

    Args:
        ax: where to draw.
        table: columns network, level and `x`, one row a seed.
        x: column of the values, in the unit of the axis.
        rows: the levels, from the top.
        names: level -> what to call it, where it is called otherwise.
        log: draw values that span much on a logarithmic axis.
        ring: network -> the level that is ringed.
    """
    networks = networks_of(table)
    for place, network in enumerate(networks):
        offset = 0.3 * (place - (len(networks) - 1) / 2)
        style = {**look_of(network), "linestyle": "none", "markersize": 5}
        ax.plot([], [], label=name_of(network), **style)
        for row, level in enumerate(rows):
            values = table[(table["network"] == network) & (table["level"] == level)][x].dropna()
            if values.empty:
                continue
            height = row + offset
            colour = COLOURS.get(network, BLACK)
            ax.plot([values.min(), values.max()], [height] * 2, color=colour, linewidth=1)
            ax.plot(values, [height] * len(values), "|", color=colour, markersize=4)
            ax.plot(values.mean(), height, **style)
            if (ring or {}).get(network) == level:
                circle = ax.plot(values.mean(), height, "o", color=colour, fillstyle="none")
                circle[0].set(markersize=9, clip_on=False)
    name_rows(ax, [names.get(level, level) for level in rows])
    if log:
        scale_values(ax, "x", table[x])
    plain(ax, "x")
    for edge in np.arange(len(rows) - 1) + 0.5:
        ax.axhline(edge, color="#f0f0f0", linewidth=0.6, zorder=0)
    ax.spines["left"].set_visible(False)
    return ax


def draw_pairs(ax: Axes, table: pd.DataFrame, joined: bool) -> Axes:
    """The error of every network seed by seed, with the mean and its 95 % t-interval beside.

    Where no error can be, an interval is cut, an end without a mark. table: columns network, seed
    and error, in percent; joined: the runs of one seed by a line from network to network.
    """
    networks = networks_of(table)
    if joined:
        wide = table.pivot(index="seed", columns="network", values="error")[networks].dropna()
        for _, values in wide.iterrows():
            ax.plot(values, range(len(networks)), "-", color="#bbbbbb", linewidth=0.6, zorder=1)
    for row, network in enumerate(networks):
        values = table[table["network"] == network]["error"]
        style = look_of(network)
        seeds = {**style, "linestyle": "none", "markersize": 3.5, "markeredgewidth": 0.7}
        ax.plot(values, [row] * len(values), zorder=2, **seeds)
        below = joined and row > 0  # the lines between the rows should not cross the interval
        side = row + 0.3 if below else row - 0.3
        ends = np.clip(t_interval(values), 0, 100)
        ax.plot(ends, [side] * 2, color=style["color"], linewidth=1.2)
        whole = [end for end in ends if 0 < end < 100]
        ax.plot(whole, [side] * len(whole), "|", color=style["color"])
        ax.plot(values.mean(), side, **{**style, "linestyle": "none", "markersize": 5.5})
        ax.annotate(f"{values.mean():.2f}", (values.mean(), side), (0, -5 if below else 5),
                    textcoords="offset points", ha="center", va="top" if below else "bottom",
                    color=style["color"])  # fmt: skip
    name_rows(ax, map(name_of, networks))
    for tick, network in zip(ax.get_yticklabels(), networks, strict=True):
        tick.set_color(COLOURS.get(network, BLACK))
    ax.set_ylim(len(networks) - (0.1 if joined else 0.6), -0.75)
    plain(ax, "x")
    ax.spines["left"].set_visible(False)
    return ax


def draw_bars(
    ax: Axes, networks: Sequence[str], values: Sequence[float], form: Callable[[float], str]
) -> Axes:
    """One bar a network, from the top, with its value written at its end."""
    for row, (network, value) in enumerate(zip(networks, values, strict=True)):
        colour = COLOURS.get(network, GREY)
        ax.barh(row, value, height=0.42, facecolor="white" if HATCHES.get(network) else colour,
                edgecolor=colour, hatch=HATCHES.get(network, ""), linewidth=0.8)  # fmt: skip
        ax.annotate(form(value), (value, row), (3, 0), textcoords="offset points", va="center")
    bare(ax)
    ax.spines["left"].set_visible(True)
    ax.set_xlim(0, 1.45 * max(values))
    return ax


def draw_separability(ax: Axes, table: pd.DataFrame) -> Axes:
    """Energy of the best rank-1 approximation, block by block: trained, untrained and random.

    table: columns network, block, weights, energy, energy_low, energy_high; fractions.
    """
    for place, network in enumerate(NETWORKS):
        for step, (weights, marker) in enumerate(WEIGHTS.items()):
            rows = table[(table["network"] == network) & (table["weights"] == weights)]
            if rows.empty:
                continue
            x = rows["block"] + 0.4 * (place - 0.5) + 0.1 * (step - 1)
            colour = COLOURS[network]
            ax.vlines(x, 100 * rows["energy_low"], 100 * rows["energy_high"], color=colour,
                      linewidth=0.7)  # fmt: skip
            face = colour if weights == "trained" else "white"
            ax.plot(x, 100 * rows["energy"], marker, color=colour, markersize=4.5,
                    markerfacecolor=face)  # fmt: skip
    for weights, marker in WEIGHTS.items():
        name = NAMES_OF_WEIGHTS.get(weights, weights)
        ax.plot([], [], marker, color=GREY, markersize=4.5, label=f"{name} weights",
                markerfacecolor=GREY if weights == "trained" else "white")  # fmt: skip
    for network in NETWORKS:
        ax.plot([], [], color=COLOURS[network], linewidth=3, label=name_of(network))
    blocks = sorted(table["block"].unique())
    ax.set_xticks(blocks)
    ax.set_xlabel("block")
    for edge in blocks[:-1]:
        ax.axvline(edge + 0.5, color=LIGHT, linewidth=0.6)
    plain(ax)
    return ax


def draw_layer_costs(ax: Axes, table: pd.DataFrame, column: str, rows: Sequence[str]) -> Axes:
    """Bars of both networks, layer by layer; a MobileNet block is depthwise and pointwise in line.

    table: columns network, row, kind and `column`, the cost; rows: from the top.
    """
    for place, network in enumerate(NETWORKS):
        colour = COLOURS[network]
        for row, name in enumerate(rows):
            parts = table[(table["network"] == network) & (table["row"] == name)]
            height, start = row + 0.44 * (place - 0.5), 0.0
            for part in parts.itertuples():
                value = getattr(part, column)
                solid = network == "standard" or part.kind == "depthwise"
                ax.barh(height, value, 0.36, left=start, facecolor=colour if solid else "white",
                        edgecolor=colour, linewidth=0.6,
                        hatch="" if solid else HATCHES["mobilenet"])  # fmt: skip
                start += value
            if len(parts):
                ax.annotate(f"{start:.3g}", (start, height), (3, 0), va="center", fontsize=7,
                            textcoords="offset points")  # fmt: skip
    name_rows(ax, rows)
    ax.set_xlim(0, 1.2 * table.groupby(["network", "row"])[column].sum().max())
    ax.xaxis.set_major_formatter("{x:,g}")
    plain(ax, "x")
    return ax


def draw_class_scores(
    ax: Axes,
    series: Mapping[str, Sequence[float | None]],
    accuracy: float | None = None,
    names: Sequence[str] | None = None,
    colours: Sequence[str] = (GREEN, BLACK, GREY),
) -> Axes:
    """Scores of each class as dots, with the overall accuracy (a fraction) as a line.

    series: name -> one fraction a class, None where there are no images; names: of the classes;
    colours: of the series.
    """
    step = 0.4 / len(series)
    for i, (name, values) in enumerate(series.items()):
        percent = [np.nan if value is None else 100 * value for value in values]
        places = np.arange(len(percent)) + step * (i - (len(series) - 1) / 2)
        ax.plot(places, percent, "os^D"[i % 4], color=colours[i % len(colours)], label=name)
    if accuracy is not None:
        text = f"accuracy {100 * accuracy:.2f} %"
        ax.axhline(100 * accuracy, color=GREY, linewidth=1, label=text)
    ax.set_xticks(range(max(map(len, series.values()))), names)
    ax.set(xlabel="class", ylabel="score (%)")
    ax.legend(frameon=False)
    plain(ax)
    return ax


def draw_class_dots(ax: Axes, table: pd.DataFrame) -> Axes:
    """A score of each class, the classes with the most training images first.

    table: columns network, seed, class, train_images, and value in percent.
    """
    sizes = table.groupby("class")["train_images"].mean().sort_values(ascending=False)
    order = {label: place for place, label in enumerate(sizes.index)}
    networks = networks_of(table)
    for i, network in enumerate(networks):
        found = spread(table[table["network"] == network], "class", "value")
        places = found["class"].map(order) + 0.28 * (i - (len(networks) - 1) / 2)
        style = {**look_of(network), "linestyle": "none"}
        ax.vlines(places, found["low"], found["high"], color=style["color"], linewidth=1)
        ax.plot(places, found["mean"], label=name_of(network), **style)
    names = [f"{label}\n{round(size):,}" for label, size in sizes.items()]
    ax.set_xticks(range(len(names)), names, fontsize=7)
    ax.tick_params(axis="x", length=0)
    plain(ax)
    return ax
