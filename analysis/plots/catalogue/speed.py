"""What the cost model promises, layer by layer, and what a processor keeps of it."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.plots.catalogue.spec import FigureSpec
from analysis.plots.results import Results
from analysis.plots.speed import (
    draw_cost_curve,
    draw_layer_costs,
    draw_roofline,
    draw_speedup,
    draw_targets,
)
from analysis.plots.style import COLOURS, COLUMN, FULL, HATCHES, NAMES, NETWORKS, blank
from analysis.plots.sweeps import KEY, key, key_above

PARTS = (("standard", ""), ("mobilenet", ", depthwise"), ("mobilenet", ", the rest"))
ENGINES = {"ours": "ONNX Runtime", "folded": "PyTorch, folded", "eager": "PyTorch"}
AREAS = tuple(f"benchmark/{name}.csv" for name in ("inference", "training", "accuracy", "data",
                                                    "serving"))  # fmt: skip
MEASURED = ("benchmark/latency.csv", "benchmark/layers.json")


def separable_blocks(data: Results) -> pd.DataFrame:
    """The blocks where the networks differ: output channels, and the ratio of their MACs."""
    table = data.table("layer_costs.csv")
    macs = table.groupby(["block", "network"])["macs"].sum().unstack()
    parts = table[table["kind"] == "pointwise"].set_index("block")["out_channels"]
    rows = pd.DataFrame({"channels": parts, "share": macs["mobilenet"] / macs["standard"]})
    return rows.dropna().rename_axis("block").reset_index()


def cost_curve(data: Results) -> Figure:
    """The formula with our blocks on it."""
    figure = blank(COLUMN, 5.6)
    draw_cost_curve(figure.subplots(), separable_blocks(data))
    return figure


def cost_curve_caption(data: Results) -> str:
    del data
    return (
        "Multiply–accumulates of a depthwise separable block over those of a 3×3 convolution with "
        "N output channels: the formula 1/N + 1/9 (line) and the two blocks in which our networks "
        "differ, counted on the networks themselves (squares)."
    )


def layer_costs(data: Results) -> Figure:
    """Parameters and MACs of both networks, a row a block."""
    table = data.table("layer_costs.csv")
    table = table.assign(
        row=["head" if block == 0 else f"block {block}" for block in table["block"]],
        kind=[kind_of(row) for row in table.itertuples()],
    )
    table = table.groupby(["network", "row", "kind"], sort=False)[["params", "macs"]].sum()
    table = table.reset_index()
    rows = list(dict.fromkeys(table["row"]))
    figure = blank(FULL, 6.4)
    axes = figure.subplots(1, 2, sharey=True)
    table = table.assign(params=table["params"] / 1e3, macs=table["macs"] / 1e6)
    draw_layer_costs(axes[0], table, "params", rows)
    draw_layer_costs(axes[1], table, "macs", rows)
    axes[0].set_xlabel("parameters (thousand)")
    axes[1].set_xlabel("multiply–accumulates (million)")
    axes[1].legend(handles=[patch(*part) for part in PARTS], loc="lower right", **KEY)
    return figure


def patch(network: str, kind: str) -> Patch:
    """For the key: the look of a bar."""
    solid = kind != ", the rest"
    return Patch(label=NAMES[network] + kind, edgecolor=COLOURS[network],
                 facecolor=COLOURS[network] if solid else "white",
                 hatch="" if solid else HATCHES[network])  # fmt: skip


def kind_of(row: object) -> str:
    """A layer's kind; batch norm belongs to the convolution before it."""
    if row.kind != "bn":
        return row.kind
    name = row.layer.rsplit(".", 1)[-1]
    return {"bn_dw": "depthwise", "bn_pw": "pointwise"}.get(name, "conv")


def layer_costs_caption(data: Results) -> str:
    totals = data.table("layer_costs.csv").groupby("network")[["params", "macs"]].sum()
    text = "; ".join(
        f"{NAMES[network]} {totals.loc[network, 'params']:,} parameters and "
        f"{totals.loc[network, 'macs']:,} multiply–accumulates"
        for network in NETWORKS
    )
    return (
        "Parameters (batch norm included) and multiply–accumulates of every block, counted on the "
        f"networks themselves. In all: {text}."
    )


def one_thread(data: Results) -> pd.DataFrame:
    """Measured times on one thread."""
    table = data.table("benchmark/latency.csv")
    return table[table["threads"] == 1]


def speedups(data: Results) -> pd.DataFrame:
    """Measured speed-up and ratio of MACs for the blocks that differ and for whole networks."""
    table = one_thread(data)
    layers = table[(table["kind"] != "rest") & (table["kind"] != "network")]
    layers = layers.assign(block=layers["layer"].str.extract(r"blocks\.(\d+)\.")[0].astype(float))
    layers = layers.dropna(subset=["block"])
    differ = layers[layers["kind"] == "depthwise"]["block"].unique()
    layers = layers[layers["block"].isin(differ)]
    layers = layers.assign(row="block " + (layers["block"] + 1).astype(int).astype(str))
    whole = table[table["kind"] == "network"]
    whole = whole.assign(row="network, " + whole["engine"].map(ENGINES))
    both = pd.concat([layers, whole])
    sums = both.groupby(["row", "batch", "network"])[["us", "macs"]].sum().unstack()
    ratios = pd.DataFrame(
        {
            "measured": sums["us"]["standard"] / sums["us"]["mobilenet"],
            "theory": sums["macs"]["standard"] / sums["macs"]["mobilenet"],
        }
    )
    return ratios.dropna().reset_index()


