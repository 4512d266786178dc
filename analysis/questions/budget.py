"""What an error costs: width and image size, and separable blocks or fewer channels."""

from collections.abc import Iterator

import pandas as pd

from analysis.build.plan import Plan, Step
from analysis.frame.results import Results
from analysis.frame.wording import agree, listed, percent, points, seeds_text, setting_text, whole
from analysis.look.maps import draw_front
from analysis.look.style import ERROR, FULL, blank, key_above
from analysis.questions import Drawn, Sections, figure


def steps(plan: Plan) -> Iterator[Step]:
    """Widths of each network, and sides of the images."""
    widths = {
        "standard": plan.pick((0.41, 1), (0.25, 0.41, 1), (0.25, 0.41, 0.465, 0.7, 1)),
        "mobilenet": plan.pick((1,), (0.25, 0.5, 1, 2), (0.25, 0.5, 1, 1.5, 2, 2.25)),
    }
    parts = [
        (*plan.base, "--networks", network, "--levels", *levels)
        for network, levels in widths.items()
    ]
    yield plan.sweep("width", *parts, factor="width")
    sides = plan.pick((14, 28), (14, 28), (14, 20, 28))
    yield plan.sweep("resolution", (*plan.base, "--levels", *sides), factor="resolution")


def measured(data: Results) -> pd.DataFrame:
    """Mean error and cost of every width and image size, with the time of one image in ms.

    Raises:
        ValueError: a network was not timed.
    """
    keys = ["network", "width", "resolution"]
    parts = []
    for scaled in ("width", "resolution"):
        means = data.sweep(scaled).groupby([*keys, "params", "macs"])["error"].mean().reset_index()
        parts.append(means.assign(scaled=scaled, level=means[scaled]))
    times = data.table("latency.csv")[[*keys, "seconds_one"]]
    table = pd.concat(parts).merge(times, how="left", on=keys)
    untimed = table[table["seconds_one"].isna()]["network"]
    if len(untimed):
        raise ValueError(
            f"latency.csv has no time of {untimed.iloc[0]} and {len(untimed) - 1} more"
        )
    return table.assign(time=1e3 * table["seconds_one"])


@figure("What an error costs", "width.csv", "resolution.csv", "latency.csv")
def pareto(data: Results) -> Drawn:
    """Error against three costs."""
    table = measured(data)
    table = table.assign(params=table["params"] / 1e3, macs=table["macs"] / 1e6)
    figure = blank(FULL, 6.8)
    axes = figure.subplots(1, 3, sharey=True)
    for ax, column, name in zip(
        axes,
        ("params", "macs", "time"),
        ("parameters (thousand)", "multiply–accumulates (million)", "time of one image (ms)"),
        strict=True,
    ):
        draw_front(ax, table, column, "error")
        ax.set_xlabel(name)
    axes[0].set_ylabel(ERROR)
    key_above(figure, axes[0])
    width, resolution = data.sweep("width"), data.sweep("resolution")
    return figure, (
        "Error rate against what a network costs, over width multipliers (lines) and image sizes "
        f"(dotted): means of {seeds_text(width)} ({setting_text(width)}; image sizes: "
        f"{seeds_text(resolution)}). The grey band is the front: nothing is cheaper "
        "and better. Time: one image, one thread, ONNX Runtime, median."
    )


def equal_budget(data: Results) -> tuple[float, pd.DataFrame]:
    """Width of the standard network with about the MobileNet's parameters; means of all widths."""
    means = data.table("width.csv").groupby(["network", "width"]).mean(numeric_only=True)
    wanted = means.loc[("mobilenet", 1.0), "params"]
    return (means.loc["standard", "params"] / wanted - 1).abs().idxmin(), means


def say(data: Results) -> Sections:
    """Width and resolution, at an equal budget."""
    narrow, means = equal_budget(data)
    mobile, row = means.loc[("mobilenet", 1.0)], means.loc[("standard", narrow)]
    by_size = data.table("resolution.csv").groupby(["resolution", "network"])["accuracy"].mean()
    finding = (
        f"At an equal budget of parameters (standard at width {narrow:g}: "
        f"{whole(row['params'])} parameters and {whole(row['macs'])} MACs) the standard "
        f"network reaches {percent(row['accuracy'])} % and the MobileNet network "
        f"{percent(mobile['accuracy'])} %: {points(mobile['accuracy'] - row['accuracy'])} points "
        "for the separable blocks."
    )
    resolutions = "; ".join(
        f"{size} px: {percent(row['standard'])} and {percent(row['mobilenet'])} %"
        for size, row in by_size.unstack().iterrows()
    )
    return {"budget": {"finding": finding, "resolutions": resolutions}}


def conclude(data: Results, sections: Sections) -> Iterator[str]:
    """Separable blocks, or simply fewer channels?"""
    narrow, _ = equal_budget(data)
    runs = data.table("width.csv").set_index(["network", "width", "seed"])
    accuracy = runs["accuracy"].sort_index()
    gaps = (accuracy["mobilenet", 1.0] - accuracy["standard", narrow]).tolist()
    if not agree(gaps):
        yield (
            "Whether to save parameters by separable blocks or by fewer channels (width "
            f"{narrow:g}) cannot be told: at the same number the seeds disagree "
            f"({listed(gaps)} points)."
        )
        return
    better, other = "separable blocks", "fewer channels"
    if gaps[0] < 0:
        better, other = other, better
    yield (
        f"At the same number of parameters {better} are more accurate than {other} "
        f"(width {narrow:g}) with each of {len(gaps)} seeds ({listed(gaps)} points)."
    )
