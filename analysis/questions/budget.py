"""The answer in its regimes: block for block, at an equal budget, in equal time; and image size."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import product
from typing import Any

import pandas as pd

from analysis.build.plan import Plan, Step
from analysis.frame.results import Results
from analysis.frame.wording import (
    FEWEST,
    bounded,
    by_network,
    count_text,
    gap_text,
    gaps_of,
    holm,
    judged_text,
    listed,
    p_equals,
    p_value,
    percent,
    points,
    seeds_text,
    setting_text,
    side,
    whole,
)
from analysis.look.maps import draw_front
from analysis.look.style import ERROR, FULL, NETWORKS, blank, key_above
from analysis.questions import Drawn, Section, Sections, figure
from analysis.questions.headline import equivalence_of
from analysis.questions.sweeps import least_difference, least_words
from netlib.measure.seeds import mean_interval

KEYS = ["network", "width", "resolution"]
COSTS = ("params", "macs", "time")
SHIPPED = "../evaluation"  # of the networks in checkpoints/, beside these results
RECIPE = "Block for block, shipped recipe"
SEEDS = range(10)  # of its trainings, as many as are there


def steps(plan: Plan) -> Iterator[Step]:
    """Widths of each network, and sides of the images."""
    widths = {
        "standard": plan.pick((0.41, 1), (0.25, 0.41, 0.465, 1), (0.25, 0.41, 0.465, 0.7, 1)),
        "mobilenet": plan.pick((1,), (0.25, 0.5, 1, 2), (0.25, 0.5, 1, 1.5, 2, 2.25)),
    }
    parts = [
        (*plan.base, "--networks", network, "--levels", *levels)
        for network, levels in widths.items()
    ]
    yield plan.sweep("width", *parts, factor="width")
    sides = plan.pick((14, 28), (14, 28), (14, 20, 28))
    yield plan.sweep("resolution", (*plan.base, "--levels", *sides), factor="resolution")


def measured(data: Results, name: str, factor: str = "") -> pd.DataFrame:
    """Runs of a sweep with error in percent, and the time of one image in ms.

    Raises:
        ValueError: a network was not timed.
    """
    numbers = {"width": float, "resolution": float}  # whole or not
    times = data.table("latency.csv")[[*KEYS, "seconds_one"]].astype(numbers)
    table = data.sweep(name).astype(numbers).merge(times, how="left", on=KEYS)
    untimed = table[table["seconds_one"].isna()]["network"]
    if len(untimed):
        raise ValueError(f"latency.csv has no time of {untimed.iloc[0]}, which {name}.csv has.")
    factor = factor or name
    return table.assign(time=1e3 * table["seconds_one"], scaled=factor, level=table[factor])


@figure("What an error costs", "width.csv", "resolution.csv", "latency.csv")
def pareto(data: Results) -> Drawn:
    """Error against three costs."""
    both = pd.concat([measured(data, "width"), measured(data, "resolution")])
    by = ["network", "scaled", "level"]
    table = both.groupby(by)[["error", *COSTS]].mean().reset_index()
    table = table.assign(params=table["params"] / 1e3, macs=table["macs"] / 1e6)
    figure = blank(FULL, 5.4)
    axes = figure.subplots(1, 3, sharey=True)
    names = ("parameters (thousand)", "multiply–accumulates (million)", "time of one image (ms)")
    for ax, column, name in zip(axes, COSTS, names, strict=True):
        draw_front(ax, table, column, "error")
        ax.set_xlabel(name)
    axes[0].set_ylabel(ERROR)
    key_above(figure, axes[0])
    width = data.sweep("width")
    return figure, (
        "Error rate against what a network costs, over width multipliers (lines) and image sizes "
        f"(dotted): means of {seeds_text(width)} ({setting_text(width)}). The grey band is the "
        "front: nothing in this figure is cheaper and better. Time: one image, one thread, ONNX "
        "Runtime, median."
    )


# --- Regimes ------------------------------------------------------------------------------------


def shipped(data: Results) -> pd.DataFrame:
    """Test accuracy of every training of the shipped recipe, before it was taught to refuse.

    Empty where it is not beside these results.
    """
    rows = []
    for network, seed in product(NETWORKS, SEEDS):
        file = f"{SHIPPED}/seeds/{network}-{seed}/mnist/scores.json"
        if data.has(file):
            rows.append((network, seed, data.record(file)["accuracy"]))
    return pd.DataFrame(rows, columns=["network", "seed", "accuracy"])


def like_budgets(data: Results) -> pd.DataFrame:
    """Runs of several widths: those beside the many pairs, where there are any, or the sweep's."""
    if not data.has("more_width.csv"):
        return measured(data, "width")
    return pd.concat([measured(data, name, "width") for name in ("more_pairs", "more_width")])


