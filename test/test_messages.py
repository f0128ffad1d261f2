"""Tracks as ROS messages, read back and compared with where they came from."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS is not sourced")
pytest.importorskip("hmr_ros.msg", reason="the messages are not built: make setup")

from geometry_msgs.msg import Point
from node_fakes import standing
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header

from hmr_ros.body.model import load_body_model
from hmr_ros.geometry.rotations import matrix_from_quaternion, quaternion_from_matrix
from hmr_ros.msg import SmplBody, SmplBodyArray
from hmr_ros.node.messages import BodyArrays
from hmr_ros.node.points import POINT, PointClouds
from hmr_ros.node.surface import ShownVertices, Surface
from hmr_ros.node.transforms import Skeletons, frame_name
from hmr_ros.occupancy import inflated
from hmr_ros.tracks import TrackState

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def body():
    return load_body_model()


def header(name: str = "camera_optical") -> Header:
    result = Header(frame_id=name)
    result.stamp.sec, result.stamp.nanosec = 12, 345678901
    return result


def through_cdr(message):
    return deserialize_message(serialize_message(message), type(message))


def body_array(tracks, vertices=None):
    turned = quaternion_from_matrix(tracks.bodies.rotations.astype(np.float64))
    return BodyArrays().draft(header(), tracks, turned, (640, 480), "lifter", vertices)


def transforms(skeletons, tracks, prefix):
    turned = quaternion_from_matrix(tracks.bodies.rotations.astype(np.float64))
    return skeletons.draft(header(), tracks, turned, prefix)


def arrived(draft):
    """What a subscriber reads, which is what the objects hold."""
    message = deserialize_message(draft.serialized(), type(draft.message()))
    assert message == through_cdr(draft.message())
    return message


def quaternions(values) -> np.ndarray:
    return np.array([(q.x, q.y, q.z, q.w) for q in values])


def positions(values) -> np.ndarray:
    return np.array([(p.x, p.y, p.z) for p in values])


def test_states_are_those_of_the_tracks():
    for state in TrackState:
        assert getattr(SmplBody, state.name) == state


def test_every_field_arrives(body):
    tracks = standing(3, body=body)
    vertices = Surface(body, tracks).vertices
    draft = body_array(tracks, vertices)
    draft.values["latency_ms"] = 31.5
    message = arrived(draft)
    assert message.header == header()
    assert (message.image_width, message.image_height) == (640, 480)
    assert (message.model, message.estimator) == (body.name, "lifter")
    assert (message.latency_ms, message.processing_ms) == (31.5, 12.5)
    assert [b.id for b in message.bodies] == [1, 2, 3]
    for n, m in enumerate(message.bodies):
        b = tracks.bodies
        rotations = matrix_from_quaternion(quaternions(m.rotations))
        np.testing.assert_allclose(rotations[0], b.global_orient[n], atol=1e-6)
        np.testing.assert_allclose(rotations[1:], b.body_pose[n], atol=1e-6)
        np.testing.assert_array_equal(m.betas, b.betas[n])
        np.testing.assert_array_equal(positions([m.transl])[0], b.transl[n])
        np.testing.assert_array_equal(positions(m.joints), b.joints[n])
        np.testing.assert_array_equal(positions([m.pelvis.pose.position])[0], b.joints[n, 0])
        assert m.pelvis.pose.orientation == m.rotations[0]
        covariance = m.pelvis.covariance.reshape(6, 6)
        np.testing.assert_array_equal(covariance[:3, :3].astype(np.float32), b.transl_cov[n])
        np.testing.assert_array_equal(covariance[3:, 3:], np.pi**2 * np.eye(3))
        np.testing.assert_array_equal(m.joint_covariances.reshape(24, 3, 3), b.joint_cov[n])
        np.testing.assert_array_equal(m.joint_tails, b.joint_tails[n])
        np.testing.assert_array_equal(m.visibility, b.visibility[n])
        np.testing.assert_array_equal(m.joints_2d.reshape(24, 2), b.joints_2d[n])
        np.testing.assert_array_equal(np.reshape(m.keypoints_2d, (33, 3)), b.keypoints_2d[n])
        np.testing.assert_array_equal(m.box, b.boxes[n])
        np.testing.assert_array_equal(np.reshape(m.vertices, (-1, 3)), vertices[n])
        assert m.tracking_state == SmplBody.TRACKED and m.age == 2.5 and not m.metric
        assert (m.model, m.keypoint_set) == (body.name, "blazepose33")
        assert m.score == np.float32(0.9)


def test_vertices_are_left_out_unless_given_and_an_empty_scene_is_a_message(body):
    message = arrived(body_array(standing(1, body=body)))
    assert len(message.bodies[0].vertices) == 0
    empty = arrived(body_array(standing(0, body=body)))
    assert empty.bodies == [] and empty.model == body.name and empty.header == header()


def test_the_message_keeps_its_values_when_the_tracks_change(body):
    tracks = standing(1, body=body)
    draft = body_array(tracks)
    message, raw = draft.message(), draft.serialized()
    before = through_cdr(message)
    tracks.bodies.betas[:] = 99
    tracks.bodies.visibility[:] = 99
    assert through_cdr(message) == before == deserialize_message(raw, SmplBodyArray)


def test_transforms_chain_up_to_the_joints(body):
    tracks = standing(2, body=body)
    message = arrived(transforms(Skeletons(body), tracks, "front/"))
    assert len(message.transforms) == 48
    assert {(t.header.stamp.sec, t.header.stamp.nanosec) for t in message.transforms} == {
        (12, 345678901)
    }
    poses = {"camera_optical": np.eye(4)}
    for t in message.transforms:  # parents come first
        local = np.eye(4)
        rotation = quaternions([t.transform.rotation])[0]
        assert abs(np.linalg.norm(rotation) - 1) < 1e-9
        local[:3, :3] = matrix_from_quaternion(rotation)
        local[:3, 3] = positions([t.transform.translation])[0]
        assert t.child_frame_id not in poses
        poses[t.child_frame_id] = poses[t.header.frame_id] @ local
    for n, track_id in enumerate(tracks.ids):
        for j, joint in enumerate(body.joint_names):
            got = poses[f"front/body_{track_id}/{joint}"]
            np.testing.assert_allclose(got[:3, 3], tracks.bodies.joints[n, j], atol=2e-6)


def test_fewer_people_leave_no_transforms_of_those_before(body):
    skeletons = Skeletons(body)
    for count in (3, 1, 2):
        message = arrived(transforms(skeletons, standing(count, body=body), ""))
        assert len(message.transforms) == 24 * count
        assert message.transforms[-1].child_frame_id == f"body_{count}/right_hand"


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", "body_7/head"),
        ("front/", "front/body_7/head"),
        ("/front_", "front_body_7/head"),
        ("a b;$(rm)\n", "a_b___rm__body_7/head"),
        ("über", "_berbody_7/head"),
    ],
)
def test_frame_names_are_clean(prefix, expected):
    assert frame_name(prefix, 7, "head") == expected


def test_the_cloud_lies_on_the_bodies(body):
    tracks = standing(2, body=body)
    surface = Surface(body, tracks)
    clouds = PointClouds(body, 3)
    chosen = clouds.vertex_ids
    cloud = arrived(clouds.draft(header(), tracks, surface))
    assert cloud.header == header() and cloud.is_dense and not cloud.is_bigendian
    assert (cloud.height, cloud.width, cloud.point_step, cloud.row_step) == (1, 6, 20, 120)
    points = np.frombuffer(cloud.data, POINT)
    assert [(f.name, f.offset) for f in cloud.fields] == [
        ("x", 0),
        ("y", 4),
        ("z", 8),
        ("body_id", 12),
        ("confidence", 16),
    ]
    xyz = np.stack([points["x"], points["y"], points["z"]], -1).reshape(2, 3, 3)
    np.testing.assert_array_equal(xyz, surface.vertices[:, chosen])
    np.testing.assert_array_equal(points["body_id"], [1, 1, 1, 2, 2, 2])
    seen = tracks.bodies.visibility[:, body.part_id[chosen]] * 0.9
    np.testing.assert_allclose(points["confidence"], seen.ravel(), rtol=1e-6)
    # At a level the points stand off the body, as `inflated` says.
    wide = arrived(clouds.draft(header(), tracks, surface, 0.9))
    away = inflated(surface.vertices[:, chosen], body.part_id[chosen], tracks.bodies, 0.9)
    found = np.frombuffer(bytes(wide.data), POINT)
    np.testing.assert_allclose(found["y"], away[..., 1].ravel(), atol=1e-5)
    assert np.abs(away - surface.vertices[:, chosen]).max() > 0.01
    nobody = standing(0, body=body)
    empty = arrived(clouds.draft(header(), nobody, Surface(body, nobody)))
    assert empty.width == 0 and len(empty.data) == 0


def test_shown_vertices_are_those_of_the_whole_surface(body):
    tracks, ids = standing(2, body=body), np.array([6000, 5, 300])
    shown = ShownVertices(body, ids[:2], ids[1:])
    surface = Surface(body, tracks, shown)
    some = surface.at(ids)
    with pytest.raises(IndexError):
        surface.at(np.array([6]))  # of no output
    np.testing.assert_array_equal(some, surface.vertices[:, ids])
    np.testing.assert_array_equal(some, surface.at(ids))  # now from all, which are there
    np.testing.assert_array_equal(some, Surface(body, tracks).at(ids))
    nobody = standing(0, body=body)
    assert Surface(body, nobody, shown).at(ids).shape == (0, 3, 3)


def test_messages_of_the_package_hold_what_they_promise():
    message = SmplBody()
    assert len(message.rotations) == len(message.joints) == len(message.visibility) == 24
    assert len(message.joint_covariances) == 24 * 9 and len(message.joints_2d) == 48
    assert not message.joint_tails.any()  # whoever says nothing is Gaussian
    assert isinstance(message.joints[0], Point) and SmplBodyArray().bodies == []
