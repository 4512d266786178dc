"""What the networks see: the steps from a picture to 28x28, as small pictures."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netlib.answer.explain import Explainer
from netlib.answer.reading import Reading
from netlib.app.views.panels import figure
from netlib.app.views.pictures import grey, ink_on_paper
from netlib.picture.digit import Sketch

CAPTIONS = ("Picture", "Ink", "Cut out", "20×20 box", "Centred, 28×28")
MOST = len(CAPTIONS) - 2  # digits of a number
DIGIT, OWN_SIZES = (28, 28), ", each scaled to its own size"
THUMBNAIL = 168  # pixels, twice the size on the page


def steps_html(reading: Reading | None, networks: Mapping[str, Explainer]) -> str:
    """The steps to one digit as a strip of figures; empty frames when there is nothing.

    Several digits have no 28x28 picture in common: their own take its place, the first three.
    """
    if reading is None or reading.sketch is None:
        steps: list[tuple[str, NDArray | None]] = [(caption, None) for caption in CAPTIONS]
    elif reading.is_number:
        steps = [*_whole(reading.sketch), *_digits(reading)]
    else:
        steps = [*_whole(reading.sketch), *_single(reading.sketch)]
    left_out = 0 if reading is None else max(len(reading.digits) - MOST, 0)
    more = f", without {left_out} more" if left_out else ""
    sizes = "" if all(net.layers.input_dim[1:] == DIGIT for net in networks.values()) else OWN_SIZES
    figures = "".join(figure(picture, caption, caption) for caption, picture in steps)
    return (
        f'<p class="steps-title">What the networks see{sizes}{more}</p>'
        f'<div class="strip steps pixel">{figures}</div>'
    )


def _whole(sketch: Sketch) -> list[tuple[str, NDArray | None]]:
    pictures = (_small(grey(sketch.grey)), _small(ink_on_paper(sketch.ink)))
    return list(zip(CAPTIONS[:2], pictures, strict=True))


def _single(sketch: Sketch) -> list[tuple[str, NDArray | None]]:
    if sketch.box is None or sketch.cut is None:
        return [(caption, None) for caption in CAPTIONS[2:]]
    left, top, right, bottom = sketch.box
    pictures = (
        _small(ink_on_paper(sketch.ink[top:bottom, left:right])),
        ink_on_paper(sketch.cut.scaled),
        ink_on_paper(sketch.cut.digit[0]),
    )
    return list(zip(CAPTIONS[2:], pictures, strict=True))


def _digits(reading: Reading) -> list[tuple[str, NDArray | None]]:
    names = [
        f"{'Digit' if is_digit else 'Sign'} {i}, 28×28"
        for i, is_digit in enumerate(reading.are_digits[:MOST], 1)
    ]
    steps: list[tuple[str, NDArray | None]] = [
        (name, ink_on_paper(digit)) for name, digit in zip(names, reading.digits, strict=False)
    ]
    return steps + [("", None)] * (MOST - len(steps))


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At most THUMBNAIL pixels a side: a data URL at every stroke should be short."""
    if max(pixels.shape) <= THUMBNAIL:
        return pixels
    image = Image.fromarray(pixels)
    factor = -(-max(pixels.shape) // THUMBNAIL)
    return np.asarray(image.reduce(factor))
