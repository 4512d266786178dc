"""Sheets as a phone sees them, and what was written there by hand: what an ink finder learns from.

    strokes -> ink and a page's own marks -> seen by a camera, under things, in a light -> picture

Everything is drawn at twice the size and reduced in the end. `photographs` draws other pictures, by
other means: nothing was trained on those.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.random import Generator

from netlib.measure.doodles import DRAWERS, Strokes, wobbled
from netlib.measure.families import boxed

SIDE = 256  # px of a picture
DRAWN = 2 * SIDE  # px of what is drawn
FINE = 8  # points are placed so many times as finely as pixels
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%$+=?!/-.,()"
SCRIPTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)
# Heights of characters are shares of DRAWN, pens shares of that height, lines' steps shares, too.
ALONE, IN_LINE, PEN, FINE_PEN = (0.1, 0.8), (0.06, 0.35), (0.018, 0.16), (0.02, 0.05)
ROOM = 0.94  # that a line takes of the page at most
MARKS = ("none", "ruled", "squared", "dotted", "margin", "cells", "box", "frame")
MARKS_SHARES = (0.24, 0.13, 0.3, 0.05, 0.08, 0.07, 0.06, 0.07)


@dataclass
class Scene:
    """What the camera will see: (DRAWN, DRAWN) float32, both in [0, 1], more or less."""

    light: np.ndarray  # what each pixel reflects
    ink: np.ndarray  # how much of it was written by hand, and can be seen


def sheet(rng: Generator, digits: Sequence[Strokes]) -> tuple[np.ndarray, np.ndarray]:
    """A picture at random, and how much of each of its pixels was written by hand.

    Args:
        rng: for all that varies.
        digits: strokes (n, 2) of digits, in any unit, y up.

    Returns:
        Both (SIDE, SIDE) uint8.
    """
    ink, height = _written(rng, digits)
    marks = _marks(rng, height)
    if rng.random() < 0.08:
        marks = np.maximum(marks, _print(rng, ink))
    if rng.random() < 0.1:
        marks = np.maximum(marks, _shown_through(rng, digits, height))
    tones = _pencil(rng, ink) if rng.random() < 0.3 else ink * _between(rng, 0.4, 0.95)
    if rng.random() < 0.3:
        tones = tones * np.clip(_patches(rng, int(rng.integers(3, 30)), 0.55, 1.15), 0.3, 1)
    scene = Scene(
        _board(rng, tones, marks) if rng.random() < 0.18 else _page(rng, tones, marks), ink
    )
    flat = rng.random() < 0.3
    if not flat:
        _seen_from_somewhere(rng, scene)
    for chance, change in CHANGES:
        if rng.random() < chance:
            change(rng, scene)
    _light(rng, scene)
    return _photograph(rng, scene)


def _between(rng: Generator, low: float, high: float) -> float:
    """In this range, each octave alike."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _patches(rng: Generator, cells: int, low: float, high: float) -> np.ndarray:
    """(DRAWN, DRAWN) smoothly between values at about so many cells each way."""
    shape = max(2, cells), max(2, round(cells * rng.uniform(0.6, 1.6)))
    values = rng.uniform(low, high, shape).astype(np.float32)
    return cv2.resize(values, (DRAWN, DRAWN), interpolation=cv2.INTER_CUBIC)


def _grain(rng: Generator, size: float) -> np.ndarray:
    """(DRAWN, DRAWN) noise of this size in px, its standard deviation 1."""
    noise = cv2.GaussianBlur(rng.normal(0, 1, (DRAWN, DRAWN)).astype(np.float32), (0, 0), size)
    return noise / noise.std()


def _empty() -> np.ndarray:
    return np.zeros((DRAWN, DRAWN), np.uint8)


def _softened(layer: np.ndarray, size: float) -> np.ndarray:
    """A drawn layer, 0 to 255, as float32 in [0, 1] and blurred."""
    return cv2.GaussianBlur(layer.astype(np.float32) / 255, (0, 0), size)


def _point(rng: Generator, low: float = 0, high: float = 1) -> tuple[int, int]:
    x, y = rng.uniform(low, high, 2) * DRAWN
    return int(x), int(y)


# What is written.


