"""Other people's data sets become the course's layout, with the same images and labels."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from helpers_data import done, idx, numbered, png, table, write_folder, write_zip

from netlib.data import DigitDataset
from netlib.data.imports import IMPORTS
from netlib.data.stores import DataError

IMAGES = np.stack(numbered(24))
LABELS = np.arange(24) % 2 + 3


def folders() -> dict[str, bytes]:
    return {f"{k}/{i:02d}.png": png(IMAGES[i]) for i, k in enumerate(LABELS)}


def images_and_csv() -> dict[str, bytes]:
    names = [f"{i:02d}.png" for i in range(24)]
    images = {f"pictures/{name}": png(IMAGES[i]) for i, name in enumerate(names)}
    return {**images, "labels.csv": table(names, LABELS.tolist())}


def pixel_rows(labels: bool = True, header: bool = True) -> bytes:
    rows = ["label,"[: 6 * labels] + ",".join(f"pixel{i}" for i in range(784))] if header else []
    for image, label in zip(IMAGES, LABELS, strict=True):
        rows.append(f"{label},"[: 2 * labels] + ",".join(map(str, image.ravel())))
    return "\n".join(rows).encode()


KINDS = {
    "imagefolder": folders(),
    "csv": images_and_csv(),
    "kaggle": {"train.csv": pixel_rows(), "test.csv": pixel_rows(labels=False)},
    "idx": {
        "train-images-idx3-ubyte.gz": gzip.compress(idx(IMAGES)),
        "train-labels-idx1-ubyte": idx(LABELS),
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_data_set_is_imported_with_every_image_and_its_label(tmp_path: Path, kind: str) -> None:
    path, output = write_folder(tmp_path / "theirs", KINDS[kind]), tmp_path / "ours"
    done("prepare_data", "--source", kind, "--path", path, "--output", output)
    train, test = DigitDataset(output), DigitDataset(output, "test")
    assert (len(train), len(test)) == (20, 4)  # a sixth of each class
    first = [*train.images[:, 0, 0, 0].tolist(), *test.images[:, 0, 0, 0].tolist()]
    labels = [*train.labels.tolist(), *test.labels.tolist()]
    assert dict(zip(first, labels, strict=True)) == dict(enumerate(LABELS.tolist(), start=1))


def test_splits_of_the_data_set_s_own_are_kept(tmp_path: Path) -> None:
    files = {
        f"{s}/{name}": data for s in ("training", "testing") for name, data in folders().items()
    }
    source = IMPORTS["imagefolder"](write_zip(tmp_path / "a.zip", files), 0)
    assert {name: len(split.labels) for name, split in source.splits.items()} == {
        "train": 24, "test": 24,
    }  # fmt: skip
    both = {"mnist_train.csv": pixel_rows(header=False), "mnist_test.csv": pixel_rows()}
    source = IMPORTS["kaggle"](write_folder(tmp_path / "b", both), 0)
    assert np.array_equal(source.splits["test"].images, IMAGES)
    assert np.array_equal(source.splits["train"].labels, LABELS)


@pytest.mark.parametrize(
    "kind, files, sentence",
    [
        ("imagefolder", {"cats/1.png": png(IMAGES[0])}, "expected a folder for each digit"),
        ("imagefolder", {"readme.txt": b""}, "no image in a folder for each digit"),
        ("kaggle", {"train.csv": b"label,a,b\n1,2,3\n"}, "the pixels of a square image"),
        ("kaggle", {"train.csv": b"label,a,b,c,d\n1,2,3,4,999\n"}, r"beyond 0\.\.\.255"),
        ("kaggle", {"train.csv": b"label,a\n1,2\n1,2,3\n"}, r"CSV of pixels: [^\n]*saw 3\.$"),
        ("kaggle", {"train.csv": b"label,a,b,c,d\nx,2,3,4,9\n"}, "expected integers 0 to 9"),
        ("idx", {"train-images-idx3-ubyte": idx(IMAGES)}, "both are needed"),
        ("idx", {"train-images-idx3-ubyte": b"?", "train-labels-idx1-ubyte": b"?"}, "no IDX file"),
        ("idx", {"notes.txt": b""}, "no training images for --source idx"),
        ("csv", {"notes.txt": b""}, "no train split"),
    ],
)
def test_what_cannot_be_imported_is_told(tmp_path: Path, kind, files, sentence) -> None:
    with pytest.raises(DataError, match=sentence):
        IMPORTS[kind](write_folder(tmp_path, files), 0)


def test_an_import_needs_its_path(tmp_path: Path, refused) -> None:
    sentence = refused("prepare_data", "--source", "idx", "--output", tmp_path / "o")
    assert "--source idx needs --path" in sentence
