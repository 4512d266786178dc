r"""What the networks cost: layer by layer, as the paper's tables have it, and on this machine.

python -m analysis.costs --sweeps figures/data/full/{pairs,blocks,width}.csv \
    --output figures/data/full

    layer_costs.csv   parameters and MACs of every layer of both networks
    paper_tables.csv  the tables of Howard et al. 2017, re-derived from our MobileNet v1
    latency.csv       measured: every network in the tables of sweeps, in ONNX Runtime on one thread
"""

import argparse
import json
import os
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pandas as pd

from netlib.answer.graph import to_onnx
from netlib.nets.complexity import Complexity, measure
from netlib.nets.network import BLOCK_COUNTS, Network, mobilenet_v1, named_network

MILLION = 1e6
SECONDS = 1.5  # that one network's timing may take in all rounds, about

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, count, measure, write; 2 is the exit status of a user's error."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = parse(arguments)
    try:
        networks = networks_of(args.sweeps)
    except (ValueError, OSError) as error:
        print(f"costs: {error}", file=sys.stderr)
        return 2
    tables = {
        "layer_costs": layer_costs(),
        "paper_tables": pd.concat([paper_tables(), paper_shares()], ignore_index=True).astype(
            {"macs": "Int64", "params": "Int64"}  # whole, although Table 2 has none
        ),
        "latency": latencies(networks, args.rounds),
    }
    args.output.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        path = args.output / f"{name}.csv"
        table.to_csv(path, index=False, float_format="%.8g")
        print(path)
    print(write_record(args.output / "latency.json", arguments))
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.costs", description="Count what the networks cost, and time them."
    )
    add = parser.add_argument
    add("--sweeps", type=Path, nargs="*", default=[], help="tables of analysis.sweep: every "
        "network in them is timed, besides the pair")  # fmt: skip
    add("--rounds", type=int, default=30, help="interleaved rounds of timing")
    add("--output", type=Path, required=True, help="folder for the tables")
    return parser.parse_args(arguments)


def networks_of(sweeps: Sequence[Path]) -> dict[tuple[str, float, int], Network]:
    """(name, width, resolution) -> network, for the pair and for all that was swept."""
    keys = {(name, 1.0, 28): None for name in BLOCK_COUNTS}
    for path in sweeps:
        table = pd.read_csv(path, dtype={"network": str})
        if not {"network", "width", "resolution"} <= set(table):
            raise ValueError(f"{path} is no table of analysis.sweep.")
        columns = table[["network", "width", "resolution"]].drop_duplicates()
        for name, width, resolution in columns.itertuples(index=False):
            keys[name, float(width), int(resolution)] = None
    return {
        (name, width, side): named_network(name, (1, side, side), 10, width)
        for name, width, side in keys
    }


