"""Plots: the data in the artists, on an Axes that is not the current one."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers_plots import legend, spare_axes, texts
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from analysis import plots

HISTORY = [
    {
        "epoch": epoch,
        "train_loss": 1 / epoch,
        "train_accuracy": 0.8 + epoch / 100,
        "validation_loss": 2 / epoch,
        "validation_accuracy": 0.7 + epoch / 100,
    }
    for epoch in (1, 2, 3)
]
CONFUSION = [[8, 2, 0], [0, 5, 0], [0, 0, 0]]  # the last class has no images


ax = pytest.fixture(spare_axes, name="ax")


def test_history_shows_the_losses_of_both_splits(ax: Axes) -> None:
    assert plots.draw_history(ax, HISTORY, "loss") is ax
    train, validation = ax.get_lines()
    assert train.get_xydata().tolist() == [[1, 1], [2, 1 / 2], [3, 1 / 3]]
    assert validation.get_xydata().tolist() == [[1, 2], [2, 1], [3, 2 / 3]]
    assert (train.get_linestyle(), validation.get_linestyle()) == ("--", "-")
    assert legend(ax) == ["train", "validation"]
    assert ax.get_xlabel() == "epoch"
    assert "loss" in ax.get_ylabel()


def test_history_shows_accuracies_in_percent(ax: Axes) -> None:
    plots.draw_history(ax, HISTORY, "accuracy", plots.MOBILENET)
    train, validation = ax.get_lines()
    assert train.get_color() == validation.get_color() == plots.MOBILENET
    assert train.get_ydata() == pytest.approx([81, 82, 83])
    assert validation.get_ydata() == pytest.approx([71, 72, 73])
    assert "%" in ax.get_ylabel()


def test_confusion_matrix_has_true_classes_by_row_and_counts_written_in(ax: Axes) -> None:
    assert plots.draw_confusion_matrix(ax, CONFUSION) is ax
    # Positions are (x, y): column, then row. Zeros stay empty.
    assert texts(ax) == {(0, 0): "8", (1, 0): "2", (1, 1): "5"}
    share = np.square(ax.get_images()[0].get_array().data)
    np.testing.assert_allclose(share, [[0.8, 0.2, 0], [0, 1, 0], [0, 0, 0]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")


def test_counts_can_be_read_on_their_shade(ax: Axes) -> None:
    plots.draw_confusion_matrix(ax, CONFUSION)
    colours = {text.get_text(): text.get_color() for text in ax.texts}
    assert colours == {"8": "white", "2": "black", "5": "white"}


def test_class_scores_are_percents_with_a_gap_where_there_is_none(ax: Axes) -> None:
    series = {"recall": [0.5, None, 1.0], "F1": [0.25, 0.0, 0.75]}
    assert plots.draw_class_scores(ax, series, 0.9) is ax
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


def test_a_right_digit_has_its_class_for_a_title(ax: Axes) -> None:
    image = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    assert plots.draw_digit(ax, image, 7, 7) is ax
    assert np.array_equal(ax.get_images()[0].get_array(), image[0])
    assert ax.get_images()[0].get_cmap().name == "gray_r"
    assert ax.get_title() == "7"
    assert ax.title.get_color() == "black"


def test_a_wrong_digit_says_what_it_was_read_as_in_its_own_colour(ax: Axes) -> None:
    plots.draw_digit(ax, np.zeros((1, 3, 4)), 7, 1)
    assert ax.get_title() == "7 read as 1"
    assert to_hex(ax.title.get_color()) == "#b0417c"


def test_a_colour_image_is_shown_in_colour(ax: Axes) -> None:
    image = np.random.default_rng(0).random((3, 4, 5))
    plots.draw_digit(ax, image, 0, 0)
    assert np.array_equal(ax.get_images()[0].get_array(), image.transpose(1, 2, 0))


def page(rows: list[int], n: int = 9) -> Figure:
    images = np.arange(n, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 4, 4), np.uint8)
    return plots.page_of_digits(images, np.arange(n), np.arange(n)[::-1], rows)


def test_a_page_shows_the_chosen_digits_in_order() -> None:
    figure = page([8, 4, 0, 2, 6, 1])
    shown = [ax for ax in figure.axes if ax.has_data()]
    assert [int(ax.get_images()[0].get_array()[0, 0]) for ax in shown] == [8, 4, 0, 2, 6, 1]
    titles = [ax.get_title() for ax in shown]
    assert titles == [
        "8 read as 0",
        "4",
        "0 read as 8",
        "2 read as 6",
        "6 read as 2",
        "1 read as 7",
    ]
    assert len(figure.axes) == 2 * 5
    assert not any(ax.axison for ax in figure.axes[6:])


def test_a_page_leaves_out_rows_that_do_not_exist() -> None:
    assert sum(ax.has_data() for ax in page([0, 1, 20], n=3).axes) == 2


def test_a_page_of_nothing_says_so() -> None:
    figure = page([])
    assert [text.get_text() for text in figure.axes[0].texts] == ["none"]


def test_pages_make_no_figure_of_pyplot() -> None:
    page([0, 1])
    assert plt.get_fignums() == []


def test_the_two_networks_have_their_colours_of_okabe_and_ito() -> None:
    assert plots.COLOURS["standard"] == "#0072B2"
    assert plots.COLOURS["mobilenet"] == "#D55E00"
