"""The figures of the sweeps: what changes with the way that the networks are trained."""

from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.catalogue.spec import FigureSpec
from analysis.plots.results import Results, seeds_text, setting_text
from analysis.plots.style import COLUMN, blank
from analysis.plots.sweeps import draw_levels, draw_sweep, key

ERROR = "error rate (%)"
LEVELS = {
    "cross_entropy": "cross entropy",
    "label_smoothing": "label smoothing",
    "weighted": "weighted",
    "class_balanced": "class-balanced",
    "logit_adjusted": "logit-adjusted",
    "balanced_softmax": "balanced softmax",
    "ldam": "LDAM",
    "ldam_drw": "LDAM-DRW",
    "mse": "squared error",
}
AXES = {
    "learning_rate": "learning rate",
    "batch_size": "batch size (images)",
    "training_epochs": "training epochs",
    "train_size": "training images",
    "width": "width multiplier",
    "resolution": "side of the image (pixels)",
}


def numbers(data: Results, name: str) -> Figure:
    """The factor is a number: lines with bands."""
    figure = blank(COLUMN, 5.6)
    ax = figure.subplots()
    draw_sweep(ax, data.sweep(name), name_of_level(name), "error", chosen=name == "learning_rate")
    ax.set_xlabel(AXES[name])
    ax.set_ylabel(ERROR)
    return figure


def numbers_caption(data: Results, name: str) -> str:
    table = data.sweep(name)
    ring = (
        " Rings mark the rate that the mean accuracy on the validation images chooses."
        if name == "learning_rate"
        else ""
    )
    share = (table["train_images"] / table["test_images"]).agg(["min", "max"])
    ratio = (
        f" The test set stays: training over testing images goes from {share['min']:.2g} to "
        f"{share['max']:.2g}."
        if name == "train_size"
        else ""
    )
    return (
        f"Error rate on the test set against {AXES[name].split(' (')[0]}; lines are means of "
        f"{seeds_text(table)}, bands reach from the lowest seed to the highest "
        f"({setting_text(table, name_of_level(name))}).{ring}{ratio}"
    )


def name_of_level(name: str) -> str:
    """The column with the levels as numbers."""
    return "train_images" if name == "train_size" else name


def kinds(data: Results, name: str) -> Figure:
    """The factor has names: a row of dots for each."""
    table = data.sweep(name)
    rows = by_error(table) if name == "loss" else list(dict.fromkeys(table["level"]))
    figure = blank(COLUMN, 2.4 + 0.75 * len(rows))
    ax = figure.subplots()
    draw_levels(ax, table, "error", rows, names=LEVELS)
    ax.set_xlabel(ERROR)
    key(ax)
    return figure


def kinds_caption(data: Results, name: str) -> str:
    table = data.sweep(name)
    return (
        f"Error rate on the test set for each {NOUNS[name]}; markers are means of "
        f"{seeds_text(table)}, ticks the seeds, bars reach from the lowest to the highest "
        f"({setting_text(table, name)})."
    )


NOUNS = {"loss": "loss function", "augment": "augmentation", "precision": "precision of training"}


def by_error(table: pd.DataFrame) -> list[str]:
    """Levels, the lowest mean error first."""
    return table.groupby("level")["error"].mean().sort_values(kind="stable").index.tolist()


def spec(name: str, title: str, is_number: bool) -> FigureSpec:
    draw, caption = (numbers, numbers_caption) if is_number else (kinds, kinds_caption)
    return FigureSpec(
        title, (f"{name}.csv",), partial(draw, name=name), partial(caption, name=name)
    )


FIGURES = {
    "loss": spec("loss", "What the loss function changes", False),
    "batch_size": spec("batch_size", "What the batch size changes", True),
    "learning_rate": spec("learning_rate", "What the learning rate changes", True),
    "training_epochs": spec("training_epochs", "What longer training changes", True),
    "train_size": spec("train_size", "What more training images change", True),
    "augment": spec("augment", "What augmentation changes", False),
    "precision": spec("precision", "What half precision changes", False),
}
