"""Photographs and scans: ink is what is thin and darker (or lighter) than the page on both sides.

    grey -> polarity and stroke width -> the page under the strokes -> missing light -> ink

Closing the picture by a window somewhat wider than the strokes fills them with the page's own tone
and leaves what is dark on one side only: the edge of a shadow, of a sheet or of a desk is no ink.
The polarity is told by the same means: between dark strokes the page is light on two sides, too,
but there is less of it to fill, or it needs far wider windows.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from netlib.picture.patch import as_boxes, gaps
from netlib.picture.rulings import thickness, without_lines

# Polarity and stroke width are looked for on a picture of this many pixels.
SMALL_PIXELS = 60_000
# In pictures smaller than this, in pixels a side, strokes are told apart after enlarging.
SMALL_SIDE = 112
# Light is compared in ratios, which shade leaves as they are, from this level (of 255) up.
DARKEST = 25
# Less than the first on the ratio scale is compression, and than so many standard deviations of the
# noise is noise, up to the last.
LEAST_RATIO, RATIO_NOISES, MOST_RATIO = 4.0, 6.0, 12.0
# Windows that may hold a stroke, as shares of the square root of the small picture's area.
WINDOWS = (0.012, 0.02, 0.03, 0.045, 0.065, 0.09, 0.12, 0.16, 0.21, 0.28)
# Of what the widest window fills, the window that fills this share tells the polarity, and the one
# that fills that share holds the strokes.
TELLING, HOLDING = 0.6, 0.85
# A window more than so many times as wide as the strokes is far too wide, and one so wide fits.
COARSE, FITTING = 7.0, 4.0
# Fine strokes fill this share of what all do, at least, and are so much narrower than these; so
# many windows after theirs fill little more; this share of them is on what is broad.
LEAST_LEVEL, NARROWER, LEVEL_WINDOWS, ON_IT = 0.35, 0.5, 3, 0.5
# The page is closed by a window this much wider; by one that is wider still where the strokes are
# bold, in shares of the side: where two of them cross they are broader.
WIDER, BOLD, WIDER_BOLD = 1.5, 0.15, 2.0
# A picture is halved as long as the window keeps so many pixels: digits have four times as many.
WORKING_WINDOW = 16
# Sensor noise is averaged over this share of the side, well below any stroke that can be read.
NOISE_BLUR = 1 / 500
# and over more, up to this share of the strokes' window, while noise has this contrast.
GRAINY, NOISE_MOST_BLUR = 0.3, 0.15
NOISE_ROWS = 5  # it is measured in every so many rows
# Less missing light than this is no ink, nor are so many standard deviations of the noise,
MIN_CONTRAST, MIN_NOISES = 0.06, 5.0
# nor this share of the usual tone of the ink. Strokes whose full tone is below that are none.
FAINTEST, PALEST = 0.15, 0.25
# A page in shadow keeps at least this share of its usual light.
SHADOW = 0.5
# Ink counts from this share of its own stroke's full tone.
FLOOR = 0.35
# Components smaller than this share of the side are noise.
SMALLEST = 0.015
# Ink is dark from this share of the tone that this share of the picture is paler than; what is pale
# beside it reaches over this share of the picture both ways.
DARK, DARK_SHARE, SPREAD, ALL_THROUGH = 0.5, 0.998, 0.6, 0.97
# What touches the border beside digits that do not is none if it is not as high as they are, if the
# digits have this share of its area, and this share of its height where it does not go all through.
ALIKE, LEAST_INSIDE, LEAST_HEIGHT = (0.75, 1.4), 0.2, 0.5
# Nor is what is slim and beside their line: this share of their height is not shared.
SLIM, LEVEL = 0.5, 0.2
TALL, NEAR = 0.45, 0.05  # of the tallest one's height; of the usual height, to be a part of one
# It is as dark there as this share of its tone.
AS_DARK = 0.5
# What the border cuts is a rule's end if it is this straight, thin, and pale or FINE, beside the
# others.
RULE_LONG, RULE_THIN, RULE_PALE = 4.5, 0.7, 0.65
# Where it cuts all, what is straight is a line of the page, not a 1, if it is so many times as long
# as wide, or so narrow or low in the picture, and does not reach over this share of it both ways.
FINE, HALF, TIGHT = (30.0, 0.02), 0.5, 0.6
# It is a thing that lies there, such as a pencil, if it is so much thicker than the strokes, or as
# straight as a rule and so many times as long as they are high.
THICK, OUTGROWN = 2.0, 1.5
# It is the edge of a page, a shadow or a blot if this much of what it is darker than the lightest
# page near to it is a step of the page: beside a stroke that is as light on both sides. Where light
# falls off steeply, all ink may lie on steps, but not so high ones.
STEP, STEP_ALONE = 0.5, 0.7
# But a digit across the edge of a shadow is as thick as those beside it, within these bounds, and
# shares this of their height; nor is the step so high.
STROKES, BESIDE, STEEP = (0.6, 1.6), 0.5, 0.9
# What looks like a bold stroke in a picture of so many pixels a side, but is so much steeper on one
# side, is the edge of a shadow.
ONE_SIDED, PHOTOGRAPH = 0.15, 200
# What is nowhere as large as this share of the side, or as half the window, holds no digit.
LARGEST = 0.02
# Only so many components, the largest ones, are looked at.
MAX_COMPONENTS = 300

_RATIOS = np.rint(255 * np.log1p(np.arange(256) / DARKEST) / np.log1p(255 / DARKEST))
RATIOS = _RATIOS.astype(np.uint8)


@dataclass(frozen=True)
class Strokes:
    """What the strokes of a picture are like."""

    light: bool  # whether they are lighter than the page
    window: float  # side in pixels of a square into which no stroke fits

    def are_bold(self, shape: tuple[int, ...]) -> bool:
        """Whether they are bold in a picture of this shape."""
        return self.window >= BOLD * float(np.sqrt(shape[0] * shape[1]))


def page_ink(levels: np.ndarray) -> np.ndarray:
    """Any picture (H, W) uint8 -> ink (h, w), float32 in [0, 1].

    Where strokes are far broader than digits need them, the picture is reduced first.
    """
    reduced, strokes = _reduced(levels)
    return _ink_of(reduced, strokes, max(levels.shape) >= PHOTOGRAPH)


def fine_ink(levels: np.ndarray, stroke: float) -> np.ndarray | None:
    """As `page_ink`, by windows that fit strokes so thick, in pixels; None if they did already.

    What was found then may be a part: shadows as narrow as those windows took the rest.
    """
    usual = find_strokes(levels)
    if not stroke or usual.window <= COARSE * stroke:
        return None
    return _ink_of(*_working(levels, Strokes(usual.light, FITTING * stroke)))


def narrower_ink(levels: np.ndarray, times: float, turned: bool) -> np.ndarray | None:
    """As `page_ink`, by windows so many times narrower; None if they are too narrow for strokes.

    With the other polarity if it is turned.
    """
    usual = find_strokes(levels)
    levels, strokes = _working(levels, Strokes(usual.light != turned, usual.window / times))
    ink = _ink_of(levels, strokes)
    found = thickness([(ink >= 0.5).view(np.uint8)])
    return ink if times * strokes.window > COARSE * found else None


def ink_on_a_band(levels: np.ndarray) -> np.ndarray | None:
    """As `page_ink`, of strokes on something broad, as a highlighter's; None if there are none."""
    strokes, usual = find_fine_strokes(levels), find_strokes(levels)
    if strokes is None or strokes.window > NARROWER * usual.window:
        return None
    broad = WIDER * usual.window / strokes.window
    levels, strokes = _working(levels, strokes)
    ink = _ink_of(levels, strokes)
    tones = 255 - levels if strokes.light else levels
    page, beyond = (
        closed(tones, window * strokes.window).astype(np.float32) for window in (WIDER, broad)
    )
    on_it = page < (1 - MIN_CONTRAST) * beyond
    return ink if ink[on_it].sum() >= ON_IT * ink.sum() > 0 else None


