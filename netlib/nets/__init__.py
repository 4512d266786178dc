"""The two building blocks, the networks made of them, what they cost, and their checkpoints."""

from netlib.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
