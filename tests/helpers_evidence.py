"""Small made-up files with the columns that filters, embeddings, corruptions, data_card write."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

NETWORKS = ("standard", "mobilenet")
COUNTS = [5000, 3871, 2997, 2320, 1796, 1391, 1077, 834, 645, 500]
KINDS = "identity shot_noise impulse_noise glass_blur motion_blur shear scale rotate".split()
AMOUNTS = {"rotate": (-30, 0, 30), "shift": (0, 2, 4), "scale": (0.7, 1, 1.3), "shear": (-1, 0, 1)}


def write_evidence(folder: Path, seeds: int = 2, points: int = 60) -> None:
    """All of them."""
    random = np.random.default_rng(0)
    write_filters(folder, random)
    write_projections(folder, random, points)
    write_changes(folder, random, seeds)
    write_data_card(folder, random)


def write_filters(folder: Path, random: np.random.Generator) -> None:
    np.savez(
        folder / "filters.npz",
        standard_first=random.normal(size=(32, 1, 3, 3)).astype(np.float32),
        mobilenet_first=random.normal(size=(32, 1, 3, 3)).astype(np.float32),
        standard_last=random.normal(size=(64, 32, 3, 3)).astype(np.float16),
        mobilenet_last_depthwise=random.normal(size=(128, 1, 3, 3)).astype(np.float32),
        mobilenet_last_pointwise=random.normal(size=(256, 128)).astype(np.float32),
        made_by="{}",
    )
    rows = []
    layers = product(NETWORKS, (1, 2, 3, 4), ("trained", "untrained", "gaussian"))
    for network, block, weights in layers:
        conv = network == "standard" or block < 3
        for measure in ("spatial", "depthwise")[: 1 + conv]:
            energy = 0.5 + 0.05 * block * (weights == "trained")
            rows += [
                {
                    "network": network,
                    "block": block,
                    "kind": "conv" if conv else "conv_dw",
                    "weights": weights,
                    "measure": measure,
                    "rank": rank,
                    "energy": energy,
                    "energy_low": energy - 0.1,
                    "energy_high": energy + 0.1,
                    "matrices": 9,
                }
                for rank in (1, 2)
            ]
    pd.DataFrame(rows).to_csv(folder / "separability.csv", index=False)


def write_projections(folder: Path, random: np.random.Generator, points: int) -> None:
    labels = np.arange(points) % 10
    spaces = ["raw", *(f"{n}_{state}" for state in ("untrained", "trained") for n in NETWORKS)]
    arrays, rows = {}, []
    for place, space in enumerate(spaces):
        angle = 2 * np.pi * labels / 10
        middle = 10 * np.column_stack([np.cos(angle), np.sin(angle)])
        for method in ("none", "tsne", "umap"):
            score = {"knn_accuracy": 0.9 + 0.02 * place, "seed": 0, "n": points}
            if method != "none":
                noise = random.normal(size=(points, 2)) * (3 - place / 2)
                arrays[f"{method}_{space}"] = (middle + noise).astype(np.float32)
                score["trustworthiness"] = 0.95
                score["perplexity" if method == "tsne" else "neighbours"] = 30
            rows.append({"space": space, "method": method, "dimensions": 2, **score})
    np.savez(folder / "projections.npz", labels=labels.astype(np.uint8), made_by="{}", **arrays)
    pd.DataFrame(rows).to_csv(folder / "projection_scores.csv", index=False)


def write_changes(folder: Path, random: np.random.Generator, seeds: int) -> None:
    rows = [
        {**case, "n": 2000, "accuracy": 0.99 - 0.06 * KINDS.index(case["corruption"]) + noise}
        for case, noise in each(random, network=NETWORKS, seed=range(seeds), corruption=KINDS)
    ]
    pd.DataFrame(rows).to_csv(folder / "corruptions.csv", index=False)
    rows = [
        {**case, "kind": kind, "n": 2000, "accuracy": 0.98 - 0.2 * abs(place - 1) + noise}
        for kind, amounts in AMOUNTS.items()
        for place, amount in enumerate(amounts)
        for case, noise in each(random, network=NETWORKS, seed=range(seeds), amount=[amount])
    ]
    pd.DataFrame(rows).to_csv(folder / "shifts.csv", index=False)


def each(random: np.random.Generator, **lists: object):
    """Every combination, with a little noise."""
    for values in product(*lists.values()):
        yield dict(zip(lists, values, strict=True)), random.uniform(-0.02, 0.01)


def write_data_card(folder: Path, random: np.random.Generator) -> None:
    def split(counts: list[int]) -> dict[str, object]:
        ratio = max(counts) / min(counts)
        ink = {"ink_share": [0.08 + digit / 100 for digit in range(10)]}
        return {"images": sum(counts), "class_counts": counts, "imbalance_ratio": ratio, **ink}

    card = {"splits": {"train": split(COUNTS), "test": split([1000] * 10)}}
    (folder / "data_card.json").write_text(json.dumps(card), encoding="utf-8")
    np.savez(
        folder / "data_card.npz",
        train_samples=random.integers(0, 256, (10, 8, 28, 28), np.uint8),
        test_samples=random.integers(0, 256, (10, 8, 28, 28), np.uint8),
        train_mean=random.random((10, 28, 28)).astype(np.float32),
        made_by="{}",
    )
