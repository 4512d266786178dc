r"""What the networks cost: layer by layer, as the paper's tables have it, and on this machine.

python -m analysis.questions.costs --sweeps figures/data/full/{pairs,blocks,width}.csv \
    --output figures/data/full

    layer_costs.csv   parameters and MACs of every layer of both networks
    paper_tables.csv  the tables of Howard et al. 2017, re-derived from our MobileNet v1
    latency.csv       measured: every network in the tables of sweeps, in ONNX Runtime on one thread
"""

import os
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.benchmark.arms import seconds_of
from analysis.build.plan import Plan, Step
from analysis.frame.command import made_by, processor, start, versions, write_json
from analysis.frame.results import Results, write_table
from analysis.frame.wording import whole
from analysis.look.rows import draw_layer_costs
from analysis.look.style import COLOURS, FULL, HATCHES, KEY, NAMES, NETWORKS, blank
from analysis.questions import Drawn, Sections, figure
from netlib import nets

if TYPE_CHECKING:
    from matplotlib.patches import Patch

    from netlib.nets import Network

SECONDS = 1.5  # that one network's timing may take in all rounds, about
ROUNDS = 30  # of timing, interleaved
SWEPT = ("pairs", "blocks", "width", "resolution")

# Howard et al. 2017, as printed: (table, what, millions of mult-adds, millions of parameters,
# top-1 % on ImageNet; None where the table has no such column), then how we build it.
PAPER: tuple[tuple[str, str, float, float, float | None, dict[str, Any]], ...] = (
    ("4", "Conv MobileNet", 4866, 29.3, 71.7, {"separable": False}),
    ("4", "MobileNet", 569, 4.2, 70.6, {}),
    ("6", "α = 1", 569, 4.2, 70.6, {}),
    ("6", "α = 0.75", 325, 2.6, 68.4, {"width": 0.75}),
    ("6", "α = 0.5", 149, 1.3, 63.7, {"width": 0.5}),
    ("6", "α = 0.25", 41, 0.5, 50.6, {"width": 0.25}),
    ("7", "224 px", 569, 4.2, 70.6, {}),
    ("7", "192 px", 418, 4.2, 69.1, {"input_dim": (3, 192, 192)}),
    ("7", "160 px", 290, 4.2, 67.2, {"input_dim": (3, 160, 160)}),
    ("7", "128 px", 186, 4.2, 64.4, {"input_dim": (3, 128, 128)}),
)

