"""-log p_y."""

import torch.nn.functional as F
from torch import Tensor

from netlib.training.losses import Loss


def make(_: Tensor) -> Loss:
    """Nothing depends on the counts."""
    return F.cross_entropy
