"""Write the tables of checkpoints/README.md, the model card, from result files.

python -m analysis.model_card

Every number between the card's markers comes from a scores.json that `analysis.evaluate` wrote
under figures/data/evaluation/NETWORK/SET/ (other seeds: seeds/NETWORK-SEED/SET/), from
checkpoints/no_digit.csv and no_digit_unseen.csv, which `analysis.no_digit` wrote, from
figures/data/evaluation/robustness.csv and photographed.csv, which the commands of these names
wrote, from the tables that `analysis.sweep` wrote beside them (recipe.csv and imbalance_*.csv), or
from a checkpoint's own metadata.
"""

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from analysis.frame.command import start
from analysis.look.rows import t_interval
from netlib import nets
from netlib.errors import many
from netlib.measure.seeds import wilson_interval

NETWORKS = ("standard", "mobilenet")
SETS = {
    "mnist": "MNIST test set",
    "mnist-sketch": "the same, through `sketch.to_digit`",
    "pen": "pen strokes of writers never trained on",
    "scans": "scans of another origin, 8×8 scaled up",
}
# Tables of `analysis.sweep`; those of long-tailed sets with the augmentation that they had.
AUGMENTED = {"imbalance_losses": "mild", "imbalance_exp100": "strong", "imbalance_exp10": "mild",
             "imbalance_strong": "strong"}  # fmt: skip
