"""What one network says of the images of a data set, as `analysis.evaluate` keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.look.style import MOBILENET, STANDARD
from netlib import measure
from netlib.files import read_arrays

if TYPE_CHECKING:
    from netlib.measure import Scores

COLOURS = (STANDARD, MOBILENET)  # of the first and the second, whatever their names
MARKERS = ("o", "s")
KEPT = ("labels", "logits", "embeddings", "temperature", "class_names", "images")


@dataclass(frozen=True)
class Answers:
    """One network's answers."""

    name: str  # of the network, as readers see it
    place: int  # 0 for the first network, 1 for the second
    labels: np.ndarray  # (N,), the true classes
    logits: np.ndarray  # (N, C)
    embeddings: np.ndarray  # (N, D)
    temperature: float  # that the checkpoint's validation images chose
    class_names: tuple[str, ...]  # C
    pictures: np.ndarray  # (N, H, W) uint8
    filters: tuple[np.ndarray, ...] = ()  # (N, M, 3, 3) of each block; empty without checkpoint

    @cached_property
    def predictions(self) -> np.ndarray:
        """(N,)."""
        return self.logits.argmax(1)

    @cached_property
    def right(self) -> np.ndarray:
        """(N,) bool."""
        return self.predictions == self.labels

    @cached_property
    def scores(self) -> "Scores":
        """With the checkpoint's temperature."""
        return measure.scores(self.labels, self.logits, self.temperature)

    def probabilities(self) -> np.ndarray:
        """(N, C), with the checkpoint's temperature."""
        from scipy.special import softmax

        return softmax(self.logits.astype(float) / self.temperature, axis=1)

    @property
    def colour(self) -> str:
        return COLOURS[self.place]

    @property
    def style(self) -> dict[str, Any]:
        """Of a line in a figure."""
        return {"color": self.colour, "marker": MARKERS[self.place], "label": self.name}


def read_answers(files: Sequence[Path]) -> list[Answers]:
    """The answers in some predictions.npz of `analysis.evaluate`.

    Raises:
        ValueError: a file holds something else, or other images than the first.
        OSError: a file cannot be read.
    """
    names = by_name([file.parent / file.parent.name for file in files])
    return check(list(map(_read, files, names, range(len(files)))))


def unasked(checkpoints: Sequence[Path]) -> list[Answers]:
    """Networks that were asked nothing: only their filters are known."""
    from netlib import nets
    from netlib.answer.explain import Explainer

    nothing = np.zeros(0)
    found = []
    for place, (name, path) in enumerate(by_name(checkpoints).items()):
        filters = tuple(Explainer(nets.read_checkpoint(path)).filters())
        found.append(Answers(name, place, nothing, nothing, nothing, 1.0, (), nothing, filters))
    return check(found)


def check(found: Sequence[Answers]) -> list[Answers]:
    """The same, where they can be compared; all know the classes of the one that has most.

    Raises:
        ValueError: they are more than two, or not of the same images.
    """
    if len(found) > 2:
        raise ValueError(f"{len(found)} networks were named; expected one, or two side by side.")
    first = found[0]
    for other in found[1:]:
        if not np.array_equal(first.labels, other.labels):
            raise ValueError(
                f"{first.name} and {other.name} answered other images ({len(first.labels)} and "
                f"{len(other.labels)}, or with other labels): evaluate both on one data set."
            )
    most = max((one.class_names for one in found), key=len)
    return [replace(one, class_names=most) for one in found]


def _read(file: Path, name: str, place: int) -> Answers:
    content = read_arrays(file)
    if missing := sorted({*KEPT} - content.keys()):
        raise ValueError(f"{file} lacks {', '.join(missing)}: write it with analysis.evaluate.")
    return of(content, name, place)


def of(
    arrays: Mapping[str, Any], name: str, place: int, filters: Sequence[np.ndarray] = ()
) -> Answers:
    """The answers in arrays as `analysis.evaluate` keeps them."""
    labels, logits, embeddings, heat, names, images = (arrays[key] for key in KEPT)
    known = float(heat), tuple(names.tolist()), grey(images)
    return Answers(name, place, labels, logits, embeddings, *known, tuple(filters))


def grey(images: np.ndarray) -> np.ndarray:
    """(N, C, H, W) uint8 -> (N, H, W)."""
    return images.mean(axis=1).astype(np.uint8)


def by_name(paths: Sequence[Path]) -> dict[str, Path]:
    """By what tells the paths apart: file names, else the names of folders; else their numbers."""
    for depth in range(1, 1 + min(len(path.parts) for path in paths)):
        found = {path.with_suffix("").parts[-depth]: path for path in paths}
        if len(found) == len(paths):
            return found
    return {f"{path.stem} {i}": path for i, path in enumerate(paths, 1)}
