"""``~/debug/image``: the camera image with the people drawn over it."""

from __future__ import annotations

import array
from functools import lru_cache

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from hmr_ros.body.model import BodyModel
from hmr_ros.drawing.overlay import draw_tracks
from hmr_ros.frame import Frame
from hmr_ros.node.raw_message import Draft, Template, stamp_of
from hmr_ros.tracks import Tracks


class DebugImages:
    """Writes them: bgr8, of the camera image's size."""

    def __init__(self, body: BodyModel) -> None:
        self._body = body
        self._template = lru_cache(maxsize=1)(_template)

    def draft(self, header: Header, frame: Frame, tracks: Tracks) -> Draft:
        """The message for one image."""
        drawn = draw_tracks(frame.image, tracks, self._body, frame.camera)
        height, width = drawn.shape[:2]
        template = self._template(header.frame_id, width, height)
        return Draft(template, {**stamp_of(header), "data": drawn})


def _template(frame_id: str, width: int, height: int) -> Template:
    return Template(
        Image(
            header=Header(frame_id=frame_id),
            height=height,
            width=width,
            encoding="bgr8",
            step=3 * width,
            data=array.array("B", bytes(3 * width * height)),
        )
    )
