r"""Score a checkpoint on a data set: predictions.npz and scores.json.

python -m analysis.evaluate --dataset-path data/digits --split test \
    --checkpoint checkpoints/mobilenet.safetensors --preprocess none --output runs/evaluation
"""

import argparse
import json
import logging
import os
import shlex
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from netlib.answer.predictor import Prediction, Predictor
from netlib.data.loaders import DigitDataset
from netlib.measure.metrics import Scores, calibration_interval, scores
from netlib.nets.checkpoint import load_network, weights_digest


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, predict, score, write; 2 is the exit status of a user's error."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = parse(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        run(args, arguments)
    except (ValueError, OSError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    return 0


def run(args: argparse.Namespace, arguments: Sequence[str]) -> None:
    """Everything the command does, in order."""
    started = time.perf_counter()
    predictor = Predictor({"network": args.checkpoint})
    info = predictor.info["network"]
    dataset = DigitDataset(
        args.dataset_path,
        args.split,
        input_dim=info.input_dim,
        num_classes=int(info.metadata["spec"]["num_classes"]),
        preprocess=args.preprocess,
        progress=sys.stderr.isatty(),
    )
    images = dataset.images.numpy().astype(np.float32) / 255
    prediction = predictor.predict_one("network", images)
    labels = dataset.labels.numpy()
    result = scores(labels, prediction.logits, info.temperature)
    uncalibrated = scores(labels, prediction.logits)
    probabilities = softmax(np.float64(prediction.logits) / info.temperature, axis=1)
    made_by = {
        "command": shlex.join(["python", "-m", "analysis.evaluate", *arguments]),
        "architecture": info.architecture,
        "checkpoint": args.checkpoint.name,
        "weights_sha256": weights_digest(load_network(args.checkpoint)),
        "dataset": args.dataset_path.name,
        "split": args.split,
        "preprocess": args.preprocess,
        "temperature": info.temperature,
        "seconds": round(time.perf_counter() - started, 2),
        "versions": {name: version(name) for name in ("torch", "onnxruntime", "numpy")},
    }
    print_scores(result, made_by)
    content = {
        **result.to_dict(),
        "ece_interval": calibration_interval(labels, probabilities),
        "uncalibrated": {key: getattr(uncalibrated, key) for key in ("nll", "brier", "ece")},
        "made_by": made_by,
    }
    for path in write(args.output, labels, dataset.names, prediction, content):
        print(path)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.evaluate",
        description="Score a checkpoint on a data set in the course's layout.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--dataset-path", type=Path, required=True, help="folder or zip in the course's layout")
    add("--split", choices=("train", "test"), default="test")
    add("--checkpoint", type=Path, required=True)
    add("--preprocess", choices=("none", "sketch"), default="none", help="sketch takes every "
        "picture the demo's way: any polarity, size and paper")  # fmt: skip
    add("--output", type=Path, required=True, help="folder for predictions.npz and scores.json")
    return parser.parse_args(arguments)


def print_scores(result: Scores, made_by: dict[str, Any]) -> None:
    """A few lines to read."""
    low, high = result.accuracy_interval
    print(f"{made_by['architecture']} on {made_by['dataset']} {made_by['split']}, "
          f"{result.n} images, preprocess {made_by['preprocess']}")  # fmt: skip
    print(f"accuracy {100 * result.accuracy:.2f} % (95 % interval {100 * low:.2f} to "
          f"{100 * high:.2f} %)")  # fmt: skip
    print(f"balanced accuracy {100 * result.balanced_accuracy:.2f} %")
    print(f"F1 (macro) {100 * result.macro_f1:.2f} %")
    print(f"NLL {result.nll:.4f}, Brier {result.brier:.4f}, ECE {100 * result.ece:.2f} %")


def write(
    output: Path,
    labels: np.ndarray,
    names: Sequence[str],
    prediction: Prediction,
    content: dict[str, Any],
) -> list[Path]:
    """predictions.npz (labels, names, logits, embeddings) and scores.json."""
    output.mkdir(parents=True, exist_ok=True)
    arrays, table = output / "predictions.npz", output / "scores.json"
    np.savez_compressed(
        arrays,
        labels=labels,
        names=np.array(names),
        logits=prediction.logits,
        embeddings=prediction.embeddings,
    )
    table.write_text(json.dumps(content, indent=1) + os.linesep, encoding="utf-8")
    return [arrays, table]


if __name__ == "__main__":
    sys.exit(main())
