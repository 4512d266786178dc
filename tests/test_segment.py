"""Several digits in one picture: cut apart, joined and read in order."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from netlib.answer.reader import Reader
from netlib.measure.photographs import on_a_page, written
from netlib.picture import number as segment
from netlib.picture.digit import stroke_width, to_digit
from netlib.picture.ink import find_ink
from netlib.picture.load import WORKING_SIDE
from netlib.picture.number import DigitBox, digits_from_ink, find_digits
from netlib.picture.pages import find_pages
from netlib.picture.pieces import over_segment, union
from netlib.picture.seams import find_seams
from netlib.picture.touching import partings

PEN = 8


def page(width: int = 400, height: int = 140) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("L", (width, height), 255)
    return picture, ImageDraw.Draw(picture)


def ring(draw: ImageDraw.ImageDraw, x: int, y: int = 30, width: int = 50, height: int = 80) -> None:
    draw.ellipse((x, y, x + width - 1, y + height - 1), outline=0, width=PEN)


def stick(draw: ImageDraw.ImageDraw, x: int, y: int = 30, height: int = 80) -> None:
    draw.rectangle((x, y, x + PEN - 1, y + height - 1), fill=0)


def seven(draw: ImageDraw.ImageDraw, x: int, y: int = 30) -> None:
    draw.line([(x, y + 4), (x + 44, y + 4), (x + 16, y + 79)], fill=0, width=PEN, joint="curve")


def sheet(*marks: tuple, width: int = 400, height: int = 140) -> Image.Image:
    """A page with marks: by what each is drawn, and where."""
    picture, draw = page(width, height)
    for draw_one, *place in marks:
        draw_one(draw, *place)
    return picture


def spans(found: list[DigitBox]) -> list[tuple[int, int]]:
    return [(digit.box[0], digit.box[2]) for digit in found]


# --- One digit ----------------------------------------------------------------------------------


def test_an_empty_page_has_no_digits_and_a_box_is_that_of_the_ink() -> None:
    assert find_digits(page()[0]) == []
    (found,) = find_digits(sheet((stick, 150)))
    assert found.box == (150, 30, 150 + PEN, 110)


def test_a_single_digit_gives_the_very_array_of_to_digit() -> None:
    for draw_one in (ring, stick, seven):
        picture = sheet((draw_one, 150))
        (found,) = find_digits(picture)
        expected = to_digit(picture)
        assert expected is not None
        assert np.array_equal(found.digit, expected)


def test_the_parts_of_a_five_and_of_a_broken_eight_stay_together_and_dirt_is_no_digit() -> None:
    picture, draw = page()
    draw.line([(150, 35), (150, 65)], fill=0, width=PEN)
    draw.arc((130, 60, 190, 110), 200, 160, fill=0, width=PEN)
    draw.line([(160, 32), (196, 32)], fill=0, width=PEN)  # written last, a little apart
    assert len(find_digits(picture)) == 1
    assert len(find_digits(sheet((ring, 152, 20, 40, 42), (ring, 150, 66, 46, 50)))) == 1
    picture, draw = page()
    ring(draw, 60)
    stick(draw, 180)
    draw.rectangle((330, 60, 336, 66), fill=0)
    assert spans(find_digits(picture)) == [(60, 110), (180, 180 + PEN)]


def test_a_column_of_print_beside_a_digit_is_no_digit() -> None:
    picture, draw = page()
    seven(draw, 100)
    for n in range(12):
        draw.line([(300, 12 + 10 * n), (318 + 3 * (n % 4), 12 + 10 * n)], fill=0, width=3)
    ((left, right),) = spans(find_digits(picture))
    assert left == 100
    assert right == pytest.approx(145, abs=6)


def test_parts_close_over_one_another_are_one_digit_unless_that_is_refused() -> None:
    def sure(images: np.ndarray) -> np.ndarray:
        return np.full(len(images), 0.99)

    def broken(gap: int) -> Image.Image:
        picture, draw = page(height=180)
        stick(draw, 150, height=120)
        draw.rectangle((150, 90, 160, 90 + gap), fill=255)  # as a pale place in a stroke leaves it
        return picture

    (one,) = find_digits(broken(4), sure)
    assert len(find_digits(broken(30), sure)) == 2

    def parts_only(images: np.ndarray) -> list[bool]:
        return [not np.array_equal(image, one.digit) for image in images]

    assert len(digits_from_ink(find_ink(np.asarray(broken(4))), sure, judge=parts_only)) == 2


@pytest.mark.parametrize("scored", [False, True])
@pytest.mark.parametrize("draws", [[ring], [seven], [stick, ring], [ring, ring], [seven, ring]])
def test_being_sure_of_one_digit_changes_no_outcome(draws, scored, monkeypatch) -> None:
    picture = sheet(*((draw_one, 100 + 46 * n) for n, draw_one in enumerate(draws)))  # they touch
    score = (lambda images: np.full(len(images), 0.99)) if scored else None
    quickly = find_digits(picture, score)
    monkeypatch.setattr(segment, "SURE", 0.0)
    thoroughly = find_digits(picture, score)
    assert spans(quickly) == spans(thoroughly)
    for one, other in zip(quickly, thoroughly, strict=True):
        assert np.array_equal(one.digit, other.digit)


# --- Several digits -----------------------------------------------------------------------------


def test_digits_come_from_left_to_right_each_like_one_alone() -> None:
    marks = (stick, 40), (seven, 130), (ring, 280)
    found = find_digits(sheet(*marks[::-1]))
    assert [digit.box[0] for digit in found] == pytest.approx([40, 130, 280], abs=2)
    for mark, digit in zip(marks, found, strict=True):
        expected = to_digit(sheet(mark))
        assert expected is not None
        assert np.allclose(digit.digit, expected, atol=0.02)


@pytest.mark.parametrize("gap", [2, 5, 15, 40])
def test_digits_that_are_close_are_still_apart(gap: int) -> None:
    assert spans(find_digits(sheet((ring, 50), (ring, 100 + gap)))) == [
        (50, 100),
        (100 + gap, 150 + gap),
    ]


def test_digits_that_lean_and_small_zeros_beside_tall_digits_are_kept_apart() -> None:
    picture, draw = page()
    draw.line([(50, 34), (110, 34), (60, 108)], fill=0, width=PEN)  # a seven,
    draw.line([(100, 64), (100, 110)], fill=0, width=PEN)  # a small one under its bar
    draw.line([(100, 64), (88, 74)], fill=0, width=PEN)
    ring(draw, 150)
    found = find_digits(picture)
    assert found[-1].box[0] == 150
    rng = np.random.default_rng(0)
    strokes = written(rng, "10006")
    strokes[1:4] = [[stroke * 0.3 for stroke in zero] for zero in strokes[1:4]]
    ink = on_a_page(rng, [strokes], pen=7, gap=(0.3, 0.4))
    assert len(find_digits(np.rint(255 * (1 - ink)).astype(np.uint8))) == 5


def test_joined_digits_are_cut_between_them() -> None:
    picture, draw = page()
    ring(draw, 60)  # columns 60 to 109
    ring(draw, 118)
    draw.rectangle((104, 66, 122, 71), fill=0)  # a stroke from one to the other
    left, right = find_digits(picture)
    assert left.box[2] == pytest.approx(114, abs=5)
    assert right.box[0] == pytest.approx(114, abs=5)
    expected = to_digit(sheet((ring, 60)))
    assert expected is not None
    # A ring's centre of mass is between two pixels: the stub of the cut decides to which it goes.
    moved = [np.roll(left.digit, (dy, dx), (1, 2)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    assert min(float(np.abs(digit - expected).mean()) for digit in moved) < 0.05


def test_twenty_digits_are_found_and_no_more_than_asked_for() -> None:
    marks = [((ring, stick, seven)[index % 3], 20 + 60 * index) for index in range(20)]
    picture = sheet(*marks, width=1240)
    found = find_digits(picture)
    assert len(found) == 20
    assert [digit.box[0] for digit in found] == sorted(digit.box[0] for digit in found)
    assert spans(find_digits(picture, max_digits=7)) == spans(found[:7])


def test_two_lines_are_read_one_after_the_other() -> None:
    rings = [(ring, x, y) for x, y in ((200, 20), (40, 24), (120, 150), (30, 156))]
    places = [digit.box[:2] for digit in find_digits(sheet(*rings, width=300, height=260))]
    assert places == [(40, 24), (200, 20), (30, 156), (120, 150)]


@pytest.mark.parametrize("make", [Image.fromarray, np.asarray, lambda a: torch.from_numpy(a)[None]])
def test_boxes_of_large_pictures_are_in_their_own_pixels(make) -> None:
    picture = sheet((ring, 50), (ring, 250))
    factor = 8  # 3200 pixels wide, reduced to 1280 to be read
    assert 400 * factor > WORKING_SIDE
    large = np.asarray(picture).repeat(factor, axis=0).repeat(factor, axis=1)
    for digit, x in zip(find_digits(make(large)), (50, 250), strict=True):
        assert digit.box == pytest.approx([n * factor for n in (x, 30, x + 50, 110)], abs=factor)


# --- Touching digits ----------------------------------------------------------------------------


def rings(*places: int) -> Image.Image:
    """A page with rings that overlap by parts of the pen's width."""
    return sheet(*((ring, x, 30, 55, 81) for x in places), width=300)


