"""The assignment's main, run as its user would, on a small data set and a small network."""

import contextlib
import csv
import io
import json
import re
import shutil
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps

from analysis import main as module
from analysis.frame.command import start
from netlib import measure
from netlib.data.loaders import DigitDataset
from netlib.measure.metrics import scores
from netlib.nets import load_network, read_metadata
from netlib.training.config import TrainConfig
from netlib.training.course import infer

NETWORK = ["--conv-block-count", "1", "--mobilenet-block-count", "1"]
SMALL = ["--input-dim", "1", "12", "12", "--num-classes", "3", *NETWORK]
SHORT = ["--training-epochs", "3", "--batch-size", "8", "--device", "cpu"]
FIGURES = {"samples", "confusion_matrix", "scores", "right", "wrong", "loss", "accuracy"}


@dataclass(frozen=True)
class Run:
    """What one run of main left behind."""

    status: int
    printed: str
    errors: str
    output: Path

    @property
    def scores(self) -> dict:
        return json.loads((self.output / "scores.json").read_text())

    @property
    def results(self) -> str:
        """From the losses to the end of the confusion matrix."""
        return self.printed[self.printed.index("Results") : self.printed.rindex("\n\n")]

    @property
    def named(self) -> list[Path]:
        """The files that the last lines name."""
        return [Path(line) for line in self.printed.rsplit("\n\n", 1)[1].splitlines()]


def run(output: Path, *arguments: object) -> Run:
    printed, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        status = start("main", [*map(str, arguments), "--output", str(output)])
    return Run(status, printed.getvalue(), errors.getvalue(), output)


@pytest.fixture(scope="module")
def dataset(digit_folder) -> Path:
    """Three classes, 12 training and 4 test images of each, 28×28."""
    return digit_folder(train=12, test=4, num_classes=3)


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory) -> Run:
    """A training with everything that can be written."""
    return run(
        tmp_path_factory.mktemp("trained"),
        "--dataset-path", dataset, *SMALL, *SHORT, "--validation-size", "9", "--visualize",
        "--name", "Ada Lovelace", "--roll-number", "AL-1843", "--loss", "focal",
        "--training-epochs", "12",
    )  # fmt: skip


def checkpoint(result: Run) -> Path:
    return result.output / "conv1_dw1.safetensors"


def weights(result: Run) -> dict[str, torch.Tensor]:
    return load_network(checkpoint(result)).state_dict()


# --- What is printed ----------------------------------------------------------------------------


def parameters(result: Run) -> dict[str, str]:
    """The printed parameters."""
    block = result.printed[: result.printed.index("Results")]
    return dict(re.findall(r"^  (\w+): (.*)$", block, re.MULTILINE))


def test_all_parameters_in_use_are_printed(trained: Run, dataset: Path) -> None:
    assert trained.printed.splitlines()[:2] == ["Name: Ada Lovelace", "Roll number: AL-1843"]
    block, printed = trained.printed, parameters(trained)
    assert printed.keys() >= {f.name for f in fields(module.Options)} - {"training"}
    assert printed.keys() >= {f.name for f in fields(TrainConfig)}
    assert printed["dataset_path"] == str(dataset)
    assert printed["loss"] == "focal"
    assert printed["input_dim"] == "1, 12, 12"
    assert printed["batch_size"] == "8"
    # 36 images of the train split, 9 of them for validation.
    assert printed["images"] == "27 train, 9 validation, 12 test"
    assert "training images of each class: 9 9 9" in block
    # 32 and 64 channels; 12×12 → 6×6 → 3×3.
    num_params = 9 * 32 + 2 * 32 + 9 * 32 + 2 * 32 + 32 * 64 + 2 * 64 + 64 * 3 + 3
    macs = 9 * 32 * 36 + 9 * 32 * 9 + 32 * 64 * 9 + 64 * 3
    assert printed["network"] == f"{num_params:,} parameters, {macs:,} MACs an image"


