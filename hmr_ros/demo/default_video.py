"""The video the demo plays when nobody names one, and where it is kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr_ros.geometry.camera_pose import CameraPose

VIDEO = "vtest.avi"
FALLBACK = "photo:astronaut"

# The video is view 001 of sequence S2.L1 of PETS 2009, whose calibration (Tsai's model) was
# published with it: focal length 5.5549183 mm, sx 1.09378554, pixels of 5.12732713e-3 x 4.65e-3 mm,
# centre (324.22, 282.57), kappa1 5.1113043639e-3 / mm^2. In pixels that is fx = f * sx / dpx,
# fy = f / dpy. Tsai's polynomial undistorts, plumb_bob distorts: k1 = -kappa1 * f^2 and
# k2 = 3 * k1^2 are the first terms of the inverse (below 0.2 pixel off in the corners).
INTRINSICS = (1185.00, 1194.61, 324.22, 282.57, -0.15772, 0.07463, 0.0, 0.0, 0.0)
# World (z up, metres, ground at z = 0) to camera, by the same calibration: Tsai's angles about x, y
# and z in turn, and a translation.
TSAI_ANGLES = (2.0405458695, -0.89337703748, -0.43056124791)
TSAI_TRANSLATION = (0.82873214225, -3.1754796051, 35.469298547)


@dataclass(frozen=True)
class DefaultSource:
    """What ``open_source`` shall open, its intrinsics if known, and a line for the user."""

    where: str
    intrinsics: tuple[float, ...] | None
    note: str


def camera_pose() -> CameraPose:
    """Where the camera of the default video stands, in its makers' world."""
    from scipy.spatial.transform import Rotation  # slow to import, and the demo has no use for it

    turn = Rotation.from_euler("xyz", TSAI_ANGLES).as_matrix()
    return CameraPose(turn, -turn.T @ np.array(TSAI_TRANSLATION))


def cached_video() -> Path:
    """Where ``tools/fetch_video.py`` keeps the pedestrians of Debian's package opencv-doc."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "hmr_ros" / VIDEO


def default_source() -> DefaultSource:
    """The video if it was fetched, else a photograph. Downloads nothing."""
    video = cached_video()
    if video.is_file():
        note = f"{VIDEO}: pedestrians, from Debian's package opencv-doc, with known intrinsics"
        return DefaultSource(str(video), INTRINSICS, note)
    note = (
        f"{video} is not there, so a photograph is panned and zoomed instead; "
        "`python tools/fetch_video.py` fetches the video (needs Debian or Ubuntu and a network)"
    )
    return DefaultSource(FALLBACK, None, note)
