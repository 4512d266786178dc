"""The build: what is done by its content, what is missing or changed is named; a tiny report."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import pandas as pd
import pytest
from helpers_arms import interleave_here
from helpers_plots import draw_roughly

from analysis import prepare_data
from analysis.benchmark import layerwise
from analysis.build import artefacts, trace
from analysis.build.__main__ import Options, make_plan, open_report, results_of
from analysis.build.plan import Step
from analysis.build.store import Build, digest
from analysis.build.verify import disagreements
from analysis.frame import command, wording
from analysis.frame.command import command_line, parse, start
from analysis.frame.results import Results
from analysis.questions import (
    block_counts,
    budget,
    calibration,
    costs,
    damage,
    embeddings,
    headline,
    mistakes,
    sweeps,
    tails,
)
from netlib.data import sources
from netlib.data.sources import Split
from netlib.errors import WorkError

ROOT = Path(__file__).parents[1]
FULL = Path("figures/data/full")


# --- The committed report -----------------------------------------------------------------------


@pytest.fixture
def at_root(monkeypatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("at_root")
def test_every_step_of_the_committed_report_is_done_by_the_shipped_weights() -> None:
    report = open_report(make_plan(Options(full=True)))
    assert [problem for step in results_of(report) for problem in report.problems(step)] == []
    others = artefacts.artefacts()
    made = ("model_card", "gallery", "map_standard", "map_mobilenet", "held_standard")
    for name in (*made, "held_mobilenet"):
        assert others.problems(others.steps[name]) == []


@pytest.mark.usefixtures("at_root")
def test_every_number_figure_and_table_is_what_the_results_make(capsys) -> None:
    """If it fails: python -m analysis.build --full --draw-only."""
    before = digest(Path("figures"))
    assert start("build", ["--full", "--verify"]) == 0, capsys.readouterr().err
    assert digest(Path("figures")) == before


def cells() -> Iterator[tuple[str, int, int]]:
    """File, line and column of some cells of every table."""
    rng = np.random.default_rng(0)
    for path in sorted((ROOT / FULL).rglob("*.csv")):
        height, width = pd.read_csv(path, dtype=str).shape
        for _ in range(3):
            yield str(path.relative_to(ROOT / FULL)), rng.integers(height), rng.integers(width)


def test_any_other_cell_is_noticed(tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(ROOT / "figures/data", tmp_path / "figures/data")
    (tmp_path / "checkpoints").symlink_to(ROOT / "checkpoints")
    monkeypatch.chdir(tmp_path)
    report = open_report(make_plan(Options(full=True)))
    written = {path: step for step in results_of(report) for path in step.outputs}
    for file, line, column in cells():
        path = FULL / file
        if path not in written:  # a benchmark of its own
            continue
        before = path.read_bytes()
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.iat[line, column] = table.iat[line, column] + "1"
        table.to_csv(path, index=False)
        assert report.problems(written[path]), (file, line, column)
        path.write_bytes(before)


@pytest.mark.parametrize(
    ("file", "column"),
    [("pairs.csv", "accuracy"), ("class_scores.csv", "recall"), ("calibration_scores.csv", "nll")],
)
def test_tables_that_disagree_are_named(tmp_path: Path, file: str, column: str) -> None:
    for path in (ROOT / FULL).glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert list(disagreements(Results(tmp_path))) == []
    table = pd.read_csv(tmp_path / file)
    (name,) = (found for found in table if found == column or found == f"{column}_before")
    table.loc[3, name] += 0.001
    table.to_csv(tmp_path / file, index=False)
    assert any(file in sentence for sentence in disagreements(Results(tmp_path)))


def test_every_measured_number_of_the_report_leads_to_its_rows() -> None:
    content = json.loads((ROOT / "figures/report.json").read_text(encoding="utf-8"))
    places, sources = content["places"], content["sources"]
    assert all(place < len(sources) for place in places.values())
    assert sources[places["headline.verdict"]] == {"headline.json": ANY}
    kept = {"headline.json": "networks.standard.accuracy.values"}
    assert sources[places["headline.runs.0.standard"]] == kept
    first = sources[places["headline.epochs"]]["pairs.csv"]
    assert first == "2"  # the first line under the names of the columns
    numbers = {k for k, text in trace.leaves(content["sections"]).items() if "." in text}
    assert {k for k in numbers if re.search(r"\d\.\d", k)} - places.keys() == set()
    files = {file["file"] for file in content["files"]}
    assert {name.removeprefix("../") for parts in sources for name in parts} <= files


def test_a_changed_row_shows_behind_what_it_changes(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["a", "b", "c"], "seed": [0, 0, 1], "value": [1.0, 2.0, 4.0]})
    table.to_csv(tmp_path / "t.csv", index=False)

    class Question:
        __name__ = "q"

        @staticmethod
        def say(data: Results) -> dict:
            found = data.table("t.csv").set_index("name")["value"]
            return {"q": {"sum": f"{found.iloc[0] + found.iloc[-1]:.2f}", "n": str(len(found))}}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "questions", lambda: [Question])
        behind = trace.trace(tmp_path, {})
    assert behind["q.sum"] == {"t.csv": ["2", "4"]}
    assert behind["q.n"] == {"t.csv": ["column seed"]}
    assert trace.places_text(["2", "3", "4", "7"]) == "2–4, 7"


@pytest.mark.parametrize("template", sorted(ROOT.glob("analysis/*/*.typ")), ids=lambda p: p.stem)
def test_no_semicolon_ends_a_value_instead_of_standing_in_the_text(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert re.findall(r"#[\w.]*\w(?:\([^()\n]*\))?;.*", text) == []


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
def place(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setattr("analysis.build.store.start", Append(tmp_path))
    return tmp_path


def step(path: Path, *arguments: str, inputs: tuple[Path, ...] = ()) -> Step:
    return Step(path.stem, (("sweep", path.name, *arguments),), (path,), inputs)


def build(place: Path, *steps: Step) -> Build:
    return Build(steps, place / "steps.json")


def runs(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_a_step_runs_once_whatever_the_time_of_its_file_and_hidden_arguments(place: Path) -> None:
    one = step(place / "one.csv")
    build(place, one).run(["one"])
    (place / "one.csv").touch()
    build(place, one).run(["one"])
    assert runs(place / "one.csv") == 1
    assert build(place, one).problems(one) == []
    assert build(place, one).problems(replace(one, hidden=("--jobs", "2"))) == []


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


def test_a_failure_keeps_what_is_done_without_a_traceback_and_ctrl_c_ends_the_build(
    place: Path, monkeypatch, capsys
) -> None:
    good, bad = step(place / "good.csv"), step(place / "bad.csv", "--fail")
    with pytest.raises(WorkError, match=r"bad stopped: .* what is done is kept"):
        build(place, good, bad).run(["good", "bad"])
    assert "Traceback" not in capsys.readouterr().out
    assert build(place, good, bad).problems(good) == []
    assert build(place, good, bad).problems(bad)
    monkeypatch.setattr("analysis.build.store.start", lambda *_: command.INTERRUPTED)
    with pytest.raises(KeyboardInterrupt):
        build(place, bad).run(["bad"])


def test_a_changed_file_and_what_read_it_are_named(place: Path) -> None:
    first = step(place / "first.csv")
    second = step(place / "second.csv", inputs=(place / "first.csv",))
    build(place, first, second).run(["first", "second"])
    (place / "first.csv").write_text("changed\n")
    found = build(place, first, second)
    assert "first.csv is not what first wrote: restore it" in found.problems(first)[0]
    assert "first.csv has changed since second read it" in found.problems(second)[0]


def test_a_data_set_of_another_command_is_not_taken_but_one_of_the_same(place: Path) -> None:
    (place / "record.json").write_text('{"command": "python -m other"}')
    with pytest.raises(ValueError, match=r"made by another command \(python -m other\)"):
        replace(step(place / "record.json"), is_data=True).check()
    for made in make_plan(Options()).data_sets():
        options = parse(prepare_data.Options, made.commands[0][1:])
        record = place / "record.json"
        record.write_text(json.dumps({"command": command_line(options)}))
        replace(made, outputs=(record,)).check()


def test_a_damaged_state_and_an_unknown_step_are_one_sentence(place: Path, refused) -> None:
    (place / "steps.json").write_text("{")
    with pytest.raises(ValueError, match="is no JSON"):
        build(place, step(place / "one.csv"))
    assert "there is no step 'nothing'; --list names" in refused("build", "--steps", "nothing")


# --- A tiny report ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder in which everything was made tiny, of every fifth digit, in this process."""
    place = tmp_path_factory.mktemp("report")
    (place / "checkpoints").symlink_to(ROOT / "checkpoints")  # whose layers are timed
    whole = sources.packaged()
    splits = {name: Split(s.images[::5], s.labels[::5]) for name, s in whole.splits.items()}
    with pytest.MonkeyPatch.context() as patch:
        draw_roughly(patch)
        patch.setattr(layerwise, "interleave", interleave_here)
        patch.setattr(costs, "SECONDS", 0.1)
        patch.chdir(place)
        patch.setattr(sources, "packaged", lambda seed: replace(whole, splits=splits))
        assert start("build", ["--tiny", "--jobs", "1"]) == 0
    return place


