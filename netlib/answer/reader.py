"""From a picture to what the networks read in it: the one path behind pad, upload, batch and API.

picture -> digit.trace / number.digits_from_ink -> (n, 28, 28) -> fitted -> Predictor -> Reading
"""

import base64
import binascii
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netlib.answer.boxes import area, is_in, is_one_more
from netlib.answer.finder import handwriting
from netlib.answer.predictor import Prediction, Predictor
from netlib.answer.reading import NetworkReading, Reading
from netlib.answer.refusal import digit_margin
from netlib.errors import UserError
from netlib.nets.layers import InputDim
from netlib.nets.saved import SavedNetwork
from netlib.picture.bystanders import without_bystanders
from netlib.picture.digit import Sketch, cut_out, trace
from netlib.picture.frames import without_frames
from netlib.picture.ink import find_dark_ink, find_finer_ink, find_ink_on_a_band, find_narrower_ink
from netlib.picture.load import ImageError, Picture, is_first_of_several, open_image
from netlib.picture.number import MAX_DIGITS, digits_from_ink
from netlib.picture.pages import CANVAS, Page, find_pages, may_be_a_screen
from netlib.picture.patch import Box, Ink
from netlib.picture.pieces import Components, find_components

# Of a pad's value; the second where there is nothing on it but what was drawn there.
PNG_PREFIX, DRAWN_PREFIX = "data:image/png;base64,", "data:image/png;drawn=1;base64,"
# A 280x280 drawing is below 20 kB; the widest pad, full of scribbles, below 200 kB.
MAX_PAD_CHARACTERS = 400_000
MAX_PAD_PIXELS = 1200 * 300
# Where most others of a line are digits, the odds of one are so much better, as a logarithm: two
# fifths of the digits that are refused alone, and a third more letters than alone, are taken there.
BESIDE = 1.5
# Digits of one page are icons beside those of another that cover so many times their area.
SMALLER = 4.0
# Windows so many times narrower are tried for a row of digits.
NARROWER = (3.0, 8.0)
EMPTY = np.zeros((0, 28, 28), np.float32)


