"""The benchmark's arithmetic, its arms and its files; no test looks at a clock."""

import csv
import dataclasses
import importlib
import io
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
import torch
from helpers_arms import interleave_here, make_counter, make_failure, make_sleeper
from helpers_data import drawn_digits
from helpers_runs import trained
from import_graph import python
from PIL import Image
from torch import nn

from analysis.benchmark import inference, int8, photos, serving, speedrun, visitors
from analysis.benchmark import layerwise as layers
from analysis.benchmark.__main__ import MODULES, Area
from analysis.benchmark.arms import Arm, ArmError, interleave, profile, seconds_of
from analysis.benchmark.record import Row, ratios, row, save, table
from analysis.benchmark.settings import Settings, as_input
from analysis.frame.children import free_port
from analysis.frame.command import start
from netlib.nets.checkpoint import load_network, save_network
from netlib.nets.network import named_network


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> dict[str, Path]:
    """Both networks with batch norm that is not neutral."""
    folder = tmp_path_factory.mktemp("checkpoints")
    paths = {}
    for name in ("standard", "mobilenet"):
        torch.manual_seed(0)
        net = trained(named_network(name))
        paths[name] = save_network(net, folder / f"{name}.safetensors", {"temperature": 1.5})
    return paths


# --- Rows ---------------------------------------------------------------------------------------


def test_quartiles_are_those_of_the_sorted_values() -> None:
    found = row("quantity", "ours", [5, 1, 4, 2, 3], "×")
    assert (found.low, found.median, found.high) == (2, 3, 4)
    assert ratios([2, 9], [1, 3]) == [2, 3]  # round by round


@pytest.mark.parametrize(
    ("limits", "target", "reached"),
    [
        ({"at_least": 2}, ">= 2", "yes"),
        ({"at_least": 2.1}, ">= 2.1", "no"),
        ({"at_most": 2}, "<= 2", "yes"),
        ({"at_most": 1.9}, "<= 1.9", "no"),
        ({}, "", ""),
    ],
)
def test_the_median_decides_whether_a_target_is_reached(limits, target, reached) -> None:
    found = row("quantity", "ours", [1, 2, 100], "×", **limits)
    assert (found.median, found.target, found.reached) == (2, target, reached)


def test_a_missed_target_stands_out_in_the_table_and_a_file_holds_every_row(tmp_path: Path) -> None:
    text = table([row("speed", "ours", [1, 2, 3], "×", at_least=5)])
    assert "MISSED" in text and ">= 5" in text
    assert table([]) == "(none)"
    assert "MISSED" not in table([row("speed", "ours", [6], "×", at_least=5)])
    rows = [row("quantity", "ours", [1, 2, 3], "×", network="standard", theory=4.62)]
    with save(tmp_path / "new", "area", rows).open(newline="", encoding="utf-8") as file:
        (line,) = csv.DictReader(file)
    assert (line["arm"], line["median"], line["theory"]) == ("ours", "2.0", "4.62")
    assert list(line) == ["area", *(field.name for field in dataclasses.fields(Row))]


# --- Arms ---------------------------------------------------------------------------------------


def test_every_arm_does_every_case_once_a_round_in_a_process_and_threads_of_its_own() -> None:
    arms = {"one": Arm(make_counter, (1,)), "ten": Arm(make_counter, (10,))}
    results = interleave(arms, [100, 200], 2)
    assert results == {
        ("one", 100): [101, 103],
        ("one", 200): [202, 204],
        ("ten", 100): [110, 130],
        ("ten", 200): [220, 240],
    }
    arms = {"a": Arm(make_counter, (1,), threads=1), "b": Arm(make_counter, (1,), threads=3)}
    results = interleave(arms, [-1, -2], 1)
    assert len({results["a", -1][0], results["b", -1][0], os.getpid()}) == 3
    assert (results["a", -2], results["b", -2]) == ([1], [3])


def test_a_profile_names_the_functions_that_take_most_of_an_arm() -> None:
    name, share = profile(Arm(make_sleeper), 0.2).split(" %")[0].rsplit(" ", 1)
    assert "sleep" in name and int(share) > 50


def test_a_failing_arm_is_named_with_its_error() -> None:
    with pytest.raises(ArmError, match=r"'bad' failed[\s\S]*ZeroDivisionError"):
        interleave({"bad": Arm(make_failure)}, [0], 1)


