"""The steps of the report: what is done is skipped, what is missing is run."""

import sys
from pathlib import Path

import pytest

from analysis.report import steps as module
from analysis.report.steps import Record, Step, run_steps


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a program that appends a line to the file that it is given."""
    program = "import sys\nopen(sys.argv[1], 'a').write('ran\\n')\nsys.exit('--fail' in sys.argv)\n"
    (tmp_path / "append.py").write_text(program)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def step(path: Path, *arguments: str, inputs: tuple[Path, ...] = ()) -> Step:
    return Step(path.stem, "append", (str(path), *arguments), (path,), inputs)


def runs(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_a_step_runs_once(place: Path, capsys) -> None:
    results = place / "results"
    results.mkdir()
    one = step(results / "one.csv")
    run_steps([one], Record.read(results), [])
    run_steps([one], Record.read(results), [])
    assert runs(results / "one.csv") == 1
    assert capsys.readouterr().out.splitlines()[0] == "1 of 1 steps to run, about 10 s on two cores"


def test_another_command_a_missing_file_and_redo_run_it_again(place: Path) -> None:
    one = step(place / "one.csv")
    run_steps([one], Record.read(place), [])
    run_steps([step(place / "one.csv", "--more")], Record.read(place), [])
    assert runs(place / "one.csv") == 2
    run_steps([step(place / "one.csv", "--more")], Record.read(place), ["one"])
    assert runs(place / "one.csv") == 3
    (place / "one.csv").unlink()
    run_steps([step(place / "one.csv", "--more")], Record.read(place), [])
    assert runs(place / "one.csv") == 1


def test_a_failure_keeps_what_is_done(place: Path) -> None:
    good, bad = step(place / "good.csv"), step(place / "bad.csv", "--fail")
    with pytest.raises(RuntimeError, match=r"bad stopped with status 1: .* what is done is kept"):
        run_steps([good, bad], Record.read(place), [])
    record = Record.read(place)
    assert record.is_done(good)
    assert not record.is_done(bad)


def test_an_input_that_has_changed_since_is_told(place: Path, capsys) -> None:
    first = step(place / "first.csv")
    second = step(place / "second.csv", inputs=(place / "first.csv",))
    run_steps([first, second], Record.read(place), [])
    assert "note:" not in capsys.readouterr().out
    (place / "first.csv").write_text("changed\n")
    run_steps([first, second], Record.read(place), [])
    out = capsys.readouterr().out
    assert f"note: {place / 'first.csv'} has changed since second read it: --redo second" in out


def test_hidden_arguments_do_not_count(place: Path) -> None:
    path = place / "one.csv"
    run_steps([step(path)], Record.read(place), [])
    moved = Step("one", "append", (str(path),), (path,), hidden=("--jobs", "2"))
    assert Record.read(place).is_done(moved)
    assert "--jobs" not in moved.command


def test_data_sets_are_made_only_for_steps_that_run(place: Path) -> None:
    results = place / "results"
    results.mkdir()
    data = step(place / "record.json")
    table = step(results / "table.csv")
    run_steps([data, table], Record.read(results), [])
    (place / "record.json").unlink()
    run_steps([data, table], Record.read(results), [])
    assert not (place / "record.json").exists()


def test_a_data_set_of_another_command_is_not_taken(place: Path) -> None:
    results = place / "results"
    results.mkdir()
    (place / "record.json").write_text('{"command": "python -m other"}')
    with pytest.raises(ValueError, match=r"made by another command \(python -m other\)"):
        run_steps([step(place / "record.json"), step(results / "a.csv")], Record.read(results), [])


def test_a_damaged_record_is_one_sentence(place: Path) -> None:
    (place / module.RECORD).write_text("{")
    with pytest.raises(ValueError, match="is no JSON"):
        Record.read(place)


def test_the_command_is_what_a_person_would_type() -> None:
    one = Step("one", "analysis.sweep", ("--levels", "a b"), ())
    assert one.command == "python -m analysis.sweep --levels 'a b'"
    assert sys.executable not in one.command
