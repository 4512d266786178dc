"""Inside the networks: filters, and embeddings in the plane."""

from functools import partial

import numpy as np
from matplotlib.figure import Figure

from analysis.plots.catalogue.spec import FigureSpec
from analysis.plots.digits import draw_mosaic
from analysis.plots.maps import draw_matrix, draw_projection, draw_separability, draw_space_scores
from analysis.plots.results import Results, name_of
from analysis.plots.style import BLACK, COLOURS, COLUMN, FULL, NETWORKS, blank
from analysis.plots.sweeps import key, key_above

SHOWN = 384  # of the standard network's 32,768 last 3×3 filters
MOST = 0.98  # quantile of the weights where the scale ends: a few large ones would grey the rest
SPACES = {
    "raw": "pixels",
    "standard_untrained": "standard, untrained",
    "mobilenet_untrained": "MobileNet, untrained",
    "standard_trained": "standard, trained",
    "mobilenet_trained": "MobileNet, trained",
}
GREYS = "Negative weights are dark, zero is grey, positive ones are light"
SCALE = f"the scale ends at the {100 * MOST:.0f} % quantile of their absolute values"
METHOD_NAMES = {"tsne": "t-SNE", "umap": "UMAP"}


def filters_first(data: Results) -> Figure:
    """The first layer of both networks."""
    arrays = data.arrays("filters.npz")
    figure = blank(FULL, 4.7)
    figure.get_layout_engine().set(wspace=0.06)
    for ax, network in zip(figure.subplots(1, 2), NETWORKS, strict=True):
        draw_mosaic(ax, arrays[f"{network}_first"][:, 0], 8)
        ax.set_title(name_of(network), color=COLOURS[network])
    return figure


def filters_first_caption(data: Results) -> str:
    n = len(data.arrays("filters.npz")["standard_first"])
    return (
        f"The {n} learned 3×3 filters of the first convolution of each network. {GREYS}; the "
        "scale is each network's largest weight."
    )


def filters_last_standard(data: Results) -> Figure:
    """The 3×3 filters of the largest norm in the last layer."""
    kernels = data.arrays("filters.npz")["standard_last"].astype(np.float64)
    flat = kernels.reshape(-1, *kernels.shape[-2:])
    norms = np.linalg.norm(flat, axis=(1, 2))
    largest = np.argsort(-norms, kind="stable")[:SHOWN]
    figure = blank(FULL, 6.7)
    draw_mosaic(figure.subplots(), flat[largest], 32, MOST)
    return figure


def filters_last_standard_caption(data: Results) -> str:
    kernels = data.arrays("filters.npz")["standard_last"].astype(np.float64)
    outputs, inputs = kernels.shape[:2]
    norms = np.sort((kernels**2).sum((2, 3)).ravel())[::-1]
    share = norms[:SHOWN].sum() / norms.sum()
    return (
        f"Learned 3×3 filters of the last convolution of the standard network: of its {outputs} × "
        f"{inputs} = {outputs * inputs:,} the {min(SHOWN, outputs * inputs)} of the largest norm, "
        f"in descending order, which hold {100 * share:.1f} % of the layer's energy. {GREYS}; "
        f"{SCALE}."
    )


def filters_last_mobilenet(data: Results) -> Figure:
    """All depthwise filters of the last block."""
    figure = blank(FULL, 2.4)
    filters = data.arrays("filters.npz")["mobilenet_last_depthwise"][:, 0]
    draw_mosaic(figure.subplots(), filters, 32, MOST)
    return figure


def filters_last_mobilenet_caption(data: Results) -> str:
    n = len(data.arrays("filters.npz")["mobilenet_last_depthwise"])
    return (
        f"All {n} learned 3×3 filters of the last depthwise convolution of the MobileNet network, "
        f"one for each input channel, in the order of the channels. {GREYS}; "
        f"{SCALE}."
    )


def pointwise_matrix(data: Results) -> Figure:
    """The last 1×1 convolution: a matrix, for it has no extent in space."""
    figure = blank(COLUMN, 10.5)
    draw_matrix(figure.subplots(), data.arrays("filters.npz")["mobilenet_last_pointwise"])
    return figure


def pointwise_matrix_caption(data: Results) -> str:
    outputs, inputs = data.arrays("filters.npz")["mobilenet_last_pointwise"].shape
    return (
        f"The learned weights of the last 1×1 convolution of the MobileNet network, {outputs} × "
        f"{inputs}: a matrix, for it has no extent in space. The scale ends at the 99.5 % quantile "
        "of the absolute weights."
    )


