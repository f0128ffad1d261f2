"""A camera that moves: what ``/tf`` says of it reaches the people, over DDS."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS is not sourced")
pytest.importorskip("hmr_ros.msg", reason="the messages are not built: make setup")

from geometry_msgs.msg import TransformStamped
from made_bodies import somebody
from node_fakes import standing
from node_robot import FRAME, HEIGHT, WIDTH, Robot, camera_info, image, stamped, start_node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import serialize_message
from scipy.spatial.transform import Rotation
from test_node_lifecycle import Spinning, always
from tf2_msgs.msg import TFMessage

from hmr_ros.body.keypoints import keypoints
from hmr_ros.body.model import load_body_model
from hmr_ros.geometry.camera import Camera
from hmr_ros.msg import Person2D, Person2DArray, SmplBody
from hmr_ros.node.health import Health
from hmr_ros.node.odometry import PATIENCE, TRY_AGAIN, WAIT_S, Odometry
from hmr_ros.node.transforms import Skeletons, tells_of_people

pytestmark = pytest.mark.ros
# REP-103: from a body frame (x forward, y left, z up) to the optical frame of a camera ahead.
OPTICAL = Rotation.from_quat([-0.5, 0.5, -0.5, 0.5])
MOUNT = np.array([0.2, 0.0, 1.1])  # on the robot, metres


def transform(parent: str, child: str, seconds: float, place, turn: Rotation) -> TransformStamped:
    t = stamped(TransformStamped(child_frame_id=child), seconds)
    t.header.frame_id = parent
    p, q = t.transform.translation, t.transform.rotation
    p.x, p.y, p.z = map(float, place)
    q.x, q.y, q.z, q.w = map(float, turn.as_quat())
    return t


def mounts() -> list[TransformStamped]:
    """From the robot's base to the camera's mount and on to its optical frame."""
    return [
        transform("base_link", "camera_mount", 0.0, MOUNT, Rotation.identity()),
        transform("camera_mount", FRAME, 0.0, np.zeros(3), OPTICAL),
    ]


def driven(seconds: float, yaw_rad: float, forward_m: float = 0.0) -> TransformStamped:
    turn = Rotation.from_euler("z", yaw_rad)
    return transform("odom", "base_link", seconds, [forward_m, 0.0, 0.0], turn)


class Listening(Spinning):
    """A node that works in any case, with odometry."""

    def __init__(self, **more) -> None:
        super().__init__(**always(odometry_frame="odom", **more))
        self.node.start()

    def pose(self, seconds: float):
        """What the pipeline is told of an image."""
        (pipeline,) = self.pipelines
        before = len(pipeline.poses)
        self.feed(1, seconds)
        assert self.until(lambda: len(pipeline.poses) > before)
        return pipeline.poses[-1]


@pytest.fixture
def listening():
    spinning = Listening()
    yield spinning
    spinning.close()


def test_the_pose_is_that_of_the_optical_frame_at_the_image_s_stamp(listening):
    odometry = listening.node._odometry
    odometry.take(TFMessage(transforms=mounts()), static=True)
    track = [driven(100 + k, 0.3 * k, 2.0 * k) for k in range(3)]
    odometry.take(TFMessage(transforms=track), static=False)
    pose = listening.pose(100.5)
    turn = Rotation.from_euler("z", 0.15)
    np.testing.assert_allclose(pose.position, [1.0, 0, 0] + turn.apply(MOUNT), atol=1e-9)
    # 3 m ahead of the camera, 1 m to the left, 0.5 m up: z, -x and -y of its optical frame.
    point = pose.position + turn.apply([3.0, 1.0, 0.5])
    np.testing.assert_allclose(pose.rotation @ (point - pose.position), [-1, -0.5, 3], atol=1e-9)
    assert listening.node.health.posed == 1 and listening.node.health.pose_held == 0
    assert listening.pose(102.04) is not None and listening.node.health.pose_held == 1
    assert listening.pose(102.2) is None and listening.node.health.unposed == 1
    assert "'base_link' is 0.200 s older" in listening.node.health.pose_problem


def test_an_image_waits_a_moment_for_odometry_that_is_alive(listening):
    odometry, health = listening.node._odometry, listening.node.health
    odometry.take(TFMessage(transforms=mounts()), static=True)
    odometry.take(TFMessage(transforms=[driven(100.0, 0.0)]), static=False)
    later = TFMessage(transforms=[driven(100.4, 0.4)])
    times = []
    for arrival in (threading.Timer(0.005, odometry.take, (later, False)), None):
        if arrival is not None:
            arrival.start()
        for seconds, known in ((100.3, arrival is not None), (101.5, False)):
            begun = time.monotonic()
            pose = odometry.pose(FRAME, round(seconds * 1e9))
            times.append(time.monotonic() - begun)
            assert (pose is not None) == known
        odometry.clear()
        odometry.take(TFMessage(transforms=mounts()), static=True)
        odometry.take(TFMessage(transforms=[driven(100.0, 0.0)]), static=False)
    live, dead, silent, long_silent = times
    assert max(live, dead, long_silent) < WAIT_S <= silent
    assert health.posed == 1 and health.unposed == 3


def test_odometry_that_always_lags_makes_only_the_first_images_wait(listening):
    odometry, health = listening.node._odometry, listening.node.health
    odometry.take(TFMessage(transforms=mounts()), static=True)
    waited = []
    for k in range(TRY_AGAIN + 2):  # each 0.2 s newer than the newest
        odometry.take(TFMessage(transforms=[driven(100 + 0.1 * k, 0.0)]), static=False)
        begun = time.monotonic()
        assert odometry.pose(FRAME, round((100.2 + 0.1 * k) * 1e9)) is None
        if time.monotonic() - begun >= WAIT_S:
            waited.append(k)
    assert waited == [*range(PATIENCE), TRY_AGAIN]
    assert odometry.pose(FRAME, round((100 + 0.1 * k) * 1e9)) is not None
    begun = time.monotonic()
    assert odometry.pose(FRAME, round((100.2 + 0.1 * k) * 1e9)) is None
    assert time.monotonic() - begun >= WAIT_S, "who came in time once is waited for again"
    assert health.posed == 1


@pytest.mark.parametrize("frame", [FRAME, f"/{FRAME}"])
def test_the_image_s_own_frame_is_no_odometry(frame):
    health, said = Health(), []
    settings = SimpleNamespace(odometry_frame=frame, odometry_tolerance_s=0.05)
    odometry = Odometry(settings, health, said.append)
    odometry.take(TFMessage(transforms=[*mounts(), driven(100.0, 0.0)]), static=True)
    assert odometry.pose(FRAME, 100 * 10**9) is None
    assert health.unposed == 1 and health.posed == 0
    assert "the image's own frame: name the frame in which the odometry" in said[0]


def test_a_bag_that_starts_anew_begins_with_what_it_says_then(listening):
    odometry = listening.node._odometry
    odometry.take(TFMessage(transforms=mounts()), static=True)
    odometry.take(TFMessage(transforms=[driven(t, 0.1 * t) for t in range(90, 101)]), static=False)
    assert listening.pose(95.5) is not None
    assert listening.pose(91.0) is not None  # an image of the new run, before its transforms
    assert listening.pose(95.5) is None
    odometry.take(TFMessage(transforms=[driven(95.5, 0.0)]), static=False)
    np.testing.assert_allclose(listening.pose(95.5 + 1e-3).position, MOUNT, atol=1e-9)


def test_only_who_names_an_odometry_frame_listens_to_tf(listening):
    def heard(node):
        return {s.topic_name for s in node.subscriptions} & {"/tf", "/tf_static"}

    assert heard(listening.node) == {"/tf", "/tf_static"}
    listening.node.trigger_deactivate()
    assert heard(listening.node) == set()
    listening.node.trigger_activate()
    assert heard(listening.node) == {"/tf", "/tf_static"}
    other = Spinning(**always())
    try:
        other.node.start()
        assert heard(other.node) == set() and other.node._odometry is None
    finally:
        other.close()


def test_people_on_tf_are_told_from_robots_without_reading_them():
    tracks, header = standing(3), image(0, 5.0).header
    skeletons = Skeletons(load_body_model())
    for prefix in ("", "front/", "robot_1_"):
        draft = skeletons.draft(header, tracks, np.ones((3, 24, 4)), prefix)
        assert tells_of_people(draft.serialized())
        assert tells_of_people(serialize_message(draft.message()))
    for n in range(1, 9):  # every alignment
        robot = TFMessage(transforms=[transform("odom"[:n], "x" * n, 1.0, MOUNT, OPTICAL)])
        assert not tells_of_people(serialize_message(robot))
        robot.transforms[0].child_frame_id = "body_link"
        assert not tells_of_people(serialize_message(robot))
    assert not tells_of_people(serialize_message(TFMessage())) and not tells_of_people(b"")


CAMERA = Camera(WIDTH, HEIGHT, 60.0, 60.0, 32.0, 24.0)


class Drive:
    """A robot that turns before somebody who stands, and the node itself, which is told of them."""

    def __init__(self, log: Path) -> None:
        self.robot = Robot(outputs=("bodies", "diagnostics"))
        late = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        for mount in mounts():  # two publishers, before anybody listens
            publisher = self.robot.node.create_publisher(TFMessage, "/tf_static", late)
            publisher.publish(TFMessage(transforms=[mount]))
        self.tf = self.robot.node.create_publisher(TFMessage, "/tf", 100)
        parameters = {"detector": "topic", "estimator": "lifter", "coast_s": 3.0, "forget_s": 5.0}
        self.process = start_node(log, "../scripts/hmr_node", odometry_frame="odom", **parameters)
        body = load_body_model()
        person = somebody(body, 0.0, 4.0)
        points = keypoints(body, person.rotations, person.betas, person.transl, "blazepose33")
        self.points = OPTICAL.apply(points[0]) + MOUNT  # in the odometry frame

    def ready(self, seconds: float) -> None:
        robot = self.robot
        heard = (robot.images, robot.people, robot.infos, self.tf)
        assert robot.spin_until(lambda: all(p.get_subscription_count() for p in heard), 60)
        assert robot.spin_until(lambda: robot.node.count_publishers("/hmr_node/bodies"), 20)
        robot.spin(0.3)
        robot.infos.publish(camera_info(seconds))

    def at(self, seconds: float, yaw_rad: float, seen: bool) -> np.ndarray:
        """Where the node says the pelvis is, in the odometry frame [3], of an image of that
        moment."""
        turn = Rotation.from_euler("z", yaw_rad)
        eye, turn = turn.apply(MOUNT), turn * OPTICAL
        people = stamped(Person2DArray(), seconds)
        if seen:
            pixels = CAMERA.project(turn.inv().apply(self.points - eye))
            sure = np.concatenate([pixels, np.ones((33, 1))], 1).ravel().tolist()
            people.people = [Person2D(score=0.9, keypoint_set="blazepose33", keypoints=sure)]
        self.robot.people.publish(people)
        self.robot.images.publish(image(0, seconds))
        bodies = self.robot.answer("bodies", people.header.stamp).bodies
        if not bodies:
            return np.full(3, np.nan)
        state = SmplBody.TRACKED if seen else SmplBody.COASTING
        assert [b.tracking_state for b in bodies] == [state]
        p = bodies[0].pelvis.pose.position
        return turn.apply([p.x, p.y, p.z]) + eye

    def turned_before_somebody_hidden(self, begun: float, told: bool) -> np.ndarray:
        """Somebody is seen for a second, then hidden for two, in which the robot turns by 1.2 rad:
        how far they go in the odometry frame meanwhile [20], metres."""
        yaw = 0.06 * np.maximum(0, np.arange(30) - 9)
        stamps = begun + 0.1 * np.arange(30)
        if told:  # 10 ms before each image and 10 ms after it
            around = [driven(t + d, a) for t, a in zip(stamps, yaw, strict=True)
                      for d in (-0.01, 0.01)]  # fmt: skip
            self.tf.publish(TFMessage(transforms=around))
            self.robot.spin(0.5)
        places = [self.at(t, a, k < 10) for k, (t, a) in enumerate(zip(stamps, yaw, strict=True))]
        return np.linalg.norm(np.array(places[10:]) - places[9], axis=1)

    def close(self) -> None:
        self.robot.close()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0


def test_somebody_hidden_stays_put_while_the_robot_turns(tmp_path):
    pytest.importorskip("ai_edge_litert", reason="the pipeline needs BlazePose's runtime")
    begun = time.time() - 15.0
    drive = Drive(tmp_path / "log.txt")
    try:
        drive.ready(begun)
        swung = drive.turned_before_somebody_hidden(begun, told=False)
        assert swung[-1] > 4.0, "metres"  # 2 sin(0.6) times 4 m
        status = drive.robot.diagnostic("camera", lambda v: v["images_without_pose"] == "30")
        assert status["images_with_pose"] == "0"
        assert "nobody on '/tf' or '/tf_static' knows 'odom'" in status["last_pose_problem"]
        strayed = drive.turned_before_somebody_hidden(begun + 9.0, told=True)
        assert strayed.max() < 0.03, "metres"
        status = drive.robot.diagnostic("camera", lambda v: v["images_with_pose"] == "30")
        assert status["level"] == 0 and status["images_without_pose"] == "30"
    finally:
        drive.close()
