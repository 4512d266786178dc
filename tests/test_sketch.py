"""From a picture to a network's input: what visitors draw, scan and photograph."""

import numpy as np
import pytest
from helpers_data import encoded
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits

from netlib.answer.predictor import Predictor
from netlib.picture.digit import (
    edge_width,
    outline_length,
    stroke_width,
    to_digit,
    to_digits,
    trace,
)

PAD = 280


def seven(
    extent: float = 0.6, pen: int = 18, middle: tuple[float, float] = (0.5, 0.5), side: int = PAD
) -> Image.Image:
    """A black seven, half as wide as high, on a white pad; lengths are shares of the side."""
    pad = Image.new("L", (side, side), 255)
    x, y = middle[0] * side, middle[1] * side
    half = (extent * side - pen) / 2
    points = [(x - half / 2, y - half), (x + half / 2, y - half), (x - half / 4, y + half)]
    draw = ImageDraw.Draw(pad)
    draw.line(points, fill=0, width=pen, joint="curve")
    for px, py in points:
        draw.ellipse((px - pen / 2, py - pen / 2, px + pen / 2, py + pen / 2), fill=0)
    return pad


def digit_of(picture: object) -> np.ndarray:
    digit = to_digit(picture)  # type: ignore[arg-type]
    assert digit is not None
    return digit


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two digits, 1 for the same picture."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def box_of(digit: np.ndarray) -> tuple[int, int]:
    """Height and width of the ink."""
    rows, columns = np.nonzero(digit[0] >= 0.1)
    return int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1


# --- MNIST's layout -----------------------------------------------------------------------------


def test_a_drawing_fills_a_box_of_20_pixels_around_its_centre_of_mass() -> None:
    digit = digit_of(seven())
    assert digit.shape == (1, 28, 28)
    assert digit.dtype == np.float32
    assert float(digit.min()) == 0
    assert float(digit.max()) == pytest.approx(1)
    assert box_of(digit)[0] in (20, 21)  # an edge between two pixels is seen in both
    for axis in (0, 1):
        centre = digit[0].sum(axis=1 - axis) @ np.arange(28.0) / digit.sum()
        assert 13.5 <= float(centre) < 14.5
    assert ((digit > 0.1) & (digit < 0.9)).sum() > 20


def test_the_aspect_ratio_is_kept() -> None:
    page = Image.new("L", (300, 200), 255)
    ImageDraw.Draw(page).rectangle((50, 40, 149, 79), outline=0, width=10)  # 100 x 40
    height, width = box_of(digit_of(page))
    assert width in (20, 21)
    assert height in (8, 9)  # 20 x 40 / 100


@pytest.mark.parametrize("paper, pen", [(0, 255), (255, 0), (200, 30), (90, 220), (128, 140)])
def test_a_digit_in_mnists_layout_passes_unchanged_in_any_tone(paper: int, pen: int) -> None:
    mnist = np.zeros((28, 28))
    mnist[4:24, 13:17] = [0.5, 1.0, 1.0, 0.25]  # rows 4 to 23; centre of mass at 13.5 and 14.4
    page = np.rint(paper + mnist * (pen - paper)).astype(np.uint8)
    step = 1 / abs(pen - paper)  # of grey levels
    assert np.allclose(digit_of(page)[0], mnist, atol=0.5 * step + 0.01)


def test_a_digit_in_mnists_layout_is_only_moved_and_what_came_out_passes_unchanged() -> None:
    mnist = np.zeros((28, 28), np.float32)
    mnist[8:28, 0:4] = [0.5, 1.0, 1.0, 0.25]
    expected = np.zeros_like(mnist)
    expected[4:24, 13:17] = [0.5, 1.0, 1.0, 0.25]
    assert np.allclose(digit_of(mnist)[0], expected, atol=0.01)
    once = digit_of(seven())
    assert likeness(digit_of(once), once) > 0.99


# --- How it was drawn and sent --------------------------------------------------------------------


def test_place_and_size_on_the_pad_do_not_matter() -> None:
    for middle in ((0.25, 0.25), (0.8, 0.3), (0.3, 0.8), (0.85, 0.75)):
        assert likeness(digit_of(seven(0.4, middle=middle)), digit_of(seven(0.4))) > 0.97, middle
    for extent in (0.2, 0.35, 0.9, 1.0):
        drawn = digit_of(seven(extent, pen=round(18 * extent / 0.6)))
        assert likeness(drawn, digit_of(seven())) > 0.95, extent


@pytest.mark.parametrize("pen", [2, 5, 10, 30, 40])
def test_thin_and_thick_pens_come_near_to_mnists_strokes(pen: int) -> None:
    digit = digit_of(seven(0.6, pen))
    assert float(digit.max()) == pytest.approx(1, abs=0.02)
    assert 1.6 <= stroke_width(digit[0]) <= 3.6  # MNIST: 1.6 to 4.3
    assert likeness(digit, digit_of(seven())) > 0.75


