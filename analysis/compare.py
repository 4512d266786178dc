r"""Compare the two networks over pairs of kept runs: every table and image of the comparison.

python -m analysis.compare --runs runs/report/full/pairs --dataset-path data/course \
    --output figures/data/full

The runs are those that analysis.sweep --keep wrote; seeds that only one network has are left out.
With a single seed there are no intervals and no tests over seeds: they are null.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special
from sklearn.metrics import (
    average_precision_score,
    precision_recall_fscore_support,
    roc_auc_score,
    roc_curve,
)

from netlib.data.loaders import DigitData
from netlib.measure.metrics import (
    Scores,
    fit_temperature,
    log_odds,
    reliability,
    risk_coverage,
    scores,
)
from netlib.measure.runs import NETWORKS, KeptRun, Pairs, check_test_set, find_pairs
from netlib.measure.seeds import (
    Equivalence,
    agreement,
    equivalence,
    mcnemar,
    mean_interval,
    paired_t,
)

CONFIDENCE = 0.95  # of every interval
MARGIN = 0.001  # of equivalence: a tenth of a point, which single runs cannot tell apart
ALPHA = 0.05
MAX_POINTS = 200  # of a curve
EXAMPLES = 4  # right and wrong ones of each network
HISTORY = ["epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]
QUANTITIES: dict[str, Callable[[Scores], float]] = {
    "accuracy": lambda s: s.accuracy,
    "balanced_accuracy": lambda s: s.balanced_accuracy,
    "macro_f1": lambda s: s.macro_f1,
    "error_rate": lambda s: 1 - s.accuracy,
    "worst_recall": lambda s: min(r for r in s.per_class_recall if r is not None),
    "nll": lambda s: s.nll,
    "brier": lambda s: s.brier,
    "ece": lambda s: s.ece,
}


class Result:
    """One run's answers on the test images, before and after temperature scaling."""

    def __init__(self, run: KeptRun) -> None:
        self.run = run
        self.labels, self.logits = run.arrays("labels", "logits")
        self.temperature = fit_temperature(*run.arrays("validation_labels", "validation_logits"))
        self.predictions = self.logits.argmax(1)
        if len(np.unique(self.labels)) < 2:
            raise ValueError(f"{run.folder} was tested on one class only; expected at least two.")

    @cached_property
    def before(self) -> Scores:
        return scores(self.labels, self.logits)

    @cached_property
    def after(self) -> Scores:
        return scores(self.labels, self.logits, self.temperature)

    def probabilities(self, scaled: bool = True) -> np.ndarray:
        """(N, C); after temperature scaling, unless not `scaled`."""
        logits = self.logits.astype(np.float64)
        return special.softmax(logits / (self.temperature if scaled else 1.0), axis=1)

    @cached_property
    def risk(self) -> tuple[np.ndarray, np.ndarray]:
        """Coverage and risk, see `risk_coverage`."""
        return risk_coverage(self.labels, self.probabilities())


Results = dict[str, list[Result]]  # network -> one a seed, in the order of the pairs


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, read, compare, write; 2 is the exit status of a user's error."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = parse(arguments)
    try:
        pairs = find_pairs(args.runs)
        data = read_data(args.dataset_path, pairs)
        results = {network: [Result(run) for run in pairs.of(network)] for network in NETWORKS}
    except (ValueError, OSError) as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    made_by = {
        "command": shlex.join(["python", "-m", "analysis.compare", *arguments]),
        "seeds": list(pairs.seeds),
        "first_seed": pairs.seeds[0],
        "ignored": list(pairs.ignored),
        "versions": {name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
    }
    args.output.mkdir(parents=True, exist_ok=True)
    for name, rows in tables(pairs, results, data).items():
        pd.DataFrame(rows).to_csv(args.output / name, index=False, float_format="%.8g")
        print(args.output / name)
    for name, arrays in pictures(results, data, made_by, args.seed).items():
        np.savez_compressed(args.output / name, **arrays)
        print(args.output / name)
    content = json.dumps(headline(pairs, results, made_by), indent=1, allow_nan=False)
    (args.output / "headline.json").write_text(content + os.linesep, encoding="utf-8")
    print(args.output / "headline.json")
    if pairs.ignored:
        print(f"left out, since the other network lacks the seed: {', '.join(pairs.ignored)}")
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.compare",
        description="Compare the two networks over pairs of kept runs.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--runs", type=Path, required=True, help="folder of kept runs, of analysis.sweep --keep")
    add("--dataset-path", type=Path, required=True, help="data set that they were trained on")
    add("--seed", type=int, default=0, help="of the choice of example images")
    add("--output", type=Path, required=True, help="folder for the tables and arrays")
    return parser.parse_args(arguments)


