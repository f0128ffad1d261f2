"""One full mesh as a marker: as bytes written by numpy beside plain Python objects."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from hmr_ros.body.model import load_body_model

SUMMARY = "building and publishing a full mesh marker, bytes against Python objects"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=100, help="messages as bytes")
    parser.add_argument("--object-rounds", type=int, default=7, help="messages from objects")


def measure(args: argparse.Namespace) -> list[dict]:
    """Rows for building plus publishing, with a subscriber in a second process.

    Raises RuntimeError if what that process reads differs between the two ways.
    """
    from hmr_ros.node.memory import keep_large_blocks

    keep_large_blocks()
    import rclpy
    from visualization_msgs.msg import MarkerArray

    from hmr_ros.node.marker_probe import OBJECTS_TOPIC, RAW_TOPIC
    from hmr_ros.node.qos import OUTPUT

    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("bench_markers", context=context)
    probe = subprocess.Popen(
        [sys.executable, "-m", "hmr_ros.node.marker_probe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        publishers = [
            node.create_publisher(MarkerArray, t, OUTPUT) for t in (OBJECTS_TOPIC, RAW_TOPIC)
        ]
        _wait(lambda: all(p.get_subscription_count() for p in publishers))
        objects, raw = _builders()
        answer = _compared(probe, *publishers, objects, raw)
        slow = _timed(lambda: publishers[0].publish(objects()), args.object_rounds)
        fast = _timed(lambda: publishers[1].publish(raw()), args.rounds)
    finally:
        probe.communicate()
        node.destroy_node()
        rclpy.try_shutdown(context=context)
    points, size = answer["points"][0], len(raw())
    base = _row(f"objects, {points} points", slow, size)
    row = _row(f"bytes, {points} points", fast, size)
    row.update(versus=base["name"], ratio=round(base["p50_ms"] / row["p50_ms"], 1))
    return [base, row]


def _builders() -> tuple[Callable, Callable]:
    """Functions that build the same MarkerArray of one full mesh: as objects, as bytes."""
    from geometry_msgs.msg import Point
    from std_msgs.msg import ColorRGBA
    from visualization_msgs.msg import Marker, MarkerArray

    from hmr_ros.node.raw_message import Template

    body = load_body_model()
    corners = body.faces.ravel()
    rng = np.random.default_rng(0)
    colours = rng.random((len(body.v_template), 4), np.float32)

    def message(points, rgba):
        marker = Marker(ns="mesh", id=3, type=Marker.TRIANGLE_LIST, points=points, colors=rgba)
        marker.header.frame_id = "camera_color_optical_frame"
        marker.pose.orientation.w = marker.scale.x = marker.scale.y = marker.scale.z = 1.0
        return MarkerArray(markers=[marker])

    def geometry():
        return body.v_template.take(corners, 0), colours.take(corners, 0)

    def objects():
        points, rgba = (array.tolist() for array in geometry())
        return message(
            [Point(x=x, y=y, z=z) for x, y, z in points],
            [ColorRGBA(r=r, g=g, b=b, a=a) for r, g, b, a in rgba],
        )

    template = Template(message([Point()] * len(corners), [ColorRGBA()] * len(corners)))

    def raw():
        points, rgba = geometry()
        return template.serialized({"markers.points": points, "markers.colors": rgba})

    return objects, raw


def _compared(probe, object_publisher, raw_publisher, objects, raw) -> dict:
    """What the second process says about one message of either kind."""
    object_publisher.publish(objects())
    raw_publisher.publish(raw())
    text = probe.stdout.readline()  # it gives up by itself after a minute
    answer = json.loads(text or '{"equal": false}')
    if not answer["equal"]:
        raise RuntimeError(f"the subscriber read different markers: {text!r}")
    return answer


def _timed(call: Callable, rounds: int) -> np.ndarray:
    seconds = np.empty(rounds)
    for k in range(rounds):
        started = time.perf_counter()
        call()
        seconds[k] = time.perf_counter() - started
    return seconds


def _wait(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("no subscriber within 20 s: does DDS discovery work here?")
        time.sleep(0.02)


def _row(name: str, seconds: np.ndarray, size: int) -> dict:
    p50, p95, p99 = (1e3 * np.percentile(seconds, [50, 95, 99])).round(3).tolist()
    return {
        "name": name,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "per_second": round(1e3 / p50, 1),
        "bytes": size,
        "versus": None,
        "ratio": None,
    }
