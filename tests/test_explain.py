"""Filters, feature maps and saliency, on small networks with random weights."""

import pytest
import torch

from netlib.answer.explain import evidence, feature_maps, filters, grad_cam
from netlib.nets.network import Network, init_network


@pytest.fixture
def net() -> Network:
    torch.manual_seed(0)
    return init_network(1, 2, (1, 12, 12), 3).eval()


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(1, 12, 12, generator=torch.Generator().manual_seed(1))


def test_filters_have_the_shape_of_their_blocks(net: Network) -> None:
    # Channels 1 -> 32 -> 64 -> 128; the depthwise filters of a block read one channel each.
    shapes = [tuple(f.shape) for f in filters(net)]
    assert shapes == [(32, 1, 3, 3), (32, 1, 3, 3), (64, 1, 3, 3)]


def test_filters_are_copies(net: Network) -> None:
    before = net.blocks[0].conv.weight.detach().clone()
    filters(net)[0].zero_()
    assert torch.equal(net.blocks[0].conv.weight, before)


def test_feature_maps_are_what_the_blocks_answer(net: Network, image: torch.Tensor) -> None:
    maps = feature_maps(net, image)
    # Strides 2, 1, 2 on 12 pixels.
    assert [tuple(m.shape) for m in maps] == [(32, 6, 6), (64, 6, 6), (128, 3, 3)]
    embedding = maps[-1].mean(dim=(1, 2))
    torch.testing.assert_close(embedding, net.forward_features(image[None])[0])


def test_a_later_block_does_not_overwrite_an_earlier_map(net: Network, image: torch.Tensor) -> None:
    torch.testing.assert_close(feature_maps(net, image)[0], net.blocks[0](image[None])[0])


def test_evidence_adds_up_to_the_logit(net: Network, image: torch.Tensor) -> None:
    logits = net(image[None])[0]
    for target in range(3):
        total = evidence(net, image, target).sum() + net.head.bias[target]
        torch.testing.assert_close(total, logits[target])


def test_evidence_against_adds_up_to_the_difference(net: Network, image: torch.Tensor) -> None:
    logits = net(image[None])[0]
    total = evidence(net, image, 0, against=2).sum() + net.head.bias[0] - net.head.bias[2]
    torch.testing.assert_close(total, logits[0] - logits[2])


def test_grad_cam_at_the_last_block_is_the_positive_evidence(
    net: Network, image: torch.Tensor
) -> None:
    # The gradient of a logit by the last maps is head.weight / positions everywhere, so Grad-CAM
    # there is the class activation map, cut at 0.
    expected = torch.relu(evidence(net, image, 1))
    torch.testing.assert_close(grad_cam(net, image, 1), expected)


def test_grad_cam_at_an_inner_block_has_its_resolution(net: Network, image: torch.Tensor) -> None:
    cam = grad_cam(net, image, 1, block=0)
    assert cam.shape == (6, 6)
    assert cam.min() >= 0


def test_grad_cam_leaves_no_gradients_behind(net: Network, image: torch.Tensor) -> None:
    grad_cam(net, image, 1, block=0)
    assert all(p.grad is None for p in net.parameters())


def test_grad_cam_works_under_inference_of_the_caller(net: Network, image: torch.Tensor) -> None:
    with torch.no_grad():
        assert grad_cam(net, image, 0, block=1).shape == (6, 6)


@pytest.mark.parametrize("target", [-1, 3])
def test_an_unknown_class_is_refused(net: Network, image: torch.Tensor, target: int) -> None:
    with pytest.raises(ValueError, match="expected 0 to 2"):
        evidence(net, image, target)
    with pytest.raises(ValueError, match="expected 0 to 2"):
        grad_cam(net, image, target)


def test_an_unknown_block_is_refused(net: Network, image: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="3 blocks"):
        grad_cam(net, image, 0, block=3)


def test_an_image_of_another_size_is_refused(net: Network) -> None:
    with pytest.raises(ValueError, match=r"\(1, 12, 12\)"):
        feature_maps(net, torch.zeros(1, 28, 28))
