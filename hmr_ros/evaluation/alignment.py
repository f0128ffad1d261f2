"""The rigid motion or similarity that lays one set of points onto another."""

from __future__ import annotations

import numpy as np


def similarity(
    source: np.ndarray, target: np.ndarray, scaled: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scale [N], rotation [N, 3, 3] and translation [N, 3] with target ~ scale R source + t.

    source, target: [N, P, 3]. Least squares (Umeyama 1991); reflections are not allowed. Without
    ``scaled`` all scales are 1. The scale of a source whose points coincide is 0 or 1.
    """
    mean_s, mean_t = source.mean(1, keepdims=True), target.mean(1, keepdims=True)
    s, t = source - mean_s, target - mean_t
    u, singular, vt = np.linalg.svd(np.swapaxes(t, 1, 2) @ s)
    sign = np.ones_like(singular)
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[:, None]) @ vt
    scale = np.ones(len(s), singular.dtype)
    if scaled:
        spread = (s**2).sum((1, 2))
        scale = (singular * sign).sum(1) / np.where(spread > 0, spread, 1)
    moved = scale[:, None] * (rotation @ mean_s[:, 0, :, None])[..., 0]
    return scale, rotation, mean_t[:, 0] - moved


def placed(
    points: np.ndarray, scale: np.ndarray, rotation: np.ndarray, translation: np.ndarray
) -> np.ndarray:
    """``points`` [N, P, 3] under N similarities as ``similarity`` gives them."""
    turned = points @ np.swapaxes(rotation, 1, 2)
    return scale[:, None, None] * turned + translation[:, None]


def aligned(predicted: np.ndarray, true: np.ndarray, scaled: bool = True) -> np.ndarray:
    """``predicted`` [N, P, 3] moved onto ``true`` by the best rotation, scale and translation."""
    return placed(predicted, *similarity(predicted, true, scaled))
