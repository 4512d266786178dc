r"""What the kernels of the two networks look like, and how nearly standard ones are separable.

python -m analysis.questions.filters --runs runs/report/full/pairs --output figures/data/full
python -m analysis.questions.filters --checkpoint checkpoints/standard.safetensors --output runs

A standard convolution is a depthwise one followed by a 1x1 convolution, exactly, where for each
input channel the 3x3 kernels that read it are multiples of one kernel: where its N x 9 matrix has
rank 1. The share of its energy (squared weights) in the first singular value says how near that is.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.build.plan import Plan, Step
from analysis.frame.command import made_by, start
from analysis.frame.results import Results, write_arrays, write_table
from analysis.look.digits import draw_mosaic
from analysis.look.grids import draw_matrix
from analysis.look.rows import draw_separability
from analysis.look.style import COLOURS, COLUMN, FULL, NETWORKS, blank, key_above, name_of
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
        seed: of the runs to take.
        output: folder for the arrays and the table.
    """

    runs: Path | None = None
    checkpoint: tuple[Path, ...] = ()
    seed: int = 0
    output: Path


def steps(plan: Plan) -> Iterator[Step]:
    """The kernels of the first pair."""
    files = "filters.npz separability.csv"
    yield plan.step("filters", *plan.kept, outputs=files, inputs="pairs.csv")


def run(options: Options) -> list[Path]:
    """Read, take apart, write."""
    found = networks_of(options)
    rows = [row for name, net in found.items() for row in separability(name, net, options.seed)]
    made = made_by(options, seed=options.seed)
    return [
        write_arrays(
            options.output / "filters.npz", pictures(found) if options.runs else every(found), made
        ),
        write_table(options.output / "separability.csv", rows, digits=6),
    ]


def networks_of(options: Options) -> "dict[str, Network]":
    """Name -> network.

    Raises:
        ValueError: neither runs nor checkpoints are named, or both.
    """
    from analysis.comparison.answers import short_names

    if bool(options.runs) == bool(options.checkpoint):
        raise ValueError("expected --runs, a folder of kept runs, or --checkpoint, some networks.")
    if options.runs:
        runs = measure.find_pairs(options.runs).at(options.seed)
        return {network: nets.load_network(kept.checkpoint) for network, kept in runs.items()}
    names = short_names(options.checkpoint)
    return {n: nets.load_network(p) for n, p in zip(names, options.checkpoint, strict=True)}


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
            found["mobilenet"].blocks[-1].conv_pw.weight.detach()[:, :, 0, 0].numpy()
        ),
    }


def separability(network: str, net: "Network", seed: int) -> Iterator[dict[str, Any]]:
    """Rows for each layer of 3x3 kernels: trained, as they began, and by chance alone."""
    training.seed_everything(seed)
    begun = spatial_weights(nets.build_network(net.spec))
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


SHOWN = 384  # of the standard network's 32,768 last 3×3 filters


MOST = 0.98  # quantile of the weights where the scale ends: a few large ones would grey the rest


GREYS = "Negative weights are dark, zero is grey, positive ones are light"


SCALE = f"the scale ends at the {100 * MOST:.0f} % quantile of their absolute values"


@figure("The first filters", "filters.npz")
def filters_first(data: Results) -> Drawn:
    """The first layer of both networks."""
    arrays = data.arrays("filters.npz")
    figure = blank(FULL, 4.7)
    figure.get_layout_engine().set(wspace=0.06)
    for ax, network in zip(figure.subplots(1, 2), NETWORKS, strict=True):
        draw_mosaic(ax, arrays[f"{network}_first"][:, 0], 8)
        ax.set_title(name_of(network), color=COLOURS[network])
    n = len(data.arrays("filters.npz")["standard_first"])
    return figure, (
        f"The {n} learned 3×3 filters of the first convolution of each network. {GREYS}; the "
        "scale is each network's largest weight."
    )


