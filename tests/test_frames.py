"""Circles, boxes, cells, edges of notes and underlines are no digits; zeros are no frames."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from netlib.answer.reader import Reader
from netlib.picture.bystanders import without_bystanders
from netlib.picture.pages import Page
from netlib.picture.patch import Ink

WHITE, PEN = 235, 40


def page() -> np.ndarray:
    return np.full((400, 640), WHITE, np.uint8)


def two(at: np.ndarray, x: int = 320, y: int = 200) -> np.ndarray:
    """A two, 120 pixels high, around a point."""
    top = cv2.ellipse2Poly((x, y - 30), (33, 30), 0, 190, 400, 4)
    way = np.concatenate([top, [[x - 35, y + 60], [x + 38, y + 60]]]).astype(np.int32)
    return cv2.polylines(at, [way], False, PEN, 9, cv2.LINE_AA)


def seven(at: np.ndarray, x: int = 320, y: int = 200) -> np.ndarray:
    way = np.array([[x - 36, y - 60], [x + 36, y - 60], [x - 10, y + 60]])
    return cv2.polylines(at, [way], False, PEN, 9, cv2.LINE_AA)


def circle(at: np.ndarray) -> np.ndarray:
    return cv2.ellipse(at, (320, 200), (150, 125), 0, -70, 292, PEN, 8, cv2.LINE_AA)


def box(at: np.ndarray) -> np.ndarray:
    corners = np.array([[170, 104], [480, 98], [476, 290], [168, 296]])
    return cv2.polylines(at, [corners], True, PEN, 6, cv2.LINE_AA)


def tight_box(at: np.ndarray) -> np.ndarray:
    """Digits run into it, above and below."""
    return cv2.rectangle(at, (200, 138), (440, 262), 90, 3, cv2.LINE_AA)


def cells(at: np.ndarray) -> np.ndarray:
    cv2.line(at, (320, 120), (320, 280), 90, 3, cv2.LINE_AA)
    return cv2.rectangle(at, (200, 120), (440, 280), 90, 3, cv2.LINE_AA)


def underline(at: np.ndarray) -> np.ndarray:
    cv2.line(at, (190, 290), (450, 284), PEN, 8, cv2.LINE_AA)
    return cv2.line(at, (192, 306), (452, 301), PEN, 8, cv2.LINE_AA)


def slanting_underline(at: np.ndarray) -> np.ndarray:
    """Drawn in two strokes, as thick as the digits'."""
    for left, right in ((190, 330), (340, 460)):
        ends = [(x, 270 + round((x - 190) * 0.14)) for x in (left, right)]
        cv2.line(at, *ends, PEN, 10, cv2.LINE_AA)
    return at


def turned_cell(at: np.ndarray) -> np.ndarray:
    """Its sides go on beyond it, but not up to the border."""
    for x in (180, 470):
        cv2.line(at, (x + 15, 60), (x - 15, 350), 90, 4, cv2.LINE_AA)
    for y in (110, 290):
        cv2.line(at, (60, y - 13), (580, y + 13), 90, 4, cv2.LINE_AA)
    return lamp(at)


def note(at: np.ndarray) -> np.ndarray:
    """The page is a note on a dark desk, with a shadow at two of its sides."""
    desk = np.full_like(at, 110)
    desk[84:326, 144:506] = 60
    desk = cv2.GaussianBlur(desk, (0, 0), 4)
    desk[70:314, 130:492] = at[70:314, 130:492]
    return desk


def slanted_rules(at: np.ndarray) -> np.ndarray:
    for y in range(-100, 420, 36):
        ruled = cv2.line(np.full_like(at, WHITE), (0, y), (639, y + 64), 185, 3, cv2.LINE_AA)
        at = np.minimum(at, ruled)
    return at


def print_below(at: np.ndarray) -> np.ndarray:
    for line, words in enumerate(("Name and first name", "Please write in capitals")):
        place = (20, 345 + 24 * line)
        cv2.putText(at, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, PEN, 1, cv2.LINE_AA)
    return at


