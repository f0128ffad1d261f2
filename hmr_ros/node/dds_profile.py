"""The environment in which Fast DDS carries images through shared memory."""

from __future__ import annotations

from collections.abc import Mapping

from hmr_ros.assets import asset

# Fast DDS 2 knows this name only; Fast DDS 3 still understands it.
VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"


def with_profile(environment: Mapping[str, str]) -> dict[str, str]:
    """A copy of ``environment`` with this package's profile, unless the user has set another."""
    return {VARIABLE: str(asset("config", "fastdds_shm.xml")), **environment}
