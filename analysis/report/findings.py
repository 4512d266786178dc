"""Every number and every finding of the report's text, computed from the result files.

Each section is a function of the results folder; its values are strings, ready to be set. What a
sentence claims is decided by the numbers: another result gives another sentence.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NETWORKS = ("standard", "mobilenet")
TITLES = {"standard": "the standard network", "mobilenet": "the MobileNet network"}
MINUS = "−"

Section = dict[str, Any]


def report(results: Path) -> dict[str, Section]:
    """All sections whose files are there.

    Raises:
        FileNotFoundError: a file is missing that no report can do without.
        KeyError: a file lacks a column.
    """
    return {
        name: section(results)
        for name, section in SECTIONS.items()
        if name not in OPTIONAL or (results / OPTIONAL[name]).exists()
    }


# --- Sections -----------------------------------------------------------------------------------


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
            f"It does so with {params:.2f} times fewer parameters and {macs:.2f} times fewer "
            f"multiply–accumulates, and answers {one:.2f} times faster for one image "
            f"({batch:.2f} times in a batch) on one thread of this machine."
        ),
        "mcnemar": table,
        "mcnemar_finding": (
            f"Image by image, exact McNemar tests find a difference (p < 0.05) in {significant} of "
            f"{found['n_seeds']} pairs of runs."
        ),
    }


COUNTS = ("both_right", "only_standard", "only_mobilenet", "none_right")


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


def data(results: Path) -> Section:
    """The data card."""
    card = read_json(results / "data_card.json")
    train, test = card["splits"]["train"], card["splits"]["test"]
    counts = np.array(train["class_counts"])
    repeated = train["duplicates"]["images"]
    shared = card["across_splits"]["test_images_in_train"]
    errors = card["label_errors"]
    return {
        "source": (card["record"] or {}).get("source", card["dataset"]),
        "train_images": whole(train["images"]),
        "test_images": whole(test["images"]),
        "ratio": f"{train['imbalance_ratio']:g}",
        "most": whole(counts.max()),
        "least": whole(counts.min()),
        "rarest": str(counts.argmin()),
        "train_counts": [whole(count) for count in train["class_counts"]],
        "test_counts": [whole(count) for count in test["class_counts"]],
        "duplicates": (
            f"{whole(repeated)} training images repeat another one pixel for pixel, and "
            f"{whole(shared)} test images are in the training set."
        ),
        "label_errors": (
            f"{errors['known']} labels of the test set are known to be wrong "
            f"({errors['source']}): about "
            f"{100 * (1 - errors['known'] / test['images']):.2f} % is the honest ceiling."
            if errors["test_set_is_mnist"]
            else "The test set is a part of MNIST's training set, whose wrong labels are not "
            "known one by one."
        ),
    }


def cost_model(results: Path) -> Section:
    """Arithmetic: the formulas at our blocks, the paper's tables, and what the clock says."""
    table = pd.read_csv(results / "paper_tables.csv", dtype={"table": str})
    shares = table[table["table"] == "2"]
    cost = costs(results)
    layers = read_csv(results / "layer_costs.csv").set_index(["network", "layer"])
    separable = layers.loc["mobilenet"].query("kind in ('depthwise', 'pointwise')")
    replaced = layers.loc["standard"].query("block > 2 and kind == 'conv'")
    return {
        "blocks_macs_ratio": f"{replaced['macs'].sum() / separable['macs'].sum():.2f}",
        "blocks_params_ratio": f"{replaced['params'].sum() / separable['params'].sum():.2f}",
        "depthwise_share": f"{100 * depthwise_share(separable, cost):.1f}",
        "paper": [
            {
                "table": row.table,
                "row": row.row,
                "paper_macs": f"{row.paper_macs_millions:g}",
                "macs": whole(row.macs),
                "paper_params": f"{row.paper_params_millions:g}",
                "params": whole(row.params),
                "top1": f"{row.imagenet_top1:.1f}",
            }
            for row in table[table["table"] != "2"].itertuples()
        ],
        "shares": [
            {
                "row": row.row,
                "paper_macs": f"{row.paper_macs_share:.2f}",
                "macs": f"{row.macs_share:.2f}",
                "paper_params": f"{row.paper_params_share:.2f}",
                "params": f"{row.params_share:.2f}",
                "agrees": bool(row.agrees),
            }
            for row in shares.itertuples()
        ],
        "rows": str(len(table)),
        "agreeing": str(int(table["agrees"].astype(bool).sum())),
    }


