"""Draw one sheet of what people send: each kind, its ink, the 28x28 and both answers.

python -m analysis.build.picture_sheet --output figures/pictures.png
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.frame.command import SHIPPED, start

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from netlib.answer.reading import Reader

NUMBERS = ("27", "1006", "3.14", "(32)")  # shown on paper as well
SHADES = 64  # of the sheet's palette: more only make the file larger
COLUMNS = 5


@dataclass(frozen=True, kw_only=True)
class Options:
    """Draw one sheet of what people send: each kind, its ink, the 28x28 and both answers.

    Attributes:
        checkpoints: standard, then MobileNet.
        seed: of what is drawn.
        output: the sheet, a PNG.
    """

    checkpoints: tuple[Path, Path] = SHIPPED
    seed: int = 0
    output: Path = Path("figures/pictures.png")


def run(options: Options) -> list[Path]:
    """Draw, read, draw."""
    import io

    from PIL import Image

    from analysis.look.digits import draw_steps
    from analysis.look.style import NETWORKS, blank, look
    from netlib import answer

    names = dict(zip(NETWORKS, options.checkpoints, strict=True))
    reader = answer.Reader(answer.Predictor(names))
    drawn = sent(options.seed)
    rows = -(-len(drawn) // COLUMNS)
    file = io.BytesIO()
    with look():
        figure = blank(28, 2.6 * rows)
        axes = list(figure.subplots(rows, COLUMNS).flat)
        for ax, (kind, text, picture) in zip(axes, drawn, strict=False):
            draw_steps(ax, *steps(reader, picture), kind, text)
        for ax in axes:
            ax.axis("off")
        figure.savefig(file, dpi=100)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    Image.open(file).convert("RGB").quantize(SHADES).save(options.output, optimize=True)
    return [options.output]


def sent(seed: int) -> "list[tuple[str, str, Image.Image]]":
    """Kind, what is written and the picture: a digit of each kind, and some numbers."""
    import numpy as np

    from netlib.measure.photographs import KINDS, on_a_page, written

    drawn = []
    for place, (kind, make) in enumerate(KINDS.items()):
        rng = np.random.default_rng([seed, place])
        text = str((place * 7 + seed) % 10)
        drawn.append((kind, text, make(rng, on_a_page(rng, [written(rng, text)]), 140)))
    for place, text in enumerate(NUMBERS):
        rng = np.random.default_rng([seed, len(KINDS) + place])
        kind = ("notebook", "folded", "whiteboard", "desk")[place]
        drawn.append((kind, text, KINDS[kind](rng, on_a_page(rng, [written(rng, text)]), 140)))
    return drawn


def steps(
    reader: "Reader", picture: "Image.Image"
) -> "tuple[Image.Image, np.ndarray, np.ndarray, list[str]]":
    """What was sent, its ink, what the networks see, and each one's answer."""
    from netlib.picture import as_picture

    reading = reader.read(picture)
    assert reading.sketch is not None
    answers = [network.text for network in reading.networks.values()]
    return as_picture(picture).convert("RGB"), reading.sketch.ink, reading.digits, answers


if __name__ == "__main__":
    sys.exit(start("picture_sheet"))
