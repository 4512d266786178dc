"""Many pictures at once: files and zips, with or without a table of labels.

files -> pictures and labels -> a row each -> those read differently first -> HTML, CSV or JSON

All of that is done in the processes for heavy work, a slice of the pictures at a time, so that
batches of several visitors go on side by side. The server passes the slices on unread.
"""

import contextlib
import csv
import io
import os
import pickle
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from netlib.answer.labelled import picture_labels
from netlib.answer.pool import StoppedError
from netlib.answer.reader import Reader
from netlib.answer.reading import NetworkReading, Reading
from netlib.app.views.reply import to_json
from netlib.data.stores import DataError, ZipStore
from netlib.data.tables import has_image_suffix, inert
from netlib.errors import UserError, many
from netlib.picture.load import ImageError

MAX_PICTURES = 1000
MAX_INFLATED_BYTES = 200_000_000
MAX_TABLE_BYTES = 2_000_000
LOST = re.compile(r'[<>:"|?*\x00-\x1f\x7f`$!{}]')  # what Gradio leaves out of an upload's name
TOLD = 5  # names of what a zip holds besides

SLICE_SECONDS = 0.25

Progress = Callable[[int, int], None]
Ask = Callable[..., Awaitable[Any]]  # has a function of a reader done, see `Service.ask`
Load = Callable[[], bytes]  # a file's content; UserError or DataError if it cannot be read


class LeftOutError(UserError):
    """Files in a zip are none that are read; all others are."""


@dataclass(frozen=True)
class Row:
    """One picture's answers."""

    name: str  # the file's name
    reading: Reading | None  # what the networks read; None if the picture could not be read
    label: str | None = None  # the right answer, if a table named it
    error: str = ""  # why the picture could not be read

    @property
    def is_picture(self) -> bool:
        """It was sent as a picture; else the row is a note on another file."""
        return self.reading is not None or _is_picture(self.name)

    @property
    def disagreement(self) -> float:
        """Total variation distance of two networks' probabilities, the largest over the digits.

        The largest over the pairs of networks, too; classes are told by their names.
        """
        if self.reading is None or self.reading.is_blank:
            return 0.0
        networks = list(self.reading.networks.values())
        names = sorted({name for network in networks for name in network.class_names})
        aligned = [_by_name(network, names)[self.reading.are_digits] for network in networks]
        return max(float(np.abs(a - b).sum(axis=1).max() / 2) for a, b in combinations(aligned, 2))

    @property
    def differs(self) -> bool:
        """The networks read different things."""
        return len(set(self.texts().values())) > 1

    def is_right(self, name: str) -> bool:
        """A network read the label's digits; what is "?" is not scored."""
        reading = self.reading
        if reading is None or reading.is_blank:
            return False
        return self.label in (reading.networks[name].text, reading.digits_read(name))

    def texts(self) -> dict[str, str]:
        """Name of the network -> what it read; empty for a blank or unreadable picture."""
        networks = self.reading.networks if self.reading is not None else {}
        return {name: network.text for name, network in networks.items()}


def _by_name(network: NetworkReading, names: Sequence[str]) -> NDArray[np.floating]:
    """Its probabilities (n, names), 0 for a class that it does not know."""
    aligned = np.zeros((len(network.labels), len(names)))
    aligned[:, [names.index(name) for name in network.class_names]] = network.probabilities
    return aligned


async def read_batch(
    ask: Ask,
    paths: Sequence[Path],
    show: Callable[[Sequence[Row]], Any],
    progress: Progress | None = None,
) -> Any:
    """Read every picture in the files.

    Those that are read differently come first, then by disagreement; what could not be read is a
    row with its sentence, at the end.

    Args:
        ask: has something done in a process for heavy work.
        paths: pictures, zips of pictures, and tables (CSV: image name, label).
        show: makes of the rows, there, what is returned.
        progress: called with (done, all) after each slice.

    Raises:
        UserError: nothing to read, too much to read, or a table without labels.
    """
    files = tuple(map(Path, paths))
    parts: list[bytes] = []
    done, total, seconds = 0, 1, SLICE_SECONDS
    while done < total:
        try:
            part, done, total = await ask(read_slice, files, done, seconds)
        except StoppedError as error:
            if seconds:  # one by one until it is the picture's turn that ends its process
                seconds = 0.0
                continue
            part, done, seconds = await ask(skip, files, done, str(error)), done + 1, SLICE_SECONDS
        parts.append(part)
        if progress is not None:
            progress(done, total)
    return await ask(finish, files, parts, show)


