r"""Keep validation digits as a network sees them, for the app's tab Teach.

python -m analysis.build.hold_back --dataset-path data/mnist \
    --checkpoint checkpoints/standard.safetensors

They are the digits that validated the network's training, by the split that its checkpoint tells:
it has learnt nothing from them.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.frame.command import made_by, on_terminal, start
from analysis.frame.outputs import Npz, check_record
from netlib.files import beside

if TYPE_CHECKING:
    from netlib.data import DigitDataset

SAME = ("source", "md5", "profile", "seed")  # of a data set's record


@dataclass(frozen=True, kw_only=True)
class Options:
    """Keep validation digits as a network sees them, for the app's tab Teach.

    Attributes:
        dataset_path: what the network was trained on.
        checkpoint: the network.
        count: digits, the same of each class.
        seed: of the choice.
        output: default: held_NAME.npz beside the checkpoint NAME.safetensors.
    """

    dataset_path: Path
    checkpoint: Path
    count: int = 1000
    seed: int = 0
    output: Npz | None = None


def run(options: Options) -> list[Path]:
    from analysis.frame.results import write_arrays
    from analysis.project import choose
    from netlib.answer import Predictor
    from netlib.answer.held_back import pack
    from netlib.nets.saved import arrays_digest

    checkpoint = options.checkpoint
    output = options.output or beside(checkpoint, "held")
    check_record(output, options)
    predictor = Predictor({"network": checkpoint})
    info = predictor.info["network"]
    digits = validation_digits(options, info.metadata)
    labels = digits.labels.numpy()
    chosen = choose(labels, options.count, options.seed)
    images = digits.images.numpy()[chosen].astype(np.float32) / 255
    answer = predictor.predict_one("network", images)
    accuracy = float((answer.predictions == labels[chosen]).mean())
    weights = arrays_digest(predictor.explainers["network"].arrays)
    record = made_by(options, "numpy", "onnxruntime", n=len(chosen), accuracy=accuracy)
    return [write_arrays(output, pack(answer.embeddings, labels[chosen], weights), record)]


def validation_digits(options: Options, metadata: dict[str, Any]) -> "DigitDataset":
    """The digits that validated the training; of a fine-tuned network, the first training."""
    from analysis.main import data_record
    from netlib import data

    told = metadata.get("started_from", metadata)
    if not told.get("split") or not told.get("data"):
        raise ValueError(
            f"{options.checkpoint} does not tell the split of its training, so no digit is known "
            "to be unseen; expected a checkpoint of analysis.main: train one."
        )
    found, expected = data_record(options.dataset_path), told["data"][0]
    for key in SAME:
        if found.get(key) != expected.get(key):
            raise ValueError(
                f"{options.dataset_path} has {key} {found.get(key)!r}; the network was trained on "
                f"{key} {expected.get(key)!r}: name the data set of its training."
            )
    spec = metadata["spec"]
    return data.DigitData(
        options.dataset_path,
        input_dim=tuple(spec["input_dim"]),
        num_classes=spec["num_classes"],
        progress=on_terminal(),
        **told["split"],
    ).validation_set


if __name__ == "__main__":
    sys.exit(start("hold_back"))
