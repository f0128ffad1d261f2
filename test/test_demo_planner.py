"""What the demo's planner counts, beside a node that publishes known messages."""

import os
import time

import pytest

pytest.importorskip("rclpy", reason="ROS is not sourced")
pytest.importorskip("hmr_ros.msg", reason="the messages are not built: make setup")

import rclpy
from sensor_msgs.msg import CameraInfo, PointCloud2
from visualization_msgs.msg import MarkerArray

from hmr_ros.node.planner import Planner

pytestmark = pytest.mark.ros
DOMAIN = 1 + (os.getpid() + 11) % 100


@pytest.fixture
def beside(monkeypatch):
    """A planner, and a node named like what it listens to."""
    monkeypatch.setenv("ROS_DOMAIN_ID", str(DOMAIN))
    planner = Planner("hmr_node", "/camera")
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    node = rclpy.create_node("hmr_node", context=context)
    yield planner, node
    node.destroy_node()
    rclpy.try_shutdown(context=context)
    planner.close()


def publish_until(planner, publisher, message, done, seconds=20.0):
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        publisher.publish(message)
        planner.spin_for(0.02)
    assert done()


@pytest.mark.parametrize(("name", "kind"), [("markers", MarkerArray), ("points", PointCloud2)])
def test_outputs_count_though_no_camera_info_has_come(beside, name, kind):
    planner, node = beside
    publisher = node.create_publisher(kind, f"/hmr_node/{name}", 10)
    arrivals = planner.observed.arrivals[f"/hmr_node/{name}"]
    publish_until(planner, publisher, kind(), lambda: len(arrivals) >= 3)
    assert not planner.observed.sent_ns
    assert arrivals == sorted(arrivals)


def test_images_are_counted_by_their_camera_info(beside):
    planner, node = beside
    publisher = node.create_publisher(CameraInfo, "/camera/camera_info", 10)
    message = CameraInfo()
    message.header.stamp.sec, message.header.stamp.nanosec = 12, 34
    sent = planner.observed.sent_ns
    publish_until(planner, publisher, message, lambda: len(sent) >= 2)
    assert set(sent) == {12_000_000_034}
    assert planner.observed.unanswered() == 1
