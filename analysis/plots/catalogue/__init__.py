"""FIGURES: every figure of the report by its name, in the report's order."""

from analysis.plots.catalogue import data, headline, imbalance, inside, pair, speed, sweeps, trust
from analysis.plots.catalogue.spec import FigureSpec, command

THEMES = (headline, data, speed, pair, sweeps, imbalance, trust, inside)
FIGURES: dict[str, FigureSpec] = {
    name: spec for theme in THEMES for name, spec in theme.FIGURES.items()
}

__all__ = ["FIGURES", "FigureSpec", "command"]
