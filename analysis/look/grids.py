"""Tables of shades: confusions, block counts, differences, weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from analysis.look.style import COLOURS, show_weights, signed_shades, unframed

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_confusion_matrix(
    ax: Axes, confusion: ArrayLike, fontsize: float = 8, names: Sequence[str] | None = None
) -> Axes:
    """Counts (C, C), true class by row; shade is the share of the true class's images."""
    counts = np.asarray(confusion)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    # A root makes a handful of errors visible beside a thousand right answers.
    ax.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1)
    _write_counts(ax, counts, "{}", share > 0.4, fontsize, names)
    return ax


def draw_confusion_difference(
    ax: Axes,
    confusion: ArrayLike,
    other: ArrayLike,
    fontsize: float = 8,
    names: Sequence[str] | None = None,
    first: str = "blue",
) -> Axes:
    """How many more images of each true class one network than another reads as each class.

    Both are counts (C, C) of the same images, true class by row. What the first reads more often
    is `first`, "blue" or "vermillion", the rest the other colour.
    """
    change = np.asarray(confusion) - np.asarray(other)
    limit = np.abs(change).max() or 1
    # A root makes single images visible beside many.
    shown = np.sign(change) * np.sqrt(np.abs(change) / limit)
    shades = signed_shades() if first == "blue" else signed_shades().reversed()
    ax.imshow(shown, cmap=shades, vmin=-1, vmax=1)
    _write_counts(ax, change, "{:+d}", np.abs(shown) > 0.8, fontsize, names)
    return ax


def _write_counts(
    ax: Axes,
    counts: np.ndarray,
    form: str,
    dark: np.ndarray,
    fontsize: float,
    names: Sequence[str] | None,
) -> None:
    """What is not zero of (C, C), white where it is `dark`, and the classes, or their numbers."""
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if dark[row, column] else "black"
            text = form.format(count).replace("-", "−")
            ax.text(column, row, text, ha="center", va="center", fontsize=fontsize, color=colour)
    names = names or list(map(str, range(len(counts))))
    long = max(map(len, names)) > 2
    ax.set_xticks(range(len(names)), names, rotation=90 if long else 0)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="predicted class", ylabel="true class")
    unframed(ax)


def draw_block_grid(
    ax: Axes, values: Mapping[tuple[int, int], float], form: Callable[[float], str]
) -> Axes:
    """A value for each (convolution blocks, MobileNet blocks), shaded by its logarithm."""
    from matplotlib.patches import Rectangle

    side = 1 + max(max(counts) for counts in values)
    grid = np.full((side, side), np.nan)
    for (conv, dw), value in values.items():
        grid[dw, conv] = np.log(value)
    low, high = np.nanmin(grid), np.nanmax(grid)
    room = 0.9 * (high - low) or 1.0  # darkest shade that black text can be read on
    ax.imshow(grid, cmap="Greys", vmin=low - 0.1 * room, vmax=high + room, origin="lower",
              aspect=0.7)  # fmt: skip
    for (conv, dw), value in values.items():
        if np.isnan(value):
            continue
        ax.text(conv, dw, form(value), ha="center", va="center", fontsize=6.5)
        network = {(4, 0): "standard", (2, 2): "mobilenet"}.get((conv, dw))
        if network:
            corner = (conv - 0.47, dw - 0.47)
            frame = Rectangle(corner, 0.94, 0.94, fill=False, edgecolor=COLOURS[network])
            frame.set_linewidth(1.8)
            ax.add_patch(frame)
    ax.set(xticks=range(side), yticks=range(side))
    ax.set(xlabel="convolution blocks", ylabel="MobileNet blocks")
    unframed(ax)
    return ax


def _tenths(value: float, sign: str = "") -> str:
    """With one decimal place; a tie goes away from 0, as means of few runs often are one."""
    return f"{Decimal(f'{value:.6f}').quantize(Decimal('0.1'), ROUND_HALF_UP):{sign}}"


def draw_heat(ax: Axes, rows: Sequence[str], columns: Mapping[str, np.ndarray]) -> Axes:
    """Values as shades with their numbers, and the last column their difference, second − first.

    rows: names, from the top; columns: two, name -> one percentage a row.
    """
    first, second = columns.values()
    change = second - first
    shades = np.column_stack([first, second, np.full(len(rows), np.nan)])
    low, high = np.nanmin(shades), np.nanmax(shades)
    ax.imshow(shades, cmap="Greys_r", vmin=low - 1.2 * (high - low), vmax=high, aspect="auto")
    for (row, column), value in np.ndenumerate(shades[:, :2]):
        ax.text(column, row, _tenths(value), ha="center", va="center")
    widest = np.abs(change).max() or 1.0
    for row, value in enumerate(change):
        # A bar beside its number: longer and to the left is worse.
        ax.barh(row, 0.3 * value / widest, left=1.85, height=0.8, linewidth=0,
                color="#b9d3e6" if value < 0 else "#f3c7a8")  # fmt: skip
        ax.text(2.48, row, _tenths(value, "+").replace("-", "−"), ha="right", va="center")
    ax.set_xlim(-0.5, 2.5)
    ax.set_xticks(range(3), [*columns, "difference"])
    ax.xaxis.tick_top()
    ax.set_yticks(range(len(rows)), rows)
    unframed(ax)
    return ax


def draw_matrix(ax: Axes, weights: ArrayLike) -> Axes:
    """A matrix of weights (outputs, inputs), with its scale."""
    weights = np.asarray(weights, float)
    limit = np.quantile(np.abs(weights), 0.995) or 1.0  # a few large weights would pale the rest
    show_weights(ax, weights, limit, aspect="auto")
    return ax
