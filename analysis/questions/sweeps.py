"""What changes with one factor of the training: a line of `FACTORS` for each plain sweep."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pandas as pd

from analysis.build.plan import Plan, Step
from analysis.frame.results import Results
from analysis.frame.wording import (
    LEVELS,
    TITLES,
    capital,
    listed,
    percent,
    points,
    seeds_text,
    setting_text,
    whole,
    words,
)
from analysis.look.lines import draw_sweep
from analysis.look.rows import draw_levels
from analysis.look.style import COLUMN, ERROR, NETWORKS, blank, key
from analysis.questions import Drawn, Sections, figure

LOSSES = (
    *("cross_entropy", "label_smoothing", "mse", "weighted", "class_balanced", "focal"),
    *("logit_adjusted", "ldam_drw", "oversampling"),
)


@dataclass(frozen=True)
class Factor:
    """One factor and its levels.

    Attributes:
        title: of the figure.
        name: of the axis, or of a level in the caption.
        unit: of a level in a sentence.
        tiny: levels of the tiny report; small and full likewise.
        column: of the levels as numbers; "" where they are names.
    """

    title: str
    name: str
    unit: str
    tiny: tuple[object, ...]
    small: tuple[object, ...]
    full: tuple[object, ...]
    column: str = ""


FACTORS = {
    "learning_rate": Factor(
        "What the learning rate changes",
        "learning rate",
        "",
        (0.01, 0.03),
        (0.001, 0.003, 0.01, 0.03),
        (0.001, 0.003, 0.01, 0.03, 0.1),
        "learning_rate",
    ),
    "loss": Factor(
        "What the loss function changes",
        "loss function",
        "",
        ("cross_entropy", "ldam_drw"),
        LOSSES,
        LOSSES,
    ),
    "batch_size": Factor(
        "What the batch size changes",
        "batch size (images)",
        "images",
        (16, 32),
        (16, 32, 64, 128),
        (32, 64, 128, 256, 512),
        "batch_size",
    ),
    "training_epochs": Factor(
        "What longer training changes",
        "training epochs",
        "epochs",
        (1, 2),
        (1, 2, 4, 8),
        (1, 2, 4, 8, 16),
        "training_epochs",
    ),
    "train_size": Factor(
        "What more training images change",
        "training images",
        "images",
        (30, 60),
        (150, 300, 600, 1200),
        (500, 1000, 2000, 4000, 8000, 16000),
        "train_images",
    ),
    "augment": Factor(
        "What augmentation changes",
        "augmentation",
        "augmentation",
        ("none", "mild"),
        ("none", "mild", "strong"),
        ("none", "mild", "strong"),
    ),
    "precision": Factor(
        "What half precision changes", "precision of training", "", (), (), ("float32", "bfloat16")
    ),
}


def steps(plan: Plan) -> Iterator[Step]:
    """A sweep for each factor."""
    for name, factor in FACTORS.items():
        levels = plan.pick(factor.tiny, factor.small, factor.full)
        more = ("--steps", plan.pick(2, 75, 160)) if name == "train_size" else ()
        levels = plan.possible(levels) if name == "train_size" else levels
        seeds = plan.pick((0,), (0, 1), (0, 1, 2)) if name == "learning_rate" else None
        if levels:
            part = (*plan.base, *more, "--levels", *levels)
            yield plan.sweep(name, part, factor=name, seeds=seeds)


def numbers(data: Results, name: str) -> Drawn:
    """The factor is a number: lines with bands."""
    table, factor = data.sweep(name), FACTORS[name]
    figure = blank(COLUMN, 5.6)
    ax = figure.subplots()
    draw_sweep(ax, table, factor.column, "error", chosen=name == "learning_rate")
    ax.set_xlabel(factor.name)
    ax.set_ylabel(ERROR)
    ring = (
        " Rings mark the rate that the mean accuracy on the validation images chooses."
        if name == "learning_rate"
        else ""
    )
    share = (table["train_images"] / table["test_images"]).agg(["min", "max"])
    ratio = (
        f" The test set stays: training over testing images goes from {share['min']:.2g} to "
        f"{share['max']:.2g}."
        if name == "train_size"
        else ""
    )
    return figure, (
        f"Error rate on the test set against {factor.name.split(' (')[0]}; lines are means of "
        f"{seeds_text(table)}, bands reach from the lowest seed to the highest "
        f"({setting_text(table, factor.column)}).{ring}{ratio}"
    )


def kinds(data: Results, name: str) -> Drawn:
    """The factor has names: a row of dots for each."""
    table = data.sweep(name)
    rows = by_error(table) if name == "loss" else list(dict.fromkeys(table["level"]))
    figure = blank(COLUMN, 2.4 + 0.75 * len(rows))
    ax = figure.subplots()
    draw_levels(ax, table, "error", rows, names=LEVELS)
    ax.set_xlabel(ERROR)
    key(ax)
    return figure, (
        f"Error rate on the test set for each {FACTORS[name].name}; markers are means of "
        f"{seeds_text(table)}, ticks the seeds, bars reach from the lowest to the highest "
        f"({setting_text(table, name)})."
    )


def by_error(table: pd.DataFrame) -> list[str]:
    """Levels, the lowest mean error first."""
    return table.groupby("level")["error"].mean().sort_values(kind="stable").index.tolist()


for _name, _factor in FACTORS.items():
    _draw = numbers if _factor.column else kinds
    figure(_factor.title, f"{_name}.csv", name=_name, of=__name__)(partial(_draw, name=_name))


def say(data: Results) -> Sections:
    """The best level of each network, and how much it matters, factor by factor."""
    table = data.table("learning_rate.csv")
    common = {
        "seeds": str(table["seed"].nunique()),
        "images": whole(table["train_images"].iloc[0]),
        "epochs": str(table["training_epochs"].iloc[0]),
    }
    found = {name: {"finding": finding(data, name)} for name in FACTORS if data.has(f"{name}.csv")}
    if "precision" in found:
        found["precision"]["finding"] = precision(data)
    return {"sweeps": common, **found}


def finding(data: Results, name: str) -> str:
    """Best and worst level, against what seeds differ by."""
    table, unit = data.table(f"{name}.csv"), FACTORS[name].unit
    groups = table.groupby(["network", "level"], sort=False)["accuracy"]
    means, noise = groups.mean(), (groups.max() - groups.min()).max()
    parts = []
    for network in NETWORKS:
        best, worst = means[network].idxmax(), means[network].idxmin()
        parts.append(
            f"{TITLES[network]} is best at {level_words(best, unit)} "
            f"({percent(means[network, best])} %) and worst at {level_words(worst, unit)} "
            f"({percent(means[network, worst])} %)"
        )
    ranges = means.groupby("network").max() - means.groupby("network").min()
    end = (
        "That is no more than seeds differ among themselves, so no level can be preferred."
        if (ranges < noise).all()
        else f"Runs of one level differ by up to {100 * noise:.2f} points between seeds."
    )
    return f"{capital('; '.join(parts))}. {end}"


def level_words(level: str, unit: str) -> str:
    """As "16,000 images", "1 epoch" or "no augmentation"."""
    name = {"none": "no"}.get(level, words(level))
    number = f"{int(level):,}" if level.isdecimal() else name
    return f"{number} {unit[:-1] if level == '1' else unit}".strip()


def precision(data: Results) -> str:
    """Whether bfloat16, which sped up the sweeps of the standard network, cost accuracy."""
    table = data.table("precision.csv")
    wide = table.pivot_table(index=["network", "seed"], columns="level", values="accuracy")
    change = (wide["bfloat16"] - wide["float32"]).groupby("network").mean()
    seconds = table.groupby(["network", "level"])["training_seconds"].median().unstack()
    times = seconds["bfloat16"] / seconds["float32"]
    changes = " and ".join(f"{points(change[name])} points ({name})" for name in NETWORKS)
    factors = " and ".join(f"{times[name]:.2f} ({name})" for name in NETWORKS)
    return (
        f"Training in bfloat16 changes the accuracy by {changes} and the time by a factor of "
        f"{factors}."
    )


def conclude(data: Results, sections: Sections) -> Iterator[str]:
    """More data against everything else; and which loss is best on the course's set."""
    yield data_matters(data)
    yield loss_matters(data)


