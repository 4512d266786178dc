"""Why the measured speed-up is not the ratio of MACs: every layer against the roofline.

The engine's own profile gives each layer's time, on one thread. A layer cannot be faster than its
arithmetic at peak speed, nor than its bytes at the bandwidth of the cache that they lie in
(Williams, Waterman and Patterson 2009; the copy follows McCalpin's STREAM). `layer_times.csv` holds
every layer, `roofline.csv` the roofs.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper

from analysis.benchmark.arms import Arm, interleave, seconds_of
from analysis.benchmark.inference import kernels, session
from analysis.benchmark.record import Row
from analysis.benchmark.settings import Settings
from analysis.look.style import NETWORKS
from netlib import nets
from netlib.answer.graph import IR_VERSION, OPSET, to_onnx
from netlib.nets.complexity import LayerCost

BATCH = 16  # what one thread of the engine takes at a time
REST = "rest"  # pooling, FC and layout
KINDS = ("conv", "depthwise", "pointwise")
# Bytes: far beyond any cache; two of the others fit into a core's second-level cache.
COPIES = {"copy, memory": 256 * 2**20, "copy, cache": 256 * 2**10}
SIDE = 1536  # of the square matrices
# By three libraries: not every one knows every processor, and a roof is what the best one reaches.
PRODUCTS = tuple(f"matrix product, float32, {name}" for name in ("PyTorch", "NumPy", "engine"))


def run(settings: Settings) -> list[Row]:
    """The times and the roofs, as tables: no row has a target."""
    rounds, seconds = settings.choose(2, min(settings.rounds, 9)), settings.choose(0.03, 0.2)
    roofs = interleave({"": Arm(make_roofs, (seconds,))}, (*COPIES, *PRODUCTS), rounds)
    arm = Arm(make, (dict(settings.checkpoints), settings.choose(8, 100)))
    times = interleave({"": arm}, NETWORKS, rounds)
    settings.tables["layer_times"] = [
        line
        for name in NETWORKS
        for line in lines_of(name, nets.load_network(settings.checkpoints[name]), times["", name])
    ]
    # The best of several measurements: a roof is what cannot be passed.
    settings.tables["roofline"] = [roof_line({r: max(found) for (_, r), found in roofs.items()})]
    return []


def layers(net: "nets.Network") -> Iterator[tuple[LayerCost, int]]:
    """The convolutions in order, each with the bytes that it reads and writes.

    They are of activations and filters in float32, for one image of a batch, whose filters are read
    once.
    """
    before: tuple[int, ...] = net.input_dim
    for cost in nets.measure(net).layers:
        if cost.kind in KINDS:
            values = math.prod(before) + math.prod(cost.output_shape)
            yield cost, 4 * (values + cost.num_params // BATCH)
            before = cost.output_shape


def lines_of(
    network: str, net: "nets.Network", rounds: Sequence[Mapping[str, float]]
) -> Iterator[dict[str, Any]]:
    """Lines of `layer_times.csv`: the layers and the rest, medians of rounds of seconds."""
    known = {"network": network, "engine": "ours", "threads": 1, "batch": BATCH}
    us = {layer: 1e6 * statistics.median(r[layer] for r in rounds) for layer in rounds[0]}
    for cost, traffic in layers(net):
        time = us[cost.name]
        rates = {"intensity": cost.macs / traffic, "gmacs_per_s": cost.macs / time / 1e3}
        facts = {"layer": cost.name, "kind": cost.kind, "us": time, "macs": cost.macs}
        yield {**known, **facts, **rates}
    yield {**known, "layer": REST, "kind": REST, "us": us[REST]}


def roof_line(best: Mapping[str, float]) -> dict[str, Any]:
    """The line of `roofline.csv`: GMAC/s and GB/s."""
    return {
        "threads": 1,
        "peak_gmacs_per_s": max(best[product] for product in PRODUCTS) / 2,
        "cache_gb_per_s": best["copy, cache"],
        "memory_gb_per_s": best["copy, memory"],
    }


def make_roofs(seconds: float) -> Callable[[str], float]:
    """An arm that measures one roof: "copy, …" in GB/s or "matrix product, …" in GFLOP/s."""

    def copy(size: int) -> float:
        source, target = torch.ones(size // 4), torch.empty(size // 4)
        repeats = max(1, COPIES["copy, memory"] // size // 8)

        def work() -> None:
            for _ in range(repeats):
                target.copy_(source)

        return 2 * size * repeats / seconds_of(work, seconds) / 1e9  # read and written

    def product(library: str) -> float:
        a, b = (np.random.default_rng(0).random((SIDE, SIDE), np.float32) for _ in range(2))
        multiply: Callable[[], Any] = partial(np.matmul, a, b)
        if library == "PyTorch":
            multiply = partial(
                torch.mm, *map(torch.from_numpy, (a, b)), out=torch.empty(SIDE, SIDE)
            )
        elif library == "engine":
            multiply = partial(product_session(b).run, None, {"a": a})
        return 2 * SIDE**3 / seconds_of(multiply, seconds) / 1e9

    return lambda case: copy(COPIES[case]) if case in COPIES else product(case.split(", ")[-1])


def product_session(b: np.ndarray) -> ort.InferenceSession:
    """The engine's product of a matrix "a" with the constant `b`."""
    shape = [SIDE, SIDE]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "ac"]
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "product",
                              ends[:1], ends[1:], [numpy_helper.from_array(b, "b")])  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)],
                              ir_version=IR_VERSION)  # fmt: skip
    return session(model.SerializeToString())


def make(paths: Mapping[str, Path], calls: int) -> Callable[[str], dict[str, float]]:
    """An arm: seconds an image of each layer of a network, and of everything else together."""
    found = {name: nets.load_network(path) for name, path in paths.items()}
    models = {name: to_onnx(net).SerializeToString() for name, net in found.items()}

    def work(network: str) -> dict[str, float]:
        times: dict[tuple[str, str], list[float]] = defaultdict(list)
        for kind, name, microseconds in kernels(models[network], BATCH, calls):
            times[kind, name].append(microseconds * 1e-6 / BATCH)
        middles = {key: middle_mean(values) for key, values in times.items()}
        convolutions = [seconds for (kind, _), seconds in middles.items() if kind == "Conv"]
        rest = sum(seconds for (kind, _), seconds in middles.items() if kind != "Conv")
        names = [cost.name for cost, _ in layers(found[network])]
        return {**dict(zip(names, convolutions, strict=True)), REST: rest}

    return work


def middle_mean(values: list[float]) -> float:
    """Mean of the middle half: the profile counts whole microseconds, too coarse for a median."""
    cut = len(values) // 4
    return statistics.fmean(sorted(values)[cut : len(values) - cut])
