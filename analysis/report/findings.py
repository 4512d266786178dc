"""Every number and every finding of the report's text, computed from the result files.

Each section is a function of the results folder; its values are strings, ready to be set. What a
sentence claims is decided by the numbers: another result gives another sentence.
"""

from collections.abc import Callable
from pathlib import Path

from analysis.report.arithmetic import blocks, cost_model, mobilenet_v1, pareto, roofline, speed
from analysis.report.factors import imbalance, precision, sweep_of
from analysis.report.headline import calibration, curves, errors, headline, roc
from analysis.report.insight import corruptions, data, embeddings, separability
from analysis.report.wording import Section

SECTIONS: dict[str, Callable[[Path], Section]] = {
    "headline": headline,
    "data": data,
    "cost_model": cost_model,
    "roofline": roofline,
    "speed": speed,
    "errors": errors,
    "roc": roc,
    "curves": curves,
    "separability": separability,
    "embeddings": embeddings,
    "calibration": calibration,
    "corruptions": corruptions,
    "imbalance": imbalance,
    "blocks": blocks,
    "pareto": pareto,
    "mobilenet_v1": mobilenet_v1,
    "loss": sweep_of("loss", ""),
    "batch_size": sweep_of("batch_size", "images"),
    "learning_rate": sweep_of("learning_rate", ""),
    "training_epochs": sweep_of("training_epochs", "epochs"),
    "train_size": sweep_of("train_size", "images"),
    "augment": sweep_of("augment", "augmentation"),
    "precision": precision,
}


OPTIONAL = {"precision": "precision.csv", "speed": "benchmark/serving.csv"}


def report(results: Path) -> dict[str, Section]:
    """All sections whose files are there.

    Raises:
        FileNotFoundError: a file is missing that no report can do without.
        KeyError: a file lacks a column.
    """
    return {
        name: section(results)
        for name, section in SECTIONS.items()
        if name not in OPTIONAL or (results / OPTIONAL[name]).exists()
    }
