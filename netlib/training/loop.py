"""The training loop, used by everything: epochs, schedule, averaged weights, best epoch, resume."""

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader
from tqdm import tqdm

from netlib.errors import WorkError
from netlib.files import replacing
from netlib.nets.checkpoint import load_network
from netlib.nets.network import Network
from netlib.training.allocator import keep_freed_memory
from netlib.training.augment import augment
from netlib.training.config import TrainConfig
from netlib.training.distillation import soft_cross_entropy, softened
from netlib.training.losses import Loss
from netlib.training.precision import choose_precision

Batches = Iterable[tuple[Tensor, Tensor]]
History = list[dict[str, float]]
MakeOptimizer = Callable[..., torch.optim.Optimizer]

OPTIMIZERS: dict[str, MakeOptimizer] = {
    "sgd": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adadelta": torch.optim.Adadelta,
}


class TrainingError(WorkError):
    """Training cannot go on; the message says why and what to change."""


def fit(
    net: Network,
    train_loader: DataLoader,
    validation_loader: Batches,
    config: TrainConfig,
    *,
    loss_func: Loss,
    optimizer: torch.optim.Optimizer | None = None,
    state_path: str | os.PathLike[str] | None = None,
    resume: bool = False,
    identity: str = "",
    progress: bool = False,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
    keep: Literal["best", "last"] = "best",
) -> History:
    """Train `net` in place; it ends with the weights of the best validation epoch.

    The best epoch has the highest validation accuracy, then the lowest validation loss. With the
    same config, data and machine the result is the same, also after an interruption and a resume.

    Args:
        net: the network; its weights are the start.
        train_loader: batches (images (N, C, H, W) in [0, 1], labels (N,) or targets (N, C) for
            a loss that takes them). Its `set_epoch(e)`, or its sampler's, is called before epoch
            e, where it has one.
        validation_loader: batches that choose the epoch.
        config: how to train.
        loss_func: (logits, labels) -> scalar. Its `set_progress(share of the epochs that are
            over)` is called before each epoch, where it has one.
        optimizer: in place of `config.optimizer`, built on parameters of `net`; it keeps its own
            weight decay, and its rate is the peak of the schedule.
        state_path: file that holds the whole state after each epoch, for `resume`; the caller
            removes it once the result is safe.
        resume: go on from `state_path` if it exists.
        identity: anything that tells this run's data from another's; a resume compares it.
        progress: show a bar.
        on_epoch: called with each epoch's record.
        keep: "last" takes the last epoch's weights, where validation does not see all that counts.

    Returns:
        One record an epoch: epoch (from 1), learning_rate at its end, train_loss and
        train_accuracy (running, over augmented images), validation_loss (cross entropy),
        validation_accuracy, seconds. Accuracies are fractions. `net.metadata["config"]` is the
        config, with the precision that was chosen.

    Raises:
        TrainingError: the loss is not finite, or the state file belongs to another run.
    """
    run = _Run(net, config, len(train_loader), optimizer, identity, keep)
    state = None if state_path is None else Path(state_path)
    if resume and state is not None and state.exists():
        run.load(state)
    while not run.finished:
        epoch = len(run.history)
        started = time.perf_counter()
        bar = tqdm(
            train_loader,
            desc=f"epoch {epoch + 1}/{config.training_epochs}",
            disable=not progress,
            leave=False,
        )
        told: Any = train_loader  # and its sampler, and the one inside its batch sampler
        while told is not None:
            if hasattr(told, "set_epoch"):
                told.set_epoch(epoch)
            told = getattr(told, "sampler", None)
        if hasattr(loss_func, "set_progress"):
            loss_func.set_progress(epoch / config.training_epochs)
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
        if state is not None:
            run.save(state)
        if on_epoch is not None:
            on_epoch(run.history[-1])
    net.load_state_dict(run.best_weights)
    net.to("cpu").to(memory_format=torch.contiguous_format)
    net.eval()
    net.metadata = {"config": asdict(run.config)}
    return run.history


