"""A subscriber such as a motion planner would be: it takes all outputs of the node and measures."""

from __future__ import annotations

import time

import rclpy
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, PointCloud2
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from hmr_ros.demo.observation import BodiesSeen, Observation
from hmr_ros.msg import SmplBodyArray
from hmr_ros.node import qos

# Reading a mesh marker in Python takes longer than a camera's period; for these topics it is
# enough to know that the bytes have come.
COUNTED = {"markers": MarkerArray, "points": PointCloud2}


class Planner:
    """Subscribes to everything of ``node_name`` and keeps what it sees in ``observed``.

    Starts ROS in this process, with the environment as it is then; ``close`` ends it.
    """

    def __init__(self, node_name: str, camera: str) -> None:
        self.observed = Observation()
        # The demo handles signals itself.
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("planner")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._state = self._node.create_client(GetState, f"/{node_name}/get_state")
        # A depth of many: the planner must not lose what it counts while it draws its table.
        many = QoSProfile(depth=50)
        bodies = f"/{node_name}/bodies"
        self._node.create_subscription(
            SmplBodyArray, bodies, lambda m: self._take_bodies(m, bodies), many
        )
        for name, kind in COUNTED.items():
            self._count(kind, f"/{node_name}/{name}", many)
        self._count(TFMessage, "/tf", qos.TF)
        self._node.create_subscription(CameraInfo, f"{camera}/camera_info", self._take_info, many)

    def spin_for(self, seconds: float) -> None:
        """Take whatever comes in the next ``seconds``."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def node_state(self, patience_s: float = 1.0) -> str:
        """Lifecycle state of the node ('active', ...), or '' while it does not answer."""
        if not self._state.service_is_ready():
            self.spin_for(0.1)
            return ""
        answer = self._state.call_async(GetState.Request())
        self._executor.spin_until_future_complete(answer, timeout_sec=patience_s)
        state: State | None = answer.result().current_state if answer.done() else None
        return state.label if state else ""

    def close(self) -> None:
        self._node.destroy_node()
        rclpy.try_shutdown()

    def _count(self, kind: type, topic: str, profile: QoSProfile) -> None:
        times = self.observed.arrivals[topic]

        self._node.create_subscription(
            kind, topic, lambda _: times.append(time.monotonic()), profile, raw=True
        )

    def _take_bodies(self, message: SmplBodyArray, topic: str) -> None:
        now = self._node.get_clock().now().nanoseconds
        self.observed.arrivals[topic].append(time.monotonic())
        self.observed.bodies.append(BodiesSeen(_nanoseconds(message.header), now, message))

    def _take_info(self, message: CameraInfo) -> None:
        self.observed.sent_ns.append(_nanoseconds(message.header))


def _nanoseconds(header) -> int:
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec
