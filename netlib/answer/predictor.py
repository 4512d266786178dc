"""The fast inference engine behind the demo, the batch tools and the evaluation.

    checkpoint -> fold batch norm -> ONNX graph -> ONNX Runtime, two sessions

Each batch norm is folded into the convolution before it, and the graph is written node by node
from the folded weights: milliseconds, so nothing is exported or cached ahead of time.

A few images go through a session that splits every layer among the threads. Many are cut into
chunks, and each thread takes chunks of its own through a session of one thread: no waiting for one
another after each layer, and the activations of a chunk stay in a core's cache.
"""

import os
import statistics
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from netlib.nets.blocks import ConvBlock, ConvDw
from netlib.nets.checkpoint import load_network
from netlib.nets.complexity import measure
from netlib.nets.network import InputDim, Network, architecture_name

OUTPUTS = ("logits", "probabilities", "embeddings")  # in the order of Prediction's attributes
OPSET = 17
IR_VERSION = 8  # the one that came with opset 17
MAX_BATCH = 16  # larger ones are cut: activations of more images leave the caches
FEW = 4  # up to so many images, handing chunks to threads costs more than it wins
# Waking a thread for the next layer costs more than its share of it, so threads wait spinning, but
# never longer than this: the server has other work for its core.
SPIN_MICROSECONDS = 200


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
        threads: cores to use; None takes as many as PyTorch does, one for each physical core.

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
        self._engines: dict[str, _Engine] = {}
        threads = threads or torch.get_num_threads()
        pool = ThreadPoolExecutor(threads, "predictor") if threads > 1 else None
        for name, path in checkpoints.items():
            net = load_network(path)
            metadata = net.metadata
            cost = measure(net, net.input_dim)
            self.info[name] = NetworkInfo(
                architecture=architecture_name(net),
                num_params=cost.num_params,
                macs=cost.macs,
                input_dim=net.input_dim,
                temperature=float(metadata.get("temperature", 1.0)),
                metadata=metadata,
            )
            model = to_onnx(net, self.info[name].temperature)
            self._engines[name] = _Engine(model, threads, pool)
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
        return Prediction(*self._engines[name].run(batch))

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


def to_onnx(net: Network, temperature: float = 1.0) -> onnx.ModelProto:
    """The network as an ONNX graph.

    Images (N, C, H, W) -> logits (N, classes), probabilities (N, classes), embeddings (N, D);
    probabilities are the softmax of logits / temperature.

    Raises:
        TypeError: the network has a block or a head of another kind.
    """
    if type(net.head) is not nn.Linear:
        raise TypeError(f"Head {type(net.head).__name__} has no ONNX form here.")
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
    logits = graph.add("Gemm", [x, weight, bias], "logits", transB=1)
    divisor = graph.constant("temperature", np.array(temperature, np.float32))
    x = graph.add("Div", [logits, divisor], "calibrated")
    graph.add("Softmax", [x], "probabilities", axis=1)
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", *net.input_dim])
    sizes = (net.num_classes, net.num_classes, net.head.in_features)
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
        for name, size in zip(OUTPUTS, sizes, strict=True)
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


class _Engine:
    """One network in ONNX Runtime.

    Args:
        model: with the outputs `OUTPUTS`.
        threads: of the session for few images.
        pool: as many threads, for the chunks of many images; None runs them one after another.
    """

    def __init__(
        self, model: onnx.ModelProto, threads: int, pool: ThreadPoolExecutor | None
    ) -> None:
        content = model.SerializeToString()
        self._threads = threads
        self._pool = pool
        self._narrow = _session(content, 1)
        self._wide = self._narrow if pool is None else _session(content, threads)

    def run(self, images: np.ndarray) -> list[np.ndarray]:
        """Images (N, C, H, W) -> the arrays named in `OUTPUTS`."""
        count = len(images)
        if count <= FEW:
            return self._wide.run(OUTPUTS, {"images": images})
        parts = np.array_split(images, max(self._threads, -(-count // MAX_BATCH)))
        results = (
            map(self._run_chunk, parts)
            if self._pool is None
            else self._pool.map(self._run_chunk, parts)
        )
        return [np.concatenate(arrays) for arrays in zip(*results, strict=True)]

    def _run_chunk(self, images: np.ndarray) -> list[np.ndarray]:
        return self._narrow.run(OUTPUTS, {"images": images})


def _session(model: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.spin_duration_us", str(SPIN_MICROSECONDS))
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