def _ink_of(levels: np.ndarray, strokes: Strokes, may_be_shade: bool = False) -> np.ndarray:
    missing, contrast, steps = missing_light(levels, strokes)
    seen = missing > contrast
    if not seen.any():
        return np.zeros_like(missing)
    tone = _full_tone(missing[seen])
    level = max(contrast, FAINTEST * tone)
    missing = without_lines(missing, level)
    may_be_shade &= strokes.are_bold(levels.shape)
    return _own_tones(missing, level, strokes.window, steps, may_be_shade)


def dark_ink(levels: np.ndarray) -> np.ndarray | None:
    """As `page_ink`, but what is pale beside the darkest ink is the page's: fine squares, say.

    None if nothing is, or if it lies in one place, as a pale digit does.
    """
    levels, strokes = _reduced(levels)
    missing, contrast, steps = missing_light(levels, strokes)
    level = max(contrast, DARK * float(np.quantile(missing[::2, ::2], DARK_SHARE)))
    pale = ((missing > contrast) & (missing <= level)).view(np.uint8)
    pale[cv2.dilate((missing > level).view(np.uint8), np.ones((7, 7), np.uint8)) > 0] = 0
    _, _, width, height = cv2.boundingRect(pale)
    reach = width / pale.shape[1], height / pale.shape[0]
    if min(reach) < SPREAD and max(reach) < ALL_THROUGH:
        return None
    return _own_tones(without_lines(missing, level), level, strokes.window, steps)