# Table 2: shares of mult-adds and of parameters, percent.
PAPER_SHARES = {
    "pointwise": (94.86, 74.59),
    "depthwise": (3.06, 1.06),
    "conv": (1.19, 0.02),
    "fc": (0.18, 24.33),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Count what the networks cost, and time them.

    Attributes:
        sweeps: tables of analysis.sweep: every network in them is timed, besides the pair.
        rounds: interleaved rounds of timing.
        num_classes: of the networks.
        output: folder for the tables.
    """

    sweeps: tuple[Path, ...] = ()
    rounds: int = ROUNDS
    num_classes: int = 10
    output: Path


def steps(plan: Plan) -> Iterator[Step]:
    """Counts, and times of everything that was swept."""
    swept = [f"{name}.csv" for name in (*SWEPT, *plan.pick((), (), ("more_time",)))]
    words = (
        "--sweeps",
        *(plan.results / name for name in swept),
        *plan.pick(("--rounds", 2), (), ()),
    )
    written = "layer_costs.csv paper_tables.csv latency.csv latency.json"
    yield plan.step("costs", *words, *plan.classes, outputs=written, inputs=" ".join(swept))


def run(options: Options) -> list[Path]:
    """Count, measure, write."""
    networks = networks_of(options.sweeps, options.num_classes)
    paper = pd.concat([paper_tables(), paper_shares()], ignore_index=True)
    paper = paper.astype({"macs": "Int64", "params": "Int64"})  # whole, although Table 2 has none
    engine = versions("onnxruntime")["onnxruntime"]
    record = {
        **made_by(options),
        "engine": f"ONNX Runtime {engine}, batch norm folded, float32, 1 thread",
        "processor": processor(),
        "cores": os.cpu_count(),
    }
    return [
        write_table(options.output / "layer_costs.csv", layer_costs(options.num_classes)),
        write_table(options.output / "paper_tables.csv", paper),
        write_table(options.output / "latency.csv", latencies(networks, options.rounds)),
        write_json(options.output / "latency.json", record),
    ]


def networks_of(
    sweeps: Sequence[Path], num_classes: int = 10
) -> "dict[tuple[str, float, int], Network]":
    """(name, width, resolution) -> network, for the pair and for all that was swept."""
    keys = {(name, 1.0, 28): None for name in NETWORKS}
    for path in sweeps:
        table = pd.read_csv(path, dtype={"network": str})
        if not {"network", "width", "resolution"} <= set(table):
            raise ValueError(f"{path} is no table of analysis.sweep.")
        columns = table[["network", "width", "resolution"]].drop_duplicates()
        keys |= {(n, float(w), int(r)): None for n, w, r in columns.itertuples(index=False)}
    return {
        key: nets.named_network(key[0], (1, key[2], key[2]), num_classes, key[1]) for key in keys
    }


def layer_costs(num_classes: int = 10) -> pd.DataFrame:
    """Parameters and MACs of every convolution, batch norm and FC layer of the pair."""
    rows = []
    for name in NETWORKS:
        net = nets.named_network(name, (1, 28, 28), num_classes)
        for layer in nets.measure(net).layers:
            parts = layer.name.split(".")
            rows.append(
                {
                    "network": name,
                    "layer": layer.name,
                    "block": int(parts[1]) + 1 if parts[0] == "blocks" else 0,
                    "kind": layer.kind,
                    "out_channels": layer.output_shape[0],
                    "params": layer.num_params,
                    "macs": layer.macs,
                }
            )
    return pd.DataFrame(rows)


def paper_tables() -> pd.DataFrame:
    """Tables 4, 6 and 7 of the paper beside our counts; `agrees` allows for their rounding."""
    rows = []
    for table, what, paper_macs, paper_params, accuracy, options in PAPER:
        arguments = {"input_dim": (3, 224, 224), "num_classes": 1000, **options}
        cost = nets.measure(nets.mobilenet_v1(**arguments))
        macs, params = cost.macs / 1e6, cost.num_params / 1e6
        rows.append(
            {
                "table": table,
                "row": what,
                "paper_macs_millions": paper_macs,
                "macs": cost.macs,
                "paper_params_millions": paper_params,
                "params": cost.num_params,
                "imagenet_top1": accuracy,
                # The paper cuts some numbers off and rounds others: 290.7 is printed 290.
                "agrees": abs(macs - paper_macs) < 1.5 and abs(params - paper_params) < 0.1,
            }
        )
    return pd.DataFrame(rows)


def paper_shares() -> pd.DataFrame:
    """Table 2 of the paper, shares of MACs and of weights by kind of layer, beside ours."""
    cost = nets.measure(nets.mobilenet_v1())
    weights = {  # without batch norm and without biases
        layer.name: layer.num_params - (layer.output_shape[0] if layer.kind == "fc" else 0)
        for layer in cost.layers
        if layer.kind != "bn"
    }
    rows = []
    for kind, (paper_macs, paper_params) in PAPER_SHARES.items():
        layers = [layer for layer in cost.layers if layer.kind == kind]
        macs = 100 * sum(layer.macs for layer in layers) / cost.macs
        params = 100 * sum(weights[layer.name] for layer in layers) / sum(weights.values())
        rows.append(
            {
                "table": "2",
                "row": kind,
                "paper_macs_share": paper_macs,
                "macs_share": macs,
                "paper_params_share": paper_params,
                "params_share": params,
                "agrees": abs(macs - paper_macs) < 0.011 and abs(params - paper_params) < 0.011,
            }
        )
    return pd.DataFrame(rows)


def latencies(networks: "dict[tuple[str, float, int], Network]", rounds: int) -> pd.DataFrame:
    """Seconds for one image and for an image of a batch of 16, medians of interleaved rounds.

    In the demo's engine, on one thread.
    """
    from netlib.answer.graph import session, to_onnx

    calls: dict[Any, Callable[[], Any]] = {}
    for key, net in networks.items():
        engine, random = session(to_onnx(net.eval())), np.random.default_rng(0)
        for batch in (1, 16):
            pixels = random.random((batch, *net.input_dim), dtype=np.float32)
            calls[key, batch] = partial(engine.run, None, {"images": pixels})
    seconds = SECONDS / 2 / rounds
    times = [{c: seconds_of(call, seconds) for c, call in calls.items()} for _ in range(rounds)]
    rows = []
    for key, net in networks.items():
        cost = nets.measure(net)
        row = dict(zip(("network", "width", "resolution"), key, strict=True))
        row |= {"params": cost.num_params, "macs": cost.macs}
        for batch, name in ((1, "one"), (16, "batch")):
            row[f"seconds_{name}"] = statistics.median(one[key, batch] / batch for one in times)
        rows.append(row)
    return pd.DataFrame(rows)


PARTS = (("standard", ""), ("mobilenet", ", depthwise"), ("mobilenet", ", the rest"))


@figure("Where the costs lie", "layer_costs.csv", name="layer_costs")
def draw_costs(data: Results) -> Drawn:
    """Parameters and MACs of both networks, a row a block."""
    table = data.table("layer_costs.csv")
    table = table.assign(
        row=["head" if block == 0 else f"block {block}" for block in table["block"]],
        kind=[kind_of(row) for row in table.itertuples()],
    )
    table = table.groupby(["network", "row", "kind"], sort=False)[["params", "macs"]].sum()
    table = table.reset_index()
    rows = list(dict.fromkeys(table["row"]))
    figure = blank(FULL, 4.6)
    axes = figure.subplots(1, 2, sharey=True)
    table = table.assign(params=table["params"] / 1e3, macs=table["macs"] / 1e6)
    draw_layer_costs(axes[0], table, "params", rows)
    draw_layer_costs(axes[1], table, "macs", rows)
    axes[0].set_xlabel("parameters (thousand)")
    axes[1].set_xlabel("multiply–accumulates (million)")
    handles = [patch(*part) for part in PARTS]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(PARTS), **KEY)
    thin = table[table["kind"] == "depthwise"]
    params, macs = (" and ".join(f"{x:.2f}" for x in thin[cost]) for cost in ("params", "macs"))
    return figure, (
        "Parameters (batch norm included) and multiply–accumulates of every block, counted on the "
        f"networks themselves. The depthwise layers are hardly to be seen: {params} thousand "
        f"parameters, {macs} million multiply–accumulates."
    )


def patch(network: str, kind: str) -> "Patch":
    """For the key: the look of a bar."""
    from matplotlib.patches import Patch

    solid = kind != ", the rest"
    return Patch(label=NAMES[network] + kind, edgecolor=COLOURS[network],
                 facecolor=COLOURS[network] if solid else "white",
                 hatch="" if solid else HATCHES[network])  # fmt: skip


def kind_of(row: Any) -> str:
    """A layer's kind; batch norm belongs to the convolution before it."""
    if row.kind != "bn":
        return row.kind
    name = row.layer.rsplit(".", 1)[-1]
    return {"bn_dw": "depthwise", "bn_pw": "pointwise"}.get(name, "conv")


def say(data: Results) -> Sections:
    """The formulas at our blocks, and the paper's tables."""
    table = data.table("paper_tables.csv")
    layers = data.table("layer_costs.csv").set_index(["network", "layer"])
    separable = layers.loc["mobilenet"].query("kind in ('depthwise', 'pointwise')")
    replaced = layers.loc["standard"].query("block > 2 and kind == 'conv'")
    paper = [
        {
            "table": row.table,
            "row": row.row,
            "paper_macs": f"{row.paper_macs_millions:,g}",
            "macs": f"{row.macs / 1e6:,.2f}",
            "paper_params": f"{row.paper_params_millions:.1f}",
            "params": f"{row.params / 1e6:.2f}",
        }
        for row in table[table["table"] != "2"].itertuples()
    ]
    columns = ("paper_macs", "macs", "paper_params", "params")
    shares = [
        {
            "row": row["row"],
            **{key: f"{row[f'{key}_share']:.2f}" for key in columns},
            "agrees": bool(row["agrees"]),
        }
        for row in table[table["table"] == "2"].to_dict("records")
    ]
    section = {
        "blocks_macs_ratio": f"{replaced['macs'].sum() / separable['macs'].sum():.2f}",
        "blocks_params_ratio": f"{replaced['params'].sum() / separable['params'].sum():.2f}",
        "blocks": [
            block_words(block, layers.loc["standard"], rows)
            for block, rows in separable.groupby("block")
        ],
        "architecture": {name: architecture(data, name) for name in NETWORKS},
        "paper": paper,
        "shares": shares,
        "rows": str(len(table)),
        "agreeing": str(int(table["agrees"].astype(bool).sum())),
    }
    return {"costs": section}


def architecture(data: Results, network: str) -> list[list[dict[str, str]]]:
    """The layers of each block: kind, what it gives, weights and multiply–accumulates."""
    table = data.table("layer_costs.csv")
    rows = table[(table["network"] == network) & (table["block"] > 0) & (table["kind"] != "bn")]
    separable = set(table[table["kind"] == "depthwise"]["block"])
    names = {"conv": "3×3", "depthwise": "3×3 depthwise", "pointwise": "1×1"}

    def stage(row: Any) -> dict[str, str]:
        side = round((row.macs / row.params) ** 0.5)
        same = row.kind == "conv" and row.block not in separable
        return {
            "name": names[row.kind],
            "kind": "same" if same else row.kind,
            "shape": f"{side}×{side}×{row.out_channels}",
            "params": whole(row.params),
            "macs": whole(row.macs),
        }

    return [[stage(row) for row in block.itertuples()] for _, block in rows.groupby("block")]


def block_words(block: int, standard: pd.DataFrame, separable: pd.DataFrame) -> dict[str, str]:
    """The formula at one block: N, and how many times fewer multiply–accumulates."""
    before = standard.query("block == @block and kind == 'conv'")["macs"].sum()
    channels = separable.query("kind == 'pointwise'")["out_channels"].iloc[0]
    ratio = before / separable["macs"].sum()
    return {"block": str(block), "channels": str(channels), "ratio": f"{ratio:.2f}"}


if __name__ == "__main__":
    sys.exit(start("costs"))
