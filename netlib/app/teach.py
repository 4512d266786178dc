"""Corrections by visitors, saved in the course's data layout so that training can read them.

FOLDER/train/000001.png ...   28x28 grey, ink 255 on 0
FOLDER/train.csv              image,label
"""

import csv
import io
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netlib.errors import UserError
from netlib.files import replacing

MAX_IMAGES = 5_000
MAX_BYTES = 20_000_000


class TeachStore:
    """A folder of corrected digits; each is written whole or not at all.

    The picture is written before the row that names it, so that a reader never finds a row
    without its picture.
    """

    def __init__(self, folder: Path, max_images: int = MAX_IMAGES, max_bytes: int = MAX_BYTES):
        self.folder = folder
        self.max_images = max_images
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._images = folder / "train"
        self._table = folder / "train.csv"
        self._images.mkdir(parents=True, exist_ok=True)

    def add(self, digit: NDArray[np.floating], label: int) -> int:
        """Save one picture (28, 28) in [0, 1] under its right label.

        Returns:
            How many pictures there are now.

        Raises:
            UserError: the folder is full, or the label is no digit.
        """
        if label not in range(10):
            raise UserError(f"The label is {label}; expected a digit from 0 to 9.")
        png = _png(digit)
        with self._lock:
            rows = self._rows()
            used = sum(file.stat().st_size for file in self._images.iterdir())
            if len(rows) >= self.max_images or used + len(png) > self.max_bytes:
                raise UserError("The collection of corrections is full: nothing was saved.")
            name = f"{len(rows) + 1:06d}.png"
            _write(self._images / name, png)
            rows.append((name, str(label)))
            _write(self._table, _table(rows))
            return len(rows)

    def _rows(self) -> list[tuple[str, str]]:
        if not self._table.exists():
            return []
        with self._table.open(encoding="utf-8", newline="") as file:
            return [(row[0], row[1]) for row in csv.reader(file)][1:]


def _png(digit: NDArray[np.floating]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.rint(np.clip(digit, 0, 1) * 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def _table(rows: list[tuple[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([("image", "label"), *rows])
    return text.getvalue().encode()


def _write(path: Path, content: bytes) -> None:
    folder = path.parent.parent if path.suffix == ".png" else path.parent
    with replacing(path, folder) as temporary:
        temporary.write_bytes(content)
