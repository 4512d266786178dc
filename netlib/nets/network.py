"""The networks: input -> conv blocks -> MobileNet blocks -> global average pooling -> FC.

- standard: `init_network(4, 0, ...)`, the course's second architecture
- mobilenet: `init_network(2, 2, ...)`, the course's Figure 3
- mobilenet_v1: Table 1 of Howard et al. 2017 (arXiv:1704.04861), any width and resolution
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from netlib.nets.blocks import ConvBlock, ConvDw

InputDim = tuple[int, int, int]

MAX_BLOCKS_OF_A_KIND = 6
MIN_SIDE = 8
FIRST_CHANNELS, MAX_CHANNELS = 32, 256
BLOCK_COUNTS = {"standard": "4+0", "mobilenet": "2+2"}  # conv blocks + MobileNet blocks
COSINE_SCALE = 30.0  # Cao et al. 2019, in their code

# Table 1 of the paper: (output channels, stride) of its 13 depthwise separable blocks. The table
# prints stride 2 for the last one with 7x7 in and 7x7 out; only stride 1 gives its 569 M mult-adds.
MOBILENET_V1_STEM = (32, 2)
MOBILENET_V1_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
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


HEADS: dict[str, Callable[[int, int], nn.Linear]] = {"linear": nn.Linear, "cosine": CosineLinear}


class Network(nn.Module):
    """Blocks, global average pooling, one fully connected layer.

    Attributes:
        blocks: the convolution blocks, in order; each maps (N, C, H, W) to (N, C', H', W').
        pool: global average pooling, (N, D, H, W) -> (N, D, 1, 1).
        head: D -> num_classes.
        spec: the factory's name and arguments; `build_network(net.spec)` makes the same network.
        history: one record an epoch, of the training that `training.train` gave it.
        metadata: what its checkpoint, or its training, says of it.
    """

    def __init__(
        self, blocks: Sequence[nn.Module], embedding_dim: int, num_classes: int, spec: dict
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = HEADS[spec.get("head", "linear")](embedding_dim, num_classes)
        self.spec: dict[str, Any] = spec
        self.history: list[dict[str, float]] = []
        self.metadata: dict[str, Any] = {}
        self.apply(_initialise)

    @property
    def input_dim(self) -> InputDim:
        """(channels, height, width) that the network was built for."""
        channels, height, width = self.spec["input_dim"]
        return channels, height, width

    @property
    def num_classes(self) -> int:
        """Number of logits."""
        return self.head.out_features

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
        conv_block_count: number of `ConvBlock`, 0 to 6.
        mobilenet_block_count: number of `ConvDw` after them, 0 to 6; at least one block in all.
        input_dim: (channels, height, width); 1 or 3 channels, at least 8x8.
        num_classes: number of classes, at least 2.
        width: multiplies every channel count (the paper's α), rounded, at least 1 channel.
        head: "linear", or "cosine" for losses with margins, see `CosineLinear`.

    Raises:
        ValueError: an argument is out of range.
    """
    for name, count in (
        ("conv_block_count", conv_block_count),
        ("mobilenet_block_count", mobilenet_block_count),
    ):
        if not 0 <= count <= MAX_BLOCKS_OF_A_KIND:
            raise ValueError(
                f"{name} is {count}; expected 0 to {MAX_BLOCKS_OF_A_KIND}: choose fewer blocks."
            )
    num_blocks = conv_block_count + mobilenet_block_count
    if num_blocks == 0:
        raise ValueError(
            "conv_block_count and mobilenet_block_count are both 0; "
            "expected at least one block in all."
        )
    dims = _check_dims(input_dim, num_classes, width)

    blocks: list[nn.Module] = []
    in_channels = dims[0]
    for i in range(num_blocks):
        out_channels = _scale(min(FIRST_CHANNELS * 2**i, MAX_CHANNELS), width)
        block = ConvBlock if i < conv_block_count else ConvDw
        blocks.append(block(in_channels, out_channels, 2 if i in (0, num_blocks - 1) else 1))
        in_channels = out_channels
    spec = {
        "factory": "init_network",
        "conv_block_count": conv_block_count,
        "mobilenet_block_count": mobilenet_block_count,
        "input_dim": list(dims),
        "num_classes": num_classes,
        "width": width,
    }
    if head not in HEADS:
        raise ValueError(f"head is {head!r}; expected one of {', '.join(HEADS)}.")
    if head != "linear":  # left out otherwise: checkpoints of before there was a choice say nothing
        spec["head"] = head
    return Network(blocks, in_channels, num_classes, spec)


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
        ValueError: an argument is out of range.
    """
    dims = _check_dims(input_dim, num_classes, width)
    block = ConvDw if separable else ConvBlock
    in_channels = _scale(MOBILENET_V1_STEM[0], width)
    blocks: list[nn.Module] = [ConvBlock(dims[0], in_channels, MOBILENET_V1_STEM[1])]
    for channels, stride in MOBILENET_V1_BLOCKS:
        out_channels = _scale(channels, width)
        blocks.append(block(in_channels, out_channels, stride))
        in_channels = out_channels
    spec = {
        "factory": "mobilenet_v1",
        "input_dim": list(dims),
        "num_classes": num_classes,
        "width": width,
        "separable": separable,
    }
    return Network(blocks, in_channels, num_classes, spec)


def standard(input_dim: Sequence[int] = (1, 28, 28), num_classes: int = 10) -> Network:
    """The course's standard network: four conv blocks."""
    return named_network("standard", input_dim, num_classes)


def mobilenet(input_dim: Sequence[int] = (1, 28, 28), num_classes: int = 10) -> Network:
    """The course's MobileNet network: two conv blocks, then two MobileNet blocks."""
    return named_network("mobilenet", input_dim, num_classes)


ARCHITECTURES: dict[str, Callable[..., Network]] = {
    "standard": standard,
    "mobilenet": mobilenet,
    "mobilenet_v1": mobilenet_v1,
}


def named_network(
    name: str, input_dim: Sequence[int], num_classes: int, width: float = 1.0, head: str = "linear"
) -> Network:
    """Build "standard", "mobilenet", "mobilenet_v1", or block counts as in "3+1".

    Args:
        name: of the network; "3+1" has three conv blocks and then one MobileNet block.
        input_dim: (channels, height, width).
        num_classes: number of classes.
        width: multiplies every channel count.
        head: see `init_network`; MobileNet v1 has none but "linear".

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


_FACTORIES: dict[str, Callable[..., Network]] = {
    "init_network": init_network,
    "mobilenet_v1": mobilenet_v1,
}


def build_network(spec: Mapping[str, Any]) -> Network:
    """Build the network that a `Network.spec` describes, with fresh weights.

    Raises:
        ValueError: the factory is unknown or its arguments do not fit.
    """
    arguments = dict(spec)
    factory = arguments.pop("factory", None)
    if factory not in _FACTORIES:
        raise ValueError(
            f"Network factory {factory!r} is unknown; expected one of {sorted(_FACTORIES)}."
        )
    try:
        return _FACTORIES[factory](**arguments)
    except TypeError as error:
        raise ValueError(f"The arguments of {factory} do not fit: {error}.") from error


def architecture_name(net: Network) -> str:
    """The name of `net` in `ARCHITECTURES`, or its block counts, as in "conv3_dw2"."""
    for name, factory in ARCHITECTURES.items():
        if factory(net.input_dim, net.num_classes).spec == net.spec:
            return name
    spec = net.spec
    if spec["factory"] == "mobilenet_v1":
        kind = "mobilenet_v1" if spec["separable"] else "conv_mobilenet_v1"
    else:
        kind = f"conv{spec['conv_block_count']}_dw{spec['mobilenet_block_count']}"
    kind += "" if spec["width"] == 1 else f"_w{spec['width']:g}"
    return f"{kind}_{spec['head']}" if "head" in spec else kind


def _check_dims(input_dim: Sequence[int], num_classes: int, width: float) -> InputDim:
    dims = tuple(input_dim)
    if len(dims) != 3 or dims[0] not in (1, 3) or min(dims[1:]) < MIN_SIDE:
        raise ValueError(
            f"input_dim is {dims}; expected (channels, height, width) with 1 or 3 channels "
            f"and at least {MIN_SIDE}x{MIN_SIDE} pixels."
        )
    if num_classes < 2:
        raise ValueError(f"num_classes is {num_classes}; expected at least 2.")
    if not width > 0:
        raise ValueError(f"width is {width}; expected a positive factor.")
    return dims[0], dims[1], dims[2]


def _scale(channels: int, width: float) -> int:
    return max(1, round(channels * width))


def _initialise(module: nn.Module) -> None:
    """He et al. 2015 (arXiv:1502.01852), equation 10, for the ReLU that follows every conv."""
    if isinstance(module, nn.Conv2d):
        # fan_in counts a filter's own inputs: 9 for a depthwise filter, however many channels.
        nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
