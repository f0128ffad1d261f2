"""Errors of 3D poses, and of the spread that was predicted with them.

Every function gives the errors of single joints or vertices in metres; a figure is their mean over
what a mask counts (``hmr_ros.evaluation.bootstrap.mean_interval``). See docs/metrics.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hmr_ros.evaluation.alignment import aligned, similarity
from hmr_ros.evaluation.bootstrap import Estimate, mean_interval

PCK_THRESHOLD = 0.15  # metres (Mehta et al. 2017, MPI-INF-3DHP)
AUC_THRESHOLDS = np.linspace(0, PCK_THRESHOLD, 31)
HIPS = (1, 2)  # their middle is the root of EMDB's and 3DPW's evaluation


def joint_errors(
    predicted: np.ndarray, true: np.ndarray, root: int | Sequence[int] = 0
) -> np.ndarray:
    """Distances [N, J] of joints [N, J, 3] after both roots are laid on each other (MPJPE).

    root: a joint, or several whose mean is the root, such as ``HIPS``.
    """
    return np.linalg.norm(_about(predicted, root) - _about(true, root), axis=-1)


def aligned_errors(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Distances [N, J] after the best similarity of each person (PA-MPJPE, PA-PVE)."""
    return np.linalg.norm(aligned(predicted, true) - true, axis=-1)


def vertex_errors(
    predicted: np.ndarray, true: np.ndarray, predicted_root: np.ndarray, true_root: np.ndarray
) -> np.ndarray:
    """Distances [N, V] of vertices [N, V, 3] after the roots [N, 3] are laid on each other (PVE).

    The roots are joints of the same bodies, the ones ``joint_errors`` takes. For PA-PVE give the
    vertices to ``aligned_errors``.
    """
    gap = predicted - true
    return np.linalg.norm(gap - (predicted_root - true_root)[:, None], axis=-1)


def angle_errors(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Angles [...] in degrees, 0 to 180, of the rotations between matrices [..., 3, 3] (MPJAE).

    3DPW's challenge gives global rotations (as ``hmr_ros.body.kinematics`` returns them); local
    ones say how each joint bends, without the errors of its parents.
    """
    between = np.swapaxes(predicted, -1, -2) @ true
    cosine = (np.trace(between, axis1=-2, axis2=-1) - 1) / 2
    axis = between - np.swapaxes(between, -1, -2)
    sine = np.sqrt((axis**2).sum((-1, -2)) / 8)
    return np.degrees(np.arctan2(sine, cosine))


def aligned_angle_errors(
    predicted: np.ndarray,
    true: np.ndarray,
    predicted_joints: np.ndarray,
    true_joints: np.ndarray,
) -> np.ndarray:
    """``angle_errors`` [N, J] of global rotations after PA alignment of the joints (PA-MPJAE)."""
    _, turn, _ = similarity(predicted_joints, true_joints)
    return angle_errors(turn[:, None] @ predicted, true)


def pck3d(errors: np.ndarray, threshold: float = PCK_THRESHOLD) -> np.ndarray:
    """[...] 1.0 where an error in metres is at most ``threshold``, else 0.0; NaN is wrong.

    The one figure here that dropping hard people can never raise: a missing person scores 0.
    """
    return (np.asarray(errors) <= threshold).astype(float)


def auc3d(errors: np.ndarray, thresholds: np.ndarray = AUC_THRESHOLDS) -> np.ndarray:
    """[...] mean of ``pck3d`` over thresholds from 0 to 150 mm by 5 mm (Mehta et al. 2017)."""
    return sum(pck3d(errors, threshold) for threshold in thresholds) / len(thresholds)


def per_joint(errors: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Mean error [J] of each joint over people [N, J] that ``counted`` counts; NaN for none."""
    number = counted.sum(0)
    return np.where(counted, errors, 0).sum(0) / np.where(number, number, np.nan)


def stand_in(pose: np.ndarray, true: np.ndarray, root: int | Sequence[int] = 0) -> np.ndarray:
    """Joints [N, J, 3] for people that were not found: a fixed pose [J, 3] at the truth's root.

    Make ``pose`` the mean of training poses in the camera's frame, so that it also guesses which
    way people face.
    """
    return _about(pose[None], root) + np.asarray(true)[:, _joints(root)].mean(1, keepdims=True)


def with_missing(errors: np.ndarray, found: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Errors [N, J] in which people that were not found have a price.

    errors: [N, J], whatever (NaN) where not ``found`` [N]; missing: [N, J] errors of the stand-in.
    A missing person's joint costs the error of the stand-in or the mean error of found people at
    that joint, the greater: leaving out people never lowers the mean below that of the rest, and
    is a gain only for estimates worse than the stand-in, which indeed are better not given.
    """
    found = np.asarray(found, bool)
    errors = np.where(found[:, None], errors, 0)
    mean = errors.sum(0) / max(found.sum(), 1)
    return np.where(found[:, None], errors, np.maximum(missing, mean))


def found_and_missing(
    errors: np.ndarray,
    found: np.ndarray,
    missing: np.ndarray | None = None,
    counted: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
) -> dict[str, Estimate]:
    """``recall`` of people, mean ``error`` of found ones and, with ``missing``, ``error_all``.

    errors: [N, J] metres, NaN allowed where not found; found: [N] bool; missing: [N, J] errors of
    the stand-in; counted: [N, J] bool of joints that count, all if None; clusters: [N] labels.
    ``recall`` is over the people with a joint that counts, and errors of two models may be
    compared only on the people both found, or by ``error_all`` or ``pck`` (missing is wrong).
    """
    found = np.asarray(found, bool)
    counted = np.ones(np.shape(errors), bool) if counted is None else np.asarray(counted, bool)
    right = np.where(found[:, None], pck3d(errors), 0)
    rows = {
        "recall": mean_interval(found.astype(float), counted.any(1), clusters),
        "error": mean_interval(errors, counted & found[:, None], clusters),
        "pck": mean_interval(right, counted, clusters),
    }
    if missing is not None:
        everybody = with_missing(errors, found, missing)
        rows["error_all"] = mean_interval(everybody, counted, clusters)
    return rows


def spread_ratio(covariance: np.ndarray, errors: np.ndarray) -> float:
    """Predicted over true root mean square error; 1 is honest, less is overconfident.

    covariance: [M, 3, 3] predicted for each of M joints; errors: [M] their true distances.
    NaN without joints.
    """
    if not len(errors):
        return float("nan")
    predicted = np.trace(covariance, axis1=-2, axis2=-1).mean()
    return float(np.sqrt(predicted / np.square(errors).mean()))


def _joints(root: int | Sequence[int]) -> list[int]:
    return [root] if isinstance(root, (int, np.integer)) else list(root)


def _about(joints: np.ndarray, root: int | Sequence[int]) -> np.ndarray:
    joints = np.asarray(joints)
    return joints - joints[:, _joints(root)].mean(1, keepdims=True)