def holes(at: np.ndarray) -> np.ndarray:
    for x in range(30, 640, 60):
        cv2.circle(at, (x, 30), 9, 30, -1, cv2.LINE_AA)
    return at


def lamp(at: np.ndarray) -> np.ndarray:
    """Uneven light, with a little noise."""
    shade = np.linspace(1, 0.75, at.shape[1]) + np.random.default_rng(0).normal(0, 0.01, at.shape)
    return np.clip(at * shade, 0, 255).astype(np.uint8)


def margin(at: np.ndarray) -> np.ndarray:
    """The end of a margin's rule, thinner and paler than the strokes."""
    return lamp(cv2.line(at, (50, 0), (0, 170), 165, 3, cv2.LINE_AA))


def fine_squares(at: np.ndarray) -> np.ndarray:
    """As a page has them that does not lie flat: no line is straight."""
    pale = np.full_like(at, WHITE)
    along = np.arange(0, 641, 8)
    for k in range(-4, 20):
        level = 40 * k + 20 * np.sin(along / 120)
        upright = 40 * k + 20 * np.sin(along / 90)
        for way in (np.stack([along, level], 1), np.stack([upright, along], 1)):
            cv2.polylines(pale, [way.astype(np.int32)], False, 185, 4, cv2.LINE_AA)
    return lamp(np.minimum(at, pale))


def rules_between(at: np.ndarray) -> np.ndarray:
    """As thick as the strokes, and digits stand on one of them."""
    for y in (40, 274):
        cv2.line(at, (0, y), (639, y - 16), 110, 6, cv2.LINE_AA)
    return lamp(at)


