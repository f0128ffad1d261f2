"""Poses of people: frames of motion clips, and plausible ones that the clips lack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.motions import Motions
from hmr_ros.data.pose_sampling.activities import ACTIVITIES
from hmr_ros.data.pose_sampling.source import source
from hmr_ros.data.pose_sampling.turns import vectors

# The realistic mix: mostly what clips hold, and the rest of what photographs show.
EVERYDAY = {
    "clip": 3.0,
    "mixed": 2.0,
    "sit": 2.0,
    "reach": 1.0,
    "crouch": 0.4,
    "kneel": 0.3,
    "bend": 0.5,
    "lie": 0.4,
    "wild": 0.4,
}
_TRIES = 25
MIRRORED = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22]
# What turning x round does to the entries of a rotation matrix.
_MIRROR = np.array([[1.0, -1.0, -1.0], [-1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]])


@dataclass(frozen=True, eq=False)
class SampledPose:
    """pose: [24, 3] float64 axis-angle; joint 0 to the world (Y up), facing +Z: a yaw is for the
    caller to add. activity: one of ``ACTIVITIES``."""

    pose: np.ndarray
    activity: str


def sample_pose(
    rng: np.random.Generator,
    motions: Motions,
    body: BodyModel,
    activities: dict[str, float] | None = None,
) -> SampledPose:
    """One pose within the joint limits whose limbs do not pass through the body (the mean shape);
    half of them as in a mirror. Where many tries find none, a clip's frame (activity "clip").

    activities: relative weight of each of ``ACTIVITIES``; None for ``EVERYDAY``. ValueError for a
    name that is not known, or without a weight above zero.
    """
    rotations, activity = sample_rotations(rng, motions, body, activities)
    return SampledPose(vectors(rotations), activity)


def sample_rotations(
    rng: np.random.Generator,
    motions: Motions,
    body: BodyModel,
    activities: dict[str, float] | None = None,
) -> tuple[np.ndarray, str]:
    """As ``sample_pose``: local rotations [24, 3, 3] float64, and the activity."""
    activities = EVERYDAY if activities is None else activities
    unknown = sorted(set(activities) - set(ACTIVITIES))
    total = sum(activities.values())
    if unknown or not total > 0 or min(activities.values()) < 0:
        raise ValueError(
            f"activities {activities}: expected weights of at least 0, one above 0, of "
            f"{', '.join(ACTIVITIES)}" + (f"; unknown: {unknown}" if unknown else "")
        )
    names, at = list(activities), rng.random() * total
    for activity in names:
        at -= activities[activity]
        if at < 0:
            break
    origin = source(motions, body)
    for _ in range(_TRIES):
        rotations = ACTIVITIES[activity](rng, origin)
        if origin.is_possible(rotations):
            break
    else:
        rotations, activity = origin.frame(rng), "clip"
    if rng.random() < 0.5:
        rotations = rotations[MIRRORED] * _MIRROR
    return rotations, activity


def mirrored(pose: np.ndarray) -> np.ndarray:
    """Axis-angle poses [..., 24, 3] of the mirror image (x turned round)."""
    return pose[..., MIRRORED, :] * np.array([1.0, -1.0, -1.0])
