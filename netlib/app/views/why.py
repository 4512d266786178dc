"""Why both networks answer as they do: evidence, feature maps and filters, as HTML.

Every pair of pictures shares one colour scale, so that blue's and vermillion's can be compared.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netlib.answer.explain import Explainer
from netlib.answer.reading import Reading
from netlib.app.views.panels import NetworkFacts, figure
from netlib.app.views.pictures import grey, heat, resize, signed, tile
from netlib.app.views.stress_view import single_digit

Digit = NDArray[np.floating]  # (1, 28, 28), what the networks saw

OVERLAY_SIDE = 168
MAPS_SHOWN = 16
FILTERS_SHOWN = 32
CELL = 42
FILTER_CELL = 30

EVIDENCE_HINT = (
    "<b>Evidence.</b> Green speaks for {target}, purple against it{against}. The networks end in "
    "an average, so each score is exactly the sum of its picture; both use one scale."
)
CAM_HINT = (
    "<b>Grad-CAM</b> one block earlier, at twice the resolution: bright is where the maps of that "
    "block speak for {target}. Both networks share one scale."
)
MAPS_HINT = (
    "<b>Feature maps.</b> The 16 strongest responses after each block, strongest first; bright is "
    "a strong response, and the two networks share one scale in each row."
)
FILTERS_HINT = (
    "<b>Filters.</b> The learned 3×3 weights of each block, the largest first: green is positive, "
    "purple negative, on the scale given below. A depthwise filter reads one channel; of a "
    "standard filter, which reads all channels, the channel with the largest weights is shown."
)


def why_html(
    networks: Mapping[str, Explainer],
    facts: Mapping[str, NetworkFacts],
    reading: Reading | None,
    target: int | None = None,
) -> str:
    """Evidence, feature maps and filters of both networks for one digit.

    Args:
        networks: name -> its opened network.
        facts: name -> title.
        reading: of one digit.
        target: the digit to explain; None explains what was read, and where the networks differ,
            the first one's answer against the second's.

    Raises:
        UserError: there is no digit, or more than one.
    """
    digit = single_digit(reading)
    assert reading is not None
    labels = [int(network.labels[0]) for network in reading.networks.values()]
    against = labels[1] if target is None and labels[0] != labels[1] else None
    target = labels[0] if target is None else target
    image = digit[None]
    return (
        _evidence(networks, facts, image, target, against)
        + _cams(networks, facts, image, target)
        + _maps(networks, facts, image)
        + _filters(networks, facts)
    )


def _section(hint: str, body: str) -> str:
    return f'<section class="why"><p class="hint">{hint}</p>{body}</section>'


def _pair(figures: Mapping[str, str], facts: Mapping[str, NetworkFacts]) -> str:
    columns = "".join(
        f'<div class="side {name}"><h4>{facts[name].title}</h4>{body}</div>'
        for name, body in figures.items()
    )
    return f'<div class="pair">{columns}</div>'


def _evidence(networks, facts, image: Digit, target: int, against: int | None) -> str:
    maps = {name: net.evidence(image, target, against) for name, net in networks.items()}
    limit = max(float(np.abs(values).max()) for values in maps.values())
    figures = {
        name: figure(
            _overlay(signed(_smooth(values), limit), image),
            f"score {values.sum():+.1f}",
            f"Evidence for {target}",
        )
        for name, values in maps.items()
    }
    rest = f" and for {against}" if against is not None else ""
    return _section(EVIDENCE_HINT.format(target=target, against=rest), _pair(figures, facts))


def _cams(networks, facts, image: Digit, target: int) -> str:
    maps = {
        name: net.grad_cam(image, target, block=max(len(net.layers.blocks) - 2, 0))
        for name, net in networks.items()
    }
    limit = max(float(values.max()) for values in maps.values())
    figures = {
        name: figure(
            _outline(heat(_smooth(values), limit), image),
            f"maximum {values.max():.1f}",
            f"Grad-CAM for {target}",
        )
        for name, values in maps.items()
    }
    return _section(CAM_HINT.format(target=target), _pair(figures, facts))


def _maps(networks, facts, image: Digit) -> str:
    responses = {name: net.feature_maps(image) for name, net in networks.items()}
    depth = max(len(maps) for maps in responses.values())
    figures = dict.fromkeys(networks, "")
    for i in range(depth):
        shown = {n: _strongest(maps[i]) for n, maps in responses.items() if i < len(maps)}
        limit = max(float(maps.max()) for maps in shown.values())
        for name, maps in shown.items():
            cells = [_cell(heat(values, limit)) for values in maps]
            size = "×".join(str(side) for side in responses[name][i].shape)
            figures[name] += figure(tile(cells, 8), f"block {i + 1}: {size}", "Feature maps")
    return _section(MAPS_HINT, _pair(figures, facts))


def _filters(networks, facts) -> str:
    figures = dict.fromkeys(networks, "")
    for name, net in networks.items():
        for i, weight in enumerate(net.filters()):
            kernels = _largest(weight)
            limit = float(np.abs(kernels).max())
            cells = [_cell(signed(kernel, limit), FILTER_CELL) for kernel in kernels]
            kind = "depthwise" if net.layers.blocks[i].separable else "standard"
            caption = f"block {i + 1}: {len(kernels)} of {len(weight)} {kind}, ±{limit:.2g}"
            figures[name] += figure(tile(cells, 16, gap=3), caption, "Filters")
    return _section(FILTERS_HINT, _pair(figures, facts))


def _strongest(maps: NDArray[np.floating]) -> NDArray[np.floating]:
    order = np.argsort(-maps.mean(axis=(1, 2)), kind="stable")[:MAPS_SHOWN]
    return maps[order]


def _largest(weight: NDArray[np.floating]) -> NDArray[np.floating]:
    """One 3x3 slice a filter, its input channel with the largest weights; largest first."""
    norms = np.linalg.norm(weight, axis=(2, 3))
    slices = weight[np.arange(len(weight)), norms.argmax(axis=1)]
    return slices[np.argsort(-norms.max(axis=1), kind="stable")[:FILTERS_SHOWN]]


def _cell(picture: NDArray[np.uint8], side: int = CELL) -> NDArray[np.uint8]:
    return resize(picture, (side, side), smooth=False)


def _smooth(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """(H, W) scaled up bilinearly, in floating point so that no range is lost."""
    image = Image.fromarray(values.astype(np.float32))
    return np.asarray(image.resize((OVERLAY_SIDE, OVERLAY_SIDE), Image.Resampling.BILINEAR))


def _ink(image: Digit) -> NDArray[np.floating]:
    pixels = resize(grey(image[0]), (OVERLAY_SIDE, OVERLAY_SIDE))
    return pixels.astype(np.float32)[..., None] / 255


def _overlay(colours: NDArray[np.uint8], image: Digit) -> NDArray[np.uint8]:
    """The digit in ink under its colours."""
    ink = _ink(image)
    return np.rint(colours * (1 - 0.6 * ink)).astype(np.uint8)


def _outline(colours: NDArray[np.uint8], image: Digit) -> NDArray[np.uint8]:
    """The digit's outline in white over its colours."""
    ink = _ink(image)
    edge = np.clip(1 - np.abs(ink - 0.5) * 4, 0, 1)
    return np.rint(colours + (255 - colours.astype(np.float32)) * 0.85 * edge).astype(np.uint8)
