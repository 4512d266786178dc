"""What networks cost: counts by hand, the paper's tables, and the table of latencies."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.frame.command import start
from analysis.questions import costs


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


def test_every_network_of_a_sweep_is_timed_once(tmp_path: Path) -> None:
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
