r"""Compare the two networks over pairs of kept runs: what the questions ask of them.

python -m analysis.build.pairs --runs runs/report/full/pairs --dataset-path data/course \
    --output figures/data/full

The runs are those that analysis.sweep --keep wrote; seeds that only one network has are left out.
With a single seed there are no intervals and no tests over seeds: they are null.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.build.kept_answers import ANSWERS, answers_of
from analysis.frame.command import made_by, start, write_json
from analysis.frame.results import write_arrays, write_table
from analysis.look.style import NETWORKS
from analysis.questions import gather, headline
from netlib import data, measure

if TYPE_CHECKING:
    from netlib.data import DigitData
    from netlib.measure import KeptRun, Scores

LOGITS = "logits.npz"
ARRAYS = ("labels", "logits", "validation_labels", "validation_logits")  # of a kept run


@dataclass(frozen=True, kw_only=True)
class Options:
    """Compare the two networks over pairs of kept runs.

    Attributes:
        runs: folder of kept runs, of analysis.sweep --keep.
        dataset_path: data set that they were trained on.
        seed: of the choice of example images.
        brief: accuracies, their tests and every run's predictions only.
        output: folder for the tables and arrays.
    """

    runs: Path
    dataset_path: Path
    seed: int = 0
    brief: bool = False
    output: Path


class Result:
    """One run's answers on the test images, before and after temperature scaling."""

    def __init__(self, run: "KeptRun", arrays: Sequence[np.ndarray]) -> None:
        self.run = run
        self.labels, logits, self.validation_labels, validation_logits = arrays
        # As they are committed, so that every table can be made from them again.
        # The largest is 0, so that what comes near to it keeps its order.
        self.kept = tuple(
            (x - x.max(1, keepdims=True)).astype(np.float16) for x in (logits, validation_logits)
        )
        self.logits, validation = (x.astype(np.float32) for x in self.kept)
        self.temperature = measure.choose_temperature(self.validation_labels, validation)
        self.predictions = self.logits.argmax(1)
        if len(set(self.labels.tolist())) < 2:
            raise ValueError(f"{run.folder} was tested on one class only; expected at least two.")

    @cached_property
    def before(self) -> "Scores":
        return measure.scores(self.labels, self.logits)

    @cached_property
    def after(self) -> "Scores":
        return measure.scores(self.labels, self.logits, self.temperature)

    def probabilities(self, scaled: bool = True) -> np.ndarray:
        """(N, C); after temperature scaling, unless not `scaled`."""
        from scipy.special import softmax

        logits = self.logits.astype(float)
        return softmax(logits / (self.temperature if scaled else 1.0), axis=1)

    @cached_property
    def risk(self) -> tuple[np.ndarray, np.ndarray]:
        """Coverage and risk, see `risk_coverage`."""
        from netlib.measure.metrics import risk_coverage

        return risk_coverage(self.labels, self.probabilities())


@dataclass(frozen=True)
class Pair:
    """Both networks' runs."""

    seeds: tuple[int, ...]  # that both have
    seed: int  # of choices
    results: dict[str, list[Result]]  # network -> one a seed, in their order
    data: "DigitData"  # of the first seed's runs; other seeds' sets are cut in the same numbers
    made_by: dict[str, Any]  # for what is not a table

    @property
    def shown(self) -> dict[str, Result]:
        """The two runs that stand for all: of the pair with the median difference."""
        place = self.seeds.index(self.made_by["shown_seed"])
        return {network: runs[place] for network, runs in self.results.items()}

    @property
    def every(self) -> list[Result]:
        """Both networks', one after the other."""
        return [result for results in self.results.values() for result in results]


def run(options: Options) -> Iterator[Path]:
    pair = read(options)
    for compare in [headline.compare] if options.brief else gather("compare"):
        for name, content in compare(pair).items():
            yield write(options.output / name, content, pair.made_by)
    last = (ANSWERS, answers_of(options.runs)) if options.brief else (LOGITS, logits_of(pair))
    yield write(options.output / last[0], last[1], pair.made_by)


def logits_of(pair: Pair) -> dict[str, np.ndarray]:
    """What every table can be made from again: logits (N, C) in half precision, and labels (N,)."""
    arrays = {"labels": pair.every[0].labels.astype(np.uint8)}
    for result in pair.every:
        name = result.run.folder.name
        arrays[name], arrays[f"{name}_validation"] = result.kept
        arrays[f"{name}_validation_labels"] = result.validation_labels.astype(np.uint8)
    return arrays


def write(path: Path, content: Any, made: dict[str, Any]) -> Path:
    """A table, arrays or a record, as the name says."""
    if path.suffix == ".npz":
        return write_arrays(path, content, made)
    return write_table(path, content) if path.suffix == ".csv" else write_json(path, content)


def read(options: Options) -> Pair:
    """The kept runs and what they were tested on."""
    pairs = measure.find_pairs(options.runs)
    if pairs.ignored:
        print(f"left out, since the other network lacks the seed: {', '.join(pairs.ignored)}")
    settings = pairs.of(NETWORKS[0])[0].settings
    side = settings["resolution"]
    sets = data.DigitData(
        options.dataset_path,
        input_dim=(1, side, side),
        num_classes=settings.get("num_classes", 10),
        train_size=settings["train_size"] or None,
        validation_size=settings["validation_size"],
        seed=pairs.seeds[0],
    )
    for kept in pairs:
        measure.check_test_set(kept, sets.test_set, options.dataset_path)
    results = {n: [Result(kept, kept.arrays(*ARRAYS)) for kept in pairs.of(n)] for n in NETWORKS}
    facts = {"seeds": pairs.seeds, "shown_seed": pairs.typical, "ignored": pairs.ignored}
    made = made_by(options, "numpy", "scipy", "scikit-learn", **facts)
    return Pair(tuple(pairs.seeds), options.seed, results, sets, made)


if __name__ == "__main__":
    sys.exit(start("pairs"))
