"""Inference of both networks: PyTorch, PyTorch made fast, and the engine behind the demo."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from analysis.benchmark.arms import Arm, interleave, seconds_of
from analysis.benchmark.record import Row, ratios, row
from analysis.benchmark.settings import NETWORKS, Settings, as_input
from netlib.answer.predictor import Predictor
from netlib.nets.checkpoint import load_network

AREA = "inference"
BATCHES = (1, 256)
TARGETS = {(1, "standard"): 2.5, (1, "mobilenet"): 5.5, (256, "standard"): 1.35,
           (256, "mobilenet"): 3.2}  # fmt: skip
SHARE_OF_MACS = 0.9
Case = tuple[str, int]
Results = dict[tuple[str, Any], list[float]]


def run(settings: Settings) -> list[Row]:
    """Seconds an image, speed-ups over eager, MobileNet's speed-ups, and equality."""
    batches = settings.choose((1, 32), BATCHES)
    cases = [(name, batch) for batch in batches for name in NETWORKS]
    arms = _arms(settings)
    results = interleave(arms, cases, settings.choose(3, settings.rounds))
    rows = [
        row(AREA, _batch(batch), arm, [1e6 * s for s in results[arm, (name, batch)]],
            "µs an image", network=name)
        for name, batch in cases
        for arm in arms
    ]  # fmt: skip
    rows += _against_eager(results, arms, cases)
    rows += _between_networks(results, arms, batches, settings.mac_ratio)
    return rows + _equality(settings)


def _arms(settings: Settings) -> dict[str, Arm]:
    n, seconds = settings.threads, settings.choose(0.05, 0.4)
    paths = dict(settings.checkpoints)

    def arm(make: Callable[..., Any], threads: int, *arguments: Any) -> Arm:
        return Arm(make, (paths, seconds, *arguments), threads=threads)

    arms = {
        "eager": arm(make_eager, n),
        "folded, channels_last": arm(make_folded, n),
        f"ours, {n} threads": arm(make_ours, n, n),
        "eager, 1 thread": arm(make_eager, 1),
        "ours, 1 thread": arm(make_ours, 1, 1),
    }
    return arms


def _against_eager(results: Results, arms: Mapping[str, Arm], cases: list[Case]) -> list[Row]:
    rows = []
    for name, batch in cases:
        for arm in arms:
            base = "eager, 1 thread" if arm.endswith(", 1 thread") else "eager"
            if arm == base:
                continue
            aimed = arm.startswith("ours") and base == "eager"
            rows.append(
                row(AREA, f"{_batch(batch)}, speed-up over {base}", arm,
                    ratios(results[base, (name, batch)], results[arm, (name, batch)]), "×",
                    network=name, at_least=TARGETS.get((batch, name)) if aimed else None)
            )  # fmt: skip
    return rows


def _between_networks(
    results: Results, arms: Mapping[str, Arm], batches: tuple[int, ...], theory: float
) -> list[Row]:
    rows = []
    for batch in batches:
        for arm in arms:
            speed_ups = ratios(
                results[arm, ("standard", batch)], results[arm, ("mobilenet", batch)]
            )
            rows.append(
                row(AREA, f"{_batch(batch)}, MobileNet over standard", arm, speed_ups, "×",
                    theory=theory,
                    at_least=SHARE_OF_MACS * theory if arm == "ours, 1 thread" else None)
            )  # fmt: skip
    return rows


def _equality(settings: Settings) -> list[Row]:
    """The largest difference of any probability between the engine and PyTorch."""
    images = as_input(settings.digits("test")[0])[: settings.choose(500, None)]
    predictor = Predictor(settings.checkpoints)
    rows = []
    for name in NETWORKS:
        net, temperature = load_network(settings.checkpoints[name])[0], predictor.info[name]
        with torch.inference_mode():
            parts = torch.from_numpy(images).split(500)
            logits = torch.cat([net(part) for part in parts])
        expected = (logits / temperature.temperature).softmax(1).numpy()
        answer = predictor.predict_one(name, images)
        difference = float(np.abs(answer.probabilities - expected).max())
        rows.append(
            row(AREA, f"largest difference of a probability, {len(images):,} images", "ours",
                [difference], "", network=name, at_most=1e-5)
        )  # fmt: skip
    return rows


def _batch(size: int) -> str:
    return "one image" if size == 1 else f"batch {size}"


def random_images(size: int) -> np.ndarray:
    """(size, 1, 28, 28) in [0, 1]; no network's speed depends on what it sees."""
    return np.random.default_rng(0).random((size, 1, 28, 28), dtype=np.float32)


def make_eager(paths: Mapping[str, Path], seconds: float) -> Callable[[Case], float]:
    """PyTorch as it comes."""
    nets = {name: load_network(path)[0] for name, path in paths.items()}
    return _torch_arm(nets, seconds, torch.contiguous_format)


def make_folded(paths: Mapping[str, Path], seconds: float) -> Callable[[Case], float]:
    """PyTorch with batch norm folded into the convolutions, and pixels before channels."""
    nets = {}
    for name, path in paths.items():
        nets[name] = folded(load_network(path)[0]).to(memory_format=torch.channels_last)
    return _torch_arm(nets, seconds, torch.channels_last)


def _torch_arm(
    nets: Mapping[str, nn.Module], seconds: float, layout: torch.memory_format
) -> Callable[[Case], float]:
    def work(case: Case) -> float:
        name, batch = case
        images = torch.from_numpy(random_images(batch)).contiguous(memory_format=layout)
        with torch.inference_mode():
            return seconds_of(lambda: nets[name](images).softmax(1), seconds) / batch

    return work


def folded(net: nn.Module) -> nn.Module:
    """A copy of `net` in evaluation mode with every batch norm folded into its convolution."""
    net = copy.deepcopy(net).eval()
    for block in net.blocks:
        for conv, bn in (("conv", "bn"), ("conv_dw", "bn_dw"), ("conv_pw", "bn_pw")):
            if hasattr(block, conv):
                pair = getattr(block, conv), getattr(block, bn)
                setattr(block, conv, nn.utils.fusion.fuse_conv_bn_eval(*pair))
                setattr(block, bn, nn.Identity())
    return net


def make_ours(paths: Mapping[str, Path], seconds: float, threads: int) -> Callable[[Case], float]:
    """`Predictor.predict_one`, with its checks, its softmax and its embeddings."""
    predictor = Predictor(paths, threads=threads)

    def work(case: Case) -> float:
        name, batch = case
        images = random_images(batch)
        return seconds_of(lambda: predictor.predict_one(name, images), seconds) / batch

    return work
