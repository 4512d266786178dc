"""The networks as torch modules, built from their table of layers (`netlib.nets.layers`).

input -> conv blocks -> MobileNet blocks -> global average pooling -> fully connected layer
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from netlib.nets.blocks import ConvBlock, ConvDw
from netlib.nets.layers import (
    BLOCK_COUNTS,
    COSINE_SCALE,
    InputDim,
    Spec,
    init_network_spec,
    layers_of,
    mobilenet_v1_spec,
)


class CosineLinear(nn.Linear):
    """Logits are `COSINE_SCALE` times the cosine of embedding and class vector; no bias.

    The normalised last layer that margins between classes are defined on (Wang et al. 2018,
    CosFace, arXiv:1801.09414, equation 3).
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_features) -> (N, out_features)."""
        return COSINE_SCALE * F.linear(F.normalize(x), F.normalize(self.weight))


class Network(nn.Module):
    """Blocks, global average pooling, one fully connected layer.

    Args:
        spec: see `netlib.nets.layers.layers_of`.

    Attributes:
        blocks: the convolution blocks, in order; each maps (N, C, H, W) to (N, C', H', W').
        pool: global average pooling, (N, D, H, W) -> (N, D, 1, 1).
        head: D -> num_classes.
        layers: the table that it was built from.
        spec: the factory's name and arguments; `Network(net.spec)` makes the same network.
        history: one record an epoch, of the training that `training.train` gave it.
        metadata: what its checkpoint, or its training, says of it.

    Raises:
        ValueError: the spec is unknown or describes too large a network.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__()
        self.layers = layers_of(spec)
        self.spec: Spec = self.layers.spec
        self.blocks = nn.Sequential()
        for block in self.layers.blocks:
            make = ConvDw if block.separable else ConvBlock
            stride = block.layers[0].stride
            self.blocks.append(make(block.in_channels, block.output_shape[0], stride))
        self.pool = nn.AdaptiveAvgPool2d(1)
        head = self.layers.head
        kind = nn.Linear if head.kind == "linear" else CosineLinear
        self.head: nn.Linear = kind(head.in_features, head.num_classes)
        self.history: list[dict[str, float]] = []
        self.metadata: dict[str, Any] = {}
        self.apply(_initialise)

    @property
    def input_dim(self) -> InputDim:
        """(channels, height, width) that the network was built for."""
        return self.layers.input_dim

    @property
    def num_classes(self) -> int:
        """Number of logits."""
        return self.head.out_features

    @property
    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Every weight and running statistic, as a checkpoint holds it."""
        return {name: t.detach().cpu().numpy() for name, t in self.state_dict().items()}

    def forward_features(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1] -> embeddings (N, D)."""
        return self.pool(self.blocks(x)).flatten(1)

    def forward_head(self, embeddings: Tensor) -> Tensor:
        """Embeddings (N, D) -> logits (N, num_classes)."""
        return self.head(embeddings)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1] -> logits (N, num_classes)."""
        return self.forward_head(self.forward_features(x))


def init_network(
    conv_block_count: int,
    mobilenet_block_count: int,
    input_dim: Sequence[int],
    num_classes: int,
    width: float = 1.0,
    head: str = "linear",
) -> Network:
    """Build a network of conv blocks followed by MobileNet blocks.

    Block i of N has 32·2^i output channels, at most 256. The first and the last block have
    stride 2, the others 1, whatever their kind: networks with the same number of blocks see
    the same resolutions and can be compared block for block.

    Args:
        conv_block_count: number of `ConvBlock`, from 0.
        mobilenet_block_count: number of `ConvDw` after them, from 0; at least one block in all.
        input_dim: (channels, height, width); 1 or 3 channels, at least 8x8.
        num_classes: number of classes, at least 2.
        width: multiplies every channel count (the paper's α), rounded, at least 1 channel.
        head: "linear", or "cosine" for losses with margins, see `CosineLinear`.

    Raises:
        ValueError: an argument is out of range, or the network too large.
    """
    counts = conv_block_count, mobilenet_block_count
    return Network(init_network_spec(*counts, input_dim, num_classes, width, head))


def mobilenet_v1(
    input_dim: Sequence[int] = (3, 224, 224),
    num_classes: int = 1000,
    width: float = 1.0,
    separable: bool = True,
) -> Network:
    """MobileNet v1, Table 1 of the paper, or its twin of standard convolutions.

    Args:
        input_dim: (channels, height, width); 1 or 3 channels, at least 8x8. The network halves
            the resolution five times, so 32 pixels give a 1x1 map.
        num_classes: number of classes, at least 2.
        width: the paper's width multiplier α.
        separable: False replaces every depthwise separable block by a standard 3x3 convolution
            (the paper's "Conv MobileNet", Table 4).

    Raises:
        ValueError: an argument is out of range, or the network too large.
    """
    return Network(mobilenet_v1_spec(input_dim, num_classes, width, separable))


def named_network(
    name: str,
    input_dim: Sequence[int] = (1, 28, 28),
    num_classes: int = 10,
    width: float = 1.0,
    head: str = "linear",
) -> Network:
    """Build "standard", "mobilenet", "mobilenet_v1", or block counts as in "3+1".

    "3+1" has three conv blocks and then one MobileNet block, "standard" is 4+0, "mobilenet" 2+2.
    The other arguments are those of `init_network`; MobileNet v1 has no head but "linear".

    Raises:
        ValueError: the name is unknown or an argument is out of range.
    """
    if name == "mobilenet_v1":
        return mobilenet_v1(input_dim, num_classes, width)
    counts = BLOCK_COUNTS.get(name, name).split("+")
    if len(counts) != 2 or not all(count.isdecimal() for count in counts):
        raise ValueError(
            f"The network is {name!r}; expected standard, mobilenet, mobilenet_v1 or "
            "block counts as in 3+1."
        )
    return init_network(int(counts[0]), int(counts[1]), input_dim, num_classes, width, head)


def _initialise(module: nn.Module) -> None:
    """He et al. 2015 (arXiv:1502.01852), equation 10, for the ReLU that follows every conv."""
    if isinstance(module, nn.Conv2d):
        # fan_in counts a filter's own inputs: 9 for a depthwise filter, however many channels.
        nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
