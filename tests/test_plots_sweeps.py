"""Drawing of sweeps: the data in the artists, on an Axes that is not the current one."""

import numpy as np
import pandas as pd
import pytest
from helpers_plots import legend, spare_axes
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from analysis.plots.results import count_text, spread, t_interval
from analysis.plots.style import COLOURS
from analysis.plots.sweeps import draw_levels, draw_pairs, draw_sweep, key

ax = pytest.fixture(spare_axes, name="ax")

RATES = pd.DataFrame(
    [
        # network, learning_rate, seed, error, validation_accuracy, validation_nll
        ("standard", 0.1, 0, 4.0, 0.96, 0.2),
        ("standard", 0.1, 1, 6.0, 0.94, 0.2),
        ("standard", 0.01, 0, 2.0, 0.95, 0.3),
        ("standard", 0.01, 1, 3.0, 0.95, 0.3),
        ("mobilenet", 0.01, 0, 3.0, 0.97, 0.2),
        ("mobilenet", 0.1, 0, 5.0, 0.95, 0.3),
    ],
    columns="network learning_rate seed error validation_accuracy validation_nll".split(),
)
KINDS = pd.DataFrame(
    [
        ("standard", "mild", 0, 1.0),
        ("standard", "mild", 1, 2.0),
        ("mobilenet", "mild", 0, 3.0),
        ("standard", "none", 0, 2.5),
    ],
    columns="network level seed error".split(),
)


def test_sweep_is_the_mean_over_seeds_with_a_band_between_the_extremes(ax: Axes) -> None:
    assert draw_sweep(ax, RATES, "learning_rate", "error") is ax
    standard, mobilenet = ax.get_lines()
    assert standard.get_xydata().tolist() == [[0.01, 2.5], [0.1, 5]]
    assert mobilenet.get_xydata().tolist() == [[0.01, 3], [0.1, 5]]
    assert [to_hex(line.get_color()).upper() for line in (standard, mobilenet)] == list(
        COLOURS.values()
    )
    corners = {tuple(place) for place in ax.collections[0].get_paths()[0].vertices.tolist()}
    assert {(0.01, 2), (0.01, 3), (0.1, 4), (0.1, 6)} <= corners
    assert ax.get_xscale() == "log"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.01", "0.1"]


def test_networks_differ_without_colour_too(ax: Axes) -> None:
    draw_sweep(ax, RATES, "learning_rate", "error")
    standard, mobilenet = ax.get_lines()
    assert standard.get_marker() != mobilenet.get_marker()
    assert standard.get_linestyle() != mobilenet.get_linestyle()


def test_lines_are_named_at_their_ends_and_names_do_not_overlap(ax: Axes) -> None:
    draw_sweep(ax, RATES, "learning_rate", "error")  # both lines end at 5 %
    names = {text.get_text(): text.xy for text in ax.texts}
    assert list(names) == ["standard", "MobileNet"] or list(names) == ["MobileNet", "standard"]
    heights = sorted(place[1] for place in names.values())
    assert heights[1] - heights[0] > 0.02


def test_a_ring_marks_the_level_that_validation_chooses(ax: Axes) -> None:
    # Both rates of the standard network have 0.95 on the validation images: the lower loss decides.
    draw_sweep(ax, RATES, "learning_rate", "error", chosen=True)
    rings = [line for line in ax.get_lines() if line.get_fillstyle() == "none"]
    assert [ring.get_xydata().tolist() for ring in rings] == [[[0.1, 5]], [[0.01, 3]]]


def test_levels_have_their_seeds_their_extremes_and_their_mean(ax: Axes) -> None:
    assert draw_levels(ax, KINDS, "error", ["none", "mild"]) is ax
    lower = [line for line in ax.get_lines() if (np.array(line.get_ydata()) > 0.5).any()]
    bar, seeds, mean = lower[:3]
    assert bar.get_xdata().tolist() == [1, 2]
    assert seeds.get_xdata().tolist() == [1, 2]
    assert mean.get_xdata().tolist() == [1.5]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["none", "mild"]
    assert ax.get_ylim() == (1.5, -0.5)  # the first level is at the top
    key(ax)
    assert legend(ax) == ["standard", "MobileNet"]


def test_both_networks_are_named_though_one_lacks_the_first_level(ax: Axes) -> None:
    draw_levels(ax, KINDS[::-1], "error", ["none", "mild"])  # MobileNet has only "mild"
    key(ax)
    assert legend(ax) == ["standard", "MobileNet"]


def test_pairs_are_joined_and_have_the_interval_of_their_mean(ax: Axes) -> None:
    table = pd.DataFrame(
        {
            "network": ["standard"] * 3 + ["mobilenet"] * 3,
            "seed": [0, 1, 2] * 2,
            "error": [1.0, 2.0, 3.0, 2.0, 2.0, 5.0],
        }
    )
    assert draw_pairs(ax, table, "error") is ax
    joints = [line for line in ax.get_lines() if line.get_color() == "#bbbbbb"]
    assert [line.get_xdata().tolist() for line in joints] == [[1, 2], [2, 2], [3, 5]]
    # t(0.975, 2) = 4.302653 and the standard error of 1, 2, 3 is 1 / sqrt(3).
    half = 4.302653 / 3**0.5
    bars = [line.get_xdata() for line in ax.get_lines() if line.get_marker() == "|"]
    np.testing.assert_allclose(bars[0], [2 - half, 2 + half], rtol=1e-6)


def test_interval_of_one_value_is_unknown() -> None:
    assert np.isnan(t_interval([1.0])).all()


def test_spread_is_ordered_and_counts_the_seeds() -> None:
    found = spread(RATES[RATES["network"] == "standard"], "learning_rate", "error")
    assert found.to_dict("list") == {
        "learning_rate": [0.01, 0.1],
        "mean": [2.5, 5],
        "low": [2, 4],
        "high": [3, 6],
        "n": [2, 2],
    }


@pytest.mark.parametrize(
    ("counts", "text"),
    [([1], "1 seed"), ([3, 3], "3 seeds"), ([1, 3], "1 to 3 seeds"), ([1000], "1,000 seeds")],
)
def test_counts_in_words(counts: list[int], text: str) -> None:
    assert count_text(counts, "seed") == text
