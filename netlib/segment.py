"""Several digits in one picture: cut the ink into digits, in reading order.

    ink -> components -> lines -> pieces -> the cheapest grouping of pieces -> one tensor a digit

Over-segmentation and dynamic programming (LeCun et al. 1998, section VII): strokes that touch are
cut wherever a cut is cheap, strokes that are broken stay apart, and the best way to join
neighbouring pieces into digits is found over all of them at once. A hypothesis costs more the
less it has a digit's proportions, the more ink its cuts go through, the wider the gaps inside it
and, if a network's confidence is given, the less the network recognises in it.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from netlib.images import Picture, as_picture, to_grey
from netlib.ink import EIGHT_NEIGHBOURS, Box, ink_box, ink_from_grey
from netlib.sketch import SIDE, digit_from_ink, stroke_width

MAX_DIGITS = 20
# Ink from here on connects: fainter bridges between digits do not.
COMPONENT_LEVEL = 0.25

# Sizes below are shares of the line's height, which is that of its tall components.
SMALL = 0.45  # a component lower than this is a part of a digit, not a digit
NEAR = 0.25  # a part joins the digit beside it over a gap of this width
OVERLAP = 0.5  # components over one another by this share of the narrower one are one digit
CUTTABLE = 0.55  # narrower groups are not cut
MIN_PIECE = 0.12  # width of the narrowest piece
WIDEST = 1.7  # wider hypotheses are not considered, unless nothing else covers their ink

SEAM_HEIGHT = 48  # rows at which seams are searched
SEAM_BEND = 0.05  # cost of a diagonal step, in pixels of ink
MAX_SEAM_STROKES = 2.5  # a seam through more ink than this, in stroke widths, is no cut

# Costs, in nats where a network's confidence is added.
CUT_COST = 0.6  # a cut through ink,
CUT_INK_COST = 0.5  # and more for each stroke width that it goes through
GAP_COST = 6.0  # per line height of a gap inside a digit, squared
WIDE_COST, WIDE_FROM = 6.0, 0.9  # per squared excess of width over this share of the height
LOW_COST, LOW_BELOW = 6.0, 0.6  # per squared lack of height

# Probability, for each of (N, 1, 28, 28) images, that it is a digit: (N,) in [0, 1].
Score = Callable[[torch.Tensor], Sequence[float] | np.ndarray | torch.Tensor]


@dataclass(frozen=True)
class DigitBox:
    """One digit of a picture.

    Attributes:
        left, top, right, bottom: its box in pixels of the picture; right and bottom exclusive.
        digit: (1, 28, 28) float32 tensor, what the networks see.
    """

    left: int
    top: int
    right: int
    bottom: int
    digit: torch.Tensor


@dataclass
class _Piece:
    """Ink that is never cut further: its pixels' value in the label image, its box, its left cut.

    Attributes:
        cut: stroke widths of ink between it and the piece to its left; 0 where they do not touch.
    """

    label: int
    box: Box
    cut: float = 0.0


@dataclass
class _Line:
    height: float
    pieces: list[_Piece] = field(default_factory=list)


def find_digits(
    image: Picture, score: Score | None = None, max_digits: int = MAX_DIGITS
) -> list[DigitBox]:
    """Cut a picture into its digits, lines from top to bottom, each from left to right.

    Args:
        image: any picture, see `images.as_picture`. Boxes are in the pixels of the array, tensor
            or PIL image given; of a file, in those of `images.open_image(file)`.
        score: a network's confidence that an image is one digit; chooses among ways to cut.
        max_digits: the most that are returned, in reading order.

    Returns:
        The digits; empty for an empty page. A single digit's tensor is that of `sketch.to_digit`.

    Raises:
        ImageError: if the picture cannot be read.
    """
    picture = as_picture(image)
    ink = ink_from_grey(to_grey(picture))
    boxes = digits_from_ink(ink, score, max_digits)
    scale = _width_of(image, picture) / picture.width
    return [_scaled(box, scale) for box in boxes] if scale != 1 else boxes


def digits_from_ink(
    ink: np.ndarray, score: Score | None = None, max_digits: int = MAX_DIGITS
) -> list[DigitBox]:
    """As `find_digits`, from ink (H, W) in [0, 1]."""
    whole = ink_box(ink)
    if whole is None:
        return []
    labels, lines = _over_segment(ink)
    groups = [group for line in lines for group in _best_groups(ink, labels, line, score)]
    if len(groups) <= 1:
        return [DigitBox(*whole, digit_from_ink(ink, whole)[0])]
    return [DigitBox(*_union(group), _digit(ink, labels, group)) for group in groups[:max_digits]]


def _width_of(image: Picture, picture: Image.Image) -> int:
    """Width in the caller's pixels: pictures larger than the working size were reduced."""
    if isinstance(image, Image.Image):
        return image.width
    if isinstance(image, (np.ndarray, torch.Tensor)):
        channels_first = image.ndim == 3 and image.shape[2] not in (1, 2, 3, 4)
        return int(image.shape[2] if channels_first else image.shape[1])
    return picture.width


