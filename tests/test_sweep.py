"""The sweep: its table, its pairs, and going on where it stopped."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from helpers_data import done
from helpers_family import wait

from analysis import sweep
from analysis.frame.command import arguments_of, command_line, parse
from netlib.nets.checkpoint import load_network

SMALL = ["--networks", "1+0", "0+1", "--resolution", "12", "--training-epochs", "1", "--batch-size",
         "16", "--validation-size", "0.2", "--device", "cpu", "--jobs", "1"]  # fmt: skip


@pytest.fixture(scope="module")
def dataset(digit_folder) -> Path:
    """10 training and 2 test images of each digit."""
    return digit_folder(train=10, test=2)


@pytest.fixture
def run(dataset: Path, tmp_path: Path) -> Callable[..., pd.DataFrame]:
    """Runs a sweep and reads its table."""

    def sweep_and_read(*arguments: object) -> pd.DataFrame:
        output = tmp_path / "table.csv"
        done("sweep", "--dataset-path", dataset, "--output", output, *SMALL, *arguments)
        return pd.read_csv(output, dtype={"level": str, "network": str})

    return sweep_and_read


def planned(*arguments: object) -> list[sweep.Run]:
    """The runs of one seed, without training."""
    options = ["--dataset-path", "x", "--output", "y", "--seeds", "0", *map(str, arguments)]
    return sweep.plan(parse(sweep.Options, options))


def test_every_level_seed_and_network_has_a_row_in_the_plans_order(run) -> None:
    table = run("--factor", "learning_rate", "--levels", 0.01, 0.1, "--seeds", 0, 3)
    keys = list(table[["seed", "level", "network"]].itertuples(index=False, name=None))
    levels = [("0.01", "1+0"), ("0.01", "0+1"), ("0.1", "1+0"), ("0.1", "0+1")]
    assert keys == [(seed, *level) for seed in (0, 3) for level in levels]
    assert table["learning_rate"].tolist() == [0.01, 0.01, 0.1, 0.1] * 2
    images = table[["train_images", "validation_images", "test_images"]].drop_duplicates()
    assert images.to_numpy().tolist() == [[80, 20, 20]]
    # A stem of 9 x 32 weights with batch norm, and the last layer.
    assert table.loc[0, "params"] == 9 * 32 + 2 * 32 + 32 * 10 + 10
    recalls = table[[f"recall_{label}" for label in range(10)]]
    np.testing.assert_allclose(recalls.mean(axis=1), table["balanced_accuracy"], rtol=1e-5)
    assert (recalls.min(axis=1) == table["worst_recall"]).all()


def test_a_recipe_is_that_which_it_changes_and_its_change() -> None:
    plain, averaged = sweep.recipe("plain"), sweep.recipe("averaging")
    assert plain["schedule"] == "constant" and "augment" not in plain
    assert averaged == {"schedule": "onecycle", "learning_rate": 0.01, "weight_decay": 0.05,
                        "augment": "mild", "ema": 0.999}  # fmt: skip
    assert sweep.recipe("strong augmentation") == {**averaged, "augment": "strong"}
    levels = ["plain", "label smoothing"]
    configs = [run.config for run in planned("--factor", "recipe", "--levels", *levels)]
    assert [config.learning_rate for config in configs] == [0.001, 0.001, 0.01, 0.01]
    assert [config.loss for config in configs[1:3]] == ["cross_entropy", "label_smoothing"]
    levels = ["averaging", "distillation", "--seeds", "4", "--teachers", "wide-{seed}"]
    taught = planned("--factor", "recipe", "--levels", *levels)
    assert [run.config.teachers for run in taught] == [(), (), ("wide-4",), ("wide-4",)]


def test_extra_images_join_the_training_set(run, digit_folder) -> None:
    extra = digit_folder(train=3)
    table = run("--factor", "none", "--seeds", 0, "--extra-dataset-path", extra, "--resolution", 28)
    assert table["train_images"].tolist() == [110, 110]
    assert table["validation_images"].tolist() == [20, 20]


def test_two_data_sets_and_another_table_are_refused(
    dataset: Path, digit_folder, tmp_path: Path, refused
) -> None:
    output = tmp_path / "table.csv"
    words = ("sweep", "--factor", "none", "--output", output, "--dataset-path", dataset)
    told = refused(*words, digit_folder(train=3), "--keep", tmp_path / "kept")
    assert "--keep was given with 2 data sets" in told
    output.write_text("a,b\n1,2\n")
    assert "is no table of a sweep" in refused(*words)
    assert output.read_text() == "a,b\n1,2\n"


def test_rows_that_are_there_are_not_trained_again(run, tmp_path: Path, capsys) -> None:
    first = run("--factor", "batch_size", "--levels", 16, "--seeds", 0)
    more = run("--factor", "batch_size", "--levels", 16, 32, "--seeds", 0)
    assert "4 runs, 2 of them in" in capsys.readouterr().out
    pd.testing.assert_frame_equal(more.head(2), first)  # their seconds, too
    assert more["batch_size"].tolist() == [16, 16, 32, 32]
    other = run("--factor", "batch_size", "--levels", 16, "--seeds", 0, "--weight-decay", 0.5)
    assert "2 runs, 0 of them in" in capsys.readouterr().out  # others are no substitute
    assert other["key"].nunique() == 6
    record = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))
    assert "0.5" in record["command"]
    before = [one["command"] for one in record["earlier"]]  # of the rows that were there
    assert ["--levels 16 32" in command for command in before] == [False, True]


def test_kept_runs_hold_what_the_row_says(run, tmp_path: Path, capsys) -> None:
    keep = tmp_path / "kept"
    run("--factor", "none", "--seeds", 1)
    table = run("--factor", "none", "--seeds", 1, "--keep", keep)  # there, but for its files
    assert "2 runs, 0 of them in" in capsys.readouterr().out.splitlines()[-4]
    folder = keep / "1conv_0-1"
    net = load_network(folder / "network.safetensors")
    metadata = net.metadata
    assert net.spec["conv_block_count"] == 1
    assert metadata["temperature"] > 0
    with np.load(folder / "predictions.npz") as file:
        right = file["logits"].argmax(1) == file["labels"]
        assert file["embeddings"].shape == (20, 32)
        assert file["validation_logits"].shape == (20, 10)
    assert right.mean() == pytest.approx(table.loc[0, "accuracy"])
    assert len(pd.read_csv(folder / "history.csv")) == 1
    assert not (folder / "training.state").exists()
    known = np.load(folder / "network.trained-on.npy")
    assert 0 < len(known) <= table.loc[0, "train_images"]


def test_steps_decide_the_epochs(run) -> None:
    table = run("--factor", "train_size", "--levels", 16, 32, 64, "--steps", 4, "--seeds", 0)
    assert table["training_epochs"].tolist() == [4, 4, 2, 2, 1, 1]


def test_oversampling_is_a_level_of_the_loss(run) -> None:
    table = run("--factor", "loss", "--levels", "oversampling", "ldam_drw", "--seeds", 0)
    assert table["loss"].tolist() == ["oversampling", "oversampling", "ldam_drw", "ldam_drw"]


def test_tuned_takes_each_networks_best_rate_by_validation_or_that_of_its_kind(
    tmp_path: Path,
) -> None:
    rows = [
        ("standard", 0.1, 0.9, 0.5),
        ("standard", 0.2, 0.8, 0.1),  # less accurate, but its loss is the least
        ("mobilenet", 0.1, 0.7, 0.4),
        ("mobilenet", 0.2, 0.7, 0.5),
        ("0+1", 0.3, 0.5, 1.0),
    ]
    columns = ["network", "learning_rate", "validation_accuracy", "validation_nll"]
    rates = pd.DataFrame(rows, columns=columns).assign(factor="learning_rate", accuracy=0.0)
    rates.to_csv(tmp_path / "rates.csv", index=False)
    names = ["standard", "mobilenet", "1+0", "2+1", "0+1"]
    runs = planned("--factor", "none", "--tuned", tmp_path / "rates.csv", "--networks", *names)
    assert [run.config.learning_rate for run in runs] == [0.2, 0.1, 0.2, 0.1, 0.3]


def test_a_cluster_gives_the_same_table(run, tmp_path: Path) -> None:
    here = run("--factor", "none", "--seeds", 0)
    (tmp_path / "table.csv").unlink()
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    options |= {"host": "127.0.0.1", "protocol": "tcp://"}
    with LocalCluster(processes=False, **options) as cluster, Client(cluster):
        address = ["--backend", "dask", "--scheduler", cluster.scheduler_address]
        there = run("--factor", "none", "--seeds", 0, *address)
    columns = ["network", "accuracy", "nll", "key"]
    pd.testing.assert_frame_equal(here[columns], there[columns])


def recorded_sweeps() -> list[Path]:
    """Records of the committed tables."""
    records = sorted((Path(__file__).parents[1] / "figures" / "data" / "full").glob("*.json"))
    return [
        path for path in records if '\n "command": "python -m analysis.sweep ' in path.read_text()
    ]


@pytest.mark.parametrize("record", recorded_sweeps(), ids=lambda path: path.stem)
def test_a_recorded_command_still_plans_the_runs_of_its_table(record: Path, monkeypatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])
    command = json.loads(record.read_text(encoding="utf-8"))["command"]
    options = parse(sweep.Options, shlex.split(command)[3:])
    table = pd.read_csv(record.with_suffix(".csv"))
    runs = sweep.plan(options)
    assert runs and {run.key for run in runs} <= set(table["key"])
    assert parse(sweep.Options, shlex.split(command_line(options))[3:]) == options


def test_a_killed_sweep_leaves_no_worker(dataset: Path, tmp_path: Path) -> None:
    options = {"factor": "none", "seeds": [0], "networks": ["1+0"], "jobs": 2,
               "resolution": 12, "training_epochs": 100000, "device": "cpu"}  # fmt: skip
    arguments = arguments_of(dataset_path=dataset, output=tmp_path / "t.csv",
                             keep=tmp_path, **options)  # fmt: skip
    program = [sys.executable, "-m", "analysis.sweep", *arguments]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            wait(lambda: list(tmp_path.glob("*/training.state")))  # a worker trains
            workers = members(process.pid) - {process.pid}
            assert workers
        finally:
            process.kill()
    try:
        wait(lambda: not members(process.pid))
    finally:
        for left in members(process.pid):
            os.kill(left, signal.SIGKILL)


def members(group: int) -> set[int]:
    """Living processes of a group."""
    table = subprocess.run(["ps", "-eo", "pid=,pgid=,stat="], capture_output=True, text=True)
    rows = [line.split() for line in table.stdout.splitlines()]
    return {int(pid) for pid, own, state in rows if int(own) == group and state[0] != "Z"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--factor", "none", "--levels", "3"], "was given 1 level; expected none"),
        (["--factor", "colour", "--levels", "3"], "factor is 'colour'; expected one of none, "),
        (["--factor", "none", "--seed", "3"], "a sweep expects --seeds"),
        (["--factor", "loss"], "was given 0 levels; expected at least one"),
        (["--factor", "recipe", "--levels", "secret"], "recipe is 'secret'; expected one of plain"),
        (["--factor", "recipe", "--levels", "distillation"], "expected --teachers"),
        (["--factor", "batch_size", "--levels", "x"], "'x'; batch_size expects whole numbers"),
        (["--factor", "loss", "--levels", "hinge"], "loss is 'hinge'; expected one of"),
        (["--factor", "augment", "--levels", "wild"], "augment is 'wild'; expected one of none"),
        (["--factor", "none", "--networks", "vgg"], "The network is 'vgg'; expected standard"),
        (["--factor", "none", "--dataset-path", "nowhere"], "nowhere is not there"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    dataset: Path, tmp_path: Path, refused, arguments: list[str], message: str
) -> None:
    common = ("--dataset-path", dataset, "--output", tmp_path / "table.csv")
    assert message in refused("sweep", *common, *arguments)
