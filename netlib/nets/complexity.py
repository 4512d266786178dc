"""Parameters and multiply-accumulates (MACs) of a network, from its table of layers.

A MAC is one multiplication and one addition, the paper's "mult-add"; 1 MAC = 2 FLOPs.
Convolutions and fully connected layers count; batch norm, ReLU and pooling do not, as in the
paper. Parameters are those that training changes; buffers are batch norm's running means and
variances.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from netlib.nets.layers import ConvLayer, Head, Layers, layers_of


@dataclass(frozen=True)
class LayerCost:
    """Cost of one layer for one image.

    Attributes:
        name: the module's path, such as "blocks.2.conv_dw".
        kind: "conv", "depthwise", "pointwise", "fc" or "bn".
        output_shape: (C, H, W), or (D,) after pooling.
        num_params: trainable parameters.
        num_buffers: running statistics.
        macs: multiply-accumulates for one image.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    num_params: int
    num_buffers: int
    macs: int


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


class HasSpec(Protocol):
    """Anything that says how it is built, as a `Network` does."""

    @property
    def spec(self) -> Mapping[str, Any]: ...


def measure(net: HasSpec, input_dim: Sequence[int]) -> Complexity:
    """The cost of each layer of `net` for one image of `input_dim` (C, H, W)."""
    return complexity(layers_of({**net.spec, "input_dim": tuple(input_dim)}))


def complexity(layers: Layers) -> Complexity:
    """The cost of each layer of a table."""
    costs = [cost for layer in layers.convs for cost in _conv_costs(layer)]
    return Complexity((*costs, _head_cost(layers.head)))


def _conv_costs(layer: ConvLayer) -> Iterator[LayerCost]:
    """Every output number costs one MAC for each weight of its filter."""
    shape, weight = layer.output_shape, layer.weight_shape
    size = math.prod(weight)
    yield LayerCost(layer.conv, layer.kind, shape, size, 0, math.prod(shape[1:]) * size)
    channels = layer.out_channels
    yield LayerCost(layer.norm, "bn", shape, 2 * channels, 2 * channels, 0)


def _head_cost(head: Head) -> LayerCost:
    size = head.in_features * head.num_classes
    bias = head.num_classes if head.kind == "linear" else 0
    return LayerCost("head", "fc", (head.num_classes,), size + bias, 0, size)
