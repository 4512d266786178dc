"""Which precision a training takes by itself, and that the trial leaves no trace."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from netlib.nets import init_network, named_network
from netlib.training import TrainConfig, train
from netlib.training import precision as precision

CPU = torch.device("cpu")


@pytest.fixture
def times(monkeypatch) -> dict[bool, float]:
    """Seconds of a step in float32 (False) and in bfloat16 (True), as the trial finds them."""
    found = {False: 1.0, True: 0.6}
    order = iter([False, True] * 9)
    monkeypatch.setattr(precision, "has_units", lambda device: True)
    monkeypatch.setattr(precision, "_shortest", lambda step, device: found[next(order)])
    return found


def test_bfloat16_is_taken_only_where_it_is_clearly_faster_and_has_units(
    times: dict[bool, float], monkeypatch
) -> None:
    net = named_network("standard", (1, 28, 28), 10)
    assert precision.choose_precision(net, CPU) == "bfloat16"
    times[True] = 0.9
    assert precision.choose_precision(net, CPU) == "float32"
    monkeypatch.setattr(precision, "has_units", lambda device: False)
    monkeypatch.delattr(precision, "_shortest")
    assert precision.choose_precision(net, CPU) == "float32"


def test_units_are_those_that_the_processor_names(monkeypatch) -> None:
    for found, expected in (({"avx2": True}, False), ({"avx2": True, "amx_bf16": True}, True)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=found: found)
        assert precision.has_units(CPU) is expected
    assert not precision.has_units(torch.device("meta"))


def test_a_real_trial_leaves_network_threads_and_random_numbers_as_they_were(monkeypatch) -> None:
    monkeypatch.setattr(precision, "has_units", lambda device: True)
    monkeypatch.setattr(precision, "TRIAL_IMAGES", 2)
    net, threads = named_network("standard", (1, 28, 28), 10), torch.get_num_threads()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    assert precision.choose_precision(net, CPU) in ("float32", "bfloat16")
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert torch.get_num_threads() == threads and torch.equal(torch.get_rng_state(), state)


def test_what_was_chosen_is_recorded(monkeypatch) -> None:
    monkeypatch.setattr("netlib.training.loop.choose_precision", lambda net, device: "bfloat16")
    images, labels = np.zeros((4, 8, 8), np.float32), np.arange(4) % 2
    config = TrainConfig(device="cpu", batch_size=4)
    assert config.precision == "auto"
    for asked, used in (("auto", "bfloat16"), ("float32", "float32")):
        net = init_network(1, 0, (1, 8, 8), 2, width=0.25)
        train(net, images, labels, images, labels, 0.01, 1,
              config=replace(config, precision=asked))  # fmt: skip
        assert net.metadata["config"]["precision"] == used
