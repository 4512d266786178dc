r"""Compare two networks, or three, on one data set: every figure, exact tests, a short PDF.

python -m analysis.compare --dataset-path data/digits \
    --checkpoint runs/standard/standard.safetensors runs/mobilenet/mobilenet.safetensors \
    --output runs/comparison

The checkpoints are any of this program, whatever their blocks, classes, sizes and names. OUTPUT
gets Comparison.pdf, comparison.json with its numbers, figures/, and each network's predictions.npz
and scores.json, as analysis.evaluate writes them. What cannot be drawn is named in the PDF.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from analysis import evaluate
from analysis.frame.command import made_by, start, write_json

if TYPE_CHECKING:
    from analysis.comparison.answers import Answers
    from analysis.evaluate import Asked


@dataclass(frozen=True, kw_only=True)
class Options:
    """Compare two networks, or three, on one data set.

    Attributes:
        dataset_path: folder or zip in the course's layout.
        split: part of the data set.
        checkpoint: two networks, or three.
        preprocess: "sketch" takes every picture the demo's way: any polarity, size and paper.
        author: for the first page.
        output: folder for the PDF, the figures and the numbers.
    """

    dataset_path: Path
    split: Literal["train", "test"] = "test"
    checkpoint: tuple[Path, ...]
    preprocess: Literal["none", "sketch"] = "none"
    author: str = ""
    output: Path


def run(options: Options) -> Iterator[Path]:
    """Ask, draw, test, typeset.

    Raises:
        ValueError: it is one checkpoint, or too many.
    """
    from analysis.comparison import answers, page, told

    if not 2 <= len(options.checkpoint) <= answers.MOST:
        raise ValueError(
            f"--checkpoint names {len(options.checkpoint)}; expected two networks, or three."
        )
    names = answers.short_names(options.checkpoint)
    asked, found = [], []
    for name, checkpoint in zip(names, options.checkpoint, strict=True):
        of_one = evaluate.Options(
            dataset_path=options.dataset_path,
            split=options.split,
            checkpoint=checkpoint,
            preprocess=options.preprocess,
            output=options.output / name,
        )
        asked.append(evaluate.ask(of_one))
        yield from evaluate.write(of_one, asked[-1])
    found = answers.check(
        [answers_of(*one, i) for i, one in enumerate(zip(names, asked, strict=True))]
    )
    numbers = {
        "networks": told.summary(found),
        "pairs": told.pairs(found),
        "classes": told.classes(found),
        "costs": costs(names, asked, options.checkpoint),
        "made_by": made_by(options, "numpy", "scipy", "scikit-learn", "onnxruntime"),
    }
    yield write_json(options.output / "comparison.json", numbers)
    yield from page.make_page(options, found, numbers)


def answers_of(name: str, asked: "Asked", place: int) -> "Answers":
    """One network's answers, with every picture."""
    import numpy as np

    from analysis.comparison.answers import Answers, grey

    return Answers(
        name,
        place,
        asked.dataset.labels.numpy(),
        asked.prediction.logits,
        asked.prediction.embeddings,
        asked.info.temperature,
        asked.info.class_names,
        grey(asked.dataset.images.numpy()),
        np.arange(len(asked.dataset)),
        tuple(asked.predictor.explainers["network"].filters()),
    )


def costs(
    names: Sequence[str], asked: "Sequence[Asked]", checkpoints: Sequence[Path]
) -> list[dict[str, Any]]:
    """One row a network: what it is, counts, and seconds for one image, the networks in turn."""
    from netlib import answer

    paths = dict(zip(names, checkpoints, strict=True))
    times = answer.Predictor(paths).times()
    return [
        {
            "network": name,
            "architecture": one.info.architecture,
            "input": "×".join(map(str, one.info.input_dim)),
            "classes": len(one.info.class_names),
            "params": one.info.num_params,
            "macs": one.info.macs,
            "seconds": times[name],
        }
        for name, one in zip(names, asked, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(start("compare"))
