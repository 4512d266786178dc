"""The questions of the report, and the command that draws their figures, on committed results."""

import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from PIL import Image

from analysis import questions
from analysis.frame.command import start
from analysis.frame.results import Results
from analysis.look.style import CM, COLUMN, FULL, look

ROOT = Path(__file__).parents[1]
DATA = ROOT / "figures" / "data" / "full"
FIGURES = questions.figures()
KINDS = r"seed|image|run|learned|measured|counted"  # a caption says of what, or how many
NEW = '''"""How many rows there are."""

from analysis.look.style import COLUMN, blank
from analysis.questions import figure


@figure("Rows of the pairs", "pairs.csv")
def rows_of_pairs(data):
    """A bar."""
    drawn = blank(COLUMN, 3)
    drawn.subplots().bar(0, len(data.table("pairs.csv")))
    return drawn, "One bar: measured runs."


def say(data):
    """Their number."""
    return {"rows": {"number": str(len(data.table("pairs.csv")))}}


def steps(plan):
    """A sweep of its own."""
    yield plan.sweep("rows", (*plan.base, "--levels", 1), factor="width")
'''


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_can_be_drawn_from_its_inputs_alone(name: str, tmp_path: Path) -> None:
    spec = FIGURES[name]
    assert spec.inputs
    for file in spec.inputs:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes((DATA / file).read_bytes())
    with look():
        figure, caption = spec.draw(Results(tmp_path))
    assert any(ax.has_data() for ax in figure.axes)
    assert round(figure.get_figwidth() / CM, 3) in (COLUMN, FULL)
    assert spec.title and not spec.title.endswith(".")
    assert caption.endswith(".") and re.search(KINDS, caption, re.IGNORECASE), caption
    assert "nan" not in caption
    assert plt.get_fignums() == []


def test_every_figure_is_on_the_page_and_in_its_order() -> None:
    page = questions.PAGE.read_text(encoding="utf-8")
    shown = re.findall(r'#(?:fig|beside|pair)\("(\w+)"(?:, "(\w+)")?', page)
    assert [name for names in shown for name in names if name] == list(FIGURES)


def test_a_new_question_is_one_file(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "rows.py").write_text(NEW)
    monkeypatch.setattr(questions, "__path__", [*questions.__path__, str(tmp_path)])
    assert start("figures", ["rows_of_pairs", "--data", str(DATA), "--output", str(tmp_path)]) == 0
    assert (tmp_path / "rows_of_pairs.png").exists()
    from analysis.build.__main__ import Options, make_plan, open_report
    from analysis.build.document import say

    assert say(Results(DATA))["rows"] == {"number": "10"}
    assert "rows" in open_report(make_plan(Options(results=tmp_path))).steps
    monkeypatch.undo()
    assert "rows_of_pairs" not in questions.figures()


def test_the_same_numbers_give_the_same_bytes(tmp_path: Path) -> None:
    for run in "ab":
        options = ["--output", str(tmp_path / run), "--vector", str(tmp_path / run)]
        assert start("figures", ["roofline", "--data", str(DATA), *options]) == 0
    for file in ("roofline.png", "roofline.pdf", "captions.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert b"CreationDate" not in (tmp_path / "a" / "roofline.pdf").read_bytes()
    with Image.open(tmp_path / "a" / "roofline.png") as picture:
        assert picture.width == pytest.approx(FULL * CM * 200, abs=2)


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("headline", lambda text: "network,seed\nstandard,0\n", "pairs.csv cannot be drawn"),
        ("blocks", lambda text: text.replace("\n3+1,", "\nother,"), "has no time of 3+1"),
    ],
)
def test_a_spoiled_table_is_named(tmp_path: Path, refused, name, spoil, message: str) -> None:
    for file in FIGURES[name].inputs:
        (tmp_path / file).write_bytes((DATA / file).read_bytes())
    spoiled = tmp_path / FIGURES[name].inputs[-1]
    spoiled.write_text(spoil(spoiled.read_text(encoding="utf-8")), encoding="utf-8")
    assert message in refused("figures", name, "--data", tmp_path, "--output", tmp_path)
    refused("figures", name, "--data", "no/such/folder")


def test_the_list_says_what_can_be_drawn_and_what_lacks_its_numbers(tmp_path: Path, capsys) -> None:
    (tmp_path / "histories.csv").write_bytes((DATA / "histories.csv").read_bytes())
    assert start("figures", ["--list", "--data", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(FIGURES)
    drawable = [line.split()[0] for line in lines if line.split()[1] == "yes"]
    assert drawable == ["curves_accuracy", "curves_loss"]
    assert not list(tmp_path.glob("*.png"))
    out = tmp_path / "out"
    assert start("figures", ["--data", str(tmp_path), "--output", str(out)]) == 2
    printed = capsys.readouterr()
    drawn = [str(out / f"curves_{what}.png") for what in ("accuracy", "loss")]
    assert printed.out.splitlines() == drawn
    assert len(printed.err.splitlines()) == len(FIGURES) - 2
    assert f"headline: pairs.csv not in {tmp_path}." in printed.err


def test_the_user_s_settings_do_not_change_the_look() -> None:
    with mpl.rc_context({"font.size": 30, "axes.grid": True}), look():
        assert mpl.rcParams["font.size"] == 8
        assert not mpl.rcParams["axes.grid"]