def depthwise_share(separable: pd.DataFrame, cost: pd.DataFrame) -> float:
    """Share of the MobileNet network's MACs that its depthwise layers have."""
    depthwise = separable.query("kind == 'depthwise'")["macs"].sum()
    return float(depthwise / cost.loc["mobilenet", "macs"])


def roofline(results: Path) -> Section:
    """Why the measured speed-up is not the ratio of MACs."""
    table = read_csv(results / "benchmark" / "latency.csv")
    roofs = read_csv(results / "benchmark" / "roofline.csv").set_index("threads").loc[1]
    table = table.query("engine == 'ours' and threads == 1 and batch == 16")
    layers = table[table["kind"] != "network"]
    totals = layers.groupby("network")["us"].sum()
    mobile = layers[layers["network"] == "mobilenet"].set_index("kind")
    depthwise = mobile.loc[["depthwise"]]
    dense = layers[layers["kind"].isin(["conv", "pointwise"]) & (layers["macs"] > 1e6)]
    return {
        "processor": read_json(results / "benchmark" / "layers.json")["made_by"]["machine"][
            "processor"
        ],
        "peak": f"{roofs['peak_gmacs_per_s']:.0f}",
        "bandwidth": f"{roofs['cache_gb_per_s']:.0f}",
        "ridge": f"{roofs['ridge_cache']:.2g}",
        "depthwise_macs": f"{100 * depthwise['macs'].sum() / mobile['macs'].sum():.1f}",
        "depthwise_time": f"{100 * depthwise['us'].sum() / totals['mobilenet']:.0f}",
        "rest_time": f"{100 * mobile.loc[['rest'], 'us'].sum() / totals['mobilenet']:.0f}",
        "depthwise_intensity": f"{depthwise['intensity'].mean():.2g}",
        "depthwise_rate": f"{depthwise['gmacs_per_s'].mean():.1f}",
        "dense_rate": f"{dense['gmacs_per_s'].mean():.0f}",
        "dense_share": f"{100 * dense['gmacs_per_s'].mean() / roofs['peak_gmacs_per_s']:.0f}",
        "layers_ratio": f"{totals['standard'] / totals['mobilenet']:.2f}",
    }


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


def separability(results: Path) -> Section:
    """How near learned standard kernels are to depthwise ones."""
    table = read_csv(results / "separability.csv").query("rank == 1")
    standard = table.query("network == 'standard' and block > 1")
    mean = standard.groupby(["measure", "weights"])["energy"].mean()
    by_block = standard.query("measure == 'depthwise' and weights == 'trained'")
    top = by_block.loc[by_block["energy"].idxmax()]
    learned, chance = mean["depthwise", "trained"], mean["depthwise", "gaussian"]
    nearer = learned > chance + 0.02
    return {
        "depthwise_trained": f"{100 * learned:.0f}",
        "depthwise_random": f"{100 * chance:.0f}",
        "spatial_trained": f"{100 * mean['spatial', 'trained']:.0f}",
        "spatial_random": f"{100 * mean['spatial', 'gaussian']:.0f}",
        "finding": (
            f"Training moves standard kernels towards the depthwise form: of each input channel's "
            f"filters, one shared 3×3 pattern carries {100 * learned:.0f} % of the energy, against "
            f"{100 * chance:.0f} % for random weights (most in block {top['block']}, "
            f"{100 * top['energy']:.0f} %)."
            if nearer
            else f"Training hardly moves standard kernels towards the depthwise form: one shared "
            f"3×3 pattern carries {100 * learned:.0f} % of an input channel's energy, random "
            f"weights {100 * chance:.0f} %."
        ),
    }


