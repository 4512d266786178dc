"""What the networks get right and wrong, class by class and image by image."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq

from analysis.frame.results import Results
from analysis.frame.wording import count_text, holm, holm_p, listed, p_value, seeds_text, whole
from analysis.look.digits import draw_answers, draw_reading
from analysis.look.grids import draw_confusion_difference, draw_confusion_matrix
from analysis.look.rows import draw_class_dots
from analysis.look.style import COLOURS, FULL, NETWORKS, blank, key, name_of
from analysis.questions import Drawn, Sections, figure
from analysis.questions.headline import ANSWERS, MORE, right_of

if TYPE_CHECKING:
    from analysis.build.pairs import Pair, Result

COMPARED = ("confusion.csv", "class_scores.csv", "errors.npz", "examples.npz")
EXAMPLES = 4  # right and wrong ones of each network
PAGE = 15, 17  # errors in a line, lines of a page


# --- Measured -----------------------------------------------------------------------------------


def compare(pair: "Pair") -> dict[str, Any]:
    """Tables over all seeds; the errors and the examples of the first seed's runs."""
    first = pair.shown
    wrong = np.any([r.predictions != r.labels for r in first.values()], axis=0)
    chosen = list(examples(first, pair.seed))
    return {
        **tables(pair, pair.data.class_counts),
        "errors.npz": answers(pair, first, np.flatnonzero(wrong)),
        "examples.npz": {
            **answers(pair, first, np.array([i for _, i in chosen], int)),
            "which": np.array([which for which, _ in chosen], dtype="U15"),
        },
    }


def tables(pair: "Pair", class_counts: Sequence[int]) -> dict[str, Any]:
    """What needs no images."""
    return {
        "confusion.csv": [row for runs in pair.results.values() for row in confusion_rows(runs)],
        "class_scores.csv": [
            row for result in pair.every for row in class_rows(result, class_counts)
        ],
    }


def confusion_rows(results: "Sequence[Result]") -> list[dict[str, Any]]:
    """One row a cell, counts summed over seeds."""
    counts = np.sum([result.before.confusion for result in results], axis=0)
    network = results[0].run.network
    return [
        {"network": network, "true": i, "predicted": j, "count": n, "seeds": len(results)}
        for (i, j), n in np.ndenumerate(counts)
    ]


def class_rows(result: "Result", train_images: Sequence[int]) -> list[dict[str, Any]]:
    """One row a class; `train_images` has the number of training images of each."""
    run = {"network": result.run.network, "seed": result.run.seed}
    scores = zip(result.before.per_class_recall, result.before.per_class_f1, strict=True)
    return [
        {**run, "class": c, "recall": recall, "f1": f1, "train_images": train_images[c]}
        for c, (recall, f1) in enumerate(scores)
    ]


def answers(pair: "Pair", first: "dict[str, Result]", indices: np.ndarray) -> dict[str, np.ndarray]:
    """Some test images, and what both networks say of them, after temperature scaling."""
    arrays = {
        "images": pair.data.test_set.images[indices, 0].numpy(),
        "labels": pair.data.test_set.labels[indices].numpy().astype(np.uint8),
        "indices": indices.astype(np.int32),
    }
    for network, result in first.items():
        arrays[network] = result.predictions[indices].astype(np.uint8)
        confidence = result.probabilities()[indices].max(1, initial=0)
        arrays[f"{network}_confidence"] = confidence.astype(np.float32)
    return arrays


def examples(first: "dict[str, Result]", seed: int) -> Iterator[tuple[str, int]]:
    """("standard right", index of an image) and so on, of different classes as far as there are."""
    rng = np.random.default_rng(seed)
    for network, result in first.items():
        right = result.predictions == result.labels
        for kind, group in (("right", right), ("wrong", ~right)):
            members = rng.permutation(np.flatnonzero(group))
            _, firsts = np.unique(result.labels[members], return_index=True)
            rest = np.setdiff1d(np.arange(len(members)), firsts)
            order = np.concatenate([np.sort(firsts), rest])[:EXAMPLES]
            for index in members[order]:
                yield f"{network} {kind}", int(index)


