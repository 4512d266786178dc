"""The answer in one figure, the grid of block counts, and the network of the paper."""

import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.catalogue.spec import FigureSpec
from analysis.plots.catalogue.sweeps import ERROR
from analysis.plots.costs import draw_bars, draw_block_grid, draw_block_scatter, draw_front
from analysis.plots.results import Results, networks_of, seeds_text, setting_text
from analysis.plots.style import FULL, blank
from analysis.plots.sweeps import draw_pairs, key_above


def headline(data: Results) -> Figure:
    """Error seed by seed, parameters and MACs, a row a network."""
    return rows_of_networks(data.sweep("pairs"), joined=True)


def rows_of_networks(table: pd.DataFrame, joined: bool) -> Figure:
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


def headline_caption(data: Results) -> str:
    table = data.sweep("pairs")
    return (
        f"Error rate on the test set, parameters and multiply–accumulates of both networks. Small "
        f"markers: {seeds_text(table, ['network'])}, runs of one seed joined; large markers: "
        f"means; {bars_text(table)} ({setting_text(table)})."
    )


def timed(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """The table, if every network in it was timed.

    Raises:
        ValueError: one was not.
    """
    untimed = table[table[column].isna()]
    if len(untimed):
        raise ValueError(
            f"latency.csv has no time of {untimed['network'].iloc[0]} and {len(untimed) - 1} more"
        )
    return table


def blocks_table(data: Results) -> pd.DataFrame:
    """Mean error and cost of every pair of block counts; time in milliseconds."""
    table = data.sweep("blocks")
    means = table.groupby("network")[["error", "params", "macs"]].mean().reset_index()
    counts = means["network"].str.split("+", expand=True).astype(int)
    latency = data.table("latency.csv")
    latency = latency[(latency["width"] == 1) & (latency["resolution"] == 28)]
    times = 1e3 * latency.set_index("network")["seconds_one"]
    return timed(
        means.assign(conv=counts[0], dw=counts[1], time=means["network"].map(times)), "time"
    )


def blocks(data: Results) -> Figure:
    """Error and cost in grids, and one against the other."""
    table = blocks_table(data)
    places = list(zip(table["conv"], table["dw"], strict=True))
    figure = blank(FULL, 11.4)
    grids = figure.subfigures(2, 1, height_ratios=(1, 1.2))
    axes = grids[0].subplots(1, 4, sharey=True)
    for ax, column, title, unit in (
        (axes[0], "error", ERROR, 1),
        (axes[1], "params", "parameters (thousand)", 1e3),
        (axes[2], "macs", "MACs (million)", 1e6),
        (axes[3], "time", "time of one image (ms)", 1),
    ):
        values = dict(zip(places, table[column] / unit, strict=True))
        draw_block_grid(ax, values, three_digits, log=True)
        ax.set_title(title)
    for ax in axes[1:]:
        ax.set_ylabel("")
    ax = grids[1].subplots()
    draw_block_scatter(ax, table.assign(macs=table["macs"] / 1e6), "macs", "error", {})
    ax.set_xlabel("multiply–accumulates (million)")
    ax.set_ylabel(ERROR)
    return figure


def three_digits(value: float) -> str:
    """As 0.70, 7.05, 65.3 or 391."""
    return f"{value:.{max(0, 2 - (value >= 10) - (value >= 100))}f}"


def blocks_caption(data: Results) -> str:
    table = data.sweep("blocks")
    return (
        "Every count of convolution blocks (C) and of MobileNet blocks (D) up to four in all. "
        "Above: mean error rate, parameters, multiply–accumulates (MACs) and the time of one image "
        "(ONNX Runtime, one thread, median); frames mark the two networks of this report. Below: "
        "error rate against multiply–accumulates, named C+D; the shape says how many blocks there "
        "are, filled ones have no MobileNet block. Means of "
        f"{seeds_text(table, ['network'])} ({setting_text(table)})."
    )


def mobilenet_v1(data: Results) -> Figure:
    """The whole MobileNet v1 beside our pair."""
    both = pd.concat([data.sweep("pairs"), v1_table(data)])
    return rows_of_networks(both, joined=False)


def v1_table(data: Results) -> pd.DataFrame:
    table = data.sweep("mobilenet_v1")
    names = [f"MobileNet v1\nα = {row.width:g}, {row.resolution} px" for row in table.itertuples()]
    return table.assign(network=names)


def mobilenet_v1_caption(data: Results) -> str:
    pairs, table = data.sweep("pairs"), v1_table(data)
    both = pd.concat([pairs, table])
    return (
        f"The whole MobileNet v1 of the paper beside our two networks. Small markers: "
        f"{seeds_text(table, ['network'])} of MobileNet v1 and {seeds_text(pairs, ['network'])} of "
        f"ours; large markers: means; {bars_text(both)} (MobileNet v1: "
        f"{setting_text(table)}; ours: {setting_text(pairs)})."
    )


def pareto_table(data: Results) -> pd.DataFrame:
    """Mean error and cost of every width and resolution, with the time of one image."""
    latency = data.table("latency.csv")[["network", "width", "resolution", "seconds_one"]]
    parts = []
    for scaled in ("width", "resolution"):
        table = data.sweep(scaled)
        keys = ["network", "width", "resolution", "params", "macs"]
        means = table.groupby(keys)["error"].mean().reset_index()
        parts.append(means.assign(scaled=scaled, level=means[scaled]))
    table = pd.concat(parts).merge(latency, how="left", on=["network", "width", "resolution"])
    return timed(table, "seconds_one")


def pareto(data: Results) -> Figure:
    """Error against three costs."""
    table = pareto_table(data)
    table = table.assign(
        params=table["params"] / 1e3, macs=table["macs"] / 1e6, time=1e3 * table["seconds_one"]
    )
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
    return figure


def pareto_caption(data: Results) -> str:
    width, resolution = data.sweep("width"), data.sweep("resolution")
    return (
        "Error rate against what a network costs, over width multipliers (lines) and image sizes "
        f"(dotted): means of {seeds_text(width)} ({setting_text(width)}; image sizes: "
        f"{seeds_text(resolution)}). The grey band is the front: nothing is cheaper "
        "and better. Time: one image, one thread, ONNX Runtime, median."
    )


FIGURES = {
    "headline": FigureSpec(
        "What is lost and what is won", ("pairs.csv",), headline, headline_caption
    ),
    "blocks": FigureSpec(
        "Every number of blocks", ("blocks.csv", "latency.csv"), blocks, blocks_caption
    ),
    "mobilenet_v1": FigureSpec(
        "The whole network of the paper",
        ("mobilenet_v1.csv", "pairs.csv"),
        mobilenet_v1,
        mobilenet_v1_caption,
    ),
    "pareto": FigureSpec(
        "What an error costs",
        ("width.csv", "resolution.csv", "latency.csv"),
        pareto,
        pareto_caption,
    ),
}
