"""Train and test a network: one loop, used by everything.

`fit` is the loop; `train` and `test` are the course's functions over arrays.
"""

import logging
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader
from tqdm import tqdm

from netlib.augment import augment
from netlib.checkpoint import load_weights
from netlib.config import TrainConfig
from netlib.losses import Loss, make_loss
from netlib.network import Network

logger = logging.getLogger(__name__)

Batches = Iterable[tuple[Tensor, Tensor]]
History = list[dict[str, float]]
MakeOptimizer = Callable[..., torch.optim.Optimizer]

OPTIMIZERS: dict[str, MakeOptimizer] = {
    "sgd": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, nesterov=True),
    "adam": lambda p, lr: torch.optim.Adam(p, lr=lr),
    "adamw": lambda p, lr: torch.optim.AdamW(p, lr=lr),
    "rmsprop": lambda p, lr: torch.optim.RMSprop(p, lr=lr),
    "adadelta": lambda p, lr: torch.optim.Adadelta(p, lr=lr),
}
EVALUATION_BATCH = 1000


class TrainingError(RuntimeError):
    """Training cannot go on; the message says why and what to change."""


@dataclass(frozen=True)
class Outputs:
    """What a network says of N images.

    Attributes:
        logits: (N, num_classes) float32.
        embeddings: (N, D) float32, the input of the last layer.
    """

    logits: Tensor
    embeddings: Tensor

    @property
    def predictions(self) -> Tensor:
        """(N,) int64, the class of the largest logit."""
        return self.logits.argmax(1)


