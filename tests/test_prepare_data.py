"""prepare_data: what it writes, what it records, and what it refuses."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers_data import done, pen_file

from analysis.frame.command import start
from netlib.data import export, sources
from netlib.data.loaders import DigitDataset
from netlib.data.sources import Source, Split
from netlib.data.stores import DataError

TRAIN = np.repeat(np.arange(10), 20)
TEST = np.repeat(np.arange(10), 2)


def pixels(labels: np.ndarray, start: int) -> np.ndarray:
    """Images that all differ: image i is filled with start + i."""
    values = start + np.arange(len(labels), dtype=np.uint8)
    return np.broadcast_to(values[:, None, None], (len(labels), 28, 28))


@pytest.fixture(autouse=True)
def small_source(monkeypatch) -> None:
    """In place of the packaged digits: 20 training and 2 test images of each class."""
    splits = {"train": Split(pixels(TRAIN, 1), TRAIN), "test": Split(pixels(TEST, 201), TEST)}

    def packaged(seed: int) -> Source:
        return Source("packaged", splits, {"licence": "none", "split_seed": seed})

    monkeypatch.setattr(sources, "packaged", packaged)


def prepare(output: Path, *options: str) -> dict:
    """Runs the command; returns record.json."""
    done("prepare_data", "--source", "packaged", "--output", output, *options)
    return json.loads((output / "record.json").read_text())


@pytest.fixture
def refusal(refused) -> Callable[..., str]:
    return lambda output, *options: refused(
        "prepare_data", "--source", "packaged", "--output", output, *options
    )


# --- What is written ----------------------------------------------------------------------------


def test_the_layout_is_written_and_named_and_reads_back_exactly(tmp_path: Path, capsys) -> None:
    (tmp_path / "out").mkdir()  # an empty folder is used
    prepare(tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["record.json", "test_new", "test_new.csv", "train_new", "train_new.csv"]
    train, test = (DigitDataset(tmp_path / "out", split) for split in ("train", "test"))
    assert np.array_equal(train.images[:, 0].numpy(), pixels(TRAIN, 1))
    assert np.array_equal(test.images[:, 0].numpy(), pixels(TEST, 201))
    assert train.labels.tolist() == TRAIN.tolist() and test.labels.tolist() == TEST.tolist()
    assert train.warnings == test.warnings == []
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "200 training images (none), 20 test images"
    assert lines[1:] == [str(path) for path in sorted((tmp_path / "out").iterdir())]


def test_the_same_command_writes_the_same_bytes_and_zips_hold_what_folders_do(
    tmp_path: Path,
) -> None:
    options = ["--imbalance", "step"]
    for name in ("folder", "again"):
        prepare(tmp_path / name, *options)
        prepare(tmp_path / f"{name} zipped", *options, "--zip")
    names = [path.name for path in sorted((tmp_path / "folder zipped").iterdir())]
    assert names == ["record.json", "test.zip", "train.zip"]
    for first, second in (("folder", "again"), ("folder zipped", "again zipped")):
        for path in (tmp_path / first).rglob("*.*"):
            if path.name != "record.json":
                other = tmp_path / second / path.relative_to(tmp_path / first)
                assert path.read_bytes() == other.read_bytes()
    for split in ("train", "test"):
        plain, zipped = (DigitDataset(tmp_path / n, split) for n in ("folder", "folder zipped"))
        assert np.array_equal(plain.images, zipped.images)
        assert plain.names == zipped.names and plain.labels.tolist() == zipped.labels.tolist()


# --- Imbalance, record and pen strokes ------------------------------------------------------------


def test_exp_profile_is_written_in_the_rotated_class_order(tmp_path: Path) -> None:
    """20 * 10 ** (-rank / 9), rounded down: 20 15 11 9 7 5 4 3 2 2; digit 7 comes first."""
    options = ["--imbalance", "exp", "--ratio", "10", "--n-max", "20", "--rotation", "7"]
    record = prepare(tmp_path / "out", *options)
    assert DigitDataset(tmp_path / "out").class_counts == [9, 7, 5, 4, 3, 2, 2, 20, 15, 11]
    assert DigitDataset(tmp_path / "out", "test").class_counts == [2] * 10
    order, sizes = [7, 8, 9, 0, 1, 2, 3, 4, 5, 6], [20, 15, 11, 9, 7, 5, 4, 3, 2, 2]
    profile = {"imbalance": "exp", "ratio": 10.0, "n_max": 20, "rotation": 7}
    profile |= {"class_order": order, "sizes_in_class_order": sizes}
    assert record["profile"] == profile


def test_without_n_max_none_keeps_every_image_and_the_others_what_every_class_has(
    tmp_path: Path,
) -> None:
    prepare(tmp_path / "none")
    prepare(tmp_path / "step", "--imbalance", "step", "--ratio", "4")
    assert DigitDataset(tmp_path / "none").class_counts == [20] * 10
    assert DigitDataset(tmp_path / "step").class_counts == [20] * 5 + [5] * 5
    assert prepare(tmp_path / "even", "--n-max", "6")["profile"]["ratio"] == 1.0
    assert DigitDataset(tmp_path / "even").class_counts == [6] * 10


def test_record_says_what_was_made_and_how(tmp_path: Path) -> None:
    record = prepare(tmp_path / "out", "--seed", "3", "--imbalance", "step", "--ratio", "4")
    assert record["source"] == "packaged" and record["seed"] == record["split_seed"] == 3
    assert record["licence"] == "none"
    assert record["command"].startswith("python -m analysis.prepare_data --source packaged")
    assert record["command"].endswith("--imbalance step --ratio 4.0 --seed 3")
    assert set(record["versions"]) == {"python", "numpy", "pillow"}
    assert record["splits"]["train"]["images"] == 125
    assert record["splits"]["train"]["class_counts"] == [20] * 5 + [5] * 5
    assert record["splits"]["test"]["images"] == 20
    text = (tmp_path / "out" / "record.json").read_text()
    assert '"class_order": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]' in text  # easy to read
    table = (tmp_path / "out" / "train_new.csv").read_bytes()
    assert record["splits"]["train"]["csv_sha256"] == hashlib.sha256(table).hexdigest()


def test_pen_strokes_are_written_as_pad_pictures_with_their_writers(tmp_path: Path) -> None:
    path = pen_file(tmp_path / "pen", writers=4, each=10)
    options = ["--unipen", path, "--test-writers", 1, "--seed", 2, "--pen", 9, 9]
    done("prepare_data", "--source", "unipen", "--output", tmp_path / "out", *options)
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert record["pad"] == {"size": 280, "pens": [9, 9], "extents": [0.35, 0.9], "tilt": 0}
    (test_writer,) = record["writers"]["test"]
    rows = (tmp_path / "out" / "test_new.csv").read_text().splitlines()
    assert rows[0] == "image,label,writer"
    assert [row.split(",")[1:] for row in rows[1:]] == [
        [str(label), str(test_writer)] for label in range(10)
    ]
    pads = DigitDataset(tmp_path / "out", "train", input_dim=(1, 280, 280))
    assert len(pads) == 30 and pads.images.float().mean() > 200
    digits = DigitDataset(tmp_path / "out", "train", preprocess="sketch")
    assert digits.images.shape == (30, 1, 28, 28) and digits.images.float().mean() < 100


# --- Refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--imbalance", "exp", "--n-max", "21"], "21 images of class 0 asked for"),
        (["--imbalance", "exp", "--ratio", "0.1"], "at least 1"),
        (["--imbalance", "some"], "--imbalance"),
        (["--seed", "-1"], "seed"),
        (["--source", "unipen"], "needs --unipen FILE"),
    ],
)
def test_what_cannot_be_made_is_told(tmp_path: Path, refusal, options, sentence: str) -> None:
    assert sentence in refusal(tmp_path / "out", *options)
    assert not list(tmp_path.iterdir())


def test_neither_files_nor_a_source_that_fails_are_replaced(tmp_path: Path, refusal) -> None:
    root, output = tmp_path / "empty", tmp_path / "out"
    root.mkdir()
    options = ["--source", "mnist", "--mnist-root", str(root)]
    assert "holds no MNIST" in refusal(output, *options)
    assert not output.exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    assert "out is not an empty folder; choose another" in refusal(tmp_path / "out", *options)
    assert "expected a folder" in refusal(tmp_path / "out" / "thesis.txt")
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["thesis.txt"]
    assert "which is a file" in refusal(tmp_path / "out" / "thesis.txt" / "below")


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path, monkeypatch, error) -> None:
    written = []

    def fails_at_the_tenth(image: np.ndarray) -> bytes:
        written.append(image)
        if len(written) == 10:
            raise error
        return b"png"

    monkeypatch.setattr(export, "png_bytes", fails_at_the_tenth)
    arguments = ["--source", "packaged", "--output", str(tmp_path / "out")]
    assert start("prepare_data", arguments) == (130 if error is KeyboardInterrupt else 2)
    assert not list(tmp_path.iterdir())


def test_scans_are_written_for_evaluation_and_never_for_training(
    tmp_path: Path, refusal, monkeypatch
) -> None:
    split = Split(pixels(TEST, 201), TEST)
    monkeypatch.setattr(sources, "scans", lambda: Source("scans", {"test": split}, {}))
    output = tmp_path / "scans"
    error = refusal(output, "--source", "scans", "--imbalance", "exp")
    assert "has no training images" in error
    prepare(output, "--source", "scans")
    assert len(DigitDataset(output, "test")) == len(TEST)
    with pytest.raises(DataError):
        DigitDataset(output, "train")