def test_the_report_draws_what_its_steps_measured(made: Path) -> None:
    output = made / "runs/report/tiny/figures"
    drawn = {path.stem for path in output.glob("*.png")}
    assert json.loads((output / "captions.json").read_text()).keys() == drawn
    assert set(json.loads((ROOT / "figures/captions.json").read_text())) - drawn == set()
    assert (output / "Report.pdf").read_bytes().startswith(b"%PDF")
    assert [path.name for path in (made / "figures").iterdir()] == ["data"]  # where the full one is


def test_a_result_that_was_changed_stops_the_report(made: Path, monkeypatch, refused) -> None:
    monkeypatch.chdir(made)
    path = Path("figures/data/tiny/loss.csv")
    before = path.read_bytes()
    path.write_bytes(before.replace(b"0.", b"1.", 1))
    assert f"{path} is not what loss wrote: restore it" in refused("build", "--tiny")
    path.unlink()
    assert f"{path} is not there" in refused("build", "--tiny", "--draw-only")
    path.write_bytes(before)
    report = open_report(make_plan(Options(tiny=True)))
    assert [problem for step in results_of(report) for problem in report.problems(step)] == []


@pytest.mark.usefixtures("at_root")
def test_no_report_is_written_over_one_of_another_size_or_data_set(tmp_path, refused) -> None:
    before = digest(Path("figures"))
    said = refused("build", "--tiny", "--output", "figures")
    assert "figures holds the report of full size: name another --output" in said
    own = ("report", "--dataset-path", tmp_path, "--output")
    assert "figures holds the report of full size" in refused(*own, "figures")
    assert digest(Path("figures")) == before
    (tmp_path / "Report.pdf").touch()
    assert "a report of another data set" in refused("build", "--tiny", "--output", tmp_path)


