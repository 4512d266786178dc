"""Drawing: the data in the artists, on an Axes that is not the current one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers_plots import legend, spare_axes
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from analysis.frame.results import Results
from analysis.frame.wording import count_text
from analysis.look.digits import draw_answers, mosaic
from analysis.look.grids import draw_block_grid
from analysis.look.lines import draw_sweep
from analysis.look.maps import CLASSES, draw_front, draw_projection, draw_roofline, front
from analysis.look.rows import draw_layer_costs, draw_levels, draw_pairs, t_interval
from analysis.look.style import COLOURS, key
from analysis.questions import costs
from analysis.questions.costs import kind_of
from analysis.questions.headline import with_ratio
from analysis.questions.mistakes import order_of_errors
from analysis.questions.roofline import layers_of

ax = pytest.fixture(spare_axes, name="ax")

RATES = pd.DataFrame(
    [
        ("standard", 0.1, 0, 4.0, 0.96, 0.2),
        ("standard", 0.1, 1, 6.0, 0.94, 0.2),
        ("standard", 0.01, 0, 2.0, 0.95, 0.3),
        ("standard", 0.01, 1, 3.0, 0.95, 0.3),
        ("mobilenet", 0.01, 0, 3.0, 0.97, 0.2),
        ("mobilenet", 0.1, 0, 5.0, 0.95, 0.3),
    ],
    columns="network learning_rate seed error validation_accuracy validation_nll".split(),
)
NAMED = pd.DataFrame(
    {
        "network": ["standard", "standard", "mobilenet", "standard"],
        "level": ["mild", "mild", "mild", "none"],
        "seed": [0, 1, 0, 0],
        "error": [1.0, 2.0, 3.0, 2.5],
    }
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
    assert standard.get_marker() != mobilenet.get_marker()  # told apart without colour, too
    assert standard.get_linestyle() != mobilenet.get_linestyle()
    names = {text.get_text(): text.xy[1] for text in ax.texts}  # at the ends, both at 5 %
    assert names.keys() == {"standard", "MobileNet"}
    assert abs(names["standard"] - names["MobileNet"]) > 0.02  # and not over one another


def test_a_ring_marks_the_level_that_validation_chooses(ax: Axes) -> None:
    # Both rates of the standard network have 0.95 on the validation images: the lower loss decides.
    draw_sweep(ax, RATES, "learning_rate", "error", chosen=True)
    rings = [line for line in ax.get_lines() if line.get_fillstyle() == "none"]
    assert [ring.get_xydata().tolist() for ring in rings] == [[[0.1, 5]], [[0.01, 3]]]


def test_levels_have_their_seeds_their_extremes_and_their_mean(ax: Axes) -> None:
    assert draw_levels(ax, NAMED, "error", ["none", "mild"]) is ax
    lower = [line for line in ax.get_lines() if (np.array(line.get_ydata()) > 0.5).any()]
    bar, seeds, mean = lower[:3]
    assert bar.get_xdata().tolist() == [1, 2]
    assert seeds.get_xdata().tolist() == [1, 2]
    assert mean.get_xdata().tolist() == [1.5]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["none", "mild"]
    assert ax.get_ylim() == (1.5, -0.5)  # the first level is at the top
    for table in (NAMED, NAMED[::-1]):  # MobileNet has only "mild"
        ax.clear()
        draw_levels(ax, table, "error", ["none", "mild"])
        key(ax)
        assert legend(ax) == ["standard", "MobileNet"]


def test_pairs_are_joined_and_have_the_interval_of_their_mean(ax: Axes) -> None:
    columns = {"seed": [0, 1, 2] * 2, "error": [1.0, 2.0, 3.0, 2.0, 2.0, 5.0]}
    table = pd.DataFrame({"network": ["standard"] * 3 + ["mobilenet"] * 3, **columns})
    assert draw_pairs(ax, table, "error") is ax
    joints = [line for line in ax.get_lines() if line.get_color() == "#bbbbbb"]
    assert [line.get_xdata().tolist() for line in joints] == [[1, 2], [2, 2], [3, 5]]
    # t(0.975, 2) = 4.302653 and the standard error of 1, 2, 3 is 1 / sqrt(3).
    half = 4.302653 / 3**0.5
    bars = [line.get_xdata() for line in ax.get_lines() if line.get_marker() == "|"]
    np.testing.assert_allclose(bars[0], [2 - half, 2 + half], rtol=1e-6)
    assert np.isnan(t_interval([1.0])).all()  # of one value it is unknown


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ([1], "1 seed"),
        ([3, 3], "3 seeds"),
        ([1, 3], "1 or 3 seeds"),
        ([3, 1, 2], "1 to 3 seeds"),
        ([1000], "1,000 seeds"),
    ],
)
def test_counts_in_words(counts: list[int], text: str) -> None:
    assert count_text(counts, "seed") == text


READINGS = {
    "images": np.stack([np.full((4, 4), value, np.uint8) for value in (10, 20, 30)]),
    "labels": np.array([7, 2, 7]),
    "standard": np.array([1, 2, 1]),
    "mobilenet": np.array([7, 3, 9]),
    "standard_confidence": np.array([0.9, 0.8, 0.6]),
    "mobilenet_confidence": np.array([0.5, 0.7, 0.7]),
}


def test_mosaic_goes_line_by_line_with_gaps() -> None:
    images = np.arange(1, 4).reshape(3, 1, 1)
    gap = [0] * 4
    assert mosaic(images, columns=2).tolist() == [[1, 0, 2, 0], gap, [3, 0, 0, 0], gap]


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


def test_classes_are_named_at_their_medians(ax: Axes) -> None:
    points = [[0, 0], [2, 0], [40, 0], [5, 5]]
    assert draw_projection(ax, points, [3, 3, 3, 8]) is ax
    assert {text.get_text(): tuple(text.xy) for text in ax.texts} == {"3": (2, 0), "8": (5, 5)}
    # A digit on the single point of the 8 would hide it.
    assert {text.get_text(): text.get_position()[1] for text in ax.texts} == {"3": 0, "8": 7}
    assert ax.collections[0].get_offsets().tolist() == points
    colours = [to_hex(c) for c in ax.collections[0].get_facecolors()[[0, 3]]]
    assert colours == [CLASSES[3], CLASSES[8]] and len(set(CLASSES)) == 10


@pytest.fixture(scope="module")
def data() -> Results:
    """The committed results."""
    return Results(Path(__file__).parents[1] / "figures" / "data" / "full")


def test_pareto_joins_the_levels_of_a_network_and_the_front_what_nothing_beats(ax: Axes) -> None:
    rows = [("standard", 1, 40, 1.0), ("standard", 0.5, 10, 2.0)]
    rows += [("mobilenet", 0.5, 2, 3.0), ("mobilenet", 1, 8, 1.5)]
    table = pd.DataFrame(rows, columns=["network", "level", "macs", "error"])
    table["scaled"] = "width"
    assert draw_front(ax, table, "macs", "error") is ax
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert lines["standard, widths"].get_xydata().tolist() == [[10, 2], [40, 1]]
    edge = next(line for line in ax.get_lines() if line.get_gid() == "front")
    assert edge.get_xydata().tolist() == [[2, 3], [8, 1.5], [40, 1]]
    # (2, 5) is dearer and worse than (1, 4); of two with the same cost only the better one stays.
    assert front([1, 2, 3, 3, 4], [4, 5, 2, 3, 2]) == [0, 2]


def test_ratio_is_to_the_first_network() -> None:
    assert with_ratio(390_890, 390_890) == "390,890"
    assert with_ratio(65_322, 390_890) == "65,322  (÷ 5.98)"
    assert with_ratio(7_052_288, 32_573_056) == "7.05 M  (÷ 4.62)"


def test_batch_norm_belongs_to_the_convolution_before_it() -> None:
    rows = pd.DataFrame({"layer": ["b.bn_dw", "b.bn_pw", "b.bn", "b.conv"], "kind": ["bn"] * 4})
    rows.loc[3, "kind"] = "conv"
    kinds = [kind_of(row) for row in rows.itertuples()]
    assert kinds == ["depthwise", "pointwise", "conv", "conv"]


def test_block_grid_has_convolutions_by_column(ax: Axes) -> None:
    values = {(4, 0): 2.0, (2, 2): 1.0, (0, 1): 4.0}
    assert draw_block_grid(ax, values, lambda value: f"{value:.1f}") is ax
    grid = ax.get_images()[0].get_array()
    assert np.exp([grid[0, 4], grid[2, 2], grid[1, 0]]) == pytest.approx([2, 1, 4])
    assert np.ma.getmaskarray(grid).sum() == 25 - 3
    assert {text.get_position(): text.get_text() for text in ax.texts}[(0, 1)] == "4.0"
    assert len(ax.patches) == 2  # our two networks are framed


def test_blocks_follow_the_formula_of_the_paper_and_halve_the_side_at_both_ends(data) -> None:
    said = costs.say(data)["costs"]
    for block in said["blocks"]:
        formula = 1 / int(block["channels"]) + 1 / 9
        assert float(block["ratio"]) == pytest.approx(1 / formula, abs=0.005)
    blocks = said["architecture"]["mobilenet"]
    shapes = [block[-1]["shape"] for block in blocks]
    assert shapes == ["14×14×32", "14×14×64", "14×14×128", "7×7×256"]
    assert [stage["name"] for stage in blocks[-1]] == ["3×3 depthwise", "1×1"]


def test_nothing_is_above_its_roof(data: Results) -> None:
    layers, roofs = layers_of(data)
    assert layers["share"].max() <= 1
    times = data.table("benchmark/layer_times.csv")
    ours = times.query("threads == 1 and engine == 'ours' and kind != 'network'")
    assert roofs["peak_gmacs_per_s"] == ours["gmacs_per_s"].max()


def test_layers_of_a_block_stand_in_line(ax: Axes) -> None:
    rows = [("standard", "conv", 9.0), ("mobilenet", "depthwise", 0.5)]
    rows += [("mobilenet", "pointwise", 1.5)]
    table = pd.DataFrame(rows, columns="network kind macs".split()).assign(row="block 3")
    assert draw_layer_costs(ax, table, "macs", ["block 3"]) is ax
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(0, 9), (0, 0.5), (0.5, 1.5)]
    assert [text.get_text() for text in ax.texts] == ["9", "2"]


def test_roofs_bend_at_the_peak(ax: Axes) -> None:
    roof = pd.Series({"peak_gmacs_per_s": 40, "cache_gb_per_s": 20, "memory_gb_per_s": 5})
    layers = pd.DataFrame(
        {"network": ["standard"], "kind": ["conv"], "intensity": [30.0], "gmacs_per_s": [25.0]}
    )
    assert draw_roofline(ax, roof, layers) is ax
    cache, memory, points = ax.get_lines()
    x, y = memory.get_data()
    np.testing.assert_allclose(y, np.minimum(40, 5 * x))
    assert cache.get_ydata().max() == 40
    assert points.get_xydata().tolist() == [[30, 25]]