def equal(table: pd.DataFrame, cost: str) -> float:
    """Width of the standard network that costs about what MobileNet at full width costs."""
    costs = table.groupby(["network", "width"])[cost].first()
    return (costs["standard"] / costs["mobilenet", 1.0] - 1).abs().idxmin()


def equal_time(table: pd.DataFrame) -> float:
    """Largest width at which MobileNet costs no more than standard, in anything."""
    costs = table.groupby(["network", "width"])[list(COSTS)].first()
    fits = (costs.loc["mobilenet"] <= costs.loc["standard", 1.0]).all(axis=1)
    return fits[fits].index.max()


def pairs_of(table: pd.DataFrame, standard: float = 1.0, mobilenet: float = 1.0) -> pd.DataFrame:
    """One row a seed: accuracy of the standard and of the MobileNet network of these widths."""
    wanted = table["network"].map({"standard": standard, "mobilenet": mobilenet})
    return by_network(table[table["width"] == wanted]).dropna()


def ratios(table: pd.DataFrame, standard: float = 1.0, mobilenet: float = 1.0) -> Section:
    """How many times more the standard network costs."""
    costs = table.groupby(["network", "width"])[list(COSTS)].first()
    found = costs.loc["standard", standard] / costs.loc["mobilenet", mobilenet]
    return {key: f"{value:.2f}" for key, value in found.items()}


def regime(name: str, setting: str, pairs: pd.DataFrame, cost: Section) -> Section:
    """A line of the table on the first page."""
    gaps = gaps_of(pairs)
    found = mean_interval(gaps)
    alike = "equal within ±0.1 point" if shown_equal(pairs) else "open"
    words = {1: "more accurate", -1: "less accurate", 0: alike}
    return {
        "name": name,
        "setting": setting,
        **{network: percent(pairs[network].mean()) for network in NETWORKS},
        "gap": points(found.mean),
        "interval": "none" if found.low is None else bounded(asdict(found), points),
        "pairs": str(len(gaps)),
        "finding": words[side(gaps)],
        **cost,
    }


def shown_equal(pairs: pd.DataFrame) -> dict[str, Any] | None:
    """The tests that show accuracies to be equal within the margin; None where they do not."""
    if len(pairs) < FEWEST:
        return None
    test = equivalence_of(pairs)
    return test if test["equivalent"] else None


def equality(data: Results) -> dict[str, float]:
    """Line of page 1 -> p of the two one-sided tests, adjusted for the number of lines."""
    enough = {name: pairs for name, _, pairs, _ in lines(data) if len(pairs) >= FEWEST}
    return holm({name: equivalence_of(pairs)["p"] for name, pairs in enough.items()})


def lines(data: Results) -> Iterator[tuple[str, str, pd.DataFrame, Section]]:
    """Regimes of what was trained: name, setting, accuracies of its pairs, and ratios of costs."""
    runs, widths = data.table("pairs.csv"), like_budgets(data)
    cost, speed = data.costs(), data.speed()
    same = {k: f"{cost.loc['standard', k] / cost.loc['mobilenet', k]:.2f}" for k in COSTS[:2]}
    same["time"] = f"{speed.loc['one', 'ratio']:.2f}"
    yield "Block for block", short(runs), by_network(runs), same
    if data.has("more_pairs.csv"):
        more = data.table("more_pairs.csv")
        yield "Block for block, shorter", short(more), by_network(more), same
    found = shipped(data)
    if len(found):
        yield RECIPE, "MNIST + pen", by_network(found).dropna(), same
    for what, cost in (("parameters", "params"), ("MACs", "macs")):
        narrow = equal(widths, cost)
        yield (
            f"Equal {what} (standard × {narrow:g})", short(widths),
            pairs_of(widths, standard=narrow), ratios(widths, standard=narrow),
        )  # fmt: skip
    wide = equal_time(widths)
    if wide > 1:
        yield (
            f"At most equal cost (MobileNet × {wide:g})", short(widths),
            pairs_of(widths, mobilenet=wide), ratios(widths, mobilenet=wide),
        )  # fmt: skip


WHERE = {
    RECIPE: "with the shipped recipe",
    "Equal parameters": "at equal parameters",
    "Equal MACs": "at equal MACs",
    "At most equal cost": "with a wide MobileNet that costs no more in parameters, MACs and time",
}
SAID = {
    "equal within ±0.1 point": "the two are equal within ±0.1 point over seeds",
    "open": "which one is more accurate is open",
    "more accurate": "MobileNet is more accurate",
    "less accurate": "MobileNet is less accurate",
}


def others_text(regimes: Sequence[Section]) -> str:
    """The lines that are not of the headline, in words, those of one finding together."""
    places: dict[str, list[str]] = {}
    for row in regimes:
        if where := WHERE.get(row["name"].split(" (")[0]):
            unit = "" if places else " points"
            places.setdefault(row["finding"], []).append(f"{where} ({row['gap']}{unit})")
    told = "; ".join(f"{listed(found)} {SAID[finding]}" for finding, found in places.items())
    return f"{told[0].upper()}{told[1:]}."


