"""Drawn photographs: what they hold, how they are read, and the sheet that shows it."""

import cv2
import numpy as np
import pytest

from analysis.build.picture_sheet import sent
from analysis.look.digits import draw_steps
from analysis.look.style import WRONG, blank
from netlib.answer.reading import NetworkReading
from netlib.measure.photographs import KINDS, on_a_page, written
from netlib.picture import find_digits, to_digit
from netlib.picture.ink import find_finer_ink, find_ink, find_ink_on_a_band
from netlib.picture.number import digits_from_ink
from netlib.picture.rulings import without_lines


def test_the_sheet_has_every_kind() -> None:
    assert {kind for kind, _, _ in sent(0)} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_ink_of_every_kind_is_that_of_the_clean_page(kind: str) -> None:
    rng = np.random.default_rng(3)
    ink = on_a_page(rng, [written(rng, "6")], margin=(0.8, 1.0))
    clean = to_digit(np.rint(255 * (1 - ink)).astype(np.uint8))
    (found,) = find_digits(KINDS[kind](rng, ink, 140))
    assert clean is not None
    assert (found.digit * clean).sum() > 0.8 * np.sqrt((found.digit**2).sum() * (clean**2).sum())


def test_a_second_class_is_named_only_where_it_is_nearly_as_likely() -> None:
    shares = np.full((3, 10), 0.01)
    shares[:, 1], shares[:, 7] = (0.6, 0.9, 0.6), (0.32, 0.02, 0.32)
    known = np.array([True, True, False])
    reading = NetworkReading(shares, np.zeros((3, 2)), known)
    assert reading.alternatives == ["7", None, None]


@pytest.mark.parametrize(("answers", "wrong"), [(["3?1", "3?1"], False), (["3?1", "31"], True)])
def test_wrong_answers_stand_out_on_the_sheet(answers: list[str], wrong: bool) -> None:
    _, _, picture = sent(0)[0]
    ax = blank(5, 3).subplots()
    digits = np.zeros((3, 28, 28), np.float32)
    draw_steps(ax, picture.convert("RGB"), np.zeros((9, 9)), digits, answers, "desk", "3.1")
    assert (ax.title.get_color() == WRONG) == wrong


def test_broad_strokes_are_looked_for_on_a_reduced_picture() -> None:
    rng = np.random.default_rng(3)
    ink = on_a_page(rng, [written(rng, "6")], margin=(0.8, 1.0))
    ink = cv2.resize(ink, None, fx=4, fy=4)
    light = np.linspace(130, 220, ink.shape[1])
    levels = ((1 - 0.7 * ink) * light + rng.normal(0, 3, ink.shape)).astype(np.uint8)
    found = find_ink(levels)
    assert found.full == levels.shape == found.whole().shape
    assert max(found.shape) <= max(levels.shape) / 2
    assert found.box is not None
    left, top, right, bottom = found.placed(found.box)
    rows, columns = np.nonzero(ink > 0.5)
    edges = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    assert np.allclose((left, top, right, bottom), edges, atol=6)


def test_a_line_of_squared_paper_that_a_stroke_leaves_from_is_taken_out() -> None:
    ink = np.zeros((400, 800), np.float32)
    cv2.line(ink, (390, 140), (300, 260), 1, 18)
    stroke = ink > 0
    for side in (ink, ink.T):
        side[40::65], side[41::65] = np.maximum(side[40::65], 0.4), np.maximum(side[41::65], 0.4)
    left = without_lines(ink, 0.1)
    outside = left[~cv2.dilate(stroke.view(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)]
    assert (outside > 0).mean() < 0.002  # where lines cross points may stay
    assert (left[stroke] > 0).mean() > 0.9


def on_uneven_paper(draw) -> np.ndarray:
    """Levels (400, 600) of paper in falling light, on which `draw` has drawn."""
    rng = np.random.default_rng(5)
    ink = np.zeros((400, 600), np.float32)
    draw(ink)
    light = np.linspace(150, 220, 600)
    return ((1 - 0.8 * ink) * light + rng.normal(0, 3, ink.shape)).astype(np.uint8)


def boxes_of(levels: np.ndarray) -> list[tuple[int, int, int, int]]:
    return [found.box for found in find_digits(levels)]


def six_digits() -> np.ndarray:
    """Levels (H, W) of a row of six in a fine pen, on a page with much room around it."""
    rng = np.random.default_rng(4)
    ink = on_a_page(rng, [written(rng, "690849")], height=60, pen=4, margin=(3, 3))
    return 225 - 150 * ink + rng.normal(0, 2, ink.shape)


def shaded(levels: np.ndarray, shape: np.ndarray, light: float) -> np.ndarray:
    """With a soft shadow of this shape (0 and 1)."""
    shade = 1 - (1 - light) * cv2.GaussianBlur(shape, (0, 0), 3)
    return np.clip(levels * shade, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("at", np.linspace(0.4, 0.6, 7))
def test_a_digit_across_the_edge_of_a_shadow_is_there(at: float) -> None:
    levels = six_digits()
    shadow = np.zeros_like(levels)
    shadow[:, : round(at * levels.shape[1])] = 1
    assert len(boxes_of(shaded(levels, shadow, 0.5))) == 6


@pytest.mark.parametrize(("light", "broad"), [(0.7, 40), (0.8, 60)])
def test_what_a_finger_s_shadow_took_is_found_with_finer_windows(light: float, broad: int) -> None:
    levels = six_digits()
    height, width = levels.shape
    shadow = np.zeros_like(levels)
    cv2.line(shadow, (width, height), (width // 2, height // 2 - 10), 1, broad)
    cv2.circle(shadow, (width, height), height // 3, 1, -1)
    picture = shaded(levels, shadow, light)
    assert len(boxes_of(picture)) < 6
    finer = find_finer_ink(picture, find_ink(picture))
    assert finer is not None
    assert len(digits_from_ink(finer)) == 6


def test_digits_on_a_highlighter_s_band_are_found() -> None:
    levels = six_digits()
    height, width = levels.shape
    band = np.zeros_like(levels)
    cv2.line(band, (width // 6, height // 2), (5 * width // 6, height // 2 + 6), 1, 90)
    found = find_ink_on_a_band(shaded(levels, band, 0.8))
    assert found is not None
    assert len(digits_from_ink(found)) == 6
    assert find_ink_on_a_band(shaded(levels, band, 1)) is None


@pytest.mark.parametrize(
    ("bar", "kept"),
    [
        (((100, 40), (100, 160), 4), False),  # of a ruling: fine, above the line
        (((60, 200), (60, 310), 4), True),  # a fine 1 in the line
        (((100, 40), (100, 160), 12), True),  # a 1 in a line of its own
        (((240, 230), (240, 345), 4), True),  # a part of the digit
    ],
)
def test_a_fine_bar_far_from_the_digits_is_no_1(bar: tuple, kept: bool) -> None:
    def draw(ink: np.ndarray) -> None:
        cv2.ellipse(ink, (320, 260), (45, 65), 0, 0, 360, 1, 14)
        cv2.line(ink, *bar[:2], 1, bar[2])

    left, top, right, bottom = (
        np.array(side) for side in zip(*boxes_of(on_uneven_paper(draw)), strict=True)
    )
    (x, y), end, _ = bar
    held = (left <= x + 2) & (right >= x - 2) & (top <= y + 12) & (bottom >= end[1] - 12)
    assert held.any() == kept
