"""Write the tables of checkpoints/README.md, the model card, from result files.

python -m analysis.model_card

Every number between the card's markers comes from a scores.json that `analysis.evaluate` wrote
under figures/data/evaluation/NETWORK/SET/ (other seeds: seeds/NETWORK-SEED/SET/), from
checkpoints/no_digit.csv, which `analysis.no_digit` wrote, from
figures/data/evaluation/robustness.csv, which `analysis.robustness` wrote, or from a checkpoint's
own metadata.
"""

import argparse
import csv
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from analysis.plots.results import t_interval
from netlib.checkpoint import read_metadata

NETWORKS = ("standard", "mobilenet")
SETS = {
    "mnist": "MNIST test set",
    "mnist-sketch": "the same, through `sketch.to_digit`",
    "pen": "pen strokes of writers never trained on",
    "scans": "scans of another origin, 8×8 scaled up",
}
# Of the mean over the seeds, percent; for the networks in their order.
TARGETS = {"mnist": (99.65, 99.6), "pen": (98.5, 98.5), "scans": (98.0, 98.0)}
MARKER = "<!-- {} {} -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the card's tables; 2 is the exit status of a user's error."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.model_card", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--evaluation", type=Path, default=Path("figures/data/evaluation"))
    parser.add_argument("--check", action="store_true", help="change nothing; fail if it is stale")
    args = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    card = args.checkpoints / "README.md"
    try:
        old = card.read_text(encoding="utf-8")
        new = fill(old, tables(args.checkpoints, args.evaluation))
    except (ValueError, OSError) as error:
        print(f"model_card: {error}", file=sys.stderr)
        return 2
    if args.check:
        if new != old:
            print(f"{card} is stale: run python -m analysis.model_card.", file=sys.stderr)
        return int(new != old)
    card.write_text(new, encoding="utf-8")
    print(card)
    return 0


def tables(checkpoints: Path, evaluation: Path) -> dict[str, str]:
    """Marker -> Markdown."""
    return {
        "scores": scores_table(evaluation),
        "calibration": calibration_table(evaluation),
        "training": training_table(checkpoints),
        "seeds": seeds_table(evaluation),
        "no-digit": no_digit_table(checkpoints / "no_digit.csv"),
        "robustness": robustness_table(evaluation / "robustness.csv"),
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
        text = pattern.sub(lambda _, block=block: block, text)
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
        m = read_metadata(checkpoints / f"{network}.safetensors")
        rows.append(
            f"| {network} | {m['config']['training_epochs']} | {m['epoch']} | "
            f"{percent(m['scores']['validation']['accuracy'])} | {m['temperature']:.3f} | "
            f"{m['config']['precision']} |"
        )
    return table("network|epochs|best epoch|validation accuracy (%)|temperature|precision", rows)


def seeds_table(evaluation: Path) -> str:
    """Accuracy of the shipped seed and of the others, with the target of their mean."""
    rows = []
    for name, targets in TARGETS.items():
        for network, target in zip(NETWORKS, targets, strict=True):
            found = [read_scores(evaluation, network, name)]
            others = sorted((evaluation / "seeds").glob(f"{network}-*"))
            found += [read_scores(folder.parent, folder.name, name) for folder in others]
            values = [100 * s["accuracy"] for s in found]
            low, high = t_interval(values)
            rows.append(
                f"| {SETS[name]} | {network} | {', '.join(f'{v:.2f}' for v in values)} | "
                f"{fmean(values):.2f} | {low:.2f} to {min(high, 100.0):.2f} | {target:.2f} | "
                f"{'yes' if fmean(values) >= target else 'no'} |"
            )
    titles = "set|network|each seed (%)|mean (%)|95 % interval|target (%)|reached"
    return table(titles, rows)


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def no_digit_table(path: Path) -> str:
    """Area under the ROC curve and share refused, for the score that was chosen."""
    every = read_table(path)
    chosen = [row for row in every if row["chosen"] == "1"]
    unseen = {(r["network"], r["kind"]): r for r in every if r["score"] == "head, unseen"}
    kinds = list(dict.fromkeys(row["kind"] for row in chosen))
    found = {(row["network"], row["kind"]): row for row in chosen}
    rows = []
    for kind in kinds:
        cells = [kind, found[NETWORKS[0], kind]["n"]]
        for network in NETWORKS:
            row = found[network, kind]
            auroc = percent(float(row["auroc"])) if row["auroc"] else "–"
            cells += [auroc, percent(float(row["refused"]))]
            other = unseen.get((network, kind))
            cells.append(percent(float(other["refused"])) if other else "–")
        rows.append("| " + " | ".join(cells) + " |")
    columns = ("AUROC (%)", "refused (%)", "refused unseen (%)")
    titles = [f"{network}: {what}" for network in NETWORKS for what in columns]
    return table("|".join(["kind", "pictures", *titles]), rows)


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


def commands(checkpoints: Path, evaluation: Path) -> str:
    """The commands that made the checkpoints and the scores, as they were typed."""
    lines = []
    for network in NETWORKS:
        lines.append(read_metadata(checkpoints / f"{network}.safetensors")["command"])
    for name in SETS:
        for network in NETWORKS:
            lines.append(read_scores(evaluation, network, name)["made_by"]["command"])
    record = json.loads((evaluation / "robustness.json").read_text(encoding="utf-8"))
    lines.append(record["command"])
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
    sys.exit(main())