def test_ink_that_touches_is_parted_where_its_outline_turns_inwards() -> None:
    for apart in (52, 48, 46):
        ink = find_ink(np.asarray(rings(40, 40 + apart))).boxed
        shares = [np.abs(ink * left - np.fliplr(ink * ~left)).mean() for left in partings(ink)]
        assert min(shares) < 0.02, apart  # two halves, one the other's mirror image
    for alone in (
        find_ink(np.asarray(rings(40))).boxed,
        np.ones((60, 8), np.float32),
        np.zeros((5, 5), np.float32),
    ):
        assert partings(alone) == []


@pytest.mark.parametrize("places", [(40, 92), (40, 86), (40, 90, 140)])
def test_touching_digits_are_read(reader: Reader, places: tuple[int, ...]) -> None:
    reading = reader.read(rings(*places))
    assert {network.text for network in reading.networks.values()} == {"0" * len(places)}
    assert [box[0] for box in reading.boxes] == pytest.approx(places, abs=PEN)


def test_thick_strokes_close_to_each_other_are_no_page(reader: Reader) -> None:
    text = "59-59=15"
    rng = np.random.default_rng(1)
    ink = on_a_page(rng, [written(rng, text)], pen=17, gap=(0.12, 0.16), height=100)
    levels = np.rint(255 * (1 - ink)).astype(np.uint8)
    assert list(find_pages(levels)) == []
    reading = reader.read(levels)
    assert all(len(network.texts) == len(text) for network in reading.networks.values())


