"""Drawing: an Axes that is not the current one and plain arrays in, labelled axes out.

What the report alone draws is compared with its committed figures, byte for byte (test_build).
"""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from import_graph import python
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from analysis import look
from analysis.look import sorting
from analysis.look.digits import draw_answers, draw_digit, mosaic, page_of_digits
from analysis.look.grids import draw_confusion_matrix
from analysis.look.lines import chosen_level, draw_history
from analysis.look.maps import CLASSES, draw_projection, front
from analysis.look.rows import draw_class_scores, draw_pairs, t_interval
from analysis.look.style import COLOURS, least_text
from analysis.questions.mistakes import order_of_errors

HISTORY = pd.DataFrame(
    [(n, 1 / n, 0.8 + n / 100, 2 / n, 0.7 + n / 100) for n in (1, 2, 3)],
    columns="epoch train_loss train_accuracy validation_loss validation_accuracy".split(),
).to_dict("records")
CONFUSION = [[8, 2, 0], [0, 5, 0], [0, 0, 0]]  # the last class has no images


@pytest.fixture
def ax() -> Iterator[Axes]:
    """One Axes of two; the other one is current, and must stay as it is."""
    figure, (drawn, current) = plt.subplots(1, 2)
    plt.sca(current)
    yield drawn
    assert plt.gca() is current
    assert not current.has_data()
    assert current.get_title() == current.get_xlabel() == ""
    assert plt.get_fignums() == [figure.number]
    plt.close(figure)


def texts(ax: Axes) -> dict[tuple[float, float], str]:
    """Position -> text."""
    return {text.get_position(): text.get_text() for text in ax.texts}


