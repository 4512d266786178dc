"""Margins that grow with rarity, weights in the end (Cao et al. 2019, eq. 13 and algorithm 1).

Cross entropy after a margin ~ n_c^(-1/4) is taken off the true class's logit; the weights of
`class_balanced` over the last fifth of training.
"""

import torch.nn.functional as F
from torch import Tensor

from netlib.nets.layers import COSINE_SCALE
from netlib.training.losses.class_balanced import effective_weights
from netlib.training.losses.weighted import weighted

HEAD = "cosine"
MAX_MARGIN = 0.5  # of a cosine, as in the authors' code
DEFERRED = 0.8  # share of training before the classes are weighted: their epoch 160 of 200


class LDAM:
    """Label-distribution-aware margins with deferred re-weighting."""

    def __init__(self, counts: Tensor) -> None:  # (C,) training images of each class
        self.margins = (MAX_MARGIN * (counts.min() / counts) ** 0.25).float()
        self.late_weights = effective_weights(counts)
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


make = LDAM
