"""Markers as bytes from numpy: equal to those from Python objects; coarse meshes; deletion."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS is not sourced")

from node_fakes import standing
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from hmr_ros.body.model import load_body_model
from hmr_ros.node.level_of_detail import coarse_faces, spread_vertices
from hmr_ros.node.markers import GHOST_ALPHA, HIDDEN_ALPHA, BodyMarkers
from hmr_ros.node.surface import Surface
from hmr_ros.tracks import TrackState

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def body():
    return load_body_model()


def header(name: str = "camera_optical") -> Header:
    result = Header(frame_id=name)
    result.stamp.sec, result.stamp.nanosec = 12, 345678901
    return result


@pytest.mark.parametrize("frame", ["", "c", "ca", "cam", "came", "camer", "camera", "camera_"])
@pytest.mark.parametrize("people", [1, 3])
def test_raw_bytes_read_as_the_objects_do(body, frame, people):
    tracks = standing(people, seed=people, body=body)
    markers = BodyMarkers(body, 300)
    draft = markers.draft(header(frame), tracks, Surface(body, tracks), 0.5)
    raw, objects = draft.serialized(), draft.message()
    # The serialiser leaves its padding bytes as it finds them, so its own output differs from one
    # call to the next; equal length and equal reading is equality of all that is not padding.
    assert len(raw) == len(serialize_message(objects))
    expected = deserialize_message(serialize_message(objects), MarkerArray)
    assert deserialize_message(raw, MarkerArray) == expected


def test_the_full_mesh_is_the_body(body):
    tracks = standing(1, body=body)
    surface = Surface(body, tracks)
    draft = BodyMarkers(body, len(body.faces)).draft(header(), tracks, surface, 0.5)
    message = deserialize_message(draft.serialized(), MarkerArray)
    mesh = next(m for m in message.markers if m.ns == "mesh")
    assert mesh.type == Marker.TRIANGLE_LIST and mesh.header == header()
    points = np.array([(p.x, p.y, p.z) for p in mesh.points])
    np.testing.assert_array_equal(points, surface.vertices[0][body.faces.ravel()])
    alpha = np.array([c.a for c in mesh.colors])
    seen = tracks.bodies.visibility[0] * 0.9
    expected = HIDDEN_ALPHA + (1 - HIDDEN_ALPHA) * seen[body.part_id][body.faces.ravel()]
    np.testing.assert_allclose(alpha, expected, atol=1e-6)
    assert mesh.lifetime.sec == 0 and mesh.lifetime.nanosec == 500_000_000


def test_skeleton_and_label(body):
    tracks = standing(1, body=body)
    draft = BodyMarkers(body, 300).draft(header(), tracks, Surface(body, tracks), 0.5)
    message = deserialize_message(draft.serialized(), MarkerArray)
    skeleton = next(m for m in message.markers if m.ns == "skeleton")
    ends = np.array([(p.x, p.y, p.z) for p in skeleton.points]).reshape(-1, 2, 3)
    assert len(ends) == 23
    joints = tracks.bodies.joints[0]
    np.testing.assert_array_equal(ends[:, 0], joints[body.parents[1:]])
    np.testing.assert_array_equal(ends[:, 1], joints[1:])
    label = next(m for m in message.markers if m.ns == "label")
    assert label.type == Marker.TEXT_VIEW_FACING
    assert label.text == f"1: {np.linalg.norm(joints[0]):.1f} m (guessed scale)"
    assert label.pose.position.y < joints[:, 1].min() + 0.1  # above the head: -y is up


def test_people_who_left_are_deleted_and_an_empty_scene_deletes_all(body):
    markers = BodyMarkers(body, 300)

    def update(tracks):
        draft = markers.draft(header(), tracks, Surface(body, tracks), 0.5)
        return deserialize_message(draft.serialized(), MarkerArray).markers

    three = standing(3, body=body)
    assert {m.action for m in update(three)} == {Marker.ADD}
    one = standing(1, body=body)
    deleted = {(m.ns, m.id) for m in update(one) if m.action == Marker.DELETE}
    assert deleted == {(ns, k) for ns in ("mesh", "skeleton", "label") for k in (2, 3)}
    assert not [m for m in update(one) if m.action == Marker.DELETE]
    (everything,) = update(standing(0, body=body))
    assert everything.action == Marker.DELETEALL and everything.header == header()


def test_a_coasting_person_is_a_ghost(body):
    tracks = standing(2, body=body)
    tracks.states[1] = TrackState.COASTING
    draft = BodyMarkers(body, 300).draft(header(), tracks, Surface(body, tracks), 0.5)
    array = deserialize_message(draft.serialized(), MarkerArray)
    meshes = [m for m in array.markers if m.ns == "mesh"]
    assert [m.color.a for m in meshes] == pytest.approx([1.0, GHOST_ALPHA])
    assert meshes[0].color != meshes[1].color
    labels = [m.text for m in array.markers if m.ns == "label"]
    assert "coasting" in labels[1] and "coasting" not in labels[0]


@pytest.mark.parametrize(("most", "lost"), [(500, 0.25), (1000, 0.15), (4000, 0.03)])
def test_a_coarse_mesh_keeps_the_shape(body, most, lost):
    faces = coarse_faces(body.v_template, body.faces, most)
    assert 0.75 * most <= len(faces) <= most
    a, b, c = body.v_template[faces].transpose(1, 0, 2)
    full = body.v_template[body.faces].transpose(1, 0, 2)

    def volume(a, b, c):
        return np.einsum("fk,fk->", a, np.cross(b, c)) / 6

    # Merged cells cut corners off: the coarser, the more.
    assert volume(a, b, c) == pytest.approx(volume(*full), rel=lost)
    used = body.v_template[np.unique(faces)]
    extent = np.ptp(body.v_template, axis=0)
    np.testing.assert_allclose(np.ptp(used, axis=0)[:2], extent[:2], rtol=0.08)


def test_points_are_spread_evenly(body):
    few = spread_vertices(body.v_template, 100)
    many = spread_vertices(body.v_template, 400)
    np.testing.assert_array_equal(many[:100], few)
    assert len(np.unique(many)) == 400
    points = body.v_template[many].astype(np.float64)
    gaps = np.linalg.norm(body.v_template[:, None] - points[None], axis=-1).min(1)
    assert gaps.max() < 0.08  # every place of the surface has a point near it
