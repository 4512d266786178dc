"""Checkpoints: one safetensors file holds the weights and how to build and use the network.

The metadata is one JSON object. `spec` (the network's constructor arguments) is always there; the
trainer adds what it knows: class_names, normalisation, data, config, command, scores, versions,
temperature, no_digit. No pickles: loading a file runs no code from it.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from netlib.files import replacing
from netlib.nets.network import Network, build_network

FORMAT = "netlib-checkpoint"
FORMAT_VERSION = 1


class CheckpointError(ValueError):
    """The file is no checkpoint of this program, is damaged, or holds another network."""


def save_network(
    net: Network, path: str | os.PathLike[str], metadata: Mapping[str, Any] | None = None
) -> Path:
    """Write the weights and metadata of `net`, atomically: a reader sees the old file or the new.

    Args:
        net: the network; its `spec` is added to the metadata.
        path: file to write, by custom ending in .safetensors; its folder is made if missing.
        metadata: anything that JSON can hold.

    Returns:
        The path written.
    """
    path = Path(path)
    tensors = {name: t.detach().cpu().contiguous() for name, t in net.state_dict().items()}
    content = {**(metadata or {}), "spec": net.spec}
    header = {"format": FORMAT, "version": str(FORMAT_VERSION), "netlib": json.dumps(content)}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=header)
    return path


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The metadata of a checkpoint, without its weights.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is no checkpoint of this program, or is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no checkpoint {path}; name a .safetensors file, or train one with "
            "python -m analysis.main."
        )
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is damaged or no safetensors file ({error}); expected a checkpoint written "
            "by save_network: train it again or fetch it anew."
        ) from error
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
        metadata = json.loads(header["netlib"])
    except (KeyError, json.JSONDecodeError) as error:
        raise CheckpointError(
            f"{path} is damaged: its metadata cannot be read ({error!r}); fetch or train it anew."
        ) from error
    if not isinstance(metadata, dict) or not isinstance(metadata.get("spec"), dict):
        raise CheckpointError(f"{path} describes no network: its metadata has no spec.")
    return metadata


def weights_digest(net: Network) -> str:
    """SHA-256 of every weight and running statistic: the same network, whatever its metadata."""
    digest = hashlib.sha256()
    for name, tensor in sorted(net.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def load_network(path: str | os.PathLike[str]) -> Network:
    """Build the network that a checkpoint describes and load its weights.

    Returns:
        The network, in evaluation mode on the CPU; `metadata` is what the checkpoint says of it.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is no checkpoint of this program, or is damaged.
    """
    metadata = read_metadata(path)
    try:
        net = build_network(metadata["spec"])
    except ValueError as error:
        raise CheckpointError(f"{path} describes no network that can be built: {error}") from error
    net.metadata = load_weights(net, path)
    return net.eval()


def load_weights(net: Network, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Load a checkpoint's weights into `net`, which must be of the same architecture.

    Returns:
        The metadata.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: no checkpoint, damaged, or of another architecture; `net` is unchanged.
    """
    metadata = read_metadata(path)
    found = metadata["spec"]
    if found != net.spec:
        raise CheckpointError(
            f"{path} holds {_describe(found)}; expected {_describe(net.spec)}: "
            "pass the block counts, input_dim and num_classes that it was trained with."
        )
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); fetch or train it anew.") from error
    expected = net.state_dict()
    wrong = sorted(expected.keys() ^ state.keys()) or sorted(
        name for name, tensor in expected.items() if tensor.shape != state[name].shape
    )
    if wrong:
        raise CheckpointError(
            f"{path} is damaged: {len(wrong)} tensors are missing, unknown or of another shape, "
            f"{wrong[0]} first; fetch or train it anew."
        )
    net.load_state_dict(state)
    return metadata


def _describe(spec: Mapping[str, Any]) -> str:
    arguments = ", ".join(f"{k}={v}" for k, v in spec.items() if k != "factory")
    return f"{spec.get('factory')}({arguments})"
