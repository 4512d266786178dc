"""Signs beside digits, told by their shape and place in the line: . , : ! ° - = + / % ( ) [ ].

The networks know digits only, and a bracket alone looks like a one. Beside digits it stands out: it
is taller than they are, and bowed. Lengths are shares of the line's height.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from netlib.picture.parts import COMPONENT_LEVEL, Line, Piece, extent, union

# A point's size; a comma may be longer. It stands between digits, this far around their lower end.
POINT, COMMA, POINT_RISE, POINT_FALL = (0.03, 0.22), 0.36, 0.25, 0.35
# How near the dots of a colon are to one column, and how far apart.
COLUMN, DOTS_APART = 0.12, (0.2, 0.8)
# The stroke of an exclamation mark is so slim. A degree's ring is so large, and in the upper part.
UPRIGHT_SLIM, DEGREE, UPPER = 0.45, (0.1, 0.45), 0.5
# So large is what stands between digits and is no dirt, and with so much room at its sides.
LEAST_OTHER, ROOM = 0.1, 0.05
# A sign may reach over or under its neighbours by this share of its width.
REACH = 0.25
# A minus's height, flatness and width, and the middle part of the line, where it lies.
MINUS_HEIGHT, MINUS_FLAT, MINUS_WIDTH = 0.2, 2.0, (0.15, 0.9)
MIDDLE = (0.2, 0.8)
# A plus's size and shape, and the share of its ink that lies in two crossing bars.
PLUS, PLUS_SHAPE, PLUS_BARS = (0.25, 0.75), (0.55, 1.8), 0.88
# A bracket is slim, taller than digits by this factor, and by this much at both ends; so far is its
# middle from its ends, in its own height.
SLIM, TALLER, OVER = 0.62, 1.15, 0.03
BOW = 0.055
# A slash is straight and leans. Its height, as a factor of the digits', and this share of its slope
# tell it from a one: of numbers with two ones in five digits none of 791 of 20 writers reaches the
# bound, and 15 of 794 of MNIST's training images.
SLOPE, BEND, LEAN, SLASH = 0.17, 0.02, 0.3, 1.2
# So many digits stand before, between and after the slashes of a date: these need so much each, and
# so much on average.
DATE = ((1, 2), (1, 2), (2, 4))
OF_A_DATE, ON_AVERAGE = 0.95, 1.05
BENT = 0.0, 0.0, 1.0  # the course of what is no single stroke from top to bottom
# The rings of a percent sign. If they touch its slash, how high that is, and how much of it is ink.
RING = (0.08, 0.5)
DIAGONAL = (0.8, 0.95)
# Along these shares of the sides a hash and such a percent sign have two bars so often.
SIDE, UPRIGHT, ACROSS = 0.25, 0.75, 0.45


def split_signs(labels: np.ndarray, line: Line) -> tuple[list[list[Piece]], list[Piece]]:
    """The components of a line that are signs, those of one sign together, and the others."""
    signs: list[list[Piece]] = []
    if len(line.pieces) < 2 or not line.tall(line.pieces):
        return signs, line.pieces
    rest = sorted(line.pieces, key=lambda piece: piece.box[0])
    for find in (
        _percents,
        _exclamations,
        _tall_ones,
        _flat_ones,
        _pluses,
        _colons,
        _degrees,
        _points,
        _others,
    ):
        found = find(labels, line, rest)
        used = {id(piece) for group in found for piece in group}
        others = [piece for piece in rest if id(piece) not in used]
        if line.tall(others):
            signs, rest = signs + found, others
    return signs, rest


def _alone(labels: np.ndarray, piece: Piece) -> np.ndarray:
    left, top, right, bottom = piece.box
    return labels[top:bottom, left:right] == piece.label


def _band(pieces: Sequence[Piece], line: Line) -> tuple[float, float]:
    """Where the digits begin and end, top and bottom."""
    tops, bottoms = zip(*((p.box[1], p.box[3]) for p in line.tall(pieces)), strict=True)
    return float(np.median(tops)), float(np.median(bottoms))


def _is_apart(piece: Piece, others: Sequence[Piece]) -> bool:
    """Whether none stands over or under it, but for a share of its width."""
    left, right = piece.box[0] + REACH * piece.width, piece.box[2] - REACH * piece.width
    return all(other.box[0] >= right or other.box[2] <= left for other in others)


def _is_beside(piece: Piece, others: Sequence[Piece]) -> bool:
    """Whether its middle is over or under none's inner third."""
    x, _ = _centre(piece)
    return all(other is piece or abs(x - _centre(other)[0]) >= other.width / 6 for other in others)


