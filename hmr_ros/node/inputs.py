"""The subscriptions of the active node. Their callbacks only hand on what arrived."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import SimpleNamespace

from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from tf2_msgs.msg import TFMessage

from hmr_ros.msg import Person2DArray
from hmr_ros.node import qos
from hmr_ros.node.camera_info import CameraSource
from hmr_ros.node.depth_image import DepthBuffer
from hmr_ros.node.external_people import StampPairs
from hmr_ros.node.health import Health
from hmr_ros.node.image_subscription import ImageSubscription
from hmr_ros.node.odometry import Odometry
from hmr_ros.node.processing import Job
from hmr_ros.node.transforms import tells_of_people


class Inputs:
    """Subscribes to the camera and, as the parameters say, to depth, people and transforms.

    odometry: takes in the transforms; None if there is no odometry frame. put: takes a ``Job``
    without blocking.
    """

    def __init__(
        self,
        node,
        settings: SimpleNamespace,
        camera: CameraSource,
        depth: DepthBuffer,
        odometry: Odometry | None,
        health: Health,
        put: Callable[[Job], None],
    ) -> None:
        self._node, self._health, self._put = node, health, put
        self._camera = camera
        self._pairs = StampPairs() if settings.detector == "topic" else None
        self._odometry = odometry
        with ExitStack() as made:  # given back if what follows fails
            self._subscribe(settings, depth, made)
            self._made = made.pop_all()

    def _subscribe(self, settings: SimpleNamespace, depth: DepthBuffer, made: ExitStack) -> None:
        node, choice = self._node, settings.image_reliability

        def images(kind: type, topic: str, callback: Callable) -> ImageSubscription:
            subscription = ImageSubscription(node, kind, topic, choice, callback, self._health)
            made.callback(subscription.destroy)
            return subscription

        def small(kind: type, topic: str, profile, callback: Callable, **more) -> None:
            overriding = qos.overridable()
            subscription = node.create_subscription(
                kind, topic, callback, profile, qos_overriding_options=overriding, **more
            )
            made.callback(node.destroy_subscription, subscription)

        kind = CompressedImage if settings.image_transport == "compressed" else Image
        self.image = images(kind, image_topic(node, settings.image_transport), self._on_image)
        self._images = [self.image]
        if settings.use_depth:
            self._images.append(images(Image, node.resolve_topic_name("depth"), depth.add))
        small(CameraInfo, "camera_info", qos.SMALL_INPUT, self._on_camera_info)
        if self._pairs is not None:
            small(Person2DArray, "people_2d", qos.PEOPLE_INPUT, self._on_people)
            detections = _detection_type()
            if detections is not None:
                small(detections, "detections", qos.PEOPLE_INPUT, self._on_people)
        if self._odometry is not None:
            # As bytes: the people on /tf need not be read, and there may be many.
            moving, still = (partial(self._on_transforms, static=s) for s in (False, True))
            small(TFMessage, "/tf", qos.TF, moving, raw=True)
            small(TFMessage, "/tf_static", qos.TF_STATIC, still, raw=True)

    def follow_publishers(self) -> str:
        """Adapt to the publishers there are; what is wrong with them, or ''."""
        for subscription in self._images:
            subscription.follow_publishers()
        return "; ".join(s.problem for s in self._images if s.problem)

    def destroy(self) -> None:
        """End them all. Twice does nothing."""
        self._made.close()

    def _on_image(self, message) -> None:
        self._health.received += 1
        if self._pairs is None:
            self._put(self._job(message))
            return
        pair = self._pairs.add_image(self._job(message))
        self._put_pair(pair)

    def _on_people(self, message) -> None:
        self._put_pair(self._pairs.add_people(message))

    def _put_pair(self, pair: tuple | None) -> None:
        if pair is not None:
            job, people = pair
            self._put(Job(job.image, job.arrived_s, job.age_s, job.now, people))

    def _on_camera_info(self, message: CameraInfo) -> None:
        self._health.camera_infos += 1
        self._camera.update(message)

    def _on_transforms(self, data: bytes, static: bool) -> None:
        if not tells_of_people(data):
            self._odometry.take(deserialize_message(data, TFMessage), static)

    def _job(self, message) -> Job:
        now = self._node.get_clock().now()
        stamp = message.header.stamp
        age_ns = now.nanoseconds - (stamp.sec * 1_000_000_000 + stamp.nanosec)
        return Job(message, time.monotonic(), age_ns * 1e-9, now.to_msg())


def image_topic(node, transport: str) -> str:
    """The resolved name of the image topic; image_transport puts '/compressed' behind it."""
    topic = node.resolve_topic_name("image")
    if transport == "compressed" and not topic.endswith("/compressed"):
        topic += "/compressed"
    return topic


def _detection_type() -> type | None:
    try:
        from vision_msgs.msg import Detection2DArray
    except ImportError:
        return None
    return Detection2DArray