def _character(rng: Generator, digits: Sequence[Strokes]) -> Strokes:
    """A digit mostly, as another hand would write it, or a drawing; y down, height 1."""
    chance = rng.random()
    if chance < 0.8:
        strokes = digits[int(rng.integers(len(digits)))]
        turn, slant = np.radians(rng.normal(0, 4)), rng.normal(0, 0.15)
        change = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        change = change @ np.array([[rng.uniform(0.75, 1.2), slant], [0, 1]])
        strokes = [stroke @ change.T for stroke in strokes]
        if rng.random() < 0.15:
            strokes = wobbled(rng, strokes)
    elif chance < 0.93:
        strokes = DRAWERS[str(rng.choice([*DRAWERS]))](rng)
    else:
        strokes = [np.cumsum(rng.normal(0, 0.2, (int(rng.integers(8, 40)), 2)), axis=0)]
    unit = boxed(strokes)
    high = float(np.concatenate(unit)[:, 1].max())
    return [(stroke - (0, high)) * (1, -1) for stroke in unit]


def _draw(layer: np.ndarray, strokes: Strokes, pen: float, pressure: np.ndarray) -> None:
    for stroke in strokes:
        points = np.rint(_smooth(stroke) * FINE).astype(int)
        if len(points) == 1:
            cv2.circle(layer, points[0].tolist(), max(1, int(pen * 4)), 255, -1, cv2.LINE_AA, 3)
        for n, (one, other) in enumerate(pairwise(points)):
            width = max(1, round(pen * pressure[n % len(pressure)]))
            cv2.line(layer, one.tolist(), other.tolist(), 255, width, cv2.LINE_AA, 3)


def _smooth(stroke: np.ndarray, times: int = 2) -> np.ndarray:
    """With so many points for each, in between."""
    if len(stroke) < 3:
        return stroke
    at = np.linspace(0, len(stroke) - 1, times * len(stroke))
    return np.stack([np.interp(at, np.arange(len(stroke)), side) for side in stroke.T], axis=1)


def _written(rng: Generator, digits: Sequence[Strokes]) -> tuple[np.ndarray, float]:
    """What is written (DRAWN, DRAWN) in [0, 1], and how high a character is in px."""
    layer = _empty()
    chance = rng.random()
    count = 1 if chance < 0.42 else int(rng.integers(2, 10)) if chance < 0.86 else 0
    height = DRAWN * _between(rng, *(ALONE if count == 1 else IN_LINE))
    pen = max(1.6, height * _between(rng, *(PEN if rng.random() < 0.7 else FINE_PEN)))
    pressure = np.ones(1)
    if rng.random() < 0.4:
        pressure = np.clip(1 + 0.3 * np.cumsum(rng.normal(0, 0.12, 40)), 0.5, 1.5)
    rows = 2 if count > 2 and rng.random() < 0.25 else 1
    top = rng.uniform(0.02 * DRAWN, max(0.03 * DRAWN, DRAWN - 1.4 * rows * height))
    for _ in range(rows if count else 0):
        top += _line(rng, layer, [_character(rng, digits) for _ in range(count)],
                     (top, height, pen), pressure)  # fmt: skip
    if chance >= 0.93 or rng.random() < 0.06:
        size = DRAWN * rng.uniform(0.05, 0.3)
        word = "".join(rng.choice([*LETTERS], int(rng.integers(1, 6))))
        place = int(rng.uniform(0, 0.5) * DRAWN), int(rng.uniform(0.2, 1) * DRAWN)
        width = max(1, round(size * rng.uniform(0.03, 0.12)))
        font = int(rng.choice(SCRIPTS))
        cv2.putText(layer, word, place, font, size / 22, 255, width, cv2.LINE_AA)
    return layer.astype(np.float32) / 255, height


