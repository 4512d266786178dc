"""Train and test a network: the course's functions over arrays; the loop is in `loop`."""

import logging
import os
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler, TensorDataset

from netlib.data.choosing import EpochSampler
from netlib.nets.checkpoint import load_weights
from netlib.nets.network import Network
from netlib.training.config import TrainConfig
from netlib.training.loop import (
    OPTIMIZERS,
    Batches,
    MakeOptimizer,
    TrainingError,
    fit,
    resolve_device,
    seed_everything,
)
from netlib.training.losses import Loss, make_loss

__all__ = [
    "OPTIMIZERS",
    "Outputs",
    "TrainingError",
    "fit",
    "infer",
    "resolve_device",
    "seed_everything",
    "test",
    "train",
]

logger = logging.getLogger(__name__)

EVALUATION_BATCH = 1000


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
) -> Network:
    """The course's training function, over arrays in memory.

    Args:
        net: the network to train, in place.
        train_set_x: images, (N, H, W) or (N, C, H, W); uint8, or floats in [0, 1].
        train_set_y: labels (N,), integers from 0.
        valid_set_x: as `train_set_x`; they choose the epoch that is kept.
        valid_set_y: as `train_set_y`.
        learning_rate: peak of the schedule.
        training_epochs: passes over the training set.
        loss_func: a name of `losses.LOSSES`, or a function (logits, labels) -> scalar.
        optimizer: a name of `OPTIMIZERS`, or a function (parameter groups, lr=) -> optimizer, as
            the classes of `torch.optim` are.
        config: everything else (batch size, augmentation, seed, ...).

    Returns:
        `net`, with the weights of its best validation epoch; `net.history` is that of `fit`, and
        `net.metadata` says how it was trained.

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
    loader = _loader(images, labels, config.batch_size, seed=config.seed)
    net.history = fit(
        net,
        loader,
        _loader(valid_images, valid_labels, EVALUATION_BATCH),
        config,
        loss_func=loss_func,
        make_optimizer=None if isinstance(optimizer, str) else optimizer,
    )
    net.metadata = {"config": config.to_dict()}
    return net


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


def _loader(images: Tensor, labels: Tensor, batch_size: int, seed: int | None = None) -> DataLoader:
    """Batches of two tensors; shuffled where a seed is given."""
    order = range(len(labels))
    sampler = SequentialSampler(order) if seed is None else EpochSampler(len(labels), seed)
    batches = BatchSampler(sampler, batch_size, drop_last=False)
    return DataLoader(TensorDataset(images, labels), batch_size=None, sampler=batches)


def _check_pair(name: str, images: Tensor, labels: Tensor) -> None:
    if len(images) != len(labels) or len(images) == 0:
        raise ValueError(
            f"{name} has {len(images)} images and {len(labels)} labels; expected as many labels "
            "as images, and at least one."
        )
