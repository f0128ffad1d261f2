"""Joints and vertices of annotated people from their body parameters, in the camera's frame.

The published figures pose the data set's own model (SMPL, by gender) and regress the joints of
Human3.6M from its mesh with ``J_regressor_h36m.npy``; who holds the licences has both. With any
other model (the open body) the betas do not fit and the result is no figure of a protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.data.datasets.annotated import Annotated, transformed
from hmr_ros.data.datasets.fields import DatasetError, existing, refusal
from hmr_ros.data.datasets.joint_names import H36M17_TO_14
from hmr_ros.geometry.rotations import matrix_from_axis_angle

SMPL_VERTICES = 6890


def load_h36m_regressor(path: str | Path) -> np.ndarray:
    """[17, 6890] float64: joints of Human3.6M, in the order of h36m17, from SMPL's vertices.

    Raises DatasetError for another shape, values that are not finite or rows that do not sum to
    one.
    """
    path = existing(Path(path), "the regressor", "J_regressor_h36m.npy comes with SMPL's licence")
    try:
        regressor = np.load(path, allow_pickle=False).astype(np.float64)
    except (ValueError, OSError, EOFError) as error:
        raise refusal(
            path, "", f"is no .npy array ({error})", "take J_regressor_h36m.npy"
        ) from None
    if regressor.shape != (17, SMPL_VERTICES):
        raise refusal(
            path,
            "",
            f"has the shape {list(regressor.shape)}, expected [17, {SMPL_VERTICES}]",
            "take J_regressor_h36m.npy, not J_regressor_extra.npy",
        )
    if not np.isfinite(regressor).all() or np.abs(regressor.sum(1) - 1).max() > 1e-3:
        raise refusal(path, "", "has rows that do not sum to one", "take J_regressor_h36m.npy")
    return regressor


def posed_joints(annotated: Annotated, models: Mapping[str, BodyModel]) -> np.ndarray:
    """SMPL's joints [N, 24, 3] in metres, camera frame; models by gender, or one as ``neutral``.

    Raises DatasetError if the annotation has no SMPL parameters. Where there is no transl, the
    pelvis is at the origin.
    """
    return _posed(annotated, models, _joints)


def posed_vertices(annotated: Annotated, models: Mapping[str, BodyModel]) -> np.ndarray:
    """SMPL's vertices [N, V, 3] in metres, camera frame; as ``posed_joints``."""
    return _posed(annotated, models, vertices)


def h36m_joints(mesh: np.ndarray, regressor: np.ndarray, joints: str = "h36m17") -> np.ndarray:
    """Joints [N, 17, 3], or [N, 14, 3] for ``h36m14``, of vertices [N, 6890, 3].

    ``regressor`` as ``load_h36m_regressor`` gives it. Raises ValueError for another mesh.
    """
    if mesh.shape[-2] != regressor.shape[1]:
        raise ValueError(
            f"the regressor is for {regressor.shape[1]} vertices, the mesh has {mesh.shape[-2]}: "
            "only SMPL's own mesh fits"
        )
    points = np.einsum("jv,nvc->njc", regressor, mesh)
    return points[:, list(H36M17_TO_14)] if joints == "h36m14" else points


def _joints(
    model: BodyModel, rotations: np.ndarray, betas: np.ndarray, transl: np.ndarray
) -> np.ndarray:
    rest = rest_joints(model, betas)
    joints, _ = forward_kinematics(rotations, rest, model.parents)
    return joints + transl[:, None]


def _posed(annotated: Annotated, models: Mapping[str, BodyModel], what) -> np.ndarray:
    people = annotated.people
    if people.poses is None or people.betas is None or annotated.body_model != "smpl":
        raise DatasetError(
            f"{annotated.image}: has no SMPL parameters (body model: "
            f"{annotated.body_model or 'none'}); convert the body to SMPL, or use its joints3d"
        )
    found = []
    for row in range(len(people)):
        gender = people.genders[row] if people.genders is not None else "neutral"
        model = models.get(str(gender), models.get("neutral"))
        if model is None:
            raise DatasetError(f"{annotated.image}: needs a {gender} body model")
        rotations = matrix_from_axis_angle(people.poses[row : row + 1])
        betas = people.betas[row : row + 1, :10]
        if people.transl is None:
            transl = -rest_joints(model, betas)[:, 0]
        else:
            transl = people.transl[row : row + 1]
        points = what(model, rotations, betas, transl)
        frame = annotated.world_to_camera.copy()
        if people.transl is None:
            frame[:3, 3] = 0
        found.append(transformed(points, frame))
    return np.concatenate(found)
