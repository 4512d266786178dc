"""The fast inference engine behind the demo, the batch tools and the evaluation.

    checkpoint -> fold batch norm -> ONNX graph -> ONNX Runtime, one session a thread count

Each batch norm is folded into the convolution before it, and the graph is written node by node
from the folded weights: milliseconds, so nothing is exported or cached ahead of time.
"""

import os
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper
from scipy import special
from torch import Tensor, nn

from netlib.blocks import ConvBlock, ConvDw
from netlib.checkpoint import load_network
from netlib.complexity import measure
from netlib.network import InputDim, Network, architecture_name

OPSET = 17
IR_VERSION = 8  # the one that came with opset 17
MAX_BATCH = 256  # larger ones are cut: activations of more images leave the caches


@dataclass(frozen=True)
class Prediction:
    """What one network says of N images.

    Attributes:
        logits: (N, C) float32.
        probabilities: (N, C) float32, softmax of logits / temperature.
        embeddings: (N, D) float32, the input of the last layer.
    """

    logits: np.ndarray
    probabilities: np.ndarray
    embeddings: np.ndarray

    @property
    def predictions(self) -> np.ndarray:
        """(N,) int64, the most probable class."""
        return self.logits.argmax(1)


@dataclass(frozen=True)
class NetworkInfo:
    """What is known of a loaded network.

    Attributes:
        architecture: its name in `network.ARCHITECTURES`, or its block counts.
        num_params: trainable parameters.
        macs: multiply-accumulates for one image.
        input_dim: (C, H, W).
        temperature: divides the logits before the softmax, fitted on validation images.
        metadata: everything that the checkpoint says of itself.
    """

    architecture: str
    num_params: int
    macs: int
    input_dim: InputDim
    temperature: float
    metadata: dict[str, Any] = field(repr=False)


