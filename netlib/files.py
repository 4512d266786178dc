"""Files that are there whole or not at all, and the removal of what killed processes left."""

import functools
import hashlib
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# Processes are counted by host: a folder may be shared with other machines.
_HOST = hashlib.blake2b(socket.gethostname().encode(), digest_size=4).hexdigest()
_TEMPORARY = re.compile(rf"\..+\.{_HOST}-(\d+)\.\w{{8}}")


def beside(checkpoint: Path, kind: str) -> Path:
    """Where the digits of a checkpoint lie: its "map", or those "held" back."""
    return checkpoint.with_name(f"{kind}_{checkpoint.stem}.npz")


@contextmanager
def replacing(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """An empty file to write to; it takes the place of `path` when the block ends without an error.

    Missing folders above `path` are made; a folder is never replaced. Meanwhile the file lies in
    `folder`, on the same disk, by default beside `path`.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected a file to write: name one in it.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(f"{path} lies below a file: name another place.") from None
    handle, name = tempfile.mkstemp(
        dir=folder or path.parent, prefix=temporary_prefix(path, folder)
    )
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_arrays(path: Path) -> dict[str, Any]:
    """The arrays in an npz.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or of another kind.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no {path}; name a file of arrays (.npz).") from None
    except Exception as error:  # numpy and zipfile raise many kinds
        raise ValueError(f"{path} is damaged or no file of arrays; expected an .npz.") from error


def temporary_prefix(path: Path, folder: Path | None = None) -> str:
    """How the name begins under which this process writes what shall become `path`.

    What dead processes left in `folder` (default: beside it) goes first, once for each folder.
    """
    remove_leftovers(folder or path.parent)
    return f".{path.name}.{_HOST}-{os.getpid()}."


@functools.cache
def remove_leftovers(folder: Path) -> None:
    """Remove what processes that died on this machine were writing in `folder`."""
    for path in folder.iterdir():
        name = _TEMPORARY.fullmatch(path.name)
        if name is None or is_alive(int(name[1])):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):  # another process was quicker, or the file is not ours
                path.unlink()


def is_alive(process: int) -> bool:
    """Whether there is a process of this number, anybody's."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
