"""Cameras for rendered scenes, over a ground plane or around one person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.data.rounding import rounded
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.camera_pose import LEVEL
from hmr_ros.geometry.rotations import matrix_from_axis_angle


@dataclass(frozen=True)
class Viewpoint:
    """Point p of the world (Y up, ground at y = 0): ``rotation @ (p - position)`` in the camera."""

    camera: Camera
    rotation: np.ndarray
    position: np.ndarray

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World [..., 3] to the optical frame."""
        return (np.asarray(points) - self.position) @ self.rotation.T


def viewpoint(camera: Camera, height: float, pitch: float, roll: float = 0.0) -> Viewpoint:
    """A camera ``height`` metres over the world's origin; pitch > 0 looks down (radians)."""
    tilt = matrix_from_axis_angle(np.array([pitch, 0.0, 0.0]))
    lean = matrix_from_axis_angle(np.array([0.0, 0.0, roll]))
    return Viewpoint(camera, rounded(lean @ tilt @ LEVEL), np.array([0.0, height, 0.0]))


def camera_with_fov(width: int, height: int, fov_deg: float) -> Camera:
    """A pinhole camera with square pixels and ``fov_deg`` along the longer side."""
    focal = float(rounded(0.5 * max(width, height) / np.tan(np.radians(fov_deg) / 2)))
    return Camera(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
