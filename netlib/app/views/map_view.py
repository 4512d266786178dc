"""The maps as HTML: the networks' maps with the drawing on them, and its nearest digits."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape

import numpy as np
from PIL import Image, ImageDraw

from netlib.answer.reading import NetworkReading, Reading
from netlib.app.atlas import Atlas, Place
from netlib.app.views.panels import Facts
from netlib.app.views.pictures import png_url
from netlib.app.views.stress_view import single_digit

SIDE = 440
ZOOM = 2
DOT = 2.2
NEAR = 24  # of the map's side, from the cross to a name
FAR = 0.95  # farther from its neighbours than this share of the map's digits
# matplotlib's "tab10" by digit: ten colours made to be told apart.
COLOURS = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd",
    "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf",
)  # fmt: skip

HINT = (
    "Each dot is one of {count} known digits, placed by {method} so that digits which the "
    "network finds alike lie close together; colours and numbers are their labels. The cross is "
    "your drawing: it lies at the mean of its nearest digits, weighted by inverse distance in the "
    "network’s last layer. They are shown below each map, the nearest first."
)
METHOD_NAMES = {"umap": "UMAP", "tsne": "t-SNE", "pca": "principal components"}


def map_html(atlases: Mapping[str, Atlas], facts: Facts, reading: Reading | None) -> str:
    """The maps with the drawing's place and its nearest digits.

    Raises:
        UserError: there is no digit, or more than one.
    """
    reading = single_digit(reading)
    columns = []
    for name, atlas in atlases.items():
        place = atlas.place(reading.networks[name].embeddings[0])
        classes = facts[name].class_names
        columns.append(
            f'<div class="side {facts[name].colour}"><h2>{escape(facts[name].title)}</h2>'
            f"{_map(atlas, place, classes)}<p>{_distance(place, reading.networks[name])}</p>"
            f'<div class="nearest">{_nearest(atlas, place, classes)}</div></div>'
        )
    first = next(iter(atlases.values()))
    hint = HINT.format(count=f"{len(first.labels):,}", method=METHOD_NAMES[first.method])
    if absent := [fact.title for name, fact in facts.items() if name not in atlases]:
        hint += f" There is no map beside the checkpoint of {escape(' and '.join(absent))}."
    return f'<p class="hint">{hint}</p><div class="pair">{"".join(columns)}</div>'


def _distance(place: Place, network: NetworkReading) -> str:
    """How far the drawing lies from its neighbours: the map alone shows it among digits always."""
    share = f"{100 * place.closer:.0f}"
    share = {"0": "less than 1", "100": "more than 99"}.get(share, share)
    text = (
        f"In the network’s last layer its mean distance from the {len(place.distances)} nearest is "
        f"{place.distances.mean():.1f}: {share}\u00a0% of the map’s own digits lie closer to "
        "theirs."
    )
    if not network.is_digit[0]:
        return f"<b>This network takes the drawing for no digit: the place says nothing.</b> {text}"
    if place.closer > FAR:
        return f"<b>It lies far from all digits: its place says little.</b> {text}"
    return text


def _map(atlas: Atlas, place: Place, classes: Sequence[str]) -> str:
    x, y = cross = place.point * SIDE
    lines = "".join(
        f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{px * SIDE:.1f}" y2="{py * SIDE:.1f}"/>'
        for px, py in atlas.points[place.neighbours]
    )
    names = "".join(
        f'<text x="{tx:.1f}" y="{ty:.1f}">{escape(classes[label])}</text>'
        for label, (tx, ty) in ((n, _beside(p * SIDE, cross)) for n, p in _centres(atlas).items())
    )
    return (
        f'<svg class="map" viewBox="0 0 {SIDE} {SIDE}" role="img" '
        'aria-label="Map of digits, with a cross where the drawing lies">'
        f'<image href="{_background(atlas)}" width="{SIDE}" height="{SIDE}"/>'
        f'<g class="names">{names}</g><g class="links">{lines}</g>'
        f'<g class="cross" transform="translate({x:.1f} {y:.1f})">'
        '<circle r="9"/><path d="M-6 0H6M0-6V6"/></g></svg>'
    )


def _nearest(atlas: Atlas, place: Place, classes: Sequence[str]) -> str:
    return "".join(
        f'<figure class="pixel"><img src="{png_url(255 - atlas.images[i])}" alt="">'
        f"<figcaption>{escape(classes[atlas.labels[i]])}</figcaption></figure>"
        for i in place.neighbours
    )


def _beside(name: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """Where a name stands that the cross would hide."""
    if np.hypot(*(name - cross)) > NEAR:
        return name
    return cross + np.array([NEAR if cross[0] < SIDE / 2 else -NEAR, 0])


def _centres(atlas: Atlas) -> dict[int, np.ndarray]:
    """Label -> the median point of its digits: in the middle of the crowd, whatever strays."""
    return {
        int(label): np.median(atlas.points[atlas.labels == label], axis=0)
        for label in np.unique(atlas.labels)
    }


@lru_cache(maxsize=4)
def _background(atlas: Atlas) -> str:
    """The dots, drawn once a map."""
    picture = Image.new("RGBA", (SIDE * ZOOM, SIDE * ZOOM), (0, 0, 0, 0))
    pencil = ImageDraw.Draw(picture)
    radius = DOT * ZOOM
    for (x, y), label in zip(atlas.points * SIDE * ZOOM, atlas.labels, strict=True):
        pencil.ellipse((x - radius, y - radius, x + radius, y + radius), COLOURS[label] + "b0")
    return png_url(np.asarray(picture))