def _scaled(found: DigitBox, scale: float) -> DigitBox:
    left, top, right, bottom = (
        round(edge * scale) for edge in (found.left, found.top, found.right, found.bottom)
    )
    return DigitBox(left, top, right, bottom, found.digit)


def _union(pieces: Sequence[_Piece]) -> Box:
    return (
        min(piece.box[0] for piece in pieces),
        min(piece.box[1] for piece in pieces),
        max(piece.box[2] for piece in pieces),
        max(piece.box[3] for piece in pieces),
    )


def _digit(ink: np.ndarray, labels: np.ndarray, pieces: Sequence[_Piece]) -> torch.Tensor:
    """The tensor of these pieces alone, without the neighbours' ink in their box."""
    left, top, right, bottom = _union(pieces)
    part = labels[top:bottom, left:right]
    own = np.isin(part, [piece.label for piece in pieces])
    alone = np.where(own, ink[top:bottom, left:right], 0).astype(np.float32)
    box = ink_box(alone)
    return digit_from_ink(alone, box)[0] if box else torch.zeros(1, SIDE, SIDE)


# --- over-segmentation -----------------------------------------------------------------------


def _over_segment(ink: np.ndarray) -> tuple[np.ndarray, list[_Line]]:
    """Label image (H, W), in which each piece has its own value, and the lines of pieces."""
    labels, count = ndimage.label(ink > COMPONENT_LEVEL, structure=EIGHT_NEIGHBOURS)
    boxes = [
        (columns.start, rows.start, columns.stop, rows.stop)
        for rows, columns in ndimage.find_objects(labels)
    ]
    # Faint ink at the edge of a stroke belongs to the stroke.
    spread = ndimage.maximum_filter(labels, size=3)
    labels = np.where((labels == 0) & (ink > 0), spread, labels)
    lines = _lines([_Piece(index + 1, box) for index, box in enumerate(boxes)])
    strokes = max(stroke_width(ink), 1.0)
    next_label = count + 1
    for line in lines:
        line.pieces = _joined(labels, line)
        pieces: list[_Piece] = []
        for piece in line.pieces:
            cuts = _cut(ink, labels, piece, line.height, strokes, next_label)
            next_label += len(cuts)
            pieces += cuts
        line.pieces = pieces
    return labels, lines


def _height(piece: _Piece) -> int:
    return piece.box[3] - piece.box[1]


def _lines(pieces: list[_Piece]) -> list[_Line]:
    """Components to lines from top to bottom: tall ones that overlap in y share a line."""
    tallest = max(_height(piece) for piece in pieces)
    tall = [piece for piece in pieces if _height(piece) >= SMALL * tallest]
    lines: list[_Line] = []
    ends: list[int] = []
    for piece in sorted(tall, key=lambda piece: piece.box[1]):
        if lines and piece.box[1] + 0.25 * _height(piece) < ends[-1]:
            lines[-1].pieces.append(piece)
            ends[-1] = max(ends[-1], piece.box[3])
        else:
            lines.append(_Line(0.0, [piece]))
            ends.append(piece.box[3])
    for line in lines:
        line.height = float(np.median([_height(piece) for piece in line.pieces]))
    for piece in pieces:
        if _height(piece) < SMALL * tallest:
            middle = (piece.box[1] + piece.box[3]) / 2
            _nearest_line(lines, middle).pieces.append(piece)
    return lines