# --- Wording ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gaps", "equivalent", "expected"),
    [
        ([-0.004, -0.005, -0.003], False, "is less accurate: MobileNet − standard is −0.40 points"),
        ([0.004, 0.005, 0.003], False, "is more accurate: MobileNet − standard is +0.40 points"),
        ([0.0001, -0.0002, 0.0001], True, "equally accurate within ±0.1 point"),
        ([-0.001, 0.003, -0.004], False, "is open: MobileNet − standard is −0.07 points"),
        # Two equal signs are no finding.
        ([-0.004, -0.004], False, "is open: MobileNet − standard is −0.40 points"),
        ([-0.001], None, "−0.10 points (1 pair, no interval)"),
    ],
)
def test_the_verdict_follows_from_the_interval(gaps: list, equivalent, expected: str) -> None:
    found = {
        "difference": {"accuracy": {"values": gaps}},
        "equivalence": {"equivalent": equivalent},
    }
    assert expected in headline.verdict(found)


def test_kept_answers_and_mcnemars_tables_give_equal_pairs_the_same_interval() -> None:
    n = 2000
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 10, n)
    answers = {"labels": labels}
    for name, wrong in (("standard", 0.02), ("mobilenet", 0.03)):
        answers |= dict.fromkeys(
            (f"{name}-0", f"{name}-1"), (labels + (draw.random(n) < wrong)) % 10
        )
    right = [answers[f"{name}-0"] == labels for name in ("standard", "mobilenet")]
    table = {"only_standard": int((right[0] & ~right[1]).sum()),
             "only_mobilenet": int((right[1] & ~right[0]).sum())}  # fmt: skip
    mean = float(right[1].mean() - right[0].mean())
    accuracy = {"mean": mean, "low": mean, "high": mean, "values": [mean, mean]}
    found = {"difference": {"accuracy": accuracy}, "mcnemar": [table, table], "seeds": [0, 1],
             "test_images": n}  # fmt: skip
    reach = re.compile(r"\S+ to \S+ points")
    [kept] = reach.findall(headline.with_images_of(answers, found))
    assert kept == reach.findall(headline.with_images(found))[0]
    assert wording.points(mean) not in kept