def test_an_arm_s_process_needs_no_torch() -> None:
    program = "import sys, analysis.benchmark.arms; assert 'torch' not in sys.modules"
    assert python("-c", program).returncode == 0


def test_at_least_three_calls_are_timed_after_a_warm_up() -> None:
    calls = []
    assert seconds_of(lambda: calls.append(1), seconds=0) >= 0
    assert len(calls) == 4


# --- What is measured ---------------------------------------------------------------------------


def test_the_ratio_of_macs_is_that_of_the_pair(checkpoints) -> None:
    assert Settings(checkpoints).mac_ratio == 32_573_056 / 7_052_288


def test_layers_have_their_macs_and_bytes_and_a_profile_has_every_layer(checkpoints) -> None:
    found = list(layers.layers(load_network(checkpoints["mobilenet"])))
    assert [cost.name.split(".", 1)[1] for cost, _ in found] == [
        "0.conv", "1.conv", "2.conv_dw", "2.conv_pw", "3.conv_dw", "3.conv_pw",
    ]  # fmt: skip
    depthwise, traffic = found[2]  # 64 channels of 14x14 in and out, nine weights each
    assert depthwise.macs == 64 * 14 * 14 * 9
    assert traffic == 4 * (2 * 64 * 14 * 14 + 64 * 9 // layers.BATCH)
    names = [cost.name for cost, _ in found]
    times = layers.make(checkpoints, 2)("mobilenet")
    assert list(times) == [*names, layers.REST] and all(time > 0 for time in times.values())


def test_the_tables_hold_rates_and_the_roofs_above_them(checkpoints) -> None:
    net = load_network(checkpoints["standard"])
    names = [*(cost.name for cost, _ in layers.layers(net)), layers.REST]
    rounds = [dict.fromkeys(names, seconds) for seconds in (100e-6, 90e-6, 300e-6)]
    line, *_, rest = layers.lines_of("standard", net, rounds)
    macs = 9 * 32 * 14**2  # of the first layer: 28x28 in, 32 of 14x14 out, nine weights each
    assert (line["us"], line["macs"]) == (pytest.approx(100), macs)
    assert line["gmacs_per_s"] == pytest.approx(macs / 100e-6 / 1e9)
    assert line["intensity"] == macs / (4 * (28**2 + 32 * 14**2 + 9 * 32 // 16))
    assert (rest["kind"], "macs" in rest) == ("rest", False)
    best = {"copy, cache": 20, "copy, memory": 5}
    best |= zip(layers.PRODUCTS, (80, 100, 90), strict=True)
    assert layers.roof_line(best)["peak_gmacs_per_s"] == 50


def test_the_own_network_costs_what_is_counted() -> None:
    net = speedrun.own_network()
    seen = []
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(
                lambda m, _, out: seen.append(out.numel() * m.weight[0].numel())
            )
    assert net(torch.zeros(1, 1, 28, 28)).shape == (1, 10)
    assert sum(seen) == speedrun.macs()
    assert speedrun.training_macs(55_000) == 3 * speedrun.macs() * 256 * 535


def test_the_own_training_learns_and_takes_whole_batches_of_new_orders(monkeypatch) -> None:
    monkeypatch.setattr(speedrun, "BATCH", 16)  # half precision is slow on some processors
    images, labels = torch.zeros(40, 1, 28, 28), torch.arange(40) % 10
    images[torch.arange(40), 0, 4:8, 2 * (labels + 2)] = 1
    torch.manual_seed(0)
    net = speedrun.own_network()
    for _ in range(6):
        speedrun.train_own(net, images, labels)
    with torch.inference_mode():
        assert (net.eval()(images).argmax(1) == labels).float().mean() > 0.3  # chance is 0.1
    rows = speedrun.batches(40, 5)
    assert [len(part) for part in rows] == [16] * 5
    assert len(set(torch.cat(rows[:2]).tolist())) == 32


def test_the_speedrun_is_held_against_the_faster_network_and_its_arithmetic() -> None:
    found = {
        "standard": [speedrun.Found(40.0, 0.99)],
        "mobilenet": [speedrun.Found(20.0, 0.99), speedrun.Found(30.0, 0.98)],
        # In the last the machine was busy with something else.
        "speedrun": [speedrun.Found(*run) for run in ((9, 0.9905), (10, 0.9901), (90, 0.9897))],
    }
    rows = {
        r.quantity: r for r in speedrun.summary(found, 2.0, True, lambda: "a profile") if r.target
    }
    assert {r.arm for r in rows.values()} == {"speedrun"}
    accuracy, share, roof = rows.values()
    assert (accuracy.median, accuracy.reached) == (pytest.approx(99.01), "yes")
    assert (share.median, share.reached) == (pytest.approx(0.4), "yes")
    assert (roof.median, roof.reached) == (pytest.approx(5), "no")
    assert (share.why, roof.why) == ("", "a profile")
    assert not any(r.target for r in speedrun.summary(found, 2.0, False, lambda: ""))


def test_int8_keeps_the_answers(checkpoints, tmp_path: Path) -> None:
    images = as_input(drawn_digits([20] * 10)[0])
    whole, small = tmp_path / "whole.onnx", tmp_path / "small.onnx"
    int8.write_models(checkpoints["mobilenet"], whole, small, images)
    assert small.stat().st_size < whole.stat().st_size
    exact, rough = (int8.answers(path, images) for path in (whole, small))
    assert 0 < np.abs(exact - rough).max() < 0.1 * np.ptp(exact)
    assert int8.make({"mobilenet": small}, 0.0)(("mobilenet", 1)) > 0


def test_pictures_are_read_as_they_are_sent() -> None:
    digits = drawn_digits([1] * 3)[0]
    assert all(len(photos.find_digits(photos.png(digit))) == 1 for digit in digits)
    with Image.open(io.BytesIO(photos.photo(digits[2]))) as shot:
        assert (shot.format, shot.size) == ("JPEG", (4000, 3000))


def test_the_serving_arm_reads_the_demo_s_way(checkpoints, monkeypatch) -> None:
    asked = []
    read = photos.Reader.read
    monkeypatch.setattr(
        photos.Reader, "read", lambda self, picture: asked.append(picture) or read(self, picture)
    )
    picture = photos.png(Settings(checkpoints).digits("test")[0][0])
    work = photos.make_reader(checkpoints, [picture], 0.0)
    asked.clear()
    assert work("") > 0 and set(asked) == {picture}


def test_a_server_that_has_ended_is_an_error() -> None:
    ended = SimpleNamespace(poll=lambda: 1)
    with pytest.raises(OSError):
        serving.first_answer(f"http://127.0.0.1:{free_port()}", b"", ended)


def test_without_a_browser_the_way_from_pen_up_is_said_to_be_left_out(monkeypatch, capsys) -> None:
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    server = serving.Server("http://127.0.0.1:9", 0, "", 0.0)
    assert visitors.pen_up(server, 1) == []
    assert "is not measured: No Chromium" in capsys.readouterr().out


# --- The command --------------------------------------------------------------------------------


def test_one_area_runs_alone_and_writes_its_files(
    checkpoints, tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(inference, "interleave", interleave_here)
    monkeypatch.setattr(inference, "profile", lambda arm, case: "a profile")
    arguments = [f"--{name}={path}" for name, path in checkpoints.items()]
    output = tmp_path / "out"
    command = [*arguments, "--quick", "--only", "inference", "--output", str(output)]
    assert start("benchmark", command) == 0
    printed = capsys.readouterr().out
    assert "eager" in printed and ">= 2.5" in printed
    assert "1 threads" not in printed
    files = [output / f"inference.{kind}" for kind in ("csv", "json")]
    assert printed.splitlines()[-2:] == list(map(str, files))
    made_by = json.loads(files[1].read_text(encoding="utf-8"))["made_by"]
    assert made_by["quick"] is True and made_by["versions"]["torch"]
    assert {"processor", "cores"} <= made_by["machine"].keys()
    assert str(tmp_path) not in made_by["dataset"]


@pytest.mark.parametrize(
    "extra", [["--rounds", "0"], ["--seeds", "0"], ["--standard", "nowhere.safetensors"]]
)
def test_a_wrong_option_is_told_in_a_sentence(extra, checkpoints, tmp_path: Path, refused) -> None:
    arguments = [f"--{name}={path}" for name, path in checkpoints.items()]
    refused("benchmark", *arguments, "--only", "inference", "--output", tmp_path, *extra)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("area", get_args(Area))
def test_every_area_has_a_module_that_runs(area: str) -> None:
    module = importlib.import_module(f"analysis.benchmark.{MODULES.get(area, area)}")
    assert callable(module.run)
