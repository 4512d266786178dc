"""From a picture to what the networks answer, and why."""

from netlib.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
