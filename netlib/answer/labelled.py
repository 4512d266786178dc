"""What stands in each picture, as a CSV says, written as networks write what they read."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

from netlib.data.stores import DataError
from netlib.data.tables import Files, read_sheet

WORDS = "zero one two three four five six seven eight nine".split()


def picture_labels(
    data: bytes,
    title: str,
    names: Sequence[str],
    classes: Sequence[str],
    as_sent: Callable[[str], str] = str,
) -> tuple[dict[str, str], int]:
    """Picture -> what stands in it, and how many labels are of none of the pictures.

    Pictures whose label is left out are absent.

    A name without its folder means the picture in the table's folder, or the only one called so. A
    label is a number, or names of classes in any case; English words are read where classes are
    digits. Data and title are those of `read_sheet`; `as_sent` tells what became of a name on its
    way here.

    Raises:
        DataError: it is no such table, names none of the pictures, or contradicts itself.
    """
    leaf_of = {name: PurePosixPath(name).name for name in names}
    counts = Counter(leaf_of.values())
    whole = {leaf: name for name, leaf in leaf_of.items() if counts[leaf] == 1}
    files = Files([*names, *whole], "the pictures", str(PurePosixPath(title).parent))
    sheet = read_sheet(data, title, files)
    known = _spellings(classes)
    expected = _described(classes)
    column = 0
    if sheet.cells:
        column = sheet.label_column(lambda cell: _as_read(cell, known) is not None, expected)
    found: dict[str, tuple[str, int]] = {}  # label, and its line
    others, matched = 0, False
    for line, row in zip(sheet.lines, sheet.cells, strict=True):
        label = _as_read(row[column], known)
        if label is None:
            raise DataError(
                f"{title}, line {line}: the label is {row[column]!r}; expected {expected}, or "
                "nothing where a picture is not to be scored."
            )
        name = row[sheet.name_column]
        matches = files.matches(name) or files.matches(as_sent(name))
        matched = matched or bool(matches)
        others += bool(label and not matches)
        for picture in (whole.get(match, match) for match in matches if label):
            before, first = found.setdefault(picture, (label, line))
            if before != label:
                raise DataError(
                    f"{title} gives {picture} the label {before} in line {first} and {label} in "
                    f"line {line}: leave one."
                )
    if not matched:
        raise DataError(
            f"{title} names none of the pictures: its names must be theirs, with their folders "
            "where two have the same name."
        )
    return {name: label for name, (label, _) in found.items()}, others


def _spellings(classes: Sequence[str]) -> dict[str, str]:
    """What a class may be called -> its name."""
    words = {word: str(n) for n, word in enumerate(WORDS) if str(n) in classes}
    return words | {name.casefold(): name for name in classes} | {name: name for name in classes}


def _as_read(text: str, known: Mapping[str, str]) -> str | None:
    """A label as `NetworkReading.text` has it, None if it is neither a number nor of classes."""
    text = text.removesuffix(".0")
    if text.isascii() and text.isdecimal():
        return text
    for parts in ([text], text.split(), list(text)):
        names = [known.get(part) or known.get(part.casefold(), "") for part in parts]
        if all(names):
            return ("" if max(map(len, names), default=0) <= 1 else " ").join(names)
    return None


def _described(classes: Sequence[str]) -> str:
    words = [name for name in classes if not (name.isascii() and name.isdecimal())]
    own = f" or the networks' class names ({', '.join(words)})" if words else ""
    return f"digits{own}"
