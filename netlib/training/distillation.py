"""Learning what other networks say (Hinton et al. 2015), each of the same view of an image."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

SOFT = 2.0  # divides the logits of teachers and network alike


@torch.no_grad()
def softened(teachers: Sequence[nn.Module], images: Tensor) -> Tensor:
    """Mean probabilities (N, C) of the teachers' softened logits for images (N, ...)."""
    logits = [teacher(images).float() for teacher in teachers]
    return torch.stack([(z / SOFT).softmax(1) for z in logits]).mean(0)


def soft_cross_entropy(logits: Tensor, said: Tensor) -> Tensor:
    """(N,) cross entropy of softened logits (N, C) with `said` (N, C), times `SOFT`².

    Less the entropy of `said`, which no network changes, it is Hinton's divergence; the factor
    keeps its gradients as large as those of labels.
    """
    return -(SOFT**2) * (said * (logits / SOFT).log_softmax(1)).sum(1)
