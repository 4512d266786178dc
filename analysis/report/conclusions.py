"""What was learned: sentences that hold only if the numbers say so."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.report.arithmetic import equal_budget
from analysis.report.wording import NETWORKS, percent, points, read_csv, read_json, words

Sections = dict[str, dict[str, Any]]


def conclusions(sections: Sections, results: Path) -> list[str]:
    """In the order of the report; the surprising ones say so."""
    found = [
        price(sections, results),
        clock(sections),
        budget(results),
        data_matters(results),
        loss_matters(results),
        tails(results),
        untrained(results),
        confidence(results),
        damage(results),
    ]
    return [sentence for sentence in found if sentence]


def price(sections: Sections, results: Path) -> str:
    """What the separable blocks cost in accuracy, and what they save."""
    change = read_json(results / "headline.json")["difference"]["accuracy"]
    head = sections["headline"]
    saved = (
        f"{head['params_ratio']} times fewer parameters and {head['macs_ratio']} times fewer MACs"
    )
    if change["low"] is not None and change["high"] < 0:
        return f"To have {saved} costs {abs(100 * change['mean']):.2f} points of accuracy here."
    if change["low"] is not None and change["low"] > 0:
        return f"Surprising: with {saved} the accuracy is even higher, by {points(change['mean'])}."
    return f"To have {saved} costs no accuracy that {head['seeds']} pairs of runs could show."


def clock(sections: Sections) -> str:
    """Whether arithmetic turns into time."""
    head, roof = sections["headline"], sections["roofline"]
    share = float(head["throughput_ratio"]) / float(head["macs_ratio"])
    return (
        f"Of the promised {head['macs_ratio']} the clock gives {head['throughput_ratio']} in a "
        f"batch ({100 * share:.0f} %): depthwise layers have {roof['depthwise_macs']} % of the "
        f"MobileNet network's MACs and take {roof['depthwise_time']} % of its time."
    )


def budget(results: Path) -> str:
    """Separable blocks, or simply fewer channels?"""
    table = read_csv(results / "width.csv")
    narrow = equal_budget(table.groupby(["network", "width"]).mean(numeric_only=True))
    accuracy = table.set_index(["network", "width", "seed"])["accuracy"].sort_index()
    gaps = (accuracy["mobilenet", 1.0] - accuracy["standard", narrow]).tolist()
    if not agree(gaps):
        return (
            "Whether to save parameters by separable blocks or by fewer channels (width "
            f"{narrow:g}) cannot be told: at the same number the seeds disagree "
            f"({listed(gaps)} points)."
        )
    better, other = "separable blocks", "fewer channels"
    if gaps[0] < 0:
        better, other = other, better
    return (
        f"At the same number of parameters {better} are more accurate than {other} "
        f"(width {narrow:g}) with each of {len(gaps)} seeds ({listed(gaps)} points)."
    )


def data_matters(results: Path) -> str:
    """More data against everything else."""
    table = read_csv(results / "train_size.csv", dtype={"level": int})
    error = 1 - table.groupby(["network", "level"])["accuracy"].mean()
    low, high = table["level"].min(), table["level"].max()
    falls = {name: error[name, low] / error[name, high] for name in NETWORKS}
    found = read_json(results / "headline.json")["networks"]
    means = [found[name]["error_rate"]["mean"] for name in NETWORKS]
    more = min(falls.values()) > max(means) / min(means)
    return (
        f"{'Data matter more than architecture: f' if more else 'F'}rom {low:,} to {high:,} "
        f"training images the error falls {falls['standard']:.1f} times for the standard and "
        f"{falls['mobilenet']:.1f} times for the MobileNet network, with the same number of steps; "
        f"between the networks of the headline it differs {max(means) / min(means):.1f} times."
    )


def loss_matters(results: Path) -> str:
    """Which loss is best on the course's imbalanced set."""
    table = read_csv(results / "loss.csv")
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


def tails(results: Path) -> str:
    """Whether the smaller network suffers more from rare classes."""
    table = read_csv(results / "imbalance.csv").query("level == 'cross_entropy'")
    ratios = imbalance_ratios(table)
    hardest = table[ratios == ratios.max()]
    wide = hardest.pivot_table(index="dataset", columns="network", values="balanced_accuracy")
    gaps = (wide["mobilenet"] - wide["standard"]).tolist()
    start = f"With cross entropy at a ratio of {ratios.max()}"
    if not agree(gaps):
        return (
            f"{start} neither network suffers more from rare digits in every rotation "
            f"({listed(gaps)} points of balanced accuracy, MobileNet against standard)."
        )
    who = "MobileNet" if gaps[0] < 0 else "standard"
    return (
        f"{start} the {who} network suffers more from rare digits ({listed(gaps)} points of "
        "balanced accuracy, one run for each rotation)."
    )


