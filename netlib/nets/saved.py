"""A checkpoint read as metadata and NumPy arrays, without PyTorch.

Everything is checked from the file's header before a tensor is read: whose file it is, every field
that is used, and the name, type and shape of each tensor.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from netlib.errors import many
from netlib.nets.layers import InputDim, Layers
from netlib.nets.metadata import parse_metadata

FORMAT = "netlib-checkpoint"
FORMAT_VERSION = 1


class CheckpointError(ValueError):
    """The file is no checkpoint of this program, is damaged, or holds another network."""


@dataclass(frozen=True, eq=False)
class SavedNetwork:
    """What a checkpoint holds."""

    metadata: dict[str, Any]  # what it says of itself, checked
    layers: Layers  # what its network is made of
    arrays: dict[str, NDArray]  # its weights and running statistics, finite, as `Layers.tensors`

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of its classes, in the order of its logits: "0", "1", ... where it has no others."""
        names = self.metadata.get("class_names") or range(self.layers.head.num_classes)
        return tuple(map(str, names))

    @property
    def temperature(self) -> float:
        """Divides the logits before the softmax, fitted on validation images."""
        return float(self.metadata.get("temperature", 1.0))

    @property
    def input_dim(self) -> InputDim:
        """(C, H, W)."""
        return self.layers.input_dim


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The metadata of a checkpoint, without its weights.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is no checkpoint of this program, or is damaged.
    """
    with _open(path) as file:
        return _read_header(path, file)[0]


def read_checkpoint(path: str | os.PathLike[str]) -> SavedNetwork:
    """Metadata, table of layers and weights of a checkpoint.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is no checkpoint of this program, or is damaged.
    """
    with _open(path) as file:
        metadata, layers = _read_header(path, file)
        try:
            arrays = {name: file.get_tensor(name) for name, _, _ in layers.tensors()}
        except (SafetensorError, OSError) as error:
            raise _damaged(path, str(error)) from error
        digest = (file.metadata() or {}).get("sha256")
    if digest is not None and digest != arrays_digest(arrays):
        raise _damaged(path, "its weights are not those that were saved")
    for name, values in arrays.items():
        if not np.isfinite(values).all() or (name.endswith("running_var") and values.min() < 0):
            raise _damaged(path, f"{name} holds numbers that no weight can be")
    return SavedNetwork(metadata, layers, arrays)


def arrays_digest(arrays: Mapping[str, NDArray]) -> str:
    """SHA-256 of every weight and running statistic: the same network, whatever its metadata."""
    digest = hashlib.sha256()
    for name, values in sorted(arrays.items()):
        digest.update(name.encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _open(path: str | os.PathLike[str]) -> Any:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no checkpoint {path}; name a .safetensors file, or train one with "
            "python -m analysis.main."
        )
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is damaged or no safetensors file ({error}); expected a checkpoint written "
            "by save_network: train it again or fetch it anew."
        ) from error


def _read_header(path: str | os.PathLike[str], file: Any) -> tuple[dict[str, Any], Layers]:
    header = file.metadata() or {}
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is a safetensors file, but not a checkpoint of this program: it lacks the "
            f"format mark {FORMAT!r}. Write it with save_network."
        )
    if header.get("version") != str(FORMAT_VERSION):
        raise CheckpointError(
            f"{path} has format version {header.get('version')}; this program reads version "
            f"{FORMAT_VERSION}: train it again or use the matching release."
        )
    try:
        metadata, layers = parse_metadata(header.get("netlib", ""))
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    expected = {name: (kind, shape) for name, kind, shape in layers.tensors()}
    slices = {name: file.get_slice(name) for name in sorted(file.keys())}
    found = {n: (s.get_dtype(), tuple(s.get_shape())) for n, s in slices.items()}
    wrong = sorted(n for n in expected | found if expected.get(n) != found.get(n))
    if wrong:
        raise _damaged(
            path,
            f"{many(len(wrong), 'tensor is', 'tensors are')} missing, unknown or of another shape, "
            f"{wrong[0]} first",
        )
    return metadata, layers


def _damaged(path: str | os.PathLike[str], reason: str) -> CheckpointError:
    return CheckpointError(
        f"{path} is damaged: {reason.rstrip('.')}; fetch it anew or train it again."
    )
