"""Several digits in one picture: cut the ink into digits, in reading order.

    ink -> pieces -> the likeliest grouping of pieces -> one array a digit

Over-segmentation and dynamic programming (LeCun et al. 1998, section VII): touching strokes are
cut wherever a cut is cheap (`pieces`), and the best way to join neighbouring pieces into digits is
found over all of them at once. How likely a group is to be one digit is told by its shape, by the
ink that had to be cut and, where it is given, by a network's confidence.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from netlib.picture.digit import SIDE, Cut, cut_out, outline_length
from netlib.picture.ink import find_ink
from netlib.picture.load import ImageError, Picture, as_picture, reduction, to_levels
from netlib.picture.parts import COMPONENT_LEVEL, SMALL, Line, Piece, extent, union
from netlib.picture.patch import Box, Ink, ink_box
from netlib.picture.pieces import (
    BROKEN,
    CUTTABLE,
    Components,
    find_components,
    is_stroke,
    lies_over,
    over_segment,
)
from netlib.picture.signs import is_one_sign
from netlib.picture.touching import partings

MAX_DIGITS = 20
# Cuts are looked for where the tallest component has this height in pixels.
SEARCH_HEIGHT = 96
# More pieces than these are no number, nor are more than these one digit: work is linear in pieces.
MAX_PIECES, MOST_PIECES = 200, 10
# No cut through connected ink is cheaper than through this many stroke widths.
LEAST_CUT = 0.5
# Print beside the digits makes the ink so many times wider than they are.
BESIDE = 1.1
# A ring is a zero from this share of the line's height.
RING_HEIGHT = 0.18
# A hypothesis is no wider than this share of the line's height, unless it is one piece.
WIDEST = 1.7

# Log odds that a hypothesis is a digit, and what it loses for each unit beyond a bound: logistic
# regression at first, then searched for the most numbers read by both networks: 900 of one to six
# digits (MNIST's training images, pen strokes), apart, touching and overlapping, with pens of all
# widths. Lengths are shares of the line's height.
ODDS = 3.1
LONG, LONG_COST = 3.25, 12.7  # length of the strokes
SHORT, SHORT_COST = 1.2, 8.0
LOW, LOW_COST = 0.9, 4.7  # height
WIDE, WIDE_COST = 0.66, 2.9  # width
RUNS, RUNS_COST = 1.74, 11.3  # strokes that a row crosses, on average
MAX_CUT, CUT_COST = 4.0, 3.35  # stroke widths of ink cut at its left and at its right
# A network's log odds count this much, from where they say nothing (99.5 %); fitted likewise.
SCORE_WEIGHT, SCORE_NEUTRAL = 0.67, 8.0
LEAST_SCORE = 1e-4  # no network is surer than this, nor than 1 less this
SCORE_BEST = SCORE_WEIGHT * (np.log(1 / LEAST_SCORE - 1) - SCORE_NEUTRAL)
# A digit stays whole without a look at its parts if that costs this share of what parting it must.
# Its confidence is that of all the ink, which differs from the pieces' by their faint edges.
SURE = 0.5
# The width of a gap inside a digit, and each cut through ink; fitted likewise.
GAP_COST = 4.8
CUT_PRIOR = 1.55

# A drawing of several pieces is a number if at least this share of them is accepted as digits,
# connected ink that was cut if more than this is.
NUMBER_SHARE, CUT_SHARE = 0.5, 0.75
# Digits that touch are together so wide, as a share of their height, and each at most; of each the
# networks are so sure, and so many may touch; the others are sought beside so many first ones.
TOUCHING, MOST_WIDE, SURELY, MOST_TOUCHING, TRIED = 0.5, 1.1, 0.98, 3, 3
# Connected pieces all narrower than this share of their height are the legs of a zigzag, not ones.
LEG = 0.4

# For each of (N, 1, 28, 28) images a number in [0, 1], (N,): the probability of the likeliest digit
# (`Score`), and the share of the networks that accept it as a digit (`Judge`).
Score = Callable[[np.ndarray], Sequence[float] | np.ndarray]
Judge = Score


@dataclass(frozen=True)
class DigitBox:
    """One digit of a picture."""

    box: Box  # where it is, in pixels of the picture
    digit: np.ndarray  # (1, 28, 28) float32, what the networks see
    ink: np.ndarray  # (h, w) float32, its own ink in the box
    is_sign: bool = False  # by its shape and place it is a sign, not a digit


def find_digits(
    image: Picture, score: Score | None = None, max_digits: int = MAX_DIGITS
) -> list[DigitBox]:
    """Cut a picture into its digits, lines from top to bottom, each from left to right.

    Args:
        image: any picture, see `as_picture`. Boxes are in the pixels of the array, tensor
            or PIL image given; of a file, in those of `open_image(file)`.
        score: a network's calibrated confidence that an image is a digit; chooses among cuts.
        max_digits: the most that are returned, in reading order.

    Returns:
        The digits; empty for an empty page. A single digit is that of `picture.to_digit`.

    Raises:
        ImageError: if the picture cannot be read.
    """
    picture = as_picture(image)
    found = digits_from_ink(find_ink(to_levels(picture)), score, max_digits)
    scale = reduction(image, picture)
    return [replace(digit, box=_scaled(digit.box, scale)) for digit in found]


def digits_from_ink(
    ink: Ink,
    score: Score | None = None,
    max_digits: int = MAX_DIGITS,
    cut: Cut | None = None,
    judge: Judge | None = None,
    components: Components | None = None,
) -> list[DigitBox]:
    """As `find_digits`, from ink.

    A drawing cut into pieces that the networks, as `judge`, refuse is no number, but one drawing.
    `cut` is what `digit.cut_out` makes of all the ink, and `components` are those of its patch, if
    they are known; their labels are written to.
    """
    if ink.box is None:
        return []
    one, found = _grouped(ink, score, max_digits, cut, judge, components)
    if judge is None:
        return found
    if score is not None:
        shares = zip(found, _accepted(found, judge), strict=True)
        parted = ([box] if share == 1 else _parted(box, score, judge) for box, share in shares)
        found = list(itertools.chain(*parted))[:max_digits]
    if len(found) > 1 and _accepted(found, judge).mean() < NUMBER_SHARE:
        return [one]
    return found


def _grouped(
    ink: Ink,
    score: Score | None,
    max_digits: int,
    cut: Cut | None,
    judge: Judge | None,
    components: Components | None,
) -> tuple[DigitBox, list[DigitBox]]:
    """All ink as one digit, and the likeliest digits."""
    assert ink.box is not None
    all_ink = cut or cut_out(ink)
    whole = all_ink.digit
    one = DigitBox(ink.placed(ink.box), whole, ink.boxed)
    part = ink.patch
    components = components or find_components(part)
    if len(components.boxes) == 1 and _is_one_component(ink, all_ink, score):
        return one, [one]
    small = _searched(part, max(height for _, _, _, height in components.boxes))
    labels, lines = over_segment(small, components if small is part else None)
    _check_pieces(lines)

    def cut_groups(groups: list[tuple[list[Piece], bool]]) -> list[DigitBox]:
        cuts = [(*_cut_out(part, labels, group), sign) for group, sign in groups]
        return [DigitBox(ink.placed(box), _digit(alone), alone, sign) for box, alone, sign in cuts]

    if _is_beside_print(labels, lines):
        (one,) = cut_groups([([piece for line in lines for piece in line.pieces], False)])
        whole = one.digit
    signed = any(piece.is_sign for line in lines for piece in line.pieces)
    if len(lines) == 1 and not signed and _is_one_digit(small, labels, lines[0], score, whole):
        return one, [one]
    read = [_read_line(small, labels, line, score) for line in lines]
    found = list(itertools.chain(*read))
    if len(found) <= 1 or _is_broken(small, labels, lines, read, score, judge):
        return one, [one]
    boxes = cut_groups(found[:max_digits])
    if judge is not None:
        joined = _rejoined(found[:max_digits], _accepted(boxes, judge))
        if len(joined) < len(boxes):
            boxes = cut_groups(joined)
    return one, boxes if len(boxes) > 1 else [one]


def _accepted(boxes: Sequence[DigitBox], judge: Judge) -> np.ndarray:
    """(N,) the share of the networks that accept each; 1 for what is known to be a sign."""
    shares = np.asarray(judge(np.stack([box.digit for box in boxes])), np.float64)
    return np.where([box.is_sign for box in boxes], 1.0, shares)


def _rejoined(
    found: Sequence[tuple[list[Piece], bool]], accepted: np.ndarray
) -> list[tuple[list[Piece], bool]]:
    """Connected ink that was cut is one again, unless all that it was cut into are digits."""
    runs: list[list[int]] = []
    for n, (group, _) in enumerate(found):
        if n and group[0].cut > 0:
            runs[-1].append(n)
        else:
            runs.append([n])
    joined: list[tuple[list[Piece], bool]] = []
    for run in runs:
        groups = [found[n] for n in run]
        if len(run) > 1 and (
            accepted[run].mean() <= CUT_SHARE or _are_legs([g for g, _ in groups])
        ):
            groups = [([piece for group, _ in groups for piece in group], False)]
        joined += groups
    return joined


def _are_legs(groups: Sequence[list[Piece]]) -> bool:
    """Whether all are slim: the strokes of a zigzag."""
    boxes = [union(group) for group in groups]
    return all(right - left <= LEG * (bottom - top) for left, top, right, bottom in boxes)


def _searched(ink: np.ndarray, tallest: int) -> np.ndarray:
    """The ink reduced until its tallest component has SEARCH_HEIGHT: cuts are as good there."""
    scale = SEARCH_HEIGHT / tallest
    if scale >= 1:
        return ink
    size = tuple(max(1, round(side * scale)) for side in ink.shape[::-1])
    return cv2.resize(ink, size, interpolation=cv2.INTER_AREA)


def _parted(
    whole: DigitBox, score: Score, judge: Judge, most: int = MOST_TOUCHING
) -> list[DigitBox]:
    """The digits that touch in ink that a network refuses, where all are surely digits."""
    height, width = whole.ink.shape
    if not TOUCHING * height <= width <= most * MOST_WIDE * height:
        return [whole]
    small = _searched(whole.ink, height)
    ways = [] if is_one_sign(small) else partings(small)
    if not ways:
        return [whole]
    sure = _confidences(small, ways, score, judge)
    best = int(sure.min(axis=1).argmax())
    if sure[best].min() >= SURELY:
        return _split(whole, ways[best])
    surest = np.where(sure.min(axis=1) == 0, sure.max(axis=1), 0.0)  # where one part is no digit
    likely = np.flatnonzero(surest >= SURELY)
    for n in likely[np.argsort(-surest[likely])][: TRIED if most > 2 else 0]:
        left, right = _split(whole, ways[n])
        others = _parted(right if sure[n, 0] else left, score, judge, most - 1)
        if len(others) > 1:
            return [left, *others] if sure[n, 0] else [*others, right]
    return [whole]


def _confidences(
    ink: np.ndarray, ways: Sequence[np.ndarray], score: Score, judge: Judge
) -> np.ndarray:
    """(N, 2) the networks' confidence in both parts; 0 in what is too wide, or one refuses."""
    parts = [ink * part for left in ways for part in (left, ~left)]
    digits = np.stack([_digit(part) for part in parts])
    boxes = np.array([ink_box(part) or (0, 0, np.inf, 0) for part in parts])
    known = (np.asarray(judge(digits)) == 1) & (boxes[:, 2] - boxes[:, 0] <= MOST_WIDE * len(ink))
    return np.where(known, np.asarray(score(digits)), 0.0).reshape(-1, 2)


