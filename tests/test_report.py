"""The report: from the packaged digits to the PDF, with everything made tiny."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis.report import __main__ as report
from analysis.report import conclusions, findings, headline, wording
from analysis.report.plan import SIZES, SMALL, plan
from analysis.report.steps import Record, digest

ROOT = Path(__file__).parents[1]
TEMPLATE = (ROOT / "analysis" / "report" / "report.typ").read_text(encoding="utf-8")
TINY = replace(
    SMALL,
    rotations=(0,),
    pairs=("--validation-size", "0.1", "--training-epochs", "1", "--train-size", "100"),
    pair_seeds=(0, 1),
    sweep=("--train-size", "60", "--validation-size", "0.05", "--training-epochs", "1"),
    sweep_seeds=(0,),
    rate_seeds=(0,),
    levels={
        "learning_rate": (0.01, 0.03),
        "loss": ("cross_entropy", "ldam_drw"),
        "batch_size": (16, 32),
        "training_epochs": (1, 2),
        "train_size": (30, 60),
        "resolution": (14, 28),
        "augment": ("none", "mild"),
    },
    blocks=("1+0", "0+1", "1+1"),
    widths={"standard": (0.41, 1), "mobilenet": (1,)},
    v1=("--resolution", "32", "--width", "0.25", "--training-epochs", "1", "--train-size", "60"),
    steps=2,
    tail_steps=1,
    count=200,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Everything that `python -m analysis.report` makes, in three folders."""
    place = tmp_path_factory.mktemp("report")
    folders = {name: place / name for name in ("results", "runs", "output")}
    tiny = replace(TINY, course=str(place / "course"), tails=str(place / "tail"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "small", tiny)
        patch.chdir(ROOT)
        options = [text for name, path in folders.items() for text in (f"--{name}", str(path))]
        assert report.main(options) == 0
        again = [*options, "--draw-only"]
        first = (folders["output"] / "Report.pdf").read_bytes()
        assert report.main(again) == 0
        assert (folders["output"] / "Report.pdf").read_bytes() == first
        change_a_number(folders["results"] / "pairs.csv")
        change_a_number(folders["results"] / "loss.csv")
        assert report.main(again) == 0
        folders["changed"] = place / "changed.pdf"
        (folders["output"] / "Report.pdf").rename(folders["changed"])
        (folders["output"] / "Report.pdf").write_bytes(first)
    return folders


def change_a_number(path: Path) -> None:
    """Make the first run of a table a little better."""
    table = pd.read_csv(path)
    table.loc[0, ["accuracy", "balanced_accuracy"]] += 0.0123
    table.to_csv(path, index=False)


def test_there_is_a_pdf_of_several_pages(made: dict[str, Path]) -> None:
    content = (made["output"] / "Report.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert len(content) > 100_000


def test_a_changed_number_in_a_table_changes_the_pdf(made: dict[str, Path]) -> None:
    assert made["changed"].read_bytes() != (made["output"] / "Report.pdf").read_bytes()


def test_every_figure_was_drawn_but_those_of_steps_left_out(made: dict[str, Path]) -> None:
    from analysis.plots.catalogue import FIGURES

    drawn = {path.stem for path in made["output"].glob("*.png")}
    assert set(FIGURES) - drawn == {"precision", "targets"}
    assert json.loads((made["output"] / "captions.json").read_text()).keys() == drawn


def test_every_figure_of_the_catalogue_is_on_the_page() -> None:
    from analysis.plots.catalogue import FIGURES

    shown = set(re.findall(r'(?:fig|beside)\("(\w+)"\)', TEMPLATE))
    shown |= {name for pair in re.findall(r'pair\("(\w+)", "(\w+)"\)', TEMPLATE) for name in pair}
    assert shown == set(FIGURES)


def test_all_steps_are_recorded_with_what_they_wrote(made: dict[str, Path]) -> None:
    record = Record.read(made["results"])
    steps = plan(TINY, made["results"], made["runs"], None, -1)
    names = {step.name for step in steps if step.module != "analysis.prepare_data"}
    assert {name for name in record.entries if not name.startswith("prepare")} == names
    assert all(entry["command"].startswith("python -m") for entry in record.entries.values())


# --- The committed report -----------------------------------------------------------------------

MANIFEST = ROOT / "figures" / "report.json"


@pytest.fixture(scope="module")
def committed() -> dict:
    return json.loads(MANIFEST.read_text(encoding="utf-8"))


def test_the_numbers_on_the_page_are_those_of_the_tables(committed: dict) -> None:
    """If it fails: python -m analysis.report --full --draw-only."""
    found = findings.report(ROOT / "figures" / "data" / committed["size"])
    assert json.loads(json.dumps(found)) == committed["sections"]


def test_the_tables_are_those_that_the_steps_wrote() -> None:
    folder = ROOT / "figures" / "data" / "full"
    for name, entry in Record.read(folder).entries.items():
        for file, value in {**entry["inputs"], **entry["outputs"]}.items():
            assert digest(folder / file) == value, f"{file} is not what {name} wrote or read"


def test_every_step_of_the_committed_report_is_done() -> None:
    folder = ROOT / "figures" / "data" / "full"
    record = Record.read(folder)
    steps = plan(SIZES["full"], Path("figures/data/full"), Path("runs/report/full"), None, -1)
    commands = {step.name: step.command for step in steps if not step.name.startswith("prepare")}
    found = {name: record.entries[name]["command"] for name in commands}
    assert found == commands


# --- Wording ------------------------------------------------------------------------------------


def comparison(mean: float, low: float | None, high: float | None, equivalent: bool | None) -> dict:
    change = {"mean": mean, "low": low, "high": high}
    return {
        "n_seeds": 5,
        "difference": {"accuracy": change},
        "equivalence": {"equivalent": equivalent, "p": 0.01, "low": low, "high": high},
    }


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((-0.004, -0.005, -0.003, False), "The MobileNet network is less accurate, by 0.40 points"),
        ((0.004, 0.003, 0.005, False), "The MobileNet network is more accurate, by 0.40 points"),
        ((0.0001, -0.0005, 0.0007, True), "equally accurate within ±0.1 point"),
        ((-0.001, -0.003, 0.001, False), "−0.10 points, cannot be told from none"),
        ((-0.001, None, None, None), "one pair cannot say more"),
    ],
)
def test_the_verdict_follows_from_the_interval(numbers: tuple, expected: str) -> None:
    assert expected in headline.verdict(comparison(*numbers))


