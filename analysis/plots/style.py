"""The look of every figure: sizes, fonts, and the colours, markers and lines of both networks."""

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STANDARD, MOBILENET = "#0072B2", "#D55E00"  # Okabe and Ito 2008: blue, vermillion
BLACK, GREEN, GREY, LIGHT = "#000000", "#009E73", "#666666", "#e5e5e5"
WRONG = "#B0417C"  # Okabe and Ito's reddish purple, darkened to be read as text

# Always in this order, and told apart by shape, fill and dashes where there is no colour.
NETWORKS = ("standard", "mobilenet")
NAMES = {"standard": "standard", "mobilenet": "MobileNet"}
COLOURS = {"standard": STANDARD, "mobilenet": MOBILENET}
MARKERS = {"standard": "o", "mobilenet": "s"}
LINES = {"standard": "-", "mobilenet": (0, (4, 1.5))}
FACES = {"standard": STANDARD, "mobilenet": "white"}
HATCHES = {"standard": "", "mobilenet": "//////"}

CM = 1 / 2.54  # inches
COLUMN, FULL = 8.0, 17.0  # widths of a figure on an A4 page, cm
RC = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "axes.linewidth": 0.6,
    "axes.edgecolor": GREY,
    "axes.titlelocation": "left",
    "axes.titlepad": 4,
    "axes.unicode_minus": True,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "hatch.linewidth": 0.6,
    "figure.constrained_layout.h_pad": 0.02,
    "figure.constrained_layout.w_pad": 0.02,
    "image.interpolation": "nearest",
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
}


@contextmanager
def look() -> Iterator[None]:
    """Matplotlib's defaults with the report's sizes on top, whatever the user's settings."""
    with mpl.rc_context({**mpl.rcParamsDefault, "backend": mpl.rcParams["backend"], **RC}):
        yield


def blank(width: float, height: float) -> Figure:
    """An empty figure, width and height in centimetres."""
    return Figure(figsize=(width * CM, height * CM), layout="constrained")


def plain(ax: Axes, grid: str = "y") -> None:
    """Light lines to read values by, along `grid` ("x", "y", "both" or ""), and half the frame."""
    if grid:
        ax.grid(axis=grid, color=LIGHT, linewidth=0.8)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def bare(ax: Axes) -> None:
    """No frame and no ticks: for pictures."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def tick_at(ax: Axes, axis: str, places: object, form: str = "g") -> None:
    """Ticks at exactly these places of an axis ("x" or "y"), in plain numbers."""
    places = np.unique(np.asarray(places, float))
    labels = [f"{place:{form}}" for place in places]
    getattr(ax, f"set_{axis}ticks")(places, labels)
    getattr(ax, f"{axis}axis").minorticks_off()
