"""What comes from a camera's topic, seen by a subscriber."""

from __future__ import annotations

import time
from dataclasses import dataclass

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from hmr_ros.node.qos import SMALL_INPUT, image_reliability, profile

DISCOVERY_S = 2.0
TYPES = {"sensor_msgs/msg/Image": Image, "sensor_msgs/msg/CompressedImage": CompressedImage}


@dataclass
class TopicReport:
    """rate_hz: received images a second. focal_length: of camera_info, pixels; None if none came.
    image_topics: all topics of images that anybody publishes."""

    topic: str
    info_topic: str
    image_topics: tuple[str, ...] = ()
    publishers: int = 0
    reliability: str = ""
    received: int = 0
    rate_hz: float = 0.0
    size: str = ""
    encoding: str = ""
    focal_length: float | None = None


def topic_report(topic: str, seconds: float) -> TopicReport:
    """Listens to ``topic`` and to the ``camera_info`` beside it for ``seconds``."""
    context = Context()
    rclpy.init(context=context)
    try:
        node = rclpy.create_node("hmr_doctor", context=context)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        report = _listen(node, executor, topic, seconds)
        executor.shutdown()
        node.destroy_node()
        return report
    finally:
        rclpy.try_shutdown(context=context)


def _listen(node, executor, topic: str, seconds: float) -> TopicReport:
    topic = node.resolve_topic_name(topic)
    report = TopicReport(topic, f"{topic.rpartition('/')[0]}/camera_info")
    _spin(executor, DISCOVERY_S, lambda: node.count_publishers(topic) > 0)
    report.image_topics = tuple(
        name
        for name, types in sorted(node.get_topic_names_and_types())
        if not TYPES.keys().isdisjoint(types) and node.count_publishers(name) > 0
    )
    publishers = node.get_publishers_info_by_topic(topic)
    kind = next((TYPES[p.topic_type] for p in publishers if p.topic_type in TYPES), None)
    if kind is None:
        return report
    report.publishers = len(publishers)
    reliability = image_reliability("auto", [p.qos_profile.reliability for p in publishers])
    report.reliability = reliability.name.lower().replace("_", " ")
    arrivals: list[float] = []

    def take(message) -> None:
        arrivals.append(time.monotonic())
        if isinstance(message, Image):
            report.size, report.encoding = f"{message.width}x{message.height}", message.encoding
        else:
            report.size, report.encoding = f"{len(message.data)} bytes", message.format

    def take_info(message: CameraInfo) -> None:
        report.focal_length = float(message.k[0])

    node.create_subscription(kind, topic, take, profile(reliability))
    node.create_subscription(CameraInfo, report.info_topic, take_info, SMALL_INPUT)
    _spin(executor, seconds, lambda: False)
    report.received = len(arrivals)
    if len(arrivals) > 1:
        report.rate_hz = (len(arrivals) - 1) / (arrivals[-1] - arrivals[0])
    return report


def _spin(executor, seconds: float, done) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not done():
        executor.spin_once(timeout_sec=0.05)
