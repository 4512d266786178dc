"""The course's data layout on disk: an image folder and a CSV, plain or inside a zip.

    train_new/ + train_new.csv   or   train/ + train.csv   (test_new, test likewise)

in a folder, or in `train.zip` and `test.zip` (at the archive's root or one folder down). The CSV's
first column is the image's name, the second its label; its titles vary and further columns are
ignored. Archives are read in place, never unpacked to disk.
"""

import csv
import gc
import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from netlib.data.stores import MAX_BYTES, DataError, FolderStore, Store, ZipStore, leaves

SPLITS = ("train", "test")
IMAGE_SUFFIXES = frozenset(
    ".png .jpg .jpeg .bmp .gif .tif .tiff .webp .pgm .ppm .pnm".split()
)  # what counts as "an image that the CSV does not name"; a named file may have any suffix
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")


@dataclass(frozen=True)
class Table:
    """A split's rows, checked: every name is an image that exists, every label is in range.

    Attributes:
        store, folder: where the images lie.
        names: image names relative to `folder`, in the CSV's order.
        labels: integers in 0...num_classes-1, one per name.
        warnings: one sentence each; nothing that stops the data from being used.
    """

    store: Store
    folder: str
    names: list[str]
    labels: list[int]
    warnings: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> bytes:
        """The encoded bytes of image `index`."""
        return self.store.read(f"{self.folder}/{self.names[index]}")


def open_store(path: str | os.PathLike[str], split: str, max_bytes: int = MAX_BYTES) -> Store:
    """The folder or zip at `path` that holds the split.

    Args:
        path: a folder that holds the layout or `train.zip`/`test.zip`, or a zip itself.
        split: "train" or "test".
        max_bytes: the most that a zip may inflate to.

    Raises:
        DataError: nothing at `path` holds the split.
    """
    path = Path(path)
    if split not in SPLITS:
        raise DataError(f"split is {split!r}, but must be one of {', '.join(SPLITS)}.")
    if path.is_file():
        return ZipStore(path, max_bytes)
    if not path.is_dir():
        raise DataError(f"{path} does not exist; give a folder or a zip with the data set.")
    stems = _stems(split)
    folder = FolderStore(path)
    parts = [(folder.has_folder(stem), folder.has_file(f"{stem}.csv")) for stem in stems]
    if any(all(part) for part in parts):
        return folder
    for stem in reversed(stems):
        if (path / f"{stem}.zip").is_file():
            return ZipStore(path / f"{stem}.zip", max_bytes)
    if any(any(part) for part in parts):
        return folder  # incomplete: reading it tells what is missing
    raise DataError(_nothing_found(path, split) + f", or {split}.zip with either inside.")


def has_split(path: str | os.PathLike[str], split: str, max_bytes: int = MAX_BYTES) -> bool:
    """Whether anything of the split is at `path` (it may still be damaged or incomplete)."""
    try:
        store = open_store(path, split, max_bytes)
    except DataError:
        return False
    if isinstance(store, FolderStore):
        return True
    return any(
        store.has_folder(root + stem) or store.has_file(f"{root}{stem}.csv")
        for root in store.roots()
        for stem in _stems(split)
    )


def find_split(store: Store, split: str) -> tuple[str, str]:
    """Paths of the split's image folder and CSV within the store.

    Raises:
        DataError: one of the two is missing, or both are.
    """
    incomplete = None
    for root in store.roots():
        for stem in _stems(split):
            folder, table = root + stem, f"{root}{stem}.csv"
            found = store.has_folder(folder), store.has_file(table)
            if all(found):
                return folder, table
            if any(found) and incomplete is None:
                there, missing = (f"{folder}/", table) if found[0] else (table, f"{folder}/")
                incomplete = f"{store.path} holds {there} but not {missing}; both are needed."
    raise DataError(incomplete or _nothing_found(store.path, split) + ".")


def fingerprint(store: Store, split: str) -> bytes:
    """A digest that changes whenever the split's CSV or images change."""
    if isinstance(store, FolderStore):
        return store.fingerprint(*find_split(store, split))
    return store.fingerprint()


def read_table(store: Store, split: str, num_classes: int) -> Table:
    """Reads the split's CSV and matches its rows with the images.

    Raises:
        DataError: see the module's sentences: missing files, absent images, bad labels, duplicates.
    """
    with _collector_paused():
        return _read_table(store, split, num_classes)


