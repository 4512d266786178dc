"""The losses of the ablation; each maps (logits (N, C), labels (N,)) to a scalar.

n_c is the number of training images of class c.

    cross_entropy    -log p_y
    label_smoothing  cross entropy against 0.9 one-hot + 0.1 uniform (Szegedy et al. 2016)
    mse              mean squared error of the probabilities, the Brier score
    weighted         weights 1 / n_c
    class_balanced   weights (1 - β) / (1 - β^n_c), β = 0.9999 (Cui et al. 2019, equation 4)
    focal            -(1 - p_y)^2 log p_y (Lin et al. 2017, equation 4)
    logit_adjusted   cross entropy of logits + log(n_c / n) (Menon et al. 2021, equation 10 with
                     τ = 1, which is the balanced softmax of Ren et al. 2020)
    ldam_drw         cross entropy after a margin ~ n_c^(-1/4) is taken off the true class's
                     logit, class-balanced over the last fifth of training (Cao et al. 2019,
                     equation 13 and algorithm 1); for a network with head="cosine"

Weights are scaled so that their mean over the training images is 1.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from netlib.nets.network import COSINE_SCALE

Loss = Callable[[Tensor, Tensor], Tensor]

SMOOTHING = 0.1
BETA = 0.9999
GAMMA = 2.0
MAX_MARGIN = 0.5  # of a cosine, as in the authors' code
DEFERRED = 0.8  # share of training before LDAM weighs its classes: their epoch 160 of 200


def mse(logits: Tensor, labels: Tensor) -> Tensor:
    """Squared error of the probabilities, summed over classes, mean over images."""
    target = F.one_hot(labels, logits.shape[1]).to(logits.dtype)
    return (logits.softmax(1) - target).square().sum(1).mean()


def focal(logits: Tensor, labels: Tensor, gamma: float = GAMMA) -> Tensor:
    """Cross entropy that fades where the network is already right (Lin et al. 2017)."""
    log_p = -F.cross_entropy(logits, labels, reduction="none")
    return -((1 - log_p.exp()) ** gamma * log_p).mean()


def weighted(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Cross entropy, each image times its class's weight, divided by the number of images.

    Not by the batch's sum of weights, as torch's own `weight=` does: that would make an image's
    weight depend on which images share its batch.
    """
    losses = F.cross_entropy(logits, labels, reduction="none")
    return (losses * weights.to(losses.device)[labels]).mean()


def logit_adjusted(logits: Tensor, labels: Tensor, log_prior: Tensor) -> Tensor:
    """Cross entropy after adding the log of each class's share (Menon et al. 2021)."""
    return F.cross_entropy(logits + log_prior.to(logits.device), labels)


class LDAM:
    """Label-distribution-aware margins with deferred re-weighting (Cao et al. 2019).

    Args:
        counts: (C,) training images of each class.
    """

    def __init__(self, counts: Tensor) -> None:
        self.margins = (MAX_MARGIN * (counts.min() / counts) ** 0.25).float()
        self.late_weights = _effective_weights(counts)
        self.progress = 0.0

    def set_progress(self, progress: float) -> None:
        """Share of the training that is over; `netlib.training.loop.fit` tells it at each epoch."""
        self.progress = progress

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Logits are cosines times `COSINE_SCALE`."""
        true = F.one_hot(labels, logits.shape[1]).to(logits.dtype)
        margins = self.margins.to(logits.device)[labels].unsqueeze(1)
        shifted = logits - COSINE_SCALE * margins * true
        if self.progress < DEFERRED:
            return F.cross_entropy(shifted, labels)
        return weighted(shifted, labels, self.late_weights)


def _inverse_frequency(counts: Tensor) -> Loss:
    return partial(weighted, weights=_unit_mean(1 / counts, counts))


def _class_balanced(counts: Tensor) -> Loss:
    return partial(weighted, weights=_effective_weights(counts))


def _effective_weights(counts: Tensor) -> Tensor:
    effective = (1 - BETA**counts) / (1 - BETA)
    return _unit_mean(1 / effective, counts)


def _logit_adjusted(counts: Tensor) -> Loss:
    return partial(logit_adjusted, log_prior=(counts / counts.sum()).log().float())


def _unit_mean(weights: Tensor, counts: Tensor) -> Tensor:
    return (weights * counts.sum() / (weights * counts).sum()).float()


LOSSES: dict[str, Callable[[Tensor], Loss]] = {
    "cross_entropy": lambda _: F.cross_entropy,
    "label_smoothing": lambda _: partial(F.cross_entropy, label_smoothing=SMOOTHING),
    "mse": lambda _: mse,
    "weighted": _inverse_frequency,
    "class_balanced": _class_balanced,
    "focal": lambda _: focal,
    "logit_adjusted": _logit_adjusted,
    "ldam_drw": LDAM,
}
NEEDS_COUNTS = {"weighted", "class_balanced", "logit_adjusted", "ldam_drw"}
HEADS = {"ldam_drw": "cosine"}  # of the network, where a loss needs another than "linear"


def make_loss(name: str, class_counts: Sequence[int] | Tensor) -> Loss:
    """The loss called `name`, for a training set with these images of each class.

    Raises:
        ValueError: the name is unknown, or the loss needs images of every class.
    """
    if name not in LOSSES:
        raise ValueError(f"The loss is {name!r}; expected one of {', '.join(LOSSES)}.")
    counts = torch.as_tensor(class_counts, dtype=torch.float64)
    if name in NEEDS_COUNTS and bool((counts == 0).any()):
        missing = torch.nonzero(counts == 0).flatten().tolist()
        raise ValueError(
            f"The loss {name} needs training images of every class; there are none of {missing}: "
            "choose another loss or add images."
        )
    return LOSSES[name](counts)
