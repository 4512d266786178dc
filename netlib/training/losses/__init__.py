"""The losses of the ablation, a file each: name -> (logits (N, C), labels (N,)) -> scalar.

The names of the files are the names of the losses, so that a list of them imports none. A file has
its `loss`, or `make(counts)`, which makes it for a training set with these images of each class,
none 0, and may have `HEAD`, the network's head where it must be another than "linear".

In the formulas n_c is the number of training images of class c. Weights of classes are scaled so
that their mean over the training images is 1.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

LOSSES = tuple(module.name for module in pkgutil.iter_modules(__path__))


class Loss(Protocol):
    """Logits (N, C) and labels (N,) -> a scalar."""

    def __call__(self, logits: "Tensor", labels: "Tensor", /) -> "Tensor": ...


def make_loss(name: str, class_counts: "Sequence[int] | Tensor") -> Loss:
    """The loss called `name`, for a training set with these images of each class.

    Raises:
        ValueError: the name is unknown, or the loss needs images of every class.
    """
    import torch

    module = _module(name)
    if hasattr(module, "loss"):
        return module.loss
    counts = torch.as_tensor(class_counts, dtype=torch.float64)
    if bool((counts == 0).any()):
        missing = torch.nonzero(counts == 0).flatten().tolist()
        raise ValueError(
            f"The loss {name} needs training images of every class; there are none of {missing}: "
            "choose another loss or add images."
        )
    return module.make(counts)


def head_for(name: str) -> str:
    """The network's head that the loss called `name` needs: "linear" or "cosine".

    Raises:
        ValueError: the name is unknown.
    """
    return getattr(_module(name), "HEAD", "linear")


def _module(name: str) -> ModuleType:
    if name not in LOSSES:
        raise ValueError(f"The loss is {name!r}; expected one of {', '.join(LOSSES)}.")
    return importlib.import_module(f"{__name__}.{name}")
