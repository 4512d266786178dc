"""How a network is trained: configuration, losses, augmentation, loop, the course's functions."""

from netlib.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