# --- Drawn --------------------------------------------------------------------------------------


@figure("What is read as what", "confusion.csv")
def confusion(data: Results) -> Drawn:
    """Counts of true and predicted classes of both networks, and their difference."""
    table = data.table("confusion.csv").astype({"true": int, "predicted": int})
    counts = {
        network: rows.pivot(index="true", columns="predicted", values="count").to_numpy()
        for network, rows in table.groupby("network")
    }
    figure = blank(FULL, 6.6)
    axes = figure.subplots(1, 3)
    for ax, network in zip(axes, NETWORKS, strict=False):
        draw_confusion_matrix(ax, counts[network], fontsize=5.5)
        ax.set_title(name_of(network), color=COLOURS[network])
    both = counts["mobilenet"], counts["standard"]
    draw_confusion_difference(axes[2], *both, fontsize=5.5, first="vermillion")
    axes[2].set_title("MobileNet − standard")
    for ax in axes[1:]:
        ax.set_ylabel("")
    wrong = table[table["true"] != table["predicted"]].groupby("network")["count"].sum()
    total = table.groupby("network")["count"].sum()
    errors_text = " and ".join(f"{wrong[n]:,} of {total[n]:,} ({name_of(n)})" for n in NETWORKS)
    return figure, (
        f"Confusion matrices on the test set, summed over {count_text(table['seeds'], 'seed')}: "
        f"{errors_text} predictions are wrong. The shade is the root of the share of the true "
        "class. Right: counts of MobileNet less those of standard (vermillion: more, blue: fewer)."
    )


@figure("Recall and F1 of every digit", "class_scores.csv")
def class_scores(data: Results) -> Drawn:
    """Recall and F1 of each class, the classes with the most training images first."""
    table = data.table("class_scores.csv")
    figure = blank(FULL, 4.8)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, score, name in ((axes[0], "recall", "recall (%)"), (axes[1], "f1", "F1 (%)")):
        draw_class_dots(ax, table.assign(value=100 * table[score]))
        ax.set_ylabel(name)
        ax.set_xlabel("digit, and its training images")
    key(axes[0])
    return figure, (
        "Recall and F1 on the test set, class by class; under each digit the number of its "
        f"training images. Markers: means of {seeds_text(table, ['network', 'class'])}; bars: "
        "from the lowest seed to the highest."
    )


@figure("Four right and four wrong", "examples.npz", "data_card.json")
def right_and_wrong(data: Results) -> Drawn:
    """Four right and four wrong digits of each network, a line a network."""
    arrays = data.arrays("examples.npz")
    figure = blank(FULL, 5.8)
    lines: Any = figure.subfigures(2, 1)
    for line, network in zip(lines, NETWORKS, strict=True):
        axes = line.subplots(1, 2 * EXAMPLES)
        line.supylabel(name_of(network), fontsize=8, color=COLOURS[network])
        for kind, part in (("right", axes[:EXAMPLES]), ("wrong", axes[EXAMPLES:])):
            rows = np.flatnonzero(arrays["which"] == f"{network} {kind}")
            for ax, row in zip_longest(part, rows[:EXAMPLES]):
                draw_reading(ax, arrays, network, row)
    mislabelled = np.flatnonzero(np.isin(arrays["indices"], known_errors(data)))
    known = ", ".join(f"a {arrays['labels'][row]} ({arrays['which'][row]})" for row in mislabelled)
    return figure, (
        "Four test images that each network reads right and four that it reads wrong, chosen by a "
        "seeded rule, with the confidence of the prediction after temperature scaling. Networks of "
        "the shown pair." + (f" Labels that most people do not confirm: {known}." if known else "")
    )


