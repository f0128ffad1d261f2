"""People who reach for something while they stand, walk or crouch."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.pose_sampling.arms import Task, put_arm
from hmr_ros.data.pose_sampling.low import bend, crouch
from hmr_ros.data.pose_sampling.source import Source

_FAR: tuple[Task, ...] = (
    ((0.0, 0.85, -0.1), (0.35, 1.05, 0.3), (1.0, 0.2, 0.2), (-0.6, 1.0)),  # up
    ((0.0, 0.32, 0.45), (0.35, 0.75, 0.60), (0.7, -0.8, 0.0), (-0.8, 1.0)),  # forward
    ((0.55, 0.25, -0.2), (0.75, 0.85, 0.2), (0.2, -0.8, -0.6), (-0.8, 1.0)),  # aside
)
_DOWN: Task = ((0.05, -0.2, 0.35), (0.3, 0.1, 0.6), (0.8, 0.0, -0.6), (-0.4, 0.8))


def reach(rng: np.random.Generator, source: Source) -> np.ndarray:
    """One arm or both stretched up, forward, aside, or down from a bent body."""
    at = rng.random()
    if at < 0.2:
        rotations, task = (bend if at < 0.12 else crouch)(rng, source), _DOWN
    else:
        rotations, task = source.frame(rng), _FAR[int(rng.integers(len(_FAR)))]
    for side in (0, 1) if rng.random() < 0.4 else (int(rng.integers(2)),):
        put_arm(rng, source, rotations, side, task)
    return rotations