def test_numbers_are_written_as_a_reader_expects() -> None:
    assert wording.percent(0.98765) == "98.77"
    assert wording.points(-0.0012) == "−0.12"
    assert wording.points(0.0012) == "+0.12"
    assert wording.whole(1234567) == "1,234,567"
    assert wording.p_value(0.0004) == "< 0.001"
    assert wording.interval({"low": 0.9, "high": 0.95}) == "90.00 to 95.00"


def test_a_conclusion_needs_differences_of_one_sign() -> None:
    assert conclusions.agree([0.1, 0.2])
    assert conclusions.agree([-0.1, -0.2])
    assert not conclusions.agree([0.1, -0.1])
    assert not conclusions.agree([0.1])


def test_the_tails_conclusion_follows_its_table(tmp_path: Path) -> None:
    def conclude(*mobilenet: float) -> str:
        rows = [
            ("cross_entropy", f"tail-exp100-{rotation}", network, value)
            for rotation, other in enumerate(mobilenet)
            for network, value in (("standard", 0.9), ("mobilenet", other))
        ]
        columns = ["level", "dataset", "network", "balanced_accuracy"]
        pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "imbalance.csv", index=False)
        return conclusions.tails(tmp_path)

    assert "the MobileNet network suffers more" in conclude(0.89, 0.88)
    assert "−1.00, −2.00 points" in conclude(0.89, 0.88)
    assert "the standard network suffers more" in conclude(0.91, 0.92)
    assert "neither network suffers more" in conclude(0.91, 0.88)
