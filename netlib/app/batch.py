"""Many pictures at once: files and zips, with or without a table of labels.

files -> pictures and labels -> a row each -> those read differently first -> HTML and CSV
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlib.answer.reading import NetworkReading, Reader, Reading
from netlib.data.stores import DataError, ZipStore
from netlib.data.tables import has_image_suffix, inert, picture_labels
from netlib.errors import UserError
from netlib.picture.load import ImageError

MAX_PICTURES = 1000
MAX_INFLATED_BYTES = 200_000_000
MAX_TABLE_BYTES = 2_000_000

Progress = Callable[[int, int], None]
Content = bytes | UserError  # of a file, or why it cannot be read


@dataclass(frozen=True)
class Row:
    """One picture's answers.

    Attributes:
        name: the file's name.
        reading: what the networks read; None if the picture could not be read.
        label: the right answer, if a table named it.
        error: why the picture could not be read.
    """

    name: str
    reading: Reading | None
    label: str | None = None
    error: str = ""

    @property
    def disagreement(self) -> float:
        """Total variation distance of two networks' probabilities, the largest over the digits.

        The largest over the pairs of networks, too; classes are told by their names.
        """
        if self.reading is None or self.reading.is_blank:
            return 0.0
        networks = list(self.reading.networks.values())
        names = sorted({name for network in networks for name in network.class_names})
        aligned = [_by_name(network, names) for network in networks]
        return max(float(np.abs(a - b).sum(axis=1).max() / 2) for a, b in combinations(aligned, 2))

    @property
    def differs(self) -> bool:
        """The networks read different things."""
        return len(set(self.texts().values())) > 1

    def texts(self) -> dict[str, str]:
        """Name of the network -> what it read; empty for a blank or unreadable picture."""
        networks = self.reading.networks if self.reading is not None else {}
        return {name: network.text for name, network in networks.items()}


def _by_name(network: NetworkReading, names: Sequence[str]) -> NDArray[np.floating]:
    """Its probabilities (n, names), 0 for a class that it does not know."""
    aligned = np.zeros((len(network.labels), len(names)))
    aligned[:, [names.index(name) for name in network.class_names]] = network.probabilities
    return aligned


def read_batch(
    reader: Reader, paths: Sequence[str | Path], progress: Progress | None = None
) -> list[Row]:
    """Read every picture in the files.

    Those that are read differently come first, then by disagreement; what could not be read is a
    row with its sentence, at the end.

    Args:
        reader: reads the pictures.
        paths: pictures, zips of pictures, and tables (CSV: image name, label).
        progress: called with (done, all) after each picture.

    Raises:
        UserError: nothing to read, too much to read, or a table without labels.
    """
    pictures, labels = collect(paths)
    rows = []
    for i, (name, content) in enumerate(pictures):
        rows.append(_row(reader, name, content, labels.get(name)))
        if progress is not None:
            progress(i + 1, len(pictures))
    return sorted(
        rows, key=lambda row: (bool(row.error), not row.differs, -row.disagreement, row.name)
    )


def collect(paths: Sequence[str | Path]) -> tuple[list[tuple[str, Content]], dict[str, str]]:
    """The pictures (name, content) and labels (name -> label) in files and zips.

    What is no picture, or cannot be unpacked, stands among the pictures with its error.
    """
    pictures: list[tuple[str, Content]] = []
    tables: list[tuple[str, bytes]] = []
    for name, content in _files(paths):
        if name.lower().endswith(".csv") and isinstance(content, bytes):
            tables.append((name, content))
        else:
            pictures.append((name, content))
        if len(pictures) > MAX_PICTURES:
            raise UserError(
                f"There are more than {MAX_PICTURES} pictures: send them in smaller parts."
            )
    if not pictures:
        raise UserError("There is no picture to read: choose pictures, or a zip of pictures.")
    labels: dict[str, str] = {}
    for name, content in tables:
        labels |= _labels(name, content, [picture for picture, _ in pictures])
    return pictures, labels


def _labels(name: str, content: bytes, pictures: Sequence[str]) -> dict[str, str]:
    if len(content) > MAX_TABLE_BYTES:
        raise UserError(f"{name} is larger than {MAX_TABLE_BYTES // 1_000_000} MB.")
    try:
        return picture_labels(content, name, pictures)
    except DataError as error:
        raise UserError(str(error)) from error


def accuracy(rows: Sequence[Row]) -> dict[str, tuple[int, int]]:
    """Name of the network -> (right answers, labelled pictures); empty without labels.

    A picture that could not be read counts as wrong for all.
    """
    labelled = [row for row in rows if row.label is not None]
    names = {name: None for row in labelled for name in row.texts()}
    return {
        name: (sum(row.texts().get(name) == row.label for row in labelled), len(labelled))
        for name in names
    }


def to_csv(rows: Sequence[Row], classes: Mapping[str, Sequence[str]]) -> str:
    """The rows as a CSV table, one line a picture, probabilities for single digits.

    Which digits look like none is told by their numbers, from 1, and what may be meant as well by
    "1:7"; why a file was not read, in error.

    Args:
        rows: of one batch.
        classes: name of each network -> names of its classes, for the columns.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    header = ["image", "label", "disagreement", "error"]
    for name, known in classes.items():
        header += [
            name,
            f"{name}_confidence",
            f"{name}_refused",
            f"{name}_alternative",
            *(f"{name}_p{label}" for label in known),
        ]
    writer.writerow(map(inert, header))
    for row in rows:
        cells = [row.name, row.label or "", f"{row.disagreement:.4f}", row.error]
        for name, known in classes.items():
            network = row.reading.networks.get(name) if row.reading is not None else None
            cells += _cells(network) if network else [""] * (4 + len(known))
        writer.writerow(map(inert, cells))
    return text.getvalue()


