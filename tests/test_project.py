"""Embeddings to coordinates, on small invented clusters."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers_data import done

from analysis import project


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """Three classes of 12 samples, far apart, in 5 dimensions."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 12)
    embeddings = 20 * np.eye(5)[labels] + rng.normal(size=(36, 5))
    path = tmp_path / "predictions.npz"
    np.savez(path, labels=labels, embeddings=embeddings.astype(np.float32), logits=labels)
    return path


def test_choose_takes_the_same_number_of_each_class_where_there_are_as_many() -> None:
    labels = np.array([0] * 50 + [1] * 10 + [2] * 10)
    chosen = project.choose(labels, 15, seed=3)
    assert np.bincount(labels[chosen]).tolist() == [5, 5, 5]
    assert len(set(chosen)) == 15
    np.testing.assert_array_equal(chosen, project.choose(labels, 15, seed=3))
    assert project.choose(np.array([2, 0, 1]), None, seed=0).tolist() == [0, 1, 2]
    for count, message in ((16, "multiple of 3"), (60, "Class 1 has 10")):
        with pytest.raises(ValueError, match=message):
            project.choose(labels, count, seed=0)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_clusters_stay_clusters(predictions: Path, tmp_path: Path, method: str) -> None:
    output = tmp_path / "out" / "projection.npz"
    done("project", "--predictions", predictions, "--method", method, "--output", output)
    with np.load(output, allow_pickle=False) as file:
        points, labels = file["projection"], file["labels"]
        made_by = json.loads(str(file["made_by"]))
    assert points.shape == (36, 2)
    assert (made_by["method"], made_by["n"], made_by["seed"]) == (method, 36, 0)
    if method == "tsne":
        assert made_by["perplexity"] == pytest.approx(35 / 3)  # 30 would need 91 points
        assert made_by["start"] == "pca"
    middles = np.array([points[labels == label].mean(axis=0) for label in range(3)])
    nearest = np.linalg.norm(points[:, None] - middles, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, labels)


def test_pca_keeps_the_distances_of_points_in_a_plane() -> None:
    corners = np.array([[0.0, 0, 7], [3, 0, 7], [3, 4, 7], [0, 4, 7]])
    points = project.project(corners, "pca", seed=0)
    assert np.linalg.norm(points[0] - points[1]) == pytest.approx(3, rel=1e-5)
    assert np.linalg.norm(points[0] - points[2]) == pytest.approx(5, rel=1e-5)


def test_the_digits_come_along_in_the_order_of_the_predictions(digit_folder, tmp_path) -> None:
    from netlib.data.loaders import DigitDataset

    folder = digit_folder(train=2, test=0)
    dataset = DigitDataset(folder, "train")
    predictions = tmp_path / "p.npz"
    embeddings = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    np.savez(predictions, labels=dataset.labels.numpy(), embeddings=embeddings)
    output = tmp_path / "map.npz"
    arguments = ["--predictions", predictions, "--method", "pca", "--count", 10]
    done("project", *arguments, "--dataset-path", folder, "--output", output)
    with np.load(output) as file:
        chosen = file["indices"]
        np.testing.assert_array_equal(file["images"], dataset.images[chosen, 0].numpy())
        np.testing.assert_array_equal(file["labels"], dataset.labels[chosen].numpy())


def test_another_data_set_than_the_evaluated_one_or_another_file_is_refused(
    digit_folder, predictions: Path, tmp_path: Path, refused
) -> None:
    arguments = ["--predictions", predictions, "--output", tmp_path / "map.npz"]
    arguments += ["--method", "pca", "--dataset-path", digit_folder(train=1, test=0)]
    assert "other labels" in refused("project", *arguments)
    np.savez(predictions, labels=np.arange(3))
    assert "analysis.evaluate" in refused("project", *arguments)
