"""One camera image with what is needed to measure in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.camera_pose import CameraPose


@dataclass(frozen=True)
class Frame:
    """An image, its camera and its time.

    image:   [H, W, 3] uint8, BGR channel order (OpenCV's), C-contiguous.
    camera:  intrinsics that hold for exactly this image.
    stamp:   acquisition time in seconds (ROS time, or seconds since the start of a file).
    depth:   optional [H, W] float32 metres along the optical axis, registered to ``image``;
             0 or NaN where unknown.
    pose:    optional pose of the camera in the odometry frame when the image was taken.
    """

    image: np.ndarray
    camera: Camera
    stamp: float
    depth: np.ndarray | None = None
    pose: CameraPose | None = None
