"""The findings on cost: formulas, the paper's tables, the clock, and budgets."""

from pathlib import Path

import pandas as pd

from analysis.plots.catalogue.speed import targets
from analysis.plots.results import Results
from analysis.plots.style import NAMES
from analysis.report.wording import (
    Section,
    block_words,
    costs,
    percent,
    points,
    read_csv,
    read_json,
    whole,
)


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


def speed(results: Path) -> Section:
    """The targets of speed: how many were reached, and the costs that explain those missed."""
    found = targets(Results(results))
    missed = found[found["reached"] == "no"]
    names = [
        f"{row.quantity}{f', {NAMES[row.network]}' if row.network else ''} "
        f"({row.median:.3g} instead of {row.target.split()[1]})"
        for row in missed.itertuples()
    ]
    serving = read_csv(results / "benchmark" / "serving.csv").set_index(["quantity", "arm"])
    call = 1e3 / serving.loc[("1 client", "do nothing"), "median"]
    share = serving.loc[("1 client, share of doing nothing", "demo")]
    times = read_csv(results / "benchmark" / "inference.csv")
    arm = f"ours, {threads(results)} threads"
    ours = times[(times["quantity"] == "one image") & (times["arm"] == arm)]
    one = ours.set_index("network").loc["standard", "median"]
    roofs = read_csv(results / "benchmark" / "hardware.csv")
    products = roofs[roofs["quantity"].str.startswith("matrix product, float32")]
    data = read_csv(results / "benchmark" / "data.csv")
    ratios = data[data["quantity"].str.endswith("times the bare decode")].set_index("arm")["median"]
    return {
        "count": str(len(found)),
        "reached": str(len(found) - len(missed)),
        "missed": "; ".join(names) or "none",
        "one": f"{one:.0f}",
        "rate": f"{2e-3 * costs(results).loc['standard', 'macs'] / one:.0f}",
        "peak": f"{products['median'].max():.0f}",
        "call": f"{call:.1f}",
        "reading": f"{serving.loc[('reading a picture, no server', 'demo'), 'median']:.1f}",
        "networks": f"{serving.loc[('both networks alone, no server', 'demo'), 'median']:.2f}",
        "most_share": f"{share['theory']:.2f}",
        "share": f"{share['median']:.2f}",
        "zip": f"{ratios['ours']:.2f}",
        "listing": f"{100 * ratios['the list of files']:.0f}",
        "table": f"{100 * ratios['the list, the labels and the checks']:.0f}",
    }


def threads(results: Path) -> int:
    """That the benchmark used."""
    return read_json(results / "benchmark" / "inference.json")["made_by"]["threads"]


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
    mobile, narrow = means.loc[("mobilenet", 1.0)], equal_budget(means)
    row = means.loc[("standard", narrow)]
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


def equal_budget(means: pd.DataFrame) -> float:
    """Width at which the standard network has as many parameters as the MobileNet, about."""
    wanted = means.loc[("mobilenet", 1.0), "params"]
    return (means.loc["standard", "params"] / wanted - 1).abs().idxmin()


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
