"""The catalogue of figures and the command that draws it, on small made-up results."""

import json
import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from helpers_figures import write_all
from PIL import Image

from analysis.figures import main
from analysis.plots.catalogue import FIGURES, command
from analysis.plots.results import Results
from analysis.plots.style import CM, COLUMN, FULL, look

KINDS = r"seed|image|run|learned|measured|counted"  # a caption says of what, or how many


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results")
    write_all(path)
    return path


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_can_be_drawn_from_its_inputs_alone(
    name: str, folder: Path, tmp_path: Path
) -> None:
    spec = FIGURES[name]
    assert spec.inputs
    for file in spec.inputs:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes((folder / file).read_bytes())
    data = Results(tmp_path)
    with look():
        figure = spec.draw(data)
        caption = spec.caption(data)
    assert figure.axes
    assert any(ax.has_data() for ax in figure.axes)
    assert round(figure.get_figwidth() / CM, 3) in (COLUMN, FULL)
    assert spec.title and not spec.title.endswith(".")
    assert caption.endswith(".") and re.search(KINDS, caption, re.IGNORECASE), caption
    assert "nan" not in caption
    assert plt.get_fignums() == []


def test_the_same_numbers_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    for run in "ab":
        options = ["--output", str(tmp_path / run), "--vector", str(tmp_path / run)]
        assert main(["loss", "--data", str(folder), *options]) == 0
    for file in ("loss.png", "loss.pdf", "captions.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert b"CreationDate" not in (tmp_path / "a" / "loss.pdf").read_bytes()
    with Image.open(tmp_path / "a" / "loss.png") as picture:
        assert picture.width == pytest.approx(COLUMN * CM * 200, abs=2)


def test_what_lacks_its_numbers_is_named_with_the_command_that_makes_them(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "loss.csv").write_bytes((folder / "loss.csv").read_bytes())
    assert main(["--data", str(data), "--output", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [str(tmp_path / "out" / "loss.png")]
    problems = printed.err.splitlines()
    assert len(problems) == len(FIGURES) - 1
    maker = f"python -m analysis.report --results {data} --steps batch_size"
    assert f"batch_size: batch_size.csv not in {data}; made by: {maker}" in problems


def test_the_committed_results_are_made_by_the_full_report() -> None:
    files = ["pairs.csv", "roc.csv", "auc.csv", "benchmark/latency.csv"]
    maker = "python -m analysis.report --full --steps pairs compare layers"
    assert command(files, Path("figures/data/full")) == maker
    assert "--full" not in command(files, Path("figures/data/small"))


def test_a_table_without_a_column_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loss.csv").write_text("network,seed\nstandard,0\n")
    assert main(["loss", "--data", str(tmp_path), "--output", str(tmp_path)]) == 1
    assert "loss.csv" in capsys.readouterr().err


def test_a_network_that_was_not_timed_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "blocks.csv").write_bytes((folder / "blocks.csv").read_bytes())
    times = (folder / "latency.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = "".join(line for line in times if not line.startswith("3+1,"))
    (tmp_path / "latency.csv").write_text(kept, encoding="utf-8")
    assert main(["blocks", "--data", str(tmp_path), "--output", str(tmp_path)]) == 1
    assert "latency.csv has no time of 3+1" in capsys.readouterr().err


def test_the_list_says_what_can_be_drawn(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loss.csv").write_bytes((folder / "loss.csv").read_bytes())
    assert main(["--list", "--data", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(FIGURES)
    drawable = [line.split()[0] for line in lines if line.split()[1] == "yes"]
    assert drawable == [name for name, spec in FIGURES.items() if spec.inputs == ("loss.csv",)]
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("arguments", [["nothing"], ["loss", "--data", "no/such/folder"]])
def test_a_wrong_name_or_folder_is_a_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_captions_of_other_figures_stay(folder: Path, tmp_path: Path) -> None:
    for name in ("loss", "batch_size"):
        assert main([name, "--data", str(folder), "--output", str(tmp_path)]) == 0
    captions = json.loads((tmp_path / "captions.json").read_text())
    assert set(captions) == {"loss", "batch_size"}


def test_the_user_s_settings_do_not_change_the_look() -> None:
    with mpl.rc_context({"font.size": 30, "axes.grid": True}), look():
        assert mpl.rcParams["font.size"] == 8
        assert not mpl.rcParams["axes.grid"]
