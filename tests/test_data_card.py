"""What a data set holds, counted on tiny ones."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from helpers_data import done, png, table, write_folder

from analysis.questions import data_card
from netlib.data.dataset import DigitDataset


@pytest.fixture(scope="module")
def output(digit_folder, tmp_path_factory) -> Path:
    """Of a data set of 12, 11, ... 3 training images and 2 test images of each digit."""
    folder = tmp_path_factory.mktemp("data")
    dataset = digit_folder(train=list(range(12, 2, -1)), test=2)
    done("data_card", "--dataset-path", dataset, "--output", folder)
    return folder


def images_of(*shades: int) -> list[np.ndarray]:
    return [np.full((28, 28), shade, np.uint8) for shade in shades]


def test_counts_are_those_of_the_splits_and_arrays_show_each_class_in_its_row(output: Path) -> None:
    card = json.loads((output / "data_card.json").read_text())
    train, test = card["splits"]["train"], card["splits"]["test"]
    assert train["class_counts"] == [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]
    assert (train["images"], train["imbalance_ratio"]) == (75, 4)
    assert (test["class_counts"], test["imbalance_ratio"]) == ([2] * 10, 1)
    assert card["num_classes"] == 10
    assert card["record"] is None
    assert card["label_errors"]["test_set_is_mnist"] is False
    assert card["label_errors"]["known"] is None
    with np.load(output / "data_card.npz", allow_pickle=False) as file:
        samples, means = file["train_samples"], file["train_mean"]
        assert samples.shape == (10, 8, 28, 28)
        assert (means.shape, means.dtype) == ((10, 28, 28), np.float32)
        assert samples[0].any(axis=(1, 2)).all()
        assert samples[9].any(axis=(1, 2)).tolist() == [True] * 3 + [False] * 5
        np.testing.assert_allclose(means[9], samples[9, :3].mean(axis=0) / 255, atol=1e-5)


def test_duplicates_are_counted_within_and_across_splits() -> None:
    train = DigitDataset.from_arrays(np.stack(images_of(1, 1, 1, 2, 2, 3)), [0, 0, 0, 1, 2, 3])
    test = DigitDataset.from_arrays(np.stack(images_of(1, 3, 3, 9)), [0, 3, 4, 5])
    # Three equal ones repeat the first twice; two equal twos once.
    assert data_card.describe(train)["duplicates"] == {"images": 3}
    assert data_card.shared(train, test) == 3  # the one, and both threes


def test_mnist_is_known_by_its_files(monkeypatch) -> None:
    test = DigitDataset.from_arrays(np.stack(images_of(7, 8)), [3, 4])
    images = bytes.fromhex("00000803 00000002 0000001c 0000001c") + b"\x07" * 784 + b"\x08" * 784
    labels = bytes.fromhex("00000801 00000002") + b"\x03\x04"
    assert not data_card.is_mnist_test(test)
    digests = {"images": images, "labels": labels}
    digests = {name: hashlib.md5(content).hexdigest() for name, content in digests.items()}
    monkeypatch.setattr(data_card, "MNIST_TEST", digests)
    monkeypatch.setattr(data_card, "LABEL_ERRORS", {1: 9, 0: None})
    assert data_card.label_errors(test)["suggested"] == [9, None]


def test_the_record_of_a_prepared_data_set_comes_along(tmp_path: Path) -> None:
    files = {f"{split}/0.png": png(images_of(9)[0]) for split in ("train", "test")}
    files |= {f"{split}.csv": table(["0.png"], [5]) for split in ("train", "test")}
    folder = write_folder(tmp_path / "set", {**files, "record.json": b'{"source": "here"}'})
    done("data_card", "--dataset-path", folder, "--output", tmp_path / "out")
    card = json.loads((tmp_path / "out" / "data_card.json").read_text())
    assert card["record"] == {"source": "here"}
    assert card["across_splits"]["test_images_in_train"] == 1