def read_slice(
    reader: Reader, paths: tuple[Path, ...], start: int, seconds: float
) -> tuple[bytes, int, int]:
    """Read the pictures from number `start` on, one at least, until the time is up.

    Returns:
        The rows, pickled; the number of the next picture, and of all.
    """
    pictures, _ = collect(paths, reader.class_names)
    for path in paths:
        with contextlib.suppress(OSError):
            os.utime(path)  # uploads are removed when nobody has used them for a while
    end = time.monotonic() + seconds
    rows: list[Row] = []
    for name, load in pictures[start:]:
        rows.append(_row(reader, name, load))
        if time.monotonic() >= end:
            break
    return pickle.dumps(rows), start + len(rows), len(pictures)


def skip(reader: Reader, paths: tuple[Path, ...], number: int, problem: str) -> bytes:
    """The row of a picture that cannot be read, pickled."""
    name, _ = collect(paths, reader.class_names)[0][number]
    return pickle.dumps([Row(name, None, error=problem)])


def finish(
    reader: Reader,
    paths: tuple[Path, ...],
    parts: Sequence[bytes],
    show: Callable[[Sequence[Row]], Any],
) -> Any:
    """What `show` makes of all rows, with their labels and in their order."""
    labels = collect(paths, reader.class_names)[1]
    found: list[Row] = [row for part in parts for row in pickle.loads(part)]
    rows = [replace(row, label=labels.get(row.name)) for row in found]
    collect.cache_clear()  # lets go of the zips
    return show(sorted(rows, key=lambda r: (bool(r.error), not r.differs, -r.disagreement, r.name)))


@lru_cache(maxsize=4)  # each slice of a batch asks again; uploads are named by their content
def collect(
    paths: tuple[Path, ...], classes: tuple[str, ...]
) -> tuple[list[tuple[str, Load]], dict[str, str]]:
    """The pictures (name, how to get its content) and labels (name -> label) in files and zips.

    Labels are names of `classes`, see `picture_labels`. What is no picture, or cannot be unpacked,
    stands among the pictures and raises its error.
    """
    pictures: list[tuple[str, Load]] = []
    tables: list[tuple[str, Load]] = []
    for name, load in _told_apart(paths):
        (tables if name.lower().endswith(".csv") else pictures).append((name, load))
        if len(pictures) > MAX_PICTURES:
            raise UserError(
                f"There are more than {MAX_PICTURES} pictures: send them in smaller parts."
            )
    if not pictures:
        raise UserError("There is no picture to read: choose pictures, or a zip of pictures.")
    names = [name for name, _ in pictures]
    labels: dict[str, str] = {}
    for name, load in tables:
        try:
            content = load()
        except (DataError, UserError) as error:
            pictures.append((name, partial(_refuse, error)))
            continue
        try:
            found, others = _labels(name, content, names, classes)
        except UserError:
            for other, refused in pictures:
                if other.lower().endswith(".zip"):
                    with contextlib.suppress(LeftOutError):
                        refused()  # its pictures may be those that the table names
            raise
        if others:
            absent = UserError(
                f"It labels {many(others, 'picture')} by a name that none of those sent has, or "
                "several have."
            )
            pictures.append((name, partial(_refuse, absent)))
        for picture, label in found.items():
            if labels.setdefault(picture, label) != label:
                raise UserError(
                    f"{name} gives {picture} the label {label}, another table {labels[picture]}: "
                    "leave one."
                )
    return pictures, labels


def _labels(
    name: str, content: bytes, pictures: Sequence[str], classes: Sequence[str]
) -> tuple[dict[str, str], int]:
    if len(content) > MAX_TABLE_BYTES:
        raise UserError(f"{name} is larger than {MAX_TABLE_BYTES // 1_000_000} MB.")
    try:
        return picture_labels(content, name, pictures, classes, partial(LOST.sub, ""))
    except DataError as error:
        raise UserError(str(error)) from error