def _nearest_line(lines: list[_Line], y: float) -> _Line:
    def distance(line: _Line) -> float:
        _, top, _, bottom = _union(line.pieces)
        return max(top - y, y - bottom, 0)

    return min(lines, key=distance)


def _joined(labels: np.ndarray, line: _Line) -> list[_Piece]:
    """Components of one line, from left to right, parts joined to the digit they belong to."""
    pieces = sorted(line.pieces, key=lambda piece: piece.box[0])
    joined = True
    while joined and len(pieces) > 1:
        joined = False
        for a in range(len(pieces) - 1):
            partners = [b for b in range(a + 1, len(pieces)) if _belong(pieces[a], pieces[b], line)]
            if partners:
                other = pieces.pop(partners[0])
                first = pieces[a]
                left, top, right, bottom = other.box
                part = labels[top:bottom, left:right]
                part[part == other.label] = first.label
                pieces[a] = _Piece(first.label, _union([first, other]))
                joined = True
                break
    return sorted(pieces, key=lambda piece: piece.box[0] + piece.box[2])


def _belong(a: _Piece, b: _Piece, line: _Line) -> bool:
    """Whether two components are parts of one digit for certain: one lies over the other."""
    overlap = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
    narrower = min(a.box[2] - a.box[0], b.box[2] - b.box[0])
    width = max(a.box[2], b.box[2]) - min(a.box[0], b.box[0])
    small = min(_height(a), _height(b)) < SMALL * line.height
    if overlap >= OVERLAP * narrower and width <= WIDEST * line.height:
        return True
    return small and -overlap <= NEAR * line.height and width <= 1.1 * line.height


def _cut(
    ink: np.ndarray,
    labels: np.ndarray,
    piece: _Piece,
    height: float,
    strokes: float,
    next_label: int,
) -> list[_Piece]:
    """The parts of a piece along its cheap seams, from left to right; relabelled in place."""
    left, top, right, bottom = piece.box
    if right - left < CUTTABLE * height:
        return [piece]
    own = labels[top:bottom, left:right] == piece.label
    alone = np.where(own, ink[top:bottom, left:right], 0).astype(np.float32)
    seams = _seams(alone, height, strokes)
    if not seams:
        return [piece]
    columns = np.arange(right - left)
    number = np.zeros(alone.shape, dtype=int)
    for seam, _ in seams:
        number += columns[None, :] >= seam[:, None]
    part = labels[top:bottom, left:right]
    parts: list[_Piece] = []
    for index in range(len(seams) + 1):
        mask = own & (number == index)
        box = ink_box(np.where(mask, alone, 0))
        if box is None:
            continue
        part[mask] = next_label + index
        shifted = (box[0] + left, box[1] + top, box[2] + left, box[3] + top)
        parts.append(_Piece(next_label + index, shifted, seams[index - 1][1] if index else 0.0))
    parts[0].cut = 0.0
    # Labels between the first and the last must stay unused by others.
    while len(parts) < len(seams) + 1:
        parts.append(_Piece(next_label + len(parts), parts[-1].box, np.inf))
    return [piece for piece in parts if np.isfinite(piece.cut)]


def _seams(alone: np.ndarray, height: float, strokes: float) -> list[tuple[np.ndarray, float]]:
    """Cheap ways down through the ink: (column of the cut in each row, stroke widths cut).

    A seam goes from row to row straight or diagonally. The cheapest one through each column of
    the middle row is the cheapest way up from there and the cheapest way down.
    """
    rows, columns = alone.shape
    scale = min(1.0, SEAM_HEIGHT / rows)
    small_size = (max(2, round(columns * scale)), max(2, round(rows * scale)))
    small = np.asarray(Image.fromarray(alone).resize(small_size, Image.Resampling.BOX))
    middle = small.shape[0] // 2
    up_cost, up_steps = _ways(small[middle::-1])
    down_cost, down_steps = _ways(small[middle:])
    cost = up_cost + down_cost - small[middle]
    chosen = _minima(cost, round(MIN_PIECE * height * scale), MAX_SEAM_STROKES * strokes * scale)
    seams = []
    for column in chosen:
        up = _path(up_steps, column)
        down = _path(down_steps, column)
        seam = np.concatenate([up[::-1], down[1:]])
        at_rows = np.minimum((np.arange(rows) * scale).astype(int), seam.size - 1)
        full = np.rint((seam[at_rows] + 0.5) * columns / small.shape[1]).astype(int)
        seams.append((full, float(cost[column]) / (strokes * scale)))
    return seams


