"""The last layer refitted on corrections, and the held-back digits that show its cost."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from netlib.answer.held_back import HeldBack, pack
from netlib.answer.predictor import Predictor
from netlib.answer.refit import Head, softmax

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
NAMES = ("standard", "mobilenet")


def layer(kind: str, classes: int = 3, features: int = 4) -> SimpleNamespace:
    """A network of which only the last layer is known."""
    rng = np.random.default_rng(0)
    arrays = {"head.weight": rng.normal(size=(classes, features)), "head.bias": np.zeros(classes)}
    return SimpleNamespace(layers=SimpleNamespace(head=SimpleNamespace(kind=kind)), arrays=arrays)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor({name: CHECKPOINTS / f"{name}.safetensors" for name in NAMES}, threads=1)


@pytest.mark.parametrize("name", NAMES)
def test_the_head_gives_the_networks_own_logits(predictor, name) -> None:
    images = np.random.default_rng(0).random((4, 1, 28, 28), np.float32)
    answer = predictor.predict_one(name, images)
    logits = Head.of(predictor.explainers[name]).logits(answer.embeddings)
    np.testing.assert_allclose(logits, answer.logits, atol=1e-4)


def test_a_cosine_heads_logits_are_cosines_times_thirty() -> None:
    net = layer("cosine")
    along = net.arrays["head.weight"][1] * 7
    np.testing.assert_allclose(Head.of(net).logits(along[None])[0, 1], 30, rtol=1e-12)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
@pytest.mark.parametrize("classes", [2, 10])
def test_one_correction_turns_an_answer_and_no_correction_turns_none(kind, classes) -> None:
    head = Head.of(layer(kind, classes))
    digits = np.random.default_rng(1).random((6, 4))
    before = head.logits(digits).argmax(1)
    wanted = (before[0] + 1) % classes
    after = head.refitted(digits[:1], [wanted])
    assert after.logits(digits[:1]).argmax(1) == [wanted]
    np.testing.assert_array_equal(head.refitted(digits[:0], []).weight, head.weight)


def test_the_refitted_layer_is_the_minimum_of_what_the_docstring_says() -> None:
    """The slope is zero there: of one digit, Δw = (wanted - p) x / λ with λ = 0.1 |x|²."""
    head = Head("linear", np.zeros((2, 3)))
    x = np.array([1.0, 2.0, 1.0])  # the bias's 1 included
    after = head.refitted(x[None, :2], [1])
    p = softmax(after.logits(x[None, :2]))[0]
    np.testing.assert_allclose(after.weight, np.outer([-p[0], p[0]], x) / (0.1 * 6), atol=1e-5)


def test_held_back_digits_come_back_from_their_file(tmp_path: Path) -> None:
    embeddings = np.random.default_rng(0).random((20, 6), np.float32) * 3
    embeddings[:, 5] = 0  # a feature that never answers
    path = tmp_path / "held_net.npz"
    np.savez_compressed(path, **pack(embeddings, np.arange(20) % 10, "abc"))
    held = HeldBack.load(path, "abc")
    np.testing.assert_allclose(held.embeddings, embeddings, atol=3 / 255 / 2 + 1e-6)
    assert held.labels.tolist() == [*range(10), *range(10)]


@pytest.mark.parametrize("fault", ["absent", "other weights", "damaged"])
def test_what_is_wrong_with_held_back_digits_is_told_in_one_sentence(tmp_path: Path, fault) -> None:
    path = tmp_path / "held_net.npz"
    if fault == "damaged":
        path.write_bytes(b"no npz")
    if fault == "other weights":
        np.savez_compressed(path, **pack(np.ones((2, 3)), [0, 1], "old"))
    with pytest.raises(ValueError, match=r"analysis\.build\.hold_back") as caught:
        HeldBack.load(path, "new")
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)  # a visitor reads it
