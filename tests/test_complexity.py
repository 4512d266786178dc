"""Parameters and MACs of each layer, by hand and against torch's own counter."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netlib.nets.complexity import Complexity, LayerCost, measure
from netlib.nets.network import ARCHITECTURES, Network, init_network, mobilenet_v1


def tiny() -> Network:
    """3 classes, one standard block of 8 channels, one separable block of 16."""
    torch.manual_seed(0)
    return init_network(1, 1, (1, 8, 8), 3, width=0.25)


def test_every_layer_has_the_figures_derived_by_hand() -> None:
    # 8×8 → stride 2 → 4×4 → stride 2 → 2×2 → pooled. Batch norm: γ, β trained; mean, variance not.
    expected = (
        LayerCost("blocks.0.conv", "conv", (8, 4, 4), 9 * 8, 0, 9 * 8 * 4 * 4),
        LayerCost("blocks.0.bn", "bn", (8, 4, 4), 2 * 8, 2 * 8, 0),
        LayerCost("blocks.1.conv_dw", "depthwise", (8, 2, 2), 9 * 8, 0, 9 * 8 * 2 * 2),
        LayerCost("blocks.1.bn_dw", "bn", (8, 2, 2), 2 * 8, 2 * 8, 0),
        LayerCost("blocks.1.conv_pw", "pointwise", (16, 2, 2), 8 * 16, 0, 8 * 16 * 2 * 2),
        LayerCost("blocks.1.bn_pw", "bn", (16, 2, 2), 2 * 16, 2 * 16, 0),
        LayerCost("head", "fc", (3,), 16 * 3 + 3, 0, 16 * 3),
    )
    assert measure(tiny(), (1, 8, 8)).layers == expected


def test_a_network_costs_what_its_layers_cost() -> None:
    layers = (
        LayerCost("a", "conv", (1, 1, 1), 2, 3, 5),
        LayerCost("b", "fc", (1,), 20, 30, 50),
    )
    cost = Complexity(layers)
    assert (cost.num_params, cost.num_buffers, cost.macs) == (22, 33, 55)


@pytest.mark.parametrize(
    "net",
    [
        ARCHITECTURES["standard"]((1, 28, 28), 10),
        ARCHITECTURES["mobilenet"]((1, 28, 28), 10),
        ARCHITECTURES["mobilenet"]((3, 17, 23), 10),
        mobilenet_v1((3, 64, 64), 10, width=0.25),
        mobilenet_v1((1, 32, 32), 10, width=0.25, separable=False),
    ],
    ids=["standard", "mobilenet", "colour, odd sides", "mobilenet_v1", "conv_mobilenet_v1"],
)
def test_torch_counts_two_flops_for_each_mac(net: Network) -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.zeros(1, *net.input_dim))
    assert counter.get_total_flops() == 2 * measure(net, net.input_dim).macs


def test_all_parameters_are_counted_and_frozen_ones_are_not() -> None:
    net = tiny()
    assert measure(net, (1, 8, 8)).num_params == sum(p.numel() for p in net.parameters())
    net.blocks.requires_grad_(False)
    assert measure(net, (1, 8, 8)).num_params == 16 * 3 + 3


def test_a_grouped_convolution_with_more_filters_than_channels_is_not_depthwise() -> None:
    net = nn.Sequential(nn.Conv2d(4, 8, 3, groups=4, padding=1), nn.Conv2d(8, 8, 3, groups=2))
    layers = measure(net, (4, 5, 5)).layers
    assert [layer.kind for layer in layers] == ["conv", "conv"]
    assert [layer.macs for layer in layers] == [9 * 1 * 8 * 5 * 5, 9 * 4 * 8 * 3 * 3]


@pytest.mark.parametrize("training", [True, False])
def test_measuring_leaves_weights_statistics_modes_and_hooks_alone(training: bool) -> None:
    net = tiny().train(training)
    net.blocks[0].bn.train(not training)  # a mixed state must survive as well
    before = copy.deepcopy(net.state_dict())
    modes = [module.training for module in net.modules()]
    measure(net, (1, 8, 8))
    assert all(torch.equal(before[name], t) for name, t in net.state_dict().items())
    assert [module.training for module in net.modules()] == modes
    assert not any(module._forward_hooks for module in net.modules())
    assert all(p.grad is None for p in net.parameters())


def test_a_failure_leaves_modes_and_hooks_alone_too() -> None:
    net = tiny().train()
    with pytest.raises(RuntimeError):
        measure(net, (3, 8, 8))
    assert net.training
    assert all(module.training for module in net.modules())
    assert not any(module._forward_hooks for module in net.modules())