def test_holm_multiplies_the_smallest_by_all_and_never_falls() -> None:
    adjusted = wording.holm({"a": 0.04, "b": 0.01, "c": 0.03, "d": 0.9})
    assert adjusted == pytest.approx({"b": 0.04, "c": 0.09, "a": 0.09, "d": 0.9})


def test_sorting_lies_between_perfect_and_none() -> None:
    errors, n = 1_000, 100_000
    risk = np.maximum(0, np.arange(1, n + 1) - (n - errors)) / np.arange(1, n + 1)
    assert calibration.disorder(risk.mean(), errors / n, n) == pytest.approx(0, abs=1e-12)
    assert calibration.disorder(errors / n, errors / n, n) == pytest.approx(1)


@pytest.mark.filterwarnings("error")
def test_what_has_no_error_has_no_sorting(tmp_path: Path) -> None:
    area = {"values": [0.001, 0.0]}
    networks = {key: {"aurc": area, "error_rate": area} for key in ("standard", "mobilenet")}
    (tmp_path / "headline.json").write_text(json.dumps({"networks": networks, "test_images": 9}))
    assert calibration.sorting(Results(tmp_path)) == calibration.UNSORTED
    sections = {"calibration": {key: {"disorder": calibration.number(np.nan)} for key in networks}}
    assert list(calibration.conclude(Results(tmp_path), sections)) == []


def test_the_answer_tells_every_regime_and_lines_of_one_finding_together() -> None:
    rows = [
        {"name": name, "gap": "+0.10", "finding": finding}
        for name, finding in (
            ("Block for block", "less accurate"),
            (budget.RECIPE, "open"),
            ("Equal parameters (standard × 0.41)", "more accurate"),
            ("Equal MACs (standard × 0.465)", "open"),
        )
    ]
    assert budget.others_text(rows) == (
        "With the shipped recipe (+0.10 points) and at equal MACs (+0.10) which one is more "
        "accurate is open; at equal parameters (+0.10) MobileNet is more accurate."
    )


def test_equality_is_told_with_what_holm_leaves_of_it() -> None:
    pairs = pd.DataFrame({"standard": [0.99, 0.9901, 0.9899], "mobilenet": [0.9901, 0.99, 0.9899]})
    found = [budget.regime("", "", pairs, {}, p)["finding"] for p in (0.04, 0.06)]
    assert found == ["equal within ±0.1 point", "open"]


def test_a_digit_found_over_seeds_may_be_open_for_other_images() -> None:
    gaps = np.array([-0.010, -0.011, -0.012, -0.011, -0.010])
    columns = {("4", "standard"): gaps * 0 + 0.99, ("4", "mobilenet"): gaps + 0.99}
    recalls = pd.DataFrame(columns).rename_axis(columns=["class", "network"])
    seeds = mistakes.digits_apart(recalls)
    assert "a difference is found for 4 (MobileNet lower in all" in seeds
    assert mistakes.digits_apart(recalls, {"4": 0.001**2}) == seeds
    wide = mistakes.digits_apart(recalls, {"4": 0.006**2})
    assert wide == f"{seeds}; for another draw of images 4 is open"


def test_bins_and_ece_are_held_against_chance(tmp_path: Path) -> None:
    rows = [
        {"network": name, "temperature_scaled": 0, "bin": place, "confidence": confidence}
        | {"accuracy": accuracy, "count": 1000}
        for name in ("standard", "mobilenet")
        for place, confidence, accuracy in ((0, 0.9, 0.8), (1, 0.99, 0.991))
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "calibration.csv", index=False)
    scores = [
        {"network": name, "seed": seed} for name in ("standard", "mobilenet") for seed in (0, 1)
    ]
    pd.DataFrame(scores).to_csv(tmp_path / "calibration_scores.csv", index=False)
    data = Results(tmp_path)
    assert calibration.bins_text(data).startswith("2 bins depart from them beyond chance (least p")
    made = np.random.default_rng(0).binomial(500, [0.1, 0.01], (20_000, 2))
    simulated = np.abs(made / 500 - [0.1, 0.01]).mean()
    assert calibration.chance_ece(data, "standard") == pytest.approx(simulated, rel=0.02)


def test_a_speed_up_has_the_range_of_its_sessions() -> None:
    sessions = [
        pd.DataFrame({"ratio": ratios, "images": images}, index=["one", "batch"])
        for ratios, images in (([3.94, 4.33], [1, 256]), ([4.1, 4.47], [1, 16]))
    ]
    assert headline.speed_text(sessions, "one") == "3.94 times (3.94 to 4.10 in 2 sessions)"
    assert headline.speed_text(sessions, "batch") == (
        "4.33 times (4.33 to 4.47 in 2 sessions, others in batches of 16)"
    )
    assert headline.speed_text(sessions[:1], "one") == "3.94 times"


