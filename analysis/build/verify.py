"""Whether the committed report is what its numbers make, and whether these agree."""

import filecmp
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.build.document import make_page
from analysis.build.kept_answers import ANSWERS
from analysis.build.pairs import LOGITS, Pair, Result, write
from analysis.frame.results import Results
from analysis.look.style import NETWORKS
from analysis.questions import calibration, headline, mistakes, roc
from netlib.measure import KeptRun

if TYPE_CHECKING:
    from analysis.build.plan import Plan
    from analysis.build.store import Build

CLOSE = 2e-5  # tables have six digits


def differences(plan: "Plan", report: "Build", output: Path, author: str) -> Iterator[str]:
    """A sentence for each file that comes out otherwise, and for results that disagree."""
    data = Results(plan.results)
    yield from disagreements(data)
    if data.has(headline.MORE):
        yield from miscounted(data)
    with tempfile.TemporaryDirectory() as folder:
        if data.has(LOGITS):
            yield from otherwise(data, Path(folder) / "tables")
        anew = Path(folder) / "figures"
        anew.mkdir()
        before = output / "report.json"
        if before.is_file():  # where nothing has changed, its sources hold
            (anew / before.name).write_bytes(before.read_bytes())
        aside = replace(plan, runs=Path(folder))
        for _ in make_page(aside, report, anew, author):
            pass
        for path in sorted(anew.iterdir()):
            if not (output / path.name).is_file():
                yield f"{output / path.name} is not there."
            elif not filecmp.cmp(path, output / path.name, shallow=False):
                yield f"{output / path.name} comes out otherwise."


def otherwise(data: Results, folder: Path) -> Iterator[str]:
    """Tables that come out otherwise from the committed logits."""
    found = data.arrays(LOGITS)
    made = json.loads(str(found["made_by"]))
    results: dict[str, list[Result]] = {network: [] for network in NETWORKS}
    for network, seed in product(NETWORKS, made["seeds"]):
        name = f"{network}-{seed}"
        keys = ("labels", name, f"{name}_validation_labels", f"{name}_validation")
        run = KeptRun(network, seed, Path(name))
        results[network].append(Result(run, [found[key] for key in keys]))
    pair = Pair(tuple(made["seeds"]), 0, results, None, made)  # type: ignore[arg-type]
    first = data.table("pairs.csv").iloc[0]
    counts = [int(first[name]) for name in first.index if name.startswith("count_")]
    tables = {
        **headline.compare(pair),
        **calibration.compare(pair),
        **roc.compare(pair),
        **mistakes.tables(pair, counts),
    }
    for name, content in tables.items():
        path = write(folder / name, content, made)
        if not filecmp.cmp(path, data.folder / name, shallow=False):
            yield f"{data.folder / name} comes out otherwise from {LOGITS}."


def disagreements(data: Results) -> Iterator[str]:
    """Where what was compared says other things than the runs that it was made from."""
    runs = data.table("pairs.csv").set_index(["network", "seed"])
    found = data.record("headline.json")
    recalls = data.table("class_scores.csv").set_index(["network", "seed"])
    scores = data.table("calibration_scores.csv").set_index(["network", "seed"])
    wrong = data.table("confusion.csv").query("true != predicted").groupby("network")["count"].sum()
    for name in NETWORKS:
        rows = runs.loc[name].loc[found["seeds"]]
        for column, score in found["networks"][name].items():
            if column in rows:
                what = f"headline.json and pairs.csv in {column} of {name}"
                yield from apart(what, score["values"], rows[column])
        errors = (rows["test_images"] * (1 - rows["accuracy"])).sum()
        yield from apart(f"confusion.csv and pairs.csv in errors of {name}", wrong[name], errors)
        nll = scores.loc[name].loc[found["seeds"], "nll_before"]
        yield from apart(f"calibration_scores.csv and pairs.csv in nll of {name}", nll, rows["nll"])
        for seed in found["seeds"]:
            own = recalls.loc[(name, seed)].set_index("class")["recall"].add_prefix("recall_")
            what = f"class_scores.csv and pairs.csv in recall of {name}, seed {seed}"
            yield from apart(what, own, rows.loc[seed, own.index])


def miscounted(data: Results) -> Iterator[str]:
    """Where the tables and tests of the many runs say other things than their predictions."""
    found = data.arrays(f"more_pairs/{ANSWERS}")
    runs = data.table("more_pairs.csv").set_index(["network", "seed"])["accuracy"]
    record = data.record(headline.MORE)
    for place, seed in enumerate(record["seeds"]):
        right = {n: found[f"{n}-{seed}"] == found["labels"] for n in NETWORKS}
        for name in NETWORKS:
            values = runs[name, seed], record["networks"][name]["accuracy"]["values"][place]
            what = f"more_pairs.csv, its headline.json and {ANSWERS} in {name}, seed {seed},"
            yield from apart(what, values, [right[name].mean()] * 2)
        counts = record["mcnemar"][place]
        only = [int((right[a] & ~right[b]).sum()) for a, b in (NETWORKS, NETWORKS[::-1])]
        said = counts["only_standard"], counts["only_mobilenet"]
        yield from apart(f"{headline.MORE} and {ANSWERS} in McNemar of seed {seed}", said, only)
    more = data.arrays(f"more_time/{ANSWERS}") if data.has("more_time.csv") else {}
    for table, read in (("more_width.csv", found), ("more_time.csv", more)):
        for row in data.table(table).itertuples() if data.has(table) else ():
            name = f"{row.network}-{row.width:g}-{row.seed}"
            share = (read[name] == read["labels"]).mean()
            yield from apart(f"{table} and {ANSWERS} in {name}", row.accuracy, share)


def apart(what: str, one: object, other: object) -> Iterator[str]:
    """A sentence where two lists of numbers are not the same but for rounding."""
    if not np.allclose(np.asarray(one, float), np.asarray(other, float), rtol=CLOSE, atol=CLOSE):
        yield f"{what} disagree."
