"""Where a camera is: its pose in the odometry frame (REP-105: z up, drifts, never jumps)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.geometry.rotations import slerp

# From the networks' world (Y up) to the odometry frame (Z up): x stays.
Z_UP_FROM_Y_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


# A level camera that looks along the world's -Z (world: Y up; optical frame: y down, z forward).
LEVEL = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True, eq=False)
class CameraPose:
    """Point p of the odometry frame is ``rotation @ (p - position)`` in the camera's optical frame.

    rotation: [3, 3], position: [3] metres, both float64.
    """

    rotation: np.ndarray
    position: np.ndarray

    def y_up(self) -> tuple[np.ndarray, np.ndarray]:
        """Rotation and position as the networks take them: the odometry frame turned to Y up."""
        return self.rotation @ Z_UP_FROM_Y_UP, Z_UP_FROM_Y_UP.T @ self.position


def pose_between(a: CameraPose, b: CameraPose, share: float) -> CameraPose:
    """On the way from ``a`` (share 0) to ``b`` (1): along the shortest arc, the place linearly."""
    position = a.position + share * (b.position - a.position)
    return CameraPose(slerp(a.rotation, b.rotation, share), position)


def pose_from_y_up(rotation: np.ndarray, position: np.ndarray) -> CameraPose:
    """The pose in the odometry frame from one in a world with Y up."""
    return CameraPose(rotation @ Z_UP_FROM_Y_UP.T, Z_UP_FROM_Y_UP @ position)
