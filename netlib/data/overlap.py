"""Which images a network was trained on: a short hash of each, kept beside its checkpoint."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from netlib.files import replacing

log = logging.getLogger(__name__)

DIGEST_BYTES = 8  # two different images of a million share one with probability 3e-8


def digests(images: Tensor) -> np.ndarray:
    """(N,) uint64, of the decoded pixels of uint8 images (N, C, H, W), whatever file held them."""
    arrays = images.contiguous().numpy()
    found = [hashlib.blake2b(array, digest_size=DIGEST_BYTES).digest() for array in arrays]
    return np.frombuffer(b"".join(found), ">u8").astype(np.uint64)


def digests_path(checkpoint: Path) -> Path:
    """Where the hashes of a checkpoint's training images lie."""
    return checkpoint.with_suffix(".trained-on.npy")


def write_digests(checkpoint: Path, images: Tensor, files: Sequence[Path] = ()) -> Path:
    """Keep the hashes of training images, and those in `files`, beside a checkpoint."""
    return _write(checkpoint, digests(images), *map(_read, files))


def join_digests(checkpoint: Path, files: Sequence[Path]) -> Path:
    """Keep the hashes in all of these files beside a checkpoint; returns the file's path."""
    return _write(checkpoint, *map(_read, files))


def _read(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path} holds no hashes of images; delete it.") from error


def _write(checkpoint: Path, *known: np.ndarray) -> Path:
    path = digests_path(checkpoint)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.save(file, np.unique(np.concatenate(known)))
    return path


def warn_of_seen(checkpoint: Path, images: Tensor) -> int | None:
    """How many of the images are among those that the checkpoint was trained on; the log says so.

    Returns:
        None where the checkpoint has no hashes beside it.

    Raises:
        ValueError: the file of hashes is damaged.
    """
    path = digests_path(checkpoint)
    if not path.is_file():
        return None
    seen = int(np.isin(digests(images), _read(path)).sum())
    if seen:
        log.warning(
            "%d of these %d images are among those that %s was trained on: the scores on them say "
            "nothing of new images.", seen, len(images), checkpoint.name,
        )  # fmt: skip
    return seen
