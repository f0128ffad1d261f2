"""Where people may be as ``hmr_ros/CapsuleArray``, for planners."""

from __future__ import annotations

from functools import lru_cache

from std_msgs.msg import Header

from hmr_ros.msg import Capsule, CapsuleArray
from hmr_ros.node.raw_message import Draft, Template, stamp_of
from hmr_ros.occupancy import Capsules
from hmr_ros.tracks import Tracks


class CapsuleArrays:
    """Writes the messages."""

    def __init__(self) -> None:
        self._template = lru_cache(maxsize=2)(_template)

    def draft(self, header: Header, tracks: Tracks, found: Capsules, level: float) -> Draft:
        """The message for one image. level: probability that the capsules were made for."""
        values = {**stamp_of(header), "credible_level": level}
        if len(found):
            values |= {
                "capsules.body_id": tracks.ids[found.person],
                "capsules.part": found.part,
                "capsules.visibility": found.visibility,
                "capsules.start": found.start,
                "capsules.end": found.end,
                "capsules.start_radius": found.start_radius,
                "capsules.end_radius": found.end_radius,
            }
        return Draft(self._template(header.frame_id, len(found)), values)


def _template(frame_id: str, capsules: int) -> Template:
    empty = [Capsule() for _ in range(capsules)]
    return Template(CapsuleArray(header=Header(frame_id=frame_id), capsules=empty))
