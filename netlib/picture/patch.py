"""The part of a picture that holds its ink."""

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

# Ink from here on is seen (99.97 % of MNIST's bounding boxes stay as they are).
INK_LEVEL = 0.1
# Left, top, right, bottom in pixels; right and bottom are exclusive.
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Ink:
    """The ink of a picture."""

    # (h, w) float32 in [0, 1], ink 1 on background 0: a part of the picture with all ink
    patch: np.ndarray
    left: int  # where it begins in the picture, in pixels
    top: int  # likewise
    shape: tuple[int, int]  # (H, W) of the picture
    # (H, W) that it had before it was reduced to find the ink; None if it was not
    full: tuple[int, int] | None = None

    @classmethod
    def of(cls, picture: np.ndarray, full: tuple[int, int] | None = None) -> "Ink":
        """That of a picture (H, W) in [0, 1], which may have been reduced from `full`."""
        height, width = picture.shape
        return cls(picture, 0, 0, (height, width), full).trimmed()

    @cached_property
    def box(self) -> Box | None:
        """Where it is seen, in pixels of the patch; None for an empty page."""
        return ink_box(self.patch)

    @property
    def boxed(self) -> np.ndarray:
        """The part of the patch in its box, which there must be."""
        assert self.box is not None
        left, top, right, bottom = self.box
        return self.patch[top:bottom, left:right]

    def trimmed(self) -> "Ink":
        """The same without empty rows and columns, but for one on each side."""
        left, top, right, bottom = box_of(self.patch > 0) or (0, 0, 0, 0)
        left, top = max(left - 1, 0), max(top - 1, 0)
        patch = self.patch[top : bottom + 1, left : right + 1]
        return replace(self, patch=patch, left=self.left + left, top=self.top + top)

    def placed(self, box: Box) -> Box:
        """A box of the patch in pixels of the whole picture, not reduced."""
        left, top, right, bottom = box
        placed = left + self.left, top + self.top, right + self.left, bottom + self.top
        if self.full is None or self.full == self.shape:
            return placed
        scales = [full / side for full, side in zip(self.full, self.shape, strict=True)][::-1] * 2
        left, top, right, bottom = (
            round(edge * scale) for edge, scale in zip(placed, scales, strict=True)
        )
        return left, top, right, bottom

    def whole(self) -> np.ndarray:
        """(H, W) float32, the whole picture, not reduced."""
        picture = np.zeros(self.shape, np.float32)
        height, width = self.patch.shape
        picture[self.top : self.top + height, self.left : self.left + width] = self.patch
        if self.full is None or self.full == self.shape:
            return picture
        return cv2.resize(picture, self.full[::-1], interpolation=cv2.INTER_LINEAR)


def ink_box(ink: np.ndarray) -> Box | None:
    """Bounding box of the ink (H, W), None if there is none."""
    return box_of(ink >= INK_LEVEL)


def box_of(inside: np.ndarray) -> Box | None:
    """Bounding box of what is true in (H, W), None if nothing is."""
    left, top, width, height = cv2.boundingRect(inside.view(np.uint8))
    return (left, top, left + width, top + height) if width else None


def as_boxes(stats: np.ndarray) -> np.ndarray:
    """(n, 4) left, top, right and bottom, from what OpenCV tells of components: left to height."""
    return np.concatenate([stats[:, :2], stats[:, :2] + stats[:, 2:4]], axis=1)


def gaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n, m) how far boxes (n, 4) are from others (m, 4), the longer way; below 0 if they meet."""
    before, after = boxes[:, None, :2] - others[:, 2:], others[:, :2] - boxes[:, None, 2:]
    longest: np.ndarray = np.maximum(before, after).max(axis=2)
    return longest


def are_inside(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Which boxes (n, 4) lie inside another, clear of its sides."""
    inside: np.ndarray = (boxes[:, :2] > box[:2]) & (boxes[:, 2:] < box[2:])
    return np.logical_and.reduce(inside, axis=1)
