"""Loss and accuracy while a network learns."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from analysis.plots.results import networks_of, spread
from analysis.plots.style import BLACK, plain
from analysis.plots.sweeps import errors, label_ends, look_of, scale_values, show_accuracy


def draw_history(
    ax: Axes, history: Sequence[Mapping[str, float]], quantity: str, colour: str = BLACK
) -> Axes:
    """Loss or accuracy over epochs, training dashed and validation solid.

    Args:
        ax: where to draw.
        history: one row an epoch, as `netlib.training.course.fit` returns it.
        quantity: "loss" or "accuracy".
        colour: of the network, see `COLOURS`.
    """
    epochs = [row["epoch"] for row in history]
    factor = 100 if quantity == "accuracy" else 1
    for split, style in (("train", "--"), ("validation", "-")):
        values = [factor * row[f"{split}_{quantity}"] for row in history]
        ax.plot(epochs, values, style, color=colour, label=split, marker="o", markersize=3)
    ax.set_xlabel("epoch")
    ax.set_ylabel("accuracy (%)" if quantity == "accuracy" else "loss")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False)
    plain(ax)
    return ax


def draw_curves(ax: Axes, table: pd.DataFrame, split: str, quantity: str) -> Axes:
    """Loss or accuracy of both networks over epochs, with a band between the extreme seeds.

    Accuracy is spaced by the logarithm of the error: near 100 % it would be a flat line.

    Args:
        ax: where to draw.
        table: columns network, seed, epoch, and {split}_{quantity} of both splits.
        split: "train" or "validation".
        quantity: "loss" or "accuracy".
    """
    both = [f"{name}_{quantity}" for name in ("train", "validation")]
    values = table.assign(
        **{name: errors(table[name]) if quantity == "accuracy" else table[name] for name in both}
    )
    column = f"{split}_{quantity}"
    ends = {}
    ax.set_yscale("log")
    for network in networks_of(values):
        line = spread(values[values["network"] == network], "epoch", column)
        style = look_of(network)
        ax.fill_between(line["epoch"], line["low"], line["high"], color=style["color"],
                        alpha=0.18, linewidth=0)  # fmt: skip
        ax.plot(line["epoch"], line["mean"], **style)
        ends[network] = (line["epoch"].iloc[-1], line["mean"].iloc[-1])
    low, high = values[both].min().min(), values[both].max().max()
    if quantity == "accuracy":
        show_accuracy(ax, low, high)
    else:
        scale_values(ax, "y", pd.Series([low, max(high, 4.1 * low)]))
        ax.set_ylim(low / 1.15, 1.15 * high)
    ax.set_xlabel("epoch")
    ax.set_ylabel("accuracy (%)" if quantity == "accuracy" else "loss")
    ax.xaxis.get_major_locator().set_params(integer=True)
    plain(ax)
    label_ends(ax, ends)
    return ax
