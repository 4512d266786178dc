"""What the networks see: the steps from a picture to 28x28, as small pictures."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netlib.sketch import Sketch
from webapp.panels import figure
from webapp.pictures import grey, ink_on_paper

CAPTIONS = ("Picture", "Ink", "Cut out", "20×20 box", "Centred, 28×28")
THUMBNAIL = 168  # pixels, twice the size on the page


def steps_html(sketch: Sketch | None) -> str:
    """The steps of `sketch` as a strip of figures; empty frames when there is none."""
    pictures = [None] * len(CAPTIONS) if sketch is None else _pictures(sketch)
    figures = "".join(figure(p, c, c) for p, c in zip(pictures, CAPTIONS, strict=True))
    return (
        '<p class="steps-title">What the networks see</p>'
        f'<div class="strip steps pixel">{figures}</div>'
    )


def _pictures(sketch: Sketch) -> list[NDArray[np.uint8] | None]:
    whole = [_small(grey(sketch.grey)), _small(ink_on_paper(sketch.ink))]
    if sketch.box is None or sketch.scaled is None or sketch.digit is None:
        return [*whole, None, None, None]
    left, top, right, bottom = sketch.box
    return [
        *whole,
        _small(ink_on_paper(sketch.ink[top:bottom, left:right])),
        ink_on_paper(sketch.scaled),
        ink_on_paper(sketch.digit[0].numpy()),
    ]


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At most THUMBNAIL pixels a side: a data URL at every stroke should be short."""
    if max(pixels.shape) <= THUMBNAIL:
        return pixels
    image = Image.fromarray(pixels)
    factor = -(-max(pixels.shape) // THUMBNAIL)
    return np.asarray(image.reduce(factor))
