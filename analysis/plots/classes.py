"""Right and wrong, class by class."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from analysis.plots.style import BLACK, GREEN, GREY, plain


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
    plain(ax)
    return ax
