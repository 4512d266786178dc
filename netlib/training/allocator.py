"""The C allocator, told to keep what training frees.

Every training step allocates the same activations and frees them again. By default glibc returns
such large blocks to the kernel at once, which then clears fresh pages for the next step: up to a
third of a core.
"""

import contextlib
import ctypes
import functools

# Parameters of mallopt, from malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
# Never give memory back, grow in large steps, serve large blocks from the heap like small ones.
SETTINGS = {M_TRIM_THRESHOLD: 2**31 - 1, M_TOP_PAD: 64 * 2**20, M_MMAP_MAX: 0}


@functools.cache
def keep_freed_memory() -> None:
    """Make this process reuse freed memory, where its C library is glibc; results stay the same."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another system or library
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in SETTINGS.items():
            mallopt(parameter, value)
