"""``~/debug/image``: the camera image with the people drawn over it."""

from __future__ import annotations

import array

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from hmr_ros.body.model import BodyModel
from hmr_ros.drawing.overlay import draw_tracks
from hmr_ros.frame import Frame
from hmr_ros.tracks import Tracks


def debug_image(header: Header, frame: Frame, tracks: Tracks, body: BodyModel) -> Image:
    """bgr8, of the camera image's size."""
    drawn = draw_tracks(frame.image, tracks, body, frame.camera)
    height, width = drawn.shape[:2]
    return Image(
        header=header,
        height=height,
        width=width,
        encoding="bgr8",
        step=3 * width,
        data=array.array("B", drawn.tobytes()),
    )
