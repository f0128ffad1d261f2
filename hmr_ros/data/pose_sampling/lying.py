"""People who lie."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.pose_sampling.arms import LYING, put_arms
from hmr_ros.data.pose_sampling.limbs import SIGNS, leg
from hmr_ros.data.pose_sampling.source import Source
from hmr_ros.data.pose_sampling.trunk import bend_trunk, upright
from hmr_ros.data.pose_sampling.turns import product, turned

# Roll about the body's own axis, and how often: on the back, on either side, on the front.
_ROLLS = ((0.0, 0.45), (0.5 * np.pi, 0.175), (-0.5 * np.pi, 0.175), (np.pi, 0.2))


def lie(rng: np.random.Generator, source: Source) -> np.ndarray:
    """On the back, a side or the front; legs straight, drawn up or as in a clip."""
    at = rng.random()
    for roll, share in _ROLLS:
        at -= share
        if at < 0:
            break
    rotations = upright() if rng.random() < 0.8 else source.frame(rng)
    rotations[0] = np.eye(3)
    bend_trunk(rng, rotations, rng.uniform(-0.1, 0.35))
    on_back, on_side = roll == 0.0, abs(roll) == 0.5 * np.pi
    drawn = rng.uniform(0.45, 0.82) if on_back or on_side else rng.uniform(0.7, 0.82)
    for side, sign in enumerate(SIGNS):
        reach = drawn + rng.uniform(-0.05, 0.0)
        if rng.random() < 0.25:
            reach = rng.uniform(0.45, 0.82)
        ahead = 0.03 if not on_side else rng.uniform(0.0, 0.45 if reach < 0.7 else 0.1)
        # Lying on the front, a drawn leg slides along the floor; on the back its foot stands there.
        out = rng.uniform(0.0, 0.5) if on_back or on_side else rng.uniform(1.0, 3.0)
        target = np.array([sign * rng.uniform(0.07, 0.22), -reach, ahead])
        leg(rotations, source.rest, side, target, np.array([sign * out, 0.0, 1.0]))
        rotations[(7, 8)[side]] = turned(rng.uniform(0.1, 0.8), 0.0, 0.0)
    put_arms(rng, source, rotations, LYING)
    tilt, turn = rng.normal(0, 0.08), rng.normal(0, 0.2)
    rotations[0] = product(turned(-0.5 * np.pi + tilt, 0.0, 0.0), turned(0.0, roll + turn, 0.0))
    return rotations