def test_hairlines_and_strokes_that_leave_the_pad_are_read() -> None:
    digit = digit_of(seven(0.9, pen=2))
    rows = digit[0].max(axis=1)
    inked = np.flatnonzero(rows >= 0.1)
    assert float(rows[int(inked[0]) + 1 : int(inked[-1])].min()) > 0.5
    page = np.asarray(seven(1.0, pen=24)).copy()
    cropped = page[6:-6]  # a quarter of the bar and of the foot is cut off
    assert likeness(digit_of(cropped), digit_of(page)) > 0.8


@pytest.mark.parametrize("paper, pen", [(0, 255), (255, 100), (128, 20), (100, 200), (255, 235)])
def test_any_polarity_and_grey_paper_read_the_same(paper: int, pen: int) -> None:
    drawn = np.asarray(seven()) / 255
    page = np.rint(pen + (paper - pen) * drawn).astype(np.uint8)
    assert likeness(digit_of(page), digit_of(seven())) > 0.98


def test_a_tight_crop_and_a_speck_of_dirt_read_the_same() -> None:
    page = np.asarray(seven())
    rows, columns = np.nonzero(page < 128)
    crop = page[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    for picture in (crop, 255 - crop):
        assert likeness(digit_of(picture), digit_of(seven())) > 0.97
    page = seven()
    ImageDraw.Draw(page).rectangle((4, 4, 7, 7), fill=0)
    assert np.array_equal(digit_of(page), digit_of(seven()))


def test_in_the_corner_of_a_tight_crop_a_stroke_is_no_edge_of_a_page_but_a_desk_is() -> None:
    page = Image.new("L", (PAD, PAD), 255)
    two = [(90, 100), (140, 80), (175, 115), (130, 185), (190, 185)]
    ImageDraw.Draw(page).line(two, fill=0, width=22, joint="curve")
    whole = digit_of(page)
    rows, columns = np.nonzero(np.asarray(page) < 128)
    crop = page.crop((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    assert likeness(digit_of(crop), whole) > 0.97
    desk = seven()
    ImageDraw.Draw(desk).polygon([(0, PAD), (0, PAD - 60), (60, PAD)], fill=90)
    assert likeness(digit_of(desk), digit_of(seven())) > 0.97


def test_a_small_blurred_scan_gets_sharp_edges() -> None:
    scan = seven().resize((12, 12), Image.Resampling.BOX).resize((128, 128))
    digit = digit_of(scan)
    assert edge_width(digit[0]) < 1.8
    assert likeness(digit, digit_of(seven())) > 0.8


def test_the_frame_of_a_screenshot_is_not_ink_and_compression_does_not_matter() -> None:
    page = Image.new("RGB", (500, 400), (243, 244, 246))
    page.paste(seven().convert("RGB"), (100, 60))
    ImageDraw.Draw(page).rectangle((99, 59, 380, 340), outline=(205, 210, 215), width=2)
    assert likeness(digit_of(page), digit_of(seven())) > 0.97
    small = encoded(seven(), "JPEG", quality=20)
    assert likeness(digit_of(small), digit_of(seven())) > 0.97


@pytest.mark.parametrize("tone", [0, 7, 128, 255])
@pytest.mark.parametrize("side", [1, 2, 28, 280])
def test_an_empty_page_is_blank(tone: int, side: int) -> None:
    assert to_digit(np.full((side, side), tone, np.uint8)) is None


# --- The steps ----------------------------------------------------------------------------------


def test_trace_shows_the_steps_to_the_same_digit() -> None:
    sketch = trace(seven(0.5))
    assert sketch.grey.shape == sketch.ink.shape == (PAD, PAD)
    assert float(sketch.grey[0, 0]) == 1
    assert float(sketch.ink[0, 0]) == 0
    assert float(sketch.ink.max()) == 1
    assert sketch.box is not None
    _, top, _, bottom = sketch.box
    assert (top, bottom) == pytest.approx((70, 210), abs=1)  # half of the pad, in the middle
    assert sketch.cut is not None
    assert sketch.cut.scaled.shape[0] in (20, 21)
    assert sketch.digit is not None
    assert np.array_equal(sketch.digit, digit_of(seven(0.5)))
    assert float(sketch.cut.scaled.sum()) == pytest.approx(float(sketch.digit.sum()), rel=0.02)


def test_a_page_that_is_empty_or_can_hardly_be_seen_has_no_box_and_no_digit() -> None:
    sketch = trace(Image.new("L", (PAD, PAD), 255))
    assert sketch.box is None
    assert sketch.cut is None
    assert sketch.digit is None
    assert not sketch.ink.any()
    page = np.full((PAD, PAD), 255, np.uint8)
    page[100:200, 130:150] = 250
    assert to_digit(page) is None


def test_many_pictures_are_stacked_and_blanks_are_named() -> None:
    blank = Image.new("L", (PAD, PAD), 255)
    digits, blanks = to_digits([seven(), blank, seven(0.3)])
    assert digits.shape == (3, 1, 28, 28)
    assert blanks == [1]
    assert not digits[1].any()
    assert np.array_equal(digits[0], digit_of(seven()))
    empty, none = to_digits([])
    assert empty.shape == (0, 1, 28, 28)
    assert none == []


# --- Measures -----------------------------------------------------------------------------------


@pytest.mark.parametrize("angle", [20, 45, 70])
def test_stroke_width_does_not_depend_on_the_direction(angle: int) -> None:
    page = Image.new("L", (600, 600))
    ImageDraw.Draw(page).rectangle((100, 270, 499, 329), fill=255)
    turned = page.rotate(angle, Image.Resampling.BICUBIC).resize((60, 60), Image.Resampling.BOX)
    ink = np.asarray(turned, np.float32) / 255
    assert stroke_width(ink) == pytest.approx(2 * 240 / 92, rel=0.06)


def test_widths_are_those_of_ramp_and_twice_the_area_over_the_outline() -> None:
    ramp = np.clip(np.arange(60) / 12 - 1, 0, 1).astype(np.float32)  # from 0 to 1 in 12 pixels
    ink = np.tile(np.minimum(ramp, ramp[::-1]), (200, 1))  # two such edges
    assert edge_width(ink) == pytest.approx(12, rel=0.15)  # the ends add a little outline
    ink = np.zeros((60, 60), np.float32)
    ink[10:50, 20:26] = 1  # 6 wide, 40 long: 2 x 240 / 92 = 5.2
    assert outline_length(ink) == pytest.approx(92, rel=0.03)
    assert stroke_width(ink) == pytest.approx(5.2, rel=0.03)


def test_scans_of_eight_pixels_are_read() -> None:
    """They fill their picture, and are mostly soft edges."""
    scans = load_digits()
    count, names = 150, ("standard", "mobilenet")
    pictures = [
        Image.fromarray((255 - scan * (255 / 16)).astype(np.uint8)).resize((128, 128), 2)
        for scan in scans.images[:count]
    ]
    digits, _ = to_digits(pictures)
    predictor = Predictor({name: f"checkpoints/{name}.safetensors" for name in names})
    for answer in predictor.predict(digits).values():
        assert (answer.predictions == scans.target[:count]).mean() >= 0.95


def test_a_bold_digit_is_no_sheet_of_paper_and_one_on_an_even_desk_is() -> None:
    pad = Image.new("L", (PAD, PAD), 255)
    for middle in (112, 160):  # two rings of a pen so broad that they fill most of their box
        box = (140 - 39, middle - 39, 140 + 39, middle + 39)
        ImageDraw.Draw(pad).ellipse(box, outline=0, width=33)
    assert trace(pad).box == (101, 73, 180, 200)
    desk = Image.new("L", (PAD, PAD), 40)
    ImageDraw.Draw(desk).polygon([(60, 50), (225, 62), (215, 235), (50, 220)], fill=245)
    sheet = seven(0.4, 12)
    desk.paste(40, mask=sheet.point(lambda level: 255 - level))
    found = trace(desk)
    assert found.box is not None
    np.testing.assert_allclose(found.box, trace(sheet).box, atol=4)


def test_a_full_shape_with_three_corners_is_ink() -> None:
    levels = np.full((PAD, PAD), 255, np.uint8)
    levels[np.tri(120, dtype=bool).nonzero()] = 0
    assert trace(np.roll(levels, 60, (0, 1))).box is not None
    pad = Image.new("L", (PAD, PAD), 255)
    ImageDraw.Draw(pad).polygon([(50, 50), (250, 60), (150, 240)], fill=0)
    np.testing.assert_allclose(trace(pad).box, (50, 50, 251, 241), atol=3)


@pytest.mark.parametrize("covered", [0.3, 0.97])
def test_what_is_drawn_is_black_however_much_of_the_pad_it_covers(covered: float) -> None:
    height = round(covered * PAD)
    pad = np.full((PAD, PAD), 255, np.uint8)
    pad[2 : 2 + height, 3:-3] = 0
    assert trace(pad, drawn=True).box == (3, 2, PAD - 3, 2 + height)


def test_usual_drawings_have_the_same_ink_as_any_picture() -> None:
    for pen in (8, 18, 30):
        np.testing.assert_array_equal(
            trace(seven(pen=pen), drawn=True).digit, digit_of(seven(pen=pen))
        )
