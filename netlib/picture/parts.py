"""What ink is taken apart into: pieces, in lines."""

from collections.abc import Sequence
from dataclasses import dataclass

from netlib.picture.patch import Box

# A piece smaller than this share of its line's height is a part of a digit, not a digit.
SMALL = 0.45
# Ink from here on connects: fainter bridges between digits do not.
COMPONENT_LEVEL = 0.25


@dataclass(frozen=True)
class Piece:
    """Ink that is not cut further."""

    label: int  # its pixels' value in the label image
    box: Box  # its box in the picture
    # Stroke widths of ink between it and the piece to its left, 0 where they are apart
    cut: float = 0.0
    ring: bool = False  # whether it goes around a hole; looked at in small pieces only
    is_sign: bool = False  # by its shape and place it is a sign, not a digit

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]


@dataclass(frozen=True)
class Line:
    """Pieces from left to right, and the height of the line's digits in pixels."""

    height: float
    pieces: list[Piece]

    def tall(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Those that are as high as digits are, not parts of them."""
        return [piece for piece in pieces if piece.height >= SMALL * self.height]


def union(pieces: Sequence[Piece]) -> Box:
    """The box around all of them."""
    lefts, tops, rights, bottoms = zip(*(piece.box for piece in pieces), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def extent(pieces: Sequence[Piece]) -> int:
    """The longer side of that box."""
    left, top, right, bottom = union(pieces)
    return max(right - left, bottom - top)
