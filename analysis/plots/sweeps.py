"""Scores of many trainings: over the levels of a factor, and seed by seed."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from analysis.plots.results import name_of, networks_of, spread, t_interval
from analysis.plots.style import BLACK, COLOURS, FACES, GREY, LINES, MARKERS, plain

SPANS = 4.0  # a largest value of more times the smallest is drawn on a logarithmic axis

MOST_TICKS = 8


def draw_sweep(
    ax: Axes, table: pd.DataFrame, x: str, y: str, chosen: bool = False, log: bool = True
) -> Axes:
    """Mean over seeds against a number, with a band from the lowest seed to the highest.

    Args:
        ax: where to draw.
        table: columns network, `x` and `y`, one row a seed; for `chosen` validation_accuracy and
            validation_nll too.
        x: column of the levels, positive numbers.
        y: column of the values, in the unit of the axis.
        chosen: ring the level that each network's validation images choose.
        log: draw values that span much on a logarithmic axis.
    """
    ends = {}
    for network in networks_of(table):
        rows = table[table["network"] == network]
        line = spread(rows, x, y)
        colour = COLOURS.get(network, BLACK)
        ax.fill_between(line[x], line["low"], line["high"], color=colour, alpha=0.18, linewidth=0)
        ax.plot(line[x], line["mean"], label=name_of(network), **look_of(network))
        ends[network] = (line[x].iloc[-1], line["mean"].iloc[-1])
        if chosen:
            best = chosen_level(rows, x)
            place = line[line[x] == best]
            ax.plot(place[x], place["mean"], "o", color=colour, markersize=9, fillstyle="none")
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
    label_ends(ax, ends)
    return ax


def draw_levels(
    ax: Axes,
    table: pd.DataFrame,
    x: str,
    rows: Sequence[str],
    by: str = "level",
    names: Mapping[str, str] | None = None,
    log: bool = True,
) -> Axes:
    """A dot a seed, a larger one for their mean and a bar between their extremes, level by level.

    Args:
        ax: where to draw.
        table: columns network, `by` and `x`, one row a seed.
        x: column of the values, in the unit of the axis.
        rows: the levels, from the top.
        by: column of the levels.
        names: level -> what to call it.
        log: draw values that span much on a logarithmic axis.
    """
    networks = networks_of(table)
    for place, network in enumerate(networks):
        offset = 0.3 * (place - (len(networks) - 1) / 2)
        style = {**look_of(network), "linestyle": "none", "markersize": 5}
        ax.plot([], [], label=name_of(network), **style)
        for row, level in enumerate(rows):
            values = table[(table["network"] == network) & (table[by] == level)][x].dropna()
            if values.empty:
                continue
            height = row + offset
            colour = COLOURS.get(network, BLACK)
            ax.plot([values.min(), values.max()], [height] * 2, color=colour, linewidth=1)
            ax.plot(values, [height] * len(values), "|", color=colour, markersize=4)
            ax.plot(values.mean(), height, **style)
    ax.set_yticks(range(len(rows)), [(names or {}).get(level, level) for level in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    if log:
        scale_values(ax, "x", table[x])
    plain(ax, "x")
    for edge in np.arange(len(rows) - 1) + 0.5:
        ax.axhline(edge, color="#f0f0f0", linewidth=0.6, zorder=0)
    ax.spines["left"].set_visible(False)
    return ax


def draw_pairs(ax: Axes, table: pd.DataFrame, x: str, joined: bool = True) -> Axes:
    """Every network seed by seed, with the mean and its 95 % t-interval beside.

    Args:
        ax: where to draw.
        table: columns network, seed and `x`.
        x: column of the values, in the unit of the axis.
        joined: draw a line between the runs of one seed, network to network.
    """
    networks = networks_of(table)
    if joined:
        wide = table.pivot(index="seed", columns="network", values=x)[networks].dropna()
        for _, values in wide.iterrows():
            ax.plot(values, range(len(networks)), "-", color="#bbbbbb", linewidth=0.6, zorder=1)
    for row, network in enumerate(networks):
        values = table[table["network"] == network][x]
        style = look_of(network)
        seeds = {**style, "linestyle": "none", "markersize": 3.5, "markeredgewidth": 0.7}
        ax.plot(values, [row] * len(values), zorder=2, **seeds)
        below = joined and row > 0  # the lines between the rows should not cross the interval
        side = row + 0.3 if below else row - 0.3
        low, high = t_interval(values)
        ax.plot([low, high], [side] * 2, color=style["color"], linewidth=1.2, marker="|")
        ax.plot(values.mean(), side, **{**style, "linestyle": "none", "markersize": 5.5})
        ax.annotate(f"{values.mean():.2f}", (values.mean(), side), (0, -5 if below else 5),
                    textcoords="offset points", ha="center", va="top" if below else "bottom",
                    color=style["color"])  # fmt: skip
    name_rows(ax, networks)
    ax.set_ylim(len(networks) - (0.25 if joined else 0.6), -0.75)
    plain(ax, "x")
    ax.spines["left"].set_visible(False)
    return ax


def name_rows(ax: Axes, networks: Sequence[str]) -> None:
    """The networks' names at the left, each in its colour."""
    ax.set_yticks(range(len(networks)), [name_of(network) for network in networks])
    for tick, network in zip(ax.get_yticklabels(), networks, strict=True):
        tick.set_color(COLOURS.get(network, BLACK))
    ax.tick_params(axis="y", length=0)