def test_every_epoch_has_its_line_and_the_last_lines_name_the_files_written(trained: Run) -> None:
    figures = r"loss [\d.]+, accuracy [\d.]+ %"
    line = rf"^epoch +(\d+) +train: {figures} +validation: {figures}"
    epochs = [str(epoch) for epoch in range(1, 13)]
    assert re.findall(line, trained.printed, re.MULTILINE) == epochs
    with open(trained.output / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == epochs
    sums = {f"{split}_{what}" for split in ("train", "validation") for what in ("loss", "accuracy")}
    assert rows[0].keys() >= sums
    assert (trained.status, trained.errors) == (0, "")
    assert set(trained.named) == set(trained.output.iterdir())


def test_the_printed_results_are_those_of_the_file(trained: Run) -> None:
    assert trained.scores["train"]["accuracy"] > 0.6  # by chance 1/3
    for split in ("train", "validation", "test"):
        expected = trained.scores[split]
        line = rf"{split} +([\d.]+) +([\d.]+) % +([\d.]+) %"
        loss, accuracy, f1 = re.search(line, trained.results).groups()
        assert loss == f"{expected['nll']:.4f}"
        assert accuracy == f"{100 * expected['accuracy']:.2f}"
        assert f1 == f"{100 * expected['macro_f1']:.2f}"
    test = trained.scores["test"]
    for label, recall in enumerate(test["per_class_recall"]):
        f1 = [trained.scores[s]["per_class_f1"][label] for s in ("train", "validation", "test")]
        line = r"\s+".join(f"{100 * value:.2f} %" for value in (recall, *f1))
        assert re.search(rf"^ +{label} +{line}$", trained.results, re.MULTILINE)
    matrix = trained.results[trained.results.index("Confusion") :].splitlines()[2:5]
    counts = [[int(number) for number in line.split()[1:]] for line in matrix]
    assert counts == test["confusion"]
    assert [sum(row) for row in counts] == [4, 4, 4]  # true classes by row


# --- What is written ----------------------------------------------------------------------------


def test_scores_are_of_the_saved_network_which_says_how_it_was_made(trained, dataset) -> None:
    net = load_network(checkpoint(trained))
    metadata = net.metadata
    test_set = DigitDataset(dataset, "test", input_dim=(1, 12, 12), num_classes=3)
    images, labels = test_set.batch(range(len(test_set)))
    logits = infer(net, [(images, labels)]).logits.numpy()
    expected = scores(labels.numpy(), logits)
    assert trained.scores["test"]["confusion"] == [list(row) for row in expected.confusion]
    for key in ("n", "accuracy", "balanced_accuracy", "macro_f1", "nll", "ece"):
        assert trained.scores["test"][key] == pytest.approx(getattr(expected, key), rel=1e-4)
    assert metadata["scores"]["test"]["accuracy"] == expected.accuracy
    assert metadata["class_names"] == ["0", "1", "2"]
    assert metadata["normalisation"] == {"mean": 0, "std": 1, "range": [0, 1], "ink": 1}
    assert metadata["data"] == [{"source": dataset.name}]
    assert metadata["command"].startswith("python -m analysis.main --dataset-path ")
    assert "--loss focal" in metadata["command"]
    config = metadata["config"]
    assert (config["loss"], config["batch_size"], config["training_epochs"]) == ("focal", 8, 12)
    assert 1 <= metadata["epoch"] <= 12
    assert metadata["scores"]["validation"]["n"] == 9
    assert {"python", "torch", "numpy"} <= metadata["versions"].keys()
    assert metadata["spec"]["input_dim"] == [1, 12, 12]


def test_visualize_writes_every_figure(trained: Run) -> None:
    written = {path.stem for path in trained.output.glob("*.png")}
    assert written == FIGURES
    for name in FIGURES:
        with Image.open(trained.output / f"{name}.png") as image:
            assert len(image.convert("L").getcolors(256)) > 2  # something is drawn


def test_a_run_of_few_words_goes_below_runs_and_knows_its_data_and_temperature(
    dataset: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    shutil.copytree(dataset, tmp_path / "set")
    (tmp_path / "set" / "record.json").write_text('{"source": "drawn", "seed": 4}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(measure, "choose_temperature", lambda labels, _: 1 + len(labels) / 100)
    words = ["--dataset-path", "set", *SMALL, *SHORT, "--validation-size", "9"]
    assert start("main", words) == 0
    assert "(not given)" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "set"}
    output = tmp_path / "runs" / "conv1_dw1"
    assert {path.name for path in output.iterdir()} == {
        "conv1_dw1.safetensors", "conv1_dw1.trained-on.npy", "history.csv", "scores.json",
    }  # fmt: skip
    metadata = read_metadata(output / "conv1_dw1.safetensors")
    assert metadata["data"] == [{"source": "drawn", "seed": 4}]
    assert metadata["temperature"] == 1.09  # fitted on the nine validation images


# --- The same again, and without training -------------------------------------------------------


def test_without_training_the_saved_network_scores_the_same(
    trained: Run, dataset: Path, tmp_path: Path
) -> None:
    before = checkpoint(trained).read_bytes()
    loaded = run(
        tmp_path, "--dataset-path", dataset, "--validation-size", 9,
        "--is-training", "False", "--checkpoint", checkpoint(trained), "--visualize",
    )  # fmt: skip
    assert loaded.status == 0
    assert {k: v for k, v in loaded.scores.items() if k != "made_by"} == {
        k: v for k, v in trained.scores.items() if k != "made_by"
    }
    assert loaded.results == trained.results
    assert "Training" not in loaded.printed
    assert checkpoint(trained).read_bytes() == before
    written = {path.name for path in tmp_path.iterdir()}
    figures = FIGURES - {"loss", "accuracy"}
    assert written == {"scores.json"} | {f"{name}.png" for name in figures}

    # The network's own parameters, though the command names none.
    asked, told = parameters(trained), parameters(loaded)
    for name in ("input_dim", "num_classes", "conv_block_count", "loss", "training_epochs"):
        assert told[name] == asked[name], name


@pytest.mark.parametrize("changed", [["--seed", "1"], ["--conv-block-count", "2"]], ids=" ".join)
def test_results_of_another_run_are_never_overwritten(
    trained: Run, dataset: Path, changed: list[str], tmp_path: Path, refused
) -> None:
    before = {path: path.read_bytes() for path in trained.output.iterdir()}
    options = ("--dataset-path", dataset, *SMALL, *SHORT, *changed)
    told = refused("main", *options, "--output", trained.output)
    assert "holds the results of another run" in told and "--seed 1" not in told
    options = (*options, "--checkpoint", checkpoint(trained), "--output", tmp_path)
    assert "holds the results of another run" in refused("main", *options)
    assert {path: path.read_bytes() for path in trained.output.iterdir()} == before


def test_main_is_called_from_python_with_the_same_names(dataset: Path, tmp_path: Path) -> None:
    written = module.main(
        dataset, architecture="mobilenet_v1", input_dim=[1, 8, 8], num_classes=3,
        training_epochs=1, learning_rate=0.01, augment="mild", batch_size=8, device="cpu",
        is_training=True, output=tmp_path,
    )  # fmt: skip
    assert [path.name for path in written] == [
        "mobilenet_v1.safetensors", "mobilenet_v1.trained-on.npy", "history.csv", "scores.json",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="has its own blocks"):
        module.main(dataset, architecture="standard", conv_block_count=3)
    with pytest.raises(ValueError, match="Unrecognized options: --training_epoch"):
        module.main(dataset, training_epoch=3)


def test_an_interrupted_training_goes_on_with_resume(dataset, tmp_path: Path, monkeypatch) -> None:
    options = ("--dataset-path", dataset, *SMALL, *SHORT, "--augment", "mild")
    straight = run(tmp_path / "straight", *options)
    epoch_line = module.epoch_line

    def press_control_c(row: dict[str, float]) -> str:
        if row["epoch"] == 2:
            raise KeyboardInterrupt
        return epoch_line(row)

    monkeypatch.setattr(module, "epoch_line", press_control_c)
    stopped = run(tmp_path / "resumed", *options)
    assert stopped.status == 130 and "stopped" in stopped.errors
    monkeypatch.setattr(module, "epoch_line", epoch_line)
    anew = run(tmp_path / "resumed", *options)
    assert anew.status == 2 and "go on with --resume" in anew.errors
    resumed = run(tmp_path / "resumed", *options, "--resume")
    assert re.findall(r"^epoch +(\d+)", resumed.printed, re.MULTILINE) == ["3"]
    assert all(torch.equal(t, weights(resumed)[name]) for name, t in weights(straight).items())
    assert resumed.results == straight.results
    assert not (tmp_path / "resumed" / "training.state").exists()


# --- Other data sets ----------------------------------------------------------------------------


def test_ten_classes_in_zips_and_in_colour(digit_folder, tmp_path: Path) -> None:
    dataset = digit_folder(train=3, test=1, zipped=True)
    result = run(
        tmp_path, "--dataset-path", dataset, "--input-dim", 3, 8, 8, *NETWORK, *SHORT,
        "--weighted-sampling", "--train-size", "0.5", "--validation-size", "10",
    )  # fmt: skip
    assert result.status == 0, result.errors
    assert "images: 15 train, 10 validation, 10 test" in result.printed
    assert len(result.scores["test"]["confusion"]) == 10


def test_dark_ink_is_told_and_read_the_demo_s_way_where_that_is_asked(
    dataset: Path, tmp_path: Path, caplog
) -> None:
    dark = tmp_path / "dark"
    shutil.copytree(dataset, dark)
    for path in dark.rglob("*.png"):
        ImageOps.invert(Image.open(path)).save(path)
    options = ("--dataset-path", dark, "--num-classes", 3, *NETWORK, *SHORT)
    run(tmp_path / "plain", *options)
    assert sum("--preprocess sketch" in message for message in caplog.messages) == 2  # train, test
    caplog.clear()
    assert run(tmp_path / "sketch", *options, "--preprocess", "sketch").status == 0
    assert not any("--preprocess" in message for message in caplog.messages)


def test_a_class_without_test_images_is_said_to_have_none(digit_folder, tmp_path: Path) -> None:
    dataset = digit_folder(train=[4, 4, 0], test=[2, 0, 2], num_classes=3)
    result = run(
        tmp_path, "--dataset-path", dataset, *SMALL, *SHORT, "--validation-size", 3, "--visualize"
    )
    assert result.status == 0, result.errors
    assert re.search(r"^ +1 +no images", result.results, re.MULTILINE)
    assert result.scores["test"]["per_class_recall"][1] is None
    assert read_metadata(checkpoint(result))["untrained_classes"] == [2]


@pytest.mark.parametrize(
    "options, trained_with",
    [
        ([], "loss class_balanced, images drawn as they come"),
        (["--no-balance"], "loss cross_entropy, images drawn as they come"),
        (["--weighted-sampling"], "loss cross_entropy, every class drawn equally often"),
        (["--loss", "focal"], "loss focal, images drawn as they come"),
    ],
)
def test_classes_are_balanced_above_three_to_one_and_it_is_said(
    digit_folder, tmp_path: Path, options: list[str], trained_with: str
) -> None:
    dataset = digit_folder(train=[20, 5, 6], test=2, num_classes=3)
    result = run(tmp_path, "--dataset-path", dataset, *SMALL, *SHORT, *options)
    assert f"trained with {trained_with}, in float32" in result.results
    told = "has 4.8 times the images of the rarest: the loss is class_balanced (--no-balance"
    assert (told in result.printed) == (not options)
    config = read_metadata(checkpoint(result))["config"]
    assert config["loss"] == parameters(result)["loss"] == trained_with.split()[1].strip(",")
    assert config["precision"] == "float32"  # a network this small gains nothing
    if not options:
        again = run(tmp_path, "--dataset-path", dataset, *SMALL, *SHORT)
        assert (again.status, again.results) == (0, result.results)


def test_extra_images_join_the_training_set_alone(digit_folder, tmp_path: Path) -> None:
    dataset = digit_folder(train=4, test=2, num_classes=3)
    extra = digit_folder(train=[0, 2, 3], test=0, num_classes=3, seed=1)
    result = run(
        tmp_path, "--dataset-path", dataset, "--num-classes", 3, *NETWORK, *SHORT,
        "--validation-size", 3, "--extra-dataset-path", extra,
    )  # fmt: skip
    assert result.status == 0, result.errors
    assert "images: 14 train, 3 validation, 6 test" in result.printed
    assert "training images of each class: 3 5 6" in result.printed
    names = [record["source"] for record in read_metadata(checkpoint(result))["data"]]
    assert names == [dataset.name, extra.name]


# --- Errors of the user -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, say",
    [
        (["--conv-block-count", "0", "--mobilenet-block-count", "0"], "at least one block"),
        (["--conv-block-count", "99"], "conv_block_count is 99"),
        (["--input-dim", "2", "12", "12"], "1 or 3 channels"),
        (["--training-epochs", "0"], "training_epochs is 0"),
        (["--device", "abacus"], "device is 'abacus'"),
        (["--train-size", "1000"], "1000"),
        (["--validation-size", "1.5"], "1.5"),
        (["--no-is-training"], "There is no checkpoint"),
        (["--learning-rate", "1e30"], "lower the learning rate"),
    ],
    ids=" ".join,
)
def test_wrong_options_get_one_sentence(dataset, tmp_path: Path, refused, options, say) -> None:
    words = ("--dataset-path", dataset, *SMALL, *SHORT, *options)
    assert say in refused("main", *words, "--output", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_missing_data_set_and_another_network_get_one_sentence(
    tmp_path: Path, trained: Run, dataset: Path, refused
) -> None:
    assert "nowhere" in refused("main", "--dataset-path", tmp_path / "nowhere")
    words = ("--dataset-path", dataset, *SMALL, "--no-is-training", "--output", tmp_path)
    words = (*words, "--checkpoint", checkpoint(trained), "--conv-block-count", 2)
    assert "conv_block_count=1; expected conv_block_count=2" in refused("main", *words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "record, sentence",
    [
        ("{", "record.json is no JSON"),
        ("[1]", "record.json holds a list; expected an object"),
        (" " * 2_000_000, "record.json has 2,000,000 bytes; expected at most"),
    ],
)
def test_a_damaged_record_is_told_before_training(
    dataset: Path, tmp_path: Path, record: str, sentence: str, refused
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(dataset, damaged)
    (damaged / "record.json").write_text(record)
    words = ("--dataset-path", damaged, *SMALL, *SHORT, "--output", tmp_path / "out")
    assert sentence in refused("main", *words)
    assert not (tmp_path / "out").exists()