def _is_dot(piece: Piece, line: Line) -> bool:
    """Whether it is as small as a point."""
    return _within(max(piece.width, piece.height) / line.height, POINT)


def _exclamations(labels: np.ndarray, line: Line, rest: list[Piece]) -> list[list[Piece]]:
    """A slim stroke over a point."""
    found, aside = [], COLUMN * line.height
    for stroke in line.tall(rest):
        left, _, right, bottom = stroke.box
        if stroke.ring or stroke.width > UPRIGHT_SLIM * stroke.height:
            continue
        below = [
            piece
            for piece in rest
            if _is_dot(piece, line)
            and piece.box[1] >= bottom
            and _within(_centre(piece)[0], (left - aside, right + aside))
        ]
        if len(below) == 1:
            found.append([stroke, *below])
    return found


def _degrees(labels: np.ndarray, line: Line, rest: list[Piece]) -> list[list[Piece]]:
    """A small ring in the upper part of the line, after a digit."""
    top, bottom = _band(rest, line)
    middle = top + UPPER * (bottom - top)
    return [
        [piece]
        for piece in rest
        if piece.ring
        and _within(max(piece.width, piece.height) / line.height, DEGREE)
        and piece.box[3] <= middle
        and piece is not rest[0]
        and _is_apart(piece, [other for other in rest if other is not piece])
    ]


def _colons(labels: np.ndarray, line: Line, rest: list[Piece]) -> list[list[Piece]]:
    """Two dots, one over the other, between digits."""
    tall = line.tall(rest)
    if len(tall) < 2:
        return []
    dots = [
        piece
        for piece in rest
        if _is_dot(piece, line)
        and not piece.ring
        and tall[0].box[0] < piece.box[0] < tall[-1].box[2]
        and _is_beside(piece, tall)
    ]
    found: list[list[Piece]] = []
    for one, other in itertools.pairwise(dots):
        (x, y), (u, v) = _centre(one), _centre(other)
        near = abs(x - u) <= COLUMN * line.height
        is_new = not found or found[-1][-1] is not one
        if near and is_new and _within(abs(y - v) / line.height, DOTS_APART):
            found.append([one, other])
    return found


def _points(labels: np.ndarray, line: Line, rest: list[Piece]) -> list[list[Piece]]:
    tall = line.tall(rest)
    if len(tall) < 2:
        return []
    _, bottom = _band(rest, line)
    left, right = min(p.box[2] for p in tall), max(p.box[0] for p in tall)
    found = []
    for piece in rest:
        width, height = piece.width / line.height, piece.height / line.height
        x, y = _centre(piece)
        if (
            POINT[0] <= max(width, height)
            and width <= POINT[1]
            and height <= COMMA
            and -POINT_RISE <= (y - bottom) / line.height <= POINT_FALL
            and left - 0.1 * line.height <= x <= right + 0.1 * line.height
            and not piece.ring
            and _is_beside(piece, tall)
        ):
            found.append([piece])
    return found


def _others(labels: np.ndarray, line: Line, rest: list[Piece]) -> list[list[Piece]]:
    """Whatever else is small and stands between digits, apart from them: no part of one."""
    tall = line.tall(rest)
    small = [
        piece
        for piece in rest
        if piece not in tall
        and not piece.ring
        and tall[0].box[2] <= _centre(piece)[0] <= tall[-1].box[0]
        and _is_apart(piece, tall)
    ]
    return [
        group
        for group in _stacked(small)
        if extent(group) >= LEAST_OTHER * line.height
        and _is_level(group, line, rest)
        and _is_clear(labels, group, line)
    ]


