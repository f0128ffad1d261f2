"""The node's own work on an image, stage by stage, with every output subscribed to.

Messages really are published; nobody reads them, so what subscribers cost is left out. For
measurements and tests.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import cv2
import numpy as np
import rclpy
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from hmr_ros.frame import Frame
from hmr_ros.node.camera_info import CameraSource
from hmr_ros.node.camera_messages import camera_info_message, image_message
from hmr_ros.node.compressed_image import decode_compressed
from hmr_ros.node.declaration import declare, settings_of
from hmr_ros.node.depth_image import DepthBuffer
from hmr_ros.node.health import Health
from hmr_ros.node.image_decoding import decode_image
from hmr_ros.node.outputs import TOPICS, Outputs
from hmr_ros.node.processing import Job, Processing
from hmr_ros.tracks import Tracks

OUTPUTS = ("bodies", "tf", "points", "markers", "occupancy", "debug")
DEFAULT = ("bodies", "tf", "points", "markers")  # what the launch file's RViz and a planner take
PERIOD_NS = 100_000_000
DISCOVERY_S = 20.0


class Recorded:
    """A pipeline that answers at once, with the same people: what is left is the node's."""

    def __init__(self, tracks: Tracks) -> None:
        self._tracks = tracks
        self.finder = SimpleNamespace(search_problem="")

    def __call__(self, frame: Frame) -> Tracks:
        return self._tracks

    def reset(self) -> None:
        """Nothing is kept."""


@contextmanager
def stages(pipeline, image: np.ndarray, tracks: Tracks, camera) -> Iterator[dict[str, Callable]]:
    """Calls by name: both decoders, each output about ``tracks`` by itself, all of the node's work
    on an image but the pipeline's ("overhead", with the outputs ``DEFAULT``), and the whole of it
    ("image to message": bodies and transforms).

    image: [H, W, 3] uint8 BGR of ``camera``. Raises RuntimeError if the subscribers do not meet the
    publishers.
    """
    context = rclpy.Context()
    rclpy.init(context=context)
    node = LifecycleNode("stage_probe", context=context)
    listener = rclpy.create_node("stage_listener", context=context)
    try:
        declare(node)
        node.trigger_configure()
        node.trigger_activate()
        settings = settings_of(node)
        header = Header(frame_id="camera_color_optical_frame")
        raw, jpeg = image_message(image, header), _jpeg(image, header)
        frame = Frame(image, camera, 0.0)
        source = CameraSource("camera_info")
        source.update(camera_info_message(camera, header))

        def outputs(*names: str) -> Outputs:
            made = Only(node, pipeline.body, settings, names)
            made.warm_up()
            return made

        def processing(answering, *names: str) -> Callable:
            parts = (settings, decode_image, source, DepthBuffer(), None, outputs(*names))
            process = Processing(answering, *parts, Health(), _raise, lambda: None)
            stamps = iter(range(PERIOD_NS, 1 << 62, PERIOD_NS))
            return lambda: process(_job(raw, next(stamps)))

        for kind, topic, profile in (TOPICS[name] for name in OUTPUTS):
            topic = topic.replace("~", f"/{node.get_name()}")
            listener.create_subscription(kind, topic, lambda _: None, profile, raw=True)
        calls = {
            "decode bgr8": lambda: decode_image(raw, settings.max_image_pixels),
            "decode JPEG": lambda: decode_compressed(jpeg, settings.max_image_pixels),
        }
        for name in OUTPUTS:
            only = outputs(name)
            _wait(lambda only=only, name=name: only.subscribers(name))
            calls[f"publish {name}"] = lambda only=only: only.publish(
                header, frame, tracks, lambda: 0.0
            )
        calls["overhead"] = processing(Recorded(tracks), *DEFAULT)
        calls["image to message"] = processing(pipeline, "bodies", "tf")
        yield calls
    finally:
        listener.destroy_node()
        node.destroy_node()
        rclpy.try_shutdown(context=context)


class Only(Outputs):
    """Outputs of which only ``names`` count as subscribed to."""

    def __init__(self, node, body, settings, names: tuple[str, ...]) -> None:
        super().__init__(node, body, settings)
        self._names = names
        for publisher in self._publishers.values():
            publisher.on_activate(None)

    def subscribers(self, name: str) -> int:
        """How many there are."""
        return self._publishers[name].get_subscription_count()

    def _subscribed(self, name: str) -> bool:
        return name in self._names and super()._subscribed(name)


def _job(message, stamp_ns: int) -> Job:
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    return Job(message, time.monotonic(), 0.0, message.header.stamp)


def _jpeg(image: np.ndarray, header: Header) -> CompressedImage:
    content = cv2.imencode(".jpg", image)[1]
    return CompressedImage(header=header, format="bgr8; jpeg compressed bgr8", data=content.data)


def _raise(text: str) -> None:
    raise RuntimeError(text)


def _wait(condition: Callable[[], int]) -> None:
    end = time.monotonic() + DISCOVERY_S
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("no subscriber within 20 s: does DDS discovery work here?")
        time.sleep(0.02)
