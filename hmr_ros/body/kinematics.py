"""Rest joints of a shape and forward kinematics, in numpy."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.compiled import compiled


def rest_joints(model: BodyModel, betas: np.ndarray) -> np.ndarray:
    """Joints [N, 24, 3] in metres of the T-posed bodies with shape ``betas`` [N, 10]."""
    dtype = np.result_type(betas, np.float32)
    joints = model.joint_template + np.einsum("jck,nk->njc", model.joint_shapedirs, betas)
    return joints.astype(dtype)


def forward_kinematics(
    rotations: np.ndarray, rest: np.ndarray, parents: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pose a skeleton.

    rotations: [N, J, 3, 3] local rotations (joint 0: the global orientation).
    rest: [N, J, 3] rest joints in metres. parents: [J], a parent before its children.
    Returns joints [N, J, 3], the root at ``rest[:, 0]``, and global rotations [N, J, 3, 3], both
    in the dtype of ``rotations``.
    """
    rotations = np.ascontiguousarray(rotations)
    joints = np.empty(rotations.shape[:3], rotations.dtype)
    global_rotations = np.empty_like(rotations)
    chain(rotations, rest.astype(rotations.dtype, copy=False), parents, joints, global_rotations)
    return joints, global_rotations


def with_pelvis(
    model: BodyModel, rotations: np.ndarray, betas: np.ndarray, pelvis: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Joints [N, 24, 3] and SMPL's transl [N, 3], float32 metres, of bodies whose pelvis is at
    ``pelvis`` [N, 3]; rotations [N, 24, 3, 3] float32, betas [N, 10]."""
    rest = rest_joints(model, betas).astype(np.float32)
    posed, _ = forward_kinematics(rotations, rest, model.parents)
    joints = posed - posed[:, :1] + pelvis[:, None]
    return joints.astype(np.float32), (pelvis - rest[:, 0]).astype(np.float32)


@compiled
def chain(rotations, rest, parents, joints, global_rotations):
    """``forward_kinematics`` for compiled code, into ``joints`` and ``global_rotations``."""
    for n in range(rotations.shape[0]):
        for j in range(rotations.shape[1]):
            p = parents[j]
            if p < 0:
                # Loops, not slices: numba compiles them in a fifth of the time.
                for a in range(3):
                    joints[n, j, a] = rest[n, j, a]
                    for b in range(3):
                        global_rotations[n, j, a, b] = rotations[n, j, a, b]
                continue
            for a in range(3):
                position = joints[n, p, a]
                for b in range(3):
                    position += global_rotations[n, p, a, b] * (rest[n, j, b] - rest[n, p, b])
                    entry = rotations.dtype.type(0)
                    for c in range(3):
                        entry += global_rotations[n, p, a, c] * rotations[n, j, c, b]
                    global_rotations[n, j, a, b] = entry
                joints[n, j, a] = position
