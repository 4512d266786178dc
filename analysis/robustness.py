r"""Does it matter how a digit was drawn? Accuracy against pen, size, place, tilt and paper.

python -m analysis.robustness --unipen pendigits-train.unipen \
    --output figures/data/evaluation/robustness.csv

The same strokes, of writers that were never trained on, are drawn on a 280x280 pad in many ways,
each one change away from the plain drawing, and go through sketch.to_digit to both networks.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.frame.command import made_by, progress, start, write_json
from analysis.frame.outputs import Csv, check_record
from analysis.frame.results import write_table
from analysis.look.style import NETWORKS
from netlib import answer, nets
from netlib.errors import many

if TYPE_CHECKING:
    from netlib.data.strokes import PenDigit


CORNERS = {"top left": (0.0, 0.0), "top right": (1.0, 0.0), "bottom left": (0.0, 1.0),
           "bottom right": (1.0, 1.0)}  # fmt: skip
# What differs from the plain drawing, and how, in words -> options of `draw`.
DRAWINGS: dict[tuple[str, str], dict[str, Any]] = {
    ("plain", ""): {},
    **{("pen", f"{pen} px"): {"pen": pen} for pen in (2, 4, 8, 24, 32, 40)},
    # A pen that is wider than a fifth of the digit closes its loops: small digits need a finer one.
    **{("size", f"{100 * size:g} %"): {"extent": size, "pen": 6} for size in (0.2, 0.35, 0.5)},
    **{("size", f"{100 * size:g} %"): {"extent": size} for size in (0.9, 1.0)},
    **{("place", name): {"extent": 0.5, "offset": place} for name, place in CORNERS.items()},
    **{("tilt", f"{tilt:+d}°"): {"tilt": tilt} for tilt in (-15, -10, -5, 5, 10, 15)},
    ("polarity", "white on black"): {"ink": 255, "paper": 0},
    ("paper", "light grey"): {"ink": 0, "paper": 200},
    ("paper", "grey"): {"ink": 20, "paper": 128},
    ("paper", "grey ink on light grey"): {"ink": 110, "paper": 220},
    ("paper", "light ink on dark grey"): {"ink": 230, "paper": 70},
}


def draw(digit: "PenDigit", ink: int = 0, paper: int = 255, **placed: Any) -> np.ndarray:
    """uint8 (280, 280), in these grey values; the rest is as `render_strokes` has it."""
    from netlib.data.strokes import render_strokes

    share = render_strokes(digit.strokes, **placed) / np.float32(255)
    return np.rint(paper + share * (ink - paper)).astype(np.uint8)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Accuracy against how a digit was drawn.

    Attributes:
        unipen: UNIPEN file with digits and writers.
        checkpoints: folder of both networks.
        count: digits, the same number of each.
        test_writers: as given to prepare_data.
        seed: as given to prepare_data; also chooses the digits.
        output: CSV to write.
    """

    unipen: Path
    checkpoints: Path = Path("checkpoints")
    count: int = 1000
    test_writers: int = 10
    seed: int = 0
    output: Csv


def run(options: Options) -> list[Path]:
    check_record(options.output, options)
    digits = some_of_each(unseen(options), options)
    paths = networks_in(options.checkpoints)
    rows = list(measured(digits, answer.Predictor(paths)))
    worst = min(rows, key=lambda row: float(row["change"]))
    print(f"{len(digits)} drawings; the most is lost with {worst['kind']} {worst['level']}: "
          f"{100 * float(worst['change']):+.2f} points ({worst['network']})")  # fmt: skip
    return write(options.output, rows, record_of(options, paths))


def networks_in(folder: Path) -> dict[str, Path]:
    return {name: folder / f"{name}.safetensors" for name in NETWORKS}


def record_of(options: Any, paths: dict[str, Path]) -> dict[str, Any]:
    """What made a table; a file's place is this machine's affair, its name says which it is."""
    digests = {name: nets.weights_digest(nets.load_network(path)) for name, path in paths.items()}
    return made_by(replace(options, unipen=Path(options.unipen.name)), weights_sha256=digests)


def write(path: Path, rows: Sequence[dict[str, Any]], record: dict[str, Any]) -> list[Path]:
    """The table, and the record beside it."""
    return [write_table(path, rows, digits=6), write_json(path.with_suffix(".json"), record)]


def unseen(options: Any) -> "list[PenDigit]":
    """Digits of the writers that prepare_data keeps out of training."""
    from netlib.data.strokes import read_unipen, split_by_writer

    digits = read_unipen(options.unipen)
    _, writers = split_by_writer(digits, options.test_writers, options.seed)
    return [digit for digit in digits if digit.writer in writers]


def some_of_each(digits: "Sequence[PenDigit]", options: Options) -> "list[PenDigit]":
    """As many of each class."""
    rng = np.random.default_rng(options.seed)
    each = options.count // 10
    chosen: list[PenDigit] = []
    for label in range(10):
        those = [digit for digit in digits if digit.label == label]
        if len(those) < each:
            raise ValueError(
                f"--count is {options.count}, but the test writers have only "
                f"{many(len(those), 'drawing')} of {label}; lower it."
            )
        chosen += [those[row] for row in np.sort(rng.permutation(len(those))[:each])]
    return chosen


def measured(
    digits: "Sequence[PenDigit]", predictor: "answer.Predictor"
) -> Iterator[dict[str, Any]]:
    """One row for each way to draw and network; a drawing that is not found counts as wrong."""
    from netlib.measure.seeds import mcnemar, wilson_interval
    from netlib.picture.digit import to_digits

    labels = np.array([digit.label for digit in digits])
    plain: dict[str, np.ndarray] = {}
    for (kind, level), how in progress(DRAWINGS.items(), "drawings"):
        images, empty = to_digits([draw(digit, **how) for digit in digits])
        answers = predictor.predict(images)
        for network in NETWORKS:
            predictions = np.array(answers[network].predictions)
            predictions[empty] = -1
            right = predictions == labels
            before = plain.setdefault(network, predictions)
            low, high = wilson_interval(int(right.sum()), len(right))
            yield {
                "kind": kind,
                "level": level,
                "network": network,
                "n": len(labels),
                "accuracy": right.mean(),
                "low": low,
                "high": high,
                "change": right.mean() - (before == labels).mean(),
                "p": mcnemar(labels, before, predictions),
            }


if __name__ == "__main__":
    sys.exit(start("robustness"))
