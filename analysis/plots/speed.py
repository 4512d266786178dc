"""The cost model of depthwise separable convolution, and what a processor makes of it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from analysis.plots.results import name_of
from analysis.plots.style import COLOURS, FACES, GREY, HATCHES, NETWORKS, plain

KERNEL = 3  # side of every kernel here
KINDS = {
    "conv": ("o", "3×3"),
    "depthwise": ("v", "depthwise"),
    "pointwise": ("D", "pointwise"),
    "fc": ("s", "fully connected"),
}


def cost_share(channels: np.ndarray | float) -> np.ndarray | float:
    """1/N + 1/K²: cost of a separable block over that of a convolution with N output channels."""
    return 1 / channels + 1 / KERNEL**2


def draw_cost_curve(ax: Axes, blocks: pd.DataFrame) -> Axes:
    """The share of the multiply–accumulates that a separable block needs, with ours on the curve.

    Args:
        ax: where to draw.
        blocks: columns block, channels (of its output) and share, counted on the real networks.
    """
    channels = np.geomspace(8, 1024, 200)
    ax.plot(channels, 100 * cost_share(channels), color="black", linewidth=1.2)
    ax.axhline(100 / KERNEL**2, color=GREY, linewidth=0.8, linestyle=":")
    ax.annotate("limit 1/9: 9 times less", (8, 100 / KERNEL**2), (0, -3), va="top", color=GREY,
                textcoords="offset points")  # fmt: skip
    for place, row in enumerate(blocks.itertuples()):
        at = (row.channels, 100 * row.share)
        ax.plot(*at, "s", color=COLOURS["mobilenet"], markersize=5)
        ax.annotate(f"block {row.block}: ÷ {1 / row.share:.2f}", at, (0, 40 - 16 * place),
                    textcoords="offset points", color=COLOURS["mobilenet"],
                    arrowprops=dict(arrowstyle="-", color=COLOURS["mobilenet"], linewidth=0.7,
                                    relpos=(0, 0.5)))  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.set_xticks([8, 16, 32, 64, 128, 256, 512, 1024])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_ylim(0)
    ax.set_xlabel("output channels N")
    ax.set_ylabel("cost of separable /\ncost of standard (%)")
    plain(ax)
    return ax


def draw_layer_costs(ax: Axes, table: pd.DataFrame, column: str, rows: Sequence[str]) -> Axes:
    """Bars of both networks, layer by layer; a MobileNet block is depthwise and pointwise in line.

    Args:
        ax: where to draw.
        table: columns network, row, kind and `column`.
        column: the cost.
        rows: from the top.
    """
    for place, network in enumerate(NETWORKS):
        colour = COLOURS[network]
        for row, name in enumerate(rows):
            parts = table[(table["network"] == network) & (table["row"] == name)]
            height, start = row + 0.36 * (place - 0.5), 0.0
            for part in parts.itertuples():
                value = getattr(part, column)
                solid = network == "standard" or part.kind == "depthwise"
                ax.barh(height, value, 0.32, left=start, facecolor=colour if solid else "white",
                        edgecolor=colour, linewidth=0.6,
                        hatch="" if solid else HATCHES["mobilenet"])  # fmt: skip
                start += value
            if len(parts):
                ax.annotate(
                    f"{start:.3g}",
                    (start, height),
                    (3, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=7,
                )
    ax.set_yticks(range(len(rows)), rows)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(0, 1.2 * table.groupby(["network", "row"])[column].sum().max())
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    plain(ax, "x")
    return ax


def draw_speedup(ax: Axes, table: pd.DataFrame, rows: Sequence[str]) -> Axes:
    """How many times faster the MobileNet network is, measured, and fewer in operations.

    Args:
        ax: where to draw.
        table: columns row, batch (images in one call), measured and theory (times).
        rows: from the top.
    """
    batches = sorted(table["batch"].unique())
    for row, name in enumerate(rows):
        parts = table[table["row"] == name]
        theory = parts["theory"].iloc[0]
        ax.plot([1, theory], [row, row], color="#d0d0d0", linewidth=1, zorder=0)
        ax.plot(theory, row, "|", color="black", markersize=13, markeredgewidth=1.8,
                label="fewer multiply–accumulates" if row == 0 else "_")  # fmt: skip
        for batch, marker in zip(batches, "^ovs", strict=False):
            values = parts[parts["batch"] == batch]["measured"]
            face = "white" if batch == batches[0] else GREY
            name = f"faster, {batch} image{'s' if batch > 1 else ''} a call"
            ax.plot(values, [row] * len(values), marker, color=GREY, markerfacecolor=face,
                    label=name if row == 0 else "_")  # fmt: skip
    ax.axvline(1, color=GREY, linewidth=0.8)
    ax.set_yticks(range(len(rows)), rows)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(0)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("standard / MobileNet (times)")
    plain(ax, "x")
    ax.spines["left"].set_visible(False)
    return ax


def draw_roofline(ax: Axes, roof: pd.Series, layers: pd.DataFrame) -> Axes:
    """Attained speed against arithmetic intensity, under what the processor can do.

    Args:
        ax: where to draw.
        roof: peak_gmacs_per_s, cache_gb_per_s, memory_gb_per_s.
        layers: columns network, kind, intensity (MAC per byte) and gmacs_per_s.
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
    ax.annotate(f"arithmetic {peak:.0f} GMAC/s", (high, peak), (0, 2), ha="right", va="bottom",
                textcoords="offset points", fontsize=7)  # fmt: skip
    for (network, kind), rows in layers.groupby(["network", "kind"], sort=False):
        marker, name = KINDS[kind]
        ax.plot(rows["intensity"], rows["gmacs_per_s"], marker, color=COLOURS[network],
                markerfacecolor=FACES[network], markersize=5,
                label=f"{name_of(network)}: {name}")  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axis.set_minor_formatter(NullFormatter())
        axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
    ax.set_xlabel("arithmetic intensity (multiply–accumulates per byte)")
    ax.set_ylabel("speed (GMAC/s)")
    plain(ax, "both")
    return ax


def draw_targets(ax: Axes, table: pd.DataFrame) -> Axes:
    """How many times better, or worse, than its target each quantity was measured.

    Args:
        ax: where to draw.
        table: columns name, network, times (above 1 where the target was reached, low and high its
            quartiles), and text (measured and aimed at), from the top.
    """
    for row, entry in enumerate(table.itertuples()):
        colour = COLOURS.get(entry.network, GREY)
        reached = entry.times >= 1
        ax.plot([entry.low, entry.high], [row, row], color=colour, linewidth=1)
        ax.plot(entry.times, row, "o", color=colour, markersize=5,
                markerfacecolor=colour if reached else "white")  # fmt: skip
    ax.axvline(1, color="black", linewidth=0.8)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
    ax.set_yticks(range(len(table)), table["name"])
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    right = ax.secondary_yaxis("right")
    right.set_yticks(range(len(table)), table["text"])
    right.tick_params(axis="y", length=0)
    right.spines["right"].set_visible(False)
    ax.set_xlabel("times better than the target")
    plain(ax, "both")
    return ax
