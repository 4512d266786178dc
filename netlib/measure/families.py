"""Families of pictures that are no digit, for training and testing what refuses them.

    letters, words, signs   characters of handwriting fonts, without those that read as digits
    alphabets               other scripts of these fonts: Greek, Cyrillic, kana and the like
    icons                   what icon fonts hold: things, animals, arrows, buttons
    recombined, mirrored,   pen strokes of digits, taken apart and put together, turned into what
    doubled, crossed, pairs no digit looks like, written over each other, struck out, side by side,
    windows                 and cut out of a line of digits without regard to where they begin
    arrows ... scenes       strokes from geometry, see `netlib.measure.doodles`
    scribbles, textures,    see `netlib.measure.nondigits`
    silhouettes, photos,
    leaves

Each family is a function (rng) -> uint8 (280, 280), dark on white, as on the demo's pad. The
characters that many hands write as digits are a family of their own, `lookalikes`, which is
measured and never trained on.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from netlib.data.strokes import PAD_SIZE, PenDigit, render_strokes
from netlib.errors import many
from netlib.measure import doodles
from netlib.measure.nondigits import Maker, leaves, photo, scribble, silhouette, texture

LETTERS = "ACEFGHJKLMNPRTUVWXYacdefhjkmnprtuvwxyÄÖÜäöüßÆæñç"
SIGNS = "$%+=#&@?*{}[]<>~^€£()"
LOOKALIKES = "OoDIlSsZzBbgqi|/!"
# The same in other scripts: O, 3, 1, 4, 6, 8, 2, 5 and strokes.
ALIKE = set("ΟοОоΘѲЗзЭэІіΙιЧчбБΒВвΖЅѕӠӘә一口ロ〇乙ろるらうのノ丨フ七九工二Lอวเแ०१२३४५६७८९ᄋㅇ이")
NAMED_ALIKE = re.compile(
    r"number|digit|circle|ellipse|oval|letter|minus|slash|line$|dash|ring|keycap|(^|[-_ ])\d|"
    r"(^|[-_ ])(zero|one|two|three|four|five|six|seven|eight|nine|o|l|i|s|z|b|g|q|d)$",
    re.IGNORECASE,
)
FONT_SUFFIXES = (".ttf", ".otf", ".woff", ".woff2")
FONT_SIZE = 120
PENS, EXTENTS = (6.0, 26.0), (0.35, 0.9)
# What a turned digit must not look like is another digit: 0, 1 and 8 do in every position, 2 and 5
# when mirrored, 6 and 9 upside down.
MIRRORED, FLIPPED, TURNED = (3, 4, 6, 7, 9), (4, 6, 7, 9), (2, 3, 4, 5, 6, 7, 9)

Pen = Sequence[PenDigit]
Written = Callable[[Generator, Pen], list[np.ndarray]]


def find_fonts(folder: Path) -> list[list[Path]]:
    """The font files in each folder of a folder, by name: what one hand or studio drew.

    Raises:
        ValueError: there are fewer than three, one for each of training, choosing and testing.
    """
    groups = [
        sorted(path for path in group.glob("*") if path.suffix in FONT_SUFFIXES)
        for group in sorted(folder.glob("*/"))
    ]
    found = [group for group in groups if group]
    if len(found) < 3:
        raise ValueError(
            f"{folder} has {many(len(found), 'folder')} of fonts; expected 3 or more with "
            f"{', '.join(FONT_SUFFIXES)}: fetch some, npm's @fontsource/caveat, for example."
        )
    return found


def families(
    hands: Sequence[Path], icons: Sequence[Path], pen: Pen, photos: Sequence[np.ndarray]
) -> dict[str, Maker]:
    """Every family by name, in a fixed order.

    Args:
        hands: handwriting fonts; those whose file is called "latin" have the Latin alphabet.
        icons: icon fonts.
        pen: written digits, some of every class.
        photos: arrays (H, W) or (H, W, 3), uint8, 280 pixels or more each way.
    """
    latin = [font for font in hands if font.stem == "latin"]
    scripts = [font for font in hands if len(characters(font, "L")) > 20]
    icons = [font for font in icons if len(characters(font, "S")) > 20]
    return {
        "letters": lambda rng: typed(rng, latin, LETTERS),
        "words": lambda rng: typed(rng, latin, LETTERS, int(rng.integers(2, 5))),
        "signs": lambda rng: typed(rng, latin, SIGNS),
        **({"alphabets": lambda rng: typed(rng, scripts, "L")} if scripts else {}),
        **({"icons": lambda rng: typed(rng, icons, "S")} if icons else {}),
        **{make.__name__: _written(make, pen) for make in WRITTEN},
        "windows": lambda rng: window(rng, pen),
        **{name: _drawn(make) for name, make in doodles.DRAWERS.items()},
        "scribbles": scribble,
        "textures": texture,
        "silhouettes": silhouette,
        "photos": lambda rng: photo(rng, photos),
        "leaves": leaves,
    }


@cache
def characters(font: Path, kind: str) -> str:
    """A font's characters beyond ASCII that look like no digit: letters ("L") or others ("S")."""
    from fontTools.ttLib import TTFont

    with TTFont(font) as opened:
        names = opened.getBestCmap()
    return "".join(
        chr(code)
        for code, name in names.items()
        if code > 0x17F
        and unicodedata.category(chr(code))[0] in {"L": "L", "S": "SC"}[kind]
        and chr(code) not in ALIKE
        and (kind == "L" or not NAMED_ALIKE.search(unicodedata.name(chr(code), name)))
    )


