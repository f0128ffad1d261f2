"""The node in a process of its own, heard and fed from this one over DDS."""

from __future__ import annotations

import array
import itertools
import signal
import time

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS is not sourced")
pytest.importorskip("hmr_ros.msg", reason="the messages are not built: make setup")

from node_fakes import standing
from node_robot import FRAME, HEIGHT, WIDTH, Robot, camera_info, image, stamps, start_node
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from hmr_ros.body.model import load_body_model
from hmr_ros.geometry.camera import Camera
from hmr_ros.node.markers import BodyMarkers
from hmr_ros.node.surface import Surface
from hmr_ros.occupancy import capsules

pytestmark = pytest.mark.ros
FACES = 1000
STARTED = time.time()
TESTS = itertools.count()


@pytest.fixture(scope="module")
def robot(tmp_path_factory):
    log = tmp_path_factory.mktemp("node") / "log.txt"
    process = start_node(log, mesh_faces=FACES, marker_lifetime_s=0.25)
    robot = Robot()
    try:
        robot.wait_for_node()
        yield robot
    finally:
        robot.close()
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    assert process.returncode == 0, log.read_text()


@pytest.fixture
def now():
    """Seconds, later than every stamp of the tests before."""
    return STARTED + 3 * next(TESTS)


def informed(robot, seconds: float) -> None:
    """Send camera_info until the node uses it."""

    def metric():
        nonlocal seconds
        seconds += 0.001
        robot.infos.publish(camera_info(seconds))
        message = robot.bodies_of(1, seconds)
        return message is not None and message.bodies[0].metric

    assert robot.spin_until(metric)


def test_every_topic_carries_the_stamp_and_frame_of_the_image(robot, now):
    sent = robot.send(2, now)
    stamp = {(sent.header.stamp.sec, sent.header.stamp.nanosec)}
    for name in sorted(robot.received.keys() - {"diagnostics"}):
        message = robot.answer(name, sent.header.stamp)
        assert message is not None, f"nothing with the image's stamp on {name}"
        assert stamps(message) == stamp
        if name == "tf":
            roots = [t for t in message.transforms if t.header.frame_id == FRAME]
            assert [t.child_frame_id for t in roots] == ["body_1/pelvis", "body_2/pelvis"]
            assert len(message.transforms) == 48
        elif name.endswith("markers"):
            assert {m.header.frame_id for m in message.markers} == {FRAME}
        else:
            assert message.header.frame_id == FRAME
    bodies = robot.answer("bodies", sent.header.stamp)
    assert (bodies.image_width, bodies.image_height) == (WIDTH, HEIGHT)
    assert [b.id for b in bodies.bodies] == [1, 2]
    assert 0 < bodies.latency_ms / 1000 < time.time() - now


def test_markers_equal_those_made_of_objects_field_by_field(robot, now):
    informed(robot, now)
    robot.bodies_of(0, now + 0.5)  # nobody is left over who would be deleted
    sent = robot.send(2, now + 1)
    got = robot.answer("markers", sent.header.stamp)
    body = load_body_model()
    camera = Camera(WIDTH, HEIGHT, 60.0, 60.0, 32.0, 24.0)
    tracks = standing(2, camera=camera, body=body)
    header = Header(stamp=sent.header.stamp, frame_id=FRAME)
    draft = BodyMarkers(body, FACES).draft(header, tracks, Surface(body, tracks), 0.25)
    objects = draft.message()
    assert got == deserialize_message(serialize_message(objects), MarkerArray)
    assert len(got.markers) == 6 and len(got.markers[0].points) > 2 * FACES


def test_capsules_are_those_of_the_bodies_at_the_asked_level(robot, now):
    informed(robot, now)
    sent = robot.send(2, now + 1)
    got = robot.answer("occupancy", sent.header.stamp)
    assert got.credible_level == pytest.approx(0.95)
    body = load_body_model()
    tracks = standing(2, camera=Camera(WIDTH, HEIGHT, 60.0, 60.0, 32.0, 24.0), body=body)
    wanted = capsules(tracks.bodies, Surface(body, tracks).vertices, body, 0.95)
    assert len(got.capsules) == len(wanted) == 48
    assert [c.body_id for c in got.capsules] == [1] * 24 + [2] * 24
    for name in ("start", "end"):
        places = [[getattr(c, name).x, getattr(c, name).y, getattr(c, name).z]
                  for c in got.capsules]  # fmt: skip
        np.testing.assert_allclose(places, getattr(wanted, name), atol=1e-5)
    for name in ("start_radius", "end_radius", "visibility", "part"):
        values = [getattr(c, name) for c in got.capsules]
        np.testing.assert_allclose(values, getattr(wanted, name), atol=1e-5)
    # The mesh for eyes is the same capsules: every corner lies on one of its person's.
    markers = robot.answer("occupancy_markers", sent.header.stamp).markers
    assert [m.id for m in markers] == [1, 2] and {m.ns for m in markers} == {"occupancy"}
    corners = np.array([[p.x, p.y, p.z] for p in markers[1].points[::97]])
    mine = wanted[wanted.person == 1]
    off = np.stack(
        [
            np.minimum(
                np.abs(np.linalg.norm(corners - a, axis=1) - r),
                np.abs(np.linalg.norm(corners - b, axis=1) - q),
            )
            for a, b, r, q in zip(
                mine.start, mine.end, mine.start_radius, mine.end_radius, strict=True
            )
        ]
    )
    assert off.min(0).max() < 1e-5
    empty = robot.send(0, now + 2)
    (marker,) = robot.answer("occupancy_markers", empty.header.stamp).markers
    assert marker.action == marker.DELETEALL


