"""What `analysis.look` offers: an Axes and plain arrays in, labelled axes out."""

import numpy as np
import pytest
from helpers_plots import legend, spare_axes, texts
from import_graph import python
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from analysis import look
from analysis.look import sorting
from analysis.look.style import COLOURS

ax = pytest.fixture(spare_axes, name="ax")

LABELS = np.array([0, 0, 1, 1, 2, 2])
# Class 0 is sorted perfectly, one image of class 1 lies behind one of class 2.
TENTHS = "811 721 181 136 145 118"
SCORES = np.array([[int(share) / 10 for share in shares] for shares in TENTHS.split()])
NAMES = ["ant", "bee", "cat"]


def test_roc_takes_labels_and_scores_and_names_its_lowest_class(ax: Axes) -> None:
    assert look.draw_roc(ax, LABELS, SCORES, NAMES) is ax
    # Of class 1: 7 of its 8 pairs with other images are in order, and 7 of 8 of class 2.
    assert legend(ax)[0] == "bee (lowest), area 0.87500"
    assert ax.get_xlabel() == "false positive rate (%)"
    areas = sorting.roc_areas(LABELS, SCORES).set_index("class")["auc"]
    assert areas["0"] == 1
    assert areas["macro"] == pytest.approx((1 + 7 / 8 + 7 / 8) / 3)


def test_precision_recall_has_average_precisions(ax: Axes) -> None:
    assert look.draw_precision_recall(ax, LABELS, SCORES) is ax
    # Class 1 stands at ranks 1 and 3: (1/1 + 2/3) / 2.
    areas = sorting.precision_recall_areas(LABELS, SCORES).set_index("class")["ap"]
    assert areas["1"] == pytest.approx(5 / 6)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("recall (%)", "precision (%)")
    assert ax.get_xlim()[0] < 100 * 2 / 3  # the corner is in view


@pytest.mark.parametrize("draw", [look.draw_roc, look.draw_precision_recall])
def test_one_class_alone_has_no_curve(ax: Axes, draw) -> None:
    with pytest.raises(ValueError, match="need images of two classes"):
        draw(ax, [1, 1], SCORES[:2])


def test_calibration_is_errors_found_against_errors_expected(ax: Axes) -> None:
    for style in (dict(color="red"), dict(color="blue")):
        assert look.draw_calibration(ax, LABELS, SCORES, "one", bins=2, **style) is ax
    diagonal, line, _ = ax.get_lines()
    assert diagonal.get_xdata().tolist() == diagonal.get_ydata().tolist()
    # The three least sure: 1 - 0.5, 1 - 0.6, 1 - 0.7; one of them is wrong.
    assert line.get_xdata()[0] == pytest.approx(100 * (0.5 + 0.4 + 0.3) / 3)
    assert line.get_ydata()[0] == pytest.approx(100 * 1 / 3)
    assert line.get_ydata()[1] == pytest.approx(50 / 3)  # none: half an error
    assert "errors found" in ax.get_ylabel()


def test_risk_ends_at_the_error_rate(ax: Axes) -> None:
    assert look.draw_risk_coverage(ax, LABELS, SCORES, "one") is ax
    assert ax.get_lines()[0].get_xydata()[-1] == pytest.approx([100, 100 / 6])
    assert "kept" in ax.get_xlabel()


def test_a_difference_of_confusions_has_signs_and_sides(ax: Axes) -> None:
    first, other = [[5, 1], [0, 3]], [[4, 2], [0, 3]]
    assert look.draw_confusion_difference(ax, first, other, names=["ant", "bee"]) is ax
    assert texts(ax) == {(0, 0): "+1", (1, 0): "−1"}
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["ant", "bee"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    image = ax.get_images()[0]
    assert to_hex(image.cmap(1.0)).upper() == COLOURS["standard"]


def test_filters_have_a_scale_around_zero(ax: Axes) -> None:
    filters = np.array([[[-2.0, 0], [1, 0]], [[0, 0], [0, 0.5]]])
    assert look.draw_filters(ax, filters, columns=2) is ax
    image = ax.get_images()[0]
    assert (image.norm.vmin, image.norm.vmax) == (-2, 2)
    shown = np.ma.masked_invalid(image.get_array())
    assert sorted(shown.compressed().tolist()) == [-2, 0, 0, 0, 0, 0, 0.5, 1]


def test_a_projection_rings_what_is_wrong(ax: Axes) -> None:
    points = np.arange(8.0).reshape(4, 2)
    wrong = [False, True, False, False]
    assert look.draw_projection(ax, points, [0, 0, 11, 11], [*"abcdefghijkl"], wrong, "UMAP") is ax
    assert {text.get_text() for text in ax.texts} == {"a", "l"}
    assert ax.collections[1].get_offsets().tolist() == [[2, 3]]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("UMAP 1", "UMAP 2")


def test_the_room_imports_nothing_heavy_until_a_name_is_used() -> None:
    program = (
        "import sys; from analysis import look; before = 'matplotlib' in sys.modules\n"
        "look.draw_roc; print(before, {'torch', 'netlib', 'sklearn'} & set(sys.modules))"
    )
    assert python("-c", program).stdout.split() == ["False", "set()"]
