"""Filters, feature maps and saliency without torch, held against torch on random networks."""

import numpy as np
import pytest
import torch
from helpers_runs import trained

from netlib.answer.explain import Explainer
from netlib.nets.network import Network, init_network, mobilenet_v1


@pytest.fixture
def net() -> Network:
    torch.manual_seed(0)
    return trained(init_network(1, 2, (1, 12, 12), 3))


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(1).random((1, 12, 12), np.float32)


def logits(net: Network, image: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return net(torch.from_numpy(image)[None])[0].numpy()


def autograd_cam(net: Network, image: np.ndarray, target: int, block: int) -> np.ndarray:
    """Grad-CAM as the paper defines it, its gradients by torch."""
    stop = block % len(net.blocks) + 1
    with torch.no_grad():
        maps = net.blocks[:stop](torch.from_numpy(image)[None])
    leaf = maps.detach().requires_grad_()
    rest = net.blocks[stop:](leaf.clone())
    logit = net.forward_head(net.pool(rest).flatten(1))[0, target]
    (gradient,) = torch.autograd.grad(logit, leaf)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return torch.relu((weights * maps).sum(dim=1))[0].numpy()


def test_filters_have_the_shape_of_their_blocks_and_are_copies(net: Network) -> None:
    # Channels 1 -> 32 -> 64 -> 128; the depthwise filters of a block read one channel each.
    explainer = Explainer(net)
    shapes = [f.shape for f in explainer.filters()]
    assert shapes == [(32, 1, 3, 3), (32, 1, 3, 3), (64, 1, 3, 3)]
    explainer.filters()[0][:] = 0
    assert np.array_equal(explainer.filters()[0], net.blocks[0].conv.weight.detach().numpy())


def test_feature_maps_are_what_the_blocks_answer(net: Network, image: np.ndarray) -> None:
    maps = Explainer(net).feature_maps(image)
    # Strides 2, 1, 2 on 12 pixels.
    assert [m.shape for m in maps] == [(32, 6, 6), (64, 6, 6), (128, 3, 3)]
    x = torch.from_numpy(image)[None]
    for found, block in zip(maps, net.blocks, strict=True):
        with torch.no_grad():
            x = block(x)
        np.testing.assert_allclose(found, x[0].numpy(), atol=1e-5)


@pytest.mark.parametrize("head", ["linear", "cosine"])
def test_evidence_adds_up_to_the_logit(head: str, image: np.ndarray) -> None:
    torch.manual_seed(0)
    net = trained(init_network(2, 1, (1, 12, 12), 3, head=head))
    explainer, expected = Explainer(net), logits(net, image)
    bias = np.zeros(3) if net.head.bias is None else net.head.bias.detach().numpy()
    for target in range(3):
        total = explainer.evidence(image, target).sum() + bias[target]
        assert total == pytest.approx(expected[target], abs=1e-4)
    lead = explainer.evidence(image, 0, against=2).sum() + bias[0] - bias[2]
    assert lead == pytest.approx(expected[0] - expected[2], abs=1e-4)


@pytest.mark.parametrize(
    "build",
    [
        lambda: init_network(1, 2, (1, 12, 12), 3),
        lambda: init_network(4, 0, (1, 28, 28), 10),
        lambda: init_network(2, 2, (1, 28, 28), 10),
        lambda: init_network(2, 2, (1, 28, 28), 10, head="cosine"),
        lambda: init_network(3, 1, (3, 17, 23), 4, 0.5),
        lambda: mobilenet_v1((1, 32, 32), 5, 0.125),
    ],
    ids=["small", "standard", "mobilenet", "cosine", "odd sides", "mobilenet_v1"],
)
def test_grad_cam_in_closed_form_is_that_of_autograd(build) -> None:
    torch.manual_seed(0)
    net = trained(build())
    picture = np.random.default_rng(2).random(net.input_dim, np.float32)
    explainer = Explainer(net)
    seen = 0.0
    for block in range(-1, -min(4, len(net.blocks)) - 1, -1):
        for target in range(net.num_classes):
            expected = autograd_cam(net, picture, target, block)
            found = explainer.grad_cam(picture, target, block)
            assert found.shape == expected.shape
            assert np.abs(found - expected).max() <= 1e-5 * max(float(expected.max()), 1e-3)
            seen = max(seen, float(expected.max()))
    assert seen > 0  # not all maps are empty


def test_an_unknown_class_or_block_and_another_size_are_refused(net, image) -> None:
    explainer = Explainer(net)
    for target in (-1, 3):
        for explain in (explainer.evidence, explainer.grad_cam):
            with pytest.raises(ValueError, match="expected 0 to 2"):
                explain(image, target)
    with pytest.raises(ValueError, match="3 blocks"):
        explainer.grad_cam(image, 0, block=3)
    with pytest.raises(ValueError, match=r"\(1, 12, 12\)"):
        explainer.feature_maps(np.zeros((1, 28, 28)))
