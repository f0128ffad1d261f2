"""From Anny's A-pose to SMPL's T-pose by inverting linear blend skinning."""

from __future__ import annotations

import numpy as np

from hmr_ros.geometry.rotations import skew

# Direction of the bone below each joint in the T-pose; legs slightly apart as in SMPL.
_BONES = {
    1: (4, (0.06, -1, 0)),
    2: (5, (-0.06, -1, 0)),
    4: (7, (0, -1, -0.03)),
    5: (8, (0, -1, -0.03)),
    16: (18, (1, 0, 0)),
    17: (19, (-1, 0, 0)),
    18: (20, (1, 0, 0)),
    19: (21, (-1, 0, 0)),
    20: (22, (1, 0, 0)),
    21: (23, (-1, 0, 0)),
}
_FEET = (7, 8, 10, 11)


def t_pose(
    meshes: np.ndarray, joints: np.ndarray, weights: np.ndarray, parents: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """meshes [N, V, 3] with joints [N, 24, 3] in the A-pose to the T-pose, pelvis at the origin.

    weights [V, 24] are those the result will be skinned with: posing it back to the A-pose gives
    Anny's own surface again. Also returns the rotations A to T [N, 24, 3, 3].
    """
    turns = _a_to_t(joints, parents)
    t_joints = joints.copy()
    for j in range(1, len(parents)):
        p = parents[j]
        bone = np.einsum("nij,nj->ni", turns[:, p], joints[:, j] - joints[:, p])
        t_joints[:, j] = t_joints[:, p] + bone
    back = turns.transpose(0, 1, 3, 2)
    shift = joints - np.einsum("nkij,nkj->nki", back, t_joints)
    t_meshes = np.empty(meshes.shape)
    # v_A = sum_k w_k (back_k v_T + shift_k): one 3x3 system a vertex.
    for n in range(len(meshes)):
        matrix = np.tensordot(weights, back[n], 1)
        right = meshes[n] - weights @ shift[n]
        t_meshes[n] = np.linalg.solve(matrix, right[..., None])[..., 0]
    origin = t_joints[:, :1]
    return t_meshes - origin, t_joints - origin, turns


def _a_to_t(joints: np.ndarray, parents: np.ndarray) -> np.ndarray:
    turns = np.tile(np.eye(3), (len(joints), len(parents), 1, 1))
    for j in range(1, len(parents)):
        # Feet stay as modelled, flat on the ground.
        if j in _FEET:
            continue
        turns[:, j] = turns[:, parents[j]]
        if j in _BONES:
            child, direction = _BONES[j]
            bone = np.einsum("nij,nj->ni", turns[:, j], joints[:, child] - joints[:, j])
            turns[:, j] = _shortest_rotation(bone, np.array(direction, float)) @ turns[:, j]
    return turns


def _shortest_rotation(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Rotations [N, 3, 3] of the smallest angle that turn start [N, 3] to end [3]."""
    start = start / np.linalg.norm(start, axis=-1, keepdims=True)
    end = end / np.linalg.norm(end)
    cross = skew(np.cross(start, end))
    return np.eye(3) + cross + cross @ cross / (1 + start @ end)[:, None, None]
