"""Pictures of digits with what they were read as, and filters side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.look.style import COLOURS, GREY, WRONG, bare

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GREYS = ["black", "#e4e4e4"]  # white is the page


def draw_digit(
    ax: Axes, image: np.ndarray, label: int, prediction: int, fontsize: float = 9
) -> Axes:
    """One digit with its true and predicted class; a wrong prediction is purple.

    Args:
        ax: where to draw.
        image: (C, H, W) uint8 or float, ink bright.
        label: true class.
        prediction: predicted class.
        fontsize: of the classes, points.
    """
    if image.shape[0] == 1:
        ax.imshow(image[0], cmap="gray_r", vmin=0, vmax=_white(image))
    else:
        ax.imshow(image.transpose(1, 2, 0) / _white(image), vmin=0, vmax=1)
    right = label == prediction
    text = f"{label}" if right else f"{label} read as {prediction}"
    ax.set_title(text, fontsize=fontsize, color="black" if right else WRONG, pad=3)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_color("#cccccc")
    return ax


def page_of_digits(
    images: np.ndarray, labels: np.ndarray, predictions: np.ndarray, rows: Iterable[int]
) -> Figure:
    """A figure of digits (N, C, H, W) with their true and predicted classes, five a line."""
    from matplotlib.figure import Figure

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


def draw_readings(
    ax: Axes, arrays: Mapping[str, np.ndarray], network: str, rows: Sequence[int]
) -> Axes:
    """The digit of the first row, what `network` reads it as and how confidently; empty if none.

    Args:
        ax: where to draw.
        arrays: images (N, H, W), labels (N,), and of the network predictions and confidences.
        network: "standard" or "mobilenet".
        rows: of which the first is shown.
    """
    if not len(rows):
        ax.axis("off")
        return ax
    row = rows[0]
    label, prediction = int(arrays["labels"][row]), int(arrays[network][row])
    draw_digit(ax, arrays["images"][row][None], label, prediction, fontsize=8)
    ax.set_xlabel(f"{100 * arrays[f'{network}_confidence'][row]:.1f} %", labelpad=2)
    return ax


def draw_error_page(
    ax: Axes, arrays: Mapping[str, np.ndarray], rows: Sequence[int], columns: int
) -> Axes:
    """Digits with the true class and both networks' readings under each, wrong ones in colour.

    Args:
        ax: where to draw.
        arrays: images (N, H, W), labels (N,), and each network's predictions.
        rows: which to show, in this order.
        columns: in a line.
    """
    images = arrays["images"][list(rows)]
    ax.imshow(mosaic(images, columns, gap=(9, 5), fill=0), cmap="gray_r", vmin=0, vmax=255)
    high, wide = images.shape[1] + 9, images.shape[2] + 5
    for place, row in enumerate(rows):
        top, left = high * (place // columns), wide * (place % columns)
        label = int(arrays["labels"][row])
        ax.text(left + 4, top + high - 5, str(label), ha="center", va="center", fontsize=7)
        for network, shift in (("standard", 15), ("mobilenet", 24)):
            read = int(arrays[network][row])
            wrong = read != label
            ax.text(left + shift, top + high - 5, str(read), ha="center", va="center", fontsize=7,
                    color=COLOURS[network] if wrong else "#b5b5b5",
                    fontweight="bold" if wrong else "normal")  # fmt: skip
    bare(ax)
    return ax


def mosaic(
    images: np.ndarray, columns: int, gap: tuple[int, int] = (1, 1), fill: float = 0
) -> np.ndarray:
    """One picture of many: (N, H, W) -> lines of `columns`, `gap` pixels below and right."""
    n, high, wide = images.shape
    lines = -(-n // columns) if n else 1
    cells = np.full((lines * columns, high + gap[0], wide + gap[1]), fill, images.dtype)
    cells[:n, :high, :wide] = images
    grid = cells.reshape(lines, columns, *cells.shape[1:]).swapaxes(1, 2)
    return grid.reshape(lines * cells.shape[1], -1)


def draw_mosaic(ax: Axes, images: np.ndarray, columns: int, quantile: float = 1) -> Axes:
    """Filters or pictures side by side: negative is black, zero grey, positive light.

    Args:
        ax: where to draw.
        images: (N, H, W).
        columns: in a line.
        quantile: of the absolute values where the scale ends; 1 for the largest.
    """
    from matplotlib.colors import LinearSegmentedColormap

    limit = float(np.quantile(np.abs(images), quantile)) or 1.0
    picture = mosaic(images.astype(np.float64), columns, fill=np.nan)[:-1, :-1]
    shades = LinearSegmentedColormap.from_list("greys", GREYS)
    ax.imshow(picture, cmap=shades, vmin=-limit, vmax=limit)
    bare(ax)
    return ax


def _white(image: np.ndarray) -> int:
    """The largest value that a pixel of this type can have."""
    return 255 if image.dtype == np.uint8 else 1
