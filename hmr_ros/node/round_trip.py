"""One message of this package sent and received in one process: does the middleware work?"""

from __future__ import annotations

import time

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor

from hmr_ros.msg import SmplBodyArray
from hmr_ros.node.qos import OUTPUT

TOPIC = "hmr_round_trip"
TIMEOUT_S = 5.0


def round_trip() -> tuple[str, float | None]:
    """Name of the middleware, and milliseconds from publishing to receiving (None: never)."""
    context = Context()
    rclpy.init(context=context)
    try:
        node = rclpy.create_node("hmr_round_trip", context=context)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        arrived = []
        node.create_subscription(
            SmplBodyArray, TOPIC, lambda _: arrived.append(time.perf_counter()), OUTPUT
        )
        publisher = node.create_publisher(SmplBodyArray, TOPIC, OUTPUT)
        give_up = time.perf_counter() + TIMEOUT_S
        while publisher.get_subscription_count() == 0 and time.perf_counter() < give_up:
            executor.spin_once(timeout_sec=0.01)
        sent = time.perf_counter()
        publisher.publish(SmplBodyArray(model="round_trip"))
        while not arrived and time.perf_counter() < give_up:
            executor.spin_once(timeout_sec=0.01)
        executor.shutdown()
        node.destroy_node()
    finally:
        rclpy.try_shutdown(context=context)
    taken = 1e3 * (arrived[0] - sent) if arrived else None
    return rclpy.get_rmw_implementation_identifier(), taken
