"""Write the tables of checkpoints/README.md, the model card, from result files.

python -m analysis.model_card

Every number between the card's markers comes from a scores.json that `analysis.evaluate` wrote
under figures/data/evaluation/NETWORK/SET/ (other seeds: seeds/NETWORK-SEED/SET/), from
checkpoints/no_digit.csv and no_digit_unseen.csv, which `analysis.no_digit` wrote, from
figures/data/evaluation/robustness.csv and photographed.csv, which the commands of these names
wrote, from the tables that `analysis.sweep` wrote beside them (recipe, relief and imbalance_*), or
from a checkpoint's own metadata.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd

from analysis.frame.command import start
from analysis.frame.wording import percent
from analysis.look.rows import t_interval
from analysis.look.style import NETWORKS
from netlib import nets
from netlib.errors import many
from netlib.measure.seeds import wilson_interval

SETS = {
    "mnist": "MNIST test set",
    "mnist-sketch": "the same, through `sketch.to_digit`",
    "pen": "pen strokes of writers never trained on",
    "scans": "scans of another origin, 8×8 scaled up",
}
# Tables of `analysis.sweep`; those of long-tailed sets with the augmentation that they had.
AUGMENTED = {"imbalance_losses": "mild", "imbalance_exp100": "strong", "imbalance_exp10": "mild",
             "imbalance_strong": "strong"}  # fmt: skip
SWEEPS = ("recipe", "teachers", "relief", *AUGMENTED, "imbalance_plain")
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
    """

    checkpoints: Path = Path("checkpoints")
    evaluation: Path = Path("figures/data/evaluation")


def run(options: Options) -> list[Path]:
    card = options.checkpoints / "README.md"
    content = tables(options.checkpoints, options.evaluation)
    card.write_text(fill(card.read_text(encoding="utf-8"), content), encoding="utf-8")
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
        "relief": recipe_table(evaluation / "relief.csv"),
        "imbalance": imbalance_table(evaluation),
        "imbalance-choice": imbalance_choice_table(evaluation),
        "taught": taught_text(checkpoints, evaluation),
        "no-digit": no_digit_table(read_refusals(checkpoints)),
        "robustness": robustness_table(evaluation / "robustness.csv"),
        "photographed": photographed_table(evaluation / "photographed.csv"),
        "commands": commands(checkpoints, evaluation),
    }


def fill(text: str, content: dict[str, str]) -> str:
    """Replace what stands between each pair of markers."""
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
    for (name, title), network in product(SETS.items(), NETWORKS):
        s = read_scores(evaluation, network, name)
        low, high = map(percent, s["accuracy_interval"])
        recalls = [r for r in s["per_class_recall"] if r is not None]
        worst = f"{percent(min(recalls))} ({recalls.index(min(recalls))})"
        scores = percent(s["accuracy"]), f"{low} to {high}", percent(s["macro_f1"]), worst
        rows.append([title, network, f"{s['n']:,}", *scores])
    return table(
        "set|network|images|accuracy (%)|95 % interval|macro F1 (%)|worst recall (%)", rows
    )


def calibration_table(evaluation: Path) -> str:
    """Negative log-likelihood, Brier score and calibration error, with the fitted temperature."""
    forms = {"nll": "{:.4f}".format, "brier": "{:.4f}".format, "ece": percent}
    rows = []
    for (name, title), network in product(SETS.items(), NETWORKS):
        s = read_scores(evaluation, network, name)
        changes = (f"{form(s['uncalibrated'][k])} → {form(s[k])}" for k, form in forms.items())
        rows.append([title, network, *changes])
    return table("set|network|NLL|Brier|ECE (%)", rows)


def training_table(checkpoints: Path) -> str:
    """What the checkpoints say of their training."""
    rows = []
    for network in NETWORKS:
        m = nets.read_metadata(checkpoints / f"{network}.safetensors")
        epochs, precision = m["config"]["training_epochs"], m["config"]["precision"]
        accuracy = percent(m["scores"]["validation"]["accuracy"])
        rows.append([network, epochs, m["epoch"], accuracy, f"{m['temperature']:.3f}", precision])
    return table("network|epochs|best epoch|validation, as shipped (%)|temperature|precision", rows)


