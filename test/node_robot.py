"""What a robot has around the node: a camera, and somebody who reads all outputs."""

from __future__ import annotations

import array
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from hmr_ros.msg import CapsuleArray, Person2DArray, SmplBodyArray

OUTPUTS = {
    "bodies": (SmplBodyArray, "/hmr_node/bodies"),
    "markers": (MarkerArray, "/hmr_node/markers"),
    "points": (PointCloud2, "/hmr_node/points"),
    "occupancy": (CapsuleArray, "/hmr_node/occupancy"),
    "occupancy_markers": (MarkerArray, "/hmr_node/occupancy_markers"),
    "debug": (Image, "/hmr_node/debug/image"),
    "tf": (TFMessage, "/tf"),
    "diagnostics": (DiagnosticArray, "/diagnostics"),
}
FRAME = "camera_optical"
WIDTH, HEIGHT = 64, 48


class Robot:
    """Publishes to the node and collects, by topic, what it publishes."""

    def __init__(self, outputs=tuple(OUTPUTS), reliable: bool = True) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("robot", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.received: dict[str, list] = defaultdict(list)
        policy = QoSReliabilityPolicy
        qos = QoSProfile(depth=5, reliability=policy.RELIABLE if reliable else policy.BEST_EFFORT)
        self.images = self.node.create_publisher(Image, "image", qos)
        self.compressed = self.node.create_publisher(CompressedImage, "image/compressed", qos)
        self.infos = self.node.create_publisher(CameraInfo, "camera_info", 5)
        self.depths = self.node.create_publisher(Image, "depth", 5)
        self.people = self.node.create_publisher(Person2DArray, "people_2d", 5)
        for name in outputs:
            self.listen(name)

    def listen(self, name: str) -> None:
        kind, topic = OUTPUTS[name]
        self.node.create_subscription(kind, topic, self.received[name].append, 50)

    def spin_until(self, condition, timeout_s: float = 8.0) -> bool:
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                return False
            self.executor.spin_once(timeout_sec=0.05)
        return True

    def spin(self, seconds: float) -> None:
        self.spin_until(lambda: False, seconds)

    def wait_for_node(self) -> None:
        """Until the node hears the camera and we hear the node."""
        heard = [self.images, self.infos]
        assert self.spin_until(lambda: all(p.get_subscription_count() for p in heard), 20)
        topics = [OUTPUTS[n][1] for n in self.received]
        assert self.spin_until(lambda: all(self.node.count_publishers(t) for t in topics))
        # The node's own view of its subscribers lags a little behind ours.
        self.spin(0.3)

    def send(self, people: int, seconds: float, **fields) -> Image:
        """One image that the fake pipeline sees ``people`` in."""
        message = image(people, seconds)
        for name, value in fields.items():
            setattr(message, name, value)
        self.images.publish(message)
        return message

    def bodies_of(self, people: int, seconds: float, **fields) -> SmplBodyArray | None:
        """Send an image and wait for its bodies."""
        sent = self.send(people, seconds, **fields)
        return self.answer("bodies", sent.header.stamp)

    def answer(self, name: str, stamp, timeout_s: float = 8.0):
        """The message of this topic with this stamp, or None."""

        def found():
            return [m for m in self.received[name] if stamps(m) == {(stamp.sec, stamp.nanosec)}]

        return found()[-1] if self.spin_until(found, timeout_s) else None

    def diagnostic(self, part: str, condition, timeout_s: float = 4.0) -> dict | None:
        """The first status of this part, from now on, that meets the condition, as a dict."""
        self.received["diagnostics"].clear()
        result = {}

        def found():
            for message in self.received["diagnostics"]:
                for status in message.status:
                    if status.name == f"hmr_node: {part}":
                        values = {v.key: v.value for v in status.values}
                        values.update(level=status.level[0], message=status.message)
                        if condition(values):
                            result.update(values)
                            return True
            return False

        return result if self.spin_until(found, timeout_s) else None

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)


def stamps(message) -> set[tuple[int, int]]:
    """Stamps of a message, or of all parts of it."""
    parts = getattr(message, "transforms", None) or getattr(message, "markers", None) or [message]
    return {(p.header.stamp.sec, p.header.stamp.nanosec) for p in parts}


def image(people: int, seconds: float) -> Image:
    pixels = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    pixels[0, 0, 0] = people
    message = Image(width=WIDTH, height=HEIGHT, encoding="bgr8", step=3 * WIDTH)
    message.data = array.array("B", pixels.tobytes())
    return stamped(message, seconds)


def camera_info(seconds: float, focal: float = 60.0) -> CameraInfo:
    message = CameraInfo(width=WIDTH, height=HEIGHT, distortion_model="plumb_bob", d=[0.0] * 5)
    message.k = [focal, 0.0, 32.0, 0.0, focal, 24.0, 0.0, 0.0, 1.0 if focal else 0.0]
    return stamped(message, seconds)


def stamped(message, seconds: float):
    ns = round(seconds * 1e9)
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(ns, 1_000_000_000)
    message.header.frame_id = FRAME
    return message


def start_node(log: Path, script: str = "node_with_fakes.py", **parameters) -> subprocess.Popen:
    """The node of ``script`` (from this folder) in a process of its own: with the fake pipeline, or
    another."""
    options = [x for k, v in parameters.items() for x in ("-p", f"{k}:={v}")]
    path = Path(__file__).parent / script
    with open(log, "w") as out:
        return subprocess.Popen(
            [sys.executable, str(path), "--ros-args", *options], stdout=out, stderr=out
        )
