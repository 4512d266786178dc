"""Why the measured speed-up is smaller than the promised one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from analysis.build.plan import Plan, Step
from analysis.frame.results import Results
from analysis.look.maps import draw_roofline
from analysis.look.rows import draw_speedup
from analysis.look.style import FULL, blank, key, key_above
from analysis.questions import Drawn, Sections, figure

ENGINES = {"ours": "ONNX Runtime", "folded": "PyTorch, folded", "eager": "PyTorch"}

FILES = ("benchmark/layer_times.csv", "benchmark/layers.json", "benchmark/roofline.csv")


def steps(plan: Plan) -> Iterator[Step]:
    """The benchmark of single layers, which are those of the shipped networks."""
    if plan.own:
        return
    quick = plan.pick(("--quick",), ("--quick",), ())
    files = " ".join(Path(name).name for name in FILES)
    yield replace(
        plan.step("benchmark", "--only", "layers", *quick, outputs=files, folder="benchmark"),
        name="layers",
    )


def one_thread(data: Results) -> pd.DataFrame:
    """Measured times on one thread."""
    return data.table(FILES[0]).query("threads == 1")


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


@figure("Measured speed-up against theory", *FILES[:2])
def latency(data: Results) -> Drawn:
    """Measured speed-up against theory."""
    table = speedups(data)
    rows = [row for row in dict.fromkeys(table["row"]) if row.startswith("block")]
    rows += [f"network, {name}" for name in ENGINES.values()]
    rows = [row for row in rows if row in set(table["row"])]
    figure = blank(FULL, 2.4 + 0.75 * len(rows))
    ax = figure.subplots()
    draw_speedup(ax, table, rows)
    key(ax, columns=3)
    return figure, (
        "How many times fewer multiply–accumulates MobileNet needs (bars) and how many times "
        "faster it was measured (markers), in the blocks that differ (ONNX Runtime) and as a "
        f"whole: medians, one thread, {machine(data)}."
    )


def machine(data: Results) -> str:
    """The processor that was measured."""
    made_by = data.record("benchmark/layers.json").get("made_by", {})
    return made_by.get("machine", {}).get("processor") or "one processor"


@figure("Why the speed-up is smaller", *FILES)
def roofline(data: Results) -> Drawn:
    """The layers under the roofs."""
    roofs = data.table("benchmark/roofline.csv").set_index("threads")
    layers = one_thread(data)
    layers = layers[layers["gmacs_per_s"].notna() & (layers["kind"] != "network")]
    figure = blank(FULL, 7.6)
    ax = figure.subplots()
    draw_roofline(ax, roofs.loc[1], layers[layers["batch"] == layers["batch"].max()])
    key_above(figure, ax)
    batch = one_thread(data)["batch"].max()
    return figure, (
        "Measured roofline of one thread: what memory, cache and arithmetic allow (lines) and what "
        f"the convolutions reach ({batch} images a call, ONNX Runtime, medians, {machine(data)}). "
        "A depthwise convolution does little with each byte, so bandwidth bounds it."
    )


def say(data: Results) -> Sections:
    """Where the time goes."""
    roofs = data.table(FILES[2]).set_index("threads").loc[1]
    table = one_thread(data).query("engine == 'ours' and batch == 16 and kind != 'network'")
    totals = table.groupby("network")["us"].sum()
    mobile = table[table["network"] == "mobilenet"].set_index("kind")
    depthwise = mobile.loc[["depthwise"]]
    dense = table[table["kind"].isin(["conv", "pointwise"]) & (table["macs"] > 1e6)]
    section = {
        "peak": f"{roofs['peak_gmacs_per_s']:.0f}",
        "bandwidth": f"{roofs['cache_gb_per_s']:.0f}",
        "ridge": f"{roofs['ridge_cache']:.2g}",
        "depthwise_macs": f"{100 * depthwise['macs'].sum() / mobile['macs'].sum():.1f}",
        "depthwise_time": f"{100 * depthwise['us'].sum() / totals['mobilenet']:.0f}",
        "rest_time": f"{100 * mobile.loc[['rest'], 'us'].sum() / totals['mobilenet']:.0f}",
        "depthwise_intensity": f"{depthwise['intensity'].mean():.2g}",
        "depthwise_rate": f"{depthwise['gmacs_per_s'].mean():.1f}",
        "dense_rate": f"{dense['gmacs_per_s'].mean():.0f}",
        "dense_share": f"{100 * dense['gmacs_per_s'].mean() / roofs['peak_gmacs_per_s']:.0f}",
    }
    return {"roofline": section}


def conclude(data: Results, sections: Sections) -> Iterator[str]:
    """Whether arithmetic turns into time."""
    head, roof = sections["headline"], sections["roofline"]
    share = float(head["throughput_ratio"]) / float(head["macs_ratio"])
    yield (
        f"Of the promised {head['macs_ratio']} the clock gives {head['throughput_ratio']} in a "
        f"batch ({100 * share:.0f} %): depthwise layers have {roof['depthwise_macs']} % of the "
        f"MobileNet network's MACs and take {roof['depthwise_time']} % of its time."
    )
