"""Kept runs: found in pairs, read, and matched with their data set."""

from pathlib import Path

import numpy as np
import pytest
from helpers_runs import keep_pairs, keep_run

from netlib.data.dataset import DigitDataset
from netlib.measure.runs import check_test_set, find_pairs
from netlib.nets.checkpoint import load_network, save_network
from netlib.nets.network import named_network


@pytest.fixture
def dataset(digit_folder) -> Path:
    return digit_folder(train=2, test=1)


def test_only_seeds_that_both_networks_have_are_pairs(tmp_path: Path, dataset: Path) -> None:
    keep_pairs(tmp_path, dataset, 10, 2)
    keep_run(tmp_path, "standard", 3, dataset)
    (tmp_path / "mobilenet-3").mkdir()  # begun, but not finished
    (tmp_path / "mobilenet-0.5-2").mkdir()  # of another sweep
    pairs = find_pairs(tmp_path)
    assert pairs.seeds == (2, 10)
    assert pairs.ignored == ("standard-3",)
    names = [run.folder.name for run in pairs]
    assert names == ["standard-2", "standard-10", "mobilenet-2", "mobilenet-10"]
    folders = {network: run.folder.name for network, run in pairs.at(2).items()}
    assert folders == {"standard": "standard-2", "mobilenet": "mobilenet-2"}
    with pytest.raises(ValueError, match="no pair of seed 4; it has 2, 10"):
        pairs.at(4)


def test_a_folder_without_pairs_is_refused(tmp_path: Path, dataset: Path) -> None:
    with pytest.raises(ValueError, match="no folder"):
        find_pairs(tmp_path / "nothing")
    keep_run(tmp_path, "standard", 0, dataset)
    keep_run(tmp_path, "mobilenet", 1, dataset)
    with pytest.raises(ValueError, match="no seed that both networks have"):
        find_pairs(tmp_path)


def test_a_run_gives_its_files_back_and_knows_its_images(
    tmp_path: Path, dataset: Path, digit_folder
) -> None:
    keep_pairs(tmp_path, dataset, 0)
    run = find_pairs(tmp_path).runs["mobilenet", 0]
    labels, logits = run.arrays("labels", "logits")
    np.testing.assert_array_equal(logits.argmax(1), labels)
    assert load_network(run.checkpoint).spec["mobilenet_block_count"] == 2
    assert run.settings["validation_size"] == 0.1
    with pytest.raises(ValueError, match="lacks feelings"):
        run.arrays("labels", "feelings")
    check_test_set(run, DigitDataset(dataset, "test"), dataset)
    other = digit_folder(train=2, test=2)
    with pytest.raises(ValueError, match="other images"):
        check_test_set(run, DigitDataset(other, "test"), other)
    save_network(named_network("standard"), run.checkpoint)
    with pytest.raises(ValueError, match="names no run"):
        _ = run.settings
