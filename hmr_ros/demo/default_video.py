"""The video the demo plays when nobody names one, and where it is kept."""

from __future__ import annotations

import os
from pathlib import Path

VIDEO = "vtest.avi"
FALLBACK = "photo:astronaut"


def cached_video() -> Path:
    """Where ``tools/fetch_video.py`` keeps the pedestrians of Debian's package opencv-doc."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "hmr_ros" / VIDEO


def default_source() -> tuple[str, str]:
    """What ``open_source`` shall open, and a line that says why. Downloads nothing."""
    video = cached_video()
    if video.is_file():
        return str(video), f"{VIDEO}: pedestrians, from Debian's package opencv-doc"
    return FALLBACK, (
        f"{video} is not there, so a photograph is panned and zoomed instead; "
        "`python tools/fetch_video.py` fetches the video (needs Debian or Ubuntu and a network)"
    )
