"""Pen strokes: reading UNIPEN files, splitting by writer, drawing on the pad."""

from pathlib import Path

import numpy as np
import pytest

from netlib.data.stores import DataError
from netlib.data.strokes import PenDigit, read_unipen, render_strokes, split_by_writer

HEADER = '.INCLUDE x.doc\n\n.LEXICON "0" "1"\n.HIERARCHY DIGIT\n\n'
SEVEN = """.SEGMENT DIGIT    3-4 ? "7"
.COMMENT 7 12  224
.PEN_DOWN
 10  90
 50  90
 30  10
.PEN_UP
.DT 100
.PEN_DOWN
 20  50
 45.5  50
.PEN_UP
.DT 100

"""
ONE = '.SEGMENT DIGIT 5 ? "1"\n.COMMENT 1 3 9\n.PEN_DOWN\n 5 9\n 5 1\n.PEN_UP\n.DT 100\n'


def unipen(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pen.unipen"
    path.write_text(text)
    return path


# --- Reading ------------------------------------------------------------------------------------


def test_segments_become_strokes_with_label_and_writer(tmp_path: Path) -> None:
    seven, one = read_unipen(unipen(tmp_path, HEADER + SEVEN + ONE))
    assert (seven.label, seven.writer) == (7, 12)
    assert [stroke.tolist() for stroke in seven.strokes] == [
        [[10, 90], [50, 90], [30, 10]],
        [[20, 50], [45.5, 50]],
    ]
    assert (one.label, one.writer, len(one.strokes)) == (1, 3, 1)


def test_writers_and_further_columns_may_be_missing_or_many(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_unipen(tmp_path / "nowhere")
    text = ONE.replace(".COMMENT 1 3 9\n", ".COMMENT a shaky hand\n")
    assert read_unipen(unipen(tmp_path, text))[0].writer is None
    digit = read_unipen(unipen(tmp_path, ONE.replace(" 5 9\n", " 5 9 100 0.5\n")))[0]
    assert digit.strokes[0].tolist() == [[5, 9], [5, 1]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HEADER, "no .SEGMENT line"),
        (ONE.replace('"1"', ""), "line 1, is '.SEGMENT DIGIT 5 ?', expected"),
        (ONE.replace('"1"', '"a"'), "labelled 'a', but only digits"),
        (ONE.replace(" 5 9", " 5 nine"), "line 4, is '5 nine', no x and y"),
        (ONE.replace(" 5 9", " 5"), "line 4, is '5', no x and y"),
        (ONE.replace(" 5 9", " 5 inf"), "line 4, is '5 inf', no finite x and y"),
        (ONE.replace("DIGIT 5", "DIGIT 5-6"), "has 1 stroke, but announces 2"),
        (ONE.replace(" 5 9\n 5 1\n", ""), "has no points"),
    ],
)
def test_lines_that_are_not_understood(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(DataError) as caught:
        read_unipen(unipen(tmp_path, text))
    assert sentence in str(caught.value)


# --- Splitting ----------------------------------------------------------------------------------


def by_writers(*writers: int | None) -> list[PenDigit]:
    return [PenDigit([np.zeros((1, 2), np.float32)], 0, writer) for writer in writers]


def test_no_writer_is_in_both_parts_and_the_seed_decides_the_test_writers() -> None:
    train, test = split_by_writer(by_writers(4, 4, 9, 2, 7, 7, 7), 2, seed=0)
    assert len(train) == len(test) == 2
    assert sorted(train + test) == [2, 4, 7, 9]
    digits = by_writers(*range(30))
    splits = [split_by_writer(digits, 10, seed)[1] for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


@pytest.mark.parametrize(
    ("writers", "count", "sentence"),
    [
        ((1, None, 2, None), 1, "2 digits name no writer"),
        *(((1, 2, 3), count, f"{count} test writers .* 3 writers") for count in (0, 3, 4)),
    ],
)
def test_every_writer_is_known_and_both_parts_have_one(writers, count: int, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        split_by_writer(by_writers(*writers), count, seed=0)


# --- Drawing ------------------------------------------------------------------------------------

BAR = [np.array([[0.0, 0.0], [0.0, 100.0]])]  # upright


def box(picture: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is at least half covered by ink."""
    rows, columns = np.nonzero(picture >= 128)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("pen", [2, 4, 16, 40])
def test_a_line_is_as_wide_as_the_pen(pen: int) -> None:
    """Coverage summed across an upright line: 255 for each pixel of width."""
    picture = render_strokes(BAR, pen=pen)
    assert picture.shape == (280, 280) and picture.dtype == np.uint8
    assert abs(picture[140].astype(float).sum() / 255 - pen) <= 0.5


def test_extent_is_the_length_of_the_path_with_round_caps_and_the_aspect_ratio_kept() -> None:
    """Half of 280 px is 140; a cap of radius 10 at either end makes 160."""
    left, top, right, bottom = box(render_strokes(BAR, pen=20, extent=0.5))
    assert abs((bottom - top) - 160) <= 1
    assert abs((right - left) - 20) <= 1
    ink = render_strokes(BAR, pen=20, extent=0.5).astype(float).sum() / 255
    assert abs(ink - (140 * 20 + np.pi * 10**2)) < 0.02 * ink
    # Paths of 100 by 40 on half the pad: 140 by 56, and the pen's 10 around them.
    strokes = [np.array([[0.0, 0.0], [40.0, 100.0]])]
    left, top, right, bottom = box(render_strokes(strokes, pen=10, extent=0.5))
    assert abs((right - left) - 66) <= 2 and abs((bottom - top) - 150) <= 2


@pytest.mark.parametrize(
    ("offset", "expected"),
    [((0, 0), (0, 0)), ((1, 1), (260, 120)), ((0.5, 0.5), (130, 60)), ((1, 0), (260, 0))],
)
def test_offset_moves_the_ink_within_the_pad(offset, expected) -> None:
    left, top, _, _ = box(render_strokes(BAR, pen=20, extent=0.5, offset=offset))
    assert abs(left - expected[0]) <= 1 and abs(top - expected[1]) <= 1


def test_ink_larger_than_the_pad_hangs_over_and_corners_are_filled() -> None:
    picture = render_strokes(BAR, pen=20, extent=1.0, offset=(0.5, 0))
    assert picture[0, 140] == picture[-1, 140] == 255
    # A right angle: its outer corner is round, so there is no notch.
    strokes = [np.array([[0.0, 0.0], [100.0, 0.0], [100.0, 100.0]])]
    picture = render_strokes(strokes, pen=40, extent=0.5, offset=(0.5, 0.5))
    x, y = 210, 210  # the corner: the middle of the pad plus half of 140 px
    inside = np.array([[np.cos(a), np.sin(a)] for a in np.linspace(0, np.pi / 2, 7)]) * 18
    assert all(picture[round(y + dy), round(x + dx)] == 255 for dx, dy in inside)
    assert picture[y + 18, x + 18] == 0


def test_y_points_up_in_strokes_and_tilt_turns_counter_clockwise() -> None:
    """An L: its horizontal bar is at the smallest y, so at the picture's bottom."""
    strokes = [np.array([[0.0, 10.0], [0.0, 0.0], [6.0, 0.0]])]
    picture = render_strokes(strokes, pen=10, extent=0.5)
    left, top, right, bottom = box(picture)
    assert picture[bottom - 5, right - 5] == 255 and picture[top + 5, right - 5] == 0
    assert picture[top + 5, left + 5] == 255
    # The bar's upper end goes to the left.
    picture = render_strokes(BAR, pen=10, extent=0.5, tilt=45)
    left, top, right, _ = box(picture)
    assert picture[top : top + 20, left : left + 20].any()
    assert not picture[top : top + 20, right - 20 : right].any()


@pytest.mark.parametrize("points", [[[3.0, 4.0]], [[3.0, 4.0], [3.0, 4.0]]])
def test_a_dot_is_a_disc(points: list) -> None:
    picture = render_strokes([np.array(points)], pen=20)
    assert abs(picture.astype(float).sum() / 255 - np.pi * 10**2) < 12
    assert box(picture) == (130, 130, 150, 150)
