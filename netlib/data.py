"""Digits in memory: a data set in the course's layout, and its train, validation and test parts.

    folder or zip + CSV -> DigitDataset -> DigitData -> three DataLoaders

Images are decoded once, into one uint8 tensor; an epoch only reads memory.
"""

import hashlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from netlib import image_cache
from netlib.decode import InputDim, check_input_dim, decode_table
from netlib.image_cache import Decoded
from netlib.layout import fingerprint, has_split, open_store, read_table
from netlib.sampling import EpochSampler, Size, split_stratified
from netlib.stores import MAX_BYTES, DataError

__all__ = ["Batch", "DataError", "DigitData", "DigitDataset"]

log = logging.getLogger(__name__)

Transform = Callable[[Tensor], Tensor]
_CACHE_VERSION = 1  # raise it whenever decoding changes what comes out


class Batch(Sequence[tuple[Tensor, int]]):
    """Samples fetched together.

    A sequence of (image, label), as any collate function expects, that also keeps the two stacked
    tensors, so that `DigitDataset.collate` need not stack them again.

    Attributes:
        images: float32 (B, C, H, W) in [0, 1].
        labels: int64 (B,).
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Batch(self.images[index], self.labels[index])
        return self.images[index], int(self.labels[index])


class DigitDataset(Dataset[tuple[Tensor, int]]):
    """Digits and their labels from an image folder + CSV, or the same inside a zip.

    Args:
        path: a folder with `train_new/` + `train_new.csv` or `train/` + `train.csv` (test likewise)
            or with `train.zip`, `test.zip`; or a zip with that layout.
        split: "train" or "test".
        input_dim: (channels, height, width); 1 channel gives grey, 3 RGB; other sizes are resized.
        num_classes: labels must lie in 0...num_classes-1.
        transform: maps a float image (C, H, W) in [0, 1] to the image that is handed out.
        progress: show a bar while decoding.
        max_bytes: the most that a zip may inflate to.
        cache_dir: where decoded images are kept between starts; None keeps nothing.
        preprocess: "none" takes images as they are, "sketch" takes each through
            `sketch.to_digit`, as the demo does (and is never cached).

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
        max_bytes: int = MAX_BYTES,
        cache_dir: str | os.PathLike[str] | None = None,
        preprocess: str = "none",
    ) -> None:
        shape = check_input_dim(input_dim)
        if preprocess != "none":
            cache_dir = None
        decoded = _decode(
            path, split, shape, num_classes, progress, max_bytes, cache_dir, preprocess
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
        images, labels = torch.as_tensor(images), torch.as_tensor(labels)
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
            raise DataError(f"there are {len(names)} names for {len(images)} images.")
        dataset = cls.__new__(cls)
        decoded = Decoded(images, labels.to(torch.int64), names)
        dataset._fill(decoded, num_classes, transform)
        return dataset

    def _fill(self, decoded: Decoded, num_classes: int, transform: Transform | None) -> None:
        self.images = decoded.images
        self.labels = decoded.labels
        self.names = decoded.names
        self.warnings = decoded.warnings
        self.num_classes = num_classes
        self.transform = transform

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

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.images[index].float().div_(255)
        return self._transformed(image), int(self.labels[index])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Fetches a whole batch at once; `DataLoader` calls it where it exists."""
        return Batch(*self.batch(indices))

    def batch(self, indices: Sequence[int] | Tensor) -> tuple[Tensor, Tensor]:
        """Float images (B, C, H, W) in [0, 1], transformed, and int64 labels (B,)."""
        rows = torch.as_tensor(indices, dtype=torch.int64)
        images = self.images[rows].float().div_(255)
        if self.transform is not None:
            images = torch.stack([self.transform(image) for image in images])
        return images, self.labels[rows]

    @staticmethod
    def collate(batch: Any) -> tuple[Tensor, Tensor]:
        """The `collate_fn` for a `DataLoader`: hands on the two tensors of a `Batch`."""
        return batch.images, batch.labels

    def select(self, rows: slice | Sequence[int] | Tensor) -> "DigitDataset":
        """Some of the images. A slice shares this data set's memory, a list of rows copies."""
        rows = rows if isinstance(rows, slice) else torch.as_tensor(rows, dtype=torch.int64)
        names = (
            self.names[rows]
            if isinstance(rows, slice)
            else [self.names[row] for row in rows.tolist()]
        )
        part = DigitDataset.__new__(DigitDataset)
        decoded = Decoded(self.images[rows], self.labels[rows], names)
        part._fill(decoded, self.num_classes, self.transform)
        return part

    def _transformed(self, image: Tensor) -> Tensor:
        return image if self.transform is None else self.transform(image)


class DigitData:
    """Train, validation and test parts of a data set, stratified, with their loaders.

    Sizes are numbers of images (int) or fractions in (0, 1] (float). Training and validation images
    are cut from the train split and never overlap. Test images are those of the test split; where
    the data set has none, they are cut from the train split as well.

    Args:
        path: see `DigitDataset`.
        input_dim: (channels, height, width).
        num_classes: number of classes.
        batch_size: of all three loaders; the last, smaller batch is never dropped.
        train_size: None takes everything that validation and test leave.
        validation_size: images that choose the epoch, the temperature and so on.
        test_size: None takes the whole test split.
        seed: decides the split and the order of every epoch.
        weighted_sampling: draw every class equally often, with replacement.
        transform: applied to training images only.
        num_workers: of the loaders; 0 is fastest, since batches are cut from memory.
        progress, max_bytes, cache_dir, preprocess: see `DigitDataset`.
        extra_train_sets: data sets of the same image shape whose images join the training set.

    Attributes:
        train_set, validation_set, test_set: three `DigitDataset`s.
        class_counts: images per class in the training set.

    Raises:
        DataError: the data set is bad, or cannot be split as asked.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        input_dim: Sequence[int] = (1, 28, 28),
        num_classes: int = 10,
        batch_size: int = 128,
        train_size: Size | None = None,
        validation_size: Size = 0.1,
        test_size: Size | None = None,
        seed: int = 0,
        weighted_sampling: bool = False,
        transform: Transform | None = None,
        num_workers: int = 0,
        progress: bool = False,
        max_bytes: int = MAX_BYTES,
        cache_dir: str | os.PathLike[str] | None = None,
        preprocess: str = "none",
        extra_train_sets: Sequence["DigitDataset"] = (),
    ) -> None:
        self.batch_size = batch_size
        self.num_workers = num_workers

        def read(split: str) -> DigitDataset:
            return DigitDataset(
                path,
                split,
                input_dim=input_dim,
                num_classes=num_classes,
                progress=progress,
                max_bytes=max_bytes,
                cache_dir=cache_dir,
                preprocess=preprocess,
            )

        train = read("train")
        sizes: dict[str, Size | None] = {"validation": validation_size, "train": train_size}
        if has_split(path, "test", max_bytes):
            self.test_set = _part(read("test"), "test", test_size, seed)
        elif test_size is None:
            raise DataError(f"{path} has no test split; give test_size to cut it from train.")
        else:
            sizes = {"test": test_size, **sizes}
        parts = _cut(train, sizes, seed)
        self.train_set, self.validation_set = parts["train"], parts["validation"]
        if "test" in parts:
            self.test_set = parts["test"]
        if extra_train_sets:
            self.train_set = _join([self.train_set, *extra_train_sets])
        self.train_set.transform = transform
        self.sampler = EpochSampler(
            len(self.train_set), seed, self._weights() if weighted_sampling else None
        )

    @property
    def class_counts(self) -> list[int]:
        """Number of training images of each class."""
        return self.train_set.class_counts

    def train_loader(self, epoch: int | None = None) -> DataLoader:
        """Batches of shuffled training images; `epoch` resumes at that epoch's order."""
        if epoch is not None:
            self.sampler.set_epoch(epoch)
        return self._loader(self.train_set, self.sampler)

    def validation_loader(self) -> DataLoader:
        """Batches of the validation images, every one once, in a fixed order."""
        return self._loader(self.validation_set)

    def test_loader(self) -> DataLoader:
        """Batches of the test images, every one once, in a fixed order."""
        return self._loader(self.test_set)

    def _loader(self, dataset: DigitDataset, sampler: Sampler[int] | None = None) -> DataLoader:
        return DataLoader(
            dataset,
            self.batch_size,
            sampler=sampler,
            num_workers=self.num_workers,
            collate_fn=DigitDataset.collate,
        )

    def _weights(self) -> list[float]:
        counts = self.class_counts
        return [1 / counts[label] for label in self.train_set.labels.tolist()]


def _cut(
    dataset: DigitDataset, sizes: Mapping[str, Size | None], seed: int
) -> dict[str, DigitDataset]:
    """Disjoint parts of a data set: views of one reordered copy of its images."""
    rows = split_stratified(dataset.labels.numpy(), sizes, seed)
    ordered = dataset.select(torch.from_numpy(np.concatenate(list(rows.values()))))
    ends = np.cumsum([len(part) for part in rows.values()]).tolist()
    starts = [0, *ends[:-1]]
    return {
        name: ordered.select(slice(start, end))
        for name, start, end in zip(rows, starts, ends, strict=True)
    }


def _join(datasets: Sequence[DigitDataset]) -> DigitDataset:
    """One data set of all the images, in order."""
    shapes = {dataset.input_dim for dataset in datasets}
    if len(shapes) > 1:
        raise DataError(f"the training sets have images of {sorted(shapes)}; expected one shape.")
    return DigitDataset.from_arrays(
        torch.cat([dataset.images for dataset in datasets]),
        torch.cat([dataset.labels for dataset in datasets]),
        names=[name for dataset in datasets for name in dataset.names],
        num_classes=datasets[0].num_classes,
    )


def _part(dataset: DigitDataset, name: str, size: Size | None, seed: int) -> DigitDataset:
    if size is None:
        return dataset
    rows = split_stratified(dataset.labels.numpy(), {name: size}, seed)[name]
    return dataset if len(rows) == len(dataset) else dataset.select(torch.from_numpy(rows))


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
    path: str | os.PathLike[str],
    split: str,
    input_dim: InputDim,
    num_classes: int,
    progress: bool,
    max_bytes: int,
    cache_dir: str | os.PathLike[str] | None,
    preprocess: str,
) -> Decoded:
    """The decoded split, from the cache if there is one and it has it."""
    store = open_store(path, split, max_bytes)
    if cache_dir is not None:
        parts = [_CACHE_VERSION, split, input_dim, num_classes, fingerprint(store, split).hex()]
        key = hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
        cached = image_cache.load(Path(cache_dir), key)
        if cached is not None:
            return cached
    table = read_table(store, split, num_classes)
    images = torch.from_numpy(
        decode_table(table, input_dim, preprocess=preprocess, progress=progress)
    )
    labels = torch.tensor(table.labels, dtype=torch.int64)
    blank = images.flatten(1).any(1).logical_not().nonzero().flatten().tolist()
    warnings = list(table.warnings)
    if blank:
        example = table.names[blank[0]]
        warnings.append(f"{len(blank)} images are blank, for example {example}.")
    decoded = Decoded(images, labels, table.names, warnings)
    if cache_dir is not None:
        image_cache.store(Path(cache_dir), key, decoded)
    return decoded
