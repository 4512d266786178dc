"""Evaluate: a checkpoint and a data set in, scores.json and predictions.npz out."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax

from analysis.frame.command import start
from netlib.data import DigitDataset
from netlib.files import read_arrays
from netlib.measure.metrics import calibration_interval, scores
from netlib.nets.checkpoint import load_network, save_network, weights_digest
from netlib.nets.network import init_network
from netlib.training.course import infer


@pytest.fixture(scope="module")
def dataset(digit_folder) -> Path:
    """Three classes, 2 training and 3 test images of each, 28×28."""
    return digit_folder(train=2, test=3, num_classes=3)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A network whose answers differ from image to image, with a temperature of 2."""
    torch.manual_seed(0)
    net = init_network(1, 1, (1, 28, 28), 3, width=0.25)
    net.train()(torch.rand(16, 1, 28, 28).round())
    net.head.weight.data *= 20
    return save_network(net, tmp_path_factory.mktemp("net") / "net.safetensors", {"temperature": 2})


def words(dataset: Path, checkpoint: Path, output: Path) -> list[str]:
    paths = {"--dataset-path": dataset, "--checkpoint": checkpoint, "--output": output}
    return [str(word) for pair in paths.items() for word in pair]


def evaluate(dataset: Path, checkpoint: Path, output: Path, *options: str) -> int:
    return start("evaluate", [*words(dataset, checkpoint, output), *options])


def read(output: Path) -> tuple[dict, dict[str, np.ndarray]]:
    return json.loads((output / "scores.json").read_text()), read_arrays(output / "predictions.npz")


@pytest.mark.parametrize("split", ["test", "train"])
@pytest.mark.parametrize("preprocess", ["none", "sketch"])
def test_predictions_are_the_network_s_for_every_image_of_the_split(
    dataset: Path, checkpoint: Path, tmp_path: Path, split: str, preprocess: str
) -> None:
    options = ["--split", split, "--preprocess", preprocess]
    assert evaluate(dataset, checkpoint, tmp_path, *options) == 0
    content, arrays = read(tmp_path)
    digits = DigitDataset(dataset, split, num_classes=3, preprocess=preprocess)
    assert arrays["names"].tolist() == digits.names
    np.testing.assert_array_equal(arrays["labels"], digits.labels)
    expected = infer(load_network(checkpoint), digits.loader(9))
    np.testing.assert_allclose(arrays["logits"], expected.logits, atol=1e-4)
    np.testing.assert_allclose(arrays["embeddings"], expected.embeddings, atol=1e-4)
    assert np.ptp(arrays["logits"], axis=0).max() > 0.1
    made_by = content["made_by"]
    assert (made_by["split"], made_by["preprocess"]) == (split, preprocess)


def test_scores_are_those_of_the_predictions_at_the_checkpoint_s_temperature(
    dataset: Path, checkpoint: Path, tmp_path: Path
) -> None:
    evaluate(dataset, checkpoint, tmp_path)
    content, arrays = read(tmp_path)
    made_by = content.pop("made_by")
    uncalibrated = content.pop("uncalibrated")
    probabilities = softmax(arrays["logits"].astype(np.float64) / 2, axis=1)
    interval = content.pop("ece_interval")
    assert interval == pytest.approx(calibration_interval(arrays["labels"], probabilities))
    expected = asdict(scores(arrays["labels"], arrays["logits"], temperature=2))
    assert content == json.loads(json.dumps(expected))
    plain = scores(arrays["labels"], arrays["logits"])
    assert uncalibrated == {"nll": plain.nll, "brier": plain.brier, "ece": plain.ece}
    assert uncalibrated["nll"] != content["nll"]
    assert content.keys() >= {
        "n", "accuracy", "balanced_accuracy", "macro_f1", "per_class_recall", "nll", "confusion",
    }  # fmt: skip
    assert content["n"] == 9
    assert made_by["temperature"] == 2


def test_what_is_printed_is_written_and_says_what_made_it(
    dataset: Path, checkpoint: Path, tmp_path: Path, capsys
) -> None:
    evaluate(dataset, checkpoint, tmp_path)
    content, _ = read(tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert "9 images, preprocess none" in lines[0]
    assert lines[1].startswith(f"accuracy {100 * content['accuracy']:.2f} %")
    assert f"F1 (macro) {100 * content['macro_f1']:.2f} %" in lines
    assert f"NLL {content['nll']:.4f}" in lines[4]
    assert [Path(line).name for line in lines[-2:]] == ["predictions.npz", "scores.json"]
    made_by = content["made_by"]
    assert made_by["weights_sha256"] == weights_digest(load_network(checkpoint))
    assert made_by["architecture"] == "conv1_dw1_w0.25"
    assert made_by["dataset"] == dataset.name
    assert made_by["command"].startswith("python -m analysis.evaluate --dataset-path ")
    assert {"python", "torch", "onnxruntime", "numpy"} == made_by["versions"].keys()


# --- Errors of the user -------------------------------------------------------------------------


def test_a_mistake_gets_one_sentence_and_nothing_is_written(
    digit_folder, dataset: Path, checkpoint: Path, tmp_path: Path, refused
) -> None:
    nowhere, damaged = tmp_path / "nowhere", tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"half a file")
    small = save_network(init_network(1, 0, (1, 8, 8), 3), tmp_path / "small.safetensors")
    no_test = digit_folder(train=2, test=0, num_classes=3)
    five = digit_folder(train=0, test=1, num_classes=5)
    for data, net, options, sentence in (
        (dataset, nowhere, (), f"There is no checkpoint {nowhere}"),
        (dataset, damaged, (), "damaged.safetensors"),
        (nowhere, checkpoint, (), "nowhere does not exist"),
        (no_test, checkpoint, (), "has no test split"),
        (five, checkpoint, (), "which is outside 0...2"),
        (dataset, small, ("--preprocess", "sketch"), "28x28"),
    ):
        assert sentence in refused("evaluate", *words(data, net, tmp_path / "out"), *options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("test", [[1, 0, 0], [2, 0, 1]], ids=["one picture", "an absent class"])
def test_sets_of_one_picture_and_of_few_classes_have_scores(
    digit_folder, checkpoint: Path, tmp_path: Path, test: list[int]
) -> None:
    dataset = digit_folder(train=0, test=test, num_classes=3)
    assert evaluate(dataset, checkpoint, tmp_path) == 0
    scores, _ = read(tmp_path)
    assert scores["n"] == sum(test) and 0 <= scores["accuracy"] <= 1
    assert [recall is None for recall in scores["per_class_recall"]] == [not n for n in test]