def test_losses_are_told_against_cross_entropy_pair_by_pair() -> None:
    gains = {"cross_entropy": (0, 0), "weighted": (0.01, 0.02), "focal": (0, 0.001)}
    luck = {"focal": (-0.004, 0.004, 0)}  # of three seeds
    rows = [
        (network, level, seed, 0.95 - 0.01 * n + gain[n] + luck.get(level, (0, 1e-4, -1e-4))[seed])
        for level, gain in gains.items()
        for n, network in enumerate(("standard", "mobilenet"))
        for seed in range(3)
    ]
    table = pd.DataFrame(rows, columns=["network", "level", "seed", "accuracy"])
    assert sweeps.losses(table) == (
        "Over pairs, uncorrected, apart from cross entropy are, in standard weighted (+1.00); in "
        "MobileNet weighted (+2.00). MobileNet − standard is −1.00 with cross entropy, with the "
        "others −0.90 (focal) to +0.00 (weighted)."
    )


def test_a_time_is_only_called_equal_where_a_width_comes_near_to_it() -> None:
    rows = [("standard", 0.4, 66, 5, 0.15), ("standard", 0.5, 99, 8, 0.16),
            ("standard", 1, 391, 33, 0.57), ("mobilenet", 1, 65, 7, 0.14),
            ("mobilenet", 2, 249, 28, 0.5), ("mobilenet", 2.5, 380, 30, 0.6)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["network", "width", "params", "macs", "time"])
    at_most = {"At most equal cost": (1, 2)}  # the widest takes longer
    alike = {"Equal parameters": (0.4, 1), "Equal MACs": (0.5, 1), **at_most}
    assert budget.budgets(table) == alike
    table.loc[1, "time"] = 0.145
    assert budget.budgets(table) == {**alike, "Equal time": (0.5, 1)}


def test_a_rate_that_one_network_bears_worse_is_told(tmp_path: Path) -> None:
    rows = [(rate, network, seed, 0.9 - (network == "mobilenet") * gap, loss)
            for rate, gap, loss in ((0.01, 0.05, 0.4), (0.03, 0.01, 0.3))
            for network in ("standard", "mobilenet") for seed in (0, 1)]  # fmt: skip
    columns = ["learning_rate", "network", "seed", "accuracy", "validation_nll"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "learning_rate.csv", index=False)
    slow, tuned = (pd.DataFrame({"learning_rate": [rate]}) for rate in (0.01, 0.03))
    assert "(−5.00 points) than at 0.03 (−1.00)" in tails.rate_text(Results(tmp_path), slow)
    assert tails.rate_text(Results(tmp_path), tuned) == ""


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("classes", "guessed"), [(10, "fog"), (2, "blur and fog")])
def test_what_chance_is_follows_from_the_number_of_classes(tmp_path, classes, guessed) -> None:
    pd.DataFrame(columns=[f"recall_{c}" for c in range(classes)]).to_csv(tmp_path / "pairs.csv")
    rows = [(kind, network, seed, 9, accuracy + seed / 100)
            for kind, accuracy in (("identity", 0.9), ("blur", 0.5), ("fog", 0.1), ("shear", 0.8))
            for network in ("standard", "mobilenet") for seed in (0, 1, 2)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["corruption", "network", "seed", "n", "accuracy"])
    table.to_csv(tmp_path / "corruptions.csv", index=False)
    moved = table.assign(kind="rotate", amount=15)
    moved.to_csv(tmp_path / "shifts.csv", index=False)
    assert damage.say(Results(tmp_path))["damage"]["guessed"] == guessed
    table[table["corruption"].isin(["identity", "fog"])].to_csv(tmp_path / "corruptions.csv")
    with pytest.raises(ValueError, match="every kind of damage leaves both networks near chance"):
        damage.say(Results(tmp_path))


def test_only_more_steps_can_be_a_fall(tmp_path: Path) -> None:
    rows = [
        (steps, network, seed, 0.9 + seed / 1000)
        for steps in (2, 4)
        for network in ("standard", "mobilenet")
        for seed in (0, 1)
    ]
    table = pd.DataFrame(rows, columns=["training_epochs", "network", "seed", "accuracy"])
    table = table.assign(train_images=8, batch_size=8, level=table["training_epochs"].astype(str))
    table.to_csv(tmp_path / "training_epochs.csv", index=False)
    worse = table.assign(accuracy=table["accuracy"] - 0.3)[table["training_epochs"] == 2]
    worse.to_csv(tmp_path / "batch_size.csv", index=False)
    assert "whichever factor made them" in sweeps.lengths(Results(tmp_path))


