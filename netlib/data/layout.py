"""Finding a data set: the one image folder and the one CSV of each split, wherever they lie.

    train_new/ + train_new.csv   or   train/ + train.csv   (test_new, test likewise)

in a folder, or in `train.zip` and `test.zip`, is the course's layout. Where it is not found, the
folder with images and the CSV that belong together are looked for: however deep, beside or inside
a zip, in a zip inside another. Words in the path ("Train", "test_images") say which split a thing
is of; what has no such word is of the training split, or shared. Archives are read in place, never
unpacked to disk.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, product
from os import PathLike
from os.path import commonpath
from pathlib import Path

from netlib.data.stores import DataError, FolderStore, Store, ZipStore, check_file
from netlib.data.tables import (
    Files,
    Sheet,
    collector_paused,
    has_image_suffix,
    read_sheet,
    splits_in,
)
from netlib.errors import many

SPLITS = ("train", "test")
TABLE_SUFFIXES = (".csv", ".tsv")
ZIP_DEPTH = 2  # a zip in a zip
OTHERS = (
    "; a folder for each class, a CSV of pixels and IDX files are imported by python -m analysis "
    "prepare_data --source."
)
_WORD = re.compile(r"(?<![a-z])(train|test|val)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class Table:
    """A split's rows, checked: every name is an image that exists, every label is in range."""

    store: Store
    paths: list[str]  # of the images in the store, in the CSV's order
    names: list[str]  # the same relative to the image folder
    labels: list[int]  # integers in 0...num_classes-1, one per name
    warnings: list[str]  # one sentence each; nothing that stops the data from being used

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Place:
    """A folder or a file in a store; `path` is relative to it, `where` to the data set."""

    store: Store
    path: str
    where: str


@dataclass(frozen=True)
class Part:
    """Where a split lies: its image folder and its CSV."""

    folder: Place
    table: Place
    split: str = ""  # "train" or "test", where the CSV may hold the other's rows, too
    others: tuple[Place, ...] = ()  # folders of the other split, then


def find_split(path: str | PathLike[str], split: str) -> Part:
    """The image folder and the CSV of a split, in a folder or a zip."""
    path = Path(path)
    if split not in SPLITS:
        raise DataError(f"split is {split!r}, but must be one of {', '.join(SPLITS)}.")
    with collector_paused():
        survey = _survey(path)
        for places in (survey, _opened(survey, path, split)):
            part = _in_the_course_s_layout(places, split) or _by_words(places, split)
            if part is not None:
                return part
    raise DataError(_what_is_missing(path, places, split))


def has_split(path: str | PathLike[str], split: str) -> bool:
    """Whether anything of the split is at `path` (it may still be damaged or incomplete)."""
    path = Path(path)
    if not path.exists():
        return False
    survey = _survey(path)
    places = _opened(survey, path, split)
    named = [*places.folders, *places.tables, *places.zips]
    return any(_split_of(place.where) == split for place in named) or _is_within(places, split)


def read_table(part: Part, num_classes: int) -> Table:
    """Reads the split's CSV and matches its rows with the images."""
    with collector_paused():
        files, title = _files(part.folder), part.table.where
        others = [_files(place) for place in part.others]
        listed = [name for some in (files, *others) for name in some.names]
        every = Files(listed, files.title) if others else files
        sheet = _sheet(part.table, every)
        named = {row[sheet.name_column] for row in sheet.cells} if part.split else set()
        if part.split:
            sheet = sheet.of_split(part.split, _may_be_of(part, files, others))
        names, labels = sheet.rows(files, title, num_classes)
    warnings = []
    unnamed = files.images - set(names) - named
    if unnamed:
        warnings.append(
            f"{many(len(unnamed), 'image')} in {files.title}, not named in {title}, "
            f"{'is' if len(unnamed) == 1 else 'are'} left out, for example {min(unnamed)}."
        )
    folder = f"{part.folder.path}/".lstrip("/")
    paths = [folder + name for name in names]
    return Table(part.folder.store, paths, names, labels, warnings)


def _may_be_of(part: Part, files: Files, others: Sequence[Files]) -> Callable[[str], bool]:
    """Whether a name in a CSV of both splits is of this part, by its folder or where it lies."""

    def may_be(name: str) -> bool:
        said = _split_of(_parent(name.replace("\\", "/")))
        if said in SPLITS:
            return said == part.split
        elsewhere = [other for other in others if other.matches(name)]
        if elsewhere and files.matches(name):
            raise DataError(
                f"{part.table.where} names {name!r}, which is in {files.title} and in "
                f"{elsewhere[0].title}; write the folder before the name, or make a CSV for each."
            )
        return not elsewhere

    return may_be


@dataclass
class _Survey:
    """Everything at a path that may belong to a data set."""

    folders: list[Place] = field(default_factory=list)
    tables: list[Place] = field(default_factory=list)
    zips: list[Place] = field(default_factory=list)

    def add(self, store: Store, base: str = "") -> "_Survey":
        folders = set()
        for name in store.files(""):
            where = base + name
            if name.lower().endswith(".zip"):
                self.zips.append(Place(store, name, where))
            elif name.lower().endswith(TABLE_SUFFIXES):
                self.tables.append(Place(store, name, where))
            elif has_image_suffix(name) and (folder := _parent(name)) not in folders:
                folders.add(folder)
                self.folders.append(Place(store, folder, _parent(where)))
        return self


