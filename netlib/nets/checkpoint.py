"""Checkpoints: one safetensors file holds the weights and how to build and use the network.

The metadata is one JSON object. `spec` (the network's constructor arguments) is always there; the
trainer adds what it knows: class_names, normalisation, data, config, command, scores, versions,
temperature, no_digit. Beside it stands a digest of the weights. No pickles: loading a file runs no
code from it. `netlib.nets.saved` reads the same files without PyTorch.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from netlib.files import replacing
from netlib.nets.network import Network
from netlib.nets.saved import FORMAT, FORMAT_VERSION, arrays_digest, read_checkpoint


def save_network(
    net: Network, path: str | os.PathLike[str], metadata: Mapping[str, Any] | None = None
) -> Path:
    """Write the weights and metadata of `net`, atomically: a reader sees the old file or the new.

    Metadata are anything that JSON can hold, by default `net.metadata`; `spec` is added. The file,
    by custom ending in .safetensors, may lie in a folder that is not there yet.
    """
    path = Path(path)
    tensors = {name: t.detach().cpu().contiguous() for name, t in net.state_dict().items()}
    content = {**(net.metadata if metadata is None else metadata), "spec": net.spec}
    header = {
        "format": FORMAT,
        "version": str(FORMAT_VERSION),
        "netlib": json.dumps(content),
        "sha256": weights_digest(net),
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=header)
    return path


def weights_digest(net: Network) -> str:
    """SHA-256 of every weight and running statistic: the same network, whatever its metadata."""
    return arrays_digest(net.arrays)


def load_network(path: str | os.PathLike[str]) -> Network:
    """Build the network that a checkpoint describes and load its weights.

    Returns:
        The network, in evaluation mode on the CPU; `metadata` is what the checkpoint says of it.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is no checkpoint of this program, or is damaged.
    """
    saved = read_checkpoint(path)
    net = Network(saved.layers.spec)
    net.load_state_dict({name: torch.from_numpy(a) for name, a in saved.arrays.items()})
    net.metadata = saved.metadata
    return net.eval()
