"""Pages drawn in half the time."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from analysis import figures


def draw_roughly(patch: pytest.MonkeyPatch) -> None:
    """Pictures of a fifth of the resolution, and on pages an empty figure in the place of each.

    Whole ones are drawn of every figure where the committed report is compared.
    """
    vectors, png_of = figures.pdf_of(Figure()), figures.png_of

    def rough(figure: Figure) -> bytes:
        with plt.rc_context({"savefig.dpi": 40}):
            return png_of(figure)

    patch.setattr(figures, "pdf_of", lambda _: vectors)
    patch.setattr(figures, "png_of", rough)