def short(table: pd.DataFrame) -> str:
    """As "18,388 images, 10 epochs"."""
    images, epochs = table["train_images"].iloc[0], table["training_epochs"].iloc[0]
    return f"{whole(images)} images, {count_text([epochs], 'epoch')}"


# --- Said ---------------------------------------------------------------------------------------


def say(data: Results) -> Sections:
    """The table of regimes; width and resolution."""
    widths = like_budgets(data)
    by_size = data.table("resolution.csv").groupby(["resolution", "network"])["accuracy"].mean()
    narrow, slim, wide = equal(widths, "params"), equal(widths, "macs"), equal_time(widths)
    at_params, at_macs = (pairs_of(widths, standard=width) for width in (narrow, slim))
    wider = pairs_of(widths, mobilenet=wide)
    regimes = [regime(*line) for line in lines(data)]
    return {
        "budget": {
            "regimes": regimes,
            "others": others_text(regimes),
            "seeds": count_text([at_params.index.nunique()], "seed"),
            "runs": short(widths),
            "narrow": f"{narrow:g}",
            "slim": f"{slim:g}",
            "wide": f"{wide:g}",
            "narrow_gap": judged_text(gaps_of(at_params)),
            "slim_gap": judged_text(gaps_of(at_macs)),
            "wide_gap": judged_text(gaps_of(wider)),
            "few": seeds_text(data.table("width.csv")),
            "elsewhere": ratios(widths)["time"],
            "speeds": speeds_text(data),
            "equivalence": equivalences([at_params, at_macs, wider]),
            "resolutions": sizes_text(by_size.unstack(), data.table("resolution.csv")),
        }
    }


def speeds_text(data: Results) -> str:
    """How fast the standard network computes at each width."""
    table = measured(data, "width").query("network == 'standard'")
    costs = table.groupby("width")[["macs", "time"]].first()
    speeds = costs["macs"] / costs["time"] / 1e6
    return (
        f"{listed(f'{speed:.0f}' for speed in speeds)} GMAC/s at widths "
        f"{listed(f'{width:g}' for width in costs.index)}"
    )


def equivalences(pairs: Sequence[pd.DataFrame]) -> str:
    """Whether any of the three equal budgets is shown to make no difference."""
    if any(len(found) < FEWEST for found in pairs):
        return "Too few pairs to show that any of the equal budgets makes no difference."
    tests = list(map(equivalence_of, pairs))
    shown = sum(test["equivalent"] for test in tests)
    p = ", ".join(p_value(test["p"]) for test in tests)
    return (
        "Of the three comparisons at equal parameters, at equal MACs and with a wide MobileNet, "
        f"equivalence within ±0.1 point is shown for {shown or 'none'} (two one-sided tests, "
        f"p {p})."
    )


def sizes_text(means: pd.DataFrame, runs: pd.DataFrame) -> str:
    """Accuracy at each size of images, and which sizes are told apart from the largest."""
    least = least_difference(runs)
    told = "; ".join(
        f"{size} px: {percent(row['standard'])} and {percent(row['mobilenet'])} %"
        for size, row in means.iterrows()
    )
    largest = means.index.max()
    rest = means.drop(index=largest)
    worse = (means.loc[largest] - rest > least).all(axis=1)
    apart = ((means.loc[largest] - rest).abs() > least).any(axis=1)  # no size is with one seed
    lost = " and ".join(f"{size} px" for size in rest.index[worse])
    alike = " and ".join(f"{size} px" for size in rest.index[~apart])
    return (
        f"Smaller images (standard and MobileNet, {told}): {least_words(runs)}"
        + (f", so both networks lose accuracy at {lost}" if lost else "")
        + (f"; {alike} cannot be told from {largest} px" if alike else "")
        + "."
    )


def conclude(data: Results, sections: Sections) -> Iterator[str]:
    """Separable blocks, or simply fewer channels? And a wide MobileNet?"""
    section = sections["budget"]
    found = by_network(shipped(data)).dropna()
    if len(found):
        told = judged_text(gaps_of(found))
        if test := shown_equal(found):
            told = (
                f"{gap_text(gaps_of(found))}: equal within ±0.1 point over seeds (two one-sided "
                f"tests, {p_equals(test['p'])}, after Holm over page 1's lines "
                f"{p_value(equality(data)[RECIPE])}; not over another draw of images)"
            )
        yield (
            "With the shipped recipe (standard in bfloat16), on MNIST's test set, MobileNet − "
            f"standard is {told}."
        )
    yield (
        f"At the same number of parameters, separable blocks against fewer channels (standard at "
        f"width {section['narrow']}): {section['narrow_gap']}."
    )
    if section["wide"] != "1":
        yield (
            f"MobileNet at width {section['wide']} has fewer parameters and multiply–accumulates "
            f"than standard and takes no longer: {section['wide_gap']}."
        )
