"""Pictures of digits with what they were read as, and filters side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from PIL import Image

from analysis.look.style import GREY, WRONG, bare, show_weights, signed_shades

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LETTERS = 3  # of a class's name, under a small picture


def draw_digit(
    ax: Axes,
    image: np.ndarray,
    label: object,
    prediction: object,
    fontsize: float = 9,
    confidence: float | None = None,
) -> Axes:
    """One digit with its true and predicted class, or their names; a wrong prediction is purple.

    image: (C, H, W) uint8 or float, ink bright; confidence: a fraction, written below.
    """
    if image.shape[0] == 1:
        ax.imshow(image[0], cmap="gray_r", vmin=0, vmax=_white(image))
    else:
        ax.imshow(image.transpose(1, 2, 0) / _white(image), vmin=0, vmax=1)
    right = label == prediction
    text = f"{label}" if right else f"{label} read as {prediction}"
    ax.set_title(text, fontsize=fontsize, color="black" if right else WRONG, pad=3)
    if confidence is not None:
        ax.set_xlabel(f"{100 * confidence:.1f} %", fontsize=fontsize - 1, labelpad=2)
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_color("#cccccc")
    return ax


def in_turn(labels: ArrayLike, rows: ArrayLike, most: int, seed: int = 0) -> np.ndarray:
    """At most so many of the rows, drawn at random, each class once before any comes again."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(np.asarray(rows, int))
    classes = pd.Series(np.asarray(labels)[chosen])
    turn = classes.groupby(classes).cumcount()
    return chosen[np.lexsort((classes, turn))][:most]


