r"""What spoiled and moved images do: the 15 kinds of MNIST-C, and small affine changes.

python -m analysis.questions.damage --runs runs/report/full/pairs --dataset-path data/course \
    --count 2000 --output figures/data/full

The networks were trained on none of the corruptions, and every network sees the same pictures. The
corruptions are those of netlib.measure.corruptions: re-implementations, with their severities.
"""

import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.build.plan import Plan, Step
from analysis.frame.command import made_by, progress, start, write_json
from analysis.frame.results import Results, write_table
from analysis.frame.wording import (
    by_network,
    compared,
    count_text,
    gap_text,
    gaps_of,
    judged_text,
    listed,
    p_value,
    percent,
    seeds_text,
    side,
    whole,
    words,
)
from analysis.look.grids import draw_heat
from analysis.look.lines import draw_shift
from analysis.look.style import (
    COLUMN,
    FULL,
    NETWORKS,
    blank,
    errors,
    key_above,
    least_text,
    name_of,
)
from analysis.questions import Drawn, Sections, figure
from netlib import answer, measure
from netlib import data as digits

if TYPE_CHECKING:
    from netlib.answer import Predictor
    from netlib.measure import Pairs


IDENTITY = "identity"

# Kind of affine change -> its axis, and how far.
SHIFTS: dict[str, tuple[str, tuple[float, ...]]] = {
    "rotate": ("rotation (degrees)", (-45, -30, -15, 0, 15, 30, 45)),
    "shift": ("shift (pixels)", (0, 1, 2, 3, 4, 5, 6)),
    "scale": ("scale factor", (0.5, 0.6, 0.7, 0.8, 1, 1.2, 1.4)),
    "shear": ("shear factor", (-0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75)),
}

DIRECTIONS = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])  # of a shift: down, right


@dataclass(frozen=True, kw_only=True)
class Options:
    """Test kept networks on spoiled digits.

    Attributes:
        runs: folder of kept runs, of analysis.sweep --keep.
        dataset_path: data set that they were trained on.
        count: test images, stratified; all if there are fewer.
        seed: of the choice of images and of the corruptions.
        output: folder for the tables.
    """

    runs: Path
    dataset_path: Path
    count: int = 2000
    seed: int = 0
    output: Path


def steps(plan: Plan) -> Iterator[Step]:
    """Every kept run on every kind of damage."""
    files = "corruptions.csv shifts.csv corruptions.json"
    options = (*plan.kept, *plan.course, *plan.count)
    yield plan.step("damage", *options, outputs=files, inputs="pairs.csv")


def run(options: Options) -> list[Path]:
    """Spoil, test, write."""
    pairs = measure.find_pairs(options.runs)
    images, labels = read_images(pairs, options)
    predictor = answer.Predictor({kept.folder.name: kept.checkpoint for kept in pairs})
    sets = {"corruptions": corrupted(images, options.seed), "shifts": shifted(images, options.seed)}
    written = []
    for name, spoiled in sets.items():
        rows = [
            row
            for what, x in progress(spoiled, name)
            for row in accuracies(pairs, predictor, x, labels, what)
        ]
        table = pd.DataFrame(rows).sort_values("network", ascending=False, kind="stable")
        written.append(write_table(options.output / f"{name}.csv", table, digits=6))
    made = made_by(options, "numpy", "scipy", "onnxruntime", seeds=pairs.seeds, n=len(images))
    record = {
        "made_by": made,
        "severities": {kind: found.severity for kind, found in measure.CORRUPTIONS.items()},
        "chosen": f"{len(labels)} test images, each class by its share",
        "shifts": "a shift goes up, down, left or right, drawn for each image",
    }
    return [*written, write_json(options.output / "corruptions.json", record)]


