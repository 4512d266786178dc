"""What networks cost, and how the report tells it: by hand, the paper's tables, latencies."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.frame.command import start
from analysis.frame.results import Results
from analysis.questions import costs
from analysis.questions.headline import with_ratio
from analysis.questions.roofline import layers_of
from analysis.questions.tails import by_frequency


def test_layers_of_the_pair_add_up_to_their_known_costs_with_the_head_as_block_0() -> None:
    table = costs.layer_costs()
    sums = table.groupby("network")[["params", "macs"]].sum()
    assert sums.loc["standard"].tolist() == [390_890, 32_573_056]
    assert sums.loc["mobilenet"].tolist() == [65_322, 7_052_288]
    assert set(table.loc[table["kind"] == "fc", "block"]) == {0}
    assert table.groupby("network")["block"].max().tolist() == [4, 4]


def test_the_papers_tables_come_out_to_the_integer_but_for_its_typo() -> None:
    table = costs.paper_tables().set_index("row")
    assert table.loc["Conv MobileNet", "macs"] == 4_867_293_184
    assert table.loc["α = 0.25", ["macs", "params"]].tolist() == [41_030_272, 470_072]
    assert table["agrees"].all()
    table = costs.paper_shares().set_index("row")
    assert table.index[~table["agrees"].astype(bool)].tolist() == ["conv"]
    assert table.loc["conv", "macs_share"] == pytest.approx(1.91, abs=0.01)


def test_every_network_of_a_sweep_is_timed_once(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(costs, "SECONDS", 0.1)
    sweep = tmp_path / "blocks.csv"
    rows = [("1+0", 1.0, 28), ("1+0", 1.0, 28), ("standard", 0.25, 14), ("mobilenet", 1.0, 28)]
    pd.DataFrame(rows, columns=["network", "width", "resolution"]).to_csv(sweep, index=False)
    assert start("costs", ["--sweeps", str(sweep), "--rounds", "2", "--output", str(tmp_path)]) == 0
    table = pd.read_csv(tmp_path / "latency.csv", dtype={"network": str})
    keys = list(table[["network", "width", "resolution"]].itertuples(index=False, name=None))
    pair = [("standard", 1.0, 28), ("mobilenet", 1.0, 28)]
    assert keys == [*pair, ("1+0", 1.0, 28), ("standard", 0.25, 14)]
    # 9 weights for each of 32 filters on 14 x 14 positions, and 32 x 10 in the last layer.
    assert table.loc[2, "macs"] == 9 * 32 * 14 * 14 + 320
    assert (table[["seconds_one", "seconds_batch"]] > 0).all(axis=None)


def test_a_table_of_something_else_is_refused(tmp_path: Path, refused) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    sentence = refused("costs", "--sweeps", tmp_path / "other.csv", "--output", tmp_path)
    assert "is no table of analysis.sweep" in sentence


@pytest.fixture(scope="module")
def data() -> Results:
    """The committed results."""
    return Results(Path(__file__).parents[1] / "figures" / "data" / "full")


def test_ratio_is_to_the_first_network() -> None:
    assert with_ratio(390_890, 390_890) == "390,890"
    assert with_ratio(65_322, 390_890) == "65,322  (÷ 5.98)"
    assert with_ratio(7_052_288, 32_573_056) == "7.05 M  (÷ 4.62)"


def test_batch_norm_belongs_to_the_convolution_before_it() -> None:
    rows = pd.DataFrame({"layer": ["b.bn_dw", "b.bn_pw", "b.bn", "b.conv"], "kind": ["bn"] * 4})
    rows.loc[3, "kind"] = "conv"
    kinds = [costs.kind_of(row) for row in rows.itertuples()]
    assert kinds == ["depthwise", "pointwise", "conv", "conv"]


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
