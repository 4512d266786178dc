"""Where the multiplications are: both networks' blocks side by side, each bar as long as its cost.

All bars have one height and one scale, so their areas compare, too.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

CALLED = {
    "conv": "standard (3×3)",
    "depthwise": "depthwise (3×3): filters",
    "pointwise": "pointwise (1×1): mixes",
}


def cost_strip_html(networks: Sequence[Mapping[str, Any]]) -> str:
    """One column a block, one row a network; a click on a column opens that block.

    Args:
        networks: with colour, title, macs (all), seconds, and blocks of layers (kind, macs).
    """
    depth = max(len(network["blocks"]) for network in networks)
    total = max(network["macs"] for network in networks)
    columns = "".join(_column(networks, i, total) for i in range(depth))
    rows = "".join(_legend(network) for network in networks)
    return (
        '<section class="cost-strip" aria-label="Where the multiplications are">'
        '<p class="cost-title">Where the multiplications of one digit are: press a block to look '
        "inside</p>"
        f'<div class="cost-rows" style="--rows:{len(networks)}">'
        f'<div class="cost-legend">{rows}<span>Block</span></div>'
        f'<div class="cost-columns" style="--columns:{depth}">{columns}</div></div>'
        f'<p class="cost-key" aria-hidden="true">{_key(networks)}</p>'
        f'<p class="cost-lesson">{lesson(networks)}</p></section>'
    )


def lesson(networks: Sequence[Mapping[str, Any]]) -> str:
    """What the ratio of the whole hides: the savings block by block, and what remains.

    Of the dearest network and each other one.
    """
    first, *others = sorted(networks, key=lambda network: network["macs"], reverse=True)
    if len(others) == 1:
        return _lesson(first, others[0])
    return "<br>".join(
        f"{_named(second)} next to {_named(first)}: {_lesson(first, second)}" for second in others
    )


def _lesson(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    if first["macs"] == second["macs"]:
        return f"{_named(first)} and {_named(second)} cost the same."
    replaced = [i for i, _ in enumerate(second["blocks"]) if _is_replaced(first, second, i)]
    if not replaced:
        fewer = _ratio(first["macs"], second["macs"])
        told = "almost as many" if fewer == "1.00×" else f"{fewer} fewer"
        return f"{_named(second)} needs {told} multiplications in all."
    saved = [_block_macs(first, i) / _block_macs(second, i) for i in replaced]
    savings = _listed(f"<b>{saving:.2f}×</b>" for saving in saved)
    which = _listed(str(i + 1) for i in replaced)
    made = (
        f"Block{'s' if len(replaced) > 1 else ''} {which} made separable: {savings} fewer. In all "
    )
    whole = f"<b>{_ratio(first['macs'], second['macs'])}</b>"
    if any(_differs(first, second, i) for i in range(len(first["blocks"])) if i not in replaced):
        return f"{made}{whole}: they differ elsewhere, too."
    if first["macs"] / second["macs"] >= min(saved):  # what is kept hides nothing
        return f"{made}{whole}."
    text = f"{made}only {whole}"
    kept = [i for i, _ in enumerate(second["blocks"]) if second["blocks"][i][0]["kind"] == "conv"]
    if not kept:
        return f"{text}."
    largest = max(kept, key=lambda i: _block_macs(second, i))
    share = _block_macs(second, largest) / second["macs"]
    return (
        f"{text}: {_named(second)}’s block {largest + 1} is still standard, and is "
        f"<b>{100 * share:.0f}\u00a0%</b> of what remains."
    )


def _is_replaced(first: Mapping[str, Any], second: Mapping[str, Any], i: int) -> bool:
    """Block i is standard in the first network, separable in the second, and else the same."""
    if i >= len(first["blocks"]):
        return False
    one, other = first["blocks"][i], second["blocks"][i]
    alike = all(one[-1][size] == other[-1][size] for size in ("m", "n", "height", "width"))
    return alike and one[0]["kind"] == "conv" and other[0]["kind"] == "depthwise"


def _differs(first: Mapping[str, Any], second: Mapping[str, Any], i: int) -> bool:
    """Block i does not cost the same in both."""
    return _block_macs(first, i) != _block_macs(second, i)


def _column(networks: Sequence[Mapping[str, Any]], i: int, total: int) -> str:
    bars, spoken = "", []
    share = max(_block_macs(network, i) for network in networks) / total
    for network in networks:
        layers = network["blocks"][i] if i < len(network["blocks"]) else []
        bars += f'<span class="cost-bar {network["colour"]}">{_pieces(layers, total)}</span>'
        if layers:
            spoken.append(f"{network['title']} {_block_macs(network, i):,}")
    return (
        f'<button type="button" data-inside-block="{i}" style="flex-grow:{share:.5f}" '
        f'title="Look inside block {i + 1}" aria-label="Look inside block {i + 1}: '
        f'{escape("; ".join(spoken))} multiplications">'
        f'{bars}<span class="cost-name">{i + 1}</span></button>'
    )


def _pieces(layers: Sequence[Mapping[str, Any]], total: int) -> str:
    return "".join(
        f'<i class="{layer["kind"]}" data-macs="{layer["macs"]}" '
        f'style="--share:{layer["macs"] / total:.6f}"></i>'
        for layer in layers
    )


def _legend(network: Mapping[str, Any]) -> str:
    return (
        f'<span class="{network["colour"]}"><b>{_named(network)}</b> '
        f"<span>{network['macs'] / 1e6:.2f} M in {1e3 * network['seconds']:.3f} ms</span></span>"
    )


def _key(networks: Sequence[Mapping[str, Any]]) -> str:
    """The kinds of layers, each in the colours in which the networks' bars have it."""
    drawn = {
        (layer["kind"], network["colour"]): f'<i class="{layer["kind"]} {network["colour"]}"></i>'
        for network in networks
        for block in network["blocks"]
        for layer in block
    }
    return " ".join(
        f"<span>{''.join(i for (k, _), i in drawn.items() if k == kind)}{name}</span>"
        for kind, name in CALLED.items()
        if any(k == kind for k, _ in drawn)
    )


def _named(network: Mapping[str, Any]) -> str:
    return escape(network["title"])


def _block_macs(network: Mapping[str, Any], i: int) -> int:
    blocks = network["blocks"]
    return sum(layer["macs"] for layer in blocks[i]) if i < len(blocks) else 0


def _ratio(one: int, other: int) -> str:
    return f"{one / other:.2f}×"


def _listed(parts: Any) -> str:
    """As in "a, b and c"."""
    *others, last = parts
    return f"{', '.join(others)} and {last}" if others else str(last)
