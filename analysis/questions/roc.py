"""One digit against the rest: how well probabilities sort."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.frame.results import Results
from analysis.look.sorting import draw_roc_curves, roc_areas, roc_curves, share_view
from analysis.look.style import COLOURS, FULL, NETWORKS, blank, name_of, plain
from analysis.questions import Drawn, Sections, figure
from analysis.questions.headline import shown_of
from netlib.measure.metrics import log_odds

if TYPE_CHECKING:
    from analysis.build.pairs import Pair

COMPARED = ("roc.csv", "auc.csv")


def compare(pair: "Pair") -> dict[str, Any]:
    """The curves of the shown pair, and the areas of all.

    Both are of each class against the rest, of all decisions (micro) and of the classes' mean.
    """
    curves = [
        roc_curves(shown.labels, log_odds(shown.logits)).assign(network=shown.run.network)
        for shown in pair.shown.values()
    ]
    areas = [
        roc_areas(one.labels, log_odds(one.logits)).assign(
            network=one.run.network, seed=one.run.seed
        )
        for one in pair.every
    ]
    return {
        "roc.csv": pd.concat(curves)[["network", "class", "fpr", "tpr"]],
        "auc.csv": pd.concat(areas)[["network", "seed", "class", "auc"]],
    }


@figure("ROC curves", *COMPARED, "headline.json", log=False)
@figure("ROC curves where they differ", *COMPARED, "headline.json", name="roc_log", log=True)
def roc(data: Results, log: bool) -> Drawn:
    """One class against the rest: every class, their micro and macro average; a panel a network."""
    curves, areas = data.table("roc.csv"), data.table("auc.csv")
    seed = shown_of(data.record("headline.json"))
    view = "with a logarithmic axis from 0.01 %" if log else "from probabilities"
    figure = blank(FULL, 5.6 if log else 7.4)
    for ax, network in zip(figure.subplots(1, 2), NETWORKS, strict=True):
        rows = curves[curves["network"] == network]
        found = areas[(areas["network"] == network) & (areas["seed"] == seed)]
        draw_roc_curves(ax, rows, found, COLOURS[network], log)
        ax.set_title(name_of(network), color=COLOURS[network])
    share_view(figure.axes)
    figure.axes[1].tick_params(labelleft=False)
    figure.axes[1].set_ylabel("")
    return figure, (
        f"ROC curves of one class against the rest, {view}: the ten digits in grey, their micro "
        f"and macro averages in colour and black, the digit of the least area dotted; runs of seed "
        f"{seed}."
    )


@figure("Precision against recall", "roc.csv", "confusion.csv", "headline.json")
def precision_recall(data: Results) -> Drawn:
    """One class against the rest, from the points of the ROC curves and the number of images."""
    curves, counts = data.table("roc.csv"), data.table("confusion.csv")
    seed = shown_of(data.record("headline.json"))
    sizes = counts[counts["network"] == NETWORKS[0]].groupby("true")["count"].sum()
    share = {str(label): size / sizes.sum() for label, size in sizes.items()}
    share["micro"] = 1 / len(sizes)
    figure, corners = blank(FULL, 5.4), []
    for ax, network in zip(figure.subplots(1, 2, sharey=True), NETWORKS, strict=True):
        for name, part in share.items():
            rows = curves[(curves["network"] == network) & (curves["class"] == name)]
            right, wrong = rows["tpr"] * part, rows["fpr"] * (1 - part)
            look = dict(color=COLOURS[network], linewidth=1.6) if name == "micro" else THIN
            precision = right / (right + wrong)
            corners.append(np.fmin(rows["tpr"], precision).max())
            ax.plot(100 * rows["tpr"], 100 * precision, **look)
        ax.set_xlabel("recall (%)")
        ax.set_title(name_of(network), color=COLOURS[network])
        plain(ax, "both")
    low = 100 * max(0.0, 1 - 6 * (1 - min(corners)))
    figure.axes[0].set_ylim(low, 100.2)
    for ax in figure.axes:
        ax.set_xlim(low, 100.2)
    figure.axes[0].set_ylabel("precision (%)")
    return figure, (
        "Precision against recall of one class against the rest around their corner: the ten "
        f"digits in grey, all decisions (micro average) in colour; runs of seed {seed}, from the "
        "points of their ROC curves."
    )


THIN = dict(color="#b0b0b0", linewidth=0.7)


def say(data: Results) -> Sections:
    """Areas under the curves, means over seeds."""
    means = data.table("auc.csv").groupby(["network", "class"])["auc"].mean()
    section = {
        name: {
            "macro": f"{means[name, 'macro']:.5f}",
            "lowest": f"{means[name].min():.5f}",
            "lowest_class": str(means[name].idxmin()),
        }
        for name in NETWORKS
    }
    return {"roc": section}
