"""An Axes that is not the current one, what is written on it, and pages drawn in half the time."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import figures


def spare_axes() -> Iterator[Axes]:
    """One Axes of two; the other one is current, and must stay as it is. For pytest.fixture."""
    figure, (drawn, current) = plt.subplots(1, 2)
    plt.sca(current)
    yield drawn
    assert plt.gca() is current
    assert not current.has_data()
    assert current.get_title() == current.get_xlabel() == ""
    assert plt.get_fignums() == [figure.number]
    plt.close(figure)


def texts(ax: Axes) -> dict[tuple[float, float], str]:
    """Position -> text."""
    return {text.get_position(): text.get_text() for text in ax.texts}


def legend(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


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
