"""Pictures that nobody draws: gratings, bar codes, damaged files. A result or one sentence each.

`attacks.py` says where other hostile input is tested, and attacks longer.
"""

import contextlib
import random
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from helpers_data import encoded, png_chunk, png_head
from PIL import Image

from netlib.data.pixels import decode_image
from netlib.picture.load import FORMATS, MAX_MEMORY, ImageError, open_image
from netlib.picture.number import MAX_PIECES, MOST_PIECES, find_digits


def grating(width: int, height: int, period: int, kind: str) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    stripes = {
        "upright": x // period,
        "level": y // period,
        "slanted": (x + y) // period,
        "checks": x // period + y // period,
    }[kind]
    return (stripes % 2 * 255).astype(np.uint8)


def dots(width: int, height: int, period: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width] % period - period / 2
    return np.where(np.hypot(x, y) < period / 4, 0, 255).astype(np.uint8)


def found_or_told(picture: np.ndarray | bytes) -> bool:
    try:
        find_digits(picture, lambda images: np.full(len(images), 0.5))
    except ImageError as error:
        return len(str(error).splitlines()) == 1
    return True


def test_dots_and_patterns_that_thinning_wears_away_are_read_or_told() -> None:
    for kind in ("slanted", "checks"):
        assert found_or_told(grating(700, 700, 9, kind))


@pytest.mark.parametrize("size", [(400, 10), (1280, 32), (200, 200)])
@pytest.mark.parametrize("kind", ["upright", "level", "slanted", "checks"])
def test_gratings_end_in_digits_or_in_one_sentence(size: tuple[int, int], kind: str) -> None:
    periods = (2, 5, 13) if kind == "slanted" else (1, 2, 5, 13)  # of one pixel they are checks
    assert all(found_or_told(grating(*size, period, kind)) for period in periods)
    assert all(
        found_or_told(dots(*size, period)) for size in ((400, 10), (200, 200)) for period in (4, 20)
    )


def test_work_is_bounded_by_the_pieces() -> None:
    asked: list[int] = []

    def score(images: np.ndarray) -> np.ndarray:
        asked.append(len(images))
        return np.full(len(images), 0.5)

    page = np.full((160, 1280), 255, np.uint8)
    for x in range(10, 1270, 21):
        page[20:140, x : x + 4] = 0
    find_digits(page, score)
    assert 0 < sum(asked) <= MAX_PIECES * MOST_PIECES


@pytest.mark.parametrize("transparency", [b"", png_chunk(b"tRNS", bytes(range(8)))])
@pytest.mark.parametrize("side", [8, 1400])
def test_a_palette_png_without_its_palette_is_read_or_told(transparency: bytes, side: int) -> None:
    row = b"\0" + bytes(n % 251 for n in range(side))
    data = png_chunk(b"IDAT", zlib.compress(row * side)) + png_chunk(b"IEND", b"")
    assert found_or_told(png_head(side, side, colour=3) + transparency + data)


def test_memory_is_counted_by_the_mode_before_anything_is_decoded() -> None:
    side = int((MAX_MEMORY / 6) ** 0.5)  # fits in three colours, not with the copy that alpha needs
    data = png_chunk(b"IDAT", zlib.compress(b"")) + png_chunk(b"IEND", b"")
    for colour, fits in ((2, True), (6, False)):
        with pytest.raises(ImageError, match="damaged" if fits else "memory"):
            open_image(png_head(side, side, colour=colour) + data)


@pytest.mark.skipif(sys.platform != "linux", reason="the most memory is asked of /proc")
@pytest.mark.parametrize(
    "mode, side, file_format, options",
    [
        ("I;16", 5700, "PNG", {}),
        ("RGB", 4100, "PNG", {"transparency": (0, 0, 0)}),
        ("F", 7100, "TIFF", {"compression": "packbits"}),
    ],
)
def test_the_largest_pictures_take_at_most_300_mb(mode, side, file_format, options) -> None:
    picture = encoded(Image.new(mode, (side, side)), file_format, **options)
    Path("/proc/self/clear_refs").write_text("5")  # forget what was needed so far
    before = memory("VmRSS")
    open_image(picture)
    assert memory("VmHWM") - before < 300_000


def memory(what: str) -> int:
    """Of this process, kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


@pytest.mark.parametrize("file_format", FORMATS)
def test_files_with_changed_bytes_end_in_a_picture_or_are_told(file_format: str) -> None:
    page = np.full((40, 36), 255, np.uint8)
    page[8:32, 16:20] = 0
    mode = "P" if file_format in ("GIF", "PNG") else "RGB"
    intact = encoded(Image.fromarray(page).convert(mode), file_format)
    rng = random.Random(0)
    for _ in range(60):
        data = bytearray(intact)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        assert found_or_told(bytes(data[: rng.choice([len(data), rng.randrange(1, len(data))])]))
        with contextlib.suppress(Exception):  # which the reader of data sets tells
            assert decode_image(bytes(data), (1, 28, 28)).size == (28, 28)