@cache
def _font(path: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), FONT_SIZE)


def typed_digit(rng: Generator, fonts: Sequence[Path]) -> tuple[np.ndarray, int]:
    """A pad with a digit of one random font, and which."""
    label = int(rng.integers(10))
    return typed(rng, fonts, str(label)), label


def typed(rng: Generator, fonts: Sequence[Path], these: str, count: int = 1) -> np.ndarray:
    """So many of these characters, in one random font, leaning and bent, anywhere on the pad.

    "L" and "S" mean the font's own `characters`.
    """
    path = fonts[int(rng.integers(len(fonts)))]
    known = characters(path, these) if these in ("L", "S") else these
    text = "".join(known[int(rng.integers(len(known)))] for _ in range(count))
    font = _font(path)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    edge = FONT_SIZE // 4  # room for what a font draws outside of its box
    size = (right - left + 2 * edge, bottom - top + 2 * edge)
    sheet = Image.new("L", size)
    ImageDraw.Draw(sheet).text((edge - left, edge - top), text, fill=255, font=font)
    sheet = sheet.rotate(rng.uniform(-12, 12), Image.Resampling.BICUBIC, expand=True)
    sheet = Image.fromarray(_bent(rng, np.asarray(sheet)))
    # Cut out, scaled to a random size and put anywhere
    ink = sheet.crop(sheet.getbbox() or (0, 0, 1, 1))
    scale = rng.uniform(*EXTENTS) * PAD_SIZE / max(ink.size)
    width, height = (max(1, round(side * scale)) for side in ink.size)
    pad = Image.new("L", (PAD_SIZE, PAD_SIZE))
    place = (int(rng.integers(PAD_SIZE - width + 1)), int(rng.integers(PAD_SIZE - height + 1)))
    pad.paste(ink.resize((width, height), Image.Resampling.BICUBIC), place)
    return 255 - np.asarray(pad)


def _bent(rng: Generator, sheet: np.ndarray) -> np.ndarray:
    """As an unsteady hand would write it: moved by up to some pixels, smoothly."""
    height, width = sheet.shape
    coarse = rng.normal(0, rng.uniform(0, 5), (2, 5, 5)).astype(np.float32)
    field = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC) for plane in coarse]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return cv2.remap(sheet, x + field[0], y + field[1], cv2.INTER_LINEAR)


def drawn(rng: Generator, strokes: Sequence[np.ndarray], tilt: float = 0) -> np.ndarray:
    """Strokes with a random pen, size and place."""
    ink = render_strokes(
        strokes,
        pen=rng.uniform(*PENS),
        extent=rng.uniform(*EXTENTS),
        offset=(rng.random(), rng.random()),
        tilt=tilt,
    )
    return 255 - ink


