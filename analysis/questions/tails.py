"""Long-tailed training sets: what the rare classes lose, and what a loss gives back."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.build.plan import Plan, Step
from analysis.frame.results import Results
from analysis.frame.wording import (
    FEWEST,
    LEVELS,
    by_network,
    compared,
    count_text,
    gap_text,
    gaps_of,
    judged_text,
    percent,
    points,
    precision_text,
    setting_text,
    side,
    updates,
    whole,
    words,
)
from analysis.look.lines import draw_sweep
from analysis.look.rows import draw_levels
from analysis.look.style import FULL, NETWORKS, blank, key_above
from analysis.questions import Drawn, Section, Sections, figure
from analysis.questions.mistakes import RARE

PLAIN = "cross_entropy"
CLASSES = range(10)
LOSSES = (
    *("cross_entropy", "weighted", "class_balanced", "focal", "logit_adjusted", "ldam_drw"),
    "oversampling",
)
LONG = "../evaluation/imbalance_{}.csv"  # the longer runs of the model card, beside these results
RECIPES = {"plain": ("plain",), "recipe": ("exp10", "exp100")}
DEFERRED = 0.8  # of training, before LDAM-DRW weights its classes


def steps(plan: Plan) -> Iterator[Step]:
    """Losses on every long-tailed set."""
    sets = [path for path, _ in plan.tail_sets()]
    if not sets:
        return
    length = plan.pick(("--train-size", 60, "--steps", 1), ("--steps", 75), ("--steps", 160))
    part = ("--dataset-path", *sets, "--validation-size", 0.05, *length, *plan.fast)
    losses = plan.pick(("cross_entropy", "ldam_drw"), LOSSES, LOSSES)
    seeds = plan.pick((0,), (0,), plan.seeds)
    yield plan.sweep("imbalance", (*part, "--levels", *losses), factor="loss", seeds=seeds)


def by_frequency(table: pd.DataFrame) -> pd.DataFrame:
    """One row a run and class: network, level, ratio, recall (percent), images of its rank."""
    counts = table[[f"count_{digit}" for digit in CLASSES]].to_numpy(float)
    recalls = table[[f"recall_{digit}" for digit in CLASSES]].to_numpy(float)
    order = np.argsort(-counts, axis=1, kind="stable")
    sizes, recalls = (np.take_along_axis(x, order, 1) for x in (counts, 100 * recalls))
    runs = table[["network", "level", "ratio", "dataset", "seed"]]
    parts = (runs.assign(rank=i, size=sizes[:, i], recall=recalls[:, i]) for i in CLASSES)
    rows = pd.concat(parts, ignore_index=True)
    # Rotations differ by an image or two in what a rank has; a line needs one number.
    return rows.assign(images=rows.groupby(["ratio", "rank"])["size"].transform("mean"))


def longest(data: Results) -> pd.DataFrame:
    """Runs by cross entropy: of the model card, where they are beside these, or of our sweep."""
    table = long_runs(data, "plain")
    if len(table):
        return table
    return data.table("imbalance.csv").query("level == @PLAIN")


def long_runs(data: Results, *recipes: str) -> pd.DataFrame:
    """The model card's runs: recipe (plain, recipe), ratio, rotation (as data set), scores."""
    parts = [
        data.table(LONG.format(name)).assign(recipe=recipe)
        for recipe in recipes
        for name in RECIPES[recipe]
        if data.has(LONG.format(name))
    ]
    if not parts:
        return pd.DataFrame(columns=["ratio", "recipe"])
    table = pd.concat(parts, ignore_index=True)
    found = table["dataset"].str.extract(r"exp(\d+)-(\d+)").astype(int)
    return table.assign(ratio=found[0], rotation=found[1])


@figure("What rare classes lose", "imbalance.csv")
def imbalance(data: Results) -> Drawn:
    """Recall against class frequency, a panel for each ratio."""
    table = longest(data)
    rows = by_frequency(table)
    ratios = sorted(rows["ratio"].unique())
    figure = blank(FULL, 4.8)
    axes = np.atleast_1d(figure.subplots(1, len(ratios), sharey=True))
    for ax, ratio in zip(axes, ratios, strict=True):
        draw_sweep(ax, rows[rows["ratio"] == ratio], "images", "recall", log=False)
        ax.set_xlabel("training images of the class")
        ax.set_title(f"most frequent : rarest = {ratio}")
    axes[0].set_ylabel("recall (%)")
    return figure, (
        "Recall of a class against its training images, by cross entropy. Lines: means of "
        f"{runs_text(table)}, so that each rank is held by several digits; bands: from the lowest "
        f"to the highest of these runs ({setting_text(table, one_set=False)})."
    )