def untrained(results: Path) -> str:
    """Random features against pixels."""
    table = read_csv(results / "projection_scores.csv").query("method == 'none'")
    knn = table.set_index("space")["knn_accuracy"]
    random = max(knn["standard_untrained"], knn["mobilenet_untrained"])
    if random < knn["raw"]:
        return (
            f"Surprising to some: neighbours in raw pixels are right for {percent(knn['raw'])} %, "
            f"in an untrained network for {percent(random)} % at best. MNIST is easy for pixels, "
            "and an architecture alone, before training, is no better."
        )
    return f"Even an untrained network ({percent(random)} %) is a better space than raw pixels."


def confidence(results: Path) -> str:
    """Which network knows better when it is wrong."""
    found = read_json(results / "headline.json")["networks"]
    values = [found[name]["aurc"]["values"] for name in NETWORKS]
    area = {name: 1e4 * found[name]["aurc"]["mean"] for name in NETWORKS}
    both = f"{area['standard']:.2f} (standard) and {area['mobilenet']:.2f} (MobileNet) times 10⁻⁴"
    if not agree([b - a for a, b in zip(*values, strict=True)]):
        return f"Both know about equally well when they are wrong: risk over coverage has {both}."
    better = min(NETWORKS, key=lambda name: area[name])
    return (
        f"The {better} network knows better when it is wrong, with every seed: its area under risk "
        f"over coverage is the smaller, {both}."
    )


def damage(results: Path) -> str:
    """Whether equal accuracy on clean digits means equal accuracy on damaged ones."""
    table = read_csv(results / "corruptions.csv").query("corruption != 'identity'")
    wide = table.groupby(["seed", "network"])["accuracy"].mean().unstack()
    gaps = (wide["mobilenet"] - wide["standard"]).tolist()
    if not agree(gaps):
        return (
            "On damaged digits neither network is ahead with every seed "
            f"({listed(gaps)} points, MobileNet against standard): the order of clean digits does "
            "not carry over."
        )
    ahead = "MobileNet" if gaps[0] > 0 else "standard"
    return (
        f"On damaged digits the {ahead} network is ahead with every seed ({listed(gaps)} points)."
    )


def did_not_work(sections: Sections, results: Path) -> list[str]:
    """What was tried and did not pay, as far as the numbers say so."""
    found = []
    strong = read_csv(results / "augment.csv").groupby(["network", "level"])["accuracy"].mean()
    both = {"mild", "strong"} <= set(strong.index.get_level_values("level"))
    if both and all(strong[name, "strong"] < strong[name, "mild"] for name in NETWORKS):
        lost = listed([strong[name, "strong"] - strong[name, "mild"] for name in NETWORKS])
        found.append(f"Strong augmentation, against mild, at this budget ({lost} points).")
    tail = read_csv(results / "imbalance.csv")
    ratios = imbalance_ratios(tail)
    hardest = tail[ratios == ratios.max()].groupby(["network", "level"])["balanced_accuracy"].mean()
    gains = [hardest[name, "ldam_drw"] - hardest[name, "cross_entropy"] for name in NETWORKS]
    if max(gains) <= 0:
        found.append(
            f"LDAM-DRW at a ratio of {ratios.max()}, against plain cross entropy ({listed(gains)} "
            "points of balanced accuracy): its margins seem to want longer training than this."
        )
    scores = read_csv(results / "calibration_scores.csv").groupby("network").mean(numeric_only=True)
    if (scores["nll_after"] >= scores["nll_before"]).all():
        found.append(sections["calibration"]["finding"])
    return found


def stem_trap(results: Path) -> str:
    """What a depthwise first layer does to grey input."""
    means = read_csv(results / "blocks.csv").groupby("network")["accuracy"].mean()
    deepest = max(int(name[2:]) for name in means.index if name.startswith("0+"))
    trapped, other = f"0+{deepest}", f"1+{deepest - 1}"
    if other not in means:
        return ""
    return (
        "A depthwise layer must not come first on grey images: with one input channel it is one "
        f"single 3×3 filter, whose answer is all that the rest can see. {deepest} separable blocks "
        f"reach {percent(means[trapped])} %, a standard block and then {deepest - 1} separable "
        f"ones {percent(means[other])} %."
    )


def imbalance_ratios(table: pd.DataFrame) -> pd.Series:
    """Images of the most frequent : rarest class, from the names of the data sets."""
    return table["dataset"].str.extract(r"exp(\d+)-")[0].astype(int)


def agree(gaps: Sequence[float]) -> bool:
    """Whether several differences all have one sign; one alone says nothing."""
    return len(gaps) > 1 and (min(gaps) > 0 or max(gaps) < 0)


def listed(gaps: Sequence[float]) -> str:
    """Differences in points, with their signs."""
    return ", ".join(points(gap) for gap in gaps)


def limitations(size: str) -> list[str]:
    """What this size of the report cannot say."""
    if size == "small":
        return ["This is the small size: with so few images and seeds most differences are noise."]
    return []
