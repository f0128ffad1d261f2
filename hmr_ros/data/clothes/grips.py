"""Where a posed person's hands are, and which room around the body is free."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.compiled import reproducible
from hmr_ros.data.scenes.scene import Person

PALM = 0.024  # metres from the bones of the hand to its palm
_TRUNK = np.arange(1, 16)  # joints but those of the arms
_SHARES = np.array([0.25, 0.5, 0.75, 1.0])[:, None, None]  # of the way to a joint


@dataclass(frozen=True, eq=False)
class Hand:
    """One hand; world frame, metres, float64.

    middle: [3] between wrist and knuckles. fingers, palm, thumb: [3] unit vectors along the
    fingers, out of the palm and to the thumb's side. forearm: [3] from elbow to wrist, unit.
    """

    middle: np.ndarray
    fingers: np.ndarray
    palm: np.ndarray
    thumb: np.ndarray
    forearm: np.ndarray

    @property
    def hold(self) -> np.ndarray:
        """[3] a place on the palm."""
        return self.middle + PALM * self.palm


@dataclass(frozen=True, eq=False)
class Stance:
    """hands: left, right. front: [3] where the trunk faces along the floor, unit; zero if it
    lies. joints: [24, 3]. solid: [S, 3] points inside trunk, head, and legs. floor: 0."""

    hands: tuple[Hand, Hand]
    front: np.ndarray
    joints: np.ndarray
    solid: np.ndarray

    def free(self, low: np.ndarray, high: np.ndarray, frame: np.ndarray, margin: float) -> bool:
        """Whether no point of trunk, head or legs is within ``margin`` of a box.

        low, high: [3] corners in the frame whose axes are the rows of ``frame`` [3, 3].
        """
        return _free(self.solid, low, high, frame, margin)


def stance(person: Person, body: BodyModel) -> Stance:
    """Pose the skeleton of a scene's person."""
    rotations = np.asarray(person.rotations, np.float64)[None]
    rest = rest_joints(body, np.asarray(person.betas, np.float64)[None])
    joints, turned = forward_kinematics(rotations, rest, body.parents)
    joints, turned = joints[0] + np.asarray(person.transl, np.float64), turned[0]
    hands = []
    for elbow, wrist, hand in ((18, 20, 22), (19, 21, 23)):
        fingers = _unit(joints[hand] - joints[wrist])
        # In the T-pose palms look down and thumbs forward.
        palm = -turned[wrist][:, 1]
        palm = _unit(palm - fingers * (fingers * palm).sum())
        hands.append(
            Hand(
                middle=0.35 * joints[wrist] + 0.65 * joints[hand],
                fingers=fingers,
                palm=palm,
                thumb=_unit(turned[wrist][:, 2]),
                forearm=_unit(joints[wrist] - joints[elbow]),
            )
        )
    front = turned[6][:, 2] * [1, 0, 1]
    length = np.sqrt((front * front).sum())
    start = joints[body.parents[_TRUNK]]
    solid = start + _SHARES * (joints[_TRUNK] - start)
    return Stance(
        hands=(hands[0], hands[1]),
        front=front / length if length > 0.3 else np.zeros(3),
        joints=joints,
        solid=solid.reshape(-1, 3),
    )


@reproducible
def _free(solid, low, high, frame, margin):
    for n in range(len(solid)):
        inside = True
        for a in range(3):
            at = solid[n, 0] * frame[a, 0] + solid[n, 1] * frame[a, 1] + solid[n, 2] * frame[a, 2]
            if not low[a] - margin < at < high[a] + margin:
                inside = False
                break
        if inside:
            return False
    return True


def _unit(vector: np.ndarray) -> np.ndarray:
    x, y, z = vector.tolist()
    return vector / max(math.sqrt(x * x + y * y + z * z), 1e-9)
