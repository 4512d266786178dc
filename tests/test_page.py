"""Photographs of pages: edges, shadows, lines and frames are no ink, pale strokes are."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from netlib.answer.reader import Reader
from netlib.data.sources import scans
from netlib.picture.digit import to_digit, trace
from netlib.picture.number import find_digits
from netlib.picture.pages import find_pages
from netlib.picture.paper import closed, find_strokes
from netlib.picture.rulings import thickness, without_lines

PAPER, PEN = 205, 40


def drawing(height: int = 360, width: int = 300, pen: int = 11) -> np.ndarray:
    """A two, dark on even paper, 180 pixels high in the middle."""
    page = np.full((height, width), PAPER, np.uint8)
    x, y = width // 2, height // 2
    top = cv2.ellipse2Poly((x, y - 45), (50, 45), 0, 190, 400, 4)
    way = np.concatenate([top, [[x - 50, y + 90], [x + 55, y + 90]]]).astype(np.int32)
    cv2.polylines(page, [way], False, PEN, pen, cv2.LINE_AA)
    return page


def photograph(page: np.ndarray, noise: float = 2.5) -> np.ndarray:
    rng = np.random.default_rng(0)
    noisy = cv2.GaussianBlur(page, (0, 0), 1.0) + rng.normal(0, noise, page.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def on_a_desk(page: np.ndarray) -> np.ndarray:
    desk = page.copy()
    desk[:, -22:] = 30
    desk[:30] = 30
    return desk


def leaning_desk(page: np.ndarray) -> np.ndarray:
    return cv2.fillPoly(page.copy(), [np.array([[0, 0], [38, 0], [8, 359], [0, 359]])], 35)


def with_a_hard_shadow(page: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: page.shape[0], : page.shape[1]]
    return np.where(x + 0.4 * y > 200, page * 0.55, page).astype(np.uint8)


def with_two_shadows(page: np.ndarray) -> np.ndarray:
    shaded = with_a_hard_shadow(page)
    shaded[:140, :130] = shaded[:140, :130] * 0.7
    return shaded


def with_falling_light(page: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: page.shape[0], : page.shape[1]]
    return (page * (1 - 0.55 * np.hypot(x - 60, y - 60) / 430)).astype(np.uint8)


def ruled(page: np.ndarray) -> np.ndarray:
    lined = page.copy()
    for y in range(25, 360, 47):
        lined[y : y + 3] = np.minimum(lined[y : y + 3], 110)
    return lined


def squared(page: np.ndarray) -> np.ndarray:
    lined = ruled(page)
    for x in range(14, 300, 47):
        lined[:, x : x + 3] = np.minimum(lined[:, x : x + 3], 110)
    return lined


def with_a_margin_line(page: np.ndarray) -> np.ndarray:
    lined = ruled(page)
    lined[:, 60:63] = 90
    return lined


def slanting_lines(page: np.ndarray) -> np.ndarray:
    lined = page.copy()
    for y in range(20, 360, 52):
        cv2.line(lined, (0, y), (299, y + 9), 100, 2, cv2.LINE_AA)
    return np.minimum(lined, page)


def framed(page: np.ndarray) -> np.ndarray:
    return cv2.rectangle(page.copy(), (6, 6), (293, 353), PEN, 4)


def with_glare(page: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: page.shape[0], : page.shape[1]]
    return np.clip(page + 90 * np.exp(-((x - 60) ** 2 + (y - 80) ** 2) / 1800), 0, 255)


def on_a_board(page: np.ndarray) -> np.ndarray:
    return (60 + (PAPER - page.astype(float)) * 0.8).astype(np.uint8)


def in_pencil(page: np.ndarray) -> np.ndarray:
    return (PAPER - (PAPER - page.astype(float)) * 0.3).astype(np.uint8)


def sticky_note(page: np.ndarray) -> np.ndarray:
    desk = np.full((620, 560), 45, np.uint8)
    desk[130:490, 130:430] = page
    return desk


PAGES = [
    on_a_desk, leaning_desk, with_a_hard_shadow, with_two_shadows, with_falling_light, ruled,
    with_a_margin_line, slanting_lines, framed, with_glare, on_a_board, in_pencil,
    sticky_note,
]  # fmt: skip


def close(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    """Alike within a pixel's move."""
    assert one is not None and other is not None
    moves = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return min(float(np.abs(np.roll(one, move, (1, 2)) - other).mean()) for move in moves) < 0.03


