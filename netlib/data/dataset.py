"""Digits in memory: a data set in the course's layout, decoded once into one uint8 tensor."""

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler, SequentialSampler

from netlib.data import image_cache
from netlib.data.image_cache import Decoded
from netlib.data.layout import Part, find_split, read_table
from netlib.data.pixels import (
    DARK_ON_LIGHT,
    InputDim,
    check_input_dim,
    count_dark_on_light,
    decode_table,
)
from netlib.data.stores import DataError
from netlib.errors import many

log = logging.getLogger(__name__)

Transform = Callable[[Any], Tensor]
_CACHE_VERSION = 3  # raise it whenever decoding changes what comes out


class DigitDataset(Dataset[tuple[Tensor, int]]):
    """Digits and their labels from an image folder + CSV, or the same inside a zip.

    Args:
        path: a folder or a zip with an image folder and a CSV for each split, see `layout`.
        split: "train" or "test".
        input_dim: (channels, height, width); 1 channel gives grey, 3 RGB; other sizes are resized.
        num_classes: labels must lie in 0...num_classes-1.
        transform: maps a float image (C, H, W) in [0, 1] to the image that is handed out; one
            that begins with torchvision's `ToTensor`, or contains it, gets a PIL image.
        progress: show a bar while decoding.
        cache_dir: where decoded images are kept between starts; None keeps nothing.
        preprocess: "none" takes images as they are, "sketch" takes each through
            `picture.to_digit`, as the demo does (and is never cached).

    Attributes:
        images: uint8 (N, C, H, W).
        labels: int64 (N,).
        names: N image names.
        warnings: sentences about things that do not stop the data from being used; also logged.

    Raises:
        DataError: the data set cannot be used as it is.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        split: str = "train",
        *,
        input_dim: Sequence[int] = (1, 28, 28),
        num_classes: int = 10,
        transform: Transform | None = None,
        progress: bool = False,
        cache_dir: str | os.PathLike[str] | None = None,
        preprocess: str = "none",
    ) -> None:
        shape = check_input_dim(input_dim)
        if preprocess != "none":
            cache_dir = None
        decoded = _decode(
            find_split(path, split),
            shape,
            num_classes,
            preprocess=preprocess,
            progress=progress,
            cache_dir=None if cache_dir is None else Path(cache_dir),
        )
        for warning in decoded.warnings:
            log.warning("%s", warning)
        self._fill(decoded, num_classes, transform)

    @classmethod
    def from_arrays(
        cls,
        images: np.ndarray | Tensor,
        labels: np.ndarray | Tensor | Sequence[int],
        *,
        names: Sequence[str] | None = None,
        num_classes: int = 10,
        transform: Transform | None = None,
    ) -> "DigitDataset":
        """A data set of images that are in memory already; the memory is shared.

        Args:
            images: uint8 (N, H, W) or (N, C, H, W).
            labels: N integers in 0...num_classes-1.
            names: N image names; by default their positions.
            num_classes: number of classes.
            transform: as in the constructor.

        Raises:
            DataError: a shape, a type or a label does not fit.
        """
        images, labels = _tensor(images), _tensor(labels)
        if images.dtype != torch.uint8:
            raise DataError(f"images are {images.dtype}, but must be uint8 (0...255).")
        if images.ndim == 3:
            images = images[:, None]
        if images.ndim != 4:
            raise DataError(f"images have shape {tuple(images.shape)}, expected (N, C, H, W).")
        if len(images) == 0:
            raise DataError("there are no images: the data set is empty.")
        check_input_dim(tuple(images.shape[1:]))
        _check_labels(labels, len(images), num_classes)
        names = [str(i) for i in range(len(images))] if names is None else list(names)
        if len(names) != len(images):
            raise DataError(f"the images are {len(images)}, their names {len(names)}.")
        dataset = cls.__new__(cls)
        dataset._fill(Decoded(names, [], labels.to(torch.int64), images), num_classes, transform)
        return dataset

    def _fill(self, decoded: Decoded, num_classes: int, transform: Transform | None) -> None:
        self.names, self.warnings, self.labels, self.images = decoded
        self.num_classes, self.transform = num_classes, transform

    @property
    def input_dim(self) -> InputDim:
        """(channels, height, width) of every image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    @property
    def class_counts(self) -> list[int]:
        """Number of images of each class."""
        return torch.bincount(self.labels, minlength=self.num_classes).tolist()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Any) -> Any:
        """The image at `index` and its label; of a slice, list or mask a smaller data set."""
        if isinstance(index, (slice, list, range)) or getattr(index, "ndim", 0) == 1:
            return self.select(index)
        return self._transformed(self.images[index]), int(self.labels[index])

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
        """Images and labels fetched at once; `DataLoader` calls it where it exists."""
        return list(zip(*self.batch(indices), strict=True))

    def loader(self, batch_size: int, sampler: Sampler[int] | None = None) -> DataLoader:
        """Batches of float images and labels, each fetched whole; in order without a sampler."""
        batches = BatchSampler(sampler or SequentialSampler(self), batch_size, drop_last=False)
        return DataLoader(self, batch_size=None, sampler=batches, collate_fn=_tensors)

    def batch(self, indices: Sequence[int] | Tensor) -> tuple[Tensor, Tensor]:
        """Float images (B, C, H, W) in [0, 1], transformed, and int64 labels (B,)."""
        rows = torch.as_tensor(indices, dtype=torch.int64)
        if self.transform is None:
            return self.images[rows].float().div_(255), self.labels[rows]
        images = torch.stack([self._transformed(self.images[row]) for row in rows.tolist()])
        return images, self.labels[rows]

    def select(self, rows: slice | Sequence[int] | np.ndarray | Tensor) -> "DigitDataset":
        """Some of the images. A slice shares this data set's memory, rows or a mask copy.

        Raises:
            IndexError: a row is not there, or a mask has another length.
        """
        if isinstance(rows, slice) and (rows.step or 1) < 0:
            rows = range(len(self))[rows]
        if isinstance(rows, slice):
            names = self.names[rows]
        else:
            rows = _rows(rows, len(self))
            names = [self.names[row] for row in rows.tolist()]
        part = DigitDataset.__new__(DigitDataset)
        decoded = Decoded(names, [], self.labels[rows], self.images[rows])
        part._fill(decoded, self.num_classes, self.transform)
        return part

    def _transformed(self, image: Tensor) -> Tensor:
        """A uint8 image (C, H, W) as it is handed out."""
        if self.transform is None:
            return image.float().div_(255)
        if _takes_pictures(self.transform):
            array = image.numpy()
            array = array[0] if len(array) == 1 else array.transpose(1, 2, 0)
            return self.transform(Image.fromarray(array))
        return self.transform(image.float().div_(255))


