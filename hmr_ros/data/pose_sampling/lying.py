"""People who lie."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.pose_sampling.arms import LYING, chosen, put_arms
from hmr_ros.data.pose_sampling.limbs import SIGNS, leg
from hmr_ros.data.pose_sampling.source import Source
from hmr_ros.data.pose_sampling.trunk import bend_trunk, upright
from hmr_ros.data.pose_sampling.turns import product, turned

# Turn about the body's own axis.
_ROLLS = {"back": 0.0, "side": 0.5 * np.pi, "other side": -0.5 * np.pi, "front": np.pi}
_HOW_OFTEN = {"back": 0.45, "side": 0.175, "other side": 0.175, "front": 0.2}


def lie(rng: np.random.Generator, source: Source) -> np.ndarray:
    """On the back, a side or the front; legs straight or drawn up."""
    roll = _ROLLS[chosen(rng, _HOW_OFTEN)]
    rotations = upright()
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
