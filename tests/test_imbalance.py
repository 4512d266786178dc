"""Imbalance profiles, class orders and which images a class keeps."""

import numpy as np
import pytest

from netlib.data.imbalance import class_order, class_sizes, subsample
from netlib.data.stores import DataError


@pytest.mark.parametrize(
    ("profile", "ratio", "sizes"),
    [
        ("exp", 10, [5000, 3871, 2997, 2320, 1796, 1391, 1077, 834, 645, 500]),
        ("exp", 100, [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]),
        ("step", 10, [5000] * 5 + [500] * 5),
        ("none", 10, [5000] * 10),
    ],
)
def test_profiles_are_the_published_ones(profile: str, ratio: int, sizes: list[int]) -> None:
    assert class_sizes(profile, 10, 5000, ratio) == sizes


@pytest.mark.parametrize("ratio", [2, 3, 5, 10, 20, 50, 100, 200, 1000])
def test_ratio_is_that_of_the_most_frequent_to_the_rarest(ratio: int) -> None:
    """n_max is a multiple of the ratio: the quotient must not be rounded down to one less."""
    for profile in ("exp", "step"):
        sizes = class_sizes(profile, 10, 6 * ratio, ratio)
        assert (sizes[0], sizes[-1]) == (6 * ratio, 6)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("linear", 10, 100, 10), "one of none, exp, step"),
        (("exp", 10, 100, 0.5), "at least 1"),
        (("exp", 10, 100, float("nan")), "at least 1"),
        (("exp", 10, 50, 100), "rarest class has no image left"),
        (("none", 10, 0, 1), "no image left"),
        (("none", 10, -5, 1), "no image left"),
    ],
)
def test_profiles_that_cannot_be(arguments: tuple, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        class_sizes(*arguments)


def test_ten_rotations_make_every_digit_the_rarest_once() -> None:
    assert class_order(10, 0) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert class_order(10, 3) == [3, 4, 5, 6, 7, 8, 9, 0, 1, 2]
    assert {class_order(10, rotation)[-1] for rotation in range(10)} == set(range(10))


LABELS = np.array([2, 0, 1] * 20)


def test_subsample_gives_each_class_the_size_of_its_rank_at_random_by_seed() -> None:
    rows = subsample(LABELS, order=[1, 2, 0], sizes=[20, 7, 3], seed=0)
    assert np.bincount(LABELS[rows]).tolist() == [3, 20, 7]
    assert sorted(set(rows)) == rows.tolist()
    first, again, other = (
        subsample(LABELS, [0, 1, 2], [5, 5, 5], seed=seed).tolist() for seed in (0, 0, 1)
    )
    assert first == again != other
    small = subsample(LABELS, [0, 1, 2], [5, 4, 3], seed=0)
    large = subsample(LABELS, [2, 1, 0], [5, 6, 7], seed=0)
    assert set(small) <= set(large)
    with pytest.raises(DataError, match=r"21 images of class 1 .* only 20; lower n_max"):
        subsample(LABELS, [0, 1, 2], [5, 21, 5], seed=0)
