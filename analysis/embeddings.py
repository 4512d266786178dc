r"""What training does to the space of digits: raw pixels, untrained and trained, in the plane.

python -m analysis.embeddings --runs runs/report/full/pairs --dataset-path data/course \
    --count 2000 --output figures/data/full

The same test images in five spaces: their pixels, and the embeddings of both networks before and
after training. analysis.project lays each out by t-SNE and by UMAP, from a PCA start; how well the
classes keep together is measured in the space itself and in the plane.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier

from netlib.data.choosing import split_stratified
from netlib.data.dataset import DigitDataset
from netlib.measure.runs import KeptRun, check_test_set, find_pairs
from netlib.nets.checkpoint import load_network
from netlib.nets.network import build_network
from netlib.training.course import infer, seed_everything

METHODS = ("tsne", "umap")
NEIGHBOURS = 10  # of both measures
ROOT = Path(__file__).parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, embed, project, measure, write; 2 is the exit status of a user's error."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = parse(arguments)
    try:
        runs = list(find_pairs(args.runs).at(args.seed).values())
        dataset = read_images(args.dataset_path, runs)
        chosen = choose(dataset.labels.numpy(), args.count, args.seed)
    except (ValueError, OSError) as error:
        print(f"embeddings: {error}", file=sys.stderr)
        return 2
    labels = dataset.labels[chosen].numpy().astype(np.uint8)
    spaces = make_spaces(runs, dataset, chosen)
    made_by = {
        "command": shlex.join(["python", "-m", "analysis.embeddings", *arguments]),
        "n": len(chosen),
        "seed": args.seed,
        "neighbours_of_scores": NEIGHBOURS,
        "versions": {name: version(name) for name in ("torch", "scikit-learn")},
    }
    planes: dict[str, np.ndarray] = {}
    rows = [measure(name, space, labels, args.seed) for name, space in spaces.items()]
    for method, name, plane, settings in project_all(spaces, labels, args.seed, args.jobs):
        planes[f"{method}_{name}"] = plane
        made_by.setdefault(method, {key: settings[key] for key in sorted(settings)})
        rows.append(measure(name, spaces[name], labels, args.seed, plane, settings))
    args.output.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        args.output / "projections.npz",
        **planes,
        labels=labels,
        indices=chosen.astype(np.int32),
        made_by=np.array(json.dumps(made_by)),
    )
    table = pd.DataFrame(rows)
    table.to_csv(args.output / "projection_scores.csv", index=False, float_format="%.6g")
    print(args.output / "projections.npz")
    print(args.output / "projection_scores.csv")
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.embeddings",
        description="Lay out test images in the plane: raw, untrained and trained.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--runs", type=Path, required=True, help="folder of kept runs, of analysis.sweep --keep")
    add("--seed", type=int, default=0, help="of the runs, the choice of images and the projection")
    add("--dataset-path", type=Path, required=True, help="data set that they were trained on")
    add("--count", type=int, default=2000, help="test images, stratified; all if there are fewer")
    add("--jobs", type=int, default=1, help="projections at a time")
    add("--output", type=Path, required=True, help="folder for projections.npz and its scores")
    return parser.parse_args(arguments)


def read_images(path: Path, runs: Sequence[KeptRun]) -> DigitDataset:
    """The test images.

    Raises:
        ValueError: the runs were tested on others.
    """
    side = runs[0].settings["resolution"]
    dataset = DigitDataset(path, "test", input_dim=(1, side, side))
    for run in runs:
        check_test_set(run, dataset, path)
    return dataset


def choose(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Indices of `count` images, each class by its share; of all where there are no more."""
    return split_stratified(labels, {"chosen": min(count, len(labels))}, seed)["chosen"]


def make_spaces(
    runs: Sequence[KeptRun], dataset: DigitDataset, chosen: np.ndarray
) -> dict[str, np.ndarray]:
    """Name -> (n, D) float32, first the pixels, then both networks untrained, then trained."""
    pixels = dataset.images[chosen].flatten(1).numpy().astype(np.float32) / 255
    spaces = {"raw": pixels}
    for run in runs:
        spaces[f"{run.network}_untrained"] = untrained(run, dataset, chosen)
    for run in runs:
        spaces[f"{run.network}_trained"] = run.arrays("embeddings")[0][chosen].astype(np.float32)
    return spaces


def untrained(run: KeptRun, dataset: DigitDataset, chosen: np.ndarray) -> np.ndarray:
    """Embeddings by the weights that the run began with: the same seed makes the same."""
    net = load_network(run.checkpoint)
    metadata = net.metadata
    seed_everything(run.seed)
    net = build_network(metadata["spec"])
    parts = torch.from_numpy(chosen).split(500)
    return infer(net, (dataset.batch(part) for part in parts)).embeddings.numpy()


def project_all(
    spaces: dict[str, np.ndarray], labels: np.ndarray, seed: int, jobs: int
) -> Iterator[tuple[str, str, np.ndarray, dict[str, Any]]]:
    """Method, space, coordinates (n, 2) and settings of each projection, as they are finished."""
    wanted = [(method, name) for name in spaces for method in METHODS]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        for name, space in spaces.items():
            np.savez(Path(folder) / f"{name}.npz", labels=labels, embeddings=space)
        files = pool.map(lambda pair: run_project(Path(folder), *pair, seed), wanted)
        for (method, name), path in zip(wanted, files, strict=True):
            with np.load(path, allow_pickle=False) as file:
                plane, made_by = file["projection"], json.loads(str(file["made_by"]))
            made_by.pop("command")  # names files of a folder that is soon gone
            print(f"{method} of {name}", flush=True)
            yield method, name, plane, made_by


def run_project(folder: Path, method: str, name: str, seed: int) -> Path:
    """Run analysis.project in a process of its own: it alone imports UMAP, which is slow."""
    output = folder / f"{method}_{name}.npz"
    command = [sys.executable, "-m", "analysis.project", "--method", method, "--seed", str(seed)]
    command += ["--start", "pca", "--predictions", str(folder / f"{name}.npz")]
    subprocess.run(
        [*command, "--output", str(output)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    return output


def measure(
    name: str,
    space: np.ndarray,
    labels: np.ndarray,
    seed: int,
    plane: np.ndarray | None = None,
    settings: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A row of the table: of the space itself, or of its projection to a plane."""
    settings = settings or {}
    return {
        "space": name,
        "method": settings.get("method", "none"),
        "dimensions": space.shape[1] if plane is None else plane.shape[1],
        "n": len(space),
        "seed": seed,
        "perplexity": settings.get("perplexity"),
        "neighbours": settings.get("n_neighbors"),
        "knn_accuracy": knn_accuracy(space if plane is None else plane, labels),
        "trustworthiness": (
            None if plane is None else trustworthiness(space, plane, n_neighbors=NEIGHBOURS)
        ),
    }


def knn_accuracy(points: np.ndarray, labels: np.ndarray) -> float:
    """Share of points whose nearest other points vote for their class."""
    model = KNeighborsClassifier(NEIGHBOURS).fit(points, labels)
    return float(model.score(None, labels))  # None: no point is its own neighbour


if __name__ == "__main__":
    sys.exit(main())
