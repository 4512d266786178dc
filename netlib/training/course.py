"""Train and test a network: the course's functions over arrays; the loop is in `loop`."""

import logging
import os
from dataclasses import dataclass, replace

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler, TensorDataset

from netlib.data.arrays import as_labels
from netlib.data.choosing import EpochSampler
from netlib.data.pixels import DARK_ON_LIGHT, count_dark_on_light
from netlib.errors import many
from netlib.nets.checkpoint import load_network
from netlib.nets.network import Network
from netlib.nets.saved import CheckpointError
from netlib.training.arguments import as_images, choose_loss, choose_optimizer
from netlib.training.config import TrainConfig
from netlib.training.loop import Batches, MakeOptimizer, fit
from netlib.training.losses import Loss

logger = logging.getLogger(__name__)

EVALUATION_BATCH = 1000


@dataclass(frozen=True)
class Outputs:
    """What a network says of N images."""

    logits: Tensor  # (N, num_classes) float32
    embeddings: Tensor  # (N, D) float32, the input of the last layer

    @property
    def predictions(self) -> Tensor:
        """(N,) int64, the class of the largest logit."""
        return self.logits.argmax(1)


def train(
    net: Network,
    train_set_x: ArrayLike | Tensor,
    train_set_y: ArrayLike | Tensor,
    valid_set_x: ArrayLike | Tensor,
    valid_set_y: ArrayLike | Tensor,
    learning_rate: float,
    training_epochs: int,
    loss_func: str | Loss | type[nn.Module] = "cross_entropy",
    optimizer: str | MakeOptimizer | torch.optim.Optimizer = "adamw",
    config: TrainConfig | None = None,
    *,
    normalise: str | float = "auto",
) -> Network:
    """The course's training function, over arrays in memory.

    Args:
        net: the network to train, in place.
        train_set_x: images, (N, H, W) or (N, C, H, W): array, tensor or list; see `normalise`.
        train_set_y: labels (N,), integers from 0, or one-hot (N, num_classes).
        valid_set_x: as `train_set_x`; they choose the epoch that is kept.
        valid_set_y: as `train_set_y`.
        learning_rate: peak of the schedule; an optimizer that has a rate of its own keeps that.
        training_epochs: passes over the training set.
        loss_func: a name of `losses.LOSSES`, or a function or module (logits, labels) -> scalar.
        optimizer: a name of `OPTIMIZERS`; or a class, function or partial (parameters, lr=) ->
            optimizer, or an optimizer built on `net.parameters()`. What is no name keeps its own
            weight decay, and its rate is constant.
        config: everything else (batch size, augmentation, seed, ...).
        normalise: "auto" divides uint8, and numbers up to 255, by 255, and takes as they are
            numbers in [0, 1] and, with a warning, standardised ones; "none" takes any numbers as
            they are; a number divides by it.

    Returns:
        `net`, with the weights of its best validation epoch; `net.history` is that of `fit`, and
        `net.metadata` says how it was trained.

    Raises:
        ValueError: images, labels, loss or optimizer do not fit one another or the network.
        TrainingError: the loss is not finite.
    """
    images, labels = _pair("train_set", train_set_x, train_set_y, net, normalise)
    valid_images, valid_labels = _pair("valid_set", valid_set_x, valid_set_y, net, normalise)
    config = replace(
        config or TrainConfig(), learning_rate=learning_rate, training_epochs=training_epochs
    )
    counts = labels.bincount(minlength=net.num_classes)
    loss, config = choose_loss(loss_func, net, counts, config)
    own, config = choose_optimizer(optimizer, net, config)
    net.history = fit(
        net,
        _loader(images, labels, config.batch_size, seed=config.seed),
        _loader(valid_images, valid_labels, EVALUATION_BATCH),
        config,
        loss_func=loss,
        optimizer=own,
    )
    if own is not None:
        net.metadata["optimizer"] = repr(own)
    if not isinstance(loss_func, str):
        net.metadata["loss"] = repr(loss_func)
    return net


def test(
    net: Network,
    model: str | os.PathLike[str] | Network | None,
    test_set_x: ArrayLike | Tensor,
    test_set_y: ArrayLike | Tensor,
    *,
    normalise: str | float = "auto",
) -> Tensor:
    """The course's test function.

    Args:
        net: the network.
        model: whose weights `net` gets: a checkpoint's, another network's of the same
            architecture, or None for those that it has.
        test_set_x: images, as in `train`.
        test_set_y: labels, as in `train`; the accuracy against them is logged.
        normalise: as in `train`.

    Returns:
        Predictions (N,), int64.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        CheckpointError: it is of another architecture, or damaged; `net` is unchanged.
        ValueError: images and labels do not fit one another or the network, or `model` is neither.
    """
    images, labels = _pair("test_set", test_set_x, test_set_y, net, normalise)
    if model is not None and not isinstance(model, str | os.PathLike | Network):
        raise ValueError(
            f"model is a {type(model).__name__}; expected a checkpoint's path, a network or None."
        )
    source = load_network(model) if isinstance(model, str | os.PathLike) else model or net
    if source.spec != net.spec:
        title = "a network" if source is model else f"{model}, which holds"
        raise CheckpointError(
            f"model is {title} {source.spec}, and net is {net.spec}; expected the same "
            "architecture: build both with the same arguments."
        )
    if source is not net:
        net.load_state_dict(source.state_dict())
        net.metadata = source.metadata
    predictions = infer(net, _loader(images, labels, EVALUATION_BATCH)).predictions
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


def _loader(images: Tensor, labels: Tensor, batch_size: int, seed: int | None = None) -> DataLoader:
    """Batches of two tensors; shuffled where a seed is given."""
    order = range(len(labels))
    sampler = SequentialSampler(order) if seed is None else EpochSampler(len(labels), seed)
    batches = BatchSampler(sampler, batch_size, drop_last=False)
    return DataLoader(TensorDataset(images, labels), batch_size=None, sampler=batches)


def _pair(
    name: str, x: ArrayLike | Tensor, y: ArrayLike | Tensor, net: Network, normalise: str | float
) -> tuple[Tensor, Tensor]:
    if not isinstance(net, Network):
        raise ValueError(
            f"net is a {type(net).__name__}; expected a network of init_network or load_network."
        )
    images = as_images(x, net.input_dim, normalise, name)
    labels = as_labels(y, net.num_classes)
    if len(images) != len(labels) or len(images) == 0:
        raise ValueError(
            f"{name} has {many(len(images), 'image')} and {many(len(labels), 'label')}; expected "
            "as many labels as images, and at least one."
        )
    if images.min() >= 0 and 2 * (dark := count_dark_on_light(images, 0.5)) > len(images):
        logger.warning("%s: %d of %d images are %s", name, dark, len(images), DARK_ON_LIGHT)
    return images, labels