SWEEPS = ("recipe", *AUGMENTED, "imbalance_plain")
CHOSEN_ON = ("exp100-0", "exp10-0", "exp10-2")  # data sets that the recipe was chosen on
# In percent or points, of the networks in their order.
ACCURACY_TARGETS = {"mnist": (99.7, 99.65), "pen": (98.5, 98.5), "scans": (98.0, 98.0)}
COST_TARGETS, ROBUSTNESS_TARGETS = (0.05, 0.05), (1.0, 1.0)
CALIBRATION_TARGETS = {"mnist": (0.5, 0.5), "pen": (2.0, 2.0)}
IMBALANCE_TARGETS = {"exp10": (99.0, 99.0), "exp100": (98.0, 98.0)}
WORST_CLASS_TARGETS = (95.0, 95.0)
SENT = {
    "drawn": "photographs drawn by `netlib.measure.photographs`",
    "paper": "photographs drawn by another program",
    "wild": "pictures that people put into public repositories",
}
# Shares read rightly, or refused, percent: of all, and of the worst kind.
SENT_TARGETS = {
    **{(name, "one digit"): (97.0, 90.0) for name in ("drawn", "paper")},
    **{(name, "number"): (92.0, 80.0) for name in ("drawn", "paper")},
    **{(name, "no digit"): (85.0,) for name in ("drawn", "paper")},
    ("wild", "one digit"): (99.0,),
    ("wild", "number"): (85.0,),
    ("wild", "no digit"): (80.0,),
}
REFUSALS = ("no_digit", "no_digit_unseen")
MARKER = "<!-- {} {} -->"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Fill the tables of the model card.

    Attributes:
        checkpoints: folder of the networks and of their card.
        evaluation: folder of result files.
        check: change nothing; fail if it is stale.
    """

    checkpoints: Path = Path("checkpoints")
    evaluation: Path = Path("figures/data/evaluation")
    check: bool = False


def run(options: Options) -> list[Path]:
    """Fill the card's tables.

    Raises:
        ValueError: a result is missing; or the card is stale, where it was to be checked.
    """
    card = options.checkpoints / "README.md"
    old = card.read_text(encoding="utf-8")
    new = fill(old, tables(options.checkpoints, options.evaluation))
    if options.check:
        if new != old:
            raise ValueError(f"{card} is stale: run python -m analysis.model_card.")
        return []
    card.write_text(new, encoding="utf-8")
    return [card]


def tables(checkpoints: Path, evaluation: Path) -> dict[str, str]:
    """Marker -> Markdown."""
    return {
        "targets": targets_table(checkpoints, evaluation),
        "scores": scores_table(evaluation),
        "calibration": calibration_table(evaluation),
        "training": training_table(checkpoints),
        "seeds": seeds_table(evaluation),
        "recipe": recipe_table(evaluation / "recipe.csv"),
        "imbalance": imbalance_table(evaluation),
        "imbalance-choice": imbalance_choice_table(evaluation),
        "taught": taught_text(checkpoints, evaluation),
        "no-digit": no_digit_table(read_refusals(checkpoints)),
        "robustness": robustness_table(evaluation / "robustness.csv"),
        "photographed": photographed_table(evaluation / "photographed.csv"),
        "commands": commands(checkpoints, evaluation),
    }


def fill(text: str, content: dict[str, str]) -> str:
    """Replace what stands between each pair of markers.

    Raises:
        ValueError: a marker is missing.
    """
    for name, table in content.items():
        start, end = MARKER.format("begin", name), MARKER.format("end", name)
        pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"The card lacks the markers {start} and {end}; put them back.")
        block = f"{start}\n{table}\n{end}"
        text = pattern.sub(block.replace("\\", r"\\"), text)
    return text


def scores_table(evaluation: Path) -> str:
    """Accuracy with its interval, F1 and the worst class."""
    rows = []
    for name, title in SETS.items():
        for network in NETWORKS:
            s = read_scores(evaluation, network, name)
            low, high = s["accuracy_interval"]
            recalls = [r for r in s["per_class_recall"] if r is not None]
            rows.append(
                f"| {title} | {network} | {s['n']:,} | {percent(s['accuracy'])} | "
                f"{percent(low)} to {percent(high)} | {percent(s['macro_f1'])} | "
                f"{percent(min(recalls))} ({recalls.index(min(recalls))}) |"
            )
    return table(
        "set|network|images|accuracy (%)|95 % interval|macro F1 (%)|worst recall (%)", rows
    )


def calibration_table(evaluation: Path) -> str:
    """Negative log-likelihood, Brier score and calibration error, with the fitted temperature."""
    rows = []
    for name, title in SETS.items():
        for network in NETWORKS:
            s = read_scores(evaluation, network, name)
            before = s["uncalibrated"]
            rows.append(
                f"| {title} | {network} | {before['nll']:.4f} → {s['nll']:.4f} | "
                f"{before['brier']:.4f} → {s['brier']:.4f} | "
                f"{percent(before['ece'])} → {percent(s['ece'])} |"
            )
    return table("set|network|NLL|Brier|ECE (%)", rows)


def training_table(checkpoints: Path) -> str:
    """What the checkpoints say of their training."""
    rows = []
    for network in NETWORKS:
        m = nets.read_metadata(checkpoints / f"{network}.safetensors")
        rows.append(
            f"| {network} | {m['config']['training_epochs']} | {m['epoch']} | "
            f"{percent(m['scores']['validation']['accuracy'])} | {m['temperature']:.3f} | "
            f"{m['config']['precision']} |"
        )
    return table("network|epochs|best epoch|validation accuracy (%)|temperature|precision", rows)


def seeds_table(evaluation: Path) -> str:
    """Accuracy of the shipped seed and of the others."""
    rows = []
    for name in ACCURACY_TARGETS:
        for network in NETWORKS:
            values = over_seeds(evaluation, network, name)
            mean, low, high = mean_and_interval(values)
            rows.append(
                f"| {SETS[name]} | {network} | {', '.join(f'{v:.2f}' for v in values)} | "
                f"{mean:.2f} | {low:.2f} to {min(high, 100.0):.2f} |"
            )
    return table("set|network|each seed (%)|mean (%)|95 % interval", rows)


def over_seeds(evaluation: Path, network: str, name: str) -> list[float]:
    """Accuracies, percent, of the trainings, before anything is taught of what is no digit."""
    seeds = evaluation / "seeds"
    folders = sorted(seeds.glob(f"{network}-*")) or [seeds / f"{network}-0"]
    found = [read_scores(folder.parent, folder.name, name) for folder in folders]
    return [100 * s["accuracy"] for s in found]


def recipe_table(path: Path) -> str:
    """Validation scores of each recipe, means of the seeds; test scores are not for choosing."""
    runs = read_table(path)
    rows = []
    for level in dict.fromkeys(row["level"] for row in runs):
        cells = [level]
        for network in NETWORKS:
            found = [row for row in runs if (row["level"], row["network"]) == (level, network)]
            cells.append(percent(fmean(float(row["validation_accuracy"]) for row in found)))
            cells.append(f"{fmean(float(row['validation_nll']) for row in found):.4f}")
        rows.append("| " + " | ".join(cells) + " |")
    columns = (" (%)", ", NLL")
    return table("|".join(["recipe", *(n + what for n in NETWORKS for what in columns)]), rows)


def taught_text(checkpoints: Path, evaluation: Path) -> str:
    """What teaching to refuse brought on validation families, and what it cost on digits."""
    rules = [nets.read_metadata(checkpoints / f"{n}.safetensors")["no_digit"] for n in NETWORKS]
    refused = " and ".join(f"{100 * rule['refused_of_validation_families']:.1f}" for rule in rules)
    costs = []
    for name in ACCURACY_TARGETS:
        before, after = (
            [read_scores(folder, f"{network}{seed}", name)["accuracy"] for network in NETWORKS]
            for folder, seed in ((evaluation / "seeds", "-0"), (evaluation, ""))
        )
        changes = zip(map(percent, before), map(percent, after), strict=True)
        costs.append(f"{SETS[name]}: {' and '.join(' → '.join(change) for change in changes)} %")
    return (
        f"So `standard` and `mobilenet` refuse {refused} % of the validation families. Accuracy of "
        f"the two before and after all that was taught:\n{'; '.join(costs)}."
    )


def imbalance_table(evaluation: Path) -> str:
    """Recalls on the balanced test set after training on long-tailed sets, over class orders."""
    rows = []
    for profile in IMBALANCE_TARGETS:
        for network in NETWORKS:
            for title, name in (("plain", "plain"), ("recipe", profile)):
                runs = long_tailed(evaluation / f"imbalance_{name}.csv", network, profile)
                mean, low, high = mean_and_interval(percents(runs, "balanced_accuracy"))
                worst = percents(runs, "worst_recall")
                others = [run for run in runs if run["dataset"] not in CHOSEN_ON]
                rows.append(
                    f"| {profile} | {network} | {title} | {mean:.2f} | "
                    f"{low:.2f} to {high:.2f} | {fmean(percents(others, 'balanced_accuracy')):.2f} "
                    f"| {fmean(worst):.2f} | {min(worst):.2f} |"
                )
    titles = "set|network|trained|balanced accuracy (%)|95 % interval|orders not chosen on (%)"
    return table(f"{titles}|worst class, mean (%)|worst class, lowest (%)", rows)


def long_tailed(path: Path, network: str, profile: str) -> list[dict[str, str]]:
    """A network's runs on the sets of one profile, one for each class order.

    Raises:
        ValueError: there are too few for an interval.
    """
    found = [
        row
        for row in read_table(path)
        if row["network"] == network and row["dataset"].split("-")[0] == profile
    ]
    if len(found) < 2:
        raise ValueError(
            f"{path} has {many(len(found), 'run')} of {network} on {profile}; expected one for "
            "each of several class orders: run the sweep to its end."
        )
    return found


def percents(runs: Sequence[dict[str, str]], column: str) -> list[float]:
    """A column of shares, as percentages."""
    return [100 * float(run[column]) for run in runs]


def imbalance_choice_table(evaluation: Path) -> str:
    """What the recipe of the long-tailed sets was chosen by: losses and augmentations."""
    found: dict[tuple[str, ...], dict[str, list[dict[str, str]]]] = {}
    for name, augmentation in AUGMENTED.items():
        for run in read_table(evaluation / f"{name}.csv"):
            if run["dataset"] in CHOSEN_ON:
                key = (run["dataset"].split("-")[0], run["loss"].replace("_", " "), augmentation)
                found.setdefault(key, {}).setdefault(run["network"], []).append(run)
    rows = []
    for recipe, of_both in found.items():
        cells = list(recipe)
        for network in NETWORKS:
            means = {
                column: fmean(float(run[column]) for run in of_both[network])
                for column in ("validation_accuracy", "validation_nll", "balanced_accuracy")
            }
            cells += [percent(means["validation_accuracy"]), f"{means['validation_nll']:.4f}",
                      percent(means["balanced_accuracy"])]  # fmt: skip
        rows.append("| " + " | ".join(cells) + " |")
    columns = ("validation (%)", "NLL", "test, balanced (%)")
    titles = (f"{network}: {what}" for network in NETWORKS for what in columns)
    return table("|".join(["set", "loss", "augmentation", *titles]), rows)


def targets_table(checkpoints: Path, evaluation: Path) -> str:
    """Every target, what was reached, and whether that is enough."""
    rows = [
        *accuracy_targets(evaluation),
        *drawing_targets(evaluation),
        *photographed_targets(evaluation / "photographed.csv"),
        *calibration_targets(evaluation),
        *refusal_targets(read_refusals(checkpoints)),
        *imbalance_targets(evaluation),
    ]
    return table("|".join(["what", "target", *NETWORKS]), rows)


def target_row(
    what: str, sign: str, aims: Sequence[float], reached: Iterable[Sequence[float]]
) -> str:
    """A line; aims are of the networks in their order, and so are values, with their interval."""
    cells = [what, " / ".join(dict.fromkeys(f"{sign} {aim:g}" for aim in aims))]
    for aim, found in zip(aims, reached, strict=True):
        if not found:  # not measured
            cells.append("–")
            continue
        value, *interval = found
        between = " ({:.2f} to {:.2f})".format(*np.minimum(interval, 100)) if interval else ""
        met = value >= aim if sign == "≥" else value <= aim
        cells.append(f"{value:.2f}{between}, {'met' if met else 'missed'}")
    return "| " + " | ".join(cells) + " |"


def accuracy_targets(evaluation: Path) -> Iterator[str]:
    """On each set, over the seeds."""
    for name, aims in ACCURACY_TARGETS.items():
        found = [over_seeds(evaluation, network, name) for network in NETWORKS]
        what = f"{SETS[name]}: accuracy (%), mean of {len(found[0])} seeds"
        yield target_row(what, "≥", aims, map(mean_and_interval, found))


def mean_and_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and Student's interval."""
    return fmean(values), *t_interval(values)


