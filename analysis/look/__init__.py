"""draw_*(ax, data) -> ax: every picture, by its kind; neither torch nor netlib is needed.

The caller makes, saves and closes the figure.
"""

from analysis.look.digits import draw_digit, page_of_digits
from analysis.look.grids import draw_confusion_matrix
from analysis.look.lines import draw_history
from analysis.look.rows import draw_class_scores
from analysis.look.style import BLACK, COLOURS

__all__ = [
    "BLACK",
    "COLOURS",
    "draw_class_scores",
    "draw_confusion_matrix",
    "draw_digit",
    "draw_history",
    "page_of_digits",
]
