"""Which of two readings of a picture is to be believed, by where their digits lie."""

from dataclasses import replace

import numpy as np
import pytest

from netlib.answer.reading import NetworkReading, Reading
from netlib.picture.digit import Sketch
from netlib.picture.patch import Ink


def read_at(*boxes: tuple, refused: int = 0) -> Reading:
    """One network's reading of digits in a picture of 500×400 pixels, the last so many refused."""
    count = len(boxes)
    known = np.arange(count) < count - refused
    network = NetworkReading(np.eye(10)[:count], np.zeros((count, 1)), known)
    picture = Sketch(np.zeros((400, 500), np.uint8), Ink.of(np.zeros((400, 500), np.float32)))
    return Reading(np.zeros((count, 28, 28), np.float32), boxes, {"net": network}, picture)


SEVEN, FOUR = (200, 100, 260, 200), (300, 105, 370, 202)
SHADOW, FINGER, EDGE, AROUND = (
    (400, 60, 490, 260),
    (30, 0, 120, 110),
    (450, 250, 470, 350),
    (100, 20, 500, 380),
)


@pytest.mark.parametrize(
    ("before", "dark", "is_cleared"),
    [
        ([SEVEN, FOUR, SHADOW], [SEVEN, FOUR], True),
        ([FINGER, SEVEN], [SEVEN], True),
        ([SEVEN, EDGE], [SEVEN], True),
        ([AROUND], [SEVEN, FOUR], True),
        ([SEVEN, FOUR], [SEVEN], False),  # a pale digit in their line
        ([SEVEN, FOUR], [(225, 140, 238, 170)], False),  # nor is what lies in a digit that one
        ([SEVEN, (300, 290, 370, 390)], [SEVEN], False),  # one below
        ([SEVEN, FOUR, (430, 100, 465, 150)], [SEVEN, FOUR], False),  # and a small 0
        ([SEVEN], [(205, 105, 225, 150)], False),  # a part of a digit
        ([SEVEN, FOUR], [SEVEN, FOUR], False),
    ],
)
def test_edges_and_fingers_go_and_pale_digits_stay(
    before: list, dark: list, is_cleared: bool
) -> None:
    assert read_at(*dark).clears(read_at(*before)) == is_cleared


@pytest.mark.parametrize(
    ("cut", "is_finger"), [(FINGER, True), ((0, 100, 80, 205), False)], ids=["finger", "digit"]
)
def test_a_finger_does_not_outweigh_a_part_and_a_digit_that_is_cut_does(
    cut: tuple, is_finger: bool
) -> None:
    seen = read_at(cut, SEVEN, FOUR, (420, 300, 440, 310), refused=1)
    assert seen.is_outdone_by(read_at(SEVEN, FOUR)) == is_finger


def test_signs_more_digits_and_surer_ones_outweigh_what_was_written() -> None:
    written = read_at(SEVEN, FOUR)
    assert read_at(SEVEN, FOUR, SHADOW).outweighs(written)
    assert not read_at(SEVEN, FOUR, SHADOW, refused=1).outweighs(written)
    assert not read_at(SEVEN).outweighs(written)
    assert not written.outweighs(written)
    with_sign = replace(read_at(SEVEN, FOUR, refused=1), signs=np.array([False, True]))
    assert with_sign.outweighs(written)
    (network,) = written.networks.values()
    others = np.roll(0.9 * network.probabilities + 0.01, 1, axis=1)
    doubting = replace(written, networks={"net": replace(network, probabilities=others)})
    assert written.outweighs(doubting)
    assert not doubting.outweighs(written)


def test_a_reading_is_sure_where_all_agree_none_doubts_and_nothing_is_cut() -> None:
    sure = read_at(SEVEN, FOUR)
    assert sure.is_sure
    assert not read_at(SEVEN, FOUR, (420, 300, 500, 390)).is_sure
    (network,) = sure.networks.values()
    doubt = replace(network, probabilities=np.full((2, 10), 0.1))
    other = replace(network, probabilities=network.probabilities[:, ::-1])
    assert not replace(sure, networks={"net": doubt}).is_sure
    assert not replace(sure, networks={"net": network, "other": other}).is_sure


def test_a_bit_of_a_line_is_no_digit_more_and_joined_parts_are() -> None:
    bit, slim, slimmer = (120, 150, 128, 250), (200, 100, 241, 200), (200, 100, 239, 201)
    assert read_at(SEVEN, FOUR).adds_to(read_at(SEVEN))
    assert not read_at(bit, slim).adds_to(read_at(slimmer))  # by a pixel no bar any more
    parts = (300, 105, 325, 202), (335, 120, 345, 202)
    assert read_at(SEVEN, FOUR).adds_to(read_at(SEVEN, *parts))
