"""The findings on what changes with how the networks are trained."""

from collections.abc import Callable
from pathlib import Path

from analysis.report.wording import (
    NETWORKS,
    TITLES,
    Section,
    capital,
    percent,
    points,
    read_csv,
    whole,
    words,
)


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
                f"{TITLES[name]} is best at {level_words(best, unit)} "
                f"({percent(means[name, best])} %) and worst at {level_words(worst, unit)} "
                f"({percent(means[name, worst])} %)"
            )
        ranges = means.groupby("network").agg(lambda x: x.max() - x.min())
        noise = spread.max()
        small = bool((ranges < noise).all())
        return {
            "seeds": str(table["seed"].nunique()),
            "images": whole(table["train_images"].iloc[0]),
            "epochs": str(table["training_epochs"].iloc[0]),
            "best": {name: level_words(means[name].idxmax(), unit) for name in NETWORKS},
            "finding": capital("; ".join(parts))
            + ". "
            + (
                "That is no more than seeds differ among themselves, so no level can be preferred."
                if small
                else f"Runs of one level differ by up to {100 * noise:.2f} points between seeds."
            ),
        }

    return section


def level_words(level: str, unit: str) -> str:
    """As "16,000 images", "1 epoch" or "no augmentation"."""
    name = {"none": "no"}.get(level, words(level))
    number = f"{int(level):,}" if level.isdecimal() else name
    return f"{number} {unit[:-1] if level == '1' else unit}".strip()


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
