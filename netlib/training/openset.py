"""Training on that sees what is no digit, and holds what a network says of digits.

A picture's target is a row of eleven numbers: the probabilities that teachers give to the ten
classes, softened, and 1 for "no digit", where the ten are 0. While it trains, a network says
eleven numbers, too: its logits, and a judge's logit for "no digit", one linear layer on the
embedding at length 1, whose weights are kept beside the network. So networks, their size and their
files stay as they are.

    digits    cross entropy with the teachers' probabilities (`netlib.training.distillation`), of
              the same view as the teachers saw
    others    cross entropy with equal probabilities (Dhamija et al. 2018, equation 1)
    both      binary cross entropy of the judge
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netlib.nets.network import Network
from netlib.training.augment import augment
from netlib.training.config import AugmentConfig
from netlib.training.distillation import soft_cross_entropy, softened
from netlib.training.precision import has_units

SCALE = 16.0  # of the embedding that the judge sees, so that its weights stay small
JUDGE_WEIGHT, ENTROPIC_WEIGHT = 1.0, 0.1


class Judged(nn.Module):
    """A network with a judge beside it.

    Attributes:
        net: the network.
        judge: its embedding at length `SCALE` -> logit of "no digit".
    """

    def __init__(self, net: Network) -> None:
        super().__init__()
        self.net, self.judge = net, nn.Linear(net.head.in_features, 1)
        nn.init.zeros_(self.judge.weight)

    @property
    def spec(self) -> object:
        """The network's own."""
        return self.net.spec

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> logits (N, 10), and while it trains the judge's, too: (N, 11)."""
        features = self.net.forward_features(images)
        logits = self.net.forward_head(features)
        if not self.training:
            return logits
        none = self.judge(SCALE * F.normalize(features.float()))
        return torch.cat([logits.float(), none], 1)

    def rule_head(self) -> np.ndarray:
        """(D + 1,) weights and bias of "is a digit" on the embedding at length 1."""
        with torch.no_grad():
            return -torch.cat([SCALE * self.judge.weight[0], self.judge.bias]).double().numpy()


def open_set_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean over a batch of outputs of `Judged` and targets, both (N, 11); see above."""
    log_p, none = outputs[:, :-1].log_softmax(1), targets[:, -1]
    taught = soft_cross_entropy(outputs[:, :-1], targets[:, :-1])
    judged = F.binary_cross_entropy_with_logits(outputs[:, -1], none, reduction="none")
    return (taught - ENTROPIC_WEIGHT * none * log_p.mean(1) + JUDGE_WEIGHT * judged).mean()


@torch.inference_mode()
def digit_targets(
    teachers: Sequence[Network], images: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """What teachers say of uint8 digits (N, 28, 28), on average: (N, 11) float32.

    Where they are wrong, the label counts.
    """
    rows = []
    for batch in torch.as_tensor(images)[:, None].split(256):
        seen = (batch.float() / 255).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_units(batch.device)):
            rows.append(softened(teachers, seen).numpy())
    said = np.concatenate(rows)
    sure = np.eye(said.shape[1], dtype=np.float32)[labels]
    right = said.argmax(1) == labels
    return np.pad(np.where(right[:, None], said, sure), ((0, 0), (0, 1)))


def other_targets(count: int) -> np.ndarray:
    """(count, 11) float32: no class, and no digit."""
    return np.tile(np.eye(11, dtype=np.float32)[-1], (count, 1))


def views(images: np.ndarray, config: AugmentConfig, seed: int) -> np.ndarray:
    """Uint8 pictures (N, 28, 28), each changed at random."""
    generator = torch.Generator().manual_seed(seed)
    changed = [
        (255 * augment(batch.float() / 255, config, generator)).round().byte()[:, 0]
        for batch in torch.as_tensor(images)[:, None].split(1024)
    ]
    return torch.cat(changed).numpy()


@dataclass(frozen=True)
class Part:
    """Pictures of one origin."""

    images: np.ndarray  # uint8 (N, 28, 28)
    targets: np.ndarray  # (N, 11) float32
    # Pictures an epoch sees; more than N repeats them, all equally often but for the rest
    count: int


class Mixture:
    """Shuffled batches of several parts, other pictures in each epoch; a loader for `fit`."""

    def __init__(self, parts: Sequence[Part], batch_size: int = 128, seed: int = 0) -> None:
        self.parts, self.batch_size, self.seed, self.epoch = parts, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Decide pictures and order; `netlib.training.loop.fit` calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-sum(part.count for part in self.parts) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        images, targets = [], []
        for part in self.parts:
            rounds = -(-part.count // len(part.images))
            every = np.concatenate([rng.permutation(len(part.images)) for _ in range(rounds)])
            images.append(part.images[every[: part.count]])
            targets.append(part.targets[every[: part.count]])
        x, y = torch.as_tensor(np.concatenate(images)), torch.as_tensor(np.concatenate(targets))
        for chosen in torch.as_tensor(rng.permutation(len(x))).split(self.batch_size):
            yield x[chosen, None].float() / 255, y[chosen]
