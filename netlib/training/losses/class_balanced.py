"""Cross entropy with weights (1 - β) / (1 - β^n_c), β = 0.9999 (Cui et al. 2019, equation 4)."""

from functools import partial

from torch import Tensor

from netlib.training.losses import Loss
from netlib.training.losses.weighted import unit_mean, weighted

BETA = 0.9999


def make(counts: Tensor) -> Loss:
    """For (C,) training images of each class."""
    return partial(weighted, weights=effective_weights(counts))


def effective_weights(counts: Tensor) -> Tensor:
    """One over the effective number of images of each class, (C,), mean 1 over the images."""
    effective = (1 - BETA**counts) / (1 - BETA)
    return unit_mean(1 / effective, counts)
