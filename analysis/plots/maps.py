"""Embeddings in the plane, and matrices of weights."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike

from analysis.plots.results import name_of
from analysis.plots.style import COLOURS, GREY, LIGHT, NETWORKS, bare, plain

# Petroff 2021 (arXiv:2107.02270): ten colours told apart with any colour vision, digit 0 to 9.
CLASSES = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)
SMALL = 0.04  # radius of a cluster, as a share of the map, below which its digit stands above it
METHODS = {"none": ("o", "the space itself"), "tsne": ("^", "t-SNE"), "umap": ("s", "UMAP")}


NAMES_OF_WEIGHTS = {"gaussian": "Gaussian"}
WEIGHTS = {"trained": "o", "untrained": "^", "gaussian": "x"}


def draw_projection(ax: Axes, points: ArrayLike, labels: ArrayLike) -> Axes:
    """Points in the colour of their class, each class named at the median of its points.

    Args:
        ax: where to draw.
        points: (n, 2).
        labels: (n,) 0 to 9.
    """
    points, labels = np.asarray(points, float), np.asarray(labels)
    ax.scatter(*points.T, s=1.6, c=[CLASSES[label] for label in labels], linewidths=0,
               rasterized=True)  # fmt: skip
    extent = np.ptp(points, axis=0).max()
    for label in np.unique(labels):
        own = points[labels == label]
        middle = np.median(own, axis=0)
        radius = np.quantile(np.linalg.norm(own - middle, axis=1), 0.75)
        small = radius < SMALL * extent  # a digit on it would hide it
        ax.annotate(str(label), middle, (0, 7 if small else 0), textcoords="offset points",
                    ha="center", va="center", fontsize=9, fontweight="bold",
                    path_effects=[withStroke(linewidth=2.2, foreground="white")])  # fmt: skip
    ax.set_aspect("equal", adjustable="datalim")
    bare(ax)
    return ax


def draw_space_scores(
    ax: Axes, table: pd.DataFrame, x: str, spaces: Sequence[str], names: Mapping[str, str]
) -> Axes:
    """A score of each space and of its pictures in the plane, a row a space.

    Args:
        ax: where to draw.
        table: columns space, method ("none", "tsne", "umap") and `x`, a fraction or empty.
        x: column of the score.
        spaces: from the top.
        names: space -> what to call it.
    """
    for step, (method, (marker, name)) in enumerate(METHODS.items()):
        rows = table[(table["method"] == method) & table[x].notna()]
        places = [list(spaces).index(space) + 0.2 * (step - 1) for space in rows["space"]]
        face = "black" if method == "none" else "white" if method == "tsne" else "#999999"
        ax.plot(100 * rows[x], places, marker, label=name if len(rows) else f"_{name}",
                color="black", markerfacecolor=face, markersize=4.5)  # fmt: skip
    ax.set_yticks(range(len(spaces)), [names[space] for space in spaces])
    ax.set_ylim(len(spaces) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    plain(ax, "both")
    ax.spines["left"].set_visible(False)
    return ax


def draw_matrix(ax: Axes, weights: ArrayLike) -> Axes:
    """A matrix of weights: negative is black, zero grey, positive white; with its scale.

    Args:
        ax: where to draw.
        weights: (outputs, inputs).
    """
    weights = np.asarray(weights, float)
    limit = np.quantile(np.abs(weights), 0.995) or 1.0  # a few large weights would grey the rest
    image = ax.imshow(weights, cmap="gray", vmin=-limit, vmax=limit)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.6, aspect=25, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label("weight")
    ax.set_xlabel("input channel")
    ax.set_ylabel("output channel")
    return ax


def draw_separability(ax: Axes, table: pd.DataFrame) -> Axes:
    """Energy of the best rank-1 approximation, block by block: trained, untrained and random.

    Args:
        ax: where to draw.
        table: columns network, block, weights, energy, energy_low, energy_high; fractions.
    """
    for place, network in enumerate(NETWORKS):
        for step, (weights, marker) in enumerate(WEIGHTS.items()):
            rows = table[(table["network"] == network) & (table["weights"] == weights)]
            if rows.empty:
                continue
            x = rows["block"] + 0.4 * (place - 0.5) + 0.1 * (step - 1)
            colour = COLOURS[network]
            ax.vlines(x, 100 * rows["energy_low"], 100 * rows["energy_high"], color=colour,
                      linewidth=0.7)  # fmt: skip
            face = colour if weights == "trained" else "white"
            ax.plot(x, 100 * rows["energy"], marker, color=colour, markersize=4.5,
                    markerfacecolor=face)  # fmt: skip
    for weights, marker in WEIGHTS.items():
        name = NAMES_OF_WEIGHTS.get(weights, weights)
        ax.plot([], [], marker, color=GREY, markersize=4.5, label=f"{name} weights",
                markerfacecolor=GREY if weights == "trained" else "white")  # fmt: skip
    for network in NETWORKS:
        ax.plot([], [], color=COLOURS[network], linewidth=3, label=name_of(network))
    blocks = sorted(table["block"].unique())
    ax.set_xticks(blocks)
    ax.set_xlabel("block")
    for edge in blocks[:-1]:
        ax.axvline(edge + 0.5, color=LIGHT, linewidth=0.6)
    plain(ax)
    return ax
