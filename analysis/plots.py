"""draw_*(ax, data) -> ax: the look of every figure; neither torch nor netlib is needed.

The caller makes, saves and closes the figure.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

STANDARD, MOBILENET = "#0072B2", "#D55E00"  # Okabe and Ito 2008: blue, vermillion
COLOURS = {"standard": STANDARD, "mobilenet": MOBILENET}
BLACK, GREEN, GREY = "#000000", "#009E73", "#666666"
WRONG = "#B0417C"  # Okabe and Ito's reddish purple, darkened to be read as text


def draw_history(
    ax: Axes, history: Sequence[Mapping[str, float]], quantity: str, colour: str = BLACK
) -> Axes:
    """Loss or accuracy over epochs, training dashed and validation solid.

    Args:
        ax: where to draw.
        history: one row an epoch, as `netlib.training.fit` returns it.
        quantity: "loss" or "accuracy".
        colour: of the network, see `COLOURS`.
    """
    epochs = [row["epoch"] for row in history]
    factor = 100 if quantity == "accuracy" else 1
    for split, style in (("train", "--"), ("validation", "-")):
        values = [factor * row[f"{split}_{quantity}"] for row in history]
        ax.plot(epochs, values, style, color=colour, label=split, marker="o", markersize=3)
    ax.set_xlabel("epoch")
    ax.set_ylabel("accuracy (%)" if quantity == "accuracy" else "loss")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False)
    _plain(ax)
    return ax


def draw_confusion_matrix(ax: Axes, confusion: ArrayLike) -> Axes:
    """Counts; shade is the share of the true class's images, and errors stand out.

    Args:
        ax: where to draw.
        confusion: (C, C), true class by row.
    """
    counts = np.asarray(confusion)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    # A root makes a handful of errors visible beside a thousand right answers.
    ax.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if share[row, column] > 0.4 else "black"
            ax.text(column, row, str(count), ha="center", va="center", fontsize=8, color=colour)
    ticks = range(len(counts))
    ax.set_xticks(ticks)
    ax.set_yticks(ticks)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def draw_class_scores(
    ax: Axes, series: Mapping[str, Sequence[float | None]], accuracy: float
) -> Axes:
    """Scores of each class as dots, with the overall accuracy as a line.

    Args:
        ax: where to draw.
        series: name -> one fraction a class, None where there are no images.
        accuracy: fraction.
    """
    step = 0.4 / len(series)
    for i, (name, values) in enumerate(series.items()):
        percent = [np.nan if value is None else 100 * value for value in values]
        places = np.arange(len(percent)) + step * (i - (len(series) - 1) / 2)
        ax.plot(places, percent, "os^D"[i % 4], color=(GREEN, BLACK, GREY)[i % 3], label=name)
    ax.axhline(100 * accuracy, color=GREY, linewidth=1, label=f"accuracy {100 * accuracy:.2f} %")
    ax.set_xticks(range(max(map(len, series.values()))))
    ax.set_xlabel("class")
    ax.set_ylabel("score (%)")
    ax.legend(frameon=False)
    _plain(ax)
    return ax


def draw_digit(ax: Axes, image: np.ndarray, label: int, prediction: int) -> Axes:
    """One digit with its true and predicted class; a wrong prediction is purple.

    Args:
        ax: where to draw.
        image: (C, H, W) uint8 or float, ink bright.
        label: true class.
        prediction: predicted class.
    """
    if image.shape[0] == 1:
        ax.imshow(image[0], cmap="gray_r", vmin=0, vmax=_white(image))
    else:
        ax.imshow(image.transpose(1, 2, 0) / _white(image), vmin=0, vmax=1)
    right = label == prediction
    text = f"{label}" if right else f"{label} read as {prediction}"
    ax.set_title(text, fontsize=9, color="black" if right else WRONG, pad=3)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_color("#cccccc")
    return ax


def page_of_digits(
    images: np.ndarray, labels: np.ndarray, predictions: np.ndarray, rows: Iterable[int]
) -> Figure:
    """A figure of digits (N, C, H, W) with their true and predicted classes, five a line."""
    chosen = [row for row in rows if row < len(images)]
    columns = max(1, min(5, len(chosen)))
    lines = max(1, -(-len(chosen) // columns))
    figure = Figure(figsize=(1.3 * columns + 0.4, 1.5 * lines + 0.2), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for ax in axes[len(chosen) :]:
        ax.axis("off")
    if not chosen:
        axes[0].text(0.5, 0.5, "none", ha="center", va="center", color=GREY)
    for ax, row in zip(axes, chosen, strict=False):
        draw_digit(ax, images[row], int(labels[row]), int(predictions[row]))
    return figure


def _white(image: np.ndarray) -> int:
    """The largest value that a pixel of this type can have."""
    return 255 if image.dtype == np.uint8 else 1


def _plain(ax: Axes) -> None:
    ax.grid(axis="y", color="#e5e5e5", linewidth=0.8)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