def runs_text(table: pd.DataFrame) -> str:
    """Rotations and seeds."""
    seeds = count_text([table["seed"].nunique()], "seed")
    return (
        f"{count_text([table['rotation'].nunique()], 'rotation')} of which digit is rare × {seeds}"
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
    figure = blank(FULL, 2.2 + 0.43 * len(order))
    panels = [(ratio, x) for x in ("balanced", "worst") for ratio in ratios]
    axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    names = {"balanced": "balanced accuracy (%)", "worst": "recall of the worst (%)"}
    for ax, (ratio, x) in zip(axes, panels, strict=True):
        rows = table[table["ratio"] == ratio]
        draw_levels(ax, rows, x, list(order.index), names=LEVELS, log=False)
        ax.set_title(f"ratio {ratio}")
        ax.set_xlabel(names[x])
    key_above(figure, axes[0])
    return figure, (
        "Balanced accuracy and the recall of the worst class for each loss after short training, "
        f"where the most frequent class has {' or '.join(map(str, ratios))} times the images of "
        f"the rarest. Markers: means of {runs_text(table)}; ticks: runs "
        f"({setting_text(table, one_set=False)})."
    )


# --- Said ---------------------------------------------------------------------------------------


def say(data: Results) -> Sections:
    """Who loses more with rare classes, and what the losses of the short runs give."""
    short, long, plain = data.table("imbalance.csv"), long_runs(data, *RECIPES), longest(data)
    means = short.groupby(["ratio", "network", "level"])[list(COLUMNS.values())].mean()
    section = {
        "rotations": str(plain["rotation"].nunique()),
        "images": images_text(plain),
        "steps": count_text(updates(plain).astype(int), "step"),
        "short_runs": runs_text(short),
        "short_images": images_text(short),
        "short_epochs": count_text(short["training_epochs"], "epoch"),
        "validation": " or ".join(map(str, short.groupby("ratio")["validation_images"].first())),
        "deferred": count_text(late_epochs(short), "epoch").removeprefix("1 "),
        "rates": rates_text(plain),
        "rate_matters": rate_text(data, plain),
        "half": precision_text(plain),
        "short_rates": rates_text(short),
        "plain": [gap_row(ratio, rows) for ratio, rows in plain.groupby("ratio")],
        "growth": growth(plain),
        "early": early([plain, long[long["recipe"] == "recipe"]]),
        "ranks": ranks(plain),
        "recipe": [gain_row(ratio, rows) for ratio, rows in long.groupby("ratio")],
        "rows": [loss_row(means, *key) for key in means.index.droplevel("network").unique()],
    }
    return {"tails": section}


COLUMNS = {"balanced": "balanced_accuracy", "f1": "macro_f1", "worst": "worst_recall"}


def images_text(table: pd.DataFrame) -> str:
    """Training images by ratio."""
    images = table.groupby("ratio")["train_images"].first()
    return ", ".join(f"{whole(n)} images at a ratio of {ratio}" for ratio, n in images.items())


def rates_text(table: pd.DataFrame) -> str:
    """Learning rates."""
    return " and ".join(f"{rate:g}" for rate in sorted(table["learning_rate"].unique()))


def rate_text(data: Results, plain: pd.DataFrame) -> str:
    """What the rate of these runs does to the difference in the sweep over rates; or ""."""
    rates, table = plain["learning_rate"].unique(), data.table("learning_rate.csv")
    tuned = table.groupby(["network", "learning_rate"])["validation_nll"].mean().groupby("network")
    best = {rate for _, rate in tuned.idxmin()}
    if len(rates) > 1 or len(best) > 1 or not {*rates} <= {*table["learning_rate"]} - best:
        return ""
    here, there = (by_network(table[table["learning_rate"] == rate]) for rate in (*rates, *best))
    gaps = here["mobilenet"] - here["standard"], there["mobilenet"] - there["standard"]
    if abs(gaps[0].mean()) <= abs(gaps[1].mean()):
        return ""
    return (
        "In the sweep over rates, of plain accuracy, the mean difference is further from 0 at this "
        f"rate ({points(gaps[0].mean())} points) than at {best.pop():g} "
        f"({points(gaps[1].mean())}), a change of "
        f"{judged_text((gaps[0] - gaps[1]).dropna().tolist())}; a part of these differences may be "
        "the rate's."
    )


def late_epochs(table: pd.DataFrame) -> list[int]:
    """Epochs in which LDAM-DRW weights its classes."""
    epochs = table["training_epochs"].unique()
    return [int(sum(epoch / n >= DEFERRED for epoch in range(n))) for n in epochs]


def balanced_gaps(rows: pd.DataFrame) -> list[float]:
    """MobileNet − standard in balanced accuracy, rotation by rotation."""
    return gaps_of(by_network(rows, "balanced_accuracy", "dataset"))


def over_rotations(gaps: Sequence[float]) -> str:
    """A difference as it is judged, and whether that hangs on any one rotation."""
    fewer = ([*gaps[:n], *gaps[n + 1 :]] for n in range(len(gaps)))
    hangs = sum(not side(rest) for rest in fewer) if side(gaps) else 0
    told = f", open without any one of {hangs} of them" if hangs else ""
    return judged_text(gaps, "rotation") + told


def early(runs: Sequence[pd.DataFrame]) -> str:
    """How many of the differences leave 0 out over the fewest rotations that are judged."""
    gaps = [balanced_gaps(rows) for table in runs for _, rows in table.groupby("ratio")]
    found = sum(side(each[:FEWEST]) != 0 for each in gaps)
    return f"{found or 'none'} of the {len(gaps)}"


def growth(plain: pd.DataFrame) -> str:
    """How much larger the gap is at the largest ratio than at the smallest, by rotation."""
    ratios = sorted(plain["ratio"].unique())
    if len(ratios) < 2:
        return "one ratio only"
    wide = plain.pivot_table(
        index=["ratio", "rotation"], columns="network", values="balanced_accuracy"
    )
    gaps = wide["mobilenet"] - wide["standard"]
    change = (gaps[ratios[-1]] - gaps[ratios[0]]).dropna().tolist()
    return over_rotations(change)


def ranks(plain: pd.DataFrame) -> Section:
    """At which ranks the recalls differ, and what share of all differences the rarest hold."""
    found = {
        ratio: compared(rows, "rank", "recall", "dataset")
        for ratio, rows in by_frequency(plain).groupby("ratio")
    }
    every = pd.concat(found.values())
    return {
        "all": str(len(every)),
        "alone": str((every["gaps"].map(side) != 0).sum()),
        "sure": str((every["p"] < 0.05).sum() or "none"),
        "rare": ", ".join(
            f"{rarest_text(of_ranks['gaps'].tolist())} at a ratio of {ratio}"
            for ratio, of_ranks in found.items()
        ),
    }


def rarest_text(gaps: list[list[float]]) -> str:
    """What share of all differences the rarest ranks hold, and from rotation to rotation."""
    shares = 100 * np.sum(gaps[-RARE:], axis=0) / np.sum(gaps, axis=0)
    share = 100 * np.sum(gaps[-RARE:]) / np.sum(gaps)
    over = ", over 100 where the other ranks go the other way" if shares.max() > 100 else ""
    return f"{share:.0f} % ({shares.min():.0f} to {shares.max():.0f} % by rotation{over})"


def gap_row(ratio: int, rows: pd.DataFrame) -> Section:
    """Both networks at one ratio, and their paired difference."""
    gaps = balanced_gaps(rows)
    means = rows.groupby("network")[["balanced_accuracy", "worst_recall"]].mean()
    return {
        "ratio": str(ratio),
        **{name: percent(means.loc[name, "balanced_accuracy"]) for name in NETWORKS},
        **{f"{name}_worst": percent(means.loc[name, "worst_recall"]) for name in NETWORKS},
        "gap": over_rotations(gaps),
        "lower": f"{sum(gap < 0 for gap in gaps)} of {len(gaps)}",
    }


def gain_row(ratio: int, rows: pd.DataFrame) -> Section:
    """What the recipe gives back to each network, rotation by rotation."""
    wide = rows.pivot_table(
        index=["network", "dataset"], columns="recipe", values="balanced_accuracy"
    )
    gains = (wide["recipe"] - wide["plain"]).dropna()
    change = (gains["mobilenet"] - gains["standard"]).tolist()
    return {
        "ratio": str(ratio),
        **{name: gap_text(gains[name].tolist(), "rotation") for name in NETWORKS},
        "gap": judged_text(balanced_gaps(rows[rows["recipe"] == "recipe"]), "rotation"),
        "change": gap_text(change, "rotation") + ("" if side(change) else ", open"),
    }


def loss_row(means: pd.DataFrame, ratio: int, level: str) -> Section:
    """A line of the appendix's table."""
    scores = {
        f"{name}_{key}": percent(means.loc[(ratio, name, level), column])
        for name in NETWORKS
        for key, column in COLUMNS.items()
    }
    return {"ratio": str(ratio), "loss": words(level), **scores}


def conclude(data: Results, sections: Sections) -> Iterator[str]:
    """Whether the smaller network suffers more from rare classes."""
    section = sections["tails"]
    row = section["plain"][-1]
    yield (
        f"With cross entropy at a ratio of {row['ratio']} (learning rate {section['rates']}, not "
        f"tuned for this{section['half']}) MobileNet is lower than standard in {row['lower']} "
        f"rotations; in balanced accuracy: {row['gap']}."
    )
