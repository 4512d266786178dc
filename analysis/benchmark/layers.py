"""Why the measured speed-up is not the ratio of MACs: every layer against the roofline.

The engine's own profile gives each layer's time. A layer cannot be faster than its arithmetic at
peak speed, nor than its bytes at the bandwidth of the cache that they lie in. Beside the area's
rows, `layer_times.csv` holds every layer and network on one thread and on all, for one image and
for a batch, and `roofline.csv` the roofs.
"""

import json
import math
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime as ort

from analysis.benchmark import hardware
from analysis.benchmark.arms import Arm, interleave
from analysis.benchmark.inference import make_eager, make_folded, make_ours, random_images
from analysis.benchmark.record import Row, number, quartiles, row
from analysis.benchmark.settings import NETWORKS, Settings
from netlib.answer.predictor import to_onnx
from netlib.nets.checkpoint import load_network
from netlib.nets.complexity import measure
from netlib.nets.network import Network

AREA = "layers"
BATCH = 16  # what one thread of the engine takes at a time
BATCHES = (1, BATCH)
REST = "pooling, FC and layout"
TOTAL = "sum of the layers"
KINDS = ("conv", "depthwise", "pointwise")
NETWORK = "network"  # all of it in one call
ROOFS = ("copy, cache", "copy, memory", *hardware.PRODUCTS)
Case = tuple[str, str, int]  # network, layer, batch; or "roof" or a way of PyTorch's, what, batch
Results = dict[tuple[int, Case], list[float]]  # threads and case -> a measurement a round


