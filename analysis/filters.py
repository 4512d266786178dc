r"""What the kernels of the two networks look like, and how nearly standard ones are separable.

python -m analysis.filters --runs runs/report/full/pairs --seed 0 --output figures/data/full

A standard convolution is a depthwise one followed by a 1x1 convolution, exactly, where for each
input channel the 3x3 kernels that read it are multiples of one kernel: where its N x 9 matrix has
rank 1. The share of its energy (squared weights) in the first singular value says how near that is;
the first r singular values are a depthwise step with r filters a channel.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from netlib.answer.explain import Explainer
from netlib.measure.runs import NETWORKS, find_pairs
from netlib.nets.checkpoint import load_network
from netlib.nets.layers import folded
from netlib.nets.network import Network, build_network
from netlib.training.loop import seed_everything


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, read, take apart, write; 2 is the exit status of a user's error."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = parse(arguments)
    try:
        runs = find_pairs(args.runs).at(args.seed)
        nets = {network: load_network(run.checkpoint) for network, run in runs.items()}
    except (ValueError, OSError) as error:
        print(f"filters: {error}", file=sys.stderr)
        return 2
    made_by = {
        "command": shlex.join(["python", "-m", "analysis.filters", *arguments]),
        "seed": args.seed,
        "weights": "separability is of the weights folded with their batch norm",
    }
    arrays, table, record = (
        args.output / name for name in ("filters.npz", "separability.csv", "separability.json")
    )
    args.output.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(arrays, **pictures(nets), made_by=np.array(json.dumps(made_by)))
    rows = [row for network, net in nets.items() for row in separability(network, net, args.seed)]
    pd.DataFrame(rows).to_csv(table, index=False, float_format="%.6g")
    record.write_text(json.dumps({"made_by": made_by}, indent=1) + os.linesep, encoding="utf-8")
    for path in (arrays, table, record):
        print(path)
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.filters",
        description="Collect the kernels of the two networks and measure their separability.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--runs", type=Path, required=True, help="folder of kept runs, of analysis.sweep --keep")
    add("--seed", type=int, default=0, help="of the runs to take")
    add("--output", type=Path, required=True, help="folder for the arrays and the table")
    return parser.parse_args(arguments)


def pictures(nets: dict[str, Network]) -> dict[str, np.ndarray]:
    """The first layer's filters, and the last's: spatial ones, and the 1x1 matrix (N, M)."""
    standard, mobilenet = (Explainer(nets[network]).filters() for network in NETWORKS)
    last = list(nets["mobilenet"].layers.convs)[-1]
    pointwise = nets["mobilenet"].arrays[f"{last.conv}.weight"]
    return {
        "standard_first": standard[0],
        # Half precision is finer than any shade of grey, and halves the largest array.
        "standard_last": standard[-1].astype(np.float16),
        "mobilenet_first": mobilenet[0],
        "mobilenet_last_depthwise": mobilenet[-1],
        "mobilenet_last_pointwise": nets["mobilenet"].arrays[f"{pointwise.conv}.weight"][
            :, :, 0, 0
        ],
    }


def separability(network: str, net: Network, seed: int) -> Iterator[dict[str, Any]]:
    """Rows for each layer of 3x3 kernels: trained, as they began, and by chance alone."""
    seed_everything(seed)
    untrained = build_network(net.spec)
    rng = np.random.default_rng(seed)
    trained, begun = spatial_weights(net), spatial_weights(untrained)
    for number, (kind, weight) in enumerate(trained, start=1):
        states = {
            "trained": weight,
            "untrained": begun[number - 1][1],
            "gaussian": rng.normal(size=weight.shape),
        }
        for state, kernels in states.items():
            for measure, matrices in readings(kernels, kind).items():
                for rank, shares in energies(matrices).items():
                    yield {
                        "network": network,
                        "block": number,
                        "kind": kind,
                        "out_channels": weight.shape[0],
                        "in_channels": weight.shape[1] if kind == "conv" else weight.shape[0],
                        "weights": state,
                        "measure": measure,
                        "rank": rank,
                        **shares,
                    }


def spatial_weights(net: Network) -> list[tuple[str, np.ndarray]]:
    """("conv" or "conv_dw", kernels (N, M, 3, 3)) of each block, folded with their batch norm.

    Without it, the scale of an output channel would be arbitrary: the batch norm undoes it.
    """
    return [("conv_dw" if len(block) > 1 else "conv", block[0].weight) for block in folded(net)]


def readings(kernels: np.ndarray, kind: str) -> dict[str, np.ndarray]:
    """The kernels as matrices whose rank means something.

    Returns:
        "spatial": (N·M, 3, 3), of rank 1 where a row filter after a column filter does the same;
        for a standard convolution also "depthwise": (M, N, 9), of rank 1 where a depthwise and a
        1x1 convolution do the same.
    """
    n, m, *side = kernels.shape
    spatial = {"spatial": kernels.reshape(n * m, *side)}
    if kind == "conv_dw":  # each channel has one kernel: nothing to share
        return spatial
    return {**spatial, "depthwise": kernels.transpose(1, 0, 2, 3).reshape(m, n, -1)}


def energies(matrices: np.ndarray) -> dict[int, dict[str, float]]:
    """Rank -> how much of the energy of matrices (K, A, B) their best approximations keep.

    The best approximation of rank r keeps the first r singular values (Eckart & Young 1936).
    """
    squares = np.square(np.linalg.svd(matrices.astype(np.float64), compute_uv=False))
    totals = squares.sum(axis=1)
    squares, totals = squares[totals > 0], totals[totals > 0]  # a dead channel has no shape
    kept = squares.cumsum(axis=1)
    shares = kept / totals[:, None]
    return {
        rank: {
            "energy": float(share.mean()),
            "energy_low": float(np.quantile(share, 0.1)),
            "energy_high": float(np.quantile(share, 0.9)),
            "layer_energy": float(of_layer.sum() / totals.sum()),
            "matrices": len(share),
        }
        for rank, (share, of_layer) in enumerate(zip(shares.T, kept.T, strict=True), start=1)
    }


if __name__ == "__main__":
    sys.exit(main())
