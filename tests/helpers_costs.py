"""Small made-up files with the columns that costs and the benchmark of layers write."""

import json
from pathlib import Path

import pandas as pd

from analysis.benchmark.record import row, save, save_record

# network, layer, block, kind, output channels, parameters, MACs: of our pair, without batch norm
LAYERS = [
    ("standard", "blocks.0.conv", 1, "conv", 32, 288, 56_448),
    ("standard", "blocks.1.conv", 2, "conv", 64, 18_432, 3_612_672),
    ("standard", "blocks.2.conv", 3, "conv", 128, 73_728, 14_450_688),
    ("standard", "blocks.2.bn", 3, "bn", 128, 256, 0),
    ("standard", "blocks.3.conv", 4, "conv", 256, 294_912, 14_450_688),
    ("standard", "head", 0, "fc", 10, 2_570, 2_560),
    ("mobilenet", "blocks.0.conv", 1, "conv", 32, 288, 56_448),
    ("mobilenet", "blocks.1.conv", 2, "conv", 64, 18_432, 3_612_672),
    ("mobilenet", "blocks.2.conv_dw", 3, "depthwise", 64, 576, 112_896),
    ("mobilenet", "blocks.2.bn_dw", 3, "bn", 64, 128, 0),
    ("mobilenet", "blocks.2.conv_pw", 3, "pointwise", 128, 8_192, 1_605_632),
    ("mobilenet", "blocks.3.conv_dw", 4, "depthwise", 128, 1_152, 56_448),
    ("mobilenet", "blocks.3.conv_pw", 4, "pointwise", 256, 32_768, 1_605_632),
    ("mobilenet", "head", 0, "fc", 10, 2_570, 2_560),
]
SPEED = {"conv": 30.0, "depthwise": 6.0, "pointwise": 22.0}  # GMAC/s
INTENSITY = {"conv": 40.0, "depthwise": 1.1, "pointwise": 15.0}


def write_costs(folder: Path) -> None:
    """layer_costs.csv, latency.csv and benchmark/; needs the sweeps' tables."""
    columns = "network layer block kind out_channels params macs".split()
    layers = pd.DataFrame(LAYERS, columns=columns)
    layers.to_csv(folder / "layer_costs.csv", index=False)
    keys = ["network", "width", "resolution", "params", "macs"]
    tables = [
        pd.read_csv(folder / f"{name}.csv")[keys] for name in ("width", "resolution", "blocks")
    ]
    latency = pd.concat(tables).drop_duplicates()
    for column in ("seconds_one", "q1_one", "q3_one", "seconds_batch", "q1_batch", "q3_batch"):
        latency[column] = latency["macs"] * 2e-11
    latency.to_csv(folder / "latency.csv", index=False)
    write_benchmark(folder / "benchmark", layers)


def write_benchmark(folder: Path, layers: pd.DataFrame) -> None:
    folder.mkdir(exist_ok=True)
    rows = []
    timed = layers[layers["kind"].isin(SPEED)]
    for threads in (1, 2):
        for batch in (1, 16):
            for layer in timed.itertuples():
                speed = SPEED[layer.kind] * threads**0.7 * (1.2 if batch > 1 else 1)
                case = {"network": layer.network, "layer": layer.layer, "kind": layer.kind}
                case |= {"engine": "ours", "threads": threads, "batch": batch, "macs": layer.macs}
                case |= {"intensity": INTENSITY[layer.kind] * (1 + layer.block / 9)}
                rows.append({**case, "us": layer.macs / speed / 1e3, "gmacs_per_s": speed})
            for network in ("standard", "mobilenet"):
                for engine in ("ours", "folded", "eager"):
                    macs = timed[timed["network"] == network]["macs"].sum()
                    case = {"network": network, "layer": "network", "kind": "network"}
                    case |= {"engine": engine, "threads": threads, "batch": batch, "macs": macs}
                    rows.append({**case, "us": macs / 25e3 + 20, "gmacs_per_s": 25})
    pd.DataFrame(rows).to_csv(folder / "latency.csv", index=False)
    roof = {"peak_gmacs_per_s": [45, 88], "cache_gb_per_s": [40, 75], "memory_gb_per_s": [10, 14]}
    pd.DataFrame({"threads": [1, 2], **roof}).to_csv(folder / "roofline.csv", index=False)
    made_by = {"machine": {"processor": "A processor"}}
    (folder / "layers.json").write_text(json.dumps({"made_by": made_by}), encoding="utf-8")
    write_speed(folder, {**made_by, "threads": 2})


def write_speed(folder: Path, made_by: dict) -> None:
    """The areas of the benchmark with targets, each with one that is reached or missed."""
    png = "60,000 PNG files out of a zip, times the bare decode"
    rows = {
        "hardware": [row("hardware", "matrix product, float32", "2 threads", [200.0], "GFLOP/s")],
        "inference": [
            row("inference", "one image", "ours, 2 threads", [300.0], "µs an image",
                network="standard"),
            row("inference", "one image, speed-up over eager", "ours, 2 threads", [3.0, 3.1], "×",
                network="standard", at_least=2.5),
            row("inference", "largest difference of a probability", "ours", [5e-7], "",
                network="mobilenet", at_most=1e-5),
        ],
        "training": [
            row("training", "speed-up over the plain loop", "ours, float32", [2.0, 2.2], "×",
                network="mobilenet", at_least=1.7),
            row("training", "training", "plain loop", [600.0], "images a second"),
        ],
        "accuracy": [
            row("accuracy", "share of the example's time", "ours", [0.3], "", at_most=1 / 3),
        ],
        "data": [
            row("data", png, "ours", [1.5, 1.7], "×", at_most=1.3),
            row("data", png, "the list of files", [0.25], "×"),
            row("data", png, "the list, the labels and the checks", [0.4], "×"),
        ],
        "serving": [
            row("serving", "reading a picture, no server", "demo", [4.0], "ms"),
            row("serving", "both networks alone, no server", "demo", [0.5], "ms"),
            row("serving", "1 client", "do nothing", [400.0], "calls a second"),
            row("serving", "1 client, share of doing nothing", "demo", [0.3, 0.4], "", at_least=0.8,
                theory=0.38),
        ],
    }  # fmt: skip
    for area, found in rows.items():
        save(folder, area, found)
        save_record(folder, area, made_by)