class _Run:
    """The state of one training run: what a resume must restore."""

    def __init__(
        self,
        net: Network,
        config: TrainConfig,
        steps: int,
        optimizer: torch.optim.Optimizer | None,
        identity: str,
        keep: Literal["best", "last"],
    ) -> None:
        self.config = config
        self.keep = keep
        self.identity = identity
        self.steps = steps
        self.device = resolve_device(config.device)
        if self.device.type == "cpu":
            keep_freed_memory()
        self.memory_format = (
            torch.channels_last if config.channels_last else torch.contiguous_format
        )
        self.net = net.to(self.device).to(memory_format=self.memory_format)
        self.is_free = config.precision == "auto"
        if self.is_free:
            self.config = replace(config, precision=choose_precision(net, self.device))
        self.average: AveragedModel | None = None
        if config.ema:
            self.average = AveragedModel(net, multi_avg_fn=self._average_in, use_buffers=True)
        self.teachers = [self._teacher(path) for path in config.teachers]
        self.optimizer = optimizer or OPTIMIZERS[config.optimizer](
            _parameter_groups(net, config), lr=config.learning_rate
        )
        for group in self.optimizer.param_groups:  # not what an earlier schedule began with
            group["initial_lr"] = group["lr"]
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, _schedule(config, steps * config.training_epochs)
        )
        self.history: History = []
        self.best_epoch = -1
        self.best_weights: dict[str, Tensor] = {}

    def _teacher(self, path: str) -> Network:
        teacher = load_network(path)
        for name in ("input_dim", "num_classes"):
            if (got := getattr(teacher, name)) != (expected := getattr(self.net, name)):
                raise ValueError(
                    f"The teacher {path} has {name} {got}; expected {expected}, as the network's."
                )
        return teacher.to(self.device).to(memory_format=self.memory_format)

    def _average_in(
        self, averages: Sequence[Tensor], values: Sequence[Tensor], _: int | Tensor
    ) -> None:
        """One step of the average; tensors come grouped by kind.

        The count of steps is asked of the average, which keeps it on the CPU: the one that is
        passed lies on the device, and a look at it would wait for the device.
        """
        assert self.average is not None
        updates = int(self.average.n_averaged)
        # It rises, so that it forgets the start: TensorFlow's `num_updates` ramp.
        share = 1 - min(self.config.ema, (1 + updates) / (10 + updates))
        if averages[0].is_floating_point():
            torch._foreach_lerp_(list(averages), list(values), share)
        else:  # batch norm's counter
            torch._foreach_copy_(list(averages), list(values))

    @property
    def finished(self) -> bool:
        waited = len(self.history) - 1 - self.best_epoch
        stopped_early = 0 < self.config.patience <= waited
        return stopped_early or len(self.history) >= self.config.training_epochs

    @property
    def evaluated(self) -> nn.Module:
        """The network that is validated: the average where there is one."""
        return self.average.module if self.average is not None else self.net

    def train_epoch(self, batches: Batches, epoch: int, loss_func: Loss) -> tuple[float, float]:
        # One 63-bit seed from two numbers, with no simple pattern between epochs or seeds
        state = np.random.SeedSequence([self.config.seed, epoch]).generate_state(2, np.uint32)
        generator = torch.Generator(self.device).manual_seed(int(state @ [1 << 31, 1]))
        self.net.train()
        half = self.config.precision == "bfloat16"
        total_loss = torch.zeros((), device=self.device, dtype=torch.float64)
        total_right = torch.zeros((), device=self.device, dtype=torch.int64)
        count = 0
        for step, (images, labels) in enumerate(batches):
            if len(labels) == 1:  # batch norm has no variance over one image: it sits out
                self.scheduler.step()
                continue
            images = images.to(self.device, non_blocking=True)
            labels = labels.to(self.device, non_blocking=True)
            if epoch < self.config.training_epochs - self.config.clean_epochs:
                images = augment(images, self.config.augment, generator)
            images = images.contiguous(memory_format=self.memory_format)
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half):
                logits = self.net(images)
                said = softened(self.teachers, images) if self.teachers else None
            logits = logits.float()
            if said is None:
                loss = loss_func(logits, labels)
            else:
                loss = soft_cross_entropy(logits, said).mean()
            if self.device.type == "cpu":  # elsewhere every look at a number stalls the device
                self._check_finite(loss, f"epoch {epoch + 1}, step {step + 1}")
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            if self.average is not None:
                self.average.update_parameters(self.net)
            total_loss += loss.detach() * len(labels)
            classes = labels if labels.dim() == 1 else labels.argmax(1)
            total_right += (logits.argmax(1) == classes).sum()
            count += len(labels)
        if not count:
            raise TrainingError(
                "No batch has two training images, which batch norm needs: give more of them."
            )
        self._check_finite(total_loss, f"epoch {epoch + 1}")
        return total_loss.item() / count, total_right.item() / count

    def _check_finite(self, loss: Tensor, where: str) -> None:
        if not torch.isfinite(loss):
            raise TrainingError(
                f"The loss is {loss.item()} in {where}; expected a finite number: lower the "
                f"learning rate ({self.config.learning_rate})."
            )

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

        wanted = self.keep == "last" or self.best_epoch < 0
        if wanted or score(row) > score(self.history[self.best_epoch]):
            self.best_epoch = len(self.history) - 1
            weights = self.evaluated.state_dict()
            self.best_weights = {name: t.detach().clone() for name, t in weights.items()}

    def facts(self) -> dict[str, Any]:
        """What a run that goes on must have in common with its state file."""
        return {"spec": self.net.spec, "config": asdict(self.config), "data": self.identity}

    def save(self, path: Path) -> None:
        state = {
            **self.facts(),
            "net": self.net.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "history": self.history,
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
        }
        with replacing(path) as temporary:
            torch.save(state, temporary)

    def load(self, path: Path) -> None:
        try:
            state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
            found = {name: state[name] for name in self.facts()}
            found["number of steps"] = state["scheduler"]["last_epoch"]
            epochs, precision = len(state["history"]), found["config"]["precision"]
        except Exception as error:  # torch raises many kinds for a damaged file
            raise TrainingError(
                f"{path} is no readable training state ({type(error).__name__}); delete it to "
                "begin anew."
            ) from error
        if self.is_free:  # it goes on as it began
            self.config = replace(self.config, precision=precision)
        # Steps differ with another number of images.
        for name, value in {**self.facts(), "number of steps": epochs * self.steps}.items():
            if found[name] != value:
                told = ", ".join(_differences(name, found[name], value))
                raise TrainingError(
                    f"{path} belongs to another run: its {told}. Resume with the same data and "
                    "options, or delete the file."
                )
        self.net.load_state_dict(state["net"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.history, self.best_epoch = state["history"], state["best_epoch"]
        self.best_weights = state["best_weights"]


def _differences(name: str, found: Any, expected: Any) -> Iterator[str]:
    """What of a state file is not as expected, field by field."""
    if name == "data":  # a digest, which tells nobody anything
        yield "training images are others, or drawn otherwise"
    elif isinstance(found, dict) and isinstance(expected, dict):
        for field in {**found, **expected}:
            if found.get(field) != expected.get(field):
                yield from _differences(field, found.get(field), expected.get(field))
    else:
        yield f"{name} is {found}, expected {expected}"


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


def _parameter_groups(net: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    kept = {
        id(module.weight)
        for module in net.modules()
        if isinstance(module, nn.Conv2d) and module.groups > 1 and not config.decay_depthwise
    }
    decayed: Sequence[Tensor] = [p for p in net.parameters() if p.dim() > 1 and id(p) not in kept]
    others: Sequence[Tensor] = [p for p in net.parameters() if p.dim() <= 1 or id(p) in kept]
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