def turned_boxes(at: np.ndarray) -> np.ndarray:
    """Each has sides of its own, which lie beside each other."""
    for left in (186, 322):
        box_alone = np.array([[0, 0], [132, 6], [126, 178], [-6, 172]])
        corners = box_alone + np.array([left, 100 + left // 22])
        cv2.polylines(at, [corners], True, 110, 5, cv2.LINE_AA)
    return lamp(at)


FRAMES = [circle, box, tight_box, cells, underline, note, slanted_rules, print_below, holes]
FRAMES += [slanting_underline, turned_cell, margin, fine_squares]
FRAMES += [rules_between, turned_boxes]


@pytest.mark.parametrize("frame", FRAMES)
def test_digits_in_a_frame_are_read_without_it(reader, frame) -> None:
    read = reader.read(frame(seven(two(page(), 260), 380)))
    assert [network.text for network in read.networks.values()] == ["27", "27"]
    assert all(80 < bottom - top < 160 for _, top, _, bottom in read.boxes)


@pytest.mark.parametrize("frame", [circle, box, note])
def test_what_is_shown_of_one_digit_is_what_was_read(reader, frame) -> None:
    read = reader.read(frame(two(page())))
    assert [network.text for network in read.networks.values()] == ["2", "2"]
    assert read.sketch is not None
    assert (read.sketch.digit == read.digits).all()
    assert read.sketch.box == read.boxes[0]


@pytest.mark.parametrize("lines", [1, 2])
@pytest.mark.parametrize("fall", [-14, 0, 9])
def test_a_line_under_one_digit_is_no_part_of_it(reader: Reader, fall: int, lines: int) -> None:
    drawn = seven(page())
    for n in range(lines):
        y = 282 + 22 * n
        cv2.line(drawn, (270, y), (370, y + fall), PEN, 10, cv2.LINE_AA)
    read = reader.read(drawn)
    assert [network.text for network in read.networks.values()] == ["7", "7"]
    assert all(250 < bottom < 275 for _, _, _, bottom in read.boxes)


def test_the_foot_of_a_two_is_no_underline(reader: Reader) -> None:
    drawn = two(two(page(), 260), 380)
    drawn[254:257] = WHITE  # it broke off both
    assert [network.text for network in reader.read(drawn).networks.values()] == ["22", "22"]


def test_ones_of_a_tight_crop_are_no_rules(reader: Reader) -> None:
    drawn = seven(page(), 350)
    for x in (180, 260, 440):
        cv2.line(drawn, (x, 140), (x + 4, 260), PEN, 9, cv2.LINE_AA)
    read = reader.read(drawn[133:268, 170:455])
    assert [network.text for network in read.networks.values()] == ["1171", "1171"]


def test_digits_on_a_page_on_a_desk_keep_their_place(reader: Reader) -> None:
    desk = np.random.default_rng(0).normal(60, 30, (60, 90)).clip(0, 130).astype(np.uint8)
    desk = cv2.resize(desk, (900, 600), interpolation=cv2.INTER_NEAREST)
    desk[130:530, 200:840] = seven(two(page(), 260), 380)
    read = reader.read(desk)
    assert [network.text for network in read.networks.values()] == ["27", "27"]
    assert read.sketch is not None and read.sketch.grey.shape == desk.shape
    (left, top, _, _), (_, _, right, bottom) = read.boxes
    assert (400 < left < 440) and (600 < right < 640) and (top > 250) and (bottom < 410)
    assert read.sketch.box is not None and read.sketch.box[0] == left


def test_wires_of_a_spiral_lie_beside_the_digits() -> None:
    """They are longer than their steps; digits at even steps are of several shapes."""
    drawn = seven(two(seven(two(page(), 80), 240), 400), 560)
    for x in range(0, 640, 60):
        cv2.circle(drawn, (x, 85), 12, PEN, -1, cv2.LINE_AA)
        cv2.line(drawn, (x, 85), (x - 3, 10), PEN, 9, cv2.LINE_AA)
    bare = without_bystanders(Ink.of((WHITE - drawn) / np.float32(WHITE)))
    assert bare is not None and bare.box is not None
    left, top, right, bottom = bare.placed(bare.box)
    assert 30 < left < 60 and 580 < right < 610 and top > 130 and bottom < 270


def test_a_bit_below_a_row_that_slants_is_beside_it() -> None:
    drawn = seven(two(seven(page(), 120, 270), 300, 230), 480, 190)
    cv2.ellipse(drawn, (480, 370), (24, 30), 0, 180, 360, PEN, 9, cv2.LINE_AA)
    bare = without_bystanders(Ink.of((WHITE - drawn) / np.float32(WHITE)))
    assert bare is not None and bare.box is not None
    left, top, right, bottom = bare.placed(bare.box)
    assert 70 < left < 90 and 110 < top < 130 and 510 < right < 530 and 325 < bottom < 337


def zero(at: np.ndarray) -> np.ndarray:
    return cv2.ellipse(at, (320, 200), (52, 80), 0, 0, 360, PEN, 9, cv2.LINE_AA)


@pytest.mark.parametrize("inside", ["dot", "slash"])
def test_a_zero_with_something_in_it_stays_one(reader: Reader, inside: str) -> None:
    drawn = zero(page())
    if inside == "dot":
        cv2.circle(drawn, (320, 200), 8, PEN, -1, cv2.LINE_AA)
    else:
        cv2.line(drawn, (302, 232), (338, 168), PEN, 8, cv2.LINE_AA)
    texts = {network.text for network in reader.read(drawn).networks.values()}
    assert texts <= {"0", "?"}


@pytest.mark.parametrize("high", [30, 60])
def test_thin_and_small_digits_in_large_frames_are_no_specks(reader: Reader, high: int) -> None:
    drawn = cv2.rectangle(page(), (20, 20), (620, 380), PEN, 9)
    way = np.array([[360, 200 - high], [360 + high, 200 - high], [370, 200 + high]])
    cv2.polylines(drawn, [way], False, PEN, 5, cv2.LINE_AA)
    light = np.linspace(0.6, 1, 640)
    photo = (cv2.GaussianBlur(drawn, (0, 0), 1) * light).astype(np.uint8)
    assert [network.text for network in reader.read(photo).networks.values()] == ["7", "7"]


def test_a_broken_digit_beside_others_is_not_left_out() -> None:
    drawn = seven(two(page(), 200), 320)
    for y in (150, 245):  # the upper and the lower part of a third one
        cv2.ellipse(drawn, (440, y), (24, 16), 0, 0, 360, PEN, 9, cv2.LINE_AA)
    assert without_bystanders(Ink.of((WHITE - drawn) / np.float32(WHITE))) is None


def test_the_canvas_of_a_screen_is_read_not_its_icons(reader: Reader) -> None:
    screen = Image.new("L", (360, 640), 20)
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 580, 360, 640), fill=60)
    for x in range(40, 360, 65):
        draw.ellipse((x, 600, x + 22, 622), outline=235, width=4)
    draw.line([(130, 200), (230, 200), (160, 420)], fill=235, width=18, joint="curve")
    assert [network.text for network in reader.read(screen).networks.values()] == ["7", "7"]


