"""The findings on the pair: accuracy, verdict, errors, curves and confidence."""

from pathlib import Path
from typing import Any

import numpy as np

from analysis.report.wording import (
    NETWORKS,
    TITLES,
    Section,
    costs,
    interval,
    latency,
    p_value,
    percent,
    points,
    read_csv,
    read_json,
    whole,
)

COUNTS = ("both_right", "only_standard", "only_mobilenet", "none_right")


def headline(results: Path) -> Section:
    """Accuracy of the pairs of seeds, costs, and the verdict."""
    found = read_json(results / "headline.json")
    cost = costs(results)
    pair = latency(results)
    runs = read_csv(results / "pairs.csv").set_index(["network", "seed"])
    rows = {}
    for name in NETWORKS:
        scores = found["networks"][name]
        rows[name] = {
            "accuracy": percent(scores["accuracy"]["mean"]),
            "accuracy_interval": interval(scores["accuracy"]),
            "error": percent(scores["error_rate"]["mean"]),
            "balanced_accuracy": percent(scores["balanced_accuracy"]["mean"]),
            "balanced_accuracy_interval": interval(scores["balanced_accuracy"]),
            "macro_f1": percent(scores["macro_f1"]["mean"]),
            "macro_f1_interval": interval(scores["macro_f1"]),
            "worst_recall": percent(scores["worst_recall"]["mean"]),
            "sd": percent(scores["accuracy"]["sd"]),
            "params": whole(cost.loc[name, "params"]),
            "macs": whole(cost.loc[name, "macs"]),
            "latency": f"{1e6 * pair.loc[name, 'seconds_one']:.0f}",
            "throughput": whole(round(1 / pair.loc[name, "seconds_batch"])),
            "learning_rate": f"{runs.loc[name, 'learning_rate'].iloc[0]:g}",
            "training_seconds": f"{runs.loc[name, 'training_seconds'].median():.0f}",
        }
    params, macs = (cost.loc["standard", key] / cost.loc["mobilenet", key]
                    for key in ("params", "macs"))  # fmt: skip
    one, batch = (pair.loc["standard", key] / pair.loc["mobilenet", key]
                  for key in ("seconds_one", "seconds_batch"))  # fmt: skip
    table = [
        {key: whole(row[key]) if key in ("seed", *COUNTS) else f"{row[key]:.2g}" for key in row}
        for row in found["mcnemar"]
    ]
    significant = sum(row["p"] < 0.05 for row in found["mcnemar"])
    return {
        **rows,
        "seeds": str(found["n_seeds"]),
        "test_images": whole(found["test_images"]),
        "train_images": whole(runs["train_images"].iloc[0]),
        "validation_images": whole(runs["validation_images"].iloc[0]),
        "epochs": str(runs["training_epochs"].iloc[0]),
        "batch_size": str(runs["batch_size"].iloc[0]),
        "params_ratio": f"{params:.2f}",
        "macs_ratio": f"{macs:.2f}",
        "latency_ratio": f"{one:.2f}",
        "throughput_ratio": f"{batch:.2f}",
        "difference": points(found["difference"]["accuracy"]["mean"]),
        "difference_interval": interval(found["difference"]["accuracy"], points),
        "difference_p": p_value(found["difference"]["accuracy"]["p"]),
        "verdict": verdict(found),
        "equivalence": equivalence(found),
        "cost_verdict": (
            f"The MobileNet network has {params:.2f} times fewer parameters and {macs:.2f} times "
            f"fewer multiply–accumulates, and answers {one:.2f} times faster for one image "
            f"({batch:.2f} times in a batch) on one thread of this machine."
        ),
        "mcnemar": table,
        "mcnemar_finding": (
            f"Image by image, exact McNemar tests find a difference (p < 0.05) in {significant} of "
            f"{found['n_seeds']} pairs of runs."
        ),
    }


def verdict(found: dict[str, Any]) -> str:
    """What the paired difference in accuracy says."""
    change = found["difference"]["accuracy"]
    size = f"{abs(100 * change['mean']):.2f} points"
    if change["low"] is None:
        return (
            f"With one pair of runs, the MobileNet network's accuracy differs by "
            f"{points(change['mean'])} points; one pair cannot say more."
        )
    reach = f"95 % interval {interval(change, points)} points, {found['n_seeds']} pairs of seeds"
    if change["low"] > 0:
        return f"The MobileNet network is more accurate, by {size} ({reach})."
    if change["high"] < 0:
        return f"The MobileNet network is less accurate, by {size} ({reach})."
    if found["equivalence"]["equivalent"]:
        return f"The two networks are equally accurate within ±0.1 point ({reach})."
    return (
        f"The difference in accuracy, {points(change['mean'])} points, cannot be told from none "
        f"({reach})."
    )


