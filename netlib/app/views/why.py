"""Why the networks answer as they do: evidence, feature maps and filters, as HTML.

Scores are comparable, so all networks' evidence has one scale. Activations are not: each network's
maps have a scale of their own, which is written beneath.
"""

from collections.abc import Mapping
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netlib.answer.explain import Explainer
from netlib.answer.reader import fitted
from netlib.answer.reading import Reading
from netlib.app.views.panels import Facts, NetworkFacts, figure
from netlib.app.views.pictures import grey, heat, resize, signed, tile
from netlib.app.views.stress_view import single_digit

Digit = NDArray[np.floating]  # (C, H, W), what a network saw
Networks = Mapping[str, Explainer]
Images = Mapping[str, Digit]

OVERLAY_SIDE = 168
MAPS_SHOWN = 16
FILTERS_SHOWN = 32
CELL = 42
FILTER_CELL = 30

EVIDENCE_HINT = (
    "<b>Evidence.</b> Green speaks for {target}, purple against it{against}. The networks end in "
    "an average, so {score} is exactly the sum of its picture and of the bias, where one "
    "is written beside it, the same for every drawing; all pictures use one scale."
)
CAM_HINT = (
    "<b>Grad-CAM</b> at the block named below: bright is where its maps speak for {target}. Each "
    "network has a scale of its own, from 0 to the maximum given."
)
REFUSED = "By the threshold of {} this is no digit; below it is taken for one all the same."
MAPS_HINT = (
    "<b>Feature maps.</b> After each block the maps (at most 16) with the strongest mean response, "
    "strongest first; bright is a strong response. Each picture has a scale of its own, from 0 to "
    "the maximum of these maps."
)
FILTERS_HINT = (
    "<b>Filters.</b> The learned 3×3 weights of each block, batch norm included, the largest "
    "first: green is positive, purple negative, on the scale given below. A depthwise filter reads "
    "one channel; of a standard filter, which reads all channels, the channel whose weights are "
    "largest taken together (by their root mean square) is shown."
)


def why_html(networks: Networks, facts: Facts, reading: Reading | None, target: str | None) -> str:
    """Evidence, feature maps and filters of the networks for one digit.

    `target` names the class to explain; None explains what was read, and where the networks differ,
    the first one's answer against the first other one.

    Raises:
        UserError: there is no digit, or more than one.
    """
    reading = single_digit(reading)
    read = list(dict.fromkeys(network.nearest[0] for network in reading.networks.values()))
    against = read[1] if target is None and len(read) > 1 else None
    target = read[0] if target is None else target
    images = {n: fitted(reading.digits, net.layers.input_dim)[0] for n, net in networks.items()}
    return (
        _refusal(facts, reading)
        + _evidence(networks, facts, images, target, against)
        + _cams(networks, facts, images, target)
        + _maps(networks, facts, images)
        + _filters(networks, facts)
    )


def _refusal(facts: Facts, reading: Reading) -> str:
    """Which networks take it for no digit."""
    found = [facts[n].title for n, network in reading.networks.items() if not network.is_digit[0]]
    return f'<p class="hint">{escape(REFUSED.format(" and ".join(found)))}</p>' if found else ""


def _section(hint: str, body: str) -> str:
    return f'<section class="why"><p class="hint">{hint}</p>{body}</section>'


def _pair(figures: Mapping[str, str], facts: Facts) -> str:
    columns = "".join(
        f'<div class="side {facts[name].colour}"><h2>{escape(facts[name].title)}</h2>{body}</div>'
        for name, body in figures.items()
    )
    return f'<div class="pair">{columns}</div>'


def _evidence(
    networks: Networks, facts: Facts, images: Images, target: str, against: str | None
) -> str:
    maps = {}
    for name, net in networks.items():
        one, other = (_class_of(facts[name], label) for label in (target, against))
        if one is not None and (against is None or other is not None):
            maps[name] = net.evidence(images[name], one, other)
    limit = max((float(np.abs(values).max()) for values in maps.values()), default=1.0)
    figures = dict.fromkeys(networks, _unknown(target, against))
    for name, values in maps.items():
        caption = written_sum(values, _bias(networks[name], facts[name], target, against))
        picture = _overlay(signed(_smooth(values, images[name]), limit), images[name])
        figures[name] = figure(picture, caption, f"Evidence for {target}")
    rest = f" and for {escape(against)}" if against is not None else ""
    score = "each score" if against is None else "each difference of the two scores"
    hint = EVIDENCE_HINT.format(target=escape(target), against=rest, score=score)
    return _section(hint, _pair(figures, facts))


def _class_of(facts: NetworkFacts, label: str | None) -> int | None:
    """Index of a class, None where the network does not know it."""
    return facts.class_names.index(label) if label in facts.class_names else None


