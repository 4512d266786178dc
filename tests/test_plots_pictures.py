"""Drawing of digits, filters and embeddings, on an Axes that is not the current one."""

import numpy as np
import pandas as pd
import pytest
from helpers_plots import spare_axes
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from analysis.plots import digits, maps
from analysis.plots.catalogue.pair import order_of_errors
from analysis.plots.style import COLOURS

ax = pytest.fixture(spare_axes, name="ax")

READINGS = {
    "images": np.stack([np.full((4, 4), value, np.uint8) for value in (10, 20, 30)]),
    "labels": np.array([7, 2, 7]),
    "standard": np.array([1, 2, 1]),
    "mobilenet": np.array([7, 3, 9]),
    "standard_confidence": np.array([0.9, 0.8, 0.6]),
    "mobilenet_confidence": np.array([0.5, 0.7, 0.7]),
}


def test_mosaic_goes_line_by_line_with_gaps() -> None:
    images = np.arange(1, 4).reshape(3, 1, 1)
    assert digits.mosaic(images, columns=2).tolist() == [
        [1, 0, 2, 0],
        [0, 0, 0, 0],
        [3, 0, 0, 0],
        [0, 0, 0, 0],
    ]


def test_filters_are_grey_where_they_are_zero(ax: Axes) -> None:
    filters = np.array([[[-2.0, 0.0]], [[1.0, 2.0]]])
    assert digits.draw_mosaic(ax, filters, columns=2) is ax
    image = ax.get_images()[0]
    assert (image.norm.vmin, image.norm.vmax) == (-2, 2)
    black, grey, light = (image.cmap(image.norm(value))[:3] for value in (-2.0, 0.0, 2.0))
    assert black == (0, 0, 0)
    assert grey == pytest.approx(np.array(light) / 2, abs=0.01)
    shown = np.ma.masked_invalid(image.get_array())
    assert shown.compressed().tolist() == [-2, 0, 1, 2]


def test_errors_of_both_come_first_within_their_class() -> None:
    # The 2 first; of the sevens, the third image is read wrong by both networks.
    assert order_of_errors(READINGS).tolist() == [1, 2, 0]


def test_page_of_errors_has_the_class_and_both_readings(ax: Axes) -> None:
    assert digits.draw_error_page(ax, READINGS, [1, 0], columns=2) is ax
    assert [text.get_text() for text in ax.texts] == ["2", "2", "3", "7", "1", "7"]
    colours = [to_hex(text.get_color()).upper() for text in ax.texts]
    assert colours[2] == COLOURS["mobilenet"]  # wrong
    assert colours[4] == COLOURS["standard"]
    weights = [text.get_fontweight() for text in ax.texts]
    assert [weight == "bold" for weight in weights] == [False, False, True, False, True, False]
    assert ax.get_images()[0].get_array()[0, 0] == 20


def test_a_reading_has_its_confidence_below(ax: Axes) -> None:
    assert digits.draw_readings(ax, READINGS, "standard", [0]) is ax
    assert (ax.get_title(), ax.get_xlabel()) == ("7 read as 1", "90.0 %")


def test_where_there_is_no_reading_there_is_nothing(ax: Axes) -> None:
    digits.draw_readings(ax, READINGS, "standard", [])
    assert not ax.axison
    assert not ax.get_images()


def test_classes_are_named_at_their_medians(ax: Axes) -> None:
    points = [[0, 0], [2, 0], [40, 0], [5, 5]]
    assert maps.draw_projection(ax, points, [3, 3, 3, 8]) is ax
    assert {text.get_text(): tuple(text.xy) for text in ax.texts} == {"3": (2, 0), "8": (5, 5)}
    # A digit on the single point of the 8 would hide it.
    assert {text.get_text(): text.get_position()[1] for text in ax.texts} == {"3": 0, "8": 7}
    assert ax.collections[0].get_offsets().tolist() == points
    assert [to_hex(c) for c in ax.collections[0].get_facecolors()[[0, 3]]] == [
        maps.CLASSES[3],
        maps.CLASSES[8],
    ]


def test_class_colours_differ() -> None:
    assert len(set(maps.CLASSES)) == 10


def test_matrix_is_centred_on_zero(ax: Axes) -> None:
    weights = np.linspace(-1, 3, 400).reshape(20, 20)
    assert maps.draw_matrix(ax, weights) is ax
    norm = ax.get_images()[0].norm
    assert norm.vmin == -norm.vmax
    assert ax.get_ylabel() == "output channel"


def test_scores_of_spaces_stand_in_their_rows(ax: Axes) -> None:
    table = pd.DataFrame(
        {
            "space": ["raw", "raw", "trained"],
            "method": ["none", "tsne", "none"],
            "knn_accuracy": [0.9, np.nan, 0.99],
        }
    )
    names = {"raw": "pixels", "trained": "after"}
    maps.draw_space_scores(ax, table, "knn_accuracy", ["raw", "trained"], names)
    assert ax.get_lines()[0].get_xydata().tolist() == [[90, -0.2], [99, 0.8]]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["pixels", "after"]


def test_separability_tells_trained_weights_from_random_ones(ax: Axes) -> None:
    table = pd.DataFrame(
        {
            "network": "standard",
            "block": 2,
            "weights": ["trained", "gaussian"],
            "energy": [0.8, 0.5],
            "energy_low": 0.4,
            "energy_high": 0.9,
        }
    )
    assert maps.draw_separability(ax, table) is ax
    trained, gaussian = [line for line in ax.get_lines() if len(line.get_xdata())]
    assert (trained.get_ydata(), gaussian.get_ydata()) == ([80], [50])
    assert trained.get_marker() != gaussian.get_marker()
