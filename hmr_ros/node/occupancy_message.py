"""Where people may be as ``hmr_ros/CapsuleArray``, for planners."""

from __future__ import annotations

from std_msgs.msg import Header

from hmr_ros.msg import Capsule, CapsuleArray
from hmr_ros.occupancy import Capsules
from hmr_ros.tracks import Tracks


def capsule_array(header: Header, tracks: Tracks, found: Capsules, level: float) -> CapsuleArray:
    """The message for one image. level: probability that the capsules were made for."""
    message = CapsuleArray(header=header, credible_level=float(level))
    columns = (
        tracks.ids[found.person].tolist(),
        found.part.tolist(),
        found.visibility.tolist(),
        found.start.tolist(),
        found.end.tolist(),
        found.start_radius.tolist(),
        found.end_radius.tolist(),
    )
    for body_id, part, visibility, start, end, first, last in zip(*columns, strict=True):
        capsule = Capsule(body_id=body_id, part=part, visibility=visibility)
        capsule.start.x, capsule.start.y, capsule.start.z = start
        capsule.end.x, capsule.end.y, capsule.end.z = end
        capsule.start_radius, capsule.end_radius = first, last
        message.capsules.append(capsule)
    return message
