"""Drawing of costs: the data in the artists, on an Axes that is not the current one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers_costs import write_costs
from helpers_figures import write_sweeps
from helpers_plots import legend, spare_axes
from matplotlib.axes import Axes

from analysis.plots import costs, speed
from analysis.plots.catalogue.headline import with_ratio
from analysis.plots.catalogue.speed import kind_of, separable_blocks, speedups
from analysis.plots.results import Results

ax = pytest.fixture(spare_axes, name="ax")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder: Path = tmp_path_factory.mktemp("costs")
    write_sweeps(folder, 1)
    write_costs(folder)
    return Results(folder)


def test_front_has_what_nothing_beats_in_cost_and_error() -> None:
    # (2, 5) is dearer and worse than (1, 4); of two with the same cost only the better one stays.
    assert costs.front([1, 2, 3, 3, 4], [4, 5, 2, 3, 2]) == [0, 2]


def test_pareto_joins_the_levels_of_one_network_in_their_order(ax: Axes) -> None:
    table = pd.DataFrame(
        {
            "network": ["standard"] * 2 + ["mobilenet"] * 2,
            "scaled": ["width"] * 4,
            "level": [1, 0.5, 0.5, 1],
            "macs": [40, 10, 2, 8],
            "error": [1.0, 2.0, 3.0, 1.5],
        }
    )
    assert costs.draw_front(ax, table, "macs", "error") is ax
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert lines["standard, widths"].get_xydata().tolist() == [[10, 2], [40, 1]]
    edge = next(line for line in ax.get_lines() if line.get_gid() == "front")
    assert edge.get_xydata().tolist() == [[2, 3], [8, 1.5], [40, 1]]


def test_bars_carry_their_values(ax: Axes) -> None:
    networks = ["standard", "mobilenet"]
    assert costs.draw_bars(ax, networks, [6, 2], lambda value: f"{value} M") is ax
    assert [bar.get_width() for bar in ax.patches] == [6, 2]
    assert [text.get_text() for text in ax.texts] == ["6 M", "2 M"]
    assert ax.patches[0].get_hatch() != ax.patches[1].get_hatch()  # in grey, too


def test_ratio_is_to_the_first_network() -> None:
    assert with_ratio(390_890, 390_890) == "390,890"
    assert with_ratio(65_322, 390_890) == "65,322  (÷ 5.98)"
    assert with_ratio(7_052_288, 32_573_056) == "7.05 M  (÷ 4.62)"


def test_block_grid_has_convolutions_by_column(ax: Axes) -> None:
    values = {(4, 0): 2.0, (2, 2): 1.0, (0, 1): 4.0}
    assert costs.draw_block_grid(ax, values, lambda value: f"{value:.1f}", log=False) is ax
    grid = ax.get_images()[0].get_array()
    assert (grid[0, 4], grid[2, 2], grid[1, 0]) == (2, 1, 4)
    assert np.ma.getmaskarray(grid).sum() == 25 - 3
    assert {text.get_position(): text.get_text() for text in ax.texts}[(0, 1)] == "4.0"
    assert len(ax.patches) == 2  # our two networks are framed


def test_block_scatter_names_every_pair_of_counts(ax: Axes) -> None:
    table = pd.DataFrame({"conv": [4, 0], "dw": [0, 1], "macs": [32.0, 0.5], "error": [1.0, 9.0]})
    costs.draw_block_scatter(ax, table, "macs", "error", {})
    assert [text.get_text() for text in ax.texts] == ["4+0", "0+1"]
    assert [line.get_xydata().tolist() for line in ax.get_lines()] == [[[32, 1]], [[0.5, 9]]]


def test_cost_share_is_the_formula_of_the_paper() -> None:
    # 1/32 + 1/9 = 41/288: 7.02 times less; 1/1024 + 1/9: 8.92 times less.
    assert speed.cost_share(32) == pytest.approx(41 / 288)
    assert 1 / speed.cost_share(1024) == pytest.approx(8.92, abs=0.005)


def test_our_blocks_lie_on_the_curve(data: Results, ax: Axes) -> None:
    blocks = separable_blocks(data)
    assert blocks["channels"].tolist() == [128, 256]
    np.testing.assert_allclose(blocks["share"], speed.cost_share(blocks["channels"]))
    assert speed.draw_cost_curve(ax, blocks) is ax
    labels = [text.get_text() for text in ax.texts][1:]
    assert labels == ["block 3: ÷ 8.41", "block 4: ÷ 8.69"]


def test_layers_of_a_block_stand_in_line(ax: Axes) -> None:
    table = pd.DataFrame(
        [
            ("standard", "block 3", "conv", 9.0),
            ("mobilenet", "block 3", "depthwise", 0.5),
            ("mobilenet", "block 3", "pointwise", 1.5),
        ],
        columns="network row kind macs".split(),
    )
    assert speed.draw_layer_costs(ax, table, "macs", ["block 3"]) is ax
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(0, 9), (0, 0.5), (0.5, 1.5)]
    assert [text.get_text() for text in ax.texts] == ["9", "2"]


def test_batch_norm_belongs_to_the_convolution_before_it() -> None:
    rows = pd.DataFrame({"layer": ["b.bn_dw", "b.bn_pw", "b.bn", "b.conv"], "kind": ["bn"] * 4})
    rows.loc[3, "kind"] = "conv"
    kinds = [kind_of(row) for row in rows.itertuples()]
    assert kinds == ["depthwise", "pointwise", "conv", "conv"]


def test_speed_up_of_a_block_is_that_of_all_its_layers(data: Results, ax: Axes) -> None:
    table = speedups(data)
    block = table[(table["row"] == "block 3") & (table["batch"] == 1)].iloc[0]
    # 14,450,688 MACs at 30 GMAC/s against 112,896 at 6 and 1,605,632 at 22.
    assert block["measured"] == pytest.approx((14_450_688 / 30) / (112_896 / 6 + 1_605_632 / 22))
    assert block["theory"] == pytest.approx(14_450_688 / (112_896 + 1_605_632))
    assert speed.draw_speedup(ax, table, ["block 3", "block 4"]) is ax
    shown = [line for line in ax.get_lines() if line.get_label().startswith("faster, 1 ")]
    assert shown[0].get_xdata() == pytest.approx([block["measured"]])
    assert legend(_with_legend(ax))[0] == "fewer multiply–accumulates"


def _with_legend(ax: Axes) -> Axes:
    ax.legend()
    return ax


def test_roofs_bend_at_the_peak(ax: Axes) -> None:
    roof = pd.Series({"peak_gmacs_per_s": 40, "cache_gb_per_s": 20, "memory_gb_per_s": 5})
    layers = pd.DataFrame(
        {"network": ["standard"], "kind": ["conv"], "intensity": [30.0], "gmacs_per_s": [25.0]}
    )
    assert speed.draw_roofline(ax, roof, layers) is ax
    cache, memory, points = ax.get_lines()
    x, y = memory.get_data()
    np.testing.assert_allclose(y, np.minimum(40, 5 * x))
    assert cache.get_ydata().max() == 40
    assert points.get_xydata().tolist() == [[30, 25]]
