"""Errors of an answer, joint by joint, before anything is averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.batch import EqualLength
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.evaluation.calibration import negative_log_likelihood, quantiles
from hmr_ros.evaluation.keypoint_metrics import correct
from hmr_ros.evaluation.pose_metrics import HIPS, aligned_errors, joint_errors, vertex_errors
from hmr_ros.evaluation.subsets import LIMB, ROOT, TORSO
from hmr_ros.evaluation.synocc.answers import Answer, Truth

_PEOPLE_AT_ONCE = 64  # meshes in memory


@dataclass(frozen=True, eq=False)
class Errors(EqualLength):
    """Errors of one model about N people; NaN where it gives nothing to compare.

    joints:   [N, 24] metres about the middle of the hips (peers have no pelvis joint).
    aligned:  [N, 24] metres after the best similarity on the limb joints (the torso joints: on
              the torso joints).
    vertices: [N] metres, mean over the mesh about the middle of the hips.
    right_2d: [N, 24] 1.0 within a tenth of the box's longer side in the image, else 0.0.
    quantile: [N, 24] smallest predicted region about the pelvis that holds the truth.
    nll:      [N, 24] nats.
    """

    joints: np.ndarray
    aligned: np.ndarray
    vertices: np.ndarray
    right_2d: np.ndarray
    quantile: np.ndarray
    nll: np.ndarray


def errors_of(truth: Truth, answer: Answer, body: BodyModel) -> Errors:
    """Compare N people with the truth, in the same order.

    Raises ValueError if the lengths differ.
    """
    if len(truth) != len(answer):
        raise ValueError(f"{len(truth)} people, but {len(answer)} answers")
    everywhere = np.full((len(truth), 24), np.nan)
    aligned, quantile, nll = everywhere.copy(), everywhere.copy(), everywhere.copy()
    predicted, true = answer.joints.astype(float), truth.joints.astype(float)
    for region in (LIMB, TORSO):
        columns = list(region)
        known = np.flatnonzero(np.isfinite(predicted[:, columns]).all((1, 2)))
        if len(known):
            cells = np.ix_(known, columns)
            aligned[cells] = aligned_errors(predicted[cells], true[cells])
    if answer.joint_cov is not None:
        known = np.isfinite(answer.joint_cov).all((2, 3)) & np.isfinite(predicted).all(2)
        known &= known[:, [ROOT]]
        known[:, ROOT] = False
        gap = (true - true[:, [ROOT]]) - (predicted - predicted[:, [ROOT]])
        residuals, covariance = gap[known], answer.joint_cov[known].astype(float)
        tails = 0.0 if answer.joint_tails is None else answer.joint_tails[known].astype(float)
        quantile[known] = quantiles(residuals, covariance, tails)
        nll[known] = negative_log_likelihood(residuals, covariance, tails)
    return Errors(
        joints=joint_errors(predicted, true, HIPS),
        aligned=aligned,
        vertices=_mesh_errors(truth, answer, body),
        right_2d=correct(answer.joints_2d, truth.joints_2d, truth.boxes).astype(float),
        quantile=quantile,
        nll=nll,
    )


def _mesh_errors(truth: Truth, answer: Answer, body: BodyModel) -> np.ndarray:
    found = np.full(len(truth), np.nan)
    if answer.rotations is None or answer.betas is None:
        return found
    known = np.flatnonzero(np.isfinite(answer.rotations).all((1, 2, 3)))
    for start in range(0, len(known), _PEOPLE_AT_ONCE):
        rows = known[start : start + _PEOPLE_AT_ONCE]
        mesh, root = _meshes(body, answer.rotations[rows], answer.betas[rows])
        true_mesh, true_root = _meshes(body, truth.rotations[rows], truth.betas[rows])
        found[rows] = vertex_errors(mesh, true_mesh, root, true_root).mean(1)
    return found


def _meshes(body: BodyModel, rotations: np.ndarray, betas: np.ndarray) -> tuple:
    rotations = np.ascontiguousarray(rotations)
    joints, _ = forward_kinematics(rotations, rest_joints(body, betas), body.parents)
    return vertices(body, rotations, betas), joints[:, list(HIPS)].mean(1)
