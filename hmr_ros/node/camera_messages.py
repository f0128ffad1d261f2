"""Messages a camera driver publishes, built without touching single pixels from Python."""

from __future__ import annotations

import array

import numpy as np
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hmr_ros.geometry.camera import Camera


def image_message(image: np.ndarray, header: Header) -> Image:
    """``sensor_msgs/Image`` (bgr8) of [H, W, 3] uint8 BGR."""
    height, width = image.shape[:2]
    # The setter takes an array.array as it is; anything else it checks element by element.
    data = array.array("B")
    data.frombytes(memoryview(np.ascontiguousarray(image)).cast("B"))
    return Image(
        header=header, height=height, width=width, encoding="bgr8", step=3 * width, data=data
    )


def camera_info_message(camera: Camera, header: Header) -> CameraInfo:
    """``sensor_msgs/CameraInfo`` of an unrectified, unbinned image (REP-104)."""
    fx, fy, cx, cy = (float(v) for v in (camera.fx, camera.fy, camera.cx, camera.cy))
    known = camera.distortion_model not in ("", "none")
    return CameraInfo(
        header=header,
        height=camera.height,
        width=camera.width,
        distortion_model=camera.distortion_model if known else "plumb_bob",
        d=[float(c) for c in camera.distortion] if known else [0.0] * 5,
        k=[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    )
