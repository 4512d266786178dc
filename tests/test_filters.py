"""The kernels of kept networks, and how nearly they are separable."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers_data import done
from helpers_runs import keep_pairs

from analysis.questions import filters
from netlib.nets.checkpoint import load_network

SHAPES = {
    "standard_first": (32, 1, 3, 3),
    "standard_last": (256, 128, 3, 3),
    "mobilenet_first": (32, 1, 3, 3),
    "mobilenet_last_depthwise": (128, 1, 3, 3),
    "mobilenet_last_pointwise": (256, 128),
}


@pytest.fixture(scope="module")
def runs(digit_folder, tmp_path_factory) -> Path:
    return keep_pairs(tmp_path_factory.mktemp("pairs"), digit_folder(train=1, test=1), 4)


@pytest.fixture(scope="module")
def output(runs: Path, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    done("filters", "--runs", runs, "--seed", 4, "--output", folder)
    return folder


def test_arrays_and_table_have_each_layer_and_state(runs: Path, output: Path) -> None:
    with np.load(output / "filters.npz", allow_pickle=False) as file:
        assert {name: file[name].shape for name in file.files if name != "made_by"} == SHAPES
        net = load_network(runs / "mobilenet-4" / "network.safetensors")
        pointwise = net.blocks[3].conv_pw.weight[:, :, 0, 0].detach().numpy()
        np.testing.assert_array_equal(file["mobilenet_last_pointwise"], pointwise)
        net = load_network(runs / "standard-4" / "network.safetensors")
        last = net.blocks[3].conv.weight.detach().numpy()
        np.testing.assert_allclose(file["standard_last"], last, rtol=1e-3, atol=1e-6)
        assert json.loads(str(file["made_by"]))["seed"] == 4
    table = pd.read_csv(output / "separability.csv")
    columns = "network block weights measure energy energy_low energy_high"
    assert table.columns.tolist() == columns.split()
    assert table["weights"].unique().tolist() == ["trained", "untrained", "gaussian"]
    # 8 layers in 3 states; 6 standard ones of them with a second reading
    assert table.groupby("measure").size().to_dict() == {"depthwise": 18, "spatial": 24}
    assert table["energy"].between(table["energy_low"], 1).all()
    found = {state: rows["energy"].to_numpy() for state, rows in table.groupby("weights")}
    np.testing.assert_allclose(found["trained"], found["untrained"], rtol=1e-5)  # none was trained


def test_energy_is_one_for_products_and_a_third_for_a_diagonal_by_every_reading() -> None:
    product = np.outer([1, 2, 3], [1, 0, -1])
    shares = filters.energy(np.stack([product, np.eye(3)]))
    assert shares["energy"] == pytest.approx((1 + 1 / 3) / 2)
    dead = filters.energy(np.stack([np.zeros((3, 3)), np.eye(3)]))  # a channel that does not count
    assert dead["energy"] == pytest.approx(1 / 3)
    # w[n, m] = pointwise[n, m] · depthwise[m]: exactly separable, though no kernel need be.
    rng = np.random.default_rng(0)
    kernels = rng.normal(size=(6, 4, 1, 1)) * rng.normal(size=(4, 3, 3))
    matrices = filters.readings(kernels, False)
    assert matrices["depthwise"].shape == (4, 6, 9)
    assert filters.energy(matrices["depthwise"])["energy"] == pytest.approx(1)
    assert filters.energy(matrices["spatial"])["energy"] < 0.99
    assert "depthwise" not in filters.readings(rng.normal(size=(4, 1, 3, 3)), True)


def test_weights_count_with_the_scale_of_their_batch_norm(runs: Path) -> None:
    net = load_network(runs / "standard-4" / "network.safetensors")
    before = filters.spatial_weights(net)[0]
    with torch.no_grad():
        net.blocks[0].conv.weight[5] *= 10  # the batch norm divides it again
        net.blocks[0].bn.running_var[5] *= 100
        net.blocks[0].bn.eps = 0
    after = filters.spatial_weights(net)[0]
    np.testing.assert_allclose(after, before, rtol=1e-4)


def test_a_seed_that_was_not_kept_is_a_users_error(runs: Path, tmp_path: Path, refused) -> None:
    sentence = refused("filters", "--runs", runs, "--seed", 0, "--output", tmp_path)
    assert "no pair of seed 0; it has 4" in sentence
