"""The two networks on the test set: what they get right and wrong, and how they learned it."""

from functools import partial

import numpy as np
from matplotlib.figure import Figure

from analysis.plots.catalogue.spec import FigureSpec
from analysis.plots.chances import draw_roc
from analysis.plots.classes import draw_class_dots, draw_confusion_matrix
from analysis.plots.digits import draw_error_page, draw_readings
from analysis.plots.history import draw_curves
from analysis.plots.results import Results, count_text, name_of, seeds_text
from analysis.plots.style import COLOURS, COLUMN, FULL, NETWORKS, blank
from analysis.plots.sweeps import key

PAGE = 15, 17  # errors in a line, lines of a page


def confusion(data: Results, network: str) -> Figure:
    """Counts of true and predicted classes, all seeds together."""
    table = data.table("confusion.csv")
    rows = table[table["network"] == network].astype({"true": int, "predicted": int})
    counts = rows.pivot(index="true", columns="predicted", values="count")
    figure = blank(COLUMN, 7.4)
    draw_confusion_matrix(figure.subplots(), counts.to_numpy(), fontsize=6.5)
    return figure


def confusion_caption(data: Results, network: str) -> str:
    table = data.table("confusion.csv")
    rows = table[table["network"] == network]
    wrong = rows[rows["true"].astype(str) != rows["predicted"].astype(str)]["count"].sum()
    return (
        f"Confusion matrix of the {name_of(network)} network on the test set, summed over "
        f"{count_text(rows['seeds'], 'seed')}: {wrong:,} of {rows['count'].sum():,} predictions "
        "are wrong. The shade is the root of the share of the true class."
    )


def class_scores(data: Results) -> Figure:
    """Recall and F1 of each class, the classes with the most training images first."""
    table = data.table("class_scores.csv")
    figure = blank(FULL, 6.2)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, score, name in ((axes[0], "recall", "recall (%)"), (axes[1], "f1", "F1 (%)")):
        draw_class_dots(ax, table.assign(value=100 * table[score]))
        ax.set_ylabel(name)
        ax.set_xlabel("digit, and its training images")
    key(axes[0])
    return figure


def class_scores_caption(data: Results) -> str:
    table = data.table("class_scores.csv")
    return (
        "Recall and F1 on the test set, class by class; under each digit the number of its "
        f"training images. Markers: means of {seeds_text(table, ['network', 'class'])}; bars: "
        "from the lowest seed to the highest."
    )


def right_and_wrong(data: Results) -> Figure:
    """Four right and four wrong digits of each network, a line a network."""
    arrays = data.arrays("examples.npz")
    figure = blank(FULL, 6.6)
    lines = figure.subfigures(2, 1)
    for line, network in zip(lines, NETWORKS, strict=True):
        axes = line.subplots(1, 8)
        line.supylabel(name_of(network), fontsize=8, color=COLOURS[network])
        for place, ax in enumerate(axes):
            which = f"{network} {'right' if place < 4 else 'wrong'}"
            rows = np.flatnonzero(arrays["which"] == which)
            draw_readings(ax, arrays, network, rows[place % 4 : place % 4 + 1])
    return figure


def right_and_wrong_caption(data: Results) -> str:
    del data
    return (
        "Four test images that each network reads right and four that it reads wrong, chosen by a "
        "seeded rule, with the confidence of the prediction. Networks of the first seed."
    )


