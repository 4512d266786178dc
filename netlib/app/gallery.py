"""The gallery of examples: small pictures that a click puts on the pad, without the server."""

import base64
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

import gradio as gr

from netlib.answer.reader import Reader
from netlib.app.pad import ASSETS

EXAMPLES = ASSETS / "examples"
KINDS = {
    "clear": "Clear",
    "hard": "Hard",
    "differ": "The networks differ",
    "number": "Several digits",
    "none": "No digits",
}

HINT = (
    "Press a picture to have it read. Beneath it stands its label, which for a few of MNIST’s "
    "hardest digits people dispute. Where the networks differ, not all of them are right."
)


@dataclass(frozen=True)
class Example:
    """One picture of the gallery."""

    kind: str  # a key of KINDS
    label: str  # the right answer; "" if there is none
    path: Path  # the PNG file, dark ink on white paper


def load_examples() -> list[Example]:
    """The pictures `KIND-LABEL-NAME.png` in EXAMPLES, by kind, then by name."""
    named = [(path.stem.split("-", 2), path) for path in sorted(EXAMPLES.glob("*.png"))]
    examples = [Example(kind, label, path) for (kind, label, _), path in named]
    return sorted(examples, key=lambda example: list(KINDS).index(example.kind))


def examples_for(reader: Reader) -> list[Example]:
    """The gallery for these networks: of classes that they know; hard where they do not differ."""
    return [
        replace(example, kind="hard")
        if example.kind == "differ" and reader.read(example.path).agree
        else example
        for example in load_examples()
        if set(example.label) <= set(reader.class_names)
    ]


def gallery(examples: list[Example]) -> gr.HTML:
    """The gallery; a click sends the picture to the pad."""
    groups = []
    for kind, title in KINDS.items():
        buttons = "".join(_button(example) for example in examples if example.kind == kind)
        if buttons:
            groups.append(f'<div class="gallery-group"><h2>{title}</h2><div>{buttons}</div></div>')
    script = (ASSETS / "gallery.js").read_text(encoding="utf-8").replace("@PAD@", "pad")
    return gr.HTML(
        f'<p class="hint">{HINT}</p><div class="gallery">{"".join(groups)}</div>',
        js_on_load=script,
        apply_default_css=False,
        elem_id="gallery",
    )


def _button(example: Example) -> str:
    source = "data:image/png;base64," + base64.b64encode(example.path.read_bytes()).decode("ascii")
    label = escape(example.label) or "no digit"
    return (
        f'<button type="button" class="example"><img src="{source}" alt="Example:">'
        f"<span>{label}</span></button>"
    )
