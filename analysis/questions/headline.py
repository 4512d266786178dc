"""What is lost and what is won: the pair over seeds, and the whole network of the paper."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.build.plan import Plan, Step
from analysis.frame.results import Results
from analysis.frame.wording import (
    MINUS,
    bounded,
    gap_text,
    holm,
    listed,
    p_equals,
    p_value,
    percent,
    points,
    seeds_text,
    setting_text,
    side,
    updates,
    whole,
)
from analysis.look.rows import draw_bars, draw_pairs, t_interval
from analysis.look.style import ERROR, FULL, NETWORKS, blank, networks_of
from analysis.questions import Drawn, Section, Sections, figure
from netlib import measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.build.pairs import Pair, Result

COMPARED = ("headline.json",)
MORE = "more_pairs/headline.json"  # of many pairs of shorter runs
ANSWERS = "more_pairs/answers.npz"  # of the same
CONFIDENCE = 0.95  # of every interval
MARGIN = 0.001  # of equivalence: a tenth of a point, which single runs cannot tell apart
ALPHA = 0.05
COUNTS = ("both_right", "only_standard", "only_mobilenet", "none_right")


def steps(plan: Plan) -> Iterator[Step]:
    """The pairs of seeds on the course's set, what is compared of them, and MobileNet v1."""
    yield from more_pairs(plan)
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


def more_pairs(plan: Plan) -> Iterator[Step]:
    """Many pairs of shorter runs, for the full report, and networks of like budgets beside them.

    Their rates were tuned at their length, by a seed that is none of theirs.
    """
    if plan.size != "full":
        return
    part = (*plan.course, "--validation-size", 0.1, "--training-epochs", 3)
    levels = (*part, "--levels", 0.02, 0.04, 0.08)
    yield plan.sweep("more_rates", levels, factor="learning_rate", seeds=(100,))
    runs = plan.runs / "more_pairs"
    yield plan.sweep("more_pairs", (*part, "--keep", runs), seeds=range(20), rates="more_rates")
    widths = (("mobilenet", (2,)), ("standard", (0.41, 0.465)))
    parts = [(*part, "--networks", name, "--levels", *levels, "--keep", runs)
             for name, levels in widths]  # fmt: skip
    yield plan.sweep("more_width", *parts, factor="width", seeds=range(10), rates="more_rates")
    yield plan.step("pairs", "--runs", runs, *plan.course, "--brief", name="more_compare",
                    outputs="headline.json answers.npz", folder="more_pairs",
                    inputs="more_pairs.csv more_width.csv")  # fmt: skip
    runs = plan.runs / "more_time"
    timed = (*part, "--networks", "standard", "--levels", 0.4375, 0.5, "--keep", runs)
    yield plan.sweep("more_time", timed, factor="width", seeds=range(10), rates="more_rates")
    yield plan.step("kept_answers", "--runs", runs, outputs="answers.npz", folder="more_time",
                    inputs="more_time.csv")  # fmt: skip


# --- Measured -----------------------------------------------------------------------------------


def compare(pair: "Pair") -> dict[str, Any]:
    """Means with intervals, paired differences, and what the tests say."""
    values = {network: quantities(found) for network, found in pair.results.items()}
    standard, mobilenet = (values[network] for network in NETWORKS)
    n = len(pair.seeds)
    content = {
        "made_by": pair.made_by,
        "seeds": list(pair.seeds),
        "n_seeds": n,
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
                    "p": measure.paired_t(mobilenet[name], standard[name]),
                }
                for name in standard
            },
        },
        "mcnemar": [mcnemar_row(*both) for both in zip(*pair.results.values(), strict=True)],
        "equivalence": equivalence_of({name: found["accuracy"] for name, found in values.items()}),
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
    return {
        **asdict(measure.mean_interval(values, CONFIDENCE)),
        "values": [float(v) for v in values],
    }


def mcnemar_row(standard: "Result", mobilenet: "Result") -> dict[str, Any]:
    """McNemar's exact test of one seed's pair, and its table."""
    arguments = standard.labels, standard.predictions, mobilenet.predictions
    counts = dict(zip(COUNTS, measure.agreement(*arguments), strict=True))
    return {"seed": standard.run.seed, "p": measure.mcnemar(*arguments), **counts}


