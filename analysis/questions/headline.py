"""What is lost and what is won: the pair over seeds, and the whole network of the paper."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.build.plan import Plan, Step
from analysis.frame.results import Results
from analysis.frame.wording import (
    interval,
    p_value,
    percent,
    points,
    seeds_text,
    setting_text,
    whole,
)
from analysis.look.rows import draw_bars, draw_pairs
from analysis.look.style import ERROR, FULL, NETWORKS, blank, networks_of
from analysis.questions import Drawn, Section, Sections, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.build.pairs import Pair, Result

COMPARED = ("headline.json",)
CONFIDENCE = 0.95  # of every interval
MARGIN = 0.001  # of equivalence: a tenth of a point, which single runs cannot tell apart
ALPHA = 0.05
COUNTS = ("both_right", "only_standard", "only_mobilenet", "none_right")


def steps(plan: Plan) -> Iterator[Step]:
    """The pairs of seeds on the course's set, what is compared of them, and MobileNet v1."""
    settings = plan.pick(
        ("--validation-size", 0.1, "--training-epochs", 1, "--train-size", 100),
        ("--validation-size", 0.1, "--training-epochs", 8),
        ("--validation-size", 0.1, "--training-epochs", 10),
    )
    part = (*plan.course, *settings, "--keep", plan.runs / "pairs")
    yield plan.sweep("pairs", part, seeds=plan.pick((0, 1), (0, 1, 2), (0, 1, 2, 3, 4)))
    whole_v1 = plan.pick(
        ("--resolution", 32, "--width", 0.25, "--training-epochs", 1, "--train-size", 60),
        ("--resolution", 32, "--width", 0.5, "--training-epochs", 12),
        ("--resolution", 64, "--width", 0.5, "--training-epochs", 3),
    )
    part = (*plan.course, "--networks", "mobilenet_v1", *whole_v1)
    yield plan.sweep("mobilenet_v1", (*part, "--keep", plan.runs / "mobilenet_v1"), seeds=(0,))


# --- Measured -----------------------------------------------------------------------------------


def compare(pair: "Pair") -> dict[str, Any]:
    """Means with intervals, paired differences, and what the tests say."""
    from netlib.measure.seeds import paired_t

    values = {network: quantities(found) for network, found in pair.results.items()}
    standard, mobilenet = (values[network] for network in NETWORKS)
    n = len(pair.seeds)
    content = {
        "made_by": pair.made_by,
        "seeds": list(pair.seeds),
        "n_seeds": n,
        "first_seed": pair.seeds[0],
        "test_images": len(pair.results[NETWORKS[0]][0].labels),
        "confidence": CONFIDENCE,
        "interval": (
            f"Student t interval of the mean, {100 * CONFIDENCE:g} %, over {n} training seeds"
            if n > 1
            else "none: there is one seed, and the spread over seeds is unknown"
        ),
        "networks": {
            network: {name: summary(x) for name, x in values[network].items()}
            for network in NETWORKS
        },
        "difference": {
            "sign": "mobilenet - standard",
            **{
                name: {
                    **summary(np.subtract(mobilenet[name], standard[name])),
                    "p": paired_t(mobilenet[name], standard[name]),
                }
                for name in standard
            },
        },
        "mcnemar": [mcnemar_row(*both) for both in zip(*pair.results.values(), strict=True)],
        "equivalence": equivalence_of(mobilenet["accuracy"], standard["accuracy"]),
    }
    return {"headline.json": content}


def quantities(results: "Sequence[Result]") -> dict[str, list[float]]:
    """Name -> the value of each seed."""
    before = [result.before for result in results]
    names = ("accuracy", "balanced_accuracy", "macro_f1", "nll", "brier", "ece")
    return {
        **{name: [getattr(scores, name) for scores in before] for name in names},
        "error_rate": [1 - scores.accuracy for scores in before],
        "worst_recall": [min(r for r in s.per_class_recall if r is not None) for s in before],
        "aurc": [float(result.risk[1].mean()) for result in results],
    }


def summary(values: Sequence[float] | np.ndarray) -> dict[str, Any]:
    """The mean with its interval, and the values."""
    from netlib.measure.seeds import mean_interval

    return {**asdict(mean_interval(values, CONFIDENCE)), "values": [float(v) for v in values]}


def mcnemar_row(standard: "Result", mobilenet: "Result") -> dict[str, Any]:
    """McNemar's exact test of one seed's pair, and its table."""
    from netlib.measure.seeds import agreement, mcnemar

    arguments = standard.labels, standard.predictions, mobilenet.predictions
    counts = dict(zip(COUNTS, agreement(*arguments), strict=True))
    return {"seed": standard.run.seed, "p": mcnemar(*arguments), **counts}