def _reduced(levels: np.ndarray) -> tuple[np.ndarray, Strokes]:
    """A picture whose strokes are no broader than digits need them, and what they are like."""
    factor = round(SMALL_SIDE / float(np.sqrt(levels.size)))
    if factor > 1:
        levels = cv2.resize(levels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    return _working(levels, find_strokes(levels))


def _working(levels: np.ndarray, strokes: Strokes) -> tuple[np.ndarray, Strokes]:
    while strokes.window >= 2 * WORKING_WINDOW:
        levels = _halved(levels)
        strokes = Strokes(strokes.light, strokes.window / 2)
    return levels, strokes


def _halved(levels: np.ndarray) -> np.ndarray:
    height, width = (side // 2 for side in levels.shape)
    even = levels[: 2 * height, : 2 * width]
    return cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)


def missing_light(levels: np.ndarray, strokes: Strokes) -> tuple[np.ndarray, float, np.ndarray]:
    """The share of the page's light that strokes take away.

    Returns:
        (H, W) float32 in [0, 1], the contrast from which on it is ink, and `_steps` (H, W).
    """
    if strokes.light:
        levels = 255 - levels
    blur = float(np.sqrt(levels.size)) * NOISE_BLUR
    missing, contrast, page = _missing(levels, strokes, blur)
    while contrast > GRAINY and 2 * blur <= NOISE_MOST_BLUR * strokes.window:
        blur *= 2
        missing, contrast, page = _missing(levels, strokes, blur)
    return missing, contrast, _steps(page, missing, strokes.window)


def _missing(
    levels: np.ndarray, strokes: Strokes, blur: float
) -> tuple[np.ndarray, float, np.ndarray]:
    """As `missing_light`, of dark strokes, with noise averaged by so much; and the page."""
    levels = cv2.GaussianBlur(levels, (0, 0), blur)
    wider = WIDER_BOLD if strokes.are_bold(levels.shape) else WIDER
    page = closed(levels, strokes.window * wider).astype(np.float32)
    page += DARKEST
    missing = (page - DARKEST - levels) / page
    # Where the page is darker than any shadow the same noise is a larger share.
    shadow = SHADOW * float(np.median(page[::3, ::3]))
    missing *= np.sqrt(np.minimum(page / shadow, 1))
    missing -= np.median(missing[::3, ::3])  # Closing follows the lightest noise.
    contrast = max(MIN_CONTRAST, MIN_NOISES * _noise(missing, blur))
    return np.maximum(missing, 0, out=missing), contrast, page


def _steps(page: np.ndarray, missing: np.ndarray, window: float) -> np.ndarray:
    """How much of what each pixel is darker than the lightest page near to it the page is, too."""
    kernel = np.ones((2 * round(window / 2) + 1,) * 2, np.uint8)
    lightest = cv2.dilate(page, kernel)
    dark = np.maximum(lightest - page * (1 - missing), 1)
    return np.asarray((lightest - cv2.erode(page, kernel)) / dark)


def find_strokes(levels: np.ndarray) -> Strokes:
    """Polarity and width of the strokes in a picture (H, W) uint8."""
    both, edges, least, scale = _tones(levels)
    side = float(np.sqrt(edges.size))
    most = [_filled(tones, edges, WINDOWS[-1] * side, least) for tones in both]
    rates = [0.0, 0.0]  # of what is filled in all to the window that tells it
    is_light: bool | None = None
    for share in WINDOWS:
        window = max(3.0, share * side)
        if is_light is None:
            filled = [_filled(tones, edges, window, least) for tones in both]
            for n in (0, 1):
                if not rates[n] and filled[n] >= TELLING * most[n]:
                    rates[n] = most[n] / window
            dark, light = (rate or part / window for rate, part in zip(rates, most, strict=True))
            if max(rates) >= max(dark, light):  # the other cannot come up to it any more
                is_light = light > dark
                own = filled[is_light]
        else:
            own = _filled(both[is_light], edges, window, least)
        if is_light is not None and own >= HOLDING * most[is_light]:
            break
    return Strokes(bool(is_light), window / scale)


def find_fine_strokes(levels: np.ndarray) -> Strokes | None:
    """The same of strokes on something broad, as a highlighter's band; None if there are none.

    Windows wider than they are fill little more, until one holds that.
    """
    both, edges, least, scale = _tones(levels)
    windows = [max(3.0, share * float(np.sqrt(edges.size))) for share in WINDOWS]
    found: tuple[float, Strokes] | None = None
    for light, tones in enumerate(both):
        filled = [_filled(tones, edges, window, least) for window in windows]
        for n, (window, own) in enumerate(zip(windows[:-LEVEL_WINDOWS], filled, strict=False)):
            level = filled[n + LEVEL_WINDOWS]
            if own >= HOLDING * level >= LEAST_LEVEL * filled[-1] > 0:
                if found is None or own / window > found[0]:
                    found = own / window, Strokes(bool(light), window / scale)
                break
    return found[1] if found else None


def _tones(
    levels: np.ndarray,
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, float, float]:
    """Dark and light tones (h, w) uint8 of a small picture, its edges, the least, its scale."""
    scale = min(1.0, float(np.sqrt(SMALL_PIXELS / levels.size)))
    small = levels
    if scale < 1:
        height, width = (max(1, round(side * scale)) for side in levels.shape)
        while 2 * width <= small.shape[1] and 2 * height <= small.shape[0]:
            small = _halved(small)  # far faster than any other factor
        small = cv2.resize(small, (width, height), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(cv2.LUT(small, RATIOS), (3, 3), 0)
    both = small, 255 - small
    steps = cv2.morphologyEx(small, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    noise = _noise(small.astype(np.float32), 1.0)
    least = min(max(LEAST_RATIO, RATIO_NOISES * noise), MOST_RATIO)
    edges = cv2.subtract(steps, least).astype(np.float32)  # type: ignore[call-overload]
    return both, edges, least, scale


def closed(levels: np.ndarray, window: float) -> np.ndarray:
    """Closing by a square; beyond the border the picture goes on as it ends there."""
    reach = round(window / 2)
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    padded = cv2.copyMakeBorder(levels, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    height, width = levels.shape
    return cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[reach:][:height, reach : reach + width]


def _filled(levels: np.ndarray, edges: np.ndarray, window: float, least: float) -> float:
    """How much a window fills beside edges: strokes are all edge, the corner of a shadow is not."""
    filled = cv2.subtract(closed(levels, window), levels)
    above = cv2.subtract(filled, least)  # type: ignore[call-overload]
    return float(np.vdot(above.astype(np.float32), edges))


def _noise(values: np.ndarray, blur: float) -> float:
    """Standard deviation of the noise, from pixels too far apart to share any of it."""
    lag = 1 + round(3 * blur)
    if values.shape[1] <= lag:
        return 0.0
    rows = values[::NOISE_ROWS]
    difference = np.abs(rows[:, lag:] - rows[:, :-lag])
    return 1.4826 / np.sqrt(2) * float(np.median(difference))


def _full_tone(missing: np.ndarray) -> float:
    """The tone in the middle of strokes, from all their pixels."""
    return 0.9 * float(np.percentile(missing, 90))


@dataclass(frozen=True)
class _Part:
    """A component of ink: the pixels `own` of a window, and its full tone."""

    at: tuple[slice, slice]
    own: np.ndarray
    tone: float

    @property
    def area(self) -> int:
        return int(np.count_nonzero(self.own))

    @property
    def size(self) -> int:
        return max(self.own.shape)

    def _sides(self) -> tuple[float, float]:
        """Width and length of the smallest rectangle around it."""
        points = np.argwhere(self.own).astype(np.float32)
        short, long = sorted(cv2.minAreaRect(points)[1])
        return short + 1, long + 1

    def share_of(self, missing: np.ndarray) -> np.ndarray:
        """Its ink (h, w) float32 in [0, 1], as a share of its full tone."""
        share = (missing[self.at] - FLOOR * self.tone) / ((1 - FLOOR) * self.tone)
        return np.where(self.own, np.clip(share, 0, 1), np.float32(0))

    def is_as_dark(self, missing: np.ndarray, there: np.ndarray) -> bool:
        """Whether it is as dark there as elsewhere: the lines of a page tied to a digit are not."""
        tones = missing[self.at][self.own & there[self.at]]
        return bool((tones >= AS_DARK * self.tone).any())

    def is_line(self, shape: tuple[int, ...]) -> bool:
        """Whether it is straight, and no 1 that fills a picture of this shape: thinner, or low."""
        short, long = self._sides()
        if long < RULE_LONG * short or min(np.divide(self.own.shape, shape)) >= TIGHT:
            return False
        if max(np.add(self.own.shape, 2) / shape) >= 1:  # from border to border, a little bent
            short = min(short, thickness([self.own.view(np.uint8)]))
        thin = short <= max(long / FINE[0], FINE[1] * np.sqrt(shape[0] * shape[1]))
        return bool(thin) or long < HALF * min(shape)

    def is_thing(self, stroke: float, height: float, pale: float) -> bool:
        """Whether it is far thicker than the strokes, far longer and straight, or a pale rule."""
        if thickness([self.own.view(np.uint8)]) >= THICK * stroke:
            return True
        short, long = self._sides()
        if long < RULE_LONG * short:
            return False
        thin = self.area <= RULE_THIN * stroke * long
        rule = self.tone <= pale or long >= FINE[0] * short
        return long >= OUTGROWN * height or (thin and rule)


def _own_tones(
    missing: np.ndarray, level: float, window: float, steps: np.ndarray, may_be_shade: bool = False
) -> np.ndarray:
    """Ink as a share of its own stroke's full tone: pale strokes stay, faint shadows go."""
    ink, mask = np.zeros_like(missing), (missing > level).view(np.uint8)
    left, top, width, height = cv2.boundingRect(mask)
    if not width:
        return ink
    inside = slice(top, top + height), slice(left, left + width)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask[inside], connectivity=8)
    sizes = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    order = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:MAX_COMPONENTS]
    order = order[sizes[order - 1] >= SMALLEST * np.sqrt(missing.size)]
    missing, steps, found = missing[inside], steps[inside], ink[inside]
    parts = []
    for label in order:
        at = _window(stats[label])
        own = labels[at] == label
        parts.append(_Part(at, own, _full_tone(missing[at][own])))
    boxes = np.add(stats[order], (left, top, 0, 0, 0))
    out = come_in(boxes, ink.shape)
    if len(through := np.flatnonzero(out & _go_through(boxes, ink.shape))):
        border = np.ones(ink.shape, bool)
        border[2:-2, 2:-2] = False
        out[through] = [parts[n].is_as_dark(missing, border[inside]) for n in through]
    own_steps = np.array([steps[part.at][part.own].mean() for part in parts])
    on_step = own_steps >= (STEP if (own_steps < STEP).any() else STEP_ALONE)
    whole = ~out & ~are_cut(boxes, ink.shape)
    if (on_step & whole).any() and (kept := whole & ~on_step).any():
        more = whole & _are_more_digits(parts, boxes, kept)
        on_step &= ~more | (own_steps > STEEP)
    out |= on_step
    parts = [part for part, is_out in zip(parts, out, strict=True) if not is_out]
    if not parts:
        return ink
    least = max(LARGEST * np.sqrt(ink.size), window / 2)
    inked = _inked(parts, boxes[~out], ink.shape, least)
    shares = [(part, part.share_of(missing)) for part in inked]
    if may_be_shade:
        shares = [(part, share) for part, share in shares if _asymmetry(share) < ONE_SIDED]
    if any(part.size >= least for part, _ in shares):
        for part, share in shares:
            np.maximum(found[part.at], share, out=found[part.at])
    return ink


def _are_more_digits(parts: list[_Part], boxes: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Which are as high and as thick as what is kept, and in line with it."""
    top, height = boxes[:, cv2.CC_STAT_TOP], boxes[:, cv2.CC_STAT_HEIGHT]
    tall = kept & (height >= TALL * height[kept].max())
    usual = float(np.median(height[tall]))
    alike = (height >= ALIKE[0] * usual) & (height <= ALIKE[1] * usual)
    shared = np.minimum.outer(top + height, (top + height)[tall])
    shared -= np.maximum.outer(top, top[tall])
    found = ~kept & alike & (shared >= BESIDE * usual).any(axis=1)
    stroke = thickness(parts[n].own.view(np.uint8) for n in np.flatnonzero(tall))
    for n in np.flatnonzero(found):
        own = thickness([parts[n].own.view(np.uint8)])
        found[n] = STROKES[0] * stroke <= own <= STROKES[1] * stroke
    return found


def _asymmetry(share: np.ndarray) -> float:
    """How much steeper ink is on one side, 0 to 1: strokes have two edges, a shadow has one."""
    padded = cv2.copyMakeBorder(share, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    steps = [np.diff(padded, axis=axis) for axis in (0, 1)]
    risen = [float(np.square(np.maximum(step, 0)).sum()) for step in steps]
    fallen = [float(np.square(np.minimum(step, 0)).sum()) for step in steps]
    whole = sum(risen) + sum(fallen)
    return float(np.hypot(*np.subtract(risen, fallen))) / max(whole, 1e-6)


def _inked(
    parts: list[_Part], boxes: np.ndarray, shape: tuple[int, ...], least: float
) -> list[_Part]:
    """Those that are no shadows, and no rules that the border cuts.

    Only what has the least size within the border tells what lies there beside digits.
    """
    palest = PALEST * _usual_tone(parts)
    inked = [
        (part, is_cut)
        for part, is_cut in zip(parts, are_cut(boxes, shape), strict=True)
        if part.tone >= palest
    ]
    within = [part for part, is_cut in inked if not is_cut]
    if not any(part.size >= least for part in within):
        return _without_lines_alone([part for part, _ in inked], shape)
    pale = RULE_PALE * _usual_tone(within)
    stroke = thickness(part.own.view(np.uint8) for part in within)
    height = max(part.own.shape[0] for part in within)
    return [p for p, is_cut in inked if not (is_cut and p.is_thing(stroke, height, pale))]


def _without_lines_alone(parts: list[_Part], shape: tuple[int, ...]) -> list[_Part]:
    """Those that are no lines of the page, nor 1s beside digits as high as they."""
    heights = np.array([part.own.shape[0] for part in parts])
    lines = np.array([part.is_line(shape) for part in parts], bool)
    high = heights[~lines].max(initial=0)
    alike = (heights >= ALIKE[0] * high) & (heights <= ALIKE[1] * high)
    return [part for part, is_kept in zip(parts, ~lines | alike, strict=True) if is_kept]


def _usual_tone(parts: list[_Part]) -> float:
    tones, areas = zip(*((part.tone, part.area) for part in parts), strict=True)
    return float(np.quantile(tones, 0.5, weights=areas, method="inverted_cdf"))


def come_in(stats: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Which components come in from the border beside digits that do not: pens, holes, edges."""
    height, area = stats[:, cv2.CC_STAT_HEIGHT], stats[:, cv2.CC_STAT_AREA]
    cut = are_cut(stats, shape)
    if cut.all() or not cut.any():
        return np.zeros_like(cut)
    tall = ~cut & (height >= TALL * height[~cut].max())
    usual = float(np.median(height[tall]))
    through = _go_through(stats, shape)
    boxes = as_boxes(stats)
    apart = (gaps(boxes, boxes[~cut]) > NEAR * usual).all(1) & (height <= usual / LEAST_HEIGHT)
    outweighed = area <= area[~cut].sum() / LEAST_INSIDE
    return cut & outweighed & (through | apart) & ~_are_in_line(stats, stats[tall], usual)


def _are_in_line(stats: np.ndarray, digits: np.ndarray, usual: float) -> np.ndarray:
    """Which are as high as digits usually are, and beside one of these unless they are broad."""
    _, top, width, height, _ = stats.T
    _, tops, _, heights, _ = digits.T
    alike = (height >= ALIKE[0] * usual) & (height <= ALIKE[1] * usual)
    shared = np.minimum.outer(top + height, tops + heights) - np.maximum.outer(top, tops)
    return alike & ((shared >= LEVEL * usual).any(axis=1) | (width > SLIM * height))


def _go_through(stats: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Which components go from one border to the other."""
    _, _, width, height, _ = stats.T
    return (width >= shape[1] - 2) | (height >= shape[0] - 2)


def are_cut(stats: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Which components the picture's border cuts."""
    left, top, width, height, _ = stats.T
    right, bottom = left + width, top + height
    return (left <= 1) | (top <= 1) | (right >= shape[1] - 1) | (bottom >= shape[0] - 1)


def _window(stats: np.ndarray) -> tuple[slice, slice]:
    left, top, width, height = stats[: cv2.CC_STAT_AREA].tolist()
    return slice(top, top + height), slice(left, left + width)