def equivalence_of(accuracies: Mapping[str, Sequence[float]] | pd.DataFrame) -> dict[str, Any]:
    """Whether both networks' accuracies, pair by pair, are the same to within the margin."""
    result = measure.equivalence(accuracies["mobilenet"], accuracies["standard"], MARGIN, ALPHA)
    return {"quantity": "accuracy", "margin": MARGIN, "alpha": ALPHA, **asdict(result)}


# --- Drawn --------------------------------------------------------------------------------------


@figure("What is lost and what is won", "pairs.csv")
def headline(data: Results) -> Drawn:
    """Error seed by seed, parameters and MACs, a row a network."""
    table = data.sweep("pairs")
    return rows_of_networks(table, joined=True), (
        f"Error rate on the test set, parameters and multiply–accumulates of both networks. Small "
        f"markers: {seeds_text(table, ['network'])}, runs of one seed joined; large markers: "
        f"means; {bars_text(table)} ({setting_text(table)})."
    )


def rows_of_networks(table: pd.DataFrame, joined: bool) -> "Figure":
    networks = networks_of(table)
    figure = blank(FULL, 1.5 + 1.05 * len(networks))
    error, params, macs = figure.subplots(1, 3, width_ratios=(3, 1.3, 1.3))
    draw_pairs(error, table, joined)
    error.set_xlabel(ERROR)
    costs = table.groupby("network")[["params", "macs"]].first().loc[networks]
    for ax, cost, name in (
        (params, costs["params"], "parameters"),
        (macs, costs["macs"], "multiply–accumulates"),
    ):
        draw_bars(ax, networks, cost, partial(with_ratio, first=cost.iloc[0]))
        ax.set_ylim(error.get_ylim())
        ax.set_title(name)
    return figure


def bars_text(table: pd.DataFrame) -> str:
    """What the bars are, and why some are missing."""
    found = [t_interval(rows["error"]) for _, rows in table.groupby("network")]
    why = ", which one seed alone does not have" if np.isnan(found).any() else ""
    cut = any(low <= 0 or high >= 100 for low, high in found)
    end = ", cut, without a mark, where no error rate can be" if cut else ""
    return f"bars: their 95 % t-interval{why}{end}"


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
    return rows_of_networks(both, joined=False), (
        f"The whole MobileNet v1 of the paper beside our two networks. Small markers: "
        f"{seeds_text(table, ['network'])} of MobileNet v1 and {seeds_text(pairs, ['network'])} of "
        f"ours; large markers: means; {bars_text(both)} (MobileNet v1: "
        f"{setting_text(table)}; ours: {setting_text(pairs)})."
    )


# --- Said ---------------------------------------------------------------------------------------


def say(data: Results) -> Sections:
    """Accuracy of the pairs of seeds, costs, and the verdict; the whole network of the paper."""
    found = data.record("headline.json")
    cost, sessions = data.costs(), data.sessions()
    runs = data.table("pairs.csv").set_index(["network", "seed"])
    params, macs = (cost.loc["standard"] / cost.loc["mobilenet"])[["params", "macs"]]
    headline = {
        **{name: scores_of(name, data, found["networks"][name]) for name in NETWORKS},
        "seeds": str(found["n_seeds"]),
        "test_images": whole(found["test_images"]),
        "train_images": whole(runs["train_images"].iloc[0]),
        "validation_images": whole(runs["validation_images"].iloc[0]),
        "epochs": str(runs["training_epochs"].iloc[0]),
        "steps": whole(updates(runs).iloc[0]),
        "batch_size": str(runs["batch_size"].iloc[0]),
        "params_ratio": f"{params:.2f}",
        "macs_ratio": f"{macs:.2f}",
        "one": speed_text(sessions, "one"),
        "batch": speed_text(sessions, "batch"),
        "batch_images": whole(sessions[0].loc["batch", "images"]),
        "verdict": verdict(found),
        "equivalence": equivalence(found),
        "with_images": with_images(found),
        "mcnemar": mcnemar_text(found["mcnemar"]),
        "shown": shown_seed(found),
        "runs": run_rows(found),
        "more": say_more(data) if data.has(MORE) else {},
    }
    return {"headline": headline, "mobilenet_v1": say_v1(data)}


