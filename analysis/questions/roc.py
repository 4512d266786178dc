"""One digit against the rest: how well probabilities sort."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.frame.results import Results
from analysis.frame.wording import count_text
from analysis.look.lines import draw_roc
from analysis.look.style import COLOURS, FULL, NETWORKS, blank, name_of
from analysis.questions import Drawn, Sections, figure

if TYPE_CHECKING:
    from analysis.build.pairs import Pair, Result

COMPARED = ("roc.csv", "auc.csv")

MAX_POINTS = 200  # of a curve


def compare(pair: "Pair") -> dict[str, Any]:
    """The curves of the first seed's runs, and the areas of all."""
    return {
        "roc.csv": [row for runs in pair.results.values() for row in roc_rows(runs[0])],
        "auc.csv": [row for result in pair.every for row in auc_rows(result)],
    }


def roc_rows(result: "Result") -> list[dict[str, Any]]:
    """The curves of each class against the rest, of all decisions (micro) and of their mean."""
    truth, odds = one_against_rest(result)
    curves = {
        str(label): staircase(truth[:, label], odds[:, label]) for label in np.unique(result.labels)
    }
    micro = staircase(truth.ravel(), odds.ravel())
    macro = mean_curve(list(curves.values()))
    return [
        {"network": result.run.network, "class": name, "fpr": fpr, "tpr": tpr}
        for name, curve in {**curves, "micro": micro, "macro": macro}.items()
        for fpr, tpr in thin(curve)
    ]


def auc_rows(result: "Result") -> list[dict[str, Any]]:
    """Area of each class, of all decisions (micro), and the classes' mean (macro)."""
    from sklearn.metrics import roc_auc_score

    truth, odds = one_against_rest(result)
    areas = {
        str(label): roc_auc_score(truth[:, label], odds[:, label])
        for label in np.unique(result.labels)
    }
    averages = {
        "micro": roc_auc_score(truth.ravel(), odds.ravel()),
        "macro": np.mean(list(areas.values())),
    }
    run = {"network": result.run.network, "seed": result.run.seed}
    return [{**run, "class": name, "auc": area} for name, area in {**areas, **averages}.items()]


def one_against_rest(result: "Result") -> tuple[np.ndarray, np.ndarray]:
    """Whether image n is of class c, and the log-odds of it, both (N, C)."""
    from netlib.measure.metrics import log_odds

    num_classes = result.logits.shape[1]
    return result.labels[:, None] == np.arange(num_classes), log_odds(result.logits)


def staircase(truth: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(P, 2) false and true positive rates from (0, 0) to (1, 1), without inner points of lines."""
    from sklearn.metrics import roc_curve

    return np.stack(roc_curve(truth, values)[:2], axis=1)


def mean_curve(curves: Sequence[np.ndarray]) -> np.ndarray:
    """The mean true positive rate of several curves at equal false positive rates.

    It rises where one of the curves does, so each such rate has two points: before and after.
    """
    rates = np.unique(np.concatenate([curve[:, 0] for curve in curves]))
    before = np.mean([at(curve, rates, "left") for curve in curves], axis=0)
    after = np.mean([at(curve, rates, "right") for curve in curves], axis=0)
    points = np.stack([np.repeat(rates, 2), np.stack([before, after], axis=1).ravel()], axis=1)
    return points[np.any(np.diff(points, axis=0, prepend=-1), axis=1)]


def at(curve: np.ndarray, rates: np.ndarray, side: str) -> np.ndarray:
    """True positive rate of a curve just before ("left") or at ("right") a false positive rate."""
    place = np.searchsorted(curve[:, 0], rates, side=side) - 1
    return np.where(place < 0, 0.0, curve[place, 1])


def thin(curve: np.ndarray, limit: int = MAX_POINTS) -> np.ndarray:
    """At most `limit` of a curve's points, its ends among them, evenly along its way.

    The way is measured on the axes of the figures: true positives, and false positives by powers
    of ten, so that the ascent on the left keeps its corners.
    """
    if len(curve) <= limit:
        return curve
    powers = np.log10(np.maximum(curve[:, 0], 1e-5))
    steps = np.abs(np.diff(powers)) / 5 + np.abs(np.diff(curve[:, 1]))
    way = np.concatenate([[0], steps.cumsum()])
    wanted = np.linspace(0, way[-1], limit)
    return curve[np.unique([0, *np.searchsorted(way, wanted[1:-1]), len(curve) - 1])]


def roc(data: Results, log: bool) -> Drawn:
    """One class against the rest: every class, their micro and macro average."""
    curves, areas = data.table("roc.csv"), data.table("auc.csv")
    figure = blank(FULL, 6.6 if log else 8.2)
    for ax, network in zip(figure.subplots(1, 2, sharey=True), NETWORKS, strict=True):
        rows = curves[curves["network"] == network]
        found = areas[areas["network"] == network]
        draw_roc(ax, rows, found[found["seed"] == found["seed"].min()], network, log)
        ax.set_title(name_of(network), color=COLOURS[network])
        ax.set_xlabel("false positive rate (%)")
    figure.axes[0].set_ylabel("true positive rate (%)")
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
