"""Standard and depthwise separable convolution on handwritten digits: data, networks, training.

The course's names are here; each room (`netlib.nets`, `netlib.training`, ...) has the others.
Nothing heavy is imported before a name that needs it is used.
"""

from netlib.lazy import attach

__version__ = "0.2.0"
__getattr__, __dir__, __all__ = attach(__name__, __file__)