def _line(
    rng: Generator,
    layer: np.ndarray,
    characters: Sequence[Strokes],
    size: tuple[float, float, float],
    pressure: np.ndarray,
) -> float:
    """Write characters side by side; how much lower the next line begins.

    `size` is where they begin from above, how high they are and how thick the pen, in px.
    """
    top, height, pen = size
    gap, slope = rng.uniform(0.08, 0.6), rng.normal(0, 0.03)
    widths = [float(np.concatenate(strokes)[:, 0].max()) for strokes in characters]
    length = height * (sum(widths) + gap * (len(widths) - 1))
    shrunk = min(1.0, ROOM * DRAWN / max(length, 1)) if len(widths) > 1 else 1.0
    height, pen = height * shrunk, max(1.6, pen * shrunk)
    x = rng.uniform(0.02 * DRAWN, max(0.03 * DRAWN, DRAWN - length * shrunk))
    for strokes, width in zip(characters, widths, strict=True):
        own = height * rng.uniform(0.85, 1.1)
        place = x, top + slope * x + height * rng.normal(0, 0.04)
        _draw(layer, [stroke * own + place for stroke in strokes], pen, pressure)
        x += height * (width + gap * rng.uniform(0.6, 1.4))
    return height * rng.uniform(1.2, 1.6)


def _pencil(rng: Generator, ink: np.ndarray) -> np.ndarray:
    """Grey, and torn by the paper's grain."""
    torn = np.maximum(_grain(rng, rng.uniform(0.6, 1.6)) * rng.uniform(0.1, 0.5), 0)
    return ink * np.clip(1 - torn, 0.15, 1) * rng.uniform(0.18, 0.65)


# What else is on the page: how much darker it is there, in [0, 1].


def _marks(rng: Generator, height: float) -> np.ndarray:
    """Lines, squares, dots, a margin, cells or a frame."""
    layer, margin = _empty(), _empty()
    kind = str(rng.choice(MARKS, p=MARKS_SHARES))
    step = float(np.clip(height * rng.uniform(0.25, 1.6), 6, DRAWN / 2.5))
    thick = int(max(1, round(step * rng.uniform(0.02, 0.09))))
    starts = rng.uniform(0, step, 2)
    levels, uprights = (np.arange(start, DRAWN, step) for start in starts)
    if kind in ("ruled", "squared"):
        _rule(layer, levels, uprights if kind == "squared" else (), thick)
    elif kind == "dotted":
        for x, y in np.stack(np.meshgrid(uprights, levels), axis=-1).reshape(-1, 2).astype(int):
            cv2.circle(layer, (int(x), int(y)), max(1, int(step * 0.06)), 255, -1, cv2.LINE_AA)
    elif kind in ("cells", "box", "frame"):
        _cells(rng, layer, kind)
    if kind == "margin" or (kind in ("ruled", "squared") and rng.random() < 0.35):
        at = [rng.uniform(0.05, 0.95) * DRAWN]
        upright = rng.random() < 0.75
        _rule(margin, () if upright else at, at if upright else (),
              int(max(1, thick * rng.uniform(0.7, 2.5))))  # fmt: skip
    dark = (
        rng.uniform(0.2, 0.95) if kind in ("cells", "box", "frame") else _between(rng, 0.05, 0.65)
    )
    marks = np.maximum(layer * np.float32(dark), margin * np.float32(rng.uniform(0.15, 0.7))) / 255
    return marks * _patches(rng, 8, 0.6, 1.1) if rng.random() < 0.5 else marks


def _rule(layer: np.ndarray, levels: Sequence[float] | np.ndarray,
          uprights: Sequence[float] | np.ndarray, thick: int) -> None:  # fmt: skip
    end = DRAWN * FINE
    for at in np.rint(np.asarray(levels) * FINE).astype(int).tolist():
        cv2.line(layer, (0, at), (end, at), 255, thick, cv2.LINE_AA, 3)
    for at in np.rint(np.asarray(uprights) * FINE).astype(int).tolist():
        cv2.line(layer, (at, 0), (at, end), 255, thick, cv2.LINE_AA, 3)


def _cells(rng: Generator, layer: np.ndarray, kind: str) -> None:
    """A table, a box, or a frame along the picture's border."""
    inset = rng.uniform(0, 0.04 if kind == "frame" else 0.25)
    left, top = inset * DRAWN, inset * DRAWN
    ends = [(1 - inset * (1 if kind == "frame" else rng.uniform(0.2, 1.4))) * DRAWN for _ in "xy"]
    columns, rows = (rng.integers(1, 9), rng.integers(1, 4)) if kind == "cells" else (1, 1)
    thick = int(rng.integers(1, 9))
    for x in np.linspace(left, ends[0] - 1, columns + 1).astype(int).tolist():
        cv2.line(layer, (x, int(top)), (x, int(ends[1])), 255, thick, cv2.LINE_AA)
    for y in np.linspace(top, ends[1] - 1, rows + 1).astype(int).tolist():
        cv2.line(layer, (int(left), y), (int(ends[0]), y), 255, thick, cv2.LINE_AA)


