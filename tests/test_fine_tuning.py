"""Training on from a checkpoint: a folder of corrections becomes a network that the demo takes."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers_data import done, drawn_digits

from analysis.frame.command import start
from netlib.answer.predictor import Predictor
from netlib.app.service import Service
from netlib.app.teach import TeachStore, training_command
from netlib.data import DigitDataset, write_digests
from netlib.nets import load_network, read_metadata, save_network, weights_digest
from netlib.nets.network import init_network

CLASSES = 3
IMAGES, LABELS = drawn_digits([10] * CLASSES)
RULE = {"score": "confidence", "threshold": 0.1}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A small network with a temperature, a rule and a map, as the shipped ones have them."""
    path = tmp_path / "start" / "small.safetensors"
    net = init_network(1, 1, (1, 28, 28), CLASSES)
    split = {"seed": 0, "validation_size": 6}
    metadata = {"temperature": 1.7, "no_digit": RULE, "split": split, "data": [{"source": "drawn"}]}
    save_network(net, path, metadata)
    embeddings = Predictor({"net": path}).predict(IMAGES[:, None] / 255)["net"].embeddings
    told = {"projection": embeddings[:, :2], "made_by": json.dumps({"method": "pca"})}
    arrays = {"images": IMAGES, "labels": LABELS, "embeddings": embeddings, **told}
    np.savez(path.with_name("map_small.npz"), **arrays)
    return path


def tune(checkpoint: Path, data: Path, output: Path, *options: object) -> None:
    """Train on for an epoch."""
    words = ("--dataset-path", data, "--start-from", checkpoint, "--output", output)
    done("main", *words, "--training-epochs", 1, "--device", "cpu", *options)


@pytest.fixture
def corrections(tmp_path: Path) -> TeachStore:
    store = TeachStore(tmp_path / "corrections")
    store.put(IMAGES[0] / 255, 2)  # one is enough
    return store


def test_the_printed_command_makes_a_network_that_the_demo_takes(
    checkpoint: Path, corrections: TeachStore, tmp_path: Path, capsys, caplog
) -> None:
    words = shlex.split(training_command(corrections, checkpoint))[3:]
    output = tmp_path / "taught"
    words[words.index("--output") + 1] = str(output)
    status = start("main", [*words, "--validation-size", "6", "--device", "cpu"])
    said = capsys.readouterr().out
    assert status == 0
    made = output / "conv1_dw1.safetensors"
    metadata = read_metadata(made)
    assert (metadata["temperature"], metadata["no_digit"]) == (1.7, RULE)
    assert metadata["started_from"]["weights_sha256"] == weights_digest(load_network(checkpoint))
    assert metadata["started_from"]["data"] == [{"source": "drawn"}]
    assert set(metadata["scores"]) == {"rehearsed"}  # no test of unseen digits is claimed
    assert "new digits: " in said and "of 1 read rightly" in said
    assert "rehearsed test digits: " in said and "of 6 read rightly" in said
    assert "held_conv1_dw1.npz is missing" in caplog.text
    assert "no test split" in caplog.text
    assert weights_digest(load_network(made)) != weights_digest(load_network(checkpoint))
    service = Service.load(checkpoint, made)  # refuses a map of other weights
    assert len(service.atlases) == 2


def test_with_a_test_split_the_training_is_as_ever_but_for_its_start(
    checkpoint: Path, digit_folder: Callable, tmp_path: Path
) -> None:
    data = digit_folder(train=6, test=2, num_classes=CLASSES)
    short = ("--learning-rate", "1e-9", "--batch-size", 6, "--validation-size", 3)
    tune(checkpoint, data, tmp_path / "o", *short)
    made = load_network(tmp_path / "o" / "conv1_dw1.safetensors")
    assert set(made.metadata["scores"]) == {"validation", "test"}
    before = load_network(checkpoint).arrays
    np.testing.assert_allclose(made.arrays["head.weight"], before["head.weight"], atol=1e-6)


def test_what_the_first_training_saw_is_known_of_the_second(
    checkpoint: Path, digit_folder: Callable, tmp_path: Path, caplog
) -> None:
    data = digit_folder(train=6, test=2, num_classes=CLASSES)
    seen = DigitDataset(data, "test", num_classes=CLASSES).images
    write_digests(checkpoint, seen)
    tune(checkpoint, data, tmp_path / "o", "--validation-size", 3)
    assert f"{len(seen)} of these {len(seen)} images are among those" in caplog.text
    both = [np.load(path) for path in (tmp_path / "o").glob("*.trained-on.npy")]
    assert [len(hashes) for hashes in both] == [len(seen) + 5 * CLASSES]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--conv-block-count", "2"], "leave the option out"),
        (["--architecture", "standard"], "leave --architecture out"),
        (["--loss", "ldam_drw"], "has a linear head"),
        ([], "--test-size"),
    ],
)
def test_what_does_not_fit_the_start_is_refused(
    checkpoint: Path, corrections: TeachStore, tmp_path: Path, refused, options, sentence
) -> None:
    words = ["--dataset-path", corrections.folder, "--start-from", checkpoint]
    if "--test-size" in sentence:
        checkpoint.with_name("map_small.npz").unlink()  # and there is no test split
    assert sentence in refused("main", *words, *options, "--output", tmp_path / "o")