def equivalence_of(mobilenet: Sequence[float], standard: Sequence[float]) -> dict[str, Any]:
    """Whether the accuracies are the same to within the margin."""
    from netlib.measure.seeds import equivalence

    result = equivalence(mobilenet, standard, MARGIN, ALPHA)
    return {"quantity": "accuracy", "margin": MARGIN, "alpha": ALPHA, **asdict(result)}


# --- Drawn --------------------------------------------------------------------------------------


@figure("What is lost and what is won", "pairs.csv")
def headline(data: Results) -> Drawn:
    """Error seed by seed, parameters and MACs, a row a network."""
    figure = rows_of_networks(data.sweep("pairs"), joined=True)
    table = data.sweep("pairs")
    return figure, (
        f"Error rate on the test set, parameters and multiply–accumulates of both networks. Small "
        f"markers: {seeds_text(table, ['network'])}, runs of one seed joined; large markers: "
        f"means; {bars_text(table)} ({setting_text(table)})."
    )


def rows_of_networks(table: pd.DataFrame, joined: bool) -> "Figure":
    networks = networks_of(table)
    figure = blank(FULL, 2.2 + 1.2 * len(networks))
    error, params, macs = figure.subplots(1, 3, width_ratios=(3, 1.3, 1.3))
    draw_pairs(error, table, "error", joined)
    error.set_xlabel(ERROR)
    costs = table.groupby("network")[["params", "macs"]].first().loc[networks]
    most = costs.loc[networks[0]]
    draw_bars(params, networks, costs["params"], lambda value: with_ratio(value, most["params"]))
    draw_bars(macs, networks, costs["macs"], lambda value: with_ratio(value, most["macs"]))
    for ax, name in ((params, "parameters"), (macs, "multiply–accumulates")):
        ax.set_ylim(error.get_ylim())
        ax.set_title(name)
    return figure


def bars_text(table: pd.DataFrame) -> str:
    """What the bars are, and why some are missing."""
    seeds = table.groupby("network")["seed"].nunique()
    why = ", which one seed alone does not have" if seeds.min() < 2 else ""
    return f"bars: their 95 % t-interval{why}"


def with_ratio(value: float, first: float) -> str:
    """A number, and how many times smaller it is than the first network's."""
    text = f"{value / 1e6:.2f} M" if value >= 1e6 else f"{value:,.0f}"
    return text if value >= first else f"{text}  (÷ {first / value:.2f})"


@figure("The whole network of the paper", "mobilenet_v1.csv", "pairs.csv")
def mobilenet_v1(data: Results) -> Drawn:
    """The whole MobileNet v1 beside our pair."""
    pairs, table = data.sweep("pairs"), data.sweep("mobilenet_v1")
    names = [f"MobileNet v1\nα = {row.width:g}, {row.resolution} px" for row in table.itertuples()]
    table = table.assign(network=names)
    both = pd.concat([pairs, table])
    figure = rows_of_networks(both, joined=False)
    return figure, (
        f"The whole MobileNet v1 of the paper beside our two networks. Small markers: "
        f"{seeds_text(table, ['network'])} of MobileNet v1 and {seeds_text(pairs, ['network'])} of "
        f"ours; large markers: means; {bars_text(both)} (MobileNet v1: "
        f"{setting_text(table)}; ours: {setting_text(pairs)})."
    )


# --- Said ---------------------------------------------------------------------------------------


