"""The comparison of kept runs, on a hundred images and invented logits."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers_data import done
from helpers_runs import keep_pairs, keep_run, sure

from analysis.build.kept_answers import answers_of
from analysis.build.verify import otherwise
from analysis.frame.results import Results
from analysis.look import sorting
from netlib.data.dataset import DigitDataset

HISTORY = "network seed epoch train_loss train_accuracy validation_loss validation_accuracy"
WRONG = {("standard", 0): 4, ("standard", 1): 6, ("mobilenet", 0): 8, ("mobilenet", 1): 12}
CURVES = [*map(str, range(10)), "micro", "macro"]


@pytest.fixture(scope="module")
def dataset(digit_folder) -> Path:
    """20 training and 10 test images of each digit."""
    return digit_folder(train=20, test=10)


@pytest.fixture(scope="module")
def output(dataset: Path, tmp_path_factory) -> Path:
    """What the command writes of two seeds, whose first so many images are read wrongly."""
    runs, output = tmp_path_factory.mktemp("pairs"), tmp_path_factory.mktemp("data")
    labels = DigitDataset(dataset, "test").labels.numpy()
    for (network, seed), wrong in WRONG.items():
        keep_run(runs, network, seed, dataset, sure(labels, wrong))
    done("pairs", "--runs", runs, "--dataset-path", dataset, "--output", output)
    return output


def table(output: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(output / name, dtype={"class": str})


def test_tables_have_a_row_for_each_run_of_both_networks_in_order(output: Path) -> None:
    histories = table(output, "histories.csv")
    assert histories.columns.tolist() == HISTORY.split()
    assert histories["network"].unique().tolist() == ["standard", "mobilenet"]
    scores = table(output, "class_scores.csv")
    assert len(scores) == 2 * 2 * 10
    assert (scores["train_images"] == 18).all()  # a tenth of 20 is for validation


def test_headline_pairs_the_seeds_and_has_means_over_them_with_their_interval(output: Path) -> None:
    content = json.loads((output / "headline.json").read_text())
    assert (content["seeds"], content["test_images"]) == ([0, 1], 100)
    assert content["networks"]["standard"]["accuracy"]["values"] == [0.96, 0.94]
    accuracy = content["networks"]["mobilenet"]["accuracy"]  # 0.92 and 0.88: sd 0.02·√2
    assert accuracy["mean"] == pytest.approx(0.90)
    assert accuracy["sd"] == pytest.approx(0.02 * 2**0.5)
    # Standard error 0.02; t of one degree of freedom at 97.5 % is tan(0.475 π) = 12.7062.
    assert accuracy["high"] == pytest.approx(0.90 + 0.02 * 12.7062, abs=1e-6)
    assert content["networks"]["mobilenet"]["error_rate"]["mean"] == pytest.approx(0.10)
    assert "2 training seeds" in content["interval"]
    difference = content["difference"]["accuracy"]  # -0.04 and -0.06
    assert difference["values"] == pytest.approx([-0.04, -0.06])
    assert difference["mean"] == pytest.approx(-0.05)
    # t = -0.05 / 0.01 = -5 with one degree of freedom
    assert difference["p"] == pytest.approx(1 - 2 / np.pi * np.arctan(5))
    # 4 discordant images, all on one side: p = 2 / 2⁴; then 6: p = 2 / 2⁶.
    table_of = ["seed", "p", "both_right", "only_standard", "only_mobilenet", "none_right"]
    assert [list(row) for row in content["mcnemar"]] == [table_of, table_of]
    assert list(content["mcnemar"][0].values()) == pytest.approx([0, 2 / 16, 92, 4, 0, 4])
    assert list(content["mcnemar"][1].values()) == pytest.approx([1, 2 / 64, 88, 6, 0, 6])
    equivalence = content["equivalence"]
    assert (equivalence["margin"], equivalence["equivalent"]) == (0.001, False)


def test_confusion_is_summed_over_seeds_and_risk_ends_at_the_error_rate(output: Path) -> None:
    content = table(output, "confusion.csv")
    counts = content.groupby("network")["count"].sum()
    assert counts.to_dict() == {"standard": 200, "mobilenet": 200}
    wrong = content[content["true"] != content["predicted"]].groupby("network")["count"].sum()
    assert wrong.to_dict() == {"standard": 10, "mobilenet": 20}
    assert content["seeds"].unique().tolist() == [2]
    assert len(content) == 200
    content = table(output, "risk_coverage.csv")
    for network, error in (("standard", 0.05), ("mobilenet", 0.10)):
        last = content[content["network"] == network].iloc[-1]
        assert last["coverage"] == 1
        assert last["risk"] == pytest.approx(error)
        assert last["risk_low"] < error < last["risk_high"]
    assert content.groupby("network").size().max() <= 200


def test_roc_curves_go_from_corner_to_corner_over_their_areas(output: Path) -> None:
    content = table(output, "roc.csv")
    for network in ("standard", "mobilenet"):
        of_network = content[content["network"] == network]
        assert of_network["class"].unique().tolist() == CURVES
        for _, curve in of_network.groupby("class"):
            assert curve[["fpr", "tpr"]].iloc[0].tolist() == [0, 0]
            assert curve[["fpr", "tpr"]].iloc[-1].tolist() == [1, 1]
            assert (curve[["fpr", "tpr"]].diff().iloc[1:] >= 0).all(axis=None)
            assert len(curve) <= sorting.MAX_POINTS
    areas = table(output, "auc.csv").query("seed == 0").set_index(["network", "class"])["auc"]
    curves = table(output, "roc.csv").groupby(["network", "class"])
    for key, curve in curves:
        if key[1] != "macro":  # the mean of tied scores is drawn as steps
            area = np.trapezoid(curve["tpr"], curve["fpr"])
            assert area == pytest.approx(areas[key], abs=1e-6)
    for network in ("standard", "mobilenet"):
        of_classes = [areas[network, str(label)] for label in range(10)]
        assert areas[network, "macro"] == pytest.approx(np.mean(of_classes), abs=1e-6)


def test_the_mean_curve_is_exact_and_thinning_keeps_ends_and_points_of_a_curve() -> None:
    perfect = np.array([[0, 0], [0, 1], [1, 1]])
    late = np.array([[0, 0], [0, 0.5], [0.25, 0.5], [0.25, 1], [1, 1]])
    expected = [[0, 0], [0, 0.75], [0.25, 0.75], [0.25, 1], [1, 1]]
    assert sorting.mean_curve([perfect, late]).tolist() == expected
    fpr = np.linspace(0, 1, 5001)
    curve = np.stack([fpr, fpr**0.1], axis=1)
    thin = sorting.thin(curve)
    assert len(thin) <= sorting.MAX_POINTS
    assert thin[[0, -1]].tolist() == [[0, 0], [1, 1]]
    assert {tuple(point) for point in thin} <= {tuple(point) for point in curve}
    assert (thin[:, 0] < 0.001).sum() >= 3  # a logarithmic axis shows this part too


def test_calibration_pools_the_seeds_at_a_temperature_of_validation(output: Path) -> None:
    content = table(output, "calibration.csv")
    assert len(content) == 2 * 2 * 15
    counts = content.groupby(["network", "temperature_scaled"])["count"].sum()
    assert counts.unique().tolist() == [200]
    before = content[content["temperature_scaled"] == 0]
    assert before["confidence"].round(4).unique().tolist() == [0.9]
    # There, confidence 0.9 is right: 5 of 50 are wrong, so that the temperature stays near 1.
    content = table(output, "calibration_scores.csv")
    assert len(content) == 4
    assert content["temperature"].between(0.95, 1.1).all()
    row = content.query("network == 'standard' and seed == 0").iloc[0]
    # 96 right ones at odds 9 : 1, and four whose class has one of the nine others' shares
    nll = -(96 * np.log(0.9) + 4 * np.log(0.1 / 9)) / 100
    assert row["nll_before"] == pytest.approx(nll, abs=1e-4)


def test_errors_are_kept_once_and_examples_are_four_of_each_kind(output, dataset) -> None:
    with np.load(output / "errors.npz", allow_pickle=False) as file:
        assert file["indices"].tolist() == list(range(8))
        assert (file["standard"] != file["labels"]).sum() == 4
        assert (file["mobilenet"] != file["labels"]).sum() == 8
        assert file["images"].dtype == np.uint8
        images = DigitDataset(dataset, "test").images[:8, 0].numpy()
        np.testing.assert_array_equal(file["images"], images)
        assert file["standard_confidence"] == pytest.approx(np.full(8, 0.9), abs=0.03)
        assert json.loads(str(file["made_by"]))["shown_seed"] == 0
    with np.load(output / "examples.npz", allow_pickle=False) as file:
        kinds, counts = np.unique(file["which"], return_counts=True)
        assert len(kinds) == 4 and counts.tolist() == [4] * 4
        for network in ("standard", "mobilenet"):
            right = file["which"] == f"{network} right"
            wrong = file["which"] == f"{network} wrong"
            assert (file[network][right] == file["labels"][right]).all()
            assert (file[network][wrong] != file["labels"][wrong]).all()
            assert len(set(file["labels"][right].tolist())) == 4
            assert len(set(file["indices"][right].tolist())) == 4


def test_one_seed_has_no_intervals_and_says_so(
    dataset: Path, digit_folder, tmp_path: Path, refused
) -> None:
    words = ("pairs", "--runs", keep_pairs(tmp_path / "pairs", dataset, 7), "--output", tmp_path)
    other = digit_folder(train=20, test=9)
    assert "other images" in refused(*words, "--dataset-path", other)
    done(*words, "--dataset-path", dataset)
    content = json.loads((tmp_path / "headline.json").read_text())
    accuracy = content["networks"]["standard"]["accuracy"]
    assert (accuracy["values"], accuracy["n"]) == ([1.0], 1)
    assert (accuracy["sd"], accuracy["low"], accuracy["high"]) == (None, None, None)
    assert content["difference"]["accuracy"]["p"] is None
    assert content["equivalence"]["equivalent"] is None
    assert "one seed" in content["interval"]
    assert table(tmp_path, "risk_coverage.csv")["risk_low"].isna().all()
    with np.load(tmp_path / "errors.npz") as file:
        assert file["images"].shape == (0, 28, 28)
    with np.load(tmp_path / "examples.npz") as file:
        assert len(file["which"]) == 8  # nothing is wrong


def test_the_committed_logits_make_the_same_tables(output: Path, tmp_path: Path) -> None:
    data = Results(output)
    images = table(output, "class_scores.csv").groupby("class")["train_images"].first()
    counts = {f"count_{label}": count for label, count in images.items()}
    pd.DataFrame([counts]).to_csv(output / "pairs.csv", index=False)
    assert data.arrays("logits.npz")["standard-0"].dtype == np.float16
    assert list(otherwise(data, tmp_path / "a")) == []
    (output / "auc.csv").write_bytes((output / "auc.csv").read_bytes().replace(b"0.9", b"0.8", 1))
    (sentence,) = otherwise(data, tmp_path / "b")
    assert "auc.csv comes out otherwise from logits.npz" in sentence


def test_the_answers_of_runs_of_one_network_are_kept_too(tmp_path: Path, dataset: Path) -> None:
    labels = DigitDataset(dataset, "test").labels.numpy()
    keep_run(tmp_path / "runs", "standard", 3, dataset, sure(labels, wrong=7))
    done("kept_answers", "--runs", tmp_path / "runs", "--output", tmp_path)
    with np.load(tmp_path / "answers.npz") as kept:
        assert (kept["labels"] == labels).all()
        assert (kept["standard-3"] != labels).sum() == 7
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no kept run: write them"):
        answers_of(tmp_path / "empty")
