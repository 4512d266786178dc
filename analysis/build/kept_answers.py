r"""What every kept run read, from which its accuracy and its tests can be made again.

python -m analysis.build.kept_answers --runs runs/report/full/more_time \
    --output figures/data/full/more_time

The runs are those that analysis.sweep --keep wrote, all with the same test images.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.frame.command import made_by, start
from analysis.frame.results import write_arrays

ANSWERS = "answers.npz"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Gather what kept runs read.

    Attributes:
        runs: folder of kept runs, of analysis.sweep --keep.
        output: folder for answers.npz.
    """

    runs: Path
    output: Path


def run(options: Options) -> Iterator[Path]:
    made = made_by(options, "numpy")
    yield write_arrays(options.output / ANSWERS, answers_of(options.runs), made)


def answers_of(folder: Path) -> dict[str, np.ndarray]:
    """The labels (N,), and every run's answers (N,) under the name of its folder.

    Raises:
        ValueError: there is no run.
    """
    answers: dict[str, np.ndarray] = {}
    for path in sorted(folder.glob("*/predictions.npz")):
        with np.load(path, allow_pickle=False) as file:
            answers.setdefault("labels", file["labels"].astype(np.uint8))
            answers[path.parent.name] = file["logits"].argmax(1).astype(np.uint8)
    if not answers:
        raise ValueError(f"{folder} has no kept run: write them with analysis.sweep --keep.")
    return answers


if __name__ == "__main__":
    sys.exit(start("kept_answers"))
