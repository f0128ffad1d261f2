"""One person's motion through a clip, as a model reports it and as it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.body.model import FEET
from hmr_ros.data.joint_visibility import HIDDEN
from hmr_ros.evaluation.motion_metrics import contacts, foot_sliding, jitter
from hmr_ros.evaluation.persistence import lasting, runs
from hmr_ros.evaluation.subsets import LIMB
from hmr_ros.evaluation.synocc.watching import ClipTruth, Watched
from hmr_ros.evaluation.trajectory_metrics import held, world_errors

LEAST_FRAMES = 15  # of a person in a clip, for figures of whole motions


@dataclass(frozen=True, eq=False)
class Motion:
    """From the first counted frame to the last, world frame, metres: guess and true [T, 24, 3],
    reported [T] bool, and whole: guess with who is lost standing still."""

    guess: np.ndarray
    true: np.ndarray
    reported: np.ndarray
    whole: np.ndarray

    @property
    def w_mpjpe(self) -> np.ndarray:
        """[T, 12] metres of the limb joints, see ``world_errors``."""
        limb = list(LIMB)
        return world_errors(self.whole[:, limb], self.true[:, limb])


def motion_of(
    truth: ClipTruth, said: Watched, p: int, reported: np.ndarray | None = None
) -> Motion | None:
    """Of person ``p``, or None where there is too little of it. reported: [T], frames to take
    as reported; all that are, if None."""
    counted = np.flatnonzero(truth.counted[:, p])
    if len(counted) < LEAST_FRAMES:
        return None
    span = slice(counted[0], counted[-1] + 1)
    guess, true = said.world[span, p], truth.world[span, p].astype(float)
    there = np.isfinite(guess).all((1, 2))
    if reported is not None:
        there &= reported[span]
    if there.sum() < 2:
        return None
    return Motion(guess, true, there, held(guess, there))


def smoothness_of(motion: Motion, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Jitter of the limb joints in the world, of the guess and of the truth, over all runs."""
    found = [], []
    for run in runs(motion.reported):
        if run.stop - run.start > 3:
            for values, joints in zip(found, (motion.guess, motion.true), strict=True):
                values.append(jitter(joints[run][:, list(LIMB)], fps).ravel())
    return tuple(np.concatenate([np.zeros(0), *values]) for values in found)


def sliding_of(motion: Motion, fps: float) -> np.ndarray:
    """Metres that reported feet move from one frame to the next while the true ones rest."""
    found = [np.zeros(0)]
    for run in runs(motion.reported):
        if run.stop - run.start > 1:
            feet = [joints[run][:, list(FEET)] for joints in (motion.guess, motion.true)]
            found.append(foot_sliding(feet[0])[contacts(feet[1], fps)])
    return np.concatenate(found)


def lastingly_hidden(truth: ClipTruth, p: int) -> np.ndarray:
    """[T, 12] bool: limb joints of person ``p`` that something lastingly hides."""
    hidden = truth.visibility[:, p][:, list(LIMB)] == HIDDEN
    return lasting(hidden, truth.times)