def fit(
    net: Network,
    train_loader: DataLoader,
    validation_loader: Batches,
    config: TrainConfig,
    *,
    loss_func: Loss,
    make_optimizer: MakeOptimizer | None = None,
    state_path: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = False,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> History:
    """Train `net` in place; it ends with the weights of the best validation epoch.

    The best epoch has the highest validation accuracy, then the lowest validation loss. With the
    same config, data and machine the result is the same, also after an interruption and a resume.

    Args:
        net: the network; its weights are the start.
        train_loader: batches (images (N, C, H, W) in [0, 1], labels (N,)). Its sampler's
            `set_epoch(e)` is called before epoch e, where it has one.
        validation_loader: batches that choose the epoch.
        config: how to train.
        loss_func: (logits, labels) -> scalar.
        make_optimizer: (parameter groups, lr=) -> optimizer, in place of `config.optimizer`.
        state_path: file that holds the whole state after each epoch, for `resume`; removed at the
            end.
        resume: go on from `state_path` if it exists.
        progress: show a bar.
        on_epoch: called with each epoch's record.

    Returns:
        One record an epoch: epoch (from 1), learning_rate at its end, train_loss and
        train_accuracy (running, over augmented images), validation_loss (cross entropy),
        validation_accuracy, seconds. Accuracies are fractions.

    Raises:
        TrainingError: the loss is not finite, or the state file belongs to another run.
    """
    run = _Run(net, config, len(train_loader), make_optimizer or OPTIMIZERS[config.optimizer])
    if resume and state_path is not None and Path(state_path).exists():
        run.load(Path(state_path))
    while not run.finished:
        epoch = len(run.history)
        started = time.perf_counter()
        bar = tqdm(
            train_loader,
            desc=f"epoch {epoch + 1}/{config.training_epochs}",
            disable=not progress,
            leave=False,
        )
        set_epoch = getattr(getattr(train_loader, "sampler", None), "set_epoch", None)
        if set_epoch is not None:
            set_epoch(epoch)
        train_loss, train_accuracy = run.train_epoch(bar, epoch, loss_func)
        validation_loss, validation_accuracy = run.validate(validation_loader)
        run.record(
            {
                "epoch": epoch + 1,
                "learning_rate": float(run.scheduler.get_last_lr()[0]),
                "train_loss": train_loss,
                "train_accuracy": train_accuracy,
                "validation_loss": validation_loss,
                "validation_accuracy": validation_accuracy,
                "seconds": time.perf_counter() - started,
            }
        )
        if state_path is not None:
            run.save(Path(state_path))
        if on_epoch is not None:
            on_epoch(run.history[-1])
    net.load_state_dict(run.best_weights)
    net.to("cpu").to(memory_format=torch.contiguous_format)
    net.eval()
    if state_path is not None:
        Path(state_path).unlink(missing_ok=True)
    return run.history


class _Run:
    """The state of one training run: what a resume must restore."""

    def __init__(
        self, net: Network, config: TrainConfig, steps: int, make_optimizer: MakeOptimizer
    ) -> None:
        self.config = config
        self.steps = steps
        self.device = resolve_device(config.device)
        self.memory_format = (
            torch.channels_last if config.channels_last else torch.contiguous_format
        )
        self.net = net.to(self.device).to(memory_format=self.memory_format)
        self.average = (
            AveragedModel(net, multi_avg_fn=_ema(config.ema), use_buffers=True)
            if config.ema
            else None
        )
        self.optimizer = make_optimizer(_parameter_groups(net, config), lr=config.learning_rate)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, _schedule(config, steps * config.training_epochs)
        )
        self.history: History = []
        self.best_epoch = -1
        self.best_weights: dict[str, Tensor] = {}

    @property
    def finished(self) -> bool:
        waited = len(self.history) - 1 - self.best_epoch
        stopped_early = 0 < self.config.patience <= waited and bool(self.history)
        return len(self.history) >= self.config.training_epochs or stopped_early

    @property
    def evaluated(self) -> nn.Module:
        """The network that is validated: the average where there is one."""
        return self.average.module if self.average is not None else self.net

    def autocast(self) -> AbstractContextManager:
        if self.config.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def train_epoch(self, batches: Batches, epoch: int, loss_func: Loss) -> tuple[float, float]:
        generator = torch.Generator(self.device)
        generator.manual_seed(_mix(self.config.seed, epoch))
        self.net.train()
        total_loss = torch.zeros((), device=self.device, dtype=torch.float64)
        total_right = torch.zeros((), device=self.device, dtype=torch.int64)
        count = 0
        for step, (images, labels) in enumerate(batches):
            images = images.to(self.device, non_blocking=True)
            labels = labels.to(self.device, non_blocking=True)
            images = augment(images, self.config.augment, generator)
            images = images.contiguous(memory_format=self.memory_format)
            with self.autocast():
                logits = self.net(images)
            logits = logits.float()
            loss = loss_func(logits, labels)
            if not torch.isfinite(loss):
                raise TrainingError(
                    f"The loss is {loss.item()} in epoch {epoch + 1}, step {step + 1}; expected "
                    f"a finite number: lower the learning rate ({self.config.learning_rate})."
                )
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            if self.average is not None:
                self.average.update_parameters(self.net)
            total_loss += loss.detach() * len(labels)
            total_right += (logits.argmax(1) == labels).sum()
            count += len(labels)
        return total_loss.item() / count, total_right.item() / count

    def validate(self, batches: Batches) -> tuple[float, float]:
        loss, right, count = 0.0, 0, 0
        net = self.evaluated.eval()
        with torch.inference_mode():
            for images, labels in batches:
                images = images.to(self.device).contiguous(memory_format=self.memory_format)
                logits, labels = net(images), labels.to(self.device)
                loss += F.cross_entropy(logits, labels, reduction="sum").item()
                right += int((logits.argmax(1) == labels).sum())
                count += len(labels)
        return loss / count, right / count

    def record(self, row: dict[str, float]) -> None:
        self.history.append(row)

        def score(r: dict[str, float]) -> tuple[float, float]:
            return r["validation_accuracy"], -r["validation_loss"]

        if self.best_epoch < 0 or score(row) > score(self.history[self.best_epoch]):
            self.best_epoch = len(self.history) - 1
            weights = self.evaluated.state_dict()
            self.best_weights = {name: t.detach().clone() for name, t in weights.items()}

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "spec": self.net.spec,
            "config": self.config.to_dict(),
            "net": self.net.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "history": self.history,
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
        }
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                torch.save(state, file)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def load(self, path: Path) -> None:
        try:
            state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
            steps_taken, epochs = state["scheduler"]["last_epoch"], len(state["history"])
            found = {"spec": state["spec"], "config": state["config"]}
        except Exception as error:  # torch raises many kinds for a damaged file
            raise TrainingError(
                f"{path} is no readable training state ({type(error).__name__}); delete it to "
                "begin anew."
            ) from error
        found["number of steps"] = steps_taken
        expected = {
            "spec": self.net.spec,
            "config": self.config.to_dict(),
            "number of steps": epochs * self.steps,  # differs with another number of images
        }
        for name, value in expected.items():
            if found[name] != value:
                raise TrainingError(
                    f"{path} belongs to another run: its {name} is {found[name]}, expected "
                    f"{value}. Resume with the same data and options, or delete the file."
                )
        self.net.load_state_dict(state["net"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.history, self.best_epoch = state["history"], state["best_epoch"]
        self.best_weights = state["best_weights"]


def train(
    net: Network,
    train_set_x: ArrayLike | Tensor,
    train_set_y: ArrayLike | Tensor,
    valid_set_x: ArrayLike | Tensor,
    valid_set_y: ArrayLike | Tensor,
    learning_rate: float,
    training_epochs: int,
    loss_func: str | Loss = "cross_entropy",
    optimizer: str | MakeOptimizer = "adamw",
    config: TrainConfig | None = None,
) -> tuple[Network, History]:
    """The course's training function, over arrays in memory.

    Args:
        net: the network to train, in place.
        train_set_x: images, (N, H, W) or (N, C, H, W); uint8, or floats in [0, 1].
        train_set_y: labels (N,), integers from 0.
        valid_set_x: as `train_set_x`; they choose the epoch that is kept.
        valid_set_y: as `train_set_y`.
        learning_rate: peak of the schedule.
        training_epochs: passes over the training set.
        loss_func: a name of `netlib.losses.LOSSES`, or a function (logits, labels) -> scalar.
        optimizer: a name of `OPTIMIZERS`, or a function (parameter groups, lr=) -> optimizer, as
            the classes of `torch.optim` are.
        config: everything else (batch size, augmentation, seed, ...).

    Returns:
        The network, with the weights of its best validation epoch, and the history of `fit`.

    Raises:
        ValueError: images and labels do not fit one another or the network.
        TrainingError: the loss is not finite.
    """
    named = {"optimizer": optimizer} if isinstance(optimizer, str) else {}
    if isinstance(loss_func, str):
        named["loss"] = loss_func
    config = replace(
        config or TrainConfig(),
        learning_rate=learning_rate,
        training_epochs=training_epochs,
        **named,  # type: ignore[arg-type]
    )
    images, labels = as_images(train_set_x, net), as_labels(train_set_y, net)
    valid_images, valid_labels = as_images(valid_set_x, net), as_labels(valid_set_y, net)
    _check_pair("train_set", images, labels)
    _check_pair("valid_set", valid_images, valid_labels)
    if isinstance(loss_func, str):
        loss_func = make_loss(loss_func, labels.bincount(minlength=net.num_classes))
    loader = _ArrayLoader(images, labels, config.batch_size, seed=config.seed)
    history = fit(
        net,
        loader,  # type: ignore[arg-type]
        _ArrayLoader(valid_images, valid_labels, EVALUATION_BATCH),
        config,
        loss_func=loss_func,
        make_optimizer=None if isinstance(optimizer, str) else optimizer,
    )
    return net, history


def test(
    net: Network,
    model: str | os.PathLike[str] | None,
    test_set_x: ArrayLike | Tensor,
    test_set_y: ArrayLike | Tensor,
) -> Tensor:
    """The course's test function.

    Args:
        net: the network.
        model: checkpoint to load into `net`, or None to use the weights that it has.
        test_set_x: images, (N, H, W) or (N, C, H, W); uint8, or floats in [0, 1].
        test_set_y: labels (N,); the accuracy against them is logged.

    Returns:
        Predictions (N,), int64.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        CheckpointError: it is of another architecture, or damaged.
        ValueError: images and labels do not fit one another or the network.
    """
    images, labels = as_images(test_set_x, net), as_labels(test_set_y, net)
    _check_pair("test_set", images, labels)
    if model is not None:
        load_weights(net, model)
    predictions = infer(net, _ArrayLoader(images, labels, EVALUATION_BATCH)).predictions
    logger.info("accuracy %.4f on %d images", (predictions == labels).float().mean(), len(labels))
    return predictions


def infer(net: Network, batches: Batches) -> Outputs:
    """Run `net` in evaluation mode over all batches, on the device where it lies.

    Returns:
        Logits and embeddings of every image in the batches' order, on the CPU.
    """
    device = next(net.parameters()).device
    net.eval()
    embeddings, logits = [], []
    with torch.inference_mode():
        for images, _ in batches:
            features = net.forward_features(
                images.to(device).contiguous(memory_format=torch.channels_last)
            )
            embeddings.append(features.cpu())
            logits.append(net.forward_head(features).cpu())
    return Outputs(torch.cat(logits), torch.cat(embeddings))


def resolve_device(name: str) -> torch.device:
    """The device called `name`; "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        ValueError: the name is unknown or the device is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device is {name!r}, which cannot be used here ({str(error).splitlines()[0]}); "
            "expected auto, cpu, cuda or mps."
        ) from error
    return device


def seed_everything(seed: int) -> None:
    """Seed the generators that choose a network's first weights."""
    np.random.seed(seed)  # noqa: NPY002 - libraries that use the global generator
    torch.manual_seed(seed)


def as_images(x: ArrayLike | Tensor, net: Network) -> Tensor:
    """Images as float32 (N, C, H, W) in [0, 1] that fit `net`.

    Raises:
        ValueError: another shape, type or range.
    """
    images = torch.as_tensor(np.asarray(x) if not isinstance(x, Tensor) else x)
    if images.dim() == 3:
        images = images.unsqueeze(1)
    if images.dim() != 4 or tuple(images.shape[1:]) != net.input_dim:
        raise ValueError(
            f"Images have shape {tuple(images.shape)}; expected (N, *{net.input_dim}): resize "
            "them, or build the network with their input_dim."
        )
    if images.dtype == torch.uint8:
        return images.float() / 255
    if not images.is_floating_point():
        raise ValueError(f"Images are {images.dtype}; expected uint8, or floats in [0, 1].")
    if images.numel() and not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(
            f"Images range from {images.min():g} to {images.max():g}; expected [0, 1]: divide "
            "8-bit images by 255."
        )
    return images.float()


def as_labels(y: ArrayLike | Tensor, net: Network) -> Tensor:
    """Labels as int64 (N,) from 0 to num_classes - 1.

    Raises:
        ValueError: another shape, type or range.
    """
    labels = torch.as_tensor(np.asarray(y) if not isinstance(y, Tensor) else y)
    if labels.dim() != 1 or labels.is_floating_point():
        raise ValueError(
            f"Labels are {labels.dtype} of shape {tuple(labels.shape)}; expected integers (N,)."
        )
    if len(labels) and not (labels.min() >= 0 and labels.max() < net.num_classes):
        raise ValueError(
            f"Labels range from {labels.min()} to {labels.max()}; expected 0 to "
            f"{net.num_classes - 1}."
        )
    return labels.long()


class _Shuffle:
    """Order of epoch e: a function of (seed, e) alone."""

    def __init__(self, count: int, seed: int | None) -> None:
        self.count, self.seed, self.epoch = count, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def order(self) -> Tensor:
        if self.seed is None:
            return torch.arange(self.count)
        generator = torch.Generator().manual_seed(_mix(self.seed, self.epoch))
        return torch.randperm(self.count, generator=generator)


class _ArrayLoader:
    """Batches of two tensors; shuffled where a seed is given."""

    def __init__(
        self, images: Tensor, labels: Tensor, batch_size: int, seed: int | None = None
    ) -> None:
        self.images, self.labels, self.batch_size = images, labels, batch_size
        self.sampler = _Shuffle(len(labels), seed)

    def __len__(self) -> int:
        return math.ceil(len(self.labels) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for index in self.sampler.order().split(self.batch_size):
            yield self.images[index], self.labels[index]


def _check_pair(name: str, images: Tensor, labels: Tensor) -> None:
    if len(images) != len(labels) or len(images) == 0:
        raise ValueError(
            f"{name} has {len(images)} images and {len(labels)} labels; expected as many labels "
            "as images, and at least one."
        )


def _parameter_groups(net: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    decayed: Sequence[Tensor] = [p for p in net.parameters() if p.dim() > 1]
    others: Sequence[Tensor] = [p for p in net.parameters() if p.dim() <= 1]
    return [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def _schedule(config: TrainConfig, total_steps: int) -> Callable[[int], float]:
    """Share of the peak learning rate at a step, counted from 0."""
    if config.schedule == "constant":
        return lambda step: 1.0
    warmup = config.warmup * total_steps if config.schedule == "onecycle" else 0.0

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / (total_steps - warmup))))

    return factor


def _ema(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], int | Tensor], None]:
    """Exponential moving average whose decay rises to `decay`, so that it forgets the start."""

    def update(averages: Sequence[Tensor], values: Sequence[Tensor], updates: int | Tensor) -> None:
        count = int(updates)
        share = 1 - min(decay, (1 + count) / (10 + count))
        for average, value in zip(averages, values, strict=True):
            if average.is_floating_point():
                average.lerp_(value, share)
            else:  # batch norm's counter
                average.copy_(value)

    return update


def _mix(seed: int, epoch: int) -> int:
    """One 63-bit seed from two numbers, with no simple pattern between epochs or seeds."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(2, np.uint32) @ [1 << 31, 1])
