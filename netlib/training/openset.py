"""Training that sees what is no digit: losses, and batches that mix digits with other pictures.

Pictures that are no digit have the label `NONE`. The losses need logits alone, so that networks,
their size and their files stay as they are; E = log Σ exp(logits) is the energy score.

    entropic  cross entropy of the digits; of the others, against equal probabilities
              (Dhamija et al. 2018, equation 1)
    energy    cross entropy of the digits, and squared hinges that press E of digits above and of
              others below a margin (Liu et al. 2020, equation 7)
    reserved  cross entropy over the classes and one more, whose logit is always 0: "none of these",
              which makes E the log-odds of being a digit; others are pressed to equal
              probabilities, too, so that their confidence is low
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from netlib.training.losses import Loss

NONE = -100  # what torch's cross entropy leaves out by default
ENERGY_WEIGHT, INSIDE, OUTSIDE = 0.1, 8.0, 2.0
ENTROPIC_WEIGHT = 0.3


def entropic(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the batch of -log p_y for digits, of the mean of -log p_c for others."""
    log_p = logits.log_softmax(1)
    digits = F.nll_loss(log_p, labels, reduction="sum")
    others = -log_p[labels == NONE].mean(1).sum()
    return (digits + others) / len(labels)


def energy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy and the two margins, mean over the batch."""
    score = logits.logsumexp(1)
    short = torch.where(labels == NONE, score - OUTSIDE, INSIDE - score).relu()
    digits = F.cross_entropy(logits, labels, reduction="sum")
    return (digits + ENERGY_WEIGHT * short.square().sum()) / len(labels)


def reserved(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy with a class "none of these" of logit 0, mean over the batch."""
    num_classes = logits.shape[1]
    eleven = F.pad(logits, (0, 1))
    targets = torch.where(labels == NONE, num_classes, labels)
    others = -logits.log_softmax(1)[labels == NONE].mean(1).sum()
    return F.cross_entropy(eleven, targets) + ENTROPIC_WEIGHT * others / len(labels)


OPEN_SET_LOSSES: dict[str, Loss] = {"entropic": entropic, "energy": energy, "reserved": reserved}


class Part:
    """Pictures of one origin, and how many of them an epoch sees.

    Args:
        images: uint8 (N, 28, 28).
        labels: N integers, or one for all.
        count: pictures an epoch; more than N repeats them, all equally often but for the rest.

    Raises:
        ValueError: there is no picture.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray | int, count: int) -> None:
        if len(images) == 0:
            raise ValueError("A part of the training pictures is empty: draw more of each.")
        self.images = torch.as_tensor(images)[:, None]
        self.labels = torch.as_tensor(np.broadcast_to(labels, len(images)).astype(np.int64))
        self.count = count

    def rows(self, rng: np.random.Generator) -> np.ndarray:
        """(count,) which of the pictures an epoch sees."""
        rounds = -(-self.count // len(self.images))
        return np.concatenate([rng.permutation(len(self.images)) for _ in range(rounds)])[
            : self.count
        ]


class Turn:
    """Which epoch it is, as a sampler of a torch loader is told it.

    Attributes:
        epoch: counted from 0.
    """

    def __init__(self) -> None:
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """`netlib.training.loop.fit` calls this before each epoch."""
        self.epoch = epoch


class Mixture:
    """Shuffled batches of several parts, other pictures in each epoch; a loader for `fit`.

    Attributes:
        sampler: is told the epoch, which decides pictures and order.
    """

    def __init__(self, parts: Sequence[Part], batch_size: int = 128, seed: int = 0) -> None:
        self.parts, self.batch_size, self.seed = tuple(parts), batch_size, seed
        self.sampler = Turn()

    def __len__(self) -> int:
        return -(-sum(part.count for part in self.parts) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        rng = np.random.default_rng([self.seed, self.sampler.epoch])
        rows = [part.rows(rng) for part in self.parts]
        images = torch.cat(
            [p.images[torch.as_tensor(r)] for p, r in zip(self.parts, rows, strict=True)]
        )
        labels = torch.cat(
            [p.labels[torch.as_tensor(r)] for p, r in zip(self.parts, rows, strict=True)]
        )
        order = torch.as_tensor(rng.permutation(len(labels)))
        for chosen in order.split(self.batch_size):
            yield images[chosen].float() / 255, labels[chosen]
