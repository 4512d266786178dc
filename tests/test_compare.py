"""Two checkpoints, whatever they are, on one data set: numbers, figures, and a PDF that tells."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers_data import done, words
from helpers_plots import draw_roughly

from analysis.comparison import told
from analysis.comparison.answers import Answers, by_name, read_answers
from analysis.comparison.drawn import DRAWN, errors, right, share
from analysis.questions import embeddings
from netlib.measure import paired_interval
from netlib.nets.checkpoint import save_network
from netlib.nets.network import init_network

Checkpoints = tuple[Path, Path]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> Checkpoints:
    """Grey and in colour, of 28 and of 20 pixels, for three classes and for five, of one name."""
    folder = tmp_path_factory.mktemp("nets")
    torch.manual_seed(0)
    grey = init_network(1, 1, (1, 28, 28), 3, width=0.25)
    colour = init_network(2, 0, (3, 20, 20), 5, width=0.5)
    names = {"class_names": ["ant", "bee", "cat", "#dog", "$e"], "temperature": 2}
    return (
        save_network(grey, folder / "first" / "net.safetensors", {}),
        save_network(colour, folder / "second" / "net.safetensors", names),
    )


def compare(dataset: Path, checkpoints: Checkpoints, output: Path, *options: str) -> None:
    paths = ["--dataset-path", dataset, "--checkpoint", *checkpoints, "--output", output]
    done("compare", *paths, *options)


@pytest.fixture(scope="module")
def output(digit_folder, checkpoints: Checkpoints, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("comparison")
    dataset = digit_folder(train=1, test=3, num_classes=3)
    compare(dataset, checkpoints, output, "--author", "#A <b>, $c")
    return output


def test_every_number_follows_from_the_kept_answers(output: Path) -> None:
    numbers = json.loads((output / "comparison.json").read_text())
    found = read_answers([output / name / "predictions.npz" for name in ("first", "second")])
    assert [row["network"] for row in numbers["networks"]] == ["first", "second"]
    assert [row["accuracy"] for row in numbers["networks"]] == [one.right.mean() for one in found]
    pair = numbers["pair"]
    a, b = (one.right for one in found)
    counts = [pair[name] for name in ("both_right", "only_first", "only_second", "none_right")]
    assert counts == [(a & b).sum(), (a & ~b).sum(), (~a & b).sum(), (~a & ~b).sum()]
    assert [row["images"] for row in numbers["classes"]] == [3, 3, 3]
    assert [row["input"] for row in numbers["costs"]] == ["1×28×28", "3×20×20"]
    assert all(len(row["seconds"]) > 1 for row in numbers["costs"])


def test_what_can_be_drawn_is_drawn_and_the_rest_is_named_in_the_pdf(output: Path) -> None:
    pictures = {path.stem for path in (output / "figures").glob("*.png")}
    assert {"confusion", "roc", "errors", "precision_recall", "risk_coverage"} <= pictures
    text = words(output / "Comparison.pdf")
    assert "#A <b>, $c" in text and "cat" in text  # names come out as typed
    assert "first against second" in text
    for missing in DRAWN.keys() - pictures:
        assert DRAWN[missing][0] in text
    assert "t-SNE lays out neighbourhoods; it needs 10 images, here are 9." in text
    assert {path.name for path in (output / "figures").iterdir()} == {f"{p}.png" for p in pictures}


def test_one_picture_is_enough(digit_folder, checkpoints, tmp_path: Path, monkeypatch) -> None:
    draw_roughly(monkeypatch)
    dataset = digit_folder(train=1, test=[1, 0, 0], num_classes=3)
    compare(dataset, checkpoints, tmp_path)
    text = words(tmp_path / "Comparison.pdf")
    assert f"1 test image of {dataset.name} (1 class)" in text
    assert "ROC curves: curves of one class against the rest need images of two classes." in text


def test_a_figure_of_what_evaluate_wrote_or_what_it_needs_more(
    output: Path, tmp_path: Path, refused
) -> None:
    files = [output / name / "predictions.npz" for name in ("first", "second")]
    done("figures", "errors", "--predictions", *files, "--output", tmp_path)
    done("figures", "roc", "--predictions", files[0], "--output", tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["errors.png", "roc.png"]
    given = ("--predictions", output / "first" / "predictions.npz", "--output", tmp_path)
    assert "filters: filters are in a checkpoint" in refused("figures", "filters", *given)
    assert "there is no figure nothing" in refused("figures", "nothing", *given)
    damaged = tmp_path / "predictions.npz"
    for content in (b"text", files[0].read_bytes()[:900]):
        damaged.write_bytes(content)
        said = "predictions.npz is damaged or no file of arrays"
        assert said in refused("figures", "roc", "--predictions", damaged, "--output", tmp_path)


def test_without_a_name_all_is_drawn_that_can_be_and_nothing_of_ours_is_written_over(
    output: Path, tmp_path: Path, monkeypatch, caplog
) -> None:
    draw_roughly(monkeypatch)
    monkeypatch.chdir(tmp_path)
    done("figures", "--predictions", output / "first" / "predictions.npz")
    drawn = {path.stem for path in (tmp_path / "runs" / "figures").glob("*.png")}
    assert drawn >= {"confusion", "roc", "class_scores"}
    assert "not drawn: filters: filters are in a checkpoint" in caplog.text
    assert not (tmp_path / "figures").exists()


def test_checkpoints_draw_what_predictions_cannot(
    checkpoints: Checkpoints, tmp_path: Path, refused
) -> None:
    named = ["--checkpoint", *map(str, checkpoints), "--output", str(tmp_path)]
    done("figures", *named)
    assert [path.name for path in tmp_path.glob("*.png")] == ["filters.png"]
    assert "other figures need --predictions" in refused("figures", "confusion", *named)


def test_other_images_and_too_many_networks_are_one_sentence(
    output: Path, checkpoints: Checkpoints, tmp_path: Path, refused
) -> None:
    words = ("--dataset-path", tmp_path, "--checkpoint", checkpoints[0], "--output", tmp_path)
    assert "'--checkpoint'. Expected 2 values." in refused("compare", *words)
    with np.load(output / "first" / "predictions.npz") as file:
        arrays = dict(file)
    other = tmp_path / "other" / "predictions.npz"
    other.parent.mkdir()
    np.savez(other, **{**arrays, "labels": arrays["labels"][::-1]})
    with pytest.raises(ValueError, match="answered other images"):
        read_answers([output / "first" / "predictions.npz", other])


def test_filters_embeddings_and_projections_take_any_checkpoint_and_data_set(
    checkpoints: Checkpoints, digit_folder, tmp_path: Path, monkeypatch, refused
) -> None:
    dataset = digit_folder(train=1, test=8, num_classes=3)
    named = ["--checkpoint", *checkpoints, "--output", tmp_path]
    done("filters", *named)
    with np.load(tmp_path / "filters.npz") as file:
        assert file["first_1"].shape[1:] == (1, 3, 3)
        assert file["second_2"].shape[2:] == (3, 3)
    monkeypatch.setattr(embeddings, "METHOD_NAMES", {"pca": "PCA"})
    done("embeddings", *named, "--dataset-path", dataset)
    with np.load(tmp_path / "projections.npz") as file:
        wanted = ("raw", "first_untrained", "first_trained", "second_trained")
        assert all(file[f"pca_{name}"].shape == (24, 2) for name in wanted)
    alone = ["--checkpoint", checkpoints[1], "--method", "pca", "--split", "test"]
    done("project", *alone, "--dataset-path", dataset, "--output", tmp_path / "map.npz")
    with np.load(tmp_path / "map.npz") as file:
        assert file["images"].shape == (24, 20, 20)
    refused("filters", "--output", tmp_path)
    refused("project", "--output", tmp_path / "x.npz")


# --- The parts -----------------------------------------------------------------------------------


def answers(place: int, predictions: list[int], labels: list[int]) -> Answers:
    logits = np.log(8) * np.eye(3)[predictions]
    n = len(labels)
    pictures = np.arange(n, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    arrays = np.array(labels), logits, np.zeros((n, 2))
    return Answers("AB"[place], place, *arrays, 1.0, ("0", "1", "2"), pictures)


def test_names_that_are_cut_are_told_so() -> None:
    named = [replace(one, class_names=("zero", "one", "two")) for one in PAIR]
    assert "its class (the first 3 letters), then" in errors(named)[1]
    assert "its class, then" in errors(PAIR)[1]


LABELS = [0, 1, 2, 2]
PAIR = [answers(0, [0, 1, 2, 0], LABELS), answers(1, [0, 2, 1, 1], LABELS)]


def test_right_where_the_other_is_wrong_is_counted_by_class_and_every_image_shown_once() -> None:
    rows = told.classes(PAIR)
    assert [(row["alone_0"], row["alone_1"]) for row in rows] == [(0, 0), (1, 0), (1, 0)]
    assert [row["recall_0"] for row in rows] == [1, 1, 0.5]
    _, caption = errors(PAIR)
    assert caption.startswith("All 3 images that are read wrong: under each its class")
    assert right(PAIR)[1].startswith("The one image that is read right, of every class in turn;")
    assert share(3, 5) == "3 of the 5 images that are"


def test_the_verdict_says_whether_chance_explains_the_difference() -> None:
    row = told.pair(PAIR)
    assert (row["only_first"], row["only_second"], row["p"]) == (2, 0, 0.5)
    assert "cannot be told from chance (exact McNemar test, p = 0.500)" in told.verdict(row, 4)
    few = told.verdict({**row, "low": 0.001}, 4)
    assert few.endswith("the interval, which leaves 0 out, is of that pair alone and no exact one.")
    sure = {"only_first": 90, "only_second": 1, "difference": 0.089, "p": 1e-9}
    assert "A is the better one by 8.90 points" in told.verdict({**row, **sure}, 1000)
    # 2 and 0 of 4: (2 - 0) / 6, and sqrt(3 - 4 / 6) / 6 to each side.
    half = 1.959964 * (3 - 4 / 6) ** 0.5 / 6
    assert paired_interval(2, 0, 4) == pytest.approx((1 / 3 - half, min(1, 1 / 3 + half)), abs=1e-6)


def test_images_of_the_training_are_told() -> None:
    assert told.seen({"a": 0, "b": 0}) == ""
    assert "a was trained on 3 of these" in told.seen({"a": 3, "b": None})
    assert "Whether b was trained on" in told.seen({"a": 3, "b": None})


def test_networks_are_called_by_what_tells_them_apart() -> None:
    paths = [Path("runs/a-1/network.safetensors"), Path("runs/b-1/network.safetensors")]
    assert by_name(paths) == dict(zip(("a-1", "b-1"), paths, strict=True))
    assert [*by_name([Path("x/a.safetensors"), Path("x/b.safetensors")])] == ["a", "b"]
    assert [*by_name([Path("a.safetensors")] * 2)] == ["a 1", "a 2"]
