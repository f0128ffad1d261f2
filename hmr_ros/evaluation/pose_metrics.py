"""Errors of 3D poses, and of the spread that was predicted with them."""

from __future__ import annotations

import numpy as np


def joint_errors(predicted: np.ndarray, true: np.ndarray, root: int = 0) -> np.ndarray:
    """Distances [N, J] of joints [N, J, 3] after both roots are laid on each other."""
    return np.linalg.norm(
        (predicted - predicted[:, root : root + 1]) - (true - true[:, root : root + 1]), axis=-1
    )


def aligned(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """``predicted`` [N, J, 3] moved onto ``true`` by the best rotation, scale and translation.

    Least squares (Umeyama 1991); reflections are not allowed. A pose whose points coincide is
    only moved.
    """
    mean_p, mean_t = predicted.mean(1, keepdims=True), true.mean(1, keepdims=True)
    p, t = predicted - mean_p, true - mean_t
    u, singular, vt = np.linalg.svd(np.swapaxes(t, 1, 2) @ p)
    sign = np.ones_like(singular)
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[:, None]) @ vt
    spread = (p**2).sum((1, 2))
    scale = (singular * sign).sum(1) / np.where(spread > 0, spread, 1)
    return scale[:, None, None] * p @ np.swapaxes(rotation, 1, 2) + mean_t


def aligned_errors(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Distances [N, J] after ``aligned``."""
    return np.linalg.norm(aligned(predicted, true) - true, axis=-1)


def spread_ratio(covariance: np.ndarray, errors: np.ndarray) -> float:
    """Predicted over true root mean square error; 1 is honest, less is overconfident.

    covariance: [M, 3, 3] predicted for each of M joints; errors: [M] their true distances.
    NaN without joints.
    """
    if not len(errors):
        return float("nan")
    predicted = np.trace(covariance, axis1=-2, axis2=-1).mean()
    return float(np.sqrt(predicted / np.square(errors).mean()))
