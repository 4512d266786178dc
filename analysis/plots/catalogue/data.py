"""The data set: how many images, how they look, and their mean."""

import numpy as np
from matplotlib.figure import Figure

from analysis.plots.catalogue.spec import FigureSpec
from analysis.plots.classes import draw_counts
from analysis.plots.digits import mosaic
from analysis.plots.results import Results
from analysis.plots.style import COLUMN, FULL, bare, blank
from analysis.plots.sweeps import key

SPLITS = ("train", "test")


def data_counts(data: Results) -> Figure:
    """Images of each digit in the training and test split."""
    splits = data.record("data_card.json")["splits"]
    figure = blank(COLUMN, 5.2)
    ax = figure.subplots()
    draw_counts(ax, {name: splits[name]["class_counts"] for name in SPLITS})
    key(ax)
    return figure


def data_counts_caption(data: Results) -> str:
    splits = data.record("data_card.json")["splits"]
    train, test = (splits[name] for name in SPLITS)
    return (
        f"Images of each digit: {train['images']:,} for training and validation, the most frequent "
        f"{train['imbalance_ratio']:.1f} times as often as the rarest, and {test['images']:,} test "
        "images."
    )


def data_samples(data: Results) -> Figure:
    """Some training images of every digit, a line each."""
    samples = data.arrays("data_card.npz")["train_samples"]
    classes, columns = samples.shape[:2]
    figure = blank(COLUMN, 1.0 * classes + 0.2)
    ax = figure.subplots()
    images = samples.reshape(-1, *samples.shape[2:])
    ax.imshow(mosaic(images, columns, gap=(2, 2)), cmap="gray_r", vmin=0, vmax=255)
    bare(ax)
    return figure


def data_samples_caption(data: Results) -> str:
    samples = data.arrays("data_card.npz")["train_samples"]
    return f"{samples.shape[1]} training images of each digit, a line each."


def data_mean(data: Results) -> Figure:
    """The mean image of every digit."""
    means = data.arrays("data_card.npz")["train_mean"]
    figure = blank(FULL, 2.1)
    for digit, ax in enumerate(figure.subplots(1, len(means))):
        ax.imshow(means[digit], cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(str(digit), loc="center")
        bare(ax)
    return figure


def data_mean_caption(data: Results) -> str:
    train = data.record("data_card.json")["splits"]["train"]
    ink = np.array(train["ink_share"])
    return (
        f"Mean training image of each digit. Ink covers {100 * ink.min():.1f} % of the picture of "
        f"a {ink.argmin()} and {100 * ink.max():.1f} % of a {ink.argmax()}."
    )


FIGURES = {
    "data_counts": FigureSpec(
        "How many images of each digit", ("data_card.json",), data_counts, data_counts_caption
    ),
    "data_samples": FigureSpec(
        "Training images", ("data_card.npz",), data_samples, data_samples_caption
    ),
    "data_mean": FigureSpec(
        "The mean of each digit", ("data_card.npz", "data_card.json"), data_mean, data_mean_caption
    ),
}