def errors(data: Results) -> Figure:
    """Every error of either network, by class and confidence, as many as fit a page."""
    arrays = data.arrays("errors.npz")
    columns, lines = PAGE
    shown = order_of_errors(arrays)[: columns * lines]
    height = 0.5 + 1.22 * max(1, -(-len(shown) // columns))
    figure = blank(FULL, height)
    draw_error_page(figure.subplots(), arrays, shown, columns)
    return figure


def order_of_errors(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """By true class, and within it those that both networks get wrong first."""
    wrong = [arrays[network] != arrays["labels"] for network in NETWORKS]
    both = wrong[0] & wrong[1]
    sure = np.maximum(*(arrays[f"{network}_confidence"] for network in NETWORKS))
    return np.lexsort((-sure, ~both, arrays["labels"]))


def errors_caption(data: Results) -> str:
    arrays = data.arrays("errors.npz")
    wrong = {network: arrays[network] != arrays["labels"] for network in NETWORKS}
    both = int((wrong["standard"] & wrong["mobilenet"]).sum())
    n, most = len(arrays["labels"]), PAGE[0] * PAGE[1]
    shown = "All" if n <= most else f"The first {most} of the"
    return (
        f"{shown} {n} test images that a network of the first seed reads wrong: standard "
        f"{int(wrong['standard'].sum())}, MobileNet {int(wrong['mobilenet'].sum())}, both {both}. "
        "Under each: the true class, then what standard (blue) and MobileNet (vermillion) read; a "
        "grey digit is a right answer. In the order of the classes, errors of both first."
    )


def curves(data: Results, quantity: str) -> Figure:
    """Training and validation over epochs, a panel each."""
    table = data.table("histories.csv")
    figure = blank(FULL, 6.0)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, split in zip(axes, ("train", "validation"), strict=True):
        draw_curves(ax, table, split, quantity)
        ax.set_title("training images" if split == "train" else "validation images")
    axes[1].set_ylabel("")
    return figure


def curves_caption(data: Results, quantity: str) -> str:
    table = data.table("histories.csv")
    what = "Accuracy" if quantity == "accuracy" else "Loss"
    scale = ", on an axis that is logarithmic in the error" if quantity == "accuracy" else ""
    return (
        f"{what} over the epochs{scale}; lines are means of {seeds_text(table, ['network'])}, "
        "bands reach from the lowest seed to the highest. Training images are augmented and "
        "scored while the weights still change, so they can do worse than validation images."
    )


def roc(data: Results, log: bool) -> Figure:
    """One class against the rest: every class, their micro and macro average."""
    curves, areas = data.table("roc.csv"), data.table("auc.csv")
    figure = blank(FULL, 6.6 if log else 8.2)
    for ax, network in zip(figure.subplots(1, 2, sharey=True), NETWORKS, strict=True):
        rows = curves[curves["network"] == network]
        found = areas[areas["network"] == network]
        draw_roc(ax, rows, found[found["seed"] == found["seed"].min()], network, log)
        ax.set_title(name_of(network), color=COLOURS[network])
        ax.set_xlabel("false positive rate (%)")
    figure.axes[0].set_ylabel("true positive rate (%)")
    return figure


def roc_caption(data: Results, log: bool) -> str:
    areas = data.table("auc.csv")
    seed = areas["seed"].min()
    view = "with a logarithmic axis from 0.01 %" if log else "from probabilities"
    mean = areas[areas["class"] == "macro"].groupby("network")["auc"].mean()
    text = ", ".join(f"{name_of(n)} {mean[n]:.5f}" for n in NETWORKS if n in mean)
    return (
        f"ROC curves of one class against the rest, {view}: the ten digits in grey, their micro "
        f"and macro averages in colour and black; runs of seed {seed}. Area under the macro curve, "
        f"mean of {count_text(areas.groupby('network')['seed'].nunique(), 'seed')}: {text}."
    )


def _per_network(name: str, title: str) -> dict[str, FigureSpec]:
    return {
        f"{name}_{network}": FigureSpec(
            f"{title}: {name_of(network)}",
            ("confusion.csv",),
            partial(confusion, network=network),
            partial(confusion_caption, network=network),
        )
        for network in NETWORKS
    }


FIGURES = {
    **_per_network("confusion", "What is read as what"),
    "class_scores": FigureSpec(
        "Recall and F1 of every digit", ("class_scores.csv",), class_scores, class_scores_caption
    ),
    "right_and_wrong": FigureSpec(
        "Four right and four wrong", ("examples.npz",), right_and_wrong, right_and_wrong_caption
    ),
    "errors": FigureSpec("The page of errors", ("errors.npz",), errors, errors_caption),
    "roc": FigureSpec(
        "ROC curves",
        ("roc.csv", "auc.csv"),
        partial(roc, log=False),
        partial(roc_caption, log=False),
    ),
    "roc_log": FigureSpec(
        "ROC curves where they differ",
        ("roc.csv", "auc.csv"),
        partial(roc, log=True),
        partial(roc_caption, log=True),
    ),
    **{
        f"curves_{quantity}": FigureSpec(
            f"{quantity.capitalize()} while learning",
            ("histories.csv",),
            partial(curves, quantity=quantity),
            partial(curves_caption, quantity=quantity),
        )
        for quantity in ("accuracy", "loss")
    },
}
