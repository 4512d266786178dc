"""Long-tailed training sets: what the rare classes lose, and what a loss gives back."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.catalogue.spec import FigureSpec
from analysis.plots.catalogue.sweeps import LEVELS
from analysis.plots.classes import draw_recall
from analysis.plots.results import Results, count_text, setting_text
from analysis.plots.style import FULL, blank
from analysis.plots.sweeps import draw_levels, key_above

PLAIN = "cross_entropy"
CLASSES = range(10)


def tails(data: Results) -> pd.DataFrame:
    """The sweep with ratio and rotation read from the data sets' names, tail-exp10-4."""
    table = data.sweep("imbalance")
    parts = table["dataset"].str.extract(r"tail-exp(\d+)-(\d+)").astype(int)
    return table.assign(ratio=parts[0], rotation=parts[1])


def by_frequency(table: pd.DataFrame) -> pd.DataFrame:
    """One row a run and class: network, level, ratio, recall (percent), images of its rank."""
    counts = table[[f"count_{digit}" for digit in CLASSES]].to_numpy(float)
    recalls = table[[f"recall_{digit}" for digit in CLASSES]].to_numpy(float)
    order = np.argsort(-counts, axis=1, kind="stable")
    parts = []
    for rank in CLASSES:
        digit = order[:, [rank]]
        parts.append(
            table[["network", "level", "ratio", "seed"]].assign(
                rank=rank,
                size=np.take_along_axis(counts, digit, 1)[:, 0],
                recall=100 * np.take_along_axis(recalls, digit, 1)[:, 0],
            )
        )
    rows = pd.concat(parts, ignore_index=True)
    # Rotations differ by an image or two in what a rank has; a line needs one number.
    return rows.assign(images=rows.groupby(["ratio", "rank"])["size"].transform("mean"))


def imbalance(data: Results) -> Figure:
    """Recall against class frequency, a panel for each ratio."""
    rows = by_frequency(tails(data))
    rows = rows[rows["level"] == PLAIN]
    ratios = sorted(rows["ratio"].unique())
    figure = blank(FULL, 6.0)
    axes = np.atleast_1d(figure.subplots(1, len(ratios), sharey=True))
    for ax, ratio in zip(axes, ratios, strict=True):
        draw_recall(ax, rows[rows["ratio"] == ratio])
        ax.set_title(f"most frequent : rarest = {ratio}")
    for ax in axes[1:]:
        ax.set_ylabel("")
    return figure


def imbalance_caption(data: Results) -> str:
    table = tails(data)
    table = table[table["level"] == PLAIN]
    runs = table.groupby(["network", "ratio"]).size()
    return (
        "Recall of a class against its training images, by cross entropy. Lines: means of "
        f"{count_text(runs, 'run')} ({runs_text(table)}), so that each rank is held by several "
        "digits; bands: from the lowest to the highest of these runs "
        f"({setting_text(table, 'dataset')})."
    )


def runs_text(table: pd.DataFrame) -> str:
    """Rotations and seeds."""
    return (
        f"{count_text([table['rotation'].nunique()], 'rotation')} of which digit is rare × "
        f"{count_text([table['seed'].nunique()], 'seed')}"
    )


def imbalance_losses(data: Results) -> Figure:
    """Balanced accuracy and the worst class's recall, by loss, ratio and network."""
    table = tails(data)
    table = table.assign(
        balanced=100 * table["balanced_accuracy"], worst=100 * table["worst_recall"]
    )
    order = table.groupby("level")["balanced"].mean().sort_values(ascending=False, kind="stable")
    ratios = sorted(table["ratio"].unique())
    figure = blank(FULL, 2.6 + 0.72 * len(order))
    panels = [(ratio, x) for x in ("balanced", "worst") for ratio in ratios]
    axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    names = {"balanced": "balanced accuracy (%)", "worst": "recall of the worst (%)"}
    for ax, (ratio, x) in zip(axes, panels, strict=True):
        draw_levels(
            ax, table[table["ratio"] == ratio], x, list(order.index), names=LEVELS, log=False
        )
        ax.set_title(f"ratio {ratio}")
        ax.set_xlabel(names[x])
    key_above(figure, axes[0])
    return figure


def imbalance_losses_caption(data: Results) -> str:
    table = tails(data)
    runs = table.groupby(["network", "level", "ratio"]).size()
    ratios = " or ".join(str(ratio) for ratio in sorted(table["ratio"].unique()))
    return (
        "Balanced accuracy and the recall of the worst class for each loss, where the most "
        f"frequent class has {ratios} times the images of the rarest. Markers: means of "
        f"{count_text(runs, 'run')} ({runs_text(table)}); ticks: runs; bars: from the lowest to "
        f"the highest ({setting_text(table, 'dataset')}). The best balanced accuracy is at the top."
    )


FIGURES = {
    "imbalance": FigureSpec(
        "What rare classes lose", ("imbalance.csv",), imbalance, imbalance_caption
    ),
    "imbalance_losses": FigureSpec(
        "What a loss gives back to rare classes",
        ("imbalance.csv",),
        imbalance_losses,
        imbalance_losses_caption,
    ),
}
