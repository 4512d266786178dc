"""Training throughput: the program's loop against a plain one, on the same network and images."""

from collections.abc import Callable
from functools import partial
from typing import get_args

import numpy as np
import torch
from torch.utils.data import DataLoader

from analysis.benchmark import plain
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


def run(settings: Settings) -> list[Row]:
    """Images a second, speed-ups over the plain loop, and the share of the data's path."""
    images, labels = settings.digits("train")
    count = settings.choose(384, 2560)
    part = images[:count], labels[:count]
    n = settings.threads
    arms = {PLAIN: Arm(make_plain, part, threads=n)}
    for precision in get_args(Precision):
        arms[ours(precision)] = Arm(make_ours, (*part, precision), threads=n)
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
    """The arm's name."""
    return f"ours, {precision}"


def make_plain(images: np.ndarray, labels: np.ndarray) -> Callable[[tuple[str, str]], float]:
    """Per-image transforms, `DataLoader`, default layout, float32."""
    loader = DataLoader(plain.PilDigits(images, labels), TrainConfig().batch_size, shuffle=True)

    def work(case: tuple[str, str]) -> float:
        name, what = case
        if what == LOADER:
            return timed(list, map(len, loader))
        torch.manual_seed(0)
        net = named_network(name)
        optimizer = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE)
        return timed(plain.epoch, net, loader, optimizer)

    work(("mobilenet", STEP))  # warm-up
    return work


def make_ours(
    images: np.ndarray, labels: np.ndarray, precision: Precision
) -> Callable[[tuple[str, str]], float]:
    """`netlib.training.fit` for one epoch, its validation left out of the time."""
    dataset = DigitDataset.from_arrays(images, labels)
    config = TrainConfig(
        learning_rate=LEARNING_RATE, training_epochs=1, precision=precision, device="cpu"
    )
    loader = dataset.loader(config.batch_size, EpochSampler(len(dataset), config.seed))
    few = dataset.select(slice(0, 2))  # a validation that takes no time
    validation = [few.batch([0, 1])]

    def work(case: tuple[str, str]) -> float:
        name, what = case
        if what == LOADER:
            return timed(list, map(len, loader))
        torch.manual_seed(0)
        net = named_network(name)
        loss_func = make_loss(config.loss, dataset.class_counts)
        return fit(net, loader, validation, config, loss_func=loss_func)[0]["seconds"]

    work(("mobilenet", STEP))  # warm-up
    return work
