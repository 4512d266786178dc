"""Digits in memory: a data set in the course's layout, decoded once into one uint8 tensor."""

import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from PIL import Image
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler, SequentialSampler

from netlib.data.arrays import as_labels, as_tensor
from netlib.data.layout import find_split, read_table
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
        preprocess: "none" takes images as they are, "sketch" takes each through
            `picture.to_digit`, as the demo does.

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
        preprocess: str = "none",
    ) -> None:
        shape = check_input_dim(input_dim)
        table = read_table(find_split(path, split), num_classes)
        images = decode_table(table, shape, preprocess=preprocess, progress=progress)
        labels = torch.tensor(table.labels, dtype=torch.int64)
        self._fill(table.names, labels, torch.from_numpy(images), num_classes, transform)
        self.warnings += [*table.warnings, *self._oddities()]
        for warning in self.warnings:
            log.warning("%s", warning)

    @classmethod
    def from_arrays(
        cls,
        images: np.ndarray | Tensor,
        labels: ArrayLike | Tensor,
        *,
        names: Sequence[str] | None = None,
        num_classes: int = 10,
        transform: Transform | None = None,
    ) -> "DigitDataset":
        """A data set of images that are in memory already; the memory is shared.

        Args:
            images: uint8 (N, H, W) or (N, C, H, W).
            labels: N integers in 0...num_classes-1, as `arrays.as_labels` takes them.
            names: N image names; by default their positions.
            num_classes: number of classes.
            transform: as in the constructor.

        Raises:
            DataError: a shape, a type or a label does not fit.
        """
        images, labels = as_tensor(images), as_labels(labels, num_classes)
        if images.dtype != torch.uint8:
            raise DataError(f"images are {images.dtype}, but must be uint8 (0...255).")
        if images.ndim == 3:
            images = images[:, None]
        if images.ndim != 4:
            raise DataError(f"images have shape {tuple(images.shape)}, expected (N, C, H, W).")
        if len(images) == 0:
            raise DataError("there are no images: the data set is empty.")
        check_input_dim(tuple(images.shape[1:]))
        names = [str(i) for i in range(len(images))] if names is None else list(names)
        if not len(names) == len(labels) == len(images):
            counts = len(images), len(labels), len(names)
            raise DataError("{} images have {} labels and {} names.".format(*counts))
        return cls.__new__(cls)._fill(names, labels, images, num_classes, transform)

    def _fill(
        self,
        names: list[str],
        labels: Tensor,
        images: Tensor,
        num_classes: int,
        transform: Transform | None,
    ) -> "DigitDataset":
        self.names, self.labels, self.images = names, labels, images
        self.num_classes, self.transform = num_classes, transform
        self.warnings: list[str] = []
        return self

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
            rows, count = torch.as_tensor(rows), len(self)
            if rows.dtype == torch.bool:
                if len(rows) != count:
                    told = f"{many(len(rows), 'value')} for {many(count, 'image')}"
                    raise IndexError(f"the mask has {told}.")
                rows = rows.nonzero().flatten()
            rows = rows.to(torch.int64)  # an empty list has no type
            names = [self.names[row] for row in rows.tolist()]
        part = names, self.labels[rows], self.images[rows]
        return DigitDataset.__new__(DigitDataset)._fill(*part, self.num_classes, self.transform)

    def _oddities(self) -> list[str]:
        """Sentences on what is strange about the images although they can be used."""
        found = []
        blank = self.images.flatten(1).any(1).logical_not().nonzero().flatten().tolist()
        if blank:
            blanks = many(len(blank), "image is", "images are")
            found.append(f"{blanks} blank, for example {self.names[blank[0]]}.")
        dark = count_dark_on_light(self.images, 127.5)
        if 2 * dark > len(self):
            found.append(f"{dark} of {len(self)} images are {DARK_ON_LIGHT}")
        absent = [str(label) for label, count in enumerate(self.class_counts) if count == 0]
        if absent:
            found.append(f"no image has the label {' or '.join(absent)}.")
        return found

    def _transformed(self, image: Tensor) -> Tensor:
        """A uint8 image (C, H, W) as it is handed out."""
        if self.transform is not None and _takes_pictures(self.transform):
            array = image.numpy()
            array = array[0] if len(array) == 1 else array.transpose(1, 2, 0)
            return self.transform(Image.fromarray(array))
        image = image.float().div_(255)
        return image if self.transform is None else self.transform(image)


def _tensors(part: Any) -> tuple[Tensor, Tensor]:
    return part.batch(range(len(part)))


def _takes_pictures(transform: object) -> bool:
    """Whether a transform of torchvision, or a chain of them, begins with a PIL image."""
    for step in getattr(transform, "transforms", [transform]):
        name = type(step).__name__
        if name in ("ToTensor", "PILToTensor", "ToPILImage"):
            return name != "ToPILImage"
    return False