@dataclass(frozen=True)
class Work:
    """What a layer has to do for one image.

    Attributes:
        name, kind: as in `netlib.nets.complexity`.
        macs: multiply-accumulates.
        values: activations read and written.
        params: filters and biases, read once a batch.
    """

    name: str
    kind: str
    macs: int
    values: int
    params: int

    def bytes(self, batch: int = BATCH) -> int:
        """Bytes read and written for one image of a batch, all float32."""
        return 4 * (self.values + self.params // batch)


@dataclass(frozen=True)
class Roofs:
    """What a number of threads can do at best: FLOP/s, and bytes a second."""

    peak: float
    cache: float
    memory: float


def run(settings: Settings) -> list[Row]:
    """Time, GFLOP/s and roofline bound of every layer, and what they say of the speed-up."""
    counts = sorted({1, settings.threads})
    works = {n: list(layers(load_network(settings.checkpoints[n])[0])) for n in NETWORKS}
    times = measured(settings, works, counts)
    roofs = {n: roofs_of(times, n) for n in counts}
    settings.tables["layer_times"] = [
        entry
        for threads in counts
        for batch in BATCHES
        for name in NETWORKS
        for entry in entries(times, name, works[name], threads, batch, roofs[threads])
    ]
    settings.tables["roofline"] = [roof_entry(n, roofs[n]) for n in counts]
    bandwidth, peak = roofs[1].cache, roofs[1].peak
    rows, sums, bounds = [], {}, {}
    for name in NETWORKS:
        for work in works[name]:
            rows.append(layer_row(name, work, times[1, (name, work.name, BATCH)], bandwidth, peak))
        rest = [1e6 * t for t in times[1, (name, REST, BATCH)]]
        rows.append(row(AREA, REST, "ours, 1 thread", rest, "µs an image", network=name))
        sums[name] = sum(r.median for r in rows if r.network == name)
        bounds[name] = sum(r.theory or 0.0 for r in rows if r.network == name)
        rows.append(row(AREA, TOTAL, "ours, 1 thread", [sums[name]], "µs an image",
                        network=name, theory=bounds[name]))  # fmt: skip
    return rows + explanation(settings.mac_ratio, sums, bounds)


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


def roofs_of(found: Results, threads: int) -> Roofs:
    """The best of several measurements: a roof is what cannot be passed."""
    best = {roof: 1e9 * max(found[threads, ("roof", roof, 0)]) for roof in ROOFS}
    peak = max(best[product] for product in hardware.PRODUCTS)
    return Roofs(peak, best["copy, cache"], best["copy, memory"])


def layers(net: Network) -> Iterator[Work]:
    """The convolutions in order: activations in and out, and filters."""
    before = net.input_dim
    for cost in measure(net, net.input_dim).layers:
        if cost.kind in KINDS:
            values = math.prod(before) + math.prod(cost.output_shape)
            yield Work(cost.name, cost.kind, cost.macs, values, cost.num_params)
            before = cost.output_shape


def layer_entry(
    network: str, work: Work, threads: int, batch: int, seconds: list[float], roofs: Roofs
) -> dict[str, Any]:
    """A layer's line of `layer_times.csv`."""
    entry = entry_of(network, work.name, work.kind, "ours", threads, batch, seconds)
    intensity = work.macs / work.bytes(batch)
    by_arithmetic, by_bandwidth = roofs.peak / 2e9, intensity * roofs.cache / 1e9
    roof, attained = min(by_arithmetic, by_bandwidth), work.macs / entry["us"] / 1e3
    return {
        **entry,
        "macs": work.macs,
        "bytes": work.bytes(batch),
        "intensity": intensity,
        "gmacs_per_s": attained,
        "roof_gmacs_per_s": roof,
        "bound": "arithmetic" if by_arithmetic < by_bandwidth else "bandwidth",
        "share_of_roof": attained / roof,
    }


def entries(
    times: Results, network: str, works: list[Work], threads: int, batch: int, roofs: Roofs
) -> Iterator[dict[str, Any]]:
    """Lines of `layer_times.csv`: layers, the rest, the network in the engine and in PyTorch."""
    for work in works:
        seconds = times[threads, (network, work.name, batch)]
        yield layer_entry(network, work, threads, batch, seconds, roofs)
    seconds = times[threads, (network, REST, batch)]
    yield entry_of(network, "rest", "rest", "ours", threads, batch, seconds)
    macs, size = sum(work.macs for work in works), sum(work.bytes(batch) for work in works)
    for way, case in {
        "ours": (network, NETWORK, batch),
        "folded": ("folded", network, batch),
        "eager": ("eager", network, batch),
    }.items():
        entry = entry_of(network, NETWORK, NETWORK, way, threads, batch, times[threads, case])
        yield {
            **entry,
            "macs": macs,
            "bytes": size,
            "intensity": macs / size,
            "gmacs_per_s": macs / entry["us"] / 1e3,
        }


def entry_of(
    network: str, layer: str, kind: str, engine: str, threads: int, batch: int, times: list[float]
) -> dict[str, Any]:
    """What all lines of `layer_times.csv` have, every column among it."""
    low, median, high = (1e6 * q for q in quartiles(times))
    known = {"network": network, "layer": layer, "kind": kind, "engine": engine,
             "threads": threads, "batch": batch,
             "us": median, "us_low": low, "us_high": high}  # fmt: skip
    unknown = ("macs", "bytes", "intensity", "gmacs_per_s", "roof_gmacs_per_s", "bound",
               "share_of_roof")  # fmt: skip
    return {**known, **dict.fromkeys(unknown)}


def roof_entry(threads: int, roofs: Roofs) -> dict[str, Any]:
    """A line of `roofline.csv`: GMAC/s, GB/s, and the MAC a byte at which the roof bends."""
    peak, cache, memory = roofs.peak / 2e9, roofs.cache / 1e9, roofs.memory / 1e9
    return {
        "threads": threads,
        "peak_gmacs_per_s": peak,
        "cache_gb_per_s": cache,
        "memory_gb_per_s": memory,
        "ridge_cache": peak / cache,
        "ridge_memory": peak / memory,
    }


def layer_row(network: str, work: Work, seconds: list[float], bandwidth: float, peak: float) -> Row:
    """A layer's time beside the least that the roofline allows."""
    arithmetic, traffic = 2 * work.macs / peak, work.bytes() / bandwidth
    median = statistics.median(seconds)
    limit = "arithmetic" if arithmetic > traffic else "bandwidth"
    note = (f"{number(2 * work.macs / median / 1e9)} GFLOP/s, "
            f"{number(2 * work.macs / work.bytes())} FLOP a byte: bound by {limit}")  # fmt: skip
    return row(AREA, work.name, "ours, 1 thread", [1e6 * s for s in seconds], "µs an image",
               network=network, theory=1e6 * max(arithmetic, traffic), note=note)  # fmt: skip


def explanation(
    mac_ratio: float, sums: Mapping[str, float], bounds: Mapping[str, float]
) -> list[Row]:
    """Ratio of MACs, ratio that the roofline allows, measured ratio."""
    quantity = "MobileNet over standard"
    return [
        row(AREA, quantity, "ratio of MACs", [mac_ratio], "×"),
        row(AREA, quantity, "ratio of roofline bounds", [bounds["standard"] / bounds["mobilenet"]],
            "×"),
        row(AREA, quantity, "ratio of layer times", [sums["standard"] / sums["mobilenet"]], "×",
            theory=mac_ratio),
    ]  # fmt: skip


def make_torch(paths: Mapping[str, Path], seconds: float) -> Callable[[Case], float]:
    """An arm for the roofs and for both networks in PyTorch, eager and folded."""
    roof = hardware.make(seconds)
    ways = {"eager": make_eager(paths, seconds), "folded": make_folded(paths, seconds)}
    return lambda case: roof(case[1]) if case[0] == "roof" else ways[case[0]](case[1:])


def make(
    paths: Mapping[str, Path], repeats: int, seconds: float, threads: int
) -> Callable[[Case], float]:
    """An arm that profiles each network and batch once a round, then tells its layers' times."""
    models, names = {}, {}
    for name, path in paths.items():
        net = load_network(path)[0]
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
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        images = random_images(batch)
        for _ in range(calls):
            session.run(None, {"images": images})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            times[event["args"]["op_name"], event["name"]].append(event["dur"] * 1e-6 / batch)
    middles = {key: middle_mean(values) for key, values in times.items()}
    convolutions = [seconds for (kind, _), seconds in middles.items() if kind == "Conv"]
    rest = sum(seconds for (kind, _), seconds in middles.items() if kind != "Conv")
    return {**dict(zip(names, convolutions, strict=True)), REST: rest}


def middle_mean(values: list[float]) -> float:
    """Mean of the middle half: the profile counts whole microseconds, too coarse for a median."""
    cut = len(values) // 4
    return statistics.fmean(sorted(values)[cut : len(values) - cut])
