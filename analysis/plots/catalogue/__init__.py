"""FIGURES: every figure of the report by its name, in the report's order."""

from analysis.plots.catalogue import headline, pair, sweeps
from analysis.plots.catalogue.spec import FigureSpec, command

FIGURES: dict[str, FigureSpec] = {
    **headline.FIGURES,
    **pair.FIGURES,
    **sweeps.FIGURES,
}

__all__ = ["FIGURES", "FigureSpec", "command"]
