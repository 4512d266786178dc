"""Inside one block: what the browser needs to compute every number of both networks by itself.

The folded weights of all blocks are sent once, as float32 one after another; the page holds the
manifest that says where each layer lies, and each answer brings the 28x28 digit.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from netlib.answer.explain import Explainer
from netlib.answer.reading import Reading
from netlib.app.gallery import Example, load_examples
from netlib.app.pad import ASSETS
from netlib.app.service import Service
from netlib.nets.layers import MOBILENET_V1_BLOCKS, MOBILENET_V1_STEM

FOLDER = ASSETS / "inside"
SCRIPTS = {path.name: path for path in FOLDER.glob("*.js")}
ROOM = "inside"  # the path under which scripts and weights are served
EXAMPLE = "7"
V1_SIDE = 224


@dataclass(frozen=True)
class Layer:
    """One convolution with its batch norm folded in, followed by ReLU.

    Attributes:
        kernel: (N, M / groups, K, K) float32.
        bias: (N,) float32.
        stride: of both axes.
        padding: zeros around the maps.
        depthwise: each map has one kernel of its own, so M = N.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    stride: int
    padding: int
    depthwise: bool

    @property
    def kind(self) -> str:
        """As in `netlib.nets.complexity`: "conv", "depthwise" or "pointwise"."""
        if self.depthwise:
            return "depthwise"
        return "pointwise" if self.kernel.shape[-1] == 1 else "conv"

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the maps that come out."""
        reach = 2 * self.padding - self.kernel.shape[-1]
        return (height + reach) // self.stride + 1, (width + reach) // self.stride + 1


Blocks = Sequence[Sequence[Layer]]


def folded_blocks(net: Explainer) -> list[list[Layer]]:
    """Each block of a network as its folded layers."""
    return [
        [
            Layer(f.weight, f.bias, f.layer.stride, f.layer.padding, f.layer.kind == "depthwise")
            for f in block
        ]
        for block in net.folded
    ]


def pack(
    networks: Mapping[str, Blocks], input_dim: tuple[int, int, int]
) -> tuple[bytes, dict[str, list[list[dict[str, Any]]]]]:
    """All weights as little-endian float32, and where and what each layer is.

    Returns:
        The weights, kernel and then bias of each layer; and name -> blocks -> layers with offset
        (in numbers), n, m, k, stride, padding, kind, the size of the maps and the MACs.
    """
    parts: list[NDArray[np.float32]] = []
    manifest = {}
    for name, blocks in networks.items():
        channels, height, width = input_dim
        manifest[name] = []
        for block in blocks:
            entries = []
            for layer in block:
                offset = sum(part.size for part in parts)
                parts += [layer.kernel, layer.bias]
                entry = _entry(layer, channels, height, width) | {"offset": offset}
                channels, height, width = entry["n"], entry["height"], entry["width"]
                entries.append(entry)
            manifest[name].append(entries)
    return b"".join(part.astype("<f4").tobytes() for part in parts), manifest


def _entry(layer: Layer, channels: int, height: int, width: int) -> dict[str, Any]:
    outputs, inputs, side, _ = layer.kernel.shape
    height, width = layer.output_size(height, width)
    return {
        "kind": layer.kind,
        "n": outputs,
        "m": channels,
        "k": side,
        "stride": layer.stride,
        "padding": layer.padding,
        "height": height,
        "width": width,
        "macs": outputs * inputs * side * side * height * width,
    }


@dataclass(frozen=True)
class Inside:
    """What is sent to the browser.

    Attributes:
        weights: of all blocks of all networks, see `pack`.
        manifest: what the page is told: networks, input, the example, where the weights are.
    """

    weights: bytes
    manifest: dict[str, Any]

    @classmethod
    def of(cls, service: Service) -> "Inside":
        """Fold and pack the networks of a service, once."""
        blocks = {name: folded_blocks(net) for name, net in service.networks.items()}
        input_dim = next(iter(service.reader.predictor.info.values())).input_dim
        weights, layers = pack(blocks, input_dim)
        networks = [
            {
                "name": name,
                "title": fact.title,
                "macs": fact.macs,
                "seconds": fact.latency,
                "blocks": layers[name],
            }
            for name, fact in service.facts.items()
        ]
        example = _example()
        digit = service.reader.read(example.path).digits[0]
        digest = hashlib.sha256(weights).hexdigest()[:16]
        return cls(
            weights,
            {
                "input": list(input_dim),
                "networks": networks,
                "weights": f"{ROOM}/weights?{digest}",
                "example": {"label": example.label, "digit": encode(digit)},
                "v1": mobilenet_v1_layers(),
            },
        )


def _example() -> Example:
    """The digit that stands in for an empty pad: a clear one of the gallery."""
    examples = load_examples()
    return next((example for example in examples if example.label == EXAMPLE), examples[0])


def encode(digit: NDArray[np.floating]) -> str:
    """A digit (H, W) as base64 of little-endian float32: exactly what the networks saw."""
    return base64.b64encode(digit.astype("<f4").tobytes()).decode("ascii")


def mobilenet_v1_layers() -> list[dict[str, int]]:
    """M, N and the side of the output of the 13 separable blocks of MobileNet v1, Table 1."""
    channels, stride = MOBILENET_V1_STEM
    side = V1_SIDE // stride
    layers = []
    for outputs, stride in MOBILENET_V1_BLOCKS:
        side //= stride
        layers.append({"m": channels, "n": outputs, "side": side})
        channels = outputs
    return layers


def digit_html(reading: Reading) -> str:
    """The first digit of a reading, unseen, for the scripts of this tab."""
    digit = "" if reading.is_blank else encode(reading.digits[0])
    count = len(reading.digits)
    return f'<div id="digit-read" hidden data-count="{count}" data-digit="{digit}"></div>'


def inside_html(inside: Inside) -> str:
    """The tab's page; its scripts fill it."""
    return _page("inside.html", inside)


def what_if_html(inside: Inside) -> str:
    """The page of the tab with sliders; its script fills it."""
    return _page("whatif.html", inside)


def _page(name: str, inside: Inside) -> str:
    page = (FOLDER / name).read_text(encoding="utf-8")
    return page.replace("@MANIFEST@", escape(json.dumps(inside.manifest)))


def starter(script: str) -> str:
    """A `js_on_load` that runs `start(element)` of a script of this room."""
    return (
        f'import(new URL("{ROOM}/{script}", document.baseURI).href)'
        ".then((module) => module.start(element));"
    )


def stylesheet() -> str:
    """The looks of both tabs and of the strip of costs."""
    return (FOLDER / "inside.css").read_text(encoding="utf-8")


def routes() -> list[Route]:
    """Where the browser gets scripts and weights; the app's blocks hold an `Inside`."""
    return [Route(f"/{ROOM}/weights", _weights), Route(f"/{ROOM}/{{name}}", _script)]


def _weights(request: Request) -> Response:
    inside: Inside = request.app.get_blocks().inside
    # The address carries the digest, so what it names never changes.
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(inside.weights, media_type="application/octet-stream", headers=headers)


def _script(request: Request) -> Response:
    path: Path | None = SCRIPTS.get(request.path_params["name"])
    if path is None:
        return Response("There is no such script.", 404, media_type="text/plain")
    headers = {"Cache-Control": "no-cache"}  # asked again each time: an update comes at once
    return FileResponse(path, media_type="text/javascript", headers=headers)