def speed_text(sessions: Sequence[pd.DataFrame], name: str) -> str:
    """As "3.94 times (3.47 to 4.10 in 3 sessions)"."""
    first, *others = (session.loc[name] for session in sessions)
    text = f"{first['ratio']:.2f} times"
    if not others:
        return text
    ratios = sorted(session["ratio"] for session in (first, *others))
    sizes = {session["images"] for session in others} - {first["images"]}
    other = f", others in batches of {listed(map(whole, sizes))}" if sizes else ""
    return f"{text} ({ratios[0]:.2f} to {ratios[-1]:.2f} in {len(ratios)} sessions{other})"


def scores_of(name: str, data: Results, scores: dict[str, Any]) -> Section:
    """One network's column."""
    rates = data.table("pairs.csv").query("network == @name")["learning_rate"]
    means = ("accuracy", "balanced_accuracy", "macro_f1", "worst_recall")
    return {
        **{key: percent(scores[key]["mean"]) for key in means},
        "accuracy_interval": bounded(scores["accuracy"]),
        "sd": percent(scores["accuracy"]["sd"]),
        "learning_rate": f"{rates.iloc[0]:g}",
    }


def verdict(found: dict[str, Any]) -> str:
    """What the paired difference in accuracy says."""
    gaps = found["difference"]["accuracy"]["values"]
    if way := side(gaps):
        told = f"The MobileNet network is {'more' if way > 0 else 'less'} accurate"
    elif found["equivalence"]["equivalent"]:
        told = "The two networks are equally accurate within ±0.1 point"
    else:
        told = "Which network is more accurate is open"
    return f"{told}: MobileNet {MINUS} standard is {gap_text(gaps)}."


def equivalence(found: dict[str, Any]) -> str:
    """What the two one-sided tests say."""
    test = found["equivalence"]
    if test["equivalent"] is None:
        return "Equivalence needs more than one seed."
    reach = f"{bounded(test, points)} points"
    if test["low"] > MARGIN or test["high"] < -MARGIN:
        return f"Over seeds the difference is larger than 0.1 point (its 90 % interval {reach})."
    shown = "is shown" if test["equivalent"] else "is not shown"
    p = p_equals(test["p"])
    return (
        f"Equivalence within ±0.1 point {shown} (two one-sided tests, {p}; 90 % interval of the "
        f"difference {reach})."
    )


def with_images(found: dict[str, Any]) -> str:
    """The interval that also holds another draw of test images.

    Over images the mean difference of several pairs varies at most as that of one pair, whose
    variance McNemar's table gives; so the interval is, if anything, too wide.
    """
    change, n = found["difference"]["accuracy"], found["test_images"]
    if change["low"] is None:
        return "One pair has no interval."
    differ = np.array([row["only_standard"] + row["only_mobilenet"] for row in found["mcnemar"]])
    variance = (differ / n - np.square(change["values"])).mean() / n
    return (
        f"An interval that holds another draw of test images, too, is {wider(change, variance)} "
        "points (95 %, conservative: Student's over seeds; over images the variance of one pair, "
        "by McNemar's tables)."
    )


def with_images_of(answers: dict[str, np.ndarray], found: dict[str, Any]) -> str:
    """The same where every answer was kept: over images the mean differences vary as they do."""
    right = {name: each.mean(axis=0) for name, each in right_of(answers, found["seeds"]).items()}
    differences = right["mobilenet"] - right["standard"]
    variance = differences.var() / len(differences)
    return (
        "The interval that holds another draw of test images, too, is "
        f"{wider(found['difference']['accuracy'], variance)} points (95 %; over images by each "
        "one's mean difference)."
    )


