"""Long-tailed training sets: what the rare classes lose, and what a loss gives back."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.build.plan import Plan, Step
from analysis.frame.results import Results
from analysis.frame.wording import (
    LEVELS,
    agree,
    count_text,
    listed,
    percent,
    setting_text,
    whole,
    words,
)
from analysis.look.lines import draw_sweep
from analysis.look.rows import draw_levels
from analysis.look.style import FULL, NETWORKS, blank, key_above
from analysis.questions import Drawn, Sections, figure

PLAIN = "cross_entropy"
CLASSES = range(10)
LOSSES = (
    *("cross_entropy", "weighted", "class_balanced", "focal", "logit_adjusted", "ldam_drw"),
    "oversampling",
)


def steps(plan: Plan) -> Iterator[Step]:
    """Losses on every long-tailed set."""
    sets = [path for path, _ in plan.tail_sets()]
    if not sets:
        return
    length = plan.pick(("--train-size", 60, "--steps", 1), ("--steps", 75), ("--steps", 160))
    part = ("--dataset-path", *sets, "--validation-size", 0.05, *length, *plan.fast)
    losses = plan.pick(("cross_entropy", "ldam_drw"), LOSSES, LOSSES)
    yield plan.sweep("imbalance", (*part, "--levels", *losses), factor="loss", seeds=(0,))


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


@figure("What rare classes lose", "imbalance.csv")
def imbalance(data: Results) -> Drawn:
    """Recall against class frequency, a panel for each ratio."""
    table = data.sweep("imbalance").query("level == @PLAIN")
    rows = by_frequency(table)
    ratios = sorted(rows["ratio"].unique())
    figure = blank(FULL, 6.0)
    axes = np.atleast_1d(figure.subplots(1, len(ratios), sharey=True))
    for ax, ratio in zip(axes, ratios, strict=True):
        draw_sweep(ax, rows[rows["ratio"] == ratio], "images", "recall", log=False)
        ax.set_xlabel("training images of the class")
        ax.set_title(f"most frequent : rarest = {ratio}")
    axes[0].set_ylabel("recall (%)")
    runs = table.groupby(["network", "ratio"]).size()
    return figure, (
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


@figure("What a loss gives back to rare classes", "imbalance.csv")
def imbalance_losses(data: Results) -> Drawn:
    """Balanced accuracy and the worst class's recall, by loss, ratio and network."""
    table = data.sweep("imbalance")
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
        rows = table[table["ratio"] == ratio]
        draw_levels(ax, rows, x, list(order.index), names=LEVELS, log=False)
        ax.set_title(f"ratio {ratio}")
        ax.set_xlabel(names[x])
    key_above(figure, axes[0])
    runs = table.groupby(["network", "level", "ratio"]).size()
    return figure, (
        "Balanced accuracy and the recall of the worst class for each loss, where the most "
        f"frequent class has {' or '.join(map(str, ratios))} times the images of the rarest. "
        f"Markers: means of {count_text(runs, 'run')} ({runs_text(table)}); ticks: runs; bars: "
        f"from the lowest to the highest ({setting_text(table, 'dataset')}). The best balanced "
        "accuracy is at the top."
    )


def say(data: Results) -> Sections:
    """Losses on long-tailed training sets, with rotated tails."""
    table = data.table("imbalance.csv")
    columns = {"balanced": "balanced_accuracy", "f1": "macro_f1", "worst": "worst_recall"}
    means = table.groupby(["ratio", "network", "level"])[list(columns.values())].mean()
    ratios = sorted(table["ratio"].unique())
    findings = []
    for ratio in ratios:
        parts = []
        for name in NETWORKS:
            scores = means.loc[ratio, name]["balanced_accuracy"]
            best = scores.idxmax()
            parts.append(
                f"{percent(scores[PLAIN])} % with cross entropy and {percent(scores[best])} % with "
                f"{words(best)} ({name})"
            )
        findings.append(f"At a ratio of {ratio} the balanced accuracy is {'; '.join(parts)}.")
    images = table.groupby("ratio")["train_images"].first()
    rows = [
        {
            "ratio": str(ratio),
            "loss": words(level),
            **{
                f"{name}_{key}": percent(means.loc[(ratio, name, level), column])
                for name in NETWORKS
                for key, column in columns.items()
            },
        }
        for ratio in ratios
        for level in table["level"].unique()
    ]
    section = {
        "rotations": str(table["rotation"].nunique()),
        "images": ", ".join(f"{whole(images[r])} at a ratio of {r}" for r in ratios),
        "rows": rows,
        "finding": " ".join(findings),
    }
    return {"tails": section}


def hardest(data: Results) -> tuple[int, pd.DataFrame]:
    """The largest ratio, and its runs."""
    table = data.table("imbalance.csv")
    ratio = table["ratio"].max()
    return ratio, table[table["ratio"] == ratio]


def conclude(data: Results, sections: Sections) -> Iterator[str]:
    """Whether the smaller network suffers more from rare classes."""
    ratio, table = hardest(data)
    table = table[table["level"] == PLAIN]
    wide = table.pivot_table(index="dataset", columns="network", values="balanced_accuracy")
    gaps = (wide["mobilenet"] - wide["standard"]).tolist()
    start = f"With cross entropy at a ratio of {ratio}"
    if not agree(gaps):
        yield (
            f"{start} neither network suffers more from rare digits in every rotation "
            f"({listed(gaps)} points of balanced accuracy, MobileNet against standard)."
        )
        return
    who = "MobileNet" if gaps[0] < 0 else "standard"
    yield (
        f"{start} the {who} network suffers more from rare digits ({listed(gaps)} points of "
        "balanced accuracy, one run for each rotation)."
    )


def disappoint(data: Results, sections: Sections) -> Iterator[str]:
    """A loss for rare classes that does not help them."""
    ratio, table = hardest(data)
    means = table.groupby(["network", "level"])["balanced_accuracy"].mean()
    gains = [means[name, "ldam_drw"] - means[name, PLAIN] for name in NETWORKS]
    if max(gains) <= 0:
        yield (
            f"LDAM-DRW at a ratio of {ratio}, against plain cross entropy ({listed(gains)} "
            "points of balanced accuracy): its margins seem to want longer training than this."
        )
