"""Scores with intervals, disturbed digits, pictures that are no digits, and kept runs."""

from netlib.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
