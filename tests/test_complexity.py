"""Parameters and MACs of each layer, by hand and against torch's own counter."""

import pytest
import torch
from helpers_runs import tiny
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netlib.nets.complexity import LayerCost, measure
from netlib.nets.network import Network, init_network, mobilenet_v1, named_network


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
    assert measure(tiny()).layers == expected


NETWORKS = pytest.mark.parametrize(
    "net",
    [
        named_network("standard", (1, 28, 28), 10),
        named_network("mobilenet", (1, 28, 28), 10),
        named_network("mobilenet", (3, 17, 23), 10),
        init_network(0, 3, (1, 9, 8), 4, 0.3, "cosine"),
        mobilenet_v1((3, 64, 64), 10, width=0.25),
        mobilenet_v1((1, 32, 32), 10, width=0.25, separable=False),
    ],
    ids=["standard", "mobilenet", "odd sides", "cosine", "mobilenet_v1", "conv_mobilenet_v1"],
)


@NETWORKS
def test_torch_counts_two_flops_for_each_mac(net: Network) -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.zeros(1, *net.input_dim))
    counted = counter.get_total_flops()
    assert counted == 2 * measure(net).macs


def observed(net: Network) -> list[tuple]:
    """Name, output shape, parameters, buffers and settings of each layer, as torch runs it."""
    layers = []

    def record(name: str, module: nn.Module, output: torch.Tensor) -> None:
        params = sum(p.numel() for p in module.parameters())
        buffers = sum(b.numel() for b in module.buffers() if b.dim() > 0)
        layers.append((name, tuple(output.shape[1:]), params, buffers))

    for name, module in net.named_modules():
        if isinstance(module, (nn.Conv2d, nn.Linear, nn.BatchNorm2d)):
            module.register_forward_hook(lambda m, _, output, name=name: record(name, m, output))
    with torch.no_grad():
        net.eval()(torch.zeros(1, *net.input_dim))
    return layers


@NETWORKS
def test_the_table_of_layers_is_what_torch_runs(net: Network) -> None:
    expected = [
        (cost.name, cost.output_shape, cost.num_params, cost.num_buffers)
        for cost in measure(net).layers
    ]
    assert observed(net) == expected
    modules = dict(net.named_modules())
    for layer in net.layers.convs:
        conv, norm = modules[layer.conv], modules[layer.norm]
        assert (conv.in_channels, conv.out_channels) == (layer.in_channels, layer.out_channels)
        assert (conv.stride[0], conv.padding[0], conv.groups, conv.kernel_size[0]) == (
            layer.stride,
            layer.padding,
            layer.groups,
            layer.kernel_size,
        )
        assert norm.eps == pytest.approx(1e-5)
