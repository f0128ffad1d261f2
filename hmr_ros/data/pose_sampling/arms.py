"""What people do with their hands."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.pose_sampling.limbs import LEFT, WRISTS, about, arm

# Least and greatest place of the left wrist (metres, T-pose frame of the body, see ``limbs.arm``;
# x to the left), where the elbow points, and the forearm's twist in radians.
_DOWN, _OUT = (0.35, -1.0, -0.25), (1.0, -0.35, -0.3)
TASKS: dict[str, tuple] = {
    "hang": ((0.20, -0.12, -0.08), (0.33, -0.04, 0.16), (0.5, 0.0, -1.0), (-0.3, 0.8)),
    "lap": ((0.02, -0.02, 0.18), (0.18, 0.10, 0.34), (0.8, -0.6, -0.5), (-0.3, 0.6)),
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
# Weights of tasks by what the body does.
STANDING = {"hang": 3, "phone": 2, "table": 1, "face": 1, "ear": 0.7, "hip": 1, "chest": 1}
STANDING |= {"forward": 1, "aside": 0.7, "up": 0.6}
SEATED = {"lap": 3, "table": 3, "phone": 2, "face": 1.5, "bar": 1.5, "chest": 0.7, "ear": 0.4}
SEATED |= {"forward": 0.6, "aside": 0.3, "up": 0.2, "propped": 0.6, "hang": 0.4}
GROUND = {"lap": 2, "table": 1, "phone": 1.5, "face": 1, "propped": 2.5, "chest": 0.7}
GROUND |= {"forward": 0.6, "aside": 0.6, "up": 0.3}
SYMMETRIC = {"table", "phone", "bar", "lap", "forward", "up", "propped", "hang", "hip", "chest"}


def chosen(rng: np.random.Generator, weights: dict[str, float]) -> str:
    at = rng.random() * sum(weights.values())
    for name, weight in weights.items():
        at -= weight
        if at < 0:
            return name
    return name


def put_arms(rng, rotations, rest, weights: dict[str, float]) -> None:
    """Both arms at tasks drawn by ``weights``: half of the time the same one."""
    first = chosen(rng, weights)
    second = first if first in SYMMETRIC and rng.random() < 0.6 else chosen(rng, weights)
    if rng.random() < 0.5:
        first, second = second, first
    for side, task in enumerate((first, second)):
        put_arm(rng, rotations, rest, side, *TASKS[task])


def put_arm(rng, rotations, rest, side: int, low, high, pole, twist) -> None:
    low, high = np.asarray(low), np.asarray(high)
    target = low + rng.random(3) * (high - low)
    pole = np.asarray(pole) + rng.normal(0, 0.25, 3)
    if side != LEFT:
        target, pole = target * [-1, 1, 1], pole * [-1, 1, 1]
    arm(rotations, rest, side, target, pole, rng.uniform(*twist))
    wrist = rng.normal(0, 0.2, 2)
    rotations[WRISTS[side]] = about(1, wrist[0]) @ about(2, wrist[1])
