"""People who sit. Lengths are metres of the mean body, about the pelvis."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.pose_sampling.arms import GROUND, RIDING, SEATED, put_arms
from hmr_ros.data.pose_sampling.limbs import SIGNS, foot, leg
from hmr_ros.data.pose_sampling.source import Source
from hmr_ros.data.pose_sampling.trunk import bend_trunk, upright
from hmr_ros.data.pose_sampling.turns import turned


def sit(rng: np.random.Generator, source: Source) -> np.ndarray:
    """On a chair, stool or sofa; astride; on the floor with legs ahead or crossed."""
    rotations, kind = upright(), rng.random()
    if kind < 0.6:
        _on_chair(rng, source, rotations)
    elif kind < 0.72:
        _astride(rng, source, rotations)
    elif kind < 0.86:
        _on_floor(rng, source, rotations)
    else:
        _cross_legged(rng, source, rotations)
    return rotations


def _on_chair(rng, source, rotations) -> None:
    recline = rng.uniform(-0.45, 0.25)
    rotations[0] = turned(recline, 0.0, 0.0)
    bend_trunk(rng, rotations, rng.uniform(-0.05, 0.55) - 0.5 * min(recline, 0.0))
    apart, ahead, down = rng.uniform(0.07, 0.26), rng.uniform(0.22, 0.6), rng.uniform(-0.5, -0.36)
    ankles_crossed = rng.random() < 0.12 and ahead > 0.4
    for side, sign in enumerate(SIGNS):
        jitter = rng.normal(0, 1, 5)
        target = np.array([sign * apart, down, ahead]) + 0.03 * jitter[:3]
        if ankles_crossed:
            target[0], target[2] = -sign * 0.05, ahead + 0.07 * sign
        leg(rotations, source.rest, side, target, np.array([sign * (1.6 * apart - 0.1), 0.9, 0.5]))
        foot(rotations, side, 0.15 + 0.12 * jitter[3], 0.1 * jitter[4])
    put_arms(rng, source, rotations, SEATED)


def _astride(rng, source, rotations) -> None:
    """On a bicycle, a motorcycle or a horse."""
    lean = rng.uniform(-0.1, 0.6)
    rotations[0] = turned(lean, 0.0, 0.0)
    bend_trunk(rng, rotations, rng.uniform(0.0, 0.5), 0.06)
    apart, phase = rng.uniform(0.1, 0.3), rng.uniform(-1, 1)
    down, ahead = rng.uniform(-0.66, -0.5), rng.uniform(0.1, 0.34)
    for side, sign in enumerate(SIGNS):
        target = np.array([sign * apart, down + 0.13 * phase * sign, ahead])
        leg(rotations, source.rest, side, target, np.array([sign * apart, 0.6, 1.0]))
        foot(rotations, side, 0.1, rng.uniform(-0.1, 0.35))
    put_arms(rng, source, rotations, RIDING)


def _on_floor(rng, source, rotations) -> None:
    recline = rng.uniform(-0.4, 0.15)
    rotations[0] = turned(recline, 0.0, 0.0)
    bend_trunk(rng, rotations, rng.uniform(0.1, 0.7) - 0.6 * min(recline, 0.0))
    ahead = rng.uniform(0.35, 0.85)
    for side, sign in enumerate(SIGNS):
        jitter = rng.normal(0, 0.06)
        target = np.array([sign * rng.uniform(0.06, 0.28), -0.07, ahead + jitter])
        if rng.random() < 0.2:
            target[2] = rng.uniform(0.35, 0.85)
        pole = np.array([sign * rng.uniform(0.0, 0.5), 1.0, 0.2])
        leg(rotations, source.rest, side, target, pole)
        foot(rotations, side, 0.2, rng.uniform(-0.9, 0.0) if target[2] > 0.65 else 0.0)
    put_arms(rng, source, rotations, GROUND)


def _cross_legged(rng, source, rotations) -> None:
    rotations[0] = turned(rng.uniform(-0.35, 0.1), 0.0, 0.0)
    bend_trunk(rng, rotations, rng.uniform(0.2, 0.7))
    ahead, height = rng.uniform(0.28, 0.36), rng.uniform(0.8, 1.3)
    for side, sign in enumerate(SIGNS):
        # One shin lies before the other.
        target = np.array([-sign * rng.uniform(0.0, 0.1), -0.06, ahead + 0.065 * sign])
        leg(rotations, source.rest, side, target, np.array([0.8 * sign, height, 0.5]))
        rotations[(7, 8)[side]] = turned(rng.uniform(0.1, 0.6), 0.0, -sign * rng.uniform(0.1, 0.5))
    put_arms(rng, source, rotations, GROUND)
