"""Two small processes that measure how images get from one to the other.

    python -m hmr_ros.node.image_probe receive --reliability best_effort
    python -m hmr_ros.node.image_probe send --reliability best_effort --count 150

Each prints one JSON object when it ends: the sender after its last image, the receiver on SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import numpy as np
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from hmr_ros.node.camera_messages import image_message
from hmr_ros.node.memory import keep_large_blocks
from hmr_ros.node.stop_signals import StopSignals

TOPIC = "/image_probe"
DISCOVERY_S = 10.0
MATCHING_S = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", choices=("send", "receive"))
    parser.add_argument("--reliability", choices=("reliable", "best_effort"), default="reliable")
    parser.add_argument("--keep-memory", action="store_true")
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--rate", type=float, default=30.0)
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 720))
    args = parser.parse_args()
    if args.keep_memory:
        keep_large_blocks()
    qos = QoSProfile(depth=5, reliability=ReliabilityPolicy[args.reliability.upper()])
    stop = StopSignals()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node(f"image_probe_{args.role}")
    try:
        result = _send(node, qos, args, stop) if args.role == "send" else _receive(node, qos, stop)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    print(json.dumps(result), flush=True)


def _send(node, qos: QoSProfile, args: argparse.Namespace, stop: StopSignals) -> dict:
    publisher = node.create_publisher(Image, TOPIC, qos)
    width, height = args.size
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    message = image_message(noise, Header(frame_id="camera_optical_frame"))
    give_up = time.monotonic() + DISCOVERY_S
    while publisher.get_subscription_count() == 0 and time.monotonic() < give_up and not stop:
        time.sleep(0.02)
    time.sleep(MATCHING_S)
    start, sent = time.monotonic(), 0
    while sent < args.count and not stop:
        time.sleep(max(0.0, start + sent / args.rate - time.monotonic()))
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)
        sent += 1
    time.sleep(MATCHING_S)
    return {"sent": sent}


def _receive(node, qos: QoSProfile, stop: StopSignals) -> dict:
    latencies_ms, busy = [], []

    def take(message: Image) -> None:
        stamp = message.header.stamp
        now = node.get_clock().now().nanoseconds
        latencies_ms.append((now - stamp.sec * 1_000_000_000 - stamp.nanosec) / 1e6)
        busy.append((time.monotonic(), _cpu_s()))

    node.create_subscription(Image, TOPIC, take, qos)
    while not stop:
        rclpy.spin_once(node, timeout_sec=0.1)
    result = {"latencies_ms": latencies_ms, "cpu_percent": None}
    if len(busy) > 1:
        wall, used = np.subtract(busy[-1], busy[0])
        result["cpu_percent"] = round(100 * used / wall, 1)
    return result


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
