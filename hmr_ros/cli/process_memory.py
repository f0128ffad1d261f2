"""Memory of this process, for measurements."""

from __future__ import annotations

import resource
from pathlib import Path


def resident_mib() -> float:
    """MiB resident now; the greatest so far where /proc is missing."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
