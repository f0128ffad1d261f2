"""Bend arms and legs so that wrists and ankles come to where they are wanted (two-bone IK)."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.pose_sampling.turns import place, product, turned

HIPS, KNEES, ANKLES = (1, 2), (4, 5), (7, 8)
SHOULDERS, ELBOWS, WRISTS = (16, 17), (18, 19), (20, 21)
SIGNS = (1.0, -1.0)  # of the left and the right side, x being to the left
_TO_SHOULDER = tuple(np.array([0, 3, 6, 9, c, s]) for c, s in ((13, 16), (14, 17)))
_TO_KNEE = tuple(np.array([0, h, k]) for h, k in zip(HIPS, KNEES, strict=True))


def arm(
    rotations: np.ndarray,
    rest: np.ndarray,
    side: int,
    target: np.ndarray,
    pole: np.ndarray,
    twist: float = 0.0,
) -> None:
    """Set shoulder and elbow in ``rotations`` [24, 3, 3] so that the wrist comes to ``target``.

    side: 0 left, 1 right. target: [3] metres in the frame of the trunk, placed as in the T-pose
    (the trunk upright, the pelvis at ``rest[0]``); what is out of reach is pointed at. pole: [3],
    where the elbow points. twist: of the forearm, radians.
    """
    shoulder, elbow, wrist = SHOULDERS[side], ELBOWS[side], WRISTS[side]
    ends = rest[shoulder], rest[elbow], rest[wrist]
    rotations[shoulder], rotations[elbow] = _arm(*ends, SIGNS[side], target, pole, twist)


def leg(
    rotations: np.ndarray, rest: np.ndarray, side: int, target: np.ndarray, pole: np.ndarray
) -> None:
    """Set hip and knee in ``rotations`` [24, 3, 3] so that the ankle comes to ``target``.

    target, pole: [3] in world axes, metres, about a pelvis at ``rest[0]`` that is oriented as
    ``rotations[0]``. pole: where the knee points.
    """
    hip, knee, ankle = HIPS[side], KNEES[side], ANKLES[side]
    ends = rest[0], rest[hip], rest[knee], rest[ankle]
    rotations[hip], rotations[knee] = _leg(rotations[0], *ends, target, pole)


def foot(rotations: np.ndarray, side: int, yaw: float, pitch: float) -> None:
    """Turn the ankle so that the foot lies on the floor, toes turned out by ``yaw`` and pointing
    down by ``pitch`` radians."""
    hip, knee, ankle = HIPS[side], KNEES[side], ANKLES[side]
    shin = product(product(rotations[0], rotations[hip]), rotations[knee])
    flat = product(turned(0.0, SIGNS[side] * yaw, 0.0), turned(pitch, 0.0, 0.0))
    rotations[ankle] = product(shin.T, flat)


def seen_from_trunk(
    rotations: np.ndarray, rest: np.ndarray, side: int, point: np.ndarray
) -> np.ndarray:
    """A point of the world [3] (the pelvis at ``rest[0]``) as a target for ``arm``."""
    shoulder, turn = place(rotations, rest, _TO_SHOULDER[side])
    return rest[SHOULDERS[side]] + (point - shoulder) @ turn


def along_thigh(rotations: np.ndarray, rest: np.ndarray, side: int, share: float) -> np.ndarray:
    """The point [3] of the world that lies ``share`` of the way from hip to knee."""
    knee, _ = place(rotations, rest, _TO_KNEE[side])
    hip, _ = place(rotations, rest, _TO_KNEE[side][:2])
    return hip + share * (knee - hip)


@reproducible
def _arm(shoulder, elbow, wrist, sign, target, pole, twist):
    limb = _bent(target - shoulder, _length(elbow - shoulder), _length(wrist - elbow), pole)
    turn = np.empty((3, 3))
    for a in range(3):
        turn[a, 0], turn[a, 1] = sign * limb[0, a], -sign * limb[2, a]
    _third_column(turn)
    hinge = product(turned(0.0, -sign * _angle(limb), 0.0), turned(-twist, 0.0, 0.0))
    return turn, hinge


@reproducible
def _leg(root, pelvis, hip, knee, ankle, target, pole):
    start = pelvis.copy()
    for a in range(3):
        for b in range(3):
            start[a] += root[a, b] * (hip[b] - pelvis[b])
    limb = _bent(target - start, _length(knee - hip), _length(ankle - knee), pole)
    turn = np.empty((3, 3))
    for a in range(3):
        turn[a, 0], turn[a, 1] = limb[2, a], -limb[0, a]
    _third_column(turn)
    return product(root.T, turn), turned(_angle(limb), 0.0, 0.0)


@reproducible
def _bent(way, first, second, pole):
    """Directions of both bones and of the hinge between them, the rows of [3, 3].

    way: [3] from the limb's start to its wanted end. first, second: lengths of the bones.
    pole: [3], where the middle joint points. Out of reach, the limb is stretched or folded.
    """
    reach = _length(way) + 1e-12
    line = way / reach
    folded = abs(first - second) + 0.25 * min(first, second)
    reach = min(max(reach, folded), 0.998 * (first + second))
    along = pole[0] * line[0] + pole[1] * line[1] + pole[2] * line[2]
    aside = pole - along * line
    aside = aside / (_length(aside) + 1e-12)
    before = (first * first - second * second + reach * reach) / (2 * reach)
    height = np.sqrt(max(first * first - before * before, 0.0))
    out = np.empty((3, 3))
    out[0] = (before * line + height * aside) / first
    out[1] = ((reach - before) * line - height * aside) / second
    out[2, 0] = aside[1] * line[2] - aside[2] * line[1]
    out[2, 1] = aside[2] * line[0] - aside[0] * line[2]
    out[2, 2] = aside[0] * line[1] - aside[1] * line[0]
    return out


@reproducible
def _angle(limb):
    cosine = limb[0, 0] * limb[1, 0] + limb[0, 1] * limb[1, 1] + limb[0, 2] * limb[1, 2]
    return np.arccos(min(max(cosine, -1.0), 1.0))


@reproducible
def _length(v):
    return np.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])


@reproducible
def _third_column(turn):
    turn[0, 2] = turn[1, 0] * turn[2, 1] - turn[2, 0] * turn[1, 1]
    turn[1, 2] = turn[2, 0] * turn[0, 1] - turn[0, 0] * turn[2, 1]
    turn[2, 2] = turn[0, 0] * turn[1, 1] - turn[1, 0] * turn[0, 1]
