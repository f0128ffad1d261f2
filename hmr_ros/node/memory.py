"""Keeps the C library from giving the memory of each image back to the system."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
LARGEST_FROM_HEAP = 32 << 20
KEPT_FREE = 256 << 20


def keep_large_blocks() -> None:
    """Serve blocks of up to 32 MB from the heap and keep up to 256 MB of it when free.

    By default glibc maps every image-sized block anew, and the kernel clears each of its pages at
    first touch: with 1280x720 images that is more than half of the time between publisher and
    callback. Must be called before the middleware starts. Does nothing with another C library.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(M_MMAP_THRESHOLD, LARGEST_FROM_HEAP)
    mallopt(M_TRIM_THRESHOLD, KEPT_FREE)
