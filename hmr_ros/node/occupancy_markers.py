"""Where people may be as a MarkerArray: the capsules of each person as one pale mesh."""

from __future__ import annotations

import numpy as np
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from hmr_ros.drawing.capsule_mesh import triangles
from hmr_ros.drawing.colours import colour_of
from hmr_ros.node.markers import duration, everything_deleted, person_marker
from hmr_ros.node.raw_marker import Geometry
from hmr_ros.occupancy import Capsules
from hmr_ros.tracks import Tracks

NAMESPACE = "occupancy"
ALPHA = 0.3


class OccupancyMarkers:
    """Builds the markers of each image and remembers whom to delete in the next."""

    def __init__(self) -> None:
        self._shown: set[int] = set()

    def update(
        self, header: Header, tracks: Tracks, found: Capsules, lifetime_s: float
    ) -> tuple[MarkerArray, list[Geometry | None]]:
        """Markers, and points with colours for ``raw_marker``; those who left are deleted."""
        ids = set(tracks.ids.tolist())
        gone, self._shown = self._shown - ids, ids
        if not ids:
            return everything_deleted(header), [None]
        array, geometry = MarkerArray(), []
        for track_id in sorted(gone):
            array.markers.append(person_marker(header, NAMESPACE, track_id, action=Marker.DELETE))
            geometry.append(None)
        corners = triangles(found)
        for n, track_id in enumerate(tracks.ids.tolist()):
            marker = person_marker(header, NAMESPACE, track_id, Marker.TRIANGLE_LIST)
            marker.scale.x = marker.scale.y = marker.scale.z = 1.0
            marker.lifetime = duration(lifetime_s)
            marker.color.r, marker.color.g, marker.color.b = (float(c) for c in colour_of(track_id))
            marker.color.a = ALPHA
            points = corners[found.person == n].reshape(-1, 3)
            rgba = [*colour_of(track_id), ALPHA]
            array.markers.append(marker)
            geometry.append((points, np.tile(np.array(rgba, np.float32), (len(points), 1))))
        return array, geometry