def test_one_drawing_is_not_parted_into_digits(reader: Reader) -> None:
    picture, draw = page()
    for line in ((150, 30, 150, 110), (200, 30, 200, 110), (130, 55, 220, 55), (130, 85, 220, 85)):
        draw.line(line, fill=0, width=PEN)  # a hash
    assert not reader.read(picture).is_accepted


def test_a_percent_sign_whose_rings_touch_its_slash_is_no_ninety_six(reader: Reader) -> None:
    picture, draw = page()
    seven(draw, 90)
    draw.line((220, 30, 160, 110), fill=0, width=PEN)
    for x, y in ((165, 50), (212, 90)):
        draw.ellipse((x - 15, y - 15, x + 15, y + 15), outline=0, width=PEN)
    reading = reader.read(picture)
    assert {network.text for network in reading.networks.values()} == {"7?"}


# --- A network's confidence ---------------------------------------------------------------------


@pytest.mark.parametrize("whole_is_a_digit, count", [(True, 1), (False, 2)])
def test_a_networks_confidence_chooses_among_cuts(whole_is_a_digit: bool, count: int) -> None:
    picture = sheet((ring, 60, 30, 100))  # a wide zero, or two brackets
    whole = to_digit(picture)
    assert whole is not None

    def score(digits: np.ndarray) -> list[float]:
        is_whole = [np.allclose(digit, whole, atol=0.1) for digit in digits]
        return [0.9999 if same == whole_is_a_digit else 0.001 for same in is_whole]

    assert len(find_digits(picture, score)) == count


