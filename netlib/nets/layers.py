"""What a network is made of, layer by layer, from its spec alone and without PyTorch.

    spec -> checked -> table of layers -> torch modules, ONNX graph, costs, explanations,
                                          the tensors that a checkpoint must hold

- standard: `init_network(4, 0, ...)`, the course's second architecture
- mobilenet: `init_network(2, 2, ...)`, the course's Figure 3
- mobilenet_v1: Table 1 of Howard et al. 2017 (arXiv:1704.04861), any width and resolution
"""

import math
import operator
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Spec = dict[str, Any]
InputDim = tuple[int, int, int]

KERNEL_SIZE = 3
EPSILON = 1e-5  # of every batch norm
FIRST_CHANNELS, MAX_CHANNELS = 32, 256
BLOCK_COUNTS = {"standard": "4+0", "mobilenet": "2+2"}  # conv blocks + MobileNet blocks
HEADS = ("linear", "cosine")
COSINE_SCALE = 30.0  # Cao et al. 2019, in their code

# Whatever a spec says, nothing larger is built: about 1 GB of weights.
MAX_PARAMS = 250_000_000
MAX_BLOCKS_OF_A_KIND = 50
MIN_SIDE, MAX_SIDE = 8, 1024
MAX_CLASSES = 100_000
MAX_WIDTH = 100.0

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


