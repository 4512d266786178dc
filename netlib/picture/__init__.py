"""Any picture to ink, and ink to digits (n, 1, 28, 28) as the networks read them."""

from netlib.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
