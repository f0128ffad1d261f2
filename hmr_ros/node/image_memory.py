"""Keep the memory of images in the process instead of handing it back after each one."""

from __future__ import annotations

import ctypes
import sys

# Parameter numbers of <malloc.h>.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST = 32 << 20  # the most glibc accepts as mmap threshold


def keep_image_memory() -> bool:
    """Call before ``rclpy.init``: blocks of up to 32 MiB are reused. True if it took effect.

    By default glibc maps every block as large as an image anew and unmaps it afterwards; the page
    faults of that cost more than the copying (latency of a 1280x720 image between two processes:
    4.5 ms with, 1.7 ms without them).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST) and mallopt(M_TRIM_THRESHOLD, 8 * LARGEST))