def layer_costs() -> pd.DataFrame:
    """Parameters and MACs of every convolution, batch norm and FC layer of the pair."""
    rows = []
    for name in BLOCK_COUNTS:
        net = named_network(name, (1, 28, 28), 10)
        for place, layer in enumerate(measure(net, net.input_dim).layers):
            parts = layer.name.split(".")
            rows.append(
                {
                    "network": name,
                    "place": place,
                    "layer": layer.name,
                    "block": int(parts[1]) + 1 if parts[0] == "blocks" else 0,
                    "kind": layer.kind,
                    "out_channels": layer.output_shape[0],
                    "out_side": layer.output_shape[1] if len(layer.output_shape) > 1 else 1,
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
        cost = measure(mobilenet_v1(**arguments), arguments["input_dim"])
        macs, params = cost.macs / MILLION, cost.num_params / MILLION
        # The paper cuts some numbers off and rounds others: 290.7 is printed 290.
        agrees = abs(macs - paper_macs) < 1.5 and abs(params - paper_params) < 0.1
        rows.append(
            {
                "table": table,
                "row": what,
                "paper_macs_millions": paper_macs,
                "macs": cost.macs,
                "paper_params_millions": paper_params,
                "params": cost.num_params,
                "imagenet_top1": accuracy,
                "agrees": agrees,
            }
        )
    return pd.DataFrame(rows)


def paper_shares() -> pd.DataFrame:
    """Table 2 of the paper, shares of MACs and of weights by kind of layer, beside ours."""
    cost = measure(mobilenet_v1(), (3, 224, 224))
    weights = bare_weights(cost)
    rows = []
    for kind, (paper_macs, paper_params) in PAPER_SHARES.items():
        layers = [layer for layer in cost.layers if layer.kind == kind]
        macs = 100 * sum(layer.macs for layer in layers) / cost.macs
        params = 100 * sum(weights[layer.name] for layer in layers) / sum(weights.values())
        agrees = abs(macs - paper_macs) < 0.011 and abs(params - paper_params) < 0.011
        rows.append(
            {
                "table": "2",
                "row": kind,
                "paper_macs_share": paper_macs,
                "macs_share": macs,
                "paper_params_share": paper_params,
                "params_share": params,
                "agrees": agrees,
            }
        )
    return pd.DataFrame(rows)


def bare_weights(cost: Complexity) -> dict[str, int]:
    """Weights of each layer as Table 2 counts them: without batch norm and without biases."""
    weights = {}
    for layer in cost.layers:
        if layer.kind != "bn":
            bias = layer.output_shape[0] if layer.kind == "fc" else 0
            weights[layer.name] = layer.num_params - bias
    return weights


def latencies(networks: dict[tuple[str, float, int], Network], rounds: int) -> pd.DataFrame:
    """Seconds for one image and for an image of a batch of 16, medians of interleaved rounds."""
    sessions = {key: session(net) for key, net in networks.items()}
    images = {
        (key, batch): np.random.default_rng(0).random((batch, *net.input_dim), dtype=np.float32)
        for key, net in networks.items()
        for batch in (1, 16)
    }
    repeats = {}
    for (key, batch), pixels in images.items():
        sessions[key].run(None, {"images": pixels})
        once = timed(sessions[key], pixels, 3)
        repeats[key, batch] = int(np.clip(SECONDS / 2 / rounds / once, 2, 50))
    times: dict[tuple[Any, int], list[float]] = {case: [] for case in images}
    for _ in range(rounds):
        for key, batch in images:
            times[key, batch].append(timed(sessions[key], images[key, batch], repeats[key, batch]))
    rows = []
    for key, net in networks.items():
        cost = measure(net, net.input_dim)
        row = dict(zip(("network", "width", "resolution"), key, strict=True))
        row |= {"params": cost.num_params, "macs": cost.macs}
        for batch in (1, 16):
            values = [value / batch for value in times[key, batch]]
            low, median, high = statistics.quantiles(values, n=4)
            name = "one" if batch == 1 else "batch"
            row |= {f"seconds_{name}": median, f"q1_{name}": low, f"q3_{name}": high}
        rows.append(row)
    return pd.DataFrame(rows)


def session(net: Network) -> ort.InferenceSession:
    """The network in the demo's engine, on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    content = to_onnx(net.eval()).SerializeToString()
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def timed(engine: ort.InferenceSession, images: np.ndarray, repeats: int) -> float:
    """Seconds a call, mean of `repeats` in a row."""
    start = time.perf_counter()
    for _ in range(repeats):
        engine.run(None, {"images": images})
    return (time.perf_counter() - start) / repeats


def write_record(path: Path, arguments: Sequence[str]) -> Path:
    """What the times in latency.csv are of."""
    record = {
        "command": shlex.join(["python", "-m", "analysis.costs", *arguments]),
        "engine": f"ONNX Runtime {version('onnxruntime')}, batch norm folded, float32, 1 thread",
        "processor": processor(),
        "cores": os.cpu_count(),
    }
    path.write_text(json.dumps(record, indent=1) + os.linesep, encoding="utf-8")
    return path


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
