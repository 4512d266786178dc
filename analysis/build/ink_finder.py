r"""Train what finds handwriting in a photograph, on sheets that are drawn for it.

python -m analysis ink_finder --unipen pendigits-train.unipen --output runs/ink

Pen strokes of the training writers, drawings and letters are put on paper and boards, and these
under a camera (netlib.measure.sheets). An interrupted training goes on.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.frame.command import start


@dataclass(frozen=True, kw_only=True)
class Options:
    """Train what finds handwriting in a photograph.

    Attributes:
        unipen: UNIPEN file with digits and writers.
        test_writers: as given to prepare_data: writers whose digits are never trained on.
        pictures: how many are drawn.
        steps: how many batches of 16.
        seed: of pictures, weights and order.
        output: folder for ink.onnx.
    """

    unipen: Path
    test_writers: int = 10
    pictures: int = 16_000
    steps: int = 3_000
    seed: int = 0
    output: Path


def run(options: Options) -> Iterator[Path]:
    from netlib.nets.ink_net import export
    from netlib.training.segmentation import train_ink

    options.output.mkdir(parents=True, exist_ok=True)
    pictures, written = drawn(options)
    state = options.output / "state.pt"
    net = train_ink(pictures, written, options.steps, options.seed, state)
    yield export(net, options.output / "ink.onnx")
    state.unlink(missing_ok=True)


def drawn(options: Options) -> tuple[np.ndarray, np.ndarray]:
    """The pictures and what was written in them, each (N, H, W) uint8."""
    from joblib import Parallel, delayed

    from netlib.data.strokes import read_unipen, split_by_writer
    from netlib.measure.sheets import SIDE, sheet

    digits = read_unipen(options.unipen)
    known, _ = split_by_writer(digits, options.test_writers, seed=0)
    strokes = [digit.strokes for digit in digits if digit.writer in known]
    rngs = (np.random.default_rng([options.seed, n]) for n in range(options.pictures))
    made = Parallel(n_jobs=-1, return_as="generator")(delayed(sheet)(rng, strokes) for rng in rngs)
    shape = (2, options.pictures, SIDE, SIDE)
    both = np.empty(shape, np.uint8)
    for n, pair in enumerate(made):
        both[:, n] = pair
    return both[0], both[1]


if __name__ == "__main__":
    sys.exit(start("ink_finder"))
