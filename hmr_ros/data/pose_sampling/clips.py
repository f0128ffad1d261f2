"""Poses from motion clips."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.pose_sampling.arms import STANDING, keep_arms, put_arms
from hmr_ros.data.pose_sampling.source import Source
from hmr_ros.data.pose_sampling.turns import matrices, product

UPPER = [3, 6, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]


def clip(rng: np.random.Generator, source: Source) -> np.ndarray:
    """A frame as it is."""
    return source.frame(rng)


def mixed(rng: np.random.Generator, source: Source) -> np.ndarray:
    """A frame with the upper body or the arms of another, or hands at something, and noise."""
    rotations = source.frame(rng)
    kind = rng.random()
    if kind < 0.4:
        rotations[UPPER] = source.frame(rng)[UPPER]
    elif kind < 0.55:
        keep_arms(rotations, source.frame(rng))
    elif kind < 0.85:
        put_arms(rng, source, rotations, STANDING)
    return noisy(rng, rotations, float(np.exp(rng.uniform(np.log(0.02), np.log(0.12)))))


def noisy(rng: np.random.Generator, rotations: np.ndarray, deviation: float) -> np.ndarray:
    """Every joint but the pelvis and the hands turned by ``deviation`` radians on each axis."""
    noise = matrices(rng.normal(0, deviation, (21, 3)))
    for joint in range(1, 22):
        rotations[joint] = product(rotations[joint], noise[joint - 1])
    return rotations