def embeddings(results: Path) -> Section:
    """Whether neighbours are of one class: pixels, untrained, trained."""
    table = read_csv(results / "projection_scores.csv").set_index(["space", "method"])
    spaces = [("raw", "pixels")] + [
        (f"{name}_{state}", f"{name}, {state}")
        for state in ("untrained", "trained")
        for name in NETWORKS
    ]
    knn = {space: table.loc[(space, "none"), "knn_accuracy"] for space, _ in spaces}
    worse = [name for name in NETWORKS if knn[f"{name}_untrained"] < knn["raw"]]
    return {
        "n": whole(table["n"].iloc[0]),
        "perplexity": f"{table['perplexity'].dropna().iloc[0]:g}",
        "neighbours": f"{table['neighbours'].dropna().iloc[0]:g}",
        "rows": [
            {
                "space": title,
                "knn": percent(knn[space]),
                **{
                    f"{method}_{key}": f"{table.loc[(space, method), column]:.3f}"
                    for method in ("tsne", "umap")
                    for key, column in (("knn", "knn_accuracy"), ("trust", "trustworthiness"))
                },
            }
            for space, title in spaces
        ],
        "finding": (
            f"Ten nearest neighbours name {percent(knn['raw'])} % of the digits from raw pixels, "
            f"{percent(knn['standard_trained'])} and {percent(knn['mobilenet_trained'])} % from "
            "the trained embeddings of the standard and the MobileNet network."
            + (
                " Untrained networks lose something: "
                + " and ".join(f"{percent(knn[f'{n}_untrained'])} % ({n})" for n in worse)
                + ". Pooling away the place of the ink costs more than random features bring."
                if worse
                else ""
            )
        ),
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


def corruptions(results: Path) -> Section:
    """Accuracy on damaged digits, none of which was trained on."""
    table = read_csv(results / "corruptions.csv")
    means = table.groupby(["corruption", "network"])["accuracy"].mean().unstack()
    clean, damaged = means.loc["identity"], means.drop(index="identity")
    gap = (damaged["mobilenet"] - damaged["standard"]).sort_values()
    worst = damaged.mean(axis=1).sort_values()
    overall = damaged.mean()
    ahead = "mobilenet" if overall["mobilenet"] > overall["standard"] else "standard"
    behind = NETWORKS[1 - NETWORKS.index(ahead)]
    return {
        "n": whole(table["n"].iloc[0]),
        "kinds": str(len(damaged)),
        "clean": {name: percent(clean[name]) for name in NETWORKS},
        "mean": {name: percent(overall[name]) for name in NETWORKS},
        "worst": f"{words(worst.index[0])} ({percent(worst.iloc[0])} % on average)",
        "finding": (
            f"Averaged over {len(damaged)} corruptions, {TITLES[ahead]} keeps "
            f"{percent(overall[ahead])} % and {TITLES[behind]} {percent(overall[behind])} %. The "
            f"MobileNet network loses most against the standard one under {words(gap.index[0])} "
            f"({points(gap.iloc[0])} points) and gains most under {words(gap.index[-1])} "
            f"({points(gap.iloc[-1])})."
        ),
    }


def imbalance(results: Path) -> Section:
    """Losses on long-tailed training sets, with rotated tails."""
    table = read_csv(results / "imbalance.csv")
    parts = table["dataset"].str.extract(r"exp(?P<ratio>\d+)-(?P<rotation>\d+)")
    table = table.assign(ratio=parts["ratio"].astype(int), rotation=parts["rotation"])
    keys = ["ratio", "network", "level"]
    means = table.groupby(keys)[["balanced_accuracy", "macro_f1", "worst_recall"]].mean()
    ratios = sorted(table["ratio"].unique())
    findings = []
    for ratio in ratios:
        parts_of = []
        for name in NETWORKS:
            scores = means.loc[ratio, name]["balanced_accuracy"]
            best = scores.idxmax()
            parts_of.append(
                f"{percent(scores['cross_entropy'])} % with cross entropy and "
                f"{percent(scores[best])} % with {words(best)} ({name})"
            )
        findings.append(f"At a ratio of {ratio} the balanced accuracy is {'; '.join(parts_of)}.")
    return {
        "rotations": str(table["rotation"].nunique()),
        "images": ", ".join(
            f"{whole(table[table['ratio'] == ratio]['train_images'].iloc[0])} at a ratio of {ratio}"
            for ratio in ratios
        ),
        "rows": [
            {
                "ratio": str(ratio),
                "loss": words(level),
                **{
                    f"{name}_{key}": percent(means.loc[(ratio, name, level), column])
                    for name in NETWORKS
                    for key, column in (("balanced", "balanced_accuracy"), ("f1", "macro_f1"),
                                        ("worst", "worst_recall"))
                },
            }
            for ratio in ratios
            for level in table["level"].unique()
        ],
        "finding": " ".join(findings),
    }  # fmt: skip


def blocks(results: Path) -> Section:
    """The grid of block counts."""
    table = read_csv(results / "blocks.csv")
    means = table.groupby("network").mean(numeric_only=True)
    times = read_csv(results / "latency.csv").query("width == 1 and resolution == 28")
    means = means.join(times.set_index("network")["seconds_one"])
    best = means["accuracy"].idxmax()
    small = means[means["accuracy"] > means["accuracy"].max() - 0.01]["macs"].idxmin()
    return {
        "cells": str(len(means)),
        "seeds": str(table["seed"].nunique()),
        "rows": [
            {
                "blocks": name,
                "accuracy": percent(row["accuracy"]),
                "params": whole(row["params"]),
                "macs": whole(row["macs"]),
                "latency": f"{1e6 * row['seconds_one']:.0f}",
            }
            for name, row in means.iterrows()
        ],
        "finding": (
            f"The best of {len(means)} counts is {block_words(best)} with "
            f"{percent(means.loc[best, 'accuracy'])} %; the cheapest within one point of it is "
            f"{block_words(small)}, with {percent(means.loc[small, 'accuracy'])} % for "
            f"{means.loc[best, 'macs'] / means.loc[small, 'macs']:.1f} times fewer MACs."
        ),
    }


def pareto(results: Path) -> Section:
    """Width and resolution; and equal budgets."""
    width = read_csv(results / "width.csv")
    means = width.groupby(["network", "width"]).mean(numeric_only=True)
    mobile = means.loc[("mobilenet", 1.0)]
    standard = means.loc["standard"]
    narrow = (standard["params"] / mobile["params"] - 1).abs().idxmin()
    row = standard.loc[narrow]
    gap = mobile["accuracy"] - row["accuracy"]
    sizes = read_csv(results / "resolution.csv").groupby(["network", "resolution"])
    by_size = sizes["accuracy"].mean().unstack(0)
    return {
        "width": f"{narrow:g}",
        "params": whole(row["params"]),
        "macs": whole(row["macs"]),
        "finding": (
            f"At an equal budget of parameters (standard at width {narrow:g}: "
            f"{whole(row['params'])} parameters and {whole(row['macs'])} MACs) the standard "
            f"network reaches {percent(row['accuracy'])} % and the MobileNet network "
            f"{percent(mobile['accuracy'])} %: {points(gap)} points for the separable blocks."
        ),
        "resolutions": "; ".join(
            f"{size} px: {percent(row['standard'])} and {percent(row['mobilenet'])} %"
            for size, row in by_size.iterrows()
        ),
    }


def mobilenet_v1(results: Path) -> Section:
    """The whole network of the paper."""
    row = read_csv(results / "mobilenet_v1.csv").iloc[0]
    return {
        "accuracy": percent(row["accuracy"]),
        "balanced_accuracy": percent(row["balanced_accuracy"]),
        "params": whole(row["params"]),
        "macs": whole(row["macs"]),
        "width": f"{row['width']:g}",
        "resolution": str(row["resolution"]),
        "epochs": str(row["training_epochs"]),
        "minutes": f"{row['training_seconds'] / 60:.0f}",
    }


def sweep_of(factor: str, unit: str) -> Callable[[Path], Section]:
    """A section on one factor: the best level of each network, and how much it matters."""

    def section(results: Path) -> Section:
        table = read_csv(results / f"{factor}.csv", dtype={"level": str})
        means = table.groupby(["network", "level"], sort=False)["accuracy"].mean()
        spread = table.groupby(["network", "level"])["accuracy"].agg(lambda x: x.max() - x.min())
        parts = []
        for name in NETWORKS:
            best, worst = means[name].idxmax(), means[name].idxmin()
            parts.append(
                f"{TITLES[name]} is best at {words(best)}{unit} ({percent(means[name, best])} %) "
                f"and worst at {words(worst)}{unit} ({percent(means[name, worst])} %)"
            )
        ranges = means.groupby("network").agg(lambda x: x.max() - x.min())
        noise = spread.max()
        small = bool((ranges < noise).all())
        return {
            "seeds": str(table["seed"].nunique()),
            "images": whole(table["train_images"].iloc[0]),
            "epochs": str(table["training_epochs"].iloc[0]),
            "best": {name: words(means[name].idxmax()) for name in NETWORKS},
            "finding": capital("; ".join(parts))
            + ". "
            + (
                "That is no more than seeds differ among themselves, so no level can be preferred."
                if small
                else f"Runs of one level differ by up to {100 * noise:.2f} points between seeds."
            ),
        }

    return section


def precision(results: Path) -> Section:
    """Whether bfloat16, which sped up the sweeps of the standard network, cost accuracy."""
    table = read_csv(results / "precision.csv", dtype={"level": str})
    wide = table.pivot_table(index=["network", "seed"], columns="level", values="accuracy")
    change = (wide["bfloat16"] - wide["float32"]).groupby("network").mean()
    seconds = table.groupby(["network", "level"])["training_seconds"].median()
    return {
        "seeds": str(table["seed"].nunique()),
        "finding": "Training in bfloat16 changes the accuracy by "
        + " and ".join(f"{points(change[name])} points ({name})" for name in NETWORKS)
        + " and the time by a factor of "
        + " and ".join(
            f"{seconds[name, 'bfloat16'] / seconds[name, 'float32']:.2f} ({name})"
            for name in NETWORKS
        )
        + ".",
    }


SECTIONS: dict[str, Callable[[Path], Section]] = {
    "headline": headline,
    "data": data,
    "cost_model": cost_model,
    "roofline": roofline,
    "errors": errors,
    "roc": roc,
    "curves": curves,
    "separability": separability,
    "embeddings": embeddings,
    "calibration": calibration,
    "corruptions": corruptions,
    "imbalance": imbalance,
    "blocks": blocks,
    "pareto": pareto,
    "mobilenet_v1": mobilenet_v1,
    "loss": sweep_of("loss", ""),
    "batch_size": sweep_of("batch_size", " images"),
    "learning_rate": sweep_of("learning_rate", ""),
    "training_epochs": sweep_of("training_epochs", " epochs"),
    "train_size": sweep_of("train_size", " images"),
    "augment": sweep_of("augment", " augmentation"),
    "precision": precision,
}
OPTIONAL = {"precision": "precision.csv"}


# --- Reading and wording ------------------------------------------------------------------------


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """A table; networks and classes are names even where they look like numbers."""
    types = {"network": str, "class": str, **options.pop("dtype", {})}
    header = pd.read_csv(path, nrows=0).columns
    return pd.read_csv(path, dtype={k: v for k, v in types.items() if k in header}, **options)


def read_json(path: Path) -> dict[str, Any]:
    """A file of results."""
    return json.loads(path.read_text(encoding="utf-8"))


def costs(results: Path) -> pd.DataFrame:
    """Parameters and MACs by network."""
    table = read_csv(results / "layer_costs.csv")
    return table.groupby("network")[["params", "macs"]].sum()


def latency(results: Path) -> pd.DataFrame:
    """Measured times of the pair, by network."""
    table = read_csv(results / "latency.csv").query("width == 1 and resolution == 28")
    return table.set_index("network").loc[list(NETWORKS)]


def percent(fraction: float | None) -> str:
    """0.98765 -> "98.77"."""
    return "n/a" if fraction is None else f"{100 * fraction:.2f}"


def points(fraction: float) -> str:
    """-0.00123 -> "−0.12", with its sign."""
    return f"{100 * fraction:+.2f}".replace("-", MINUS)


def interval(found: dict[str, Any], form: Callable[[float], str] = percent) -> str:
    """As in "98.61 to 98.93"."""
    if found["low"] is None:
        return "no interval from one seed"
    return f"{form(found['low'])} to {form(found['high'])}"


def p_value(p: float | None) -> str:
    """Two digits, or that it is tiny."""
    if p is None:
        return "n/a"
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def whole(value: float) -> str:
    """1234567 -> "1,234,567"."""
    return f"{int(value):,}"


def words(name: object) -> str:
    """cross_entropy -> cross entropy."""
    return str(name).replace("ldam_drw", "LDAM-DRW").replace("_", " ")


def block_words(name: str) -> str:
    """From "2+1" to "2 conv and 1 MobileNet blocks"."""
    conv, dw = name.split("+")
    return f"{conv} conv and {dw} MobileNet blocks"


def capital(sentence: str) -> str:
    """With a capital letter."""
    return sentence[:1].upper() + sentence[1:]


def names_of(section: Section, prefix: str = "") -> Sequence[str]:
    """Every value's path, as the page writes it: "headline.standard.accuracy"."""
    paths: list[str] = []
    for key, value in section.items():
        inner = isinstance(value, dict)
        paths += names_of(value, f"{prefix}{key}.") if inner else [f"{prefix}{key}"]
    return paths
