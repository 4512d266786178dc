"""What networks cost: parameters, multiply–accumulates and time, and what the error is for it."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from analysis.plots.results import name_of, networks_of
from analysis.plots.style import BLACK, COLOURS, GREY, HATCHES, bare, plain
from analysis.plots.sweeps import look_of, scale_values

NAMES_OF_SCALES = {"width": "widths", "resolution": "image sizes"}


def draw_bars(
    ax: Axes, networks: Sequence[str], values: Sequence[float], form: Callable[[float], str]
) -> Axes:
    """One bar a network, from the top, with its value written at its end.

    Args:
        ax: where to draw.
        networks: their names.
        values: from zero up.
        form: value -> text.
    """
    for row, (network, value) in enumerate(zip(networks, values, strict=True)):
        colour = COLOURS.get(network, GREY)
        ax.barh(row, value, height=0.42, facecolor="white" if HATCHES.get(network) else colour,
                edgecolor=colour, hatch=HATCHES.get(network, ""), linewidth=0.8)  # fmt: skip
        ax.annotate(form(value), (value, row), (3, 0), textcoords="offset points", va="center")
    bare(ax)
    ax.spines["left"].set_visible(True)
    ax.set_xlim(0, 1.45 * max(values))
    return ax


def draw_block_grid(
    ax: Axes, values: Mapping[tuple[int, int], float], form: Callable[[float], str], log: bool
) -> Axes:
    """A value for each count of convolution blocks (columns) and MobileNet blocks (rows).

    Args:
        ax: where to draw.
        values: (convolution blocks, MobileNet blocks) -> value; the rest of the grid stays empty.
        form: value -> text.
        log: shade by the logarithm.
    """
    side = 1 + max(max(counts) for counts in values)
    grid = np.full((side, side), np.nan)
    for (conv, dw), value in values.items():
        grid[dw, conv] = np.log(value) if log else value
    low, high = np.nanmin(grid), np.nanmax(grid)
    room = 0.9 * (high - low) or 1.0  # darkest shade that black text can be read on
    ax.imshow(grid, cmap="Greys", vmin=low - 0.1 * room, vmax=high + room, origin="lower")
    for (conv, dw), value in values.items():
        if np.isnan(value):
            continue
        ax.text(conv, dw, form(value), ha="center", va="center", fontsize=6.5)
        network = {(4, 0): "standard", (2, 2): "mobilenet"}.get((conv, dw))
        if network:
            ax.add_patch(_frame(conv, dw, COLOURS[network]))
    ax.set_xticks(range(side))
    ax.set_yticks(range(side))
    ax.set_xlabel("convolution blocks")
    ax.set_ylabel("MobileNet blocks")
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def draw_block_scatter(
    ax: Axes, table: pd.DataFrame, x: str, y: str, offsets: Mapping[str, tuple[int, int]]
) -> Axes:
    """A point a pair of block counts, named C+D; the shape says how many blocks there are.

    Args:
        ax: where to draw.
        table: columns conv, dw, `x` and `y`, one row a pair.
        x: column of the cost.
        y: column of the error, in percent.
        offsets: name -> where it stands beside its point, in points.
    """
    for row in table.itertuples():
        network = {(4, 0): "standard", (2, 2): "mobilenet"}.get((row.conv, row.dw))
        colour = COLOURS.get(network, GREY)
        place = (getattr(row, x), getattr(row, y))
        ax.plot(*place, "ov^s"[row.conv + row.dw - 1], color=colour, markersize=4.5,
                markerfacecolor=colour if row.dw == 0 else "white")  # fmt: skip
        name = f"{row.conv}+{row.dw}"
        shift = offsets.get(name, (5, 0))
        ax.annotate(name, place, shift, textcoords="offset points", fontsize=7, va="center",
                    ha="left" if shift[0] > 0 else "right" if shift[0] < 0 else "center",
                    color=colour if network else BLACK)  # fmt: skip
    scale_values(ax, "x", table[x])
    scale_values(ax, "y", table[y])
    plain(ax, "both")
    return ax


def draw_front(ax: Axes, table: pd.DataFrame, x: str, y: str) -> Axes:
    """Error against cost: a line for each network and way of scaling, and the front under all.

    Args:
        ax: where to draw.
        table: columns network, scaled ("width" or "resolution"), level (number), `x`, `y`.
        x: column of the cost.
        y: column of the error, in percent.
    """
    best = front(table[x], table[y])
    edge = table.iloc[best]
    ax.step(edge[x], edge[y], where="post", color="#d0d0d0", linewidth=3.5, zorder=0.7,
            solid_capstyle="round", solid_joinstyle="round", gid="front")  # fmt: skip
    for network in networks_of(table):
        for scaled, line in (("width", "-"), ("resolution", ":")):
            rows = table[(table["network"] == network) & (table["scaled"] == scaled)]
            rows = rows.sort_values("level")
            style = {**look_of(network), "linestyle": line}
            if scaled == "resolution":
                style |= {"marker": "^" if network == "standard" else "D", "markersize": 3.5}
            label = f"{name_of(network)}, {NAMES_OF_SCALES[scaled]}"
            ax.plot(rows[x], rows[y], label=label, **style)
    scale_values(ax, "x", table[x])
    scale_values(ax, "y", table[y])
    plain(ax, "both")
    return ax


def front(cost: ArrayLike, error: ArrayLike) -> list[int]:
    """Rows, cheapest first, that no other row beats in cost and in error."""
    costs, errors = np.asarray(cost, float), np.asarray(error, float)
    kept: list[int] = []
    for row in np.lexsort((errors, costs)):
        if not kept or errors[row] < errors[kept[-1]]:
            kept.append(int(row))
    return kept


def _frame(column: int, row: int, colour: str) -> Rectangle:
    return Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, fill=False, edgecolor=colour,
                     linewidth=1.8)  # fmt: skip
