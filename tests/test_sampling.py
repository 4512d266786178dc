"""Stratified parts and the orders of epochs."""

import numpy as np
import pytest

from netlib.data.choosing import split_stratified
from netlib.data.stores import DataError

LABELS = np.repeat([0, 1, 2], [60, 30, 10])


def counts(rows: np.ndarray) -> list[int]:
    return np.bincount(LABELS[rows], minlength=3).tolist()


def test_parts_hold_every_class_in_its_proportion_and_remainders_go_where_most_is_lost() -> None:
    """20 of 100 images, classes 60 : 30 : 10, make 12, 6 and 2."""
    parts = split_stratified(LABELS, {"validation": 20, "train": None}, seed=0)
    assert counts(parts["validation"]) == [12, 6, 2]
    assert counts(parts["train"]) == [48, 24, 8]
    # 7 of 100: quotas 4.2, 2.1 and 0.7 are rounded down to 4, 2 and (at least one) 1.
    assert counts(split_stratified(LABELS, {"a": 7}, seed=0)["a"]) == [4, 2, 1]
    # 9 of 100: quotas 5.4, 2.7 and 0.9 give 5, 2 and 1; the ninth goes to the 2.7.
    assert counts(split_stratified(LABELS, {"a": 9}, seed=0)["a"]) == [5, 3, 1]


def test_parts_never_share_an_image_and_the_seed_decides_them() -> None:
    parts = split_stratified(LABELS, {"test": 15, "validation": 0.2, "train": None}, seed=3)
    assert [len(rows) for rows in parts.values()] == [15, 20, 65]
    assert sorted(np.concatenate(list(parts.values()))) == list(range(100))
    first, again, other = (
        split_stratified(LABELS, {"a": 20}, seed=seed)["a"].tolist() for seed in (0, 0, 1)
    )
    assert first == again != other


def test_fractions_count_whole_images() -> None:
    """0.29 * 100 is 28.999... in binary; 0.1 + 0.9 of 15 must not be 16."""
    assert len(split_stratified(LABELS, {"a": 0.29}, seed=0)["a"]) == 29
    parts = split_stratified(np.zeros(15, int), {"a": 0.1, "b": 0.9}, seed=0)
    assert [len(rows) for rows in parts.values()] == [1, 13]
    same = np.zeros(5, int)
    assert len(split_stratified(same, {"a": 1}, seed=0)["a"]) == 1  # an image
    assert len(split_stratified(same, {"a": 1.0}, seed=0)["a"]) == 5  # all


def test_every_part_holds_the_rarest_class_where_it_has_enough_images() -> None:
    labels = np.repeat([0, 1], [997, 3])
    parts = split_stratified(labels, {"test": 10, "validation": 10, "train": None}, seed=0)
    assert all(1 in labels[rows] for rows in parts.values())
    labels = np.array([0, 0, 0, 7, 7])
    with pytest.raises(DataError, match="class 7 has 2 images, too few to split"):
        split_stratified(labels, {"test": 1, "validation": 1, "train": None}, seed=0)


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ({"validation": 101, "train": None}, "101 validation images are asked for"),
        ({"validation": 40, "train": 61}, "40 validation and 61 train images are asked for"),
        ({"validation": 0, "train": None}, "validation_size is 0, but must be at least one"),
        ({"validation": -3, "train": None}, "validation_size is -3"),
        ({"validation": 1.5, "train": None}, r"a fraction must lie in \(0, 1\]"),
        ({"validation": 0.0, "train": None}, "validation_size is 0.0"),
        ({"validation": float("nan"), "train": None}, "validation_size is nan"),
        ({"validation": 2, "train": None}, "validation_size is 2 images.*only be 3 to 97"),
        ({"validation": 100, "train": None}, "validation_size is 100 images.*only be 3 to 97"),
    ],
)
def test_sizes_that_do_not_fit(sizes: dict, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        split_stratified(LABELS, sizes, seed=0)
