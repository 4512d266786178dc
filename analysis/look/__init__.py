"""draw_*(ax, data) -> ax: every picture, by its kind; neither torch nor netlib is needed.

The caller makes, saves and closes the figure. What is named here takes plain arrays; names are
imported when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