def say(data: Results) -> Sections:
    """Accuracy of the pairs of seeds, costs, and the verdict; the whole network of the paper."""
    found = data.record("headline.json")
    cost, time = data.costs(), data.times()
    runs = data.table("pairs.csv").set_index(["network", "seed"])
    params, macs = (cost.loc["standard"] / cost.loc["mobilenet"])[["params", "macs"]]
    one, batch = (time.loc["standard", key] / time.loc["mobilenet", key]
                  for key in ("seconds_one", "seconds_batch"))  # fmt: skip
    change = found["difference"]["accuracy"]
    significant = sum(row["p"] < ALPHA for row in found["mcnemar"])
    headline = {
        **{name: scores_of(name, data, found["networks"][name]) for name in NETWORKS},
        "seeds": str(found["n_seeds"]),
        "test_images": whole(found["test_images"]),
        "train_images": whole(runs["train_images"].iloc[0]),
        "validation_images": whole(runs["validation_images"].iloc[0]),
        "epochs": str(runs["training_epochs"].iloc[0]),
        "batch_size": str(runs["batch_size"].iloc[0]),
        "params_ratio": f"{params:.2f}",
        "macs_ratio": f"{macs:.2f}",
        "latency_ratio": f"{one:.2f}",
        "throughput_ratio": f"{batch:.2f}",
        "difference": points(change["mean"]),
        "difference_interval": interval(change, points),
        "verdict": verdict(found),
        "equivalence": equivalence(found),
        "cost_verdict": (
            f"The MobileNet network has {params:.2f} times fewer parameters and {macs:.2f} times "
            f"fewer multiply–accumulates, and answers {one:.2f} times faster for one image "
            f"({batch:.2f} times in a batch) on one thread of this machine."
        ),
        "mcnemar": [
            {key: f"{value:.2g}" if key == "p" else whole(value) for key, value in row.items()}
            for row in found["mcnemar"]
        ],
        "mcnemar_finding": (
            f"Image by image, exact McNemar tests find a difference (p < 0.05) in {significant} of "
            f"{found['n_seeds']} pairs of runs."
        ),
    }
    return {"headline": headline, "mobilenet_v1": say_v1(data)}


def scores_of(name: str, data: Results, scores: dict[str, Any]) -> Section:
    """One network's column."""
    cost = data.costs().loc[name]
    rates = data.table("pairs.csv").query("network == @name")["learning_rate"]
    means = ("accuracy", "balanced_accuracy", "macro_f1", "worst_recall")
    return {
        **{key: percent(scores[key]["mean"]) for key in means},
        "accuracy_interval": interval(scores["accuracy"]),
        "sd": percent(scores["accuracy"]["sd"]),
        "params": whole(cost["params"]),
        "macs": whole(cost["macs"]),
        "latency": f"{1e6 * data.times().loc[name, 'seconds_one']:.0f}",
        "learning_rate": f"{rates.iloc[0]:g}",
    }


def verdict(found: dict[str, Any]) -> str:
    """What the paired difference in accuracy says."""
    change = found["difference"]["accuracy"]
    size = f"{abs(100 * change['mean']):.2f} points"
    if change["low"] is None:
        return (
            f"With one pair of runs, the MobileNet network's accuracy differs by "
            f"{points(change['mean'])} points; one pair cannot say more."
        )
    reach = f"95 % interval {interval(change, points)} points, {found['n_seeds']} pairs of seeds"
    if change["low"] > 0:
        return f"The MobileNet network is more accurate, by {size} ({reach})."
    if change["high"] < 0:
        return f"The MobileNet network is less accurate, by {size} ({reach})."
    if found["equivalence"]["equivalent"]:
        return f"The two networks are equally accurate within ±0.1 point ({reach})."
    return (
        f"The difference in accuracy, {points(change['mean'])} points, cannot be told from none "
        f"({reach})."
    )


def equivalence(found: dict[str, Any]) -> str:
    """What the two one-sided tests say."""
    test = found["equivalence"]
    if test["equivalent"] is None:
        return "Equivalence needs more than one seed."
    reach = f"90 % interval of the difference {interval(test, points)} points"
    shown = "is shown" if test["equivalent"] else "is not shown"
    return f"Equivalence within ±0.1 point {shown} (TOST p = {p_value(test['p'])}; {reach})."


def say_v1(data: Results) -> Section:
    """The whole network of the paper."""
    row = data.table("mobilenet_v1.csv").iloc[0]
    return {
        **{key: percent(row[key]) for key in ("accuracy", "balanced_accuracy")},
        **{key: whole(row[key]) for key in ("params", "macs")},
        "width": f"{row['width']:g}",
        "resolution": str(row["resolution"]),
        "epochs": str(row["training_epochs"]),
        "minutes": f"{row['training_seconds'] / 60:.0f}",
    }


def conclude(data: Results, sections: Sections) -> Iterator[str]:
    """What the separable blocks cost in accuracy, and what they save."""
    change = data.record("headline.json")["difference"]["accuracy"]
    head = sections["headline"]
    saved = (
        f"{head['params_ratio']} times fewer parameters and {head['macs_ratio']} times fewer MACs"
    )
    if change["low"] is not None and change["high"] < 0:
        yield f"To have {saved} costs {abs(100 * change['mean']):.2f} points of accuracy here."
    elif change["low"] is not None and change["low"] > 0:
        yield f"Surprising: with {saved} the accuracy is even higher, by {points(change['mean'])}."
    else:
        yield f"To have {saved} costs no accuracy that {head['seeds']} pairs of runs could show."