def _read_table(store: Store, split: str, num_classes: int) -> Table:
    folder, table = find_split(store, split)
    files = _Files(folder, store.files(folder), f"{store.path / folder}")
    rows = _read_rows(store.read(table), f"{store.path / table}", files)
    if not rows:
        raise DataError(f"{store.path / table} names no image: the data set is empty.")
    names = files.resolve([row.name for row in rows], table)
    _check_unique(rows, names, table)
    labels = _labels([row.label for row in rows], names, table, num_classes)
    unnamed = files.images - set(names)
    warnings = []
    if unnamed:
        warnings.append(
            f"{len(unnamed)} images in {files.title} are not named in {table} and are left out, "
            f"for example {min(unnamed)}."
        )
    return Table(store, folder, names, labels, warnings)


@contextmanager
def _collector_paused() -> Iterator[None]:
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


class _Row(NamedTuple):
    line: int
    name: str
    label: str


class _Files:
    """The image folder's listing, and how a name in the CSV finds its file."""

    def __init__(self, folder: str, names: Sequence[str], title: str) -> None:
        self.title = title
        self.names = frozenset(names)
        self.images = {name for name in names if _has_image_suffix(name)}
        self.prefix = f"{PurePosixPath(folder).name}/"

    @cached_property
    def by_stem(self) -> dict[str, list[str]]:
        stems: dict[str, list[str]] = {}
        for name in sorted(self.images):
            stems.setdefault(name.rpartition(".")[0], []).append(name)
        return stems

    def matches(self, name: str) -> list[str]:
        """Files that `name` may mean: itself, without the folder's name, or with a suffix."""
        if name in self.names:
            return [name]
        short = name.replace("\\", "/").removeprefix("./").removeprefix(self.prefix)
        if short in self.names:
            return [short]
        return self.by_stem.get(short, [])

    def resolve(self, names: Sequence[str], table: str) -> list[str]:
        if self.names.issuperset(names):
            return list(names)
        found = [self.matches(name) for name in names]
        absent = [name for name, files in zip(names, found, strict=True) if not files]
        if absent:
            outside = next((name for name in absent if leaves(name.replace("\\", "/"))), None)
            if outside is not None:
                raise DataError(f"{table} names {outside!r}, which lies outside {self.title}.")
            raise DataError(
                f"{len(absent)} images named in {table} are absent from {self.title}, "
                f"the first is {absent[0]!r}."
            )
        for name, files in zip(names, found, strict=True):
            if len(files) > 1:
                raise DataError(f"{table} names {name!r}, which may be {' or '.join(files)}.")
        return [files[0] for files in found]


def _read_rows(data: bytes, title: str, files: _Files) -> list[_Row]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{title} is no UTF-8 text: {error.reason}.") from error
    first = text.lstrip().partition("\n")[0]
    delimiter = next((mark for mark in ",;\t" if mark in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = []
    try:
        for cells in reader:
            if not "".join(cells).strip():
                continue
            if len(cells) < 2:
                raise DataError(
                    f"{title}, line {reader.line_num}, has one column; "
                    "an image name and a label are needed."
                )
            rows.append(_Row(reader.line_num, cells[0].strip(), cells[1].strip()))
    except csv.Error as error:
        raise DataError(f"{title}, line {reader.line_num}, is no valid CSV: {error}.") from error
    return rows[1:] if rows and _is_header(rows[0], files) else rows


def _is_header(row: _Row, files: _Files) -> bool:
    """A first row is data if it names a file, or if it looks like an image name and a label."""
    is_data = files.matches(row.name) or (
        _has_image_suffix(row.name) and _INTEGER.fullmatch(row.label)
    )
    return not is_data


def _check_unique(rows: Sequence[_Row], names: Sequence[str], table: str) -> None:
    seen: dict[str, int] = {}
    for row, name in zip(rows, names, strict=True):
        if name in seen:
            raise DataError(f"{table} names {name} twice, in lines {seen[name]} and {row.line}.")
        seen[name] = row.line


def _labels(texts: Sequence[str], names: Sequence[str], table: str, num_classes: int) -> list[int]:
    known = {text: _label(text) for text in set(texts)}
    labels = []
    for text, name in zip(texts, names, strict=True):
        label = known[text]
        if label is None:
            raise DataError(f"{table} gives {name} the label {text!r}, which is no integer.")
        if not 0 <= label < num_classes:
            raise DataError(
                f"{table} gives {name} the label {label}, which is outside 0...{num_classes - 1}."
            )
        labels.append(label)
    return labels


def _label(text: str) -> int | None:
    return int(text.partition(".")[0]) if _INTEGER.fullmatch(text) else None


def _stems(split: str) -> tuple[str, str]:
    return f"{split}_new", split


def _nothing_found(path: Path, split: str) -> str:
    return (
        f"{path} has no {split} split: expected {split}_new/ with {split}_new.csv "
        f"or {split}/ with {split}.csv"
    )


def _has_image_suffix(name: str) -> bool:
    return f".{name.rpartition('.')[2].lower()}" in IMAGE_SUFFIXES
