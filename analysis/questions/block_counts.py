"""Every number of blocks: what each costs, and how well it reads."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.build.plan import Plan, Step
from analysis.frame.results import Results
from analysis.frame.wording import (
    block_words,
    judged_text,
    listed,
    percent,
    seeds_text,
    setting_text,
    whole,
)
from analysis.look.grids import draw_block_grid
from analysis.look.lines import chosen_level
from analysis.look.maps import draw_block_scatter
from analysis.look.style import ERROR, FULL, LOGS, blank
from analysis.questions import Drawn, Sections, figure
from analysis.questions.budget import measured as timed
from analysis.questions.sweeps import least_words
from netlib.errors import many


def steps(plan: Plan) -> Iterator[Step]:
    """The grid of block counts."""
    few = ("1+0", "0+1", "1+1")
    some = "1+0 2+0 3+0 4+0 0+1 1+1 2+1 0+2 1+2 2+2 0+3".split()
    every = "1+0 2+0 3+0 4+0 0+1 1+1 2+1 3+1 0+2 1+2 2+2 0+3 1+3 0+4".split()
    yield plan.sweep("blocks", (*plan.base, "--networks", *plan.pick(few, some, every)))


def measured(data: Results) -> pd.DataFrame:
    """Mean scores, costs and time of one image in ms of every pair of block counts.

    Raises:
        ValueError: a network was not timed.
    """
    means = timed(data, "blocks", "width").groupby("network").mean(numeric_only=True)
    counts = means.index.str.split("+", expand=True)
    return means.assign(conv=[int(conv) for conv, _ in counts], dw=[int(dw) for _, dw in counts])


@figure("Every number of blocks", "blocks.csv", "latency.csv")
def blocks(data: Results) -> Drawn:
    """Error and cost in grids, and one against the other."""
    runs, table = data.sweep("blocks"), measured(data)
    places = list(zip(table["conv"], table["dw"], strict=True))
    figure = blank(FULL, 7.8)
    grids: Any = figure.subfigures(2, 1, height_ratios=(1, 1.2))
    axes = grids[0].subplots(1, 4, sharey=True)
    panels = (
        ("error", ERROR, 1),
        ("params", "parameters (thousand)", 1e3),
        ("macs", "MACs (million)", 1e6),
        ("time", "time of one image (ms)", 1),
    )
    for ax, (column, title, unit) in zip(axes, panels, strict=True):
        values = dict(zip(places, table[column] / unit, strict=True))
        draw_block_grid(ax, values, three_digits)
        ax.set_title(title)
    for ax in axes[1:]:
        ax.set_ylabel("")
    draw_block_scatter(grids[1].subplots(), table.assign(macs=table["macs"] / 1e6))
    return figure, (
        "Every count of convolution blocks (C) and of MobileNet blocks (D) up to four in all. "
        "Above, darker for more: mean error rate, parameters, multiply–accumulates (MACs) and the "
        "time of one image (ONNX Runtime, one thread, median); frames mark the two networks of "
        "this report. Below: error rate against multiply–accumulates, named C+D; the shape says "
        "how many blocks there are, filled ones have no MobileNet block. Means of "
        f"{seeds_text(runs, ['network'])} ({setting_text(runs)}). {LOGS}"
    )


def three_digits(value: float) -> str:
    """As 0.70, 7.05, 65.3 or 391."""
    return f"{value:.{max(0, 2 - (value >= 10) - (value >= 100))}f}"


def say(data: Results) -> Sections:
    """The grid of block counts; the best by validation."""
    runs, means = data.table("blocks.csv"), measured(data)
    best = chosen_level(runs, "network")
    gaps = runs.pivot(index="seed", columns="network", values="accuracy")
    near = [
        name
        for name in means.index
        if means.loc[name, "validation_accuracy"] > means.loc[best, "validation_accuracy"] - 0.005
    ]
    small = means.loc[near, "macs"].idxmin()
    depths = means.groupby(means["conv"] + means["dw"])
    deep = [chosen_level(runs[runs["network"].isin(same.index)], "network") for _, same in depths]
    rows = [
        {
            "blocks": name,
            "accuracy": percent(row["accuracy"]),
            "params": whole(row["params"]),
            "macs": whole(row["macs"]),
            "latency": f"{row['time']:.3f}",
        }
        for name, row in means.iterrows()
    ]
    section = {
        "seeds": str(runs["seed"].nunique()),
        "counts": str(len(means)),
        "rows": rows,
        "best": f"{block_words(best)} ({percent(means.loc[best, 'accuracy'])} %)",
        "cheaper": "none that is within half a point of it on validation is cheaper"
        if small == best
        else (
            f"within half a point of it on validation the cheapest is {block_words(small)} "
            f"({percent(means.loc[small, 'accuracy'])} %), with "
            f"{means.loc[best, 'macs'] / means.loc[small, 'macs']:.1f} times fewer MACs and, on "
            f"the test images, {judged_text((gaps[small] - gaps[best]).dropna().tolist())}"
        ),
        "least": least_words(runs.assign(level=runs["network"], network="all")),
        "depth": listed(percent(1 - means.loc[name, "accuracy"]) for name in deep),
        "stem": stem_trap(means, gaps),
    }
    return {"blocks": section}


def stem_trap(means: pd.DataFrame, runs: pd.DataFrame) -> str:
    """What a depthwise first layer does to grey input."""
    accuracy = means["accuracy"]
    deepest = max(int(name[2:]) for name in means.index if name.startswith("0+"))
    trapped, other = f"0+{deepest}", f"1+{deepest - 1}"
    if other not in means.index:
        return ""
    rest = f" and then {many(deepest - 1, 'separable one')}" if deepest > 1 else ""
    return (
        "On grey images a depthwise layer in front is one single 3×3 filter, whose answer is all "
        f"that the rest can see: {many(deepest, 'separable block')} "
        f"{'reach' if deepest > 1 else 'reaches'} {percent(accuracy[trapped])} %, "
        f"a standard block{rest} {percent(accuracy[other])} %: "
        f"{judged_text((runs[trapped] - runs[other]).dropna().tolist())}."
    )
