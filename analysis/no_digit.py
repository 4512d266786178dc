r"""Measure what the shipped rules refuse: of digits, and of families of what is no digit.

python -m analysis no_digit --dataset-path data/mnist --pictures runs/pictures.npz \
    --checkpoint checkpoints/standard.safetensors checkpoints/mobilenet.safetensors \
    --unseen runs/open-1/mobilenet.safetensors --output checkpoints/no_digit.csv

The pictures are the test part of those that `open_set` drew: other fonts, writers and photos than
the networks and their thresholds saw. A checkpoint of `--unseen` was made by `open_set --without`
some families and is measured on these alone: what to expect of a kind that nobody thought of. The
area under the ROC curve is against the test digits of MNIST.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.frame.command import made_by, start, write_json
from analysis.frame.outputs import Csv, check_record
from analysis.frame.results import write_table
from netlib import data, measure, nets
from netlib.files import read_arrays

if TYPE_CHECKING:
    from netlib.measure.refusing import Said

DIGITS = {"pen_unseen": "pen, unseen writers", "worn_unseen": "the same, as a weak camera sees it",
          "tilted_unseen": "the same, turned 15° clockwise",
          "mouse_unseen": "pen and geometry, as with a mouse",
          "small_unseen": "pen and geometry, in 28 to 64 pixels",
          "typed": "digits of fonts never trained on"}  # fmt: skip
MNIST = "MNIST test"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure what the shipped rules refuse.

    Attributes:
        dataset_path: the data set with the test digits.
        pictures: as drawn by open_set.
        checkpoint: networks with their rule.
        unseen: networks that open_set trained without some families.
        output: CSV with a row for each network and set; what made it is told in a JSON file
            beside it.
    """

    dataset_path: Path
    pictures: Path
    checkpoint: tuple[Path, ...]
    unseen: tuple[Path, ...] = ()
    output: Csv


def run(options: Options) -> Iterator[Path]:
    check_record(options.output, options)
    test = data.DigitDataset(options.dataset_path, "test")
    pictures = read_arrays(options.pictures)
    digits = (test.images.numpy()[:, 0], test.labels.numpy())
    rows = []
    for path in (*options.checkpoint, *options.unseen):
        rows += list(measured(path, pictures, digits, unseen=path in options.unseen))
    digests = {p.stem: nets.weights_digest(nets.load_network(p)) for p in options.checkpoint}
    yield write_table(options.output, rows)
    record = made_by(options, weights_sha256=digests)
    yield write_json(options.output.with_suffix(".json"), record)


def measured(
    path: Path, pictures: dict[str, np.ndarray], digits: tuple[Any, Any], *, unseen: bool
) -> Iterator[dict[str, Any]]:
    """A row for each set of one network."""
    from netlib.measure.refusing import ask

    net = nets.load_network(path)
    rule, temperature = net.metadata["no_digit"], net.metadata["temperature"]
    trained = net.metadata.get("fine_tuning", {}).get("families", [])
    mnist = ask(net, *digits)

    def row(kind: str, said: "Said") -> dict[str, Any]:
        values = said.margins(rule, temperature)
        area: Any = [None] * 3
        if said.labels is None:
            area = measure.auroc(mnist.margins(rule, temperature), values)
        return {
            "network": path.stem,
            "unseen": int(unseen),
            "kind": kind,
            "n": len(values),
            **dict(zip(("auroc", "auroc_low", "auroc_high"), area, strict=True)),
            "refused": float((values < 0).mean()),
            "accuracy": said.accuracy,
        }

    if not unseen:
        yield row(MNIST, mnist)
        for name, text in DIGITS.items():
            key = f"test/{name}"
            yield row(text, ask(net, pictures[f"digits/{key}"], pictures[f"labels/{key}"]))
    for key in pictures:
        split, _, kind = key.partition("/")
        if split == "test" and not (unseen and kind in (*trained, "lookalikes")):
            yield row(kind, ask(net, pictures[key], None, int(pictures[f"blank/{key}"])))


if __name__ == "__main__":
    sys.exit(start("no_digit"))
