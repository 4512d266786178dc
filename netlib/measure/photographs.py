"""Pictures like those that people send: digits and signs on paper, boards, screens.

    strokes -> ink on a page (H, W) -> one of KINDS -> a picture

The digits are drawn from geometry, with the unsteadiness of a hand; nothing is trained on these
pictures, and they set no threshold.
"""

import io
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image

from netlib.data.strokes import render_strokes
from netlib.measure.doodles import Strokes, arc, line, wobbled

Kind = Callable[[Generator, np.ndarray, float], Image.Image]

# Written as most hands do, in a box of height 1, y up.
DIGITS: dict[str, Strokes] = {
    "0": [arc((0.3, 0.5), (0.3, 0.5), 90, 455)],
    "1": [line((0, 0.75), (0.22, 1), (0.2, 0))],
    "2": [np.concatenate([arc((0.3, 0.7), 0.3, 160, -35),
                          line((0.5, 0.45), (0, 0), (0.62, 0.02))])],
    "3": [np.concatenate([arc((0.25, 0.75), 0.25, 150, -80), arc((0.25, 0.26), 0.29, 80, -150)])],
    "4": [line((0.1, 1), (0.02, 0.35), (0.65, 0.37)), line((0.5, 0.75), (0.45, 0))],
    "5": [np.concatenate([line((0.1, 1), (0.06, 0.55)), arc((0.25, 0.3), 0.31, 120, -140)]),
          line((0.1, 1), (0.55, 0.98))],
    "6": [np.concatenate([line((0.45, 1), (0.12, 0.6)), arc((0.3, 0.28), 0.28, 160, 500)])],
    "7": [line((0, 0.97), (0.6, 1), (0.2, 0))],
    "8": [np.concatenate([arc((0.3, 0.75), 0.23, 270, -90), arc((0.3, 0.26), 0.29, 90, 450)])],
    "9": [np.concatenate([arc((0.3, 0.72), 0.27, 10, 360), line((0.57, 0.75), (0.5, 0))])],
}  # fmt: skip
SIGNS: dict[str, Strokes] = {
    "$": [np.concatenate([arc((0.3, 0.68), (0.26, 0.22), 20, 270),
                          arc((0.3, 0.24), (0.28, 0.22), 90, -160)]),
          line((0.3, 1.1), (0.3, -0.15))],
    "%": [arc((0.12, 0.8), 0.14), arc((0.6, 0.2), 0.14), line((0.62, 1), (0.1, 0))],
    "/": [line((0, -0.1), (0.5, 1.1))],
    ".": [line((0, 0), (0.01, 0.01))],
    ",": [line((0.06, 0.06), (0, -0.14))],
    "-": [line((0, 0.47), (0.4, 0.48))],
    "(": [arc((0.5, 0.5), (0.4, 0.75), 120, 240)],
    ")": [arc((-0.1, 0.5), (0.4, 0.75), 60, -60)],
    "[": [line((0.25, 1.15), (0, 1.15), (0, -0.15), (0.25, -0.15))],
    "]": [line((0, 1.15), (0.25, 1.15), (0.25, -0.15), (0, -0.15))],
    "=": [line((0, 0.6), (0.45, 0.6)), line((0, 0.38), (0.45, 0.38))],
    "+": [line((0, 0.48), (0.5, 0.48)), line((0.25, 0.72), (0.25, 0.22))],
}  # fmt: skip


def written(rng: Generator, text: str) -> list[Strokes]:
    """The strokes of each character as a hand writes them: not all of one size."""
    drawn = []
    for character in text:
        strokes = DIGITS.get(character) or SIGNS[character]
        flat = character in SIGNS
        bent = strokes if flat else wobbled(rng, strokes, 0.025)
        drawn.append([stroke * rng.uniform(0.9, 1.1) for stroke in bent])
    return drawn