def seeds_table(evaluation: Path) -> str:
    """Accuracy of the shipped seed and of the others."""
    rows = []
    for name, network in product(ACCURACY_TARGETS, NETWORKS):
        values = over_seeds(evaluation, network, name)
        each = ", ".join(f"{value:.2f}" for value in values)
        mean, low, high = mean_and_interval(values)
        reach = f"{low:.2f} to {min(high, 100.0):.2f}"
        rows.append([SETS[name], network, each, f"{mean:.2f}", reach])
    return table("set|network|each seed (%)|mean (%)|95 % interval", rows)


def over_seeds(evaluation: Path, network: str, name: str) -> list[float]:
    """Accuracies, percent, of the trainings, before anything is taught of what is no digit."""
    seeds = evaluation / "seeds"
    folders = sorted(seeds.glob(f"{network}-*")) or [seeds / f"{network}-0"]
    return [100 * read_scores(seeds, folder.name, name)["accuracy"] for folder in folders]


def recipe_table(path: Path) -> str:
    """Validation scores of each recipe, means of the seeds; test scores are not for choosing."""
    forms = {"validation_accuracy": percent, "validation_nll": "{:.4f}".format}
    return means_table("recipe", ["level"], forms, (" (%)", ", NLL"), read_table(path))


def means_table(
    titles: str, keys: list[str], forms: dict[str, Any], names: Sequence[str], runs: pd.DataFrame
) -> str:
    """A line for each group of runs by `keys`, with both networks' means in the columns `forms`."""
    means = runs.groupby([*keys, "network"], sort=False)[list(forms)].mean().unstack(sort=False)
    cells = list(product(NETWORKS, forms))
    rows = [
        [
            *(key if isinstance(key, tuple) else [key]),
            *(_cell(forms[c], row[c, n]) for n, c in cells),
        ]
        for key, row in means.iterrows()
    ]
    return table("|".join([titles, *(n + name for n in NETWORKS for name in names)]), rows)


def _cell(form: Callable[[float], str], value: float) -> str:
    return "–" if np.isnan(value) else form(value)  # not run


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
    for profile, network, title in product(IMBALANCE_TARGETS, NETWORKS, ("plain", "recipe")):
        name = profile if title == "recipe" else title
        runs = long_tailed(evaluation / f"imbalance_{name}.csv", network, profile)
        mean, low, high = mean_and_interval(percents(runs, "balanced_accuracy"))
        others = percents(runs[~runs["dataset"].isin(CHOSEN_ON)], "balanced_accuracy")
        worst = percents(runs, "worst_recall")
        means = (f"{value:.2f}" for value in (fmean(others), fmean(worst), min(worst)))
        rows.append([profile, network, title, f"{mean:.2f}", f"{low:.2f} to {high:.2f}", *means])
    titles = "set|network|trained|balanced accuracy (%)|95 % interval|orders not chosen on (%)"
    return table(f"{titles}|worst class, mean (%)|worst class, lowest (%)", rows)


def long_tailed(path: Path, network: str, profile: str) -> pd.DataFrame:
    """A network's runs on the sets of one profile, one for each class order."""
    runs = read_table(path)
    found = runs[(runs["network"] == network) & runs["dataset"].str.startswith(f"{profile}-")]
    if len(found) < 2:
        raise ValueError(
            f"{path} has {many(len(found), 'run')} of {network} on {profile}; expected one for "
            "each of several class orders: run the sweep to its end."
        )
    return found


def percents(runs: pd.DataFrame, column: str) -> list[float]:
    return (100 * runs[column]).tolist()


