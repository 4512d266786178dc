"""Scores where the images are not what the networks were trained on."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.plots.results import networks_of, spread
from analysis.plots.style import BLACK, COLOURS, plain
from analysis.plots.sweeps import errors, label_ends, look_of, show_accuracy


def draw_heat(
    ax: Axes, rows: Sequence[str], columns: Mapping[str, np.ndarray], difference: str
) -> Axes:
    """Values as shades with their numbers, and the last column their difference.

    Args:
        ax: where to draw.
        rows: names of the rows, from the top.
        columns: name -> one value a row, in percent; two of them.
        difference: name of the column second − first.
    """
    first, second = columns.values()
    change = second - first
    shades = np.column_stack([first, second, np.full(len(rows), np.nan)])
    low, high = np.nanmin(shades), np.nanmax(shades)
    ax.imshow(shades, cmap="Greys_r", vmin=low - 1.2 * (high - low), vmax=high, aspect="auto")
    for (row, column), value in np.ndenumerate(shades[:, :2]):
        ax.text(column, row, f"{value:.1f}", ha="center", va="center")
    widest = np.abs(change).max() or 1.0
    for row, value in enumerate(change):
        # A bar from the middle of the column: longer and to the left is worse.
        ax.barh(row, 0.45 * value / widest, left=2.0, height=0.8, linewidth=0,
                color="#b9d3e6" if value < 0 else "#f3c7a8", zorder=1)  # fmt: skip
        ax.text(2, row, f"{value:+.1f}".replace("-", "−"), ha="center", va="center", zorder=2)
    ax.set_xlim(-0.5, 2.5)
    ax.set_xticks(range(3), [*columns, difference])
    ax.xaxis.tick_top()
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def draw_shift(
    ax: Axes, table: pd.DataFrame, span: tuple[float, float], named: bool = False
) -> Axes:
    """Accuracy, spaced by its error, against how far the images are moved, turned or scaled.

    Args:
        ax: where to draw.
        table: columns network, seed, amount and accuracy (a fraction).
        span: smallest and largest error of the axis, in percent.
        named: write the networks' names at the ends of the lines.
    """
    ends = {}
    for network in networks_of(table):
        rows = table[table["network"] == network].assign(value=errors(table["accuracy"]))
        line = spread(rows, "amount", "value")
        style = {**look_of(network), "markersize": 3}
        ax.fill_between(line["amount"], line["low"], line["high"], linewidth=0, alpha=0.18,
                        color=COLOURS.get(network, BLACK))  # fmt: skip
        ax.plot(line["amount"], line["mean"], **style)
        ends[network] = (line["amount"].iloc[-1], line["mean"].iloc[-1])
    plain(ax)
    show_accuracy(ax, *span)
    if named:
        label_ends(ax, ends)
    return ax
