"""The choice of the score that tells digits from other pictures, on an untrained network."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis import no_digit
from analysis.frame.command import start
from netlib.answer.refusal import DIGIT_SCORES
from netlib.nets.checkpoint import load_network, read_metadata, save_network, weights_digest
from netlib.nets.network import init_network

KINDS = ["letters", "scribbles", "textures", "silhouettes", "photos"]
COUNT = 20


def arguments(checkpoint: Path, dataset: Path, output: Path, validation: int = 40) -> list[str]:
    options = {
        "--dataset-path": dataset,
        "--validation-size": validation,
        "--checkpoint": checkpoint,
        "--count": COUNT,
        "--output": output,
    }
    return [str(part) for pair in options.items() for part in pair]


@pytest.fixture(scope="module")
def dataset(digit_folder: Callable[..., Path]) -> Path:
    """200 training and 20 test images."""
    return digit_folder(train=20, test=2)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    metadata = {"config": {"seed": 0}, "scores": {"validation": {"n": 40}}, "temperature": 1.0}
    path = tmp_path_factory.mktemp("checkpoint") / "small.safetensors"
    save_network(init_network(1, 1, (1, 28, 28), 10), path, metadata)
    return path


@pytest.fixture(scope="module")
def output(checkpoint: Path, dataset: Path, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("table") / "no_digit.csv"
    assert start("no_digit", [*arguments(checkpoint, dataset, path), "--write"]) == 0
    return path


@pytest.fixture(scope="module")
def rows(output: Path) -> list[dict[str, str]]:
    with open(output, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_score_is_measured_on_every_kind(rows: list[dict[str, str]]) -> None:
    found = {(row["score"], row["kind"]) for row in rows}
    assert found == {(score, kind) for score in DIGIT_SCORES for kind in ["MNIST test", *KINDS]} | {
        (no_digit.UNSEEN, kind) for kind in KINDS
    }
    # Four tenths of the pictures are left for the figures.
    assert {row["n"] for row in rows if row["kind"] in KINDS} == {str(round(0.4 * COUNT))}


def test_one_score_is_chosen_and_stored(rows: list[dict[str, str]], checkpoint: Path) -> None:
    chosen = {row["score"] for row in rows if row["chosen"] == "1"}
    rule = read_metadata(checkpoint)["no_digit"]
    assert chosen == {rule["score"]}
    assert rule["refused_of_validation"] == 0.01
    assert np.isfinite(rule["threshold"])


def test_every_area_lies_in_its_interval(rows: list[dict[str, str]]) -> None:
    found = [row for row in rows if row["auroc"]]
    assert {row["kind"] for row in found} == set(KINDS)
    for row in found:
        assert float(row["auroc_low"]) <= float(row["auroc"]) <= float(row["auroc_high"]) <= 1


def test_the_record_says_what_was_measured(output: Path, checkpoint: Path) -> None:
    record = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["command"].startswith("python -m analysis.no_digit --dataset-path ")
    assert record["weights_sha256"] == {"small": weights_digest(load_network(checkpoint))}


def test_a_kind_that_was_never_seen_is_no_easier(rows: list[dict[str, str]]) -> None:
    mean = {
        score: np.mean([float(row["auroc"]) for row in rows
                        if row["score"] == score and row["kind"] in KINDS])
        for score in ("head", no_digit.UNSEEN)
    }  # fmt: skip
    assert mean[no_digit.UNSEEN] <= mean["head"]


def test_another_split_than_the_trainings_is_refused(
    checkpoint: Path, dataset: Path, tmp_path: Path, capsys
) -> None:
    assert start("no_digit", arguments(checkpoint, dataset, tmp_path / "t.csv", validation=50)) == 2
    message = "was validated on 40 images, but --validation-size gives 50"
    assert message in capsys.readouterr().err