def test_a_face_stays_no_digit(reader: Reader) -> None:
    drawn = circle(page())
    for x in (270, 370):
        cv2.circle(drawn, (x, 165), 12, PEN, -1, cv2.LINE_AA)
    cv2.ellipse(drawn, (320, 210), (70, 45), 0, 20, 160, PEN, 8, cv2.LINE_AA)
    for network in reader.read(drawn).networks.values():
        assert set(network.text) == {"?"}


def test_seven_and_five_written_in_two_strokes_keep_their_bar(reader: Reader) -> None:
    drawn = page()
    cv2.line(drawn, (284, 140), (356, 140), PEN, 9, cv2.LINE_AA)
    cv2.line(drawn, (352, 156), (310, 262), PEN, 9, cv2.LINE_AA)
    for network in reader.read(drawn).networks.values():
        assert network.nearest == ["7"]


def test_a_plot_of_a_digit_reads_as_the_digit_and_a_digit_on_its_edge_is_kept(
    reader: Reader,
) -> None:
    plot = Image.new("L", (480, 360), 255)
    draw = ImageDraw.Draw(plot)
    draw.rectangle((120, 40, 380, 300), fill=0)
    draw.line([(200, 90), (290, 90), (230, 250)], fill=255, width=22, joint="curve")
    for n in range(6):  # an axis: marks that together look like a stroke
        draw.rectangle((60, 50 + 44 * n, 78, 80 + 44 * n), fill=0)
    assert [network.text for network in reader.read(plot).networks.values()] == ["7", "7"]
    draw.rectangle((0, 0, 480, 360), fill=240)  # a window with a title, a canvas and a button
    draw.rectangle((60, 60, 420, 300), fill=0)
    draw.line([(200, 100), (290, 100), (230, 260)], fill=255, width=22, joint="curve")
    draw.rectangle((150, 18, 330, 34), fill=60)
    draw.rectangle((70, 318, 170, 348), fill=205)
    assert [network.text for network in reader.read(plot).networks.values()] == ["7", "7"]
    draw.rectangle((0, 0, 480, 360), fill=255)
    draw.rectangle((120, 40, 380, 300), fill=215)
    for x in (95, 215):
        draw.line([(x, 90), (x + 70, 90), (x + 30, 230)], fill=0, width=14, joint="curve")
    assert [network.text for network in reader.read(plot).networks.values()] == ["77", "77"]


def test_what_a_digits_own_strokes_enclose_is_no_page_of_a_screen() -> None:
    screen = Page(np.full((60, 40), 255, np.uint8), 100, 50, np.ones((60, 40), bool))
    assert screen.count([(110, 60, 130, 100), (95, 48, 142, 112)]) == 2
    assert screen.count([(80, 30, 160, 130)]) == 0  # as high and as wide again
