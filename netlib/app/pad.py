"""The drawing pad: a canvas in a `gr.HTML`.

Its value is a PNG data URL, nothing when it is empty, and "#" with the number of the drawing.
"""

from pathlib import Path

import gradio as gr

ASSETS = Path(__file__).parent / "assets"
MOST_FIGURES = 10  # of a drawing's number


def split_value(value: str | None) -> tuple[str, str]:
    """What is drawn (a data URL, or "") and the drawing's number ("" where there is none)."""
    drawing, _, number = (value if isinstance(value, str) else "").rpartition("#")
    if number.isascii() and number.isdecimal() and len(number) < MOST_FIGURES:
        return drawing, number
    return value or "", ""


def drawing_pad(
    name: str, size: tuple[int, int], narrow: tuple[int, int], label: str, hint: str
) -> gr.HTML:
    """A pad of (width, height) pixels, `narrow` on a phone, whatever its size on the screen.

    `name` is its element id; screen readers say `label`, and the empty pad shows `hint`.
    """
    template = (ASSETS / "pad.html").read_text(encoding="utf-8")
    fields = {"NAME": name, "WIDTH": size[0], "HEIGHT": size[1], "LABEL": label, "HINT": hint}
    fields["NARROW"] = f"{narrow[0]} {narrow[1]}"
    for field, value in fields.items():
        template = template.replace(f"@{field}@", str(value))
    return gr.HTML(
        value="",
        html_template=template,
        js_on_load=(ASSETS / "pad.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=name,
    )
