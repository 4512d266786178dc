"""Decoded data sets kept on disk, so that the second start reads pixels instead of decoding them.

One safetensors file per content: the key is a hash of what was read and how. Files are written
under a temporary name and then renamed, so that neither an interruption nor a second process can
leave half a file; a file that is damaged all the same is reported, ignored and written anew.
"""

import json
import logging
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from netlib.files import replacing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Decoded:
    """A decoded split."""

    images: Tensor  # uint8 (N, C, H, W)
    labels: Tensor  # int64 (N,)
    names: list[str]  # N image names
    # What the reader has to say about the data set
    warnings: list[str] = field(default_factory=list)


def load(cache_dir: Path, key: str) -> Decoded | None:
    """The decoded split stored under `key`, or None if there is none that is intact."""
    path = _path(cache_dir, key)
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            images, labels = file.get_tensor("images"), file.get_tensor("labels")
        if int(metadata["crc32"]) != _checksum(images, labels):
            raise ValueError("its checksum differs")
        return Decoded(images, labels, json.loads(metadata["names"]), json.loads(metadata["notes"]))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        log.warning("the cache file %s is damaged (%s) and is made anew", path, error)
        return None


def store(cache_dir: Path, key: str, decoded: Decoded) -> None:
    """Writes the file in one step; a cache that cannot be written is only logged."""
    path = _path(cache_dir, key)
    metadata = {
        "crc32": str(_checksum(decoded.images, decoded.labels)),
        "names": json.dumps(decoded.names),
        "notes": json.dumps(decoded.warnings),
    }
    tensors = {"images": decoded.images, "labels": decoded.labels}
    try:
        with replacing(path) as temporary:
            save_file(tensors, temporary, metadata)
    except (OSError, SafetensorError) as error:
        log.warning("the cache %s cannot be written: %s", path, error)


def _path(cache_dir: Path, key: str) -> Path:
    return cache_dir / f"images-{key}.safetensors"


def _checksum(*tensors: Tensor) -> int:
    value = 0
    for tensor in tensors:
        value = zlib.crc32(tensor.contiguous().numpy().data, value)
    return value
