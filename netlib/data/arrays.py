"""Numbers and labels in the forms that people have: arrays, tensors, lists."""

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from netlib.data.stores import DataError


def as_labels(y: ArrayLike | Tensor, num_classes: int) -> Tensor:
    """Labels as int64 (N,) from 0 to num_classes - 1.

    They may be integers (N,) or (N, 1), as floats, too, or one-hot (N, num_classes).
    """
    labels = as_tensor(y)
    if labels.dim() == 2 and labels.shape[1] == 1:
        labels = labels.squeeze(1)
    if labels.dim() == 2 and labels.shape[1] == num_classes and _is_one_hot(labels):
        return labels.long().argmax(1)
    whole = not labels.is_floating_point() or bool((labels == labels.round()).all())
    if labels.dim() != 1 or not whole:
        raise DataError(
            f"Labels are {labels.dtype} of shape {tuple(labels.shape)}; expected integers (N,), "
            f"or one-hot (N, {num_classes})."
        )
    if len(labels) and not (labels.min() >= 0 and labels.max() < num_classes):
        raise DataError(
            f"Labels range from {labels.min():g} to {labels.max():g}; expected 0 to "
            f"{num_classes - 1}."
        )
    return labels.long()


def _is_one_hot(labels: Tensor) -> bool:
    return bool(((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all())


def as_tensor(values: ArrayLike | Tensor) -> Tensor:
    """Numbers as a tensor on the CPU, in the same memory where torch can use that."""
    if isinstance(values, (list, tuple)) and any(isinstance(v, Tensor) for v in values):
        values = torch.stack([torch.as_tensor(v) for v in values])
    if isinstance(values, Tensor):
        return values.detach().cpu()
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"The values form no array of numbers ({error}).") from error
    if array.dtype.kind not in "buif":
        raise DataError(f"The values are {array.dtype}; expected numbers.")
    # torch takes neither read-only nor byte-swapped memory, nor negative strides, nor uint16 well.
    wide = array.dtype.kind == "u" and array.dtype.itemsize > 1
    dtype = np.dtype(np.int64) if wide else array.dtype.newbyteorder("=")
    return torch.from_numpy(np.require(array, dtype, ["C", "W"]))
