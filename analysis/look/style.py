"""The look of every figure: sizes, fonts, colours, axes, names; the texts that repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure, SubFigure

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

RC: dict[str, Any] = {
    "font.family": "STIXGeneral",  # comes with Matplotlib; the report is set in it, too
    "mathtext.fontset": "stix",
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
    "figure.constrained_layout.hspace": 0.06,
    "figure.constrained_layout.wspace": 0.05,
    "image.interpolation": "nearest",
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
}

ERROR = "error rate (%)"
LEAST_ERROR = 0.01  # percent, that a logarithmic axis of errors shows
SPANS = 4.0  # a largest value of more times the smallest is drawn on a logarithmic axis
LOGS = f"Axes that span more than {SPANS:g} times their least value are logarithmic."
KEY = dict(frameon=False, borderpad=0.1, handletextpad=0.4, columnspacing=1.4, borderaxespad=0.1)


@contextmanager
def look() -> Iterator[None]:
    """Matplotlib's defaults with the report's sizes on top, whatever the user's settings."""
    import matplotlib as mpl

    settings: Any = {**mpl.rcParamsDefault, "backend": mpl.rcParams["backend"], **RC}
    with mpl.rc_context(settings):
        yield


def blank(width: float, height: float) -> Figure:
    """An empty figure, width and height in centimetres."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width * CM, height * CM), layout="constrained")


def as_typed(figure: Figure) -> Figure:
    """The figure, in whose names a $ begins no formula; powers on logarithmic axes are formulas."""
    from matplotlib.text import Text

    axes = [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    powers = [t for a in axes if a.get_scale() == "log" for t in a.get_ticklabels(which="both")]
    for text in set(figure.findobj(Text)) - set(powers):
        text.set_parse_math(False)
    return figure


def plain(ax: Axes, grid: str = "y") -> None:
    """Light lines to read values by, along `grid` ("x", "y", "both" or ""), and half the frame."""
    if grid:
        ax.grid(axis=cast(Any, grid), color=LIGHT, linewidth=0.8)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def labelled(labels: ArrayLike, values: ArrayLike, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N,) and numbers (N, C) as arrays.

    Raises:
        ValueError: they are no such things.
    """
    y, numbers = np.asarray(labels), np.asarray(values, float)
    if y.ndim != 1 or numbers.ndim != 2 or len(y) != len(numbers) or not len(y):
        raise ValueError(
            f"labels have shape {y.shape} and {what} {numbers.shape}; expected (N,) and (N, C), "
            "N > 0."
        )
    if not np.issubdtype(y.dtype, np.integer) or y.min() < 0:
        raise ValueError(f"labels are {y.dtype}, as {y[0]!r}; expected whole numbers from 0.")
    return y, numbers


def probable(labels: ArrayLike, values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The same with probabilities."""
    y, p = labelled(labels, values, "probabilities")
    if p.min() < 0 or not np.allclose(p.sum(1), 1, atol=0.01):
        raise ValueError("expected probabilities, which are not negative and add up to 1.")
    return y, p


def bare(ax: Axes) -> None:
    """No frame and no ticks: for pictures."""
    ax.set(xticks=[], yticks=[])
    unframed(ax)


def unframed(ax: Axes) -> None:
    """No frame, and ticks without their dashes: for grids."""
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def name_rows(ax: Axes, names: Iterable[str]) -> None:
    """A row for each name, the first at the top."""
    names = list(names)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)


def signed_shades() -> LinearSegmentedColormap:
    """Vermillion for negative numbers, white for zero, blue for positive ones."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signs", [MOBILENET, "white", STANDARD])


def show_weights(ax: Axes, weights: np.ndarray, limit: float, **options: Any) -> None:
    """Weights (H, W) in these shades with their scale, which ends at `limit`; gaps (NaN) grey."""
    shades = signed_shades().with_extremes(bad="#b0b0b0")
    image = ax.imshow(weights, cmap=shades, vmin=-limit, vmax=limit, **options)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, aspect=20, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label("weight")


