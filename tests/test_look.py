"""Drawing: the data in the artists, on an Axes that is not the current one."""

import numpy as np
import pandas as pd
import pytest
from helpers_plots import legend, spare_axes, texts
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from analysis import look
from analysis.look.digits import draw_digit, page_of_digits
from analysis.look.grids import draw_confusion_matrix, draw_heat
from analysis.look.lines import draw_curves, draw_history, draw_reliability, draw_risk, draw_shift
from analysis.look.rows import draw_class_dots, draw_class_scores
from analysis.look.sorting import draw_roc_curves
from analysis.look.style import COLOURS
from analysis.questions.tails import by_frequency

ax = pytest.fixture(spare_axes, name="ax")

HISTORY = pd.DataFrame(
    [(n, 1 / n, 0.8 + n / 100, 2 / n, 0.7 + n / 100) for n in (1, 2, 3)],
    columns="epoch train_loss train_accuracy validation_loss validation_accuracy".split(),
).to_dict("records")
CONFUSION = [[8, 2, 0], [0, 5, 0], [0, 0, 0]]  # the last class has no images


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


ROC = pd.DataFrame(
    [(name, x, y) for name in ("0", "1", "micro", "macro") for x, y in ((0, 0), (0, 0.9), (1, 1))],
    columns=["class", "fpr", "tpr"],
)
AUC = pd.DataFrame({"class": ["0", "1", "micro", "macro"], "auc": [0.99, 0.98, 0.97, 0.96]})


def test_roc_is_in_percent_and_names_averages_and_the_lowest_class(ax: Axes) -> None:
    assert draw_roc_curves(ax, ROC, AUC, COLOURS["standard"]) is ax
    assert ax.get_lines()[0].get_xydata().tolist() == [[0, 0], [0, 90], [100, 100]]
    names = ["1 (lowest), area 0.98000", "micro, area 0.97000", "macro, area 0.96000"]
    assert legend(ax) == names
    styles = {line.get_linestyle() for line in ax.get_lines()[1:4]}
    assert len(styles) == 3
    draw_roc_curves(ax, ROC, AUC, log=True)
    assert (ax.get_xscale(), ax.get_xlim()) == ("log", (0.01, 100))
    assert ax.get_lines()[-1].get_xdata()[0] < 0.01  # zero lies beyond the edge, not nowhere


def test_reliability_and_risk_are_drawn_where_there_is_an_error(ax: Axes) -> None:
    columns = {"network": "standard", "confidence": [0.6, 0.99], "accuracy": [0.5, 1.0]}
    table = pd.DataFrame(columns)
    assert draw_reliability(ax, table) is ax
    x, y = ax.get_lines()[1].get_data()
    assert x == pytest.approx([40, 1])
    assert y[0] == pytest.approx(50)
    assert y[1] == ax.get_ylim()[0]
    table = pd.DataFrame({"network": "standard", "coverage": [0.5, 0.9, 1], "risk": [0, 0.01, 0.1]})
    assert draw_risk(ax, table.assign(risk_low=np.nan, risk_high=np.nan)) is ax
    np.testing.assert_allclose(ax.get_lines()[-1].get_xydata(), [[90, 1], [100, 10]])
    assert not ax.collections  # one seed has no band


def history() -> pd.DataFrame:
    rows = [
        (network, seed, epoch, 1 / epoch, 1 - (1 + seed) / 10 / epoch)
        for network in ("standard", "mobilenet")
        for seed in (0, 1)
        for epoch in (1, 2)
    ]
    table = pd.DataFrame(rows, columns="network seed epoch train_loss train_accuracy".split())
    return table.assign(
        validation_loss=table["train_loss"], validation_accuracy=table["train_accuracy"]
    )


def test_accuracy_is_spaced_by_its_error_and_labelled_as_accuracy(ax: Axes) -> None:
    assert draw_curves(ax, history(), "train", "accuracy") is ax
    # Errors of the seeds: 10 and 20 % after the first epoch, 5 and 10 % after the second.
    np.testing.assert_allclose(ax.get_lines()[0].get_xydata(), [[1, 15], [2, 7.5]])
    bottom, top = ax.get_ylim()
    assert bottom > 20 > 5 > top  # less error is higher
    assert ax.yaxis.get_major_formatter()(2, None) == "98"


def test_classes_are_ordered_by_their_training_images(ax: Axes) -> None:
    rows = [(0, "0", 50, 90), (1, "0", 50, 94), (0, "1", 900, 99), (1, "1", 900, 97)]
    table = pd.DataFrame(rows, columns=["seed", "class", "train_images", "value"])
    table["network"] = "standard"
    assert draw_class_dots(ax, table) is ax
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1\n900", "0\n50"]
    assert dict(ax.get_lines()[0].get_xydata().tolist()) == {1: 92, 0: 98}


def test_recall_is_ranked_by_frequency_whatever_the_digit() -> None:
    counts = np.array([[10] * 8 + [90, 40], [40, 90] + [10] * 8])
    recalls = np.array([[0.5] * 8 + [0.9, 0.7], [0.8, 1.0] + [0.5] * 8])
    columns = {f"count_{digit}": counts[:, digit] for digit in range(10)}
    columns |= {f"recall_{digit}": recalls[:, digit] for digit in range(10)}
    table = pd.DataFrame(
        {"network": "standard", "level": "a", "ratio": 9, "dataset": ["a", "b"], "seed": 0}
    ).assign(**columns)
    rows = by_frequency(table)
    first = rows[rows["rank"] == 0]
    assert first["recall"].tolist() == [90, 100]
    assert first["images"].tolist() == [90, 90]
    assert rows[rows["rank"] == 1]["recall"].tolist() == [70, 80]


def test_heat_map_has_the_difference_second_minus_first(ax: Axes) -> None:
    columns = {"standard": np.array([90.0, 50.0]), "MobileNet": np.array([91.5, 40.0])}
    assert draw_heat(ax, ["none", "fog"], columns, "difference") is ax
    written = texts(ax)
    assert [written[x, 0] for x in (0, 1, 2.48)] == ["90.0", "91.5", "+1.5"]
    assert [written[x, 1] for x in (0, 1, 2.48)] == ["50.0", "40.0", "−10.0"]
    assert [bar.get_width() > 0 for bar in ax.patches] == [True, False]


def test_shift_is_a_mean_over_seeds_in_percent(ax: Axes) -> None:
    table = pd.DataFrame(
        {"network": "standard", "seed": [0, 1, 0], "amount": [0, 0, 2], "accuracy": [1, 0.9, 0.5]}
    )
    assert draw_shift(ax, table, (1, 60)) is ax
    np.testing.assert_allclose(ax.get_lines()[0].get_xydata(), [[0, 5.005], [2, 50]])
    assert ax.yaxis.get_major_formatter()(50, None) == "50"  # errors, labelled as accuracy
    assert ax.yaxis.get_major_formatter()(5, None) == "95"


def test_examples_are_of_every_class_in_turn() -> None:
    labels = np.repeat([0, 1, 2], [5, 3, 1])
    chosen = look.in_turn(labels, np.arange(9), 6)
    assert labels[chosen].tolist() == [0, 1, 2, 0, 1, 0]
    assert len(set(chosen.tolist())) == 6
    assert look.in_turn(labels, [], 4).tolist() == []
