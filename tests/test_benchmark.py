"""The benchmark's arithmetic, its arms and its files; no test looks at a clock."""

import csv
import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from analysis.benchmark import __main__ as benchmark
from analysis.benchmark import accuracy, data, http_load, inference, layers, plain, serving
from analysis.benchmark.arms import Arm, ArmError, interleave, seconds_of, together
from analysis.benchmark.record import Row, number, quartiles, ratios, row, save, table, targets
from analysis.benchmark.settings import Settings, as_input
from netlib.answer.predictor import Predictor
from netlib.nets.checkpoint import load_network, save_network
from netlib.nets.network import ARCHITECTURES


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both networks with batch norm that is not neutral."""
    folder = tmp_path_factory.mktemp("checkpoints")
    paths = {}
    for name in ("standard", "mobilenet"):
        torch.manual_seed(0)
        net = ARCHITECTURES[name]()
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 2)
                module.bias.data.normal_(0, 0.2)
        paths[name] = save_network(net, folder / f"{name}.safetensors", {"temperature": 1.5})
    return paths


# --- Rows ---------------------------------------------------------------------------------------


def test_quartiles_are_those_of_the_sorted_values() -> None:
    assert quartiles([5, 1, 4, 2, 3]) == (2, 3, 4)
    assert quartiles([7]) == (7, 7, 7)
    with pytest.raises(ValueError, match="no measurement"):
        quartiles([])


def test_a_run_that_never_reached_its_aim_stays_infinite() -> None:
    assert quartiles([10, math.inf, math.inf]) == (10, math.inf, math.inf)
    assert number(math.inf) == "inf"


def test_ratios_are_taken_round_by_round() -> None:
    assert ratios([2, 9], [1, 3]) == [2, 3]
    with pytest.raises(ValueError):
        ratios([1, 2], [1])


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
    found = row("area", "quantity", "ours", [1, 2, 100], "×", **limits)
    assert (found.median, found.target, found.reached) == (2, target, reached)


def test_targets_are_the_rows_that_have_one() -> None:
    rows = [row("a", "q", "x", [1], "s"), row("a", "q", "y", [1], "s", at_most=2)]
    assert targets(rows) == rows[1:]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.1234, "0.123"), (12.34, "12.3"), (12345.6, "12,346"), (0.000012, "1.2e-05")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_a_missed_target_stands_out_in_the_table() -> None:
    text = table([row("a", "speed", "ours", [1, 2, 3], "×", at_least=5, note="because")])
    assert "MISSED" in text and ">= 5" in text and "because" in text
    assert "MISSED" not in table([row("a", "speed", "ours", [6], "×", at_least=5)])


def test_files_hold_every_row_and_what_made_them(tmp_path: Path) -> None:
    rows = [row("area", "quantity", "ours", [1, 2, 3], "×", network="standard", theory=4.62)]
    csv_path, json_path = save(tmp_path / "new", "area", rows, {"command": "python -m x"})
    with csv_path.open(newline="", encoding="utf-8") as file:
        (line,) = csv.DictReader(file)
    assert (line["arm"], line["median"], line["theory"]) == ("ours", "2.0", "4.62")
    content = json.loads(json_path.read_text(encoding="utf-8"))
    assert content["made_by"] == {"command": "python -m x"}
    assert Row(**content["rows"][0]) == rows[0]


# --- Arms ---------------------------------------------------------------------------------------


def make_counter(step: int) -> Callable[[int], float]:
    """An arm that counts its calls, and tells its process and its threads on request."""
    state = {"calls": 0}

    def work(case: int) -> float:
        if case < 0:
            return {-1: os.getpid(), -2: int(os.environ["OMP_NUM_THREADS"])}[case]
        state["calls"] += 1
        return case + step * state["calls"]

    return work


def make_failure() -> Callable[[int], float]:
    """An arm that always fails."""
    return lambda case: 1 / 0


def test_every_arm_does_every_case_once_a_round_and_keeps_its_state() -> None:
    arms = {"one": Arm(make_counter, (1,)), "ten": Arm(make_counter, (10,))}
    results = interleave(arms, [100, 200], 2)
    assert results == {
        ("one", 100): [101, 103],
        ("one", 200): [202, 204],
        ("ten", 100): [110, 130],
        ("ten", 200): [220, 240],
    }


def test_arms_have_processes_and_threads_of_their_own() -> None:
    arms = {"a": Arm(make_counter, (1,), threads=1), "b": Arm(make_counter, (1,), threads=3)}
    results = interleave(arms, [-1, -2], 1)
    assert len({results["a", -1][0], results["b", -1][0], os.getpid()}) == 3
    assert (results["a", -2], results["b", -2]) == ([1], [3])
    assert together(arms, 5) == {"a": 6, "b": 6}


def test_a_failing_arm_is_named_with_its_error() -> None:
    with pytest.raises(ArmError, match=r"'bad' failed[\s\S]*ZeroDivisionError"):
        interleave({"bad": Arm(make_failure)}, [0], 1)


def test_at_least_three_calls_are_timed_after_a_warm_up() -> None:
    calls = []
    assert seconds_of(lambda: calls.append(1), seconds=0) >= 0
    assert len(calls) == 4


# --- What is measured ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["standard", "mobilenet"])
def test_the_engine_has_the_probabilities_of_pytorch(name: str, checkpoints, digit_arrays) -> None:
    images = as_input(digit_arrays([4] * 10)[0])
    net = load_network(checkpoints[name])
    with torch.inference_mode():
        logits = net(torch.from_numpy(images))
    answer = Predictor(checkpoints).predict_one(name, images)
    expected = (logits / 1.5).softmax(1).numpy()
    np.testing.assert_allclose(answer.probabilities, expected, atol=1e-5, rtol=0)
    assert expected.max(1).min() < 0.999  # or equality would be cheap


@pytest.mark.parametrize("name", ["standard", "mobilenet"])
def test_folding_changes_no_logit(name: str, checkpoints) -> None:
    net = load_network(checkpoints[name])
    images = torch.from_numpy(inference.random_images(2))
    with torch.inference_mode():
        torch.testing.assert_close(inference.folded(net)(images), net(images), atol=1e-4, rtol=1e-4)
    assert any(isinstance(module, nn.BatchNorm2d) for module in net.modules())  # a copy was folded


@pytest.mark.parametrize("case", [("standard", 1), ("mobilenet", 5)])
@pytest.mark.parametrize(
    "make",
    [inference.make_eager, inference.make_folded, lambda p, s: inference.make_ours(p, s, 1)],
    ids=["eager", "folded", "ours"],
)
def test_every_way_to_infer_answers(make, case, checkpoints) -> None:
    assert make(checkpoints, 0.0)(case) > 0


def test_the_ratio_of_macs_is_that_of_the_pair(checkpoints) -> None:
    assert Settings(checkpoints).mac_ratio == 32_573_056 / 7_052_288


def test_layers_have_their_macs_and_bytes(checkpoints) -> None:
    found = list(layers.layers(load_network(checkpoints["mobilenet"])))
    assert [work.name.split(".", 1)[1] for work in found] == [
        "0.conv", "1.conv", "2.conv_dw", "2.conv_pw", "3.conv_dw", "3.conv_pw",
    ]  # fmt: skip
    depthwise = found[2]  # 64 channels of 14x14 in and out, nine weights each
    assert depthwise.macs == 64 * 14 * 14 * 9
    assert depthwise.bytes() == 4 * (2 * 64 * 14 * 14 + 64 * 9 // layers.BATCH)
    assert depthwise.bytes(1) == 4 * (2 * 64 * 14 * 14 + 64 * 9)


def test_a_layer_is_held_against_the_nearer_roof() -> None:
    work = layers.Work("conv", "conv", macs=500, values=1000, params=0)
    by_bandwidth = layers.layer_row("standard", work, [1.0], bandwidth=1000.0, peak=1000.0)
    by_arithmetic = layers.layer_row("standard", work, [1.0], bandwidth=1000.0, peak=100.0)
    assert by_bandwidth.theory == 4e6 and "bound by bandwidth" in by_bandwidth.note  # µs
    assert by_arithmetic.theory == 10e6 and "bound by arithmetic" in by_arithmetic.note


def test_a_profile_has_every_layer(checkpoints) -> None:
    arm = layers.make(checkpoints, 2, 0.0, 1)
    names = [work.name for work in layers.layers(load_network(checkpoints["mobilenet"]))]
    for batch in layers.BATCHES:
        assert all(
            arm(("mobilenet", name, batch)) > 0 for name in [*names, layers.REST, layers.NETWORK]
        )


def test_a_line_of_the_latency_table_has_its_roof() -> None:
    work = layers.Work("conv", "conv", macs=4_000_000, values=1000, params=0)
    roofs = layers.Roofs(peak=100e9, cache=20e9, memory=5e9)
    entry = layers.layer_entry("standard", work, 1, 1, [100e-6], roofs)
    assert (entry["us"], entry["intensity"], entry["bytes"]) == pytest.approx((100, 1000, 4000))
    assert (entry["gmacs_per_s"], entry["roof_gmacs_per_s"]) == pytest.approx((40, 50))
    assert entry["share_of_roof"] == pytest.approx(0.8) and entry["bound"] == "arithmetic"
    assert layers.roof_entry(2, roofs)["ridge_cache"] == pytest.approx(2.5)


def test_the_example_has_its_published_size() -> None:
    net = plain.ExampleNetwork()
    convolutions = (9 * 32 + 32) + (9 * 32 * 64 + 64)
    assert sum(p.numel() for p in net.parameters()) == (
        convolutions + (9216 * 128 + 128) + (128 * 10 + 10)
    )
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_plain_digits_are_normalised_as_in_the_example() -> None:
    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 0, 0] = 255
    image, label = plain.PilDigits(images, np.array([3]), normalise=True)[0]
    assert label == 3
    assert float(image[0, 0, 0]) == pytest.approx((1 - 0.1307) / 0.3081)
    assert float(image[0, 1, 1]) == pytest.approx(-0.1307 / 0.3081)


def test_the_share_of_the_examples_time_is_that_of_the_means() -> None:
    times = {accuracy.EXAMPLE: [90.0, 110, 100]}
    times |= {accuracy.ours(name): [20.0, 40, 30] for name in accuracy.RECIPES}
    times[accuracy.ours("mobilenet")] = [math.inf, 10, 10]
    rows = {r.arm: r for r in accuracy.summary(times, aim=0.99, hold=True) if r.unit == ""}
    fastest = rows[accuracy.ours("standard")]
    assert fastest.median == pytest.approx(0.3) and fastest.reached == "yes"
    assert rows[accuracy.ours("mobilenet")].median == math.inf
    assert [r.target for r in rows.values()].count("") == len(rows) - 1


def test_bare_and_own_decoding_read_the_same_archive(digit_folder, tmp_path: Path) -> None:
    folder = digit_folder(train=2, zipped=True)
    assert data.make_bare(folder / "train.zip")("train") > 0
    assert data.make_ours(folder, tmp_path / "cache")("train") > 0
    assert list((tmp_path / "cache").iterdir())


def test_the_picture_for_the_server_is_a_drawing(checkpoints) -> None:
    picture = serving.drawing(Settings(checkpoints))
    assert picture.startswith(b"\x89PNG") and len(picture) < 100_000


def test_a_server_that_is_not_there_is_an_error(free_port) -> None:
    with pytest.raises(OSError):
        http_load.predict(free_port(), "digit.png")


# --- The command --------------------------------------------------------------------------------


def test_one_area_runs_alone_and_writes_its_files(checkpoints, tmp_path: Path, capsys) -> None:
    arguments = [f"--{name}={path}" for name, path in checkpoints.items()]
    output = tmp_path / "out"
    assert benchmark.main([*arguments, "--quick", "--only", "data", "--output", str(output)]) == 0
    printed = capsys.readouterr().out
    assert "bare Pillow" in printed and "<= 1.3" in printed and str(output / "data.csv") in printed
    made_by = json.loads((output / "data.json").read_text(encoding="utf-8"))["made_by"]
    assert made_by["quick"] is True
    assert {"processor", "cores", "versions"} <= made_by["machine"].keys()
    assert str(tmp_path) not in made_by["dataset"]


@pytest.mark.parametrize(
    "extra", [["--rounds", "2"], ["--seeds", "0"], ["--standard", "nowhere.safetensors"]]
)
def test_a_wrong_option_is_told_in_a_sentence(extra, checkpoints, tmp_path: Path, capsys) -> None:
    arguments = [f"--{name}={path}" for name, path in checkpoints.items()]
    output = ["--output", str(tmp_path)]
    assert benchmark.main([*arguments, "--only", "data", *output, *extra]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("benchmark: ")
    assert not list(tmp_path.iterdir())


def test_every_area_has_a_module_that_runs() -> None:
    for module in benchmark.AREAS.values():
        path = Path(benchmark.__file__).with_name(f"{module}.py")
        assert "def run(settings: Settings) -> list[Row]:" in path.read_text(encoding="utf-8")
