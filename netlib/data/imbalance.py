"""Imbalance profiles: how many training images each class keeps.

The convention of the long-tail literature (Cao et al. 2019, LDAM, arXiv:1906.07413, section 4.1):
ratio = n_max / n_min, "exp" falls geometrically from the most frequent to the rarest class, "step"
gives half of the classes n_max and the other half n_max / ratio.
"""

import math
from collections.abc import Sequence

import numpy as np

from netlib.data.stores import DataError
from netlib.errors import many

PROFILES = ("none", "exp", "step")


def class_sizes(profile: str, num_classes: int, n_max: int, ratio: float) -> list[int]:
    """Images per class, from the most frequent, which has `n_max`, to the rarest, rounded down.

    Raises:
        DataError: an argument is out of range, or the rarest class would be empty.
    """
    if profile not in PROFILES:
        raise DataError(f"the profile is {profile!r}, but must be one of {', '.join(PROFILES)}.")
    if not 1 <= ratio < math.inf:
        raise DataError(f"the imbalance ratio is {ratio}, but must be a number of at least 1.")
    if profile == "none":
        shares = [1.0] * num_classes
    elif profile == "exp":
        shares = [ratio ** (-rank / (num_classes - 1)) for rank in range(num_classes)]
    else:
        shares = [1.0 if rank < num_classes // 2 else 1 / ratio for rank in range(num_classes)]
    # 5000 * 10 ** -1 must give 500 although the power is a rounded number.
    sizes = [int(n_max * share + 1e-6) for share in shares]
    if min(sizes) < 1:
        raise DataError(
            f"with n_max {n_max} and ratio {ratio:g} the rarest class has no image left; "
            "raise n_max or lower the ratio."
        )
    return sizes


def class_order(num_classes: int, rotation: int) -> list[int]:
    """Classes from the most frequent to the rarest: 0...n-1 rotated left by `rotation`.

    Rotation 0 makes the last class the rarest, rotation 1 makes it class 0. Which digit is rare has
    to be rotated, or "rare" is confounded with "hard to recognise".
    """
    return [(rank + rotation) % num_classes for rank in range(num_classes)]


def subsample(
    labels: np.ndarray, order: Sequence[int], sizes: Sequence[int], seed: int
) -> np.ndarray:
    """Row numbers, ascending, of a random subset with `sizes[rank]` rows of class `order[rank]`.

    Raises:
        DataError: a class has fewer images than asked for.
    """
    rng = np.random.default_rng(seed)
    # One permutation per class, in the order of the classes: with the same seed a smaller subset of
    # a class is contained in a larger one, so that profiles and rotations are comparable.
    pools = [rng.permutation(np.flatnonzero(labels == label)) for label in range(len(order))]
    for label, size in zip(order, sizes, strict=True):
        if size > len(pools[label]):
            raise DataError(
                f"{many(size, 'image')} of class {label} asked for, but there are only "
                f"{len(pools[label])}; lower n_max."
            )
    rows = [pools[label][:size] for label, size in zip(order, sizes, strict=True)]
    return np.sort(np.concatenate(rows))
