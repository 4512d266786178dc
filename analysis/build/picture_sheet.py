"""Draw one sheet of what people send: each kind, its ink, the 28x28 and both answers.

python -m analysis.build.picture_sheet --output figures/pictures.png
"""

import io
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from analysis.frame.command import SHIPPED, start
from analysis.frame.outputs import Png
from analysis.look.digits import draw_steps
from analysis.look.style import NETWORKS, blank, look
from netlib import answer
from netlib.picture import as_picture

NUMBERS = (("notebook", "27"), ("folded", "1006"), ("whiteboard", "3.14"), ("desk", "(32)"))
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
    output: Png = Path("figures/pictures.png")


def run(options: Options) -> list[Path]:
    names = dict(zip(NETWORKS, options.checkpoints, strict=True))
    reader = answer.Reader(answer.Predictor(names))
    drawn = sent(options.seed)
    rows = -(-len(drawn) // COLUMNS)
    file = io.BytesIO()
    with look():
        figure = blank(28, 2.6 * rows)
        axes = list(figure.subplots(rows, COLUMNS).flat)
        for ax, (kind, text, picture) in zip(axes, drawn, strict=False):
            reading = reader.read(picture)
            assert reading.sketch is not None
            answers = [network.text for network in reading.networks.values()]
            shown = as_picture(picture).convert("RGB")
            draw_steps(ax, shown, reading.sketch.ink, reading.digits, answers, kind, text)
        for ax in axes:
            ax.axis("off")
        figure.savefig(file, dpi=100)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    Image.open(file).convert("RGB").quantize(SHADES).save(options.output, optimize=True)
    return [options.output]


def sent(seed: int) -> list[tuple[str, str, Image.Image]]:
    """Kind, what is written and the picture: a digit of each kind, and some numbers."""
    from netlib.measure.photographs import KINDS, on_a_page, written

    digits = [(kind, str((place * 7 + seed) % 10)) for place, kind in enumerate(KINDS)]
    drawn = []
    for place, (kind, text) in enumerate((*digits, *NUMBERS)):
        rng = np.random.default_rng([seed, place])
        page = on_a_page(rng, [written(rng, text)])
        drawn.append((kind, text, KINDS[kind](rng, page, 140)))
    return drawn


if __name__ == "__main__":
    sys.exit(start("picture_sheet"))