def data_matters(data: Results) -> str:
    """More data against the other network."""
    table = data.table("train_size.csv").astype({"level": int})
    error = 1 - table.groupby(["network", "level"])["accuracy"].mean()
    low, high = table["level"].min(), table["level"].max()
    falls = {name: error[name, low] / error[name, high] for name in NETWORKS}
    found = data.record("headline.json")["networks"]
    means = [found[name]["error_rate"]["mean"] for name in NETWORKS]
    more = min(falls.values()) > max(means) / min(means)
    return (
        f"{'Data matter more than architecture: f' if more else 'F'}rom {low:,} to {high:,} "
        f"training images the error falls {falls['standard']:.1f} times for the standard and "
        f"{falls['mobilenet']:.1f} times for the MobileNet network, with the same number of steps; "
        f"between the networks of the headline it differs {max(means) / min(means):.1f} times."
    )


def loss_matters(data: Results) -> str:
    """Which loss is best on the course's imbalanced set."""
    table = data.table("loss.csv")
    means = table.groupby(["network", "level"])["balanced_accuracy"].mean()
    parts = []
    for name in NETWORKS:
        gain = means[name].max() - means[name, "cross_entropy"]
        parts.append(f"{words(means[name].idxmax())} ({points(gain)} points, {name})")
    sentence = (
        "On the course's imbalanced set the loss with the highest balanced accuracy is "
        f"{' and '.join(parts)}, against cross entropy."
    )
    if {means[name].idxmin() for name in NETWORKS} == {"mse"}:
        worst = " and ".join(f"{percent(means[name, 'mse'])} %" for name in NETWORKS)
        sentence += (
            f" Surprising is how far the squared error stays behind ({worst}): its gradient fades "
            "where a network is surely wrong, and the rates were tuned for cross entropy."
        )
    return sentence


def disappoint(data: Results, sections: Sections) -> Iterator[str]:
    """Strong augmentation, where it is worse than mild."""
    means = data.table("augment.csv").groupby(["level", "network"])["accuracy"].mean()
    if not {"mild", "strong"} <= set(means.index.get_level_values("level")):
        return
    lost = [means["strong", name] - means["mild", name] for name in NETWORKS]
    if max(lost) < 0:
        yield f"Strong augmentation, against mild, at this budget ({listed(lost)} points)."
