"""The report of a data set of the user's: what the same steps found on it, set plainly."""

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from analysis.build import document
from analysis.build.plan import Own, Plan
from analysis.comparison import leaflet
from analysis.frame.command import parse
from analysis.frame.results import Results
from analysis.questions import budget, embeddings, figures, gather, headline, questions, sweeps
from netlib.errors import many

if TYPE_CHECKING:
    import numpy as np

    from analysis.build.__main__ import Options
    from analysis.build.store import Build

MOST_CLASSES = 10
LEAST_TESTED = 2 * embeddings.NEIGHBOURS + 1  # or their trustworthiness is not defined
# What speaks of MNIST, of other networks than these, or stands in the pair's own part of the page.
NOT_HERE = {
    "tails": "imbalance: its long-tailed sets are cut from MNIST",
    "roofline": "the roofline: it times the layers of the shipped networks",
    "data_card": "known wrong labels: they are MNIST's",
}
IN_THE_PAIR = ("roc", "filters", "mistakes")
# What the report's own page says around the numbers of a question, here in whole sentences.
SAID = {
    "costs": "Blocks 3 and 4, those that are replaced, have {blocks_macs_ratio} times fewer "
    "multiply–accumulates and {blocks_params_ratio} times fewer weights in MobileNet, without "
    "batch norm.",
    "through": "In block {block} the depthwise layer has {depthwise} multiply–accumulates and the "
    "pointwise layer {pointwise}; a standard convolution has {standard}, {ratio} times as many.",
    "curves": "After the first epoch standard has {standard[first]} % of the validation images "
    "right and MobileNet {mobilenet[first]} %, at the end {standard[validation]} and "
    "{mobilenet[validation]} %. At the end MobileNet − standard is {loss_gap} in loss and in "
    "accuracy {gap}.",
    "embeddings": "By their ten nearest neighbours {raw} % of {n} test images are named right from "
    "their pixels, {standard_trained} and {mobilenet_trained} % from the trained embeddings of "
    "standard and MobileNet, {standard_untrained} and {mobilenet_untrained} % from the untrained "
    "ones (one seed).",
    "blocks": "Of {counts} counts validation chooses {best}; {cheaper}. Here {least}.",
    "calibration": "As trained, {expected}. Without the least confident 5 % of the images the "
    "error rate is {kept[standard]} % (standard) and {kept[mobilenet]} % (MobileNet).",
    "damage": "Undamaged, standard has {clean[standard]} % and MobileNet {clean[mobilenet]} % of "
    "{n} test images right; over the kinds of damage that do not leave both near chance "
    "{rest[standard]} and {rest[mobilenet]} %: {gap}. The largest difference is under {largest}: "
    "{largest_gap}. Left after Holm's correction over all {kinds} kinds: {sure} (least p "
    "{least_p}).",
}
MISSING = (KeyError, OSError, ValueError, IndexError)  # where results do not allow an answer
OF_OURS = re.compile(r"MNIST(?!-C)|the course")  # not said of another data set


def make_plan(options: "Options") -> Plan:
    """The plan of a report of this data set.

    Raises:
        ValueError: it has too many classes or fewer than two, no image of one, too few for tests,
            or would go where another report is.
    """
    from netlib import data
    from netlib.data.layout import find_split, read_table

    path = options.dataset_path
    assert path is not None, "a report of one's own data is asked for"
    output = folder_of(options)
    document.check_output(output, "")
    classes = max(read_table(find_split(path, "train"), MOST_CLASSES).labels) + 1
    if classes < 2:
        raise ValueError(f"{path} has one class; expected 2 to {MOST_CLASSES}.")
    train = data.DigitDataset(path, "train", num_classes=classes)
    counts = train.class_counts
    if 0 in counts:
        raise ValueError(
            f"{path} has no training image of class {counts.index(0)}; expected some of each from "
            f"0 to {classes - 1}."
        )
    tested = len(data.DigitDataset(path, "test", num_classes=classes))
    if tested < LEAST_TESTED:
        raise ValueError(
            f"{path} has {many(tested, 'test image')}; a report needs {LEAST_TESTED} or more: "
            "compare takes fewer."
        )
    results = options.results or output / "data"
    runs = options.runs or output / "runs"
    plan = Plan(options.size, results, runs, jobs=options.jobs, own=Own(path, classes, len(train)))
    check_splits(plan, path, train.labels.numpy())
    return plan


def check_same(plan: Plan, report: "Build") -> None:
    """Raise a ValueError where the results are those of another data set or size."""
    step = report.steps["learning_rate"]  # the first that is made
    made = report.values(step.name).get("command", step.command)
    if made != step.command:
        raise ValueError(
            f"{plan.results.parent} holds a report of another data set or size ({made}): name "
            "another --output, or remove it."
        )


def check_splits(plan: Plan, path: Path, labels: "np.ndarray") -> None:
    """Raise a ValueError where a sweep would want more images, of all or of one class."""
    from analysis import sweep
    from netlib import data

    for step in (step for named in gather("steps") for step in named(plan) if step.sweep):
        for _, *arguments in step.commands:
            options = replace(parse(sweep.Options, arguments), tuned=None)
            cuts = {(r.validation_size, r.train_size or None) for r in sweep.plan(options)}
            for validation, train in cuts:
                try:
                    sizes = {"validation": validation, "train": train}
                    data.split_stratified(labels, sizes, seed=0)
                except ValueError as error:
                    told = f"{path} is too small for the sweep {step.name}: {error}"
                    raise ValueError(told) from None


