r"""Score a checkpoint on a data set: predictions.npz and scores.json.

python -m analysis.evaluate --dataset-path data/digits --split test \
    --checkpoint checkpoints/mobilenet.safetensors --preprocess none --output runs/evaluation
"""

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from analysis.frame.command import made_by, on_terminal, start, write_json
from analysis.frame.outputs import check_made_by
from netlib import answer, data, measure, nets
from netlib.errors import many


@dataclass(frozen=True, kw_only=True)
class Options:
    """Score a checkpoint on a data set in the course's layout.

    Attributes:
        dataset_path: folder or zip in the course's layout.
        split: part of the data set.
        checkpoint: network to score.
        preprocess: "sketch" takes every picture the demo's way: any polarity, size and paper.
        output: folder for predictions.npz and scores.json.
    """

    dataset_path: Path
    split: Literal["train", "test"] = "test"
    checkpoint: Path
    preprocess: Literal["none", "sketch"] = "none"
    output: Path


@dataclass(frozen=True)
class Asked:
    """A network and what it says of a data set."""

    options: Options
    predictor: "answer.Predictor"
    dataset: "data.DigitDataset"
    prediction: "answer.Prediction"
    seen: int | None  # images of the data set that it was trained on, if known
    seconds: float

    @property
    def info(self) -> "nets.SavedNetwork":
        return self.predictor.info["network"]

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """As predictions.npz has them."""
        return {
            "labels": self.dataset.labels.numpy(),
            "names": np.array(self.dataset.names),
            "logits": self.prediction.logits,
            "embeddings": self.prediction.embeddings,
            "temperature": np.array(self.info.temperature),
            "class_names": np.array(self.info.class_names),
            "images": self.dataset.images.numpy(),
        }


def run(options: Options) -> list[Path]:
    check(options)
    return write(ask(options))


def check(options: Options) -> None:
    """Refuse to write over what another command, or this one of another network, found."""
    check_made_by(options.output / "scores.json", options, written=["predictions.npz"])


def ask(options: Options) -> Asked:
    """The network's answers to every image, in the size that it sees."""
    started = time.perf_counter()
    predictor = answer.Predictor({"network": options.checkpoint})
    info = predictor.info["network"]
    dataset = data.DigitDataset(
        options.dataset_path,
        options.split,
        input_dim=info.input_dim,
        num_classes=int(info.metadata["spec"]["num_classes"]),
        preprocess=options.preprocess,
        progress=on_terminal(),
    )
    seen = data.warn_of_seen(options.checkpoint, dataset.images)
    prediction = predictor.predict_one("network", dataset.images.numpy().astype(np.float32) / 255)
    return Asked(options, predictor, dataset, prediction, seen, time.perf_counter() - started)


def write(asked: Asked) -> list[Path]:
    from scipy.special import softmax

    from netlib.measure.metrics import calibration_interval

    options, info = asked.options, asked.info
    labels, logits = asked.dataset.labels.numpy(), asked.prediction.logits
    result = measure.scores(labels, logits, info.temperature)
    uncalibrated = measure.scores(labels, logits)
    probabilities = softmax(np.float64(logits) / info.temperature, axis=1)
    record = made_by(
        options,
        *("torch", "onnxruntime", "numpy"),
        architecture=info.layers.name,
        checkpoint=options.checkpoint.name,
        weights_sha256=nets.weights_digest(nets.load_network(options.checkpoint)),
        dataset=options.dataset_path.name,
        split=options.split,
        preprocess=options.preprocess,
        temperature=info.temperature,
        seen_in_training=asked.seen,
        seconds=round(asked.seconds, 2),
    )
    low, high = result.accuracy_interval
    print(f"{info.layers.name} on {record['dataset']} {options.split}, {many(result.n, 'image')}, "
          f"preprocess {options.preprocess}")  # fmt: skip
    print(f"accuracy {100 * result.accuracy:.2f} % (95 % interval {100 * low:.2f} to "
          f"{100 * high:.2f} %)")  # fmt: skip
    print(f"balanced accuracy {100 * result.balanced_accuracy:.2f} %")
    print(f"F1 (macro) {100 * result.macro_f1:.2f} %")
    print(f"NLL {result.nll:.4f}, Brier {result.brier:.4f}, ECE {100 * result.ece:.2f} %")
    content = {
        **asdict(result),
        "ece_interval": calibration_interval(labels, probabilities) if len(labels) > 1 else None,
        "uncalibrated": {key: getattr(uncalibrated, key) for key in ("nll", "brier", "ece")},
        "made_by": record,
    }
    scores = write_json(options.output / "scores.json", content)
    predictions = scores.with_name("predictions.npz")
    np.savez_compressed(predictions, **asked.arrays)  # type: ignore[arg-type]
    return [predictions, scores]


if __name__ == "__main__":
    sys.exit(start("evaluate"))
