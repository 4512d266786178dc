"""Time from scratch to 99 % test accuracy, against PyTorch's well-known MNIST example."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import mean

import numpy as np
import torch
from torch.utils.data import DataLoader

from analysis.benchmark import plain
from analysis.benchmark.arms import Arm, interleave, timed
from analysis.benchmark.epochs import loader_of
from analysis.benchmark.record import Row, row
from analysis.benchmark.settings import Settings
from netlib.data.loaders import DigitDataset
from netlib.nets.network import ARCHITECTURES
from netlib.training.config import Precision, TrainConfig
from netlib.training.course import fit, infer
from netlib.training.losses import make_loss

AREA = "accuracy"
AIM = 0.99
SHARE = 1 / 3  # of the example's time
EXAMPLE = "PyTorch's example"
VALIDATION_SIZE = 500
Data = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: in as few whole epochs as reached the aim in trials."""

    training_epochs: int
    precision: Precision

    def config(self, seed: int) -> TrainConfig:
        """Everything else is the same for all."""
        return TrainConfig(
            training_epochs=self.training_epochs,
            batch_size=64,
            learning_rate=0.01,
            precision=self.precision,
            seed=seed,
            device="cpu",
        )


RECIPES = {"standard": Recipe(2, "bfloat16"), "mobilenet": Recipe(2, "float32")}


def run(settings: Settings) -> list[Row]:
    """Seconds of training until a test at the end of an epoch shows 99 %; tests are not counted.

    A quick run, or one on the 5,000 digits, has a lower aim: it shows only that everything works.
    """
    full = settings.dataset_path is not None and not settings.quick
    images, labels = settings.digits("train")
    limit = None if full else 2000
    data = images[:limit], labels[:limit], *settings.digits("test")
    aim = AIM if full else 0.5
    arms = {EXAMPLE: Arm(make_example, (data, aim), threads=settings.threads)}
    for name in settings.choose(("mobilenet",), RECIPES):
        recipe = RECIPES[name]
        arms[ours(name)] = Arm(make_ours, (data, aim, name, recipe), threads=settings.threads)
    seeds = range(settings.seeds if full else 1)
    results = interleave(arms, seeds, 1)
    times = {arm: [results[arm, seed][0] for seed in seeds] for arm in arms}
    return summary(times, aim, hold=full)


def ours(network: str) -> str:
    """The arm's name."""
    return f"ours, {network}"


def summary(times: Mapping[str, list[float]], aim: float, hold: bool) -> list[Row]:
    """Seconds of each seed and the means' ratio; if `hold`, the quickest has the target."""
    what = f"time to {100 * aim:g} % test accuracy"
    rows = [row(AREA, what, arm, seconds, "s") for arm, seconds in times.items()]
    shares = {arm: mean(seconds) / mean(times[EXAMPLE]) for arm, seconds in times.items()}
    own = [arm for arm in times if arm != EXAMPLE]
    fastest = min(own, key=lambda arm: shares[arm])
    for arm in own:
        aimed = SHARE if hold and arm == fastest else None
        rows.append(row(AREA, f"{what}, share of the example's", arm, [shares[arm]], "",
                        at_most=aimed))  # fmt: skip
    return rows


def make_example(data: Data, aim: float) -> Callable[[int], float]:
    """Adadelta, learning rate 1, times 0.7 after each epoch, batches of 64."""
    images, labels, test_images, test_labels = data
    train_set = plain.PilDigits(images, labels, normalise=True)
    test_set = plain.PilDigits(test_images, test_labels, normalise=True)

    def work(seed: int) -> float:
        torch.manual_seed(seed)
        net = plain.ExampleNetwork()
        optimizer = torch.optim.Adadelta(net.parameters(), lr=1.0)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
        loader = DataLoader(train_set, plain.EXAMPLE_BATCH, shuffle=True)
        seconds = 0.0
        for _ in range(plain.EXAMPLE_EPOCHS):
            seconds += timed(plain.epoch, net, loader, optimizer)
            scheduler.step()
            if plain.accuracy(net, test_set) >= aim:
                return seconds
        return math.inf

    return work


def make_ours(data: Data, aim: float, network: str, recipe: Recipe) -> Callable[[int], float]:
    """`netlib.training.course.fit`; its validation is counted."""
    images, labels, test_images, test_labels = data
    everything = DigitDataset.from_arrays(images, labels)
    validation = everything.select(slice(0, VALIDATION_SIZE))
    train_set = everything.select(slice(VALIDATION_SIZE, None))
    test_set = DigitDataset.from_arrays(test_images, test_labels)

    def work(seed: int) -> float:
        config = recipe.config(seed)
        torch.manual_seed(seed)
        net = ARCHITECTURES[network]()
        seconds, reached = 0.0, math.inf

        def on_epoch(record: dict[str, float]) -> None:
            nonlocal seconds, reached
            seconds += record["seconds"]
            if math.isinf(reached) and accuracy(net, test_set) >= aim:
                reached = seconds

        fit(
            net,
            loader_of(train_set, config),
            [validation.batch(range(len(validation)))],
            config,
            loss_func=make_loss(config.loss, train_set.class_counts),
            on_epoch=on_epoch,
        )
        return reached

    return work


def accuracy(net: torch.nn.Module, dataset: DigitDataset) -> float:
    """Share of the images that `net` reads right."""
    rows = torch.arange(len(dataset)).split(1000)
    predictions = infer(net, (dataset.batch(part) for part in rows)).predictions
    return float((predictions == dataset.labels).float().mean())