def drawing_targets(evaluation: Path) -> Iterator[str]:
    """What the way from a picture to a digit costs, and what the way of drawing costs."""
    lost = []
    for network in NETWORKS:
        plain, sketch = (read_scores(evaluation, network, n) for n in ("mnist", "mnist-sketch"))
        images = round((plain["accuracy"] - sketch["accuracy"]) * plain["n"])
        lost.append([100 * images / plain["n"]])
    what = "MNIST test set through `sketch.to_digit`: points lost"
    yield target_row(what, "≤", COST_TARGETS, lost)
    ways = read_table(evaluation / "robustness.csv")
    changes = [[float(row["change"]) for row in ways if row["network"] == n] for n in NETWORKS]
    what = "drawn in another way: points lost, at most"
    yield target_row(what, "≤", ROBUSTNESS_TARGETS, ([-100 * min(c)] for c in changes))


def calibration_targets(evaluation: Path) -> Iterator[str]:
    """Calibration error of the shipped seed."""
    for name, aims in CALIBRATION_TARGETS.items():
        found = (read_scores(evaluation, network, name) for network in NETWORKS)
        errors = ([100 * e for e in (s["ece"], *s["ece_interval"])] for s in found)
        yield target_row(f"{SETS[name]}: calibration error (%)", "≤", aims, errors)


