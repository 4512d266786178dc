"""Checkpoints: what goes in comes out, and what is no checkpoint is refused with a reason."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers_runs import same_weights
from safetensors.torch import save_file

from netlib.nets.checkpoint import load_network, save_network
from netlib.nets.layers import mobilenet_v1_spec
from netlib.nets.network import Network, init_network, mobilenet_v1
from netlib.nets.saved import CheckpointError, read_metadata

METADATA = {
    "class_names": ["0", "1", "2"],
    "temperature": 1.25,
    "no_digit": {"score": "energy", "threshold": -3.5},
    "data": [{"source": "Ω, not only ASCII", "counts": [3, 4]}],
    "seconds": None,
}


def tiny(conv: int = 1, dw: int = 1, num_classes: int = 3, seed: int = 0) -> Network:
    """A network with trained-looking batch norm statistics."""
    torch.manual_seed(seed)
    net = init_network(conv, dw, (1, 8, 8), num_classes, width=0.25)
    net.train()(torch.rand(4, 1, 8, 8))
    return net


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "net.safetensors"


# --- Round trip, and atomic writing --------------------------------------------------------------


@pytest.mark.parametrize(
    "net",
    [
        tiny(1, 1),
        tiny(0, 2),
        tiny(2, 1).to(memory_format=torch.channels_last),
        mobilenet_v1((3, 8, 8), 3, width=1 / 32),
    ],
    ids=["conv1_dw1", "dw2", "channels last", "mobilenet_v1"],
)
def test_weights_and_statistics_come_back_bit_for_bit(net: Network, path: Path) -> None:
    path = path.parent / "new" / "folder" / "net.safetensors"
    assert save_network(net, path) == path
    loaded = load_network(path)
    assert loaded.spec == net.spec
    assert same_weights(net, loaded)
    assert not loaded.training
    x = torch.rand(2, *net.input_dim)
    net.to(memory_format=torch.contiguous_format)
    assert torch.equal(loaded(x), net.eval()(x))


def test_metadata_comes_back_with_the_spec_added_and_saving_changes_nothing(path: Path) -> None:
    net = tiny()
    save_network(net, path, METADATA)
    assert load_network(path).metadata == {**METADATA, "spec": net.spec}
    assert read_metadata(path) == {**METADATA, "spec": net.spec}
    net, metadata = tiny().train(), dict(METADATA)
    before = tiny()
    save_network(net, path, metadata)
    assert net.training
    assert same_weights(net, before)
    assert metadata == METADATA


def test_a_new_file_replaces_the_old_one_whole_or_not_at_all(path: Path) -> None:
    save_network(tiny(seed=1), path)
    with pytest.raises(TypeError):
        save_network(tiny(seed=2), path, {"scores": torch.zeros(1)})
    assert list(path.parent.iterdir()) == [path]
    assert same_weights(load_network(path), tiny(seed=1))
    save_network(tiny(seed=2), path)
    assert same_weights(load_network(path), tiny(seed=2))
    assert list(path.parent.iterdir()) == [path]


# --- Refused files ------------------------------------------------------------------------------


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*net\.safetensors"):
        load_network(path)
    with pytest.raises(FileNotFoundError, match="There is no checkpoint"):
        load_network(path.parent)


@pytest.mark.parametrize("keep", [0, 4, 200, -1], ids=["empty", "4 bytes", "header", "last byte"])
def test_a_truncated_file_is_damaged(path: Path, keep: int) -> None:
    save_network(tiny(), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="damaged"):
        load_network(path)


def test_a_pickle_is_refused_unopened(path: Path) -> None:
    opened = path.with_name("opened")

    class Bomb:
        def __reduce__(self) -> tuple:
            return Path.touch, (opened,)

    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match="no safetensors file"):
        load_network(path)
    assert not opened.exists()


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}], ids=["none", "another program's"])
def test_another_program_s_safetensors_is_refused(path: Path, metadata: dict | None) -> None:
    save_file({"weight": torch.zeros(3)}, path, metadata=metadata)
    with pytest.raises(CheckpointError, match="not a checkpoint of this program"):
        load_network(path)


def forge(
    path: Path,
    content: object = None,
    version: str = "1",
    change: Callable[[dict], object] = lambda state: None,
) -> None:
    """A file with this program's mark and whatever content; a string stands as it is."""
    content = spec() if content is None else content
    text = content if isinstance(content, str) else json.dumps(content)
    header = {"format": "netlib-checkpoint", "version": version, "netlib": text}
    state = tiny().state_dict()
    change(state)
    save_file(state, path, metadata=header)


