r"""What the kernels of the two networks look like, and how nearly standard ones are separable.

python -m analysis.questions.filters --runs runs/report/full/pairs --output figures/data/full
python -m analysis.questions.filters --checkpoint checkpoints/standard.safetensors --output runs

A standard convolution is a depthwise one followed by a 1x1 convolution, exactly, where for each
input channel the 3x3 kernels that read it are multiples of one kernel: where its N x 9 matrix has
rank 1. The share of its energy (squared weights) in the first singular value says how near that is.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from analysis.build.plan import Plan, Step
from analysis.frame.command import made_by, start
from analysis.frame.results import Results, write_arrays, write_table
from analysis.look.digits import draw_filters
from analysis.look.grids import draw_matrix
from analysis.look.rows import draw_separability
from analysis.look.style import COLOURS, FULL, NETWORKS, blank, key, key_above, name_of, plain
from analysis.questions import Drawn, Sections, figure
from netlib import measure, nets, training

if TYPE_CHECKING:
    from netlib.nets import Network


@dataclass(frozen=True, kw_only=True)
class Options:
    """Collect the kernels of the two networks and measure their separability.

    Attributes:
        runs: folder of kept runs, of analysis.sweep --keep.
        checkpoint: instead: any networks; filters.npz has the kernels of each block of each.
        seed: of the runs to take; default: of the pair with the median difference.
        output: folder for the arrays and the table.
    """

    runs: Path | None = None
    checkpoint: tuple[Path, ...] = ()
    seed: int | None = None
    output: Path


def steps(plan: Plan) -> Iterator[Step]:
    """The kernels of the first pair."""
    files = "filters.npz separability.csv"
    yield plan.step("filters", *plan.kept, outputs=files, inputs="pairs.csv")


def run(options: Options) -> list[Path]:
    """Read, take apart, write."""
    seed = seed_of(options)
    options = replace(options, seed=seed)  # as it is recorded
    paths = checkpoints_of(options, seed)
    found = {name: nets.load_network(path) for name, path in paths.items()}
    rows = [row for name, net in found.items() for row in separability(name, net, seed)]
    arrays = pictures(found) if options.runs else every(found)
    return [
        write_arrays(options.output / "filters.npz", arrays, made_by(options, seed=seed)),
        write_table(options.output / "separability.csv", rows, digits=6),
    ]


def seed_of(options: Any) -> int:
    """Of the runs to take.

    Raises:
        ValueError: neither runs nor checkpoints are named, or both.
    """
    if bool(options.runs) == bool(options.checkpoint):
        raise ValueError("expected --runs, a folder of kept runs, or --checkpoint, some networks.")
    return measure.typical_seed(options.runs) if options.seed is None else options.seed


def checkpoints_of(options: Any, seed: int) -> dict[str, Path]:
    """Name -> checkpoint, of the runs of a seed or of those that are named."""
    from analysis.comparison.answers import by_name

    if not options.runs:
        return by_name(options.checkpoint)
    return {n: kept.checkpoint for n, kept in measure.find_pairs(options.runs).at(seed).items()}


def every(found: "dict[str, Network]") -> dict[str, np.ndarray]:
    """The spatial filters of every block: NAME_1, NAME_2, ..."""
    from netlib.answer.explain import Explainer

    return {
        f"{name}_{block}": kernels
        for name, net in found.items()
        for block, kernels in enumerate(Explainer(net).filters(), 1)
    }


def pictures(found: "dict[str, Network]") -> dict[str, np.ndarray]:
    """The first layer's filters, and the last's: spatial ones, and the 1x1 matrix (N, M)."""
    from netlib.answer.explain import Explainer

    standard, mobilenet = (Explainer(found[network]).filters() for network in NETWORKS)
    return {
        "standard_first": standard[0],
        # Half precision is finer than any shade of grey, and halves the largest array.
        "standard_last": standard[-1].astype(np.float16),
        "mobilenet_first": mobilenet[0],
        "mobilenet_last_depthwise": mobilenet[-1],
        "mobilenet_last_pointwise": (
            cast(Any, found["mobilenet"].blocks[-1]).conv_pw.weight.detach()[:, :, 0, 0].numpy()
        ),
    }


def separability(network: str, net: "Network", seed: int) -> Iterator[dict[str, Any]]:
    """Rows for each layer of 3x3 kernels: trained, as they began, and by chance alone."""
    training.seed_everything(seed)
    begun = spatial_weights(nets.Network(net.spec))
    rng = np.random.default_rng(seed)
    for number, (trained, untrained) in enumerate(zip(spatial_weights(net), begun, strict=True), 1):
        is_depthwise = isinstance(net.blocks[number - 1], nets.ConvDw)
        gaussian = rng.normal(size=trained.shape)
        states = {"trained": trained, "untrained": untrained, "gaussian": gaussian}
        for weights, kernels in states.items():
            for measured, matrices in readings(kernels, is_depthwise).items():
                yield {
                    "network": network,
                    "block": number,
                    "weights": weights,
                    "measure": measured,
                    **energy(matrices),
                }


def spatial_weights(net: "Network") -> list[np.ndarray]:
    """Kernels (N, M, 3, 3) of each block, folded with their batch norm.

    Without it, the scale of an output channel would be arbitrary: the batch norm undoes it.
    """
    from netlib.nets.layers import folded

    return [block[0].weight for block in folded(net)]


def readings(kernels: np.ndarray, is_depthwise: bool) -> dict[str, np.ndarray]:
    """The kernels as matrices whose rank means something.

    Returns:
        "spatial": (N·M, 3, 3), of rank 1 where a row filter after a column filter does the same;
        for a standard convolution also "depthwise": (M, N, 9), of rank 1 where a depthwise and a
        1x1 convolution do the same.
    """
    n, m, *side = kernels.shape
    spatial = {"spatial": kernels.reshape(n * m, *side)}
    if is_depthwise:  # each channel has one kernel: nothing to share
        return spatial
    return {**spatial, "depthwise": kernels.transpose(1, 0, 2, 3).reshape(m, n, -1)}


def energy(matrices: np.ndarray) -> dict[str, float]:
    """How much of the energy of matrices (K, A, B) their best approximations of rank 1 keep.

    The best approximation keeps the first singular value (Eckart & Young 1936).
    """
    squares = np.square(np.linalg.svd(matrices.astype(np.float64), compute_uv=False))
    totals = squares.sum(axis=1)
    share = squares[totals > 0, 0] / totals[totals > 0]  # a dead channel has no shape
    low, high = np.quantile(share, (0.1, 0.9))
    return {"energy": share.mean(), "energy_low": low, "energy_high": high}


SHOWN = 128  # of the standard network's 32,768 last 3×3 filters, as many as MobileNet has
MOST = 0.98  # quantile of the weights where the scale ends: a few large ones would pale the rest
SIGNS = "Blue weights are positive, vermillion negative"


@figure("The first filters", "filters.npz")
def filters_first(data: Results) -> Drawn:
    """The first layer of both networks."""
    arrays = data.arrays("filters.npz")
    figure = blank(FULL, 2.2)
    for ax, network in zip(figure.subplots(1, 2), NETWORKS, strict=True):
        draw_filters(ax, arrays[f"{network}_first"][:, 0], 16)
        ax.set_title(name_of(network), color=COLOURS[network])
    n = len(arrays["standard_first"])
    return figure, f"The {n} learned 3×3 filters of the first convolution of each network. {SIGNS}."


@figure("The last 3×3 filters", "filters.npz")
def filters_last(data: Results) -> Drawn:
    """The 3×3 filters of the largest norm in the last layer of standard, and MobileNet's."""
    arrays = data.arrays("filters.npz")
    kernels = arrays["standard_last"].astype(np.float64)
    flat = kernels.reshape(-1, *kernels.shape[-2:])
    norms = np.square(flat).sum((1, 2))
    largest = np.argsort(-norms, kind="stable")[:SHOWN]
    figure = blank(FULL, 4.6)
    own = arrays["mobilenet_last_depthwise"][:, 0]
    pictures = (flat[largest], own)
    for ax, network, shown in zip(figure.subplots(1, 2), NETWORKS, pictures, strict=True):
        draw_filters(ax, shown, 16, MOST)
        ax.set_title(name_of(network), color=COLOURS[network])
    share = 100 * norms[largest].sum() / norms.sum()
    return figure, (
        "Learned 3×3 filters of the last block, without the batch norm that scales them. Left: "
        f"the {len(largest)} of the largest norm among standard's {len(flat):,}, which hold "
        f"{share:.1f} % of the layer's energy. Right: all {len(own)} of MobileNet's depthwise "
        f"layer. {SIGNS}; the scale ends at the {100 * MOST:.0f} % quantile."
    )


