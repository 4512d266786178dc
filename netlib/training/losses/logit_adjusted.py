"""Cross entropy of logits + log(n_c / n) (Menon et al. 2021, equation 10 with τ = 1).

It is the balanced softmax of Ren et al. 2020.
"""

from functools import partial

import torch.nn.functional as F
from torch import Tensor

from netlib.training.losses import Loss


def make(counts: Tensor) -> Loss:
    """For (C,) training images of each class."""
    return partial(logit_adjusted, log_prior=(counts / counts.sum()).log().float())


def logit_adjusted(logits: Tensor, labels: Tensor, log_prior: Tensor) -> Tensor:
    """Cross entropy after adding the log of each class's share."""
    return F.cross_entropy(logits + log_prior.to(logits.device), labels)
