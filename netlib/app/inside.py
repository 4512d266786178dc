"""Inside one block: what the browser needs to compute every number of both networks by itself.

The folded weights of all blocks are sent once, as float32 one after another; the page holds the
manifest that says where each layer lies, and each answer brings the digit as the networks saw it.
"""

import hashlib
import json
import math
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

from netlib.app.gallery import Example, load_examples
from netlib.app.pad import ASSETS
from netlib.app.service import Service
from netlib.app.stress import FACTORS
from netlib.app.views.reply import seen
from netlib.nets.layers import ConvLayer, Folded, layers_of, mobilenet_v1_spec

FOLDER = ASSETS / "inside"
SCRIPTS = {path.name: path for path in FOLDER.glob("*.js")}
ROOM = "inside"  # the path under which scripts and weights are served
EXAMPLE = "7"


Blocks = Sequence[Sequence[Folded]]


def pack(networks: Mapping[str, Blocks]) -> tuple[bytes, dict[str, list[list[dict[str, Any]]]]]:
    """All weights as little-endian float32, and where and what each layer is.

    Returns:
        The weights, kernel and then bias of each layer; and name -> blocks -> layers with offset
        (in numbers), n, m, k, stride, padding, kind, the size of the maps and the MACs.
    """
    parts: list[NDArray[np.float32]] = []
    manifest: dict[str, list[list[dict[str, Any]]]] = {}
    offset = 0
    for name, blocks in networks.items():
        manifest[name] = []
        for block in blocks:
            entries = []
            for folded in block:
                entries.append(_entry(folded.layer) | {"offset": offset})
                parts += [folded.weight, folded.bias]
                offset += folded.weight.size + folded.bias.size
            manifest[name].append(entries)
    return b"".join(part.astype("<f4").tobytes() for part in parts), manifest


def _entry(layer: ConvLayer) -> dict[str, Any]:
    outputs, height, width = layer.output_shape
    return {
        "kind": layer.kind,
        "n": outputs,
        "m": layer.in_channels,
        "k": layer.kernel_size,
        "stride": layer.stride,
        "padding": layer.padding,
        "height": height,
        "width": width,
        "macs": math.prod(layer.weight_shape) * height * width,
    }


@dataclass(frozen=True)
class Inside:
    """What is sent to the browser."""

    weights: bytes  # of all blocks of all networks, see `pack`
    # What the page is told: networks, input, the example, where the weights are
    manifest: dict[str, Any]

    @classmethod
    def of(cls, service: Service) -> "Inside":
        """Fold and pack the networks of a service, once."""
        weights, layers = pack({name: net.folded for name, net in service.networks.items()})
        networks = [
            {
                "name": name,
                "title": fact.title,
                "colour": fact.colour,
                "macs": fact.macs,
                "seconds": fact.latency,
                "input": list(service.networks[name].layers.input_dim),
                "blocks": layers[name],
            }
            for name, fact in service.facts.items()
        ]
        example = _example()
        digit = service.reader.read(example.path).digits[0]
        digest = hashlib.sha256(weights).hexdigest()[:16]
        shown = {"label": example.label, "digits": seen(digit, service.networks)}
        return cls(
            weights,
            {
                "networks": networks,
                "weights": f"{ROOM}/weights?{digest}",
                "example": shown,
                "v1": mobilenet_v1_layers(),
                "fields": {  # of tabs: the least and the most that each can be, and its step
                    "stress-test": [(factor.low, factor.high, 0) for factor in FACTORS],
                    "why-this-answer": [(0, len(service.reader.class_names), 1)],
                },
            },
        )


def _example() -> Example:
    """The digit that stands in for an empty pad: a clear one of the gallery."""
    examples = load_examples()
    return next((example for example in examples if example.label == EXAMPLE), examples[0])


def mobilenet_v1_layers() -> list[dict[str, int]]:
    """M, N and the side of the output of the 13 separable blocks of MobileNet v1, Table 1."""
    blocks = layers_of(mobilenet_v1_spec()).blocks
    return [
        {"m": block.in_channels, "n": block.output_shape[0], "side": block.output_shape[1]}
        for block in blocks
        if block.separable
    ]


def page_of(name: str, inside: Inside) -> str:
    """A page of this room, which carries what its scripts are told; they fill it."""
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
    return "".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.css")))


def routes() -> list[Route]:
    """Where the browser gets scripts and weights; the app's blocks hold an `Inside`."""
    return [
        Route(f"/{ROOM}/weights", _weights),
        Route(f"/{ROOM}/{{name}}", _script),
        Route("/seven.png", lambda _: FileResponse(_example().path)),  # for programmers to try
    ]


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
