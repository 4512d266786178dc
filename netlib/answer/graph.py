"""A network as an ONNX graph, written node by node from its table of layers and its arrays.

Each batch norm is folded into the convolution before it. That takes milliseconds, so nothing is
exported or cached ahead of time.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from netlib.nets.layers import COSINE_SCALE, Arrays, folded

OUTPUTS = ("logits", "probabilities", "embeddings")  # in the order of Prediction's attributes
OPSET = 17
IR_VERSION = 8  # the one that came with opset 17
SHORTEST = 1e-12  # no vector is divided by less than this length, as in torch's normalize
# Waking a thread for the next layer costs more than its share of it, so threads wait spinning, but
# never longer than this: the server has other work for its core.
SPIN_MICROSECONDS = 200


def to_onnx(net: Arrays, temperature: float = 1.0) -> onnx.ModelProto:
    """The network as an ONNX graph.

    Images (N, C, H, W) -> logits (N, classes), probabilities (N, classes), embeddings (N, D);
    probabilities are the softmax of logits / temperature.
    """
    graph = _Graph()
    x = graph.convolutions(net)[-1]
    x = graph.add("GlobalAveragePool", [x], "pooled")
    graph.add("Flatten", [x], "embeddings", axis=1)
    logits = graph.head(net)
    divisor = graph.constant("temperature", np.array(temperature, np.float32))
    x = graph.add("Div", [logits, divisor], "calibrated")
    graph.add("Softmax", [x], "probabilities", axis=1)
    return graph.model(net, OUTPUTS)


def responses_to_onnx(net: Arrays) -> onnx.ModelProto:
    """As `to_onnx`, but what comes out is the response of every convolution after its ReLU.

    Images (N, C, H, W) -> a tensor (N, C', H', W') for each convolution, in their order.
    """
    graph = _Graph()
    return graph.model(net, graph.convolutions(net))


def session(model: onnx.ModelProto, threads: int = 1) -> ort.InferenceSession:
    """The graph in ONNX Runtime."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.spin_duration_us", str(SPIN_MICROSECONDS))
    content = model.SerializeToString()
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


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

    def convolutions(self, net: Arrays) -> list[str]:
        """Every convolution with its ReLU; the names of their outputs."""
        names = ["images"]
        for place, part in enumerate(part for block in folded(net) for part in block):
            name, layer = f"conv{place}", part.layer
            weight = self.constant(f"{name}.w", part.weight)
            bias = self.constant(f"{name}.b", part.bias)
            self.add(
                "Conv",
                [names[-1], weight, bias],
                name,
                strides=[layer.stride] * 2,
                pads=[layer.padding] * 4,
                group=layer.groups,
                kernel_shape=[layer.kernel_size] * 2,
            )
            names.append(self.add("Relu", [name], f"{name}.relu"))
        return names[1:]

    def head(self, net: Arrays) -> str:
        """Embeddings to logits."""
        weight = net.arrays["head.weight"]
        if net.layers.head.kind == "linear":
            names = [self.constant(n, net.arrays[n]) for n in ("head.weight", "head.bias")]
            return self.add("Gemm", ["embeddings", *names], "logits", transB=1)
        lengths = np.maximum(np.linalg.norm(weight, axis=1, keepdims=True), SHORTEST)
        classes = self.constant("head.weight", (COSINE_SCALE * weight / lengths).astype(np.float32))
        shortest = self.constant("shortest", np.array(SHORTEST, np.float32))
        length = self.add("ReduceL2", ["embeddings"], "length", axes=[1], keepdims=1)
        divisor = self.add("Max", [length, shortest], "divisor")
        unit = self.add("Div", ["embeddings", divisor], "unit")
        return self.add("Gemm", [unit, classes], "logits", transB=1)

    def model(self, net: Arrays, outputs: Sequence[str]) -> onnx.ModelProto:
        shape = net.layers.input_dim
        images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", *shape])
        found = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs]
        return helper.make_model(
            helper.make_graph(self.nodes, "network", [images], found, self.constants),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