@figure("The last 1×1 convolution", "filters.npz")
def pointwise_matrix(data: Results) -> Drawn:
    """The last 1×1 convolution, a matrix, its rows and columns sorted; and its spectrum."""
    weights = data.arrays("filters.npz")["mobilenet_last_pointwise"]
    figure = blank(FULL, 6.0)
    matrix, spectrum = figure.subplots(1, 2, width_ratios=(1.5, 1))
    draw_matrix(matrix, weights[by_likeness(weights)][:, by_likeness(weights.T)])
    matrix.set(xlabel="input channel, sorted by likeness", ylabel="output channel, sorted")
    chance = np.random.default_rng(0).normal(size=weights.shape)
    for values, style in ((weights, "-"), (chance, ":")):
        spectrum.plot(energies(values), style, color=COLOURS["mobilenet"],
                      label="learned" if style == "-" else "Gaussian")  # fmt: skip
    spectrum.set(xlabel="singular values", ylabel="energy held (%)")
    key(spectrum)
    plain(spectrum, "both")
    outputs, inputs = weights.shape
    return figure, (
        f"The learned weights of the last 1×1 convolution of the MobileNet network, {outputs} × "
        f"{inputs}, without the batch norm behind it, channels of like weights beside each other; "
        "and how much of the matrix's energy its largest singular values hold."
    )