class Reader:
    """Reads pictures with several networks.

    Attributes:
        predictor: the inference engine with the networks.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    @property
    def names(self) -> tuple[str, ...]:
        """The networks' names, in the order in which they are shown."""
        return self.predictor.names

    @property
    def class_names(self) -> tuple[str, ...]:
        """What any of the networks can answer, in the networks' order."""
        infos = self.predictor.info.values()
        return tuple(dict.fromkeys(name for info in infos for name in info.class_names))

    def read(self, picture: Picture) -> Reading:
        """Read a picture of one digit or of a line of digits.

        Args:
            picture: file content, path, array or image; see `netlib.picture.load.as_picture`.

        Raises:
            ImageError: the picture cannot be read.
            UserError: there are too many digits in it.
        """
        sketch = trace(picture)
        written = self._written(sketch)
        try:
            reading = self._read(sketch)
        except (ImageError, UserError):
            found = written or self._otherwise(sketch)
            if found is None:
                raise
            reading = found
        if written and written.is_sure and not reading.outweighs(written):
            reading = written
        elif reading.is_blank or not reading.is_settled:
            reading = self._otherwise(sketch, reading) or reading
        elif uncut := self._uncut(sketch, reading):
            reading = uncut
        elif may_be_a_screen(sketch.levels):
            reading = self._on_a_page(sketch, reading.boxes) or reading
        else:
            ways = self._with_other_strokes, self._without_edges
            reading = next((found for way in ways if (found := way(sketch, reading))), reading)
        return replace(reading, is_first=is_first_of_several(picture))

    def _written(self, sketch: Sketch) -> Reading | None:
        """What is read of what looks handwritten in a photograph, where all of that is accepted."""
        ink = None if sketch.found.full is None else handwriting(sketch.levels)
        if ink is None:
            return None
        bare = replace(sketch, found=ink, cut=cut_out(ink))
        return self._accepted(bare) or self._main_line(bare)

    def _otherwise(self, sketch: Sketch, reading: Reading | None = None) -> Reading | None:
        """What is read in a part of the picture or by other windows, if all of that is accepted.

        The first that outdoes a reading of it all, if there is one.
        """
        parts = self._on_a_page, self._dark, self._main_line
        inks = self._finer, self._on_a_band, self._narrower
        readings = (found for way in (*parts, *inks) if (found := way(sketch)))
        return next((f for f in readings if reading is None or reading.is_outdone_by(f)), None)

    def _dark(self, sketch: Sketch) -> Reading | None:
        """What is read in the dark ink alone, where all of that is accepted."""
        dark = find_dark_ink(sketch.levels) if sketch.cut is not None else None
        return self._other_ink(sketch, dark)

    def _dark_shapes(self, sketch: Sketch) -> Reading | None:
        """The same, but for what is mostly bars, as bits of a page's lines are."""
        found = self._dark(sketch)
        return None if found is None or found.are_bars else found

    def _finer(self, sketch: Sketch) -> Reading | None:
        """What is read in all strokes as fine as those found, where all of that is accepted."""
        return self._other_ink(sketch, find_finer_ink(sketch.levels, sketch.found))

    def _on_a_band(self, sketch: Sketch) -> Reading | None:
        """What is read on something broad, as a highlighter's, where all of that is accepted."""
        return self._other_ink(sketch, find_ink_on_a_band(sketch.levels))

    def _narrower(self, sketch: Sketch) -> Reading | None:
        """What is read by far narrower windows: a row of digits, no accident, or the same by both.

        If there is nothing, of the other polarity: what lies beside a page may have told that.
        """
        if sketch.found.full is None:
            return None
        for turned in (False, True):
            before: Reading | None = None
            for times in NARROWER:
                ink = find_narrower_ink(sketch.levels, times, turned)
                found = self._other_ink(sketch, ink)
                if found is None or found.are_bars:
                    continue
                if found.is_row or found.is_as(before):
                    return found
                before = found
        return None

    def _uncut(self, sketch: Sketch, reading: Reading) -> Reading | None:
        """What is read without what the picture's border cuts, as it does fingers.

        All others of several digits, if what is cut is not level with them and as high.
        """
        cut = [box for box in reading.boxes if reading.is_cut(box)]
        whole = [box for box in reading.boxes if box not in cut]
        if not cut or (reading.is_number and not whole):
            return None
        found = self._main_line(sketch) if reading.is_number else self._narrower(sketch)
        if found is None or any(map(found.is_cut, found.boxes)):
            return None
        are_kept = all(is_in(found.boxes, box) for box in whole)
        in_line = whole and any(is_one_more(box, whole, math.inf) for box in cut)
        return found if are_kept and not in_line else None

    def _with_other_strokes(self, sketch: Sketch, reading: Reading) -> Reading | None:
        """What is read in all strokes as fine or as dark: more digits, or all that are digits."""
        finer = self._finer(sketch)
        if finer and finer.adds_to(reading):
            return finer
        dark = self._dark(sketch)
        return dark if dark and (dark.adds_to(reading) or dark.clears(reading)) else None

    def _without_edges(self, sketch: Sketch, reading: Reading) -> Reading | None:
        """What is read on a page in the picture, where what is beside it is no digit."""
        if len(reading.boxes) == reading.shaped or not reading.is_number:
            return None
        found = self._on_a_page(sketch)
        return found if found and found.clears(reading) else None

    def _other_ink(self, sketch: Sketch, ink: Ink | None) -> Reading | None:
        if ink is None or ink.box is None:
            return None
        bare = replace(sketch, found=ink, cut=cut_out(ink))
        return self._main_line(bare) or self._accepted(bare)

    def _accepted(self, sketch: Sketch) -> Reading | None:
        """What is read, where each digit is taken for one."""
        try:
            reading = self._read(sketch)
        except (ImageError, UserError):
            return None
        return reading if reading.is_accepted else None

    def _main_line(self, sketch: Sketch) -> Reading | None:
        """What is read without what lies beside it, where all of that is accepted."""
        bare = without_bystanders(sketch.found) if sketch.cut is not None else None
        return self._accepted(replace(sketch, found=bare, cut=cut_out(bare))) if bare else None

    def _on_a_page(self, sketch: Sketch, boxes: Sequence[Box] = ()) -> Reading | None:
        """What is read on a page in the picture, the most digits, where all are accepted.

        Where digits were read in these boxes, on one that stands upright, with the largest of them
        on it, and none less there.
        """
        best: Reading | None = None
        clips = may_be_a_screen(sketch.levels, CANVAS)
        largest = sorted(boxes, key=area)[-1:]
        colours = None if sketch.picture is None else np.asarray(sketch.picture)
        for page in find_pages(sketch.levels, colours):
            if boxes and not (page.is_upright and page.count(largest)):
                continue
            inside = trace(page.levels)
            ways = (way(inside) for way in (self._accepted, self._main_line, self._dark_shapes))
            ends = clips and page.is_upright
            found = next((way for way in ways if way and (ends or page.holds(way.boxes))), None)
            if found is None or len(found.digits) < page.count(boxes):
                continue
            if best is None or _is_rather(found, best):
                best = _placed(found, page, sketch)
        return best

    def _read(self, sketch: Sketch) -> Reading:
        if sketch.cut is None:
            return Reading(EMPTY, (), {}, sketch)
        components = find_components(sketch.found.patch)
        bare = without_frames(sketch.found, components)
        if bare is not None:
            inside = self._read_ink(replace(sketch, found=bare, cut=cut_out(bare)))
            if inside.is_accepted:
                return inside
            whole = self._read_ink(sketch, components)
            fewer = not whole.is_accepted and inside.refused <= whole.refused
            return inside if fewer and 2 * inside.refused < len(inside.digits) else whole
        return self._read_ink(sketch, components)

    def _read_ink(self, sketch: Sketch, components: Components | None = None) -> Reading:
        seen: dict[bytes, dict[str, NetworkReading]] = {}  # what one digit alone was read as

        def confidence(images: NDArray[np.float32]) -> NDArray[np.floating]:
            """Mean confidence of the networks: which way to cut touching digits is best."""
            key = images[:, 0].tobytes()
            readings = seen[key] = seen.get(key) or self.read_digits(images[:, 0])
            return np.mean([reading.confidences for reading in readings.values()], axis=0)

        def acceptance(images: NDArray[np.float32]) -> NDArray[np.floating]:
            """The share of the networks that take each for a digit."""
            key = images[:, 0].tobytes()
            readings = seen[key] = seen.get(key) or self.read_digits(images[:, 0])
            return np.mean([reading.is_digit for reading in readings.values()], axis=0)

        found = digits_from_ink(
            sketch.found, confidence, MAX_DIGITS + 1, sketch.cut, acceptance, components
        )
        if len(found) > MAX_DIGITS:
            raise UserError(f"More than {MAX_DIGITS} digits or signs are not read: send a part.")
        digits = np.concatenate([box.digit for box in found])
        boxes = tuple(box.box for box in found)
        signs = np.array([box.is_sign for box in found])
        alone = seen.get(digits.tobytes()) if len(found) == 1 and not signs[0] else None
        readings = alone or self.read_digits(digits, signs)
        return Reading(digits, boxes, readings, sketch, signs=signs)

    def read_digits(
        self, digits: NDArray[np.float32], signs: NDArray[np.bool_] | None = None
    ) -> dict[str, NetworkReading]:
        """Read digits (n, 28, 28) that are already cut out and centred.

        With `signs`, (n,) which of them are signs, they are what stands in one line.
        """
        readings = {}
        for name, net in self.predictor.info.items():
            said = self.predictor.predict_one(name, fitted(digits, net.input_dim))
            margins = _margins(net, said)
            known = margins >= 0 if signs is None else _known_in_line(margins, signs)
            readings[name] = NetworkReading(
                said.probabilities, said.embeddings, known, net.class_names
            )
        return readings

    def read_pad(self, value: str | None) -> Reading:
        """Read the value of a drawing pad; see `decode_pad`."""
        png = decode_pad(value)
        if png is None:
            return Reading(EMPTY, (), {})
        drawn = (value or "").startswith(DRAWN_PREFIX)
        return self._read(trace(open_image(png, max_pixels=MAX_PAD_PIXELS), drawn))


