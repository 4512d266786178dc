r"""Lay embeddings out in the plane: predictions.npz -> coordinates, and the map of the app.

python -m analysis.project --predictions runs/evaluation/predictions.npz --method umap \
    --output runs/projection.npz

python -m analysis.project --checkpoint checkpoints/mobilenet.safetensors --split test \
    --dataset-path data/digits --output runs/projection.npz

asks a checkpoint itself, of any data set. With --dataset-path the digits themselves come along, in
the order of the predictions, which makes the file a map for the app (checkpoints/map_standard.npz,
checkpoints/map_mobilenet.npz).
"""

import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from analysis.frame.command import made_by, start
from analysis.frame.outputs import Npz, check_record
from analysis.frame.results import write_arrays
from netlib import data
from netlib.errors import many
from netlib.files import read_arrays

STARTS = {"umap": "spectral", "tsne": "pca"}  # the defaults of umap-learn and openTSNE
NEIGHBOURS = 15  # of UMAP: its authors' default
MIN_DIST = 0.1  # likewise
PERPLEXITY = 30  # of t-SNE: its authors' default
FEW = 10_000  # up to here Barnes-Hut was quicker than interpolation (analysis.benchmark)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Lay embeddings out in the plane.

    Attributes:
        predictions: predictions.npz of analysis.evaluate.
        checkpoint: instead: a network, which is asked of --dataset-path.
        method: how to.
        count: digits, the same of each class; default: all.
        seed: of the choice and of the method.
        start: where umap and tsne put the points first; default: spectral for umap, pca for tsne.
        dataset_path: what was evaluated: adds the digits.
        split: of the data set.
        output: file to write, ending in .npz.
    """

    predictions: Path | None = None
    checkpoint: Path | None = None
    method: Literal["umap", "tsne", "pca"] = "umap"
    count: int | None = None
    seed: int = 0
    start: Literal["pca", "spectral"] | None = None
    dataset_path: Path | None = None
    split: Literal["train", "test"] = "train"
    output: Npz


def run(options: Options) -> list[Path]:
    check_record(options.output, options)
    labels, embeddings, images = read(options)
    chosen = choose(labels, options.count, options.seed)
    coordinates = project(embeddings[chosen], options.method, options.seed, options.start)
    layout = settings(options.method, len(chosen), options.start)
    arrays = {
        "indices": chosen.astype(np.int32),
        "labels": labels[chosen].astype(np.uint8),
        "projection": coordinates.astype(np.float32),
        # Half precision moves a distance by less than a thousandth and halves the file.
        "embeddings": embeddings[chosen].astype(np.float16),
        **({} if images is None else {"images": images[chosen]}),
    }
    record = {**made_by(options), **layout, "n": len(chosen), "seed": options.seed}
    return [write_arrays(options.output, arrays, record)]


def read(options: Options) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Labels (N,), embeddings (N, D), and digits (N, H, W) where there is a data set."""
    path = options.dataset_path
    if (options.predictions is None) == (options.checkpoint is None):
        raise ValueError("expected --predictions, or --checkpoint and --dataset-path.")
    if options.predictions:
        found = read_arrays(options.predictions)
        if not {"labels", "embeddings"} <= found.keys():
            raise ValueError(
                f"{options.predictions} lacks labels or embeddings: write it with "
                "analysis.evaluate."
            )
        labels, embeddings = found["labels"], found["embeddings"]
        return labels, embeddings, read_images(path, options.split, labels) if path else None
    if path is None or options.checkpoint is None:
        raise ValueError("--checkpoint needs --dataset-path, of which it is asked.")
    from analysis import evaluate
    from analysis.comparison.answers import grey

    asked = evaluate.ask(
        evaluate.Options(
            dataset_path=path,
            split=options.split,
            checkpoint=options.checkpoint,
            output=options.output.parent,
        )
    )
    arrays = asked.arrays
    return arrays["labels"], arrays["embeddings"], grey(arrays["images"])


def read_images(folder: Path, split: str, labels: np.ndarray) -> np.ndarray:
    """The digits (N, 28, 28), uint8, ink 255 on 0, in the order of the predictions."""
    dataset = data.DigitDataset(folder, split)
    if not np.array_equal(dataset.labels.numpy(), labels):
        raise ValueError(
            f"{folder} ({split}) has other labels than the predictions: name the data set and "
            "split that were evaluated."
        )
    return dataset.images[:, 0].numpy()


def choose(labels: np.ndarray, count: int | None, seed: int) -> np.ndarray:
    """Indices of `count` samples, the same number of each class; all of them for None.

    Raises:
        ValueError: a class has too few samples.
    """
    if count is None:
        return np.arange(len(labels))
    classes = np.unique(labels)
    each, rest = divmod(count, len(classes))
    if rest or each < 1:
        raise ValueError(f"--count is {count}; expected a multiple of {len(classes)} classes.")
    rng = np.random.default_rng(seed)
    chosen = []
    for label in classes:
        members = np.flatnonzero(labels == label)
        if len(members) < each:
            raise ValueError(
                f"Class {label} has {many(len(members), 'sample')}; {each} were asked for."
            )
        chosen.append(rng.choice(members, each, replace=False))
    return np.sort(np.concatenate(chosen))


def project(embeddings: np.ndarray, method: str, seed: int, start: str | None = None) -> np.ndarray:
    """Embeddings (N, D) -> coordinates (N, 2), the same for the same seed."""
    points = np.asarray(embeddings, dtype=np.float32)
    told = settings(method, len(points), start)
    if method == "pca":
        return _pca(points)
    if method == "tsne":
        from openTSNE import TSNE

        reducer = TSNE(
            perplexity=told["perplexity"],
            initialization=told["start"],
            negative_gradient_method="bh" if len(points) <= FEW else "fft",
            random_state=seed,
        )
        return np.asarray(reducer.fit(points))
    from umap import UMAP  # imported here: it compiles for seconds

    sizes = {name: told[name] for name in ("n_neighbors", "min_dist")}
    # A seed makes UMAP run on one thread, so that the picture can be made again.
    return UMAP(**sizes, init=told["start"], random_state=seed, n_jobs=1).fit_transform(points)


def settings(method: str, n: int, start: str | None = None) -> dict[str, Any]:
    """How `n` points are laid out, and what a figure has to say of it."""
    if method == "pca":
        return {"method": method}
    found: dict[str, Any] = (
        {"perplexity": min(PERPLEXITY, (n - 1) / 3)}  # three times as many neighbours must exist
        if method == "tsne"
        else {"n_neighbors": min(NEIGHBOURS, n), "min_dist": MIN_DIST}  # each counts as its own
    )
    package = version("openTSNE" if method == "tsne" else "umap-learn")
    return {"method": method, **found, "start": start or STARTS[method], "version": package}


def _pca(points: np.ndarray) -> np.ndarray:
    centred = points - points.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    return left[:, :2] * singular[:2]


if __name__ == "__main__":
    sys.exit(start("project"))