def plain_numbers(
    axis: Axis, subs: Sequence[int] = (), form: Callable[[float], str] = "{:g}".format
) -> None:
    """Numbers without powers of ten on a logarithmic axis, at multiples of `subs` if there are."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: form(value)))
    axis.set_minor_formatter(NullFormatter())
    if subs:
        axis.set_major_locator(LogLocator(subs=subs, numticks=20))
        axis.set_minor_locator(LogLocator(subs=[]))


def networks_of(table: pd.DataFrame) -> list[str]:
    """The networks of a table: ours in their order, then any others as they come."""
    found = list(dict.fromkeys(table["network"]))
    return [n for n in NETWORKS if n in found] + [n for n in found if n not in NETWORKS]


def name_of(network: str) -> str:
    """As readers see it."""
    return NAMES.get(network, network)


def look_of(network: str) -> dict[str, Any]:
    """Colour, marker and line of a network."""
    colour = COLOURS.get(network, BLACK)
    return {
        "color": colour,
        "marker": MARKERS.get(network, "D"),
        "linestyle": LINES.get(network, ":"),
        "markerfacecolor": FACES.get(network, GREY),
        "markeredgecolor": colour,
    }


def scale_values(ax: Axes, axis: str, values: pd.Series) -> None:
    """Logarithmic with plain numbers where the values span much, linear where they do not."""
    low, high = values.min(), values.max()
    if low <= 0 or high <= SPANS * low:
        return
    getattr(ax, f"set_{axis}scale")("log")
    which = getattr(ax, f"{axis}axis")
    most = 60 if axis == "x" else 200  # numbers stand closer below each other than side by side
    steps = (1, 2, 3, 5) if high < 12 * low else (1, 2, 5) if high < most * low else (1,)
    plain_numbers(which, steps, lambda value: f"{value:,g}" if value >= 1 else f"{value:g}")


def errors(accuracy: pd.Series) -> pd.Series:
    """Error rates in percent, none below a hundredth: a logarithmic axis has no zero."""
    return (100 * (1 - accuracy)).clip(lower=LEAST_ERROR)


def least_text(accuracy: pd.Series) -> str:
    """That no error at all is drawn as the least one, where there is such an accuracy."""
    if (100 * (1 - accuracy) >= LEAST_ERROR).all():
        return ""
    return f" (no error at all is drawn at {100 - LEAST_ERROR:g} %)"


def show_accuracy(ax: Axes, low: float, high: float) -> None:
    """Errors from `low` to `high` percent, logarithmic, less is higher, labelled as accuracy."""
    ax.set_yscale("log")
    plain_numbers(ax.yaxis, (1, 2, 5), lambda error: f"{100 - error:g}")
    ax.set_ylim(1.15 * high, low / 1.15)


def label_ends(ax: Axes, ends: Mapping[str, tuple[float, float]]) -> None:
    """The networks' names at the right end of their lines, kept one line of text apart."""
    size = RC["font.size"]
    ax.get_xlim(), ax.get_ylim()  # they are only worked out when they are asked for
    to_axes = ax.transData + ax.transAxes.inverted()
    places = {network: to_axes.transform(end) for network, end in ends.items()}
    gap = 1.25 * size / 72 / (cast(Any, ax.figure).get_figheight() * ax.get_position().height * 0.8)
    names = sorted(places, key=lambda name: places[name][1])
    heights: list[float] = []
    for name in names:
        heights.append(max(places[name][1], heights[-1] + gap if heights else -np.inf))
    lift = (heights[-1] - places[names[-1]][1]) / 2  # what the upper one gives way, both share
    for network, height in zip(names, heights, strict=True):
        x = places[network][0]
        ax.annotate(name_of(network), (x, height - lift), (5, 0), xycoords="axes fraction",
                    textcoords="offset points", va="center", fontsize=size,
                    color=COLOURS.get(network, BLACK))  # fmt: skip


def key(ax: Axes, columns: int = 2) -> None:
    """The names of what is drawn, in one line above the axes."""
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, **KEY)


def key_above(figure: Figure | SubFigure, ax: Axes) -> None:
    """The names of what is drawn on `ax`, in one line above all of the figure's axes."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), **KEY)
