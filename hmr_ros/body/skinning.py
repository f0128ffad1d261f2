"""Linear blend skinning with shape and pose offsets (Loper et al. 2015), in numpy."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.kinematics import chain, forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.compiled import compiled

_NO_BLOCKS = (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 3, 9), np.float32))


def vertices(
    model: BodyModel,
    rotations: np.ndarray,
    betas: np.ndarray,
    transl: np.ndarray | None = None,
    subset: np.ndarray | None = None,
) -> np.ndarray:
    """Posed vertices [N, V, 3] in metres, in the dtype of ``rotations``.

    rotations: [N, 24, 3, 3] float32 or float64, local rotations (joint 0: global orientation).
    betas: [N, 10]. transl: [N, 3] added after posing, or None for zero.
    subset: vertex ids [M] to skin, in the order wanted; None for all. The result is [N, M, 3].
    """
    rest = rest_joints(model, np.asarray(betas, rotations.dtype))
    posed = forward_kinematics(rotations, rest, model.parents)
    return skinned(model, rotations, betas, rest, *posed, transl, subset)


def skinned(
    model: BodyModel,
    rotations: np.ndarray,
    betas: np.ndarray,
    rest: np.ndarray,
    joints: np.ndarray,
    global_rotations: np.ndarray,
    transl: np.ndarray | None,
    subset: np.ndarray | None,
) -> np.ndarray:
    """As ``vertices``, for a caller that has the posed skeleton already."""
    dtype = rotations.dtype
    ids = np.arange(len(model.v_template)) if subset is None else np.asarray(subset, np.int64)
    transl = np.zeros((len(rotations), 3)) if transl is None else np.asarray(transl)
    # A vertex moves by R (v - rest) + joint; all that does not depend on v is summed here once.
    offsets = joints - np.einsum("njab,njb->nja", global_rotations, rest)
    start, joint, offset = _blocks(model)
    features = (rotations - np.eye(3, dtype=dtype)).reshape(*rotations.shape[:2], 9)
    out = np.empty((len(rotations), len(ids), 3), dtype)
    _skin(
        ids,
        model.v_template,
        model.shapedirs,
        np.ascontiguousarray(betas, dtype),
        start,
        joint,
        offset,
        features,
        model.weight_index,
        model.weight_value,
        global_rotations,
        offsets,
        transl.astype(dtype, copy=False),
        out,
    )
    return out


def skeleton_and_points(
    model: BodyModel, rotations: np.ndarray, betas: np.ndarray, subset: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Joints [24, 3] and the vertices ``subset`` [M, 3] of one person, float64, metres.

    As ``forward_kinematics`` and ``vertices`` in one compiled call, for those who pose single
    people and few vertices. rotations: [24, 3, 3] and betas: [10], float64. subset: [M] int64.
    """
    return _pose_one(
        subset,
        model.joint_template,
        model.joint_shapedirs,
        model.parents,
        model.v_template,
        model.shapedirs,
        betas,
        *_blocks(model),
        rotations,
        model.weight_index,
        model.weight_value,
    )


def _blocks(model: BodyModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    blocks = model.pose_blocks
    return _NO_BLOCKS if blocks is None else (blocks.start, blocks.joint, blocks.offset)


@compiled
def _skin(
    ids,
    template,
    shapedirs,
    betas,
    block_start,
    block_joint,
    block_offset,
    features,
    weight_index,
    weight_value,
    global_rotations,
    offsets,
    transl,
    out,
):
    zero = out.dtype.type(0)
    for n in range(out.shape[0]):
        for m in range(len(ids)):
            v = ids[m]
            x, y, z = zero + template[v, 0], zero + template[v, 1], zero + template[v, 2]
            for k in range(betas.shape[1]):
                x += shapedirs[v, 0, k] * betas[n, k]
                y += shapedirs[v, 1, k] * betas[n, k]
                z += shapedirs[v, 2, k] * betas[n, k]
            if len(block_start) > 0:
                for b in range(block_start[v], block_start[v + 1]):
                    j = block_joint[b]
                    for k in range(9):
                        x += block_offset[b, 0, k] * features[n, j, k]
                        y += block_offset[b, 1, k] * features[n, j, k]
                        z += block_offset[b, 2, k] * features[n, j, k]
            for a in range(3):
                position = zero
                for k in range(weight_index.shape[1]):
                    weight = weight_value[v, k]
                    if weight == 0:
                        break
                    j = weight_index[v, k]
                    position += weight * (
                        global_rotations[n, j, a, 0] * x
                        + global_rotations[n, j, a, 1] * y
                        + global_rotations[n, j, a, 2] * z
                        + offsets[n, j, a]
                    )
                # After the blend: rounded weights do not sum to one exactly, and transl is long.
                out[n, m, a] = position + transl[n, a]


@compiled
def _pose_one(
    ids,
    joint_template,
    joint_shapedirs,
    parents,
    template,
    shapedirs,
    betas,
    block_start,
    block_joint,
    block_offset,
    rotations,
    weight_index,
    weight_value,
):
    count = len(parents)
    rest, offsets = np.empty((1, count, 3)), np.empty((1, count, 3))
    joints, turned = np.empty((1, count, 3)), np.empty((1, count, 3, 3))
    features, single = np.empty((1, count, 9)), np.empty((1, count, 3, 3))
    shape, still = np.empty((1, len(betas))), np.zeros((1, 3))
    shape[0], single[0] = betas, rotations
    for j in range(count):
        for a in range(3):
            rest[0, j, a] = joint_template[j, a]
            for k in range(len(betas)):
                rest[0, j, a] += joint_shapedirs[j, a, k] * betas[k]
            for b in range(3):
                features[0, j, 3 * a + b] = rotations[j, a, b] - (1.0 if a == b else 0.0)
    chain(single, rest, parents, joints, turned)
    for j in range(count):
        for a in range(3):
            offsets[0, j, a] = joints[0, j, a]
            for b in range(3):
                offsets[0, j, a] -= turned[0, j, a, b] * rest[0, j, b]
    points = np.empty((1, len(ids), 3))
    _skin(
        ids,
        template,
        shapedirs,
        shape,
        block_start,
        block_joint,
        block_offset,
        features,
        weight_index,
        weight_value,
        turned,
        offsets,
        still,
        points,
    )
    return joints[0], points[0]
