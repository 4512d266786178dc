"""Parameters and multiply-accumulates (MACs) of a network, from its table of layers.

A MAC is one multiplication and one addition, the paper's "mult-add"; 1 MAC = 2 FLOPs.
Convolutions and fully connected layers count; batch norm, ReLU and pooling do not, as in the
paper. Parameters are those that training changes; buffers are batch norm's running means and
variances.
"""

import math
from dataclasses import dataclass

from netlib.nets.layers import Arrays


@dataclass(frozen=True)
class LayerCost:
    """Cost of one layer for one image."""

    name: str  # the module's path, such as "blocks.2.conv_dw"
    kind: str  # "conv", "depthwise", "pointwise", "fc" or "bn"
    output_shape: tuple[int, ...]  # (C, H, W), or (D,) after pooling
    num_params: int  # trainable parameters
    num_buffers: int  # running statistics
    macs: int  # multiply-accumulates for one image


@dataclass(frozen=True)
class Complexity:
    """Cost of a network for one image: its layers in the order in which they run."""

    layers: tuple[LayerCost, ...]

    @property
    def num_params(self) -> int:
        """Trainable parameters."""
        return sum(layer.num_params for layer in self.layers)

    @property
    def num_buffers(self) -> int:
        """Running means and variances of batch norm."""
        return sum(layer.num_buffers for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return sum(layer.macs for layer in self.layers)


def measure(net: Arrays) -> Complexity:
    """The cost of each layer of a network for one image."""
    costs = []
    for layer in net.layers.convs:
        shape, size = layer.output_shape, math.prod(layer.weight_shape)
        macs = math.prod(shape[1:]) * size  # one for each weight of an output number's filter
        costs.append(LayerCost(layer.conv, layer.kind, shape, size, 0, macs))
        costs.append(LayerCost(layer.norm, "bn", shape, 2 * shape[0], 2 * shape[0], 0))
    head = net.layers.head
    size = head.in_features * head.num_classes
    bias = head.num_classes if head.kind == "linear" else 0
    costs.append(LayerCost("head", "fc", (head.num_classes,), size + bias, 0, size))
    return Complexity(tuple(costs))