def test_an_empty_scene_is_published_and_clears_the_viewer(robot, now):
    robot.bodies_of(3, now)
    sent = robot.send(0, now + 0.1)
    assert robot.answer("bodies", sent.header.stamp).bodies == []
    (marker,) = robot.answer("markers", sent.header.stamp).markers
    assert marker.action == marker.DELETEALL
    assert robot.answer("points", sent.header.stamp).width == 0


def broken(**fields):
    def make(seconds):
        message = image(1, seconds)
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    return make


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (broken(encoding="rgbe32"), ["rgbe32", "bgr8", "cv_bridge"]),
        (broken(encoding="16UC1", step=2 * WIDTH), ["depth", "remap"]),
        (broken(data=array.array("B", b"\0" * 100)), ["image.data", "100 bytes", "9216"]),
        (broken(step=7), ["image.step", "7"]),
        (broken(width=0, height=0, data=array.array("B")), ["0x0", "driver"]),
        (broken(width=60000, height=60000, step=180000), ["60000x60000", "max_image_pixels"]),
    ],
    ids=["encoding", "depth", "short", "step", "empty", "huge"],
)
def test_a_bad_image_is_counted_and_explained_and_the_next_one_works(robot, now, make, words):
    before = int(robot.diagnostic("images", lambda v: True)["refused"])
    robot.images.publish(make(now))
    status = robot.diagnostic("images", lambda v: int(v["refused"]) > before)
    assert status is not None and int(status["refused"]) == before + 1
    assert status["level"] >= 1
    for word in words:
        assert word in status["last_error"]
    assert len(robot.bodies_of(2, now + 1).bodies) == 2


def test_useless_intrinsics_make_bodies_that_say_so(robot, now):
    informed(robot, now)
    for focal, word in ((0.0, "calibrate"), (float("nan"), "not finite")):
        now += 0.5
        robot.infos.publish(camera_info(now, focal=focal))
        robot.spin(0.1)
        assert not robot.bodies_of(1, now).bodies[0].metric
        # The reason is told as soon as camera_info comes, "metric" is that of the last image.
        status = robot.diagnostic(
            "camera", lambda v, word=word: word in v["message"] and v["metric"] == "False"
        )
        assert status is not None and status["level"] == 1
        assert "camera_info" in status["message"] and "not metric" in status["message"]
    informed(robot, now + 0.5)


def test_a_resolution_that_changes_in_flight_keeps_the_scale(robot, now):
    informed(robot, now)
    small = cv2.resize(np.full((HEIGHT, WIDTH, 3), 1, np.uint8), (WIDTH // 2, HEIGHT // 2))
    fields = {
        "width": WIDTH // 2,
        "height": HEIGHT // 2,
        "step": 3 * WIDTH // 2,
        "data": array.array("B", small.tobytes()),
    }
    message = robot.bodies_of(1, now + 1, **fields)
    assert message.image_width == WIDTH // 2 and message.bodies[0].metric


def test_a_failing_backend_is_reported_and_the_next_image_works(robot, now):
    robot.send(255, now)
    status = robot.diagnostic("inference", lambda v: v["level"] == 2)
    assert status is not None and "the backend broke" in status["message"]
    assert len(robot.bodies_of(1, now + 1).bodies) == 1


def test_time_may_repeat_stand_at_zero_and_jump(robot, now):
    first = robot.bodies_of(2, now)
    assert robot.answer("tf", first.header.stamp) is not None
    robot.received["tf"].clear()
    robot.received["bodies"].clear()
    robot.send(2, now)
    robot.spin(0.3)
    assert not robot.received["tf"] and not robot.received["bodies"]  # tf must not hear it twice
    assert robot.diagnostic("images", lambda v: int(v["duplicate_stamps"]) >= 1)
    back = robot.bodies_of(1, now - 1000)  # a bag starts again
    assert len(back.bodies) == 1
    assert robot.diagnostic("images", lambda v: int(v["clock_jumps"]) >= 1)
    assert robot.bodies_of(1, now - 999) is not None
    robot.received["bodies"].clear()
    robot.send(2, 0.0)
    assert robot.spin_until(lambda: robot.received["bodies"])
    stamp = robot.received["bodies"][-1].header.stamp
    assert abs(stamp.sec - time.time()) < 5
    assert robot.diagnostic("images", lambda v: "stamp of the image is zero" in v["message"])


def test_without_a_frame_nothing_goes_to_tf_and_somebody_says_so(robot, now):
    sent = image(1, now)
    sent.header.frame_id = ""
    robot.received["tf"].clear()
    robot.images.publish(sent)
    assert len(robot.answer("bodies", sent.header.stamp).bodies) == 1
    robot.spin(0.2)
    assert not robot.received["tf"]
    assert robot.diagnostic("images", lambda v: "frame_id of the image is empty" in v["message"])


def test_newest_frame_wins_and_the_rest_is_counted(robot, now):
    before = int(robot.diagnostic("inference", lambda v: True)["dropped_while_busy"])
    robot.send(254, now)  # takes a second
    robot.spin(0.2)
    for k in range(1, 6):
        last = robot.send(1, now + 0.1 * k)
        robot.spin(0.05)
    assert robot.answer("bodies", last.header.stamp) is not None
    got = {s for m in robot.received["bodies"] for s in stamps(m)}
    skipped = image(1, now + 0.3).header.stamp
    assert (skipped.sec, skipped.nanosec) not in got
    status = robot.diagnostic("inference", lambda v: int(v["dropped_while_busy"]) > before)
    assert int(status["dropped_while_busy"]) == before + 4
