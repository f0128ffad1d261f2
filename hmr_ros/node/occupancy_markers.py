"""Where people may be as a MarkerArray: the capsules of each person as one pale mesh."""

from __future__ import annotations

from functools import lru_cache

from geometry_msgs.msg import Point
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from hmr_ros.drawing.capsule_mesh import triangles
from hmr_ros.node.markers import colour_message, duration, everything_deleted, person_marker
from hmr_ros.node.raw_message import Draft, Template, stamp_of
from hmr_ros.occupancy import Capsules
from hmr_ros.tracks import Tracks

NAMESPACE = "occupancy"
ALPHA = 0.3


class OccupancyMarkers:
    """Writes the markers of each image and remembers whom to delete in the next."""

    def __init__(self) -> None:
        self._shown: set[int] = set()
        self._template = lru_cache(maxsize=2)(_template)

    def draft(self, header: Header, tracks: Tracks, found: Capsules, lifetime_s: float) -> Draft:
        """The markers of one image; those who left are deleted."""
        ids = tuple(tracks.ids.tolist())
        gone, self._shown = tuple(sorted(self._shown.difference(ids))), set(ids)
        values, corners = stamp_of(header, "markers.header"), triangles(found)
        if ids:
            values["markers.points"] = corners
        each = corners.size // 3 // max(len(ids), 1)
        return Draft(self._template(header.frame_id, lifetime_s, gone, ids, each), values)


def _template(
    frame_id: str, lifetime_s: float, gone: tuple[int, ...], ids: tuple[int, ...], corners: int
) -> Template:
    """corners: of each person's triangles."""
    header = Header(frame_id=frame_id)
    if not ids:
        return Template(everything_deleted(header))
    array = MarkerArray(
        markers=[person_marker(header, NAMESPACE, n, action=Marker.DELETE) for n in gone]
    )
    for track_id in ids:
        marker = person_marker(header, NAMESPACE, track_id, Marker.TRIANGLE_LIST)
        marker.scale.x = marker.scale.y = marker.scale.z = 1.0
        marker.lifetime = duration(lifetime_s)
        marker.color = colour_message(track_id, ALPHA)
        marker.points, marker.colors = [Point()] * corners, [marker.color] * corners
        array.markers.append(marker)
    return Template(array)
