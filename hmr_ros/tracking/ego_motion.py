"""What a camera's own motion does to what it saw before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.bodies import Bodies
from hmr_ros.geometry.camera_pose import CameraPose


@dataclass(frozen=True, eq=False)
class EgoMotion:
    """Point p of the camera's frame before is ``turn @ p + shift`` in its frame now, if p rests.

    turn: [3, 3], shift: [3] metres.
    """

    turn: np.ndarray
    shift: np.ndarray

    def bodies(self, bodies: Bodies, root: np.ndarray) -> Bodies:
        """People who rest, in the camera's frame now; what is in pixels stays as it was, until
        ``Tracker`` projects.

        root: [3], from ``transl`` to the pelvis, about which ``global_orient`` turns.
        """
        turn = self.turn.astype(np.float32)
        return bodies.replace(
            global_orient=turn @ bodies.global_orient,
            transl=self._there(bodies.transl + root) - root.astype(np.float32),
            joints=self._there(bodies.joints),
            joint_cov=turn @ bodies.joint_cov @ turn.T,
            transl_cov=turn @ bodies.transl_cov @ turn.T,
        )

    def _there(self, points: np.ndarray) -> np.ndarray:
        return (points @ self.turn.T + self.shift).astype(np.float32)


def ego_motion(before: CameraPose | None, now: CameraPose | None) -> EgoMotion | None:
    """From one pose to another; None if either is unknown."""
    if before is None or now is None:
        return None
    turn = now.rotation @ before.rotation.T
    return EgoMotion(turn, now.rotation @ (before.position - now.position))