def _unknown(target: str, against: str | None = None) -> str:
    labels = escape(target) if against is None else f"both {escape(target)} and {escape(against)}"
    return f'<p class="hint">This network does not know {labels}.</p>'


def written_sum(values: NDArray[np.floating], bias: float | None) -> str:
    """A picture's sum and what comes to it, as in "sum +8.31, and +0.12 of bias: +8.43 in all".

    What is written adds up: the picture's sum is what is left of the others, once they are rounded.
    """
    if bias is None:  # a head without
        return f"sum {_written(float(values.sum()))}"
    score, bias = round(float(values.sum()) + bias, 2), round(bias, 2)
    rest = _written(score - bias)
    return f"sum {rest}, and {_written(bias)} of bias: {_written(score)} in all"


def _written(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "−")  # never −0.00


def _bias(net: Explainer, facts: NetworkFacts, target: str, against: str | None) -> float | None:
    """What comes to a picture's sum."""
    bias = net.arrays.get("head.bias")
    if bias is None:
        return None
    value = float(bias[facts.class_names.index(target)])
    return value if against is None else value - float(bias[facts.class_names.index(against)])


def _cams(networks: Networks, facts: Facts, images: Images, target: str) -> str:
    figures = {}
    for name, net in networks.items():
        label = _class_of(facts[name], target)
        if label is None:
            figures[name] = _unknown(target)
            continue
        block = max(len(net.layers.blocks) - 2, 0)
        values = net.grad_cam(images[name], label, block=block)
        picture = _outline(heat(_smooth(values, images[name]), _top(values)), images[name])
        caption = f"block {block + 1}, maximum {values.max():.2g}"
        figures[name] = figure(picture, caption, f"Grad-CAM for {target}")
    return _section(CAM_HINT.format(target=escape(target)), _pair(figures, facts))


def _top(values: NDArray[np.floating]) -> float:
    """The largest of values that are at least 0; above 0, so that it can be divided by."""
    return max(float(values.max()), 1e-9)


def _maps(networks: Networks, facts: Facts, images: Images) -> str:
    figures = {}
    for name, net in networks.items():
        responses = net.feature_maps(images[name])
        figures[name] = "".join(_maps_of(i, maps) for i, maps in enumerate(responses, 1))
    return _section(MAPS_HINT, _pair(figures, facts))


def _maps_of(block: int, maps: NDArray[np.floating]) -> str:
    strongest = np.argsort(-maps.mean(axis=(1, 2)), kind="stable")[:MAPS_SHOWN]
    shown = maps[strongest]
    cells = [_cell(heat(values, _top(shown))) for values in shown]
    count, height, width = maps.shape
    which = f"{len(shown)} of {count}" if len(shown) < count else f"{count}"
    caption = f"block {block}: {which} maps, {height}×{width}, their maximum {shown.max():.2g}"
    return figure(tile(cells, 8), caption, f"Feature maps of block {block}")


def _filters(networks: Networks, facts: Facts) -> str:
    figures = dict.fromkeys(networks, "")
    for name, net in networks.items():
        for i, block in enumerate(net.folded):
            weight = block[0].weight
            kernels = _largest(weight)
            limit = float(np.abs(kernels).max())
            cells = [_cell(signed(kernel, limit), FILTER_CELL) for kernel in kernels]
            kind = "depthwise" if net.layers.blocks[i].separable else "standard"
            caption = f"block {i + 1}: {len(kernels)} of {len(weight)} {kind}, ±{limit:.2g}"
            figures[name] += figure(tile(cells, 16, gap=3), caption, f"Filters of block {i + 1}")
    return _section(FILTERS_HINT, _pair(figures, facts))


def _largest(weight: NDArray[np.floating]) -> NDArray[np.floating]:
    """One 3x3 slice a filter, its input channel with the largest weights; largest first."""
    norms = np.linalg.norm(weight, axis=(2, 3))
    slices = weight[np.arange(len(weight)), norms.argmax(axis=1)]
    return slices[np.argsort(-norms.max(axis=1), kind="stable")[:FILTERS_SHOWN]]


def _cell(picture: NDArray[np.uint8], side: int = CELL) -> NDArray[np.uint8]:
    return resize(picture, _size(picture.shape[:2], side), smooth=False)


def _size(shape: tuple[int, ...], side: int = OVERLAY_SIDE) -> tuple[int, int]:
    """Width and height of a picture (H, W) whose longer side is scaled to `side` pixels."""
    height, width = shape
    return round(side * width / max(shape)), round(side * height / max(shape))


def _smooth(values: NDArray[np.floating], image: Digit) -> NDArray[np.floating]:
    """(H, W) scaled up to lie over a digit, in floating point so that no range is lost."""
    size = _size(image.shape[1:])
    return np.asarray(
        Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    )


def _ink(image: Digit) -> NDArray[np.floating]:
    pixels = resize(grey(image.max(axis=0)), _size(image.shape[1:]))
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