def _split(whole: DigitBox, left: np.ndarray) -> list[DigitBox]:
    """The left and the right part, told by a mask of any size."""
    height, width = whole.ink.shape
    mask = cv2.resize(left.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    x, y, end, _ = whole.box
    scale = (end - x) / width  # the picture may have been reduced
    parts = []
    for own in (mask, 1 - mask):
        alone = whole.ink * own
        x0, y0, x1, y1 = ink_box(alone) or (0, 0, width, height)
        edges = x0 * scale + x, y0 * scale + y, x1 * scale + x, y1 * scale + y
        alone = alone[y0:y1, x0:x1]
        parts.append(DigitBox(tuple(map(round, edges)), _digit(alone), alone))
    return parts


def _check_pieces(lines: Sequence[Line]) -> None:
    count = sum(len(line.pieces) for line in lines)
    if count > MAX_PIECES:
        raise ImageError(
            f"There are {count} strokes and parts of strokes in the picture, more than the "
            f"{MAX_PIECES} that are read: send a smaller part of it."
        )


def _is_one_component(ink: Ink, cut: Cut, score: Score | None) -> bool:
    """Whether connected ink is one digit so surely that no cut through it can be better.

    As `_is_one_digit`, before any cut is looked for: none goes through less ink than LEAST_CUT.
    """
    drawn, outline = ink.patch, None
    if cut.fine is not None:
        drawn, outline = cut.fine, cut.outline
    left, top, width, height = cv2.boundingRect((drawn > COMPONENT_LEVEL).view(np.uint8))
    if width < CUTTABLE * height or is_stroke(ink.boxed):
        return True
    alone = drawn[top : top + height, left : left + width]
    line = Line(float(height), [Piece(1, (left, top, left + width, top + height))])
    odds = _shape_odds(alone, line, (0, 1), outline)
    return _is_surely(odds, LEAST_CUT, score, cut.digit)


def _is_surely(odds: float, cut: float, score: Score | None, whole: np.ndarray) -> bool:
    """Whether one digit of these odds costs less than any parting through so much ink."""
    bound = SURE * _least_cost(cut, score is not None)
    if np.logaddexp(0, -odds - (SCORE_BEST if score else 0.0)) >= bound:
        return False
    if score is not None:
        odds += float(_score_odds(score(whole[None]))[0])
    return bool(np.logaddexp(0, -odds) < bound)


def _read_line(
    ink: np.ndarray, labels: np.ndarray, line: Line, score: Score | None
) -> list[tuple[list[Piece], bool]]:
    """The digits and the signs of a line from left to right; what is neither is dirt."""
    found: list[tuple[list[Piece], bool]] = []
    for alone, run in itertools.groupby(line.pieces, key=lambda piece: _stands_alone(piece, line)):
        if alone:
            found += [([piece], piece.is_sign) for piece in run]
        else:
            groups = _likeliest_groups(ink, labels, Line(line.height, list(run)), score)
            found += [(g, False) for g in groups if extent(g) >= SMALL * line.height]
    return found


def _is_beside_print(labels: np.ndarray, lines: Sequence[Line]) -> bool:
    """Whether the pieces leave out ink beside them."""
    left, _, right, _ = union([piece for line in lines for piece in line.pieces])
    _, _, width, _ = cv2.boundingRect((labels > 0).view(np.uint8))
    return width > BESIDE * (right - left)


def _is_broken(
    ink: np.ndarray,
    labels: np.ndarray,
    lines: Sequence[Line],
    read: Sequence[list[tuple[list[Piece], bool]]],
    score: Score | None,
    judge: Judge | None,
) -> bool:
    """Whether lines that lie close over one another are likelier the parts of one digit."""
    boxes = [union(line.pieces) for line in lines]
    height = boxes[-1][3] - boxes[0][1]
    if len(lines) == 1 or not all(
        lies_over(upper, lower) and lower[1] - upper[3] <= BROKEN * height
        for upper, lower in itertools.pairwise(boxes)
    ):
        return False
    pieces = [piece for line in lines for piece in line.pieces]
    if any(piece.is_sign for piece in pieces):
        return False
    if judge is not None and judge(_digit(_alone(ink, labels, pieces))[None])[0] < NUMBER_SHARE:
        return False
    whole = _costs(ink, labels, Line(float(height), pieces), [(0, len(pieces))], score)
    apart = 0.0
    for line, groups in zip(lines, read, strict=True):
        firsts = [line.pieces.index(group[0]) for group, _ in groups]
        spans = [(n, n + len(group)) for n, (group, _) in zip(firsts, groups, strict=True)]
        apart += _costs(ink, labels, line, spans, score).sum()
    return bool(whole[0] < apart)


def _stands_alone(piece: Piece, line: Line) -> bool:
    """Whether it is a sign, or a small ring: a zero."""
    small = RING_HEIGHT * line.height <= piece.height < SMALL * line.height
    return piece.is_sign or (piece.ring and small)


def _cut_out(ink: np.ndarray, labels: np.ndarray, group: Sequence[Piece]) -> tuple[Box, np.ndarray]:
    """Box and own ink of a group, from the whole ink; its labels may be those of a reduced one."""
    left, top, right, bottom = union(group)
    if ink.shape == labels.shape:
        return (left, top, right, bottom), _alone(ink, labels, group)
    scale_y, scale_x = (a / b for a, b in zip(ink.shape, labels.shape, strict=True))
    height, width = labels.shape
    left, top = max(left - 1, 0), max(top - 1, 0)
    right, bottom = min(right + 1, width), min(bottom + 1, height)
    x0, y0 = round(left * scale_x), round(top * scale_y)
    x1, y1 = round(right * scale_x), round(bottom * scale_y)
    own = _own(labels[top:bottom, left:right], group).astype(np.uint8)
    mask = cv2.resize(own, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
    alone = ink[y0:y1, x0:x1] * mask
    box = ink_box(alone) or (0, 0, x1 - x0, y1 - y0)
    alone = alone[box[1] : box[3], box[0] : box[2]]
    return (box[0] + x0, box[1] + y0, box[2] + x0, box[3] + y0), alone


def _scaled(box: Box, scale: float) -> Box:
    left, top, right, bottom = (round(edge * scale) for edge in box)
    return left, top, right, bottom


def _alone(ink: np.ndarray, labels: np.ndarray, pieces: Sequence[Piece]) -> np.ndarray:
    """The ink of these pieces in their box, without the neighbours' ink."""
    left, top, right, bottom = union(pieces)
    return ink[top:bottom, left:right] * _own(labels[top:bottom, left:right], pieces)


def _own(labels: np.ndarray, pieces: Sequence[Piece]) -> np.ndarray:
    own = labels == pieces[0].label
    for piece in pieces[1:]:
        own |= labels == piece.label
    return own


def _digit(alone: np.ndarray) -> np.ndarray:
    ink = Ink.of(alone)
    return cut_out(ink).digit if ink.box else np.zeros((1, SIDE, SIDE), np.float32)


def _is_one_digit(
    ink: np.ndarray, labels: np.ndarray, line: Line, score: Score | None, whole: np.ndarray
) -> bool:
    """Whether a line's pieces are one digit so surely that other groups need not be looked at.

    Any other way to group them parts two neighbours and costs at least `_least_cost` of that, so
    the outcome is that of `_likeliest_groups` at a fraction of its work, but for the faint edges of
    the ink, which `SURE` leaves room for.
    """
    pieces = line.pieces
    if len(pieces) == 1:
        return True
    if extent(pieces) > WIDEST * line.height:
        return False
    odds = _shape_odds(_alone(ink, labels, pieces), line, (0, len(pieces)))
    return _is_surely(odds, min(piece.cut for piece in pieces[1:]), score, whole)


def _least_cost(cut: float, scored: bool) -> float:
    """The least that two groups can cost together with a boundary through so much ink."""
    odds = ODDS - CUT_COST * min(cut, MAX_CUT) + (SCORE_BEST if scored else 0.0)
    return CUT_PRIOR * (cut > 0) + 2 * float(np.logaddexp(0, -odds))


def _score_odds(confidences: Sequence[float] | np.ndarray) -> np.ndarray:
    """What a network's confidence in each hypothesis adds to its log odds."""
    confidence = np.clip(np.asarray(confidences, dtype=np.float64), LEAST_SCORE, 1 - LEAST_SCORE)
    return SCORE_WEIGHT * (np.log(confidence / (1 - confidence)) - SCORE_NEUTRAL)


def _likeliest_groups(
    ink: np.ndarray, labels: np.ndarray, line: Line, score: Score | None
) -> list[list[Piece]]:
    """Pieces of a line joined into digits so that -log of their probabilities is least."""
    pieces = line.pieces
    spans = _spans(line)
    if len(spans) == 1:
        return [pieces]
    costs = _costs(ink, labels, line, spans, score)
    best = [0.0] + [np.inf] * len(pieces)  # cost of the pieces before each one, and
    begin = [0] * (len(pieces) + 1)  # where the last digit among them begins
    for (start, stop), cost in zip(spans, costs.tolist(), strict=True):
        total = best[start] + cost + CUT_PRIOR * (pieces[start].cut > 0)
        if total < best[stop]:
            best[stop], begin[stop] = total, start
    groups: list[list[Piece]] = []
    stop = len(pieces)
    while stop > 0:
        groups.append(pieces[begin[stop] : stop])
        stop = begin[stop]
    return groups[::-1]


def _costs(
    ink: np.ndarray,
    labels: np.ndarray,
    line: Line,
    spans: Sequence[tuple[int, int]],
    score: Score | None,
) -> np.ndarray:
    """-log of the probability that each span of a line's pieces is one digit."""
    alone = [_alone(ink, labels, line.pieces[start:stop]) for start, stop in spans]
    odds = np.array(
        [_shape_odds(part, line, span) for part, span in zip(alone, spans, strict=True)]
    )
    if score is not None:
        odds += _score_odds(score(np.stack([_digit(part) for part in alone])))
    return np.logaddexp(0, -odds)


def _spans(line: Line) -> list[tuple[int, int]]:
    """Neighbouring pieces that could be one digit: (first, one after the last), in order."""
    count = len(line.pieces)
    return [
        (start, stop)
        for start in range(count)
        for stop in range(start + 1, min(start + MOST_PIECES, count) + 1)
        if stop == start + 1 or extent(line.pieces[start:stop]) <= WIDEST * line.height
    ]


def _shape_odds(
    alone: np.ndarray, line: Line, span: tuple[int, int], outline: float | None = None
) -> float:
    """Log odds that the pieces of a span are one digit, by their shape alone.

    `outline` is the length of their outline, where it is known.
    """
    start, stop = span
    pieces = line.pieces[start:stop]
    height, width = (side / line.height for side in alone.shape)
    length = (outline or outline_length(alone)) / 2 / line.height
    inked = alone > 0.5
    starts = np.count_nonzero(inked[:, 0]) + np.count_nonzero(inked[:, 1:] > inked[:, :-1])
    runs = starts / alone.shape[0]
    cut = pieces[0].cut + (line.pieces[stop].cut if stop < len(line.pieces) else 0.0)
    gaps = [max(0, b.box[0] - a.box[2]) for a, b in itertools.pairwise(pieces)]
    return (
        ODDS
        - LONG_COST * max(0.0, length - LONG)
        - SHORT_COST * max(0.0, SHORT - length)
        - LOW_COST * max(0.0, LOW - height)
        - WIDE_COST * max(0.0, width - WIDE)
        - RUNS_COST * max(0.0, runs - RUNS)
        - CUT_COST * min(cut, MAX_CUT)
        - GAP_COST * sum(gaps) / line.height
    )
