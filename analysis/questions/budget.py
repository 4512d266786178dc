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
    gaps_of,
    holm,
    judged_text,
    listed,
    p_equals,
    p_value,
    percent,
    points,
    precision_text,
    seeds_text,
    setting_text,
    side,
    whole,
)
from analysis.look.maps import draw_front
from analysis.look.style import ERROR, FULL, LOGS, NETWORKS, blank, key_above
from analysis.questions import Drawn, Section, Sections, figure
from analysis.questions.headline import ALPHA, equivalence_of
from analysis.questions.sweeps import least_difference, least_words
from netlib.measure.seeds import mean_interval
from netlib.nets.layers import init_network_spec, layers_of

KEYS = ["network", "width", "resolution"]
COSTS = ("params", "macs", "time")
SHIPPED = "../evaluation"  # of the networks in checkpoints/, beside these results
RECIPE = "Block for block, shipped recipe"
SEEDS = range(10)  # of its trainings, as many as are there
EQUALS = {"Equal parameters": "params", "Equal MACs": "macs", "Equal time": "time"}
AT_MOST = "At most equal cost"
LIKE = 0.05  # times are never quite equal
EQUAL = "equal within ±0.1 point"


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
    figure = blank(FULL, 4.3)
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
        f"Runtime, median. {LOGS}"
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
    longer = ("more_pairs", "more_width", "more_time")
    return pd.concat([measured(data, name, "width") for name in longer])


