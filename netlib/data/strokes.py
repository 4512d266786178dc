"""Pen strokes: a reader for UNIPEN files and a renderer that draws as the demo's pad does.

    file -> [PenDigit] -> render_strokes -> (280, 280) picture

The files meant are those of UCI's "Pen-Based Recognition of Handwritten Digits" (Alpaydin and
Alimoglu 1998): `.SEGMENT` lines with a label, `.COMMENT digit writer number`, and the strokes of
the segment between `.PEN_DOWN` and `.PEN_UP`, in tablet units with y pointing up.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from netlib.data.stores import DataError
from netlib.errors import many

PAD_SIZE = 280  # px, the demo's drawing pad
_SUPERSAMPLING = 4  # drawn this much larger, then averaged: 16 steps of grey along a stroke's edge

_SEGMENT = re.compile(r'\.SEGMENT\s+\S+\s+(\d+)(?:-(\d+))?\s+\S+\s+"([^"]*)"')
_COMMENT = re.compile(r"\.COMMENT\s+\d+\s+(\d+)\s+\d+\s*$")


@dataclass(frozen=True)
class PenDigit:
    """One written digit."""

    strokes: list[np.ndarray]  # each (n, 2) float32, x to the right and y up, in the tablet's units
    label: int  # the digit, 0...9
    writer: int | None  # who wrote it, None if the file does not say


def read_unipen(path: Path) -> list[PenDigit]:
    """Reads every segment of a UNIPEN file."""
    try:
        lines = path.read_text(encoding="latin-1").splitlines()  # free text knows no encoding
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    starts = [number for number, line in enumerate(lines) if line.split()[:1] == [".SEGMENT"]]
    if not starts:
        raise DataError(f"{path} has no .SEGMENT line: it is no UNIPEN file of pen strokes.")
    return [_segment(lines, *ends, path) for ends in pairwise([*starts, len(lines)])]


def _segment(lines: Sequence[str], start: int, end: int, path: Path) -> PenDigit:
    found = _SEGMENT.match(lines[start])
    if found is None:
        raise DataError(
            f"{path}, line {start + 1}, is {lines[start].strip()!r}, expected "
            '.SEGMENT <level> <first>[-<last>] <quality> "<label>".'
        )
    first, last, label = found.groups()
    writer: int | None = None
    paths: list[list[tuple[float, float]]] = []
    pen_is_down = False
    for number in range(start + 1, end):
        line = lines[number]
        word = line.split(maxsplit=1)[0] if line.strip() else ""
        if comment := _COMMENT.match(line):
            writer = int(comment[1])
        elif word in (".PEN_DOWN", ".PEN_UP"):
            pen_is_down = word == ".PEN_DOWN"
            if pen_is_down:
                paths.append([])
        elif pen_is_down and word and not word.startswith("."):
            place = f"{path}, line {number + 1}, is {line.strip()!r}, no"
            try:
                x, y = (float(value) for value in line.split()[:2])
            except ValueError as error:
                raise DataError(f"{place} x and y.") from error
            if not (math.isfinite(x) and math.isfinite(y)):
                raise DataError(f"{place} finite x and y.")
            paths[-1].append((x, y))
    place = f"{path}, segment in line {start + 1},"
    if not re.fullmatch("[0-9]", label):
        raise DataError(f"{place} is labelled {label!r}, but only digits are read.")
    announced = int(last or first) - int(first) + 1
    if len(paths) != announced:
        raise DataError(f"{place} has {many(len(paths), 'stroke')}, but announces {announced}.")
    strokes = [np.array(points, dtype=np.float32) for points in paths if points]
    if not strokes:
        raise DataError(f"{place} has no points.")
    return PenDigit(strokes, int(label), writer)


def split_by_writer(
    digits: Sequence[PenDigit], test_writers: int, seed: int
) -> tuple[list[int], list[int]]:
    """Writers of the train and of the test part, each sorted; no writer is in both."""
    unknown = sum(digit.writer is None for digit in digits)
    if unknown:
        raise DataError(
            f"{many(unknown, 'digit names', 'digits name')} no writer, so the data cannot be split "
            "by writer; a split by digit would test on writers that were trained on."
        )
    writers = np.unique([digit.writer for digit in digits])
    if not 1 <= test_writers < len(writers):
        raise DataError(
            f"{many(test_writers, 'test writer is', 'test writers are')} asked for, of "
            f"{many(len(writers), 'writer')}; both parts need one."
        )
    order = np.random.default_rng(seed).permutation(writers)
    return sorted(order[test_writers:].tolist()), sorted(order[:test_writers].tolist())


def render_strokes(
    strokes: Sequence[np.ndarray],
    size: int = PAD_SIZE,
    *,
    pen: float = 16,
    extent: float = 0.7,
    offset: tuple[float, float] = (0.5, 0.5),
    tilt: float = 0,
) -> np.ndarray:
    """Draws strokes as a canvas does: lines of one width, round caps and joins, anti-aliased.

    Args:
        strokes: each (n, 2), x to the right and y up, any unit.
        size: side of the square picture, px.
        pen: width of the lines, px.
        extent: longer side of the pen's path as a fraction of `size`; the aspect ratio is kept.
        offset: where the digit lies in the room that is left, (0, 0) top left to (1, 1) bottom
            right; within it, the ink stays inside the picture.
        tilt: degrees by which the digit is turned, counter-clockwise.

    Returns:
        uint8 (size, size), ink 255 on 0.
    """
    cos, sin = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    # Turns counter-clockwise, then turns y around.
    turn = np.array([[cos, -sin], [-sin, -cos]])
    paths = [np.asarray(stroke, dtype=np.float64) @ turn for stroke in strokes]
    points = np.concatenate(paths)
    low, spans = points.min(axis=0), np.ptp(points, axis=0)
    scale = extent * size / spans.max() if spans.max() > 0 else 0.0
    room = size - scale * spans - pen
    # Where the ink does not fit, it hangs over on both sides alike.
    start = pen / 2 + np.where(room > 0, room * np.asarray(offset), room / 2)
    paths = [(path - low) * scale + start for path in paths]

    zoom = _SUPERSAMPLING
    low, high = _ink_box(paths, size, pen)
    width, height = (high - low).tolist()
    sheet = Image.new("L", (width * zoom, height * zoom))
    draw = ImageDraw.Draw(sheet)
    disc = _disc(pen * zoom)
    line_width = max(1, round(pen * zoom))
    for path in paths:
        corners = (path - low) * zoom
        if len(corners) > 1:
            draw.line(corners.ravel().tolist(), fill=255, width=line_width)
        for x, y in np.rint(corners - disc.width / 2).astype(int).tolist():
            sheet.paste(255, (x, y), disc)
    picture = np.zeros((size, size), dtype=np.uint8)
    picture[low[1] : high[1], low[0] : high[0]] = np.asarray(sheet.reduce(zoom))
    return picture


def _ink_box(paths: Sequence[np.ndarray], size: int, pen: float) -> tuple[np.ndarray, np.ndarray]:
    """Whole pixels that hold the ink, inside of the picture: (left, top), (right, bottom)."""
    points = np.concatenate(paths)
    low = np.floor(points.min(axis=0) - pen / 2 - 1).astype(int)
    high = np.ceil(points.max(axis=0) + pen / 2 + 1).astype(int)
    return np.clip(low, 0, size - 1), np.clip(high, 1, size)


def _disc(diameter: float) -> Image.Image:
    """A filled circle as a mask; its centre is the image's."""
    side = max(1, math.ceil(diameter))
    steps = np.arange(side) - (side - 1) / 2
    inside = steps[:, None] ** 2 + steps**2 <= (diameter / 2) ** 2
    return Image.fromarray((inside | (side == 1)).astype(np.uint8) * 255)
