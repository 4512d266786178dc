"""One digit against the rest: how well probabilities sort."""

from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.frame.results import Results
from analysis.frame.wording import count_text
from analysis.look.sorting import draw_roc_curves, roc_areas, roc_curves
from analysis.look.style import COLOURS, FULL, NETWORKS, blank, name_of
from analysis.questions import Drawn, Sections, figure
from netlib.measure.metrics import log_odds

if TYPE_CHECKING:
    from analysis.build.pairs import Pair, Result

COMPARED = ("roc.csv", "auc.csv")


def compare(pair: "Pair") -> dict[str, Any]:
    """The curves of the first seed's runs, and the areas of all."""
    return {
        "roc.csv": [row for runs in pair.results.values() for row in roc_rows(runs[0])],
        "auc.csv": [row for result in pair.every for row in auc_rows(result)],
    }


def roc_rows(result: "Result") -> list[dict[str, Any]]:
    """The curves of each class against the rest, of all decisions (micro) and of their mean."""
    return rows_of(roc_curves(result.labels, log_odds(result.logits)), network=result.run.network)


def auc_rows(result: "Result") -> list[dict[str, Any]]:
    """Area of each class, of all decisions (micro), and the classes' mean (macro)."""
    areas = roc_areas(result.labels, log_odds(result.logits))
    return rows_of(areas, network=result.run.network, seed=result.run.seed)


def rows_of(table: pd.DataFrame, **run: object) -> list[dict[str, Any]]:
    """Its rows, beginning with what tells the run."""
    return [{**run, **row} for row in table.to_dict("records")]


def roc(data: Results, log: bool) -> Drawn:
    """One class against the rest: every class, their micro and macro average."""
    curves, areas = data.table("roc.csv"), data.table("auc.csv")
    figure = blank(FULL, 6.6 if log else 8.2)
    for ax, network in zip(figure.subplots(1, 2, sharey=True), NETWORKS, strict=True):
        rows = curves[curves["network"] == network]
        found = areas[areas["network"] == network]
        first = found[found["seed"] == found["seed"].min()]
        draw_roc_curves(ax, rows, first, COLOURS[network], log)
        ax.set_title(name_of(network), color=COLOURS[network])
    figure.axes[1].set_ylabel("")
    areas = data.table("auc.csv")
    seed = areas["seed"].min()
    view = "with a logarithmic axis from 0.01 %" if log else "from probabilities"
    mean = areas[areas["class"] == "macro"].groupby("network")["auc"].mean()
    text = ", ".join(f"{name_of(n)} {mean[n]:.5f}" for n in NETWORKS if n in mean)
    return figure, (
        f"ROC curves of one class against the rest, {view}: the ten digits in grey, their micro "
        f"and macro averages in colour and black; runs of seed {seed}. Area under the macro curve, "
        f"mean of {count_text(areas.groupby('network')['seed'].nunique(), 'seed')}: {text}."
    )


for _name, _title, _log in (
    ("roc", "ROC curves", False),
    ("roc_log", "ROC curves where they differ", True),
):
    figure(_title, *COMPARED, name=_name, of=__name__)(partial(roc, log=_log))


def say(data: Results) -> Sections:
    """Areas under the curves, means over seeds."""
    means = data.table("auc.csv").groupby(["network", "class"])["auc"].mean()
    section = {
        name: {
            "micro": f"{means[name, 'micro']:.5f}",
            "lowest": f"{means[name].min():.5f}",
            "lowest_class": str(means[name].idxmin()),
        }
        for name in NETWORKS
    }
    return {"roc": section}