def by_likeness(weights: np.ndarray) -> np.ndarray:
    """Order of rows in which like ones are neighbours (hierarchical clustering by cosine)."""
    from scipy.cluster.hierarchy import leaves_list, linkage

    return leaves_list(linkage(weights, "average", "cosine", optimal_ordering=True))


def energies(weights: np.ndarray) -> np.ndarray:
    """Percent of the energy in the first 0, 1, 2, ... singular values."""
    squares = np.square(np.linalg.svd(weights, compute_uv=False))
    return 100 * np.concatenate([[0], squares.cumsum() / squares.sum()])


@figure("How separable learned filters are", "separability.csv", name="separability")
def draw_shares(data: Results) -> Drawn:
    """How much of a layer's energy a depthwise separable one could hold."""
    table = data.table("separability.csv")
    figure = blank(FULL, 4.8)
    axes = figure.subplots(1, 2)
    panels = (
        ("spatial", "each 3×3 filter as column × row"),
        ("depthwise", "each layer as depthwise × pointwise"),
    )
    for ax, (measured, title) in zip(axes, panels, strict=True):
        draw_separability(ax, table[table["measure"] == measured])
        ax.set_title(title)
    axes[0].set_ylabel("energy of the best rank 1 (%)")
    key_above(figure, axes[0])
    return figure, (
        "Share of the energy (sum of squares) of weights, with batch norm folded in, that their "
        "best rank-1 approximation holds. Left: each 3×3 filter as an outer product. Right: each "
        "input channel's filters as multiples of one, which is exactly what depthwise and "
        "pointwise convolution can say without a ReLU between. Markers: means; bars: from the "
        "10th to the 90th percentile of the layer's matrices; Gaussian weights show what chance "
        "gives. In each block the standard network is on the left; MobileNet's separable blocks "
        "have one filter an input channel. Networks of one seed."
    )


def say(data: Results) -> Sections:
    """How near learned standard kernels are to depthwise ones, where these replace them."""
    table = data.table("separability.csv")
    kept = table.query("network == 'mobilenet' and measure == 'depthwise'")["block"]
    standard = table[(table["network"] == "standard") & ~table["block"].isin(kept)]
    mean = standard.groupby(["measure", "weights"])["energy"].mean()
    by_block = standard.query("measure == 'depthwise' and weights == 'trained'")
    top = by_block.loc[by_block["energy"].idxmax()]
    arrays = data.arrays("filters.npz")
    weights = arrays["mobilenet_last_pointwise"]
    chance = np.random.default_rng(0).normal(size=weights.shape)
    section = {
        "shared_trained": f"{100 * mean['depthwise', 'trained']:.0f}",
        "shared_random": f"{100 * mean['depthwise', 'gaussian']:.0f}",
        "blocks": " and ".join(map(str, by_block["block"])),
        "top_block": str(top["block"]),
        "top": f"{100 * top['energy']:.0f}",
        "shown": str(SHOWN),
        "one_sign": one_sign(arrays["standard_last"], SHOWN),
        "one_sign_all": one_sign(arrays["standard_last"]),
        "one_sign_own": one_sign(arrays["mobilenet_last_depthwise"]),
        "one_sign_first": {name: one_sign(arrays[f"{name}_first"]) for name in NETWORKS},
        "rank": str(np.argmax(energies(weights) >= 90)),
        "rank_random": str(np.argmax(energies(chance) >= 90)),
        "rank_of": str(min(weights.shape)),
    }
    return {"filters": section}


def one_sign(kernels: np.ndarray, largest: int | None = None) -> str:
    """Percent of filters whose weights all have one sign, among all or those of largest norm."""
    flat = kernels.astype(float).reshape(-1, 9)
    chosen = flat[np.argsort(-np.square(flat).sum(1), kind="stable")[:largest]]
    return f"{100 * ((chosen > 0).all(1) | (chosen < 0).all(1)).mean():.0f}"


if __name__ == "__main__":
    sys.exit(start("filters"))
