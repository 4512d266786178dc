"""Writes digits in the course's layout: image folders and CSVs, plain or zipped, and a record."""

import csv
import hashlib
import io
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from netlib.data.sources import NUM_CLASSES, Source, Split
from netlib.data.stores import DataError
from netlib.files import temporary_prefix


def check_empty(output: Path) -> None:
    """Raise a DataError where something lies in a folder that is to be made."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise DataError(f"{output} is not an empty folder; choose another or remove it.")


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
    check_empty(output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=output.parent, prefix=temporary_prefix(output)))
    except OSError as error:
        raise DataError(f"{output} cannot be written: {error.strerror}.") from error
    try:
        written = {}
        for name, split in source.splits.items():
            rows = train_rows if name == "train" else np.arange(len(split.labels))
            written[name] = _write_split(temporary, name, split, rows, as_zip, progress)
        text = _json({**record, "splits": written})
        (temporary / "record.json").write_text(text, encoding="utf-8")
        temporary.chmod(0o755)  # mkdtemp makes folders that only their owner can read
        temporary.replace(output)
    except OSError as error:
        raise DataError(f"{output} cannot be written: {error}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_split(
    folder: Path, name: str, split: Split, rows: np.ndarray, as_zip: bool, progress: bool
) -> dict[str, Any]:
    """Writes images and CSV; returns what record.json says about them."""
    stem = f"{name}_new"
    # Stored: PNG files do not shrink any further.
    archive = zipfile.ZipFile(folder / f"{name}.zip", "w") if as_zip else None

    def write(path: str, data: bytes) -> None:
        if archive is None:
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(data)
            return
        # A fixed date, so that the same content gives the same archive.
        entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
        entry.external_attr = 0o644 << 16  # or unzip makes files that nobody can read
        archive.writestr(entry, data)

    table = io.StringIO()
    lines = csv.writer(table, lineterminator="\n")
    lines.writerow(["image", "label", *split.extra])
    with archive or nullcontext():
        for row in tqdm(rows.tolist(), desc=stem, unit="image", disable=not progress):
            image = f"{name}_{row:05d}.png"
            write(f"{stem}/{image}", png_bytes(split.images[row]))
            extra = [values[row] for values in split.extra.values()]
            lines.writerow([image, int(split.labels[row]), *extra])
        text = table.getvalue().encode()
        write(f"{stem}.csv", text)
    counts = np.bincount(split.labels[rows], minlength=NUM_CLASSES).tolist()
    digest = hashlib.sha256(text).hexdigest()
    return {"images": len(rows), "class_counts": counts, "csv_sha256": digest}


def _json(record: Mapping[str, Any]) -> str:
    """Indented JSON with every list of plain values on one line."""
    text = json.dumps(record, indent=2)
    return re.sub(r"\[\n\s+([^][{}]*)\n\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text) + "\n"


def png_bytes(image: np.ndarray) -> bytes:
    """A grey uint8 image (H, W) as PNG, packed quickly rather than tightly."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