def spec(**changes: object) -> dict:
    return {"spec": {**tiny().spec, **changes}}


NO_NETWORK = (
    {},
    [],
    {"spec": None},
    {"spec": [1, 2]},
    {"spec": {"factory": "os.system"}},
    {"spec": {"factory": "init_network", "conv_block_count": "4"}},
)
WRONG_FIELDS = (
    spec(factory=["init_network"]),
    spec(width=1e308),
    spec(width=10_000_000),
    spec(num_classes=10_000_000),
    spec(conv_block_count=50, width=40),
    spec(input_dim=[1, 28, 100_000]),
    spec(head=["linear"]),
    spec(head="cosine"),  # whose weights are of a linear one
    {"spec": mobilenet_v1_spec((1, 28, 28), 3, 1.0) | {"width": 40}},
    *({**spec(), "temperature": value} for value in (None, [1], 0, float("nan"), 1e-300, True)),
    {**spec(), "scores": [0.9]},
    {**spec(), "scores": {"test": 0.9}},
    {**spec(), "class_names": ["a", "a", "b"]},
    {**spec(), "no_digit": [1]},
    {**spec(), "no_digit": {"score": "head", "threshold": 0, "head": [1, 2]}},
    {**spec(), "no_digit": {"score": [], "threshold": 0}},
    {**spec(), "no_digit": {"score": "energy", "threshold": "x"}},
    {**spec(), "no_digit": {"score": "energy", "threshold": [0.5, 1.0]}},
    {**spec(), "no_digit": {"score": "log_odds", "threshold": 0, "head": [1, 2]}},
)
NO_JSON = ("", "{", f'{{"spec": {"[" * 50_000 + "]" * 50_000}}}')
OTHER_TENSORS = (
    lambda state: state.pop("head.bias"),
    lambda state: state.update(extra=torch.zeros(1)),
    lambda state: state.update({"head.bias": torch.zeros(4)}),
)


@pytest.mark.parametrize(
    ("forged", "sentence"),
    [
        ({"version": "2"}, "format version 2; this program reads version 1"),
        *(({"content": content}, "describes no network") for content in NO_NETWORK),
        *(({"content": content}, "is damaged: ") for content in WRONG_FIELDS),
        *(({"content": text}, "is damaged: its metadata cannot be read") for text in NO_JSON),
        *(({"change": change}, "is damaged: 1 tensor is") for change in OTHER_TENSORS),
    ],
    ids=lambda value: None if "change" in value else str(value)[-60:],
)
def test_what_describes_no_network_that_is_there_is_one_sentence(path, forged, sentence) -> None:
    forge(path, **forged)
    for load in (read_metadata, load_network):
        with pytest.raises(CheckpointError, match=sentence) as error:
            load(path)
        assert "\n" not in str(error.value) and len(str(error.value)) < 600


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(path: Path, value: float) -> None:
    forge(path, change=lambda state: state["head.weight"].fill_(value))
    with pytest.raises(CheckpointError, match=r"head\.weight holds numbers"):
        load_network(path)


def test_any_flipped_bit_of_the_weights_is_noticed(path: Path) -> None:
    save_network(tiny(), path)
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    rng = np.random.default_rng(0)
    for place in rng.integers(start, len(whole), 50):
        changed = bytearray(whole)
        changed[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        with pytest.raises(CheckpointError, match="not those that were saved"):
            load_network(path)


def test_a_damaged_header_is_told_or_leaves_the_weights_as_they_were(path: Path) -> None:
    save_network(tiny(), path, METADATA)
    whole = path.read_bytes()
    end = 8 + int.from_bytes(whole[:8], "little")
    rng = np.random.default_rng(0)
    told = 0
    for number in range(150):
        changed, start = bytearray(whole), int(rng.integers(end))
        if number % 2:
            changed[start] ^= 1 << int(rng.integers(8))
        else:
            part = slice(start, min(end, start + 16))
            changed[part] = bytes(len(changed[part]))
        path.write_bytes(changed)
        try:
            assert same_weights(load_network(path), tiny())
        except CheckpointError as error:
            told += 1
            assert "\n" not in str(error) and len(str(error)) < 900
    assert told > 100