def read_refusals(checkpoints: Path) -> list[dict[str, str]]:
    """Of the shipped networks, and of those that some families were kept from."""
    return [row for name in REFUSALS for row in read_table(checkpoints / f"{name}.csv")]


def refusal_targets(rows: Sequence[dict[str, str]]) -> Iterator[str]:
    """Shares refused: of families that a network never saw, and of digits."""

    def shares(network: str, unseen: str, *without: str) -> list[float]:
        found = [r for r in rows if (r["network"], r["unseen"]) == (network, unseen)]
        return [
            100 * float(r["refused"])
            for r in found
            if not r["accuracy"] and r["kind"] not in without
        ]

    for what, unseen in (
        ("families as trained on, other pictures", "0"),
        ("families never seen", "1"),
    ):
        found = [shares(network, unseen, "lookalikes") for network in NETWORKS]
        yield target_row(
            f"{what}: refused (%), mean", "≥", (90, 90), (f and [fmean(f)] for f in found)
        )
        yield target_row(
            f"{what}: refused (%), worst", "≥", (75, 75), (f and [min(f)] for f in found)
        )
    digits = {(r["network"], r["kind"]): 100 * float(r["refused"]) for r in rows if r["accuracy"]}
    for kind in ("MNIST test", "pen, unseen writers"):
        reached = ([digits[network, kind]] for network in NETWORKS)
        yield target_row(f"{kind}: refused (%)", "≤", (0.5, 0.5), reached)