def _stacked(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Those over one another together, from left to right."""
    found: list[list[Piece]] = []
    for piece in pieces:
        if found and found[-1][-1].box[2] > piece.box[0]:
            found[-1].append(piece)
        else:
            found.append([piece])
    return found


def _is_level(group: Sequence[Piece], line: Line, rest: Sequence[Piece]) -> bool:
    """Whether their middle is in the middle part of the line: parts of digits are often not."""
    (_, upper, _, lower), (top, bottom) = union(group), _band(rest, line)
    return _within(((upper + lower) / 2 - top) / (bottom - top), MIDDLE)


def _is_clear(labels: np.ndarray, group: Sequence[Piece], line: Line) -> bool:
    """Whether at their sides there is no other ink near: the bar of a seven nearly touches it."""
    room = round(ROOM * line.height)
    own = [0, *(piece.label for piece in group)]
    boxes = [piece.box for piece in group]
    sides = [labels[y:v, max(0, x - room) : u + room] for x, y, u, v in boxes]
    return all(np.isin(side, own).all() for side in sides)


def _flat_ones(labels: np.ndarray, line: Line, rest: list[Piece]) -> list[list[Piece]]:
    """Minus, or equals: one flat stroke or two, apart from all others."""
    flat = [
        piece
        for piece in rest
        if piece.height <= MINUS_HEIGHT * line.height
        and piece.width >= MINUS_FLAT * piece.height
        and _within(piece.width / line.height, MINUS_WIDTH)
        and _is_level([piece], line, rest)
    ]
    found = []
    for group in _stacked(flat):
        others = [piece for piece in rest if piece not in group]
        is_between = rest[0] in others and rest[-1] in others
        is_free = is_between and all(_is_apart(piece, others) for piece in group)
        is_free = is_free or _is_clear(labels, group, line)
        if len(group) <= 2 and is_free and all(_is_beside(piece, others) for piece in group):
            found.append(group)
    return found


def _pluses(labels: np.ndarray, line: Line, rest: list[Piece]) -> list[list[Piece]]:
    return [
        [piece]
        for piece in rest
        if PLUS[0] <= piece.height / line.height <= PLUS[1]
        and _is_beside(piece, rest)
        and _is_plus(_alone(labels, piece))
    ]


def _is_plus(mask: np.ndarray) -> bool:
    """Whether ink (H, W) is two bars that cross in their middle."""
    height, width = mask.shape
    if min(height, width) < 9 or not PLUS_SHAPE[0] <= width / height <= PLUS_SHAPE[1]:
        return False
    rows, columns = mask.sum(1), mask.sum(0)
    row, column = int(rows.argmax()), int(columns.argmax())
    inner = all(0.28 <= place <= 0.72 for place in (row / height, column / width))
    if not inner or rows[row] < 0.85 * width or columns[column] < 0.85 * height:
        return False
    thick_y = 1.25 * float(np.median(columns)) + 1
    thick_x = 1.25 * float(np.median(rows)) + 1
    bars = np.zeros_like(mask)
    bars[max(0, round(row - thick_y)) : round(row + thick_y) + 1] = True
    bars[:, max(0, round(column - thick_x)) : round(column + thick_x) + 1] = True
    return max(thick_y / height, thick_x / width) < 0.4 and bool(
        (mask & bars).sum() >= PLUS_BARS * mask.sum()
    )


def _tall_ones(labels: np.ndarray, line: Line, rest: list[Piece]) -> list[list[Piece]]:
    """Brackets and slashes: single strokes that are taller than the digits, or lean."""
    tall = line.tall(rest)
    bows: dict[int, float] = {}
    slopes: dict[int, float] = {}
    for n, piece in enumerate(tall):
        bow, slope, bend = BENT if piece.ring else _course(_alone(labels, piece))
        if bow != 0 and piece.width <= SLIM * piece.height:
            bows[n] = bow
        elif bow == 0 and slope > SLOPE and bend < BEND:
            slopes[n] = slope
    digits = [piece for n, piece in enumerate(tall) if n not in bows and n not in slopes]
    if not digits:
        return []
    usual = float(np.median([piece.height for piece in digits]))
    likeness = {n: tall[n].height / usual + LEAN * slope for n, slope in slopes.items()}
    signs = {*_slashes(likeness, len(tall)), *_pairs(bows)}
    top, bottom = _band(digits, line)
    for n, bow in bows.items():
        left, upper, right, lower = tall[n].box
        over = min(top - upper, lower - bottom) >= OVER * line.height
        before = any(other.box[0] < left for other in digits)
        after = any(other.box[2] > right for other in digits)
        if tall[n].height >= TALLER * usual and over and (after if bow > 0 else before):
            signs.add(n)
    return [[tall[n]] for n in sorted(signs)]


def _pairs(bows: Mapping[int, float]) -> set[int]:
    """Which strokes, bowed so much, are a bracket that opens and the next one, which closes."""
    found: set[int] = set()
    for one, other in itertools.pairwise(bows):
        if bows[one] > 0 > bows[other] and other - one > 1:
            found |= {one, other}
    return found


def _slashes(likeness: Mapping[int, float], count: int) -> list[int]:
    """Which of a line's strokes are slashes, by how alike to one each is that leans."""
    inner = {n: like for n, like in likeness.items() if 0 < n < count - 1}
    likely = [n for n, like in inner.items() if like > OF_A_DATE]
    for one, other in itertools.combinations(likely, 2):
        groups = one, other - one - 1, count - other - 1
        is_date = all(size in sizes for size, sizes in zip(groups, DATE, strict=True))
        if is_date and inner[one] + inner[other] > 2 * ON_AVERAGE:
            return [one, other]
    return [n for n, like in inner.items() if like > SLASH]


def _course(mask: np.ndarray) -> tuple[float, float, float]:
    """Bow, slope and bend of a stroke from top to bottom, in its own height; BENT for others.

    The bow is how far both ends are to the right of the middle, less than 0 for ")"; the slope how
    far the upper end is to the right of the lower one; the bend how far it is from straight.
    """
    height = mask.shape[0]
    counts = mask.sum(1)
    starts = mask[:, 0].astype(int) + (mask[:, 1:] > mask[:, :-1]).sum(1)
    if height < 12 or counts.min() == 0 or (starts > 1).mean() > 0.12:
        return BENT
    means = (mask @ np.arange(mask.shape[1])) / counts / height
    parts = np.array_split(means, 7)
    first, last, middle = (float(parts[n].mean()) for n in (0, 6, 3))
    straight = np.polyval(np.polyfit(np.arange(height), means, 1), np.arange(height))
    bend = float(np.abs(means - straight).mean())
    for side in (1, -1):
        ends = [float((side * (part - middle)).max()) for part in (parts[0], parts[6])]
        # A three has its middle nearer to its ends than its bows are.
        bows = [float((side * (part - middle)).mean()) for part in (parts[2], parts[4])]
        if min(ends) > BOW and min(bows) > -0.01:
            return side * min(ends), first - last, bend
    return 0.0, first - last, bend


def _percents(labels: np.ndarray, line: Line, rest: list[Piece]) -> list[list[Piece]]:
    """A slash with something small and round at its upper left and at its lower right."""
    found: list[list[Piece]] = []
    small = [
        piece
        for piece in rest
        if RING[0] <= max(piece.height, piece.width) / line.height <= RING[1]
        and 0.4 <= piece.width / piece.height <= 2.5
    ]
    if len(small) < 2:
        return found
    for slash in rest:
        if slash.height < 0.7 * line.height or slash.width > 0.9 * slash.height:
            continue
        left, top, right, _ = slash.box
        near = 0.35 * line.height
        upper = [p for p in small if _centre(p)[1] < top + 0.5 * slash.height
                 and left - near <= _centre(p)[0] < left + 0.6 * slash.width]  # fmt: skip
        lower = [p for p in small if _centre(p)[1] > top + 0.5 * slash.height
                 and left + 0.4 * slash.width < _centre(p)[0] <= right + near]  # fmt: skip
        if len(upper) == 1 and len(lower) == 1:
            _, slope, bend = _course(_alone(labels, slash))
            if slope > SLOPE and bend < 3 * BEND:
                found.append([slash, *upper, *lower])
    return found


def is_one_sign(ink: np.ndarray) -> bool:
    """Whether connected ink (H, W) is # or %, and not digits that touch."""
    mask = ink > COMPONENT_LEVEL
    rows, columns = _in_two(mask), _in_two(mask.T)
    is_hash = rows >= UPRIGHT and columns >= ACROSS
    return is_hash or (columns >= ACROSS and _has_a_slash(mask))


def _in_two(mask: np.ndarray) -> float:
    """In which share of the rows near the top and the bottom there are two bars; the lower one."""
    count = max(1, round(SIDE * len(mask)))
    sides = mask[:count], mask[-count:]
    starts = (np.diff(np.pad(side, ((0, 0), (1, 0))).astype(int), axis=1) > 0 for side in sides)
    return min(float((each.sum(axis=1) == 2).mean()) for each in starts)


def _has_a_slash(mask: np.ndarray) -> bool:
    """Whether there is a straight stroke from the lower left to the upper right."""
    ys, xs = np.nonzero(mask)
    ends = [int((xs - ys).argmin()), int((xs - ys).argmax())]
    (left, right), (low, high) = xs[ends], ys[ends]
    if right - left < SLOPE * (low - high) or low - high < DIAGONAL[0] * len(mask):
        return False
    steps = np.linspace(0, 1, len(mask))
    x, y = left + steps * (right - left), low + steps * (high - low)
    return bool(mask[np.rint(y).astype(int), np.rint(x).astype(int)].mean() >= DIAGONAL[1])


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]


def _centre(piece: Piece) -> tuple[float, float]:
    left, top, right, bottom = piece.box
    return (left + right) / 2, (top + bottom) / 2
