"""Where a command writes: asked before its work begins, so that none is done for nothing."""

import contextlib
import json
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints
from zipfile import BadZipFile

import numpy as np

from analysis.frame.command import module_name, parse

# An option of these kinds is a file to write; any other of `WRITTEN` is a folder.
Csv = Annotated[Path, ".csv"]
Npz = Annotated[Path, ".npz"]
Png = Annotated[Path, ".png"]
WRITTEN = ("output", "keep", "vector", "results")


def check_outputs(options: Any) -> None:
    """Refuse what a command cannot write to.

    Raises:
        ValueError: a file stands in a folder's place, or a folder in a file's; a file would not
            end as its content does; or nothing may be written there.
    """
    for name, path, suffix in _written(options):
        flag = f"--{name.replace('_', '-')} {path}"
        if suffix:
            check_file(path, flag, suffix)
        elif path.exists() and not path.is_dir():
            raise ValueError(f"{flag} is a file; expected a folder: name another.")
        else:
            _check_above(path, flag)


def check_file(path: Path, flag: str, suffix: str) -> None:
    """Refuse a file that cannot be written; `flag` is how it was named.

    Raises:
        ValueError: see above.
    """
    if path.is_dir():
        raise ValueError(f"{flag} is a folder; expected a file to write, as x{suffix}.")
    if path.suffix.lower() != suffix:
        raise ValueError(f"{flag} is another kind of file; expected a name ending in {suffix}.")
    _check_above(path, flag)


def check_record(path: Path, options: Any) -> None:
    """Refuse to write over a table, or the record beside it, that this command did not write.

    Arrays are those of any of our commands: their record is in the file.

    Raises:
        ValueError: something else made the file, or its record.
    """
    inside = path.suffix == ".npz"
    record = path if inside else path.with_suffix(".json")
    made = "python -m analysis." if inside else f"{_module(options)} "
    for there in {path, record}:
        if there.exists() and not command_in(record).startswith(made):
            raise ValueError(
                f"{there} was not made by this command: name another --output, or remove it."
            )


def check_made_by(record: Path, options: Any, *free: str, written: Sequence[str] = ()) -> None:
    """Refuse to write over the results that `record`, JSON, says another command made.

    Those of the same command are made anew; options named in `free` may differ.

    Args:
        record: of the results.
        options: of the command that is to write them.
        *free: options that may differ.
        written: more files that it writes beside the record.

    Raises:
        ValueError: another command made them, or nobody knows which.
    """
    if any((record.parent / name).exists() for name in (record.name, *written)):
        check_same(command_in(record), options, record.parent, *free)


def check_same(command: str, options: Any, place: Path, *free: str) -> None:
    """Refuse to write over what lies at `place`, where `command` is another than that of `options`.

    Raises:
        ValueError: they differ in more than the options named in `free`.
    """
    same = command.startswith(f"{_module(options)} ")
    with contextlib.suppress(ValueError):  # an option of another version
        known = parse(type(options), shlex.split(command)[3:]) if same else None
        if known and replace(known, **{n: getattr(options, n) for n in free}) == options:
            return
    raise ValueError(
        f"{place} holds the results of another run ({command or 'of an unknown command'}): name "
        "another --output, or delete it."
    )


def command_in(record: Path) -> str:
    """The command that a record, JSON or in arrays, says made it; "" where it says none."""
    try:
        if record.suffix == ".npz":
            with np.load(record, allow_pickle=False) as file:
                told = json.loads(str(file["made_by"]))
        else:
            said = json.loads(record.read_text(encoding="utf-8"))
            told = said.get("made_by", said)
        return str(told["command"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, BadZipFile):
        return ""


def _module(options: Any) -> str:
    return f"python -m {module_name(type(options))}"


def _written(options: Any) -> Iterator[tuple[str, Path, str]]:
    """Option, path and, of a file, how its name ends."""
    hints = get_type_hints(type(options), include_extras=True)
    for name in WRITTEN:
        path = getattr(options, name, None)
        if isinstance(path, Path):
            kinds = (hints[name], *get_args(hints[name]))
            marks = [mark for kind in kinds for mark in getattr(kind, "__metadata__", ())]
            yield name, path, marks[0] if marks else ""


def _check_above(path: Path, flag: str) -> None:
    """Refuse where the nearest thing that is there is no folder, or one that is not ours."""
    found = next(place for place in (path, *path.absolute().parents) if place.exists())
    if path.is_file() or os.access(found, os.W_OK):
        if found.is_dir() or found == path:
            return
        raise ValueError(f"{flag} lies below {found}, which is a file: name another.")
    raise ValueError(f"{flag} cannot be written: {found} is not yours to write to.")
