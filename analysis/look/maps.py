"""Points in a plane: embeddings, and error or speed against cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.look.style import (
    BLACK,
    COLOURS,
    ERROR,
    FACES,
    GREY,
    bare,
    labelled,
    look_of,
    name_of,
    networks_of,
    plain,
    plain_numbers,
    scale_values,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Petroff 2021 (arXiv:2107.02270): ten colours told apart with any colour vision, digit 0 to 9.
CLASSES = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)

APART = 0.06  # between the numbers of classes, as a share of the map: nearer ones are left out
SMALL = 0.04  # radius of a cluster, as a share of the map, below which its digit stands above it
NAMES_OF_SCALES = {"width": "widths", "resolution": "image sizes"}

KINDS = {
    "conv": ("o", "3×3"),
    "depthwise": ("v", "depthwise"),
    "pointwise": ("D", "pointwise"),
    "fc": ("s", "fully connected"),
}


def draw_projection(
    ax: Axes,
    points: ArrayLike,
    labels: ArrayLike,
    names: Sequence[str] | None = None,
    wrong: ArrayLike | None = None,
    method: str = "",
) -> Axes:
    """Points (n, 2) in the colour of their class, named at or above its median if there is room.

    labels: (n,), colours begin anew after ten; names: of the classes; wrong: (n,) whether a point
    gets a ring; method: what laid the points out, for the axes.
    """
    from matplotlib.patheffects import withStroke

    labels, points = labelled(labels, points, "points")
    if points.shape[1] != 2:
        raise ValueError(f"points have shape {points.shape}; expected (n, 2), places in a plane.")
    x, y = points.T
    colours = [CLASSES[label % len(CLASSES)] for label in labels]
    ax.scatter(x, y, s=1.6, c=colours, linewidths=0, rasterized=True)
    if wrong is not None:
        x, y = points[np.asarray(wrong, bool)].T
        ax.scatter(x, y, s=16, facecolors="none", edgecolors=BLACK, linewidths=0.6)
    extent = np.ptp(points, axis=0).max()
    named: list[np.ndarray] = []
    for label in np.unique(labels):
        own = points[labels == label]
        middle = np.median(own, axis=0)
        if any(np.linalg.norm(middle - other) < APART * extent for other in named):
            continue
        named.append(middle)
        radius = np.quantile(np.linalg.norm(own - middle, axis=1), 0.75)
        small = radius < SMALL * extent  # a digit on it would hide it
        text = str(label) if names is None else names[label]
        ax.annotate(text, middle, (0, 7 if small else 0), textcoords="offset points",
                    ha="center", va="center", fontsize=9, fontweight="bold",
                    path_effects=[withStroke(linewidth=2.2, foreground="white")])  # fmt: skip
    ax.set_aspect("equal", adjustable="datalim")
    bare(ax)
    if method:
        ax.set(xlabel=f"{method} 1", ylabel=f"{method} 2")
    return ax


def draw_block_scatter(ax: Axes, table: pd.DataFrame) -> Axes:
    """A point a pair of block counts, named C+D; the shape says how many blocks there are.

    table: columns conv, dw, macs (million) and error (percent), one row a pair.
    """
    for row in table.itertuples():
        network = {(4, 0): "standard", (2, 2): "mobilenet"}.get((row.conv, row.dw), "")
        colour = COLOURS.get(network, GREY)
        place = (row.macs, row.error)
        ax.plot(*place, "ov^s"[row.conv + row.dw - 1], color=colour, markersize=4.5,
                markerfacecolor=colour if row.dw == 0 else "white")  # fmt: skip
        side = ("right", -5) if row.conv == 0 else ("left", 5)  # not over one another
        ax.annotate(f"{row.conv}+{row.dw}", place, (side[1], 0), textcoords="offset points",
                    fontsize=7, ha=side[0], va="center",
                    color=colour if network else BLACK)  # fmt: skip
    ax.set(xlabel="multiply–accumulates (million)", ylabel=ERROR)
    scale_values(ax, "x", table["macs"])
    scale_values(ax, "y", table["error"])
    plain(ax, "both")
    return ax


def draw_front(ax: Axes, table: pd.DataFrame, x: str, y: str) -> Axes:
    """Error against cost: a line for each network and way of scaling, and the front under all.

    table: columns network, scaled ("width" or "resolution"), level (number), `x` (the cost) and
    `y` (the error in percent).
    """
    edge = table.iloc[front(table[x], table[y])]
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


def draw_roofline(ax: Axes, roof: pd.Series, layers: pd.DataFrame) -> Axes:
    """Attained speed against arithmetic intensity, under what the processor can do.

    roof: peak_gmacs_per_s, cache_gb_per_s, memory_gb_per_s; layers: columns network, kind,
    intensity (MAC per byte) and gmacs_per_s.
    """
    peak = roof["peak_gmacs_per_s"]
    low = layers["intensity"].min() / 2
    high = max(layers["intensity"].max() * 2, 2 * peak / roof["memory_gb_per_s"])
    x = np.geomspace(low, high, 300)
    for name, style in (("cache", "-"), ("memory", "--")):
        y = np.minimum(peak, x * roof[f"{name}_gb_per_s"])
        ax.plot(x, y, style, color="black", linewidth=1)
        ax.annotate(f"{name} {roof[f'{name}_gb_per_s']:.0f} GB/s", (x[20], y[20]), (5, -2),
                    textcoords="offset points", fontsize=7, va="top")  # fmt: skip
    ax.annotate(f"arithmetic {peak:.0f} GMAC/s", (low, peak), (2, 3), ha="left", va="bottom",
                textcoords="offset points", fontsize=7)  # fmt: skip
    for (network, kind), rows in layers.groupby(["network", "kind"], sort=False):
        marker, name = KINDS[kind]
        ax.plot(rows["intensity"], rows["gmacs_per_s"], marker, color=COLOURS[network],
                markerfacecolor=FACES[network], markersize=5,
                label=f"{name_of(network)}: {name}")  # fmt: skip
    ax.set(xscale="log", yscale="log")
    plain_numbers(ax.xaxis, (1, 2, 5), "{:,g}".format)
    plain_numbers(ax.yaxis, (1, 2, 5), "{:,g}".format)
    ax.set_xlim(low, high)
    ax.set(xlabel="arithmetic intensity (multiply–accumulates per byte)", ylabel="speed (GMAC/s)")
    plain(ax, "both")
    return ax
