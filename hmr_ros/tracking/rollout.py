"""A person's way through the world: velocities summed up, feet that rest held, drift taken back.

Each image says where somebody is, and errs most in depth. The network over time says how fast the
root moves and which feet rest; both are integrated in the odometry frame, so that a camera's own
motion is no motion of the person's. What the images say pulls the sum back: at once across the line
of sight, slowly along it.
"""

from __future__ import annotations

import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import FEET, BodyModel
from hmr_ros.sighting_fields import GAP
from hmr_ros.tracking.association import NEAREST_M
from hmr_ros.walk import Walk

ACROSS_S, ALONG_S = 0.05, 0.2  # seconds in which the images' word is taken over
SURE = 0.6  # probability of resting from which a foot is held, wholly at 1


class Rollout:
    """The way of one person. ``body`` gives the bones."""

    def __init__(self, body: BodyModel) -> None:
        self.body = body
        self._pelvis: np.ndarray | None = None
        self._stamp = 0.0  # of the last call: images without a pose of the camera are left out
        self._feet = np.zeros((len(FEET), 3))

    def __call__(
        self,
        rotations: np.ndarray,
        betas: np.ndarray,
        transl: np.ndarray,
        walk: Walk,
        stamp: float,
    ) -> np.ndarray:
        """``transl`` [3] (camera frame) on the way so far.

        rotations [24, 3, 3], joint 0 to the camera; betas [10]; walk: of this one person, at
        ``stamp`` seconds. ``GAP`` seconds after the last call the way begins anew, and so it does
        where it has come behind the camera.
        """
        turn, eye, dt = walk.turn, walk.eye, stamp - self._stamp
        self._stamp = stamp
        rest = rest_joints(self.body, betas[None]).astype(np.float64)
        joints, _ = forward_kinematics(rotations[None].astype(np.float64), rest, self.body.parents)
        about = (joints[0] - joints[0, :1]) @ turn
        seen = (transl + rest[0, 0]) @ turn + eye
        feet = about[list(FEET)]
        if self._pelvis is None or not 0 <= dt <= GAP:
            self._pelvis = seen
        elif dt > 0:
            held = np.clip((walk.resting[: len(FEET)] - SURE) / (1 - SURE), 0, 1)
            share = held.max()
            stays = (held[:, None] * (self._feet - feet)).sum(0) / max(held.sum(), 1e-6)
            moved = self._pelvis + (1 - share) * dt * walk.velocity + share * stays
            off = seen - moved
            line = seen - eye
            line = line / max(np.linalg.norm(line), 1e-6)
            along = (off @ line) * line
            across_gain, along_gain = (1 - np.exp(-dt / s) for s in (ACROSS_S, ALONG_S))
            self._pelvis = moved + across_gain * (off - along) + along_gain * along
        self._feet = feet
        there = (self._pelvis - eye) @ turn.T - rest[0, 0]
        if there[2] < NEAREST_M:  # whom the camera sees is before it: the odometry has jumped
            self._pelvis, there = seen, transl
        return there.astype(np.float32)