@dataclass(frozen=True)
class ConvLayer:
    """One convolution without bias, with the batch norm and the ReLU that follow it."""

    conv: str  # path of the convolution, such as "blocks.2.conv_dw"
    norm: str  # path of its batch norm
    kind: str  # "conv", "depthwise" or "pointwise"
    in_channels: int
    out_channels: int  # for "depthwise" as many
    stride: int  # along both axes
    in_side: tuple[int, int]  # (height, width) of its input

    @property
    def kernel_size(self) -> int:
        """Side of its filters."""
        return 1 if self.kind == "pointwise" else KERNEL_SIZE

    @property
    def padding(self) -> int:
        """Zeros around its input: with stride 1 the side stays."""
        return self.kernel_size // 2

    @property
    def groups(self) -> int:
        """Parts that the channels are read in: one a channel for "depthwise"."""
        return self.in_channels if self.kind == "depthwise" else 1

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """(out, in / groups, K, K)."""
        side = self.kernel_size
        return self.out_channels, self.in_channels // self.groups, side, side

    @property
    def output_shape(self) -> InputDim:
        """(C, H, W)."""
        height, width = (-(-side // self.stride) for side in self.in_side)
        return self.out_channels, height, width


@dataclass(frozen=True)
class Block:
    """A `ConvBlock` of one layer, or a `ConvDw` of two: depthwise, then pointwise."""

    layers: tuple[ConvLayer, ...]

    @property
    def separable(self) -> bool:
        """Whether it is a `ConvDw`."""
        return len(self.layers) == 2

    @property
    def in_channels(self) -> int:
        """Channels that it reads."""
        return self.layers[0].in_channels

    @property
    def output_shape(self) -> InputDim:
        """(C, H, W)."""
        return self.layers[-1].output_shape


@dataclass(frozen=True)
class Head:
    """The last, fully connected layer; a cosine head has no bias."""

    kind: str
    in_features: int
    num_classes: int


@dataclass(frozen=True)
class Layers:
    """Blocks, global average pooling, one fully connected layer."""

    spec: Spec  # what it was made from, checked and complete
    blocks: tuple[Block, ...]  # in the order in which they run
    head: Head

    @property
    def name(self) -> str:
        """As "standard", "mobilenet", "mobilenet_v1" or "conv3_dw2_w0.5"."""
        spec = self.spec
        if spec["factory"] == "mobilenet_v1":
            kind = "mobilenet_v1" if spec["separable"] else "conv_mobilenet_v1"
        else:
            counts = spec["conv_block_count"], spec["mobilenet_block_count"]
            kind = "conv{}_dw{}".format(*counts)
            if spec["width"] == 1 and "head" not in spec:
                named = {text: name for name, text in BLOCK_COUNTS.items()}
                return named.get("{}+{}".format(*counts), kind)
        kind += "" if spec["width"] == 1 else f"_w{spec['width']:g}"
        return f"{kind}_{spec['head']}" if "head" in spec else kind

    @property
    def input_dim(self) -> InputDim:
        """(channels, height, width) of an image."""
        channels, height, width = self.spec["input_dim"]
        return channels, height, width

    @property
    def convs(self) -> Iterator[ConvLayer]:
        """Every convolution, in order."""
        return (layer for block in self.blocks for layer in block.layers)

    def tensors(self) -> Iterator[tuple[str, str, tuple[int, ...]]]:
        """Name, type as safetensors writes it, and shape of every tensor of a checkpoint."""
        for layer in self.convs:
            yield f"{layer.conv}.weight", "F32", layer.weight_shape
            for name in ("weight", "bias", "running_mean", "running_var"):
                yield f"{layer.norm}.{name}", "F32", (layer.out_channels,)
            yield f"{layer.norm}.num_batches_tracked", "I64", ()
        yield "head.weight", "F32", (self.head.num_classes, self.head.in_features)
        if self.head.kind == "linear":
            yield "head.bias", "F32", (self.head.num_classes,)


class Arrays(Protocol):
    """A network as arrays: a `Network` of torch, or what `read_checkpoint` gives."""

    @property
    def layers(self) -> Layers:
        """What it is made of."""

    @property
    def arrays(self) -> Mapping[str, NDArray]:
        """Name of the tensor -> its values, as in `Layers.tensors`."""


def layers_of(spec: Mapping[str, Any]) -> Layers:
    """The table of layers that a spec describes.

    Raises:
        ValueError: the factory is unknown, its arguments do not fit, or the network is too large.
    """
    arguments = dict(spec)
    factory = arguments.pop("factory", None)
    if not isinstance(factory, str) or factory not in _SPECS:
        raise ValueError(
            f"Network factory {reprlib.repr(factory)} is unknown; expected one of {sorted(_SPECS)}."
        )
    try:
        spec = _SPECS[factory](**arguments)
    except TypeError as error:
        raise ValueError(f"The arguments of {factory} do not fit: {error}.") from error
    plan = _v1_plan(spec) if spec["factory"] == "mobilenet_v1" else _course_plan(spec)
    dim: InputDim = tuple(spec["input_dim"])
    blocks = []
    for number, (separable, full_width, stride) in enumerate(plan):
        channels = max(1, round(full_width * spec["width"]))
        blocks.append(_block(f"blocks.{number}", separable, dim, channels, stride))
        dim = blocks[-1].output_shape
    head = Head(spec.get("head", "linear"), dim[0], spec["num_classes"])
    layers = Layers(spec, tuple(blocks), head)
    size = sum(math.prod(shape) for _, _, shape in layers.tensors())
    if size > MAX_PARAMS:
        raise ValueError(
            f"The network has {size:,} numbers; at most {MAX_PARAMS:,} are built: choose a smaller "
            "width or fewer blocks."
        )
    return layers


def _block(path: str, separable: bool, dim: InputDim, channels: int, stride: int) -> Block:
    read, side = dim[0], dim[1:]
    if not separable:
        layer = ConvLayer(f"{path}.conv", f"{path}.bn", "conv", read, channels, stride, side)
        return Block((layer,))
    first = ConvLayer(f"{path}.conv_dw", f"{path}.bn_dw", "depthwise", read, read, stride, side)
    between = first.output_shape[1:]
    second = ConvLayer(f"{path}.conv_pw", f"{path}.bn_pw", "pointwise", read, channels, 1, between)
    return Block((first, second))


def _course_plan(spec: Spec) -> list[tuple[bool, int, int]]:
    """(separable, output channels at width 1, stride) of each block of `init_network`."""
    conv = spec["conv_block_count"]
    last = conv + spec["mobilenet_block_count"] - 1
    channels = [min(FIRST_CHANNELS * 2**i, MAX_CHANNELS) for i in range(last + 1)]
    return [(i >= conv, wide, 2 if i in (0, last) else 1) for i, wide in enumerate(channels)]


def _v1_plan(spec: Spec) -> list[tuple[bool, int, int]]:
    blocks = [(spec["separable"], *row) for row in MOBILENET_V1_BLOCKS]
    return [(False, *MOBILENET_V1_STEM), *blocks]


# --- Specs --------------------------------------------------------------------------------------


def init_network_spec(
    conv_block_count: int,
    mobilenet_block_count: int,
    input_dim: Sequence[int],
    num_classes: int,
    width: float = 1.0,
    head: str = "linear",
) -> Spec:
    """The spec of `init_network`, its arguments checked."""
    conv = _whole("conv_block_count", conv_block_count, 0, MAX_BLOCKS_OF_A_KIND)
    dw = _whole("mobilenet_block_count", mobilenet_block_count, 0, MAX_BLOCKS_OF_A_KIND)
    if conv + dw == 0:
        raise ValueError(
            "conv_block_count and mobilenet_block_count are both 0; "
            "expected at least one block in all."
        )
    spec = {
        "factory": "init_network",
        "conv_block_count": conv,
        "mobilenet_block_count": dw,
        **_common(input_dim, num_classes, width),
    }
    if head not in HEADS:
        raise ValueError(f"head is {reprlib.repr(head)}; expected one of {', '.join(HEADS)}.")
    if head != "linear":  # left out otherwise: checkpoints of before there was a choice say nothing
        spec["head"] = head
    return spec


def mobilenet_v1_spec(
    input_dim: Sequence[int] = (3, 224, 224),
    num_classes: int = 1000,
    width: float = 1.0,
    separable: bool = True,
) -> Spec:
    """The spec of `mobilenet_v1`, its arguments checked."""
    if not isinstance(separable, bool):
        raise ValueError(f"separable is {reprlib.repr(separable)}; expected True or False.")
    common = _common(input_dim, num_classes, width)
    return {"factory": "mobilenet_v1", **common, "separable": separable}


_SPECS: dict[str, Callable[..., Spec]] = {
    "init_network": init_network_spec,
    "mobilenet_v1": mobilenet_v1_spec,
}


def _common(input_dim: Sequence[int], num_classes: int, width: float) -> Spec:
    try:
        dims = [operator.index(size) for size in input_dim]
    except TypeError:
        dims = []
    sides = dims[1:]
    if len(dims) != 3 or dims[0] not in (1, 3) or min(sides) < MIN_SIDE or max(sides) > MAX_SIDE:
        raise ValueError(
            f"input_dim is {reprlib.repr(input_dim)}; expected (channels, height, width) with 1 or "
            f"3 channels, at least {MIN_SIDE}x{MIN_SIDE} and at most {MAX_SIDE}x{MAX_SIDE} pixels."
        )
    classes = _whole("num_classes", num_classes, 2, MAX_CLASSES)
    if isinstance(width, (str, list, dict, type(None))) or not 0 < width <= MAX_WIDTH:
        raise ValueError(
            f"width is {reprlib.repr(width)}; expected a positive factor, at most {MAX_WIDTH:g}."
        )
    return {"input_dim": dims, "num_classes": classes, "width": width}


def _whole(name: str, value: Any, low: int, high: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = low - 1
    if not low <= number <= high:
        raise ValueError(f"{name} is {reprlib.repr(value)}; expected {low} to {high}.")
    return number


# --- Batch norm, folded -------------------------------------------------------------------------


@dataclass(frozen=True)
class Folded:
    """A layer as one convolution with bias that equals its convolution and batch norm."""

    layer: ConvLayer  # its place, strides and sizes
    weight: NDArray[np.float32]  # (out, in / groups, K, K)
    bias: NDArray[np.float32]  # (out,)


def folded(net: Arrays) -> list[list[Folded]]:
    """The layers of each block with their batch norm folded in.

    With s = γ / sqrt(σ² + ε), the weight is s·w and the bias β - s·μ. Computed in float64.
    """
    arrays = net.arrays
    return [[_fold(layer, arrays) for layer in block.layers] for block in net.layers.blocks]


def _fold(layer: ConvLayer, arrays: Mapping[str, NDArray]) -> Folded:
    gamma, beta, mean, variance = (
        arrays[f"{layer.norm}.{name}"].astype(np.float64)
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + EPSILON)
    weight = arrays[f"{layer.conv}.weight"] * scale[:, None, None, None]
    bias = beta - mean * scale
    return Folded(layer, weight.astype(np.float32), bias.astype(np.float32))
