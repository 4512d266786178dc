"""Decoded data sets kept on disk, so that the second start reads pixels instead of decoding them.

One npz file per content: the key is a hash of what was read and how. Files are written under a
temporary name and then renamed, so that neither an interruption nor a second process can leave half
a file; one that is damaged all the same, as its checksums tell, is reported and written anew.
"""

import logging
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from netlib.files import replacing

log = logging.getLogger(__name__)


class Decoded(NamedTuple):
    """A decoded split."""

    names: list[str]  # N image names
    warnings: list[str]  # what the reader has to say about the data set
    labels: Tensor  # int64 (N,)
    images: Tensor  # uint8 (N, C, H, W)


def load(path: Path) -> Decoded | None:
    """The decoded split in a file, or None if there is none that is intact."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            names, warnings, labels, images = (file[field] for field in Decoded._fields)
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        log.warning("the cache file %s is damaged (%s) and is made anew", path, error)
        return None
    tensors = torch.from_numpy(labels), torch.from_numpy(images)
    return Decoded(names.tolist(), warnings.tolist(), *tensors)


def store(path: Path, decoded: Decoded) -> None:
    """Writes the file in one step; a cache that cannot be written is only logged."""
    arrays: dict[str, Any] = dict(zip(Decoded._fields, map(np.asarray, decoded), strict=True))
    try:
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **arrays)
    except OSError as error:
        log.warning("the cache %s cannot be written: %s", path, error)
