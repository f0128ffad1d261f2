"""What people do with their hands."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.pose_sampling.limbs import (
    ELBOWS,
    SHOULDERS,
    SIGNS,
    WRISTS,
    along_thigh,
    arm,
    seen_from_trunk,
)
from hmr_ros.data.pose_sampling.source import Source
from hmr_ros.data.pose_sampling.turns import turned

# Least and greatest place of the left wrist (metres, see ``limbs.arm``; x to the left, the mean
# body's shoulder is at 0.17, 0.45, 0.01), where the elbow points, the forearm's twist in radians.
Task = tuple[
    tuple[float, float, float],
    tuple[float, float, float],
    tuple[float, float, float],
    tuple[float, float],
]
_DOWN, _OUT = (0.35, -1.0, -0.25), (1.0, -0.35, -0.3)
TASKS: dict[str, Task] = {
    "hang": ((0.20, -0.12, -0.08), (0.33, -0.04, 0.16), (0.5, 0.0, -1.0), (-0.3, 0.8)),
    "table": ((0.00, 0.10, 0.26), (0.30, 0.30, 0.42), (0.7, -0.8, -0.3), (-0.4, 0.5)),
    "phone": ((0.00, 0.26, 0.24), (0.16, 0.52, 0.40), _DOWN, (-0.2, 1.2)),
    "face": ((0.00, 0.54, 0.16), (0.10, 0.68, 0.24), _DOWN, (-0.2, 0.8)),
    "ear": ((0.11, 0.56, 0.04), (0.16, 0.64, 0.12), _OUT, (-0.2, 0.8)),
    "hip": ((0.19, 0.02, 0.00), (0.24, 0.12, 0.08), (1.0, 0.0, -0.6), (-0.5, 0.5)),
    "bar": ((0.15, 0.15, 0.34), (0.32, 0.46, 0.50), (0.8, -0.8, 0.0), (-0.4, 0.4)),
    "chest": ((-0.16, 0.22, 0.20), (0.02, 0.38, 0.27), (0.9, -0.8, 0.0), (-0.3, 0.5)),
    "forward": ((0.00, 0.30, 0.38), (0.34, 0.62, 0.52), (0.6, -0.9, 0.0), (-0.6, 1.0)),
    "aside": ((0.48, 0.15, -0.15), (0.68, 0.75, 0.25), (0.1, -0.8, -0.8), (-0.6, 1.0)),
    "up": ((0.02, 0.72, -0.10), (0.40, 1.00, 0.30), (1.0, 0.1, 0.2), (-0.6, 1.0)),
    "propped": ((0.18, -0.12, -0.34), (0.34, 0.02, -0.14), (0.2, 0.2, -1.0), (-0.3, 0.8)),
}
LAP = "lap"  # a hand on a thigh or a knee, wherever that is
# Relative weights of tasks by what the body does.
STANDING = {"hang": 3.0, "phone": 2.0, "table": 1.0, "face": 1.0, "ear": 0.7, "hip": 1.0}
STANDING |= {"chest": 1.0, "forward": 1.0, "aside": 0.7, "up": 0.6}
SEATED = {LAP: 3.0, "table": 3.0, "phone": 2.0, "face": 1.5, "chest": 0.7, "ear": 0.4}
SEATED |= {"forward": 0.6, "aside": 0.3, "up": 0.2, "propped": 0.6}
GROUND = {LAP: 2.0, "table": 1.0, "phone": 1.5, "face": 1.0, "propped": 2.5, "chest": 0.7}
GROUND |= {"forward": 0.6, "aside": 0.6, "up": 0.3}
LYING = {"hang": 3.0, "phone": 1.5, "face": 1.0, "chest": 1.5, "hip": 0.7, "up": 1.5, "aside": 1.5}
RIDING = {"bar": 4.0, "hang": 0.4, "aside": 0.4, "phone": 0.3}
# Hands that often do the same.
_ALIKE = {"table", "phone", LAP, "forward", "up", "propped", "hang", "hip", "chest", "bar"}
_TRIES = 5


def chosen(rng: np.random.Generator, weights: dict[str, float]) -> str:
    """A name, drawn by relative weights."""
    at = rng.random() * sum(weights.values())
    for name, weight in weights.items():
        at -= weight
        if at < 0:
            return name
    return name


def put_arms(
    rng: np.random.Generator, source: Source, rotations: np.ndarray, weights: dict[str, float]
) -> None:
    """Both arms at tasks drawn by ``weights``, often the same one; drawn again where they pass
    through the body."""
    for _ in range(_TRIES):
        first = chosen(rng, weights)
        second = first if first in _ALIKE and rng.random() < 0.6 else chosen(rng, weights)
        both = (first, second) if rng.random() < 0.5 else (second, first)
        for side, task in enumerate(both):
            if task == LAP:
                put_on_thigh(rng, source, rotations, side)
            else:
                put_arm(rng, source, rotations, side, TASKS[task])
        if source.is_clear(rotations):
            return


def put_arm(
    rng: np.random.Generator, source: Source, rotations: np.ndarray, side: int, task: Task
) -> None:
    """One arm (0: left) somewhere in the range of ``task``."""
    low, high, pole, twist = task
    spread = rng.random(4)
    target = np.array([a + u * (b - a) for a, b, u in zip(low, high, spread[:3], strict=True)])
    _put(rng, source, rotations, side, target, pole, twist[0] + spread[3] * (twist[1] - twist[0]))


def put_on_thigh(
    rng: np.random.Generator, source: Source, rotations: np.ndarray, side: int
) -> None:
    """The hand on the thigh or the knee of its side, now and then of the other."""
    other = side if rng.random() < 0.85 else 1 - side
    point = along_thigh(rotations, source.rest, other, rng.uniform(0.35, 0.85))
    point += [rng.uniform(-0.03, 0.05) * SIGNS[other], rng.uniform(0.10, 0.14), 0.0]
    target = seen_from_trunk(rotations, source.rest, side, point)
    target[0] *= SIGNS[side]
    _put(rng, source, rotations, side, target, (1.0, -0.2, -0.5), rng.uniform(-0.3, 0.6))


def put_in_world(
    rng: np.random.Generator, source: Source, rotations: np.ndarray, side: int, point: np.ndarray
) -> None:
    """The wrist at a ``point`` [3] of the world, the pelvis being at ``source.rest[0]``."""
    target = seen_from_trunk(rotations, source.rest, side, point)
    target[0] *= SIGNS[side]
    _put(rng, source, rotations, side, target, (0.8, -0.3, -0.4), rng.uniform(-0.4, 0.6))


def _put(rng, source, rotations, side, target, pole, twist) -> None:
    """target and pole as for the left side."""
    noise = rng.normal(0, 0.25, 3)
    pole = np.array(pole) + noise
    target[0] *= SIGNS[side]
    pole[0] *= SIGNS[side]
    arm(rotations, source.rest, side, target, pole, twist)
    rotations[WRISTS[side]] = turned(0.0, 0.8 * noise[0], 0.8 * noise[1])


def keep_arms(rotations: np.ndarray, other: np.ndarray) -> None:
    """Take collars, shoulders, elbows and wrists of ``other``."""
    joints = [13, 14, *SHOULDERS, *ELBOWS, *WRISTS]
    rotations[joints] = other[joints]