class Predictor:
    """Several networks, each from its checkpoint, ready to answer.

    Args:
        checkpoints: name -> path of a checkpoint; the names come back with the answers.
        threads: threads for a batch of several images; None takes one for each physical core.

    Attributes:
        names: the names, in order.
        info: name -> `NetworkInfo`.

    Raises:
        FileNotFoundError: a checkpoint is missing.
        CheckpointError: a file is no checkpoint of this program, or damaged.
        ValueError: no checkpoint was named.
    """

    def __init__(
        self, checkpoints: Mapping[str, str | os.PathLike[str]], threads: int | None = None
    ) -> None:
        if not checkpoints:
            raise ValueError("No checkpoint was named; expected at least one: name -> path.")
        self.info: dict[str, NetworkInfo] = {}
        self._sessions: dict[str, ort.InferenceSession] = {}
        for name, path in checkpoints.items():
            net, metadata = load_network(path)
            cost = measure(net, net.input_dim)
            self.info[name] = NetworkInfo(
                architecture=architecture_name(net),
                num_params=cost.num_params,
                macs=cost.macs,
                input_dim=net.input_dim,
                temperature=float(metadata.get("temperature", 1.0)),
                metadata=metadata,
            )
            self._sessions[name] = _session(to_onnx(net), threads)
        self.names = tuple(checkpoints)

    def predict(self, images: ArrayLike | Tensor) -> dict[str, Prediction]:
        """Ask every network about the same images.

        Args:
            images: (N, C, H, W) floats in [0, 1], ink 1 on background 0.

        Returns:
            name -> `Prediction`.

        Raises:
            ValueError: the shape does not fit a network, or a value is not finite.
        """
        batch = np.ascontiguousarray(images, dtype=np.float32)
        return {name: self.predict_one(name, batch) for name in self.names}

    def predict_one(self, name: str, images: ArrayLike | Tensor) -> Prediction:
        """As `predict`, for one network."""
        batch = np.ascontiguousarray(images, dtype=np.float32)
        info = self.info[name]
        if batch.ndim != 4 or batch.shape[1:] != info.input_dim:
            raise ValueError(
                f"Images have shape {batch.shape}; {name} expects (N, {info.input_dim[0]}, "
                f"{info.input_dim[1]}, {info.input_dim[2]}): take pictures through "
                "sketch.to_digit."
            )
        if not np.isfinite(batch).all():
            raise ValueError("Some pixels are not finite; expected floats in [0, 1].")
        session = self._sessions[name]
        parts = [
            session.run(None, {"images": batch[start : start + MAX_BATCH]})
            for start in range(0, max(len(batch), 1), MAX_BATCH)
        ]
        logits, embeddings = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        probabilities = special.softmax(logits / np.float32(info.temperature), axis=1)
        return Prediction(logits, probabilities, embeddings)

    def latency(self, name: str, batch_size: int = 1, repeats: int = 50) -> float:
        """Median seconds of `repeats` runs on random images, after a warm-up."""
        images = np.random.default_rng(0).random((batch_size, *self.info[name].input_dim))
        batch = images.astype(np.float32)
        for _ in range(max(3, repeats // 10)):
            self.predict_one(name, batch)
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            self.predict_one(name, batch)
            times.append(time.perf_counter() - start)
        return statistics.median(times)


def fold(conv: nn.Conv2d, bn: nn.BatchNorm2d) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of the one convolution that equals `conv` followed by `bn`.

    With s = γ / sqrt(σ² + ε), the weight is s·w and the bias β - s·μ. Computed in float64.

    Returns:
        Weight (out, in / groups, K, K) and bias (out,), float32.
    """
    with torch.no_grad():
        assert bn.running_mean is not None and bn.running_var is not None
        scale = bn.weight.double() / (bn.running_var.double() + bn.eps).sqrt()
        weight = conv.weight.double() * scale[:, None, None, None]
        bias = bn.bias.double() - bn.running_mean.double() * scale
    return weight.float().cpu().numpy(), bias.float().cpu().numpy()


def to_onnx(net: Network) -> onnx.ModelProto:
    """The network as an ONNX graph: images (N, C, H, W) -> logits (N, classes), embeddings (N, D).

    Raises:
        TypeError: the network has a block of another kind.
    """
    graph = _Graph()
    x = "images"
    for block in net.blocks:
        if isinstance(block, ConvBlock):
            x = graph.conv_relu(x, block.conv, block.bn)
        elif isinstance(block, ConvDw):
            x = graph.conv_relu(x, block.conv_dw, block.bn_dw)
            x = graph.conv_relu(x, block.conv_pw, block.bn_pw)
        else:
            raise TypeError(f"Block {type(block).__name__} has no ONNX form here.")
    x = graph.add("GlobalAveragePool", [x], "pooled")
    x = graph.add("Flatten", [x], "embeddings", axis=1)
    weight = graph.constant("head.weight", net.head.weight.detach().cpu().numpy())
    bias = graph.constant("head.bias", net.head.bias.detach().cpu().numpy())
    graph.add("Gemm", [x, weight, bias], "logits", transB=1)
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", *net.input_dim])
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", net.num_classes]),
        helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", net.head.in_features]),
    ]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "network", [image], outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model)
    return model


class _Graph:
    """Nodes and constants of an ONNX graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, values: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv_relu(self, x: str, conv: nn.Conv2d, bn: nn.BatchNorm2d) -> str:
        name = f"conv{len(self.nodes) // 2}"
        weight, bias = fold(conv, bn)
        inputs = [x, self.constant(f"{name}.w", weight), self.constant(f"{name}.b", bias)]
        pad = int(conv.padding[0])
        x = self.add(
            "Conv",
            inputs,
            name,
            strides=list(conv.stride),
            pads=[pad] * 4,
            group=conv.groups,
            kernel_shape=list(conv.kernel_size),
        )
        return self.add("Relu", [x], f"{name}.relu")


def _session(model: onnx.ModelProto, threads: int | None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3
    # A spinning thread takes a core from the server's other work between two requests.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
