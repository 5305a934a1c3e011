"""Memory that is given back is kept for the next frame, instead of being asked for anew.

Frames and their layers are arrays of some megabytes. glibc gives arrays of that size back to the system as soon as they
are let go, and the system fills each new page with zeros again when it is first touched: on a drawn video of 1280x720
that is a tenth of all time.
"""

from __future__ import annotations

import ctypes
import os
import sys

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
"""The names of two settings in glibc's malloc.h."""
KEPT_ONE, KEPT_ALL = 32 << 20, 128 << 20
"""Bytes of an array up to which it is kept, the most that glibc takes; and bytes that are kept in all."""
SET_BY_USER = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


def keep_memory() -> bool:
    """Keep the memory of arrays that are let go for the next ones, in this process; whether that was possible.

    With glibc alone, which Linux mostly has. What the user set with glibc's environment variables stays. The most that
    is resident does not grow by it: what is kept is what was in use a moment ago.

    After mallopt(3): a threshold that is set no longer follows the sizes of what is let go.
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in SET_BY_USER):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library, such as musl
        return False
    return bool(mallopt(MMAP_THRESHOLD, KEPT_ONE) and mallopt(TRIM_THRESHOLD, KEPT_ALL))
