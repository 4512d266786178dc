"""Strokes that are no digit, drawn from geometry: arrows, crosses, polygons, curves, doodles.

Each kind is a function (rng) -> strokes, each stroke (n, 2) float64 with y up, in any unit, ready
for `netlib.data.strokes.render_strokes`. They vary as hands do: directions, proportions and a
smooth wobble are random.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.random import Generator

Strokes = list[np.ndarray]
Drawer = Callable[[Generator], Strokes]
Point = Sequence[float] | np.ndarray

STEPS = 24  # points of one arc or line


def line(*corners: Point) -> np.ndarray:
    """A stroke through corners, in small steps, so that a wobble can bend it."""
    points = np.asarray(corners, dtype=np.float64)
    parts = [np.linspace(a, b, STEPS, endpoint=False) for a, b in pairwise(points)]
    return np.concatenate([*parts, points[-1:]])


def closed(*corners: Point) -> np.ndarray:
    """A closed stroke through corners."""
    return line(*corners, corners[0])


def around(angles: np.ndarray) -> np.ndarray:
    """Points (n, 2) of the unit circle at angles in radians, counter-clockwise from the right."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def arc(middle: Point, radius: float | Point, start: float = 0, stop: float = 360) -> np.ndarray:
    """Part of an ellipse, counter-clockwise from the right, degrees."""
    circle = around(np.radians(np.linspace(start, stop, 2 * STEPS)))
    return np.asarray(middle) + circle * np.asarray(radius)


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """Turned counter-clockwise around the origin."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return points @ np.array([[cos, sin], [-sin, cos]])


def wobbled(rng: Generator, strokes: Strokes, strength: float = 0.03) -> Strokes:
    """A smooth random bend of the whole drawing, a little slant and another aspect ratio.

    `strength` is the deviation of the bend, as a share of the drawing's longer side.
    """
    points = np.concatenate(strokes)
    low, side = points.min(0), float(np.ptp(points, axis=0).max()) or 1.0
    waves = rng.uniform(1, 4, (3, 2))
    phases = rng.uniform(0, 2 * np.pi, (3, 2))
    heights = rng.normal(0, strength / 3**0.5, (3, 2))
    slant = np.array([[rng.uniform(0.85, 1.15), 0], [rng.normal(0, 0.08), rng.uniform(0.85, 1.15)]])
    bent = []
    for stroke in strokes:
        unit = (stroke - low) / side
        along = unit[:, ::-1, None].transpose(0, 2, 1) * waves * np.pi + phases
        bent.append((unit + (heights * np.sin(along)).sum(1)) @ slant)
    return bent


def arrows(rng: Generator) -> Strokes:
    """A straight, bent or curved shaft with one or two heads, in any direction."""
    kind = rng.integers(3)
    if kind == 0:
        shaft = line((0, 0), (1, 0))
    elif kind == 1:
        shaft = line((0, 0), (0.5, 0), (0.5, rng.uniform(0.4, 0.8)))
    else:
        shaft = arc((0, 0), 0.6, 0, rng.uniform(90, 240))
    barb, angle = rng.uniform(0.2, 0.45), rng.uniform(25, 50)
    strokes = [shaft]
    for end, before in ((-1, -4), (0, 3))[: 1 + int(rng.random() < 0.25)]:
        back = shaft[before] - shaft[end]
        back = back / np.linalg.norm(back) * barb
        sides = [shaft[end] + turned(back, sign * angle) for sign in (-1, 1)]
        head = line(sides[0], shaft[end], sides[1])
        strokes.append(line(*head, head[0]) if rng.random() < 0.2 else head)
    degrees = rng.uniform(0, 360)
    return [turned(stroke, degrees) for stroke in strokes]


def crosses(rng: Generator) -> Strokes:
    """Bars that cross, or meet a stem: plus, times, asterisk, comb, ladder, T."""
    kind = rng.integers(4)
    if kind == 0:  # two bars across each other
        angle, share = rng.uniform(55, 125), rng.uniform(0.35, 0.65)
        first = line((0, -share), (0, 1 - share))
        second = turned(line((0, -0.5), (0, 0.5)) * rng.uniform(0.6, 1.2), angle)
        strokes, turn = [first, second], rng.uniform(0, 360)
    elif kind == 1:  # an asterisk
        count = int(rng.integers(3, 5))
        bars = 180 / count * np.arange(count) + rng.normal(0, 6, count)
        strokes, turn = [turned(line((0, -0.5), (0, 0.5)), b) for b in bars], rng.uniform(0, 180)
    elif kind == 2:  # a comb: a stem with two to four bars on one side or both
        places = np.sort(rng.permutation(5)[: rng.integers(2, 5)]) / 4
        left = -rng.uniform(0.2, 0.7) * (rng.random() < 0.4)
        right = rng.uniform(0.3, 0.8)
        strokes = [line((0, 0), (0, 1)), *(line((left, p), (right, p)) for p in places)]
        turn = rng.choice([0, 90, 180, 270])
    else:  # a T, and its doubled form
        width, stems = rng.uniform(0.5, 1.2), rng.choice([1, 2])
        feet = [0.0] if stems == 1 else [-width / 4, width / 4]
        strokes = [line((-width / 2, 1), (width / 2, 1)), *(line((x, 1), (x, 0)) for x in feet)]
        turn = rng.choice([0, 0, 90, 180, 270])
    return [turned(stroke, float(turn)) for stroke in strokes]


def polygons(rng: Generator) -> Strokes:
    """A triangle, box or pentagon with sharp corners, alone or with something in it or on it."""
    count = int(rng.choice([3, 3, 4, 4, 4, 5]))
    angles = np.sort(360 / count * (np.arange(count) + rng.uniform(-0.22, 0.22, count)))
    angles = np.radians(angles + rng.uniform(0, 360))
    corners = around(angles) * rng.uniform(0.75, 1.0, (count, 1))
    strokes = [closed(*corners)]
    extra = rng.integers(6)
    if extra == 0:
        strokes.append(line(corners[0], corners[count // 2]))
    elif extra == 1:
        strokes.append(closed(*(corners * rng.uniform(0.3, 0.6))))
    elif extra == 2:
        strokes.append(arc((0, 0), rng.uniform(0.15, 0.4)))
    elif extra == 3:  # a corner that sticks out: a roof, a kite
        tip = (corners[0] + corners[1]) * rng.uniform(0.9, 1.4)
        strokes.append(line(corners[0], tip, corners[1]))
    return strokes


def curves(rng: Generator) -> Strokes:
    """A spiral, wave, heart, lying loop, star, flash, crescent or row of loops."""
    kind = rng.integers(8)
    t = np.linspace(0, 1, 8 * STEPS)
    a = 2 * np.pi * t
    if kind == 0:  # a spiral
        angles = 2 * np.pi * rng.uniform(2, 4) * t * rng.choice([-1, 1]) + rng.uniform(0, 6)
        strokes = [around(angles) * (0.08 + t[:, None])]
    elif kind == 1:  # a wave, round or sharp
        waves = 2 * np.pi * rng.uniform(2, 5) * t + rng.uniform(0, 6)
        height = np.sin(waves) if rng.random() < 0.5 else 2 / np.pi * np.arcsin(np.sin(waves))
        strokes = [np.stack([t * rng.uniform(3, 6), height], 1)]
    elif kind == 2:  # a heart
        x = 16 * np.sin(a) ** 3
        y = 13 * np.cos(a) - 5 * np.cos(2 * a) - 2 * np.cos(3 * a) - np.cos(4 * a)
        strokes = [np.stack([x, y], 1)]
    elif kind == 3:  # a lying eight, a clover
        if rng.random() < 0.5:
            strokes = [np.stack([np.cos(a) * 1.3, np.sin(2 * a) * rng.uniform(0.3, 0.6)], 1)]
        else:
            radius = np.abs(np.cos(rng.integers(3, 6) * a / 2)) + 0.05
            strokes = [radius[:, None] * around(a)]
    elif kind == 4:  # an outlined star
        points = int(rng.integers(4, 9))
        angle = np.pi / points * np.arange(2 * points) + rng.uniform(0, 6)
        reach = np.where(np.arange(2 * points) % 2, rng.uniform(0.3, 0.6), 1)
        strokes = [closed(*(reach[:, None] * around(angle)))]
    elif kind == 5:  # a flash
        strokes = [closed((0.6, 1), (0, 0.45), (0.4, 0.45), (0.2, -0.3), (0.9, 0.6), (0.5, 0.6))]
    elif kind == 6:  # a crescent
        outer = arc((0, 0), 1, 60, 300)
        inner = arc((rng.uniform(0.3, 0.6), 0), (0.75, 0.87), 90, 270)
        strokes = [turned(part, rng.uniform(0, 5)) for part in (outer, inner)]
        turn = rng.uniform(0, 360)
        strokes = [turned(part, turn) for part in strokes]
    else:  # a row of loops
        a = 2 * np.pi * rng.uniform(2.5, 5) * t
        strokes = [np.stack([a * rng.uniform(0.1, 0.2) + np.cos(a), np.sin(a) * 1.2], 1)]
    return strokes


def doodles(rng: Generator) -> Strokes:
    """Three to nine lines, arcs, rings and zigzags, anywhere."""
    strokes = []
    for _ in range(int(rng.integers(3, 10))):
        place, kind = rng.uniform(0, 1, 2), rng.integers(4)
        if kind == 0:
            strokes.append(line(place, rng.uniform(0, 1, 2)))
        elif kind == 1:
            start, radii = rng.uniform(0, 360), rng.uniform(0.1, 0.4, 2)
            strokes.append(arc(place, radii, start, start + rng.uniform(60, 270)))
        elif kind == 2:
            strokes.append(arc(place, rng.uniform(0.05, 0.3)))
        else:
            count = int(rng.integers(3, 7))
            steps = np.cumsum(rng.uniform(0.05, 0.2, count))
            rows = np.where(np.arange(count) % 2, 0.0, rng.uniform(0.1, 0.4))
            strokes.append(place + turned(line(*np.stack([steps, rows], 1)), rng.uniform(0, 360)))
    return strokes


def glyphs(rng: Generator) -> Strokes:
    """A sign of an alphabet that nobody has: three to six joints of a 3x3 grid, joined."""
    grid = np.stack(np.meshgrid([0, 0.5, 1], [0, 0.6, 1.2]), -1).reshape(-1, 2)
    joints = grid[rng.permutation(9)[: rng.integers(4, 7)]] + rng.normal(0, 0.05, 2)
    strokes = []
    for number in range(1, len(joints)):
        a, b = joints[rng.integers(number)], joints[number]
        if rng.random() < 0.7:
            strokes.append(line(a, b))
        else:  # a bow
            middle, half = (a + b) / 2, (b - a) / 2
            bow = arc((0, 0), (1, rng.uniform(0.4, 1)), 0, 180)
            strokes.append(middle + bow @ np.array([half, [-half[1], half[0]]]))
    if rng.random() < 0.3:
        strokes.append(arc(joints[rng.integers(len(joints))], rng.uniform(0.08, 0.25)))
    return strokes


def scenes(rng: Generator) -> Strokes:
    """A small picture as people draw it: face, flower, tree, cup, fish and the like."""
    chosen = SCENES[int(rng.integers(len(SCENES)))]
    return chosen(rng) if callable(chosen) else chosen


def _face(rng: Generator) -> Strokes:
    smile, flat = arc((0, -0.1), (0.5, 0.4), 200, 340), line((-0.4, -0.4), (0.4, -0.4))
    mouth = smile if rng.random() < 0.7 else flat
    eyes = [arc((x, 0.3), rng.uniform(0.05, 0.15)) for x in (-0.35, 0.35)]
    ears = [line((s * 0.9, 0.45), (s * 0.8, 1.3), (s * 0.4, 0.9)) for s in (-1, 1)]
    return [arc((0, 0), 1), mouth, *eyes, *(ears if rng.random() < 0.3 else [])]


def _flower(rng: Generator) -> Strokes:
    count = int(rng.integers(4, 8))
    angles = 360 / count * np.arange(count)
    petals = [turned(arc((0.6, 0), (0.35, 0.2)), a) for a in angles]
    return [arc((0, 0), 0.25), *petals, line((0, -0.9), (0, -2)), arc((0.3, -1.6), (0.3, 0.12))]


def _sun(rng: Generator) -> Strokes:
    count = int(rng.integers(6, 11))
    rays = [turned(line((0.75, 0), (1.2, 0)), 360 / count * k) for k in range(count)]
    return [arc((0, 0), 0.6), *rays]


def _tree(rng: Generator) -> Strokes:
    trunk = [line((-0.15, 0), (-0.15, -0.9)), line((0.15, 0), (0.15, -0.9))]
    if rng.random() < 0.5:
        return [*trunk, arc((0, 0.5), (0.7, 0.6))]
    return [*trunk, closed((-0.8, 0), (0, 1.5), (0.8, 0)), line((-0.5, 0.5), (0.5, 0.5))]


def _cup(rng: Generator) -> Strokes:
    body = line((-0.6, 1), (-0.5, 0), (0.5, 0), (0.6, 1))
    return [body, arc((0, 1), (0.6, rng.uniform(0.08, 0.2))), arc((0.6, 0.55), 0.3, -90, 90)]


def _fish(rng: Generator) -> Strokes:
    side = rng.choice([-1, 1])
    tail = line((0.9, 0.1), (1.6, 0.5), (1.6, -0.5), (0.9, -0.1))
    return [stroke * (side, 1) for stroke in (arc((0, 0), (1, 0.5)), tail, arc((-0.6, 0.1), 0.07))]


def _person(rng: Generator) -> Strokes:
    arms = rng.uniform(-0.4, 0.4)
    return [
        arc((0, 1.2), 0.3),
        line((0, 0.9), (0, 0)),
        line((-0.6, 0.5 + arms), (0, 0.6)),
        line((0, 0.6), (0.6, 0.5 - arms)),
        line((-0.4, -0.8), (0, 0), (0.4, -0.8)),
    ]


def _key(rng: Generator) -> Strokes:
    turn = float(rng.choice([0, 90, 180, 270]))
    bits = [line((x, 0), (x, -0.3)) for x in (0.7, 1)]
    strokes = [arc((-0.8, 0), 0.35), line((-0.45, 0), (1, 0)), *bits]
    return [turned(stroke, turn) for stroke in strokes]


# What is drawn in one form only.
BOAT = [
    closed((-1, 0), (1, 0), (0.6, -0.5), (-0.6, -0.5)),
    line((0, 0), (0, 1.4)),
    closed((0.08, 1.3), (0.8, 0.2), (0.08, 0.2)),
]
UMBRELLA = [
    arc((0, 0), 1, 0, 180),
    line((-1, 0), (1, 0)),
    line((0, 0), (0, -1)),
    arc((-0.2, -1), 0.2, 180, 360),
]
_ROOF = ((-0.6, 0.45), (-0.4, 0.9), (0.5, 0.9), (0.7, 0.45))
CAR = [
    closed((-1.2, 0), (-1.2, 0.4), *_ROOF, (1.2, 0.4), (1.2, 0)),
    arc((-0.7, -0.05), 0.25),
    arc((0.7, -0.05), 0.25),
]
GLASSES = [
    arc((-0.6, 0), 0.45),
    arc((0.6, 0), 0.45),
    line((-0.15, 0), (0.15, 0)),
    line((-1.05, 0), (-1.4, 0.4)),
    line((1.05, 0), (1.4, 0.4)),
]
ENVELOPE = [
    closed((-1, 0.6), (1, 0.6), (1, -0.6), (-1, -0.6)),
    line((-1, 0.6), (0, -0.1), (1, 0.6)),
]
CLOUD = [
    arc((-0.6, 0), 0.4, 90, 270),
    arc((-0.2, 0.3), 0.45, 20, 200),
    arc((0.5, 0.1), 0.5, -90, 120),
    line((-0.6, -0.4), (0.5, -0.4)),
]
FLAG = [line((0, -1), (0, 1)), closed((0, 1), (1, 0.9), (0.9, 0.3), (0, 0.35))]
NOTE = [
    arc((-0.25, 0), (0.25, 0.18)),
    line((0, 0), (0, 1.3)),
    line((0, 1.3), (0.9, 1.1)),
    line((0.9, 1.1), (0.9, -0.2)),
    arc((0.65, -0.2), (0.25, 0.18)),
]
BULB = [
    arc((0, 0.4), 0.7, -60, 240),
    line((-0.3, -0.25), (-0.3, -0.8), (0.3, -0.8), (0.3, -0.25)),
    line((-0.3, -0.5), (0.3, -0.5)),
]
SCENES: tuple[Drawer | Strokes, ...] = (
    *(_face, _flower, _sun, _tree, _cup, _fish, _person, BOAT, UMBRELLA),
    *(CAR, GLASSES, ENVELOPE, CLOUD, FLAG, _key, NOTE, BULB),
)
DRAWERS: dict[str, Drawer] = {
    drawer.__name__: drawer
    for drawer in (arrows, crosses, polygons, curves, doodles, glyphs, scenes)
}
