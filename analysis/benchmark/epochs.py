"""Training throughput: the program's loop against a plain one, on the same network and images.

The plain loop is written as tutorials do: images become tensors one by one, a `DataLoader` stacks
them, and the network runs in the default memory layout.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import cast, get_args

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from analysis.benchmark.arms import Arm, interleave, profile, timed
from analysis.benchmark.record import Row, ratios, row
from analysis.benchmark.settings import Settings
from analysis.look.style import NETWORKS
from netlib.data.choosing import EpochSampler
from netlib.data.loaders import DigitDataset
from netlib.nets.network import named_network
from netlib.training.config import Precision, TrainConfig
from netlib.training.loop import fit
from netlib.training.losses import make_loss

TARGETS = {"standard": 1.8, "mobilenet": 1.7}
AUTO: Precision = "auto"  # what the program chooses; the others tell what that is worth
LEARNING_RATE = 1e-3
PLAIN, STEP, LOADER = "plain loop", "epoch", "epoch without the network"
Case = tuple[str, str]  # a network, and one of the last two


def run(settings: Settings) -> list[Row]:
    """Images a second, speed-ups over the plain loop, and the share of the data's path."""
    images, labels = settings.digits("train")
    count = settings.choose(384, 2560)
    part = images[:count], labels[:count]
    n = settings.threads
    arms = {PLAIN: Arm(make, (*part, PLAIN), threads=n)}
    for precision in get_args(Precision):
        arms[ours(precision)] = Arm(make, (*part, precision), threads=n)
    cases = [(name, what) for name in NETWORKS for what in (STEP, LOADER)]
    results = interleave(arms, cases, settings.choose(2, 5))
    rows = []
    for name in NETWORKS:
        of = {arm: results[arm, (name, STEP)] for arm in arms}
        for arm in arms:
            speeds = [count / seconds for seconds in of[arm]]
            rows.append(row("training", arm, speeds, "images a second", network=name))
        for precision in get_args(Precision):
            aim = TARGETS[name] if precision == AUTO else None
            rows.append(row("speed-up over the plain loop", ours(precision),
                            ratios(of[PLAIN], of[ours(precision)]), "×",
                            network=name, at_least=aim,
                            why=partial(profile, arms[ours(precision)], (name, STEP))))  # fmt: skip
        for arm, most in ((PLAIN, None), (ours(AUTO), 0.05)):
            shares = ratios(results[arm, (name, LOADER)], of[arm])
            rows.append(row("share of the time that data take", arm, shares, "",
                            network=name, at_most=most,
                            why=partial(profile, arms[arm], (name, LOADER))))  # fmt: skip
    return rows


def ours(precision: str) -> str:
    return f"ours, {precision}"


def make(images: np.ndarray, labels: np.ndarray, precision: str) -> Callable[[Case], float]:
    """An arm: seconds of one epoch, or of the data's path alone.

    `netlib.training.fit` in a precision, its validation left out of the time; or, for `PLAIN`,
    per-image transforms, `DataLoader`, default layout, float32.
    """
    config = TrainConfig(training_epochs=1, learning_rate=LEARNING_RATE, device="cpu")
    dataset = DigitDataset.from_arrays(images, labels)
    loader = dataset.loader(config.batch_size, EpochSampler(len(dataset), config.seed))
    if precision == PLAIN:
        loader = DataLoader(PilDigits(images, labels), config.batch_size, shuffle=True)
    else:
        config = replace(config, precision=cast(Precision, precision))
    few = [dataset.batch([0, 1])]  # a validation that takes no time

    def work(case: Case) -> float:
        name, what = case
        if what == LOADER:
            return timed(list, map(len, loader))
        torch.manual_seed(0)
        net = named_network(name)
        if precision == PLAIN:
            optimizer = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE)
            return timed(plain_epoch, net, loader, optimizer)
        loss_func = make_loss(config.loss, dataset.class_counts)
        return fit(net, loader, few, config, loss_func=loss_func)[0]["seconds"]

    work(("mobilenet", STEP))  # warm-up
    return work


class PilDigits(Dataset):
    """Digits, uint8 (N, 28, 28), as PIL images that become tensors one at a time."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels
        self.transform = transforms.ToTensor()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[index])
        return self.transform(image), int(self.labels[index])


def plain_epoch(net: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer) -> None:
    net.train()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
