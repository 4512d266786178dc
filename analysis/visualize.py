"""What a run looks like, one function as the assignment has it: `visualize(net, history, x, y)`.

Plots are kept out of netlib, so it lies here: `from analysis.visualize import visualize`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis import look
from analysis.look.style import as_typed
from netlib import measure, nets, training
from netlib.data.arrays import as_labels
from netlib.training.arguments import as_images
from netlib.training.config import AugmentConfig

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
    for what in ("loss", "accuracy") if history else ():
        figures[what] = _curve(net, history, what)
    return [_saved(figure, Path(output) / f"{name}.png") for name, figure in figures.items()]


def _figures(
    net: nets.Network, images: np.ndarray, labels: np.ndarray, logits: np.ndarray
) -> "dict[str, Figure]":
    from scipy.special import softmax

    found, predictions = measure.scores(labels, logits), logits.argmax(1)
    confidences = softmax(logits.astype(float), axis=1).max(1)
    classes = {"recall": found.per_class_recall, "F1": found.per_class_f1}
    names = [str(name) for name in net.metadata.get("class_names") or range(net.num_classes)]

    def page(rows: np.ndarray, most: int) -> "Figure":
        chosen = look.in_turn(labels, rows, most)
        return look.page_of_digits(images, labels, predictions, chosen, confidences, names)

    return {
        "samples": page(np.arange(len(labels)), max(20, 2 * net.num_classes)),
        "confusion_matrix": _one_axes(look.draw_confusion_matrix, found.confusion, names=names),
        "scores": _one_axes(look.draw_class_scores, classes, found.accuracy, names=names),
        "right": page(np.flatnonzero(predictions == labels), 4),
        "wrong": page(np.flatnonzero(predictions != labels), 4),
    }


def _curve(net: nets.Network, history: "History", quantity: str) -> "Figure":
    """Loss or accuracy, under a title that says how training images were scored."""
    colour = look.COLOURS.get(net.layers.name, look.BLACK)
    figure = _one_axes(look.draw_history, history, quantity, colour)
    augment = net.metadata.get("config", {}).get("augment", {})
    plain = not augment or AugmentConfig(**augment) == AugmentConfig()
    images = "training images" if plain else "augmented training images"
    figure.axes[0].set_title(f"{images}, scored while the weights change", fontsize=9)
    return figure


def _one_axes(draw_function: Any, *arguments: Any, **options: Any) -> "Figure":
    """A figure with one Axes, drawn by `draw_function(ax, ...)`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4.5), layout="constrained")
    draw_function(figure.subplots(), *arguments, **options)
    return figure


def _saved(figure: "Figure", path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    as_typed(figure).savefig(path, dpi=150)
    return path
