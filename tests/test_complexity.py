"""Parameters and MACs of each layer, by hand and against torch's own counter."""

import pytest
import torch
from helpers_runs import tiny
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
    assert measure(net).num_params == sum(values.numel() for values in net.parameters())
