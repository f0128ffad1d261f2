"""The subscription to the camera, kept compatible with whoever publishes."""

from __future__ import annotations

from collections.abc import Callable

from hmr_ros.node.health import Health
from hmr_ros.node.qos import BEST_EFFORT, image_reliability, overridable, profile

try:
    from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks, UnsupportedEventTypeError


class ImageSubscription:
    """Subscribes with the reliability that suits the publishers, anew when they change.

    A queue of one: with a longer one, frames grow old in it while the node is busy.
    """

    def __init__(
        self,
        node,
        message_type: type,
        topic: str,
        reliability: str,
        callback: Callable,
        health: Health,
    ) -> None:
        self._node, self._type, self._callback = node, message_type, callback
        self.topic, self._choice, self._health = topic, reliability, health
        self._subscription = None
        self.reliability = None
        self.problem = ""
        self.follow_publishers()

    def follow_publishers(self) -> None:
        """Subscribe again if the publishers now call for another reliability; cheap if not."""
        offered = [p.qos_profile.reliability for p in self._publishers()]
        wanted = image_reliability(self._choice, offered)
        self.problem = ""
        if not offered:
            self.problem = f"no publisher on {self.topic}: is the camera running and remapped?"
        elif wanted != BEST_EFFORT and BEST_EFFORT in offered:
            self.problem = (
                f"a publisher on {self.topic} offers best effort only and is not heard: set "
                "image_reliability to auto"
            )
        if wanted != self.reliability:
            self._subscribe(wanted)

    def destroy(self) -> None:
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _publishers(self) -> list:
        return self._node.get_publishers_info_by_topic(self.topic)

    def _subscribe(self, reliability) -> None:
        self.destroy()
        self.reliability = reliability
        try:
            self._subscription = self._create(message_lost=self._lost)
        except UnsupportedEventTypeError:  # a middleware that does not count what it loses
            self._subscription = self._create()

    def _create(self, **events: Callable):
        return self._node.create_subscription(
            self._type,
            self.topic,
            self._callback,
            profile(self.reliability),
            event_callbacks=SubscriptionEventCallbacks(
                incompatible_qos=self._incompatible, **events
            ),
            qos_overriding_options=overridable(reliability=False),
        )

    def _incompatible(self, event) -> None:
        # The subscription cannot be replaced from within its own event: the next call of
        # follow_publishers does it.
        remedy = (
            "subscribing again as best effort"
            if self._choice == "auto"
            else "set image_reliability"
        )
        self._node.get_logger().warning(
            f"a publisher on {self.topic} offers an incompatible QoS "
            f"({event.last_policy_kind}): {remedy}",
            throttle_duration_sec=10.0,
        )

    def _lost(self, event) -> None:
        self._health.lost += event.total_count_change
