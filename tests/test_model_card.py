"""The shipped checkpoints and their card: the card's numbers are those of the result files."""

import json
from pathlib import Path

import numpy as np
import pytest

from analysis import model_card
from netlib.checkpoint import load_network, read_metadata, weights_digest
from netlib.metrics import DIGIT_SCORES
from netlib.network import ARCHITECTURES

ROOT = Path(__file__).parent.parent
CHECKPOINTS = {name: ROOT / "checkpoints" / f"{name}.safetensors" for name in model_card.NETWORKS}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_the_shipped_checkpoint_is_the_architecture_of_its_name(name: str) -> None:
    net, metadata = load_network(CHECKPOINTS[name])
    assert net.spec == ARCHITECTURES[name]((1, 28, 28), 10).spec
    assert metadata["class_names"] == list("0123456789")
    assert CHECKPOINTS[name].stat().st_size < 2_000_000


def test_both_networks_were_trained_by_the_same_recipe() -> None:
    configs = [read_metadata(path)["config"] for path in CHECKPOINTS.values()]
    for config in configs:
        del config["precision"]  # a matter of speed
    assert configs[0] == configs[1]


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_the_metadata_has_what_the_demo_needs(name: str) -> None:
    metadata = read_metadata(CHECKPOINTS[name])
    assert 0.3 < metadata["temperature"] < 3
    assert metadata["no_digit"]["score"] in DIGIT_SCORES
    assert np.isfinite(metadata["no_digit"]["threshold"])


def test_the_card_shows_what_the_result_files_hold(capsys) -> None:
    arguments = ["--checkpoints", "checkpoints", "--evaluation", "figures/data/evaluation"]
    rooted = [str(ROOT / a) if "/" in a or a == "checkpoints" else a for a in arguments]
    assert model_card.main([*rooted, "--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", CHECKPOINTS)
@pytest.mark.parametrize("evaluated", model_card.SETS)
def test_the_result_files_are_of_the_shipped_weights(name: str, evaluated: str) -> None:
    """The weights, not the file: its metadata took the refusal threshold after the evaluation."""
    path = ROOT / "figures" / "data" / "evaluation" / name / evaluated / "scores.json"
    made_by = json.loads(path.read_text(encoding="utf-8"))["made_by"]
    assert made_by["weights_sha256"] == weights_digest(load_network(CHECKPOINTS[name])[0])


def test_the_robustness_is_of_the_shipped_weights() -> None:
    path = ROOT / "figures" / "data" / "evaluation" / "robustness.json"
    weights = json.loads(path.read_text(encoding="utf-8"))["weights_sha256"]
    assert weights == {n: weights_digest(load_network(p)[0]) for n, p in CHECKPOINTS.items()}


def test_a_missing_result_is_named(tmp_path: Path, capsys) -> None:
    arguments = ["--checkpoints", str(ROOT / "checkpoints"), "--evaluation", str(tmp_path)]
    assert model_card.main(arguments) == 2
    assert "scores.json is missing: run analysis.evaluate" in capsys.readouterr().err


def test_a_changed_number_changes_the_card(tmp_path: Path) -> None:
    text = "<!-- begin a -->\nold\n<!-- end a -->"
    assert model_card.fill(text, {"a": "new"}) == "<!-- begin a -->\nnew\n<!-- end a -->"
    with pytest.raises(ValueError, match="lacks the markers <!-- begin b --> and <!-- end b -->"):
        model_card.fill(text, {"b": "new"})