def read_images(pairs: "Pairs", options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Some test images (n, 28, 28), floats in [0, 1], each class by its share, and labels (n,).

    Raises:
        ValueError: a run was tested on others, or sees them at another resolution.
    """
    dataset = digits.DigitDataset(options.dataset_path, "test")
    for kept in pairs:
        measure.check_test_set(kept, dataset, options.dataset_path)
        if kept.settings["resolution"] != dataset.input_dim[1]:
            raise ValueError(
                f"{kept.folder} sees {kept.settings['resolution']} pixels; the corruptions are "
                f"made for {dataset.input_dim[1]}."
            )
    labels = dataset.labels.numpy()
    chosen = digits.some_stratified(labels, options.count, options.seed)
    return dataset.images[chosen, 0].numpy() / np.float32(255), labels[chosen]


def corrupted(images: np.ndarray, seed: int) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """What was done, and the images after it; first, nothing."""
    yield {"corruption": IDENTITY}, images
    for kind in measure.CORRUPTIONS:
        yield {"corruption": kind}, measure.corrupt(images, kind, seed)


def shifted(images: np.ndarray, seed: int) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """What was done, and the images after it, from one end of each range to the other."""
    directions = np.random.default_rng(seed).choice(DIRECTIONS, len(images))
    for kind, (_, amounts) in SHIFTS.items():
        for amount in amounts:
            yield {"kind": kind, "amount": amount}, move(images, kind, amount, directions)


def move(images: np.ndarray, kind: str, amount: float, directions: np.ndarray) -> np.ndarray:
    """One affine change of all images; a shift goes in each image's own direction."""
    if kind == "rotate":
        return measure.affine(images, radians=np.radians(amount))
    if kind == "shift":
        down, right = (amount * directions).T
        return measure.affine(images, down=down, right=right)
    return measure.affine(images, **{kind: amount})


def accuracies(
    pairs: "Pairs",
    predictor: "Predictor",
    images: np.ndarray,
    labels: np.ndarray,
    what: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    """A row for each run."""
    batch = images[:, None].astype(np.float32)
    for kept in pairs:
        predictions = predictor.predict_one(kept.folder.name, batch).predictions
        accuracy = float((predictions == labels).mean())
        row = {"network": kept.network, "seed": kept.seed, **what}
        yield {**row, "n": len(labels), "accuracy": accuracy}


def corruption_table(data: Results) -> pd.DataFrame:
    """Mean accuracy in percent, a row a corruption, the mildest first."""
    table = data.table("corruptions.csv")
    wide = 100 * table.pivot_table(index="corruption", columns="network", values="accuracy")
    order = wide.mean(axis=1).sort_values(ascending=False, kind="stable").index
    first = [name for name in order if name == IDENTITY]
    return wide.loc[[*first, *order.drop(first)], list(NETWORKS)]


@figure("Accuracy on corrupted images", "corruptions.csv")
def corruptions(data: Results) -> Drawn:
    """A row a kind of corruption."""
    wide = corruption_table(data)
    names = ["none" if name == IDENTITY else words(name) for name in wide.index]
    figure = blank(COLUMN, 1.1 + 0.36 * len(names))
    columns = {name_of(network): wide[network].to_numpy() for network in NETWORKS}
    draw_heat(figure.subplots(), names, columns)
    table = data.table("corruptions.csv")
    ways = len(set(table["corruption"]) - {IDENTITY})
    return figure, (
        f"Accuracy in percent on {count_text(table['n'], 'test image')} changed in {ways} ways "
        "(the kinds of MNIST-C; darker: lower), the mildest first, and the difference in points, "
        "MobileNet − standard (bars to the right, in MobileNet’s colour: it is better). "
        f"Means of {seeds_text(table, ['network', 'corruption'])}."
    )


@figure("Accuracy on moved images", "shifts.csv")
def shifts(data: Results) -> Drawn:
    """A panel for each kind of affine change."""
    table = data.table("shifts.csv")
    found = errors(table["accuracy"])
    span = found.min(), found.max()
    kinds = [kind for kind in SHIFTS if kind in set(table["kind"])]
    figure = blank(FULL, 4.6)
    axes = np.atleast_1d(figure.subplots(1, len(kinds), sharey=True))
    for ax, kind in zip(axes, kinds, strict=True):
        draw_shift(ax, table[table["kind"] == kind], span)
        ax.set_xlabel(SHIFTS[kind][0])
    axes[0].set_ylabel("accuracy (%)")
    key_above(figure, axes[0])
    return figure, (
        f"Accuracy on {count_text(table['n'], 'test image')} that are turned, moved, scaled or "
        f"sheared, on an axis that is logarithmic in the error{least_text(table['accuracy'])}. "
        "Lines: means of "
        f"{seeds_text(table, ['network', 'kind', 'amount'])}; bands: from the lowest seed to the "
        "highest."
    )


CHANCE = 1.5  # times the accuracy of guessing, below which both networks guess


def say(data: Results) -> Sections:
    """Accuracy on damaged digits, none of which was trained on.

    Raises:
        ValueError: there is nothing to compare.
    """
    table = data.table("corruptions.csv")
    found = compared(table.query("corruption != @IDENTITY"), "corruption")
    undamaged = by_network(table.query("corruption == @IDENTITY"))
    clean, clean_gaps = undamaged.mean(), gaps_of(undamaged)
    classes = data.table("pairs.csv").columns.str.startswith("recall_").sum()
    guessed = found[(found[list(NETWORKS)] < CHANCE / classes).all(axis=1)]
    rest = found.drop(index=guessed.index)
    if rest.empty:
        raise ValueError("every kind of damage leaves both networks near chance.")
    largest = rest["gaps"].map(np.mean).abs().idxmax()
    section = {
        "n": whole(table["n"].iloc[0]),
        **moved_apart(data, clean_gaps),
        "kinds": str(len(found)),
        "clean": {name: percent(clean[name]) for name in NETWORKS},
        "guessed": listed(map(words, guessed.index)),
        "rest": {name: percent(rest[name].mean()) for name in NETWORKS},
        "gap": over_kinds(rest["gaps"]),
        "but_largest": over_kinds(rest["gaps"].drop(largest)),
        "sure": listed(map(words, found.index[found["p"] < 0.05])),
        "least_p": p_value(found["p"].min()),
        "largest": words(largest),
        "largest_gap": gap_text(rest["gaps"][largest]),
        "rest_kinds": str(len(rest)),
        **sides_of("rest", rest["gaps"]),
        "least_kind": words(found["p"].idxmin()) if found["p"].notna().any() else "none",
    }
    return {"damage": section}


def over_kinds(gaps: pd.Series) -> str:
    """The mean difference of several kinds, pair by pair; "" of none."""
    return judged_text(np.mean(gaps.tolist(), axis=0).tolist()) if len(gaps) else ""


def moved_apart(data: Results, unmoved: Sequence[float]) -> dict[str, str]:
    """Where turned, moved, scaled or sheared digits set the networks furthest apart, and surely.

    `unmoved` has what the pairs of runs differ by anyway.
    """
    table = data.table("shifts.csv")
    moved = table[table["amount"] != (table["kind"] == "scale").astype(float)]
    found = compared(moved, ["kind", "amount"])
    kind, amount = largest = found["gaps"].map(fmean).abs().idxmax()
    return {
        "moved": f"{SHIFTS[kind][0]} {amount:g}: {judged_text(found['gaps'][largest])}",
        "moves": str(len(found)),
        **sides_of("moves", found["gaps"]),
        "moves_sure": str((found["p"] < 0.05).sum() or "none"),
        "moves_least": p_value(found["p"].min()),
        "unmoved": gap_text(unmoved),
        **sides_of("beyond", [np.subtract(gaps, unmoved).tolist() for gaps in found["gaps"]]),
    }


def sides_of(name: str, gaps: Collection[Sequence[float]]) -> dict[str, str]:
    """In how many MobileNet is lower, and how many intervals leave 0 out, for and against it."""
    sides = [side(gap) for gap in gaps]
    ways = f"{sides.count(1) or 'none'} for MobileNet, {sides.count(-1) or 'none'} against it"
    return {
        f"{name}_lower": str(sum(fmean(gap) < 0 for gap in gaps)),
        f"{name}_alone": f"{sum(map(abs, sides))} ({ways})",
    }


def conclude(data: Results, sections: Sections) -> Iterator[str]:
    """Whether equal accuracy on clean digits means equal accuracy on damaged ones."""
    section = sections["damage"]
    rest = f", without {section['largest']}, the largest, {section['but_largest']}"
    yield (
        f"Of {section['kinds']} kinds of damage, those with a difference that survives Holm's "
        f"correction: {section['sure']}. Over those that are not at chance: {section['gap']}"
        f"{rest if section['but_largest'] else ''}."
    )


if __name__ == "__main__":
    sys.exit(start("damage"))
