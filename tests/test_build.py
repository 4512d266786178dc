"""The build: what is done by its content, what is missing or changed is named; a tiny report."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis.build import artefacts
from analysis.build.__main__ import Options, make_plan, open_report, results_of
from analysis.build.document import say
from analysis.build.plan import Step
from analysis.build.store import Build
from analysis.frame import command, wording
from analysis.frame.command import start
from analysis.frame.results import Results
from analysis.questions import headline, tails

ROOT = Path(__file__).parents[1]
FULL = Path("figures/data/full")


# --- The committed report -----------------------------------------------------------------------


@pytest.fixture
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("at_root")
def test_every_step_of_the_committed_report_is_done() -> None:
    report = open_report(make_plan(Options(full=True)))
    assert [problem for step in results_of(report) for problem in report.problems(step)] == []


@pytest.mark.usefixtures("at_root")
def test_the_numbers_on_the_page_are_those_of_the_tables() -> None:
    """If it fails: python -m analysis.build --full --draw-only."""
    committed = json.loads((ROOT / "figures" / "report.json").read_text(encoding="utf-8"))
    assert json.loads(json.dumps(say(Results(FULL)))) == committed["sections"]


@pytest.mark.usefixtures("at_root")
def test_card_and_gallery_and_maps_are_of_the_shipped_weights() -> None:
    others = artefacts.artefacts()
    made = ("model_card", "gallery", "map_standard", "map_mobilenet", "held_standard")
    for name in (*made, "held_mobilenet"):
        assert others.problems(others.steps[name]) == []


# --- Steps --------------------------------------------------------------------------------------


class Append:
    """A command that appends a line to the file that it is given."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __call__(self, name: str, arguments: list[str]) -> int:
        with open(self.place / arguments[0], "a", encoding="utf-8") as file:
            file.write("ran\n")
        return 2 if "--fail" in arguments else 0


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("analysis.build.store.start", Append(tmp_path))
    return tmp_path


def step(path: Path, *arguments: str, inputs: tuple[Path, ...] = ()) -> Step:
    return Step(path.stem, (("sweep", path.name, *arguments),), (path,), inputs)


def build(place: Path, *steps: Step) -> Build:
    return Build(steps, place / "steps.json")


