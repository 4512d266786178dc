"""Right and wrong, class by class."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from analysis.plots.results import name_of, networks_of, spread
from analysis.plots.style import BLACK, GREEN, GREY, plain
from analysis.plots.sweeps import draw_sweep, look_of


def draw_confusion_matrix(ax: Axes, confusion: ArrayLike, fontsize: float = 8) -> Axes:
    """Counts; shade is the share of the true class's images, and errors stand out.

    Args:
        ax: where to draw.
        confusion: (C, C), true class by row.
        fontsize: of the counts, points.
    """
    counts = np.asarray(confusion)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    # A root makes a handful of errors visible beside a thousand right answers.
    ax.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if share[row, column] > 0.4 else "black"
            ax.text(
                column, row, str(count), ha="center", va="center", fontsize=fontsize, color=colour
            )
    ticks = range(len(counts))
    ax.set_xticks(ticks)
    ax.set_yticks(ticks)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def draw_class_scores(
    ax: Axes, series: Mapping[str, Sequence[float | None]], accuracy: float
) -> Axes:
    """Scores of each class as dots, with the overall accuracy as a line.

    Args:
        ax: where to draw.
        series: name -> one fraction a class, None where there are no images.
        accuracy: fraction.
    """
    step = 0.4 / len(series)
    for i, (name, values) in enumerate(series.items()):
        percent = [np.nan if value is None else 100 * value for value in values]
        places = np.arange(len(percent)) + step * (i - (len(series) - 1) / 2)
        ax.plot(places, percent, "os^D"[i % 4], color=(GREEN, BLACK, GREY)[i % 3], label=name)
    ax.axhline(100 * accuracy, color=GREY, linewidth=1, label=f"accuracy {100 * accuracy:.2f} %")
    ax.set_xticks(range(max(map(len, series.values()))))
    ax.set_xlabel("class")
    ax.set_ylabel("score (%)")
    ax.legend(frameon=False)
    plain(ax)
    return ax


def draw_class_dots(ax: Axes, table: pd.DataFrame) -> Axes:
    """A score of each class, the classes with the most training images first.

    Args:
        ax: where to draw.
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
    names = [f"{label}\n{round(size)}" for label, size in sizes.items()]
    ax.set_xticks(range(len(names)), names, fontsize=7)
    ax.tick_params(axis="x", length=0)
    plain(ax)
    return ax


def draw_recall(ax: Axes, table: pd.DataFrame) -> Axes:
    """Recall against how many training images a class has; bands over digits and seeds.

    Args:
        ax: where to draw.
        table: columns network, images (training images of the class), recall (in percent).
    """
    draw_sweep(ax, table, "images", "recall", log=False)
    ax.set_xlabel("training images of the class")
    ax.set_ylabel("recall (%)")
    return ax


def draw_counts(ax: Axes, counts: Mapping[str, Sequence[int]]) -> Axes:
    """Images of each class in each split, as bars.

    Args:
        ax: where to draw.
        counts: split -> images of each class.
    """
    wide = 0.8 / len(counts)
    for place, (split, values) in enumerate(counts.items()):
        x = np.arange(len(values)) + wide * (place - (len(counts) - 1) / 2)
        ax.bar(x, values, wide, label=split, linewidth=0.6, edgecolor=GREY,
               color=("#888888", "white", "#cccccc")[place % 3])  # fmt: skip
    ax.set_xticks(range(max(map(len, counts.values()))))
    ax.tick_params(axis="x", length=0)
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.set_xlabel("digit")
    ax.set_ylabel("images")
    plain(ax)
    return ax