def imbalance_targets(evaluation: Path) -> Iterator[str]:
    """Balanced accuracy and the worst class, over the class orders."""
    for profile, aims in IMBALANCE_TARGETS.items():
        path = evaluation / f"imbalance_{profile}.csv"
        runs = [long_tailed(path, network, profile) for network in NETWORKS]
        balanced, worst = (
            [mean_and_interval(percents(of_network, column)) for of_network in runs]
            for column in ("balanced_accuracy", "worst_recall")
        )
        orders = f"mean of {len(runs[0])} class orders"
        what = f"trained on {profile}: balanced accuracy (%), {orders}"
        yield target_row(what, "≥", aims, balanced)
        what = f"trained on {profile}: recall of the worst class (%), {orders}"
        yield target_row(what, "≥", WORST_CLASS_TARGETS, worst)


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV.

    Raises:
        ValueError: it is missing.
    """
    if not path.is_file():
        raise ValueError(f"{path} is missing: the card's last section has the command for it.")
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def no_digit_table(refusals: Iterable[dict[str, str]]) -> str:
    """Area under the ROC curve and share refused, also by networks that never saw a kind."""
    every = {(r["kind"], r["network"], r["unseen"]): r for r in refusals}
    rows = []
    for kind in dict.fromkeys(kind for kind, _, _ in every):
        for network in NETWORKS:
            seen, other = (every.get((kind, network, unseen)) for unseen in "01")
            found = [row for row in (seen, other) if row]
            cells = [kind, network, f"{int(found[0]['n']):,}"]
            for row in (seen, other):
                cells += [area(row), percent(float(row["refused"]))] if row else ["–", "–"]
            rows.append("| " + " | ".join(cells) + " |")
    titles = "kind|network|pictures|AUROC (%)|refused (%)"
    return table(f"{titles}|AUROC, kind unseen (%)|refused, kind unseen (%)", rows)


def area(row: dict[str, str]) -> str:
    """The area under the ROC curve, with its interval; a dash for digits."""
    if not row["auroc"]:
        return "–"
    value, low, high = (percent(float(row[c])) for c in ("auroc", "auroc_low", "auroc_high"))
    return f"{value} ({low} to {high})"


def robustness_table(path: Path) -> str:
    """Accuracy for each way to draw the same strokes, and points lost against the plain one."""
    found = read_table(path)
    cells: dict[tuple[str, str], list[str]] = {}
    for row in found:
        change = "" if row["kind"] == "plain" else f"{100 * float(row['change']):+.1f}"
        interval = f"{100 * float(row['low']):.1f} to {100 * float(row['high']):.1f}"
        accuracy = f"{100 * float(row['accuracy']):.1f} ({interval})"
        key = row["kind"], row["level"]
        cells.setdefault(key, [" ".join(key).strip()]).extend([accuracy, change])
    rows = ["| " + " | ".join(line) + " |" for line in cells.values()]
    titles = [f"{network}{what}" for network in NETWORKS for what in (" (%)", ", change")]
    return table("|".join(["drawn", *titles]), rows)


@dataclass(frozen=True)
class Read:
    """How many pictures of one set and content a network reads rightly, by their kinds."""

    total: dict[str, int]
    right: dict[str, int]

    @property
    def shares(self) -> dict[str, float]:
        """Of each kind, percent."""
        return {kind: 100 * self.right[kind] / n for kind, n in self.total.items()}

    @property
    def share(self) -> tuple[float, float, float]:
        """Of all, percent, with Wilson's interval."""
        n, right = sum(self.total.values()), sum(self.right.values())
        low, high = wilson_interval(right, n)
        return 100 * right / n, 100 * low, 100 * high


