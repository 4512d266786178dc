"""The C allocator, told to keep what training frees.

Every training step allocates the same activations and frees them again. By default glibc returns
such large blocks to the kernel at once, which then clears fresh pages for the next step: up to a
third of a core.
"""

import ctypes
import functools
import logging
import sys

log = logging.getLogger(__name__)

# Parameters of mallopt, from malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
# Never give memory back, grow in large steps, serve large blocks from the heap like small ones.
SETTINGS = {M_TRIM_THRESHOLD: 2**31 - 1, M_TOP_PAD: 64 * 2**20, M_MMAP_MAX: 0}


@functools.cache
def keep_freed_memory() -> bool:
    """Make this process reuse freed memory instead of returning it to the system.

    Has an effect with glibc only: elsewhere nothing happens. Results never depend on it.

    Returns:
        Whether the allocator took the settings.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library, such as musl
        return False
    results = [mallopt(parameter, value) for parameter, value in SETTINGS.items()]
    taken = all(result == 1 for result in results)
    if not taken:
        log.info("The C allocator did not take all settings; training may be slower.")
    return taken