def legend(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_history_shows_losses_and_percents_of_both_splits(ax: Axes) -> None:
    assert draw_history(ax, HISTORY, "loss") is ax
    train, validation = ax.get_lines()
    assert train.get_xydata().tolist() == [[1, 1], [2, 1 / 2], [3, 1 / 3]]
    assert validation.get_xydata().tolist() == [[1, 2], [2, 1], [3, 2 / 3]]
    assert (train.get_linestyle(), validation.get_linestyle()) == ("--", "-")
    assert legend(ax) == ["train", "validation"]
    assert ax.get_xlabel() == "epoch"
    assert "loss" in ax.get_ylabel()
    draw_history(ax, HISTORY, "accuracy", COLOURS["mobilenet"])
    *_, train, validation = ax.get_lines()
    assert train.get_color() == validation.get_color() == COLOURS["mobilenet"]
    assert train.get_ydata() == pytest.approx([81, 82, 83])
    assert validation.get_ydata() == pytest.approx([71, 72, 73])
    assert "%" in ax.get_ylabel()


def test_confusion_matrix_has_true_classes_by_row_and_counts_written_in(ax: Axes) -> None:
    assert draw_confusion_matrix(ax, CONFUSION) is ax
    # Positions are (x, y): column, then row. Zeros stay empty.
    assert texts(ax) == {(0, 0): "8", (1, 0): "2", (1, 1): "5"}
    assert [text.get_color() for text in ax.texts] == ["white", "black", "white"]  # on their shade
    share = np.square(ax.get_images()[0].get_array().data)
    np.testing.assert_allclose(share, [[0.8, 0.2, 0], [0, 1, 0], [0, 0, 0]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")


def test_class_scores_are_percents_with_a_gap_where_there_is_none(ax: Axes) -> None:
    series = {"recall": [0.5, None, 1.0], "F1": [0.25, 0.0, 0.75]}
    assert draw_class_scores(ax, series, 0.9) is ax
    recall, f1, accuracy = ax.get_lines()
    middle = (recall.get_xdata() + f1.get_xdata()) / 2
    assert middle == pytest.approx([0, 1, 2])  # side by side around their class
    assert (recall.get_xdata() < f1.get_xdata()).all()
    assert recall.get_ydata()[[0, 2]].tolist() == [50, 100]
    assert np.isnan(recall.get_ydata()[1])
    assert f1.get_ydata().tolist() == [25, 0, 75]
    assert set(accuracy.get_ydata()) == {90}
    assert legend(ax) == ["recall", "F1", "accuracy 90.00 %"]
    assert recall.get_marker() != f1.get_marker()  # told apart without colour too


def test_a_digit_has_its_class_for_a_title_and_a_wrong_one_what_it_was_read_as(ax: Axes) -> None:
    image = np.random.default_rng(0).random((3, 4, 5))
    assert draw_digit(ax, image, 0, 0) is ax
    assert np.array_equal(ax.get_images()[0].get_array(), image.transpose(1, 2, 0))  # in colour
    draw_digit(ax, image[:1], 7, 7)
    assert np.array_equal(ax.get_images()[-1].get_array(), image[0])
    assert ax.get_images()[-1].get_cmap().name == "gray_r"
    assert (ax.get_title(), ax.title.get_color()) == ("7", "black")
    draw_digit(ax, image[:1], 7, 1)
    assert (ax.get_title(), to_hex(ax.title.get_color())) == ("7 read as 1", "#b0417c")


def page(rows: list[int], n: int = 9) -> Figure:
    images = np.arange(n, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 4, 4), np.uint8)
    return page_of_digits(images, np.arange(n), np.arange(n)[::-1], rows)


def test_a_page_shows_the_chosen_digits_in_order() -> None:
    figure = page([8, 4, 0, 2, 6, 1])
    shown = [ax for ax in figure.axes if ax.has_data()]
    assert [int(ax.get_images()[0].get_array()[0, 0]) for ax in shown] == [8, 4, 0, 2, 6, 1]
    titles = [ax.get_title() for ax in shown]
    assert titles[:3] == ["8 read as 0", "4", "0 read as 8"]
    assert len(figure.axes) == 2 * 5
    assert not any(ax.axison for ax in figure.axes[6:])
    assert sum(ax.has_data() for ax in page([0, 1, 20], n=3).axes) == 2  # there is no 20
    assert [text.get_text() for text in page([]).axes[0].texts] == ["none"]


def test_examples_are_of_every_class_in_turn() -> None:
    labels = np.repeat([0, 1, 2], [5, 3, 1])
    chosen = look.in_turn(labels, np.arange(9), 6)
    assert labels[chosen].tolist() == [0, 1, 2, 0, 1, 0]
    assert len(set(chosen.tolist())) == 6
    assert look.in_turn(labels, [], 4).tolist() == []


LABELS = np.array([0, 0, 1, 1, 2, 2])
# Class 0 is sorted perfectly, one image of class 1 lies behind one of class 2.
TENTHS = "811 721 181 136 145 118"
SCORES = np.array([[int(share) / 10 for share in shares] for shares in TENTHS.split()])
NAMES = ["ant", "bee", "cat"]


def test_roc_takes_labels_and_scores_and_names_its_lowest_class(ax: Axes) -> None:
    assert look.draw_roc(ax, LABELS, SCORES, NAMES) is ax
    # Of class 1: 7 of its 8 pairs with other images are in order, and 7 of 8 of class 2.
    assert legend(ax)[0] == "bee (lowest), area 0.87500"
    assert ax.get_xlabel() == "false positive rate (%)"
    areas = sorting.roc_areas(LABELS, SCORES).set_index("class")["auc"]
    assert areas["0"] == 1
    assert areas["macro"] == pytest.approx((1 + 7 / 8 + 7 / 8) / 3)


def test_precision_recall_has_average_precisions(ax: Axes) -> None:
    assert look.draw_precision_recall(ax, LABELS, SCORES) is ax
    # Class 1 stands at ranks 1 and 3: (1/1 + 2/3) / 2.
    areas = sorting.precision_recall_areas(LABELS, SCORES).set_index("class")["ap"]
    assert areas["1"] == pytest.approx(5 / 6)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("recall (%)", "precision (%)")
    assert ax.get_xlim()[0] < 100 * 2 / 3  # the corner is in view


@pytest.mark.parametrize(
    ("draw", "first", "second", "sentence"),
    [
        (look.draw_projection, np.zeros((3, 3)), [0, 1, 2], "places in a plane"),
        (look.draw_roc, [1, 1], SCORES[:2], "need images of two classes"),
        (look.draw_precision_recall, [1, 1], SCORES[:2], "need images of two classes"),
        (look.draw_roc, LABELS, SCORES[:3], r"shape \(6,\) and scores \(3, 3\); expected \(N,\)"),
        (look.draw_roc, NAMES * 2, SCORES, "as .*ant.*; expected whole numbers from 0"),
        (look.draw_precision_recall, [], np.zeros((0, 3)), "N > 0"),
        (look.draw_calibration, LABELS, 9 * SCORES, "expected probabilities"),
        (look.draw_risk_coverage, LABELS, SCORES - 1, "expected probabilities"),
    ],
)
def test_arrays_of_another_kind_are_one_sentence(ax: Axes, draw, first, second, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        draw(ax, first, second)


def test_calibration_is_errors_found_against_errors_expected(ax: Axes) -> None:
    for style in (dict(color="red"), dict(color="blue")):
        assert look.draw_calibration(ax, LABELS, SCORES, "one", bins=2, **style) is ax
    diagonal, line, _ = ax.get_lines()
    assert diagonal.get_xdata().tolist() == diagonal.get_ydata().tolist()
    # The three least sure: 1 - 0.5, 1 - 0.6, 1 - 0.7; one of them is wrong.
    assert line.get_xdata()[0] == pytest.approx(100 * (0.5 + 0.4 + 0.3) / 3)
    assert line.get_ydata()[0] == pytest.approx(100 * 1 / 3)
    assert line.get_ydata()[1] == ax.get_ylim()[0] < 50 / 3  # none: below half an error
    assert "errors found" in ax.get_ylabel()


def test_risk_ends_at_the_error_rate(ax: Axes) -> None:
    assert look.draw_risk_coverage(ax, LABELS, SCORES, "one") is ax
    assert ax.get_lines()[0].get_xydata()[-1] == pytest.approx([100, 100 / 6])
    assert "kept" in ax.get_xlabel()


def test_a_difference_of_confusions_has_signs_and_sides(ax: Axes) -> None:
    first, other = [[5, 1], [0, 3]], [[4, 2], [0, 3]]
    assert look.draw_confusion_difference(ax, first, other, names=["ant", "bee"]) is ax
    assert texts(ax) == {(0, 0): "+1", (1, 0): "−1"}
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["ant", "bee"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    image = ax.get_images()[0]
    assert to_hex(image.cmap(1.0)).upper() == COLOURS["standard"]


def test_filters_have_a_scale_around_zero(ax: Axes) -> None:
    filters = np.array([[[-2.0, 0], [1, 0]], [[0, 0], [0, 0.5]]])
    assert look.draw_filters(ax, filters, columns=2) is ax
    image = ax.get_images()[0]
    assert (image.norm.vmin, image.norm.vmax) == (-2, 2)
    shown = np.ma.masked_invalid(image.get_array())
    assert sorted(shown.compressed().tolist()) == [-2, 0, 0, 0, 0, 0, 0.5, 1]


def test_mosaic_goes_line_by_line_with_gaps() -> None:
    images = np.arange(1, 4).reshape(3, 1, 1)
    gap = [0] * 4
    assert mosaic(images, columns=2).tolist() == [[1, 0, 2, 0], gap, [3, 0, 0, 0], gap]


READINGS = {
    "images": np.stack([np.full((4, 4), value, np.uint8) for value in (10, 20, 30)]),
    "labels": np.array([7, 2, 7]),
    "standard": np.array([1, 2, 1]),
    "mobilenet": np.array([7, 3, 9]),
    "standard_confidence": np.array([0.9, 0.8, 0.6]),
    "mobilenet_confidence": np.array([0.5, 0.7, 0.7]),
}


def test_a_page_of_errors_has_class_and_both_readings_in_the_order_of_errors(ax: Axes) -> None:
    # The 2 first; of the sevens, the third image is read wrong by both networks.
    assert order_of_errors(READINGS).tolist() == [1, 2, 0]
    images, labels, *read = (READINGS[name][[1, 0]] for name in ("images", "labels", *COLOURS))
    colours = list(COLOURS.values())
    assert draw_answers(ax, images, labels, read, 2, colours) is ax
    assert [text.get_text() for text in ax.texts] == ["2", "2", "3", "7", "1", "7"]
    colours = [to_hex(text.get_color()).upper() for text in ax.texts]
    assert colours[2] == COLOURS["mobilenet"]  # wrong
    assert colours[4] == COLOURS["standard"]
    weights = [text.get_fontweight() for text in ax.texts]
    assert [weight == "bold" for weight in weights] == [False, False, True, False, True, False]
    assert ax.get_images()[0].get_array()[0, 0] == 20
    draw_answers(ax, images, labels, [], 2, [], marked=[1])  # a wrong label is framed
    (frame,) = ax.patches
    assert frame.get_x() == images.shape[2] - 1  # around the second


def test_a_projection_names_classes_at_their_medians_and_rings_what_is_wrong(ax: Axes) -> None:
    points, names = [[0, 0], [2, 0], [40, 0], [5, 5]], [*"abcdefghijklmnopqrs"]
    wrong = [False, True, False, False]
    assert draw_projection(ax, points, [3, 3, 3, 18], names, wrong, "UMAP") is ax
    assert {text.get_text(): tuple(text.xy) for text in ax.texts} == {"d": (2, 0), "s": (5, 5)}
    # A name on the single point of the s would hide it.
    assert {text.get_text(): text.get_position()[1] for text in ax.texts} == {"d": 0, "s": 7}
    shown, ringed = (found.get_offsets().tolist() for found in ax.collections)
    assert (shown, ringed) == (points, [[2, 0]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("UMAP 1", "UMAP 2")
    colours = [to_hex(c) for c in ax.collections[0].get_facecolors()[[0, 3]]]
    assert colours == [CLASSES[3], CLASSES[8]] and len(set(CLASSES)) == 10


def test_of_equal_accuracies_the_lower_loss_chooses_and_the_front_is_what_nothing_beats() -> None:
    table = pd.DataFrame(
        {
            "rate": [0.1, 0.1, 0.01, 0.01],
            "validation_accuracy": [0.96, 0.94, 0.95, 0.95],
            "validation_nll": [0.2, 0.2, 0.3, 0.3],
        }
    )
    assert chosen_level(table, "rate") == 0.1
    # (2, 5) is dearer and worse than (1, 4); of two with the same cost only the better one stays.
    assert front([1, 2, 3, 3, 4], [4, 5, 2, 3, 2]) == [0, 2]
    # t(0.975, 2) = 4.302653 and the standard error of 1, 2, 3 is 1 / sqrt(3).
    half = 4.302653 / 3**0.5
    assert t_interval([1, 2, 3]) == pytest.approx((2 - half, 2 + half))
    assert np.isnan(t_interval([1.0])).all()  # of one value it is unknown
    assert t_interval([2.0, 2.0]) == (2, 2)


def test_an_interval_is_cut_where_no_value_can_be_and_has_no_mark_there(ax: Axes) -> None:
    table = pd.DataFrame({"network": ["a", "a", "b", "b"], "seed": [0, 1, 0, 1],
                          "error": [0.0, 2.0, 3.0, 3.1]})  # fmt: skip
    draw_pairs(ax, table, joined=True)
    low, high = t_interval([0.0, 2.0])
    assert low < 0
    (line,) = (line for line in ax.get_lines() if line.get_xdata()[-1] == pytest.approx(high)
               and len(line.get_xdata()) == 2)  # fmt: skip
    assert line.get_xdata()[0] == 0
    marks = [list(line.get_xdata()) for line in ax.get_lines() if line.get_marker() == "|"]
    assert marks == [pytest.approx([high]), pytest.approx(t_interval([3.0, 3.1]))]


def test_panels_that_are_compared_show_the_same_part_of_the_plane() -> None:
    axes = Figure().subplots(1, 2)
    for one, scores in zip(axes, (SCORES, SCORES[::-1]), strict=True):
        look.draw_roc(one, LABELS, scores, log=True)
    lows = [one.get_ylim()[0] for one in axes]
    assert lows[0] != lows[1]
    sorting.share_view(axes)
    assert {one.get_ylim()[0] for one in axes} == {min(lows)}


def test_a_network_without_an_error_has_an_axis_in_plain_numbers(ax: Axes) -> None:
    look.draw_roc(ax, LABELS, np.eye(3)[LABELS], log=True)
    ax.figure.draw_without_rendering()
    assert ax.yaxis.get_offset_text().get_text() == ""
    assert least_text(pd.Series([0.5, 0.99])) == ""
    assert "99.99 %" in least_text(pd.Series([0.5, 1.0]))


def test_the_room_imports_nothing_heavy_until_a_name_is_used() -> None:
    program = (
        "import sys; from analysis import look; before = 'matplotlib' in sys.modules\n"
        "look.draw_roc; print(before, {'torch', 'netlib', 'sklearn'} & set(sys.modules))"
    )
    assert python("-c", program).stdout.split() == ["False", "set()"]
