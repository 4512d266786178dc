"""How well scores sort one class from the rest: ROC and precision–recall curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.look.style import BLACK, GREY, LIGHT, labelled, plain, plain_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_POINTS = 200  # of a curve
LEAST = 1e-4  # false positive rate where the logarithmic axis begins
AVERAGES = ("micro", "macro")
Measure = Callable[[np.ndarray, np.ndarray], np.ndarray]


def draw_roc(
    ax: Axes,
    labels: ArrayLike,
    scores: ArrayLike,
    names: Sequence[str] | None = None,
    colour: str = BLACK,
    log: bool = False,
) -> Axes:
    """ROC curves of each class against the rest, their micro and macro average, and areas.

    Args:
        ax: where to draw.
        labels: (N,), the true classes.
        scores: (N, C), higher where a class is likelier: probabilities, or log-odds.
        names: of the classes; default: their numbers.
        colour: of the micro average.
        log: logarithmic false positive rate, from `LEAST`.

    Raises:
        ValueError: all images are of one class.
    """
    curves, areas = roc_curves(labels, scores, names), roc_areas(labels, scores, names)
    return draw_roc_curves(ax, curves, areas, colour, log)


def draw_roc_curves(
    ax: Axes, curves: pd.DataFrame, areas: pd.DataFrame, colour: str = BLACK, log: bool = False
) -> Axes:
    """As `draw_roc`, from curves (class, fpr, tpr) and areas (class, auc) that are known."""
    area = areas.set_index("class")["auc"]
    shown = curves.assign(fpr=curves["fpr"].clip(lower=LEAST / 2)) if log else curves
    _draw_classes(ax, shown.rename(columns={"fpr": "x", "tpr": "y"}), area, colour)
    ax.set(xlabel="false positive rate (%)", ylabel="true positive rate (%)")
    if log:
        ax.set_xscale("log")
        ax.set_xlim(100 * LEAST, 100)
        lost = max(1 - curves[curves["fpr"] >= LEAST]["tpr"].min(), 1e-3)
        ax.set_ylim(100 - 108 * lost, 100 + 5 * lost)
        plain_numbers(ax.xaxis)
        ax.yaxis.set_major_formatter("{x:g}")
    else:
        ax.plot([0, 100], [0, 100], color=LIGHT, linewidth=0.8, zorder=0)
        ax.set_aspect("equal")
    ax.legend(loc="lower right", frameon=False, handlelength=2.2)
    plain(ax, "both" if log else "")
    return ax


def draw_precision_recall(
    ax: Axes,
    labels: ArrayLike,
    scores: ArrayLike,
    names: Sequence[str] | None = None,
    colour: str = BLACK,
) -> Axes:
    """Precision against recall of each class, and of all decisions (micro), around their corner.

    Arguments and errors are those of `draw_roc`.
    """
    curves = precision_recall_curves(labels, scores, names)
    area = precision_recall_areas(labels, scores, names).set_index("class")["ap"]
    _draw_classes(ax, curves, area, colour)
    corner = curves[["x", "y"]].min(axis=1).groupby(curves["class"]).max().min()
    low = 100 * max(0.0, 1 - 6 * max(1 - corner, 1e-3))
    edge = (100 - low) / 40
    ax.set(xlim=(low, 100 + edge), ylim=(low, 100 + edge), aspect="equal")
    ax.set(xlabel="recall (%)", ylabel="precision (%)")
    ax.legend(loc="lower left", frameon=False, handlelength=2.2)
    plain(ax, "both")
    return ax


def share_view(axes: Sequence[Axes]) -> None:
    """The same part of the plane for all of them: the smallest that holds what each shows."""
    x, y = ([getattr(ax, f"get_{axis}lim")() for ax in axes] for axis in "xy")
    for ax in axes:
        ax.set(xlim=(np.min(x), np.max(x)), ylim=(np.min(y), np.max(y)))


def _draw_classes(ax: Axes, curves: pd.DataFrame, area: pd.Series, colour: str) -> None:
    """Curves (class, x, y): classes thin and grey, the lowest dotted, averages bold, with areas."""
    classes = [name for name in area.index if name not in AVERAGES]
    worst = min(classes, key=lambda name: area[name])
    looks: dict[str, dict[str, Any]] = {
        **{name: dict(color="#b0b0b0", linewidth=0.7) for name in classes},
        worst: dict(color=GREY, linewidth=1, linestyle=":"),
        "micro": dict(color=colour, linewidth=1.6),
        "macro": dict(color=BLACK, linewidth=1.2, linestyle="--"),
    }
    names = {worst: f"{worst} (lowest)", "micro": "micro", "macro": "macro"}
    for name, style in looks.items():
        rows = curves[curves["class"] == name]
        label = f"{names[name]}, area {area[name]:.5f}" if name in names else f"_{name}"
        if len(rows):
            ax.plot(100 * rows["x"], 100 * rows["y"], label=label, **style)


# --- Curves and areas ----------------------------------------------------------------------------


def roc_curves(
    labels: ArrayLike, scores: ArrayLike, names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Columns class, fpr, tpr: each class against the rest, all decisions, the classes' mean."""
    curves = _each(labels, scores, names, staircase)
    classes = [curve for name, curve in curves.items() if name != "micro"]
    return _table({**curves, "macro": mean_curve(classes)}, "fpr", "tpr")


