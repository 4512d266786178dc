r"""Test kept networks on spoiled digits: the 15 kinds of MNIST-C, and small affine changes.

python -m analysis.corruptions --runs runs/report/full/pairs --dataset-path data/course \
    --count 2000 --output figures/data/full

The networks were trained on none of the corruptions, and every network sees the same pictures. The
corruptions are those of netlib.measure.corruptions: re-implementations, with their severities.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from netlib.answer.predictor import Predictor
from netlib.data.choosing import split_stratified
from netlib.data.dataset import DigitDataset
from netlib.measure.corruptions import CORRUPTIONS, affine, corrupt
from netlib.measure.runs import Pairs, check_test_set, find_pairs

IDENTITY = "identity"
UNITS = {"rotate": "degrees", "shift": "px", "scale": "times", "shear": "times"}
AMOUNTS: dict[str, tuple[float, ...]] = {
    "rotate": (-45, -30, -15, 0, 15, 30, 45),
    "shift": (0, 1, 2, 3, 4, 5, 6),
    "scale": (0.5, 0.6, 0.7, 0.8, 1, 1.2, 1.4),
    "shear": (-0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75),
}
TOTALS = {"corruptions": 1 + len(CORRUPTIONS), "shifts": sum(map(len, AMOUNTS.values()))}
DIRECTIONS = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])  # of a shift: down, right


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, spoil, test, write; 2 is the exit status of a user's error."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = parse(arguments)
    try:
        pairs = find_pairs(args.runs)
        images, labels = read_images(args.dataset_path, pairs, args.count, args.seed)
        predictor = Predictor({run.folder.name: run.checkpoint for run in pairs})
    except (ValueError, OSError) as error:
        print(f"corruptions: {error}", file=sys.stderr)
        return 2
    made_by = {
        "command": shlex.join(["python", "-m", "analysis.corruptions", *arguments]),
        "seeds": list(pairs.seeds),
        "ignored": list(pairs.ignored),
        "n": len(images),
        "versions": {name: version(name) for name in ("numpy", "scipy", "onnxruntime")},
    }
    sets = {"corruptions": corruptions(images, args.seed), "shifts": shifts(images, args.seed)}
    args.output.mkdir(parents=True, exist_ok=True)
    for name, spoiled in sets.items():
        bar = tqdm(spoiled, name, total=TOTALS[name], disable=not sys.stderr.isatty())
        rows = [row for what, x in bar for row in test(pairs, predictor, x, labels, what)]
        table = pd.DataFrame(rows).sort_values("network", ascending=False, kind="stable")
        table.to_csv(args.output / f"{name}.csv", index=False, float_format="%.6g")
        print(args.output / f"{name}.csv", flush=True)
    for path in write_examples(args.output, images, labels, made_by, args.seed):
        print(path)
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.corruptions",
        description="Test kept networks on spoiled digits.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--runs", type=Path, required=True, help="folder of kept runs, of analysis.sweep --keep")
    add("--dataset-path", type=Path, required=True, help="data set that they were trained on")
    add("--count", type=int, default=2000, help="test images, stratified; all if there are fewer")
    add("--seed", type=int, default=0, help="of the choice of images and of the corruptions")
    add("--output", type=Path, required=True, help="folder for the tables and examples")
    return parser.parse_args(arguments)


def read_images(path: Path, pairs: Pairs, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Some test images (n, 28, 28), floats in [0, 1], each class by its share, and labels (n,).

    Raises:
        ValueError: a run was tested on others, or sees them at another resolution.
    """
    dataset = DigitDataset(path, "test")
    for run in pairs:
        check_test_set(run, dataset, path)
        if run.settings["resolution"] != dataset.input_dim[1]:
            raise ValueError(
                f"{run.folder} sees {run.settings['resolution']} pixels; the corruptions are made "
                f"for {dataset.input_dim[1]}."
            )
    labels = dataset.labels.numpy()
    chosen = split_stratified(labels, {"chosen": min(count, len(labels))}, seed)["chosen"]
    return dataset.images[chosen, 0].numpy() / np.float32(255), labels[chosen]


def corruptions(images: np.ndarray, seed: int) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """What was done, and the images after it; first, nothing."""
    yield {"corruption": IDENTITY}, images
    for kind in CORRUPTIONS:
        yield {"corruption": kind}, corrupt(images, kind, seed)


def shifts(images: np.ndarray, seed: int) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """What was done, and the images after it, from one end of each range to the other."""
    directions = np.random.default_rng(seed).choice(DIRECTIONS, len(images))
    for kind, amounts in AMOUNTS.items():
        for amount in amounts:
            moved = move(images, kind, amount, directions)
            yield {"kind": kind, "amount": amount, "unit": UNITS[kind]}, moved


def move(images: np.ndarray, kind: str, amount: float, directions: np.ndarray) -> np.ndarray:
    """One affine change of all images; a shift goes in each image's own direction."""
    if kind == "rotate":
        return affine(images, radians=np.radians(amount))
    if kind == "shift":
        return affine(images, down=amount * directions[:, 0], right=amount * directions[:, 1])
    return affine(images, **{kind: amount})


def test(
    pairs: Pairs,
    predictor: Predictor,
    images: np.ndarray,
    labels: np.ndarray,
    what: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    """A row for each run."""
    batch = images[:, None].astype(np.float32)
    for run in pairs:
        predictions = predictor.predict_one(run.folder.name, batch).predictions
        accuracy = float((predictions == labels).mean())
        row = {"network": run.network, "seed": run.seed, **what}
        yield {**row, "n": len(labels), "accuracy": accuracy}


def write_examples(
    output: Path, images: np.ndarray, labels: np.ndarray, made_by: dict[str, Any], seed: int
) -> list[Path]:
    """corruption_examples.npz: the first image of each class; corruptions.json: the severities."""
    classes, firsts = np.unique(labels, return_index=True)
    pictures = [x for _, x in corruptions(images[firsts], seed)]
    arrays, record = output / "corruption_examples.npz", output / "corruptions.json"
    np.savez_compressed(
        arrays,
        kinds=np.array([IDENTITY, *CORRUPTIONS]),
        images=np.round(255 * np.stack(pictures)).astype(np.uint8),
        labels=classes.astype(np.uint8),
        made_by=np.array(json.dumps(made_by)),
    )
    content = {
        "made_by": made_by,
        "severities": {kind: corruption.severity for kind, corruption in CORRUPTIONS.items()},
        "chosen": f"{len(labels)} test images, each class by its share",
        "shifts": "a shift goes up, down, left or right, drawn for each image",
    }
    record.write_text(json.dumps(content, indent=1, ensure_ascii=False) + os.linesep, "utf-8")
    return [record, arrays]


if __name__ == "__main__":
    sys.exit(main())
