"""The figures of one network's answers, or of several side by side, each from `Answers` alone.

Each takes the answers and returns the figure and its caption, or raises a ValueError that says in
one sentence why there is nothing to draw.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis import look
from analysis.comparison.answers import Answers
from analysis.look.sorting import share_view
from analysis.look.style import COLUMN, FULL, blank, key
from netlib import data

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Drawn = tuple["Figure", str]
Draw = Callable[[Sequence[Answers]], Drawn]

SEED = 0
SHOWN_FILTERS = 64
BINS = 15  # of confidence
LARGEST_MAP = 2000  # images
LEAST_OF_A_MAP = 10  # t-SNE and UMAP want neighbours
COLUMNS, ERROR_LINES, RIGHT_LINES = 15, 15, 3  # of a page of images

DRAWN: dict[str, tuple[str, Draw]] = {}


def drawn(title: str) -> Callable[[Draw], Draw]:
    """Make a function a figure, called as it."""

    def keep(draw: Draw) -> Draw:
        DRAWN[draw.__name__] = title, draw
        return draw

    return keep


def panels(found: Sequence[Answers], height: float) -> "Iterator[tuple[Figure, Axes, Answers]]":
    """A panel for each network, under its name."""
    figure = blank(FULL if len(found) > 1 else COLUMN, height)
    for ax, one in zip(np.ravel(figure.subplots(1, len(found))), found, strict=True):
        yield figure, ax, one
        ax.set_title(one.name, color=one.colour)


@drawn("Confusion matrices")
def confusion(found: Sequence[Answers]) -> Drawn:
    names = names_of(found)
    size = max(3.0, 6.5 - 0.1 * len(names) - 0.8 * (len(found) - 1))
    for figure, ax, one in panels(found, 7.6):  # noqa: B007
        look.draw_confusion_matrix(ax, counts_of(one, found), size, names)
    return figure, (
        "Images of each true class (rows) by the class that they are read as (columns). The shade "
        "is the root of the share of the true class."
    )


@drawn("Difference of the confusion matrices")
def confusion_difference(found: Sequence[Answers]) -> Drawn:
    if len(found) < 2:
        raise ValueError("a difference needs two networks")
    counts, other = (counts_of(one, found) for one in found)
    if np.array_equal(counts, other):
        raise ValueError("both networks read equally many images of each class as each class")
    figure = blank(COLUMN, 7.6)
    names = names_of(found)
    ax = figure.subplots()
    look.draw_confusion_difference(ax, counts, other, max(3.0, 6.5 - 0.1 * len(names)), names)
    ax.set_title(" − ".join(one.name for one in found))
    return figure, (
        "How many more images of a true class the first than the second network reads as each "
        "class: blue where it is the first, vermillion where it is the second; on the diagonal "
        "more is better, beside it worse."
    )


@drawn("Recall and F1 of each class")
def class_scores(found: Sequence[Answers]) -> Drawn:
    figure = blank(FULL, 6.0)
    axes = figure.subplots(1, 2, sharey=True)
    shown = np.unique(found[0].labels)
    names = [found[0].class_names[label] for label in shown]
    for ax, score, name in zip(axes, ("recall", "f1"), ("recall (%)", "F1 (%)"), strict=True):
        values = [getattr(one.scores, f"per_class_{score}") for one in found]
        series = {one.name: [v[c] for c in shown] for one, v in zip(found, values, strict=True)}
        look.draw_class_scores(ax, series, None, names, [one.colour for one in found])
        ax.set_ylabel(name)
        ax.get_legend().remove()
        if max(map(len, names)) > 3:
            ax.tick_params(axis="x", rotation=45)
    key(axes[0], columns=len(found))
    return figure, "Recall and F1 of each class that has images in this set."


@drawn("ROC curves")
def roc(found: Sequence[Answers]) -> Drawn:
    return one_against_rest(found, look.draw_roc, "ROC curves of one class against the rest")


@drawn("ROC curves where they differ")
def roc_log(found: Sequence[Answers]) -> Drawn:
    what = "The same ROC curves with a logarithmic axis from 0.01 %"
    return one_against_rest(found, look.draw_roc, what, log=True)


@drawn("Precision–recall curves")
def precision_recall(found: Sequence[Answers]) -> Drawn:
    what = "Precision against recall of one class against the rest, around the corner"
    return one_against_rest(found, look.draw_precision_recall, what)


def one_against_rest(
    found: Sequence[Answers], draw: Callable[..., object], what: str, **options: bool
) -> Drawn:
    from netlib.measure.metrics import log_odds

    for figure, ax, one in panels(found, 7.6):  # noqa: B007
        draw(ax, one.labels, log_odds(one.logits), one.class_names, one.colour, **options)
    share_view(figure.axes)
    return figure, f"{what}: every class in grey, averages bold, with the areas below them."


@drawn("Are the probabilities right")
def calibration(found: Sequence[Answers]) -> Drawn:
    if len(found[0].labels) < BINS:
        raise ValueError(f"it needs {BINS} images, one for each bin")
    figure = blank(COLUMN, 6.8)
    ax = figure.subplots()
    for one in found:
        look.draw_calibration(ax, one.labels, one.probabilities(), bins=BINS, **one.style)
    key(ax, columns=len(found))
    heats = ", ".join(f"{one.name} {one.temperature:.2f}" for one in found)
    return figure, (
        f"Errors found against errors expected, in {BINS} equally filled bins; on the line "
        "probabilities are right, above it too sure; bins without an error lie on the lower edge. "
        f"Temperatures of the checkpoints: {heats}."
    )


@drawn("What refusing pays")
def risk_coverage(found: Sequence[Answers]) -> Drawn:
    if all(one.right.all() for one in found):
        raise ValueError("there is no error that refusing could spare")
    figure = blank(COLUMN, 6.8)
    ax = figure.subplots()
    for one in found:
        style = {**one.style, "marker": None}
        look.draw_risk_coverage(ax, one.labels, one.probabilities(), **style)
    key(ax, columns=len(found))
    return figure, "Errors that remain when the least confident answers are refused."


@drawn("Filters")
def filters(found: Sequence[Answers]) -> Drawn:
    if not all(one.filters for one in found):
        raise ValueError("filters are in a checkpoint, not in predictions: name --checkpoint")
    figure = blank(FULL if len(found) > 1 else COLUMN, 10.5)
    grid = figure.subplots(2, len(found), squeeze=False)
    for column, one in zip(grid.T, found, strict=True):
        for ax, kernels, what in zip(
            column, (one.filters[0], one.filters[-1]), ("first", "last"), strict=True
        ):
            flat = kernels.reshape(-1, *kernels.shape[-2:])
            norms = np.linalg.norm(flat, axis=(1, 2))
            chosen = np.sort(np.argsort(-norms, kind="stable")[:SHOWN_FILTERS])
            look.draw_filters(ax, flat[chosen], 8, 0.99)
            shown = "all" if len(chosen) == len(flat) else f"the {len(chosen)} largest of"
            ax.set_title(
                f"{one.name}, {what} block: {shown} {len(flat):,}", color=one.colour, fontsize=7
            )
    return figure, (
        "Learned 3×3 filters of the first and the last block, of many those of the largest norm. A "
        "scale ends at the 99 % quantile of its absolute weights."
    )


@drawn("The images in the plane by t-SNE")
def tsne(found: Sequence[Answers]) -> Drawn:
    return projection(found, "tsne", "t-SNE")


@drawn("The images in the plane by UMAP")
def umap(found: Sequence[Answers]) -> Drawn:
    return projection(found, "umap", "UMAP")


def projection(found: Sequence[Answers], method: str, name: str) -> Drawn:
    from analysis import project

    labels = found[0].labels
    chosen = data.some_stratified(labels, LARGEST_MAP, SEED)
    if len(chosen) < LEAST_OF_A_MAP:
        raise ValueError(
            f"{name} lays out neighbourhoods; it needs {LEAST_OF_A_MAP} images, here are "
            f"{len(chosen)}"
        )
    for figure, ax, one in panels(found, 8.2):  # noqa: B007
        plane = project.project(one.embeddings[chosen], method, SEED, "pca")
        look.draw_projection(ax, plane, labels[chosen], one.class_names, ~one.right[chosen], name)
    facts = project.settings(method, len(chosen), "pca")
    del facts["method"]
    told = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in facts.items())
    return figure, (
        f"{name} of the embeddings of {len(chosen):,} images ({told}, seed {SEED}); a ring is an "
        "error of that network. Distances between clusters mean little."
    )


@drawn("Images that all read right")
def right(found: Sequence[Answers]) -> Drawn:
    alike = np.flatnonzero(np.all([one.right for one in found], axis=0))
    if not len(alike):
        raise ValueError("there is no image that is read right")
    chosen = look.in_turn(found[0].labels, alike, COLUMNS * RIGHT_LINES, SEED)
    return page(found, chosen), (
        f"{share(len(chosen), len(alike))} read right, of every class in turn; {legend(found)}."
    )


@drawn("Images that one reads wrong")
def errors(found: Sequence[Answers]) -> Drawn:
    wrong = np.stack([one.labels != one.predictions for one in found])
    rows = np.flatnonzero(wrong.any(axis=0))
    if not len(rows):
        raise ValueError("there is no image that is read wrong")
    shown = look.in_turn(found[0].labels, rows, COLUMNS * ERROR_LINES, SEED)  # of every class
    sure = np.max([one.probabilities().max(1) for one in found], axis=0)[shown]
    chosen = shown[np.lexsort((-sure, wrong.T[shown].all(axis=1), found[0].labels[shown]))]
    return page(found, chosen), (
        f"{share(len(chosen), len(rows))} read wrong: {legend(found)}. By class, and in it "
        "the surest answers first, those that all read wrong at the end."
    )


def share(shown: int, count: int) -> str:
    """How many of the images that there are are shown, as a sentence begins."""
    if count == 1:
        return "The one image that is"
    return f"{'All' if shown == count else f'{shown} of the'} {count:,} images that are"


def legend(found: Sequence[Answers]) -> str:
    """What stands under an image."""
    colours = ("blue", "vermillion")
    names = " and ".join(f"{one.name} ({colours[one.place]})" for one in found)
    long = any(len(name) > look.LETTERS for name in found[0].class_names)
    cut = f" (the first {look.LETTERS} letters)" if long else ""
    return f"under each its class{cut}, then what {names} read, errors in colour"


def page(found: Sequence[Answers], rows: np.ndarray) -> "Figure":
    """Images with what all networks read."""
    lines = -(-len(rows) // COLUMNS)
    figure = blank(FULL, 0.3 + 1.24 * lines)
    images = found[0].pictures[rows]
    if len(rows) < COLUMNS:  # as large as in a full line
        images = np.concatenate([images, np.zeros((COLUMNS - len(rows), *images.shape[1:]), "u1")])
    ax = figure.subplots()
    labels = found[0].labels[rows]
    read = [one.predictions[rows] for one in found]
    colours = [one.colour for one in found]
    look.draw_answers(ax, images, labels, read, COLUMNS, colours, found[0].class_names)
    return figure


def occurring(found: Sequence[Answers]) -> np.ndarray:
    """The classes that an image has or is read as."""
    return np.unique([found[0].labels, *(one.predictions for one in found)])


def names_of(found: Sequence[Answers]) -> list[str]:
    return [found[0].class_names[c] for c in occurring(found)]


def counts_of(one: Answers, found: Sequence[Answers]) -> np.ndarray:
    """Its confusion matrix, of the classes that occur."""
    from sklearn.metrics import confusion_matrix

    return confusion_matrix(one.labels, one.predictions, labels=occurring(found))
