"""A rosbag2 recording (sqlite3 or mcap), read without ROS through ``rosbags``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from hmr_ros.geometry.camera import Camera, CameraError, camera_from_info
from hmr_ros.sources.source import Picture, Source, SourceError

log = logging.getLogger(__name__)

IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
INFO_TYPE = "sensor_msgs/msg/CameraInfo"
# Words in the names of image topics that hold no picture of people.
NOT_PICTURES = ("depth", "disparity", "mask", "infra")
USUAL_RATE_HZ = 10.0
MOST_PIXELS = 1 << 26


def bag_source(path: Path, image_topic: str | None = None) -> Source:
    """Pictures of one image topic with the intrinsics of its ``camera_info``, if recorded.

    Stamps are those of the headers, ROS time in seconds. Raises SourceError if the bag cannot be
    read, has no image topic, or has several and ``image_topic`` does not choose one.
    """
    with _opened(path) as reader:
        topic = _image_topic(path, reader, image_topic)
        count = sum(c.msgcount for c in reader.connections if c.topic == topic)
        seconds = reader.duration / 1e9
    if count == 0:
        raise SourceError(f"{path}: {topic} was recorded without a message; record it anew")
    rate = (count - 1) / seconds if count > 1 and seconds > 0 else USUAL_RATE_HZ

    def read() -> Iterator[Picture]:
        return _pictures(path, topic)

    return Source(f"{path}:{topic}", "bag", read, count, rate)


@contextmanager
def _opened(path: Path):
    from rosbags.highlevel import AnyReader, AnyReaderError
    from rosbags.typesys import Stores, get_typestore

    try:
        # Bags of Humble carry no message definitions of their own.
        reader = AnyReader([path], default_typestore=get_typestore(Stores.ROS2_HUMBLE))
        reader.open()
    except (AnyReaderError, OSError, AssertionError) as error:
        raise SourceError(
            f"{path}: is no readable rosbag2 ({error}); `ros2 bag info {path.name}` should list "
            f"its topics, `ros2 bag reindex {path.name}` mends one that was cut off"
        ) from None
    try:
        yield reader
    finally:
        reader.close()


def _raw(topic: str) -> str:
    """Topic of the uncompressed images of the same camera."""
    return topic.removesuffix("/compressed")


def _image_topic(path: Path, reader, wanted: str | None) -> str:
    topics = sorted({c.topic for c in reader.connections if c.msgtype in IMAGE_TYPES})
    listed = ", ".join(topics) or "none"
    if wanted is not None:
        if wanted not in topics:
            raise SourceError(f"{path}: has no image topic {wanted}; its image topics: {listed}")
        return wanted
    likely = [t for t in topics if not any(word in t for word in NOT_PICTURES)] or topics
    # A compressed copy beside the raw topic is the same camera.
    likely = [
        t for t in likely if t.removesuffix("/compressed") not in likely or "/compressed" not in t
    ]
    if not likely:
        others = ", ".join(sorted({c.topic for c in reader.connections})) or "none"
        raise SourceError(
            f"{path}: has no topic of type {' or '.join(IMAGE_TYPES)}; its topics: {others}"
        )
    if len(likely) > 1:
        raise SourceError(f"{path}: has several image topics; choose one of {listed}")
    return likely[0]


def _pictures(path: Path, topic: str) -> Iterator[Picture]:
    with _opened(path) as reader:
        wanted = [c for c in reader.connections if c.topic == topic]
        infos = _info_connections(reader, topic)
        # The first image may have been recorded before the first camera_info.
        first = next(reader.messages(infos), None) if infos else None
        info = reader.deserialize(first[2], INFO_TYPE) if first else None
        camera, camera_of, i = None, None, 0
        for connection, time_ns, data in reader.messages(wanted + infos):
            message = reader.deserialize(data, connection.msgtype)
            if connection.msgtype == INFO_TYPE:
                info = message
                continue
            image = _decoded(f"{path}:{topic}", message, connection.msgtype)
            if info is not camera_of:
                camera, camera_of = _camera(path, info, image), info
            stamp = message.header.stamp
            seconds = stamp.sec + stamp.nanosec * 1e-9
            yield Picture(image, seconds or time_ns * 1e-9, f"{path.name}#{i}", camera)
            i += 1


def _decoded(where: str, message, kind: str) -> np.ndarray:
    from hmr_ros.node.compressed_image import decode_compressed
    from hmr_ros.node.image_decoding import ImageError, decode_image

    decode = decode_image if kind == IMAGE_TYPES[0] else decode_compressed
    try:
        return decode(message, MOST_PIXELS)
    except ImageError as error:
        raise SourceError(f"{where}: {error}") from None


def _info_connections(reader, image_topic: str) -> list:
    """camera_info beside the image topic, or the only one of the bag."""
    infos = [c for c in reader.connections if c.msgtype == INFO_TYPE]
    folder = _raw(image_topic).rpartition("/")[0]
    beside = [c for c in infos if c.topic == f"{folder}/camera_info"]
    only = infos if len({c.topic for c in infos}) == 1 else []
    return beside or only


def _camera(path: Path, info, image: np.ndarray) -> Camera | None:
    roi = info.roi
    try:
        return camera_from_info(
            info.k,
            info.d,
            info.distortion_model,
            (info.width, info.height),
            (image.shape[1], image.shape[0]),
            (info.binning_x, info.binning_y),
            (roi.x_offset, roi.y_offset, roi.width, roi.height),
        )
    except CameraError as error:
        log.warning("%s: %s; going on without intrinsics", path, error)
        return None