def latency(data: Results) -> Figure:
    """Measured speed-up against theory."""
    table = speedups(data)
    rows = [row for row in dict.fromkeys(table["row"]) if row.startswith("block")]
    rows += [f"network, {name}" for name in ENGINES.values()]
    rows = [row for row in rows if row in set(table["row"])]
    figure = blank(FULL, 2.4 + 0.75 * len(rows))
    ax = figure.subplots()
    draw_speedup(ax, table, rows)
    key(ax, columns=3)
    return figure


def machine(data: Results) -> str:
    """The processor that was measured."""
    made_by = data.record("benchmark/layers.json").get("made_by", {})
    return made_by.get("machine", {}).get("processor") or "one processor"


def latency_caption(data: Results) -> str:
    return (
        "How many times fewer multiply–accumulates MobileNet needs (bars) and how many times "
        "faster it was measured (markers), in the blocks that differ (ONNX Runtime) and as a "
        f"whole: medians, one thread, {machine(data)}."
    )


def roofline(data: Results) -> Figure:
    """The layers under the roofs."""
    roofs = data.table("benchmark/roofline.csv").set_index("threads")
    layers = one_thread(data)
    layers = layers[layers["gmacs_per_s"].notna() & (layers["kind"] != "network")]
    figure = blank(FULL, 7.6)
    ax = figure.subplots()
    draw_roofline(ax, roofs.loc[1], layers[layers["batch"] == layers["batch"].max()])
    key_above(figure, ax)
    return figure


def roofline_caption(data: Results) -> str:
    batch = one_thread(data)["batch"].max()
    return (
        "Measured roofline of one thread: what memory, cache and arithmetic allow (lines) and what "
        f"the convolutions reach ({batch} images a call, ONNX Runtime, medians, {machine(data)}). "
        "A depthwise convolution does little with each byte, so bandwidth bounds it."
    )


def targets(data: Results) -> pd.DataFrame:
    """Every target of the benchmark, and how many times better than it the measurement is.

    Columns area, quantity, arm, network, median, unit, target, reached, times, low and high.
    """
    table = pd.concat([data.table(name) for name in AREAS], ignore_index=True)
    table = table[table["target"].notna()].fillna({"network": "", "unit": ""})
    least = table["target"].str.startswith(">=")
    aim = table["target"].str.split().str[1].astype(float)
    columns = table[["median", "low", "high"]].div(aim, axis=0)
    columns = columns.where(least, 1 / columns.replace(0, float("nan")), axis=0)
    ends = columns[["low", "high"]]
    table["times"], table["low"], table["high"] = (
        columns["median"],
        ends.min(axis=1),
        ends.max(axis=1),
    )
    return table.reset_index(drop=True)


def target_figure(data: Results) -> Figure:
    """All targets under one another."""
    table = targets(data)
    whose = ["" if not network else f", {NAMES[network]}" for network in table["network"]]
    names = table["quantity"] + whose
    aims = table["target"].str.replace(">=", "≥").str.replace("<=", "≤")
    measured = table["median"].map("{:.3g} ".format) + table["unit"]
    text = measured.str.strip() + " (target " + aims + ")"
    figure = blank(FULL, 2.0 + 0.46 * len(table))
    draw_targets(figure.subplots(), table.assign(name=names, text=text))
    return figure


def target_caption(data: Results) -> str:
    reached = int((targets(data)["reached"] == "yes").sum())
    made_by = data.record("benchmark/inference.json")["made_by"]
    return (
        f"Measured speed over its targets (the reverse where less is better), {reached} of "
        f"{len(targets(data))} reached (filled): medians and quartiles of the rounds; right of the "
        f"line is better. {made_by['machine']['processor']}, {made_by['threads']} threads."
    )


FIGURES = {
    "cost_curve": FigureSpec(
        "What the formula promises", ("layer_costs.csv",), cost_curve, cost_curve_caption
    ),
    "layer_costs": FigureSpec(
        "Where the costs lie", ("layer_costs.csv",), layer_costs, layer_costs_caption
    ),
    "latency": FigureSpec("Measured speed-up against theory", MEASURED, latency, latency_caption),
    "roofline": FigureSpec(
        "Why the speed-up is smaller",
        (*MEASURED, "benchmark/roofline.csv"),
        roofline,
        roofline_caption,
    ),
    "targets": FigureSpec(
        "What was aimed at, and what was reached",
        (*AREAS, "benchmark/inference.json"),
        target_figure,
        target_caption,
    ),
}
