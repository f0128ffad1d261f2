"""How people move through the world, as the network over time tells it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Walk:
    """N people, or one without the first axis; odometry frame turned to Y up
    (``CameraPose.y_up``).

    velocity: [N, 3] m/s of the pelvis. resting: [N, 6] probability that the joints
    ``hmr_ros.sighting_fields.RESTING`` rest. turn [3, 3] and eye [3]: from that frame to the
    camera, and where the camera is in it. known: whether the camera's pose is; else a camera that
    moves would be taken for a person who does, so nothing is summed up.
    """

    velocity: np.ndarray
    resting: np.ndarray
    turn: np.ndarray
    eye: np.ndarray
    known: bool = True

    def __getitem__(self, row: int) -> Walk:
        return Walk(self.velocity[row], self.resting[row], self.turn, self.eye, self.known)
