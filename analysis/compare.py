r"""Compare two networks on one data set: every figure, exact tests, a short PDF.

python -m analysis.compare --dataset-path data/digits \
    --checkpoint runs/standard/standard.safetensors runs/mobilenet/mobilenet.safetensors \
    --output runs/comparison

The checkpoints are any of this program, whatever their blocks, classes, sizes and names. OUTPUT
gets Comparison.pdf, comparison.json with its numbers, figures/, and each network's predictions.npz
and scores.json, as analysis.evaluate writes them. What cannot be drawn is named in the PDF.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from analysis import evaluate
from analysis.frame.command import made_by, start, write_json
from analysis.frame.outputs import check_made_by

if TYPE_CHECKING:
    from analysis.comparison.answers import Answers
    from analysis.evaluate import Asked


@dataclass(frozen=True, kw_only=True)
class Options:
    """Compare two networks on one data set.

    Attributes:
        dataset_path: folder or zip in the course's layout.
        split: part of the data set.
        checkpoint: two networks.
        preprocess: "sketch" takes every picture the demo's way: any polarity, size and paper.
        author: for the first page.
        output: folder for the PDF, the figures and the numbers.
    """

    dataset_path: Path
    split: Literal["train", "test"] = "test"
    checkpoint: tuple[Path, Path]
    preprocess: Literal["none", "sketch"] = "none"
    author: str = ""
    output: Path


def run(options: Options) -> Iterator[Path]:
    from analysis.comparison import leaflet

    check_made_by(options.output / "comparison.json", options, "author", written=[leaflet.PDF])
    written, found, numbers = ask(options)
    yield from written
    yield write_json(options.output / "comparison.json", numbers)
    yield from leaflet.make_page(options, found, numbers)


def ask(options: Options) -> "tuple[list[Path], list[Answers], dict[str, Any]]":
    """Each network's files, their answers, and everything that the page says in numbers."""
    from analysis.comparison import answers, told

    each = {
        name: evaluate.Options(
            dataset_path=options.dataset_path,
            split=options.split,
            checkpoint=checkpoint,
            preprocess=options.preprocess,
            output=options.output / name,
        )
        for name, checkpoint in answers.by_name(options.checkpoint).items()
    }
    for one in each.values():
        evaluate.check(one)
    asked = {name: evaluate.ask(one) for name, one in each.items()}
    written = [path for one in asked.values() for path in evaluate.write(one)]
    found = answers.check(
        [
            answers.of(one.arrays, name, place, one.predictor.explainers["network"].filters())
            for place, (name, one) in enumerate(asked.items())
        ]
    )
    numbers = {
        "networks": told.summary(found),
        "pair": told.pair(found),
        "classes": told.classes(found),
        "costs": costs(asked),
        "seen_in_training": {name: one.seen for name, one in asked.items()},
        "made_by": made_by(options, "numpy", "scipy", "scikit-learn", "onnxruntime"),
    }
    return written, found, numbers


def costs(asked: "Mapping[str, Asked]") -> list[dict[str, Any]]:
    """One row a network: what it is, counts, and seconds for one image, the networks in turn."""
    from netlib import answer, nets

    paths = {name: one.options.checkpoint for name, one in asked.items()}
    seconds = answer.Predictor(paths).times()
    return [
        {
            "network": name,
            "architecture": one.info.layers.name,
            "input": "×".join(map(str, one.info.input_dim)),
            "classes": len(one.info.class_names),
            "params": nets.measure(one.info).num_params,
            "macs": nets.measure(one.info).macs,
            "seconds": seconds[name],
        }
        for name, one in asked.items()
    ]


if __name__ == "__main__":
    sys.exit(start("compare"))