def read_data(path: Path, pairs: Pairs) -> DigitData:
    """The three sets of the first seed's runs; other seeds' are cut in the same numbers.

    Raises:
        ValueError: a run was made with another data set.
    """
    settings = pairs.of(NETWORKS[0])[0].settings
    side = settings["resolution"]
    data = DigitData(
        path,
        input_dim=(1, side, side),
        train_size=settings["train_size"] or None,
        validation_size=settings["validation_size"],
        seed=pairs.seeds[0],
    )
    for run in pairs:
        check_test_set(run, data.test_set, path)
    return data


def tables(pairs: Pairs, results: Results, data: DigitData) -> dict[str, list[dict[str, Any]]]:
    """File name -> its rows."""
    everything = [result for network in NETWORKS for result in results[network]]
    return {
        "histories.csv": [row for run in pairs for row in history_rows(run)],
        "confusion.csv": [row for network in NETWORKS for row in confusion_rows(results[network])],
        "class_scores.csv": [
            row for result in everything for row in class_rows(result, data.class_counts)
        ],
        "roc.csv": [row for network in NETWORKS for row in roc_rows(results[network][0])],
        "auc.csv": [row for result in everything for row in auc_rows(result)],
        "calibration.csv": [
            row for network in NETWORKS for row in calibration_rows(results[network])
        ],
        "calibration_scores.csv": [calibration_row(result) for result in everything],
        "risk_coverage.csv": [row for network in NETWORKS for row in risk_rows(results[network])],
    }


def history_rows(run: KeptRun) -> list[dict[str, Any]]:
    """One row an epoch."""
    rows = pd.read_csv(run.history)[HISTORY].to_dict("records")
    return [{"network": run.network, "seed": run.seed, **row} for row in rows]


def confusion_rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """One row a cell, counts summed over seeds."""
    counts = np.sum([result.before.confusion for result in results], axis=0)
    network = results[0].run.network
    return [
        {"network": network, "true": i, "predicted": j, "count": n, "seeds": len(results)}
        for (i, j), n in np.ndenumerate(counts)
    ]


def class_rows(result: Result, train_images: Sequence[int]) -> list[dict[str, Any]]:
    """One row a class; `train_images` has the number of training images of each."""
    num_classes = result.logits.shape[1]
    columns = precision_recall_fscore_support(
        result.labels, result.predictions, labels=np.arange(num_classes), zero_division=0.0
    )
    return [
        {
            "network": result.run.network,
            "seed": result.run.seed,
            "class": label,
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "train_images": train_images[label],
            "test_images": support,
        }
        for label, (precision, recall, f1, support) in enumerate(zip(*columns, strict=True))
    ]


# --- ROC ----------------------------------------------------------------------------------------


def roc_rows(result: Result) -> list[dict[str, Any]]:
    """The curves of each class against the rest, of all decisions (micro) and of their mean."""
    truth, odds = one_against_rest(result)
    curves = {
        str(label): staircase(truth[:, label], odds[:, label]) for label in np.unique(result.labels)
    }
    micro = staircase(truth.ravel(), odds.ravel())
    macro = mean_curve(list(curves.values()))
    return [
        {"network": result.run.network, "class": name, "fpr": fpr, "tpr": tpr}
        for name, curve in {**curves, "micro": micro, "macro": macro}.items()
        for fpr, tpr in thin(curve)
    ]


def auc_rows(result: Result) -> list[dict[str, Any]]:
    """Area and average precision of each class, of all decisions (micro), and their mean."""
    truth, odds = one_against_rest(result)
    present = [str(label) for label in np.unique(result.labels)]
    pairs = {name: (truth[:, int(name)], odds[:, int(name)]) for name in present}
    values = {
        name: (roc_auc_score(*pair), average_precision_score(*pair))
        for name, pair in {**pairs, "micro": (truth.ravel(), odds.ravel())}.items()
    }
    values["macro"] = tuple(np.mean([values[name] for name in present], axis=0))
    run = result.run
    return [
        {
            "network": run.network,
            "seed": run.seed,
            "class": name,
            "auc": auc,
            "average_precision": precision,
        }
        for name, (auc, precision) in values.items()
    ]