def _survey(path: Path) -> _Survey:
    """What lies at `path`, zips not opened unless it is one itself."""
    try:
        if path.is_dir():
            return _Survey().add(FolderStore(path))
        check_file(path, 2**63)
    except FileNotFoundError:
        raise DataError(
            f"{path} does not exist; give a folder or a zip with the data set."
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    return _Survey().add(ZipStore(path))


def _opened(survey: _Survey, path: Path, split: str) -> _Survey:
    """The survey with what its zips hold, and with the CSVs beside a zip."""
    found = _Survey(list(survey.folders), list(survey.tables), list(survey.zips))
    if path.is_file():
        beside = FolderStore(path.parent)
        found.tables += [
            Place(beside, p.name, p.name)
            for p in sorted(path.parent.iterdir())
            if p.suffix.lower() in TABLE_SUFFIXES and p.is_file()
        ]
    for _ in range(ZIP_DEPTH):
        closed, found.zips = found.zips, []
        for place in closed:
            if _split_of(place.where) not in (split, None):
                found.zips.append(place)
                continue
            inside = isinstance(place.store, ZipStore)
            content = place.store.read(place.path) if inside else None
            archive = ZipStore(place.store.path / place.path, content)
            found.add(archive, f"{place.where[:-4]}/")
    return found


def _in_the_course_s_layout(survey: _Survey, split: str) -> Part | None:
    """`train_new/` and `train_new.csv`, or the same without `_new`, side by side; no guess."""
    highest = sorted(survey.tables, key=lambda table: (table.path.count("/"), table.path))
    for stem, table in product((f"{split}_new", split), highest):
        folder = table.path.removesuffix(".csv")
        if f"/{table.path}".endswith(f"/{stem}.csv") and any(
            place.store is table.store and f"{place.path}/".startswith(f"{folder}/")
            for place in survey.folders
        ):
            return Part(Place(table.store, folder, table.where.removesuffix(".csv")), table)
    return None


def _by_words(survey: _Survey, split: str) -> Part | None:
    """The one folder and the one CSV of the split that fit each other."""
    tables = _of_split(survey.tables, split)
    folders = _merged(_of_split(survey.folders, split), split)
    if not tables or not folders or not _is_named(survey, split):
        return None
    pairs = list(product(folders, tables))
    if len(pairs) > 1:
        shares = [_sheet(table, files := _files(folder)).share(files) for folder, table in pairs]
        if best := max(shares):  # the CSV names most of what it names in that folder
            pairs = [pair for pair, share in zip(pairs, shares, strict=True) if share == best]
    if len(pairs) > 1:
        raise DataError(
            f"It is not clear which images and CSV are the {split} split: there are "
            f"{_listed(folders)} and {_listed(tables)}; rename those that are meant to {split}/ "
            f"and {split}.csv."
        )
    folder, table = pairs[0]
    if _split_of(table.where) is not None:
        return Part(folder, table)
    others = [p for p in survey.folders if _split_of(p.where) not in (split, None)]
    return Part(folder, table, split, tuple(p for p in others if p != folder))


def _is_named(survey: _Survey, split: str) -> bool:
    """Whether anything says that it is of this split; without any word, all is for training."""
    places = [*survey.folders, *survey.tables]
    words = {_split_of(place.where) for place in places}
    return (
        split in words
        or _is_within(survey, split)
        or (split == "train" and words <= {None, "test", "val"} and None in words)
    )


def _is_within(survey: _Survey, split: str) -> bool:
    """Whether a column of a CSV whose name is of no split has rows of this one."""
    return any(
        split in splits_in(place.store.read(place.path), place.where)
        for place in survey.tables
        if _split_of(place.where) is None
    )


def _of_split(places: Sequence[Place], split: str) -> list[Place]:
    """Those that are named after the split, or, where none is, those that name no split."""
    named = [place for place in places if _split_of(place.where) == split]
    return named or [place for place in places if _split_of(place.where) is None]


def _merged(folders: Sequence[Place], split: str) -> list[Place]:
    """A folder for each store and split: a folder for each class counts as the one above them."""
    merged = []
    for _, group in groupby(folders, key=lambda place: id(place.store)):
        places = list(group)
        common = commonpath([f"/{place.path}" for place in places]).strip("/")
        first = places[0]
        surplus = len(first.path) - len(common)
        where = first.where[: len(first.where) - surplus].rstrip("/") if surplus else first.where
        leaves_are_labels = all(place.path.rpartition("/")[2].isdecimal() for place in places)
        one_tree = len(places) == 1 or _split_of(where) == split or leaves_are_labels
        merged += [Place(first.store, common, where)] if one_tree else places
    return merged


def _files(folder: Place) -> Files:
    title = folder.store.path / folder.path
    return Files(folder.store.files(folder.path), f"{title}")


def _sheet(table: Place, files: Files) -> Sheet:
    return read_sheet(table.store.read(table.path), f"{table.store.path / table.path}", files)


def _split_of(where: str) -> str | None:
    """The split that the deepest part of a path names that names one."""
    for name in reversed(where.split("/")):
        words = _WORD.findall(_CAMEL.sub(" ", name).lower())
        if words:
            return words[-1]
    return None


def _what_is_missing(path: Path, survey: _Survey, split: str) -> str:
    folders = [p for p in survey.folders if _split_of(p.where) == split]
    tables = [p for p in survey.tables if _split_of(p.where) == split]
    if folders and not tables:
        where = folders[0].where
        return f"{path} holds {where}/ but not {where}.csv; both are needed{OTHERS}"
    if tables and not folders:
        where = tables[0].where
        return f"{path} holds {where} but not {where[:-4]}/ with images; both are needed{OTHERS}"
    found = _listed([*survey.folders, *survey.tables]) or "neither images nor a CSV"
    return (
        f"{path} has no {split} split: expected {split}_new/ with {split}_new.csv, or {split}/ "
        f"with {split}.csv, or {split}.zip with either inside, and found {found}{OTHERS}"
    )


def _listed(places: Sequence[Place]) -> str:
    names = [place.where or "images at the top" for place in places]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
