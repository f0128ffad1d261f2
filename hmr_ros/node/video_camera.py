"""A camera that plays pictures: what a driver publishes, from a file, a bag or a webcam.

    python -m hmr_ros.node.video_camera SOURCE [options] [--ros-args -r __ns:=/camera]

Publishes ``image_raw`` (bgr8) and ``camera_info`` at the source's own pace, stamped with the time
of publishing as a driver stamps with the time of exposure.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hmr_ros.geometry.camera import Camera, CameraError, guessed_camera
from hmr_ros.node.camera_messages import camera_info_message, image_message
from hmr_ros.node.memory import keep_large_blocks
from hmr_ros.node.stop_signals import StopSignals
from hmr_ros.sources.intrinsics import camera_of, intrinsics
from hmr_ros.sources.opening import open_source
from hmr_ros.sources.playback import in_real_time
from hmr_ros.sources.source import Picture, SourceError

# A subscriber may take this long to hear of the publisher after the publisher has heard of it.
MATCHING_S = 0.5


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hmr_camera", description=__doc__.splitlines()[0])
    parser.add_argument("source", help="video, image, folder of images, rosbag2 or webcam index")
    parser.add_argument("--loop", action="store_true", help="start again at the end")
    parser.add_argument("--rate", type=float, metavar="HZ", help="instead of the source's own")
    parser.add_argument("--seconds", type=float, help="stop after so long")
    parser.add_argument("--image-topic", help="which image topic of a bag")
    parser.add_argument("--frame-id", default="camera_optical_frame")
    parser.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="S",
        help="wait up to so long for a subscriber of both topics, so that it sees the first image",
    )
    lens = parser.add_mutually_exclusive_group()
    lens.add_argument("--intrinsics", type=intrinsics, metavar="FX,FY,CX,CY[,K1,K2,P1,P2[,K3]]")
    lens.add_argument("--fov", type=float, metavar="DEG", help="along the longer side")
    parser.add_argument("--report", type=Path, help="write what was sent to this JSON file")
    parser.add_argument("--record", type=Path, help="also write the pictures to this .avi file")
    return parser.parse_args(argv)


def main() -> int:
    args = arguments(remove_ros_args(sys.argv)[1:])
    keep_large_blocks()
    stop = StopSignals()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        source = open_source(args.source, args.image_topic)
        sent = _play(source, args, stop)
    except (SourceError, CameraError) as error:
        print(f"hmr_camera: {error}", file=sys.stderr)
        return 2
    finally:
        rclpy.try_shutdown()
    if args.report:
        args.report.write_text(json.dumps({"source": source.where, "frames": sent}))
    return 0


def _play(source, args: argparse.Namespace, stop: StopSignals) -> list[tuple[int, int]]:
    """Publish until the end; what was sent, as (number within the source, stamp in ns)."""
    node = rclpy.create_node("camera")
    images = node.create_publisher(Image, "image_raw", QoSProfile(depth=5))
    infos = node.create_publisher(CameraInfo, "camera_info", QoSProfile(depth=5))
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def wait(seconds: float) -> None:
        end = time.monotonic() + seconds
        while not stop and (left := end - time.monotonic()) > 0:
            executor.spin_once(timeout_sec=min(left, 0.1))

    try:
        _wait_for_subscribers((images, infos), args.wait, wait, stop)
        sent, recorder, ends = [], None, None
        for number, picture in in_real_time(source, args.loop, args.rate, wait):
            ends = ends or time.monotonic() + (args.seconds or float("inf"))
            if stop or time.monotonic() >= ends:
                break
            stamp = node.get_clock().now()
            header = Header(stamp=stamp.to_msg(), frame_id=args.frame_id)
            infos.publish(_camera_info(picture, args, header))
            images.publish(image_message(picture.image, header))
            sent.append((number, stamp.nanoseconds))
            if args.record:
                recorder = recorder or _recorder(args.record, picture, source.rate_hz)
                recorder.write(picture.image)
        if recorder:
            recorder.release()
        if sent:
            wait(MATCHING_S)  # the last image is still being delivered
        return sent
    finally:
        node.destroy_node()


def _wait_for_subscribers(publishers, seconds: float, wait, stop: StopSignals) -> None:
    if seconds <= 0:
        return
    end = time.monotonic() + seconds
    for publisher in publishers:
        while not stop and publisher.get_subscription_count() == 0 and time.monotonic() < end:
            wait(0.02)
    wait(MATCHING_S)


def _camera_info(picture: Picture, args: argparse.Namespace, header: Header) -> CameraInfo:
    height, width = picture.image.shape[:2]
    camera = _camera(picture, args)
    if camera is None:
        # Zeros mean an uncalibrated camera (REP-104): the node then knows that it has to guess.
        return CameraInfo(header=header, height=height, width=width)
    return camera_info_message(camera, header)


def _camera(picture: Picture, args: argparse.Namespace) -> Camera | None:
    height, width = picture.image.shape[:2]
    if args.intrinsics:
        return camera_of(args.intrinsics, width, height)
    if args.fov:
        return guessed_camera(width, height, args.fov)
    return picture.camera


def _recorder(path: Path, picture: Picture, rate_hz: float):
    import cv2

    height, width = picture.image.shape[:2]
    return cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), rate_hz, (width, height))


if __name__ == "__main__":
    sys.exit(main())
