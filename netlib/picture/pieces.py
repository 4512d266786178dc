"""Over-segmentation: ink to pieces that no digit needs smaller, in lines from left to right.

ink -> connected components -> lines -> parts of broken digits joined -> touching digits cut
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from netlib.picture.digit import outline_length, stroke_width
from netlib.picture.parts import COMPONENT_LEVEL, SMALL, Line, Piece, union
from netlib.picture.patch import Box, ink_box
from netlib.picture.seams import find_seams
from netlib.picture.signs import split_signs

# Of more components only the largest are looked at: three for each of twenty digits.
MAX_COMPONENTS = 60

# Shares of the line's height, which is that of its tall components.
NEAR = 0.25  # a part joins the digit beside it over a gap of this width,
PART_WIDTH = 1.1  # if the two are not wider than this;
JOINED_WIDTH = 1.7  # components over one another are one digit up to this width
CUTTABLE = 0.4  # narrower components are not cut,
FLAT = 0.2  # nor are lower ones
# Nor is one stroke from left to right, which is so many times as wide as high, at least, and whose
# length is this share of its width, at most; nor what is wider than twenty digits, in heights.
LYING, STRAIGHT, ROW_WIDTH = 2.0, 1.3, 20.0
# A column of print has so many components over one another, each this share as high, at most.
PRINTED, PRINT_HEIGHT = 6, 0.25
# A ring is at least this many pixels wide and high.
RING_SIDE = 6
# its hole has this share of its box, or it is open by this share of its size.
RING_HOLE, RING_GAP = 0.04, 0.15
# Shares of the components' own sizes.
OVERLAP = 0.5  # components are over one another from this share of the narrower one's width,
LINE_OVERLAP = 0.25  # and in one line from this share of the lower one's height
BROKEN = 0.15  # the parts of a broken digit may be apart by this share of its height


@dataclass(frozen=True)
class Components:
    """Connected ink."""

    labels: np.ndarray  # (H, W) int32, 0 for background, n for the component `boxes[n - 1]`
    boxes: list[tuple[int, int, int, int]]  # left, top, width and height of each


def find_components(ink: np.ndarray) -> Components:
    """The components of ink (H, W) that is not empty; at least one, if need be of all its ink."""
    mask = (ink > COMPONENT_LEVEL).view(np.uint8)
    count, labels = cv2.connectedComponents(mask)
    if count <= 2:
        if count == 1:
            labels = (ink > 0).astype(np.int32)
        left, top, width, height = cv2.boundingRect((labels > 0).view(np.uint8))
        return Components(labels, [(left, top, width, height)])
    stats = cv2.connectedComponentsWithStats(mask)[2]
    return Components(labels, [tuple(row) for row in stats[1:, : cv2.CC_STAT_AREA].tolist()])


def over_segment(
    ink: np.ndarray, components: Components | None = None
) -> tuple[np.ndarray, list[Line]]:
    """Ink (H, W) in [0, 1], not empty -> label image (H, W) and lines from top to bottom.

    `components` are those of the ink, if they are known; their labels are written to.
    """
    found = components or find_components(ink)
    labels = found.labels
    pieces = [
        Piece(label, (left, top, left + width, top + height))
        for label, (left, top, width, height) in enumerate(found.boxes, 1)
    ]
    if len(pieces) > MAX_COMPONENTS:
        areas = np.bincount(labels.ravel())
        pieces.sort(key=lambda piece: -areas[piece.label])
    # Faint ink at the edge of a stroke belongs to the stroke.
    widened = cv2.dilate(labels.astype(np.float32), np.ones((3, 3), np.uint8)).astype(np.int32)
    np.copyto(labels, widened, where=(labels == 0) & (ink > 0))
    pieces = _with_rings(labels, pieces[:MAX_COMPONENTS])
    stroke = max(stroke_width(ink), 1.0)
    fresh = itertools.count(len(found.boxes) + 1)
    lines = []
    for line in _lines(pieces):
        signs, rest = split_signs(labels, line)
        parts = [_as_sign(labels, sign) for sign in signs]
        for piece in _without_print(_joined(labels, Line(line.height, rest)), rest):
            parts += _cut(ink, labels, piece, line.height, stroke, fresh)
        if signs:
            parts.sort(key=lambda piece: piece.box[0] + piece.box[2])
        lines.append(Line(line.height, parts))
    return labels, lines


def _as_sign(labels: np.ndarray, parts: list[Piece]) -> Piece:
    whole = parts[0]
    for part in parts[1:]:
        whole = _absorbed(labels, whole, part)
    return replace(whole, is_sign=True)


def _with_rings(labels: np.ndarray, components: list[Piece]) -> list[Piece]:
    """The components, the small ones told whether they are rings."""
    small = SMALL * max((piece.height for piece in components), default=0)
    return [
        replace(piece, ring=_is_ring(labels, piece)) if piece.height < small else piece
        for piece in components
    ]


def _is_ring(labels: np.ndarray, piece: Piece) -> bool:
    """Whether a component goes around a hole, or nearly."""
    left, top, right, bottom = piece.box
    if min(right - left, bottom - top) < RING_SIDE:
        return False
    gap = 1 + round(RING_GAP * min(right - left, bottom - top))
    outside = np.ones((bottom - top + 2 * gap, right - left + 2 * gap), np.uint8)
    outside[gap:-gap, gap:-gap] = labels[top:bottom, left:right] != piece.label
    _, _, stats, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    hole = np.sort(stats[1:, cv2.CC_STAT_AREA])[:-1].max(initial=0)
    if hole >= RING_HOLE * (right - left) * (bottom - top):
        return True
    closed = cv2.erode(outside, np.ones((gap, gap), np.uint8))
    return cv2.connectedComponents(closed, connectivity=4)[0] > 2


def _lines(components: list[Piece]) -> list[Line]:
    """Components to lines from top to bottom: tall ones that overlap in y share a line."""
    tallest = max(piece.height for piece in components)
    tall = [piece for piece in components if piece.height >= SMALL * tallest]
    rows: list[list[Piece]] = []
    for piece in sorted(tall, key=lambda piece: piece.box[1]):
        if rows and piece.box[1] + LINE_OVERLAP * piece.height < union(rows[-1])[3]:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    lines = [Line(float(np.median([piece.height for piece in row])), row) for row in rows]
    bounds = [union(row) for row in rows]
    for piece in components:
        if piece.height < SMALL * tallest:
            middle = (piece.box[1] + piece.box[3]) / 2
            distances = [max(top - middle, middle - bottom) for _, top, _, bottom in bounds]
            lines[int(np.argmin(distances))].pieces.append(piece)
    return lines


def _gap(a: Box, b: Box) -> int:
    """Columns between two pieces; less than 0 where they overlap in x."""
    return max(a[0], b[0]) - min(a[2], b[2])


def lies_over(a: Box, b: Box) -> bool:
    """Whether one of two boxes lies over or under the other."""
    return -_gap(a, b) >= OVERLAP * min(a[2] - a[0], b[2] - b[0])


def _belong_together(a: Piece, b: Piece, line_height: float) -> bool:
    left, _, right, _ = union([a, b])
    if lies_over(a.box, b.box) and right - left <= JOINED_WIDTH * line_height:
        return True
    smaller = min(a, b, key=lambda piece: piece.height)
    is_part = smaller.height < SMALL * line_height and not smaller.ring
    close = _gap(a.box, b.box) <= NEAR * line_height
    return is_part and close and right - left <= PART_WIDTH * line_height


def _joined(labels: np.ndarray, line: Line) -> list[Piece]:
    """The line's digits from left to right, their parts joined (and relabelled in place)."""
    pieces: list[Piece] = []
    remaining = sorted(line.pieces, key=lambda piece: -piece.height)
    while len(pieces) != len(remaining):
        if pieces:
            remaining = pieces
        pieces = []
        for piece in remaining:
            fits = [n for n, a in enumerate(pieces) if _belong_together(a, piece, line.height)]
            if fits:
                nearest = min(fits, key=lambda n: _gap(pieces[n].box, piece.box))
                pieces[nearest] = _absorbed(labels, pieces[nearest], piece)
            else:
                pieces.append(piece)
    return sorted(pieces, key=lambda piece: piece.box[0] + piece.box[2])


