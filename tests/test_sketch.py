"""From a picture to a network's input."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from netlib.sketch import to_digit, trace


def drawn_seven(side: int = 280, pen: int = 20) -> Image.Image:
    """A black seven on a white pad."""
    pad = Image.new("L", (side, side), 255)
    points = [(0.3 * side, 0.2 * side), (0.7 * side, 0.2 * side), (0.45 * side, 0.8 * side)]
    ImageDraw.Draw(pad).line(points, fill=0, width=pen, joint="curve")
    return pad


def test_an_empty_page_is_blank() -> None:
    assert to_digit(Image.new("L", (280, 280), 255)) is None
    assert trace(Image.new("L", (280, 280), 0)).box is None


def test_a_drawing_fills_a_box_of_20_pixels_around_its_centre_of_mass() -> None:
    digit = to_digit(drawn_seven())
    assert digit is not None
    assert digit.shape == (1, 28, 28)
    assert digit.dtype == torch.float32
    assert float(digit.max()) == 1.0
    rows = torch.nonzero(digit[0].amax(dim=1) >= 0.1)
    assert int(rows[-1] - rows[0]) + 1 == 20
    centre = (digit[0].sum(dim=1) @ torch.arange(28.0)) / digit.sum()
    assert 13.5 <= float(centre) < 14.5


@pytest.mark.parametrize("paper, pen", [(0, 255), (255, 0), (200, 30), (90, 220)])
def test_a_digit_of_mnist_passes_unchanged_in_any_polarity(paper: int, pen: int) -> None:
    mnist = np.zeros((28, 28))
    mnist[4:24, 13:17] = [0.5, 1.0, 1.0, 0.25]
    page = np.rint(paper + mnist * (pen - paper)).astype(np.uint8)
    digit = to_digit(page)
    assert digit is not None
    assert np.allclose(digit[0].numpy(), mnist, atol=0.01)