def one_against_rest(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """Whether image n is of class c, and the log-odds of it, both (N, C)."""
    num_classes = result.logits.shape[1]
    return result.labels[:, None] == np.arange(num_classes), log_odds(result.logits)


def staircase(truth: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(P, 2) false and true positive rates from (0, 0) to (1, 1), without inner points of lines."""
    return np.stack(roc_curve(truth, values)[:2], axis=1)


def mean_curve(curves: Sequence[np.ndarray]) -> np.ndarray:
    """The mean true positive rate of several curves at equal false positive rates.

    It rises where one of the curves does, so each such rate has two points: before and after.
    """
    rates = np.unique(np.concatenate([curve[:, 0] for curve in curves]))
    before = np.mean([at(curve, rates, "left") for curve in curves], axis=0)
    after = np.mean([at(curve, rates, "right") for curve in curves], axis=0)
    points = np.stack([np.repeat(rates, 2), np.stack([before, after], axis=1).ravel()], axis=1)
    return points[np.any(np.diff(points, axis=0, prepend=-1), axis=1)]


def at(curve: np.ndarray, rates: np.ndarray, side: str) -> np.ndarray:
    """True positive rate of a curve just before ("left") or at ("right") a false positive rate."""
    place = np.searchsorted(curve[:, 0], rates, side=side) - 1
    return np.where(place < 0, 0.0, curve[place, 1])


def thin(curve: np.ndarray, limit: int = MAX_POINTS) -> np.ndarray:
    """At most `limit` of a curve's points, its ends among them, evenly along its way.

    The way is measured on the axes of the figures: true positives, and false positives by powers
    of ten, so that the ascent on the left keeps its corners.
    """
    if len(curve) <= limit:
        return curve
    powers = np.log10(np.maximum(curve[:, 0], 1e-5))
    steps = np.abs(np.diff(powers)) / 5 + np.abs(np.diff(curve[:, 1]))
    way = np.concatenate([[0], steps.cumsum()])
    wanted = np.linspace(0, way[-1], limit)
    return curve[np.unique([0, *np.searchsorted(way, wanted[1:-1]), len(curve) - 1])]


# --- Confidence ---------------------------------------------------------------------------------


def calibration_rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """One row a bin of confidence, the seeds pooled, before and after temperature scaling."""
    labels = np.concatenate([result.labels for result in results])
    rows = []
    for scaled in (False, True):
        p = np.concatenate([result.probabilities(scaled) for result in results])
        bins = reliability(labels, p)
        rows += [
            {
                "network": results[0].run.network,
                "temperature_scaled": int(scaled),
                "bin": number,
                "confidence": confidence,
                "accuracy": accuracy,
                "count": count,
            }
            for number, (confidence, accuracy, count) in enumerate(
                zip(bins.confidence, bins.accuracy, bins.count, strict=True)
            )
        ]
    return rows


def calibration_row(result: Result) -> dict[str, Any]:
    """One run's calibration, with the temperature that its validation images chose."""
    row: dict[str, Any] = {
        "network": result.run.network,
        "seed": result.run.seed,
        "temperature": result.temperature,
    }
    for name in ("nll", "brier", "ece"):
        row[f"{name}_before"] = getattr(result.before, name)
        row[f"{name}_after"] = getattr(result.after, name)
    return row


def risk_rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Mean risk over seeds at equal coverages, half of them above 0.9, where errors begin."""
    coverage = results[0].risk[0]
    half = MAX_POINTS // 2
    wanted = np.concatenate([np.linspace(0, 0.9, half)[1:], np.linspace(0.9, 1, half)])
    rows = []
    for place in np.unique(np.searchsorted(coverage, wanted - 1e-9)):
        risk = mean_interval([result.risk[1][place] for result in results], CONFIDENCE)
        rows.append(
            {
                "network": results[0].run.network,
                "coverage": coverage[place],
                "risk": risk.mean,
                "risk_low": risk.low,
                "risk_high": risk.high,
            }
        )
    return rows


# --- Images -------------------------------------------------------------------------------------


def pictures(
    results: Results, data: DigitData, made_by: dict[str, Any], seed: int
) -> dict[str, dict[str, np.ndarray]]:
    """File name -> its arrays: the errors and the examples of the first seed's runs."""
    first = {network: results[network][0] for network in NETWORKS}
    wrong = np.any([r.predictions != r.labels for r in first.values()], axis=0)
    chosen = list(examples(first, seed))
    record = {**made_by, "confidence": "after temperature scaling"}
    rule = (
        f"a random order of seed {seed}; the first {EXAMPLES} of different classes, then the first "
        "of any"
    )
    return {
        "errors.npz": answers(first, data, np.flatnonzero(wrong), record),
        "examples.npz": {
            **answers(first, data, np.array([i for _, i in chosen], int), {**record, "rule": rule}),
            "which": np.array([which for which, _ in chosen], dtype="U15"),
        },
    }


def answers(
    first: dict[str, Result], data: DigitData, indices: np.ndarray, made_by: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Some test images, and what both networks say of them."""
    arrays = {
        "images": data.test_set.images[indices, 0].numpy(),
        "labels": data.test_set.labels[indices].numpy().astype(np.uint8),
        "names": np.array(data.test_set.names)[indices],
        "indices": indices.astype(np.int32),
        "made_by": np.array(json.dumps(made_by)),
    }
    for network, result in first.items():
        arrays[network] = result.predictions[indices].astype(np.uint8)
        confidence = result.probabilities()[indices].max(1, initial=0)
        arrays[f"{network}_confidence"] = confidence.astype(np.float32)
    return arrays


def examples(first: dict[str, Result], seed: int) -> Iterator[tuple[str, int]]:
    """("standard right", index of an image) and so on, of different classes as far as there are."""
    rng = np.random.default_rng(seed)
    for network, result in first.items():
        right = result.predictions == result.labels
        for kind, group in (("right", right), ("wrong", ~right)):
            members = rng.permutation(np.flatnonzero(group))
            _, firsts = np.unique(result.labels[members], return_index=True)
            rest = np.setdiff1d(np.arange(len(members)), firsts)
            order = np.concatenate([np.sort(firsts), rest])[:EXAMPLES]
            for index in members[order]:
                yield f"{network} {kind}", int(index)


# --- The headline -------------------------------------------------------------------------------


def headline(pairs: Pairs, results: Results, made_by: dict[str, Any]) -> dict[str, Any]:
    """Means with intervals, paired differences, and what the tests say."""
    values = {network: quantities(results[network]) for network in NETWORKS}
    standard, mobilenet = (values[network] for network in NETWORKS)
    n = len(pairs.seeds)
    return {
        "made_by": made_by,
        "seeds": list(pairs.seeds),
        "n_seeds": n,
        "first_seed": pairs.seeds[0],
        "test_images": len(results[NETWORKS[0]][0].labels),
        "confidence": CONFIDENCE,
        "interval": (
            f"Student t interval of the mean, {100 * CONFIDENCE:g} %, over {n} training seeds"
            if n > 1
            else "none: there is one seed, and the spread over seeds is unknown"
        ),
        "networks": {
            network: {name: summary(x) for name, x in values[network].items()}
            for network in NETWORKS
        },
        "difference": {
            "sign": "mobilenet - standard",
            **{
                name: {
                    **summary(np.subtract(mobilenet[name], standard[name])),
                    "p": paired_t(mobilenet[name], standard[name]),
                }
                for name in standard
            },
        },
        "mcnemar": [mcnemar_row(*pair) for pair in zip(*results.values(), strict=True)],
        "equivalence": equivalence_of(mobilenet["accuracy"], standard["accuracy"]),
    }


def quantities(results: Sequence[Result]) -> dict[str, list[float]]:
    """Name -> the value of each seed."""
    values = {name: [of(result.before) for result in results] for name, of in QUANTITIES.items()}
    return {**values, "aurc": [float(result.risk[1].mean()) for result in results]}


def summary(values: Sequence[float] | np.ndarray) -> dict[str, Any]:
    """The mean with its interval, and the values."""
    return {
        **asdict(mean_interval(values, CONFIDENCE)),
        "values": [float(value) for value in values],
    }


def mcnemar_row(standard: Result, mobilenet: Result) -> dict[str, Any]:
    """McNemar's exact test of one seed's pair, and its table."""
    arguments = standard.labels, standard.predictions, mobilenet.predictions
    names = ("both_right", "only_standard", "only_mobilenet", "none_right")
    return {
        "seed": standard.run.seed,
        "p": mcnemar(*arguments),
        **dict(zip(names, agreement(*arguments), strict=True)),
    }


def equivalence_of(mobilenet: Sequence[float], standard: Sequence[float]) -> dict[str, Any]:
    """Whether the accuracies are the same to within the margin, in numbers and in words."""
    result = equivalence(mobilenet, standard, MARGIN, ALPHA)
    return {
        "quantity": "accuracy",
        "margin": MARGIN,
        "alpha": ALPHA,
        **asdict(result),
        "verdict": verdict(result),
    }


def verdict(result: Equivalence) -> str:
    """What the test says, in a sentence."""
    margin = f"±{100 * MARGIN:g} point"
    if result.low is None or result.high is None:
        return f"Equivalence within {margin} cannot be tested with one seed."
    if result.equivalent:
        return f"The mean accuracies are equivalent within {margin}."
    if result.low > MARGIN or result.high < -MARGIN:
        return f"The mean accuracies differ by more than {margin}."
    return f"It is not shown that the mean accuracies are equivalent within {margin}."


if __name__ == "__main__":
    sys.exit(main())
