"""How digits are read that are drawn in other ways, or photographed."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers_data import done, pen_file
from PIL import Image

from analysis.robustness import DRAWINGS, draw
from netlib.data.strokes import PenDigit
from netlib.measure.photographs import KINDS

# A straight stroke for every digit: what is tested is the drawing and the bookkeeping.
STROKE = np.array([[0.0, 0.0], [3.0, 10.0]])
DIGIT = PenDigit((STROKE,), 1, 1)


@pytest.fixture
def unipen(tmp_path: Path) -> Path:
    """A digit of each class by each of two writers."""
    return pen_file(tmp_path / "pen.unipen", writers=2, each=10)


def test_each_drawing_differs_from_the_plain_one_in_what_it_says() -> None:
    plain = draw(DIGIT)
    assert {kind for kind, _ in DRAWINGS} == {
        *("plain", "pen", "size", "place", "tilt", "polarity", "paper")
    }
    for name, how in DRAWINGS.items():
        assert (draw(DIGIT, **how) != plain).any() == bool(how), name
    picture = draw(DIGIT, ink=110, paper=220)
    assert (picture.min(), picture.max()) == (110, 220)
    swapped = draw(DIGIT, ink=255, paper=0)
    np.testing.assert_array_equal(swapped, 255 - draw(DIGIT))


def test_every_way_to_draw_has_a_row_for_each_network(unipen: Path, tmp_path: Path) -> None:
    output = tmp_path / "table.csv"
    arguments = ["--unipen", unipen, "--count", 10, "--test-writers", 1]
    done("robustness", *arguments, "--output", output)
    table = pd.read_csv(output)
    assert len(table) == 2 * len(DRAWINGS)
    assert (table["n"] == 10).all()
    plain = table[table["kind"] == "plain"].set_index("network")["accuracy"]
    change = table["accuracy"] - table["network"].map(plain)
    assert table["change"].tolist() == pytest.approx(change.tolist(), abs=1e-6)
    assert table["accuracy"].between(table["low"], table["high"]).all()
    record = json.loads(output.with_suffix(".json").read_text())
    assert str(tmp_path) not in record["command"].split("--output")[0]
    assert set(record["weights_sha256"]) == {"standard", "mobilenet"}


def test_more_digits_than_there_are_is_one_sentence(unipen: Path, tmp_path: Path, refused) -> None:
    arguments = ["--unipen", unipen, "--count", 100, "--test-writers", 1]
    sentence = refused("robustness", *arguments, "--output", tmp_path / "t.csv")
    assert "--count is 100, but the test writers have only 1 drawing of 0" in sentence


def test_photographs_that_are_drawn_and_labelled_ones_are_counted(unipen, tmp_path: Path) -> None:
    folder = tmp_path / "sent" / "these"
    folder.mkdir(parents=True)
    pad = Image.fromarray(draw(DIGIT))
    lines = ["image,label,kind"]
    for name, label in (("a.png", "1"), ("b.png", "2"), ("c.png", "12"), ("d.png", "house")):
        pad.save(folder / name)
        lines.append(f"{name},{label},clean")
    folder.with_suffix(".csv").write_text("\n".join(lines))
    output = tmp_path / "table.csv"
    arguments = ["--unipen", unipen, "--count", 1, "--test-writers", 1]
    done("photographed", *arguments, "--sets", folder.with_suffix(".csv"), "--output", output)
    table = pd.read_csv(output)
    drawn, labelled = table[table.set == "drawn"], table[table.set == "sent"]
    assert (drawn.groupby(["content", "network"]).n.sum() == len(KINDS)).all()
    assert (drawn.right <= drawn.n).all()
    for network in ("standard", "mobilenet"):  # all four are read as a 1
        counts = labelled[labelled.network == network].set_index("content")[["n", "right"]]
        assert counts.to_dict("index") == {
            "one digit": {"n": 2, "right": 1},
            "number": {"n": 1, "right": 0},
            "no digit": {"n": 1, "right": 0},
        }