def _margins(net: SavedNetwork, said: Prediction) -> NDArray[np.floating]:
    rule = net.metadata.get("no_digit")
    if rule is None:  # a checkpoint without a threshold takes everything for a digit
        return np.zeros(len(said.logits))
    return digit_margin(rule, said.logits, said.embeddings, net.temperature)


def _known_in_line(margins: NDArray[np.floating], signs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of a line's pieces are taken for digits: more easily beside those that surely are."""
    known = (margins >= 0) & ~signs
    others = np.count_nonzero(~signs) - 1
    most = 2 * (np.count_nonzero(known) - known) > others
    return known | (most & ~signs & (margins >= -BESIDE))


def _is_rather(found: Reading, best: Reading) -> bool:
    """Whether one of two pages is meant: that with more digits, unless they are far smaller."""
    larger = sum(map(area, found.boxes)) / sum(map(area, best.boxes))
    more = len(found.digits) > len(best.digits)
    return larger > (1 / SMALLER if more else SMALLER)


def _placed(found: Reading, page: Page, sketch: Sketch) -> Reading:
    """What was read on a page, in the picture where it lies."""
    assert found.sketch is not None
    ink = np.zeros(sketch.levels.shape, np.float32)
    height, width = page.levels.shape
    x, y = page.left, page.top
    ink[y : y + height, x : x + width] = found.sketch.ink
    boxes = ((left + x, top + y, right + x, bottom + y) for left, top, right, bottom in found.boxes)
    whole = replace(found.sketch, levels=sketch.levels, found=Ink.of(ink))
    return replace(found, boxes=tuple(boxes), sketch=whole)


def fitted(digits: NDArray[np.float32], input_dim: InputDim) -> NDArray[np.float32]:
    """Digits (n, 28, 28) as a network of another input sees them, (n, C, H, W).

    Resized as training resizes its pictures (Pillow, bilinear); three channels are the same.
    """
    channels, height, width = input_dim
    if digits.shape[1:] != (height, width):
        size, bilinear = (width, height), Image.Resampling.BILINEAR
        resized = [Image.fromarray(digit).resize(size, bilinear) for digit in digits]
        digits = np.array(resized, np.float32).reshape(-1, height, width)
    return np.repeat(digits[:, None], channels, axis=1)


def decode_pad(value: str | None) -> bytes | None:
    """The PNG file in a drawing pad's value, None when the pad is empty.

    The value comes from the visitor's browser, so from anyone: prefix, length and size are checked
    before anything is decoded.

    Raises:
        ImageError: the value is not a drawing of the pad.
    """
    if not value:
        return None
    prefixes = (PNG_PREFIX, DRAWN_PREFIX)
    if not isinstance(value, str) or not value.startswith(prefixes):
        raise ImageError("The drawing is not a PNG data URL: clear the pad and draw again.")
    if len(value) > MAX_PAD_CHARACTERS:
        raise ImageError(
            f"The drawing has {len(value)} characters; at most {MAX_PAD_CHARACTERS} are read: "
            "clear the pad and draw again."
        )
    try:
        return base64.b64decode(value.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise ImageError("The drawing is damaged: clear the pad and draw again.") from error
