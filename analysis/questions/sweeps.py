"""What changes with one factor of the training: a line of `FACTORS` for each plain sweep."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from analysis.build.plan import Plan, Step
from analysis.frame.results import Results
from analysis.frame.wording import (
    LEVELS,
    MINUS,
    by_network,
    compared,
    count_text,
    gaps_of,
    judged_text,
    listed,
    percent,
    points,
    precision_text,
    seeds_text,
    setting_text,
    side,
    updates,
    whole,
    words,
)
from analysis.look.lines import chosen_level, draw_sweep
from analysis.look.rows import draw_levels
from analysis.look.style import ERROR, FULL, LOGS, NETWORKS, blank, key_above, name_of
from analysis.questions import Drawn, Section, Sections, figure
from netlib.errors import many

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOSSES = (
    *("cross_entropy", "label_smoothing", "mse", "weighted", "class_balanced", "focal"),
    *("logit_adjusted", "ldam_drw", "oversampling"),
)
RATES, AUGMENTS = (0.001, 0.003, 0.01, 0.03, 0.1), ("none", "mild", "strong")


@dataclass(frozen=True)
class Factor:
    """One factor and its levels.

    Attributes:
        name: of the axis, or of a level in the caption.
        unit: of a level in a sentence.
        tiny: levels of the tiny report; small and full likewise.
    """

    name: str
    unit: str
    tiny: tuple[object, ...]
    small: tuple[object, ...]
    full: tuple[object, ...]


FACTORS = {
    "learning_rate": Factor("learning rate", "", (0.01, 0.03), RATES[:-1], RATES),
    "loss": Factor("loss function", "", ("cross_entropy", "ldam_drw"), LOSSES, LOSSES),
    "batch_size": Factor(
        "batch size (images)", "images", (16, 32), (16, 32, 64, 128), (32, 64, 128, 256, 512)
    ),
    "training_epochs": Factor("training epochs", "epochs", (1, 2), (1, 2, 4, 8), (1, 2, 4, 8, 16)),
    "train_size": Factor(
        "training images",
        "images",
        (30, 60),
        (150, 300, 600, 1200),
        (500, 1000, 2000, 4000, 8000, 16000),
    ),
    "augment": Factor("augmentation", "augmentation", ("none", "mild"), AUGMENTS, AUGMENTS),
    "precision": Factor("precision of training", "", (), (), ("float32", "bfloat16")),
}

SMALL = ("learning_rate", "batch_size", "training_epochs", "train_size", "augment", "precision")
SHOWN = (*SMALL, "loss")  # in the order of the panels, the wide one last
TABLES = (*FACTORS, "width", "resolution", "blocks")


def steps(plan: Plan) -> Iterator[Step]:
    """A sweep for each factor."""
    for name, factor in FACTORS.items():
        levels = plan.pick(factor.tiny, factor.small, factor.full)
        more = ("--steps", plan.pick(2, 75, 160)) if name == "train_size" else ()
        levels = plan.possible(levels) if name == "train_size" else levels
        if levels:
            yield plan.sweep(name, (*plan.base, *more, "--levels", *levels), factor=name)


# --- Drawn --------------------------------------------------------------------------------------


@figure("What changes with one factor", *(f"{n}.csv" for n in SHOWN if n != "precision"))
def sweeps(data: Results) -> Drawn:
    """A panel for each factor: numbers as lines with bands, names as rows of dots."""
    shown = [name for name in SHOWN if data.has(f"{name}.csv")]
    figure = blank(FULL, 13.2)
    grid = figure.add_gridspec(3, 3, height_ratios=(1, 1, 1.2))
    places = [grid[place // 3, place % 3] for place in range(len(shown) - 1)]
    for name, place in zip(shown, [*places, grid[2, :]], strict=True):
        panel(figure.add_subplot(place), data.sweep(name), name)
    key_above(figure, figure.axes[-1])
    tables = pd.concat([data.sweep(name) for name in shown])
    sizes = data.sweep("train_size")
    return figure, (
        f"Error rate on {count_text(tables['test_images'], 'test image')}, one factor at a time. "
        f"Lines and markers: means of {seeds_text(tables, ['factor', 'network', 'level'])}; bands "
        "and bars: from the lowest seed to the highest, ticks: seeds. Rings mark what the "
        f"validation images choose. {LOGS} Elsewhere: "
        f"{setting_text(data.sweep('augment'))}; in the panel of training images "
        f"{count_text(updates(sizes).astype(int), 'step')}, "
        f"{count_text(sizes['training_epochs'], 'epoch')}."
    )


def panel(ax: "Axes", table: pd.DataFrame, name: str) -> None:
    """One factor."""
    factor = FACTORS[name]
    if not isinstance(factor.full[0], str):
        column = "train_images" if name == "train_size" else name
        draw_sweep(ax, table, column, "error", chosen=True, named=False)
        ax.set(xlabel=factor.name, ylabel=ERROR)
        ticks = np.unique(table[column])
        ax.set_xticks(ticks, list(map(brief, ticks)), fontsize=7)
        return
    levels = list(dict.fromkeys(table["level"]))
    if name == "loss":
        levels = table.groupby("level")["error"].mean().sort_values(kind="stable").index.tolist()
    draw_levels(ax, table, "error", levels, names=LEVELS, ring=chosen_levels(table))
    ax.set_xlabel(ERROR)
    ax.set_title(factor.name)


def chosen_levels(table: pd.DataFrame) -> dict[str, str]:
    """Network -> the level that its validation images choose."""
    return {network: chosen_level(rows, "level") for network, rows in table.groupby("network")}


def brief(level: float) -> str:
    """As 0.01, 512 or 16k."""
    return f"{level / 1000:g}k" if level >= 1000 else f"{level:g}"


# --- Said ---------------------------------------------------------------------------------------


def say(data: Results) -> Sections:
    """What each factor does, chosen on validation images, and what could be seen at all."""
    table = data.table("learning_rate.csv")
    common = {
        "images": whole(table["train_images"].iloc[0]),
        "epochs": str(table["training_epochs"].iloc[0]),
        "steps": whole(updates(table).iloc[0]),
        "rate_seeds": str(table["seed"].nunique()),
        "validation_images": whole(table["validation_images"].iloc[0]),
        "half": precision_text(table).removeprefix("; "),
        "shared": shared_runs(data),
    }
    found = {name: reading(data, name) for name in FACTORS if data.has(f"{name}.csv")}
    if "precision" in found:
        found["precision"]["finding"] = precision(data)
    found["learning_rate"] |= gaps_text(table)
    found["train_size"]["finding"] = sizes(data)
    found["training_epochs"]["finding"] = lengths(data)
    if "loss" in found:
        found["loss"]["finding"] = losses(data.table("loss.csv"))
    return {"sweeps": common, **found}


def reading(data: Results, name: str) -> Section:
    """What validation chooses, the spread of the levels, and the least difference to be seen."""
    table, unit = data.table(f"{name}.csv"), FACTORS[name].unit
    means = table.groupby(["network", "level"], sort=False)["accuracy"].mean()

    def told(levels: dict[str, str]) -> str:
        return " and ".join(
            f"{level_words(levels[name], unit)} ({percent(means[name, levels[name]])} %) for "
            f"{name_of(name)}"
            for name in NETWORKS
        )

    return {
        "chosen": told(chosen_levels(table)),
        "lowest": told({name: means[name].idxmin() for name in NETWORKS}),
        "seeds": count_text([table["seed"].nunique()], "seed"),
        "least": least_words(table),
        "end": end_text(table),
    }


def readings(sections: Sections) -> Iterator[str]:
    """The same in whole sentences, a paragraph a factor."""
    common = sections["sweeps"]
    yield (
        f"With {common['images']} training images for {many(int(common['epochs']), 'epoch')}, "
        f"{common['steps']} steps, unless that is what is varied. The level that is named is that "
        f"of the highest accuracy on {common['validation_images']} validation images, the accuracy "
        "told with it is that on the test images."
    )
    for name, section in sections.items():
        if name not in FACTORS:
            continue
        yield " ".join(
            (
                f"{FACTORS[name].name.split(' (')[0].capitalize()} ({section['seeds']}): "
                f"validation chooses {section['chosen']}{section['end']}; the lowest test accuracy "
                f"is that of {section['lowest']}. Here {section['least']}.",
                *findings(name, section),
            )
        )


def findings(name: str, section: Section) -> Iterator[str]:
    """What one factor alone has to say."""
    if name == "learning_rate":
        yield (
            f"MobileNet {MINUS} standard, in points: {section['gaps']}; the interval over the "
            f"pairs leaves 0 out {section['apart']}."
        )
    elif name == "training_epochs":
        yield f"Sorted by steps, {section['finding']}."
    elif "finding" in section:
        yield section["finding"]


def end_text(table: pd.DataFrame) -> str:
    """That both networks take the least or the most that was tried, as " (the most tried)"."""
    if not all(level.isdecimal() for level in table["level"]):
        return ""
    tried = sorted(table["level"].astype(int).unique())
    chosen = set(map(int, chosen_levels(table).values()))
    ends = {tried[0]: " (the least tried)", tried[-1]: " (the most tried)"}
    return ends.get(chosen.pop(), "") if len(chosen) == 1 else ""


def gaps_text(table: pd.DataFrame) -> dict[str, str]:
    """MobileNet − standard at each level, as "−26.52 at 0.001, …", and where it leaves 0 out."""
    levels = table.groupby("level", sort=False)
    gaps = {level: gaps_of(by_network(rows)) for level, rows in levels}
    apart = [words(level) for level, gap in gaps.items() if side(gap)]
    return {
        "gaps": ", ".join(f"{points(fmean(gap))} at {words(n)}" for n, gap in gaps.items()),
        "apart": f"at {listed(apart)} only" if apart else "nowhere",
    }


def least_difference(table: pd.DataFrame) -> float:
    """Accuracy by which two levels of one network must differ to be told apart (95 %).

    Student's, with the spread of equal runs pooled over the levels within five points of the best.
    NaN for one seed.
    """
    groups = table.groupby(["network", "level"])["accuracy"].agg(["mean", "var", "count"])
    near = groups[groups["mean"] > groups["mean"].max() - 0.05]
    free = (near["count"] - 1).sum()
    if not free:
        return float("nan")
    variance = (near["var"] * (near["count"] - 1)).sum() / free
    n = near["count"].min()
    return float(stats.t.ppf(0.975, free) * np.sqrt(2 * variance / n))


def least_words(table: pd.DataFrame) -> str:
    """As "differences below 0.93 points cannot be told from chance"."""
    least = least_difference(table)
    if np.isnan(least):
        return "one seed shows no spread, so no difference can be told from chance"
    return f"differences below {100 * least:.2f} points cannot be told from chance"


PLAIN = "cross_entropy"
SAME = ["network", "seed", "accuracy", "nll"]  # runs that agree in these are one, told again


def all_runs(data: Results) -> pd.DataFrame:
    """The runs of every sweep, with the table that holds them."""
    names = [name for name in TABLES if data.has(f"{name}.csv")]
    tables = [data.table(f"{name}.csv").assign(table=name) for name in names]
    return pd.concat(tables).replace({"network": {"2+2": "mobilenet", "4+0": "standard"}})


def shared_runs(data: Results) -> str:
    """How many tables hold the same runs of a network, by their results."""
    runs = all_runs(data)
    counts = runs.groupby(SAME)["table"].nunique()
    told = []
    for network in NETWORKS:
        most = counts[network].max()
        times = count_text([(counts[network] == most).sum()], "run")
        told.append(f"{times} of {name_of(network)} stand in {most}")
    return (
        f"With the common settings {' and '.join(told)} of the {runs['table'].nunique()} sweeps "
        "(with those of blocks, widths and image sizes), so their luck is in most of them"
    )


def level_words(level: str, unit: str) -> str:
    """As "16,000 images", "1 epoch" or "no augmentation"."""
    name = {"none": "no"}.get(level, words(level))
    number = f"{int(level):,}" if level.isdecimal() else name
    return f"{number} {unit[:-1] if level == '1' else unit}".strip()


def precision(data: Results) -> str:
    """Whether bfloat16, which sped up the sweeps of the standard network, cost accuracy."""
    table = data.table("precision.csv")
    wide = table.pivot_table(index=["network", "seed"], columns="level", values="accuracy")
    change = wide["bfloat16"] - wide["float32"]
    seconds = table.groupby(["network", "level"])["training_seconds"].median().unstack()
    times = seconds["bfloat16"] / seconds["float32"]
    parts = (
        f"{name_of(name)} took {times[name]:.2f} times the time and its accuracy changed by "
        f"{judged_text(change[name].tolist())}"
        for name in NETWORKS
    )
    return f"In bfloat16 {'; '.join(parts)} (times: medians of {seeds_text(table)}, one session)."


def sizes(data: Results) -> str:
    """Images at an equal number of steps, and with more steps."""
    table = data.table("train_size.csv")
    table = table.assign(updates=updates(table), error=100 * (1 - table["accuracy"]))
    least = table["updates"].min()
    same = table[table["updates"] <= 1.01 * least]
    images = sorted(same["train_images"].unique())
    means = same.groupby(["network", "train_images"])["error"].mean()
    lines = " and ".join(
        f"{listed(f'{means[name, n]:.2f}' for n in images)} % for {name_of(name)}"
        for name in NETWORKS
    )
    wide = same.pivot_table(index="seed", columns=["network", "train_images"], values="accuracy")
    few, many_images = images[0], images[-1]
    gained = listed(
        f"{judged_text((wide[name, many_images] - wide[name, few]).dropna().tolist())} in "
        f"{name_of(name)}"
        for name in NETWORKS
    )
    grown = f" From {whole(few)} to {whole(many_images)} images accuracy changes by {gained}."
    more = table[table["updates"] > 1.01 * least]
    end = (
        f" Larger sets had up to {whole(more['updates'].max())} steps, so that there more data and "
        "longer training cannot be told apart."
        if len(more)
        else ""
    )
    told = f"At {whole(least)} steps each, {listed(map(whole, images))} images leave"
    return f"{told} an error rate of {lines}.{grown if len(images) > 1 else ''}{end}"


def losses(table: pd.DataFrame) -> str:
    """Each loss against cross entropy, and the difference between the networks with each."""
    plain = table[table["level"] == PLAIN].set_index(["network", "seed"])["accuracy"]
    others = table[table["level"] != PLAIN].set_index(["level", "network", "seed"])["accuracy"]
    changes = (others - plain).groupby(["network", "level"]).agg(list)
    told = []
    for network in NETWORKS:
        apart = [
            f"{words(level)} ({points(fmean(gaps))})"
            for level, gaps in changes[network].items()
            if side(gaps)
        ]
        told.append(f"in {name_of(network)} {listed(apart)}")
    gaps = compared(table, "level")["gaps"].map(fmean)
    others = gaps.drop(index=PLAIN).sort_values()
    least, most = (f"{points(gap)} ({words(loss)})" for loss, gap in others.iloc[[0, -1]].items())
    return (
        f"Over pairs, uncorrected, apart from cross entropy are, {'; '.join(told)}. MobileNet "
        f"{MINUS} standard is {points(gaps[PLAIN])} with cross entropy, with the others {least} to "
        f"{most}."
    )


def lengths(data: Results) -> str:
    """Epochs and batch sizes on one scale, the number of steps: where more of them still help."""
    tables = [data.table("training_epochs.csv"), data.table("batch_size.csv")]
    both = pd.concat(tables).assign(kind=[1] * len(tables[0]) + [2] * len(tables[1]))
    both = both.assign(updates=updates(both).astype(int))
    means = both.groupby(["updates", "kind", "network"])["accuracy"].mean().unstack()
    least = max(map(least_difference, tables))
    lost = [
        f"from {whole(before)} to {whole(after)} ({listed(map(name_of, fallen))})"
        for ((before, _), one), ((after, _), other) in pairwise(means.iterrows())
        if after > before and (fallen := [name for name in NETWORKS if (one - other)[name] > least])
    ]
    rise = "more steps go with a higher accuracy, whichever factor made them"
    if lost:
        falls = "the only fall" if len(lost) == 1 else "falls"
        rise = (
            f"mostly more steps go with a higher accuracy; {falls} of more than the larger of the "
            f"two sweeps’ least differences ({100 * least:.2f} points): {' and '.join(lost)}"
        )
    return rise


def disappoint(data: Results, sections: Sections) -> Iterator[str]:
    """Strong augmentation, where it is worse than mild."""
    table = data.table("augment.csv")
    if not {"mild", "strong"} <= set(table["level"]):
        return
    wide = table.pivot_table(index="seed", columns=["network", "level"], values="accuracy")
    lost = [(wide[name, "strong"] - wide[name, "mild"]).tolist() for name in NETWORKS]
    if all(side(gaps) < 0 for gaps in lost):
        standard, mobilenet = map(judged_text, lost)
        yield (
            f"Strong augmentation, against mild, in short runs ({setting_text(table)}): {standard} "
            f"in standard and {mobilenet} in MobileNet."
        )