def test_every_hypothesis_is_scored_in_one_call() -> None:
    picture = sheet(*((ring, x) for x in (40, 150, 260)))
    calls: list[tuple[int, ...]] = []

    def score(digits: np.ndarray) -> np.ndarray:
        calls.append(digits.shape)
        return np.full(len(digits), 0.99)

    assert len(find_digits(picture, score)) == 3
    assert len(calls) == 1
    assert calls[0][1:] == (1, 28, 28)


# --- Pieces and seams ---------------------------------------------------------------------------


def test_pieces_together_are_all_of_the_ink() -> None:
    picture = sheet((ring, 60), (ring, 108), (seven, 220))
    ink = find_ink(np.asarray(picture)).whole()
    labels, lines = over_segment(ink)
    (line,) = lines
    assert line.height == 80
    assert len({piece.label for piece in line.pieces}) == len(line.pieces)
    owned = np.isin(labels, [piece.label for piece in line.pieces])
    assert ink[~owned].sum() == 0
    assert union(line.pieces)[:2] == (60, 30)


def test_a_picture_full_of_dots_ends_in_a_bounded_number_of_pieces() -> None:
    dots = np.full((900, 900), 255, np.uint8)
    for dy in range(6):
        for dx in range(6):
            dots[dy::15, dx::15] = 0  # 3,600 squares of 6 x 6
    assert len(find_digits(dots)) <= 20


@pytest.mark.parametrize("tilts", [[0], [12], [0, 0], [0, 6, -6]])
def test_a_lying_stroke_is_one_piece_whatever_its_length(tilts: list[int]) -> None:
    picture, draw = page(1120, 240)
    for number, tilt in enumerate(tilts, 1):
        y = 240 * number // (len(tilts) + 1)
        draw.line([(60, y - tilt), (1060, y + tilt)], fill=0, width=PEN)
    lines = over_segment(find_ink(np.asarray(picture)).patch)[1]
    assert sum(len(line.pieces) for line in lines) == len(tilts)


def test_a_seam_goes_through_a_bridge_between_two_blocks_but_not_through_much_ink() -> None:
    ink = np.zeros((48, 64), np.float32)
    ink[4:44, 2:26] = ink[4:44, 38:62] = 1
    ink[20:24, 26:38] = 1  # a bridge of four rows
    seams = find_seams(ink, line_height=48, stroke=4.0)
    middle = [seam for seam in seams if 26 <= seam.columns[24] <= 38]
    assert middle
    best = min(middle, key=lambda seam: seam.ink)
    assert best.ink == pytest.approx(1, abs=0.1)  # four pixels, one stroke width
    assert ((best.columns >= 26) & (best.columns <= 38))[20:24].all()
    block = np.ones((40, 40), np.float32)
    assert find_seams(block, line_height=40, stroke=4.0) == []
    assert stroke_width(block) > 10


def drawn(text: str) -> np.ndarray:
    rng = np.random.default_rng(len(text))
    return np.rint(255 * (1 - on_a_page(rng, [written(rng, text)], pen=9, gap=(0.3, 0.4)))).astype(
        np.uint8
    )


@pytest.mark.parametrize(
    "text",
    ["3.74", "3,25", "2/6", "17-5", "7/5/26", "(32)", "[46]", "28%", "5=8", "4+9", "-63", "(5)"],
)
def test_signs_beside_digits_are_told_by_shape_and_place(text: str) -> None:
    expected = [not character.isdigit() for character in text]
    assert [digit.is_sign for digit in find_digits(drawn(text))] == expected


