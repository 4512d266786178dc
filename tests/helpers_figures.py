"""Small made-up result files with the columns of the real ones, for the tests of the figures."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from helpers_costs import write_costs
from helpers_evidence import write_evidence

NETWORKS = ("standard", "mobilenet")
COSTS = {"standard": (390_890, 32_573_056), "mobilenet": (65_322, 7_052_288)}
COUNTS = np.array([979, 758, 587, 454, 352, 272, 211, 163, 126, 98])


def sweep_rows(
    factor: str,
    levels: Iterable[object] = ("none",),
    seeds: int = 3,
    networks: Iterable[str] = NETWORKS,
    datasets: Iterable[str] = ("course",),
    **columns: object,
) -> pd.DataFrame:
    """A sweep's table; `columns` gives others than the usual values."""
    random = np.random.default_rng(0)
    rows = []
    cases = product(enumerate(levels), networks, range(seeds), datasets)
    for (place, level), network, seed, dataset in cases:
        base = 0.02 + 0.012 * abs(place - 2) + 0.004 * (network == "mobilenet")
        shift = int(dataset.split("-")[2]) if dataset.startswith("tail") else 0
        ratio = 100 if "exp100" in dataset else 10
        counts = np.roll(np.round(979 * ratio ** (-np.arange(10) / 9)).astype(int), shift)
        recall = 1 - np.clip(base * 12 / counts**0.5 * random.uniform(0.7, 1.4, 10), 0, 1)
        accuracy = recall.mean()
        params, macs = COSTS.get(network, (120_000, 9_000_000))
        rows.append(
            {
                "factor": factor,
                "level": str(level),
                "network": network,
                "seed": seed,
                "dataset": dataset,
                "accuracy": accuracy,
                "balanced_accuracy": accuracy,
                "macro_f1": accuracy,
                "worst_recall": recall.min(),
                "nll": 2 * (1 - accuracy),
                "brier": 1 - accuracy,
                "ece": 0.01,
                "validation_accuracy": accuracy,
                "validation_nll": 2 * (1 - accuracy),
                "train_images": counts.sum(),
                "validation_images": 1021,
                "test_images": 10_000,
                "params": params,
                "macs": macs,
                "learning_rate": 0.01,
                "training_epochs": 5,
                "batch_size": 128,
                "loss": "cross_entropy",
                "precision": "float32",
                "width": 1,
                "resolution": 28,
                **{f"recall_{digit}": value for digit, value in enumerate(recall)},
                **{f"count_{digit}": count for digit, count in enumerate(counts)},
                "key": f"{factor}{level}{network}{seed}{dataset}",
                "training_seconds": 40.0,
                **({factor: level} if factor != "none" else {}),
                **columns,
                "seconds": 45.0,
            }
        )
    return pd.DataFrame(rows)


def write_sweeps(folder: Path, seeds: int = 3) -> None:
    """Every sweep's table."""
    losses = ("cross_entropy", "weighted", "focal", "logit_adjusted", "ldam", "oversampling")
    tails = [f"tail-exp{ratio}-{digit}" for ratio in (10, 100) for digit in (0, 4)]
    blocks = [f"{c}+{d}" for c, d in product(range(5), repeat=2) if 1 <= c + d <= 4]
    tables = {
        "pairs": sweep_rows("none", seeds=max(2, seeds)),
        "learning_rate": sweep_rows("learning_rate", (0.001, 0.003, 0.01, 0.03, 0.1), seeds),
        "batch_size": sweep_rows("batch_size", (32, 128, 512), seeds),
        "training_epochs": sweep_rows("training_epochs", (1, 3, 10), seeds),
        "train_size": sweep_rows("train_size", (500, 2000, 8000), seeds),
        "augment": sweep_rows("augment", ("none", "mild", "strong"), seeds),
        "precision": sweep_rows("precision", ("float32", "bfloat16"), seeds),
        "loss": sweep_rows("loss", losses, seeds),
        "imbalance": sweep_rows("loss", losses, 1, datasets=tails),
        "mobilenet_v1": sweep_rows("none", ("none",), seeds, ("mobilenet_v1",), width=0.25),
    }
    tables["train_size"]["train_images"] = tables["train_size"]["train_size"]
    for name, exponent in (("width", 2.0), ("resolution", 0.0)):
        levels = (0.5, 1.0, 2.0) if name == "width" else (14, 28, 56)
        table = sweep_rows(name, levels, seeds)
        scale = table[name] / levels[1]
        table["params"] = (table["params"] * scale**exponent).astype(int)
        table["macs"] = (table["macs"] * scale**2).astype(int)
        tables[name] = table
    grid = sweep_rows("none", seeds=seeds, networks=blocks)
    conv, dw = (grid["network"].str.split("+").str[part].astype(int) for part in (0, 1))
    grid["params"], grid["macs"] = 9_000 * 4**conv + 2_000 * 3**dw, 3_000_000 * conv + 700_000 * dw
    grid["accuracy"] = 1 - 0.3 / (1 + conv + 0.9 * dw) ** 2
    tables["blocks"] = grid
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)


