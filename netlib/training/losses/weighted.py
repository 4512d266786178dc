"""Cross entropy with weights 1 / n_c."""

from functools import partial

import torch.nn.functional as F
from torch import Tensor

from netlib.training.losses import Loss


def make(counts: Tensor) -> Loss:
    """For (C,) training images of each class."""
    return partial(weighted, weights=unit_mean(1 / counts, counts))


def weighted(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Cross entropy, each image times its class's weight, divided by the number of images.

    Not by the batch's sum of weights, as torch's own `weight=` does: that would make an image's
    weight depend on which images share its batch.
    """
    losses = F.cross_entropy(logits, labels, reduction="none")
    return (losses * weights.to(losses.device)[labels]).mean()


def unit_mean(weights: Tensor, counts: Tensor) -> Tensor:
    """Weights (C,) scaled to a mean of 1 over the training images."""
    return (weights * counts.sum() / (weights * counts).sum()).float()