def roc_areas(
    labels: ArrayLike, scores: ArrayLike, names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Columns class, auc: area of each class, of all decisions (micro), the classes' mean."""
    from sklearn.metrics import roc_auc_score

    return _with_mean(_each(labels, scores, names, roc_auc_score), "auc")


def precision_recall_curves(
    labels: ArrayLike, scores: ArrayLike, names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Columns class, x (recall), y (precision): each class against the rest, all decisions."""
    from sklearn.metrics import precision_recall_curve

    def curve(truth: np.ndarray, values: np.ndarray) -> np.ndarray:
        precision, recall, _ = precision_recall_curve(truth, values, drop_intermediate=True)
        return np.stack([recall, precision], axis=1)

    return _table(_each(labels, scores, names, curve), "x", "y")


def precision_recall_areas(
    labels: ArrayLike, scores: ArrayLike, names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Columns class, ap: average precision of each class, of all decisions, the classes' mean."""
    from sklearn.metrics import average_precision_score

    return _with_mean(_each(labels, scores, names, average_precision_score), "ap")


def _each(
    labels: ArrayLike, scores: ArrayLike, names: Sequence[str] | None, measure: Measure
) -> dict[str, np.ndarray]:
    """`measure(truth, values)` of each class that has images against the rest, and of all."""
    y, values = labelled(labels, scores, "scores")
    truth = y[:, None] == np.arange(values.shape[1])
    found = np.unique(y)
    if len(found) < 2:
        raise ValueError("curves of one class against the rest need images of two classes.")
    of_class = {
        str(names[c]) if names is not None else str(c): measure(truth[:, c], values[:, c])
        for c in found
    }
    return {**of_class, "micro": measure(truth.ravel(), values.ravel())}


def _with_mean(areas: dict[str, np.ndarray], column: str) -> pd.DataFrame:
    macro = np.mean([area for name, area in areas.items() if name != "micro"])
    return pd.DataFrame({"class": [*areas, "macro"], column: [*areas.values(), macro]})


def _table(curves: dict[str, np.ndarray], x: str, y: str) -> pd.DataFrame:
    parts = [
        pd.DataFrame(thin(curve), columns=[x, y]).assign(**{"class": name})
        for name, curve in curves.items()
    ]
    return pd.concat(parts, ignore_index=True)[["class", x, y]]


def staircase(truth: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(P, 2) false and true positive rates from (0, 0) to (1, 1), without inner points of lines."""
    from sklearn.metrics import roc_curve

    return np.stack(roc_curve(truth, values)[:2], axis=1)


def mean_curve(curves: Sequence[np.ndarray]) -> np.ndarray:
    """The mean true positive rate of several curves at equal false positive rates.

    It rises where one of the curves does, so each such rate has two points: before and after.
    """
    rates = np.unique(np.concatenate([curve[:, 0] for curve in curves]))
    before = np.mean([at(curve, rates, "left") for curve in curves], axis=0)
    after = np.mean([at(curve, rates, "right") for curve in curves], axis=0)
    points = np.stack([np.repeat(rates, 2), np.stack([before, after], axis=1).ravel()], axis=1)
    return points[np.any(np.diff(points, axis=0, prepend=-1), axis=1)]


def at(curve: np.ndarray, rates: np.ndarray, side: Literal["left", "right"]) -> np.ndarray:
    """True positive rate of a curve just before ("left") or at ("right") a false positive rate."""
    place = np.searchsorted(curve[:, 0], rates, side=side) - 1
    return np.where(place < 0, 0.0, curve[place, 1])


def thin(curve: np.ndarray) -> np.ndarray:
    """At most `MAX_POINTS` of a curve's points, its ends among them, evenly along its way.

    The way is measured on the axes of the figures: false positives by powers of ten, so that the
    ascent on the left keeps its corners.
    """
    if len(curve) <= MAX_POINTS:
        return curve
    powers = np.log10(np.maximum(curve[:, 0], 1e-5))
    steps = np.abs(np.diff(powers)) / 5 + np.abs(np.diff(curve[:, 1]))
    way = np.concatenate([[0], steps.cumsum()])
    wanted = np.linspace(0, way[-1], MAX_POINTS)
    return curve[np.unique([0, *np.searchsorted(way, wanted[1:-1]), len(curve) - 1])]