def write_compared(folder: Path, seeds: int = 2, epochs: int = 4, errors: int = 12) -> None:
    """What analysis.compare writes."""
    random = np.random.default_rng(0)
    classes = [*map(str, range(10)), "micro", "macro"]
    tables: dict[str, list[dict]] = {}

    def add(name: str, network: str, **columns: object) -> None:
        tables.setdefault(name, []).append({"network": network, **columns})

    for network in NETWORKS:
        worse = 1 + 0.3 * (network == "mobilenet")
        for true, predicted in product(range(10), repeat=2):
            count = random.integers(0, 4) if true != predicted else 980
            add("confusion", network, true=true, predicted=predicted, count=count, seeds=seeds)
        for seed in range(seeds):
            for epoch in range(1, epochs + 1):
                loss = worse * (1 + 0.1 * random.random()) / epoch**1.5
                values = {"train_loss": loss, "train_accuracy": 1 - loss / 5}
                values |= {"validation_loss": loss * 0.8, "validation_accuracy": 1 - loss / 7}
                add("histories", network, seed=seed, epoch=epoch, **values)
            for place in range(10):
                recall = 1 - worse * 0.002 * (1 + place) * random.uniform(0.5, 1.5)
                scores = {"precision": recall, "recall": recall, "f1": recall - 0.001}
                sizes = {"train_images": COUNTS[place], "test_images": 1000}
                add("class_scores", network, seed=seed, **{"class": place}, **scores, **sizes)
            for name in classes:
                area = {"auc": 1 - 1e-4 * worse, "average_precision": 0.99}
                add("auc", network, seed=seed, **{"class": name}, **area)
            score = {"temperature": 1.3, "nll_before": 0.04, "nll_after": 0.035}
            score |= {"brier_before": 0.02, "brier_after": 0.019, "ece_before": 0.004}
            add("calibration_scores", network, seed=seed, **score, ece_after=0.002)
        for name in classes:
            for fpr in (0, *np.geomspace(1e-4, 1, 20)):
                tpr = 1 - 0.02 * worse * np.exp(-fpr * 300) * (fpr < 1) if fpr else 0
                add("roc", network, **{"class": name}, fpr=fpr, tpr=tpr)
        for scaled, place in product((0, 1), range(15)):
            doubt = 0.4 * 0.6**place
            accuracy = 1 - doubt * (1 if scaled else 1.6) * (place < 12)
            values = {"bin": place, "confidence": 1 - doubt, "accuracy": accuracy, "count": 1333}
            add("calibration", network, temperature_scaled=scaled, **values)
        for coverage in np.linspace(0.05, 1, 40):
            risk = worse * 0.01 * max(coverage - 0.3, 0) ** 4
            band = {"risk_low": 0.9 * risk, "risk_high": 1.1 * risk}
            add("risk_coverage", network, coverage=coverage, risk=risk, **band)
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    write_readings(folder / "errors.npz", errors, "")
    write_readings(folder / "examples.npz", 16, "which")


def write_readings(path: Path, n: int, which: str) -> None:
    """Pictures with labels, predictions and confidences; each is read wrong by one network."""
    random = np.random.default_rng(0)
    labels = np.sort(np.arange(n) % 10)
    arrays = {"images": random.integers(0, 256, (n, 28, 28), np.uint8), "labels": labels}
    for place, network in enumerate(NETWORKS):
        arrays[network] = (labels + (np.arange(n) % 3 != place)) % 10
        arrays[f"{network}_confidence"] = random.uniform(0.5, 1, n)
    if which:
        kinds = [f"{network} {kind}" for network in NETWORKS for kind in ("right", "wrong")]
        arrays["which"] = np.repeat(kinds, n // 4)
    np.savez(path, names=labels.astype(str), indices=np.arange(n), made_by="{}", **arrays)


def write_all(folder: Path, seeds: int = 2) -> None:
    """Every result file that a figure is drawn from."""
    write_sweeps(folder, seeds)
    write_costs(folder)
    write_compared(folder, seeds)
    write_evidence(folder, seeds)