def projection(data: Results, method: str) -> Figure:
    """The same points as pixels and as embeddings, untrained and trained."""
    arrays = data.arrays("projections.npz")
    figure = blank(FULL, 10.6)
    places = [["raw", "standard_untrained", "standard_trained"],
              ["raw", "mobilenet_untrained", "mobilenet_trained"]]  # fmt: skip
    axes = figure.subplot_mosaic(places)
    for space, ax in axes.items():
        draw_projection(ax, arrays[f"{method}_{space}"], arrays["labels"])
        colour = COLOURS.get(space.split("_")[0], BLACK)
        ax.set_title(SPACES[space], color=colour)
    return figure


def projection_caption(data: Results, method: str) -> str:
    table = data.table("projection_scores.csv")
    rows = table[table["method"] == method]
    column = "perplexity" if method == "tsne" else "neighbours"
    setting = ", ".join(f"{value:g}" for value in rows[column].dropna().unique())
    seeds = ", ".join(str(seed) for seed in rows["seed"].unique())
    return (
        f"{METHOD_NAMES[method]} of the same {rows['n'].iloc[0]:,} test images as pixels and as "
        f"embeddings of both networks before and after training ({column} {setting}, seed "
        f"{seeds}); digits stand at the median of their class, or above a small cluster. Distances "
        "between clusters mean little."
    )


def embedding_scores(data: Results) -> Figure:
    """How well neighbours agree, in each space and in the plane."""
    table = data.table("projection_scores.csv")
    figure = blank(FULL, 5.4)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, column, name in zip(
        axes,
        ("knn_accuracy", "trustworthiness"),
        ("right class by ten nearest neighbours (%)", "trustworthiness of the plane (%)"),
        strict=True,
    ):
        draw_space_scores(ax, table, column, list(SPACES), SPACES)
        ax.set_xlabel(name)
    key(axes[0], columns=3)
    return figure


def embedding_scores_caption(data: Results) -> str:
    table = data.table("projection_scores.csv")
    return (
        f"How many of {table['n'].iloc[0]:,} test images the vote of their ten nearest neighbours "
        "gives the right class, in each space and in its pictures, and how many neighbours in the "
        "plane are neighbours in the space (trustworthiness). One seed; a point is one run."
    )


def separability(data: Results) -> Figure:
    """How much of a layer's energy a depthwise separable one could hold."""
    table = data.table("separability.csv")
    table = table[table["rank"] == 1]
    figure = blank(FULL, 5.6)
    axes = figure.subplots(1, 2)
    panels = (
        ("spatial", "each 3×3 filter as column × row"),
        ("depthwise", "each layer as depthwise × pointwise"),
    )
    for ax, (measure, title) in zip(axes, panels, strict=True):
        draw_separability(ax, table[table["measure"] == measure])
        ax.set_title(title)
    axes[0].set_ylabel("energy of the best rank 1 (%)")
    key_above(figure, axes[0])
    return figure


def separability_caption(data: Results) -> str:
    del data
    return (
        "Share of the energy of learned weights that their best rank-1 approximation holds. Left: "
        "each 3×3 filter as an outer product. Right: each input channel's filters as multiples of "
        "one, which is exactly what depthwise and pointwise convolution can say. Markers: means; "
        "bars: from the 10th to the 90th percentile of the layer's matrices; Gaussian weights "
        "show what chance gives. In each block the standard network is on the left. Networks of "
        "one seed."
    )


FIGURES = {
    "filters_first": FigureSpec(
        "The first filters", ("filters.npz",), filters_first, filters_first_caption
    ),
    "filters_last_standard": FigureSpec(
        "The last 3×3 filters of the standard network",
        ("filters.npz",),
        filters_last_standard,
        filters_last_standard_caption,
    ),
    "filters_last_mobilenet": FigureSpec(
        "The last depthwise filters of the MobileNet network",
        ("filters.npz",),
        filters_last_mobilenet,
        filters_last_mobilenet_caption,
    ),
    "pointwise_matrix": FigureSpec(
        "The last 1×1 convolution", ("filters.npz",), pointwise_matrix, pointwise_matrix_caption
    ),
    "separability": FigureSpec(
        "How separable learned filters are",
        ("separability.csv",),
        separability,
        separability_caption,
    ),
    **{
        method: FigureSpec(
            f"The test images in the plane by {METHOD_NAMES[method]}",
            ("projections.npz", "projection_scores.csv"),
            partial(projection, method=method),
            partial(projection_caption, method=method),
        )
        for method in METHOD_NAMES
    },
    "embedding_scores": FigureSpec(
        "What the embeddings know",
        ("projection_scores.csv",),
        embedding_scores,
        embedding_scores_caption,
    ),
}
