"""Tiny data sets in the course's layout, for the tests of everything that reads them, and PDFs."""

import io
import shutil
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def png(image: np.ndarray | Image.Image) -> bytes:
    """An image (array or PIL) as a PNG file's bytes."""
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def numbered(count: int, side: int = 28) -> list[np.ndarray]:
    """`count` grey images that all differ: image i is filled with i + 1."""
    return [np.full((side, side), index + 1, dtype=np.uint8) for index in range(count)]


def table(names: Sequence[str], labels: Sequence[object], header: str = "image,label\n") -> bytes:
    """A CSV of names and labels."""
    return (header + "".join(f"{n},{k}\n" for n, k in zip(names, labels, strict=True))).encode()


def layout(labels: Sequence[object], stem: str = "train_new", side: int = 28) -> dict[str, bytes]:
    """Paths and contents of one split: images 0.png, 1.png, ... and their CSV."""
    names = [f"{index}.png" for index in range(len(labels))]
    images = numbered(len(labels), side)
    files = {f"{stem}/{name}": png(image) for name, image in zip(names, images, strict=True)}
    return {**files, f"{stem}.csv": table(names, labels)}


def write_folder(root: Path, files: Mapping[str, bytes]) -> Path:
    """Writes the files below `root`."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def write_zip(
    path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED, below: str = ""
) -> Path:
    """Writes the files as entries of an archive, below a folder of it if asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(below + name, content)
    return path


def pen_file(path: Path, writers: int = 4, each: int = 3) -> Path:
    """Every writer writes the digits 0, 1, 2, each a line of a slope of its own."""
    segments = []
    for number in range(writers * each):
        writer, label = divmod(number, each)
        segments.append(
            f'.SEGMENT DIGIT {number} ? "{label}"\n.COMMENT {label} {writer + 1} {number}\n'
            f".PEN_DOWN\n 0 0\n {10 * label} {50 + writer}\n.PEN_UP\n.DT 100\n\n"
        )
    path.write_text("".join(segments))
    return path


def words(pdf: Path) -> str:
    """The text of a PDF, with single spaces."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    done = subprocess.run(["pdftotext", str(pdf), "-"], capture_output=True, text=True, check=True)
    return " ".join(done.stdout.split())
