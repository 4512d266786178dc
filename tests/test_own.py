"""The report of one's own data set: its steps, and its page from what there is."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from helpers_data import words
from helpers_plots import draw_roughly
from helpers_runs import keep_pairs

from analysis.build import own
from analysis.build.__main__ import STATE, Options, open_report
from analysis.build.plan import Own, Plan
from analysis.frame.results import Results
from analysis.questions import questions


@pytest.fixture(scope="module")
def place(digit_folder, tmp_path_factory) -> tuple[Path, Path]:
    """A data set with nine test images, and a folder with a kept pair and its table."""
    dataset, output = digit_folder(train=2, test=[1] * 9 + [0]), tmp_path_factory.mktemp("own")
    keep_pairs(output / "runs" / "pairs", dataset, 0)
    (output / "data").mkdir()
    counts = ",".join(f"count_{c}" for c in range(10))
    rows = f"validation_images,test_images,{counts}\n2,9,{','.join(['2'] * 10)}\n"
    (output / "data" / "pairs.csv").write_text(rows)
    return dataset, output


@pytest.fixture(scope="module")
def dataset(digit_folder) -> Path:
    """Three classes, of just enough images."""
    return digit_folder(train=20, test=7, num_classes=3)


def test_its_steps_read_it_and_know_its_classes(dataset: Path, tmp_path: Path) -> None:
    plan = own.make_plan(Options(dataset_path=dataset, output=tmp_path))
    assert plan.own == Own(dataset, 3, 60)
    steps = open_report(plan).steps
    assert {"pairs", "learning_rate", "train_size", "blocks", "damage", "compare"} <= set(steps)
    assert not {"imbalance", "layers", "data_card"} & set(steps)
    assert not [name for name, step in steps.items() if step.is_data]
    assert all("--num-classes 3" in step.command for step in steps.values() if step.sweep)
    assert all("data/small" not in step.command for step in steps.values())


def test_no_more_images_are_asked_for_than_there_are(tmp_path: Path) -> None:
    plan = own.Plan("small", tmp_path, tmp_path, own=Own(tmp_path, 2, 500))
    assert plan.possible((150, 300, 600)) == (150, 300, 400)
    assert plan.possible((150, 300)) == (150, 300)
    assert plan.possible((600,)) == (400,)
    assert replace(plan, own=None).possible((150, 600)) == (150, 600)


def test_the_page_is_made_of_what_there_is_and_names_what_is_left_out(place, monkeypatch) -> None:
    draw_roughly(monkeypatch)
    dataset, output = place
    options = Options(dataset_path=dataset, output=output, author="A #1, <b>")
    plan = Plan("small", output / "data", output / "runs", own=Own(dataset, 10, 20))
    (pdf,) = own.make_page(plan, open_report(plan), options)
    text = words(pdf)
    assert f"separable convolution on {dataset.name}" in text
    assert "A #1, <b>" in text
    assert "The first pair of runs" in text
    assert "Left out of this report: imbalance" in text
    assert {path.stem for path in (output / "figures").glob("*.png")} >= {"confusion", "filters"}


@pytest.mark.parametrize(
    ("train", "test", "sentence"),
    [
        ([20, 0, 20], 7, "has no training image of class 1; expected some of each from 0 to 2"),
        ([20, 20, 1], 7, "too small for the sweep pairs: class 2 has 1 image, too few"),
        ([8] * 3, 7, "validation_size is 2 images, but with every class in every part"),
        ([20] * 3, 6, "has 18 test images; a report needs 21 or more"),
        ([20] * 3, 0, "has no test split"),
    ],
)
def test_too_few_images_are_told_before_any_training(
    digit_folder, tmp_path: Path, refused, train, test, sentence: str
) -> None:
    dataset = digit_folder(train=train, test=test, num_classes=3)
    assert sentence in refused("report", "--dataset-path", dataset, "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_result_and_an_unknown_step_stop_it(dataset, tmp_path: Path, refused) -> None:
    words = ("report", "--dataset-path", dataset, "--output", tmp_path)
    assert "there is no step 'nothing'" in refused(*words, "--redo", "nothing")
    assert "pairs.csv is not there: make it with --redo pairs" in refused(*words, "--draw-only")
    assert "--verify compares our report" in refused(*words, "--verify")
    assert "--dataset-path needs --output" in refused(*words[:3])


def test_the_report_of_another_data_set_or_size_is_kept(dataset, tmp_path: Path, refused) -> None:
    plan = own.make_plan(Options(dataset_path=dataset, output=tmp_path))
    ran = {"learning_rate": {"_values_:": {"command": "python -m analysis.sweep other"}}}
    plan.results.mkdir()
    (plan.results / STATE).write_text(json.dumps(ran))
    said = refused("report", "--dataset-path", dataset, "--output", tmp_path)
    assert "another data set or size (python -m analysis.sweep other)" in said


def test_what_is_said_of_mnist_is_not_said_of_other_data() -> None:
    assert own.is_said("All is well.")
    assert own.is_said("The 15 kinds of MNIST-C do harm.")
    assert not own.is_said("MNIST is easy for pixels.")
    assert not own.is_said("390,890")


def test_every_question_answers_in_whole_sentences_and_the_regimes_are_a_table() -> None:
    results = Results(Path("figures/data/full"))
    said = {own.name_of(q): own.told(own.found_in(results, q)) for q in questions()}
    wanted = ("sweeps", "block_counts", "curves", "embeddings", "calibration", "damage", "costs")
    for name in (*wanted, "through"):
        assert said[name], name
        assert all(sentence[0].isupper() and "{" not in sentence for sentence in said[name])
    assert any(s.startswith("Learning rate (3 seeds): validation") for s in said["sweeps"])
    (block,) = (b for b in own.opening(Plan("full", results.folder, Path()), results)
                if b["kind"] == "table" and "held equal" in b["head"])  # fmt: skip
    assert len(block["rows"]) == 7