def budgets(table: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """What is held equal -> the widths of standard and of MobileNet that come nearest to that.

    Equal time is left out where no width comes near, and more than MobileNet at full width is only
    at most as dear as standard.
    """
    costs = table.groupby(["network", "width"])[list(COSTS)].first()
    apart = (costs.loc["standard"] / costs.loc[("mobilenet", 1.0)] - 1).abs()
    found = {
        name: (apart[cost].idxmin(), 1.0)
        for name, cost in EQUALS.items()
        if cost != "time" or apart[cost].min() < LIKE
    }
    fits = (costs.loc["mobilenet"] <= costs.loc["standard", 1.0]).all(axis=1)
    if (wide := fits[fits].index.max()) > 1:
        found[AT_MOST] = (1.0, wide)
    return found


def pairs_of(table: pd.DataFrame, standard: float = 1.0, mobilenet: float = 1.0) -> pd.DataFrame:
    """One row a seed: accuracy of the standard and of the MobileNet network of these widths."""
    wanted = table["network"].map({"standard": standard, "mobilenet": mobilenet})
    return by_network(table[table["width"] == wanted]).dropna()


def ratios(table: pd.DataFrame, standard: float = 1.0, mobilenet: float = 1.0) -> Section:
    """How many times more the standard network costs."""
    costs = table.groupby(["network", "width"])[list(COSTS)].first()
    found = costs.loc["standard", standard] / costs.loc["mobilenet", mobilenet]
    return {key: f"{value:.2f}" for key, value in found.items()}


def regime(name: str, setting: str, pairs: pd.DataFrame, cost: Section, p: float) -> Section:
    """A line of the table on the first page; p: of equality, adjusted."""
    gaps = gaps_of(pairs)
    found = mean_interval(gaps)
    alike = EQUAL if p < ALPHA and shown_equal(pairs) else "open"
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
    for what, found in budgets(widths).items():
        yield (
            f"{what} ({changed(*found)})", short(widths), pairs_of(widths, *found),
            ratios(widths, *found),
        )  # fmt: skip


def changed(standard: float, mobilenet: float) -> str:
    """As "standard × 0.41"."""
    return f"MobileNet × {mobilenet:g}" if standard == 1 else f"standard × {standard:g}"


WHERE = {
    RECIPE: "with the shipped recipe",
    "Equal parameters": "at equal parameters",
    "Equal MACs": "at equal MACs",
    "Equal time": "in about equal time",
    AT_MOST: "with a wide MobileNet that costs no more in parameters, MACs and time",
}
SAID = {
    EQUAL: f"the two are {EQUAL} over seeds",
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
    alike = {what: pairs_of(widths, *found) for what, found in budgets(widths).items()}
    tested = list(alike.values())
    if width := slower(widths):  # told after it
        tested.insert(1 + list(alike).index("Equal time"), pairs_of(widths, standard=width))
    p = equality(data)
    regimes = [regime(*line, p.get(line[0], 1)) for line in lines(data)]
    return {
        "budget": {
            "regimes": regimes,
            "others": others_text(regimes),
            "seeds": count_text([min(map(len, alike.values()))], "seed"),
            "runs": short(widths),
            "timed": "Equal time" in alike,
            "gaps": gaps_text(widths),
            "slower": slower_text(widths),
            "sweep": swept_text(data),
            "wides": wides_text(widths),
            "few": seeds_text(data.table("width.csv")),
            "elsewhere": ratios(widths)["time"],
            "speeds": speeds_text(data),
            "uneven": uneven_text(data),
            "equivalence": equivalences(tested),
            "resolutions": sizes_text(by_size.unstack(), data.table("resolution.csv")),
        }
    }


def gaps_text(table: pd.DataFrame) -> str:
    """The difference at each equal budget, and at a time that is nearly equal."""
    told = {
        what: f"{WHERE[what]} ({changed(*found)}) {judged_text(gaps_of(pairs_of(table, *found)))}"
        for what, found in budgets(table).items()
    }
    if width := slower(table):
        found = judged_text(gaps_of(pairs_of(table, standard=width)))
        told["Equal time"] += (
            f" (standard × {width:g}, which takes {longer(table, width)}: {found})"
        )
    return "; ".join(told.values())


def slower(table: pd.DataFrame) -> float:
    """The widest standard network that takes little longer than MobileNet; 0 if there is none."""
    width = budgets(table).get("Equal time", (0.0, 1.0))[0]
    times = table.groupby(["network", "width"])["time"].first()
    most = (1 + 2 * LIKE) * times["mobilenet", 1.0]
    wider = times["standard"].loc[lambda time: (time <= most) & (time.index > width)]
    return wider.index.max() if width and len(wider) else 0.0


def longer(table: pd.DataFrame, width: float) -> str:
    """How much longer the standard network of that width takes than MobileNet."""
    return f"{ratios(table, standard=width)['time']} times as long"


def slower_text(table: pd.DataFrame) -> str:
    """What page 1 says of that network."""
    if not (width := slower(table)):
        return ""
    found = mean_interval(gaps_of(pairs_of(table, standard=width)))
    return (
        f"The widest standard network trained within {200 * LIKE:.0f} % of MobileNet’s time (of "
        f"one session), × {width:g} ({longer(table, width)}), differs by {points(found.mean)} "
        f"({bounded(asdict(found), points)})."
    )


def wides_text(table: pd.DataFrame) -> str:
    """How many MobileNets the widest that costs no more was chosen from."""
    wider = {width for width in table.query("network == 'mobilenet'")["width"] if width > 1}
    return "the only wider one" if len(wider) == 1 else f"of {len(wider)} wider ones"


def swept_text(data: Results) -> str:
    """The same differences in the runs of the sweep, where others were told."""
    if not data.has("more_width.csv"):
        return ""
    table = measured(data, "width")
    told = []
    for what, found in budgets(table).items():
        gaps = gaps_of(pairs_of(table, *found))
        reach = bounded(asdict(gap := mean_interval(gaps)), points)
        finding = "" if side(gaps) else ", open"
        told.append(f"{points(gap.mean)} ({reach}{finding}) {WHERE[what]}")
    runs = f"{short(table)}{precision_text(table)}, {seeds_text(table)}"
    return (
        f"In the sweep ({runs}): {listed(told)}, in points; an interval of so few pairs may be "
        "narrow by luck."
    )


def timed(data: Results) -> pd.DataFrame:
    """Million MACs and ms of one image of each standard network of whole images, by width."""
    times = data.table("latency.csv").query("network == 'standard' and resolution == 28")
    costs = times.astype({"width": float}).set_index("width").sort_index()
    return pd.DataFrame({"macs": costs["macs"] / 1e6, "time": 1e3 * costs["seconds_one"]})


def speeds_text(data: Results) -> str:
    """How fast the standard network computes at each width."""
    costs = timed(data)
    return (
        f"{listed(f'{speed:.0f}' for speed in costs['macs'] / costs['time'])} GMAC/s at widths "
        f"{listed(f'{width:g}' for width in costs.index)}"
    )


def uneven_text(data: Results) -> str:
    """Which standard network takes longer than the next wider one, if any, and what it gains."""
    times = timed(data)["time"]
    falls = times.diff(-1)
    if not (falls > 0).any():
        return ""
    width = falls.idxmax()
    wider = times.index[times.index.get_loc(width) + 1]
    counts = [channels(each) for each in (width, wider)]
    return (
        f"Time does not follow the MACs evenly: standard × {width:g} ({counts[0]} channels) takes "
        f"{times[width]:.3f} ms, × {wider:g} ({counts[1]}) {times[wider]:.3f} ms"
        f"{wider_text(like_budgets(data), width, wider)}."
    )


def wider_text(table: pd.DataFrame, width: float, wider: float) -> str:
    """How much more accurate the wider of two standard networks is, where they share seeds."""
    runs = table[table["network"] == "standard"]
    found = runs.pivot_table(index="seed", columns="width", values="accuracy")[[width, wider]]
    gaps = (found[wider] - found[width]).dropna().tolist()
    return f" and is more accurate by {judged_text(gaps)}" if gaps else ""


def channels(width: float) -> str:
    """As "16, 32, 64 and 128", of the standard network's blocks."""
    layers = layers_of(init_network_spec(4, 0, (1, 28, 28), 10, width))
    return listed(str(block.output_shape[0]) for block in layers.blocks)


def equivalences(pairs: Sequence[pd.DataFrame]) -> str:
    """Whether any of these budgets is shown to make no difference."""
    if any(len(found) < FEWEST for found in pairs):
        return "Too few pairs to show that any of the equal budgets makes no difference."
    tests = list(map(equivalence_of, pairs))
    shown = sum(test["equivalent"] for test in tests)
    p = ", ".join(p_value(test["p"]) for test in tests)
    return (
        f"Equality within ±0.1 point is shown for {shown or 'none'} of these {len(tests)} (two "
        f"one-sided tests, uncorrected p {p})."
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
        if RECIPE in (p := equality(data)):
            told += (
                f"; equality within ±0.1 point over seeds has {p_equals(p[RECIPE])} (two one-sided "
                "tests, after Holm over page 1's lines)"
            )
        yield (
            "With the shipped recipe (standard in bfloat16), on MNIST's test set, MobileNet − "
            f"standard is {told}."
        )
    rest = [row for row in section["regimes"] if row["name"] != RECIPE]
    yield f"{others_text(rest)[:-1]} ({section['runs']}). {section['slower']}".strip()