def right_of(answers: dict[str, np.ndarray], seeds: Sequence[int]) -> dict[str, np.ndarray]:
    """Network -> (pairs, images) whether each kept answer is right."""
    return {
        name: np.array([answers[f"{name}-{seed}"] == answers["labels"] for seed in seeds])
        for name in NETWORKS
    }


def wider(change: dict[str, Any], variance: float) -> str:
    """The interval over seeds, widened by a variance over images."""
    half = float(np.hypot(1.96 * np.sqrt(variance), change["high"] - change["mean"]))
    return bounded({"low": change["mean"] - half, "high": change["mean"] + half}, points)


def mcnemar_text(rows: list[dict[str, Any]]) -> str:
    """How many pairs differ, after Holm."""
    adjusted = holm({row["seed"]: row["p"] for row in rows})
    found = sum(p < ALPHA for p in adjusted.values())
    return (
        f"Image by image, exact McNemar tests find a difference in {found} of {len(rows)} pairs of "
        "runs (p < 0.05 after Holm)."
    )


def shown_seed(found: dict[str, Any]) -> str:
    """Of which pair single runs are shown, and how its difference stands among the others."""
    seed, gaps = shown_of(found), found["difference"]["accuracy"]["values"]
    gap = gaps[found["seeds"].index(seed)]
    rank = sorted(np.abs(gaps))[::-1].index(abs(gap)) + 1
    return (
        f"Where one pair must stand for all (ROC, errors, filters, embeddings), it is that of seed "
        f"{seed} (the shown pair), whose difference of {points(gap)} points is number {rank} of "
        f"{len(gaps)} by size."
    )


def shown_of(found: dict[str, Any]) -> int:
    """The seed whose runs stand for all."""
    made = found["made_by"]
    return made["shown_seed"] if "shown_seed" in made else made["first_seed"]


def run_rows(found: dict[str, Any]) -> list[Section]:
    """Lines of the appendix: both runs of a seed."""
    rows = []
    for place, pair in enumerate(found["mcnemar"]):
        row = {key: whole(pair[key]) for key in ("seed", *COUNTS)}
        for name, scores in found["networks"].items():
            row[name] = percent(scores["accuracy"]["values"][place])
            row[f"{name}_balanced"] = percent(scores["balanced_accuracy"]["values"][place])
        rows.append({**row, "p": p_value(pair["p"])})
    return rows


def say_more(data: Results) -> Section:
    """The same difference over many pairs of shorter runs."""
    found = data.record(MORE)
    runs = data.table("more_pairs.csv").set_index(["network", "seed"])
    rates = runs["learning_rate"].groupby("network").first()
    gaps = found["difference"]["accuracy"]["values"]
    tried = sorted(data.table("more_rates.csv")["learning_rate"].unique())
    return {
        "pairs": str(len(gaps)),
        "epochs": str(runs["training_epochs"].iloc[0]),
        "steps": whole(updates(runs).iloc[0]),
        "gap": gap_text(gaps),
        "fewer": whole(sum(gap < 0 for gap in gaps)),
        "with_images": with_images_of(data.arrays(ANSWERS), found),
        "equivalence": equivalence(found),
        "mcnemar": mcnemar_text(found["mcnemar"]),
        "tried": listed(f"{rate:g}" for rate in tried),
        "edge": "the largest, beyond which nothing was tried" if max(rates) == tried[-1] else "",
        **{f"{name}_rate": f"{rate:g}" for name, rate in rates.items()},
        "runs": run_rows(found),
    }


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
    gaps = data.record("headline.json")["difference"]["accuracy"]["values"]
    head = sections["headline"]
    saved = (
        f"{head['params_ratio']} times fewer parameters and {head['macs_ratio']} times fewer MACs"
    )
    if way := side(gaps):
        cost = "costs" if way < 0 else "even gains"
        where = " after training on the imbalanced set" if data.has("data_card.json") else ""
        told = f"Block for block, to have {saved} {cost} test accuracy{where}"
    else:
        told = f"What it costs to have {saved} is open"
    yield f"{told}: MobileNet {MINUS} standard is {gap_text(gaps)}."
