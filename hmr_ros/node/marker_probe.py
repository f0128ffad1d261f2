"""A second process that reads the same markers sent in two ways and says if they are equal.

Run as ``python -m hmr_ros.node.marker_probe``: prints one JSON line when it has both, and stays
subscribed until its input is closed.
"""

from __future__ import annotations

import json
import sys
import time

import rclpy
from visualization_msgs.msg import MarkerArray

from hmr_ros.node.qos import OUTPUT

RAW_TOPIC, OBJECTS_TOPIC = "markers_raw", "markers_objects"


def main(timeout_s: float = 60.0) -> int:
    """0 if both arrays came and are equal field by field."""
    rclpy.init()
    node = rclpy.create_node("marker_probe")
    latest: dict[str, MarkerArray] = {}
    for topic in (RAW_TOPIC, OBJECTS_TOPIC):
        node.create_subscription(
            MarkerArray, topic, lambda m, topic=topic: latest.update({topic: m}), OUTPUT
        )
    end = time.monotonic() + timeout_s
    while len(latest) < 2 and time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.1)
    equal = len(latest) == 2 and latest[RAW_TOPIC] == latest[OBJECTS_TOPIC]
    points = [len(m.points) for m in latest[RAW_TOPIC].markers] if equal else []
    answer = {"received": sorted(latest), "equal": equal, "points": points}
    print(json.dumps(answer), flush=True)
    sys.stdin.read()
    node.destroy_node()
    rclpy.try_shutdown()
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
