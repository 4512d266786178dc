"""The fast inference engine behind the demo, the batch tools and the evaluation.

    checkpoint -> ONNX graph, batch norm folded -> ONNX Runtime, two sessions

A few images go through a session that splits every layer among the threads. Many are cut into
chunks, and each thread takes chunks of its own through a session of one thread: no waiting for one
another after each layer, and the activations of a chunk stay in a core's cache.
"""

import os
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from timeit import repeat

import numpy as np
import onnxruntime as ort
from numpy.typing import ArrayLike

from netlib.answer.explain import Explainer
from netlib.answer.graph import OUTPUTS, session, to_onnx
from netlib.errors import UserError
from netlib.nets.saved import CheckpointError, SavedNetwork, read_checkpoint

MAX_BATCH = 16  # larger ones are cut: activations of more images leave the caches
FEW = 4  # up to so many images, handing chunks to threads costs more than it wins


@dataclass(frozen=True)
class Prediction:
    """What one network says of N images.

    Attributes:
        logits: (N, C) float32.
        probabilities: (N, C) float32, softmax of logits / temperature.
        embeddings: (N, D) float32, the input of the last layer.
    """

    logits: np.ndarray
    probabilities: np.ndarray
    embeddings: np.ndarray

    @property
    def predictions(self) -> np.ndarray:
        """(N,) int64, the most probable class."""
        return self.logits.argmax(1)


# What tables and JSON call other things than a network.
RESERVED = {"blank", "agree", "boxes", "image", "name", "label", "disagreement", "error"}


def named(checkpoints: Sequence[str | os.PathLike[str]]) -> dict[str, Path]:
    """A name for each checkpoint: its file's, with its folder's or a number where two are alike."""
    paths = [Path(path) for path in checkpoints]
    folders: dict[str, set[str]] = {}
    for path in paths:
        folders.setdefault(path.stem, set()).add(path.absolute().parent.name)
    found: dict[str, Path] = {}
    for path in paths:
        alike = len(folders[path.stem]) == 1
        stem = path.stem if alike else f"{path.stem} ({path.absolute().parent.name})"
        names = [stem, *(f"{stem} {number}" for number in range(2, len(paths) + 3))]
        found[next(name for name in names if name not in RESERVED | found.keys())] = path
    return found


class Predictor:
    """Several networks, each from its checkpoint, ready to answer.

    Args:
        checkpoints: name -> path of a checkpoint; the names come back with the answers.
        threads: cores to use; None takes one for each physical core, or OMP_NUM_THREADS.

    Attributes:
        names: the names, in order.
        info: name -> what its checkpoint holds.
        explainers: name -> its opened network.

    Raises:
        FileNotFoundError: a checkpoint is missing.
        CheckpointError: a file is no checkpoint of this program, damaged, or gives no answers.
        ValueError: no checkpoint was named.
    """

    def __init__(
        self, checkpoints: Mapping[str, str | os.PathLike[str]], threads: int | None = None
    ) -> None:
        if not checkpoints:
            raise ValueError("No checkpoint was named; expected at least one: name -> path.")
        self.info: dict[str, SavedNetwork] = {}
        self.explainers: dict[str, Explainer] = {}
        self._sessions: dict[str, tuple[ort.InferenceSession, ort.InferenceSession]] = {}
        self._threads = threads = threads or default_threads()
        self._pool = ThreadPoolExecutor(threads, "predictor") if threads > 1 else None
        for name, path in checkpoints.items():
            saved = self.info[name] = read_checkpoint(path)
            self.explainers[name] = Explainer(saved)
            model = to_onnx(saved, saved.temperature)
            narrow = session(model)
            self._sessions[name] = narrow, session(model, threads) if threads > 1 else narrow
            self._try(name, path)
        self.names = tuple(checkpoints)

    def _try(self, name: str, path: str | os.PathLike[str]) -> None:
        """Refuse weights that are finite, but whose answers are not."""
        images = np.random.default_rng(0).random((2, *self.info[name].input_dim), np.float32)
        images[0] = 0
        try:
            self.predict_one(name, images)
        except UserError as error:
            raise CheckpointError(
                f"{path} is damaged: its network gives no finite answers; fetch it anew or train "
                "it again."
            ) from error

    def predict(self, images: ArrayLike) -> dict[str, Prediction]:
        """Ask every network about the same images.

        Args:
            images: (N, C, H, W) floats in [0, 1], ink 1 on background 0.

        Returns:
            name -> `Prediction`.

        Raises:
            ValueError: the shape does not fit a network, or a value is not finite.
            UserError: a network's answer is not finite.
        """
        batch = np.ascontiguousarray(images, dtype=np.float32)
        return {name: self.predict_one(name, batch) for name in self.names}

    def predict_one(self, name: str, images: ArrayLike) -> Prediction:
        """As `predict`, for one network."""
        batch = np.ascontiguousarray(images, dtype=np.float32)
        info = self.info[name]
        if batch.ndim != 4 or batch.shape[1:] != info.input_dim:
            raise ValueError(
                f"Images have shape {batch.shape}; {name} expects (N, {info.input_dim[0]}, "
                f"{info.input_dim[1]}, {info.input_dim[2]}): take pictures through "
                "netlib.picture.to_digit."
            )
        if not np.isfinite(batch).all():
            raise ValueError("Some pixels are not finite; expected floats in [0, 1].")
        answer = Prediction(*self._run(name, batch))
        if not (np.isfinite(answer.logits).all() and np.isfinite(answer.probabilities).all()):
            raise UserError(f"The network {name} gives no finite answer: its weights are damaged.")
        return answer

    def _run(self, name: str, images: np.ndarray) -> list[np.ndarray]:
        """Images (N, C, H, W) -> the arrays named in `OUTPUTS`."""
        narrow, wide = self._sessions[name]
        if len(images) <= FEW:
            return wide.run(OUTPUTS, {"images": images})
        parts = np.array_split(images, max(self._threads, -(-len(images) // MAX_BATCH)))
        each = map if self._pool is None else self._pool.map
        results = each(lambda part: narrow.run(OUTPUTS, {"images": part}), parts)
        return [np.concatenate(arrays) for arrays in zip(*results, strict=True)]

    def times(self, rounds: int = 9, repeats: int = 8) -> dict[str, tuple[float, ...]]:
        """Seconds for one image, the networks taking turns: whatever slows one slows the others.

        Returns:
            Name -> for each round the median of `repeats` runs on a random image.
        """
        images = {
            name: np.random.default_rng(0).random((1, *self.info[name].input_dim), np.float32)
            for name in self.names
        }
        found: dict[str, list[float]] = {name: [] for name in self.names}
        for _ in range(1 + rounds):
            for name in self.names:
                answer = partial(self.predict_one, name, images[name])
                found[name].append(statistics.median(repeat(answer, number=1, repeat=repeats)))
        return {name: tuple(medians[1:]) for name, medians in found.items()}  # the first warms up


def default_threads() -> int:
    """OMP_NUM_THREADS, or the physical cores that this process may use: two threads share one."""
    chosen = os.environ.get("OMP_NUM_THREADS", "")
    if chosen.isdecimal() and int(chosen):
        return int(chosen)
    try:
        logical = os.sched_getaffinity(0)
        topology = Path("/sys/devices/system/cpu")
        cores = {(topology / f"cpu{n}/topology/thread_siblings_list").read_text() for n in logical}
    except (AttributeError, OSError):  # not Linux, or a sandbox that hides its processor
        return os.cpu_count() or 1
    return len(cores)