def _cells(network: NetworkReading) -> list[str]:
    refused = " ".join(str(i) for i, known in enumerate(network.is_digit, 1) if not known)
    others = [f"{i}:{other}" for i, other in enumerate(network.alternatives, 1) if other]
    head = [network.text, f"{network.confidences.prod():.4f}", refused, " ".join(others)]
    if len(network.labels) > 1:
        return head + [""] * len(network.class_names)
    return head + [f"{p:.6f}" for p in network.probabilities[0]]


def _row(reader: Reader, name: str, content: Content, label: str | None) -> Row:
    try:
        if isinstance(content, UserError):
            raise content
        return Row(name, reader.read(content), label)
    except (ImageError, UserError) as error:
        return Row(name, None, label, str(error))


def _files(paths: Sequence[str | Path]) -> Iterator[tuple[str, Content]]:
    """Name and content of every picture and table, zips opened."""
    left = MAX_INFLATED_BYTES
    for path in map(Path, paths):
        if path.suffix.lower() == ".zip":
            for name, content in _unzip(path, left):
                left -= len(content) if isinstance(content, bytes) else 0
                yield name, content
        elif _wanted(path.name):
            yield path.name, path.read_bytes()
        else:
            yield path.name, UserError("It is neither a picture nor a zip nor a CSV table.")


def _unzip(path: Path, limit: int) -> Iterator[tuple[str, Content]]:
    """Pictures and tables in a zip, read in memory: nothing is unpacked to disk."""
    store = ZipStore(path)
    try:
        names = [name for name in store.files("") if _wanted(name)]
        size = sum(map(store.size, names))
    except DataError as error:
        yield path.name, _told(error, path)
        return
    if size > limit:
        raise UserError(f"{path.name} inflates beyond {limit // 1_000_000} MB: send smaller parts.")
    for name in names:
        try:
            yield name, store.read(name)
        except DataError as error:
            yield name, _told(error, path)


def _told(error: DataError, path: Path) -> UserError:
    """The sentence, without the folder in which the server keeps what was sent."""
    return UserError(str(error).replace(str(path), path.name))


def _wanted(name: str) -> bool:
    return has_image_suffix(name) or name.lower().endswith(".csv")
