"""A split's CSV: its text, its columns, and how its names find their images.

The names' column is the one whose cells are images; the labels' column is named so, or is the only
one with integers in range. Neither is guessed: where two would do, one sentence says so.
"""

import csv
import gc
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from netlib.data.stores import DataError, leaves
from netlib.errors import many

IMAGE_SUFFIXES = frozenset(
    ".png .jpg .jpeg .jfif .jpe .bmp .gif .tif .tiff .webp .avif .pgm .ppm .pnm".split()
)  # what counts as "an image that the CSV does not name"; a named file may have any suffix
DELIMITERS = ",;\t|"
SAMPLE = 200  # rows that decide which column is which
NAME_WORDS = ("image", "img", "file", "name", "path", "picture")
LABEL_WORDS = ("label", "labels", "class", "digit", "target", "y", "category", "truth")
INDEX_WORDS = ("", "index", "idx", "id", "unnamed: 0", "row", "no", "nr")
# What a column that parts a table says of a row; validation is cut from training images here.
SPLIT_VALUES = {
    **dict.fromkeys(("train", "training", "val", "valid", "validation", "dev"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")
_SEPARATOR = re.compile(r'"?sep=([^\w\s"]|\t)"?[ \t]*(\r?\n|\r|$)', re.IGNORECASE)  # Excel's line


@contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage collection: it would search a large archive's listing again and again.

    Listing 60,000 entries makes objects that all live on, and takes half the time without it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def has_image_suffix(name: str) -> bool:
    """Whether a file is an image by its name."""
    return f".{name.rpartition('.')[2].lower()}" in IMAGE_SUFFIXES


def inert(value: Any) -> Any:
    """A stranger's text, such that no spreadsheet takes it for a formula."""
    is_formula = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if is_formula else value


class Files:
    """The image folder's listing, and how a name in the CSV finds its file.

    Of equal names, the one in `folder`, where the CSV lies, is meant.
    """

    def __init__(self, names: Sequence[str], title: str, folder: str = ".") -> None:
        self.title = title
        self.folder = folder
        self.names = frozenset(names)
        self.images = {name for name in names if has_image_suffix(name)}

    @cached_property
    def by_stem(self) -> dict[str, list[str]]:
        """Name without its suffix, and that without its folders where one file has it -> files."""
        stems: dict[str, list[str]] = {}
        for name in sorted(self.images):
            stems.setdefault(name.rpartition(".")[0], []).append(name)
        leaves = Counter(stem.rpartition("/")[2] for stem in stems)
        short = {leaf: stem for stem in stems if leaves[leaf := stem.rpartition("/")[2]] == 1}
        return {**{leaf: stems[stem] for leaf, stem in short.items()}, **stems}

    def matches(self, name: str) -> list[str]:
        """Files that `name` may mean: without its folders or theirs, with or without a suffix."""
        if name in self.names and self.folder == ".":
            return [name]
        short = name.replace("\\", "/").removeprefix("./")
        if not short or leaves(short):
            return []
        parts = short.split("/")
        tails = ["/".join([self.folder, *parts])]
        tails += ["/".join(parts[start:]) for start in range(len(parts))]
        for tail in tails:
            if tail in self.names:
                return [tail]
        for tail in tails:
            stem = tail.rpartition(".")[0] if has_image_suffix(tail) else tail
            if found := self.by_stem.get(tail) or self.by_stem.get(stem):
                return found
        return []

    def resolve(self, names: Sequence[str], table: str) -> list[str]:
        """The file of each name: exactly one, inside of the folder."""
        if self.names.issuperset(names):
            return list(names)
        found = [self.matches(name) for name in names]
        absent = [name for name, files in zip(names, found, strict=True) if not files]
        if absent:
            outside = next((name for name in absent if leaves(name.replace("\\", "/"))), None)
            if outside is not None:
                raise DataError(f"{table} names {outside!r}, which lies outside {self.title}.")
            raise DataError(
                f"{table} names {many(len(absent), 'image')} absent from {self.title}, the first "
                f"is {absent[0]!r}."
            )
        for name, files in zip(names, found, strict=True):
            if len(files) > 1:
                raise DataError(f"{table} names {name!r}, which may be {' or '.join(files)}.")
        return [files[0] for files in found]


@dataclass(frozen=True)
class Sheet:
    """A CSV's rows of cells, without its header."""

    title: str  # the file's path, for messages
    header: list[str]  # the columns' titles; empty where there are none
    lines: list[int]  # line numbers, one per row
    cells: list[list[str]]  # the rows, each with as many cells as the first
    name_column: int  # which column holds the images' names

    def share(self, files: Files) -> float:
        """Share of the rows, of a sample of them, whose image exists."""
        sample = [row[self.name_column] for row in self.cells[:SAMPLE]]
        return sum(bool(files.matches(name)) for name in sample) / max(len(sample), 1)

    def of_split(self, split: str, is_of: Callable[[str], bool]) -> "Sheet":
        """The rows of one split, whose images' names `is_of` tells, where the table has several."""
        column = _split_column(self.cells)
        kept = [
            place
            for place, row in enumerate(self.cells)
            if (column is None or SPLIT_VALUES[row[column].lower()] == split)
            and is_of(row[self.name_column])
        ]
        lines, cells = [self.lines[place] for place in kept], [self.cells[place] for place in kept]
        if column is not None:  # it says nothing more, and is no label
            cells = [[*row[:column], "", *row[column + 1 :]] for row in cells]
        return replace(self, lines=lines, cells=cells)

    def rows(self, files: Files, table: str, num_classes: int) -> tuple[list[str], list[int]]:
        """Names of the images' files, and their labels."""
        if not self.cells:
            raise DataError(f"{self.title} names no image: the data set is empty.")
        names = files.resolve([row[self.name_column] for row in self.cells], table)
        seen: dict[str, int] = {}
        for line, name in zip(self.lines, names, strict=True):
            if name in seen:
                raise DataError(f"{table} names {name} twice, in lines {seen[name]} and {line}.")
            seen[name] = line
        allowed = range(num_classes)
        column = self.label_column(
            lambda text: _label(text) in allowed, f"integers in 0...{num_classes - 1}"
        )
        return names, _labels([row[column] for row in self.cells], names, table, num_classes)

    def label_column(self, may_be: Callable[[str], bool], described: str) -> int:
        """The column of labels: the only other one, the one called so, or the only one that fits.

        `may_be` tells whether a cell may be a label, `described` what labels are.
        """
        others = [c for c in range(len(self.cells[0])) if c != self.name_column]
        if len(others) == 1:
            return others[0]
        named = [c for c in others if self._title(c) in LABEL_WORDS]
        if len(named) == 1:
            return named[0]
        texts = {c: {row[c] for row in self.cells} for c in named or others}
        fitting = [c for c, cells in texts.items() if any(cells) and all(map(may_be, cells))]
        if len(fitting) > 1:
            fitting = [c for c in fitting if not self._is_index(c)] or fitting
        if len(fitting) == 1:
            return fitting[0]
        titles = ", ".join(self._described(c) for c in fitting or others)
        found = "any of the columns" if fitting else "none of the columns"
        raise DataError(
            f"{self.title} does not say where the labels are: {found} {titles} holds {described}; "
            "name the one that is meant label, in a first row."
        )

    def _is_index(self, column: int) -> bool:
        """Whether a column only counts the rows."""
        numbers = [_label(row[column]) for row in self.cells]
        first = numbers[0]
        counts = first in (0, 1) and numbers == list(range(first, first + len(numbers)))
        return counts and len(numbers) > 2 and self._title(column) in INDEX_WORDS

    def _title(self, column: int) -> str:
        return self.header[column].strip().lower() if column < len(self.header) else ""

    def _described(self, column: int) -> str:
        return self._title(column) or f"number {column + 1}"


def read_sheet(data: bytes, title: str, files: Files) -> Sheet:
    """A CSV's content, UTF-8 or UTF-16, that names some of the files; its columns in any order.

    `title` is its path, for messages.
    """
    lines, cells = _cells(_text(data, title), title)
    if not cells:
        return Sheet(title, [], [], [], 0)
    width = min(len(row) for row in cells)
    column = _name_column(cells, width, title, files)
    header = _is_header(cells[0], column, files)
    rows = [row[:width] for row in cells[header:]]
    return Sheet(title, cells[0] if header else [], lines[header:], rows, column)


def splits_in(data: bytes, title: str) -> set[str]:
    """The splits that a column of a CSV parts its rows into; none where no column does."""
    rows = _cells(_text(data, title), title)[1][1:]
    column = _split_column(rows)
    return set() if column is None else {SPLIT_VALUES[row[column].lower()] for row in rows}


def _split_column(rows: Sequence[Sequence[str]]) -> int | None:
    """The column that says of every row which split it is of."""
    for column in range(min(map(len, rows), default=0)):
        if all(row[column].lower() in SPLIT_VALUES for row in rows):
            return column
    return None


def _text(data: bytes, title: str) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{title} is no UTF-8 text ({error.reason}); save it as CSV in UTF-8."
        ) from error
    if "\0" in text:
        raise DataError(f"{title} is no UTF-8 text (null characters); save it as CSV in UTF-8.")
    return text


def _cells(text: str, title: str) -> tuple[list[int], list[list[str]]]:
    """Line numbers and stripped cells of the rows that are not empty.

    Short rows are filled up to the usual number of cells.
    """
    told = _SEPARATOR.match(text)
    body = text[told.end() :] if told else text
    reader = csv.reader(
        io.StringIO(body, newline=""), delimiter=told[1] if told else _delimiter(body)
    )
    lines, rows = [], []
    try:
        for cells in reader:
            line = reader.line_num + bool(told)
            if not "".join(cells).strip():
                continue
            if len(cells) < 2:
                raise DataError(
                    f"{title}, line {line}, has one column; an image name and a label are needed."
                )
            lines.append(line)
            rows.append([cell.strip() for cell in cells])
    except csv.Error as error:
        line = reader.line_num + bool(told)
        raise DataError(f"{title}, line {line}, is no valid CSV: {error}.") from error
    usual = sorted(map(len, rows))[len(rows) // 2] if rows else 0
    return lines, [row + [""] * (usual - len(row)) for row in rows]


def _delimiter(text: str) -> str:
    """The mark that stands in every one of the first lines, most often."""
    first = [line for line in text[:5000].splitlines() if line.strip()][:5]
    counts = {mark: min((line.count(mark) for line in first), default=0) for mark in DELIMITERS}
    best = max(DELIMITERS, key=lambda mark: counts[mark])
    if counts[best]:
        return best
    return next((mark for mark in DELIMITERS if first and mark in first[0]), ",")


def _name_column(cells: Sequence[Sequence[str]], width: int, title: str, files: Files) -> int:
    body = cells[1 : SAMPLE + 1] or cells
    titles = [cell.lower() for cell in cells[0]]
    says = [any(word in titles[c] for word in NAME_WORDS) for c in range(width)]
    # Numbers may be names without a suffix, but not beside a column of such.
    shown = any(
        (says[c] or width == 2) and all(has_image_suffix(row[c]) for row in body)
        for c in range(width)
    )
    ranks = []
    for column in range(width):
        names = [row[column] for row in body]
        found = sum(bool(files.matches(name)) for name in names) / len(names)
        exact = sum(name in files.names or has_image_suffix(name) for name in names) / len(names)
        unique = len(set(names)) / len(names)
        number = shown and all(name.isdecimal() for name in names)
        may_be = not number or (says[column] and width > 2)
        ranks.append((may_be, found == unique == 1, exact, found, says[column], unique))
    best = max(ranks)
    column = ranks.index(best)
    twins = [c for c in range(width) if ranks[c] == best]
    different = any([row[c] for row in body] != [row[column] for row in body] for c in twins)
    if different and width > 2 and best[1]:
        raise DataError(
            f"{title} does not say which column names the images: numbers "
            f"{' and '.join(str(c + 1) for c in twins)} both do; name the one that is meant image, "
            "in a first row."
        )
    return column


def _is_header(row: Sequence[str], column: int, files: Files) -> bool:
    """A first row is data if it names a file, or if it looks like an image name and a label."""
    others = [cell.lower() for place, cell in enumerate(row) if place != column]
    looks = has_image_suffix(row[column]) and not any(cell in LABEL_WORDS for cell in others)
    return not (files.matches(row[column]) or looks)


def _labels(texts: Sequence[str], names: Sequence[str], table: str, num_classes: int) -> list[int]:
    known = {text: _label(text) for text in set(texts)}
    labels = []
    for text, name in zip(texts, names, strict=True):
        label = known[text]
        if label is None:
            raise DataError(
                f"{table} gives {name} the label {text!r}, which is no integer: number the classes "
                "from 0."
            )
        if not 0 <= label < num_classes:
            raise DataError(
                f"{table} gives {name} the label {label}, which is outside 0...{num_classes - 1}: "
                "number the classes from 0, or leave it out."
            )
        labels.append(label)
    return labels


def _label(text: str) -> int | None:
    return int(text.partition(".")[0]) if _INTEGER.fullmatch(text) else None
