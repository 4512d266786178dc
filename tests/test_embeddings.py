"""The same digits in five spaces, on a few invented ones, laid out by the quickest method."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers_data import done
from helpers_runs import keep_pairs

from analysis import project
from analysis.questions import embeddings
from netlib.data.dataset import DigitDataset
from netlib.measure.runs import find_pairs
from netlib.nets.checkpoint import load_network
from netlib.nets.saved import read_metadata

STATES = ("untrained", "trained")
SPACES = ["raw", *(f"{name}_{s}" for s in STATES for name in ("standard", "mobilenet"))]


@pytest.fixture(scope="module")
def dataset(digit_folder) -> Path:
    return digit_folder(train=2, test=5)


@pytest.fixture(scope="module")
def runs(dataset: Path, tmp_path_factory) -> Path:
    return keep_pairs(tmp_path_factory.mktemp("pairs"), dataset, 3)


@pytest.fixture(scope="module")
def output(runs: Path, dataset: Path, tmp_path_factory) -> Path:
    """What the command writes, had PCA been the only method."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        pca = project.settings("pca", 40)
        patch.setattr(embeddings, "METHOD_NAMES", {"pca": "PCA"})
        patch.setattr(project, "settings", lambda *_: pca)
        patch.setattr(project, "project", lambda space, method, *_: project._pca(space))
        paths = ["--runs", runs, "--dataset-path", dataset, "--output", folder]
        done("embeddings", *paths, "--seed", 3, "--count", 40)
    return folder


def test_every_space_shows_the_same_digits_and_has_its_scores(output: Path, dataset: Path) -> None:
    with np.load(output / "projections.npz", allow_pickle=False) as file:
        names = set(file.files)
        labels, indices, made_by = file["labels"], file["indices"], json.loads(str(file["made_by"]))
        assert all(file[f"pca_{space}"].shape == (40, 2) for space in SPACES)
    assert names == {"labels", "indices", "made_by", *(f"pca_{space}" for space in SPACES)}
    assert np.bincount(labels).tolist() == [4] * 10
    np.testing.assert_array_equal(labels, DigitDataset(dataset, "test").labels[indices])
    assert made_by["n"] == 40
    assert "--seed 3" in made_by["command"]
    assert made_by["pca"] == {"method": "pca"}
    table = pd.read_csv(output / "projection_scores.csv", keep_default_na=False)
    assert table.columns.tolist() == (
        "space method n seed perplexity neighbours knn_accuracy trustworthiness".split()
    )
    assert table["space"].tolist() == SPACES * 2
    assert table["method"].tolist() == ["none"] * 5 + ["pca"] * 5
    assert table["n"].unique().tolist() == [40]
    itself, plane = table.iloc[:5], table.iloc[5:]
    assert (itself["trustworthiness"] == "").all()
    assert plane["trustworthiness"].astype(float).between(0.5, 1).all()
    assert table["knn_accuracy"].between(0, 1).all()


def test_untrained_networks_have_the_weights_that_training_began_with(runs, dataset) -> None:
    """The kept networks of these tests were never trained, so theirs are the same."""
    found = find_pairs(runs).at(3).values()
    images = DigitDataset(dataset, "test")
    chosen = np.array([1, 4, 7])
    for kept in found:
        net = load_network(kept.checkpoint)
        with torch.no_grad():
            expected = net.forward_features(images.batch(chosen)[0]).numpy()
        spec = read_metadata(kept.checkpoint)["spec"]
        result = embeddings.untrained(spec, kept.seed, images, chosen)
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-6)


def test_neighbours_vote_without_the_point_itself() -> None:
    """Two groups of eleven: the ten nearest others of a point are its own group."""
    points = np.arange(11)[:, None] + np.repeat([0, 1000], 11).reshape(2, 11, 1)
    labels = np.repeat([0, 1], 11)
    assert embeddings.knn_accuracy(points.reshape(22, 1), labels) == 1
    labels[0] = 1  # alone among ten of the other class
    assert embeddings.knn_accuracy(points.reshape(22, 1), labels) == pytest.approx(21 / 22)
