"""From a picture to what both networks read in it: the one path behind pad, upload, batch and API.

picture -> sketch.trace / segment.find_digits -> (n, 1, 28, 28) -> Predictor -> Reading
"""

import base64
import binascii
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netlib.answer.predictor import Prediction, Predictor
from netlib.answer.refusal import digit_score
from netlib.errors import UserError
from netlib.picture.digit import Sketch, trace
from netlib.picture.ink import Box
from netlib.picture.load import ImageError, Picture, open_image
from netlib.picture.number import digits_from_ink

PNG_PREFIX = "data:image/png;base64,"
# A 280x280 drawing is below 20 kB; the widest pad, full of scribbles, below 200 kB.
MAX_PAD_CHARACTERS = 400_000
MAX_PAD_PIXELS = 1200 * 300
MAX_DIGITS = 20
REFUSED = "?"  # in the place of what does not look like a digit
EMPTY = np.zeros((0, 28, 28), np.float32)


@dataclass(frozen=True)
class NetworkReading:
    """What one network reads.

    Attributes:
        probabilities: (n, 10), calibrated, one row a digit.
        embeddings: (n, D).
        is_digit: (n,) whether the network takes the picture for a digit at all.
    """

    probabilities: NDArray[np.floating]
    embeddings: NDArray[np.floating]
    is_digit: NDArray[np.bool_]

    @cached_property
    def labels(self) -> NDArray[np.integer]:
        """(n,) the digit with the highest probability."""
        return self.probabilities.argmax(axis=1)

    @cached_property
    def confidences(self) -> NDArray[np.floating]:
        """(n,) the probability of that digit."""
        return self.probabilities.max(axis=1)

    def without(self, signs: NDArray[np.bool_]) -> "NetworkReading":
        """The same, where some (n,) of the pictures are known to be signs, not digits."""
        return replace(self, is_digit=self.is_digit & ~signs)

    @property
    def text(self) -> str:
        """The digits as read, "?" for what does not look like one; "" for a blank picture."""
        pairs = zip(self.labels, self.is_digit, strict=True)
        return "".join(str(label) if known else REFUSED for label, known in pairs)


@dataclass(frozen=True)
class Reading:
    """What both networks read in one picture.

    Attributes:
        digits: (n, 28, 28) in [0, 1], left to right: exactly what the networks saw; n = 0 if blank.
        boxes: of the digits, in pixels of `sketch.grey`.
        networks: name -> its reading; empty if blank.
        sketch: the steps from the picture to one digit; None for an empty pad.
    """

    digits: NDArray[np.float32]
    boxes: tuple[Box, ...]
    networks: dict[str, NetworkReading]
    sketch: Sketch | None = None

    @property
    def is_blank(self) -> bool:
        """There is nothing in the picture."""
        return len(self.digits) == 0

    @property
    def is_number(self) -> bool:
        """There is more than one digit in the picture."""
        return len(self.digits) > 1

    @property
    def agree(self) -> bool:
        """Both networks read the same."""
        return len({network.text for network in self.networks.values()}) <= 1


class Reader:
    """Reads pictures with both networks.

    Attributes:
        predictor: the inference engine with two networks.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    @property
    def names(self) -> tuple[str, ...]:
        """The networks' names, in the order in which they are shown."""
        return tuple(self.predictor.names)

    def read(self, picture: Picture) -> Reading:
        """Read a picture of one digit or of a line of digits.

        Args:
            picture: file content, path, array or image; see `netlib.picture.load.as_picture`.

        Raises:
            ImageError: the picture cannot be read.
            UserError: there are too many digits in it.
        """
        sketch = trace(picture)
        if sketch.digit is None:
            return Reading(EMPTY, (), {}, sketch)
        seen: dict[bytes, dict[str, NetworkReading]] = {}  # what one digit alone was read as

        def confidence(images: NDArray[np.float32]) -> NDArray[np.floating]:
            """Mean confidence of both networks: which way to cut touching digits is best."""
            readings = self.read_digits(images[:, 0])
            if len(images) == 1:
                seen[images.tobytes()] = readings
            return np.mean([reading.confidences for reading in readings.values()], axis=0)

        def acceptance(images: NDArray[np.float32]) -> NDArray[np.floating]:
            """The share of the networks that take each for a digit."""
            key = images[:, 0].tobytes()
            readings = seen[key] = seen.get(key) or self.read_digits(images[:, 0])
            return np.mean([reading.is_digit for reading in readings.values()], axis=0)

        found = digits_from_ink(
            sketch.ink, confidence, MAX_DIGITS + 1, sketch.digit, judge=acceptance
        )
        if len(found) > MAX_DIGITS:
            raise UserError(
                f"There are more than {MAX_DIGITS} digits: send them in smaller pictures."
            )
        digits = np.concatenate([box.digit for box in found])
        boxes = tuple((box.left, box.top, box.right, box.bottom) for box in found)
        readings = seen.get(digits.tobytes()) or self.read_digits(digits)
        signs = np.array([box.is_sign for box in found])
        if signs.any():
            readings = {name: reading.without(signs) for name, reading in readings.items()}
        return Reading(digits, boxes, readings, sketch)

    def read_digits(self, digits: NDArray[np.float32]) -> dict[str, NetworkReading]:
        """Read pictures (n, 28, 28) that are already what the networks see."""
        predictions = self.predictor.predict(digits[:, None])
        return {
            name: NetworkReading(
                prediction.probabilities, prediction.embeddings, self._is_digit(name, prediction)
            )
            for name, prediction in predictions.items()
        }

    def read_pad(self, value: str | None) -> Reading:
        """Read the value of a drawing pad; see `decode_pad`."""
        png = decode_pad(value)
        if png is None:
            return Reading(EMPTY, (), {})
        return self.read(open_image(png, max_pixels=MAX_PAD_PIXELS))

    def _is_digit(self, name: str, prediction: Prediction) -> NDArray[np.bool_]:
        rule = self.predictor.info[name].metadata.get("no_digit")
        if rule is None:  # a checkpoint without a threshold takes everything for a digit
            return np.ones(len(prediction.probabilities), dtype=bool)
        score = digit_score(
            rule["score"],
            prediction.logits,
            prediction.embeddings,
            self.predictor.info[name].temperature,
            rule.get("class_means"),
            rule.get("head"),
        )
        return score >= rule["threshold"]


def decode_pad(value: str | None) -> bytes | None:
    """The PNG file in a drawing pad's value, None when the pad is empty.

    The value comes from the visitor's browser, so from anyone: prefix, length and size are checked
    before anything is decoded.

    Raises:
        ImageError: the value is not a drawing of the pad.
    """
    if not value:
        return None
    if not isinstance(value, str) or not value.startswith(PNG_PREFIX):
        raise ImageError("The drawing is not a PNG data URL: clear the pad and draw again.")
    if len(value) > MAX_PAD_CHARACTERS:
        raise ImageError(
            f"The drawing has {len(value)} characters; at most {MAX_PAD_CHARACTERS} are read: "
            "clear the pad and draw again."
        )
    try:
        return base64.b64decode(value[len(PNG_PREFIX) :], validate=True)
    except binascii.Error as error:
        raise ImageError("The drawing is damaged: clear the pad and draw again.") from error
