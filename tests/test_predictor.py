"""The inference engine gives PyTorch's answers, for every kind of network."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers_runs import tiny, trained

from netlib.answer.predictor import MAX_BATCH, Predictor
from netlib.nets.checkpoint import save_network
from netlib.nets.complexity import measure
from netlib.nets.network import init_network, mobilenet_v1, named_network
from netlib.nets.saved import CheckpointError


def pictures(n: int, input_dim: tuple[int, int, int] = (1, 8, 8)) -> np.ndarray:
    return np.random.default_rng(0).random((n, *input_dim), dtype=np.float32)


@pytest.fixture
def predictor(tmp_path: Path) -> Predictor:
    """Two tiny networks, "a" without a temperature and "b" with one of 2."""
    save_network(trained(tiny(0), 0), tmp_path / "a.safetensors", {"class_names": ["x", "y", "z"]})
    save_network(trained(tiny(1), 1), tmp_path / "b.safetensors", {"temperature": 2.0})
    paths = {name: tmp_path / f"{name}.safetensors" for name in "ab"}
    return Predictor(paths, threads=1)


# --- The same answers as PyTorch ----------------------------------------------------------------


@pytest.mark.parametrize(
    "build",
    [
        lambda: named_network("standard"),
        lambda: named_network("mobilenet"),
        lambda: init_network(0, 3, (1, 28, 28), 10, width=0.5),
        lambda: init_network(1, 0, (1, 8, 8), 2),
        lambda: init_network(2, 1, (3, 20, 31), 7, width=0.5),
        lambda: mobilenet_v1((3, 32, 32), 10, width=0.25),
        lambda: mobilenet_v1((1, 32, 32), 5, width=0.125, separable=False),
        lambda: init_network(1, 1, (1, 8, 8), 3, head="cosine"),
    ],
    ids=["standard", "mobilenet", "dw3", "one", "colour", "v1", "conv_v1", "cosine"],
)
def test_answers_are_those_of_pytorch(build, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = trained(build())
    save_network(net, tmp_path / "net.safetensors")
    images = pictures(3, net.input_dim)
    answer = Predictor({"net": tmp_path / "net.safetensors"}, threads=1).predict(images)["net"]
    with torch.inference_mode():
        embeddings = net.forward_features(torch.from_numpy(images))
        logits = net.forward_head(embeddings)
    np.testing.assert_allclose(answer.probabilities, logits.softmax(1).numpy(), atol=1e-5)
    np.testing.assert_allclose(answer.logits, logits.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(answer.embeddings, embeddings.numpy(), rtol=1e-4, atol=1e-4)
    assert answer.predictions.tolist() == logits.argmax(1).tolist()
    assert np.ptp(answer.embeddings, axis=0).max() > 0  # the answers do depend on the images


# --- Several networks and images, and what is known of them ---------------------------------------


def test_every_network_answers_under_its_name_at_its_temperature(predictor: Predictor) -> None:
    assert predictor.names == ("a", "b")
    images = pictures(4)
    answers = predictor.predict(images)
    assert list(answers) == ["a", "b"]
    for name, seed in (("a", 0), ("b", 1)):
        with torch.inference_mode():
            logits = trained(tiny(seed), seed)(torch.from_numpy(images)).numpy()
        np.testing.assert_allclose(answers[name].logits, logits, atol=1e-5)
        alone = predictor.predict_one(name, images)
        np.testing.assert_array_equal(alone.logits, answers[name].logits)
    assert predictor.info["a"].temperature == 1
    assert predictor.info["b"].temperature == 2
    for name, temperature in (("a", 1), ("b", 2)):
        odds = np.exp(answers[name].logits / temperature)
        expected = odds / odds.sum(1, keepdims=True)
        np.testing.assert_allclose(answers[name].probabilities, expected, atol=1e-6)


@pytest.mark.parametrize("n", [1, MAX_BATCH, MAX_BATCH + 1, 2 * MAX_BATCH + 3])
def test_a_batch_of_any_size_keeps_its_order(predictor: Predictor, n: int) -> None:
    images = pictures(n)
    answer = predictor.predict_one("a", images)
    with torch.inference_mode():
        logits = trained(tiny(0), 0)(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(answer.logits, logits, atol=1e-5)
    assert len(answer.probabilities) == len(answer.embeddings) == n


def test_tensors_lists_float64_and_no_images_are_taken_too(predictor: Predictor) -> None:
    images = pictures(2)
    expected = predictor.predict_one("a", images).logits
    for same in (torch.from_numpy(images), images.astype(np.float64), images.tolist()):
        np.testing.assert_array_equal(predictor.predict_one("a", same).logits, expected)
    reversed_view = np.ascontiguousarray(images[..., ::-1])[..., ::-1]
    np.testing.assert_array_equal(predictor.predict_one("a", reversed_view).logits, expected)
    answer = predictor.predict(np.zeros((0, 1, 8, 8), np.float32))["a"]
    assert answer.logits.shape == answer.probabilities.shape == (0, 3)
    assert answer.embeddings.shape == (0, 16)
    assert answer.predictions.shape == (0,)


def test_info_has_figures_derived_by_hand_and_every_network_is_timed(predictor: Predictor) -> None:
    info = predictor.info["a"]
    assert measure(info).num_params == 9 * 8 + 2 * 8 + 9 * 8 + 2 * 8 + 8 * 16 + 2 * 16 + 16 * 3 + 3
    assert measure(info).macs == 9 * 8 * 16 + 9 * 8 * 4 + 8 * 16 * 4 + 16 * 3
    assert info.input_dim == (1, 8, 8)
    assert info.layers.name == "conv1_dw1_w0.25"
    assert info.metadata["class_names"] == ["x", "y", "z"]
    times = predictor.times(rounds=2, repeats=3)
    assert set(times) == set(predictor.names)
    assert all(len(rounds) == 2 and min(rounds) > 0 for rounds in times.values())


# --- Errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 1, 9, 8), (2, 3, 8, 8), (64,), (1, 8, 8, 1)])
def test_another_shape_is_refused_with_the_expected_one(predictor: Predictor, shape) -> None:
    sentence = f"Images have shape {shape}; a expects (N, 1, 8, 8)"
    with pytest.raises(ValueError, match=re.escape(sentence)):
        predictor.predict(np.zeros(shape, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixels_that_are_not_finite_are_refused(predictor: Predictor, value: float) -> None:
    images = pictures(2)
    images[1, 0, 3, 3] = value
    with pytest.raises(ValueError, match="not finite"):
        predictor.predict(images)


def test_no_checkpoint_and_finite_weights_whose_answers_are_not_are_refused(tmp_path: Path) -> None:
    net = trained(tiny())
    net.head.weight.data.fill_(3e38)
    net.head.bias.data.fill_(3e38)
    save_network(net, tmp_path / "net.safetensors")
    with pytest.raises(CheckpointError, match="gives no finite answers"):
        Predictor({"net": tmp_path / "net.safetensors"}, threads=1)
    with pytest.raises(ValueError, match="No checkpoint was named"):
        Predictor({})
