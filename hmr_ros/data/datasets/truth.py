"""The joints that a protocol scores, and the root it moves to the origin."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.datasets.annotated import Annotated, transformed
from hmr_ros.data.datasets.fields import DatasetError
from hmr_ros.data.datasets.joint_names import H36M14, H36M17, H36M17_TO_14, SMPL24, SMPLX22
from hmr_ros.data.datasets.posed import h36m_joints, posed_joints, posed_vertices
from hmr_ros.data.datasets.protocols import Protocol

NAMES = {"smpl24": SMPL24, "smplx22": SMPLX22, "h36m17": H36M17, "h36m14": H36M14}


def true_joints(
    annotated: Annotated,
    protocol: Protocol,
    models: Mapping[str, BodyModel] | None = None,
    regressor: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Joints [N, J, 3] in the order of ``NAMES[protocol.joints]``, and their root [N, 3].

    Metres, in the camera's frame. Where the protocol has no root (it scores tracks in the world),
    the joints are in the world's frame and the root is None.
    models: SMPL by gender (``neutral`` stands in for what is missing), where the set has
    parameters only; regressor: ``load_h36m_regressor``, where the protocol asks for it.
    Raises DatasetError if one of them is needed and not given, ValueError for a protocol in 2D.
    """
    if protocol.joints not in NAMES:
        raise ValueError(f"protocol {protocol.name!r} scores keypoints in the image, no 3D joints")
    joints, names = _all_joints(annotated, protocol, models, regressor)
    root = None
    if protocol.root:
        root = joints[:, [names.index(name) for name in protocol.root]].mean(1)
    else:
        joints = transformed(joints, np.linalg.inv(annotated.world_to_camera))
    if protocol.joints == "h36m14":
        return joints[:, list(H36M17_TO_14)], root
    return joints[:, [names.index(name) for name in NAMES[protocol.joints]]], root


def _all_joints(
    annotated: Annotated,
    protocol: Protocol,
    models: Mapping[str, BodyModel] | None,
    regressor: np.ndarray | None,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """All joints that the set gives in the protocol's family, with their names."""
    if protocol.regressor:
        if models is None or regressor is None:
            raise DatasetError(
                f"{annotated.image}: {protocol.name} scores joints regressed from SMPL's mesh; "
                "give SMPL's models and J_regressor_h36m.npy"
            )
        if not protocol.gendered:
            models = {gender: m for gender, m in models.items() if gender == "neutral"}
        return h36m_joints(posed_vertices(annotated, models), regressor), H36M17
    if annotated.people.joints3d is not None:
        return annotated.people.joints3d, annotated.joint_names
    if models is None:
        raise DatasetError(
            f"{annotated.image}: {protocol.dataset} gives body parameters only; give SMPL's models"
        )
    return posed_joints(annotated, models), SMPL24