def imbalance_choice_table(evaluation: Path) -> str:
    """What the recipe of the long-tailed sets was chosen by: losses and augmentations."""
    tables = [
        read_table(evaluation / f"{name}.csv").assign(augmentation=augmentation)
        for name, augmentation in AUGMENTED.items()
    ]
    runs = pd.concat(tables).query("dataset in @CHOSEN_ON")
    profile, loss = runs["dataset"].str.split("-").str[0], runs["loss"].str.replace("_", " ")
    forms = {"validation_accuracy": percent, "validation_nll": "{:.4f}".format,
             "balanced_accuracy": percent}  # fmt: skip
    names = (": validation (%)", ": NLL", ": test, balanced (%)")
    keys = ["profile", "loss", "augmentation"]
    runs = runs.assign(profile=profile, loss=loss)
    return means_table("set|loss|augmentation", keys, forms, names, runs)


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
) -> list[str]:
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
    return cells


def accuracy_targets(evaluation: Path) -> Iterator[list[str]]:
    """On each set, over the seeds."""
    for name, aims in ACCURACY_TARGETS.items():
        found = [over_seeds(evaluation, network, name) for network in NETWORKS]
        what = f"{SETS[name]}: accuracy (%), mean of {len(found[0])} seeds"
        yield target_row(what, "≥", aims, map(mean_and_interval, found))


def mean_and_interval(values: Sequence[float]) -> tuple[float, float, float]:
    return fmean(values), *t_interval(values)


def drawing_targets(evaluation: Path) -> Iterator[list[str]]:
    """What the way from a picture to a digit costs, and what the way of drawing costs."""
    lost = []
    for network in NETWORKS:
        plain, sketch = (read_scores(evaluation, network, n) for n in ("mnist", "mnist-sketch"))
        images = round((plain["accuracy"] - sketch["accuracy"]) * plain["n"])
        lost.append([100 * images / plain["n"]])
    what = "MNIST test set through `sketch.to_digit`: points lost"
    yield target_row(what, "≤", COST_TARGETS, lost)
    least = read_table(evaluation / "robustness.csv").groupby("network")["change"].min()
    what = "drawn in another way: points lost, at most"
    yield target_row(what, "≤", ROBUSTNESS_TARGETS, ([-100 * least[n]] for n in NETWORKS))


def calibration_targets(evaluation: Path) -> Iterator[list[str]]:
    """Calibration error of the shipped seed."""
    for name, aims in CALIBRATION_TARGETS.items():
        found = (read_scores(evaluation, network, name) for network in NETWORKS)
        errors = ([100 * e for e in (s["ece"], *s["ece_interval"])] for s in found)
        yield target_row(f"{SETS[name]}: calibration error (%)", "≤", aims, errors)


def read_refusals(checkpoints: Path) -> pd.DataFrame:
    """Of the shipped networks, and of those that some families were kept from."""
    return pd.concat(read_table(checkpoints / f"{name}.csv") for name in REFUSALS)


def refusal_targets(refusals: pd.DataFrame) -> Iterator[list[str]]:
    """Shares refused: of families that a network never saw, and of digits."""
    families = refusals[refusals["accuracy"].isna() & (refusals["kind"] != "lookalikes")]
    groups = ("families as trained on, other pictures", "families never seen")
    for unseen, what in enumerate(groups):
        asked = families[families["unseen"] == unseen]
        found = [percents(asked[asked["network"] == network], "refused") for network in NETWORKS]
        for word, aims, function in (("mean", (90, 90), fmean), ("worst", (75, 75), min)):
            reached = (f and [function(f)] for f in found)
            yield target_row(f"{what}: refused (%), {word}", "≥", aims, reached)
    digits = refusals.set_index(["network", "kind"])["refused"]
    for kind in ("MNIST test", "pen, unseen writers"):
        reached = ([100 * digits[network, kind]] for network in NETWORKS)
        yield target_row(f"{kind}: refused (%)", "≤", (0.5, 0.5), reached)


def imbalance_targets(evaluation: Path) -> Iterator[list[str]]:
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


def read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ValueError(f"{path} is missing: the card's last section has the command for it.")
    return pd.read_csv(path, dtype={"level": str})


