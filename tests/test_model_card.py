"""The shipped checkpoints and their card: the card's numbers are those of the result files."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import model_card
from netlib.answer.refusal import DIGIT_SCORES
from netlib.nets import load_network, read_metadata, weights_digest
from netlib.nets.network import named_network

ROOT = Path(__file__).parent.parent
EVALUATION = "figures/data/evaluation"
CHECKPOINTS = {name: ROOT / "checkpoints" / f"{name}.safetensors" for name in model_card.NETWORKS}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_the_shipped_checkpoint_is_of_its_name_with_what_the_demo_needs(name: str) -> None:
    net = load_network(CHECKPOINTS[name])
    metadata = net.metadata
    assert net.spec == named_network(name, (1, 28, 28), 10).spec
    assert metadata["class_names"] == list("0123456789")
    assert CHECKPOINTS[name].stat().st_size < 2_000_000
    assert 0.3 < metadata["temperature"] < 3
    assert metadata["no_digit"]["score"] in DIGIT_SCORES
    assert np.isfinite(metadata["no_digit"]["threshold"]).all()


def test_both_networks_were_trained_by_the_same_recipe() -> None:
    configs = [read_metadata(path)["config"] for path in CHECKPOINTS.values()]
    for config in configs:
        del config["precision"]  # a matter of speed
    assert configs[0] == configs[1]


def test_the_card_shows_what_the_result_files_hold() -> None:
    """If it fails: python -m analysis.model_card."""
    card = (ROOT / "checkpoints" / "README.md").read_text(encoding="utf-8")
    content = model_card.tables(ROOT / "checkpoints", ROOT / EVALUATION)
    assert model_card.fill(card, content) == card


@pytest.mark.parametrize("name", CHECKPOINTS)
@pytest.mark.parametrize("evaluated", model_card.SETS)
def test_the_result_files_are_of_the_shipped_weights(name: str, evaluated: str) -> None:
    """The weights, not the file: its metadata took the refusal threshold after the evaluation."""
    path = ROOT / EVALUATION / name / evaluated / "scores.json"
    made_by = json.loads(path.read_text(encoding="utf-8"))["made_by"]
    assert made_by["weights_sha256"] == weights_digest(load_network(CHECKPOINTS[name]))


@pytest.mark.parametrize(
    "record",
    [
        "checkpoints/no_digit.json",
        *(f"{EVALUATION}/{n}.json" for n in ("robustness", "photographed")),
    ],
)
def test_what_is_read_and_refused_is_so_by_the_shipped_weights(record: str) -> None:
    weights = json.loads((ROOT / record).read_text(encoding="utf-8"))["weights_sha256"]
    assert weights == {n: weights_digest(load_network(p)) for n, p in CHECKPOINTS.items()}


def test_every_target_is_met_or_missed_by_its_number() -> None:
    evaluation = ROOT / EVALUATION
    lines = model_card.targets_table(ROOT / "checkpoints", evaluation).splitlines()[2:]
    assert len(lines) == 30
    for line in lines:
        _, aims, *cells = line.strip("| ").split(" | ")
        limits = [float(aim) for aim in aims[2:].split(f" / {aims[0]} ")] * 2
        for cell, limit in zip(cells, limits, strict=False):
            if cell == "–":  # families never seen are measured on one network
                continue
            value = float(cell.split(" ")[0].rstrip(","))
            met = value >= limit if aims[0] == "≥" else value <= limit
            assert cell.endswith("met" if met else "missed")


def write_csv(path: Path, rows: list[dict[str, object]]) -> Path:
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_a_recipe_counts_by_its_mean_over_seeds(tmp_path: Path) -> None:
    runs = [
        {"level": level, "network": network, "validation_nll": 0.05 - step / 100,
         "validation_accuracy": 0.98 + step / 100 + seed / 500}
        for step, level in enumerate(("plain", "averaging"))
        for network in model_card.NETWORKS
        for seed in (0, 1)
    ]  # fmt: skip
    text = model_card.recipe_table(write_csv(tmp_path / "recipe.csv", runs))
    assert text.splitlines()[2:] == [
        "| plain | 98.10 | 0.0500 | 98.10 | 0.0500 |",
        "| averaging | 99.10 | 0.0400 | 99.10 | 0.0400 |",
    ]


def test_long_tailed_sets_are_told_apart_by_their_profile(tmp_path: Path) -> None:
    runs = [
        {"network": network, "dataset": f"{profile}-{order}", "balanced_accuracy": share,
         "worst_recall": share - order / 100}
        for network in model_card.NETWORKS
        for profile, share in (("exp10", 0.99), ("exp100", 0.97))
        for order in (0, 5)
    ]  # fmt: skip
    path = write_csv(tmp_path / "imbalance.csv", runs)
    found = model_card.long_tailed(path, "standard", "exp10")
    assert model_card.percents(found, "worst_recall") == pytest.approx([99, 94])
    for name in ("plain", "exp10", "exp100"):
        write_csv(tmp_path / f"imbalance_{name}.csv", runs)
    text = model_card.imbalance_table(tmp_path)
    assert (
        "| exp100 | mobilenet | recipe | 97.00 | 97.00 to 97.00 | 97.00 | 94.50 | 92.00 |" in text
    )
    assert len(text.splitlines()) == 2 + 2 * 2 * 2
    with pytest.raises(ValueError, match="has 0 runs of standard on exp50; expected"):
        model_card.long_tailed(path, "standard", "exp50")
    with pytest.raises(ValueError, match=r"other\.csv is missing"):
        model_card.long_tailed(tmp_path / "other.csv", "standard", "exp10")


def test_a_missing_result_is_named(tmp_path: Path, refused) -> None:
    arguments = ("--checkpoints", ROOT / "checkpoints", "--evaluation", tmp_path)
    assert "scores.json is missing: run analysis.evaluate" in refused("model_card", *arguments)


def test_a_changed_number_changes_the_card() -> None:
    text = "<!-- begin a -->\nold\n<!-- end a -->"
    assert model_card.fill(text, {"a": "new"}) == "<!-- begin a -->\nnew\n<!-- end a -->"
    with pytest.raises(ValueError, match="lacks the markers <!-- begin b --> and <!-- end b -->"):
        model_card.fill(text, {"b": "new"})
