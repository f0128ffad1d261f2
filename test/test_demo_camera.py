"""The camera process as its subscribers see it."""

import json
import os
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS is not sourced")

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image

from hmr_ros.node.dds_profile import with_profile

pytestmark = pytest.mark.ros
COUNT = 6
DOMAIN = 1 + (os.getpid() + 7) % 100


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (COUNT, 48, 64, 3), np.uint8)
    for i, image in enumerate(images):
        cv2.imwrite(str(folder / f"{i}.png"), image)
    return folder, images


@pytest.fixture
def receiver():
    """A node, and a function that lets it take what comes until something is so."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    node = rclpy.create_node("receiver", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def spin_until(done, seconds=20.0):
        end = time.monotonic() + seconds
        while not done() and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.05)

    yield node, spin_until
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def listen(node, kind, topic):
    """The list that what comes is appended to."""
    messages = []
    node.create_subscription(kind, f"/eye/{topic}", messages.append, QoSProfile(depth=50))
    return messages


@pytest.fixture
def received(receiver):
    """Lists of the images and camera_infos that come in, and a function that waits for them."""
    node, spin_until = receiver
    return listen(node, Image, "image_raw"), listen(node, CameraInfo, "camera_info"), spin_until


def started(source, report, *options):
    program = [sys.executable, "-m", "hmr_ros.node.video_camera", str(source)]
    ros = ["--ros-args", "-r", "__ns:=/eye"]
    environment = with_profile({**os.environ, "ROS_DOMAIN_ID": str(DOMAIN)})
    return subprocess.Popen(
        [*program, "--wait", "20", "--report", str(report), *options, *ros], env=environment
    )


def nanoseconds(message):
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def test_every_picture_with_its_camera_info_and_a_true_report(tmp_path, pictures, received):
    folder, truth = pictures
    images, infos, spin_until = received
    report, film = tmp_path / "report.json", tmp_path / "film.avi"
    camera = started(
        folder, report, "--intrinsics=50,51,31,23,-0.1,0.01,0,0", "--record", str(film)
    )
    spin_until(lambda: len(images) == COUNT and len(infos) == COUNT)
    assert camera.wait(20) == 0
    for message, expected in zip(images, truth, strict=True):
        assert (message.encoding, message.width, message.height) == ("bgr8", 64, 48)
        assert message.step == 192 and message.header.frame_id == "camera_optical_frame"
        got = np.frombuffer(message.data, np.uint8).reshape(48, 64, 3)
        np.testing.assert_array_equal(got, expected)
    stamps = [nanoseconds(m) for m in images]
    assert [nanoseconds(m) for m in infos] == stamps
    assert np.abs(np.diff(stamps) / 1e9 - 0.1).mean() < 0.03, "played at 10 Hz"
    assert abs(stamps[-1] / 1e9 - time.time()) < 20, "stamped with the time of publishing"
    info = infos[0]
    np.testing.assert_array_equal(info.k, [50, 0, 31, 0, 51, 23, 0, 0, 1])
    assert info.distortion_model == "plumb_bob"
    np.testing.assert_array_equal(info.d, [-0.1, 0.01, 0, 0])
    frames = json.loads(report.read_text())["frames"]
    assert frames == [[i, stamp] for i, stamp in enumerate(stamps)]
    assert cv2.VideoCapture(str(film)).get(cv2.CAP_PROP_FRAME_COUNT) == COUNT


def test_it_waits_for_whoever_wants_the_camera_infos_too(tmp_path, pictures, receiver):
    """Discovery may find them later than the subscriber of the images."""
    node, spin_until = receiver
    images = listen(node, Image, "image_raw")
    camera = started(pictures[0], tmp_path / "report.json", "--fov=60")
    spin_until(lambda: node.count_publishers("/eye/image_raw"))
    spin_until(lambda: images, seconds=2.0)
    assert not images and camera.poll() is None
    infos = listen(node, CameraInfo, "camera_info")
    spin_until(lambda: len(images) == COUNT and len(infos) == COUNT)
    assert camera.wait(20) == 0
    assert [nanoseconds(m) for m in infos] == [nanoseconds(m) for m in images]
    assert len(images) == COUNT


def test_unknown_intrinsics_are_zeros_and_sigterm_ends_a_loop_with_a_report(
    tmp_path, pictures, received
):
    images, infos, spin_until = received
    report = tmp_path / "report.json"
    camera = started(pictures[0], report, "--loop", "--rate", "50")
    spin_until(lambda: len(images) > 2 * COUNT)
    camera.terminate()
    spin_until(lambda: camera.poll() is not None)
    assert camera.wait(20) == 0
    assert not np.any(infos[0].k), "REP-104: zeros mean an uncalibrated camera"
    numbers = [number for number, _ in json.loads(report.read_text())["frames"]]
    assert numbers == [i % COUNT for i in range(len(numbers))] and len(numbers) >= 2 * COUNT


def test_a_source_that_cannot_be_read_ends_with_its_reason(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "hmr_ros.node.video_camera", str(tmp_path / "nothing.mp4")],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert "nothing.mp4: there is no such file" in done.stderr
    assert "Traceback" not in done.stderr