def make_page(plan: Plan, report: "Build", options: "Options") -> Iterator[Path]:
    """Draw and typeset; gives the PDF."""
    from analysis import compare

    assert plan.own is not None

    output = folder_of(options)
    work, folder = output / "page", output / "figures"
    standard, mobilenet = plan.pair.values()
    wanted = compare.Options(
        dataset_path=plan.own.path,
        checkpoint=(standard, mobilenet),
        output=output / "pair",
    )
    _, found, numbers = compare.ask(wanted)
    pair, missing = leaflet.draw_all(found, folder, work)
    results = Results(plan.results)
    title = f"Standard against depthwise separable convolution on {plan.own.path.name}"
    blocks = [
        *opening(plan, results),
        *everything(results, folder, work),
        leaflet.heading("The first pair of runs"),
        *leaflet.blocks(wanted, found, numbers, pair, missing),
        *ending(plan, report),
    ]
    content = {"title": title, "author": options.author, "blocks": blocks}
    yield leaflet.typeset(content, work, output / "Report.pdf")


def folder_of(options: "Options") -> Path:
    if options.output is None:
        raise ValueError("--dataset-path needs --output, a folder for that report alone.")
    return options.output


def opening(plan: Plan, results: Results) -> Iterator[leaflet.Block]:
    """The answer, in every regime that there is, and what was trained on."""
    head = found_in(results, headline).get("headline", {})
    for key in ("verdict", "with_images", "equivalence", "mcnemar"):
        if key in head:
            yield leaflet.text(head[key], strong=key == "verdict")
    if regimes := found_in(results, budget).get("budget", {}).get("regimes"):
        yield regimes_table(regimes)
    pairs = results.table("pairs.csv")
    counts = [name for name in pairs if name.startswith("count_")]
    yield leaflet.table(
        ["class", *(name.removeprefix("count_") for name in counts)],
        [["training images", *(f"{pairs[name].iloc[0]:,.0f}" for name in counts)]],
        f"Of the first pair, besides {pairs['validation_images'].iloc[0]:,} validation images; "
        f"{pairs['test_images'].iloc[0]:,} test images.",
    )


def regimes_table(rows: list[dict[str, str]]) -> leaflet.Block:
    """The table of the report's first page."""
    columns = {
        "held equal": lambda row: f"{row['name']}: {row['finding']}",
        "trained on": leaflet.at("setting"),
        "standard": leaflet.at("standard"),
        "MobileNet": leaflet.at("mobilenet"),
        "difference": leaflet.at("gap"),
        "95 % interval": leaflet.at("interval"),
        "pairs": leaflet.at("pairs"),
        "parameters": leaflet.at("params"),
        "MACs": leaflet.at("macs"),
        "time": leaflet.at("time"),
    }
    note = (
        "Test accuracy in percent; difference: MobileNet − standard, points. Equal parameters and "
        "equal MACs make the standard network narrower, as nearly as the widths allow; × is the "
        "width multiplier. Parameters, MACs and time of one image: standard over MobileNet. Open "
        "is what fewer than three pairs or an interval that holds 0 leave open."
    )
    return leaflet.of_rows(columns, rows, note)


def everything(results: Results, folder: Path, work: Path) -> Iterator[leaflet.Block]:
    """Every question that applies: its heading, what it says, its figures."""
    from analysis.figures import draw

    for question in questions():
        name = name_of(question)
        if name in NOT_HERE or name in IN_THE_PAIR:
            continue
        wanted = [
            n
            for n, spec in figures().items()
            if spec.question == name and not spec.missing(results)
        ]
        drawn = work / name
        list(draw(wanted, results.folder, folder, drawn, print))
        shown = [n for n in wanted if (drawn / f"{n}.pdf").is_file()]
        said = [] if question is headline else told(found_in(results, question))
        if not shown and not said:
            continue
        yield leaflet.heading(re.split(r"[:.\n]", question.__doc__ or name)[0])
        yield from map(leaflet.text, said)
        captions = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
        for n in shown:
            yield leaflet.figures_of({f"{name}/{n}": captions[n]["caption"]})


def name_of(question: ModuleType) -> str:
    return question.__name__.rpartition(".")[2]


def found_in(results: Results, question: ModuleType) -> dict[str, Any]:
    """What a question says, where its results allow it."""
    with contextlib.suppress(*MISSING):
        return question.say(results) if hasattr(question, "say") else {}
    return {}


def told(sections: dict[str, Any]) -> list[str]:
    """What a question says, in whole sentences of no other data set."""
    around = [SAID[name].format_map(section) for name, section in sections.items() if name in SAID]
    if "sweeps" in sections:
        return [*filter(is_said, sweeps.readings(sections))]
    return [*filter(is_said, around), *sentences(sections)]


def sentences(sections: dict[str, Any]) -> list[str]:
    """The whole sentences among what a question says."""
    values = (value for section in sections.values() for value in section.values())
    return [value for value in values if isinstance(value, str) and is_said(value)]


def is_said(words: str) -> bool:
    """Whether it is a sentence, and of no other data set."""
    return words.endswith(".") and not OF_OURS.search(words)


def ending(plan: Plan, report: "Build") -> Iterator[leaflet.Block]:
    """What was learned, what is left out, and the commands."""
    results = Results(plan.results)
    yield leaflet.heading("What was learned")
    sections = {k: v for asked in questions() for k, v in found_in(results, asked).items()}
    for question in questions():
        if name_of(question) not in NOT_HERE and hasattr(question, "conclude"):
            with contextlib.suppress(*MISSING):
                said = list(filter(is_said, question.conclude(results, sections)))
                yield from map(leaflet.text, said)
    yield leaflet.text(f"Left out of this report: {'; '.join(NOT_HERE.values())}.")
    yield leaflet.heading("The commands")
    rows = [[step.name, step.command] for step in report.steps.values()]
    yield leaflet.table(["step", "command"], rows, prose=True)
