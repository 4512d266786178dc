"""What the networks read in one picture, and which of two readings of it is to be believed."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, pairwise, starmap

import numpy as np
from numpy.typing import NDArray

from netlib.answer.boxes import (
    AS_HIGH,
    area,
    holds,
    iou,
    is_bar,
    is_far_within,
    is_in,
    is_one_more,
    median_height,
    starts_a_line,
)
from netlib.picture.digit import Sketch
from netlib.picture.patch import Box

REFUSED = "?"  # in the place of what does not look like a digit
# A second class of this probability may be meant as well: on 0.6 to 0.8 % of MNIST, with more
# than half of its errors.
ALIKE = 0.2
DOUBT = 0.2  # a sure reading doubts no digit more
ROW = 3  # so many digits, not all alike, are no accident
# A pale digit of the line may be so far away; what is around digits is so large in the picture.
# Boxes that share so much are of the same.
APART, WIDE, SAME = 2.0, 0.5, 0.5
TEN = tuple("0123456789")


@dataclass(frozen=True)
class NetworkReading:
    """What one network reads.

    Attributes:
        probabilities: (n, C), calibrated, one row a digit.
        embeddings: (n, D).
        is_digit: (n,) whether the network takes the picture for a digit at all.
        class_names: of its C classes.
    """

    probabilities: NDArray[np.floating]
    embeddings: NDArray[np.floating]
    is_digit: NDArray[np.bool_]
    class_names: tuple[str, ...] = TEN

    @cached_property
    def labels(self) -> NDArray[np.integer]:
        """(n,) the class with the highest probability."""
        return self.probabilities.argmax(axis=1)

    @cached_property
    def confidences(self) -> NDArray[np.floating]:
        """(n,) the probability of that class."""
        return self.probabilities.max(axis=1)

    @property
    def nearest(self) -> list[str]:
        """The name of each digit's class, refused or not."""
        return [self.class_names[label] for label in self.labels]

    @property
    def alternatives(self) -> list[str | None]:
        """The name of each digit's second class where it may be meant as well, None elsewhere."""
        second = np.argsort(self.probabilities, axis=1)[:, -2]
        return [
            self.class_names[label] if known and shares[label] >= ALIKE else None
            for label, shares, known in zip(second, self.probabilities, self.is_digit, strict=True)
        ]

    @property
    def texts(self) -> list[str]:
        """Each digit as read, "?" for what does not look like one."""
        pairs = zip(self.nearest, self.is_digit, strict=True)
        return [name if known else REFUSED for name, known in pairs]

    @property
    def text(self) -> str:
        """All digits as read; "" for a blank picture, spaces between names of several letters."""
        return self.joined(self.texts)

    def joined(self, texts: Iterable[str]) -> str:
        """Some of its texts as one."""
        longest = max(map(len, self.class_names))
        return ("" if longest == 1 else " ").join(texts)