@pytest.mark.parametrize("seen", PAGES, ids=lambda seen: seen.__name__)
@pytest.mark.parametrize("taken", [photograph, lambda page: page], ids=["photo", "screen"])
def test_a_page_reads_like_the_drawing_alone(seen: Callable, taken: Callable) -> None:
    page = np.asarray(seen(drawing()), np.uint8)
    assert close(to_digit(taken(page)), to_digit(drawing()))


def test_squared_paper_on_a_screen_reads_like_the_drawing() -> None:
    assert close(to_digit(squared(drawing())), to_digit(drawing()))


def test_dark_squared_paper_in_a_photo_reads_like_the_drawing() -> None:
    assert close(to_digit(photograph(squared(drawing()))), to_digit(drawing()))


@pytest.mark.parametrize("height", [120, 180, 240])
def test_what_comes_in_from_the_border_far_thicker_than_the_strokes_is_a_thing(height: int) -> None:
    page = np.full((500, 800), PAPER, np.uint8)
    page[60:420, 100:400] = drawing(pen=8)
    cv2.line(page, (560, 150), (800, 150 + height), PEN, 60)  # a pencil
    found, alone = trace(photograph(page)).box, trace(drawing(pen=8)).box
    assert found is not None and alone is not None
    np.testing.assert_allclose(found, np.add(alone, (100, 60, 100, 60)), atol=6)


def test_a_pen_as_thick_as_the_strokes_is_a_thing_where_it_is_far_longer() -> None:
    page = np.full((500, 800), PAPER, np.uint8)
    page[60:420, 100:400] = drawing(pen=12)
    cv2.line(page, (640, 0), (600, 430), PEN, 12)
    found, alone = trace(photograph(with_falling_light(page))).box, trace(drawing(pen=12)).box
    assert found is not None and alone is not None
    np.testing.assert_allclose(found, np.add(alone, (100, 60, 100, 60)), atol=6)


@pytest.mark.parametrize("middle", [(330, 90), (150, 150)])
def test_a_lamps_reflection_on_even_paper_is_no_ink(middle: tuple[int, int]) -> None:
    page = cv2.copyMakeBorder(drawing(), 0, 0, 0, 200, cv2.BORDER_REPLICATE).astype(np.float64)
    y, x = np.mgrid[: page.shape[0], : page.shape[1]]
    distance = np.square(x - middle[0]) + np.square(y - middle[1])
    page = np.clip(0.6 * page * (1 + np.exp(-distance / 60**2)), 0, 255)
    found, alone = trace(page.astype(np.uint8)).box, trace(drawing()).box
    assert found is not None and alone is not None
    np.testing.assert_allclose(found, alone, atol=4)


@pytest.mark.parametrize("pen", [6, 14])
def test_the_sides_of_cells_are_no_ones(pen: int) -> None:
    page = np.full((400, 700), PAPER, np.uint8)
    page[20:380, 200:500] = drawing(pen=pen)
    for x in (100, 180, 460, 560):
        cv2.line(page, (x, 80), (x, 320), 90, 5)
    for y in (80, 320):
        cv2.line(page, (0, y), (700, y), 90, 5)
    found, alone = trace(photograph(page)).box, trace(drawing(pen=pen)).box
    assert found is not None and alone is not None
    np.testing.assert_allclose(found, np.add(alone, (200, 20, 200, 20)), atol=6)