@figure("The last 3×3 filters of the standard network", "filters.npz")
def filters_last_standard(data: Results) -> Drawn:
    """The 3×3 filters of the largest norm in the last layer."""
    kernels = data.arrays("filters.npz")["standard_last"].astype(np.float64)
    flat = kernels.reshape(-1, *kernels.shape[-2:])
    norms = np.linalg.norm(flat, axis=(1, 2))
    largest = np.argsort(-norms, kind="stable")[:SHOWN]
    figure = blank(FULL, 6.7)
    draw_mosaic(figure.subplots(), flat[largest], 32, MOST)
    outputs, inputs = kernels.shape[:2]
    norms = np.sort((kernels**2).sum((2, 3)).ravel())[::-1]
    share = norms[:SHOWN].sum() / norms.sum()
    return figure, (
        f"Learned 3×3 filters of the last convolution of the standard network: of its {outputs} × "
        f"{inputs} = {outputs * inputs:,} the {min(SHOWN, outputs * inputs)} of the largest norm, "
        f"in descending order, which hold {100 * share:.1f} % of the layer's energy. {GREYS}; "
        f"{SCALE}."
    )


@figure("The last depthwise filters of the MobileNet network", "filters.npz")
def filters_last_mobilenet(data: Results) -> Drawn:
    """All depthwise filters of the last block."""
    figure = blank(FULL, 2.4)
    filters = data.arrays("filters.npz")["mobilenet_last_depthwise"][:, 0]
    draw_mosaic(figure.subplots(), filters, 32, MOST)
    n = len(data.arrays("filters.npz")["mobilenet_last_depthwise"])
    return figure, (
        f"All {n} learned 3×3 filters of the last depthwise convolution of the MobileNet network, "
        f"one for each input channel, in the order of the channels. {GREYS}; "
        f"{SCALE}."
    )


@figure("The last 1×1 convolution", "filters.npz")
def pointwise_matrix(data: Results) -> Drawn:
    """The last 1×1 convolution: a matrix, for it has no extent in space."""
    figure = blank(COLUMN, 10.5)
    draw_matrix(figure.subplots(), data.arrays("filters.npz")["mobilenet_last_pointwise"])
    outputs, inputs = data.arrays("filters.npz")["mobilenet_last_pointwise"].shape
    return figure, (
        f"The learned weights of the last 1×1 convolution of the MobileNet network, {outputs} × "
        f"{inputs}: a matrix, for it has no extent in space. The scale ends at the 99.5 % quantile "
        "of the absolute weights."
    )


@figure("How separable learned filters are", "separability.csv", name="separability")
def draw_shares(data: Results) -> Drawn:
    """How much of a layer's energy a depthwise separable one could hold."""
    table = data.table("separability.csv")
    figure = blank(FULL, 5.6)
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
        "Share of the energy of learned weights that their best rank-1 approximation holds. Left: "
        "each 3×3 filter as an outer product. Right: each input channel's filters as multiples of "
        "one, which is exactly what depthwise and pointwise convolution can say. Markers: means; "
        "bars: from the 10th to the 90th percentile of the layer's matrices; Gaussian weights "
        "show what chance gives. In each block the standard network is on the left. Networks of "
        "one seed."
    )


def say(data: Results) -> Sections:
    """How near learned standard kernels are to depthwise ones."""
    standard = data.table("separability.csv").query("network == 'standard' and block > 1")
    mean = standard.groupby(["measure", "weights"])["energy"].mean()
    by_block = standard.query("measure == 'depthwise' and weights == 'trained'")
    top = by_block.loc[by_block["energy"].idxmax()]
    learned, chance = mean["depthwise", "trained"], mean["depthwise", "gaussian"]
    nearer = (
        f"Training moves standard kernels towards the depthwise form: of each input channel's "
        f"filters, one shared 3×3 pattern carries {100 * learned:.0f} % of the energy, against "
        f"{100 * chance:.0f} % for random weights (most in block {top['block']}, "
        f"{100 * top['energy']:.0f} %)."
    )
    as_far = (
        f"Training hardly moves standard kernels towards the depthwise form: one shared 3×3 "
        f"pattern carries {100 * learned:.0f} % of an input channel's energy, random weights "
        f"{100 * chance:.0f} %."
    )
    section = {
        "spatial_trained": f"{100 * mean['spatial', 'trained']:.0f}",
        "spatial_random": f"{100 * mean['spatial', 'gaussian']:.0f}",
        "finding": nearer if learned > chance + 0.02 else as_far,
    }
    return {"filters": section}


if __name__ == "__main__":
    sys.exit(start("filters"))