def _print(rng: Generator, ink: np.ndarray) -> np.ndarray:
    """Small lines of letters, not on what was written."""
    layer = _empty()
    size, y = rng.uniform(0.02, 0.06) * DRAWN, rng.uniform(0, 1) * DRAWN
    for _ in range(int(rng.integers(1, 5))):
        line = "".join(rng.choice([*LETTERS[:26], *"     "], 30))
        place, thick = (int(rng.uniform(0, 0.4) * DRAWN), int(y)), max(1, int(size / 12))
        cv2.putText(layer, line, place, cv2.FONT_HERSHEY_DUPLEX, size / 22, 255, thick, cv2.LINE_AA)
        y += 1.8 * size
    layer[cv2.dilate(ink, np.ones((9, 9), np.uint8)) > 0] = 0
    return layer * np.float32(rng.uniform(0.3, 0.95) / 255)


def _shown_through(rng: Generator, digits: Sequence[Strokes], height: float) -> np.ndarray:
    """What was written on the back, or rubbed out."""
    layer = _empty()
    for _ in range(int(rng.integers(1, 6))):
        size = height * rng.uniform(0.5, 1.2)
        strokes = [stroke * (-size, size) + _point(rng) for stroke in _character(rng, digits)]
        _draw(layer, strokes, max(2, 0.06 * height), np.ones(1))
    return _softened(layer, rng.uniform(1.5, 4)) * np.float32(rng.uniform(0.03, 0.12))


def _page(rng: Generator, tones: np.ndarray, marks: np.ndarray) -> np.ndarray:
    light = rng.uniform(0.5, 1) * (1 - marks) * (1 - tones)
    if rng.random() < 0.25:
        light *= 1 + _grain(rng, rng.uniform(0.7, 5)) * rng.uniform(0.005, 0.03)
    return light.astype(np.float32)