def read_rightly(path: Path) -> dict[tuple[str, str], list[Read]]:
    """Set and content -> what each network reads, in their order."""
    found: dict[tuple[str, str], list[Read]] = {}
    for row in read_table(path):
        of_both = found.setdefault((row["set"], row["content"]), [Read({}, {}) for _ in NETWORKS])
        read = of_both[NETWORKS.index(row["network"])]
        read.total[row["kind"]], read.right[row["kind"]] = int(row["n"]), int(row["right"])
    return found


def photographed_table(path: Path) -> str:
    """What is read rightly of each set, with the kind that is read worst."""
    rows = []
    for (name, content), of_both in read_rightly(path).items():
        for network, read in zip(NETWORKS, of_both, strict=True):
            share, low, high = read.share
            worst = min(read.shares, key=read.shares.__getitem__)
            rows.append(
                f"| {SENT[name]} | {content} | {network} | {sum(read.total.values()):,} | "
                f"{share:.2f} | {low:.2f} to {high:.2f} | {worst}: {read.shares[worst]:.1f} |"
            )
    titles = "set|what stands there|network|pictures|right (%)|95 % interval|worst kind (%)"
    return table(titles, rows)


def photographed_targets(path: Path) -> Iterator[str]:
    """Of all pictures of a set, and of its worst kind."""
    found = read_rightly(path)
    for (name, content), aims in SENT_TARGETS.items():
        done = "refused" if content == "no digit" else "read rightly"
        values: list[list[Sequence[float]]] = [
            [read.share for read in found[name, content]],
            [[min(read.shares.values())] for read in found[name, content]],
        ]
        for aim, reached, of in zip(aims, values, ("", ", worst kind"), strict=False):
            what = f"{SENT[name]}, {content}: {done} (%){of}"
            yield target_row(what, "≥", (aim, aim), reached)


def commands(checkpoints: Path, evaluation: Path) -> str:
    """The commands that made the checkpoints and the scores, as they were typed."""
    lines: list[str] = []
    for network in NETWORKS:
        metadata = nets.read_metadata(checkpoints / f"{network}.safetensors")
        tuned = metadata["fine_tuning"]
        made_by = (metadata, tuned, *tuned.get("averaged_with", ()), metadata["no_digit"])
        lines += dict.fromkeys(record["command"] for record in made_by)
    for name in SETS:
        for network in NETWORKS:
            lines.append(read_scores(evaluation, network, name)["made_by"]["command"])
    records = [evaluation / f"{name}.json" for name in ("robustness", "photographed", *SWEEPS)]
    for path in (*(checkpoints / f"{name}.json" for name in REFUSALS), *records):
        lines.append(json.loads(path.read_text(encoding="utf-8"))["command"])
    return "```bash\n" + "\n".join(lines) + "\n```"


def read_scores(evaluation: Path, network: str, name: str) -> dict[str, Any]:
    """One result file.

    Raises:
        ValueError: it is missing.
    """
    path = evaluation / network / name / "scores.json"
    if not path.is_file():
        raise ValueError(f"{path} is missing: run analysis.evaluate with --output {path.parent}.")
    return json.loads(path.read_text(encoding="utf-8"))


def table(titles: str, rows: Sequence[str]) -> str:
    """A Markdown table from its titles and lines."""
    names = titles.split("|")
    head = "| " + " | ".join(names) + " |"
    return "\n".join([head, "|" + " --- |" * len(names), *rows])


def percent(share: float) -> str:
    """A share as a percentage with two decimals, without the sign."""
    return f"{100 * share:.2f}"


if __name__ == "__main__":
    sys.exit(start("model_card"))