def equivalence(found: dict[str, Any]) -> str:
    """What the two one-sided tests say."""
    test = found["equivalence"]
    if test["equivalent"] is None:
        return "Equivalence needs more than one seed."
    reach = f"90 % interval of the difference {interval(test, points)} points"
    shown = "is shown" if test["equivalent"] else "is not shown"
    return f"Equivalence within ±0.1 point {shown} (TOST p = {p_value(test['p'])}; {reach})."


def errors(results: Path) -> Section:
    """The images that a network of the first seed gets wrong."""
    with np.load(results / "errors.npz") as file:
        labels = file["labels"]
        wrong = {name: file[name] != labels for name in NETWORKS}
    both = int((wrong["standard"] & wrong["mobilenet"]).sum())
    confusion = read_csv(results / "confusion.csv").query("true != predicted")
    worst = {
        name: confusion[confusion["network"] == name].nlargest(1, "count").iloc[0]
        for name in NETWORKS
    }
    scores = read_csv(results / "class_scores.csv")
    means = scores.groupby(["network", "class"])["recall"].mean()
    return {
        "either": whole((wrong["standard"] | wrong["mobilenet"]).sum()),
        "both": whole(both),
        **{name: whole(wrong[name].sum()) for name in NETWORKS},
        "shared_share": f"{100 * both / max(1, int(wrong['standard'].sum())):.0f}",
        "confusions": "; ".join(
            f"{TITLES[name]} most often reads a {row['true']} as a {row['predicted']} "
            f"({whole(row['count'])} times in {row['seeds']} runs)"
            for name, row in worst.items()
        ),
        "hardest": "; ".join(
            f"{TITLES[name]} has its lowest recall on {means[name].idxmin()} "
            f"({percent(means[name].min())} %)"
            for name in NETWORKS
        ),
    }


def roc(results: Path) -> Section:
    """Areas under the curves."""
    table = read_csv(results / "auc.csv")
    means = table.groupby(["network", "class"])["auc"].mean()
    return {
        name: {
            "micro": f"{means[name, 'micro']:.5f}",
            "macro": f"{means[name, 'macro']:.5f}",
            "lowest": f"{means[name].min():.5f}",
            "lowest_class": str(means[name].idxmin()),
        }
        for name in NETWORKS
    }


def curves(results: Path) -> Section:
    """How training went."""
    table = read_csv(results / "histories.csv")
    last = table[table["epoch"] == table["epoch"].max()].groupby("network").mean(numeric_only=True)
    early = table[table["epoch"] == 1].groupby("network").mean(numeric_only=True)
    return {
        name: {
            "first": percent(early.loc[name, "validation_accuracy"]),
            "train": percent(last.loc[name, "train_accuracy"]),
            "validation": percent(last.loc[name, "validation_accuracy"]),
            "gap": points(last.loc[name, "validation_accuracy"] - last.loc[name, "train_accuracy"]),
        }
        for name in NETWORKS
    }


def calibration(results: Path) -> Section:
    """Confidence against truth, before and after temperature scaling."""
    table = read_csv(results / "calibration_scores.csv").groupby("network").mean(numeric_only=True)
    found = read_json(results / "headline.json")["networks"]
    section: Section = {}
    for name in NETWORKS:
        row = table.loc[name]
        section[name] = {
            "temperature": f"{row['temperature']:.2f}",
            "aurc": f"{1e4 * found[name]['aurc']['mean']:.2f}",
        }
        for score, digits, factor in (("nll", 4, 1), ("brier", 4, 1), ("ece", 2, 100)):
            for when in ("before", "after"):
                value = factor * row[f"{score}_{when}"]
                section[name][f"{score}_{when}"] = f"{value:.{digits}f}"
    better = [n for n in NETWORKS if table.loc[n, "nll_after"] < table.loc[n, "nll_before"]]
    section["finding"] = {
        2: "Temperature scaling, fitted on validation images, lowers the NLL of both networks.",
        1: f"Temperature scaling lowers the NLL of {TITLES[better[0]] if better else ''} only.",
        0: "Temperature scaling, fitted on the imbalanced validation set, helps neither network "
        "on the balanced test set.",
    }[len(better)]
    risk = read_csv(results / "risk_coverage.csv")
    kept = {}
    for name in NETWORKS:
        rows = risk[risk["network"] == name].sort_values("coverage")
        kept[name] = np.interp(0.95, rows["coverage"], rows["risk"])
    section["selective"] = (
        "Refusing the least confident 5 % of the images leaves an error rate of "
        + " and ".join(f"{percent(kept[n])} % ({n})" for n in NETWORKS)
        + "."
    )
    return section
