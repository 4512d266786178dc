"""Which images go where: stratified parts of a data set, and the order of every epoch."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from torch.utils.data import Sampler

from netlib.data.stores import DataError
from netlib.errors import many

Size = int | float  # an int counts images, a float in (0, 1] is a fraction


class EpochSampler(Sampler[int]):
    """Orders whose every epoch is a function of (seed, epoch) alone.

    No state passes from one epoch to the next, and no device takes part, so an interrupted training
    continues with the very order it would have had. Each pass over the sampler is one epoch.

    Args:
        num_samples: size of the data set.
        seed: any non-negative integer.
        weights: None for a permutation; else N non-negative numbers, and every epoch draws N
            samples with replacement in proportion to them.
    """

    def __init__(self, num_samples: int, seed: int, weights: Sequence[float] | None = None) -> None:
        self.num_samples = num_samples
        self.seed = seed
        self.epoch = 0
        self._shares = None if weights is None else np.asarray(weights) / np.sum(weights)

    def set_epoch(self, epoch: int) -> None:
        """The next pass is this epoch's."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, self.epoch])
        self.epoch += 1
        if self._shares is None:
            return iter(rng.permutation(self.num_samples).tolist())
        return iter(rng.choice(self.num_samples, self.num_samples, p=self._shares).tolist())

    def __len__(self) -> int:
        return self.num_samples


def split_stratified(
    labels: np.ndarray, sizes: Mapping[str, Size | None], seed: int
) -> dict[str, np.ndarray]:
    """Cuts rows into disjoint parts in which every class has its share.

    Args:
        labels: (N,) integers.
        sizes: part -> number of rows (int), fraction of N (float in (0, 1]) or None for all that
            the others leave (at most one part).
        seed: decides which rows go where.

    Returns:
        part -> row numbers, ascending. Each part holds each class in proportion to its share of all
        rows (largest remainders), and at least once.

    Raises:
        DataError: the sizes do not fit, or a class has too few images to be in every part.
    """
    wanted = {n: _count(n, size, len(labels)) for n, size in sizes.items() if size is not None}
    if sum(wanted.values()) > len(labels):
        asked = " and ".join(f"{count} {name}" for name, count in wanted.items())
        raise DataError(f"{asked} images are asked for, but there are only {len(labels)}.")
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < len(sizes):
        few = int(counts.argmin())
        raise DataError(
            f"class {classes[few]} has {many(int(counts[few]), 'image')}, too few to split: each "
            f"of {', '.join(sizes)} needs at least one."
        )
    rng = np.random.default_rng([seed, 0, 1])  # apart from the streams of the epochs' orders
    queues = [rng.permutation(np.flatnonzero(labels == label)) for label in classes]
    parts: dict[str, np.ndarray] = {}
    for place, (name, count) in enumerate(wanted.items(), start=1):
        # Every part that is still to come, the one that takes the rest too, needs one of each.
        limits = np.array([len(queue) for queue in queues]) - (len(sizes) - place)
        taken = _allot(name, count, counts, limits)
        parts[name] = np.concatenate([q[:k] for q, k in zip(queues, taken, strict=True)])
        queues = [q[k:] for q, k in zip(queues, taken, strict=True)]
    return {name: np.sort(parts.get(name, np.concatenate(queues))) for name in sizes}


def some_stratified(labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    """At most so many row numbers, ascending, of each class its share; see `split_stratified`."""
    if len(labels) <= most:
        return np.arange(len(labels))
    return split_stratified(labels, {"chosen": most}, seed)["chosen"]


def _count(name: str, size: Size, available: int) -> int:
    """Number of images that `size` means."""
    if isinstance(size, float):
        if not 0 < size <= 1:
            raise DataError(f"{name}_size is {size}, but a fraction must lie in (0, 1].")
        return max(1, int(size * available + 1e-9))  # 0.29 * 100 is 28.999999999999996
    if size < 1:
        raise DataError(f"{name}_size is {size}, but must be at least one image.")
    return size


def _allot(name: str, count: int, counts: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Shares `count` out over the classes in proportion to `counts`, within 1...limits."""
    quotas = count * counts / counts.sum()
    taken = np.clip(np.floor(quotas).astype(np.int64), 1, limits)
    while (missing := count - taken.sum()) != 0:
        step = np.sign(missing)
        free = taken < limits if step > 0 else taken > 1
        if not free.any():
            least, most = len(counts), limits.sum()
            raise DataError(
                f"{name}_size is {many(count, 'image')}, but with every class in every part "
                f"it can only be {least} to {most}."
            )
        taken[np.argmax(np.where(free, step * (quotas - taken), -np.inf))] += step
    return taken
