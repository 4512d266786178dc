"""Train, validation and test parts of a data set, and their loaders.

    folder or zip + CSV -> DigitDataset -> DigitData -> three DataLoaders

Images are decoded once; an epoch only reads memory.
"""

import os
from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch.utils.data import DataLoader

from netlib.data.choosing import EpochSampler, Size, split_stratified
from netlib.data.dataset import DigitDataset, Transform
from netlib.data.layout import has_split
from netlib.data.stores import DataError

__all__ = ["DataError", "DigitData", "DigitDataset"]


class DigitData:
    """Train, validation and test parts of a data set, stratified, with their loaders.

    Sizes are numbers of images (int) or fractions in (0, 1] (float). Training and validation images
    are cut from the train split and never overlap. Test images are those of the test split; where
    the data set has none, they are cut from the train split as well.

    Args:
        path: see `DigitDataset`; or what is cut into training and validation, and the test set.
        input_dim: (channels, height, width).
        num_classes: number of classes.
        batch_size: of all three loaders; the last, smaller batch is never dropped.
        train_size: None takes everything that validation and test leave.
        validation_size: images that choose the epoch, the temperature and so on.
        test_size: None takes the whole test split.
        seed: decides the split and the order of every epoch.
        weighted_sampling: draw every class equally often, with replacement.
        transform: applied to training images only.
        progress, preprocess: see `DigitDataset`.
        extra_train_sets: data sets of the same image shape whose images join the training set.

    Attributes:
        train_set, validation_set, test_set: three `DigitDataset`s.
        class_counts: images per class in the training set.

    Raises:
        DataError: the data set is bad, or cannot be split as asked.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | tuple[DigitDataset, DigitDataset],
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
        progress: bool = False,
        preprocess: str = "none",
        extra_train_sets: Sequence["DigitDataset"] = (),
    ) -> None:
        self.batch_size = batch_size
        test: DigitDataset | None
        if isinstance(path, tuple):
            train, test = path
        else:
            read = partial(
                DigitDataset,
                path,
                input_dim=input_dim,
                num_classes=num_classes,
                progress=progress,
                preprocess=preprocess,
            )
            train, test = read("train"), read("test") if has_split(path, "test") else None
        sizes: dict[str, Size | None] = {"validation": validation_size, "train": train_size}
        if test is None:
            if test_size is None:
                raise DataError(f"{path} has no test split; give test_size to cut it from train.")
            sizes = {"test": test_size, **sizes}
        elif test_size is not None:
            test = _cut(test, {"test": test_size}, seed)["test"]
        parts = _cut(train, sizes, seed)
        self.train_set, self.validation_set = parts["train"], parts["validation"]
        self.test_set = parts["test"] if test is None else test
        if extra_train_sets:
            self.train_set = _join([self.train_set, *extra_train_sets])
        self.train_set.transform = transform
        counts, weights = self.class_counts, None
        if weighted_sampling:
            weights = [1 / counts[label] for label in self.train_set.labels.tolist()]
        self.sampler = EpochSampler(len(self.train_set), seed, weights)

    @property
    def class_counts(self) -> list[int]:
        """Number of training images of each class."""
        return self.train_set.class_counts

    def train_loader(self, epoch: int | None = None) -> DataLoader:
        """Batches of shuffled training images; `epoch` resumes at that epoch's order."""
        if epoch is not None:
            self.sampler.set_epoch(epoch)
        return self.train_set.loader(self.batch_size, self.sampler)

    def validation_loader(self) -> DataLoader:
        """Batches of the validation images, every one once, in a fixed order."""
        return self.validation_set.loader(self.batch_size)

    def test_loader(self) -> DataLoader:
        """Batches of the test images, every one once, in a fixed order."""
        return self.test_set.loader(self.batch_size)


def _cut(
    dataset: DigitDataset, sizes: Mapping[str, Size | None], seed: int
) -> dict[str, DigitDataset]:
    """Disjoint parts of a data set."""
    rows = split_stratified(dataset.labels.numpy(), sizes, seed)
    return {name: dataset.select(part) for name, part in rows.items()}


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
