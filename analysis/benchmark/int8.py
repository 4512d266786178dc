"""Below float32: both networks in int8 by ONNX Runtime, against the engine as the demo runs it.

Convolutions are quantised after training: weights for each channel, activations by the range that
training digits give (Jacob et al. 2018). It would be offered where it takes at most half of
float32's time and changes the accuracy by at most 0.02 points.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from analysis.benchmark.arms import Arm, interleave
from analysis.benchmark.inference import BATCHES, Case, kernels, per_image, session
from analysis.benchmark.record import Row, ratios, row
from analysis.benchmark.settings import Settings, as_input
from analysis.look.style import NETWORKS
from netlib.answer.graph import to_onnx
from netlib.nets.checkpoint import load_network

SHARE, POINTS = 0.5, 0.02
CALIBRATION = 1000  # training digits


class Digits(CalibrationDataReader):
    """Batches of images (N, 1, 28, 28) for the calibration."""

    def __init__(self, images: np.ndarray) -> None:
        self.parts = iter(np.split(images, range(100, len(images), 100)))

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch, or None after the last."""
        return next(({"images": part} for part in self.parts), None)


def run(settings: Settings) -> list[Row]:
    """int8's share of float32's time, and its accuracy beside float32's."""
    images = as_input(settings.digits("train")[0][:CALIBRATION])
    test, labels = settings.digits("test")
    test = as_input(test)
    with tempfile.TemporaryDirectory() as folder:
        models = {
            kind: {name: Path(folder) / f"{name}-{kind}.onnx" for name in NETWORKS}
            for kind in ("float32", "int8")
        }
        for name, path in settings.checkpoints.items():
            write_models(path, models["float32"][name], models["int8"][name], images)
        seconds = settings.choose(0.05, 0.4)
        arms = {kind: Arm(make, (paths, seconds)) for kind, paths in models.items()}
        cases = [(name, batch) for batch in BATCHES for name in NETWORKS]
        results = interleave(arms, cases, settings.choose(3, settings.rounds))
        said = {(kind, name): answers(path, test).argmax(1)
                for kind, paths in models.items() for name, path in paths.items()}  # fmt: skip
        rows = []
        for name, batch in cases:
            of = {kind: results[kind, (name, batch)] for kind in arms}
            why = partial(shares_of_kernels, models["int8"][name], batch)
            rows.append(row(f"batch {batch}, share of float32's time", "int8, 1 thread",
                            ratios(of["int8"], of["float32"]), "", network=name,
                            at_most=SHARE, why=why))  # fmt: skip
    for name in NETWORKS:
        small, whole = said["int8", name], said["float32", name]
        change = 100 * abs(float((small == labels).mean() - (whole == labels).mean()))
        rows.append(row(f"change of accuracy, {len(labels):,} images", "int8", [change],
                        "points", network=name, at_most=POINTS,
                        why=f"{(small != whole).sum()} answers are others."))  # fmt: skip
    return rows


def write_models(checkpoint: Path, whole: Path, small: Path, images: np.ndarray) -> None:
    """The graph in float32 and, calibrated on `images`, in int8."""
    whole.write_bytes(to_onnx(load_network(checkpoint)).SerializeToString())
    quantize_static(
        whole,
        small,
        Digits(images),
        per_channel=True,
        op_types_to_quantize=["Conv"],
        activation_type=QuantType.QInt8,
        extra_options={"ActivationSymmetric": True},
    )


def make(paths: Mapping[str, Path], seconds: float) -> Callable[[Case], float]:
    """An arm: seconds an image of a network and batch, on one thread."""
    sessions = {name: session(path) for name, path in paths.items()}
    return per_image(lambda name, images: sessions[name].run(None, {"images": images}), seconds)


def shares_of_kernels(path: Path, batch: int) -> str:
    """Where a graph's time goes: the kinds of its kernels, with their shares."""
    spent: Counter[str] = Counter()
    for kind, _, time in kernels(path, batch, calls=20):
        spent[kind] += time
    total = spent.total()
    return ", ".join(f"{kind} {100 * time / total:.0f} %" for kind, time in spent.most_common())


def answers(path: Path, images: np.ndarray) -> np.ndarray:
    """Logits (N, 10)."""
    engine = session(path)
    parts = np.split(images, range(500, len(images), 500))
    return np.concatenate([engine.run(["logits"], {"images": part})[0] for part in parts])
