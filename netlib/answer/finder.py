"""Ink as a network sees it: what was written by hand, on whatever page and in whatever light.

    grey -> reduced -> each pixel's chance -> the part that holds ink, again, as finely as it needs

The network is `netlib.nets.ink_net.InkNet`, trained by `analysis.build.ink_finder` on drawn sheets.
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from netlib.picture.patch import Box, Ink

WEIGHTS = Path(__file__).with_name("ink.onnx")
STRIDE = 32  # sides of what the network sees are multiples of it
LONG = 320  # px of the longer side of the whole picture
# The part with ink is looked at again where its characters would be higher by this factor: so many
# px, where the part has no more than MOST px, and no more than ENLARGED px for one of the picture.
HIGH, MOST, ENLARGED, FINER, LOOKS = 80, 200_000, 1.5, 1.3, 2
# Ink is what has this chance; less than the second counts for nothing.
SURE, FAINT = 0.5, 0.15
# What is found then lies so near, in px, to what was found before, when more of the page was seen.
BESIDE = 5
# The page's tone is the mean over so many px each way, the least that have so much of it.
REACHES, ENOUGH = (6, 12, 24, 48), 0.15
# Tones are told after so much blur, in px, as ratios from this level up; a stroke's full tone is
# this quantile of its own, and ink counts from this share of it. Of so many strokes.
SOFT, BLACK, FULL, FLOOR, FAINTEST, MOST_STROKES = 0.7, 12, 0.75, 0.35, 0.03, 300
# Components from this share of the highest one's height belong to what is read; characters have
# half of it. Around them is so much room, in heights.
SMALL, CHARACTER, ROOM = 0.3, 0.5, 0.6


def handwriting(levels: np.ndarray) -> Ink | None:
    """Grey values (H, W) uint8 -> the ink of what was written by hand; None if nothing was."""
    height, width = levels.shape
    box: Box = (0, 0, width, height)
    seen = _scaled(levels, LONG / max(levels.shape))
    chances = _chances(seen)
    for _ in range(LOOKS):
        finer = _finer(levels.shape, box, chances)
        if finer is None:
            break
        before, (box, scale) = box, finer
        left, top, right, bottom = box
        seen = _scaled(levels[top:bottom, left:right], scale)
        again = _chances(seen)
        chances = np.where(_near(chances, before, box, again.shape), again, 0)
    written = _joined(chances)
    if not written.any():
        return None
    scale = seen.shape[1] / (box[2] - box[0])
    reduced = max(1, round(height * scale)), max(1, round(width * scale))
    place = round(box[0] * scale), round(box[1] * scale)
    ink = Ink(_tones(seen, written), *place, reduced, (height, width)).trimmed()
    return ink if ink.box else None


def _tones(seen: np.ndarray, written: np.ndarray) -> np.ndarray:
    """(h, w) float32: how much darker, or lighter, than the page it is, where it was written.

    In shares of what each stroke is.
    """
    near = cv2.dilate(written.view(np.uint8), np.ones((BESIDE, BESIDE), np.uint8))
    seen = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), SOFT) + BLACK
    ratio = np.log(seen / _page(seen, near == 0))
    darker = -ratio if np.median(ratio[written]) < 0 else ratio
    count, labels = cv2.connectedComponents(near, connectivity=8)
    full = np.ones(count, np.float32)
    for label in range(1, min(count, MOST_STROKES)):
        own = darker[written & (labels == label)]
        full[label] = max(float(np.quantile(own, FULL)) if own.size else 0, FAINTEST)
    shares = np.where(near > 0, darker / full[labels], 0)
    return np.clip((shares - FLOOR) / (1 - FLOOR), 0, 1).astype(np.float32)


def _page(seen: np.ndarray, empty: np.ndarray) -> np.ndarray:
    """The page's tone: the mean of what is empty nearby."""
    light = np.full_like(seen, np.median(seen[empty]) if empty.any() else seen.max())
    for reach in sorted(REACHES, reverse=True):
        size = (2 * reach + 1, 2 * reach + 1)
        share = cv2.blur(empty.astype(np.float32), size)
        mean = cv2.blur(seen * empty, size) / np.maximum(share, ENOUGH)
        light = np.where(share > ENOUGH, mean, light)
    return light


def _finer(shape: tuple[int, ...], box: Box, chances: np.ndarray) -> tuple[Box, float] | None:
    """The part of the picture with ink, and at which scale to look at it; None if it was."""
    mask = (chances >= SURE).view(np.uint8)
    stats = cv2.connectedComponentsWithStats(mask, connectivity=8)[2][1:]
    if len(stats) == 0:
        return None
    seen = (box[2] - box[0]) / chances.shape[1]  # px of the picture for one of these
    left, top, across, high, _ = stats[stats[:, 3] >= SMALL * stats[:, 3].max()].T
    usual = float(np.median(high[high >= CHARACTER * high.max()]))
    sides = np.array([left.min(), top.min(), (left + across).max(), (top + high).max()], float)
    sides = (sides + ROOM * usual * np.array([-1, -1, 1, 1])) * seen + (*box[:2], *box[:2])
    limits = (*shape[::-1], *shape[::-1])
    x0, y0, x1, y1 = np.clip(np.rint(sides), 0, limits).astype(int).tolist()
    scale = min(HIGH / (usual * seen), (MOST / ((x1 - x0) * (y1 - y0))) ** 0.5, ENLARGED)
    return None if scale * seen < FINER else ((x0, y0, x1, y1), scale)


def _joined(chances: np.ndarray) -> np.ndarray:
    """Where it was written: what is likely, too, if it goes on from what is sure."""
    _, labels = cv2.connectedComponents((chances >= FAINT).view(np.uint8), connectivity=8)
    sure = np.bincount(labels.ravel(), (chances >= SURE).ravel()) > 0
    sure[0] = False
    return sure[labels]


def _near(chances: np.ndarray, before: Box, box: Box, shape: tuple[int, ...]) -> np.ndarray:
    """Where in a part there was any ink, or beside it, when more of the picture was seen."""
    scale = chances.shape[1] / (before[2] - before[0])
    left, top, right, bottom = ((edge - before[n % 2]) * scale for n, edge in enumerate(box))
    seen = cv2.dilate((chances >= FAINT).view(np.uint8), np.ones((BESIDE, BESIDE), np.uint8))
    ways = np.array([[shape[1] / (right - left), 0, 0], [0, shape[0] / (bottom - top), 0]])
    ways[:, 2] = -ways[0, 0] * left, -ways[1, 1] * top
    return cv2.warpAffine(seen, ways, shape[::-1], flags=cv2.INTER_NEAREST) > 0


def _scaled(levels: np.ndarray, scale: float) -> np.ndarray:
    size = [max(1, round(side * scale)) for side in levels.shape[::-1]]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(levels, size, interpolation=way)


def _chances(levels: np.ndarray) -> np.ndarray:
    """(H, W) uint8 -> float32, each pixel's chance that it was written by hand."""
    height, width = levels.shape
    room = -height % STRIDE, -width % STRIDE
    seen = cv2.copyMakeBorder(levels, 0, room[0], 0, room[1], cv2.BORDER_REPLICATE)
    picture = seen[None, None].astype(np.float32) / 255
    logits = _network().run(None, {"picture": picture})[0][0, 0, :height, :width]
    return 1 / (1 + np.exp(-logits))


@cache
def _network() -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # else memory grows with every new size
    return ort.InferenceSession(WEIGHTS, options, providers=["CPUExecutionProvider"])