def test_numbers_are_written_as_a_reader_expects() -> None:
    assert wording.percent(0.98765) == "98.77"
    assert [wording.percent(tie) for tie in (0.91295, 0.93225)] == ["91.30", "93.23"]
    assert wording.points(-0.0012) == "−0.12"
    assert wording.points(0.0012) == "+0.12"
    assert wording.bounded({"low": 0.98, "high": 0.99}) == "98.00 to 99.00"
    assert wording.bounded({"low": 0.98, "high": 1.2}) == "98.00 to 100.00, cut at 0 or 100"
    assert "−100.00 to +100.00, cut at ±100, 2 pairs" in wording.gap_text([-0.5, 0.9])
    assert wording.whole(1234567) == "1,234,567"
    assert wording.p_value(0.0004) == "< 0.001"
    assert [wording.p_equals(p) for p in (0.05, 0.9999)] == ["p = 0.050", "p > 0.999"]
    assert wording.bounded({"low": 0.9, "high": 0.95}) == "90.00 to 95.00"


def test_lists_are_read_aloud_and_one_of_a_thing_is_one() -> None:
    assert [wording.listed(names) for names in ("", "a", "ab", "abc")] == [
        "none", "a", "a and b", "a, b and c",
    ]  # fmt: skip
    counts = ([1], [3, 3], [1, 3], [3, 1, 2], [1000])
    assert [wording.count_text(found, "seed") for found in counts] == [
        "1 seed", "3 seeds", "1 or 3 seeds", "1 to 3 seeds", "1,000 seeds",
    ]  # fmt: skip
    runs = pd.DataFrame({"0+1": [0.2], "1+0": [0.22]})
    one = block_counts.stem_trap(runs.T.set_axis(["accuracy"], axis=1), runs)
    assert "1 separable block reaches 20.00 %, a standard block 22.00 %: " in one


@pytest.mark.parametrize(("better", "said"), [("1", False), ("2", True)])
def test_only_networks_that_beat_pixels_are_said_to(better: str, said: bool) -> None:
    spaces = dict.fromkeys(embeddings.SPACES, "70.00")
    found = {"embeddings": {**spaces, "n": "2,000", "worse": "2", "better": better}}
    (told,) = embeddings.conclude(Results(FULL), found)
    assert ("only these beat pixels" in told) is said


def test_a_size_that_one_network_loses_by_is_not_told_to_be_alike() -> None:
    rows = [
        (network, size, str(size), seed, accuracy + 0.001 * seed)
        for network, small in (("standard", 0.90), ("mobilenet", 0.92))
        for size, accuracy in ((14, small), (28, 0.92))
        for seed in (0, 1)
    ]
    table = pd.DataFrame(rows, columns=["network", "resolution", "level", "seed", "accuracy"])
    means = table.groupby(["resolution", "network"])["accuracy"].mean().unstack()
    told = budget.sizes_text(means, table)
    assert told.endswith("cannot be told from chance.")
    alone = table[table["seed"] == 0]  # shows no spread
    assert budget.sizes_text(means, alone).endswith("14 px cannot be told from 28 px.")


def test_the_tails_conclusion_follows_its_table() -> None:
    def gap(*mobilenet: float) -> str:
        rows = [
            (f"tail-{rotation}", network, value, value)
            for rotation, other in enumerate(mobilenet)
            for network, value in (("standard", 0.9), ("mobilenet", other))
        ]
        columns = ["dataset", "network", "balanced_accuracy", "worst_recall"]
        row = tails.gap_row(100, pd.DataFrame(rows, columns=columns))
        return f"{row['lower']}: {row['gap']}"

    assert gap(0.89, 0.88, 0.89).startswith("3 of 3: −1.33 points (95 % interval −2.77 to")
    assert gap(0.89, 0.88).endswith("too few to tell")
    assert gap(0.91, 0.88, 0.9).endswith(" rotations), open")


def test_every_command_of_a_step_is_in_the_table() -> None:
    report = open_report(make_plan(Options()))
    named = {name for step in report.steps.values() for name, *_ in step.commands}
    assert named <= set(command.COMMANDS)
    assert all(re.match(r"python -m analysis\.\w+", s.command) for s in report.steps.values())
