"""What a run looks like, one function as the assignment has it: `visualize(net, history, x, y)`.

Plots are kept out of netlib, so it lies here: `from analysis.visualize import visualize`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis import look
from netlib import measure, nets, training
from netlib.training.arguments import as_images, as_labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike
    from torch import Tensor

    from netlib.training.loop import History


def visualize(
    net: nets.Network,
    history: "History",
    test_set_x: "ArrayLike | Tensor",
    test_set_y: "ArrayLike | Tensor",
    output: str | Path = "runs/figures",
) -> list[Path]:
    """Draw how `net` was trained, and what it gets right and wrong.

    Args:
        net: the network.
        history: of its training, `net.history`; empty draws no curves.
        test_set_x: images, as `netlib.test` takes them.
        test_set_y: their labels.
        output: folder for the figures.

    Returns:
        The PNG files: samples, confusion_matrix, scores, right, wrong, loss and accuracy.

    Raises:
        ValueError: images and labels do not fit the network.
    """
    images = as_images(test_set_x, net.input_dim, "auto", "test_set")
    labels = as_labels(test_set_y, net.num_classes)
    batches = zip(images.split(1000), labels.split(1000), strict=True)
    logits = training.infer(net, batches).logits.numpy()
    figures = _figures(net, images.numpy(), labels.numpy(), logits)
    colour = look.COLOURS.get(nets.architecture_name(net), look.BLACK)
    for what in ("loss", "accuracy") if history else ():
        figures[what] = _one_axes(look.draw_history, history, what, colour)
    return [_saved(figure, Path(output) / f"{name}.png") for name, figure in figures.items()]


def _figures(
    net: nets.Network, images: np.ndarray, labels: np.ndarray, logits: np.ndarray
) -> "dict[str, Figure]":
    found, predictions = measure.scores(labels, logits), logits.argmax(1)
    right, wrong = np.flatnonzero(predictions == labels), np.flatnonzero(predictions != labels)
    classes = {"recall": found.per_class_recall, "F1": found.per_class_f1}

    def page(rows: Sequence[int]) -> "Figure":
        return look.page_of_digits(images, labels, predictions, rows)

    return {
        "samples": page(range(min(20, len(labels)))),
        "confusion_matrix": _one_axes(look.draw_confusion_matrix, found.confusion),
        "scores": _one_axes(look.draw_class_scores, classes, found.accuracy),
        "right": page(right[:4]),
        "wrong": page(wrong[:4]),
    }


def _one_axes(draw_function: Any, *arguments: Any) -> "Figure":
    """A figure with one Axes, drawn by `draw_function(ax, ...)`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4.5), layout="constrained")
    draw_function(figure.subplots(), *arguments)
    return figure


def _saved(figure: "Figure", path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    return path
