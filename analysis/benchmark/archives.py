"""Reading a data set: images out of a zip against the bare decode of their bytes, and a cache."""

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
from netlib.data.layout import find_split, read_table
from netlib.data.loaders import DigitDataset
from netlib.data.sources import packaged

MOST = 1.3
BARE, OURS, CACHED = "bare Pillow", "ours", "ours, second start"
LISTING, TABLE = "the list of files", "the list, the labels and the checks"


def run(settings: Settings) -> list[Row]:
    """Seconds to read the train split, and what of it is not Pillow's."""
    with _archive(settings) as path, tempfile.TemporaryDirectory() as cache:
        arms = {
            BARE: Arm(make_bare, (path / "train.zip",)),
            OURS: Arm(make_ours, (path, None)),
            CACHED: Arm(make_ours, (path, Path(cache))),
            LISTING: Arm(make_listing, (path / "train.zip",)),
            TABLE: Arm(make_table, (path,)),
        }
        results = interleave(arms, ["train"], settings.choose(3, 7))
        times = {arm: results[arm, "train"] for arm in arms}
        what = "PNG files out of a zip"
        rows = [row(what, arm, seconds, "s") for arm, seconds in times.items()]
        for arm in (OURS, LISTING, TABLE):
            limit = MOST if arm == OURS else None
            shares = ratios(times[arm], times[BARE])
            name, why = f"{what}, times the bare decode", partial(profile, arms[arm], "train")
            rows.append(row(name, arm, shares, "×", at_most=limit, why=why))
    shares = ratios(times[CACHED], times[OURS])
    return [*rows, row(f"{what}, share of the first start", CACHED, shares, "")]


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


def make_listing(archive: Path) -> Callable[[str], float]:
    """What `zipfile` takes to read the archive's directory, before the first byte of an image."""

    def work(_: str) -> None:
        with zipfile.ZipFile(archive) as file:
            file.infolist()

    return partial(timed, work)


def make_table(path: Path) -> Callable[[str], float]:
    """All that is done before the first image is read: which files there are, and their labels."""
    return partial(timed, lambda split: read_table(find_split(path, split), 10))


def make_ours(path: Path, cache: Path | None) -> Callable[[str], float]:
    """`DigitDataset`: the archive's listing, the table, the checks, the decoding, one tensor."""
    work = partial(timed, lambda split: DigitDataset(path, split, cache_dir=cache))
    work("train")  # warm-up; fills the cache
    return work
