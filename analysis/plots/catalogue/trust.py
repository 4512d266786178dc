"""What the probabilities are worth, and what other images do to the networks."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.catalogue.spec import FigureSpec
from analysis.plots.chances import draw_before_after, draw_reliability, draw_risk
from analysis.plots.results import Results, count_text, name_of, networks_of, seeds_text
from analysis.plots.robustness import draw_heat, draw_shift
from analysis.plots.style import COLUMN, FULL, NETWORKS, blank
from analysis.plots.sweeps import errors, key, key_above

SCORES = {"nll": "negative log-likelihood", "brier": "Brier score", "ece": "calibration error"}
SHIFTS = {
    "rotate": "rotation (degrees)",
    "shift": "shift (pixels)",
    "scale": "scale factor",
    "shear": "shear factor",
}


def calibration(data: Results) -> Figure:
    """Errors found against errors expected, before and after temperature scaling."""
    table = data.table("calibration.csv")
    figure = blank(FULL, 7.4)
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    lows: list[float] = []
    for ax, scaled, title in zip(
        axes, (0, 1), ("as trained", "after temperature scaling"), strict=True
    ):
        draw_reliability(ax, table[table["temperature_scaled"] == scaled])
        ax.set_title(title, loc="right")
        lows.append(ax.get_xlim()[0])
    axes[0].set_xlim(min(lows), 100)
    axes[1].set_ylabel("")
    key(axes[0])
    return figure


def calibration_caption(data: Results) -> str:
    table = data.table("calibration.csv")
    bins = table["bin"].nunique()
    images = table.groupby(["network", "temperature_scaled"])["count"].sum()
    return (
        f"Errors found against errors expected, in {bins} bins of equally many predictions "
        f"({count_text(images, 'prediction')} a network, test images of all seeds together). On "
        "the line probabilities are right; above it the network is too sure. Bins without an "
        "error lie on the lower edge, the surest of them beyond the left edge."
    )


def calibration_scores(data: Results) -> Figure:
    """Three scores before and after temperature scaling."""
    table = data.table("calibration_scores.csv")
    figure = blank(FULL, 5.4)
    axes = figure.subplots(1, 3)
    for ax, (score, name) in zip(axes, SCORES.items(), strict=True):
        values = {
            when: {n: table[table["network"] == n][f"{score}_{when}"].to_numpy() for n in NETWORKS}
            for when in ("before", "after")
        }
        draw_before_after(ax, values["before"], values["after"])
        ax.set_title(name)
    axes[0].set_ylabel("score (lower is better)")
    key_above(figure, axes[0])
    return figure


def calibration_scores_caption(data: Results) -> str:
    table = data.table("calibration_scores.csv")
    means = table.groupby("network")["temperature"].mean()
    text = ", ".join(f"{name_of(network)} {means[network]:.2f}" for network in networks_of(table))
    return (
        "Scores of the probabilities on the test set before and after temperature scaling; the "
        f"temperature is fitted to the validation images (mean: {text}). Thin lines: "
        f"{seeds_text(table, ['network'])}; thick lines: means."
    )


def risk_coverage(data: Results) -> Figure:
    """Errors that remain when the least confident predictions are refused."""
    figure = blank(COLUMN, 5.8)
    draw_risk(figure.subplots(), data.table("risk_coverage.csv"))
    return figure


def risk_coverage_caption(data: Results) -> str:
    banded = data.table("risk_coverage.csv")["risk_low"].notna().any()
    band = "; bands: 95 % t-interval of the mean over seeds" if banded else " (one seed)"
    return (
        "Error rate on the test set of the most confident predictions, against how many of them "
        f"are kept{band}. On the left no error is left, which a logarithmic axis cannot show."
    )


def corruption_table(data: Results) -> pd.DataFrame:
    """Mean accuracy in percent, a row a corruption, the mildest first."""
    table = data.table("corruptions.csv")
    wide = 100 * table.pivot_table(index="corruption", columns="network", values="accuracy")
    order = wide.mean(axis=1).sort_values(ascending=False, kind="stable").index
    rest = [name for name in order if name != "identity"]
    return wide.loc[[*(name for name in ["identity"] if name in order), *rest], list(NETWORKS)]


def corruptions(data: Results) -> Figure:
    """A row a kind of corruption."""
    wide = corruption_table(data)
    names = ["none" if name == "identity" else name.replace("_", " ") for name in wide.index]
    figure = blank(COLUMN, 1.4 + 0.55 * len(names))
    columns = {name_of(network): wide[network].to_numpy() for network in NETWORKS}
    draw_heat(figure.subplots(), names, columns, "difference")
    return figure


def corruptions_caption(data: Results) -> str:
    table = data.table("corruptions.csv")
    ways = len(set(table["corruption"]) - {"identity"})
    return (
        f"Accuracy in percent on {count_text(table['n'], 'test image')} changed in {ways} ways "
        "(the kinds of MNIST-C), the mildest first, and the difference in points, MobileNet − "
        "standard (bars to the right: MobileNet is better). "
        f"Means of {seeds_text(table, ['network', 'corruption'])}."
    )


def shifts(data: Results) -> Figure:
    """A panel for each kind of affine change."""
    table = data.table("shifts.csv")
    found = errors(table["accuracy"])
    span = found.min(), found.max()
    kinds = [kind for kind in SHIFTS if kind in set(table["kind"])]
    figure = blank(FULL, 5.2)
    axes = np.atleast_1d(figure.subplots(1, len(kinds), sharey=True))
    for ax, kind in zip(axes, kinds, strict=True):
        draw_shift(ax, table[table["kind"] == kind], span, named=kind == kinds[-1])
        ax.set_xlabel(SHIFTS[kind])
    axes[0].set_ylabel("accuracy (%)")
    return figure


def shifts_caption(data: Results) -> str:
    table = data.table("shifts.csv")
    return (
        f"Accuracy on {count_text(table['n'], 'test image')} that are turned, moved, scaled or "
        "sheared, on an axis that is logarithmic in the error. Lines: means of "
        f"{seeds_text(table, ['network', 'kind', 'amount'])}; bands: from the lowest seed to the "
        "highest."
    )


FIGURES = {
    "calibration": FigureSpec(
        "Are the probabilities right", ("calibration.csv",), calibration, calibration_caption
    ),
    "calibration_scores": FigureSpec(
        "What temperature scaling repairs",
        ("calibration_scores.csv",),
        calibration_scores,
        calibration_scores_caption,
    ),
    "risk_coverage": FigureSpec(
        "What refusing pays", ("risk_coverage.csv",), risk_coverage, risk_coverage_caption
    ),
    "corruptions": FigureSpec(
        "Accuracy on corrupted images", ("corruptions.csv",), corruptions, corruptions_caption
    ),
    "shifts": FigureSpec("Accuracy on moved images", ("shifts.csv",), shifts, shifts_caption),
}
