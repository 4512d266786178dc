"""How the networks learned."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.frame.results import Results
from analysis.frame.wording import (
    by_network,
    gaps_of,
    judged_text,
    percent,
    seeds_text,
    small_change,
)
from analysis.look.lines import draw_curves
from analysis.look.style import FULL, NETWORKS, blank, least_text
from analysis.questions import Drawn, Section, Sections, figure

if TYPE_CHECKING:
    from analysis.build.pairs import Pair

COMPARED = ("histories.csv",)

HISTORY = ["epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]


def compare(pair: "Pair") -> dict[str, Any]:
    """One row an epoch and run."""
    tables = [
        pd.read_csv(run.history)[HISTORY].assign(network=run.network, seed=run.seed)
        for run in (result.run for result in pair.every)
    ]
    return {"histories.csv": pd.concat(tables)[["network", "seed", *HISTORY]]}


@figure("Accuracy while learning", "histories.csv", name="curves_accuracy", quantity="accuracy")
@figure("Loss while learning", "histories.csv", name="curves_loss", quantity="loss")
def curves(data: Results, quantity: str) -> Drawn:
    """Training and validation over epochs, a panel each."""
    table = data.table("histories.csv")
    figure = blank(FULL, 5.6)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, split in zip(axes, ("train", "validation"), strict=True):
        draw_curves(ax, table, split, quantity)
        ax.set_title("training images" if split == "train" else "validation images")
    axes[1].set_ylabel("")
    what = "Accuracy" if quantity == "accuracy" else "Loss"
    scale = ""
    if quantity == "accuracy":
        both = pd.concat([table["train_accuracy"], table["validation_accuracy"]])
        scale = f", on an axis that is logarithmic in the error{least_text(both)}"
    elif axes[0].get_yscale() == "log":
        scale = ", on a logarithmic axis"
    return figure, (
        f"{what} over the epochs{scale}; lines are means of {seeds_text(table, ['network'])}, "
        "bands reach from the lowest seed to the highest. Training images are augmented and "
        "scored while the weights still change, so they can do worse than validation images."
    )


def say(data: Results) -> Sections:
    """The first and the last epoch."""
    table = data.table("histories.csv")
    means = table.groupby(["network", "epoch"])[["validation_accuracy", "validation_loss"]].mean()
    first, last = table["epoch"].min(), table["epoch"].max()
    ends = table[table["epoch"] == last]
    section: Section = {
        name: {
            "first": percent(means.loc[(name, first), "validation_accuracy"]),
            "validation": percent(means.loc[(name, last), "validation_accuracy"]),
        }
        for name in NETWORKS
    }
    section["gap"] = judged_text(gaps_of(by_network(ends, "validation_accuracy")))
    section["loss_gap"] = small_change(gaps_of(by_network(ends, "validation_loss")))
    if data.has("more_pairs.csv"):
        more = data.table("more_pairs.csv")
        section["more_gap"] = judged_text(gaps_of(by_network(more, "validation_accuracy")))
    return {"curves": section}
