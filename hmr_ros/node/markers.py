"""The people of one image as a MarkerArray: mesh, skeleton and label of each."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Duration
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from hmr_ros.body.model import BodyModel
from hmr_ros.drawing.colours import colour_of
from hmr_ros.node.level_of_detail import coarse_faces
from hmr_ros.node.raw_marker import Geometry
from hmr_ros.node.surface import Surface
from hmr_ros.tracks import Tracks, TrackState

NAMESPACES = ("mesh", "skeleton", "label")
HIDDEN_ALPHA = 0.25  # of a part that is certainly not seen; seen parts are opaque
GHOST_ALPHA = 0.4  # factor for people who are coasting
LABEL_ABOVE_HEAD_M = 0.3
LABEL_HEIGHT_M = 0.15
BONE_WIDTH_M = 0.02


class BodyMarkers:
    """Builds the markers of each image and remembers whom to delete in the next."""

    def __init__(self, body: BodyModel, mesh_faces: int) -> None:
        self._body = body
        self._corners = coarse_faces(body.v_template, body.faces, mesh_faces).ravel()
        self._bones = np.stack([body.parents[1:], np.arange(1, len(body.parents))], -1).ravel()
        self._shown: set[int] = set()

    def update(
        self, header: Header, tracks: Tracks, surface: Surface, lifetime_s: float
    ) -> tuple[MarkerArray, list[Geometry | None]]:
        """Markers, and points with colours for those that have many, for ``raw_marker``.

        People who left are deleted; an empty scene deletes everything.
        """
        ids = set(tracks.ids.tolist())
        gone, self._shown = self._shown - ids, ids
        if not ids:
            return everything_deleted(header), [None]
        array, geometry = MarkerArray(), []
        for track_id in sorted(gone):
            for namespace in NAMESPACES:
                array.markers.append(
                    person_marker(header, namespace, track_id, action=Marker.DELETE)
                )
                geometry.append(None)
        for n in range(len(tracks)):
            for marker, arrays in self._person(header, tracks, surface, n):
                marker.lifetime = duration(lifetime_s)
                array.markers.append(marker)
                geometry.append(arrays)
        return array, geometry

    def _person(
        self, header: Header, tracks: Tracks, surface: Surface, n: int
    ) -> list[tuple[Marker, Geometry | None]]:
        b, track_id = tracks.bodies, int(tracks.ids[n])
        ghost = tracks.states[n] == TrackState.COASTING
        strength = GHOST_ALPHA if ghost else 1.0
        rgb = colour_of(track_id)

        mesh = person_marker(header, "mesh", track_id, Marker.TRIANGLE_LIST)
        mesh.scale.x = mesh.scale.y = mesh.scale.z = 1.0
        colours = _colours(rgb, surface.confidence[n], strength)
        corners = self._corners
        mesh_geometry = (
            np.take(surface.vertices[n].astype(np.float64), corners, axis=0),
            np.take(colours, corners, axis=0),
        )
        skeleton = person_marker(header, "skeleton", track_id, Marker.LINE_LIST)
        skeleton.scale.x = BONE_WIDTH_M
        colours = _colours(rgb, b.visibility[n] * b.scores[n], strength)
        # A bone is as visible as the joint at its end.
        ends = np.repeat(self._bones[1::2], 2)
        skeleton_geometry = (b.joints[n][self._bones].astype(np.float64), colours[ends])

        label = person_marker(header, "label", track_id, Marker.TEXT_VIEW_FACING)
        label.scale.z = LABEL_HEIGHT_M
        head = b.joints[n, self._body.joint_names.index("head")].tolist()
        label.pose.position.x, label.pose.position.z = head[0], head[2]
        label.pose.position.y = head[1] - LABEL_ABOVE_HEAD_M  # up is -y in an optical frame
        distance = float(np.linalg.norm(b.joints[n, 0]))
        unit = "m" if b.metric[n] else "m (guessed scale)"
        label.text = f"{track_id}: {distance:.1f} {unit}" + (" coasting" if ghost else "")
        for marker in (mesh, skeleton, label):
            marker.color.r, marker.color.g, marker.color.b = (float(c) for c in rgb)
            marker.color.a = strength
        return [(mesh, mesh_geometry), (skeleton, skeleton_geometry), (label, None)]


def everything_deleted(header: Header) -> MarkerArray:
    """Clears the topic in a viewer."""
    return MarkerArray(markers=[person_marker(header, "", 0, action=Marker.DELETEALL)])


def person_marker(
    header: Header, namespace: str, track_id: int, kind: int = 0, action: int = Marker.ADD
) -> Marker:
    """An empty marker about a person; everything about the same person has the same id."""
    marker = Marker(header=header, ns=namespace, type=kind, action=action)
    marker.id = track_id & 0x7FFFFFFF
    marker.pose.orientation.w = 1.0
    return marker


def _colours(
    rgb: tuple[float, float, float], confidence: np.ndarray, strength: float
) -> np.ndarray:
    """[P, 4] float32: one colour, the more transparent the less a point is seen."""
    colours = np.empty((len(confidence), 4), np.float32)
    colours[:, :3] = rgb
    colours[:, 3] = strength * (HIDDEN_ALPHA + (1 - HIDDEN_ALPHA) * confidence)
    return colours


def duration(seconds: float) -> Duration:
    """For a marker's lifetime."""
    sec, nanosec = divmod(round(seconds * 1e9), 1_000_000_000)
    return Duration(sec=sec, nanosec=nanosec)