@figure("The page of errors", "errors.npz", "data_card.json")
def errors(data: Results) -> Drawn:
    """Every error of either network, by class and confidence, as many as fit a page."""
    arrays = data.arrays("errors.npz")
    columns, lines = PAGE
    shown = order_of_errors(arrays)[: columns * lines]
    figure = blank(FULL, 0.5 + 1.22 * max(1, -(-len(shown) // columns)))
    read = [arrays[network][shown] for network in NETWORKS]
    colours = [COLOURS[network] for network in NETWORKS]
    marked = np.flatnonzero(np.isin(arrays["indices"][shown], known_errors(data)))
    draw_answers(
        figure.subplots(), arrays["images"][shown], arrays["labels"][shown], read, columns,
        colours, marked=marked,
    )  # fmt: skip
    n, most = len(arrays["labels"]), columns * lines
    frame = " Framed: labels that most people do not confirm." if len(marked) else ""
    return figure, (
        f"{'All' if n <= most else f'The first {most} of the'} {n} test images that a network of "
        f"the shown pair reads wrong. Under each: the label, then what standard (blue) and "
        f"MobileNet (vermillion) read; a grey digit is a right answer. By class, errors of both "
        f"first.{frame}"
    )


def known_errors(data: Results) -> list[int]:
    """Indices of test images whose label is most likely wrong."""
    return data.record("data_card.json")["label_errors"]["indices"] or []


def order_of_errors(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """By true class, and within it those that both networks get wrong first."""
    wrong = [arrays[network] != arrays["labels"] for network in NETWORKS]
    both = wrong[0] & wrong[1]
    sure = np.maximum(*(arrays[f"{network}_confidence"] for network in NETWORKS))
    return np.lexsort((-sure, ~both, arrays["labels"]))


# --- Said ---------------------------------------------------------------------------------------


def say(data: Results) -> Sections:
    """The images that a network of the shown pair gets wrong, and the classes of all seeds."""
    arrays = data.arrays("errors.npz")
    wrong = {name: arrays[name] != arrays["labels"] for name in NETWORKS}
    both = int((wrong["standard"] & wrong["mobilenet"]).sum())
    mislabelled = np.isin(arrays["indices"], known_errors(data))
    confusion = data.table("confusion.csv").query("true != predicted")
    rare = rarest(data)
    most = confusion.loc[confusion.groupby("network")["count"].idxmax()].set_index("network")
    counts = confusion.groupby("network")["count"].sum()
    section = {
        "both": whole(both),
        **{name: whole(wrong[name].sum()) for name in NETWORKS},
        **{f"{n}_mislabelled": whole((wrong[n] & mislabelled).sum()) for n in NETWORKS},
        "shared_share": f"{100 * both / max(1, int(wrong['standard'].sum())):.0f}",
        "shared_reach": shared_reach(data),
        **more_errors(confusion, rare),
        **{f"{n}_confusion": confusion_text(most.loc[n], counts[n]) for n in NETWORKS},
        "digits": digits_apart(recalls_of(data)),
        "more_pairs": more_pairs(data, rare) if data.has(MORE) else {},
    }
    return {"mistakes": section}


def shared_reach(data: Results) -> str:
    """Of standard's errors those that MobileNet makes, too, percent: from pair to pair."""
    pairs = data.record("headline.json")["mcnemar"]
    shares = [
        100 * row["none_right"] / max(1, row["none_right"] + row["only_mobilenet"]) for row in pairs
    ]
    return f"{min(shares):.0f} to {max(shares):.0f}"


def recalls_of(data: Results) -> pd.DataFrame:
    """A line a pair, a column a class and network."""
    return data.table("class_scores.csv").pivot_table(
        index="seed", columns=["class", "network"], values="recall"
    )


def more_pairs(data: Results, rare: Sequence[int]) -> dict[str, str]:
    """The classes of the pairs of shorter runs, whose every answer was kept."""
    answers, seeds = data.arrays(ANSWERS), data.record(MORE)["seeds"]
    rights = right_of(answers, seeds)
    recalls, counts, variances = {}, [], {}
    for label in np.unique(answers["labels"]):
        own = {name: right[:, answers["labels"] == label] for name, right in rights.items()}
        for name, right in own.items():
            recalls[str(label), name] = right.mean(axis=1)
            counts.append((name, label, int((~right).sum())))
        differences = own["mobilenet"].mean(axis=0) - own["standard"].mean(axis=0)
        variances[str(label)] = differences.var() / len(differences)
    table = pd.DataFrame(recalls, index=seeds).rename_axis(columns=["class", "network"])
    confusion = pd.DataFrame(counts, columns=["network", "true", "count"])
    return {"digits": digits_apart(table, variances), **more_errors(confusion, rare)}


def digits_apart(recalls: pd.DataFrame, variances: Mapping[str, float] | None = None) -> str:
    """On how many classes the paired recalls of both networks differ, after Holm.

    With `variances` of the differences over images it tells which are open for other images.
    """
    classes = recalls.columns.unique("class")
    p = holm_p({c: recalls[c] for c in classes})
    if not p:
        return "digit by digit one pair cannot tell them apart"
    found = sorted(name for name, value in p.items() if value < 0.05)
    lower = sum((recalls[c]["mobilenet"] - recalls[c]["standard"]).mean() < 0 for c in found)
    which = f"MobileNet lower in {'all' if lower == len(found) else lower}; " if found else ""
    text = (
        f"digit by digit, after Holm’s correction over {len(p)}, a difference is found for "
        f"{listed(found)} ({which}least p {p_value(min(p.values()))})"
    )
    wider = holm(
        {
            name: p_for_other_images(
                recalls[name]["mobilenet"] - recalls[name]["standard"], variance
            )
            for name, variance in (variances or {}).items()
        }
    )
    unsure = [name for name in found if wider.get(name, 0) >= 0.05]
    verb = "is" if len(unsure) == 1 else "are"
    return f"{text}; for another draw of images {listed(unsure)} {verb} open" if unsure else text


def p_for_other_images(gaps: pd.Series, variance: float) -> float:
    """Two-sided p of a mean of 0, for other seeds and other images.

    The level at which the interval over both touches 0: the root of the sum of the squares of
    Student's over seeds and the normal one of this variance over images.
    """
    least = 1e-12

    def left(p: float) -> float:
        over_seeds = stats.t.isf(p / 2, len(gaps) - 1) * gaps.sem()
        return float(
            np.hypot(over_seeds, stats.norm.isf(p / 2) * np.sqrt(variance)) - abs(gaps.mean())
        )

    return brentq(left, least, 1) if left(least) > 0 else least


RARE = 4  # classes with the fewest training images


def rarest(data: Results) -> list[int]:
    """The classes with the fewest training images."""
    images = data.table("class_scores.csv").groupby("class")["train_images"].first()
    return images.sort_values().index[:RARE].astype(int).tolist()


def more_errors(confusion: pd.DataFrame, rare: Sequence[int]) -> dict[str, str]:
    """How many more errors MobileNet makes, and how many of them on the rarest digits."""
    wrong = confusion.groupby(["network", "true"])["count"].sum()
    more = wrong["mobilenet"].sub(wrong["standard"], fill_value=0)
    return {
        "more": whole(more.sum()),
        "more_rare": whole(more.reindex(rare).sum()),
        "rare": ", ".join(map(str, sorted(rare))),
    }


def confusion_text(row: pd.Series, errors: int) -> str:
    """The most frequent confusion, and its share of all errors."""
    share = f"{100 * row['count'] / errors:.0f} % of its errors"
    return f"a {row['true']} read as a {row['predicted']} ({whole(row['count'])} times, {share})"
