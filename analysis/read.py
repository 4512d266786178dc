"""Read pictures with both networks: files, folders and zips to one table of answers.

python -m analysis read drawings/ photos.zip --labels labels.csv --output answers.csv
"""

import csv
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from analysis.frame.command import SHIPPED, progress, start
from analysis.frame.outputs import Csv
from netlib import answer
from netlib.answer.labelled import picture_labels
from netlib.data.stores import FolderStore, ZipStore, check_file
from netlib.data.tables import has_image_suffix, inert
from netlib.errors import many
from netlib.files import replacing

if TYPE_CHECKING:
    from netlib.answer.reader import Reader
    from netlib.answer.reading import NetworkReading

MAX_TABLE_BYTES = 100_000_000
Store = FolderStore | ZipStore


@dataclass(frozen=True, kw_only=True)
class Options:
    """Read pictures of digits and numbers with both networks.

    Attributes:
        pictures: files, folders and zips.
        labels: CSV that names pictures and what stands in them: numbers, or the networks' class
            names; a picture without a label is not scored.
        checkpoint: networks; the columns are called like the files, with their folders or a number
            where two are called alike.
        output: the table, CSV.
    """

    pictures: Annotated[tuple[Path, ...], tyro.conf.Positional]
    labels: Path | None = None
    checkpoint: tuple[Path, ...] = SHIPPED
    output: Csv


def pictures_in(path: Path) -> tuple[list[tuple[str, Store]], int]:
    """A file, or what a folder or a zip holds, in order, and how many other files lie there."""
    if not path.exists():
        raise ValueError(f"There is no {path}: name pictures, folders or zips that exist.")
    if not path.is_dir() and path.suffix.lower() != ".zip":
        return [(path.name, FolderStore(path.parent))], 0
    store: Store = FolderStore(path) if path.is_dir() else ZipStore(path)
    names = sorted(store.files(""), key=natural)
    pictures = [name for name in names if has_image_suffix(name)]
    return [(name, store) for name in pictures], len(names) - len(pictures)


def natural(name: str) -> list[tuple[int, Any]]:
    """Sorts "a2" before "a10"."""
    parts = re.split(r"(\d+)", name)
    return [(1, int(part)) if part.isdecimal() else (0, part) for part in parts]


def run(options: Options) -> Iterator[Path]:
    """Find, read, write, and say how much was right where labels tell."""
    found = list(map(pictures_in, options.pictures))
    sources = [source for pictures, _ in found for source in pictures]
    if not sources:
        raise ValueError(
            f"There is no picture in {', '.join(map(str, options.pictures))}: name pictures, or "
            "folders or zips that hold some."
        )
    if options.output in (options.labels, *options.pictures):
        raise ValueError(f"{options.output} would be written over: name another --output.")
    if options.output.exists() and not is_ours(options.output):
        raise ValueError(f"{options.output} is no table of answers: name another --output.")
    reader = answer.Reader(answer.Predictor(answer.named(options.checkpoint)))
    labels: Mapping[str, str] = {}  # picture -> what stands in it, as the networks would write it
    others = 0
    if options.labels:
        check_file(options.labels, MAX_TABLE_BYTES)
        names = [name for name, _ in sources]
        content = options.labels.read_bytes()
        labels, others = picture_labels(content, str(options.labels), names, reader.class_names)
    rows = [row(reader, name, store, labels) for name, store in progress(sources, "reading")]
    with replacing(options.output) as temporary:
        write(temporary, rows)
    tell(rows, reader.names, sum(skipped for _, skipped in found))
    if others:
        print(f"{options.labels} labels {many(others, 'picture')} not among these.")
    yield options.output


def is_ours(path: Path) -> bool:
    """Whether a table has the columns that each of these has."""
    with open(path, encoding="utf-8", errors="replace") as file:
        columns = file.readline(MAX_TABLE_BYTES).rstrip().split(",")
    return columns[0] == "name" and {"boxes", "error"} <= {*columns}


def row(reader: "Reader", name: str, store: Store, labels: Mapping[str, str]) -> dict[str, Any]:
    """One picture's line; what cannot be read has its sentence."""
    cells: dict[str, Any] = {"name": name, **dict.fromkeys(reader.names, "")}
    details: dict[str, Any] = {"boxes": "", "error": ""}
    for network in reader.names:
        details |= {f"{network}_confidence": "", f"{network}_refused": ""}
    try:
        reading = reader.read(store.read(name))
        details["boxes"] = ";".join(" ".join(map(str, box)) for box in reading.boxes)
        for network, found in reading.networks.items():
            cells[network] = found.text
            details |= {f"{network}_{key}": value for key, value in told(found).items()}
    except ValueError as error:  # of the file or the picture: what a person is told
        details["error"] = str(error)
    if labels:
        label = labels.get(name, "")
        right = {f"{n}_right": int(cells[n] == label) if label else "" for n in reader.names}
        cells |= {"label": label, **right}
    return {**cells, **details}


def told(found: "NetworkReading") -> dict[str, Any]:
    """Confidence of each digit, and which were refused, counted from 1."""
    refused = [str(i) for i, known in enumerate(found.is_digit, 1) if not known]
    confidences = " ".join(f"{value:.4f}" for value in found.confidences)
    return {"confidence": confidences, "refused": " ".join(refused)}


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """The table; text that a spreadsheet would take for a formula is made inert."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows({key: inert(value) for key, value in row.items()} for row in rows)


def tell(rows: Sequence[Mapping[str, Any]], names: Sequence[str], skipped: int) -> None:
    failed = sum(bool(row["error"]) for row in rows)
    others = "1 other file was" if skipped == 1 else f"{skipped} other files were"
    print(f"{many(len(rows), 'picture')}, {failed} not readable; {others} skipped.")
    labelled = [row for row in rows if row.get("label")]
    for name in names if labelled else ():
        right = sum(row[f"{name}_right"] for row in labelled)
        print(f"{name}: {right} of {len(labelled)} right ({100 * right / len(labelled):.2f} %)")


if __name__ == "__main__":
    sys.exit(start("read"))
