"""Drawing of probabilities, curves and robustness, on an Axes that is not the current one."""

import numpy as np
import pandas as pd
import pytest
from helpers_plots import legend, spare_axes
from matplotlib.axes import Axes

from analysis.plots import chances
from analysis.plots.catalogue.imbalance import by_frequency
from analysis.plots.classes import draw_class_dots, draw_counts
from analysis.plots.history import draw_curves
from analysis.plots.robustness import draw_heat, draw_shift

ax = pytest.fixture(spare_axes, name="ax")

ROC = pd.DataFrame(
    [(name, x, y) for name in ("0", "1", "micro", "macro") for x, y in ((0, 0), (0, 0.9), (1, 1))],
    columns=["class", "fpr", "tpr"],
)
AUC = pd.DataFrame({"class": ["0", "1", "micro", "macro"], "auc": [0.99, 0.98, 0.97, 0.96]})


def test_roc_is_in_percent_and_names_averages_and_the_lowest_class(ax: Axes) -> None:
    assert chances.draw_roc(ax, ROC, AUC, "standard") is ax
    assert ax.get_lines()[0].get_xydata().tolist() == [[0, 0], [0, 90], [100, 100]]
    names = ["1 (lowest), area 0.98000", "micro, area 0.97000", "macro, area 0.96000"]
    assert legend(ax) == names
    styles = {line.get_linestyle() for line in ax.get_lines()[1:4]}
    assert len(styles) == 3


def test_logarithmic_roc_begins_at_a_hundredth_of_a_percent(ax: Axes) -> None:
    chances.draw_roc(ax, ROC, AUC, "standard", log=True)
    assert ax.get_xscale() == "log"
    assert ax.get_xlim() == (0.01, 100)
    assert ax.get_lines()[0].get_xdata()[0] < 0.01  # zero lies beyond the edge, not nowhere


def test_reliability_compares_errors_and_keeps_bins_without_any(ax: Axes) -> None:
    table = pd.DataFrame(
        {
            "network": ["standard"] * 2,
            "confidence": [0.6, 0.99],
            "accuracy": [0.5, 1.0],
        }
    )
    assert chances.draw_reliability(ax, table) is ax
    x, y = ax.get_lines()[1].get_data()
    assert x == pytest.approx([40, 1])
    assert y[0] == pytest.approx(50)
    assert y[1] == ax.get_ylim()[0]


def test_temperature_scaling_has_a_line_a_seed_and_one_for_the_mean(ax: Axes) -> None:
    before = {"standard": np.array([0.2, 0.4])}
    after = {"standard": np.array([0.1, 0.2])}
    assert chances.draw_before_after(ax, before, after) is ax
    heights = [line.get_ydata() for line in ax.get_lines()]
    np.testing.assert_allclose(heights, [[0.2, 0.1], [0.4, 0.2], [0.3, 0.15]])
    assert ax.get_ylim()[0] == 0


def test_risk_is_drawn_where_there_is_an_error(ax: Axes) -> None:
    table = pd.DataFrame({"network": "standard", "coverage": [0.5, 0.9, 1], "risk": [0, 0.01, 0.1]})
    assert chances.draw_risk(ax, table.assign(risk_low=np.nan, risk_high=np.nan)) is ax
    np.testing.assert_allclose(ax.get_lines()[0].get_xydata(), [[90, 1], [100, 10]])
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


def test_loss_goes_down(ax: Axes) -> None:
    draw_curves(ax, history(), "validation", "loss")
    assert ax.get_lines()[0].get_ydata() == pytest.approx([1, 0.5])
    assert ax.get_ylim()[0] < ax.get_ylim()[1]
    assert ax.get_ylabel() == "loss"


def test_classes_are_ordered_by_their_training_images(ax: Axes) -> None:
    table = pd.DataFrame(
        {
            "network": "standard",
            "seed": [0, 1, 0, 1],
            "class": ["0", "0", "1", "1"],
            "train_images": [50, 50, 900, 900],
            "value": [90, 94, 99, 97],
        }
    )
    assert draw_class_dots(ax, table) is ax
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1\n900", "0\n50"]
    assert dict(ax.get_lines()[0].get_xydata().tolist()) == {1: 92, 0: 98}


def test_counts_are_bars_side_by_side(ax: Axes) -> None:
    assert draw_counts(ax, {"train": [5, 3], "test": [2, 2]}) is ax
    assert [bar.get_height() for bar in ax.patches] == [5, 3, 2, 2]
    assert ax.patches[0].get_x() + ax.patches[0].get_width() == pytest.approx(ax.patches[2].get_x())


def test_recall_is_ranked_by_frequency_whatever_the_digit() -> None:
    counts = np.array([[10] * 8 + [90, 40], [40, 90] + [10] * 8])
    recalls = np.array([[0.5] * 8 + [0.9, 0.7], [0.8, 1.0] + [0.5] * 8])
    table = pd.DataFrame(
        {
            "network": "standard",
            "level": "a",
            "ratio": 9,
            "seed": [0, 0],
            **{f"count_{digit}": counts[:, digit] for digit in range(10)},
            **{f"recall_{digit}": recalls[:, digit] for digit in range(10)},
        }
    )
    rows = by_frequency(table)
    first = rows[rows["rank"] == 0]
    assert first["recall"].tolist() == [90, 100]
    assert first["images"].tolist() == [90, 90]
    assert rows[rows["rank"] == 1]["recall"].tolist() == [70, 80]


def test_heat_map_has_the_difference_second_minus_first(ax: Axes) -> None:
    columns = {"standard": np.array([90.0, 50.0]), "MobileNet": np.array([91.5, 40.0])}
    assert draw_heat(ax, ["none", "fog"], columns, "difference") is ax
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written == {
        (0, 0): "90.0",
        (1, 0): "91.5",
        (2, 0): "+1.5",
        (0, 1): "50.0",
        (1, 1): "40.0",
        (2, 1): "−10.0",
    }
    assert [bar.get_width() > 0 for bar in ax.patches] == [True, False]


def test_shift_is_a_mean_over_seeds_in_percent(ax: Axes) -> None:
    table = pd.DataFrame(
        {"network": "standard", "seed": [0, 1, 0], "amount": [0, 0, 2], "accuracy": [1, 0.9, 0.5]}
    )
    assert draw_shift(ax, table, (1, 60), named=True) is ax
    np.testing.assert_allclose(ax.get_lines()[0].get_xydata(), [[0, 5.005], [2, 50]])
    assert ax.yaxis.get_major_formatter()(50, None) == "50"  # errors, labelled as accuracy
    assert ax.yaxis.get_major_formatter()(5, None) == "95"
    assert [text.get_text() for text in ax.texts] == ["standard"]
