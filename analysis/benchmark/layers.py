"""Why the measured speed-up is not the ratio of MACs: every layer against the roofline.

The engine's own profile gives each layer's time on one thread. A layer cannot be faster than its
arithmetic at peak speed, nor than its bytes at the bandwidth of the cache that they lie in.
"""

import json
import math
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort

from analysis.benchmark import hardware
from analysis.benchmark.arms import Arm, interleave
from analysis.benchmark.inference import random_images
from analysis.benchmark.record import Row, number, row
from analysis.benchmark.settings import NETWORKS, Settings
from netlib.checkpoint import load_network
from netlib.complexity import LayerCost, measure
from netlib.network import Network
from netlib.predictor import to_onnx

AREA = "layers"
BATCH = 16  # what one thread of the engine takes at a time
REST = "pooling, FC and layout"
TOTAL = "sum of the layers"


@dataclass(frozen=True)
class Work:
    """What a layer has to do for one image: multiply-accumulates, and bytes read and written."""

    name: str
    macs: int
    bytes: int


def run(settings: Settings) -> list[Row]:
    """Time, GFLOP/s and roofline bound of every layer, and what they say of the speed-up."""
    bandwidth, peak = roofs(settings)
    works = {n: list(layers(load_network(settings.checkpoints[n])[0])) for n in NETWORKS}
    arm = Arm(make, (dict(settings.checkpoints), settings.choose(5, 100)), threads=1)
    cases = [(n, work.name) for n in NETWORKS for work in works[n]]
    cases += [(n, REST) for n in NETWORKS]
    times = interleave({"ours": arm}, cases, settings.choose(3, settings.rounds))
    rows, sums, bounds = [], {}, {}
    for name in NETWORKS:
        for work in works[name]:
            rows.append(layer_row(name, work, times["ours", (name, work.name)], bandwidth, peak))
        rest = [1e6 * t for t in times["ours", (name, REST)]]
        rows.append(row(AREA, REST, "ours, 1 thread", rest, "µs an image", network=name))
        sums[name] = sum(r.median for r in rows if r.network == name)
        bounds[name] = sum(r.theory or 0.0 for r in rows if r.network == name)
        rows.append(row(AREA, TOTAL, "ours, 1 thread", [sums[name]], "µs an image",
                        network=name, theory=bounds[name]))  # fmt: skip
    return rows + explanation(settings.mac_ratio, sums, bounds)


def roofs(settings: Settings) -> tuple[float, float]:
    """Bytes and FLOPs a second of one thread whose data lie in its cache, at its best."""
    cases = ["copy, cache", *hardware.PRODUCTS]
    arm = Arm(hardware.make, (settings.choose(0.1, 0.5),), threads=1)
    results = interleave({"roof": arm}, cases, settings.choose(3, 9))
    copy, *products = (1e9 * max(results["roof", case]) for case in cases)
    return copy, max(products)


def layers(net: Network) -> Iterator[Work]:
    """The convolutions in order: activations in and out, and filters, all float32."""
    before = net.input_dim
    for cost in measure(net, net.input_dim).layers:
        if cost.kind in ("conv", "depthwise", "pointwise"):
            yield Work(cost.name, cost.macs, _bytes(cost, before))
            before = cost.output_shape


def _bytes(cost: LayerCost, input_shape: tuple[int, ...]) -> int:
    values = math.prod(input_shape) + math.prod(cost.output_shape)
    return 4 * (values + cost.num_params // BATCH)  # filters serve a whole chunk


def layer_row(network: str, work: Work, seconds: list[float], bandwidth: float, peak: float) -> Row:
    """A layer's time beside the least that the roofline allows."""
    arithmetic, traffic = 2 * work.macs / peak, work.bytes / bandwidth
    median = statistics.median(seconds)
    limit = "arithmetic" if arithmetic > traffic else "bandwidth"
    note = (f"{number(2 * work.macs / median / 1e9)} GFLOP/s, "
            f"{number(2 * work.macs / work.bytes)} FLOP a byte: bound by {limit}")  # fmt: skip
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


def make(paths: Mapping[str, Path], repeats: int) -> Callable[[tuple[str, str]], float]:
    """An arm that profiles each network once a round and then tells its layers' times."""
    models, names = {}, {}
    for name, path in paths.items():
        net = load_network(path)[0]
        models[name] = to_onnx(net).SerializeToString()
        names[name] = [work.name for work in layers(net)]
    found: dict[str, dict[str, float]] = {}

    def work(case: tuple[str, str]) -> float:
        network, layer = case
        if layer == names[network][0]:  # the first case of the network in this round
            found[network] = profile(models[network], names[network], repeats)
        return found[network][layer]

    return work


def profile(model: bytes, names: list[str], repeats: int) -> dict[str, float]:
    """Median seconds an image of each convolution, and of everything else together."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        images = random_images(BATCH)
        for _ in range(repeats):
            session.run(None, {"images": images})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            times[event["args"]["op_name"], event["name"]].append(event["dur"] * 1e-6 / BATCH)
    medians = {key: statistics.median(values) for key, values in times.items()}
    convolutions = [seconds for (kind, _), seconds in medians.items() if kind == "Conv"]
    rest = sum(seconds for (kind, _), seconds in medians.items() if kind != "Conv")
    return {**dict(zip(names, convolutions, strict=True)), REST: rest}
