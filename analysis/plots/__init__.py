"""draw_*(ax, data) -> ax: the look of every figure; neither torch nor netlib is needed.

The caller makes, saves and closes the figure.
"""

from analysis.plots.classes import draw_class_scores, draw_confusion_matrix
from analysis.plots.digits import draw_digit, page_of_digits
from analysis.plots.history import draw_history
from analysis.plots.style import BLACK, COLOURS, GREEN, GREY, MOBILENET, STANDARD, WRONG

__all__ = [
    "BLACK",
    "COLOURS",
    "GREEN",
    "GREY",
    "MOBILENET",
    "STANDARD",
    "WRONG",
    "draw_class_scores",
    "draw_confusion_matrix",
    "draw_digit",
    "draw_history",
    "page_of_digits",
]