def _without_print(pieces: list[Piece], components: list[Piece]) -> list[Piece]:
    """Without columns of print beside others: many low components over one another."""

    def is_print(piece: Piece) -> bool:
        left, top, right, bottom = piece.box
        heights = [
            part.height
            for part in components
            if left <= part.box[0] and part.box[2] <= right
            if top <= part.box[1] and part.box[3] <= bottom
        ]
        return len(heights) >= PRINTED and max(heights) <= PRINT_HEIGHT * piece.height

    if len(pieces) < 2 or len(components) <= PRINTED:
        return pieces
    return [piece for piece in pieces if not is_print(piece)] or pieces


def _absorbed(labels: np.ndarray, piece: Piece, part: Piece) -> Piece:
    window = labels[_with_edges(part.box)]
    window[window == part.label] = piece.label
    return Piece(piece.label, union([piece, part]), ring=piece.ring or part.ring)


def _with_edges(box: Box) -> tuple[slice, slice]:
    """Rows and columns of a component with the faint ink around it, which has its label, too."""
    left, top, right, bottom = box
    return slice(max(top - 1, 0), bottom + 1), slice(max(left - 1, 0), right + 1)


def is_stroke(alone: np.ndarray) -> bool:
    """Whether a component (h, w) is one stroke from left to right, not a row of digits."""
    height, width = alone.shape
    if width < LYING * height:
        return False
    return width > ROW_WIDTH * height or outline_length(alone) / 2 <= STRAIGHT * width


def _cut(
    ink: np.ndarray,
    labels: np.ndarray,
    piece: Piece,
    line_height: float,
    stroke: float,
    fresh: Iterator[int],
) -> list[Piece]:
    """The parts of a piece between its seams, from left to right; relabelled in place."""
    if piece.width < CUTTABLE * line_height or piece.height < FLAT * line_height:
        return [piece]
    inside = _with_edges(piece.box)
    window = labels[inside]
    rest = window == piece.label
    alone = np.where(rest, ink[inside], np.float32(0))
    seams = [] if is_stroke(alone) else find_seams(alone, line_height, stroke)
    if not seams:
        return [piece]
    parts: list[Piece] = []
    left, top = inside[1].start, inside[0].start
    column = np.arange(alone.shape[1])
    for seam in [*seams, None]:
        mask = rest if seam is None else rest & (column < seam.columns[:, None])
        rest = rest & ~mask
        box = ink_box(np.where(mask, alone, 0))
        if box is not None:
            label = next(fresh)
            window[mask] = label
            cut = seams[len(parts) - 1].ink if parts else 0.0
            box = box[0] + left, box[1] + top, box[2] + left, box[3] + top
            parts.append(Piece(label, box, cut))
    return parts
