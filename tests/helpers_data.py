"""Tiny data sets in the course's layout, for the tests of everything that reads them, and PDFs."""

import io
import shutil
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont


def encoded(image: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    """An image (array or PIL) as a file's bytes, in a format that Pillow writes."""
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def png(image: np.ndarray | Image.Image, **options: Any) -> bytes:
    """An image as a PNG file's bytes."""
    return encoded(image, "PNG", **options)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG file, with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_head(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    """The beginning of a PNG file, with its header; nothing in it can be decoded."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)


def idx(values: np.ndarray) -> bytes:
    """The IDX format: two zeros, 8 for bytes, the number of dimensions, the dimensions, values."""
    sizes = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    return sizes + values.astype(np.uint8).tobytes()


def numbered(count: int, side: int = 28) -> list[np.ndarray]:
    """`count` grey images that all differ: image i is filled with i + 1."""
    return [np.full((side, side), index + 1, dtype=np.uint8) for index in range(count)]


def drawn_digits(counts: Sequence[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """`counts[c]` digits of every class c in Pillow's own font, a little turned, scaled and moved.

    Returns:
        (images, labels), shuffled: uint8 (N, 28, 28), ink 255 on 0, as MNIST has it; int64 (N,).
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    images = []
    for label in labels:
        image = Image.new("L", (28, 28))
        font = ImageFont.load_default(size=rng.uniform(20, 25))
        centre = tuple(14 + rng.uniform(-1.5, 1.5, size=2))
        ImageDraw.Draw(image).text(centre, str(label), fill=255, font=font, anchor="mm")
        images.append(image.rotate(rng.uniform(-10, 10), resample=Image.Resampling.BILINEAR))
    return np.stack(list(map(np.asarray, images))), labels


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


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED, below: str = "") -> bytes:
    """An archive of the files, below a folder of it if asked."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(below + name, content)
    return buffer.getvalue()


def write_zip(path: Path, files: Mapping[str, bytes], *options: Any, **more: Any) -> Path:
    """Writes an archive of the files; options as of `zipped`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zipped(files, *options, **more))
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


def done(name: str, *words: object) -> None:
    """Run a command of ours, which must end well."""
    from analysis.frame.command import start

    assert start(name, [str(word) for word in words]) == 0


def words(pdf: Path) -> str:
    """The text of a PDF, with single spaces."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    done = subprocess.run(["pdftotext", str(pdf), "-"], capture_output=True, text=True, check=True)
    return " ".join(done.stdout.split())