def accuracy(rows: Sequence[Row], names: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Name of the network -> (right answers, labelled pictures); empty without labels.

    A picture that could not be read counts as wrong for all.
    """
    labelled = [row for row in rows if row.label is not None]
    return {
        name: (sum(row.is_right(name) for row in labelled), len(labelled))
        for name in names
        if labelled
    }


def to_csv(rows: Sequence[Row], classes: Mapping[str, Sequence[str]]) -> str:
    """The rows as a CSV table, one line a picture, probabilities for single digits.

    Which digits look like none is told by their numbers, from 1, and what may be meant as well by
    "1:7"; why a file was not read, in error. `classes` has those of each network, for the columns.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    header = ["image", "label", "disagreement", "error"]
    for name, known in classes.items():
        header += [name, *(f"{name}_{what}" for what in ("confidence", "refused", "alternative"))]
        header += [f"{name}_p{label}" for label in known]
    writer.writerow(map(inert, header))
    for row in rows:
        disagreement = f"{row.disagreement:.4f}" if row.texts() else ""
        is_blank = row.reading is not None and row.reading.is_blank
        cells = [row.name, row.label or "", disagreement, "blank" if is_blank else row.error]
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


def rows_json(rows: Sequence[Row], names: Sequence[str]) -> bytes:
    """The answer of the API's `predict_batch`."""
    return orjson.dumps([row_to_json(row, names) for row in rows])


def row_to_json(row: Row, names: Sequence[str]) -> dict[str, Any]:
    """One picture of a batch: its name, label, disagreement, and its answers or its error."""
    answers = {"error": row.error} if row.reading is None else to_json(row.reading, names)
    return {
        "image": row.name,
        "label": row.label,
        "disagreement": round(row.disagreement, 6),
        **answers,
    }


def _row(reader: Reader, name: str, load: Load) -> Row:
    try:
        return Row(name, replace(reader.read(load()), sketch=None))
    except (DataError, ImageError, UserError) as error:
        return Row(name, None, error=str(error))
    except OSError:
        return Row(name, None, error="It is not on the server any more: send it again.")


def _told_apart(paths: Sequence[Path]) -> Iterator[tuple[str, Load]]:
    """Every picture and table; before a name that several have stands its zip's, or a number."""
    found = list(_files(paths))
    counts = Counter(name for _, name, _ in found)
    for place, name, load in found:
        yield (f"{place}/{name}" if counts[name] > 1 else name), load


def _files(paths: Sequence[Path]) -> Iterator[tuple[str, str, Load]]:
    """Every picture and table, zips opened; where it comes from first."""
    left = MAX_INFLATED_BYTES
    stems = Counter(path.stem for path in paths)
    for number, path in enumerate(paths, 1):
        place = str(number)
        if path.suffix.lower() == ".zip":
            place = path.stem if stems[path.stem] == 1 else place
            store = ZipStore(path)
            try:
                held = store.files("")
                names = list(filter(_wanted, held))
                left -= sum(map(store.size, names))
            except DataError as error:
                yield place, path.name, partial(_refuse, _told(error, path))
                continue
            if left < 0:
                raise UserError(
                    f"{path.name} inflates beyond {MAX_INFLATED_BYTES // 1_000_000} MB: send "
                    "smaller parts."
                )
            for name in names:
                yield place, name, partial(_unzip, store, name)
            if left_out := [name for name in held if not _wanted(name)]:
                shown = ", ".join(left_out[:TOLD]) + " …" * (len(left_out) > TOLD)
                told = f"Left out, as neither pictures nor CSV tables by their names: {shown}"
                yield place, path.name, partial(_refuse, LeftOutError(told))
        else:  # what it is its content tells
            yield place, path.name, path.read_bytes


def _unzip(store: ZipStore, name: str) -> bytes:
    try:
        return store.read(name)
    except DataError as error:
        raise _told(error, store.path) from error


def _refuse(error: Exception) -> bytes:
    raise error


def _told(error: DataError, path: Path) -> UserError:
    """The sentence, without the folder in which the server keeps what was sent."""
    return UserError(str(error).replace(str(path), path.name))


def _wanted(name: str) -> bool:
    return _is_picture(name) or name.lower().endswith(".csv")


def _is_picture(name: str) -> bool:
    """Those that phones make and nobody here can read, too: they are told."""
    return has_image_suffix(name) or name.lower().endswith((".heic", ".heif"))