def _tensors(part: Any) -> tuple[Tensor, Tensor]:
    return part.batch(range(len(part)))


def _rows(rows: Sequence[int] | np.ndarray | Tensor, count: int) -> Tensor:
    """Row numbers, from row numbers or a mask."""
    found = torch.as_tensor(rows)
    if found.dtype != torch.bool:
        return found.to(torch.int64)
    if len(found) != count:
        raise IndexError(f"the mask has {many(len(found), 'value')} for {many(count, 'image')}.")
    return found.nonzero().flatten()


def _takes_pictures(transform: object) -> bool:
    """Whether a transform of torchvision, or a chain of them, begins with a PIL image."""
    for step in getattr(transform, "transforms", [transform]):
        name = type(step).__name__
        if name in ("ToTensor", "PILToTensor", "ToPILImage"):
            return name != "ToPILImage"
    return False


def _check_labels(labels: Tensor, count: int, num_classes: int) -> None:
    if labels.shape != (count,):
        raise DataError(f"labels have shape {tuple(labels.shape)}, expected ({count},).")
    if labels.is_floating_point() or labels.is_complex():
        raise DataError(f"labels are {labels.dtype}, but must be integers.")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise DataError(
            f"labels range from {low} to {high}, but must lie in 0...{num_classes - 1}."
        )


def _decode(
    part: Part,
    input_dim: InputDim,
    num_classes: int,
    *,
    preprocess: str,
    progress: bool,
    cache_dir: Path | None,
) -> Decoded:
    """The decoded split, from the cache if there is one and it has it."""
    if cache_dir is not None:
        parts = [_CACHE_VERSION, part.table.where, part.split, input_dim, num_classes]
        parts += [part.fingerprint()]
        key = hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
        path = cache_dir / f"images-{key}.npz"
        if cached := image_cache.load(path):
            return cached
    table = read_table(part, num_classes)
    images = torch.from_numpy(
        decode_table(table, input_dim, preprocess=preprocess, progress=progress)
    )
    labels = torch.tensor(table.labels, dtype=torch.int64)
    warnings = [*table.warnings, *_oddities(images, labels, table.names, num_classes)]
    decoded = Decoded(table.names, warnings, labels, images)
    if cache_dir is not None:
        image_cache.store(path, decoded)
    return decoded


def _oddities(images: Tensor, labels: Tensor, names: list[str], num_classes: int) -> list[str]:
    """What is strange about a data set that can be used nevertheless, in sentences."""
    found = []
    blank = images.flatten(1).any(1).logical_not().nonzero().flatten().tolist()
    if blank:
        blanks = many(len(blank), "image is", "images are")
        found.append(f"{blanks} blank, for example {names[blank[0]]}.")
    absent = (torch.bincount(labels, minlength=num_classes) == 0).nonzero().flatten().tolist()
    dark = count_dark_on_light(images, 127.5)
    if 2 * dark > len(images):
        found.append(f"{dark} of {len(images)} images are {DARK_ON_LIGHT}")
    if absent:
        found.append(f"no image has the label {' or '.join(map(str, absent))}.")
    return found


def _tensor(values: np.ndarray | Tensor | Sequence[int]) -> Tensor:
    """The values as a tensor, in the same memory unless that is read-only."""
    if isinstance(values, np.ndarray):
        values = np.require(values, requirements="W")
    return torch.as_tensor(values)