def dot(draw: ImageDraw.ImageDraw, x: int, y: int) -> None:
    draw.ellipse((x - 6, y - 6, x + 6, y + 6), fill=0)


def dash(draw: ImageDraw.ImageDraw, x: int, y: int = 70, width: int = 40) -> None:
    draw.line((x, y, x + width, y), fill=0, width=PEN)


def star(draw: ImageDraw.ImageDraw, x: int, y: int = 75) -> None:
    for dx, dy in ((18, 0), (9, 16), (9, -16)):
        draw.line((x - dx, y - dy, x + dx, y + dy), fill=0, width=6)


@pytest.mark.parametrize(
    "marks",
    [
        ((dot, 150, 55), (dot, 150, 95)),
        ((dot, 150, 105),),
        ((dot, 190, 110),),  # under the digit, but at its side
        ((dash, 165),),  # to where the digit begins, and over it
        ((star, 150),),
        ((stick, 146, 30, 56), (dot, 150, 104)),  # an exclamation mark
        ((ring, 130, 30, 28, 28),),  # a degree sign
    ],
)
def test_what_stands_between_digits_is_a_sign_and_stays(reader: Reader, marks: tuple) -> None:
    picture = sheet((seven, 60), *marks, (seven, 190), (ring, 260))
    reading = reader.read(picture)
    assert {network.text for network in reading.networks.values()} == {"7?70"}
    assert reading.signs.tolist() == [False, True, False, False]
    assert reading.is_settled and not reading.is_accepted


def test_what_stands_in_the_line_as_a_digit_does_is_not_dropped(reader: Reader) -> None:
    picture, draw = page()
    draw.ellipse((60, 30, 109, 109), fill=0)  # an eight whose holes are filled
    seven(draw, 130)
    ring(draw, 200)
    reading = reader.read(picture)
    assert {network.text for network in reading.networks.values()} == {"?70"}


def test_a_small_zero_close_to_a_one_is_a_zero_however_narrow_its_hole() -> None:
    picture = Image.new("L", (210, 60), 255)
    draw = ImageDraw.Draw(picture)
    draw.line([(60, 12), (50, 50)], fill=0, width=3)
    draw.line([(20, 18), (40, 18), (28, 46)], fill=0, width=3)
    draw.ellipse((66, 23, 75, 37), outline=0, width=4)  # a hole of two columns
    found = find_digits(picture)
    assert [digit.box[0] for digit in found] == pytest.approx([20, 49, 66], abs=3)


@pytest.mark.parametrize(
    ("lean", "rise", "is_sign"), [(38, -3, False), (44, 16, True), (30, 24, True)]
)
def test_a_stroke_that_leans_is_a_slash_if_it_is_higher_than_the_digits(
    lean: int, rise: int, is_sign: bool
) -> None:
    picture = sheet((seven, 60), (seven, 230))
    way = (130 + lean, 30 - rise // 2, 130, 110 + rise // 2)
    ImageDraw.Draw(picture).line(way, fill=0, width=PEN)
    assert [digit.is_sign for digit in find_digits(picture)] == [False, is_sign, False]


@pytest.mark.parametrize("text", ["1711", "404", "11235813", "990066"])
def test_digits_are_no_signs(text: str) -> None:
    found = find_digits(drawn(text))
    assert len(found) == len(text)
    assert not any(digit.is_sign for digit in found)


@pytest.mark.parametrize(("accepted", "count"), [(1.0, 3), (0.0, 1)])
def test_a_drawing_whose_pieces_are_refused_is_one_drawing(accepted: float, count: int) -> None:
    ink = find_ink(drawn("256"))
    judge = lambda images: np.full(len(images), accepted)  # noqa: E731
    assert len(digits_from_ink(ink, judge=judge)) == count
