"""The people of one image as a MarkerArray: mesh, skeleton and label of each."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from hmr_ros.body.model import BodyModel
from hmr_ros.drawing.colours import colour_of
from hmr_ros.node.level_of_detail import coarse_faces
from hmr_ros.node.raw_message import Draft, Template, stamp_of
from hmr_ros.node.surface import Surface
from hmr_ros.tracks import Tracks, TrackState

NAMESPACES = ("mesh", "skeleton", "label")
HIDDEN_ALPHA = 0.25  # of a part that is certainly not seen; seen parts are opaque
GHOST_ALPHA = 0.4  # factor for people who are coasting
LABEL_ABOVE_HEAD_M = 0.3
LABEL_HEIGHT_M = 0.15
BONE_WIDTH_M = 0.02


class BodyMarkers:
    """Writes the markers of each image and remembers whom to delete in the next."""

    def __init__(self, body: BodyModel, mesh_faces: int) -> None:
        corners = coarse_faces(body.v_template, body.faces, mesh_faces).ravel()
        self.vertex_ids, self._corners = np.unique(corners, return_inverse=True)
        self._parts = body.part_id[corners].astype(np.intp)
        bones = np.stack([body.parents[1:], np.arange(1, len(body.parents))], -1)
        self._bones = bones.ravel()
        self._bone_ends = np.repeat(bones[:, 1], 2)
        self._head = body.joint_names.index("head")
        self._shown: set[int] = set()
        self._template = lru_cache(maxsize=2)(self._laid_out)

    def draft(self, header: Header, tracks: Tracks, surface: Surface, lifetime_s: float) -> Draft:
        """The markers of one image. People who left are deleted; an empty scene deletes
        everything."""
        ids = tracks.ids.tolist()
        gone, self._shown = self._shown - set(ids), set(ids)
        values = stamp_of(header, "markers.header")
        if not ids:
            return Draft(self._template(header.frame_id, lifetime_s, (), ()), values)
        ghosts = (tracks.states == TrackState.COASTING).tolist()
        labels = [_label(tracks, n, ghost).encode() for n, ghost in enumerate(ghosts)]
        people = tuple(zip(ids, ghosts, map(len, labels), strict=True))
        gone = tuple(sorted(gone))
        template = self._template(header.frame_id, lifetime_s, gone, people)

        joints, places = tracks.bodies.joints, surface.at(self.vertex_ids)
        confidence = surface.confidence(np.arange(joints.shape[1]))
        points, colours = [], []
        for n, (track_id, ghost, _) in enumerate(people):
            of_joints = _colours(colour_of(track_id), confidence[n], _strength(ghost))
            points += [places[n].take(self._corners, 0), joints[n].take(self._bones, 0)]
            colours += [of_joints.take(self._parts, 0), of_joints.take(self._bone_ends, 0)]
        positions = np.zeros((len(gone) + len(ids), len(NAMESPACES), 3))
        # Up is -y in an optical frame.
        positions[len(gone) :, -1] = joints[:, self._head] - np.array([0, LABEL_ABOVE_HEAD_M, 0])
        values |= {
            "markers.points": points,
            "markers.colors": colours,
            "markers.pose.position": positions,
            "markers.text": labels,
        }
        return Draft(template, values)

    def _laid_out(
        self,
        frame_id: str,
        lifetime_s: float,
        gone: tuple[int, ...],
        people: tuple[tuple[int, bool, int], ...],
    ) -> Template:
        """people: id, whether a ghost, and the bytes of the label of each."""
        header = Header(frame_id=frame_id)
        if not people:
            return Template(everything_deleted(header))
        array = MarkerArray(
            markers=[
                person_marker(header, namespace, track_id, action=Marker.DELETE)
                for track_id in gone
                for namespace in NAMESPACES
            ]
        )
        for track_id, ghost, letters in people:
            mesh = person_marker(header, "mesh", track_id, Marker.TRIANGLE_LIST)
            mesh.scale.x = mesh.scale.y = mesh.scale.z = 1.0
            skeleton = person_marker(header, "skeleton", track_id, Marker.LINE_LIST)
            skeleton.scale.x = BONE_WIDTH_M
            for marker, count in ((mesh, len(self._corners)), (skeleton, len(self._bones))):
                marker.points, marker.colors = [Point()] * count, [ColorRGBA()] * count
            label = person_marker(header, "label", track_id, Marker.TEXT_VIEW_FACING)
            label.scale.z = LABEL_HEIGHT_M
            label.text = letters * " "
            for marker in (mesh, skeleton, label):
                marker.lifetime = duration(lifetime_s)
                marker.color = colour_message(track_id, _strength(ghost))
                array.markers.append(marker)
        return Template(array)


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


def colour_message(track_id: int, alpha: float) -> ColorRGBA:
    """The person's colour for a marker."""
    red, green, blue = colour_of(track_id)
    return ColorRGBA(r=red, g=green, b=blue, a=alpha)


def _strength(ghost: bool) -> float:
    return GHOST_ALPHA if ghost else 1.0


def _label(tracks: Tracks, n: int, ghost: bool) -> str:
    distance = float(np.linalg.norm(tracks.bodies.joints[n, 0]))
    unit = "m" if tracks.bodies.metric[n] else "m (guessed scale)"
    return f"{int(tracks.ids[n])}: {distance:.1f} {unit}" + (" coasting" if ghost else "")


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
