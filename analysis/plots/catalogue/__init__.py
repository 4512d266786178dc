"""FIGURES: every figure of the report by its name, in the report's order."""

from analysis.plots.catalogue import sweeps
from analysis.plots.catalogue.spec import FigureSpec, command

FIGURES: dict[str, FigureSpec] = {**sweeps.FIGURES}

__all__ = ["FIGURES", "FigureSpec", "command"]
