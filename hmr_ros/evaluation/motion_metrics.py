"""How smoothly and how firmly people move: acceleration, jitter and foot sliding.

Motions are [T, J, 3] joints in metres, evenly spaced at ``fps`` frames a second. Derivatives are
differences of neighbouring frames, as in the evaluations of HMMR (Kanazawa et al. 2019) and WHAM.
"""

from __future__ import annotations

import numpy as np

CONTACT_SPEED = 0.3  # m/s; the published 1 cm a frame at 30 fps


def acceleration_errors(predicted: np.ndarray, true: np.ndarray, fps: float) -> np.ndarray:
    """Lengths [T - 2, J] in m/s^2 of the difference of both accelerations.

    Published on joints about the pelvis in the camera frame; on world joints it also holds the
    root's. Not smoothed: noise of the truth counts as error.
    """
    gap = np.asarray(predicted, float) - true
    return np.linalg.norm(_difference(gap, 2), axis=-1) * fps**2


def per_frame(acceleration: np.ndarray, fps: float) -> np.ndarray:
    """m/s^2 as mm/frame^2, the unit of older tables (theirs at 30 or 25 fps)."""
    return 1e3 * np.asarray(acceleration) / fps**2


def jitter(motion: np.ndarray, fps: float) -> np.ndarray:
    """Jerk: lengths [T - 3, J] in m/s^3 of the third derivative of one motion.

    WHAM and GVHMR print it divided by 10. Zero is no aim: compare with the truth's own jitter.
    """
    return np.linalg.norm(_difference(motion, 3), axis=-1) * fps**3


def contacts(true_feet: np.ndarray, fps: float, speed: float = CONTACT_SPEED) -> np.ndarray:
    """[T - 1, F] bool: the true foot [T, F, 3] rests between a frame and the next."""
    return np.linalg.norm(_difference(true_feet, 1), axis=-1) * fps < speed


def foot_sliding(feet: np.ndarray) -> np.ndarray:
    """Metres [T - 1, F] that predicted feet [T, F, 3] move in the world from frame to frame.

    The figure is the mean over ``contacts`` of the truth, in mm a frame.
    """
    return np.linalg.norm(_difference(feet, 1), axis=-1)


def _difference(motion: np.ndarray, order: int) -> np.ndarray:
    motion = np.asarray(motion, float)
    if motion.ndim != 3 or motion.shape[-1] != 3 or len(motion) <= order:
        raise ValueError(f"a motion must be [T, J, 3] with T > {order}, got {motion.shape}")
    return np.diff(motion, order, axis=0)
