"""The comparison's page: blocks of text, tables and figures, set by Typst."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.comparison import told
from analysis.comparison.answers import Answers
from analysis.comparison.drawn import DRAWN
from analysis.frame.wording import bounded, p_value, percent, points, whole
from netlib.errors import many
from netlib.files import replacing

if TYPE_CHECKING:
    from analysis.compare import Options

TEMPLATE = Path(__file__).with_name("comparison.typ")
PDF = "Comparison.pdf"
# The sections after the first page, each with its figures; what is in one text stands side by side.
SECTIONS = {
    "What is read as what": ("confusion", "confusion_difference"),
    "Class by class": ("class_scores",),
    "One class against the rest": ("roc", "roc_log", "precision_recall"),
    "Confidence": ("calibration risk_coverage",),
    "Filters": ("filters",),
    "The images in the plane": ("tsne", "umap"),
    "Right and wrong": ("right", "errors"),
}
Block = dict[str, Any]


def make_page(options: "Options", found: Sequence[Answers], numbers: Block) -> Iterator[Path]:
    """Draw what can be drawn, typeset; gives the files."""
    folder, work = options.output / "figures", options.output / "page"
    captions, missing = draw_all(found, folder, work)
    yield from (folder / f"{name}.png" for name in captions)
    content = {
        "title": " against ".join(one.name for one in found),
        "author": options.author,
        "blocks": list(blocks(options, found, numbers, captions, missing)),
    }
    yield typeset(content, work, options.output / PDF)


def draw_all(
    found: Sequence[Answers], folder: Path, work: Path
) -> tuple[dict[str, str], list[str]]:
    """Captions of what was drawn, and a sentence for each figure that cannot be."""
    from analysis.figures import write

    captions, missing = {}, []
    for name, (title, draw) in DRAWN.items():
        try:
            captions[name], _ = write(name, partial(draw, found), folder, work)
        except ValueError as error:
            missing.append(f"{title}: {str(error).rstrip('.')}.")
    return captions, missing


def typeset(content: Block, work: Path, path: Path) -> Path:
    """Write the PDF of blocks whose figures lie in `work`, and remove that folder."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "page.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    write_pdf(TEMPLATE, work, path)
    shutil.rmtree(work)
    return path


def write_pdf(template: Path, work: Path, path: Path) -> None:
    """Write the PDF of a template whose data and figures lie in `work`."""
    import typst
    from matplotlib import get_data_path

    shutil.copy(template, work)
    pdf = typst.compile(
        work / template.name, root=work, ignore_system_fonts=True, timestamp=0,
        font_paths=[Path(get_data_path()) / "fonts" / "ttf"],
    )  # fmt: skip
    with replacing(path) as temporary:
        temporary.write_bytes(pdf)


def blocks(
    options: "Options",
    found: Sequence[Answers],
    numbers: Block,
    captions: dict[str, str],
    missing: list[str],
) -> Iterator[Block]:
    """The page from top to bottom."""
    yield text(about(options, found, numbers))
    yield text(told.verdict(numbers["pair"], len(found[0].labels)), strong=True)
    yield scores_table(numbers["networks"])
    yield pair_table(numbers["pair"])
    yield costs_table(numbers["costs"])
    if missing:
        yield text("Not drawn, since this set does not allow it: " + " ".join(missing))
    for title, figures in SECTIONS.items():
        rows = [[name for name in row.split() if name in captions] for row in figures]
        if not any(rows):
            continue
        yield heading(title)
        if title == "Class by class":
            yield classes_table(found, numbers["classes"])
        for row in filter(None, rows):
            yield figures_of({name: captions[name] for name in row})


def about(options: "Options", found: Sequence[Answers], numbers: Block) -> str:
    """What was asked of which images."""
    images = many(len(found[0].labels), f"{options.split} image")
    classes = many(len(np.unique(found[0].labels)), "class", "classes")
    sketch = options.preprocess == "sketch"
    way = "each taken through the sketch preprocessing" if sketch else "as they are"
    seen = told.seen(numbers["seen_in_training"])
    return f"{images} of {options.dataset_path.name} ({classes}), {way}. {seen}"


def heading(words: str) -> Block:
    return {"kind": "heading", "text": words}


def text(words: str, strong: bool = False) -> Block:
    return {"kind": "text", "text": words, "strong": strong}


def figures_of(captions: dict[str, str]) -> Block:
    """Figures side by side, by their names."""
    figures = [{"name": name, "caption": caption} for name, caption in captions.items()]
    return {"kind": "figures", "figures": figures}


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], note: str = "", prose: bool = False
) -> Block:
    """Numbers to the right, or `prose` to the left and over pages."""
    return {"kind": "table", "head": head, "rows": rows, "note": note, "prose": prose}


def of_rows(
    columns: dict[str, Callable[[Block], str]], rows: Sequence[Block], note: str = ""
) -> Block:
    """A table: title of a column -> what stands in it of a row."""
    return table([*columns], [[cell(row) for cell in columns.values()] for row in rows], note)


def at(key: str, form: Callable[[Any], str] = str) -> Callable[[Block], str]:
    """A cell: one number of the row in words."""
    return lambda row: form(row[key])


def scores_table(rows: Sequence[Block]) -> Block:
    columns = {
        "network": at("network"),
        "accuracy, %": at("accuracy", percent),
        "95 % interval": bounded,
        "balanced, %": at("balanced_accuracy", percent),
        "macro F1, %": at("macro_f1", percent),
        "NLL": at("nll", "{:.4f}".format),
        "Brier": at("brier", "{:.4f}".format),
        "ECE, %": at("ece", percent),
        "temperature": at("temperature", "{:.2f}".format),
    }
    note = "Wilson's interval over images; NLL, Brier and ECE with the checkpoint's temperature."
    return of_rows(columns, rows, note)


def pair_table(row: Block) -> Block:
    columns = {
        "first": at("first"),
        "second": at("second"),
        "both right": at("both_right", whole),
        "only first": at("only_first", whole),
        "only second": at("only_second", whole),
        "none": at("none_right", whole),
        "first − second, points": at("difference", points),
        "95 % interval": lambda row: bounded(row, points),
        "McNemar p": at("p", p_value),
    }
    note = "Paired: the same images. The interval is Agresti and Min's (2005), the test is exact."
    return of_rows(columns, [row], note)


def classes_table(found: Sequence[Answers], rows: Sequence[Block]) -> Block:
    names = [one.name for one in found]
    columns = {
        "class": at("class"),
        "images": at("images", whole),
        **{f"recall, %: {n}": at(f"recall_{i}", told.share) for i, n in enumerate(names)},
        **{f"F1, %: {n}": at(f"f1_{i}", told.share) for i, n in enumerate(names)},
        **{f"only {n} right": at(f"alone_{i}", whole) for i, n in enumerate(names)},
    }
    return of_rows(columns, rows)


def costs_table(rows: Sequence[Block]) -> Block:
    columns = {
        "network": at("network"),
        "architecture": at("architecture"),
        "input": at("input"),
        "classes": at("classes"),
        "parameters": at("params", whole),
        "MACs": at("macs", whole),
        "one image, µs": at("seconds", told.spread_of_time),
    }
    note = "Time in ONNX Runtime on this machine, the networks in turn: median and range of rounds."
    return of_rows(columns, rows, note)
