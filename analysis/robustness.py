r"""Does it matter how a digit was drawn? Accuracy against pen, size, place, tilt and paper.

python -m analysis.robustness --unipen pendigits-train.unipen \
    --output figures/data/evaluation/robustness.csv

The same strokes, of writers that were never trained on, are drawn on a 280x280 pad in many ways,
each one change away from the plain drawing, and go through sketch.to_digit to both networks.
"""

import argparse
import csv
import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from netlib.answer.predictor import Predictor
from netlib.data.loaders import DataError
from netlib.data.strokes import PenDigit, read_unipen, render_strokes, split_by_writer
from netlib.measure.seeds import mcnemar, wilson_interval
from netlib.nets.checkpoint import load_network, weights_digest
from netlib.picture.digit import to_digits

NETWORKS = ("standard", "mobilenet")
MIDDLE = (0.5, 0.5)


@dataclass(frozen=True)
class Drawing:
    """One way to draw.

    Attributes:
        kind: what differs from the plain drawing.
        level: how, in words.
        pen: width of the lines, px of 280.
        extent: longer side of the digit, as a fraction of the pad.
        offset: place on the pad, (0, 0) top left to (1, 1) bottom right.
        tilt: degrees, counter-clockwise.
        ink: grey value of the lines.
        paper: grey value of the pad.
    """

    kind: str = "plain"
    level: str = ""
    pen: float = 16
    extent: float = 0.7
    offset: tuple[float, float] = MIDDLE
    tilt: float = 0
    ink: int = 0
    paper: int = 255

    def draw(self, digit: PenDigit) -> np.ndarray:
        """uint8 (280, 280)."""
        share = render_strokes(
            digit.strokes, pen=self.pen, extent=self.extent, offset=self.offset, tilt=self.tilt
        ) / np.float32(255)
        return np.rint(self.paper + share * (self.ink - self.paper)).astype(np.uint8)


CORNERS = {"top left": (0.0, 0.0), "top right": (1.0, 0.0), "bottom left": (0.0, 1.0),
           "bottom right": (1.0, 1.0)}  # fmt: skip
DRAWINGS = (
    Drawing(),
    *(Drawing("pen", f"{pen} px", pen=pen) for pen in (2, 4, 8, 24, 32, 40)),
    # A pen that is wider than a fifth of the digit closes its loops: small digits need a finer one.
    *(Drawing("size", f"{100 * size:g} %", extent=size, pen=6) for size in (0.2, 0.35, 0.5)),
    *(Drawing("size", f"{100 * size:g} %", extent=size) for size in (0.9, 1.0)),
    *(Drawing("place", name, extent=0.5, offset=place) for name, place in CORNERS.items()),
    *(Drawing("tilt", f"{tilt:+d}°", tilt=tilt) for tilt in (-15, -10, -5, 5, 10, 15)),
    Drawing("polarity", "white on black", ink=255, paper=0),
    Drawing("paper", "light grey", ink=0, paper=200),
    Drawing("paper", "grey", ink=20, paper=128),
    Drawing("paper", "grey ink on light grey", ink=110, paper=220),
    Drawing("paper", "light ink on dark grey", ink=230, paper=70),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, draw, predict, write; 2 is the exit status of a user's error."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = parse(arguments)
    try:
        digits = unseen(args)
        predictor = Predictor({n: args.checkpoints / f"{n}.safetensors" for n in NETWORKS})
        rows = list(measure(digits, predictor))
    except (DataError, ValueError, OSError) as error:
        print(f"robustness: {error}", file=sys.stderr)
        return 2
    write(args, rows, arguments)
    worst = min(rows, key=lambda row: float(row["change"]))
    print(f"{len(digits)} drawings; the most is lost with {worst['kind']} {worst['level']}: "
          f"{100 * float(worst['change']):+.2f} points ({worst['network']})")  # fmt: skip
    print(args.output)
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.robustness",
        description="Accuracy against how a digit was drawn.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--unipen", type=Path, required=True, help="UNIPEN file with digits and writers")
    add("--checkpoints", type=Path, default=Path("checkpoints"))
    add("--count", type=int, default=1000, help="digits, the same number of each")
    add("--test-writers", type=int, default=10, help="as given to prepare_data")
    add("--seed", type=int, default=0, help="as given to prepare_data; also chooses the digits")
    add("--output", type=Path, required=True, help="CSV to write")
    return parser.parse_args(arguments)


def unseen(args: argparse.Namespace) -> list[PenDigit]:
    """Digits of the writers that prepare_data keeps out of training, as many of each class."""
    digits = read_unipen(args.unipen)
    _, writers = split_by_writer(digits, args.test_writers, args.seed)
    known = set(writers)
    rng = np.random.default_rng(args.seed)
    chosen: list[PenDigit] = []
    for label in range(10):
        those = [digit for digit in digits if digit.label == label and digit.writer in known]
        if len(those) < args.count // 10:
            raise DataError(
                f"--count is {args.count}, but there are only {len(those)} drawings of {label} by "
                "the test writers; lower it."
            )
        rows = rng.permutation(len(those))[: args.count // 10]
        chosen += [those[row] for row in np.sort(rows)]
    return chosen


def measure(digits: Sequence[PenDigit], predictor: Predictor) -> Iterator[dict[str, object]]:
    """One row for each way to draw and network; a drawing that is not found counts as wrong."""
    labels = np.array([digit.label for digit in digits])
    plain: dict[str, np.ndarray] = {}
    for way in tqdm(DRAWINGS, desc="drawings", disable=not sys.stderr.isatty()):
        tensors, empty = to_digits([way.draw(digit) for digit in digits])
        answers = predictor.predict(tensors)
        for network in NETWORKS:
            predictions = np.array(answers[network].predictions)
            predictions[empty] = -1
            right = predictions == labels
            before = plain.setdefault(network, predictions)
            low, high = wilson_interval(int(right.sum()), len(right))
            yield {
                "kind": way.kind,
                "level": way.level,
                "network": network,
                "n": len(labels),
                "accuracy": right.mean(),
                "low": low,
                "high": high,
                "change": right.mean() - (before == labels).mean(),
                "p": mcnemar(labels, before, predictions),
            }


def write(
    args: argparse.Namespace, rows: Sequence[dict[str, object]], arguments: Sequence[str]
) -> None:
    """The table, and beside it what made it."""
    args.output.parent.mkdir(parents=True, exist_ok=True)
    with open(args.output, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
    weights = {
        name: weights_digest(load_network(args.checkpoints / f"{name}.safetensors"))
        for name in NETWORKS
    }
    # The file's place is this machine's affair; its name says which it is.
    typed = [Path(a).name if Path(a) == args.unipen else a for a in arguments]
    record = {
        "command": shlex.join(["python", "-m", "analysis.robustness", *typed]),
        "weights_sha256": weights,
    }
    text = json.dumps(record, indent=1) + os.linesep
    args.output.with_suffix(".json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
