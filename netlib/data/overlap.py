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


def write_digests(
    checkpoint: Path, images: Tensor | None = None, parents: Sequence[Path] = ()
) -> Path:
    """Keep the hashes of training images beside a checkpoint; returns the file's path.

    Those of the checkpoints that it was made of are joined; the log names one that has none.
    """
    known = [] if images is None else [digests(images)]
    for path in map(digests_path, parents):
        if path.is_file():
            known.append(_read(path))
        else:
            log.warning("%s is missing: what it was trained on first is not known.", path)
    path = digests_path(checkpoint)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.save(file, np.unique(np.concatenate(known)))
    return path


def _read(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path} holds no hashes of images; delete it.") from error


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