@dataclass(frozen=True)
class Reading:
    """What the networks read in one picture.

    Attributes:
        digits: (n, 28, 28) in [0, 1], left to right: what the networks saw, see
            `reader.fitted`; n = 0 if blank.
        boxes: of the digits, in pixels of `sketch.grey`.
        networks: name -> its reading; empty if blank.
        sketch: the steps from the picture to one digit; None for an empty pad.
        is_first: the file holds more pictures than this, its first.
        signs: (n,) which are signs between digits, by shape and place; None for none.
    """

    digits: NDArray[np.float32]
    boxes: tuple[Box, ...]
    networks: dict[str, NetworkReading]
    sketch: Sketch | None = None
    is_first: bool = False
    signs: NDArray[np.bool_] | None = None

    @property
    def is_blank(self) -> bool:
        """There is nothing in the picture."""
        return len(self.digits) == 0

    @property
    def is_number(self) -> bool:
        """There is more than one digit in the picture."""
        return len(self.digits) > 1

    @property
    def lines(self) -> int:
        """In how many lines, one under another, the digits stand; their texts are joined."""
        return len(self.boxes[:1]) + sum(starmap(starts_a_line, pairwise(self.boxes)))

    @property
    def shaped(self) -> int:
        """How many digits are no bars, as the bits of lines, leaves and bricks are."""
        return sum(not is_bar(box) for box in self.boxes)

    @property
    def are_bars(self) -> bool:
        """Most digits are bars."""
        return 2 * self.shaped < len(self.digits)

    @property
    def is_row(self) -> bool:
        """There are several digits in the picture, not all of one kind."""
        texts = [network.texts for network in self.networks.values()]
        return len(self.digits) >= ROW and all(len(set(text)) > 1 for text in texts)

    def is_as(self, other: "Reading | None") -> bool:
        """All networks read what all read in another reading, in the same places."""
        if other is None or len(other.boxes) != len(self.boxes) or not (self.agree and other.agree):
            return False
        networks = zip(self.networks.values(), other.networks.values(), strict=True)
        alike = all(network.is_digit.all() and network.text == o.text for network, o in networks)
        return alike and all(map(holds, self.boxes, other.boxes))

    @property
    def is_accepted(self) -> bool:
        """There are digits, and each is taken for one by one network or more."""
        return not self.is_blank and self.refused == 0

    @property
    def doubt(self) -> float:
        """How far the least sure network is from being sure of a digit."""
        return 1 - min(float(network.confidences.min()) for network in self.networks.values())

    @property
    def is_sure(self) -> bool:
        """All networks read the same, none doubts much, and the border cuts no digit."""
        return self.agree and self.doubt <= DOUBT and not any(map(self.is_cut, self.boxes))

    def outweighs(self, written: "Reading") -> bool:
        """Whether this, where nothing is refused, has signs, more digits, or others more surely."""
        if not self.is_settled or self.is_blank:
            return False
        if np.any(self.signs) or len(self.digits) != len(written.digits):
            return len(self.digits) >= len(written.digits)
        texts = [[network.text for network in each.networks.values()] for each in (self, written)]
        return texts[0] != texts[1] and self.agree and self.doubt < written.doubt

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n,) which are taken for a digit by one network or more."""
        taken = [network.is_digit for network in self.networks.values()]
        return np.any([np.zeros(len(self.digits), bool), *taken], axis=0)

    @property
    def refused(self) -> int:
        """How many digits no network takes for one."""
        return int(np.count_nonzero(~self.known))

    @property
    def is_settled(self) -> bool:
        """Each is taken for a digit by one network or more, but for signs between them."""
        return self.refused == (0 if self.signs is None else np.count_nonzero(self.signs))

    @property
    def are_digits(self) -> NDArray[np.bool_]:
        """(n,) which are digits, or meant as such, and no signs."""
        return np.ones(len(self.digits), bool) if self.signs is None else ~self.signs

    def digits_read(self, name: str) -> str:
        """What a network reads, without each "?"; "" for a blank picture."""
        if self.is_blank:
            return ""
        network = self.networks[name]
        return network.joined(compress(network.texts, network.is_digit))

    def is_outdone_by(self, part: "Reading") -> bool:
        """Whether a part, where most are digits, has as many of them, or the largest.

        None that has the same digits but for one that is refused, and stands in their line.
        """
        if self._has_one_more_than(part):
            return False
        if 2 * self.refused >= len(self.digits):
            return True
        known = list(compress(self.boxes, self.known))
        if whole := [box for box in known if not self.is_cut(box)]:  # fingers do not count
            known = [box for box in known if box in whole or is_one_more(box, whole, math.inf)]
        largest = max(known, key=area)
        return len(part.digits) >= len(known) or is_in(part.boxes, largest)

    def _has_one_more_than(self, part: "Reading") -> bool:
        known = list(compress(self.boxes, self.known))
        kept = [box for box in part.boxes if is_in(known, box)]
        if not len(kept) == len(part.boxes) == len(known):
            return False
        refused = compress(self.boxes, ~self.known & self.are_digits)
        dropped = (box for box in refused if not is_in(part.boxes, box))
        return any(is_one_more(box, known) and not self.is_cut(box) for box in dropped)

    def adds_to(self, other: "Reading") -> bool:
        """Whether there are more digits than in another reading, whose digits are here, too."""
        new = [box for box in self.boxes if all(iou(box, own) < SAME for own in other.boxes)]
        has_all = all(is_in(self.boxes, box) for box in other.boxes)
        return has_all and self.shaped > other.shaped and not all(map(is_bar, new))

    def clears(self, other: "Reading") -> bool:
        """Whether this is what another reads but for edges and fingers, beside it or around it all.

        Beside it these are bars, cut by the picture's border or far higher, and not in its line.
        """
        if not self.agree or np.any(other.signs):
            return False
        if len(other.boxes) == 1:
            return is_far_within(self.boxes, *other.boxes) and self._is_wide(*other.boxes)
        beside = [box for box in other.boxes if all(iou(box, own) < SAME for own in self.boxes)]
        is_rest = len(other.boxes) == len(self.boxes) + len(beside)
        return is_rest and bool(beside) and not any(map(self._may_be_one, beside))

    def _is_wide(self, box: Box) -> bool:
        assert self.sketch is not None
        left, top, right, bottom = box
        return max(right - left, bottom - top) >= WIDE * max(self.sketch.levels.shape)

    def _may_be_one(self, box: Box) -> bool:
        if is_one_more(box, self.boxes, APART):
            return True
        is_higher = box[3] - box[1] > AS_HIGH[1] * median_height(self.boxes)
        return not (is_higher or is_bar(box) or self.is_cut(box))

    def is_cut(self, box: Box) -> bool:
        """Whether the picture's border cuts what is in a box."""
        assert self.sketch is not None
        height, width = self.sketch.levels.shape
        left, top, right, bottom = box
        return min(left, top) <= 2 or right >= width - 2 or bottom >= height - 2

    @property
    def agree(self) -> bool:
        """All networks read the same."""
        return len({network.text for network in self.networks.values()}) <= 1
