"""Anything that joints allow."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.joint_limits import LIMITS, from_swing_twist
from hmr_ros.data.pose_sampling.source import Source
from hmr_ros.data.pose_sampling.turns import matrices, product, turned

# The part of the limits, about their middle, that poses are drawn from: the spine's joints seldom
# bend all at once, and the hinges of elbow and knee bend about one axis.
_SHARE = np.ones((24, 3))
_SHARE[[3, 6, 9, 12, 13, 14, 15]] = 0.6
_SHARE[[4, 5]] = 0.85, 0.3, 0.0
_SHARE[[18, 19]] = 0.5, 0.9, 0.1
_SHARE[[7, 8, 10, 11, 20, 21, 22, 23]] = 0.6
_SHARE[[1, 2, 16, 17]] = 0.8
_LOW, _HIGH = LIMITS[..., 0].copy(), LIMITS[..., 1].copy()
_LOW[0], _HIGH[0] = -1.0, 1.0
_LOW[[4, 5]] *= [1, 1, 0]
_HIGH[[4, 5]] *= [1, 1, 0]
_LOW[[18, 19], 2], _HIGH[[18, 19], 2] = -0.3, 0.3


def wild(rng: np.random.Generator, source: Source) -> np.ndarray:
    """Every joint uniform in the wide middle of its limits, or its legs or arms only; the whole
    person tilted somewhat."""
    middle, half = (_LOW + _HIGH) / 2, (_HIGH - _LOW) / 2 * _SHARE
    drawn = from_swing_twist(middle + half * rng.uniform(-1, 1, (24, 3)))
    rotations = matrices(drawn)
    rotations[0] = product(turned(*rng.normal(0, 0.35, 3)), np.eye(3))
    kind = rng.random()
    if kind < 0.5:
        kept = source.frame(rng)
        joints = [1, 2, 4, 5, 7, 8, 10, 11] if kind < 0.25 else [13, 14, 16, 17, 18, 19, 20, 21]
        rotations[joints] = kept[joints]
        rotations[0] = kept[0]
    return rotations
