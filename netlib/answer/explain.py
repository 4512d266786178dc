"""Why a network answers as it does: its filters, its feature maps, and where the evidence lies.

The networks end in global average pooling and one fully connected layer, so a logit is a sum over
the positions of the last feature map: `evidence` splits it exactly. `grad_cam` works at any block:
a ReLU passes a gradient where it answered, a convolution by its transpose, nothing else is needed.
"""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import onnxruntime as ort
from numpy.typing import ArrayLike, NDArray

from netlib.answer.graph import SHORTEST, responses_to_onnx, session
from netlib.nets.layers import COSINE_SCALE, Arrays, Folded, Layers, folded

Maps = NDArray[np.floating]


class Explainer:
    """One network, opened: its weights, and what each of its layers answers to an image.

    Args:
        net: a network as arrays; they are copied.

    Attributes:
        layers: the table of its layers.
        arrays: its weights and running statistics by name.
    """

    def __init__(self, net: Arrays) -> None:
        self.layers: Layers = net.layers
        self.arrays: Mapping[str, NDArray] = {name: np.array(a) for name, a in net.arrays.items()}

    @cached_property
    def folded(self) -> list[list[Folded]]:
        """The layers of each block, each batch norm folded into its convolution."""
        return folded(self)

    @cached_property
    def _session(self) -> ort.InferenceSession:
        return session(responses_to_onnx(self))

    def filters(self) -> list[Maps]:
        """The spatial filters of each block, first block first.

        Returns:
            One array (out_channels, in_channels, 3, 3) a `ConvBlock`; (channels, 1, 3, 3) a
            `ConvDw`, whose 1x1 convolution has no spatial extent.
        """
        return [self.arrays[f"{b.layers[0].conv}.weight"].copy() for b in self.layers.blocks]

    def feature_maps(self, image: ArrayLike) -> list[Maps]:
        """The responses of each block to one image (C, H, W): (C', H', W'), none negative."""
        return [block[-1] for block in self.responses(image)]

    def evidence(self, image: ArrayLike, target: int, against: int | None = None) -> Maps:
        """The share of each position in a logit: for it where positive, against it where negative.

        The class activation map of Zhou et al. 2016 (arXiv:1512.04150), equation 2, divided by the
        number of positions: the sum over the map plus the head's bias is the logit. A cosine head
        has no bias and divides by the embedding's length, which all positions share.

        Args:
            image: (C, H, W) in [0, 1].
            target: the class whose logit is split.
            against: split the lead of `target` over this class instead, logit less logit.

        Returns:
            (H', W'), the last block's resolution.

        Raises:
            ValueError: a class that the network does not have, or an image of another shape.
        """
        self._check_class(target)
        if against is not None:
            self._check_class(against)
        maps = self.feature_maps(image)[-1]
        weights = self._class_weights(maps.mean(axis=(1, 2)))
        weight = weights[target] - (0 if against is None else weights[against])
        return np.tensordot(weight, maps, 1) / maps[0].size

    def grad_cam(self, image: ArrayLike, target: int, block: int = -1) -> Maps:
        """Grad-CAM: where the maps of one block speak for a class.

        Selvaraju et al. 2017 (arXiv:1610.02391), equations 1 and 2: each map is weighted by the
        mean gradient of the class's logit over its positions; what speaks against the class is cut
        to 0.

        Args:
            image: (C, H, W) in [0, 1].
            target: the class.
            block: index of the block whose maps are weighted, from the end if negative.

        Returns:
            (H', W') at that block's resolution, at least 0.

        Raises:
            ValueError: a class or a block that the network does not have.
        """
        self._check_class(target)
        count = len(self.layers.blocks)
        if not -count <= block < count:
            raise ValueError(f"block is {block}; expected an index into {count} blocks.")
        responses = self.responses(image)
        last = responses[-1][-1]
        gradient = self._logit_gradient(last.mean(axis=(1, 2)), target)[:, None, None]
        gradient = np.broadcast_to(gradient / last[0].size, last.shape)
        for number in range(count - 1, block % count, -1):
            steps = zip(self.folded[number], responses[number], strict=True)
            for layer, answer in reversed(list(steps)):
                gradient = _transposed(layer, gradient * (answer > 0))
        maps = responses[block][-1]
        return np.maximum(np.tensordot(gradient.mean(axis=(1, 2)), maps, 1), 0)

    def responses(self, image: ArrayLike) -> list[list[Maps]]:
        """What every convolution answers after its ReLU, block by block."""
        batch = np.ascontiguousarray(image, dtype=np.float32)[None]
        if batch.shape[1:] != self.layers.input_dim:
            raise ValueError(
                f"The image has shape {batch.shape[1:]}; this network sees {self.layers.input_dim}."
            )
        answers = iter(self._session.run(None, {"images": batch}))
        return [[next(answers)[0] for _ in block.layers] for block in self.layers.blocks]

    def _class_weights(self, embedding: Maps) -> Maps:
        """(classes, D): times the embedding, and plus the bias, the logits."""
        weight = self.arrays["head.weight"]
        if self.layers.head.kind == "linear":
            return weight
        lengths = np.maximum(np.linalg.norm(weight, axis=1, keepdims=True), SHORTEST)
        return COSINE_SCALE * weight / lengths / max(float(np.linalg.norm(embedding)), SHORTEST)

    def _logit_gradient(self, embedding: Maps, target: int) -> Maps:
        """(D,): of the logit by the embedding."""
        weight = self._class_weights(embedding)[target]
        if self.layers.head.kind == "linear":
            return weight
        # The length of the embedding changes with it: what points along the embedding has no say.
        unit = embedding / max(float(np.linalg.norm(embedding)), SHORTEST)
        return weight - (weight @ unit) * unit

    def _check_class(self, target: int) -> None:
        count = self.layers.head.num_classes
        if not 0 <= target < count:
            raise ValueError(f"Class {target} is unknown; expected 0 to {count - 1}.")


def _transposed(folded_layer: Folded, gradient: Maps) -> Maps:
    """Gradient by a convolution's output (out, H', W') -> by its input (in, H, W)."""
    layer, weight = folded_layer.layer, folded_layer.weight
    (height, width), pad, stride = layer.in_side, layer.padding, layer.stride
    _, down, right = layer.output_shape
    # Wide enough for the last step of the stride, whatever the side.
    sides = [stride * steps + layer.kernel_size for steps in (down, right)]
    padded = np.zeros((layer.in_channels, *sides), np.float32)
    flat = gradient.reshape(len(gradient), -1)
    for y, x in np.ndindex(layer.kernel_size, layer.kernel_size):
        tap = weight[:, :, y, x]
        part = tap * flat if layer.kind == "depthwise" else tap.T @ flat
        rows, columns = slice(y, y + stride * down, stride), slice(x, x + stride * right, stride)
        padded[:, rows, columns] += part.reshape(-1, down, right)
    return padded[:, pad : pad + height, pad : pad + width]