def page_of_digits(
    images: np.ndarray,
    labels: np.ndarray,
    predictions: np.ndarray,
    rows: Iterable[int],
    confidences: np.ndarray | None = None,
    names: Sequence[str] | None = None,
) -> Figure:
    """A figure of digits with their true and predicted classes, five a line.

    images: (N, C, H, W); labels, predictions, confidences: (N,); rows: what is shown, in order.
    """
    from matplotlib.figure import Figure

    chosen = [row for row in rows if row < len(images)]
    columns = max(1, min(5, len(chosen)))
    lines = max(1, -(-len(chosen) // columns))
    figure = Figure(figsize=(1.3 * columns + 0.4, 1.6 * lines + 0.2), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for ax in axes[len(chosen) :]:
        ax.axis("off")
    if not chosen:
        axes[0].text(0.5, 0.5, "none", ha="center", va="center", color=GREY)
    for ax, row in zip(axes, chosen, strict=False):
        said = int(labels[row]), int(predictions[row])
        label, prediction = said if names is None else (names[said[0]], names[said[1]])
        confidence = None if confidences is None else confidences[row]
        draw_digit(ax, images[row], label, prediction, confidence=confidence)
    return figure


def draw_reading(ax: Axes, arrays: Mapping[str, np.ndarray], network: str, row: int | None) -> Axes:
    """The digit of the row, what `network` reads it as and how confidently; empty for None.

    arrays: images (N, H, W), labels (N,), and of the network predictions and confidences (N,).
    """
    if row is None:
        ax.axis("off")
        return ax
    label, prediction = int(arrays["labels"][row]), int(arrays[network][row])
    confidence = arrays[f"{network}_confidence"][row]
    draw_digit(ax, arrays["images"][row][None], label, prediction, 8, confidence)
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


def draw_filters(ax: Axes, filters: ArrayLike, columns: int = 16, quantile: float = 1) -> Axes:
    """Signed weights (N, H, W) side by side, `columns` a line, with a scale.

    It ends at this quantile of the absolute weights; 1 for the largest.
    """
    weights = np.asarray(filters, float)
    picture = np.pad(
        mosaic(weights, columns, fill=np.nan), ((1, 0), (1, 0)), constant_values=np.nan
    )
    show_weights(ax, picture, float(np.quantile(np.abs(weights), quantile)) or 1.0)
    bare(ax)
    return ax


def draw_answers(
    ax: Axes,
    images: np.ndarray,
    labels: ArrayLike,
    predictions: Sequence[ArrayLike],
    columns: int,
    colours: Sequence[str],
    names: Sequence[str] | None = None,
    marked: ArrayLike = (),
) -> Axes:
    """Images, and under each its true class and what one network or several read; errors in colour.

    images: (N, H, W), ink bright, `columns` a line; labels: (N,); predictions: (N,) of each
    network; names: of the classes, cut after `LETTERS`; marked: places of framed images.
    """
    from matplotlib.patches import Rectangle

    labels, read = np.asarray(labels), [np.asarray(of_one) for of_one in predictions]
    size = 7 if names is None or max(map(len, names)) < 2 else 5  # or words run into each other
    high, wide = images.shape[1] * 9 // 7, images.shape[2] * 33 // 28
    gap = high - images.shape[1], wide - images.shape[2]
    ax.imshow(mosaic(images, columns, gap=gap, fill=0), cmap="gray_r", vmin=0, vmax=_white(images))
    for place, label in enumerate(labels):
        y = high * (place // columns) + images.shape[1] + 0.45 * gap[0]
        answers = [label, *(of_one[place] for of_one in read)]
        for step, answer in enumerate(answers):
            x = wide * (place % columns + (step + 0.6) / (len(answers) + 0.2))
            wrong = answer != label
            colour = colours[step - 1] if wrong else "black" if step == 0 else "#b5b5b5"
            text = str(answer) if names is None else names[answer][:LETTERS]
            ax.text(x, y, text, ha="center", va="center", fontsize=size, color=colour,
                    fontweight="bold" if wrong else "normal")  # fmt: skip
    for place in np.asarray(marked, int):
        corner = wide * (place % columns) - 1, high * (place // columns) - 1
        ax.add_patch(Rectangle(corner, wide - 2, high + 0.5, fill=False, edgecolor=WRONG))
    bare(ax)
    return ax


def draw_map(
    ax: Axes, image: ArrayLike, signed: bool = False, heat: ArrayLike | None = None
) -> Axes:
    """One map (H, W): dark on white, signed weights in two colours, or its outline over heat."""
    image = np.asarray(image, float)
    if heat is not None:
        extent = (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)
        ax.imshow(np.asarray(heat), cmap="Purples", extent=extent, interpolation="bilinear")
        ax.contour(image, levels=[image.max() / 2], colors="black", linewidths=0.7)
    elif signed:
        limit = np.abs(image).max() or 1.0
        ax.imshow(image, cmap=signed_shades(), vmin=-limit, vmax=limit)
    else:
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=image.max() or 1.0)
    ax.set(xticks=[], yticks=[])
    return ax


def _white(image: np.ndarray) -> int:
    """The largest value that a pixel of this type can have."""
    return 255 if image.dtype == np.uint8 else 1


def draw_steps(
    ax: Axes,
    sent: Image.Image,
    ink: np.ndarray,
    digits: np.ndarray,
    answers: Sequence[str],
    kind: str,
    text: str,
) -> Axes:
    """A picture, its ink, what the networks see, and their answers; wrong ones are purple.

    sent: mode "RGB"; ink: (H, W) in [0, 1]; digits: (n, 28, 28) in [0, 1]; answers: of each
    network; text: what is written on the picture, a sign's answer is "?".
    """
    side = 112  # of each of the three squares, px
    columns = max(1, math.ceil(math.sqrt(len(digits))))
    seen = mosaic(digits, columns) if len(digits) else np.zeros((28, 28))
    greys = (np.rint(255 * (1 - np.clip(part, 0, 1))).astype(np.uint8) for part in (ink, seen))
    parts = [sent, *(Image.fromarray(grey).convert("RGB") for grey in greys)]
    sheet = Image.new("RGB", (3 * side + 8, side), "white")
    for place, part in enumerate(parts):
        scale = side / max(part.size)
        size = max(1, round(part.width * scale)), max(1, round(part.height * scale))
        small = part.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST)
        sheet.paste(small, (place * (side + 4), (side - size[1]) // 2))
    ax.imshow(np.asarray(sheet))
    expected = "".join(c if c.isdigit() else "?" for c in text)
    right = all(answer == expected for answer in answers) and bool(answers)
    told = " / ".join(answer or "blank" for answer in answers) or "blank"
    title = f"{kind}, {text}: {told}"
    ax.set_title(title, fontsize=6.5, color="black" if right else WRONG, pad=2)
    bare(ax)
    return ax