def runs(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_a_step_runs_once_whatever_the_time_of_its_file(place: Path) -> None:
    one = step(place / "one.csv")
    build(place, one).run(["one"])
    (place / "one.csv").touch()
    build(place, one).run(["one"])
    assert runs(place / "one.csv") == 1
    assert build(place, one).problems(one) == []


def test_another_command_a_missing_file_and_redo_run_it_again(place: Path) -> None:
    one, more = step(place / "one.csv"), step(place / "one.csv", "--more")
    build(place, one).run(["one"])
    build(place, more).run(["one"])
    assert runs(place / "one.csv") == 2
    build(place, more).run(["one"], redo=["one"])
    assert runs(place / "one.csv") == 3
    (place / "one.csv").unlink()
    assert "one.csv is not there" in build(place, more).problems(more)[0]
    build(place, more).run(["one"])
    assert runs(place / "one.csv") == 1


def test_a_failure_keeps_what_is_done(place: Path) -> None:
    good, bad = step(place / "good.csv"), step(place / "bad.csv", "--fail")
    with pytest.raises(RuntimeError, match=r"bad stopped: .* what is done is kept"):
        build(place, good, bad).run(["good", "bad"])
    assert build(place, good, bad).problems(good) == []
    assert build(place, good, bad).problems(bad)


def test_a_changed_file_and_what_read_it_are_named(place: Path) -> None:
    first = step(place / "first.csv")
    second = step(place / "second.csv", inputs=(place / "first.csv",))
    build(place, first, second).run(["first", "second"])
    (place / "first.csv").write_text("changed\n")
    found = build(place, first, second)
    assert "first.csv is not what first wrote: restore it" in found.problems(first)[0]
    assert "first.csv has changed since second read it" in found.problems(second)[0]


def test_hidden_arguments_do_not_count(place: Path) -> None:
    one = step(place / "one.csv")
    build(place, one).run(["one"])
    assert build(place, one).problems(replace(one, hidden=("--jobs", "2"))) == []


def test_a_data_set_of_another_command_is_not_taken(place: Path) -> None:
    (place / "record.json").write_text('{"command": "python -m other"}')
    with pytest.raises(ValueError, match=r"made by another command \(python -m other\)"):
        replace(step(place / "record.json"), is_data=True).check()


def test_a_damaged_state_is_one_sentence(place: Path) -> None:
    (place / "steps.json").write_text("{")
    with pytest.raises(ValueError, match="is no JSON"):
        build(place, step(place / "one.csv"))


def test_an_unknown_step_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert start("build", ["--steps", "nothing"]) == 2
    assert "there is no step 'nothing'; --list names them all." in capsys.readouterr().err


# --- A tiny report ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything was made tiny, in this process."""
    place = tmp_path_factory.mktemp("report")
    (place / "checkpoints").symlink_to(ROOT / "checkpoints")  # whose layers are timed
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert start("build", ["--tiny", "--jobs", "1"]) == 0
    return place


def test_the_report_draws_what_its_steps_measured(made: Path) -> None:
    drawn = {path.stem for path in (made / "figures").glob("*.png")}
    assert json.loads((made / "figures/captions.json").read_text()).keys() == drawn
    assert set(json.loads((ROOT / "figures/captions.json").read_text())) - drawn == {"precision"}
    assert (made / "figures/Report.pdf").read_bytes().startswith(b"%PDF")


def test_a_result_that_was_changed_stops_the_report(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(made)
    path = Path("figures/data/tiny/loss.csv")
    before = path.read_bytes()
    path.write_bytes(before.replace(b"0.", b"1.", 1))
    assert start("build", ["--tiny"]) == 2
    assert f"{path} is not what loss wrote: restore it" in capsys.readouterr().err
    path.unlink()
    assert start("build", ["--tiny", "--draw-only"]) == 2
    assert f"{path} is not there" in capsys.readouterr().err
    path.write_bytes(before)
    assert start("build", ["--tiny", "--draw-only"]) == 0


# --- Wording ------------------------------------------------------------------------------------


def comparison(mean: float, low: float | None, high: float | None, equivalent: bool | None) -> dict:
    return {
        "n_seeds": 5,
        "difference": {"accuracy": {"mean": mean, "low": low, "high": high}},
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
    assert wording.agree([0.1, 0.2])
    assert wording.agree([-0.1, -0.2])
    assert not wording.agree([0.1, -0.1])
    assert not wording.agree([0.1])


def test_the_tails_conclusion_follows_its_table(tmp_path: Path) -> None:
    def conclude(*mobilenet: float) -> str:
        rows = [
            ("cross_entropy", f"tail-{rotation}", 100, network, value)
            for rotation, other in enumerate(mobilenet)
            for network, value in (("standard", 0.9), ("mobilenet", other))
        ]
        columns = ["level", "dataset", "ratio", "network", "balanced_accuracy"]
        pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "imbalance.csv", index=False)
        return next(tails.conclude(Results(tmp_path), {}))

    assert "the MobileNet network suffers more" in conclude(0.89, 0.88)
    assert "−1.00, −2.00 points" in conclude(0.89, 0.88)
    assert "the standard network suffers more" in conclude(0.91, 0.92)
    assert "neither network suffers more" in conclude(0.91, 0.88)


def test_every_command_of_a_step_is_in_the_table() -> None:
    report = open_report(make_plan(Options()))
    named = {name for step in report.steps.values() for name, *_ in step.commands}
    assert named <= set(command.COMMANDS)
    assert all(re.match(r"python -m analysis\.\w+", s.command) for s in report.steps.values())
