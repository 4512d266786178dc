"""Digit data sets: where they come from, how they lie on disk, and the tensors made of them.

Whatever cannot be used as it is, is told as a `DataError`, one sentence for its owner.
"""

from netlib.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
