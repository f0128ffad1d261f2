"""Errors of people's paths in the world.

predicted and true motions are [T, J, 3] joints or [T, 3] roots in metres, each in a world frame of
its own. Protocol of SLAHMR (Ye et al. 2023), WHAM (Shin et al. 2024) and GVHMR (Shen et al. 2024)
on EMDB-2: segments of 100 frames for joints, whole clips for roots.
"""

from __future__ import annotations

import numpy as np

from hmr_ros.evaluation.alignment import aligned, placed, similarity

SEGMENT = 100  # frames
FIRST = 2  # frames that W-MPJPE aligns


def world_errors(
    predicted: np.ndarray, true: np.ndarray, scaled: bool = True, segment: int = SEGMENT
) -> np.ndarray:
    """Distances [T, J] where the first two frames of each segment are aligned (W-MPJPE).

    Published figures let the alignment scale the motion; without ``scaled`` it is rigid.
    The last segment may be shorter, as published; a short one flatters.
    """
    return _segment_errors(predicted, true, FIRST, scaled, segment)


def world_aligned_errors(
    predicted: np.ndarray, true: np.ndarray, scaled: bool = True, segment: int = SEGMENT
) -> np.ndarray:
    """Distances [T, J] where each whole segment is aligned (WA-MPJPE)."""
    return _segment_errors(predicted, true, segment, scaled, segment)


def _segment_errors(
    predicted: np.ndarray, true: np.ndarray, first: int, scaled: bool, segment: int
) -> np.ndarray:
    predicted, true = _motions(predicted, true, 3)
    errors = np.empty(true.shape[:2])
    for start in range(0, len(true), segment):
        p, t = (motion[start : start + segment] for motion in (predicted, true))
        heads = [motion[:first].reshape(1, -1, 3) for motion in (p, t)]
        moved = placed(p.reshape(1, -1, 3), *similarity(*heads, scaled)).reshape(p.shape)
        errors[start : start + segment] = np.linalg.norm(moved - t, axis=-1)
    return errors


def path_length(root: np.ndarray) -> float:
    """Metres that a root [T, 3] travels, its own trembling included."""
    return float(np.linalg.norm(np.diff(root, axis=0), axis=-1).sum())


def root_translation_errors(
    predicted: np.ndarray, true: np.ndarray, least_path: float = 1.0
) -> np.ndarray:
    """[T] percent of the true path's length, of roots [T, 3] after rigid alignment (RTE).

    The rotation and translation are fitted to all frames; the scale is not. NaN for a true path of
    less than ``least_path`` metres, where the ratio says nothing.
    """
    predicted, true = _motions(predicted, true, 2)
    length = path_length(true)
    if length < max(least_path, np.finfo(float).tiny):
        return np.full(len(true), np.nan)
    return 100 * _aligned_distances(predicted, true, False) / length


def absolute_trajectory_error(
    predicted: np.ndarray, true: np.ndarray, scaled: bool = False
) -> float:
    """Root mean square distance in metres of roots [T, 3] after alignment (ATE, Sturm 2012)."""
    predicted, true = _motions(predicted, true, 2)
    return float(np.sqrt(np.square(_aligned_distances(predicted, true, scaled)).mean()))


def held(motion: np.ndarray, found: np.ndarray) -> np.ndarray:
    """``motion`` [T, ...] where frames that are not ``found`` [T] repeat the last found one.

    Frames before the first found one repeat that. A person who is lost stands still, so that
    losing people when they get hard is no gain. ValueError if no frame is found.
    """
    found = np.asarray(found, bool)
    if not found.any():
        raise ValueError("a motion without a found frame has no world error; count it as missing")
    last = np.maximum.accumulate(np.where(found, np.arange(len(found)), -1))
    return motion[np.where(last < 0, np.argmax(found), last)]


def _aligned_distances(predicted: np.ndarray, true: np.ndarray, scaled: bool) -> np.ndarray:
    return np.linalg.norm(aligned(predicted[None], true[None], scaled)[0] - true, axis=-1)


def _motions(
    predicted: np.ndarray, true: np.ndarray, dimensions: int
) -> tuple[np.ndarray, np.ndarray]:
    predicted, true = np.asarray(predicted, float), np.asarray(true, float)
    expected = "[T, J, 3]" if dimensions == 3 else "[T, 3]"
    wrong = true.ndim != dimensions or true.shape[-1] != 3 or not len(true)
    if wrong or predicted.shape != true.shape:
        raise ValueError(f"both motions must be {expected}, got {predicted.shape} {true.shape}")
    for name, motion in (("predicted", predicted), ("true", true)):
        if not np.isfinite(motion).all():
            raise ValueError(f"the {name} motion is not finite; fill lost frames with `held`")
    return predicted, true