def worn(rng: Generator, pad: np.ndarray) -> np.ndarray:
    """A pad as a weak camera sees it: pale ink, light from one side, blur, noise, few pixels."""
    ink = 1 - pad / 255.0
    ink = ndimage.gaussian_filter(ink, rng.uniform(0.5, 3.5))
    y, x = np.mgrid[:PAD_SIZE, :PAD_SIZE] / PAD_SIZE - 0.5
    light = 1 + rng.uniform(-0.1, 0.1) * x + rng.uniform(-0.1, 0.1) * y
    paper = rng.uniform(0.75, 1.0) * light
    grey = paper * (1 - rng.uniform(0.4, 1.0) * ink) + rng.normal(0, 0.01, ink.shape)
    picture = Image.fromarray((255 * np.clip(grey, 0, 1)).astype(np.uint8))
    side = int(rng.integers(90, PAD_SIZE))
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))


def moused(rng: Generator, strokes: Sequence[np.ndarray]) -> np.ndarray:
    """Strokes as with a mouse in a paint program: few points, whole pixels, hard edges."""
    side = int(rng.integers(50, PAD_SIZE + 1))
    pen, extent = max(1, round(rng.uniform(0.02, 0.07) * side)), rng.uniform(*EXTENTS) * side
    points = np.concatenate(strokes)
    low, spans = points.min(0), np.ptp(points, axis=0)
    scale = extent / spans.max()
    place = rng.random(2) * (side - pen - scale * spans) + pen / 2
    sheet = Image.new("L", (side, side), 255)
    draw = ImageDraw.Draw(sheet)
    for stroke in strokes:
        path = np.concatenate([stroke[: -1 : int(rng.integers(1, 4))], stroke[-1:]])
        path = (path - low) * scale + place + rng.normal(0, 0.004 * side, path.shape)
        corners = np.rint(path * (1, -1) + (0, side)).astype(int)
        draw.line(corners.ravel().tolist(), fill=0, width=pen)
        for x, y in corners.tolist():
            draw.ellipse((x - pen // 2, y - pen // 2, x + (pen - 1) // 2, y + (pen - 1) // 2), 0)
    return np.asarray(sheet)


def small(rng: Generator, strokes: Sequence[np.ndarray]) -> np.ndarray:
    """Strokes in a picture of 28 to 64 pixels."""
    pad = drawn(rng, strokes) if rng.random() < 0.5 else moused(rng, strokes)
    side = int(rng.integers(28, 65))
    kind = Image.Resampling.BOX if rng.random() < 0.5 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(pad).resize((side, side), kind))


def _drawn(make: doodles.Drawer) -> Maker:
    return lambda rng: drawn(rng, doodles.wobbled(rng, make(rng)))


def _written(make: Written, pen: Pen) -> Maker:
    return lambda rng: drawn(rng, make(rng, pen))


def recombined(rng: Generator, pen: Pen) -> list[np.ndarray]:
    """Parts of two or three digits, each turned and put somewhere near the others."""
    strokes = []
    for _ in range(int(rng.integers(2, 4))):
        path = np.concatenate(boxed(_any(rng, pen).strokes))
        length = int(len(path) * rng.uniform(0.4, 0.7))
        start = int(rng.integers(len(path) - length + 1))
        part = doodles.turned(path[start : start + length] - 0.5, rng.uniform(0, 360))
        strokes.append(part + rng.uniform(-0.35, 0.35, 2))
    return strokes


def mirrored(rng: Generator, pen: Pen) -> list[np.ndarray]:
    """A digit mirrored, upside down or on its side, where it looks like no digit."""
    labels, change = (
        (MIRRORED, ((-1, 0), (0, 1))),
        (FLIPPED, ((1, 0), (0, -1))),
        (TURNED, ((0, 1), (-1, 0))),
        (TURNED, ((0, -1), (1, 0))),
    )[int(rng.integers(4))]
    label = labels[int(rng.integers(len(labels)))]
    return [stroke @ np.array(change) for stroke in boxed(_any(rng, pen, label).strokes)]


def doubled(rng: Generator, pen: Pen) -> list[np.ndarray]:
    """Two digits written over each other."""
    first, second = boxed(_any(rng, pen).strokes), boxed(_any(rng, pen).strokes)
    shift = rng.uniform(0.2, 0.5) * np.array([rng.choice([-1, 1]), rng.uniform(-1, 1)])
    return [*first, *(stroke + shift for stroke in second)]


def crossed(rng: Generator, pen: Pen) -> list[np.ndarray]:
    """A digit struck out by a cross, by two to four lines or by a zigzag."""
    strokes = boxed(_any(rng, pen).strokes)
    low, high = (np.concatenate(strokes).min(0) - 0.1, np.concatenate(strokes).max(0) + 0.1)
    kind = rng.integers(3)
    if kind == 0:
        back = doodles.line((low[0], high[1]), (high[0], low[1]))
        return [*strokes, doodles.line(low, high), back]
    rows = np.linspace(0.2, 0.8, int(rng.integers(2, 5))) + rng.normal(0, 0.05)
    levels = low[1] + (high - low)[1] * rows
    slope = rng.uniform(-0.3, 0.3)
    ends = [((low[0], y - slope), (high[0], y + slope)) for y in levels]
    if kind == 1:
        return [*strokes, *(doodles.line(*pair) for pair in ends)]
    zigzag = [end for number, pair in enumerate(ends) for end in pair[:: 1 - 2 * (number % 2)]]
    return [*strokes, doodles.line(*zigzag)]


def pairs(rng: Generator, pen: Pen) -> list[np.ndarray]:
    """Two or three digits side by side, nearly touching: a number, no digit."""
    strokes: list[np.ndarray] = []
    right = 0.0
    for _ in range(int(rng.choice([2, 2, 3]))):
        unit = boxed(_any(rng, pen).strokes)
        place = np.array([right, rng.uniform(-0.1, 0.1)])
        strokes += [stroke + place for stroke in unit]
        right += float(np.concatenate(unit)[:, 0].max()) + rng.uniform(0.05, 0.3)
    return strokes


def window(rng: Generator, pen: Pen) -> np.ndarray:
    """A square cut out of a line of three digits, so that it shows parts of two or three."""
    strokes: list[np.ndarray] = []
    for place in range(3):
        unit = boxed(_any(rng, pen).strokes)
        strokes += [stroke * (0.8, 1) + (0.9 * place, rng.uniform(-0.1, 0.1)) for stroke in unit]
    line = render_strokes(strokes, 3 * PAD_SIZE, pen=rng.uniform(*PENS), extent=0.9)
    rows = np.flatnonzero(line.any(1))
    side = int(rng.uniform(0.8, 1.1) * (rows[-1] - rows[0]))
    between = rng.choice([0.34, 0.66]) * line.shape[1]  # about where one digit ends
    left = int(between + rng.uniform(-0.07, 0.07) * PAD_SIZE - side / 2)
    top = int(np.mean(rows[[0, -1]]) - side / 2)
    cut = Image.fromarray(255 - line[max(top, 0) : top + side, left : left + side])
    return np.asarray(cut.resize((PAD_SIZE, PAD_SIZE), Image.Resampling.BILINEAR))


WRITTEN: tuple[Written, ...] = (recombined, mirrored, doubled, crossed, pairs)


def _any(rng: Generator, pen: Pen, label: int | None = None) -> PenDigit:
    """A digit at random, of one class if asked."""
    while True:
        digit = pen[int(rng.integers(len(pen)))]
        if label is None or digit.label == label:
            return digit


def boxed(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Scaled to a height of one (a flat one to a width of one), its lower left in the origin."""
    points = np.concatenate(strokes)
    low, size = points.min(0), np.ptp(points, axis=0)
    scale = max(float(size.max()), 1e-6)
    return [(np.asarray(stroke, np.float64) - low) / scale for stroke in strokes]