def on_a_page(
    rng: Generator,
    rows: Sequence[Sequence[Strokes]],
    *,
    height: float = 140,
    pen: float | None = None,
    margin: tuple[float, float] = (0.5, 1.5),
    gap: tuple[float, float] = (0.22, 0.5),
) -> np.ndarray:
    """Rows of characters, each in a box of height 1, as ink (H, W) float32 in [0, 1].

    Heights and pens are in px (by default, a usual pen); margins around the rows and gaps between
    characters and rows are ranges, in heights.
    """
    pen = pen or height * rng.uniform(0.05, 0.1)
    placed: list[np.ndarray] = []
    top = 0.0
    for row in rows:
        x = 0.0
        for strokes in row:
            low = min(stroke[:, 0].min() for stroke in strokes)
            shift = np.array([x - low, top + rng.uniform(-0.04, 0.04)])
            placed += [stroke + shift for stroke in strokes]
            x = max(stroke[:, 0].max() for stroke in placed[-len(strokes) :])
            x += rng.uniform(*gap) + pen / height
        top -= 1 + rng.uniform(*gap) + pen / height
    points = np.concatenate(placed)
    left, right, above, below = rng.uniform(*margin, 4) * height + pen
    size = np.ptp(points, axis=0) * height + (left + right, above + below)
    low = points.min(0) - np.array((left, below)) / height
    side = int(size.max())
    sheet = render_strokes(
        [stroke - low for stroke in placed],
        side,
        pen=pen,
        extent=float(np.ptp(points, axis=0).max() * height / side),
        offset=(0, 0),
    )
    used = np.argwhere(sheet)
    (y0, x0), (y1, x1) = used.min(0), used.max(0) + 1
    room = ((int(above), int(below)), (int(left), int(right)))
    return np.pad(sheet[y0:y1, x0:x1], room).astype(np.float32) / 255


