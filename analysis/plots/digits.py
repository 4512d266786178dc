"""Pictures of digits with what they were read as."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.plots.style import GREY, WRONG


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
