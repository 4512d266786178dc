"""The drawing pad: a canvas in a `gr.HTML`; its value is a PNG data URL, "" when it is empty."""

from pathlib import Path

import gradio as gr

ASSETS = Path(__file__).parent / "assets"


def drawing_pad(name: str, width: int, height: int, label: str, hint: str) -> gr.HTML:
    """A pad of `width` x `height` pixels, whatever its size on the screen.

    Args:
        name: the element id, and what scripts find the pad by.
        width: of the drawing, in pixels.
        height: of the drawing, in pixels.
        label: said by screen readers.
        hint: shown on the empty pad.
    """
    template = (ASSETS / "pad.html").read_text(encoding="utf-8")
    fields = {"NAME": name, "WIDTH": width, "HEIGHT": height, "LABEL": label, "HINT": hint}
    for field, value in fields.items():
        template = template.replace(f"@{field}@", str(value))
    return gr.HTML(
        value="",
        html_template=template,
        js_on_load=(ASSETS / "pad.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=name,
    )
