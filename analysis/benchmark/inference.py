"""Inference of both networks: PyTorch, and the engine behind the demo."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch

from analysis.benchmark.arms import Arm, interleave, profile, seconds_of
from analysis.benchmark.record import Row, ratios, row
from analysis.benchmark.settings import Settings, as_input
from analysis.look.style import NETWORKS
from netlib.answer.predictor import Predictor
from netlib.errors import many
from netlib.nets.checkpoint import load_network

BATCHES = (1, 256)
TARGETS = {(1, "standard"): 2.5, (1, "mobilenet"): 5.5, (256, "standard"): 1.35,
           (256, "mobilenet"): 3.2}  # fmt: skip
SHARE_OF_MACS = 0.9
ALONE = "ours, 1 thread"
Case = tuple[str, int]


def run(settings: Settings) -> list[Row]:
    """Seconds an image, speed-ups over eager, MobileNet's speed-ups, and equality."""
    n, seconds = settings.threads, settings.choose(0.05, 0.4)
    paths = dict(settings.checkpoints)
    ours = f"ours, {many(n, 'thread')}"
    arms = {
        "eager": Arm(make_eager, (paths, seconds), threads=n),
        ours: Arm(make_ours, (paths, seconds, n), threads=n),
        ALONE: Arm(make_ours, (paths, seconds, 1), threads=1),
    }
    batches = settings.choose((1, 32), BATCHES)
    cases = [(name, batch) for batch in batches for name in NETWORKS]
    results = interleave(arms, cases, settings.choose(3, settings.rounds))
    rows = []
    for name, batch in cases:
        what = "one image" if batch == 1 else f"batch {batch}"
        of = {arm: results[arm, (name, batch)] for arm in arms}
        rows += [row(what, arm, [1e6 * s for s in of[arm]], "µs an image", network=name)
                 for arm in arms]  # fmt: skip
        rows.append(row(f"{what}, speed-up over eager", ours, ratios(of["eager"], of[ours]),
                        "×", network=name, at_least=TARGETS.get((batch, name)),
                        why=partial(_profiles, arms, ("eager", ours), (name, batch))))  # fmt: skip
        if name == "mobilenet":
            rows.append(row(f"{what}, MobileNet over standard", ALONE,
                            ratios(results[ALONE, ("standard", batch)], of[ALONE]), "×",
                            theory=settings.mac_ratio,
                            at_least=SHARE_OF_MACS * settings.mac_ratio,
                            why=partial(_profiles, arms, (ALONE,), (name, batch))))  # fmt: skip
    return rows + _equality(settings)


def _profiles(arms: Mapping[str, Arm], names: tuple[str, ...], case: Case) -> str:
    return " ".join(f"{name}: {profile(arms[name], case)}" for name in names)


def _equality(settings: Settings) -> list[Row]:
    """The largest difference of any probability between the engine and PyTorch."""
    images = as_input(settings.digits("test")[0])[: settings.choose(500, None)]
    predictor = Predictor(settings.checkpoints)
    rows = []
    for name in NETWORKS:
        net = load_network(settings.checkpoints[name])
        with torch.inference_mode():
            logits = torch.cat([net(part) for part in torch.from_numpy(images).split(500)])
        expected = (logits / predictor.info[name].temperature).softmax(1).numpy()
        found = predictor.predict_one(name, images).probabilities
        rows.append(row(f"largest difference of a probability, {len(images):,} images",
                        "ours", [float(np.abs(found - expected).max())], "", network=name,
                        at_most=1e-5))  # fmt: skip
    return rows


def random_images(size: int) -> np.ndarray:
    """(size, 1, 28, 28) in [0, 1]; no network's speed depends on what it sees."""
    return np.random.default_rng(0).random((size, 1, 28, 28), dtype=np.float32)


def session(model: bytes | Path, options: ort.SessionOptions | None = None) -> ort.InferenceSession:
    """A graph in the engine, on one thread."""
    options = options or ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def kernels(model: bytes | Path, batch: int, calls: int) -> Iterator[tuple[str, str, int]]:
    """Kind, name and microseconds of every kernel in some calls, by the engine's own profile."""
    options = ort.SessionOptions()
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        engine, images = session(model, options), random_images(batch)
        for _ in range(calls):
            engine.run(None, {"images": images})
        events = json.loads(Path(engine.end_profiling()).read_text(encoding="utf-8"))
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            yield event["args"]["op_name"], event["name"], event["dur"]


def make_eager(paths: Mapping[str, Path], seconds: float) -> Callable[[Case], float]:
    """PyTorch as it comes."""
    nets = {name: load_network(path) for name, path in paths.items()}

    def work(case: Case) -> float:
        name, batch = case
        images = torch.from_numpy(random_images(batch))
        with torch.inference_mode():
            return seconds_of(lambda: nets[name](images).softmax(1), seconds) / batch

    return work


def make_ours(paths: Mapping[str, Path], seconds: float, threads: int) -> Callable[[Case], float]:
    """`Predictor.predict_one`, with its checks, its softmax and its embeddings."""
    return per_image(Predictor(paths, threads=threads).predict_one, seconds)


def per_image(answer: Callable[[str, np.ndarray], Any], seconds: float) -> Callable[[Case], float]:
    """An arm's work: seconds an image that a network's answer to a batch takes."""

    def work(case: Case) -> float:
        name, batch = case
        return seconds_of(partial(answer, name, random_images(batch)), seconds) / batch

    return work
