"""People who crouch, kneel and bend down. Lengths are metres of the mean body."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.pose_sampling.arms import GROUND, LAP, STANDING, put_arms, put_in_world
from hmr_ros.data.pose_sampling.limbs import SIGNS, foot, leg
from hmr_ros.data.pose_sampling.source import Source
from hmr_ros.data.pose_sampling.trunk import bend_trunk, upright
from hmr_ros.data.pose_sampling.turns import turned

_ANKLE = 0.07  # height of an ankle over the floor
_CROUCHED = STANDING | GROUND | {"hang": 1.0, "propped": 0.3}
_KNEELING = STANDING | {"hang": 1.5, LAP: 2.0}


def crouch(rng: np.random.Generator, source: Source) -> np.ndarray:
    """Knees and hips bent over both feet: a squat, a boarder's or a goalkeeper's stance."""
    rotations = upright()
    low = rng.uniform(0.28, 0.66)
    wide = rng.uniform(0.08, 0.2) + max(low - 0.4, 0.0) * rng.random()
    stagger = rng.uniform(-0.2, 0.2)
    rotations[0] = turned(rng.uniform(0.0, 0.6), 0.0, 0.0)
    bend_trunk(rng, rotations, rng.uniform(0.1, 0.8))
    for side, sign in enumerate(SIGNS):
        target = np.array([sign * wide, -low, rng.uniform(0.0, 0.12) + sign * stagger])
        leg(rotations, source.rest, side, target, np.array([sign * rng.uniform(0, 0.5), 0.2, 1.0]))
        foot(rotations, side, rng.uniform(0.05, 0.4), rng.uniform(0.0, 0.3))
    _arms(rng, source, rotations, _CROUCHED, -low - _ANKLE, 0.15)
    return rotations


def kneel(rng: np.random.Generator, source: Source) -> np.ndarray:
    """On one knee, on both, on the heels, on all fours."""
    rotations, kind = upright(), rng.random()
    if kind < 0.2:
        _all_fours(rng, source, rotations)
        return rotations
    rotations[0] = turned(rng.uniform(-0.05, 0.35), 0.0, 0.0)
    bend_trunk(rng, rotations, rng.uniform(0.0, 0.6))
    one = kind < 0.6
    # The pelvis moves from over the knees towards the heels.
    back = 0.0 if one else rng.uniform(0.0, 0.85)
    lower, behind = 0.40 - 0.24 * back, 0.40 - 0.36 * back
    for side, sign in enumerate(SIGNS):
        if one and side == 0:
            leg(
                rotations,
                source.rest,
                side,
                np.array([0.12, -0.36, rng.uniform(0.28, 0.42)]),
                np.array([0.1, 1.0, 0.6]),
            )
            foot(rotations, side, 0.1, 0.0)
            continue
        target = np.array([sign * rng.uniform(0.09, 0.16), -lower, -behind])
        leg(rotations, source.rest, side, target, np.array([sign * 0.12, -0.6 + back, 1.0]))
        foot(rotations, side, 0.0, rng.uniform(0.7, 1.3))
    _arms(rng, source, rotations, _KNEELING, -lower - _ANKLE, 0.1)
    return rotations


def bend(rng: np.random.Generator, source: Source) -> np.ndarray:
    """Legs nearly straight, trunk forward."""
    rotations = upright()
    rotations[0] = turned(rng.uniform(0.35, 1.2), 0.0, 0.0)
    bend_trunk(rng, rotations, rng.uniform(0.1, 0.8))
    low = rng.uniform(0.68, 0.8)
    stagger = rng.uniform(-0.15, 0.15)
    for side, sign in enumerate(SIGNS):
        target = np.array([sign * rng.uniform(0.08, 0.22), -low, rng.uniform(0, 0.2)])
        target[2] += sign * stagger
        leg(rotations, source.rest, side, target, np.array([sign * 0.15, 0.2, 1.0]))
        foot(rotations, side, 0.15, 0.0)
    _arms(rng, source, rotations, STANDING | {"table": 3.0, "forward": 3.0}, -low - _ANKLE, 0.3)
    return rotations


def _all_fours(rng, source, rotations) -> None:
    rotations[0] = turned(rng.uniform(1.2, 1.6), 0.0, 0.0)
    bend_trunk(rng, rotations, rng.uniform(-0.2, 0.2))
    for side, sign in enumerate(SIGNS):
        ahead = rng.uniform(-0.12, 0.2)
        target = np.array([sign * rng.uniform(0.1, 0.18), -0.42, ahead - 0.4])
        leg(rotations, source.rest, side, target, np.array([sign * 0.1, -0.6, 1.0]))
        foot(rotations, side, 0.0, rng.uniform(0.8, 1.3))
        hand = np.array([sign * rng.uniform(0.14, 0.26), -0.42, rng.uniform(0.3, 0.6)])
        put_in_world(rng, source, rotations, side, hand)
        rotations[(20, 21)[side]] = turned(0.0, 0.0, sign * rng.uniform(0.8, 1.3))


def _arms(rng, source, rotations, tasks, floor: float, touch: float) -> None:
    """Hands at ``tasks``; with chance ``touch`` one of them or both near the floor instead."""
    put_arms(rng, source, rotations, tasks)
    if rng.random() >= touch:
        return
    height = rng.uniform(0.05, 0.3)
    for side in (0, 1) if rng.random() < 0.6 else (int(rng.integers(2)),):
        hand = np.array([SIGNS[side] * rng.uniform(0.05, 0.25), floor + height, 0.0])
        hand[2] = rng.uniform(0.3, 0.55)
        put_in_world(rng, source, rotations, side, hand)