def chosen_level(rows: pd.DataFrame, x: str) -> float:
    """The level of the highest mean validation accuracy, ties to the lower loss."""
    columns = ["validation_accuracy", "validation_nll"]
    means = rows.groupby(x)[columns].mean().reset_index()
    return means.sort_values(columns, ascending=[False, True])[x].iloc[0]


def look_of(network: str) -> dict[str, object]:
    """Colour, marker and line of a network."""
    colour = COLOURS.get(network, BLACK)
    return {
        "color": colour,
        "marker": MARKERS.get(network, "D"),
        "linestyle": LINES.get(network, ":"),
        "markerfacecolor": FACES.get(network, GREY),
        "markeredgecolor": colour,
    }


def scale_values(ax: Axes, axis: str, values: pd.Series) -> None:
    """Logarithmic with plain numbers where the values span much, linear where they do not."""
    low, high = values.min(), values.max()
    if low <= 0 or high <= SPANS * low:
        return
    getattr(ax, f"set_{axis}scale")("log")
    which = getattr(ax, f"{axis}axis")
    most = 60 if axis == "x" else 200  # numbers stand closer below each other than side by side
    steps = (1, 2, 3, 5) if high < 12 * low else (1, 2, 5) if high < most * low else (1,)
    which.set_major_locator(LogLocator(subs=steps, numticks=20))
    which.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,g}" if value >= 1 else f"{value:g}")
    )
    which.set_minor_formatter(NullFormatter())
    which.set_minor_locator(LogLocator(subs=[]))


def errors(accuracy: pd.Series) -> pd.Series:
    """Error rates in percent, none below a hundredth: a logarithmic axis has no zero."""
    return (100 * (1 - accuracy)).clip(lower=0.01)


def show_accuracy(ax: Axes, low: float, high: float) -> None:
    """Errors from `low` to `high` percent, logarithmic, less is higher, labelled as accuracy."""
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 - error:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_minor_locator(LogLocator(subs=[]))
    ax.set_ylim(1.15 * high, low / 1.15)


def label_ends(ax: Axes, ends: Mapping[str, tuple[float, float]], size: float = 8) -> None:
    """The networks' names at the right end of their lines, kept one line of text apart."""
    ax.get_xlim(), ax.get_ylim()  # they are only worked out when they are asked for
    to_axes = ax.transData + ax.transAxes.inverted()
    places = {network: to_axes.transform(end) for network, end in ends.items()}
    gap = 1.25 * size / 72 / (ax.figure.get_figheight() * ax.get_position().height * 0.8)
    names = sorted(places, key=lambda name: places[name][1])
    heights: list[float] = []
    for name in names:
        heights.append(max(places[name][1], heights[-1] + gap if heights else -np.inf))
    lift = (heights[-1] - places[names[-1]][1]) / 2  # what the upper one gives way, both share
    for network, height in zip(names, heights, strict=True):
        x = places[network][0]
        ax.annotate(name_of(network), (x, height - lift), (5, 0), xycoords="axes fraction",
                    textcoords="offset points", va="center", fontsize=size,
                    color=COLOURS.get(network, BLACK))  # fmt: skip


KEY = dict(frameon=False, borderpad=0.1, handletextpad=0.4, columnspacing=1.4, borderaxespad=0.1)


def key(ax: Axes, columns: int = 2) -> None:
    """The names of what is drawn, in one line above the axes."""
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, **KEY)


def key_above(figure: Figure | SubFigure, ax: Axes) -> None:
    """The names of what is drawn on `ax`, in one line above all of the figure's axes."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), **KEY)
