"""What the course's functions take, in the forms that people have: images, labels, loss, optimizer.

Everything that does not fit is told in one sentence, as a `ValueError`.
"""

import logging
import re
import warnings
from dataclasses import replace
from functools import partial
from numbers import Real
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from netlib.data.arrays import as_tensor
from netlib.nets.network import Network
from netlib.training.config import TrainConfig
from netlib.training.loop import OPTIMIZERS, MakeOptimizer, resolve_device
from netlib.training.losses import LOSSES, Loss, head_for, make_loss

logger = logging.getLogger(__name__)

FAINTEST_BYTES = 32  # numbers above 1 whose largest is below this are of no range that is usual
LARGEST_STANDARDISED = 20


def as_images(
    x: ArrayLike | Tensor,
    input_dim: tuple[int, int, int],
    normalise: str | float = "auto",
    name: str = "images",
) -> Tensor:
    """Images (N, H, W) or (N, C, H, W) as float32 (N, C, H, W) of the shape `input_dim`.

    `normalise` is that of `course.train`; `name` is the set's, for messages.
    """
    images = as_tensor(x)
    if images.dim() == 3:
        images = images.unsqueeze(1)
    if images.dim() != 4 or tuple(images.shape[1:]) != tuple(input_dim):
        raise ValueError(
            f"Images have shape {tuple(images.shape)}; expected (N, {str(tuple(input_dim))[1:]}: "
            "resize them, or build the network with their input_dim."
        )
    if images.dtype == torch.uint8 and normalise == "auto" and images.any() and images.max() > 1:
        return images.float() / 255
    images = images.float()
    if not torch.isfinite(images).all():
        raise ValueError("Images hold numbers that are not finite; expected numbers in [0, 1].")
    divisor = _divisor(images, normalise, name) if images.numel() else 1.0
    return images if divisor == 1 else images / divisor


def _divisor(images: Tensor, normalise: str | float, name: str) -> float:
    """What the images are divided by."""
    if normalise == "none":
        return 1.0
    if isinstance(normalise, Real) and normalise > 0:
        return float(normalise)
    if normalise != "auto":
        raise ValueError(f"normalise is {normalise!r}; expected auto, none or a positive number.")
    low, high = images.min().item(), images.max().item()
    if low >= 0 and high <= 1:
        return 1.0
    if low >= 0 and FAINTEST_BYTES <= high <= 255:
        logger.info("%s: images range from %g to %g and are divided by 255", name, low, high)
        return 255.0
    if low < 0 and max(-low, high) < LARGEST_STANDARDISED:
        logger.warning(
            "%s: images range from %g to %g: taken as standardised, and left as they are; test "
            "images must be made in the same way.", name, low, high,
        )  # fmt: skip
        return 1.0
    raise ValueError(
        f"Images range from {low:g} to {high:g}; expected [0, 1], [0, 255] or standardised "
        "numbers: pass normalise=, a number to divide by, or none."
    )


def choose_loss(
    loss: str | Loss | type[nn.Module], net: Network, counts: Tensor, config: TrainConfig
) -> tuple[Loss, TrainConfig]:
    """The loss that was named or given, tried on some logits, and the config that tells of it.

    `counts` (C,) has the training images of each class.
    """
    if isinstance(loss, str):  # however it is spelled: "Cross-Entropy", "CrossEntropyLoss"
        plain = {name.replace("_", ""): name for name in LOSSES}
        name = plain.get(re.sub(r"[\W_]|loss$", "", loss.strip().lower()), loss)
        found, head = head_for(name), net.spec.get("head", "linear")
        if found == "cosine" and head != found:
            raise ValueError(
                f"The loss {name} needs a network with head={found!r}, and got one with "
                f"head={head!r}: build it with init_network(..., head={found!r})."
            )
        return make_loss(name, counts), replace(config, loss=name)
    function: Any = loss() if isinstance(loss, type) and issubclass(loss, nn.Module) else loss
    if isinstance(function, nn.NLLLoss) or function is nn.functional.nll_loss:
        raise ValueError(
            "nn.NLLLoss needs log-probabilities, and the network gives logits: take "
            "nn.CrossEntropyLoss, or the name cross_entropy."
        )
    if isinstance(function, nn.Module):  # weights from NumPy are float64
        function = function.to(resolve_device(config.device), torch.float32)
    _try_loss(function, net.num_classes, resolve_device(config.device))
    return function, config


def _try_loss(loss: Loss, num_classes: int, device: torch.device) -> None:
    """Fail now, with a sentence, where the first batch would fail."""
    count = 5 if num_classes != 5 else 4
    logits = torch.zeros(count, num_classes, device=device, requires_grad=True)
    needs = (
        f"loss_func gets logits (N, {num_classes}) float32 and labels (N,) int64 and must give a "
        "scalar that depends on the logits"
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of shapes that differ: told below
            value = loss(logits, torch.arange(count, device=device) % num_classes)
    except Exception as error:  # an own function may raise anything
        first = str(error).partition("\n")[0]
        raise ValueError(
            f"{needs}, but {_title(loss)} fails ({first}): for a loss of "
            "one-hot labels, wrap it in a function, or take the name mse."
        ) from error
    if not isinstance(value, Tensor) or value.dim() or not value.requires_grad:
        got = f"{tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"{needs}, but {_title(loss)} gives {got}.")


def _title(loss: object) -> str:
    return getattr(loss, "__name__", type(loss).__name__)


def choose_optimizer(
    optimizer: str | MakeOptimizer | torch.optim.Optimizer, net: Network, config: TrainConfig
) -> tuple[torch.optim.Optimizer | None, TrainConfig]:
    """The user's own optimizer, or None where it was named, and the config that tells of it."""
    if isinstance(optimizer, str):
        return None, replace(config, optimizer=optimizer.strip().lower())  # type: ignore[arg-type]
    own: Any = optimizer
    if not isinstance(own, torch.optim.Optimizer):
        has_rate = isinstance(own, partial) and "lr" in own.keywords
        try:
            own = own(net.parameters(), **({} if has_rate else {"lr": config.learning_rate}))
        except TypeError as error:
            raise ValueError(
                f"optimizer is {optimizer!r}, which cannot be called with (parameters, lr=) "
                f"({error}); expected one of {', '.join(OPTIMIZERS)}, a class or an object of "
                "torch.optim."
            ) from error
    if not isinstance(own, torch.optim.Optimizer) or isinstance(own, torch.optim.LBFGS):
        raise ValueError(
            f"The optimizer is of the kind {type(own).__name__}; expected one of torch.optim whose "
            "step needs no closure, such as SGD or Adam."
        )
    held = {id(p) for group in own.param_groups for p in group["params"]}
    if held.isdisjoint(id(p) for p in net.parameters()):
        raise ValueError(
            "The optimizer holds no parameter of net; expected one built on net.parameters(), "
            "after the network was built."
        )
    rate = float(own.param_groups[0]["lr"])
    if rate != config.learning_rate:
        logger.warning(
            "learning_rate is %g, but the optimizer has its own rate, %g, and keeps it.",
            config.learning_rate, rate,
        )  # fmt: skip
    return own, replace(config, learning_rate=rate, schedule="constant", weight_decay=0.0)
