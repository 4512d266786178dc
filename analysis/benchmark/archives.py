"""Reading a data set: images out of a zip against the bare decode of their bytes."""

import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from analysis.benchmark.arms import Arm, interleave, profile, timed
from analysis.benchmark.record import Row, ratios, row
from analysis.benchmark.settings import Settings
from netlib.data.export import write_layout
from netlib.data.loaders import DigitDataset
from netlib.data.sources import packaged

MOST = 1.3
BARE, OURS = "bare Pillow", "ours"


def run(settings: Settings) -> list[Row]:
    """Seconds to read the train split, and what of it is not Pillow's."""
    with _archive(settings) as path:
        arms = {BARE: Arm(make_bare, (path / "train.zip",)), OURS: Arm(make_ours, (path,))}
        results = interleave(arms, ["train"], settings.choose(3, 7))
        times = {arm: results[arm, "train"] for arm in arms}
        what = "PNG files out of a zip"
        rows = [row(what, arm, seconds, "s") for arm, seconds in times.items()]
        shares = ratios(times[OURS], times[BARE])
        why = partial(profile, arms[OURS], "train")
        rows.append(row(f"{what}, times the bare decode", OURS, shares, "×", at_most=MOST, why=why))
    return rows


@contextmanager
def _archive(settings: Settings) -> Iterator[Path]:
    """A folder with train.zip: the data set, if it is one, or the 5,000 digits made into one."""
    path = settings.dataset_path
    if path is not None and (path / "train.zip").is_file() and not settings.quick:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        source = packaged()
        rows = np.arange(len(source.splits["train"].labels))[:: settings.choose(4, 1)]
        write_layout(Path(folder) / "digits", source, rows, {}, as_zip=True)
        yield Path(folder) / "digits"


def make_bare(archive: Path) -> Callable[[str], float]:
    """Pillow's decoder on bytes that are in memory already, and nothing else."""
    with zipfile.ZipFile(archive) as file:
        contents = [file.read(name) for name in file.namelist() if name.endswith(".png")]

    def work(_: str) -> None:
        for content in contents:
            Image.open(io.BytesIO(content)).load()

    return partial(timed, work)


def make_ours(path: Path) -> Callable[[str], float]:
    """`DigitDataset`: the archive's listing, the table, the checks, the decoding, one tensor."""
    work = partial(timed, partial(DigitDataset, path))
    work("train")  # warm-up
    return work
