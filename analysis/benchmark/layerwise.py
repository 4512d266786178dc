"""Why the measured speed-up is not the ratio of MACs: every layer against the roofline.

The engine's own profile gives each layer's time. A layer cannot be faster than its arithmetic at
peak speed, nor than its bytes at the bandwidth of the cache that they lie in (Williams, Waterman
and Patterson 2009; the copy follows McCalpin's STREAM). `layer_times.csv` holds every layer and
network on one thread and on all, for one image and for a batch; `roofline.csv` the roofs.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper

from analysis.benchmark.arms import Arm, interleave, seconds_of
from analysis.benchmark.inference import kernels, make_eager, make_folded, make_ours, session
from analysis.benchmark.record import Row
from analysis.benchmark.settings import Settings
from analysis.look.style import NETWORKS
from netlib import nets
from netlib.answer.graph import IR_VERSION, OPSET, to_onnx

BATCH = 16  # what one thread of the engine takes at a time
BATCHES = (1, BATCH)
REST = "rest"  # pooling, FC and layout
KINDS = ("conv", "depthwise", "pointwise")
NETWORK = "network"  # all of it in one call
COPY_BYTES = 256 * 2**20  # far beyond any cache
CACHE_BYTES = 256 * 2**10  # two of them fit into a core's second-level cache
SIDE = 1536  # of the square matrices
# By three libraries: not every one knows every processor, and a roof is what the best one reaches.
PRODUCTS = tuple(f"matrix product, float32, {name}" for name in ("PyTorch", "NumPy", "engine"))
ROOFS = ("copy, cache", "copy, memory", *PRODUCTS)
Case = tuple[str, str, int]  # network, layer, batch; or "roof" or a way of PyTorch's, what, batch
Results = dict[tuple[int, Case], list[float]]  # threads and case -> a measurement a round


@dataclass(frozen=True)
class Work:
    """What a layer has to do for one image; name and kind as in `netlib.nets.complexity`."""

    name: str
    kind: str
    macs: int  # multiply-accumulates
    values: int  # activations read and written
    params: int  # filters and biases, read once a batch

    def bytes(self, batch: int = BATCH) -> int:
        """Bytes read and written for one image of a batch, all float32."""
        return 4 * (self.values + self.params // batch)


def run(settings: Settings) -> list[Row]:
    """The times and the roofs, as tables: no row has a target."""
    counts = sorted({1, settings.threads})
    works = {n: list(layers(nets.load_network(settings.checkpoints[n]))) for n in NETWORKS}
    times = measured(settings, works, counts)
    settings.tables["layer_times"] = [
        line
        for threads in counts
        for batch in BATCHES
        for name in NETWORKS
        for line in lines_of(times, name, works[name], threads, batch)
    ]
    settings.tables["roofline"] = [roof_line(times, threads) for threads in counts]
    return []


def measured(settings: Settings, works: Mapping[str, list[Work]], counts: list[int]) -> Results:
    """Everything, on each number of threads; PyTorch and the engine in processes of their own."""
    seconds, rounds = settings.choose(0.03, 0.2), settings.choose(2, min(settings.rounds, 9))
    paths = dict(settings.checkpoints)
    torch_arms = {str(n): Arm(make_torch, (paths, seconds), threads=n) for n in counts}
    wholes = [(name, NETWORK, batch) for batch in BATCHES for name in NETWORKS]
    torch_cases = [("roof", roof, 0) for roof in ROOFS]
    torch_cases += [(way, *whole[::2]) for whole in wholes for way in ("folded", "eager")]
    found: Results = {}
    for (arm, case), values in interleave(torch_arms, torch_cases, rounds).items():
        found[int(arm), case] = values
    engine = (paths, settings.choose(8, 100), seconds)
    arms = {str(n): Arm(make, (*engine, n), threads=n) for n in counts}
    cases = [
        (name, layer, batch)
        for batch in BATCHES
        for name in NETWORKS
        for layer in [*(work.name for work in works[name]), REST, NETWORK]
    ]
    for (arm, case), values in interleave(arms, cases, rounds).items():
        found[int(arm), case] = values
    return found


def layers(net: "nets.Network") -> Iterator[Work]:
    """The convolutions in order: activations in and out, and filters."""
    before: tuple[int, ...] = net.input_dim
    for cost in nets.measure(net).layers:
        if cost.kind in KINDS:
            values = math.prod(before) + math.prod(cost.output_shape)
            yield Work(cost.name, cost.kind, cost.macs, values, cost.num_params)
            before = cost.output_shape


def lines_of(
    times: Results, network: str, works: list[Work], threads: int, batch: int
) -> Iterator[dict[str, Any]]:
    """Lines of `layer_times.csv`: layers, the rest, the network in the engine and in PyTorch."""

    def line(layer: str, kind: str, engine: str, case: Case, macs: int, size: int) -> dict:
        us = 1e6 * statistics.median(times[threads, case])
        known = {"network": network, "layer": layer, "kind": kind, "engine": engine,
                 "threads": threads, "batch": batch, "us": us}  # fmt: skip
        rates = {"macs": macs, "intensity": macs / size, "gmacs_per_s": macs / us / 1e3}
        return {**known, **(rates if macs else dict.fromkeys(rates))}

    for work in works:
        case = (network, work.name, batch)
        yield line(work.name, work.kind, "ours", case, work.macs, work.bytes(batch))
    yield line(REST, REST, "ours", (network, REST, batch), 0, 1)
    macs, size = sum(work.macs for work in works), sum(work.bytes(batch) for work in works)
    for way in ("ours", "folded", "eager"):
        case = (network, NETWORK, batch) if way == "ours" else (way, network, batch)
        yield line(NETWORK, NETWORK, way, case, macs, size)


def roof_line(times: Results, threads: int) -> dict[str, Any]:
    """A line of `roofline.csv`: GMAC/s, GB/s, and the MAC a byte at which the roof bends.

    The best of several measurements: a roof is what cannot be passed.
    """
    best = {roof: max(times[threads, ("roof", roof, 0)]) for roof in ROOFS}
    peak = max(best[product] for product in PRODUCTS) / 2
    return {
        "threads": threads,
        "peak_gmacs_per_s": peak,
        "cache_gb_per_s": best["copy, cache"],
        "memory_gb_per_s": best["copy, memory"],
        "ridge_cache": peak / best["copy, cache"],
    }


def make_roofs(seconds: float) -> Callable[[str], float]:
    """An arm that measures one roof: "copy, …" in GB/s or "matrix product, …" in GFLOP/s."""

    def copy(size: int) -> float:
        source, target = torch.ones(size // 4), torch.empty(size // 4)
        repeats = max(1, COPY_BYTES // size // 8)

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

    sizes = {"copy, memory": COPY_BYTES, "copy, cache": CACHE_BYTES}
    return lambda case: copy(sizes[case]) if case in sizes else product(case.split(", ")[-1])


def product_session(b: np.ndarray) -> ort.InferenceSession:
    """The engine's product of a matrix "a" with the constant `b`, on the arm's threads."""
    shape = [SIDE, SIDE]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "ac"]
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "product",
                              ends[:1], ends[1:], [numpy_helper.from_array(b, "b")])  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)],
                              ir_version=IR_VERSION)  # fmt: skip
    return session(model.SerializeToString(), torch.get_num_threads())


def make_torch(paths: Mapping[str, Path], seconds: float) -> Callable[[Case], float]:
    """An arm for the roofs and for both networks in PyTorch, eager and folded."""
    roof = make_roofs(seconds)
    ways = {"eager": make_eager(paths, seconds), "folded": make_folded(paths, seconds)}
    return lambda case: roof(case[1]) if case[0] == "roof" else ways[case[0]](case[1:])


def make(
    paths: Mapping[str, Path], repeats: int, seconds: float, threads: int
) -> Callable[[Case], float]:
    """An arm that profiles each network and batch once a round, then tells its layers' times."""
    models, names = {}, {}
    for name, path in paths.items():
        net = nets.load_network(path)
        models[name] = to_onnx(net).SerializeToString()
        names[name] = [work.name for work in layers(net)]
    whole = make_ours(paths, seconds, threads)
    found: dict[tuple[str, int], dict[str, float]] = {}

    def work(case: Case) -> float:
        network, layer, batch = case
        if layer == NETWORK:
            return whole((network, batch))
        # The first layer begins a round of this network and batch.
        if layer == names[network][0] or (network, batch) not in found:
            calls = repeats * (3 if batch == 1 else 1)
            found[network, batch] = profile(models[network], names[network], calls, threads, batch)
        return found[network, batch][layer]

    return work


def profile(
    model: bytes, names: list[str], calls: int, threads: int, batch: int
) -> dict[str, float]:
    """Seconds an image of each convolution, and of everything else together."""
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for kind, name, microseconds in kernels(model, batch, calls, threads):
        times[kind, name].append(microseconds * 1e-6 / batch)
    middles = {key: middle_mean(values) for key, values in times.items()}
    convolutions = [seconds for (kind, _), seconds in middles.items() if kind == "Conv"]
    rest = sum(seconds for (kind, _), seconds in middles.items() if kind != "Conv")
    return {**dict(zip(names, convolutions, strict=True)), REST: rest}


def middle_mean(values: list[float]) -> float:
    """Mean of the middle half: the profile counts whole microseconds, too coarse for a median."""
    cut = len(values) // 4
    return statistics.fmean(sorted(values)[cut : len(values) - cut])