def _ways(small: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Cheapest way from each column of the first row to the last row: cost (W,), steps per row."""
    cost = small[-1].astype(np.float64)
    steps: list[np.ndarray] = []
    for row in small[-2::-1]:
        padded = np.pad(cost, 1, constant_values=np.inf)
        options = np.stack([padded[1:-1], padded[:-2] + SEAM_BEND, padded[2:] + SEAM_BEND])
        best = options.argmin(axis=0)
        steps.append(np.array([0, -1, 1])[best])
        cost = options[best, np.arange(cost.size)] + row
    return cost, steps[::-1]


def _path(steps: list[np.ndarray], column: int) -> np.ndarray:
    path = [column]
    for step in steps:
        path.append(path[-1] + int(step[path[-1]]))
    return np.array(path)


def _minima(cost: np.ndarray, spacing: int, limit: float) -> list[int]:
    """Columns of the local minima up to `limit`, cheapest first in a conflict, in order."""
    spacing = max(spacing, 1)
    inner = [x for x in range(spacing, cost.size - spacing) if cost[x] <= limit]
    chosen: list[int] = []
    for x in sorted(inner, key=lambda x: (cost[x], abs(x - cost.size / 2))):
        window = cost[max(0, x - spacing) : x + spacing + 1]
        if cost[x] <= window.min() and all(abs(x - other) > spacing for other in chosen):
            chosen.append(x)
    return sorted(chosen)


# --- the cheapest grouping -------------------------------------------------------------------


def _best_groups(
    ink: np.ndarray, labels: np.ndarray, line: _Line, score: Score | None
) -> list[list[_Piece]]:
    """Pieces of a line joined into digits, by dynamic programming over where digits begin."""
    pieces = line.pieces
    spans = [
        (start, stop)
        for start in range(len(pieces))
        for stop in range(start + 1, len(pieces) + 1)
        if stop == start + 1 or _width(pieces[start:stop]) <= WIDEST * line.height
    ]
    costs = [_shape_cost(pieces[start:stop], line.height) for start, stop in spans]
    if score is not None and len(spans) > 1:
        digits = torch.stack([_digit(ink, labels, pieces[a:b]) for a, b in spans])
        confidence = np.clip(np.asarray(score(digits), dtype=np.float64), 1e-6, 1)
        costs = [cost - np.log(p) for cost, p in zip(costs, confidence, strict=True)]
    best = [0.0] + [np.inf] * len(pieces)
    begin = [0] * (len(pieces) + 1)
    for (start, stop), cost in sorted(zip(spans, costs, strict=True)):
        total = best[start] + cost + _border_cost(pieces[start])
        if total < best[stop]:
            best[stop], begin[stop] = total, start
    groups: list[list[_Piece]] = []
    stop = len(pieces)
    while stop > 0:
        groups.append(pieces[begin[stop] : stop])
        stop = begin[stop]
    return groups[::-1]


def _width(pieces: Sequence[_Piece]) -> int:
    left, _, right, _ = _union(pieces)
    return right - left


def _border_cost(piece: _Piece) -> float:
    """What it costs that a digit begins with this piece."""
    return CUT_COST + CUT_INK_COST * piece.cut if piece.cut > 0 else 0.0


def _shape_cost(pieces: Sequence[_Piece], height: float) -> float:
    """How far a group is from a digit's proportions."""
    left, top, right, bottom = _union(pieces)
    wide = max(0.0, (right - left) / height - WIDE_FROM)
    low = max(0.0, LOW_BELOW - (bottom - top) / height)
    gaps = sum(
        max(0, b.box[0] - a.box[2]) / height + 0.1
        for a, b in itertools.pairwise(pieces)
        if b.cut == 0
    )
    return WIDE_COST * wide**2 + LOW_COST * low**2 + GAP_COST * gaps
