"""Digits and pictures that are no digit as the networks see them, to train on, choose by and test.

Fonts, writers and photos are parted before anything is drawn, so that no part shares them.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from netlib.data.european import european
from netlib.data.strokes import PenDigit, read_unipen, render_strokes, split_by_writer
from netlib.measure import doodles
from netlib.measure.families import (
    LOOKALIKES,
    drawn,
    families,
    find_fonts,
    moused,
    small,
    typed,
    typed_digit,
    worn,
)
from netlib.measure.nondigits import Maker
from netlib.picture.digit import to_digit

SPLITS = ("train", "validation", "test")
SHARES = {"train": 0.7, "validation": 0.85, "test": 1.0}  # where each part of fonts, writers ends
PICTURES = {"train": 1.0, "validation": 1 / 6, "test": 1 / 3}
# Those that hold most of what people send get more pictures.
TIMES = {"letters": 3, "alphabets": 6, "icons": 5, "signs": 2, "scenes": 2, "photos": 2}
# A share of the rest is drawn as a weak camera sees it, as many digits are.
WORN, PAPERLESS = 0.4, ("textures", "photos", "leaves")
TILTS = (-18, 12)  # degrees by which digits lean
LEAN = (-22, -8)  # as a 1 with a flag may, which looks like a 7
Pairs = Iterator[tuple[np.ndarray, int]]


@dataclass(frozen=True)
class Drawing:
    """What is drawn, and of what."""

    unipen: Path  # UNIPEN file with digits and writers
    test_writers: int  # how many writers' digits are never trained on
    hands: Path  # folder with a folder for each handwriting font
    icons: Path  # folder with a folder for each icon font
    photos: tuple[tuple[Path, ...], ...]  # picture files of each of `SPLITS`
    count: int  # of each family to train on, times `TIMES`
    seed: int  # of all chance


def draw_all(drawing: Drawing, workers: int) -> dict[str, np.ndarray]:
    """Every picture, uint8 (n, 28, 28), by name.

    Returns:
        SPLIT/FAMILY and how many were blank under blank/SPLIT/FAMILY; digits/SPLIT/SET and
        labels/SPLIT/SET, where the sets of the test are by writers who were never trained on, too.
    """
    tasks = [(split, name) for split in SPLITS for name in _makers(drawing, split)]
    tasks += [(split, "") for split in SPLITS]
    with ProcessPoolExecutor(workers) as pool:
        parts = list(pool.map(_draw, *zip(*((drawing, *t) for t in tasks), strict=True)))
    return {name: array for found in parts for name, array in found.items()}


def _draw(drawing: Drawing, split: str, name: str) -> dict[str, np.ndarray]:
    """One family of a split, or, without a name, its digits."""
    makers, number = _makers(drawing, split), SPLITS.index(split)
    total = drawing.count * PICTURES[split]
    if not name:
        return _draw_digits(drawing, split, np.random.default_rng([drawing.seed, number, 99]))
    rng = np.random.default_rng([drawing.seed, number, list(makers).index(name)])
    pads = (makers[name](rng) for _ in range(round(total * TIMES.get(name, 1))))
    if name not in PAPERLESS:
        pads = (worn(rng, pad) if rng.random() < WORN else pad for pad in pads)
    images, _, blank = seen((pad, 0) for pad in pads)
    return {f"{split}/{name}": images, f"blank/{split}/{name}": np.array(blank)}


@cache
def _sources(
    drawing: Drawing, split: str
) -> tuple[list[list[Path]], list[PenDigit], list[PenDigit]]:
    """Handwriting fonts and icon fonts, pen digits of a split, and those of unseen writers."""
    written = read_unipen(drawing.unipen)
    known, unseen = split_by_writer(written, drawing.test_writers, seed=0)
    order = np.random.default_rng(0)
    found = [find_fonts(folder) for folder in (drawing.hands, drawing.icons)]
    groups = [[fonts[i] for i in order.permutation(len(fonts))] for fonts in found]
    writers = set(part(order.permutation(known).tolist(), split))
    fonts = [[font for group in part(each, split) for font in group] for each in groups]
    pens = [[d for d in written if d.writer in chosen] for chosen in (writers, set(unseen))]
    return fonts, pens[0], pens[1]


def _makers(drawing: Drawing, split: str) -> dict[str, Maker]:
    fonts, pen, _ = _sources(drawing, split)
    files = drawing.photos[SPLITS.index(split)]
    photos = [np.asarray(Image.open(path).convert("RGB")) for path in files]
    makers = families(fonts[0], fonts[1], pen, photos)
    if split == "test":
        latin = [font for font in fonts[0] if font.stem == "latin"]
        makers["lookalikes"] = lambda rng: typed(rng, latin, LOOKALIKES)
    return makers


def _draw_digits(drawing: Drawing, split: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    fonts, pen, unseen = _sources(drawing, split)
    count, unseen = round(drawing.count * PICTURES[split]), unseen if split == "test" else []
    hands = [european(rng) for _ in range(2 * count)]
    sets: dict[str, Pairs] = {
        "pen": ((drawn(rng, d.strokes, rng.uniform(*TILTS)), d.label) for d in pen),
        "worn": ((worn(rng, drawn(rng, d.strokes)), d.label) for d in [*pen, *hands]),
        "european": ((drawn(rng, d.strokes), d.label) for d in hands),
    }
    if unseen:
        sets["pen_unseen"] = ((drawn(rng, d.strokes), d.label) for d in unseen)
        sets["worn_unseen"] = ((worn(rng, drawn(rng, d.strokes)), d.label) for d in unseen)
        leaning = ((255 - render_strokes(d.strokes, tilt=-15), d.label) for d in unseen)
        sets["tilted_unseen"] = leaning
    other = np.random.default_rng([drawing.seed, SPLITS.index(split), 97])
    if split != "test":
        sets["tilted"] = ((drawn(other, d.strokes, other.uniform(*LEAN)), d.label) for d in pen)
    latin = [font for font in fonts[0] if font.stem == "latin"]
    sets["typed"] = (typed_digit(other, latin) for _ in range(5 * count))
    simple = np.random.default_rng([drawing.seed, SPLITS.index(split), 98])
    sets |= _simple_digits(simple, unseen or pen, count, "_unseen" if unseen else "")
    found: dict[str, np.ndarray] = {}
    for name, pairs in sets.items():
        images, labels, _ = seen(pairs)
        found |= {f"digits/{split}/{name}": images, f"labels/{split}/{name}": labels}
    return found


def _simple_digits(
    rng: np.random.Generator, pen: Sequence[PenDigit], count: int, suffix: str
) -> dict[str, Pairs]:
    """Pads of digits as with a mouse, and in few pixels: of pens, and the barest 0 and 1."""
    sets: dict[str, Pairs] = {}
    for name, draw in (("mouse", moused), ("small", small)):
        rows = rng.permutation(len(pen))[: 3 * count]
        digits = [*(pen[row] for row in rows), *(_bare(rng) for _ in range(2 * count))]
        sets[name + suffix] = ((draw(rng, d.strokes), d.label) for d in digits)
    return sets


def _bare(rng: np.random.Generator) -> PenDigit:
    """A stroke for a 1 or a ring for a 0, closed or not quite."""
    label = int(rng.integers(2))
    start, width = rng.uniform(60, 120), rng.uniform(0.3, 0.5)
    ring = doodles.arc((0, 0), (width, 0.5), start, start + 360 + rng.uniform(-25, 15))
    stroke = doodles.line((0, 0), (rng.normal(0.05, 0.1), 1)) if label else ring
    return PenDigit(doodles.wobbled(rng, [stroke], 0.02), label, None)


def part(items: Sequence[Any], split: str) -> Sequence[Any]:
    """The fonts or writers of a split; each has one at least."""
    left = len(SPLITS) - 1 - np.arange(len(SPLITS))
    ends = np.minimum([round(SHARES[s] * len(items)) for s in SPLITS], len(items) - left)
    number = SPLITS.index(split)
    return items[ends[number - 1] if number else 0 : ends[number]]


def seen(pairs: Pairs) -> tuple[np.ndarray, np.ndarray, int]:
    """Pads and labels -> what the networks see, labels, and how many pads were found blank."""
    images, labels, blank = [], [], 0
    for pad, label in pairs:
        digit = to_digit(pad)
        if digit is None:
            blank += 1
            continue
        images.append(np.rint(255 * np.asarray(digit)[0]).astype(np.uint8))
        labels.append(label)
    return np.array(images, np.uint8).reshape(-1, 28, 28), np.array(labels, np.int64), blank