def _board(rng: Generator, tones: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Light on dark."""
    base = rng.uniform(0.02, 0.35)
    written = tones / max(float(tones.max()), 1e-6) * rng.uniform(0.3, 1)
    light = base + (1 - base) * np.maximum(written, marks * rng.uniform(0.1, 0.8))
    if rng.random() < 0.6:
        light *= _patches(rng, int(rng.integers(3, 20)), 0.7, 1.2)
    return light.astype(np.float32)


# Where it lies, and what lies on it.


def _seen_from_somewhere(rng: Generator, scene: Scene) -> None:
    """In perspective; often as a sheet on something else."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * DRAWN
    is_sheet = rng.random() < 0.45
    placed = corners.copy()
    if is_sheet:
        left, top, right, bottom = rng.uniform(0, 0.28, 4) * (rng.random(4) < 0.6) * DRAWN
        placed += [[left, top], [-right, top], [-right, -bottom], [left, -bottom]]
    placed += rng.normal(0, rng.uniform(0, 0.06), (4, 2)) * DRAWN
    angle, middle = np.radians(rng.normal(0, 7)), placed.mean(0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    placed = (placed - middle) @ turn.T * rng.uniform(0.95, 1 if is_sheet else 1.12) + middle
    way = cv2.getPerspectiveTransform(corners, placed.astype(np.float32))
    size = (DRAWN, DRAWN)
    scene.light = cv2.warpPerspective(scene.light, way, size, borderMode=cv2.BORDER_REPLICATE)
    scene.ink = cv2.warpPerspective(scene.ink, way, size)
    if not is_sheet:
        return
    inside = cv2.warpPerspective(np.ones(size, np.float32), way, size)
    desk = _desk(rng)
    if rng.random() < 0.5:
        desk *= 1 - rng.uniform(0.1, 0.6) * _shadow_of(rng, inside, 8, (2, 10))
    scene.light = scene.light * inside + desk * (1 - inside)


def _shadow_of(
    rng: Generator, layer: np.ndarray, far: int, soft: tuple[float, float]
) -> np.ndarray:
    shifted = np.roll(layer, tuple(rng.integers(-far, far + 1, 2).tolist()), (0, 1))
    return cv2.GaussianBlur(shifted, (0, 0), rng.uniform(*soft))


def _desk(rng: Generator) -> np.ndarray:
    """Wood, cloth, stripes or nothing of the kind, and things that lie there."""
    tone = rng.uniform(0.06, 0.95)
    desk = np.full((DRAWN, DRAWN), tone, np.float32)
    chance = rng.random()
    if chance < 0.35:
        cells = DRAWN // int(rng.integers(2, 9)), DRAWN // int(rng.integers(30, 120))
        noise = rng.normal(0, rng.uniform(0.02, 0.1) * tone, cells).astype(np.float32)
        noise = noise.T if rng.random() < 0.5 else noise
        desk += cv2.resize(
            np.ascontiguousarray(noise), (DRAWN, DRAWN), interpolation=cv2.INTER_CUBIC
        )
    elif chance < 0.6:
        desk += _grain(rng, rng.uniform(0.6, 4)) * np.float32(rng.uniform(0.02, 0.12) * tone)
    elif chance < 0.75:
        waves = np.sin(_across(rng, (0, 1)) * 2 * np.pi / rng.uniform(8, 60))
        waves = np.sign(waves) if rng.random() < 0.5 else waves
        desk += waves * np.float32(rng.uniform(0.05, 0.2))
    for _ in range(int(rng.integers(1, 5)) if rng.random() < 0.3 else 0):
        axes = int(rng.uniform(4, 0.3 * DRAWN)), int(rng.uniform(4, 0.3 * DRAWN))
        turn, tone = rng.uniform(0, 180), rng.uniform(0, 1)
        cv2.ellipse(desk, _point(rng), axes, turn, 0, 360, tone, -1, cv2.LINE_AA)
    return np.clip(desk, 0.01, 1)


def _across(rng: Generator, where: tuple[float, float]) -> np.ndarray:
    """(DRAWN, DRAWN) px from a straight line through a point in this range, in any direction."""
    angle, (x, y) = rng.uniform(0, np.pi), _point(rng, *where)
    places = np.arange(DRAWN, dtype=np.float32)
    return (places - x) * np.float32(np.cos(angle)) + (places - y)[:, None] * np.float32(
        np.sin(angle)
    )


def _crease(rng: Generator, scene: Scene) -> None:
    across = _across(rng, (0.1, 0.9)) / np.float32(rng.uniform(1, 6))
    scene.light *= 1 + rng.uniform(-0.25, 0.25) * np.exp(-(across**2))
    scene.light *= 1 + rng.uniform(-0.12, 0.12) * np.tanh(across / 2)


def _ring(rng: Generator, scene: Scene) -> None:
    """Left by a cup."""
    layer = _empty()
    radius, thick = int(rng.uniform(0.1, 0.4) * DRAWN), int(rng.integers(2, 12))
    cv2.circle(layer, _point(rng), radius, 255, thick, cv2.LINE_AA)
    scene.light *= 1 - rng.uniform(0.08, 0.3) * _softened(layer, 2)


def _things(rng: Generator, scene: Scene) -> None:
    """Fingers and pens, from the border."""
    for _ in range(int(rng.integers(1, 3))):
        start, reach = rng.uniform(0, 1), rng.uniform(0.05, 0.35)
        ends = np.array([(0, start), (reach, start + rng.normal(0, 0.15))])
        ends = 1 - ends if rng.random() < 0.5 else ends
        ends = ends[:, ::-1] if rng.random() < 0.5 else ends
        one, other = (ends * DRAWN).astype(int).tolist()
        width = int(rng.uniform(0.02, 0.22) * DRAWN)
        layer = _empty()
        cv2.line(layer, one, other, 255, width, cv2.LINE_AA)
        thing = _softened(layer, rng.uniform(0.5, 2.5))
        round_ = 0.5 + 0.5 * cv2.GaussianBlur(thing, (0, 0), max(1.0, width / 4))
        scene.light *= 1 - rng.uniform(0, 0.5) * _shadow_of(rng, thing, 12, (2, 12))
        scene.light = scene.light * (1 - thing) + thing * round_ * np.float32(
            rng.uniform(0.05, 0.8)
        )
        scene.ink = scene.ink * (1 - thing)


def _glare(rng: Generator, scene: Scene) -> None:
    layer = _empty()
    cv2.circle(layer, _point(rng), int(rng.uniform(0.05, 0.25) * DRAWN), 255, -1)
    scene.light += rng.uniform(0.1, 0.6) * _softened(layer, rng.uniform(8, 50))


def _stripes(rng: Generator, scene: Scene) -> None:
    """Of light, as blinds let through."""
    waves = np.sin(_across(rng, (0, 1)) * 2 * np.pi / (rng.uniform(0.06, 0.4) * DRAWN))
    shade = 0.5 + 0.5 * np.tanh(waves * rng.uniform(1, 12))
    scene.light *= 1 - rng.uniform(0.15, 0.5) * shade


CHANGES: tuple[tuple[float, Callable[[Generator, Scene], None]], ...] = (
    (0.12, _crease),
    (0.04, _ring),
    (0.16, _things),
    (0.06, _glare),
    (0.08, _stripes),
)


# What the camera makes of it.


def _light(rng: Generator, scene: Scene) -> None:
    """Uneven light, and up to two shadows with hard or soft edges."""
    if rng.random() < 0.65:
        scene.light *= _patches(rng, int(rng.integers(2, 4)), rng.uniform(0.45, 1), 1)
    for _ in range(int(rng.choice([0, 0, 0, 1, 1, 2]))):
        layer = _empty()
        if rng.random() < 0.6:
            corners = np.array([_point(rng, -0.3, 1.3) for _ in range(int(rng.integers(3, 6)))])
            cv2.fillConvexPoly(layer, cv2.convexHull(corners), 255, cv2.LINE_AA)
        else:
            width, height = (rng.uniform(0.1, 0.8, 2) * DRAWN).astype(int).tolist()
            turn = rng.uniform(0, 180)
            cv2.ellipse(layer, _point(rng, -0.2, 1.2), (width, height), turn, 0, 360, 255, -1)
        scene.light *= 1 - rng.uniform(0.15, 0.65) * _softened(layer, _between(rng, 0.6, 40))


def _photograph(rng: Generator, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Blurred, reduced, with the camera's tones, noise and compression."""
    light, ink = scene.light, scene.ink
    if rng.random() < 0.08:
        moved = _moved(rng)
        light, ink = cv2.filter2D(light, -1, moved), cv2.filter2D(ink, -1, moved)
    blur = rng.choice([0.6, 1.2, 2.5, 5], p=[0.4, 0.33, 0.19, 0.08]) * rng.uniform(0.5, 1.2)
    light = cv2.GaussianBlur(light, (0, 0), float(blur))
    light, ink = (cv2.resize(a, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for a in (light, ink))
    light = np.clip(light * rng.uniform(0.75, 1.1) + rng.uniform(0, 0.08), 0, 1)
    light = light ** rng.uniform(0.6, 1.3)
    noise: np.ndarray = rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    if rng.random() < 0.3:
        noise = 2 * cv2.GaussianBlur(noise, (0, 0), 0.8)
    strength = rng.choice([0, 0.008, 0.02, 0.06], p=[0.25, 0.4, 0.25, 0.1])
    light = light + noise * np.float32(strength * rng.uniform(0.5, 1.3))
    picture = (np.clip(light, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        picture = cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_GRAYSCALE)
    return picture, np.rint(ink * 255).astype(np.uint8)


def _moved(rng: Generator) -> np.ndarray:
    """What a moving camera makes of a point."""
    side = int(rng.integers(3, 15))
    angle, middle = rng.uniform(0, np.pi), (side - 1) / 2
    half = np.array([np.cos(angle), np.sin(angle)]) * middle
    one, other = (np.rint(middle + way * half).astype(int).tolist() for way in (-1, 1))
    layer = np.zeros((side, side), np.float32)
    cv2.line(layer, one, other, 1.0)
    return layer / layer.sum()