def _mesh(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[: ink.shape[0], : ink.shape[1]].astype(np.float32)
    return x, y


def _light(rng: Generator, shape: tuple[int, ...], strength: float = 0.4) -> np.ndarray:
    """Light that falls off from one side and from a lamp."""
    x, y = _mesh(np.empty(shape[:2]))
    x, y = x / shape[1] - rng.uniform(0, 1), y / shape[0] - rng.uniform(0, 1)
    slope = rng.uniform(-0.3, 0.3, 2) * strength
    return 1 - strength * np.minimum(x * x + y * y, 1) + slope[0] * x + slope[1] * y


def _taken(
    rng: Generator, page: np.ndarray, light: float = 0.4, noise: float = 0.012
) -> np.ndarray:
    """In uneven light, through a lens and a sensor: (H, W, 3) in [0, 1] -> uint8."""
    rgb = page * _light(rng, page.shape, light)[..., None] if light else page  # lit already
    rgb = cv2.GaussianBlur(rgb.astype(np.float32), (0, 0), rng.uniform(0.6, 1.4))
    warm = np.array((1.0, rng.uniform(0.94, 1), rng.uniform(0.82, 1)), np.float32)
    rgb = rgb * warm + rng.normal(0, noise, rgb.shape).astype(np.float32)
    return np.rint(255 * np.clip(rgb, 0, 1)).astype(np.uint8)


def _jpeg(rgb: np.ndarray, quality: int) -> Image.Image:
    """As it comes back from a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


def _photo(rng: Generator, page: np.ndarray, **conditions: float) -> Image.Image:
    return _jpeg(_taken(rng, page, **conditions), int(rng.integers(60, 95)))


PENS = ((0.1, 0.1, 0.12), (0.12, 0.2, 0.6), (0.1, 0.15, 0.45), (0.75, 0.1, 0.12), (0.1, 0.4, 0.2))


def _inked(page: np.ndarray, ink: np.ndarray, colour: Sequence[float] | np.ndarray) -> np.ndarray:
    return page * (1 - ink[..., None]) + np.asarray(colour, np.float32) * ink[..., None]


def _sheet(ink: np.ndarray, tone: float) -> np.ndarray:
    return np.full((*ink.shape, 3), tone, np.float32)


def _any(rng: Generator, these: Sequence[Any]) -> Any:
    return these[int(rng.integers(len(these)))]


def _page(rng: Generator, ink: np.ndarray, low: float = 0.75, high: float = 0.95) -> np.ndarray:
    """A sheet of a tone in between, written on with any pen."""
    return _inked(_sheet(ink, rng.uniform(low, high)), ink, _any(rng, PENS))


def desk(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """A sheet lying on a desk, seen at an angle."""
    page = _page(rng, ink)
    h, w = ink.shape
    edge = int(rng.uniform(0.1, 0.35) * max(h, w))
    size = (w + 2 * edge, h + 2 * edge)
    streaks = rng.normal(0, 1, (size[1], max(2, size[0] // 60))).astype(np.float32)
    soft = cv2.resize(cv2.GaussianBlur(streaks, (0, 0), 1.5), size)
    colour = np.array(_any(rng, ((0.45, 0.3, 0.18), (0.25, 0.17, 0.12), (0.6, 0.5, 0.38))))
    wood = (colour * (1 + 0.12 * soft[..., None])).astype(np.float32)
    corners = np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float32)
    target = corners + edge + rng.uniform(-0.06, 0.06, (4, 2)).astype(np.float32) * min(h, w)
    warp = cv2.getPerspectiveTransform(corners, target.astype(np.float32))
    seen = cv2.warpPerspective(np.ones(ink.shape, np.float32), warp, size)[..., None]
    view = wood * (1 - seen) + cv2.warpPerspective(page, warp, size) * seen
    return _photo(rng, view)


def sticky_note(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """A coloured note on a wall, a desk or a screen."""
    colour = _any(rng, ((0.97, 0.9, 0.4), (0.97, 0.6, 0.7), (0.6, 0.85, 0.95), (0.7, 0.9, 0.5)))
    page = _inked(np.array(colour), ink, (0.1, 0.1, 0.15))
    edge = int(rng.uniform(0.08, 0.4) * max(ink.shape))
    around = _any(rng, (0.9, 0.55, 0.2))
    view = np.pad(page, ((edge, edge), (edge, edge), (0, 0)), constant_values=around)
    turn = cv2.getRotationMatrix2D((view.shape[1] / 2, view.shape[0] / 2), rng.uniform(-6, 6), 1)
    view = cv2.warpAffine(view, turn, view.shape[1::-1], borderValue=(around,) * 3)
    return _photo(rng, view)


def notebook(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """Blue lines, a red margin, perhaps the binding's holes, a little turned."""
    x, y = _mesh(ink)
    x, y = x + rng.uniform(-0.03, 0.03) * y, y + rng.uniform(-0.03, 0.03) * x
    page = _sheet(ink, rng.uniform(0.8, 0.95))
    step = height * rng.uniform(0.3, 1.3)
    thick = max(1.2, height * 0.012)
    blue = np.array((0.5, 0.65, 0.85)) * rng.uniform(0.75, 1.05)
    page[((y + rng.uniform(0, step)) % step) < thick] = blue
    if rng.random() < 0.6:
        page[np.abs(x - rng.uniform(0.05, 0.12) * ink.shape[1]) < thick] = (0.9, 0.45, 0.45)
    page = _inked(page, ink, _any(rng, PENS))
    if rng.random() < 0.3:
        for place in np.arange(rng.uniform(0, 0.3), 1, 0.3):
            hole = (x + 0.02 * ink.shape[1]) ** 2 + (y - place * ink.shape[0]) ** 2
            page[hole < (0.06 * height) ** 2 + (0.03 * ink.shape[1]) ** 2] = 0.2
    return _photo(rng, page)


def graph_paper(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """Fine squares in colour, every fifth or tenth line stronger."""
    x, y = _mesh(ink)
    x, y = x + rng.uniform(-0.04, 0.04) * y, y + rng.uniform(-0.04, 0.04) * x
    step = height * rng.uniform(0.1, 0.35)
    tints = ((0.55, 0.75, 0.9), (0.95, 0.7, 0.6), (0.6, 0.8, 0.65), (0.7, 0.7, 0.75))
    tint = np.array(_any(rng, tints))
    page = _sheet(ink, rng.uniform(0.85, 0.97))
    for scale, strength in ((1, 0.8), (rng.choice([5, 10]), 1.0)):
        thick = max(1.0, height * 0.007) * scale**0.4
        lines = ((x % (step * scale)) < thick) | ((y % (step * scale)) < thick)
        page[lines] = page[lines] * (1 - strength) + tint * strength
    return _photo(rng, _inked(page, ink, _any(rng, PENS)))


def whiteboard(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """Coloured marker with a lamp's glare, traces of what was wiped off, perhaps the frame."""
    x, y = _mesh(ink)
    h, w = ink.shape
    board = _sheet(ink, rng.uniform(0.7, 0.85))
    wiped = np.roll(ink, (int(0.3 * h), int(0.4 * w)), (0, 1))
    board *= 1 - 0.08 * cv2.GaussianBlur(wiped, (0, 0), height * 0.04)[..., None]
    board = _inked(board, ink * rng.uniform(0.75, 0.95), _any(rng, PENS))
    place, size = rng.uniform(0.1, 0.9, 2) * (w, h), rng.uniform(0.1, 0.3) * max(h, w)
    glare = np.exp(-(((x - place[0]) / size) ** 2) - ((y - place[1]) / size / 0.6) ** 2)
    board = board * _light(rng, board.shape)[..., None]
    board += 0.25 * glare[..., None]
    if rng.random() < 0.4:
        depth = int(rng.uniform(0.03, 0.09) * h)
        board[-depth:] = 0.45
        board[-depth : -depth + max(2, depth // 4)] = 0.2
    return _photo(rng, board, light=0)


def chalk(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """Rough strokes on a green or black board that was wiped before."""
    grain = cv2.GaussianBlur(rng.random(ink.shape, np.float32), (0, 0), height * 0.008)
    grain = (grain - grain.mean()) / grain.std()
    rough = ink * np.clip(0.8 + 0.35 * grain, 0, 1)
    smear = cv2.GaussianBlur(rng.random(ink.shape, np.float32), (0, 0), height * 0.3)
    smear = (smear - smear.min()) / np.ptp(smear)
    colour = np.array(_any(rng, ((0.12, 0.27, 0.2), (0.1, 0.1, 0.1), (0.2, 0.22, 0.24))))
    board = colour * (1 + 0.6 * smear[..., None])
    view = _inked(board.astype(np.float32), rough * rng.uniform(0.7, 0.95), (0.93, 0.93, 0.88))
    return _photo(rng, view, noise=0.02)


def finger(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """A finger or a pen that comes in from a border."""
    page = _page(rng, ink, 0.75, 0.92)
    h, w = ink.shape
    side = int(rng.integers(2))
    start = np.array((0 if side else w, rng.uniform(0.2, 0.8) * h))
    tip = start + np.array((1 if side else -1, rng.uniform(-0.6, 0.6))) * rng.uniform(0.1, 0.2) * w
    if rng.random() < 0.5:
        thick, colour = int(0.4 * height), (0.8, 0.58, 0.47)
    else:
        thick, colour = int(0.14 * height), _any(rng, ((0.1, 0.1, 0.35), (0.1, 0.1, 0.1)))
    mask = np.zeros(ink.shape, np.uint8)
    cv2.line(mask, tuple(start.astype(int)), tuple(tip.astype(int)), 1, max(4, thick))
    shade = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), height * 0.08)
    page = page * (1 - 0.25 * shade[..., None])
    # Whatever of the ink is under it would be hidden: it stays above.
    page = _inked(page, mask.astype(np.float32) * (ink < 0.1), colour)
    return _photo(rng, page)


def hand_shadow(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """The shadow of a phone and a hand over a part of the page."""
    h, w = ink.shape
    mask = np.zeros(ink.shape, np.float32)
    corner = rng.uniform(0, 1, 2) * (w, h)
    box = cv2.boxPoints((tuple(corner), (0.6 * w, 0.8 * h), float(rng.uniform(0, 90))))
    cv2.fillPoly(mask, [box.astype(np.int32)], 1.0)
    shade = cv2.GaussianBlur(mask, (0, 0), rng.uniform(1, 0.15 * height))
    return _photo(rng, _page(rng, ink) * (1 - rng.uniform(0.25, 0.5) * shade[..., None]))


def folded(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """Creases across the page, each half in a light of its own."""
    x, y = _mesh(ink)
    page = _page(rng, ink, 0.8, 0.95)
    for _ in range(int(rng.integers(1, 4))):
        angle = rng.choice([0, np.pi / 2]) + rng.normal(0, 0.03)
        place = rng.uniform(0.15, 0.85, 2) * ink.shape[::-1]
        along = (x - place[0]) * np.cos(angle) + (y - place[1]) * np.sin(angle)
        page *= 1 - (rng.uniform(0.04, 0.2) * (along > 0))[..., None]
        crease = np.exp(-((along / max(1.0, 0.008 * height)) ** 2))
        page *= 1 - (rng.uniform(0.05, 0.2) * crease)[..., None]
    return _photo(rng, page)


def tight_crop(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """Cut so close that the ink touches one to three borders."""
    (y0, x0), (y1, x1) = np.argwhere(ink > 0.5).min(0), np.argwhere(ink > 0.5).max(0) + 1
    room = rng.uniform(0.02, 0.15, 4) * height * (rng.random(4) < 0.5)
    left, top, right, bottom = room.astype(int)
    cut = ink[max(0, y0 - top) : y1 + bottom, max(0, x0 - left) : x1 + right]
    return _photo(rng, _page(rng, cut))


def screen(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """A photographed screen: rows of pixels that beat with the sensor's, light or dark mode."""
    x, y = _mesh(ink)
    turn = rng.uniform(0.5, 1.2)
    beat = 0.04 * (np.sin(x * turn + 0.08 * y) + np.sin(y * turn - 0.06 * x))
    beat += 0.03 * np.sin((x + 0.4 * y) * rng.uniform(0.02, 0.08))
    dark = rng.random() < 0.4
    page = _inked(_sheet(ink, 0.12 if dark else 0.85), ink, (0.9,) * 3 if dark else (0.1,) * 3)
    page *= 1 + beat[..., None]
    if rng.random() < 0.4:
        depth = int(rng.uniform(0.03, 0.08) * min(ink.shape))
        page[:depth], page[:, :depth] = 0.03, 0.03
    return _photo(rng, page, light=0.25)


def poor_jpeg(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """Sent on and on: small, and compressed until it rings."""
    scale = max(48 / height, 0.3)
    rgb = _taken(rng, _page(rng, ink))
    small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return _jpeg(small, int(rng.integers(8, 25)))


def tiny(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """28 or 64 pixels high, any polarity, light that is not even."""
    scale = float(rng.choice([28, 64])) / ink.shape[0]
    small = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    page = rng.uniform(0.7, 1) * _light(rng, small.shape, 0.25) * (1 - 0.85 * small)
    page += rng.normal(0, 0.01, page.shape)
    grey = np.rint(255 * np.clip(page, 0, 1)).astype(np.uint8)
    return Image.fromarray(255 - grey if rng.random() < 0.5 else grey)


def inverted(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """A photo whose colours were turned around."""
    return _jpeg(255 - _taken(rng, _page(rng, ink)), 85)


def transparent(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """Ink of any colour on nothing."""
    tone = rng.choice([0.0, 0.1, 0.9, 1.0]) if rng.random() < 0.6 else _any(rng, PENS)
    rgba = np.dstack([np.full((*ink.shape, 3), tone), ink])
    return Image.fromarray(np.rint(255 * rgba).astype(np.uint8))


def coloured_paper(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """Crayon on paper of another colour."""
    paper = rng.uniform(0.55, 0.95, 3)
    crayons = ((0.85, 0.2, 0.1), (0.1, 0.3, 0.8), (0.05, 0.45, 0.15), (0.95, 0.95, 0.95))
    crayon = np.array(_any(rng, crayons))
    if crayon.mean() > 0.9:
        paper = rng.uniform(0.1, 0.45, 3)
    grain = np.clip(0.9 + rng.normal(0, 0.12, ink.shape), 0, 1)
    return _photo(rng, _inked(paper, ink * grain, crayon))


def bleed_through(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """The page's other side shines through, mirrored and faint."""
    back = cv2.GaussianBlur(ink[:, ::-1], (0, 0), 0.02 * height)
    page = _sheet(ink, rng.uniform(0.8, 0.95)) * (1 - rng.uniform(0.04, 0.1) * back[..., None])
    return _photo(rng, _inked(page, ink, _any(rng, PENS)))


def ballpoint(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """A thin line on a page seen from afar."""
    thin = cv2.erode(ink, np.ones((3, 3), np.uint8)) if height > 100 else ink
    page = _inked(_sheet(ink, rng.uniform(0.7, 0.9)), thin * 0.8, (0.15, 0.2, 0.5))
    scale = rng.uniform(0.35, 0.6)
    page = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    wide = int(0.5 * max(page.shape))
    page = np.pad(page, ((wide, wide), (wide, wide), (0, 0)), mode="edge")
    return _photo(rng, page)


def marker(rng: Generator, ink: np.ndarray, height: float) -> Image.Image:
    """Strokes a fifth as thick as the digit is high."""
    side = int(0.06 * height) | 1
    thick = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return _photo(rng, _page(rng, thick * 0.92))


KINDS: dict[str, Kind] = {
    kind.__name__.replace("_", " "): kind
    for kind in (
        *(desk, sticky_note, notebook, graph_paper, whiteboard, chalk, finger, hand_shadow, folded),
        *(tight_crop, screen, poor_jpeg, tiny, inverted, transparent, coloured_paper),
        *(bleed_through, ballpoint, marker),
    )
}