def test_where_bold_strokes_cross_they_are_ink() -> None:
    page = np.full((360, 300), PAPER, np.uint8)
    for left, right in ((40, 260), (260, 40)):
        cv2.line(page, (left, 40), (right, 320), PEN, 66)
    ink = trace(photograph(with_falling_light(page))).ink
    height, width = ink.shape
    assert ink[height * 2 // 5 : height * 3 // 5, width * 9 // 20 : width * 11 // 20].min() > 0.9


@pytest.mark.parametrize("light", [False, True])
def test_faint_pencil_is_ink_and_the_noise_of_an_empty_page_is_not(light: bool) -> None:
    page = drawing()
    page[page < PAPER] = np.uint8(PAPER - 0.15 * (PAPER - page[page < PAPER]))
    faint = photograph(with_falling_light(255 - page if light else page))
    found, drawn = trace(faint).box, trace(drawing()).box
    assert found is not None
    np.testing.assert_allclose(found, drawn, atol=8)
    empty = photograph(with_falling_light(np.full_like(page, PAPER)))
    assert trace(empty).box is None


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("pen", [20, 35, 45])
def test_between_bold_strokes_the_page_is_no_ink(pen: int, light: bool) -> None:
    page = np.full((360, 300), PAPER, np.uint8)  # a three with gaps narrower than its strokes
    for y in (110, 180, 250):
        cv2.line(page, (110, y), (190, y), PEN, pen)
    cv2.line(page, (190, 110), (190, 250), PEN, pen)
    page = with_falling_light(page)
    assert find_strokes(photograph(255 - page if light else page)).light == light


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_polarity_is_told_by_the_strokes(light: bool, count: int) -> None:
    page = np.concatenate([with_falling_light(drawing())] * count, axis=1)
    assert find_strokes(255 - page if light else page).light == light


def test_the_corner_of_a_shadow_is_not_taken_for_the_strokes() -> None:
    page = drawing()
    y, x = np.mgrid[: page.shape[0], : page.shape[1]]
    shaded = np.where(y - 150 > 1.2 * np.abs(x - 60), page * 0.45, page).astype(np.uint8)
    assert find_strokes(shaded) == find_strokes(page)


def test_closing_leaves_what_is_dark_on_one_side() -> None:
    page = np.full((60, 80), 200, np.uint8)
    page[:, :8] = 30  # a desk, narrower than the window
    page[20:50, 40:44] = 30  # a stroke
    filled = closed(page, 11)
    assert (filled[:, :8] == 30).all()
    assert (filled[:, 8:] == 200).all()


def test_strokes_alone_are_no_lines_and_one_that_crosses_a_line_stays_whole() -> None:
    ink = np.zeros((100, 100), np.float32)
    ink[2:12] = 1  # the bar of a seven in a tight crop
    ink[10:, 55:65] = 1
    assert without_lines(ink, 0.5) is ink
    ink = np.zeros((200, 200), np.float32)
    ink[30:170, 95:103] = 1
    stroke = ink.copy()
    for y in (40, 80, 120, 160):
        ink[y : y + 2] = 1
    assert np.array_equal(without_lines(ink, 0.5)[:, 95:103], stroke[:, 95:103])
    assert without_lines(ink, 0.5)[:, :90].sum() == 0


def test_the_bars_of_fours_in_a_cell_are_no_line() -> None:
    ink = np.zeros((100, 240), np.float32)
    for y in (6, 90):
        ink[y : y + 4] = 1
    for x in (4, 232):
        ink[:, x : x + 4] = 1
    digits = np.zeros_like(ink)
    for x in range(30, 200, 45):  # a bar that nearly meets the next one
        cv2.polylines(digits, [np.array([[x + 12, 26], [x, 56], [x + 36, 56]])], False, 1, 4)
        cv2.line(digits, (x + 24, 40), (x + 22, 76), 1, 4)
    assert np.array_equal(without_lines(ink + digits, 0.5)[12:88, 12:228], digits[12:88, 12:228])


@pytest.mark.parametrize("size", [(235, 200), (300, 260)])
def test_a_corner_of_lines_is_none_of_a_tight_crops_strokes(size: tuple[int, int]) -> None:
    page = drawing(*size)
    alone = to_digit(photograph(with_falling_light(page)))
    height, width = size
    cv2.line(page, (5, 0), (9, height), PEN, 5, cv2.LINE_AA)
    cv2.line(page, (0, 8), (width, 3), PEN, 5, cv2.LINE_AA)
    assert close(to_digit(photograph(with_falling_light(page))), alone)


def test_pale_lines_of_an_even_page_are_taken_out_and_leave_the_strokes_they_meet() -> None:
    page = np.full((200, 160), 255, np.uint8)
    page[10:190] = np.where(drawing() == PEN, 0, 255)[90:270, 70:230]
    alone = to_digit(page)
    for y in range(2, 200, 47):  # one of them under the foot
        page[y : y + 3] = np.minimum(page[y : y + 3], 208)
    assert close(to_digit(page), alone)


def test_a_fine_rule_that_the_border_cuts_is_no_one_however_dark() -> None:
    page = drawing(480, 400)
    alone = to_digit(photograph(with_falling_light(page)))
    cv2.line(page, (30, 190), (0, 430), PEN, 2, cv2.LINE_AA)
    assert close(to_digit(photograph(with_falling_light(page))), alone)


@pytest.mark.parametrize("pen", [14, 20])
def test_a_neighbour_that_the_border_cuts_is_none_where_pale_squares_join_it(pen: int) -> None:
    page = drawing(300, 300, pen)
    alone = to_digit(photograph(with_falling_light(page)))
    along = np.arange(0, 301, 8)
    for k in range(-1, 6):  # the page does not lie flat: no line is straight
        bent = 56 * k + 10 * np.sin(along / 50)
        for way in (np.stack([along, bent], 1), np.stack([bent, along], 1)):
            lined = np.full_like(page, PAPER)
            cv2.polylines(lined, [way.astype(np.int32)], False, 165, 3, cv2.LINE_AA)
            page = np.minimum(page, lined)
    assert close(to_digit(photograph(with_falling_light(page))), alone)
    cv2.ellipse(page, (310, 150), (34, 56), 0, 0, 360, PEN, 14, cv2.LINE_AA)
    assert close(to_digit(photograph(with_falling_light(page))), alone)


def test_a_pale_digit_beside_dark_ones_is_kept_as_are_those_that_touch_the_border() -> None:
    dark = drawing()
    page = photograph(np.concatenate([in_pencil(dark), dark, dark], axis=1))
    assert len(find_digits(page)) == 3
    page = np.full((200, 500), 190, np.uint8)
    for x, top in ((0, 30), (120, 26), (240, 34), (488, 30)):
        page[top : top + 140, x : x + 12] = 60
    assert len(find_digits(photograph(page))) == 4


def with_a_slanting_margin(page: np.ndarray) -> np.ndarray:
    return cv2.line(page.copy(), (60, 0), (75, 359), 120, 3, cv2.LINE_AA)


def with_an_edge_of_shade(page: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: page.shape[0], : page.shape[1]]
    lit = np.where(x + 0.5 * y > 180, 0.85, 0.6) * (1 + 0.2 * x / page.shape[1])
    return (page * lit).astype(np.uint8)


@pytest.mark.parametrize(
    "seen", [on_a_desk, with_falling_light, with_a_slanting_margin, with_an_edge_of_shade]
)
def test_a_page_without_ink_is_blank(seen: Callable) -> None:
    empty = np.full((360, 480), PAPER, np.uint8)
    assert trace(photograph(with_falling_light(seen(empty)))).digit is None


def test_a_one_that_is_cut_or_cropped_is_no_line() -> None:
    page = np.full((360, 480), PAPER, np.uint8)
    cv2.line(page, (200, 150), (190, 359), PEN, 60)
    assert trace(photograph(page)).digit is not None
    cv2.line(page, (350, 0), (345, 359), PEN, 9)
    assert trace(photograph(page[:, 325:370])).digit is not None
    number = np.concatenate([drawing(), drawing()], axis=1)
    for x in (20, 300, 580):  # between others of a number
        cv2.line(number, (x, 0), (x, 359), PEN, 6)
    assert len(find_digits(photograph(with_falling_light(number))[92:268])) == 5
    ones = scans().splits["test"]
    for scan in ones.images[ones.labels == 1]:  # some of them are dark at one side
        assert trace(scan).digit is not None


def test_gaps_in_rough_strokes_are_closed_and_those_between_letters_are_not() -> None:
    page = drawing(pen=16)
    for at in range(-20, 360, 24):
        cv2.line(page, (0, at), (299, at + 60), PAPER, 6)
    drawn = trace(photograph(page)).ink
    assert cv2.connectedComponents((drawn > 0.25).astype(np.uint8))[0] == 2
    cv2.putText(page, "Number", (60, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.2, PEN, 4, cv2.LINE_AA)
    printed = trace(photograph(page)).ink
    assert cv2.connectedComponents((printed > 0.25).astype(np.uint8))[0] > 6


@pytest.mark.parametrize(
    "box", [(0, 40, 50, 52), (0, 0, 400, 8), (20, 0, 24, 400), (380, 90, 400, 112)]
)
def test_what_comes_in_from_the_border_is_no_ink(box: tuple[int, int, int, int]) -> None:
    page = np.full((400, 400), 190, np.uint8)
    cv2.polylines(page, [np.array([[150, 120], [250, 120], [190, 290]])], False, 60, 12)
    alone = photograph(with_falling_light(page))
    left, top, right, bottom = box
    page[top:bottom, left:right] = 50
    assert close(to_digit(photograph(with_falling_light(page))), to_digit(alone))


@pytest.mark.parametrize("side", [28, 34, 56])
@pytest.mark.parametrize("light", [False, True])
def test_a_tight_crop_of_a_few_pixels_reads_like_the_photograph(side: int, light: bool) -> None:
    page = np.full((360, 300), PAPER, np.uint8)
    cv2.ellipse(page, (150, 180), (60, 95), 0, 0, 360, PEN, 18)
    page = with_falling_light(page)
    taken = photograph(255 - page if light else page)[70:290, 75:225]
    small = cv2.resize(taken, None, fx=side / 220, fy=side / 220, interpolation=cv2.INTER_AREA)
    assert close(to_digit(small), to_digit(taken))


def test_strokes_are_as_thick_as_their_pixels() -> None:
    for pixels in (1, 2, 3, 8):
        mask = np.zeros((60, 60), np.uint8)
        mask[10:50, 20 : 20 + pixels] = 1
        assert thickness([mask]) == pytest.approx(pixels, rel=0.15)


def test_grain_is_averaged_until_bold_strokes_stand_out_of_it() -> None:
    page = np.full((150, 150), 90, np.uint8)
    cv2.line(page, (90, 40), (70, 115), 25, 9)
    grain = np.random.default_rng(0).normal(0, 16, page.shape)
    grainy = np.clip(page + grain, 0, 255).astype(np.uint8)
    assert close(to_digit(grainy), to_digit(page))


@pytest.mark.parametrize("above", [False, True])
def test_bars_beside_the_line_of_digits_are_no_ones(above: bool) -> None:
    page = np.full((560, 600), PAPER, np.uint8)
    page[:, 150:166] = page[:, 430:446] = PEN
    digits = np.concatenate([drawing(), drawing()], axis=1)
    page[:400] = PAPER
    page[30:390] = digits
    page = page[::-1] if above else page
    if above:
        page[170:530] = digits
    assert len(find_digits(photograph(with_falling_light(page)))) == 2


def test_bits_of_lines_do_not_make_a_digit_that_the_border_cuts_a_guest() -> None:
    page = np.full((260, 200), 255, np.uint8)
    page[40:-40, 20:-20] = np.where(drawing() == PEN, 0, 255)[90:270, 70:230]
    cv2.line(page, (150, 60), (199, 20), 0, 11)  # its tail goes on
    alone = trace(page).ink
    for x in (60, 110):
        page[246:248, x : x + 40] = 120
    assert (trace(page).ink[:200] > 0.5).sum() > 0.9 * (alone[:200] > 0.5).sum()


@pytest.mark.parametrize("tone", [0, 160, 255])
def test_bars_that_make_a_photograph_square_are_no_ink(tone: int) -> None:
    taken = photograph(with_falling_light(drawing()))
    square = cv2.copyMakeBorder(taken, 0, 0, 30, 30, cv2.BORDER_CONSTANT, value=(tone,))
    small, alone = (cv2.resize(each, (28, 28)) for each in (square, taken[:, 20:-20]))
    assert close(to_digit(square), to_digit(drawing()))
    found = trace(small).box
    assert found is not None and trace(alone).box is not None
    assert min(found) > 4 and max(found) < 24  # as high as the two, no more


def with_a_blot(page: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: page.shape[0], : page.shape[1]]
    page = np.where(page < 120, 0, 255)
    page[np.hypot(x, y) < 130 + 3 * rng.normal(size=page.shape)] = 0
    return page.astype(np.uint8)


def note_with_a_shadow(page: np.ndarray) -> np.ndarray:
    desk = np.full((480, 460), 110, np.uint8)
    desk[55:418, 55:358] = 75
    desk[50:410, 50:350] = page
    return photograph(with_falling_light(desk))


@pytest.mark.parametrize("seen", [with_a_blot, note_with_a_shadow])
def test_a_step_from_one_tone_to_another_is_no_one(seen: Callable) -> None:
    assert close(to_digit(seen(drawing())), to_digit(drawing()))


def outlined(light: bool, salt: float = 0.0) -> np.ndarray:
    """The outline of a bold two, as a filter that follows the light leaves it."""
    bold = (drawing(pen=26) < 120).astype(np.uint8)
    line = cv2.dilate(bold, np.ones((3, 3), np.uint8)) - cv2.erode(bold, np.ones((5, 5), np.uint8))
    far = cv2.dilate(bold, np.ones((21, 21), np.uint8)) == 0
    line[far & (np.random.default_rng(0).random(line.shape) < salt)] = 1
    return 255 * (line if light else 1 - line)


@pytest.mark.parametrize("light", [False, True])
def test_the_outline_of_bold_strokes_is_filled_and_a_zero_is_not(light: bool) -> None:
    assert close(to_digit(outlined(light)), to_digit(drawing(pen=28)))
    ring = np.full((360, 300), 255, np.uint8)
    cv2.ellipse(ring, (150, 180), (35, 110), 8, 0, 360, 0, 9)
    assert trace(255 - ring if light else ring).ink[180, 150] == 0


def test_a_box_close_around_a_bold_digit_is_not_filled() -> None:
    boxed = np.full((360, 300), 255, np.uint8)
    cv2.ellipse(boxed, (150, 120), (55, 50), 0, 0, 360, 0, 28)  # an 8
    cv2.ellipse(boxed, (150, 235), (60, 60), 0, 0, 360, 0, 28)
    cv2.rectangle(boxed, (65, 40), (235, 325), 0, 4)
    ink = trace(boxed).ink
    assert ink[180, 80] == ink[60, 80] == 0 and ink[120, 95] > 0.9


def test_salt_all_over_a_page_is_no_ink() -> None:
    found, alone = trace(outlined(False, salt=0.2)).box, trace(outlined(False)).box
    assert found is not None and alone is not None
    np.testing.assert_allclose(found, alone, atol=4)


def test_strokes_are_no_steps_where_the_light_falls_off_steeply() -> None:
    small = cv2.resize(drawing(pen=20), (60, 72), interpolation=cv2.INTER_AREA)
    light = np.linspace(0.3, 1, 60) * np.linspace(0.5, 1, 72)[:, None]
    assert trace(cv2.GaussianBlur((small * light).astype(np.uint8), (0, 0), 2.0)).digit is not None


# --- A reader, and what lies in view beside the digit --------------------------------------------


def beside_a_seven(size: int = 110, pen: int = 9, tone: int = PAPER) -> np.ndarray:
    page = np.full((649, 486), tone, np.uint8)
    way = np.array([[100, 270], [100 + size // 2, 270], [100 + size // 5, 270 + size]], np.int32)
    cv2.polylines(page, [way], False, PEN, pen, cv2.LINE_AA)
    return page


def text(reader: Reader, page: np.ndarray) -> set[str]:
    noise = np.random.default_rng(0).normal(0, 2, page.shape)
    seen = np.clip(page + noise, 0, 255).astype(np.uint8)
    return {network.text for network in reader.read(seen).networks.values()}


@pytest.mark.parametrize(
    ("pen", "tone", "fingers", "first", "last"),
    [(10, 179, 4, (284, 200), (287, 524)), (5, 154, 2, (323, 50), (327, 172))],
)
def test_fingers_do_not_tell_the_polarity_of_a_digit(
    reader: Reader, pen: int, tone: int, fingers: int, first: tuple, last: tuple
) -> None:
    page = beside_a_seven(114 if fingers == 4 else 76, pen, tone)
    for x, y in np.linspace(first, last, fingers).round().astype(int).tolist():
        cv2.line(page, (x, y), (600, y + 30), 40, 96 if fingers == 4 else 109, cv2.LINE_AA)
    assert text(reader, page) == {"7"}


def test_the_outline_of_a_finger_is_no_digit(reader: Reader) -> None:
    page = np.full((700, 700), PAPER, np.uint8)
    way = np.array([[250, 300], [376, 300], [296, 530]], np.int32)
    cv2.polylines(page, [way], False, PEN, 22, cv2.LINE_AA)
    cv2.ellipse(page, (560, 40), (80, 190), 0, 0, 180, 120, 20, cv2.LINE_AA)
    cv2.line(page, (482, 0), (482, 60), 120, 20)
    assert text(reader, page) == {"7"}


def test_a_digit_on_a_small_note_is_read(reader: Reader) -> None:
    desk = np.full((700, 700), 90, np.uint8)
    desk[300:375, 300:365] = 235
    way = np.array([[320, 316], [341, 316], [328, 354]], np.int32)
    cv2.polylines(desk, [way], False, PEN, 4, cv2.LINE_AA)
    assert text(reader, desk) == {"7"}


def test_a_digit_on_a_smudged_board_is_read(reader: Reader) -> None:
    smudge = cv2.GaussianBlur(np.random.default_rng(5).normal(0, 1, (600, 600)), (0, 0), 14)
    wall = np.full((600, 600), float(PAPER))
    wall[180:430, 100:520] = 55 + 34 * np.clip(smudge / smudge.std(), 0, 2)[180:430, 100:520]
    way = np.array([[300, 250], [335, 250], [314, 320]], np.int32)
    chalk = cv2.polylines(np.zeros((600, 600), np.float32), [way], False, 1.0, 6, cv2.LINE_AA)
    assert text(reader, wall * (1 - chalk) + 225 * chalk) == {"7"}


def test_a_note_as_light_as_the_desk_is_told_by_its_hue() -> None:
    note, desk = (230, 170, 70), (176, 176, 176)  # of one luma
    colours = np.full((400, 300, 3), desk, np.uint8)
    cv2.fillConvexPoly(colours, np.array([[60, 120], [240, 100], [250, 300], [70, 320]]), note)
    shadow = np.linspace(0.6, 1.0, 300)[:, None]
    levels, colours = np.full((400, 300), 176, np.uint8), (colours * shadow).astype(np.uint8)
    levels = (levels * shadow[:, 0]).astype(np.uint8)
    assert list(find_pages(levels)) == list(find_pages(levels, np.full_like(colours, 90))) == []
    (page,) = find_pages(levels, colours)
    box = page.left, page.top, page.left + page.mask.shape[1], page.top + page.mask.shape[0]
    np.testing.assert_allclose(box, (60, 100, 250, 320), atol=9)