def no_digit_table(refusals: pd.DataFrame) -> str:
    """Area under the ROC curve and share refused, also by networks that never saw a kind."""
    every = {(r["kind"], r["network"], r["unseen"]): r for r in refusals.to_dict("records")}
    rows = []
    for kind, network in product(refusals["kind"].unique(), NETWORKS):
        both = [every.get((kind, network, unseen)) for unseen in (0, 1)]
        cells = [kind, network, f"{next(filter(None, both))['n']:,}"]
        for row in both:
            cells += [area(row), percent(row["refused"])] if row else ["–", "–"]
        rows.append(cells)
    titles = "kind|network|pictures|AUROC (%)|refused (%)"
    return table(f"{titles}|AUROC, kind unseen (%)|refused, kind unseen (%)", rows)


def area(row: dict[str, float]) -> str:
    """The area under the ROC curve, with its interval; a dash for digits."""
    if np.isnan(row["auroc"]):
        return "–"
    return "{} ({} to {})".format(*(percent(row[c]) for c in ("auroc", "auroc_low", "auroc_high")))


def robustness_table(path: Path) -> str:
    """Accuracy for each way to draw the same strokes, and points lost against the plain one."""
    cells: dict[str, list[str]] = {}
    for row in read_table(path).fillna({"level": ""}).itertuples():
        change = "" if row.kind == "plain" else f"{100 * row.change:+.1f}"
        accuracy = f"{100 * row.accuracy:.1f} ({100 * row.low:.1f} to {100 * row.high:.1f})"
        way = f"{row.kind} {row.level}".strip()
        cells.setdefault(way, [way]).extend([accuracy, change])
    titles = [f"{network}{what}" for network in NETWORKS for what in (" (%)", ", change")]
    return table("|".join(["drawn", *titles]), cells.values())


def photographed_table(path: Path) -> str:
    """What is read rightly of each set, with the kind that is read worst."""
    rows = []
    sets = read_table(path).groupby(["set", "content", "network"], sort=False)
    for (name, content, network), kinds in sets:
        right, low, high = read_rightly(kinds)
        kind, worst = worst_kind(kinds)
        share, reach = f"{right:.2f}", f"{low:.2f} to {high:.2f}"
        count, lowest = f"{kinds['n'].sum():,}", f"{kind}: {worst:.1f}"
        rows.append([SENT[name], content, network, count, share, reach, lowest])
    titles = "set|what stands there|network|pictures|right (%)|95 % interval|worst kind (%)"
    return table(titles, rows)


def read_rightly(kinds: pd.DataFrame) -> list[float]:
    """Percent of all pictures, with Wilson's interval."""
    right, n = kinds["right"].sum(), kinds["n"].sum()
    return [100 * share for share in (right / n, *wilson_interval(right, n))]


def worst_kind(kinds: pd.DataFrame) -> tuple[str, float]:
    """The kind of which the fewest are read rightly, and their percentage."""
    shares = (100 * kinds["right"] / kinds["n"]).set_axis(kinds["kind"])
    return shares.idxmin(), shares.min()


def photographed_targets(path: Path) -> Iterator[list[str]]:
    """Of all pictures of a set, and of its worst kind."""
    sets = dict(iter(read_table(path).groupby(["set", "content", "network"])))
    for (name, content), aims in SENT_TARGETS.items():
        of_both = [sets[name, content, network] for network in NETWORKS]
        done = "refused" if content == "no digit" else "read rightly"
        what = f"{SENT[name]}, {content}: {done} (%)"
        yield target_row(what, "≥", aims[:1] * 2, map(read_rightly, of_both))
        for aim in aims[1:]:
            worst = ([worst_kind(kinds)[1]] for kinds in of_both)
            yield target_row(f"{what}, worst kind", "≥", (aim, aim), worst)


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
    path = evaluation / network / name / "scores.json"
    if not path.is_file():
        raise ValueError(f"{path} is missing: run analysis.evaluate with --output {path.parent}.")
    return json.loads(path.read_text(encoding="utf-8"))


def table(titles: str, rows: Iterable[Sequence[object]]) -> str:
    names = titles.split("|")
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


if __name__ == "__main__":
    sys.exit(start("model_card"))
